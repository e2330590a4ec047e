/* What the tests of the config room share: a text parsed, its problems, its printed form. */
#ifndef TESTS_CONFIG_TEST_H
#define TESTS_CONFIG_TEST_H
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "config/conf_parts.h"

static struct arena *arena;
static struct conf_errors errors;
static char *output;

static void config_setup(void) {
  arena = arena_new();
  conf_errors_init(&errors);
}
static void config_teardown(void) {
  conf_errors_fini(&errors);
  arena_free(&arena);
  free(output);
  output = NULL;
}
static inline struct conf_node *parse(const char *text) {
  return conf_parse(arena, "t.yaml", text, strlen(text), &errors);
}
/* The text must be without fault. */
static inline struct conf_node *parse_good(const char *text) {
  struct conf_node *node = parse(text);
  ck_assert_msg(errors.count == 0, "unexpected problem: %s", errors.count > 0 ? errors.problem[0].message : "");
  ck_assert_ptr_nonnull(node);
  return node;
}
static inline const char *text_of(const struct conf_node *map, const char *path) {
  const struct conf_node *node = conf_find(map, path);
  ck_assert_msg(node != NULL && node->kind == CONF_SCALAR, "no text at '%s'", path);
  return node->text;
}
static inline const char *printed(bool colour) {
  size_t size;
  free(output);
  FILE *out = open_memstream(&output, &size);
  conf_errors_print(&errors, out, colour);
  fclose(out);
  return output;
}
static inline bool says(const char *part) { return strstr(printed(false), part) != NULL; }
#define ck_says(part) ck_assert_msg(says(part), "'%s' is not in:\n%s", part, output)
#define ck_silent(part) ck_assert_msg(!says(part), "'%s' should not be in:\n%s", part, output)
/* The one problem: where, and a part of what is said. */
#define ck_problem(at_line, at_column, part)                                                                       \
  do {                                                                                                             \
    printed(false);                                                                                                \
    ck_assert_msg(errors.count == 1, "%u problems:\n%s", errors.count, output);                                    \
    ck_assert_msg(errors.problem[0].line == (at_line) && errors.problem[0].column == (at_column), "at %u:%u:\n%s", \
                  errors.problem[0].line, errors.problem[0].column, output);                                       \
    ck_says(part);                                                                                                 \
  } while (0)

static inline int config_run(Suite *suite) {
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#endif
