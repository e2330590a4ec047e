/*
 * sink: the Kafka sink's descriptor; the one producer that its writers share, idempotent unless acks says otherwise;
 * and the thread that takes delivery reports, wakes writers that waited for room, and watches how many partitions there
 * are.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "sink.h"

#define OPEN_MS 5000
#define POLL_MS 100
#define HURRY_LINGER_US 20000 /* beyond this an epoch's end does not wait for linger */
#define LOOK_EVERY_MS 30000
#define CLOSE_MS 2000

static const char *const acks_choices[] = {"all", "1", "0", NULL};
static const char *const compression_choices[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};

static const struct spate_option sink_options[] = {
    KAFKA_LINK_OPTIONS(struct kafka_sink_config),
    {.name = "topic",
     .type = SPATE_OPT_TEMPLATE,
     .offset = offsetof(struct kafka_sink_config, topic),
     .flags = SPATE_REQUIRED,
     .help = "The topic; {column} stands for a value of the record."},
    {.name = "key",
     .type = SPATE_OPT_COLUMNS,
     .offset = offsetof(struct kafka_sink_config, key),
     .help = "Column of the record's key; of several, a JSON array of them. Left out: no key."},
    {.name = "partition",
     .type = SPATE_OPT_COLUMN,
     .offset = offsetof(struct kafka_sink_config, partition),
     .help = "An int column with the partition; null, or left out: murmur2 of the key as Java's clients, else random."},
    {.name = "headers",
     .type = SPATE_OPT_MAP,
     .offset = offsetof(struct kafka_sink_config, headers),
     .help = "Headers of each record (not built yet)."},
    {.name = "linger",
     .type = SPATE_OPT_DURATION,
     .offset = offsetof(struct kafka_sink_config, linger),
     .default_text = "5ms",
     .min = 0,
     .max = 60000000,
     .help = "How long records wait for company before they are sent."},
    {.name = "acks",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct kafka_sink_config, acks),
     .default_text = "all",
     .choices = acks_choices,
     .help =
         "Who must have a record before it counts as written: all replicas in sync, the leader alone (1), nobody (0)."},
    {.name = "compression",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct kafka_sink_config, compression),
     .default_text = "none",
     .choices = compression_choices,
     .help = "Compression of batches of records."},
    {.name = NULL}};

static int sink_check(const void *config, struct spate_error *err) {
  const struct kafka_sink_config *c = config;
  if (kafka_link_check(&c->link, KAFKA_PRODUCER, err) != 0) return -1;
  if (c->headers.count > 0) return spate_fail_option(err, "headers", "headers are not built yet");
  if (c->topic == NULL) return 0; /* said already */
  const char *word = spate_template_word(c->topic), *topic = spate_template_constant(c->topic);
  if (word != NULL) return spate_fail_option(err, "topic", "the topic of a record takes columns, not {%s}", word);
  if (topic == NULL) return 0;
  size_t n = strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
  if (n == 0 || n > 249 || topic[n] != 0)
    return spate_fail_option(err, "topic", "'%s' cannot be the name of a topic: 1 to 249 of a-z A-Z 0-9 . _ -", topic);
  return 0;
}

/* ---- delivery ---- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
  (void)rk;
  (void)opaque;
  kafka_writer_delivered(m->_private, m);
}

static struct kafka_writer *writer_at(const struct kafka_sink *s, uint32_t i) {
  return __atomic_load_n(&s->writer[i], __ATOMIC_ACQUIRE);
}

static void sink_look(struct kafka_sink *s) {
  const struct rd_kafka_metadata *md;
  if (s->rkt == NULL || rd_kafka_metadata(s->rk, 0, s->rkt, &md, 1000) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  if (md->topic_cnt == 1 && md->topics[0].partition_cnt > 0) atomic_store(&s->partitions, md->topics[0].partition_cnt);
  rd_kafka_metadata_destroy(md);
}

static void *delivery_run(void *own) {
  struct kafka_sink *s = own;
  int64_t looked = kafka_clock_ms();
  while (!atomic_load(&s->stop)) {
    if (atomic_load(&s->hurry) > 0 && s->config->linger > HURRY_LINGER_US)
      (void)rd_kafka_flush(s->rk, POLL_MS / 2);
    else
      rd_kafka_poll(s->rk, POLL_MS);
    if (rd_kafka_outq_len(s->rk) < s->queue_messages - s->queue_messages / 4)
      for (uint32_t i = 0; i < s->writers; i++)
        if (writer_at(s, i) != NULL) kafka_writer_wake(writer_at(s, i));
    if (atomic_load(&s->watch.refused)) {
      char why[256];
      kafka_watch_final(&s->watch, why, sizeof why);
      for (uint32_t i = 0; i < s->writers; i++)
        if (writer_at(s, i) != NULL) kafka_writer_fail(writer_at(s, i), why);
    }
    if (kafka_clock_ms() - looked < LOOK_EVERY_MS) continue;
    sink_look(s);
    looked = kafka_clock_ms();
  }
  return NULL;
}

static int delivery_start(struct kafka_sink *s, struct spate_error *err) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  s->thread_runs = pthread_create(&s->thread, NULL, delivery_run, s) == 0;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return s->thread_runs ? 0 : spate_fail(err, "no thread for the delivery reports of kafka");
}

/* ---- life ---- */

