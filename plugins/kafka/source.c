/*
 * source: the Kafka source's descriptor, and what its readers share.
 *
 * Partitions are assigned by the engine, and no group is joined: no rebalance, no wait for a join, one owner. The group
 * is where offsets are kept: read at a start that has no positions of its own, written after each epoch.
 */
#include <stdio.h>
#include <stdlib.h>
#include "source.h"

#define RANGE_MS 10000

static const char *const reset_choices[] = {"refuse", "earliest", "latest", NULL};

static const struct spate_option source_options[] = {
    KAFKA_LINK_OPTIONS(struct kafka_source_config),
    {.name = "topics",
     .type = SPATE_OPT_STRINGS,
     .offset = offsetof(struct kafka_source_config, topics),
     .flags = SPATE_REQUIRED,
     .help = "Topics by name, or one ^pattern (a POSIX extended regular expression)."},
    {.name = "group",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct kafka_source_config, group),
     .help = "The group under which offsets are kept; it is never joined. Left out: none are kept."},
    {.name = "start",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct kafka_source_config, start),
     .default_text = "earliest",
     .help = "Where to begin when the group has no offset: earliest, latest, a time (ISO 8601) or ms since 1970."},
    {.name = "on_offset_reset",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct kafka_source_config, on_offset_reset),
     .default_text = "refuse",
     .choices = reset_choices,
     .help = "What to do where the log no longer holds the next offset: refuse, or go on at earliest or latest."},
    {.name = "readers",
     .type = SPATE_OPT_INT,
     .offset = offsetof(struct kafka_source_config, readers),
     .default_text = "0",
     .min = 0,
     .max = 256,
     .help = "Consumer handles, each with a thread for each broker; 0: one for each task that reads."},
    {.name = NULL}};

static int source_check(const void *config, struct spate_error *err) {
  const struct kafka_source_config *c = config;
  enum kafka_start start;
  int64_t ms;
  if (kafka_link_check(&c->link, KAFKA_CONSUMER, err) != 0) return -1;
  if (kafka_topics_check(c, err) != 0) return -1;
  if (c->group != NULL && c->group[0] == 0) return spate_fail_option(err, "group", "the group's name is empty");
  return kafka_start_parse(c->start, &start, &ms, err);
}

static int64_t conf_number(rd_kafka_conf_t *conf, const char *name, int64_t otherwise) {
  char text[32];
  size_t size = sizeof text;
  if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK) return otherwise;
  return strtoll(text, NULL, 10);
}

static int handle_open(struct kafka_source *s, uint32_t h, struct spate_error *err) {
  char why[256], messages[32], kbytes[32];
  /* Handles share one budget of memory; below a floor their queues would run dry between two fetches. */
  uint32_t share = s->handles > 2 ? s->handles : 2;
  snprintf(messages, sizeof messages, "%u", 80000 / share > 10000 ? 80000 / share : 10000);
  snprintf(kbytes, sizeof kbytes, "%u", 65536 / share > 8192 ? 65536 / share : 8192);
  struct kafka_setting settings[] = {{"queued.min.messages", messages},
                                     {"queued.max.messages.kbytes", kbytes},
                                     /* the embedded cluster knows no request that would not create */
                                     {"allow.auto.create.topics", s->embedded ? "true" : "false"},
                                     {h == 0 && s->config->group != NULL ? "group.id" : NULL, s->config->group},
                                     {NULL, NULL}};
  rd_kafka_conf_t *conf = kafka_conf_new(&s->config->link, KAFKA_CONSUMER, settings, &s->watch, err);
  if (conf == NULL) return -1;
  s->queue_messages = conf_number(conf, "queued.min.messages", 40000);
  s->queue_bytes = conf_number(conf, "queued.max.messages.kbytes", 32768) * 1024;
  s->handle[h] = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
  if (s->handle[h] != NULL) return 0;
  rd_kafka_conf_destroy(conf);
  return spate_fail(err, "librdkafka does not start: %s", why);
}

