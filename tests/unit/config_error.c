/* The printed form of problems: order, carets, odd lines, bounds; 'did you mean'. */
#include "config_test.h"

START_TEST(whole_form) {
  const struct conf_node *root = parse_good("steps:\n  - fitler: event_typ = 'view'\n");
  const struct conf_node *step = &root->item[0].item[0];
  conf_error_in(&errors, &step->item[0], 0, 9, NULL, "there is no column '%s'", "event_typ");
  conf_hint(&errors, "did you mean '%s'?", "event_type");
  conf_error(&errors, &step->key[0], "there is no step 'fitler'");
  conf_warn(&errors, &root->key[0], "a warning");
  ck_assert_uint_eq(errors.count, 3);
  ck_assert_uint_eq(errors.errors, 2);
  ck_assert_str_eq(printed(false),
                   "t.yaml:1:1: warning: a warning\n"
                   "    1 | steps:\n"
                   "      | ^~~~~\n"
                   "t.yaml:2:5: error: there is no step 'fitler'\n"
                   "    2 |   - fitler: event_typ = 'view'\n"
                   "      |     ^~~~~~\n"
                   "t.yaml:2:13: error: there is no column 'event_typ'\n"
                   "    2 |   - fitler: event_typ = 'view'\n"
                   "      |             ^~~~~~~~~\n"
                   "      = did you mean 'event_type'?\n");
}
END_TEST

START_TEST(colours) {
  const struct conf_node *root = parse_good("a: b\n");
  conf_error(&errors, root->item, "x");
  const char *text = printed(true);
  ck_assert_ptr_nonnull(strstr(text, "\033[1;31merror"));
  ck_assert_ptr_null(strchr(printed(false), '\033'));
}
END_TEST

START_TEST(order_over_files) {
  const struct conf_node *b = conf_parse(arena, "b.yaml", "k: v\n", 5, &errors);
  const struct conf_node *a = conf_parse(arena, "a.yaml", "k: v\nl: w\n", 10, &errors);
  conf_error(&errors, NULL, "about nothing");
  conf_error(&errors, b->item, "first");
  conf_error(&errors, &a->item[1], "second");
  conf_error(&errors, &a->item[0], "third");
  const char *text = printed(false);
  const char *third = strstr(text, "a.yaml:1:4: error: third"), *second = strstr(text, "a.yaml:2:4: error: second"),
             *first = strstr(text, "b.yaml:1:4: error: first"), *nothing = strstr(text, "\nerror: about nothing\n");
  ck_assert(third != NULL && second != NULL && first != NULL && nothing != NULL);
  ck_assert(third < second && second < first && first < nothing);
}
END_TEST

START_TEST(same_is_said_once) {
  const struct conf_node *root = parse_good("a: b\n");
  conf_error(&errors, root->item, "x %d", 1);
  conf_error(&errors, root->item, "x %d", 1);
  conf_hint(&errors, "goes nowhere");
  conf_error(&errors, root->item, "x %d", 2);
  ck_assert_uint_eq(errors.count, 2);
  ck_assert_uint_eq(errors.errors, 2);
  ck_silent("goes nowhere");
}
END_TEST

START_TEST(bounded) {
  const struct conf_node *root = parse_good("a: b\n");
  for (int i = 0; i < 1500; i++) conf_error(&errors, root->item, "x %d", i);
  conf_hint(&errors, "for one that was not kept");
  ck_assert_uint_eq(errors.count, 1000);
  ck_assert_uint_eq(errors.errors, 1500);
  ck_says("and 500 more errors\n");
  ck_silent("for one that");
}
END_TEST

START_TEST(one_line_of_message) {
  const struct conf_node *root = parse_good("a: b\n");
  char large[4000];
  memset(large, 'y', sizeof large - 1);
  large[sizeof large - 1] = 0;
  conf_error(&errors, root->item, "%s", "two\nlines\tand \033[31mred\x7f \xff\xc3");
  conf_error(&errors, root->item, "%s", large);
  ck_says("error: two\\nlines\\tand \\x1b[31mred\\x7f \\xff\\xc3\n");
  ck_assert_uint_lt(strlen(errors.problem[1].message), 700);
  ck_assert_uint_eq(errors.problem[0].length, 1);
}
END_TEST

