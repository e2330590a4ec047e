/*
 * expr_kernels: what the tables of cases (expr_cases) do not show: errors that stay behind in branches not taken, the
 * reasons of those that do not, what lies under nulls, the fast loops of filters, frames used again and again.
 */
#include "expr_test.h"

#include "data/rejects.h"

static struct arena *arena;
static struct schema *columns;
static struct spate_rejects *rejects;
static void setup(void) {
  arena = arena_new();
  columns = schema_new(arena, 16);
  schema_add(columns, "i", type_of(SPATE_INT));
  schema_add(columns, "z", type_of(SPATE_INT)); /* all zero, but null in row 2 */
  schema_add(columns, "s", type_of(SPATE_STRING));
  schema_add(columns, "b", type_of(SPATE_BOOL));
  schema_add(columns, "d", type_of(SPATE_DOUBLE));
  rejects = MEM_NEW(struct spate_rejects);
}
static void teardown(void) {
  arena_free(&arena);
  rejects_fini(rejects);
  mem_free(rejects);
}

/* Four rows: i 1 2 3 null, z 0 0 null 0, s 'a' 'x' '3' null, b true false null null, d 0.0 NaN -0.0 1.5. */
static struct spate_batch *batch_new(void) {
  struct column_builder b[5];
  struct spate_column *column[5];
  for (int c = 0; c < 5; c++) column_builder_init(&b[c], columns->all.fields[c].type, 4);
  for (int row = 0; row < 4; row++) {
    column_builder_i64(&b[0], row == 3 ? INT64_MAX : row + 1);
    column_builder_i64(&b[1], 0);
    column_builder_bytes(&b[2], row == 0 ? "a" : row == 1 ? "x" : "3", 1);
    column_builder_bool(&b[3], row != 1);
    column_builder_f64(&b[4], row == 0 ? 0.0 : row == 1 ? __builtin_nan("") : row == 2 ? -0.0 : 1.5);
  }
  for (int c = 0; c < 5; c++) {
    column[c] = column_builder_take(&b[c]);
    column_builder_fini(&b[c]);
  }
  spate_column_set_null(column[0], 3);
  spate_column_set_null(column[1], 2);
  spate_column_set_null(column[2], 3);
  spate_column_set_null(column[3], 2);
  spate_column_set_null(column[3], 3);
  return spate_batch_new(4, 5, column, NULL);
}

static struct expr *compile(const char *text) {
  struct expr_error err;
  struct expr *e = expr_compile(arena, text, columns, &err);
  ck_assert_msg(e != NULL, "%s: %s", text, err.message);
  return e;
}

static void check_values(const char *text, const char *want) {
  struct spate_batch *batch = batch_new();
  struct expr_frame *f = expr_frame_new(compile(text));
  rejects_clear(rejects);
  struct spate_column *c = expr_eval(f, batch, NULL, rejects);
  struct buf got = {0};
  for (uint32_t row = 0; row < 4; row++) {
    char *one = test_text(c, row, rejects);
    buf_format(&got, "%s%s", row > 0 ? " " : "", one);
    free(one);
  }
  ck_assert_msg(strcmp(buf_string(&got), want) == 0, "%s: %s, not %s", text, buf_string(&got), want);
  buf_free(&got);
  spate_column_unref(c);
  expr_frame_free(&f);
  spate_batch_unref(batch);
}

