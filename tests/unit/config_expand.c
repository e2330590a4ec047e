/* ${…}: what each form gives, where errors point, and that no secret is ever shown. */
#include <sys/stat.h>
#include <unistd.h>
#include "config_test.h"

static char directory[64];

static void expand_setup(void) {
  config_setup();
  setenv("SPATE_T_NAME", "value", 1);
  setenv("SPATE_T_EMPTY", "", 1);
  setenv("SPATE_T_YAML", "a: [1, {", 1);
  unsetenv("SPATE_T_NOT");
  unsetenv("CREDENTIALS_DIRECTORY");
  strcpy(directory, "/tmp/spate-expand-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(directory));
}
static void expand_teardown(void) {
  char name[128];
  static const char *const files[] = {"secret", "other", "big"};
  for (size_t i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "%s/%s", directory, files[i]);
    unlink(name);
  }
  rmdir(directory);
  config_teardown();
}
static void file_write(const char *name, const char *bytes, size_t size) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "w");
  fwrite(bytes, 1, size, file);
  fclose(file);
}
/* DIR stands for the directory. */
static struct conf_node *parse_in_directory(const char *text) {
  const char *at = strstr(text, "DIR");
  return parse(arena_format(arena, "%.*s%s%s", (int)(at - text), text, directory, at + 3));
}

static const struct {
  const char *text, *value;
} goods[] = {
    {"a: ${SPATE_T_NAME}\n", "value"},
    {"a: x ${SPATE_T_NAME} y${SPATE_T_NAME}\n", "x value yvalue"},
    {"a: '${SPATE_T_NAME}'\n", "value"},
    {"a: \"${SPATE_T_NAME}\\n\"\n", "value\n"},
    {"a: |\n  ${SPATE_T_NAME}\n  x\n", "value\nx\n"},
    {"a: ${SPATE_T_NOT:-default}\n", "default"},
    {"a: ${SPATE_T_EMPTY:-default}\n", "default"},
    {"a: ${SPATE_T_NAME:-default}\n", "value"},
    {"a: ${SPATE_T_NOT:-}\n", ""},
    {"a: ${SPATE_T_EMPTY}\n", ""},
    {"a: ${SPATE_T_NAME:?must be set}\n", "value"},
    {"a: ${SPATE_T_NOT:-orders-{region}}-x\n", "orders-{region}-x"},
    {"a: ${SPATE_T_NOT:-${SPATE_T_NAME}/${SPATE_T_NOT:-b}}\n", "value/b"},
    {"a: $${SPATE_T_NAME}\n", "${SPATE_T_NAME}"},
    {"a: x$$${SPATE_T_NAME}\n", "x$${SPATE_T_NAME}"},
    {"a: $ $$ $x ^a$ {b}\n", "$ $$ $x ^a$ {b}"},
    {"a: ${SPATE_T_YAML}\n", "a: [1, {"},
    {"a: ${SPATE_T_NOT:-$${x}}\n", "${x}"},
    {"a: ä${SPATE_T_NAME}\n", "ävalue"},
};
START_TEST(good) {
  const struct conf_node *root = parse_good(goods[_i].text);
  ck_assert_str_eq(text_of(root, "a"), goods[_i].value);
  ck_assert(!conf_get(root, "a")->secret);
  ck_assert(!conf_get(root, "a")->null);
}
END_TEST

START_TEST(in_lists_and_aliases) {
  const struct conf_node *root = parse_good("a: [x, &n '${SPATE_T_NAME}']\nb: *n\n");
  ck_assert_str_eq(conf_get(root, "a")->item[1].text, "value");
  ck_assert_str_eq(text_of(root, "b"), "value");
}
END_TEST

