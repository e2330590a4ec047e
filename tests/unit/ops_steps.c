/*
 * Steps without state: what they make of columns, hidden ones too, of nulls, of columns that are not there because
 * nobody reads them, and of rows that fail.
 */
#include "ops_test.h"

#define STEP(columns, yaml) \
  struct step_test t = {0}; \
  run_check(&t, columns, yaml)

START_TEST(filter_keeps_what_is_true) {
  STEP("a int, b string, | _key string", "filter: a > 1");
  ck_assert_str_eq(port_text(&t, 0), "a int, b string, | _key string");
  ck_assert_str_eq(step_push(&t, "1,x,k;2,y,k;,z,k;3,,k"), "0:2,y,k;3,,k");
  ck_assert_str_eq(step_push(&t, "1,x,k;,z,k"), "");
  ck_assert_str_eq(step_push(&t, "2,-,-;1,,"), "0:2,-,-");
  ck_assert_str_eq(needs_text(&t, ""), "a");
  ck_assert_str_eq(needs_text(&t, "b"), "a b");
  step_close(&t);
}
END_TEST

START_TEST(filter_rejects_the_row_not_the_batch) {
  STEP("a int", "filter: 10 / a > 1");
  ck_assert_str_eq(step_push(&t, "1;0;2;100"), "0:1;2 !1");
  step_close(&t);
}
END_TEST

START_TEST(map_makes_these_columns_and_ends_hidden_ones) {
  STEP("a int, b string, | _key string", "map: {x: a + 1, b: b, k: _key}");
  ck_assert_str_eq(port_text(&t, 0), "x int, b string, k string");
  ck_assert_str_eq(step_push(&t, "1,x,k"), "0:2,x,k");
  ck_assert_str_eq(step_push(&t, "1,-,-"), "0:2,-,-");
  ck_assert_str_eq(needs_text(&t, ""), "a");
  ck_assert_str_eq(needs_text(&t, "x k"), "a _key");
  step_close(&t);
}
END_TEST

START_TEST(set_sees_the_old_columns) {
  STEP("a int, b int, | _key string", "set: {a: b, b: a, c: a + b}");
  ck_assert_str_eq(port_text(&t, 0), "a int, b int, c int, | _key string");
  ck_assert_str_eq(step_push(&t, "1,2,k"), "0:2,1,3,k");
  ck_assert_str_eq(step_push(&t, "1,2,-"), "0:2,1,3,-");
  step_close(&t);
}
END_TEST

START_TEST(set_names_a_hidden_column_and_it_is_visible) {
  STEP("a int, | _key string, _offset int", "set: {_key: upper(_key)}");
  ck_assert_str_eq(port_text(&t, 0), "a int, _key string, | _offset int");
  ck_assert_str_eq(step_push(&t, "1,k,5"), "0:1,K,5");
  step_close(&t);
}
END_TEST

START_TEST(set_rejects_rows) {
  STEP("a int, b string", "set: {c: 10 / a, d: cast(b as int)}");
  ck_assert_str_eq(step_push(&t, "1,1;0,2;2,x;5,3"), "0:1,1,10.0,1;5,3,2.0,3 !1 !2");
  ck_assert_str_eq(step_push(&t, "0,x"), "!0");
  step_close(&t);
}
END_TEST

START_TEST(select_drop_rename) {
  STEP("a int, b string, | _key string", "select: [b, _key]");
  ck_assert_str_eq(port_text(&t, 0), "b string, _key string");
  ck_assert_str_eq(step_push(&t, "1,x,k"), "0:x,k");
  step_close(&t);
  struct step_test u = {0};
  run_check(&u, "a int, b string, | _key string, _offset int", "drop: [a, _key]");
  ck_assert_str_eq(port_text(&u, 0), "b string, | _offset int");
  ck_assert_str_eq(step_push(&u, "1,x,k,7"), "0:x,7");
  step_close(&u);
  struct step_test v = {0};
  run_check(&v, "a int, b string, | _key string, _offset int", "rename: {a: b, b: a, _key: id}");
  ck_assert_str_eq(port_text(&v, 0), "b int, a string, id string, | _offset int");
  ck_assert_str_eq(step_push(&v, "1,x,k,7"), "0:1,x,k,7");
  ck_assert_str_eq(needs_text(&v, "id"), "_key");
  step_close(&v);
}
END_TEST

START_TEST(route_to_all_that_hold) {
  STEP("a int", "{name: r, route: {to: {big: a > 10, even: a % 2 = 0}, rest: other}}");
  ck_assert_uint_eq(t.check.ports, 3);
  ck_assert_str_eq(t.check.port[0].name, "r.big");
  ck_assert_str_eq(t.check.port[2].name, "r.other");
  ck_assert_str_eq(step_push(&t, "12;13;2;1;null"), "0:12;13 1:12;2 2:1;");
  ck_assert_str_eq(step_push(&t, "1;3"), "2:1;3");
  ck_assert_str_eq(step_push(&t, "12"), "0:12 1:12");
  ck_assert_uint_eq(t.dropped, 0);
  step_close(&t);
}
END_TEST

