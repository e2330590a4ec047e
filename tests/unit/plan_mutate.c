/*
 * Ten thousand spoilt examples: check must come to a verdict on each, with errors or without, and what it accepts must
 * open: its codecs, its steps. MUTATE_COUNT and MUTATE_SEED choose more or other ones; a failing text is printed.
 */
#include "../fuzz/check_mutate.h"
#include "base/mem.h"
#include "data/rejects.h"
#include "plan_test.h"

static struct corpus corpus;
static char text[131072];

static void codecs_open(const struct plan *p) {
  struct spate_error err = {0};
  void *codec = NULL;
  for (uint32_t i = 0; i < p->sources; i++) {
    const struct plan_source *s = &p->source[i];
    struct spate_schema known = {s->schema->all.fields, s->schema->visible};
    if (s->codec.api == NULL) continue;
    if (s->codec.api->decoder_new(s->codec.config, &known, &known, &codec, &err) != 0)
      ck_abort_msg("accepted, but: %s\n%s", err.message, text);
    s->codec.api->decoder_free(codec);
  }
  for (uint32_t i = 0; i < p->sinks; i++) {
    const struct plan_sink *s = &p->sink[i];
    struct spate_schema schema = {s->schema->all.fields, s->schema->visible};
    if (s->codec.api == NULL) continue;
    if (s->codec.api->encoder_new(s->codec.config, &schema, &codec, &err) != 0)
      ck_abort_msg("accepted, but: %s\n%s", err.message, text);
    s->codec.api->encoder_free(codec);
  }
}

static void steps_open(struct plan *p) {
  struct spate_error err = {0};
  uint64_t counter = 0;
  struct spate_rejects *rejects = mem_zero(1, sizeof *rejects);
  struct spate_where where = {p->name, NULL};
  for (uint32_t i = 0; i < p->tables; i++)
    p->table[i].table = lookup_table_new(p->table[i].schema, p->table[i].key, p->table[i].keys);
  for (uint32_t i = 0; i < p->nodes; i++) {
    const struct plan_node *n = &p->node[i];
    if (n->kind != PLAN_STEP) continue;
    struct op_frame frame = {.rejects = rejects,
                             .late = &counter,
                             .dropped = &counter,
                             .state_keys = &counter,
                             .state_bytes = &counter,
                             .where = &where,
                             .error = &err};
    void *state = NULL;
    if (n->verb->op->open(n->def, &frame, &state) != 0) ck_abort_msg("accepted, but: %s\n%s", err.message, text);
    n->verb->op->close(state);
  }
  for (uint32_t i = 0; i < p->tables; i++) lookup_table_free(&p->table[i].table);
  rejects_fini(rejects);
  mem_free(rejects);
}

/* 1: accepted. */
static int judge(uint64_t seed) {
  struct plan_test t;
  static const struct plan_options options = {.run = true};
  mutate(&corpus, text, sizeof text, seed);
  t.arena = arena_new();
  conf_errors_init(&t.errors);
  t.plan = NULL;
  const struct conf_node *document = conf_parse(t.arena, "m.yaml", text, strlen(text), &t.errors);
  int accepted = 0;
  for (; document != NULL; document = document->next) {
    uint32_t errors = t.errors.errors;
    t.plan = plan_build(document, &options, &t.errors);
    if (t.plan == NULL && t.errors.errors == 0)
      ck_abort_msg("refused without a word (seed %llu):\n%s", (unsigned long long)seed, text);
    if (t.plan != NULL && t.errors.errors > errors) ck_abort_msg("accepted with errors:\n%s", text);
    if (t.plan == NULL) continue;
    plan_explained(&t, false);
    plan_explained(&t, true);
    codecs_open(t.plan);
    steps_open(t.plan);
    plan_free(&t.plan);
    accepted = 1;
  }
  plan_errors(&t);
  plan_test_free(&t);
  return accepted;
}

START_TEST(spoilt_examples) {
  const char *count = getenv("MUTATE_COUNT"), *first = getenv("MUTATE_SEED");
  uint32_t n = count != NULL ? (uint32_t)atoi(count) / 10 : 1000, accepted = 0;
  uint64_t seed = first != NULL ? strtoull(first, NULL, 10) : 1;
  for (uint32_t i = 0; i < n; i++) accepted += (uint32_t)judge(seed * 1000003 + (uint64_t)_i * 1000000007 + i);
  /* Mutations that change nothing of importance are accepted; if none were, nothing would have been tested. */
  ck_assert_uint_gt(accepted, n / 100);
  ck_assert_uint_lt(accepted, n);
}
END_TEST

int main(void) {
  corpus_add(&corpus, "conf/pipelines.d/*.yaml");
  corpus_add(&corpus, "conf/demo/*.yaml");
  corpus_add(&corpus, "tests/scenarios/*/pipeline.yaml");
  if (corpus.files == 0) {
    fprintf(stderr, "run from the root of the tree: there are no examples here\n");
    return 1;
  }
  Suite *suite = suite_create("plan mutate");
  TCase *tc = tcase_create("all");
  tcase_set_timeout(tc, 600);
  tcase_add_loop_test(tc, spoilt_examples, 0, 10);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  corpus_free(&corpus);
  return failed > 0;
}