START_TEST(values) {
  static const char *const CASES[][2] = {
      /* an error stays behind where it is not asked for, from left to right */
      {"i / z", "error error null null"},
      {"i / i", "1.0 1.0 1.0 null"},
      {"false and i / z > 0", "false false false false"},
      {"true or i / z > 0", "true true true true"},
      {"i / z > 0 and false", "error error false false"},
      {"i > 1 and 1 / (i - 1) > 0", "false true true null"},
      {"i = 1 or 1 / (i - 1) > 0", "true true true null"},
      {"null and i / z > 0", "error error null null"},
      {"case when i = 1 then 10 when i = 2 then 10 div z else 30 end", "10 error 30 30"},
      {"case when b then 1 div z else i end", "error 2 3 null"},
      {"case when cast(s as int) = 3 then 1 end", "error error 1 null"},
      {"case i when 1 then 'a' when 1 div z then 'b' else 'c' end", "a error c error"},
      {"coalesce(i, 1 div z)", "1 2 3 error"},
      {"coalesce(z, i / z)", "0.0 0.0 null 0.0"},
      {"ifnull(i, cast(s as int))", "1 2 3 null"},
      {"if(i > 1, 10 div (i - 1), -1)", "-1 10 5 -1"},
      {"nullif(i, 2)", "1 null 3 null"},
      {"nullif(1 div z, 5)", "error error null error"},
      {"i in (1, 5 div z)", "true error null error"},
      {"i between 2 and 1 div z", "false error null error"},
      {"i is null or 1 div z = 1", "error error null true"},
      {"try_cast(s as int)", "null null 3 null"},
      {"try_cast(1 div z as string)", "error error null error"},
      {"greatest(i, z)", "1 2 3 0"},
      {"greatest(i, 1 div z)", "error error 3 error"},
      {"not (i / z > 0)", "error error null null"},
      {"(i / z) is null", "error error true true"},
      /* what lies under a null is not computed with */
      {"i + 9223372036854775804", "9223372036854775805 9223372036854775806 9223372036854775807 null"},
      {"i * 2 + 9223372036854775801", "9223372036854775803 9223372036854775805 9223372036854775807 null"},
      {"-i - 9223372036854775805", "-9223372036854775806 -9223372036854775807 -9223372036854775808 null"},
      {"cast(i as decimal(1,0))", "1 2 3 null"},
      {"cast(i as timestamp) is null", "false false false true"},
      /* nulls, three values */
      {"b and null", "null false null null"},
      {"b or null", "true null null null"},
      {"not b", "false true null null"},
      {"b is not true", "false true true true"},
      {"b is distinct from null", "true true false false"},
      {"i not in (1, null)", "false null null null"},
      {"s || null", "null null null null"},
      /* NaN and the two zeros */
      {"d = 0", "true false true false"},
      {"d = cast('NaN' as double)", "false true false false"},
      {"d > 1e300", "false true false false"},
      {"d < cast('NaN' as double)", "true false true true"},
      {"d >= cast('NaN' as double)", "false true false false"},
      {"d in (0, 1.5)", "true false true true"},
      {"1e0 / d", "error NaN error 0.6666666666666666"},
      {"d is distinct from -0.0", "false true false true"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) check_values(CASES[i][0], CASES[i][1]);
}
END_TEST

START_TEST(reasons) {
  static const char *const CASES[][2] = {
      {"10 div z", "division by zero, in: 10 div z"},
      {"i + 9223372036854775807", "integer overflow: 1 + 9223372036854775807, in: i + 9223372036854775807"},
      {"cast(s as int)", "'a' cannot be cast to int, in: cast(s as int)"},
      {"cast('a\nb' as int)", "'a?b' cannot be cast to int, in: cast('a?b' as int)"},
      {"cast('äöüäöüäöüäöüäöüäöüäöüäöü' as int)",
       "'äöüäöüäöüäöüäöüäöüäö …' cannot be cast to int, in: cast('äöüäöüäöüäöüäöüäöüäöüäöü' as int)"},
      {"1.0 / cast(z as decimal(3,1))", "division by zero, in: 1.0 / cast(z as decimal(3,1))"},
      {"cast(i + 998 as decimal(2,0))", "'999' cannot be cast to decimal(2,0), in: cast(i + 998 as decimal(2,0))"},
  };
  struct spate_batch *batch = batch_new();
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    struct expr_frame *f = expr_frame_new(compile(CASES[i][0]));
    rejects_clear(rejects);
    spate_column_unref(expr_eval(f, batch, NULL, rejects));
    ck_assert_uint_ge(rejects->count, 1);
    ck_assert_uint_eq(rejects->item[0].row, 0);
    ck_assert_str_eq(rejects_reason(rejects, 0), CASES[i][1]);
    spate_column_unref(expr_eval(f, batch, NULL, NULL)); /* who does not ask is not told */
    expr_frame_free(&f);
  }
  spate_batch_unref(batch);
}
END_TEST

