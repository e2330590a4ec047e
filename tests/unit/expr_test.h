/* expr_test: columns of random values with nulls, and values as text, for the tests of expressions. */
#ifndef EXPR_TEST_H
#define EXPR_TEST_H
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "data/batch.h"
#include "data/schema.h"
#include "data/text.h"
#include "expr/expr.h"

/* splitmix64: the same numbers everywhere, from a seed. */
struct random {
  uint64_t state;
};
static inline uint64_t random_next(struct random *r) {
  uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
static inline uint32_t random_below(struct random *r, uint32_t n) { return (uint32_t)(random_next(r) % n); }

/* Two columns of each type: i j d e p q s u y t v b c. */
static inline struct schema *test_schema(struct arena *arena) {
  struct schema *s = schema_new(arena, 16);
  schema_add(s, "i", type_of(SPATE_INT));
  schema_add(s, "j", type_of(SPATE_INT));
  schema_add(s, "d", type_of(SPATE_DOUBLE));
  schema_add(s, "e", type_of(SPATE_DOUBLE));
  schema_add(s, "p", type_decimal(10, 2));
  schema_add(s, "q", type_decimal(38, 10));
  schema_add(s, "s", type_of(SPATE_STRING));
  schema_add(s, "u", type_of(SPATE_STRING));
  schema_add(s, "y", type_of(SPATE_BYTES));
  schema_add(s, "t", type_of(SPATE_TIMESTAMP));
  schema_add(s, "v", type_of(SPATE_TIMESTAMP));
  schema_add(s, "b", type_of(SPATE_BOOL));
  schema_add(s, "c", type_of(SPATE_BOOL));
  return s;
}

static inline void test_value(struct column_builder *out, struct random *r) {
  static const int64_t INTS[] = {0, 1, -1, 2, 7, -7, 42, 100, INT64_MAX, INT64_MIN, INT64_MAX - 1, 1000000007};
  static const double DOUBLES[] = {
      0.0, -0.0, 1.0, -1.5, 2.5, 1e300, -1e300, 1e-300, 3.0, 0.1, (double)__builtin_nanf(""), (double)__builtin_inff()};
  static const char *const TEXTS[] = {
      "",   "a",   "view", "click", "purchase", "abcdefgh", "abcdefghi",           " 12 ",
      "-5", "1.5", "true", "ü",     "日本語",   "a%b_c",    "2026-01-02 03:04:05", "x\xf0\x9f\x98\x80y"};
  uint64_t v = random_next(r);
  switch (out->column->type.kind) {
    case SPATE_BOOL: column_builder_bool(out, v & 1); break;
    case SPATE_INT: column_builder_i64(out, v % 3 ? INTS[v / 3 % 12] : (int64_t)(v % 100)); break;
    case SPATE_DOUBLE: column_builder_f64(out, DOUBLES[v % 12]); break;
    case SPATE_DECIMAL: {
      spate_i128 most = 1;
      for (int i = 0; i < out->column->type.precision; i++) most *= 10;
      column_builder_dec(out, v % 4 == 0 ? most - 1 : v % 4 == 1 ? 0 : (spate_i128)(int64_t)(v % 2000001) - 1000000);
      break;
    }
    case SPATE_TIMESTAMP: column_builder_i64(out, (int64_t)(v % 4000000000) * 1000000 + (int64_t)(v % 1000)); break;
    default: column_builder_bytes(out, TEXTS[v % 16], strlen(TEXTS[v % 16]));
  }
}

static inline struct spate_batch *test_batch(const struct schema *schema, uint32_t rows, struct random *r) {
  struct spate_column *column[32];
  for (uint32_t c = 0; c < schema->all.count; c++) {
    struct column_builder b;
    column_builder_init(&b, schema->all.fields[c].type, rows);
    for (uint32_t row = 0; row < rows; row++) test_value(&b, r);
    column[c] = column_builder_take(&b);
    for (uint32_t row = 0; row < rows; row++) /* what lies under a null is anything */
      if (random_below(r, 5) == 0) spate_column_set_null(column[c], row);
    column_builder_fini(&b);
  }
  return spate_batch_new(rows, schema->all.count, column, NULL);
}

/* One row as text; "null"; "error" where it was rejected. The caller frees it. */
static inline char *test_text(const struct spate_column *c, uint32_t row, const struct spate_rejects *rejects) {
  if (rejects != NULL && rejects->bad[row]) return strdup("error");
  if (spate_column_null(c, row)) return strdup("null");
  struct spate_buffer *b = spate_buffer_new(64);
  ck_assert_int_eq(spate_column_text(c, row, b), 0);
  char *out = strndup(b->data, b->size);
  spate_buffer_unref(b);
  return out;
}
#endif
