/*
 * aggregate: count, sum, min, max, avg, first, last, min_by, max_by, bool_and, bool_or; the table of all; and
 * `distinct`. Variances are in aggregate_variance.c. Sums of int are kept in 128 bits and checked when they are
 * emitted; sums of decimal likewise, to 38 digits. Values of strings and of the order-dependent aggregates are kept as
 * a small object of their own.
 */
#include "aggregate.h"

#include <math.h>

#include "../base/mem.h"
#include "../data/key.h"
#include "../data/schema.h"
#include "aggregate_parts.h"

#define STATE(type, k) ((type *)(void *)(state[k] + offset))
#define NOT_NULL(column, row) (!spate_column_null((column), (row)))

static void put_fixed(struct buf *out, const void *bytes, size_t size) { buf_put(out, bytes, size); }
static int take_fixed(struct cut *in, void *bytes, size_t size) {
  const char *p = cut_bytes(in, size);
  if (p == NULL) return -1;
  memcpy(bytes, p, size);
  return 0;
}

/* ---- count ---- */
static int count_type(const struct spate_type *arg, uint32_t args, struct spate_type *result, struct spate_error *err) {
  (void)arg, (void)args, (void)err;
  *result = type_of(SPATE_INT);
  return 0;
}
static uint32_t count_size(const struct agg_spec *spec) {
  (void)spec;
  return 8;
}
static void count_update(const struct agg_spec *spec, char **state, uint32_t offset, const uint16_t *rows,
                         uint32_t count, const struct agg_input *in) {
  if (spec->args == 0 || in->arg[0]->valid == NULL) {
    for (uint32_t k = 0; k < count; k++) ++*STATE(int64_t, k);
    return;
  }
  for (uint32_t k = 0; k < count; k++) *STATE(int64_t, k) += NOT_NULL(in->arg[0], rows[k]);
}
static void count_merge(const struct agg_spec *spec, void *into, const void *from) {
  (void)spec;
  *(int64_t *)into += *(const int64_t *)from;
}
static void count_subtract(const struct agg_spec *spec, void *from, const void *what) {
  (void)spec;
  *(int64_t *)from -= *(const int64_t *)what;
}
static int count_final(const struct agg_spec *spec, const void *state, struct column_builder *out,
                       struct spate_error *err) {
  (void)spec, (void)err;
  column_builder_i64(out, *(const int64_t *)state);
  return 0;
}
static void count_save(const struct agg_spec *spec, const void *state, struct buf *out) {
  (void)spec;
  put_fixed(out, state, 8);
}
static int count_load(const struct agg_spec *spec, void *state, struct cut *in) {
  (void)spec;
  return take_fixed(in, state, 8);
}

/* ---- sum and avg ---- */
struct sum_state {
  union {
    spate_i128 i;
    double d;
  };
  int64_t n;
  int64_t pad;
};

static bool sum_is_double(const struct agg_spec *spec) { return spec->arg_type[0].kind == SPATE_DOUBLE; }

