/* plan_test: a plan from a text, and its errors as text. */
#ifndef TESTS_PLAN_TEST_H
#define TESTS_PLAN_TEST_H
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

struct plan_test {
  struct arena *arena;
  struct conf_errors errors;
  struct plan *plan;
};

static inline void plan_make(struct plan_test *t, const char *yaml, const struct plan_options *options) {
  static const struct plan_options run = {.run = true};
  t->arena = arena_new();
  conf_errors_init(&t->errors);
  const struct conf_node *document = conf_parse(t->arena, "p.yaml", yaml, strlen(yaml), &t->errors);
  t->plan = document != NULL ? plan_build(document, options != NULL ? options : &run, &t->errors) : NULL;
}

static inline const char *plan_errors(struct plan_test *t) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  conf_errors_print(&t->errors, out, false);
  fclose(out);
  const char *kept = arena_text(t->arena, text);
  free(text);
  return kept;
}

static inline void plan_good(struct plan_test *t, const char *yaml) {
  plan_make(t, yaml, NULL);
  if (t->plan == NULL) ck_abort_msg("%s", plan_errors(t));
}

static inline const char *plan_explained(struct plan_test *t, bool dot) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  plan_explain(t->plan, out, dot);
  fclose(out);
  const char *kept = arena_text(t->arena, text);
  free(text);
  return kept;
}

static inline void plan_test_free(struct plan_test *t) {
  plan_free(&t->plan);
  conf_errors_fini(&t->errors);
  arena_free(&t->arena);
}

static inline const struct plan_node *node_named(const struct plan *p, const char *name) {
  for (uint32_t i = 0; i < p->nodes; i++)
    if (strcmp(p->node[i].name, name) == 0) return &p->node[i];
  ck_abort_msg("no node %s", name);
  return NULL;
}

/* A pipeline with one JSON source "in" (columns a int, b string, t timestamp; time t) and one sink "out". */
#define HEAD                                                            \
  "pipeline: p\n"                                                       \
  "sources:\n"                                                          \
  "  in:\n"                                                             \
  "    file: {path: in.jsonl}\n"                                        \
  "    decode: json\n"                                                  \
  "    schema: {a: int, b: string, t: timestamp(ms), unread: string}\n" \
  "    time: t\n"
#define TAIL "sinks: {out: {discard: {}}}\n"

#endif