static void source_close(void *source) {
  struct kafka_source *s = source;
  kafka_keeper_stop(s);
  struct kafka_reader **reader = atomic_load(&s->reader);
  for (uint32_t i = 0; reader != NULL && i < s->readers; i++) kafka_reader_free(&reader[i]);
  free(reader);
  kafka_offsets_free(s);
  kafka_topics_free(s);
  for (uint32_t h = 0; s->handle != NULL && h < s->handles; h++)
    if (s->handle[h] != NULL) rd_kafka_destroy_flags(s->handle[h], RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  free(s->handle);
  kafka_watch_fini(&s->watch);
  free(s);
}

static int source_open(const struct spate_source_args *args, void **source, struct spate_error *err) {
  const struct kafka_source_config *c = args->config;
  struct kafka_source *s = calloc(1, sizeof *s);
  if (s == NULL) return spate_fail(err, "no memory for a source");
  s->where = args->where;
  s->config = c;
  s->bounded = args->bounded;
  s->embedded = kafka_link_embedded(&c->link);
  s->metas = args->metas;
  s->keeper_fd = -1;
  s->readers = args->readers > 0 ? args->readers : 1;
  s->handles = c->readers > 0 && c->readers < (int64_t)s->readers ? (uint32_t)c->readers : s->readers;
  kafka_watch_init(&s->watch, args->where);
  s->handle = calloc(s->handles, sizeof(rd_kafka_t *));
  atomic_init(&s->reader, calloc(s->readers, sizeof(struct kafka_reader *)));
  if (s->handle == NULL || atomic_load(&s->reader) == NULL) {
    spate_fail(err, "no memory for a source");
    goto fail;
  }
  if (kafka_start_parse(c->start, &s->start, &s->start_ms, err) != 0) goto fail;
  for (uint32_t h = 0; h < s->handles; h++)
    if (handle_open(s, h, err) != 0) goto fail;
  kafka_link_warn(&c->link, KAFKA_CONSUMER, args->where);
  if (kafka_keeper_start(s, err) != 0) goto fail;
  *source = s;
  return 0;
fail:
  source_close(s);
  return -1;
}

static int source_partitions(void *source, const struct spate_partition **list, uint32_t *count,
                             struct spate_error *err) {
  struct kafka_source *s = source;
  uint32_t known = s->known;
  if (kafka_topics_find(s, err) != 0 && !s->first_discovery_done) return -1;
  /* Later a cluster that does not answer has no news: readers wait for it too, and the log says so. */
  uint32_t now = atomic_load(&s->parts);
  if (now > known) {
    bool asked =
        kafka_offsets_range(s, 0, known, now, RANGE_MS, err) == 0 && kafka_offsets_start(s, known, now, err) == 0;
    if (!asked && !s->first_discovery_done) return -1;
    if (!asked) now = known; /* shown when they can be read */
    struct kafka_part **part = atomic_load(&s->part);
    for (uint32_t i = known; s->bounded && i < now; i++) part[i]->bound = atomic_load(&part[i]->high);
  }
  s->known = now;
  s->first_discovery_done = true;
  *list = s->list;
  *count = now;
  return 0;
}

static int source_committed(void *source, uint32_t partition, struct spate_bytes position, struct spate_error *err) {
  return kafka_offsets_add(source, partition, position, err);
}

static int source_committed_end(void *source, struct spate_error *err) { return kafka_offsets_commit(source, err); }

/* From what the last fetches said of the ends: no request, no wait. */
static int64_t source_lag(void *source) {
  struct kafka_source *s = source;
  struct kafka_part **part = atomic_load(&s->part);
  int64_t lag = -1;
  for (uint32_t i = 0; i < atomic_load(&s->parts); i++) {
    struct kafka_part *p = part[i];
    int64_t next = atomic_load(&p->next), low, high = -1;
    struct kafka_reader *r = atomic_load(&p->reader);
    if (r == NULL || next < 0) continue;
    if (rd_kafka_get_watermark_offsets(s->handle[r->handle], p->topic->name, p->number, &low, &high) != 0 || high < 0)
      high = atomic_load(&p->high);
    if (lag < 0) lag = 0;
    if (high > p->bound) high = p->bound;
    if (high > next) lag += high - next;
  }
  return lag;
}

const struct spate_source_api spate_source_kafka = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_source_api),
    .name = "kafka",
    .help = "Topics of Apache Kafka.",
    .flags = SPATE_REPLAYABLE | SPATE_EXACTLY_ONCE,
    .metas = 1u << SPATE_META_KEY | 1u << SPATE_META_TOPIC | 1u << SPATE_META_PARTITION | 1u << SPATE_META_OFFSET |
             1u << SPATE_META_TIMESTAMP,
    .options = source_options,
    .config_size = sizeof(struct kafka_source_config),
    .check = source_check,
    .open = source_open,
    .partitions = source_partitions,
    .committed = source_committed,
    .committed_end = source_committed_end,
    .close = source_close,
    .reader_open = kafka_reader_open,
    .assign = kafka_reader_assign,
    .pull = kafka_reader_pull,
    .state = kafka_reader_state,
    .position = kafka_reader_position,
    .lag = source_lag,
    .reader_close = kafka_reader_close,
};