static int number_only(const struct spate_type *arg, const char *what, struct spate_error *err) {
  if (arg->kind == SPATE_INT || arg->kind == SPATE_DOUBLE || arg->kind == SPATE_DECIMAL) return 0;
  char text[40];
  return spate_fail(err, "%s takes a number, and this is %s", what, type_text(*arg, text, sizeof text));
}
static int sum_type(const struct spate_type *arg, uint32_t args, struct spate_type *result, struct spate_error *err) {
  (void)args;
  if (number_only(arg, "sum", err) != 0) return -1;
  *result = arg->kind == SPATE_DECIMAL ? type_decimal(38, arg->scale) : *arg;
  return 0;
}
static int avg_type(const struct spate_type *arg, uint32_t args, struct spate_type *result, struct spate_error *err) {
  (void)args;
  if (number_only(arg, "avg", err) != 0) return -1;
  int scale = arg->scale + 4 > 38 ? 38 : arg->scale + 4; /* Spark's rule: four digits more */
  int precision = arg->precision + 4 > 38 ? 38 : arg->precision + 4;
  *result = arg->kind == SPATE_DECIMAL ? type_decimal(precision, scale) : type_of(SPATE_DOUBLE);
  return 0;
}
static uint32_t sum_size(const struct agg_spec *spec) {
  (void)spec;
  return sizeof(struct sum_state);
}
static void sum_update(const struct agg_spec *spec, char **state, uint32_t offset, const uint16_t *rows, uint32_t count,
                       const struct agg_input *in) {
  const struct spate_column *c = in->arg[0];
  for (uint32_t k = 0; k < count; k++) {
    uint32_t row = rows[k];
    if (spate_column_null(c, row)) continue;
    struct sum_state *s = STATE(struct sum_state, k);
    s->n++;
    if (sum_is_double(spec))
      s->d += c->f64[row];
    else
      s->i += c->type.kind == SPATE_DECIMAL ? c->dec[row] : (spate_i128)c->i64[row];
  }
}
static void sum_merge(const struct agg_spec *spec, void *into, const void *from) {
  struct sum_state *a = into;
  const struct sum_state *b = from;
  a->n += b->n;
  if (sum_is_double(spec))
    a->d += b->d;
  else
    a->i += b->i;
}
static void sum_subtract(const struct agg_spec *spec, void *from, const void *what) {
  struct sum_state *a = from;
  const struct sum_state *b = what;
  a->n -= b->n;
  if (sum_is_double(spec))
    a->d -= b->d;
  else
    a->i -= b->i;
}
static spate_i128 power_of_ten(int n) {
  spate_i128 v = 1;
  while (n-- > 0) v *= 10;
  return v;
}
static int sum_final(const struct agg_spec *spec, const void *state, struct column_builder *out,
                     struct spate_error *err) {
  const struct sum_state *s = state;
  if (s->n == 0) {
    column_builder_null(out);
    return 0;
  }
  if (sum_is_double(spec)) {
    column_builder_f64(out, s->d);
  } else if (spec->type.kind == SPATE_DECIMAL) {
    spate_i128 limit = power_of_ten(38);
    if (s->i >= limit || s->i <= -limit) {
      column_builder_null(out);
      return spate_fail(err, "sum: more than 38 digits");
    }
    column_builder_dec(out, s->i);
  } else {
    if (s->i > INT64_MAX || s->i < INT64_MIN) {
      column_builder_null(out);
      return spate_fail(err, "sum: integer overflow");
    }
    column_builder_i64(out, (int64_t)s->i);
  }
  return 0;
}
static int avg_final(const struct agg_spec *spec, const void *state, struct column_builder *out,
                     struct spate_error *err) {
  const struct sum_state *s = state;
  if (s->n == 0) {
    column_builder_null(out);
    return 0;
  }
  if (sum_is_double(spec)) {
    column_builder_f64(out, s->d / (double)s->n);
    return 0;
  }
  if (spec->type.kind != SPATE_DECIMAL) {
    column_builder_f64(out, (double)s->i / (double)s->n);
    return 0;
  }
  spate_i128 scaled, n = s->n, limit = power_of_ten(spec->type.precision);
  if (__builtin_mul_overflow(s->i, power_of_ten(spec->type.scale - spec->arg_type[0].scale), &scaled)) {
    column_builder_null(out);
    return spate_fail(err, "avg: more than 38 digits");
  }
  spate_i128 q = scaled / n, r = scaled % n;
  if ((r < 0 ? -r : r) * 2 >= n) q += scaled < 0 ? -1 : 1; /* half up, away from zero */
  if (q >= limit || q <= -limit) {
    column_builder_null(out);
    return spate_fail(err, "avg: more than %d digits", spec->type.precision);
  }
  column_builder_dec(out, q);
  return 0;
}
static void sum_save(const struct agg_spec *spec, const void *state, struct buf *out) {
  (void)spec;
  put_fixed(out, state, sizeof(struct sum_state));
}
static int sum_load(const struct agg_spec *spec, void *state, struct cut *in) {
  (void)spec;
  return take_fixed(in, state, sizeof(struct sum_state));
}

/* ---- min, max: of any ordered type. Fixed widths inline, strings as an object ---- */
struct extreme_state {
  spate_i128 value; /* int, timestamp, bool, decimal; or a double's bits */
  char *text;       /* strings and bytes: u32 size, bytes */
  int64_t seen;
};

static bool spec_is_text(const struct agg_spec *spec) { return type_width(spec->arg_type[0].kind) == 0; }

