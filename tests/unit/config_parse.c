/* Trees, positions, limits, and what is refused. */
#include "config_test.h"

START_TEST(maps_lists_and_texts) {
  const struct conf_node *root = parse_good(
      "pipeline: ad-counts\n"
      "sources:\n"
      "  events: {kafka: {topics: [a, b]}}\n"
      "steps:\n"
      "  - filter: event_type = 'view'\n"
      "  - select: [a, b]\n");
  ck_assert_int_eq(root->kind, CONF_MAP);
  ck_assert_uint_eq(root->count, 3);
  ck_assert_str_eq(text_of(root, "pipeline"), "ad-counts");
  const struct conf_node *topics = conf_find(root, "sources.events.kafka.topics");
  ck_assert_int_eq(topics->kind, CONF_LIST);
  ck_assert_str_eq(topics->item[1].text, "b");
  ck_assert_str_eq(conf_get(&conf_get(root, "steps")->item[0], "filter")->text, "event_type = 'view'");
  ck_assert_ptr_null(conf_get(root, "sinks"));
  ck_assert_ptr_null(conf_key(topics, "a"));
  ck_assert_str_eq(conf_key(root, "steps")->text, "steps");
}
END_TEST

START_TEST(words_are_text) {
  const struct conf_node *root = parse_good("on: no\nnull: null\nyes: 010\na: ~\nb:\nc: ''\nd: \"~\"\n");
  ck_assert_str_eq(text_of(root, "on"), "no");
  ck_assert_str_eq(text_of(root, "null"), "null");
  ck_assert(!conf_get(root, "null")->null);
  ck_assert_str_eq(text_of(root, "yes"), "010");
  ck_assert(conf_get(root, "a")->null);
  ck_assert(conf_get(root, "b")->null);
  ck_assert(!conf_get(root, "c")->null && conf_get(root, "c")->quoted);
  ck_assert(!conf_get(root, "d")->null);
}
END_TEST

START_TEST(positions) {
  const struct conf_node *root = parse_good("ä: ö\nb:\n    - 'x'\n    - {ß: [q, \"z\"]}\n");
  const struct conf_node *list = conf_get(root, "b"), *inner = conf_get(&list->item[1], "ß");
  ck_assert_uint_eq(root->item[0].line, 1);
  ck_assert_uint_eq(root->item[0].column, 4);
  ck_assert_uint_eq(list->item[0].line, 3);
  ck_assert_uint_eq(list->item[0].column, 7);
  ck_assert_uint_eq(inner->line, 4);
  ck_assert_uint_eq(inner->column, 11);
  ck_assert_uint_eq(inner->item[1].column, 15);
  ck_assert_uint_eq(inner->item[1].end - inner->item[1].at, 3);
}
END_TEST

START_TEST(positions_in_long_and_late_lines) {
  char *text = mem_alloc(40000);
  size_t n = 0;
  for (int i = 0; i < 2000; i++) n += (size_t)sprintf(text + n, "ké%d: v%d\n", i, i);
  strcpy(text + n, "last: [é, x]\n");
  const struct conf_node *root = parse_good(text), *last = conf_get(root, "last");
  ck_assert_uint_eq(last->line, 2001);
  ck_assert_uint_eq(last->item[1].column, 11);
  ck_assert_uint_eq(conf_key(root, "ké1234")->line, 1235);
  ck_assert_int_eq(root->file->text[last->item[1].at], 'x');
  mem_free(text);
}
END_TEST

START_TEST(documents) {
  const struct conf_node *root = parse_good("a: 1\n---\n---\n# nothing\n---\nb: 2\n...\n---\nc: 3\n");
  ck_assert_str_eq(root->key[0].text, "a");
  ck_assert_str_eq(root->next->key[0].text, "b");
  ck_assert_str_eq(root->next->next->key[0].text, "c");
  ck_assert_ptr_null(root->next->next->next);
}
END_TEST

START_TEST(no_documents) {
  ck_assert_ptr_null(parse(""));
  ck_assert_ptr_null(parse("# only a comment\n"));
  ck_assert_ptr_null(conf_parse(arena, "t", NULL, 0, &errors));
  ck_assert_uint_eq(errors.count, 0);
}
END_TEST