static void sink_close(void *sink) {
  struct kafka_sink *s = sink;
  atomic_store(&s->stop, true);
  if (s->thread_runs) {
    rd_kafka_queue_yield(s->main_queue);
    pthread_join(s->thread, NULL);
  }
  if (s->rk != NULL) {
    /* After an epoch that closed nothing is left. Otherwise what is left will be written again: no need to insist. */
    (void)rd_kafka_flush(s->rk, CLOSE_MS);
    atomic_store(&s->closing, true);
    (void)rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(s->rk, POLL_MS);
  }
  for (uint32_t i = 0; s->writer != NULL && i < s->writers; i++) kafka_writer_free(&s->writer[i]);
  free(s->writer);
  if (s->rkt != NULL) rd_kafka_topic_destroy(s->rkt);
  if (s->main_queue != NULL) rd_kafka_queue_destroy(s->main_queue);
  if (s->rk != NULL) rd_kafka_destroy(s->rk);
  kafka_watch_fini(&s->watch);
  free(s);
}

static int producer_open(struct kafka_sink *s, struct spate_error *err) {
  const struct kafka_sink_config *c = s->config;
  char linger[32], why[256], limit[32];
  size_t size = sizeof limit;
  snprintf(linger, sizeof linger, "%.3f", (double)c->linger / 1000);
  struct kafka_setting settings[] = {{"linger.ms", linger},
                                     {"acks", acks_choices[c->acks]},
                                     {"enable.idempotence", c->acks == 0 ? "true" : "false"},
                                     {"compression.codec", compression_choices[c->compression]},
                                     {NULL, NULL}};
  rd_kafka_conf_t *conf = kafka_conf_new(&c->link, KAFKA_PRODUCER, settings, &s->watch, err);
  if (conf == NULL) return -1;
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  s->queue_messages = 20000;
  if (rd_kafka_conf_get(conf, "queue.buffering.max.messages", limit, &size) == RD_KAFKA_CONF_OK)
    s->queue_messages = strtoll(limit, NULL, 10);
  s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (s->rk == NULL) {
    rd_kafka_conf_destroy(conf);
    return spate_fail(err, "librdkafka does not start: %s", why);
  }
  s->main_queue = rd_kafka_queue_get_main(s->rk);
  return 0;
}

/* The first exchange with the cluster: it answers, and the topic is there, or is made by asking for it. */
static int topic_open(struct kafka_sink *s, struct spate_error *err) {
  const char *topic = spate_template_constant(s->config->topic);
  int64_t deadline = kafka_clock_ms() + OPEN_MS;
  const struct rd_kafka_metadata *md;
  char brokers[128];
  if (topic != NULL) {
    if (kafka_link_embedded(&s->config->link)) kafka_embedded_topic(kafka_embedded_name(&s->config->link), topic);
    s->rkt = rd_kafka_topic_new(s->rk, topic, NULL);
    if (s->rkt == NULL) return spate_fail(err, "topic '%s': %s", topic, rd_kafka_err2str(rd_kafka_last_error()));
  }
  for (;;) {
    if (kafka_metadata(s->rk, &s->watch, &s->config->link, false, s->rkt, deadline, &md, err) != 0) return -1;
    rd_kafka_resp_err_t error = topic != NULL && md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
    int partitions = topic != NULL && md->topic_cnt == 1 ? md->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(md);
    atomic_store(&s->partitions, partitions);
    if (topic == NULL || (error == RD_KAFKA_RESP_ERR_NO_ERROR && partitions > 0)) return 0;
    if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || kafka_clock_ms() >= deadline) {
      spate_fail(err, "topic '%s' at %s: %s", topic, kafka_link_text(&s->config->link, brokers, sizeof brokers),
                 rd_kafka_err2str(error));
      err->fatal = error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
      return -1;
    }
    usleep(50 * 1000); /* the scribe may wait: a topic that was just made has no leader for a moment */
  }
}

static int sink_open(const struct spate_sink_args *args, void **sink, struct spate_error *err) {
  const struct kafka_sink_config *c = args->config;
  struct kafka_sink *s = calloc(1, sizeof *s);
  if (s == NULL) return spate_fail(err, "no memory for a sink");
  s->where = args->where;
  s->config = c;
  s->writers = args->writers > 0 ? args->writers : 1;
  kafka_watch_init(&s->watch, args->where);
  s->writer = calloc(s->writers, sizeof(struct kafka_writer *));
  if (s->writer == NULL) {
    spate_fail(err, "no memory for a sink");
    goto fail;
  }
  if (c->partition.index >= 0 && args->schema->fields[c->partition.index].type.kind != SPATE_INT) {
    spate_fail_option(err, "partition", "the column '%s' is no int", c->partition.name);
    err->fatal = true;
    goto fail;
  }
  if (producer_open(s, err) != 0 || topic_open(s, err) != 0 || delivery_start(s, err) != 0) goto fail;
  kafka_link_warn(&c->link, KAFKA_PRODUCER, args->where);
  if (c->acks != 0)
    spate_log(&args->where, SPATE_LOG_WARN, "acks: %s: records that were acknowledged can be lost with a broker",
              acks_choices[c->acks]);
  *sink = s;
  return 0;
fail:
  sink_close(s);
  return -1;
}

const struct spate_sink_api spate_sink_kafka = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_sink_api),
    .name = "kafka",
    .help = "A topic of Apache Kafka.",
    .flags = SPATE_EXACTLY_ONCE,
    .options = sink_options,
    .config_size = sizeof(struct kafka_sink_config),
    .check = sink_check,
    .open = sink_open,
    .close = sink_close,
    .writer_open = kafka_writer_open,
    .write = kafka_writer_write,
    .prepare = kafka_writer_prepare,
    .writer_close = kafka_writer_close,
};
