/*
 * test: runs the tests of a file, one after another. Each is a pipeline built as ever, with its sources and sinks
 * exchanged, run to its end on one worker while the clock stands still; then what came out is compared.
 */
#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../data/text.h"
#include "../run/job.h"
#include "commands.h"
#include "test.h"
#include "test_document.h"

#define TEST_TIMEOUT_S 60

struct test_options {
  const char *name, *pipeline, *now;
  int order;
  bool open;
};
static const char *const ORDERS[] = {"any", "exact", NULL};
static const struct spate_option TEST_OPTIONS[] = {
    {.name = "name",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct test_options, name),
     .flags = SPATE_REQUIRED,
     .help = "What the test shows."},
    {.name = "pipeline",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct test_options, pipeline),
     .flags = SPATE_REQUIRED,
     .help = "The file of the pipeline, from where the file of tests lies."},
    {.name = "order",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct test_options, order),
     .default_text = "any",
     .choices = ORDERS,
     .help = "Whether the order of the records counts."},
    {.name = "open",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct test_options, open),
     .default_text = "false",
     .help = "The sources do not end: open windows stay open."},
    {.name = "now",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct test_options, now),
     .default_text = "2026-01-01T00:00:00Z",
     .help = "The clock at the start."},
    {.name = NULL},
};
const struct spate_option *test_options_table(void);
const struct spate_option *test_options_table(void) { return TEST_OPTIONS; }

struct tester { /* for all tests of a command line */
  struct event_base *base;
  struct job_pool *pool;
  bool colour;
  uint32_t passed, failed;
};
struct test { /* the one at hand */
  struct tester *tester;
  struct test_options options;
  const struct conf_node *node, *given, *expect;
  struct arena *arena;
  struct conf_errors errors;
  struct plan *plan;
  struct given *source; /* by plan->source */
  struct given *table;
  struct capture *sink; /* by plan->sink */
  const char **names;   /* by expect */
  struct job *job;
  struct event *exhausted, *timeout;
  _Atomic uint32_t empty;
  enum job_state state;
  char error[600];
};

/* ---- reading ---- */
static char *path_beside(struct arena *arena, const char *file, const char *path) {
  const char *slash = strrchr(file, '/');
  if (path[0] == '/' || slash == NULL) return arena_text(arena, path);
  return arena_format(arena, "%.*s/%s", (int)(slash - file), file, path);
}

static int test_plan(struct test *t) {
  const char *path = path_beside(t->arena, t->node->file->path, t->options.pipeline);
  struct plan_options options = {.run = true, .test = true};
  const struct conf_node *document = conf_load(t->arena, path, &t->errors);
  if (document == NULL) {
    if (t->errors.errors == 0) conf_error(&t->errors, conf_get(t->node, "pipeline"), "there is no pipeline in it");
    return -1;
  }
  if (document->next != NULL) {
    conf_error(&t->errors, conf_get(t->node, "pipeline"), "a test needs a file with one pipeline in it");
    return -1;
  }
  t->names = ARENA_NEWS(t->arena, const char *, t->expect != NULL ? t->expect->count + 1 : 1);
  t->plan = plan_build(test_document(t->arena, document, t->expect, t->names), &options, &t->errors);
  return t->plan != NULL && t->errors.errors == 0 ? 0 : -1;
}

/* ---- sources and tables ---- */
static const struct schema *schema_by_name(struct arena *arena, const struct schema *from) {
  struct schema *s = schema_new(arena, from->all.count);
  for (uint32_t i = 0; i < from->all.count; i++) {
    struct spate_field *f = schema_add(s, from->all.fields[i].name, from->all.fields[i].type);
    *f = from->all.fields[i];
    f->path = NULL; /* the columns are given by their names */
  }
  s->visible = from->visible;
  return s;
}

static void codec_json(struct test *t, struct plan_codec *codec) {
  codec->api = registry_codec("json");
  void *config = arena_alloc(t->arena, codec->api->config_size + 1);
  conf_fill(t->arena, codec->api->options, NULL, NULL, NULL, config, &t->errors);
  codec->config = config;
}