static const struct {
  const char *text;
  uint32_t column;
  const char *says;
} bads[] = {
    {"a: x ${SPATE_T_NOT} y\n", 6, "the variable SPATE_T_NOT is not set"},
    {"a: ${SPATE_T_NOT}\n", 4, "set it, or give a default: ${SPATE_T_NOT:-…}"},
    {"a: 'it''s ${SPATE_T_NOT:?say which}'\n", 11, "the variable SPATE_T_NOT is not set: say which"},
    {"a: ${SPATE_T_EMPTY:?}\n", 4, "the variable SPATE_T_EMPTY is empty"},
    {"a: ${}\n", 4, "this is no expansion"},
    {"a: ${1x}\n", 4, "this is no expansion"},
    {"a: ${A B}\n", 4, "this is no expansion"},
    {"a: ${SPATE_T_NAME:x}\n", 4, "this is no expansion"},
    {"a: x ${SPATE_T_NAME\n", 6, "this ${ is never closed by a }"},
    {"a: ${file:relative}\n", 4, "the path of a secret is absolute"},
    {"a: ${file:/nope/nope}\n", 4, "the file '/nope/nope' cannot be read: No such file"},
    {"a: ${file:/dev/null}\n", 4, "it is no regular file"},
    {"a: ${file:/}\n", 4, "it is no regular file"},
    {"a: ${credential:x}\n", 4, "CREDENTIALS_DIRECTORY is not set"},
    {"a: ${credential:../x}\n", 4, "a credential's name"},
    {"a: ${credential:}\n", 4, "a credential's name"},
    {"a: ${SPATE_T_NOT:-${SPATE_T_NOT}}\n", 19, "the variable SPATE_T_NOT is not set"},
    {"a: ${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-x}}}}}}}}}}\n", 44, "nested more than 8 deep"},
};
START_TEST(bad) {
  const struct conf_node *root = parse(bads[_i].text);
  ck_problem(1u, bads[_i].column, bads[_i].says);
  ck_assert(conf_get(root, "a")->broken);
}
END_TEST

START_TEST(places_stay_right) {
  const struct conf_node *root = parse_good("a: 'x ${SPATE_T_NAME} + nope ''${SPATE_T_EMPTY}z'\n"),
                         *a = conf_get(root, "a");
  ck_assert_str_eq(a->text, "x value + nope 'z");
  conf_error_in(&errors, a, (uint32_t)(strstr(a->text, "nope") - a->text), 4, NULL, "one");
  conf_error_in(&errors, a, (uint32_t)(strstr(a->text, "value") - a->text), 5, NULL, "two");
  conf_error_in(&errors, a, (uint32_t)(strstr(a->text, "lue") - a->text), 2, NULL, "three");
  conf_error_in(&errors, a, (uint32_t)(strstr(a->text, "z") - a->text), 1, NULL, "four");
  ck_says("t.yaml:1:25: error: one\n");
  ck_says(
      "t.yaml:1:7: error: two\n    1 | a: 'x ${SPATE_T_NAME} + nope ''${SPATE_T_EMPTY}z'\n      |       "
      "^~~~~~~~~~~~~~~\n");
  ck_says("t.yaml:1:7: error: three\n");
  ck_says("t.yaml:1:48: error: four\n");
}
END_TEST

START_TEST(secret_from_a_file) {
  file_write("secret", "hunter2secret\n", 14);
  const struct conf_node *root = parse_in_directory("a: user:${file:DIR/secret}@x\nb: plain\n"),
                         *a = conf_get(root, "a");
  ck_assert_uint_eq(errors.count, 0);
  ck_assert_str_eq(a->text, "user:hunter2secret@x");
  ck_assert(a->secret);
  ck_assert(!conf_get(root, "b")->secret);
  char room[CONF_SHOWN];
  ck_assert_str_eq(conf_shown(a, room, sizeof room), "***");
}
END_TEST

