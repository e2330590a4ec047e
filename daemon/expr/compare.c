/*
 * compare: = <> < <= > >=, is distinct from, in, is null/true/false.
 *
 * One order for all of SQL's uses: texts by their bytes; NaN equal to itself and above every number, -0.0 equal to 0.0
 * (as Spark has it, and as keys do); decimals of different scales exactly. Each type needs two loops, for equality and
 * for less; the other four operators are these with the arguments or the answer turned round.
 */
#include "decimal.h"
#include "node.h"

static inline bool double_equal(double a, double b) { return (a == b) | ((a != a) & (b != b)); }
static inline bool double_less(double a, double b) { return (a < b) | ((a == a) & (b != b)); }

static int text_order(const char *a, uint32_t m, const char *b, uint32_t n) {
  int order = memcmp(a, b, m < n ? m : n);
  return order < 0 ? -1 : order > 0 ? 1 : m < n ? -1 : m > n;
}

int value_compare(const struct spate_column *a, uint32_t i, const struct spate_column *b, uint32_t j) {
  uint32_t m, n;
  const char *p, *q;
  switch (a->type.kind) {
    case SPATE_NONE: return 0;
    case SPATE_BOOL: return (int)a->b8[i] - (int)b->b8[j];
    case SPATE_DOUBLE: return double_equal(a->f64[i], b->f64[j]) ? 0 : double_less(a->f64[i], b->f64[j]) ? -1 : 1;
    case SPATE_DECIMAL:
      return decimal_compare((struct decimal){a->dec[i], a->type.scale}, (struct decimal){b->dec[j], b->type.scale});
    case SPATE_STRING:
    case SPATE_BYTES:
      p = spate_column_bytes(a, i, &m);
      q = spate_column_bytes(b, j, &n);
      return text_order(p, m, q, n);
    default: return a->i64[i] < b->i64[j] ? -1 : a->i64[i] > b->i64[j];
  }
}

/* ---- = <> < <= > >= ---- */

struct pair { /* two arguments, perhaps turned round, and the answer perhaps inverted */
  const struct value *a, *b;
  uint32_t am, bm;
  bool less, invert;
};

static struct pair pair_of(const struct kernel *k) {
  uint32_t op = k->node->op;
  bool swap = op == COMPARE_GT || op == COMPARE_LE;
  struct pair p = {
      &k->arg[swap], &k->arg[!swap], 0, 0, op >= COMPARE_LT, op == COMPARE_NE || op == COMPARE_LE || op == COMPARE_GE};
  p.am = value_mask(p.a);
  p.bm = value_mask(p.b);
  return p;
}

static void compare_int(struct kernel *k, const struct pair *p) {
  const int64_t *a = p->a->column->i64, *b = p->b->column->i64;
  uint8_t *out = k->out->b8;
  if (p->less) {
    KERNEL_ROWS(k, row, { out[row] = (a[row & p->am] < b[row & p->bm]) ^ p->invert; });
  } else {
    KERNEL_ROWS(k, row, { out[row] = (a[row & p->am] == b[row & p->bm]) ^ p->invert; });
  }
}

static void compare_double(struct kernel *k, const struct pair *p) {
  const double *a = p->a->column->f64, *b = p->b->column->f64;
  uint8_t *out = k->out->b8;
  if (p->less) {
    KERNEL_ROWS(k, row, { out[row] = double_less(a[row & p->am], b[row & p->bm]) ^ p->invert; });
  } else {
    KERNEL_ROWS(k, row, { out[row] = double_equal(a[row & p->am], b[row & p->bm]) ^ p->invert; });
  }
}

static void compare_bool(struct kernel *k, const struct pair *p) {
  const uint8_t *a = p->a->column->b8, *b = p->b->column->b8;
  uint8_t *out = k->out->b8;
  if (p->less) {
    KERNEL_ROWS(k, row, { out[row] = (a[row & p->am] < b[row & p->bm]) ^ p->invert; });
  } else {
    KERNEL_ROWS(k, row, { out[row] = (a[row & p->am] == b[row & p->bm]) ^ p->invert; });
  }
}

static void compare_decimal(struct kernel *k, const struct pair *p) {
  const spate_i128 *a = p->a->column->dec, *b = p->b->column->dec;
  int as = p->a->column->type.scale, bs = p->b->column->type.scale;
  uint8_t *out = k->out->b8;
  KERNEL_ROWS(k, row, {
    int order = decimal_compare((struct decimal){a[row & p->am], as}, (struct decimal){b[row & p->bm], bs});
    out[row] = (p->less ? order < 0 : order == 0) ^ p->invert;
  });
}