static int extreme_type(const struct spate_type *arg, uint32_t args, struct spate_type *result,
                        struct spate_error *err) {
  (void)args, (void)err;
  *result = *arg;
  return 0;
}
static uint32_t extreme_size(const struct agg_spec *spec) {
  (void)spec;
  return sizeof(struct extreme_state);
}
static spate_i128 extreme_value(const struct spate_column *c, uint32_t row) {
  if (c->type.kind == SPATE_DECIMAL) return c->dec[row];
  if (c->type.kind == SPATE_BOOL) return c->b8[row];
  return c->i64[row]; /* a double's bits too */
}
/* <0, 0, >0. Doubles: NaN is greater than all others, as in Spark. */
static int extreme_order(uint8_t kind, spate_i128 a, spate_i128 b) {
  if (kind == SPATE_DOUBLE) {
    double x, y;
    int64_t p = (int64_t)a, q = (int64_t)b;
    memcpy(&x, &p, 8);
    memcpy(&y, &q, 8);
    if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
    return (x > y) - (x < y);
  }
  return (a > b) - (a < b);
}
static int text_order(const char *a, uint32_t m, const char *b, uint32_t n) {
  int r = memcmp(a, b, m < n ? m : n);
  return r != 0 ? r : (m > n) - (m < n);
}
static char *text_object(const char *bytes, uint32_t size) {
  char *t = mem_alloc(4 + (size_t)size);
  memcpy(t, &size, 4);
  if (size > 0) memcpy(t + 4, bytes, size);
  return t;
}
static uint32_t text_object_size(const char *t) {
  uint32_t size;
  memcpy(&size, t, 4);
  return size;
}

static bool spec_is_max(const struct agg_spec *spec) { return spec->agg->name[1] == 'a'; }

static void extreme_text(struct extreme_state *s, const char *bytes, uint32_t size, int sign) {
  if (s->seen && sign * text_order(bytes, size, s->text + 4, text_object_size(s->text)) <= 0) return;
  mem_free(s->text);
  s->text = text_object(bytes, size);
  s->seen = 1;
}
static void extreme_update(const struct agg_spec *spec, char **state, uint32_t offset, const uint16_t *rows,
                           uint32_t count, const struct agg_input *in) {
  const struct spate_column *c = in->arg[0];
  int sign = spec_is_max(spec) ? 1 : -1;
  bool text = spec_is_text(spec);
  for (uint32_t k = 0; k < count; k++) {
    uint32_t row = rows[k], size;
    if (spate_column_null(c, row)) continue;
    struct extreme_state *s = STATE(struct extreme_state, k);
    if (text) {
      const char *bytes = spate_column_bytes(c, row, &size);
      extreme_text(s, bytes, size, sign);
      continue;
    }
    spate_i128 v = extreme_value(c, row);
    if (s->seen && sign * extreme_order(c->type.kind, v, s->value) <= 0) continue;
    s->value = v;
    s->seen = 1;
  }
}
static void extreme_merge(const struct agg_spec *spec, void *into, const void *from) {
  struct extreme_state *a = into;
  const struct extreme_state *b = from;
  int sign = spec_is_max(spec) ? 1 : -1;
  if (!b->seen) return;
  if (spec_is_text(spec)) {
    extreme_text(a, b->text + 4, text_object_size(b->text), sign);
  } else if (!a->seen || sign * extreme_order(spec->arg_type[0].kind, b->value, a->value) > 0) {
    a->value = b->value;
    a->seen = 1;
  }
}
static void value_put(struct column_builder *out, uint8_t kind, spate_i128 v) {
  if (kind == SPATE_DECIMAL)
    column_builder_dec(out, v);
  else if (kind == SPATE_BOOL)
    column_builder_bool(out, v != 0);
  else
    column_builder_i64(out, (int64_t)v); /* a double's bits too */
}
static int extreme_final(const struct agg_spec *spec, const void *state, struct column_builder *out,
                         struct spate_error *err) {
  (void)err;
  const struct extreme_state *s = state;
  if (!s->seen)
    column_builder_null(out);
  else if (spec_is_text(spec))
    column_builder_bytes(out, s->text + 4, text_object_size(s->text));
  else
    value_put(out, spec->arg_type[0].kind, s->value);
  return 0;
}
static void extreme_save(const struct agg_spec *spec, const void *state, struct buf *out) {
  const struct extreme_state *s = state;
  buf_u8(out, (uint8_t)s->seen);
  if (!s->seen) return;
  if (spec_is_text(spec))
    buf_block(out, s->text + 4, text_object_size(s->text));
  else
    put_fixed(out, &s->value, 16);
}
static int extreme_load(const struct agg_spec *spec, void *state, struct cut *in) {
  struct extreme_state *s = state;
  s->seen = cut_u8(in);
  if (!s->seen) return in->bad ? -1 : 0;
  if (!spec_is_text(spec)) return take_fixed(in, &s->value, 16);
  uint32_t size;
  const char *bytes = cut_block(in, &size);
  if (bytes == NULL) return s->seen = 0, -1;
  s->text = text_object(bytes, size);
  return 0;
}
static void extreme_free(const struct agg_spec *spec, void *state) {
  (void)spec;
  mem_free(((struct extreme_state *)state)->text);
  ((struct extreme_state *)state)->text = NULL;
}