START_TEST(byte_order_mark_and_crlf) {
  const struct conf_node *root = parse_good(
      "\xef\xbb\xbf"
      "a: 1\r\nb: x y\r\n");
  ck_assert_uint_eq(root->key[0].column, 1);
  ck_assert_str_eq(text_of(root, "b"), "x y");
  conf_error_in(&errors, conf_get(root, "b"), 2, 1, NULL, "here");
  ck_problem(2u, 6u, "    2 | b: x y\n      |      ^\n");
}
END_TEST

START_TEST(aliases) {
  const struct conf_node *root = parse_good("a: &x {k: [1, 2]}\nb: *x\nc: &t 'text'\nd: *t\ne: &n\n  k: v\n");
  ck_assert_str_eq(conf_find(root, "b.k")->item[1].text, "2");
  ck_assert_uint_eq(conf_find(root, "b.k")->line, 1);
  ck_assert_str_eq(text_of(root, "d"), "text");
  ck_assert_uint_eq(conf_get(root, "c")->column, 7); /* the text, not its anchor */
  ck_assert_uint_eq(conf_get(root, "c")->where[0], (uint32_t)(strchr(root->file->text, 'x') - root->file->text) + 27);
}
END_TEST

START_TEST(alias_unknown) {
  parse("a: *nope\nb: 1\n");
  ck_problem(1u, 4u, "there is no anchor '&nope' before this alias");
}
END_TEST

START_TEST(alias_of_itself) {
  parse("a: &a [x, *a]\n");
  ck_problem(1u, 11u, "holds itself");
}
END_TEST

START_TEST(alias_of_another_document) {
  parse("a: &x 1\n---\nb: *x\n");
  ck_problem(3u, 4u, "no anchor '&x'");
}
END_TEST

START_TEST(bomb) {
  ck_assert_ptr_null(
      parse("a: &a [x,x,x,x,x,x,x,x,x]\n"
            "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
            "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
            "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
            "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
            "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"));
  ck_assert_uint_eq(errors.count, 1);
  ck_says("this file holds more than 100000 values");
}
END_TEST

START_TEST(bomb_of_keys) {
  char *text = mem_alloc(700000);
  size_t n = 0;
  for (int i = 0; i < 60000; i++) n += (size_t)sprintf(text + n, "k%d: \n", i);
  ck_assert_ptr_null(parse(text));
  ck_says("more than 100000 values");
  mem_free(text);
}
END_TEST

START_TEST(deep) {
  char text[200] = {0};
  memset(text, '[', 32);
  memset(text + 32, ']', 32);
  parse_good(text);
  memset(text, '[', 33);
  memset(text + 33, ']', 33);
  ck_assert_ptr_null(parse(text));
  ck_problem(1u, 33u, "nested more than 32 deep");
}
END_TEST

START_TEST(deep_by_aliases) {
  ck_assert_ptr_null(
      parse("a: &a [[[[[[[[[[[[x]]]]]]]]]]]]\nb: &b [[[[[[[[[[*a]]]]]]]]]]\nc: [[[[[[[[[[*b]]]]]]]]]]\n"));
  ck_says("t.yaml:3:14: error: maps and lists are nested more than 32 deep");
}
END_TEST

START_TEST(many_brackets_are_quick) {
  char *text = mem_zero(1u << 20, 1);
  memset(text, '[', (1u << 20) - 1);
  ck_assert_ptr_null(parse(text));
  ck_says("nested");
  mem_free(text);
}
END_TEST

START_TEST(too_large) {
  char *text = mem_alloc((1u << 20) + 2);
  memset(text, '#', (1u << 20) + 1);
  text[(1u << 20) + 1] = 0;
  ck_assert_ptr_null(parse(text));
  ck_says("t.yaml: error: this file is larger than 1 MiB");
  mem_free(text);
}
END_TEST

START_TEST(too_many_anchors) {
  char text[8192];
  size_t n = 0;
  for (int i = 0; i < 257; i++) n += (size_t)sprintf(text + n, "- &a%d x\n", i);
  ck_assert_ptr_null(parse(text));
  ck_problem(257u, 3u, "more than 256 anchors");
}
END_TEST

