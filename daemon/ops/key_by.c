/*
 * key_by: the exchange alone. Rows of one key meet on one task and keep their order; the step itself passes them on.
 */
#include "../base/mem.h"
#include "steps.h"

struct key_by_def {
  uint32_t columns;
  const uint32_t *key;
  uint32_t keys;
};

static int key_by_check(struct op_check *check) {
  op_port_same(check, 0, NULL);
  op_group_same(check);
  struct key_by_def *def = ARENA_NEW(check->arena, struct key_by_def);
  uint32_t *key;
  if (op_columns(check, check->value, &key, &def->keys) != 0) return -1;
  def->columns = check->input.schema->all.count;
  def->key = key;
  check->exchange = true;
  check->key = def->key;
  check->keys = def->keys;
  check->def = def;
  return 0;
}

static void key_by_needs(const void *own, uint8_t *const *needed, uint8_t *used) {
  const struct key_by_def *def = own;
  op_needs_same(def->columns, needed[0], used);
  for (uint32_t i = 0; i < def->keys; i++) used[def->key[i]] = 1;
}

static int key_by_open(const void *def, struct op_frame *frame, void **state) {
  (void)def, (void)frame;
  *state = NULL;
  return 0;
}

static enum spate_result key_by_step(void *state, const struct op_msg *in, struct op_msg *out) {
  (void)state;
  if (in->kind != OP_BATCH) return op_pass(in, out);
  op_give(out, 0, spate_batch_ref(in->batch));
  return SPATE_OK;
}

static void key_by_close(void *state) { (void)state; }

static const struct op_class KEY_BY = {.open = key_by_open, .step = key_by_step, .close = key_by_close};
const struct op_verb OP_KEY_BY = {
    .name = "key_by",
    .help = "Records of one key meet on one worker and keep their order.",
    .form = "[a, …]",
    .check = key_by_check,
    .needs = key_by_needs,
    .op = &KEY_BY,
};