/* ---- first, last, min_by, max_by: a value chosen by an order ---- */
struct chosen_state { /* value: canonical key bytes of the column; order: by event time and arrival, or by a value */
  char *value;        /* u32 size, bytes */
  spate_i128 by;
  char *by_text;
  uint64_t arrival;
  int64_t seen;
  int64_t pad;
};

enum chosen_rule { CHOSEN_FIRST, CHOSEN_LAST, CHOSEN_MIN, CHOSEN_MAX };
static enum chosen_rule chosen_rule(const struct agg_spec *spec) {
  switch (spec->agg->name[0]) {
    case 'f': return CHOSEN_FIRST;
    case 'l': return CHOSEN_LAST;
    default: return spec->agg->name[1] == 'i' ? CHOSEN_MIN : CHOSEN_MAX;
  }
}
static uint32_t chosen_size(const struct agg_spec *spec) {
  (void)spec;
  return sizeof(struct chosen_state);
}
static bool chosen_by_text(const struct agg_spec *spec) {
  return spec->args > 1 && type_width(spec->arg_type[1].kind) == 0;
}

/* Whether (by, arrival) wins over what is there. Ties: the earlier arrival, for last the later. */
static bool chosen_wins(const struct agg_spec *spec, const struct chosen_state *s, spate_i128 by, const char *text,
                        uint32_t text_size, uint64_t arrival) {
  if (!s->seen) return true;
  enum chosen_rule rule = chosen_rule(spec);
  int order;
  if (chosen_by_text(spec))
    order = text_order(text, text_size, s->by_text + 4, text_object_size(s->by_text));
  else
    order = extreme_order(spec->args > 1 ? spec->arg_type[1].kind : SPATE_INT, by, s->by);
  if (order == 0) return rule == CHOSEN_LAST ? arrival >= s->arrival : arrival < s->arrival;
  return rule == CHOSEN_LAST || rule == CHOSEN_MAX ? order > 0 : order < 0;
}
static void chosen_set(const struct agg_spec *spec, struct chosen_state *s, char *value, spate_i128 by,
                       const char *text, uint32_t text_size, uint64_t arrival) {
  mem_free(s->value);
  s->value = value;
  s->by = by;
  if (chosen_by_text(spec)) {
    mem_free(s->by_text);
    s->by_text = text_object(text, text_size);
  }
  s->arrival = arrival;
  s->seen = 1;
}
static void chosen_update(const struct agg_spec *spec, char **state, uint32_t offset, const uint16_t *rows,
                          uint32_t count, const struct agg_input *in) {
  struct buf value = {0};
  for (uint32_t k = 0; k < count; k++) {
    uint32_t row = rows[k], text_size = 0;
    struct chosen_state *s = STATE(struct chosen_state, k);
    spate_i128 by = in->time != NULL ? in->time[row] : 0;
    const char *text = NULL;
    if (spec->args > 1) { /* min_by, max_by skip rows whose order is null; first and last take nulls as they come */
      if (spate_column_null(in->arg[1], row)) continue;
      if (chosen_by_text(spec))
        text = spate_column_bytes(in->arg[1], row, &text_size);
      else
        by = extreme_value(in->arg[1], row);
    }
    uint64_t arrival = in->arrival + row;
    if (!chosen_wins(spec, s, by, text, text_size, arrival)) continue;
    value.size = 0;
    key_put(&value, in->arg[0], row);
    chosen_set(spec, s, text_object(value.data, (uint32_t)value.size), by, text, text_size, arrival);
  }
  buf_free(&value);
}
static void chosen_merge(const struct agg_spec *spec, void *into, const void *from) {
  struct chosen_state *a = into;
  const struct chosen_state *b = from;
  if (!b->seen) return;
  const char *text = b->by_text != NULL ? b->by_text + 4 : NULL;
  uint32_t size = b->by_text != NULL ? text_object_size(b->by_text) : 0;
  if (chosen_wins(spec, a, b->by, text, size, b->arrival))
    chosen_set(spec, a, text_object(b->value + 4, text_object_size(b->value)), b->by, text, size, b->arrival);
}
static int chosen_final(const struct agg_spec *spec, const void *state, struct column_builder *out,
                        struct spate_error *err) {
  (void)spec, (void)err;
  const struct chosen_state *s = state;
  if (!s->seen || key_take(s->value + 4, text_object_size(s->value), out) == 0) column_builder_null(out);
  return 0;
}
static void chosen_save(const struct agg_spec *spec, const void *state, struct buf *out) {
  const struct chosen_state *s = state;
  buf_u8(out, (uint8_t)s->seen);
  if (!s->seen) return;
  buf_block(out, s->value + 4, text_object_size(s->value));
  put_fixed(out, &s->by, 16);
  buf_u64(out, s->arrival);
  if (chosen_by_text(spec)) buf_block(out, s->by_text + 4, text_object_size(s->by_text));
}
static int chosen_load(const struct agg_spec *spec, void *state, struct cut *in) {
  struct chosen_state *s = state;
  if (!cut_u8(in)) return in->bad ? -1 : 0;
  uint32_t size, by_size = 0;
  const char *value = cut_block(in, &size), *by_text = NULL;
  spate_i128 by = 0;
  if (value == NULL || take_fixed(in, &by, 16) != 0) return -1;
  uint64_t arrival = cut_u64(in);
  if (chosen_by_text(spec)) by_text = cut_block(in, &by_size);
  if (in->bad) return -1;
  chosen_set(spec, s, text_object(value, size), by, by_text, by_size, arrival);
  return 0;
}
static void chosen_free(const struct agg_spec *spec, void *state) {
  (void)spec;
  struct chosen_state *s = state;
  mem_free(s->value);
  mem_free(s->by_text);
  s->value = s->by_text = NULL;
}