START_TEST(route_to_the_first_that_holds) {
  STEP("a int", "{name: r, route: {to: {big: a > 10, even: a % 2 = 0}, first: true}}");
  ck_assert_str_eq(step_push(&t, "12;13;2;1;null"), "0:12;13 1:2");
  ck_assert_uint_eq(t.dropped, 2);
  step_close(&t);
}
END_TEST

START_TEST(route_sends_a_failing_row_nowhere) {
  STEP("a int, b int", "{name: r, route: {to: {x: a > 0, y: 10 / b > 1}, rest: z}}");
  ck_assert_str_eq(step_push(&t, "1,0;1,5;0,0;0,100"), "0:1,5 !0 !2 1:1,5 2:0,100");
  step_close(&t);
  struct step_test u = {0}; /* first: b is not looked at where a decides */
  run_check(&u, "a int, b int", "{name: r, route: {to: {x: a > 0, y: 10 / b > 1}, first: true, rest: z}}");
  ck_assert_str_eq(step_push(&u, "1,0;1,5;0,0;0,100"), "0:1,0;1,5 !2 2:0,100");
  step_close(&u);
}
END_TEST

START_TEST(key_by_passes_and_exchanges) {
  STEP("a int, b string", "key_by: [b, a]");
  ck_assert(t.check.exchange);
  ck_assert_uint_eq(t.check.keys, 2);
  ck_assert_uint_eq(t.check.key[0], 1);
  ck_assert_str_eq(step_push(&t, "1,x"), "0:1,x");
  ck_assert_str_eq(needs_text(&t, ""), "a b");
  step_close(&t);
}
END_TEST

START_TEST(everything_else_passes) {
  STEP("a int", "filter: a > 1");
  struct op_msg in = {.kind = OP_WATERMARK, .value = 5}, out = {0};
  ck_assert_int_eq(t.verb->op->step(t.state, &in, &out), SPATE_OK);
  ck_assert_int_eq(out.kind, OP_WATERMARK);
  ck_assert_int_eq(out.value, 5);
  step_close(&t);
}
END_TEST

/* ---- mistakes ---- */
static const struct {
  const char *columns, *yaml, *error;
} WRONG[] = {
    {"a int", "filter: aa > 1", "1:9: error: there is no column 'aa'"},
    {"a int", "filter: a", "a condition is needed here, and this gives int"},
    {"a int", "filter: [a]", "an expression is needed here, and this is a list"},
    {"a int", "map: {}", "'map' takes a map"},
    {"a int", "set: [a]", "'set' takes a map"},
    {"a int", "set: {b: a +}", "1:"},
    {"a int", "select: []", "the list of columns is empty"},
    {"a int, bcde int", "select: [a, bcdf]", "did you mean 'bcde'?"},
    {"a int", "select: [a, a]", "named twice"},
    {"a int", "drop: a", "this drops every column"},
    {"a int, b int", "rename: {a: b}", "two columns 'b'"},
    {"a int", "rename: {c: b}", "there is no column 'c'"},
    {"a int", "rename: {a: [b]}", "the new name of column 'a'"},
    {"a int", "route: {to: {x: a > 1}}", "a route needs a name"},
    {"a int", "{name: r, route: {}}", "needs the outputs"},
    {"a int", "{name: r, route: {to: {x: a > 1}, rest: x}}", "'x' is already an output"},
    {"a int", "{name: r, route: {to: {x: a > 1}, frist: true}}", "did you mean 'first'?"},
    {"a int", "key_by: [b]", "there is no column 'b'"},
    {"a int", "lookup: {table: t, on: a}", "there is no table 't'"},
};

START_TEST(mistakes) {
  struct step_test t = {0};
  step_check(&t, WRONG[_i].columns, WRONG[_i].yaml);
  ck_assert_int_eq(t.result, -1);
  const char *text = errors_text(&t);
  if (strstr(text, WRONG[_i].error) == NULL) ck_abort_msg("%s: no '%s' in\n%s", WRONG[_i].yaml, WRONG[_i].error, text);
  if (strcmp(t.verb->name, "route") != 0)
    ck_assert_uint_gt(t.check.ports, 0); /* the output is described all the same */
  step_close(&t);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("ops steps");
  TCase *tc = tcase_create("all");
  tcase_add_test(tc, filter_keeps_what_is_true);
  tcase_add_test(tc, filter_rejects_the_row_not_the_batch);
  tcase_add_test(tc, map_makes_these_columns_and_ends_hidden_ones);
  tcase_add_test(tc, set_sees_the_old_columns);
  tcase_add_test(tc, set_names_a_hidden_column_and_it_is_visible);
  tcase_add_test(tc, set_rejects_rows);
  tcase_add_test(tc, select_drop_rename);
  tcase_add_test(tc, route_to_all_that_hold);
  tcase_add_test(tc, route_to_the_first_that_holds);
  tcase_add_test(tc, route_sends_a_failing_row_nowhere);
  tcase_add_test(tc, key_by_passes_and_exchanges);
  tcase_add_test(tc, everything_else_passes);
  tcase_add_loop_test(tc, mistakes, 0, sizeof WRONG / sizeof *WRONG);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
