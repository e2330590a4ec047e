/*
 * build: a document becomes a plan, in this order: the pipeline's own keys; sources and tables; names of steps and
 * sinks; who reads whom; every step against what stands before it; sinks against what they get; what the ends can
 * promise; which columns anybody reads. Errors do not stop it: it goes on as far as what it knows allows, so that one
 * run of `check` shows them all.
 */
#include "build.h"

#include <stdlib.h>

#include "../base/mem.h"
#include "components.h"

static const char *const MODES[] = {"record", "micro_batch", NULL};
static const char *const GUARANTEES[] = {"exactly_once", "at_least_once", "at_most_once", NULL};
static const char *const ON_ERROR[] = {"dead_letter", "drop", "fail", NULL};

struct trigger_options {
  int64_t every, max_records;
  bool available_now;
};
static const struct spate_option TRIGGER_OPTIONS[] = {
    {.name = "every",
     .type = SPATE_OPT_DURATION,
     .offset = offsetof(struct trigger_options, every),
     .default_text = "1s",
     .min = US_MS,
     .max = 86400 * US_S,
     .help = "How often a micro-batch begins."},
    {.name = "max_records",
     .type = SPATE_OPT_INT,
     .offset = offsetof(struct trigger_options, max_records),
     .default_text = "100000",
     .min = 1,
     .max = 1000000000,
     .help = "At most so many records of each source in a micro-batch."},
    {.name = "available_now",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct trigger_options, available_now),
     .default_text = "false",
     .help = "Takes all that is there, in as many micro-batches as needed, and ends."},
    {.name = NULL},
};
struct pipeline_options {
  const char *name, *parallelism, *dead_letter;
  int mode, guarantee, on_error;
  int64_t checkpoint;
  struct trigger_options trigger;
};
static const struct spate_option PIPELINE_OPTIONS[] = {
    {.name = "pipeline",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct pipeline_options, name),
     .flags = SPATE_REQUIRED,
     .help = "The pipeline's name."},
    {.name = "mode",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct pipeline_options, mode),
     .default_text = "record",
     .choices = MODES,
     .help = "record: records flow the moment they arrive; micro_batch: they are taken in bounded batches."},
    {.name = "guarantee",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct pipeline_options, guarantee),
     .choices = GUARANTEES,
     .help = "A demand, which check refuses where the ends cannot keep it; left out: the strongest that they can."},
    {.name = "checkpoint",
     .type = SPATE_OPT_DURATION,
     .offset = offsetof(struct pipeline_options, checkpoint),
     .default_text = "1s",
     .min = US_MS,
     .max = 86400 * US_S,
     .help = "Mode record: how often an epoch closes."},
    {.name = "trigger",
     .type = SPATE_OPT_GROUP,
     .offset = offsetof(struct pipeline_options, trigger),
     .group = TRIGGER_OPTIONS,
     .help = "Mode micro_batch: when a batch begins and how large it may be."},
    {.name = "parallelism",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct pipeline_options, parallelism),
     .default_text = "auto",
     .help = "Tasks of each stage; auto: one a worker."},
    {.name = "on_error",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct pipeline_options, on_error),
     .default_text = "dead_letter",
     .choices = ON_ERROR,
     .help = "What becomes of a bad record: it is kept with its reason, or dropped, or the pipeline fails."},
    {.name = "dead_letter",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct pipeline_options, dead_letter),
     .help = "The sink that takes the dead letters, in place of a file."},
    {.name = NULL},
};
const struct spate_option *plan_pipeline_options(void) { return PIPELINE_OPTIONS; }
const struct spate_option *plan_trigger_options(void) { return TRIGGER_OPTIONS; }

static void pipeline_parallelism(struct build *b, const char *text) {
  char *end = NULL;
  if (text == NULL || strcmp(text, "auto") == 0) return;
  long n = strtol(text, &end, 10);
  if (end != text && *end == 0 && n >= 1 && n <= 256) {
    b->plan->parallelism = (uint32_t)n;
    return;
  }
  conf_error(b->errors, conf_get(b->document, "parallelism"), "parallelism is auto or a number from 1 to 256, not '%s'",
             text);
}

static void pipeline_times(struct build *b, const struct pipeline_options *o) {
  struct plan *p = b->plan;
  const struct conf_node *checkpoint = conf_key(b->document, "checkpoint"), *trigger = conf_key(b->document, "trigger"),
                         *value = conf_get(b->document, "trigger");
  p->checkpoint_us = o->checkpoint;
  p->trigger_us = o->trigger.every;
  p->max_records = o->trigger.max_records;
  p->available_now = p->mode == PLAN_MICRO_BATCH && o->trigger.available_now;
  if (p->mode == PLAN_MICRO_BATCH && checkpoint != NULL)
    conf_error(b->errors, checkpoint, "'checkpoint' belongs to mode: record; a micro-batch is committed at its end");
  if (p->mode == PLAN_RECORD && trigger != NULL) {
    conf_error(b->errors, trigger, "'trigger' belongs to mode: micro_batch");
    conf_hint(b->errors, "mode record has checkpoint: 1s");
  }
  if (p->available_now && value->kind == CONF_MAP && conf_get(value, "every") != NULL)
    conf_error(b->errors, conf_key(value, "every"), "available_now takes batch after batch: 'every' has no meaning");
}