/* Texts around the width of the masked load, which differ in one byte at every place. */
START_TEST(text_filters) {
  enum { MOST = 12 };
  struct column_builder b;
  column_builder_init(&b, type_of(SPATE_STRING), 256);
  char text[MOST + 2];
  for (uint32_t size = 0; size <= MOST; size++)
    for (uint32_t place = 0; place <= size; place++) {
      memset(text, 'a', sizeof text);
      text[place] = 'b'; /* at place == size: all a */
      column_builder_bytes(&b, text, size);
    }
  struct schema *schema = schema_new(arena, 1);
  schema_add(schema, "s", type_of(SPATE_STRING));
  struct spate_column *column = column_builder_take(&b);
  column_builder_fini(&b);
  struct spate_batch *batch = spate_batch_new(column->rows, 1, (struct spate_column *[]){column}, NULL);
  for (uint32_t size = 0; size <= MOST; size++)
    for (int equal = 0; equal < 2; equal++) {
      struct expr_error err;
      uint16_t rows[SPATE_BATCH_ROWS];
      memset(text, 'a', sizeof text);
      char *condition = arena_format(arena, "s %s '%.*s'", equal ? "=" : "<>", (int)size, text);
      struct expr_frame *f = expr_frame_new(expr_compile(arena, condition, schema, &err));
      uint32_t n = expr_select(f, batch, NULL, NULL, rows), want = 0;
      for (uint32_t row = 0; row < column->rows; row++) {
        uint32_t length;
        const char *value = spate_column_bytes(column, row, &length);
        if ((length == size && memcmp(value, text, size) == 0) != (equal != 0)) continue;
        ck_assert_msg(want < n && rows[want] == row, "%s: row %u", condition, row);
        want++;
      }
      ck_assert_uint_eq(want, n);
      expr_frame_free(&f);
    }
  for (uint32_t size = 0; size <= MOST; size++) { /* `in` has such a loop too */
    struct expr_error err;
    uint16_t rows[SPATE_BATCH_ROWS];
    memset(text, 'a', sizeof text);
    char *condition = arena_format(arena, "s in ('%.*s', 'zz')", (int)size, text);
    struct expr_frame *f = expr_frame_new(expr_compile(arena, condition, schema, &err));
    ck_assert_uint_eq(expr_select(f, batch, NULL, NULL, rows), 1);
    uint32_t length;
    spate_column_bytes(column, rows[0], &length);
    ck_assert_uint_eq(length, size);
    expr_frame_free(&f);
  }
  spate_batch_unref(batch);
}
END_TEST

START_TEST(selections) {
  struct spate_batch *batch = batch_new();
  uint16_t rows[2] = {0, 2}, kept[SPATE_BATCH_ROWS];
  struct spate_batch *some = batch_select(batch, rows, 2);
  struct expr_frame *f = expr_frame_new(compile("i >= 2"));
  ck_assert_uint_eq(expr_select(f, some, NULL, rejects, kept), 1);
  ck_assert_uint_eq(kept[0], 2);
  expr_frame_free(&f);
  f = expr_frame_new(compile("10 div z > 0"));
  ck_assert_uint_eq(expr_select(f, some, NULL, rejects, kept), 0);
  ck_assert_uint_eq(rejects->count, 1); /* row 1 is not selected */
  expr_frame_free(&f);
  f = expr_frame_new(compile("s || '!'"));
  struct spate_column *c = expr_eval(f, some, NULL, rejects);
  ck_assert_uint_eq(c->rows, 4);
  ck_assert_mem_eq(c->offsets, ((uint32_t[]){0, 2, 2, 4, 4}), 20); /* the others are empty */
  spate_column_unref(c);
  expr_frame_free(&f);
  spate_batch_unref(some);
  spate_batch_unref(batch);
}
END_TEST

