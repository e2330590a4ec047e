/* expr_compute: entries of `compute:` taken apart into calls of aggregates and what is done with their results. */
#include "expr_test.h"

#include "expr/aggregate.h"

static struct arena *arena;
static struct schema *input, *group;
static void setup(void) {
  arena = arena_new();
  input = schema_new(arena, 8);
  schema_add(input, "campaign", type_of(SPATE_STRING));
  schema_add(input, "price", type_decimal(10, 2));
  schema_add(input, "latency", type_of(SPATE_INT));
  schema_add(input, "at", type_of(SPATE_TIMESTAMP));
  group = schema_new(arena, 8);
  schema_add(group, "campaign", type_of(SPATE_STRING));
  schema_add(group, "window_end", type_of(SPATE_TIMESTAMP));
}
static void teardown(void) { arena_free(&arena); }

static struct expr_aggregate taken(const char *text, struct schema **columns) {
  struct expr_aggregate a;
  struct expr_error err;
  ck_assert_msg(expr_compile_aggregate(arena, text, input, group, &a, columns, &err) == 0, "%s: %s", text, err.message);
  return a;
}

START_TEST(plain) {
  struct schema *columns;
  struct expr_aggregate a = taken("count(*)", &columns);
  ck_assert_uint_eq(a.calls, 1);
  ck_assert_ptr_null(a.final);
  ck_assert_str_eq(a.call[0].agg->name, "count");
  ck_assert_uint_eq(a.call[0].args, 0);
  ck_assert_int_eq(a.call[0].type.kind, SPATE_INT);
  a = taken("COUNT(distinct campaign)", &columns);
  ck_assert(a.call[0].distinct);
  ck_assert_int_eq(expr_column(a.call[0].arg[0]), 0);
  a = taken("sum(price * 2) filter (where price > 100 and campaign = 'a')", &columns);
  ck_assert_uint_eq(a.call[0].args, 1);
  ck_assert_int_eq(expr_type(a.call[0].filter).kind, SPATE_BOOL);
  ck_assert_ptr_null(a.final);
  a = taken("min_by(campaign, latency)", &columns);
  ck_assert_uint_eq(a.call[0].args, 2);
  ck_assert_int_eq(a.call[0].type.kind, SPATE_STRING);
}
END_TEST

/* The final expression reads the group's columns, then the results in order. */
START_TEST(composed) {
  struct schema *columns;
  struct expr_aggregate a = taken("sum(latency) / count(*) + sum(latency)", &columns);
  ck_assert_uint_eq(a.calls, 2); /* the same call twice is one */
  ck_assert_uint_eq(columns->all.count, 4);
  ck_assert_ptr_nonnull(a.final);
  ck_assert_int_eq(expr_type(a.final).kind, SPATE_DOUBLE);
  uint8_t used[4] = {0};
  expr_columns(a.final, used);
  ck_assert_mem_eq(used, ((uint8_t[]){0, 0, 1, 1}), 4);
  struct spate_column *column[4] = {NULL, NULL, spate_column_new(a.call[0].type, 1, 0),
                                    spate_column_new(a.call[1].type, 1, 0)};
  column[2]->i64[0] = 30;
  column[3]->i64[0] = 4;
  struct spate_batch one = {.rows = 1, .count = 1, .columns = 4, .column = column};
  struct expr_frame *f = expr_frame_new(a.final);
  struct spate_column *c = expr_eval(f, &one, NULL, NULL);
  ck_assert_double_eq(c->f64[0], 37.5);
  spate_column_unref(c);
  spate_column_unref(column[2]);
  spate_column_unref(column[3]);
  expr_frame_free(&f);
  a = taken("case when count(*) > 1 then campaign || '+' else campaign end", &columns);
  ck_assert_uint_eq(a.calls, 1);
  ck_assert_int_eq(expr_type(a.final).kind, SPATE_STRING);
  a = taken("sum(latency) filter (where latency > 1) - sum(latency)", &columns);
  ck_assert_uint_eq(a.calls, 2); /* not the same */
  a = taken("upper(campaign)", &columns);
  ck_assert_uint_eq(a.calls, 0);
  ck_assert_ptr_nonnull(a.final);
  a = taken("coalesce(max(at), window_end) > timestamp '2026-01-01'", &columns);
  ck_assert_int_eq(expr_type(a.final).kind, SPATE_BOOL);
}
END_TEST

static const struct wrong {
  const char *text;
  uint32_t offset;
  const char *message, *hint;
} WRONG[] = {
    {"sum(latency) + latency", 15, "neither a key nor inside an aggregate", "first(latency)"},
    {"sum(count(*))", 4, "inside an aggregate", ""},
    {"sum(1 + max(latency))", 8, "inside an aggregate", ""},
    {"sum(latency) filter (where count(*) > 1)", 27, "inside an aggregate", ""},
    {"sum(latency) filter (where latency)", 27, "must be true or false", ""},
    {"sum(campaign)", 0, "", "sum("},
    {"sum()", 0, "sum takes", ""},
    {"sum(latency, latency)", 0, "sum takes", ""},
    {"sum(*)", 0, "only count", ""},
    {"upper(*)", 0, "only count", ""},
    {"count(distinct *)", 0, "means nothing", ""},
    {"sum(latncy)", 4, "no column 'latncy'", "'latency'"},
    {"summ(latency)", 0, "no function 'summ'", "'sum'"},
    {"max(at - at)", 4, "interval", ""},
    {"max(at) - min(at)", 0, "interval", "timestampdiff"},
    {"count(*) filter (price > 1)", 17, "'where'", ""},
};

START_TEST(wrong) {
  const struct wrong *w = &WRONG[_i];
  struct expr_aggregate a;
  struct schema *columns;
  struct expr_error err;
  ck_assert_msg(expr_compile_aggregate(arena, w->text, input, group, &a, &columns, &err) != 0, "%s was accepted",
                w->text);
  ck_assert_msg(strstr(err.message, w->message) != NULL, "%s: '%s' has no '%s'", w->text, err.message, w->message);
  ck_assert_msg(w->hint[0] == '\0' || strstr(err.hint, w->hint) != NULL, "%s: hint '%s' has no '%s'", w->text, err.hint,
                w->hint);
  ck_assert_msg(err.offset == w->offset, "%s: at %u, not %u", w->text, err.offset, w->offset);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("expr_compute");
  TCase *t = tcase_create("compute");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, plain);
  tcase_add_test(t, composed);
  tcase_add_loop_test(t, wrong, 0, sizeof WRONG / sizeof WRONG[0]);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