/* ---- bool_and, bool_or ---- */
static int bool_type(const struct spate_type *arg, uint32_t args, struct spate_type *result, struct spate_error *err) {
  (void)args;
  char text[40];
  if (arg->kind != SPATE_BOOL)
    return spate_fail(err, "a bool is needed, and this is %s", type_text(*arg, text, sizeof text));
  *result = type_of(SPATE_BOOL);
  return 0;
}
static void bool_update(const struct agg_spec *spec, char **state, uint32_t offset, const uint16_t *rows,
                        uint32_t count, const struct agg_input *in) {
  (void)spec;
  for (uint32_t k = 0; k < count; k++) { /* bit 0: a true was seen, bit 1: a false */
    if (spate_column_null(in->arg[0], rows[k])) continue;
    *STATE(int64_t, k) |= in->arg[0]->b8[rows[k]] ? 1 : 2;
  }
}
static void bool_merge(const struct agg_spec *spec, void *into, const void *from) {
  (void)spec;
  *(int64_t *)into |= *(const int64_t *)from;
}
static int bool_final(const struct agg_spec *spec, const void *state, struct column_builder *out,
                      struct spate_error *err) {
  (void)err;
  int64_t seen = *(const int64_t *)state;
  bool and = spec->agg->name[5] == 'a';
  if (seen == 0)
    column_builder_null(out);
  else
    column_builder_bool(out, and? (seen & 2) == 0 : (seen & 1) != 0);
  return 0;
}

#define COUNT_PARTS .size = count_size, .save = count_save, .load = count_load
static const struct agg_class COUNT = {.name = "count",
                                       .signature = "count(*) or count(x)",
                                       .help = "the number of rows, or of those where x is not null",
                                       .min_args = 0,
                                       .max_args = 1,
                                       .star = true,
                                       .invertible = true,
                                       .type = count_type,
                                       .update = count_update,
                                       .merge = count_merge,
                                       .subtract = count_subtract,
                                       .final = count_final,
                                       COUNT_PARTS};
