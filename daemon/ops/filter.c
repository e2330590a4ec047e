/*
 * filter: keeps the rows for which a condition is true. Null is not true. A batch that passes whole is passed on as it
 * is; else a new header with a selection goes on, and no column is copied. Rows whose condition fails become dead
 * letters, not the batch.
 */
#include "../base/mem.h"
#include "steps.h"

struct filter_def {
  struct expr *condition;
  uint32_t columns;
};
struct filter_state {
  struct op_frame *frame;
  struct expr_frame *condition;
};

static int filter_check(struct op_check *check) {
  op_port_same(check, 0, NULL);
  op_group_same(check);
  struct filter_def *def = ARENA_NEW(check->arena, struct filter_def);
  def->columns = check->input.schema->all.count;
  def->condition = op_condition(check, check->value);
  if (def->condition == NULL) return -1;
  if (check->input.updating)
    conf_warn(
        check->errors, check->verb,
        "the rows before this filter replace earlier ones: where a new value does not pass, the last one that did "
        "stays standing downstream");
  check->def = def;
  return 0;
}

static void filter_needs(const void *own, uint8_t *const *needed, uint8_t *used) {
  const struct filter_def *def = own;
  op_needs_same(def->columns, needed[0], used);
  expr_columns(def->condition, used);
}

static int filter_open(const void *own, struct op_frame *frame, void **state) {
  const struct filter_def *def = own;
  struct filter_state *s = MEM_NEW(struct filter_state);
  s->frame = frame;
  s->condition = expr_frame_new(def->condition);
  *state = s;
  return 0;
}

static enum spate_result filter_step(void *own, const struct op_msg *in, struct op_msg *out) {
  struct filter_state *s = own;
  if (in->kind != OP_BATCH) return op_pass(in, out);
  uint16_t rows[SPATE_BATCH_ROWS];
  uint32_t n = expr_select(s->condition, in->batch, &s->frame->moment, s->frame->rejects, rows);
  op_give(out, 0, op_narrow(in->batch, rows, n));
  return SPATE_OK;
}

static void filter_close(void *own) {
  struct filter_state *s = own;
  if (s == NULL) return;
  expr_frame_free(&s->condition);
  mem_free(s);
}

static const struct op_class FILTER = {.open = filter_open, .step = filter_step, .close = filter_close};
const struct op_verb OP_FILTER = {
    .name = "filter",
    .help = "Keeps the records for which the condition is true; null is not true.",
    .form = "EXPR",
    .check = filter_check,
    .needs = filter_needs,
    .op = &FILTER,
};
