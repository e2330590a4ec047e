/*
 * plan: a pipeline, read, checked and resolved: an immutable graph that the engine runs. Nothing is looked up by name
 * after this. Everything lives in the plan's arena.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H
#include "../api/spate.h"
#include "../base/arena.h"
#include "../config/config.h"
#include "../data/schema.h"
#include "../expr/expr.h"
#include "../ops/op.h"
#include "../state/lookup_table.h"

enum plan_mode { PLAN_RECORD, PLAN_MICRO_BATCH };
enum plan_guarantee { PLAN_STRONGEST, PLAN_EXACTLY_ONCE, PLAN_AT_LEAST_ONCE, PLAN_AT_MOST_ONCE };
enum plan_on_error { PLAN_DEAD_LETTER, PLAN_DROP, PLAN_FAIL };

struct plan_codec {
  const struct spate_codec_api *api; /* NULL: none */
  const void *config;
};
struct plan_source {
  const char *name;
  const struct conf_node *node;
  const struct spate_source_api *api;
  const void *config;
  struct plan_codec codec;
  const struct schema *schema; /* visible: the user's (or the source's own); hidden: metadata */
  uint8_t *used;               /* by column of schema: decoded, or metadata that is filled */
  uint32_t metas;              /* those used, as bits */
  int32_t time;                /* column of event time (a timestamp), -1: none; kept although nobody reads it */
  int64_t delay_us, idle_us;   /* idle_us < 0: the default (30 s where there is more than one partition); 0: never */
  int64_t max_future_us;       /* < 0: off */
  bool bounded;                /* ends by itself */
};
struct plan_table {
  const char *name;
  const struct conf_node *node;
  const struct spate_source_api *api;
  const void *config;
  struct plan_codec codec;
  const struct schema *schema;
  const uint32_t *key;
  uint32_t keys;
  struct lookup_table *table; /* loaded by the job before its tasks open; owned by the job */
};
struct plan_sink {
  const char *name;
  const struct conf_node *node;
  const struct spate_sink_api *api;
  const void *config;
  struct plan_codec codec;
  const struct schema *schema; /* of its input; hidden columns are not encoded */
  bool updating;
  bool dead_letters; /* the sink that dead_letter: names; it has no input */
};
enum plan_node_kind { PLAN_SOURCE, PLAN_STEP, PLAN_SINK };
struct plan_input {
  uint32_t node;
  uint8_t port;
};
struct plan_node {
  enum plan_node_kind kind;
  const char *name; /* unique: the user's, or the verb, or verb_2, … */
  const struct conf_node *node;
  uint32_t inputs; /* more than one: a union */
  const struct plan_input *input;
  uint32_t index; /* into sources, sinks, or -- for steps -- unused */
  /* steps */
  const struct op_verb *verb;
  const void *def;
  bool exchange; /* its input is distributed by key (keys 0: all to one task) */
  const uint32_t *key;
  uint32_t keys;
  bool stateful;
  const char *signature;
  const char *explain;
  /* outputs */
  struct op_port *port;
  uint32_t ports;
  uint8_t **needed; /* [port][column]: read by somebody */
};
struct plan {
  struct arena *arena;
  const char *name; /* of the pipeline */
  const char *path; /* of the file */
  enum plan_mode mode;
  enum plan_guarantee guarantee;
  const char *guarantee_text; /* what it will be, and why not more: one line */
  int64_t checkpoint_us;      /* record */
  int64_t trigger_us;         /* micro_batch */
  int64_t max_records;        /* micro_batch: of each source; 0: no limit */
  bool available_now;
  uint32_t parallelism; /* 0: auto */
  enum plan_on_error on_error;
  int32_t dead_letter_sink; /* index, -1: the file */
  uint64_t state_hash;      /* over name and signature of the steps with state */
  uint64_t meaning_hash;    /* over the resolved definition: equal means a reload changes nothing */
  struct plan_source *source;
  uint32_t sources;
  struct plan_table *table;
  uint32_t tables;
  struct plan_sink *sink;
  uint32_t sinks;
  struct plan_node *node; /* in topological order */
  uint32_t nodes;
};
struct plan_options { /* from the command line */
  bool bounded;       /* --bounded */
  bool run;           /* under `spate run` or `spate test`: embedded brokers are fine */
  bool test;          /* under `spate test`: guarantees that are not built yet pass */
};
/* Checks one document. NULL when errors were added. The plan owns its arena; the document's arena must outlive it. */
struct plan *plan_build(const struct conf_node *document, const struct plan_options *options,
                        struct conf_errors *errors);
/* All pipelines of the files (those that could be built: others are NULL), with their texts and trees. */
struct plan_set {
  struct arena *arena;
  struct conf_errors errors;
  struct plan **plan;
  uint32_t count;
};
int plan_set_load(struct plan_set *set, const char *const *paths, uint32_t count, const struct plan_options *options);
void plan_set_free(struct plan_set *set);
void plan_free(struct plan **plan);
void plan_explain(const struct plan *plan, FILE *out, bool dot);

const char *plan_meta_name(enum spate_meta meta); /* "_key", … */

/* ---- registry of connectors and codecs ---- */
const struct spate_source_api *registry_source(const char *name);
const struct spate_sink_api *registry_sink(const char *name);
const struct spate_codec_api *registry_codec(const char *name);
const struct spate_source_api *const *registry_sources(uint32_t *count);
const struct spate_sink_api *const *registry_sinks(uint32_t *count);
const struct spate_codec_api *const *registry_codecs(uint32_t *count);
#endif