static void test_moved(void *own) {
  struct test *t = own;
  job_poke(t->job);
}

static void test_exhausted(void *own) {
  struct test *t = own;
  if (atomic_fetch_add(&t->empty, 1) + 1 == t->plan->sources) event_active(t->exhausted, EV_READ, 0);
}

static void given_check_names(struct test *t) {
  const struct conf_node *tables = t->given != NULL ? conf_get(t->given, "tables") : NULL;
  const char **names = ARENA_NEWS(t->arena, const char *, t->plan->sources + t->plan->tables + 1);
  for (uint32_t i = 0; i < t->plan->sources; i++) names[i] = t->plan->source[i].name;
  for (uint32_t k = 0; t->given != NULL && k < t->given->count; k++) {
    bool known = tables == &t->given->item[k];
    for (uint32_t i = 0; i < t->plan->sources; i++) known |= strcmp(names[i], t->given->key[k].text) == 0;
    if (known) continue;
    conf_error(&t->errors, &t->given->key[k], "the pipeline has no source '%s'", t->given->key[k].text);
    conf_hint_nearest(&t->errors, t->given->key[k].text, names, t->plan->sources);
  }
  for (uint32_t i = 0; i < t->plan->tables; i++) names[i] = t->plan->table[i].name;
  for (uint32_t k = 0; tables != NULL && tables->kind == CONF_MAP && k < tables->count; k++) {
    bool known = false;
    for (uint32_t i = 0; i < t->plan->tables; i++) known |= strcmp(names[i], tables->key[k].text) == 0;
    if (known) continue;
    conf_error(&t->errors, &tables->key[k], "the pipeline has no table '%s'", tables->key[k].text);
    conf_hint_nearest(&t->errors, tables->key[k].text, names, t->plan->tables);
  }
}

static void test_sources(struct test *t) {
  struct plan *p = t->plan;
  t->source = ARENA_NEWS(t->arena, struct given, p->sources + 1);
  for (uint32_t i = 0; i < p->sources; i++) {
    struct plan_source *s = &p->source[i];
    struct given *g = &t->source[i];
    const struct conf_node *mark = conf_get(s->node, "watermark");
    *g = (struct given){.open = t->options.open, .bounded = &s->bounded, .rounds = 4 * p->nodes + 8};
    g->moved = test_moved;
    g->exhausted = test_exhausted;
    g->own = t;
    given_read(t->arena, t->given != NULL ? conf_get(t->given, s->name) : NULL, s->schema, g, &t->errors);
    s->api = &TEST_GIVEN;
    s->config = g;
    s->schema = schema_by_name(p->arena, s->schema);
    s->bounded = false;
    if (mark == NULL || conf_get(mark, "max_future") == NULL) s->max_future_us = -1;
    codec_json(t, &s->codec);
  }
}

static void test_tables(struct test *t) {
  const struct conf_node *tables = t->given != NULL ? conf_get(t->given, "tables") : NULL;
  t->table = ARENA_NEWS(t->arena, struct given, t->plan->tables + 1);
  for (uint32_t i = 0; i < t->plan->tables && tables != NULL && tables->kind == CONF_MAP; i++) {
    struct plan_table *table = &t->plan->table[i];
    const struct conf_node *rows = conf_get(tables, table->name);
    if (rows == NULL) continue; /* the file, then */
    given_read(t->arena, rows, table->schema, &t->table[i], &t->errors);
    table->api = &TEST_GIVEN;
    table->config = &t->table[i];
    table->schema = schema_by_name(t->plan->arena, table->schema);
    codec_json(t, &table->codec);
  }
}

static void test_sinks(struct test *t) {
  t->sink = ARENA_NEWS(t->arena, struct capture, t->plan->sinks + 1);
  for (uint32_t i = 0; i < t->plan->sinks; i++) {
    struct plan_sink *s = &t->plan->sink[i];
    const char *name = s->name;
    for (uint32_t k = 0; t->expect != NULL && k < t->expect->count; k++)
      if (strcmp(t->names[k], s->name) == 0) name = t->expect->key[k].text;
    capture_init(&t->sink[i], name, s->schema);
    s->api = &TEST_CAPTURE;
    s->config = &t->sink[i];
    s->codec = (struct plan_codec){0};
  }
}