START_TEST(double_keys) {
  const struct conf_node *root = parse("a: 1\nb: 2\n'a': 3\nc: {x: 1, y: 2, x: 3}\na: 4\n");
  ck_assert_uint_eq(errors.errors, 3);
  ck_says("t.yaml:3:1: error: the key 'a' is there twice\n");
  ck_says("t.yaml:4:17: error: the key 'x' is there twice\n");
  ck_says(
      "t.yaml:5:1: error: the key 'a' is there twice\n    5 | a: 4\n      | ^\n      = it stands first in line 1\n");
  ck_assert_str_eq(text_of(root, "a"), "1");
}
END_TEST

START_TEST(tags) {
  parse("a: !!int 5\nb: !x {y: 1}\n");
  ck_assert_uint_eq(errors.count, 2);
  ck_says("t.yaml:1:4: error: tags (!name) are not read");
  ck_says("t.yaml:2:4: error: tags (!name) are not read");
}
END_TEST

START_TEST(tag_directive) {
  parse("%TAG ! tag:x,2000:\n---\na: 1\n");
  ck_says("%TAG");
}
END_TEST

START_TEST(odd_keys) {
  parse("? [a, b]\n: c\n<<: x\n${A}: 1\n? {q: 1}\n: 2\n?\n: 3\n");
  ck_says("t.yaml:1:3: error: a key is text, not a list");
  ck_says("t.yaml:3:1: error: merge keys (<<) are not read");
  ck_says("t.yaml:4:1: error: ${…} stands in values only");
  ck_says("t.yaml:5:3: error: a key is text, not a map");
  ck_says("error: there is no key before this ':'");
  ck_assert_uint_eq(errors.count, 5);
}
END_TEST

START_TEST(broken_nodes_are_quiet) {
  const struct conf_node *root = parse("a: !x b\n");
  conf_error(&errors, conf_get(root, "a"), "more about it");
  conf_hint(&errors, "a hint for nobody");
  conf_error_in(&errors, conf_get(root, "a"), 0, 1, NULL, "still more");
  ck_assert_uint_eq(errors.count, 1);
  ck_silent("nobody");
}
END_TEST

static const struct {
  const char *text;
  uint32_t line, column;
  const char *says;
} mistakes[] = {
    {"a: 1\n  b: 2\n", 2, 4, "YAML does not expect ': ' here"},
    {"a: b: c\n", 1, 5, "write it in quotes: a: \"b: c\""},
    {"a: 'open\nb: 1\n", 1, 4, "this quote is never closed"},
    {"a: \"open\nb: 1\n", 1, 4, "this quote is never closed"},
    {"a: [x, y\nb: 1\n", 2, 2, "the '[' that is open here stands in line 1"},
    {"a: {x: 1\n", 1, 9, "YAML expects ',' or '}' here"},
    {"a: 1\n\tb: 2\n", 2, 1, "a tab cannot indent"},
    {"- a\nb: c\n", 2, 1, "YAML expects '- ' here"},
    {"a: - b\n", 1, 4, "YAML does not expect '- ' here"},
    {"a: \"\\d\"\n", 1, 5, "double quotes know no such escape"},
    {"a: @x\n", 1, 4, "to YAML no text begins with '@'"},
    {"a: `x`\n", 1, 4, "write it in quotes: a: \"`x`\""},
    {"a: %x\n", 1, 4, "to YAML no text begins with '%'"},
    {"a: * 2\n", 1, 4, "to YAML '*' begins an alias"},
    {"a: & 2\n", 1, 4, "to YAML '&' begins an anchor"},
    {"a: > 5\n", 1, 4, "write it in quotes: a: \"> 5\""},
    {"a: 'x' = b\n", 1, 8, "to YAML the text ended with the quote before this"},
    {"a: [x]]\n", 1, 7, "error"},
    {"a: }\n", 1, 4, "YAML expects a value here"},
    {"a: b\xff\n", 1, 5, "this is no UTF-8 text"},
    {"a: b\x01\n", 1, 5, "a control character is not allowed here"},
    {"%YAML 3.0\n---\na: 1\n", 1, 1, "error"},
    {"a: \"\\0\"\n", 1, 4, "a text cannot hold a zero byte"},
};
START_TEST(mistake) {
  parse(mistakes[_i].text);
  ck_problem(mistakes[_i].line, mistakes[_i].column, mistakes[_i].says);
}
END_TEST

