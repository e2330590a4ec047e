/* Where YAML stops inside an expression: the place, the quoted form, and what the mended tree then holds. */
#include "config_test.h"

static const struct {
  const char *text;
  uint32_t line, column;
  const char *form; /* NULL: nothing is wrong */
} cases[] = {
    /* a comma inside brackets, in a map in brackets */
    {"- set: {total: coalesce(price, 0), b: 1}\n", 1, 30, "total: \"coalesce(price, 0)\""},
    {"s: {price: decimal(10,2), x: int}\n", 1, 22, "price: \"decimal(10,2)\""},
    {"s: {x: {type: decimal(10,2), required: true}}\n", 1, 25, "type: \"decimal(10,2)\""},
    {"c: {m: max(case when a in (1, 2) then b end), n: count(*)}\n", 1, 29,
     "m: \"max(case when a in (1, 2) then b end)\""},
    {"c: {m: f(a, g(b, c), 'd, e')}\n", 1, 28, "m: \"f(a, g(b, c), 'd, e')\""},
    {"c: {m: f(a,\n  b), n: 1}\n", 1, 11, "m: \"f(a, b)\""},
    {"c: [a, cast(b as decimal(10,2))]\n", 1, 28, "\"cast(b as decimal(10,2))\""},
    {"c: {m: replace(a, '\"', 'x')}\n", 1, 27, "m: 'replace(a, ''\"'', ''x'')'"},
    {"c: {f: concat(a, '\\')}\n", 1, 21, "f: 'concat(a, ''\\'')'"},
    /* a comma or bracket inside quotes */
    {"s: {a: b || ', ' || c, d: e}\n", 1, 16, "a: \"b || ', ' || c\""},
    {"s:\n  {a: b || ', ' || c,\n   d: e}\n", 2, 15, "a: \"b || ', ' || c\""},
    {"s: {a: b || ',x' || c, d: e}\n", 1, 14, "a: \"b || ',x' || c\""},
    {"s: {a: x[1], b: 2}\n", 1, 9, "a: \"x[1]\""},
    {"k: {brokers: ${BROKERS:-x}, b: 2}\n", 1, 15, "brokers: \"${BROKERS:-x}\""},
    {"s: {t: orders-{region}, b: 2}\n", 1, 15, "t: \"orders-{region}\""},
    {"s: {a: case when b then '{' end, c: 1}\n", 1, 26, "a: \"case when b then '{' end\""},
    {"s: {a: x in ('p: q'), b: 2}\n", 1, 16, "a: \"x in ('p: q')\""},
    {"s: {a: b, c + d}\n", 1, 11, "a: \"b, c + d\""},
    {"s: {x: {t: f(1, 2)}}\n", 1, 15, "t: \"f(1, 2)\""},
    /* a scalar followed by text */
    {"- filter: 'a' = b\n", 1, 15, "filter: \"'a' = b\""},
    {"- 'a' = b\n", 1, 7, "\"'a' = b\""},
    {"filter: \"so\" > 1\n", 1, 14, "filter: '\"so\" > 1'"},
    {"s: {a: 'b' || c}\n", 1, 12, "a: \"'b' || c\""},
    {"filter: {a} = b\n", 1, 13, "filter: \"{a} = b\""},
    {"filter: [1] = b\n", 1, 13, "filter: \"[1] = b\""},
    {"s: {k: \"so\" = 1, l: m}\n", 1, 13, "k: '\"so\" = 1'"},
    /* comments */
    {"- filter: tag = 'a #1'\n", 1, 20, "\"tag = 'a #1'\""},
    {"- filter: tag in ('a', # one\n", 0, 0, NULL},
    {"- filter: tag in ('a' # one)\n", 1, 23, "\"tag in ('a' # one)\""},
    {"- filter: tag = 'a #1' and b # really\n", 1, 20, "\"tag = 'a #1' and b\""},
    {"s: {a: x = 'a #b', c: d}\n", 1, 15, "= write it in quotes: \"x = 'a #b'\""},
    {"- filter: tag = 'a' # it's b'\n", 0, 0, NULL},
    {"help: it's 5 o'clock # not bob's\n", 0, 0, NULL},
    /* colons, and characters that begin something else */
    {"filter: x = 'b: c'\n", 1, 15, "filter: \"x = 'b: c'\""},
    {"filter: @x = 1\n", 1, 9, "filter: \"@x = 1\""},
    {"filter: *x = 1\n", 1, 9, "filter: \"*x = 1\""},
    {"filter: !x\n", 1, 9, "filter: \"!x\""},
    {"filter: > 5\n", 1, 9, "filter: \"> 5\""},
    {"filter: %x\n", 1, 9, "filter: \"%x\""},
    /* right as it is */
    {"s: {a: f(b), c: 'x, y', d: \"(\"}\n", 0, 0, NULL},
    {"s: {a, b: , c: d}\n", 0, 0, NULL},
    {"s: [f(a), b]\n", 0, 0, NULL},
    {"filter: a in ('x', 'y') and b = '{'\n", 0, 0, NULL},
    {"filter: f(a,\n   b)\n", 0, 0, NULL},
    {"s: {a: \"coalesce(x, 0)\", b: 'y'}\n", 0, 0, NULL},
    {"s: {a: don't, b: 'y'}\n", 0, 0, NULL},
};