/* ---- running ---- */
static void test_changed(struct job *job, enum job_state state, void *own) {
  struct test *t = own;
  t->state = state;
  if (state != JOB_FINISHED && state != JOB_STOPPED && state != JOB_FAILED) return;
  if (state == JOB_FAILED) snprintf(t->error, sizeof t->error, "%s", job_error(job)->message);
  event_base_loopexit(t->tester->base, NULL);
}

static void test_stop(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  job_stop(((struct test *)own)->job, false);
}

static void test_overdue(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  struct test *t = own;
  snprintf(t->error, sizeof t->error, "did not come to an end in %d s", TEST_TIMEOUT_S);
  job_stop(t->job, true);
}

static void test_run_job(struct test *t) {
  struct spate_error err = {0};
  struct timeval most = {TEST_TIMEOUT_S, 0};
  struct job_args args = {.plan = t->plan,
                          .pool = t->tester->pool,
                          .base = t->tester->base,
                          .batch_rows = 1,
                          .changed = test_changed,
                          .own = t};
  t->plan->checkpoint_us = 3600 * US_S; /* one epoch, closed by the end */
  t->plan->trigger_us = US_MS;          /* a micro-batch for each record */
  t->plan->max_records = 1;
  t->exhausted = event_new(t->tester->base, -1, EV_PERSIST, test_stop, t);
  t->timeout = evtimer_new(t->tester->base, test_overdue, t);
  event_add(t->timeout, &most);
  t->job = job_start(&args, &err);
  if (t->job != NULL)
    event_base_loop(t->tester->base, EVLOOP_NO_EXIT_ON_EMPTY);
  else
    snprintf(t->error, sizeof t->error, "%s", err.message);
  job_free(&t->job);
  event_free(t->exhausted);
  event_free(t->timeout);
}

/* ---- judging ---- */
static struct capture *test_captured(struct test *t, const char *sink) {
  for (uint32_t i = 0; i < t->plan->sinks; i++)
    if (strcmp(t->plan->sink[i].name, sink) == 0) return &t->sink[i];
  return NULL;
}

/* Prints to a text of its own, so that the heading comes first. */
static bool test_compare(struct test *t, FILE *out) {
  bool good = true;
  for (uint32_t i = 0; t->expect != NULL && i < t->expect->count; i++) {
    struct capture *c = test_captured(t, t->names[i]);
    if (c == NULL) continue; /* a sink of that name would be there: an error said why not */
    char *text = NULL;
    size_t size = 0;
    FILE *diff = open_memstream(&text, &size);
    bool same = expect_compare(&t->expect->item[i], c, t->options.order == 1, diff, t->tester->colour, &t->errors);
    fclose(diff);
    if (!same)
      fprintf(out, "  %s: %u expected, %u came\n%s", t->expect->key[i].text, t->expect->item[i].count, c->rows, text);
    free(text);
    good &= same;
  }
  return good;
}

static bool test_one(struct test *t, FILE *out) {
  static const char *const skip[] = {"given", "expect", NULL};
  conf_fill(t->arena, TEST_OPTIONS, t->node, skip, NULL, &t->options, &t->errors);
  if (t->node->kind != CONF_MAP || t->errors.errors > 0) return false;
  int64_t start = 0;
  t->given = conf_get(t->node, "given");
  t->expect = conf_get(t->node, "expect");
  if (text_timestamp(t->options.now, strlen(t->options.now), &start) != 0)
    conf_error(&t->errors, conf_get(t->node, "now"), "'%s' is no time", t->options.now);
  if (t->given != NULL && t->given->kind != CONF_MAP)
    conf_error(&t->errors, t->given, "'given' is a map from a source to its records");
  if (t->expect == NULL || t->expect->kind != CONF_MAP)
    conf_error(&t->errors, t->expect != NULL ? t->expect : t->node,
               "'expect' is a map from a sink, step or output to its records");
  if (t->errors.errors > 0 || test_plan(t) != 0) return false;
  given_check_names(t);
  test_sources(t);
  test_tables(t);
  test_sinks(t);
  bool good = t->errors.errors == 0;
  if (good) {
    clock_virtual(start);
    test_run_job(t);
    good = t->error[0] == 0 && test_compare(t, out);
  }
  for (uint32_t i = 0; i < t->plan->sinks; i++) capture_fini(&t->sink[i]);
  return good;
}

