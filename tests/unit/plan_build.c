/*
 * plan: the graph that comes of a document: names, order, unions, exchanges; which columns are read; what is promised;
 * what the hashes are equal for.
 */
#include "plan_test.h"

static bool used(const struct plan_source *s, const char *column) {
  int32_t i = schema_find(s->schema, column);
  ck_assert_int_ge(i, 0);
  return s->used[i];
}

START_TEST(names_and_order) {
  struct plan_test t;
  plan_good(&t, HEAD
            "steps:\n"
            "  - filter: a > 1\n"
            "  - filter: a > 2\n"
            "    name: two\n"
            "    from: later\n"
            "  - filter: a > 3\n"
            "    name: later\n"
            "    from: filter\n"
            "  - filter: a > 4\n"
            "    from: two\n" TAIL);
  const struct plan *p = t.plan;
  static const char *const order[] = {"in", "filter", "later", "two", "filter_2", "out"};
  ck_assert_uint_eq(p->nodes, 6);
  for (uint32_t i = 0; i < 6; i++) ck_assert_str_eq(p->node[i].name, order[i]);
  for (uint32_t i = 0; i < p->nodes; i++)
    for (uint32_t k = 0; k < p->node[i].inputs; k++) ck_assert_uint_lt(p->node[i].input[k].node, i);
  plan_test_free(&t);
}
END_TEST

START_TEST(only_columns_that_are_read_are_used) {
  struct plan_test t;
  plan_good(&t, HEAD
            "steps:\n"
            "  - filter: b = 'x'\n"
            "  - set: {c: a + 1}\n"
            "  - select: [c]\n" TAIL);
  const struct plan_source *s = &t.plan->source[0];
  ck_assert(used(s, "a"));
  ck_assert(used(s, "b"));
  ck_assert(used(s, "t")); /* event time */
  ck_assert(!used(s, "unread"));
  ck_assert(!used(s, "_path"));
  ck_assert_uint_eq(s->metas, 0);
  plan_test_free(&t);
}
END_TEST

START_TEST(metadata_that_is_read) {
  struct plan_test t;
  plan_good(&t, HEAD
            "steps:\n"
            "  - filter: _line > 1\n"
            "  - map: {p: _path}\n" TAIL);
  ck_assert_uint_eq(t.plan->source[0].metas, 1u << SPATE_META_LINE | 1u << SPATE_META_PATH);
  ck_assert(!used(&t.plan->source[0], "a"));
  plan_test_free(&t);
}
END_TEST

START_TEST(a_sink_reads_metadata_by_naming_it) {
  struct plan_test t;
  plan_good(&t, HEAD "sinks: {out: {stdout: {}, format: \"{a} {_line}\"}}\n");
  ck_assert_uint_eq(t.plan->source[0].metas, 1u << SPATE_META_LINE);
  plan_test_free(&t);
}
END_TEST

#define TWO                                                               \
  "pipeline: p\n"                                                         \
  "sources:\n"                                                            \
  "  one: {file: {path: a}, decode: json, schema: {a: int, b: string}}\n" \
  "  two: {file: {path: b}, decode: json, schema: {b: string, a: int}}\n"

START_TEST(a_union_reorders) {
  struct plan_test t;
  plan_good(&t, TWO
            "steps:\n"
            "  - filter: a > 1\n"
            "    from: [one, two]\n" TAIL);
  const struct plan_node *n = node_named(t.plan, "filter");
  ck_assert_uint_eq(n->inputs, 2);
  ck_assert_uint_eq(n->input[0].node, 0);
  const struct plan_node *between = &t.plan->node[n->input[1].node];
  ck_assert_str_eq(between->verb->name, "select");
  ck_assert_str_eq(between->port[0].schema->all.fields[0].name, "a");
  for (uint32_t i = 0; i < 2; i++) {
    const struct schema *a = t.plan->node[n->input[i].node].port[0].schema;
    ck_assert_uint_eq(a->all.count, n->port[0].schema->all.count);
    for (uint32_t c = 0; c < a->all.count; c++)
      ck_assert_str_eq(a->all.fields[c].name, n->port[0].schema->all.fields[c].name);
  }
  plan_test_free(&t);
}
END_TEST

START_TEST(route_and_late_are_names) {
  struct plan_test t;
  plan_good(&t, HEAD
            "steps:\n"
            "  - route: {to: {x: a > 1}, rest: y}\n"
            "    name: r\n"
            "  - aggregate: {window: {tumbling: 10s}, compute: {n: count(*)}, late: too_late}\n"
            "    from: [r.x, r.y]\n"
            "sinks:\n"
            "  out: {discard: {}}\n"
            "  late: {discard: {}, from: too_late}\n");
  const struct plan_node *late = node_named(t.plan, "late"), *agg = node_named(t.plan, "aggregate");
  ck_assert_str_eq(t.plan->node[late->input[0].node].port[late->input[0].port].name, "too_late");
  ck_assert_uint_eq(agg->inputs, 2);
  ck_assert_uint_eq(agg->input[0].port, 0);
  ck_assert_uint_eq(agg->input[1].port, 1);
  ck_assert(agg->stateful);
  ck_assert(agg->exchange);
  plan_test_free(&t);
}
END_TEST