START_TEST(stop) {
  parse(cases[_i].text);
  if (cases[_i].form == NULL) {
    ck_assert_msg(errors.count == 0, "%s", printed(false));
    return;
  }
  ck_problem(cases[_i].line, cases[_i].column, cases[_i].form);
}
END_TEST

START_TEST(tree_is_mended) {
  const struct conf_node *root = parse("s: {a: f(x, nope), b: 2, c: g(1, h(2, 3))}\nl: [a, f(b, c), d]\n");
  ck_assert_uint_eq(errors.count, 3);
  ck_assert_uint_eq(root->item[0].count, 3);
  ck_assert_str_eq(text_of(root, "s.a"), "f(x, nope)");
  ck_assert_str_eq(text_of(root, "s.b"), "2");
  ck_assert_str_eq(text_of(root, "s.c"), "g(1, h(2, 3))");
  ck_assert_uint_eq(root->item[1].count, 3);
  ck_assert_str_eq(root->item[1].item[1].text, "f(b, c)");
  conf_error_in(&errors, conf_find(root, "s.a"), 5, 4, NULL, "no such column");
  ck_says("t.yaml:1:13: error: no such column");
}
END_TEST

START_TEST(key_cut) {
  const struct conf_node *root = parse("s: {coalesce(a, b): c, d: 1}\n");
  ck_assert_uint_eq(errors.count, 1);
  ck_says("t.yaml:1:15: error: YAML ends the text at this ','");
  ck_says("\"coalesce(a, b): c\"");
  ck_assert(root->item[0].key[0].broken);
  ck_assert_str_eq(text_of(root, "s.d"), "1");
}
END_TEST

START_TEST(aliases_inside_brackets) {
  const struct conf_node *root = parse_good("a: &x f(1, 2)\nb: {c: *x, d: 1}\n");
  ck_assert_str_eq(text_of(root, "b.c"), "f(1, 2)");
}
END_TEST

START_TEST(long_values_have_no_form) {
  char text[6000] = "s: {a: f(";
  for (int i = 0; i < 1000; i++) strcat(text, "x, ");
  strcat(text, "1), b: 2}\n");
  parse(text);
  ck_says("t.yaml:1:11: error: YAML ends the text at this ','");
  ck_silent("write it in quotes");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("config_stop");
  TCase *all = tcase_create("all");
  tcase_add_checked_fixture(all, config_setup, config_teardown);
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, stop, 0, sizeof cases / sizeof *cases);
  tcase_add_test(all, tree_is_mended);
  tcase_add_test(all, key_cut);
  tcase_add_test(all, aliases_inside_brackets);
  tcase_add_test(all, long_values_have_no_form);
  return config_run(suite);
}