static void compare_text(struct kernel *k, const struct pair *p) {
  const struct spate_column *a = p->a->column, *b = p->b->column;
  uint8_t *out = k->out->b8;
  uint32_t m, n;
  KERNEL_ROWS(k, row, {
    const char *x = spate_column_bytes(a, row & p->am, &m);
    const char *y = spate_column_bytes(b, row & p->bm, &n);
    bool holds = p->less ? text_order(x, m, y, n) < 0 : m == n && memcmp(x, y, m) == 0;
    out[row] = holds ^ p->invert;
  });
}

void kernel_compare(struct kernel *k) {
  struct pair p = pair_of(k);
  switch (p.a->column->type.kind) {
    case SPATE_NONE: return;
    case SPATE_BOOL: compare_bool(k, &p); break;
    case SPATE_DOUBLE: compare_double(k, &p); break;
    case SPATE_DECIMAL: compare_decimal(k, &p); break;
    case SPATE_STRING:
    case SPATE_BYTES: compare_text(k, &p); break;
    default: compare_int(k, &p);
  }
}

/* ---- what nulls do not make null ---- */

static bool value_null(const struct value *v, uint32_t row) {
  return v->column->type.kind == SPATE_NONE || spate_column_null(v->column, value_row(v, row));
}

void kernel_distinct(struct kernel *k) {
  const struct value *a = &k->arg[0], *b = &k->arg[1];
  KERNEL_ROWS(k, row, {
    bool an = value_null(a, row), bn = value_null(b, row);
    bool distinct =
        an || bn ? an != bn : value_compare(a->column, value_row(a, row), b->column, value_row(b, row)) != 0;
    k->out->b8[row] = distinct ^ k->node->negated;
  });
}

void kernel_is(struct kernel *k) {
  const struct value *a = &k->arg[0];
  uint32_t op = k->node->op;
  KERNEL_ROWS(k, row, {
    bool null = value_null(a, row), holds = null;
    if (op == IS_TRUE || op == IS_FALSE) holds = !null && (a->column->b8[value_row(a, row)] != 0) == (op == IS_TRUE);
    k->out->b8[row] = holds ^ k->node->negated;
  });
}

void kernel_not(struct kernel *k) {
  if (k->arg[0].column->type.kind == SPATE_NONE) return;
  const uint8_t *a = k->arg[0].column->b8;
  uint32_t mask = value_mask(&k->arg[0]);
  KERNEL_ROWS(k, row, { k->out->b8[row] = !a[row & mask]; });
}

/* ---- in (constants) ---- */

static bool in_list_has(const struct in_list *list, const struct spate_column *c, uint32_t row) {
  uint32_t low = 0, high = list->count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    int order = value_compare(c, row, list->values, middle);
    if (order == 0) return true;
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return false;
}

/* The row's text among words: one masked load (columns are padded), then compares of words and of lengths. */
static bool in_list_has_word(const struct in_list *list, const struct spate_column *c, uint32_t row) {
  uint32_t size = c->offsets[row + 1] - c->offsets[row];
  if (size > sizeof(uint64_t)) return false;
  static const uint8_t MASKS[16] = {255, 255, 255, 255, 255, 255, 255, 255};
  uint64_t got, mask;
  memcpy(&got, c->data + c->offsets[row], sizeof got);
  memcpy(&mask, MASKS + 8 - size, sizeof mask); /* its first `size` bytes are set */
  got &= mask;
  const uint32_t *at = list->values->offsets;
  bool found = false;
  for (uint32_t i = 0; i < list->count; i++) found |= (list->word[i] == got) & (at[i + 1] - at[i] == size);
  return found;
}

/* Strict in the value; and null where it is not found among values of which one is null. */
void kernel_in(struct kernel *k) {
  const struct in_list *list = k->node->data;
  const struct value *a = &k->arg[0];
  bool few = list->count <= 4;
  KERNEL_ROWS(k, row, {
    if (spate_column_null(k->out, row)) continue;
    bool found = false;
    if (list->word != NULL) {
      found = in_list_has_word(list, a->column, value_row(a, row));
    } else if (few) {
      for (uint32_t i = 0; i < list->count && !found; i++)
        found = value_compare(a->column, value_row(a, row), list->values, i) == 0;
    } else {
      found = in_list_has(list, a->column, value_row(a, row));
    }
    k->out->b8[row] = found ^ k->node->negated;
    if (!found && list->null) spate_column_set_null(k->out, row);
  });
}