START_TEST(secret_is_never_said) {
  file_write("secret", "hunter2secret", 13);
  file_write("other", "qx", 2);
  const struct conf_node *root = parse_in_directory("a: ${file:DIR/secret}\nb: plain\n"), *a = conf_get(root, "a");
  conf_error(&errors, a, "'%s' is no address", a->text);
  conf_error(&errors, conf_get(root, "b"), "between hunter2secret and hunter2secret");
  conf_hint(&errors, "did you mean '%s'?", a->text);
  conf_error_in(&errors, a, 0, 7, "or hunter2secret", "there is no column '%.7s' or 'h'", a->text);
  conf_warn(&errors, a, "warns of %s", a->text);
  int64_t value;
  bool truth;
  const char *address;
  conf_duration(a, &value, &errors);
  conf_size(a, &value, &errors);
  conf_int(a, &value, &errors);
  conf_bool(a, &truth, &errors);
  conf_address(a, &address, &errors);
  ck_assert_uint_ge(errors.count, 8);
  ck_silent("hunter2");
  ck_silent("'h'");
  ck_says("error: '***' is no address");
  ck_says("between *** and ***");
  ck_says("there is no column '***' or '***'");
  ck_says("a time is needed here: '***'");
}
END_TEST

START_TEST(short_secret_in_quotes) {
  file_write("other", "qx", 2);
  const struct conf_node *root = parse_in_directory("a: ${file:DIR/other}\n");
  conf_error(&errors, conf_get(root, "a"), "can't find 'qx' or 'x' in 'aqxb', but 'y'");
  ck_says("can't find '***' or '***' in '***', but 'y'");
}
END_TEST

START_TEST(credential) {
  file_write("secret", "word", 4);
  setenv("CREDENTIALS_DIRECTORY", directory, 1);
  const struct conf_node *root = parse_good("a: ${credential:secret}\n");
  ck_assert_str_eq(text_of(root, "a"), "word");
  ck_assert(conf_get(root, "a")->secret);
  parse("a: ${credential:nope}\n");
  ck_problem(1u, 4u, "the credential 'nope' cannot be read: No such file or directory");
}
END_TEST

START_TEST(file_odd) {
  char *big = mem_zero(70000, 1);
  memset(big, 'x', 65537);
  file_write("big", big, 65537);
  file_write("secret", "a\0b", 3);
  file_write("other", "\xff\xfe", 2);
  parse_in_directory("a: ${file:DIR/big}\n");
  ck_says("it holds more than 64 KiB");
  parse_in_directory("b: ${file:DIR/secret}\n");
  parse_in_directory("c: ${file:DIR/other}\n");
  ck_assert_uint_eq(errors.count, 3);
  ck_says("what this gives is no UTF-8 text");
  file_write("big", big, 65536);
  errors.count = errors.errors = 0;
  const struct conf_node *root = parse_in_directory("a: ${file:DIR/big}\n");
  ck_assert_uint_eq(errors.count, 0);
  ck_assert_uint_eq(strlen(text_of(root, "a")), 65536);
  mem_free(big);
}
END_TEST

START_TEST(bounded) {
  char *large = mem_zero(100001, 1), *text = mem_zero(4096, 1);
  memset(large, 'x', 100000);
  setenv("SPATE_T_LARGE", large, 1);
  size_t n = 0;
  for (int i = 0; i < 60; i++) n += (size_t)sprintf(text + n, "k%d: ${SPATE_T_LARGE}\n", i);
  parse(text);
  ck_assert_uint_eq(errors.count, 60 - (4u << 20) / 100000);
  ck_says("the ${…} of this file give more than 4194304 bytes");
  unsetenv("SPATE_T_LARGE");
  mem_free(large);
  mem_free(text);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("config_expand");
  TCase *all = tcase_create("all");
  tcase_add_checked_fixture(all, expand_setup, expand_teardown);
  tcase_set_timeout(all, 30);
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, good, 0, sizeof goods / sizeof *goods);
  tcase_add_loop_test(all, bad, 0, sizeof bads / sizeof *bads);
  tcase_add_test(all, in_lists_and_aliases);
  tcase_add_test(all, places_stay_right);
  tcase_add_test(all, secret_from_a_file);
  tcase_add_test(all, secret_is_never_said);
  tcase_add_test(all, short_secret_in_quotes);
  tcase_add_test(all, credential);
  tcase_add_test(all, file_odd);
  tcase_add_test(all, bounded);
  return config_run(suite);
}
