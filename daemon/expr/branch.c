/*
 * branch: what chooses: and, or, case, coalesce. Each child sees only the rows that it decides about, from left to
 * right; so an error in a branch not taken never happens, and costly branches are paid for only where they count.
 */
#include "../base/mem.h"
#include "../data/schema.h"
#include "node.h"

/* Takes failed rows out of a selection. */
static uint32_t rows_unfailed(const struct expr_frame *f, uint16_t *rows, uint32_t count) {
  if (!f->any_failed) return count;
  uint32_t n = 0;
  for (uint32_t k = 0; k < count; k++) {
    uint16_t row = rows[k];
    rows[n] = row;
    n += !f->failed[row];
  }
  return n;
}

static uint32_t rows_copy(const uint16_t *selection, uint32_t count, uint16_t *rows) {
  if (selection != NULL) {
    memcpy(rows, selection, count * sizeof *rows);
  } else {
    for (uint32_t k = 0; k < count; k++) rows[k] = (uint16_t)k;
  }
  return count;
}

/* rows less taken; both ascend, and taken is part of rows. */
static uint32_t rows_without(uint16_t *rows, uint32_t count, const uint16_t *taken, uint32_t takes) {
  if (takes == 0) return count;
  uint32_t n = 0, t = 0;
  for (uint32_t k = 0; k < count; k++) {
    uint16_t row = rows[k];
    if (t < takes && taken[t] == row) {
      t++;
    } else {
      rows[n++] = row;
    }
  }
  return n;
}

/* A row leaves when it meets what decides (false for `and`, true for `or`); nulls stay, and are null in the end. */
struct value eval_and_or(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count) {
  uint16_t rows[SPATE_BATCH_ROWS];
  uint8_t null[SPATE_BATCH_ROWS];
  uint8_t decides = n->kind == NODE_OR;
  struct spate_column *out = spate_column_new(n->type, f->rows, 0);
  memset(out->b8, decides, f->rows);
  memset(null, 0, f->rows);
  count = rows_copy(selection, count, rows);
  for (uint32_t i = 0; i < n->args && count > 0; i++) {
    struct value v = node_eval(f, n->arg[i], rows, count);
    uint32_t left = 0;
    for (uint32_t k = 0; k < count; k++) {
      uint16_t row = rows[k];
      uint32_t at = value_row(&v, row);
      bool nothing = v.column->type.kind == SPATE_NONE || spate_column_null(v.column, at);
      null[row] |= nothing;
      rows[left] = row;
      left += (nothing || v.column->b8[at] != decides) && !f->failed[row];
    }
    count = left;
    value_free(&v);
  }
  for (uint32_t k = 0; k < count; k++) {
    out->b8[rows[k]] = !decides;
    if (null[rows[k]]) spate_column_set_null(out, rows[k]);
  }
  return (struct value){out, false, false};
}

/* ---- putting branches together ---- */

enum { BRANCH_NONE = UINT16_MAX }; /* no branch: null */

struct branches {
  struct value *value; /* by branch; computed for its own rows */
  uint32_t count;
  uint16_t of[SPATE_BATCH_ROWS]; /* by row */
};

static void branches_take(struct branches *b, struct value v, const uint16_t *rows, uint32_t count) {
  b->value[b->count] = v;
  for (uint32_t k = 0; k < count; k++) b->of[rows[k]] = (uint16_t)b->count;
  b->count++;
}

static struct value branches_join(struct branches *b, struct expr_frame *f, const struct node *n,
                                  const uint16_t *selection, uint32_t count) {
  struct spate_column *out = spate_column_new(n->type, f->rows, 0);
  uint32_t width = type_width(n->type.kind);
  for (uint32_t k = 0; k < count; k++) {
    uint32_t row = selection != NULL ? selection[k] : k;
    if (f->failed[row]) continue;
    const struct value *v = b->of[row] != BRANCH_NONE ? &b->value[b->of[row]] : NULL;
    uint32_t at = v != NULL ? value_row(v, row) : 0, size;
    if (v == NULL || v->column->type.kind == SPATE_NONE || spate_column_null(v->column, at)) {
      spate_column_set_null(out, row);
      continue;
    }
    switch (width) {
      case 0: {
        const char *bytes = spate_column_bytes(v->column, at, &size);
        if (spate_column_put(out, row, bytes, size) != 0) frame_fail(f, n, row, "the texts of a batch are too long");
        break;
      }
      case 1: out->b8[row] = v->column->b8[at]; break;
      case 16: out->dec[row] = v->column->dec[at]; break;
      default: out->i64[row] = v->column->i64[at];
    }
  }
  spate_column_finish(out);
  for (uint32_t i = 0; i < b->count; i++) value_free(&b->value[i]);
  return (struct value){out, false, false};
}

struct value eval_case(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count) {
  uint16_t rows[SPATE_BATCH_ROWS], taken[SPATE_BATCH_ROWS];
  struct branches b = {.value = MEM_NEWS(struct value, n->args)};
  memset(b.of, 0xff, f->rows * sizeof *b.of);
  uint32_t left = rows_copy(selection, count, rows), i = 0;
  for (; i + 1 < n->args && left > 0; i += 2) {
    uint32_t takes = node_select(f, n->arg[i], rows, left, taken);
    left = rows_unfailed(f, rows, rows_without(rows, left, taken, takes));
    if (takes > 0) branches_take(&b, node_eval(f, n->arg[i + 1], taken, takes), taken, takes);
  }
  if (left > 0 && i < n->args) branches_take(&b, node_eval(f, n->arg[i], rows, left), rows, left);
  struct value out = branches_join(&b, f, n, selection, count);
  mem_free(b.value);
  return out;
}

struct value eval_coalesce(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count) {
  uint16_t rows[SPATE_BATCH_ROWS], taken[SPATE_BATCH_ROWS];
  struct branches b = {.value = MEM_NEWS(struct value, n->args)};
  memset(b.of, 0xff, f->rows * sizeof *b.of);
  uint32_t left = rows_copy(selection, count, rows);
  for (uint32_t i = 0; i < n->args && left > 0; i++) {
    struct value v = node_eval(f, n->arg[i], rows, left);
    uint32_t takes = 0, stay = 0;
    for (uint32_t k = 0; k < left; k++) {
      uint16_t row = rows[k];
      if (f->failed[row]) continue;
      if (v.column->type.kind == SPATE_NONE || spate_column_null(v.column, value_row(&v, row))) {
        rows[stay++] = row;
      } else {
        taken[takes++] = row;
      }
    }
    left = stay;
    branches_take(&b, v, taken, takes);
  }
  struct value out = branches_join(&b, f, n, selection, count);
  mem_free(b.value);
  return out;
}