START_TEST(an_output_that_nobody_reads_is_a_warning) {
  struct plan_test t;
  plan_good(&t, HEAD
            "steps:\n"
            "  - route: {to: {x: a > 1, z: a > 2}}\n"
            "    name: r\n"
            "sinks: {out: {discard: {}, from: r.x}}\n");
  ck_assert_ptr_nonnull(strstr(plan_errors(&t), "warning: nobody reads the output 'r.z'"));
  plan_test_free(&t);
}
END_TEST

/* ---- promises ---- */
static void guarantee(const char *source, const char *sink, enum plan_guarantee want, const char *text) {
  char yaml[1000];
  struct plan_test t;
  snprintf(yaml, sizeof yaml, "pipeline: p\nsources: {in: {%s}}\nsinks: {out: {%s}}\n", source, sink);
  plan_good(&t, yaml);
  ck_assert_int_eq(t.plan->guarantee, want);
  if (strstr(t.plan->guarantee_text, text) == NULL) ck_abort_msg("%s", t.plan->guarantee_text);
  plan_test_free(&t);
}
#define JSON "decode: json, schema: {a: int}"
#define KAFKA "kafka: {brokers: \"b:9092\", topics: [t], group: g}, " JSON

START_TEST(guarantees) {
  guarantee("file: {path: x}, " JSON, "discard: {}", PLAN_AT_LEAST_ONCE, "at least once: ");
  guarantee(KAFKA, "kafka: {brokers: \"b:9092\", topic: t}, encode: json", PLAN_AT_LEAST_ONCE,
            "exactly once is not built yet");
  guarantee("stdin: {}, " JSON, "discard: {}", PLAN_AT_MOST_ONCE, "source 'in' (stdin) cannot be read again");
  guarantee("tcp: {listen: \"127.0.0.1:5140\"}, decode: text", "discard: {}", PLAN_AT_MOST_ONCE, "tcp");
}
END_TEST

START_TEST(exactly_once_is_run_by_tests_alone) {
  static const char yaml[] = "pipeline: p\nguarantee: exactly_once\nsources: {in: {" KAFKA
                             "}}\nsinks: {out: {kafka: {brokers: \"b:9092\", topic: t}, encode: json}}\n";
  struct plan_test t;
  plan_make(&t, yaml, NULL);
  ck_assert_ptr_null(t.plan);
  ck_assert_ptr_nonnull(strstr(plan_errors(&t), "2:12: error: exactly_once is not built yet"));
  plan_test_free(&t);
  struct plan_options test = {.run = true, .test = true};
  plan_make(&t, yaml, &test);
  ck_assert_ptr_nonnull(t.plan);
  plan_test_free(&t);
}
END_TEST

START_TEST(embedded_brokers_live_under_run) {
  static const char yaml[] = "pipeline: p\nsources: {in: {kafka: {brokers: embedded, topics: [t], group: g}, " JSON
                             "}}\nsinks: {out: {discard: {}}}\n";
  struct plan_test t;
  struct plan_options daemon = {0};
  plan_good(&t, yaml);
  plan_test_free(&t);
  plan_make(&t, yaml, &daemon);
  ck_assert_ptr_null(t.plan);
  ck_assert_ptr_nonnull(strstr(plan_errors(&t), "embedded"));
  plan_test_free(&t);
}
END_TEST

/* ---- updating output ---- */
static void updating(const char *steps, const char *key, const char *error) {
  char yaml[2000];
  struct plan_test t;
  snprintf(yaml, sizeof yaml,
           HEAD
           "steps:\n  - aggregate: {key: b, compute: {n: count(*)}, emit: changes, unbounded: true}\n%s"
           "sinks: {out: {kafka: {brokers: \"b:9092\", topic: t%s}, encode: json}}\n",
           steps, key);
  plan_make(&t, yaml, NULL);
  const char *text = plan_errors(&t);
  if (error == NULL && t.plan == NULL) ck_abort_msg("%s", text);
  if (error != NULL && strstr(text, error) == NULL) ck_abort_msg("no '%s' in\n%s", error, text);
  if (error == NULL) ck_assert(t.plan->sink[0].updating);
  plan_test_free(&t);
}