START_TEST(tabs_and_wide_characters) {
  const struct conf_node *root =
      parse_good("a: {x:\tnope, 'ß': nope, 日本: nope, \xf0\x9f\x98\x80: nope, e\xcc\x81: nope}\n");
  const struct conf_node *map = root->item;
  for (uint32_t i = 0; i < map->count; i++) conf_error(&errors, &map->item[i], "here %u", i);
  ck_says("t.yaml:1:8: error: here 0\n    1 | a: {x:    nope, 'ß': nope");
  ck_says("\n      |           ^~~~\n"); /* behind the tab */
  ck_says("t.yaml:1:19: error: here 1\n");
  ck_says("\n      |                      ^~~~\n"); /* ß is one column */
  ck_says("t.yaml:1:29: error: here 2\n");
  ck_says("\n      |                                  ^~~~\n"); /* two characters, two columns each */
  ck_says("t.yaml:1:38: error: here 3\n");
  ck_says("t.yaml:1:48: error: here 4\n");
}
END_TEST

START_TEST(long_lines) {
  char text[3000] = "a: [";
  for (int i = 0; i < 300; i++) sprintf(text + strlen(text), "v%03d, ", i);
  strcat(text, "é]\n");
  const struct conf_node *root = parse_good(text);
  conf_error(&errors, &root->item->item[0], "first");
  conf_error(&errors, &root->item->item[150], "middle");
  conf_error(&errors, &root->item->item[300], "last");
  const char *out = printed(false);
  for (const char *line = out, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
    ck_assert_int_lt(end - line, 170);
  ck_says("    1 | a: [v000, v001,");
  ck_says("…\n");
  const char *middle = strstr(output, "middle\n");
  const char *source = strchr(middle, '\n') + 1, *caret = strchr(source, '\n') + 1;
  ck_assert_ptr_nonnull(strstr(source, "| …"));
  size_t column = strcspn(caret, "^"); /* "…" is three bytes and one column */
  ck_assert_int_eq(strncmp(source + column + 2, "v150", 4), 0);
  ck_assert_int_eq(strncmp(caret + column, "^~~~\n", 5), 0);
}
END_TEST

START_TEST(one_very_long_line) {
  char *text = mem_zero(1u << 20, 1);
  strcpy(text, "a: '");
  memset(text + 4, 'x', (1u << 20) - 16);
  strcat(text, "' b");
  ck_assert_ptr_null(parse(text));
  ck_assert_uint_lt(strlen(printed(false)), 1000);
  mem_free(text);
}
END_TEST

START_TEST(many_problems_in_one_long_line) {
  char *text = mem_zero(1u << 20, 1);
  size_t n = (size_t)sprintf(text, "a: [");
  while (n < (1u << 20) - 100) n += (size_t)sprintf(text + n, "!t f(x, %s", n % 3 == 0 ? "\xc3\xa4)," : "1),");
  strcpy(text + n, "]\n");
  parse(text);
  ck_assert_uint_eq(errors.count, CONF_MOST_PROBLEMS);
  ck_says("more errors\n");
  mem_free(text);
}
END_TEST

START_TEST(passwords_in_the_line) {
  const struct conf_node *root = parse_good(
      "sasl: {pasword: hunter2, user: nope, sasl.password: 'hun ter', PASSWORD: '${X:-y}', secret_key: \"z9\", x: "
      "1}\n");
  const struct conf_node *map = root->item;
  conf_error(&errors, &map->key[0], "there is no option");
  conf_error(&errors, &map->item[1], "wrong");
  ck_silent("hunter2");
  ck_silent("hun ter");
  ck_silent("z9");
  ck_says(
      "| sasl: {pasword: ***, user: nope, sasl.password: ***, PASSWORD: '${X:-y}', secret_key: ***, x: 1}\n"
      "      |        ^~~~~~~\n");
  ck_says("\n      |                            ^~~~\n");
}
END_TEST

START_TEST(secret_option_in_the_line) {
  const struct conf_node *root = parse_good("key: hunter2 # c\n");
  conf_error_secret(&errors, root->item, "not good");
  ck_says("    1 | key: *** # c\n      |      ^~~\n");
}
END_TEST

START_TEST(maps_and_flows_underlined) {
  const struct conf_node *root = parse_good("a:\n  bb: 1\n  c: 2\nd: {e: 1,\n  f: 2}\n");
  conf_error(&errors, &root->item[0], "block");
  conf_error(&errors, &root->item[1], "flow");
  ck_says("t.yaml:2:3: error: block\n    2 |   bb: 1\n      |   ^~\n");
  ck_says("t.yaml:4:4: error: flow\n    4 | d: {e: 1,\n      |    ^~~~~~\n");
}
END_TEST

/* ---- did you mean ---- */
static const struct {
  const char *word, *nearest;
} words[] = {
    {"fitler", "filter"},
    {"filter", "filter"},
    {"FILTER", "filter"},
    {"filterr", "filter"},
    {"fiter", "filter"},
    {"xyz", NULL},
    {"", NULL},
    {"sel", NULL},
    {"selct", "select"},
    {"max-frame", "max_frame"},
    {"maxframe", "max_frame"},
    {"ID", "id"},
    {"Id", "id"},
    {"ix", NULL},
    {"aggergate", "aggregate"},
    {"agregate", "aggregate"},
    {"aggregation", "aggregate"},
    {"tpo", "top"},
    {"tip", "top"},
    {"t", NULL},
};
START_TEST(nearest) {
  static const char *const known[] = {"filter", "select", "aggregate", "max_frame", "id", NULL, "top", ""};
  const char *found = conf_nearest(words[_i].word, known, 8);
  if (words[_i].nearest == NULL) {
    ck_assert_msg(found == NULL, "'%s' gave '%s'", words[_i].word, found == NULL ? "" : found);
  } else {
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found, words[_i].nearest);
  }
}
END_TEST