START_TEST(frames) {
  struct spate_batch *batch = batch_new();
  struct expr_frame *f = expr_frame_new(compile("i"));
  struct spate_column *c = expr_eval(f, batch, NULL, rejects);
  ck_assert_ptr_eq(c, batch->column[0]); /* a plain column comes back as it is */
  spate_column_unref(c);
  expr_frame_free(&f);

  f = expr_frame_new(compile("'con' || 'stant'")); /* as many rows as each batch has */
  for (uint32_t rows = 1; rows < 4; rows++) {
    struct spate_batch other = {.rows = rows, .count = rows};
    c = expr_eval(f, &other, NULL, rejects);
    ck_assert_uint_eq(c->rows, rows);
    char *text = test_text(c, rows - 1, NULL);
    ck_assert_str_eq(text, "constant");
    free(text);
    spate_column_unref(c);
  }
  expr_frame_free(&f);

  f = expr_frame_new(compile("10 div (i - 1)")); /* a failure is forgotten with its batch */
  uint16_t good[1] = {1}, bad[1] = {0};
  struct spate_batch *with = batch_select(batch, bad, 1), *without = batch_select(batch, good, 1);
  for (int k = 0; k < 4; k++) {
    rejects_clear(rejects);
    c = expr_eval(f, k % 2 ? without : with, NULL, rejects);
    ck_assert_uint_eq(rejects->count, k % 2 ? 0 : 1);
    ck_assert_int_eq(spate_column_null(c, 0), k % 2 == 0);
    spate_column_unref(c);
  }
  expr_frame_free(&f);
  spate_batch_unref(with);
  spate_batch_unref(without);

  struct expr_moment moment = {5000000, 3000000};
  struct expr *e = compile("current_timestamp - current_watermark > interval '1' second");
  ck_assert(!expr_constant(e));
  f = expr_frame_new(e);
  uint16_t kept[SPATE_BATCH_ROWS];
  ck_assert_uint_eq(expr_select(f, batch, &moment, rejects, kept), 4);
  moment.watermark = SPATE_TIME_MIN; /* null */
  ck_assert_uint_eq(expr_select(f, batch, &moment, rejects, kept), 0);
  expr_frame_free(&f);
  spate_batch_unref(batch);
}
END_TEST

START_TEST(plugins) {
  struct spate_field fields[] = {{.name = "i", .type = {SPATE_INT, 0, 0, 0}}};
  struct spate_schema schema = {fields, 1};
  struct spate_error err = {0};
  ck_assert_ptr_null(spate_expr_new("j + 1", &schema, &err));
  ck_assert_str_eq(err.message, "there is no column 'j'; a text is written in quotes: 'j', in 'j + 1' at column 1");
  struct spate_expr *e = spate_expr_new("'user_' || (i % 2)", &schema, &err);
  ck_assert_int_eq(spate_expr_type(e).kind, SPATE_STRING);
  struct spate_column *i = spate_column_new(type_of(SPATE_INT), 2, 0);
  i->i64[1] = 7;
  struct spate_batch *batch = spate_batch_new(2, 1, &i, NULL);
  struct spate_column *c = spate_expr_eval(e, batch, rejects);
  char *text = test_text(c, 1, rejects);
  ck_assert_str_eq(text, "user_1");
  free(text);
  spate_column_unref(c);
  spate_batch_unref(batch);
  spate_expr_free(e);
}
END_TEST

START_TEST(listed) {
  uint32_t count;
  const struct expr_function_info *all = expr_functions(&count);
  ck_assert_uint_gt(count, 100);
  bool cast = false;
  for (uint32_t i = 0; i < count; i++) {
    ck_assert_msg(all[i].help != NULL && all[i].help[0] != '\0', "%s has no help", all[i].name);
    ck_assert_msg(all[i].signature != NULL && all[i].group != NULL, "%s", all[i].name);
    cast = cast || strcmp(all[i].name, "cast") == 0;
  }
  ck_assert(cast);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("expr_kernels");
  TCase *t = tcase_create("kernels");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, values);
  tcase_add_test(t, reasons);
  tcase_add_test(t, text_filters);
  tcase_add_test(t, selections);
  tcase_add_test(t, frames);
  tcase_add_test(t, plugins);
  tcase_add_test(t, listed);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