START_TEST(files) {
  char path[] = "/tmp/spate-config-XXXXXX";
  int fd = mkstemp(path);
  FILE *file = fdopen(fd, "w");
  fputs("a: [1, 2\n", file);
  fclose(file);
  ck_assert_ptr_null(conf_load(arena, path, &errors));
  ck_assert_uint_eq(errors.count, 1);
  ck_assert_str_eq(errors.problem[0].file->path, path);
  remove(path);
  ck_assert_ptr_null(conf_load(arena, path, &errors));
  ck_says(": error: this file cannot be read: No such file or directory");
  ck_assert_ptr_null(conf_load(arena, "/", &errors));
  ck_says("/: error: this file cannot be read: Is a directory");
}
END_TEST

START_TEST(found_by_path) {
  const struct conf_node *root = parse_good("options: {linger.ms: 5, linger: {ms: 6, x: 7}}\n");
  ck_assert_str_eq(text_of(root, "options.linger.ms"), "5");
  ck_assert_str_eq(text_of(root, "options.linger.x"), "7");
  ck_assert_ptr_null(conf_find(root, "options.nope"));
  ck_assert_ptr_null(conf_find(root, ""));
  ck_assert_ptr_null(conf_find(NULL, "a"));
}
END_TEST

START_TEST(plugins_errors) {
  const struct conf_node *root = parse_good("tls: {ca: x}\nport: 1\n");
  struct spate_error err = {.message = "no such file", .option = "tls.ca"};
  conf_fail(&errors, root, &err);
  struct spate_error inner = {.message = "missing", .option = "tls.key"};
  conf_fail(&errors, root, &inner);
  struct spate_error whole = {.message = "bad", .option = ""};
  conf_fail(&errors, root, &whole);
  ck_says("t.yaml:1:11: error: no such file");
  ck_says("t.yaml:1:6: error: missing");
  ck_says("t.yaml:1:1: error: bad");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("config_parse");
  TCase *tree = tcase_create("tree"), *limits = tcase_create("limits"), *refused = tcase_create("refused");
  TCase *all[] = {tree, limits, refused};
  for (int i = 0; i < 3; i++) {
    tcase_add_checked_fixture(all[i], config_setup, config_teardown);
    tcase_set_timeout(all[i], 30);
    suite_add_tcase(suite, all[i]);
  }
  tcase_add_test(tree, maps_lists_and_texts);
  tcase_add_test(tree, words_are_text);
  tcase_add_test(tree, positions);
  tcase_add_test(tree, positions_in_long_and_late_lines);
  tcase_add_test(tree, documents);
  tcase_add_test(tree, no_documents);
  tcase_add_test(tree, byte_order_mark_and_crlf);
  tcase_add_test(tree, aliases);
  tcase_add_test(tree, files);
  tcase_add_test(tree, found_by_path);
  tcase_add_test(tree, plugins_errors);
  tcase_add_test(limits, bomb);
  tcase_add_test(limits, bomb_of_keys);
  tcase_add_test(limits, deep);
  tcase_add_test(limits, deep_by_aliases);
  tcase_add_test(limits, many_brackets_are_quick);
  tcase_add_test(limits, too_large);
  tcase_add_test(limits, too_many_anchors);
  tcase_add_test(refused, alias_unknown);
  tcase_add_test(refused, alias_of_itself);
  tcase_add_test(refused, alias_of_another_document);
  tcase_add_test(refused, double_keys);
  tcase_add_test(refused, tags);
  tcase_add_test(refused, tag_directive);
  tcase_add_test(refused, odd_keys);
  tcase_add_test(refused, broken_nodes_are_quiet);
  tcase_add_loop_test(refused, mistake, 0, sizeof mistakes / sizeof *mistakes);
  return config_run(suite);
}