static void pipeline_dead_letter(struct build *b, const struct pipeline_options *o) {
  struct plan *p = b->plan;
  p->dead_letter_sink = -1;
  if (o->dead_letter == NULL) return;
  const struct conf_node *node = conf_get(b->document, "dead_letter");
  if (p->on_error != PLAN_DEAD_LETTER) {
    conf_error(b->errors, node, "a sink of dead letters gets nothing under on_error: %s", ON_ERROR[p->on_error]);
    return;
  }
  const char **names = ARENA_NEWS(b->arena, const char *, p->sinks + 1);
  for (uint32_t i = 0; i < p->sinks; i++) {
    names[i] = p->sink[i].name;
    if (strcmp(p->sink[i].name, o->dead_letter) == 0) p->dead_letter_sink = (int32_t)i;
  }
  if (p->dead_letter_sink >= 0) return;
  const char *near = conf_nearest(o->dead_letter, names, p->sinks);
  conf_error(b->errors, node, "there is no sink '%s'", o->dead_letter);
  if (near != NULL) conf_hint(b->errors, "did you mean '%s'?", near);
}

static void pipeline_tables_used(struct build *b) {
  const struct conf_node *tables = conf_get(b->document, "tables");
  for (uint32_t i = 0; i < b->plan->tables; i++) {
    bool used = false;
    for (uint32_t k = 0; k < b->steps && !used; k++) {
      const struct conf_node *value = b->step[k].value;
      const struct conf_node *table = value != NULL && value->kind == CONF_MAP ? conf_get(value, "table") : NULL;
      used = table != NULL && table->kind == CONF_SCALAR && strcmp(table->text, b->plan->table[i].name) == 0;
    }
    if (!used) conf_warn(b->errors, &tables->key[i], "no lookup uses the table '%s'", b->plan->table[i].name);
  }
}

/* Whether the parser objected to some of it. */
static bool document_broken(const struct conf_node *node) {
  if (node->broken) return true;
  for (uint32_t i = 0; i < node->count; i++)
    if (document_broken(&node->item[i]) || (node->kind == CONF_MAP && node->key[i].broken)) return true;
  return false;
}

static void build_all(struct build *b) {
  static const char *const skip[] = {"sources", "tables", "steps", "sinks", NULL};
  struct plan *p = b->plan;
  struct pipeline_options options = {0};
  uint32_t errors = b->errors->errors;
  conf_fill(b->arena, PIPELINE_OPTIONS, b->document, skip, NULL, &options, b->errors);
  if (b->document->kind != CONF_MAP) return;
  const struct conf_node *name = conf_get(b->document, "pipeline");
  p->name = options.name != NULL ? options.name : "?";
  if (name != NULL && name->kind == CONF_SCALAR) build_name_good(b, name, "a pipeline");
  p->mode = (enum plan_mode)options.mode;
  p->on_error = (enum plan_on_error)options.on_error;
  pipeline_parallelism(b, options.parallelism);
  pipeline_times(b, &options);
  build_sources(b);
  build_tables(b);
  build_steps_read(b);
  build_sinks_names(b);
  pipeline_dead_letter(b, &options);
  if (b->sources_bad) return;
  build_graph(b);
  build_nodes(b);
  if (!b->failed && b->errors->errors == errors) pipeline_tables_used(b);
  build_guarantee(b, conf_get(b->document, "guarantee"), options.guarantee);
}

struct plan *plan_build(const struct conf_node *document, const struct plan_options *options,
                        struct conf_errors *errors) {
  struct arena *arena = arena_new();
  struct plan *plan = ARENA_NEW(arena, struct plan);
  plan->arena = arena;
  plan->path = document->file != NULL ? document->file->path : "-";
  plan->dead_letter_sink = -1;
  struct build b = {.plan = plan, .arena = arena, .errors = errors, .options = options, .document = document};
  uint32_t before = errors->errors;
  build_all(&b);
  if (errors->errors != before || b.failed || document_broken(document) || !build_codecs(&b)) {
    plan_free(&plan);
    return NULL;
  }
  build_needs(&b);
  build_hashes(&b);
  return plan;
}

void plan_free(struct plan **plan) {
  if (*plan == NULL) return;
  struct arena *arena = (*plan)->arena;
  *plan = NULL;
  arena_free(&arena);
}