START_TEST(nearest_of_long_words) {
  char word[200];
  memset(word, 'a', 199);
  word[199] = 0;
  const char *const known[] = {word};
  ck_assert_ptr_null(conf_nearest(word, known, 1));
  ck_assert_ptr_null(conf_nearest("a", NULL, 0));
}
END_TEST

START_TEST(hints) {
  static const char *const known[] = {"alpha", "beta"};
  const struct conf_node *root = parse_good("alhpa: 1\nzzz: 2\n");
  conf_error(&errors, &root->key[0], "unknown");
  conf_hint_nearest(&errors, "alhpa", known, 2);
  conf_error(&errors, &root->key[1], "unknown");
  conf_hint_nearest(&errors, "zzz", known, 2);
  ck_says("did you mean 'alpha'?");
  ck_says("known are: alpha, beta");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("config_error");
  TCase *print = tcase_create("print"), *near = tcase_create("nearest");
  tcase_add_checked_fixture(print, config_setup, config_teardown);
  tcase_add_checked_fixture(near, config_setup, config_teardown);
  tcase_set_timeout(print, 30);
  suite_add_tcase(suite, print);
  suite_add_tcase(suite, near);
  tcase_add_test(print, whole_form);
  tcase_add_test(print, colours);
  tcase_add_test(print, order_over_files);
  tcase_add_test(print, same_is_said_once);
  tcase_add_test(print, bounded);
  tcase_add_test(print, one_line_of_message);
  tcase_add_test(print, tabs_and_wide_characters);
  tcase_add_test(print, long_lines);
  tcase_add_test(print, one_very_long_line);
  tcase_add_test(print, many_problems_in_one_long_line);
  tcase_add_test(print, passwords_in_the_line);
  tcase_add_test(print, secret_option_in_the_line);
  tcase_add_test(print, maps_and_flows_underlined);
  tcase_add_loop_test(near, nearest, 0, sizeof words / sizeof *words);
  tcase_add_test(near, nearest_of_long_words);
  tcase_add_test(near, hints);
  return config_run(suite);
}