static const struct agg_class SUM = {.name = "sum",
                                     .signature = "sum(x)",
                                     .help = "the sum; of int in 128 bits, checked when it is emitted",
                                     .min_args = 1,
                                     .max_args = 1,
                                     .invertible = true,
                                     .type = sum_type,
                                     .size = sum_size,
                                     .update = sum_update,
                                     .merge = sum_merge,
                                     .subtract = sum_subtract,
                                     .final = sum_final,
                                     .save = sum_save,
                                     .load = sum_load};
static const struct agg_class AVG = {.name = "avg",
                                     .signature = "avg(x)",
                                     .help = "the mean: a double, of decimals a decimal with four digits more",
                                     .min_args = 1,
                                     .max_args = 1,
                                     .invertible = true,
                                     .type = avg_type,
                                     .size = sum_size,
                                     .update = sum_update,
                                     .merge = sum_merge,
                                     .subtract = sum_subtract,
                                     .final = avg_final,
                                     .save = sum_save,
                                     .load = sum_load};
#define EXTREME_PARTS                                                                                 \
  .min_args = 1, .max_args = 1, .type = extreme_type, .size = extreme_size, .update = extreme_update, \
  .merge = extreme_merge, .final = extreme_final, .save = extreme_save, .load = extreme_load, .free = extreme_free
static const struct agg_class MIN = {.name = "min", .signature = "min(x)", .help = "the least value", EXTREME_PARTS};
static const struct agg_class MAX = {.name = "max", .signature = "max(x)", .help = "the greatest value", EXTREME_PARTS};
#define CHOSEN_PARTS                                                                                                \
  .type = extreme_type, .size = chosen_size, .update = chosen_update, .merge = chosen_merge, .final = chosen_final, \
  .save = chosen_save, .load = chosen_load, .free = chosen_free
static const struct agg_class FIRST = {.name = "first",
                                       .signature = "first(x)",
                                       .min_args = 1,
                                       .max_args = 1,
                                       .help = "x of the row that is first by event time, then by arrival",
                                       CHOSEN_PARTS};
static const struct agg_class LAST = {.name = "last",
                                      .signature = "last(x)",
                                      .min_args = 1,
                                      .max_args = 1,
                                      .help = "x of the row that is last by event time, then by arrival",
                                      CHOSEN_PARTS};
static const struct agg_class MIN_BY = {.name = "min_by",
                                        .signature = "min_by(x, y)",
                                        .min_args = 2,
                                        .max_args = 2,
                                        .help = "x of the row with the least y",
                                        CHOSEN_PARTS};
static const struct agg_class MAX_BY = {.name = "max_by",
                                        .signature = "max_by(x, y)",
                                        .min_args = 2,
                                        .max_args = 2,
                                        .help = "x of the row with the greatest y",
                                        CHOSEN_PARTS};
#define BOOL_PARTS                                                                                                  \
  .min_args = 1, .max_args = 1, .type = bool_type, .update = bool_update, .merge = bool_merge, .final = bool_final, \
  COUNT_PARTS
static const struct agg_class BOOL_AND = {
    .name = "bool_and", .signature = "bool_and(x)", .help = "whether all are true", BOOL_PARTS};
static const struct agg_class BOOL_OR = {
    .name = "bool_or", .signature = "bool_or(x)", .help = "whether any is true", BOOL_PARTS};

static const struct agg_class *const ALL[] = {&COUNT,   &SUM,        &AVG,         &MIN,     &MAX,
                                              &FIRST,   &LAST,       &MIN_BY,      &MAX_BY,  &BOOL_AND,
                                              &BOOL_OR, &STDDEV_POP, &STDDEV_SAMP, &VAR_POP, &VAR_SAMP};

const struct agg_class *agg_find(const char *name) {
  for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
    if (strcmp(ALL[i]->name, name) == 0) return ALL[i];
  return NULL;
}
const struct agg_class *const *agg_all(uint32_t *count) {
  *count = sizeof ALL / sizeof *ALL;
  return ALL;
}
