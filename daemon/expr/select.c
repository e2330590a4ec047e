/*
 * select: conditions that end in a selection instead of a column of truth. Every record of a filter passes here, so
 * what filters mostly are has loops of its own: a number or a time against a constant, a text against a constant. They
 * write the row number always and move on only if it holds, so that there is no branch to guess wrong.
 *
 * A text of up to 8 bytes is compared by one masked load: columns are padded, so reading beyond a value is fine.
 */
#include "node.h"

#define SELECT_ROWS(selection, count, row, holds)    \
  do {                                               \
    if ((selection) == NULL) {                       \
      for (uint32_t row = 0; row < (count); row++) { \
        out[n] = (uint16_t)row;                      \
        n += (holds) ? 1u : 0u;                      \
      }                                              \
    } else {                                         \
      for (uint32_t k_ = 0; k_ < (count); k_++) {    \
        uint32_t row = (selection)[k_];              \
        out[n] = (uint16_t)row;                      \
        n += (holds) ? 1u : 0u;                      \
      }                                              \
    }                                                \
  } while (0)

/* Takes out what is null or has failed. */
static uint32_t select_present(const struct expr_frame *f, const struct spate_column *c, uint16_t *rows,
                               uint32_t count) {
  if (c->valid == NULL && !f->any_failed) return count;
  uint32_t n = 0;
  for (uint32_t k = 0; k < count; k++) {
    uint32_t row = rows[k];
    rows[n] = (uint16_t)row;
    n += !spate_column_null(c, row) && !f->failed[row];
  }
  return n;
}

static uint32_t select_int(const struct spate_column *c, uint32_t op, int64_t x, const uint16_t *selection,
                           uint32_t count, uint16_t *out) {
  uint32_t n = 0;
  const int64_t *v = c->i64;
  switch ((enum expr_compare)op) {
    case COMPARE_EQ: SELECT_ROWS(selection, count, row, v[row] == x); break;
    case COMPARE_NE: SELECT_ROWS(selection, count, row, v[row] != x); break;
    case COMPARE_LT: SELECT_ROWS(selection, count, row, v[row] < x); break;
    case COMPARE_LE: SELECT_ROWS(selection, count, row, v[row] <= x); break;
    case COMPARE_GT: SELECT_ROWS(selection, count, row, v[row] > x); break;
    case COMPARE_GE: SELECT_ROWS(selection, count, row, v[row] >= x); break;
  }
  return n;
}

static uint32_t select_text(const struct spate_column *c, bool equal, const char *text, uint32_t size,
                            const uint16_t *selection, uint32_t count, uint16_t *out) {
  uint32_t n = 0;
  const uint32_t *at = c->offsets;
  const char *data = c->data;
  if (size > 8) {
    SELECT_ROWS(selection, count, row,
                (at[row + 1] - at[row] == size && memcmp(data + at[row], text, size) == 0) == equal);
    return n;
  }
  uint64_t want = 0, mask = 0, got;
  memcpy(&want, text, size);
  memset(&mask, 0xff, size);
  SELECT_ROWS(
      selection, count, row,
      (memcpy(&got, data + at[row], 8), ((at[row + 1] - at[row] == size) & (((got ^ want) & mask) == 0)) == equal));
  return n;
}

static uint32_t select_compare(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count,
                               uint16_t *out) {
  struct value v = node_eval(f, n->arg[0], selection, count);
  const struct spate_column *constant = n->arg[1]->constant;
  uint32_t got;
  if (v.column->type.kind == SPATE_STRING) {
    uint32_t size;
    const char *text = spate_column_bytes(constant, 0, &size);
    got = select_text(v.column, n->op == COMPARE_EQ, text, size, selection, count, out);
  } else {
    got = select_int(v.column, n->op, constant->i64[0], selection, count, out);
  }
  got = select_present(f, v.column, out, got);
  value_free(&v);
  return got;
}

static bool select_is_fast(const struct node *n) {
  if (n->kind != NODE_KERNEL || n->kernel != kernel_compare || n->arg[1]->kind != NODE_CONST ||
      n->arg[0]->kind == NODE_CONST || spate_column_null(n->arg[1]->constant, 0))
    return false;
  switch (n->arg[0]->type.kind) {
    case SPATE_INT:
    case SPATE_TIMESTAMP:
    case SPATE_INTERVAL: return true;
    case SPATE_STRING: return n->op == COMPARE_EQ || n->op == COMPARE_NE;
    default: return false;
  }
}

/* The condition as a column, and the rows where it is true. */
static uint32_t select_value(struct expr_frame *f, const struct node *node, const uint16_t *selection, uint32_t count,
                             uint16_t *out) {
  struct value v = node_eval(f, node, selection, count);
  uint32_t n = 0;
  if (v.column->type.kind != SPATE_BOOL) { /* a bare null */
  } else if (v.constant) {
    bool holds = !spate_column_null(v.column, 0) && v.column->b8[0] != 0;
    if (holds) SELECT_ROWS(selection, count, row, !f->failed[row]);
  } else {
    const uint8_t *b = v.column->b8;
    SELECT_ROWS(selection, count, row, b[row] != 0);
    n = select_present(f, v.column, out, n);
  }
  value_free(&v);
  return n;
}

/* Each link sees only what the ones before let through. Right as long as no later link can fail: for a row where the
 * first is null, `and` asks the second too, to tell false from null, and it might fail. */
static uint32_t select_and(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count,
                           uint16_t *out) {
  uint16_t rows[SPATE_BATCH_ROWS];
  count = node_select(f, n->arg[0], selection, count, out);
  for (uint32_t i = 1; i < n->args && count > 0; i++) {
    count = node_select(f, n->arg[i], out, count, rows);
    memcpy(out, rows, count * sizeof *out);
  }
  return count;
}

uint32_t node_select(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count,
                     uint16_t *out) {
  if (select_is_fast(n)) return select_compare(f, n, selection, count, out);
  if (n->kind == NODE_AND) {
    bool may_fail = false;
    for (uint32_t i = 1; i < n->args; i++) may_fail = may_fail || n->arg[i]->may_fail;
    if (!may_fail) return select_and(f, n, selection, count, out);
  }
  return select_value(f, n, selection, count, out);
}