START_TEST(a_sink_of_updates_has_the_groups_key) {
  updating("", ", key: b", NULL);
  updating("", ", key: [b]", NULL);
  updating("", "", "write key: [b]");
  updating("", ", key: n", "write key: [b]");
  updating("  - rename: {b: c}\n", ", key: c", NULL);
  updating("  - rename: {b: c}\n", ", key: n", "write key: [c]");
  updating("  - map: {bb: b, n: n}\n", ", key: bb", NULL);
  updating("  - select: [n]\n", ", key: n", "no column that names their group is left");
  updating("  - filter: n > 1\n", ", key: b", NULL);
}
END_TEST

/* ---- hashes ---- */
static void hashes(const char *yaml, uint64_t *state, uint64_t *meaning) {
  struct plan_test t;
  plan_good(&t, yaml);
  *state = t.plan->state_hash;
  *meaning = t.plan->meaning_hash;
  plan_test_free(&t);
}

START_TEST(layout_has_no_meaning) {
  uint64_t state[4], meaning[4];
#define AGG "aggregate: {key: b, window: {tumbling: 10s}, compute: {n: count(*)}}"
  hashes(HEAD "steps:\n  - " AGG "\n" TAIL, &state[0], &meaning[0]);
  hashes(HEAD
         "# a comment\nsteps: [{'aggregate': {key: \"b\", window: {tumbling: 10s},\n compute: {n: count(*)}}}]\n" TAIL,
         &state[1], &meaning[1]);
  ck_assert_uint_eq(state[0], state[1]);
  ck_assert_uint_eq(meaning[0], meaning[1]);
  hashes(HEAD "steps:\n  - filter: a > 1\n  - " AGG "\n" TAIL, &state[2], &meaning[2]);
  ck_assert_uint_eq(state[0], state[2]);
  ck_assert_uint_ne(meaning[0], meaning[2]);
  hashes(HEAD "steps:\n  - aggregate: {key: b, window: {tumbling: 20s}, compute: {n: count(*)}}\n" TAIL, &state[3],
         &meaning[3]);
  ck_assert_uint_ne(state[0], state[3]);
}
END_TEST

/* ---- explain ---- */
START_TEST(explain_says_what_there_is) {
  static const char *const lines[] = {"pipeline p (p.yaml)",
                                      "mode: record, an epoch every 1s",
                                      "columns decoded: a, b, t (3 of 4)",
                                      "filter: a > 1",
                                      "rows exchanged by b",
                                      "keeps state",
                                      "in → out: at least once"};
  struct plan_test t;
  plan_good(&t, HEAD "steps:\n  - filter: a > 1\n  - " AGG "\n" TAIL);
  const char *at = plan_explained(&t, false);
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    const char *found = strstr(at, lines[i]);
    if (found == NULL) ck_abort_msg("no '%s' in\n%s", lines[i], at);
    at = found;
  }
  ck_assert_ptr_nonnull(strstr(plan_explained(&t, true), "digraph"));
  plan_test_free(&t);
}
END_TEST

START_TEST(secrets_are_not_explained) {
  struct plan_test t;
  char path[] = "/tmp/plan-secret-XXXXXX";
  int fd = mkstemp(path);
  FILE *f = fdopen(fd, "w");
  fprintf(f, "s3cret");
  fclose(f);
  char yaml[2000];
  snprintf(yaml, sizeof yaml,
           "pipeline: p\nsources:\n  in: {kafka: {brokers: \"${file:%s}:9092\", topics: [t], group: g, options: "
           "{sasl.password: \"${file:%s}\"}}, " JSON "}\n" TAIL,
           path, path);
  plan_good(&t, yaml);
  ck_assert_ptr_null(strstr(plan_explained(&t, false), "s3cret"));
  ck_assert_ptr_null(strstr(plan_explained(&t, true), "s3cret"));
  plan_test_free(&t);
  remove(path);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("plan build");
  TCase *tc = tcase_create("all");
  tcase_add_test(tc, names_and_order);
  tcase_add_test(tc, only_columns_that_are_read_are_used);
  tcase_add_test(tc, metadata_that_is_read);
  tcase_add_test(tc, a_sink_reads_metadata_by_naming_it);
  tcase_add_test(tc, a_union_reorders);
  tcase_add_test(tc, route_and_late_are_names);
  tcase_add_test(tc, an_output_that_nobody_reads_is_a_warning);
  tcase_add_test(tc, guarantees);
  tcase_add_test(tc, exactly_once_is_run_by_tests_alone);
  tcase_add_test(tc, embedded_brokers_live_under_run);
  tcase_add_test(tc, a_sink_of_updates_has_the_groups_key);
  tcase_add_test(tc, layout_has_no_meaning);
  tcase_add_test(tc, explain_says_what_there_is);
  tcase_add_test(tc, secrets_are_not_explained);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
