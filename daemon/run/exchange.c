/*
 * exchange: where rows change worker. Keyed: by the key group of the key's canonical bytes, so that rows of one key
 * meet in one task and keep their order. Forward: all rows to one ring. Time and barriers go to every ring. This is the
 * only file in which a row leaves its thread.
 */
#include "../base/hash.h"
#include "../base/mem.h"
#include "../data/key.h"
#include "internal.h"

struct exchange_out {
  const struct edge *edge;
  uint32_t rings;
  const uint8_t *keep; /* columns that are read beyond it; NULL: all */
  struct ring **ring;
  struct op_msg *ready; /* for each ring: what is to be pushed; kind OP_NONE: nothing */
  bool split;           /* the message at hand has been laid out in ready[] */
  struct buf key;
  uint16_t *rows; /* [rings][SPATE_BATCH_ROWS] */
  uint32_t *count;
};

void *exchange_node_new(struct spate_task *task, const struct edge *edge, struct ring **ring, uint32_t rings) {
  struct exchange_out *x = MEM_NEW(struct exchange_out);
  x->edge = edge;
  x->rings = rings;
  if (edge->from_node != UINT32_MAX) x->keep = task->job->plan->node[edge->from_node].needed[edge->from_port];
  x->ring = MEM_NEWS(struct ring *, rings);
  memcpy(x->ring, ring, rings * sizeof *ring);
  x->ready = MEM_NEWS(struct op_msg, rings);
  x->count = MEM_NEWS(uint32_t, rings);
  x->rows = mem_alloc((size_t)rings * SPATE_BATCH_ROWS * sizeof(uint16_t));
  return x;
}

void exchange_node_close(struct chain_node *node) {
  struct exchange_out *x = node->state;
  if (x == NULL) return;
  for (uint32_t i = 0; i < x->rings; i++)
    if (op_has_batch(x->ready[i].kind)) spate_batch_unref(x->ready[i].batch);
  buf_free(&x->key);
  mem_free(x->ring);
  mem_free(x->ready);
  mem_free(x->count);
  mem_free(x->rows);
  mem_free(x);
  node->state = NULL;
}

static void exchange_partition(struct exchange_out *x, const struct spate_batch *batch) {
  const struct edge *edge = x->edge;
  memset(x->count, 0, x->rings * sizeof *x->count);
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    x->key.size = 0;
    for (uint32_t i = 0; i < edge->keys; i++) key_put(&x->key, batch->column[edge->key[i]], row);
    uint32_t to = hash_owner(hash_bytes(x->key.data, x->key.size), x->rings);
    x->rows[to * SPATE_BATCH_ROWS + x->count[to]++] = (uint16_t)row;
  }
}

/* Partial aggregates bring the hash of their key along. */
static void exchange_partials(struct exchange_out *x, const struct spate_batch *batch) {
  memset(x->count, 0, x->rings * sizeof *x->count);
  for (uint32_t row = 0; row < batch->rows; row++) {
    uint32_t to = hash_owner((uint64_t)batch->column[PARTIAL_HASH]->i64[row], x->rings);
    x->rows[to * SPATE_BATCH_ROWS + x->count[to]++] = (uint16_t)row;
  }
}

static void exchange_split(struct exchange_out *x, const struct op_msg *in) {
  for (uint32_t i = 0; i < x->rings; i++) x->ready[i] = (struct op_msg){.kind = OP_NONE};
  if (in->kind == OP_FLUSH) return;
  if (!op_has_batch(in->kind)) {
    for (uint32_t i = 0; i < x->rings; i++) x->ready[i] = *in;
    return;
  }
  if (in->batch->count == 0) return;
  if (in->kind == OP_PARTIAL) {
    exchange_partials(x, in->batch);
  } else if (x->edge->kind == EDGE_KEYED && x->edge->keys > 0 && x->rings > 1) {
    exchange_partition(x, in->batch);
  } else {
    for (uint32_t k = 0; k < in->batch->count; k++) x->rows[k] = (uint16_t)spate_batch_row(in->batch, k);
    x->count[0] = in->batch->count;
    for (uint32_t i = 1; i < x->rings; i++) x->count[i] = 0;
  }
  for (uint32_t i = 0; i < x->rings; i++) {
    if (x->count[i] == 0) continue;
    const uint16_t *rows = x->rows + i * SPATE_BATCH_ROWS;
    x->ready[i] = (struct op_msg){
        .kind = in->kind, .batch = batch_gather(in->batch, rows, x->count[i], in->kind == OP_BATCH ? x->keep : NULL)};
  }
}

enum spate_result exchange_node_step(struct chain *chain, struct chain_node *node) {
  (void)chain;
  struct exchange_out *x = node->state;
  if (!x->split) {
    exchange_split(x, &node->in);
    x->split = true;
  }
  bool all = true;
  for (uint32_t i = 0; i < x->rings; i++) {
    if (x->ready[i].kind == OP_NONE) continue;
    if (ring_push(x->ring[i], &x->ready[i]))
      x->ready[i] = (struct op_msg){.kind = OP_NONE};
    else
      all = false;
  }
  if (!all) return SPATE_BLOCKED;
  x->split = false;
  return SPATE_OK;
}