static void test_paint(const struct tester *r, const char *code, const char *text) {
  printf(r->colour ? "\033[%sm%s\033[0m" : "%.0s%s", code, text);
}

static void tester_run(struct tester *r, const struct conf_node *node) {
  struct test *t = MEM_NEW(struct test);
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  t->tester = r;
  t->node = node;
  t->arena = arena_new();
  conf_errors_init(&t->errors);
  bool good = test_one(t, out) && t->errors.errors == 0;
  fclose(out);
  test_paint(r, good ? "32" : "31", good ? "ok  " : "FAIL");
  printf(" %s\n", t->options.name != NULL ? t->options.name : "a test without a name");
  if (t->error[0] != 0) printf("  error: %s\n", t->error);
  if (!good) printf("%s", text);
  fflush(stdout);
  if (!good) conf_errors_print(&t->errors, stdout, r->colour);
  good ? r->passed++ : r->failed++;
  free(text);
  plan_free(&t->plan);
  conf_errors_fini(&t->errors);
  arena_free(&t->arena);
  mem_free(t);
}

/* false: the file itself is wrong. */
static bool tester_file(struct tester *r, const char *path) {
  struct arena *arena = arena_new();
  struct conf_errors errors;
  conf_errors_init(&errors);
  const struct conf_node *document = conf_load(arena, path, &errors);
  const struct conf_node *tests = document != NULL && document->kind == CONF_MAP ? conf_get(document, "tests") : NULL;
  if (document != NULL && (tests == NULL || tests->kind != CONF_LIST || document->count != 1)) {
    conf_error(&errors, document, "a file of tests is 'tests:' and a list");
    tests = NULL;
  }
  conf_errors_print(&errors, stderr, cli_colour(stderr));
  bool good = errors.errors == 0 && tests != NULL;
  for (uint32_t i = 0; good && i < tests->count; i++) tester_run(r, &tests->item[i]);
  conf_errors_fini(&errors);
  arena_free(&arena);
  return good;
}

static int test_run(const struct cli_command *command, const void *own, char **files, uint32_t count) {
  (void)command, (void)own;
  struct tester r = {.colour = cli_colour(stdout)};
  struct spate_error err = {0};
  bool good = true;
  log_setup(LOG_TEXT, SPATE_LOG_ERROR);
  clock_virtual(0); /* before any thread */
  r.base = event_base_new();
  r.pool = r.base != NULL ? job_pool_new(1, &err) : NULL;
  if (r.pool == NULL) {
    fprintf(stderr, "spate: error: %s\n", err.message[0] != 0 ? err.message : "cannot make an event loop");
    return EXIT_ENVIRONMENT;
  }
  for (uint32_t i = 0; i < count; i++) good &= tester_file(&r, files[i]);
  if (good || r.passed + r.failed > 0) printf("%u passed, %u failed\n", r.passed, r.failed);
  job_pool_free(&r.pool);
  event_base_free(r.base);
  return good && r.failed == 0 ? EXIT_FINE : EXIT_INPUT;
}

const struct cli_command COMMAND_TEST = {
    .name = "test",
    .takes = "FILE...",
    .help = "Runs the tests of test files in virtual time.",
    .about =
        "Sources are replaced by the given records, each a batch of its own; what comes out of sinks, steps and late "
        "outputs, and the dead letters, is compared with what is expected. Differences are shown: '-' was expected "
        "and did not come, '+' came and was not expected.",
    .least = 1,
    .most = 10000,
    .run = test_run,
};
