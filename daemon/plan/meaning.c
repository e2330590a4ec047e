/*
 * meaning: two hashes. The state hash is over what the kept state means: name and signature of every step that holds
 * some; state is taken up only where it is equal. The meaning hash is over the whole resolved document (after
 * expansion, without comments and layout): where it is equal a reload has nothing to do.
 */
#include "../base/hash.h"
#include "build.h"

static void meaning_put(struct buf *out, const struct conf_node *node) {
  buf_u8(out, (uint8_t)node->kind);
  buf_u32(out, node->count);
  if (node->kind == CONF_SCALAR) buf_block(out, node->text, strlen(node->text));
  for (uint32_t i = 0; i < node->count; i++) {
    if (node->kind == CONF_MAP) buf_block(out, node->key[i].text, strlen(node->key[i].text));
    meaning_put(out, &node->item[i]);
  }
}

static void text_put(struct buf *out, const char *text) {
  buf_block(out, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

void build_hashes(struct build *b) {
  struct plan *p = b->plan;
  struct buf bytes = {0};
  meaning_put(&bytes, b->document);
  p->meaning_hash = hash_bytes(bytes.data, bytes.size);
  bytes.size = 0;
  text_put(&bytes, p->name);
  for (uint32_t i = 0; i < p->nodes; i++) {
    const struct plan_node *n = &p->node[i];
    if (n->kind != PLAN_STEP || !n->stateful) continue;
    text_put(&bytes, n->name);
    text_put(&bytes, n->verb->name);
    text_put(&bytes, n->signature);
  }
  p->state_hash = hash_bytes(bytes.data, bytes.size);
  buf_free(&bytes);
}
