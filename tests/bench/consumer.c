/*
 * consumer: the yardsticks of the Kafka benches, with Spate's shape: a handle a worker that owns its partitions, one
 * queue, an eventfd in place of a timeout, tcmalloc.
 *
 *   consumer count   BROKERS TOPIC PARTS N [workers=2]             reads N records and counts their bytes
 *   consumer project BROKERS TOPIC PARTS N out=TOPIC [workers=2]   passes views on as {"ad_id":…,"event_time":…}
 *   consumer digest  BROKERS TOPIC PARTS N                         count and hash of all payloads, whatever their order
 *   consumer dump    BROKERS TOPIC PARTS N                         all payloads, a line each
 *   N 0: until the high watermarks as of now. live: begin at the end, go on until SIGTERM (project). linger=MS
 */
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

enum { BATCH = 1024, MAX_WORKERS = 16 };
enum work { COUNT, PROJECT, DIGEST, DUMP };
struct shared {
  enum work work;
  const char *brokers, *topic, *out, *linger;
  uint32_t parts, workers;
  uint64_t want;
  int live;
  rd_kafka_t *producer;
  rd_kafka_topic_t *out_topic;
  _Atomic uint64_t done;
  _Atomic uint64_t first_ns; /* when the first record came */
  _Atomic int stop;
};
struct worker {
  struct shared *shared;
  uint32_t index;
  rd_kafka_t *kafka;
  rd_kafka_queue_t *queue;
  int event;
  uint64_t count, bytes, hash, batches, passed;
  pthread_t thread;
};
static struct shared SHARED = {.workers = 1, .linger = "5"};

static rd_kafka_t *open_handle(rd_kafka_type_t type, const char *const (*option)[2], size_t options) {
  char err[512];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (size_t i = 0; i < options; i++)
    if (rd_kafka_conf_set(conf, option[i][0], option[i][1], err, sizeof err) != RD_KAFKA_CONF_OK)
      fprintf(stderr, "%s\n", err);
  rd_kafka_t *kafka = rd_kafka_new(type, conf, err, sizeof err);
  if (kafka == NULL) {
    fprintf(stderr, "%s\n", err);
    exit(1);
  }
  return kafka;
}
/* The options of Spate's source with two handles (plugins/kafka/client.c, source.c). */
static rd_kafka_t *open_consumer(const char *brokers) {
  const char *const option[][2] = {{"bootstrap.servers", brokers},          {"group.id", "yardstick"},
                                   {"enable.auto.commit", "false"},         {"enable.partition.eof", "true"},
                                   {"fetch.message.max.bytes", "4194304"},  {"queued.min.messages", "100000"},
                                   {"queued.max.messages.kbytes", "65536"}, {"fetch.wait.max.ms", "50"},
                                   {"isolation.level", "read_committed"},   {"check.crcs", "true"}};
  return open_handle(RD_KAFKA_CONSUMER, option, sizeof option / sizeof *option);
}
static rd_kafka_t *open_producer(const struct shared *s) {
  const char *const option[][2] = {
      {"bootstrap.servers", s->brokers},        {"linger.ms", s->linger}, {"batch.size", "1000000"},
      {"batch.num.messages", "10000"},          {"acks", "all"},          {"enable.idempotence", "true"},
      {"queue.buffering.max.messages", "20000"}};
  return open_handle(RD_KAFKA_PRODUCER, option, sizeof option / sizeof *option);
}

static const char *find(const char *bytes, size_t size, const char *what) {
  const char *at = memmem(bytes, size, what, strlen(what));
  return at != NULL ? at + strlen(what) : NULL;
}
/* The first exchange with the broker, so that it is not what is measured. */
static rd_kafka_topic_t *open_topic(rd_kafka_t *kafka, const char *name) {
  rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
  const struct rd_kafka_metadata *metadata = NULL;
  if (rd_kafka_metadata(kafka, 0, topic, &metadata, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR)
    rd_kafka_metadata_destroy(metadata);
  return topic;
}
/* A view becomes its projection; anything else gives 0. */
static size_t project(char *out, const char *in, size_t size) {
  const char *end = in + size, *type = find(in, size, "\"event_type\":\"");
  if (type == NULL || memcmp(type, "view\"", 5) != 0) return 0;
  const char *ad = find(in, size, "\"ad_id\":\""), *time = find(type, (size_t)(end - type), "\"event_time\":");
  if (ad == NULL || time == NULL) return 0;
  size_t digits = 0;
  while (time + digits < end && time[digits] >= '0' && time[digits] <= '9') digits++;
  char *p = out;
  p = (char *)mempcpy(p, "{\"ad_id\":\"", 10);
  p = (char *)mempcpy(p, ad, 36);
  p = (char *)mempcpy(p, "\",\"event_time\":", 15);
  p = (char *)mempcpy(p, time, digits);
  *p++ = '}';
  return (size_t)(p - out);
}
/* What a batch passes on goes to one partition in one call. */
static void pass_on(struct worker *w, rd_kafka_message_t **in, ssize_t n) {
  static _Thread_local char bytes[BATCH][128];
  static _Thread_local rd_kafka_message_t out[BATCH];
  struct shared *s = w->shared;
  int rows = 0;
  memset(out, 0, sizeof out);
  for (ssize_t i = 0; i < n; i++) {
    if (in[i]->err || in[i]->len > 4096) continue;
    size_t size = project(bytes[rows], in[i]->payload, in[i]->len);
    if (size == 0) continue;
    out[rows].payload = bytes[rows];
    out[rows++].len = size;
  }
  if (rows == 0) return;
  w->passed += (uint64_t)rows;
  int32_t part = (int32_t)((w->index + w->batches++) % s->parts);
  for (int sent = 0; sent < rows;) {
    rd_kafka_produce_batch(s->out_topic, part, RD_KAFKA_MSG_F_COPY, out + sent, rows - sent);
    int at = sent;
    for (int i = sent; i < rows; i++) /* those that the full queue did not take move up */
      if (out[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_message_t t = out[at];
        out[at++] = out[i];
        out[i] = t;
      }
    sent = at;
    for (int i = sent; i < rows; i++) out[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (sent < rows) usleep(200);
  }
}
static void take(struct worker *w, rd_kafka_message_t **message, ssize_t n) {
  struct shared *s = w->shared;
  uint64_t records = 0;
  if (s->work == PROJECT) pass_on(w, message, n);
  for (ssize_t i = 0; i < n; i++) {
    rd_kafka_message_t *m = message[i];
    if (!m->err) {
      records++;
      w->bytes += m->len;
      if (s->work == DIGEST) w->hash += bench_hash(m->payload, m->len);
      if (s->work == DUMP) printf("%.*s\n", (int)m->len, (const char *)m->payload);
    }
    rd_kafka_message_destroy(m);
  }
  w->count += records;
  uint64_t none = 0, now = (uint64_t)(bench_now() * 1e9);
  if (records > 0) atomic_compare_exchange_strong(&s->first_ns, &none, now);
  uint64_t done = atomic_fetch_add(&s->done, records) + records;
  if (!s->live && done >= s->want) atomic_store(&s->stop, 1);
}
static void *run(void *arg) {
  struct worker *w = arg;
  struct shared *s = w->shared;
  static _Thread_local rd_kafka_message_t *message[BATCH];
  while (!atomic_load(&s->stop)) {
    ssize_t n = rd_kafka_consume_batch_queue(w->queue, 0, message, BATCH);
    if (n > 0) {
      take(w, message, n);
      continue;
    }
    struct pollfd fd = {.fd = w->event, .events = POLLIN};
    uint64_t drained;
    if (poll(&fd, 1, 50) > 0 && read(w->event, &drained, sizeof drained) < 0) bench_die("eventfd");
  }
  return NULL;
}
static void *serve_reports(void *arg) {
  struct shared *s = arg;
  for (;;) rd_kafka_poll(s->producer, 100);
  return NULL;
}
static uint64_t high_watermarks(struct shared *s) {
  rd_kafka_t *kafka = open_consumer(s->brokers);
  uint64_t sum = 0;
  for (uint32_t p = 0; p < s->parts; p++) {
    int64_t low = 0, high = 0;
    rd_kafka_query_watermark_offsets(kafka, s->topic, (int32_t)p, &low, &high, 10000);
    sum += (uint64_t)high;
  }
  rd_kafka_destroy(kafka);
  return sum;
}
static void start_worker(struct worker *w) {
  struct shared *s = w->shared;
  w->kafka = open_consumer(s->brokers);
  w->queue = rd_kafka_queue_new(w->kafka);
  w->event = eventfd(0, EFD_NONBLOCK);
  uint64_t one = 1;
  rd_kafka_queue_io_event_enable(w->queue, w->event, &one, sizeof one);
  rd_kafka_topic_t *topic = open_topic(w->kafka, s->topic);
  for (uint32_t p = w->index; p < s->parts; p += s->workers)
    rd_kafka_consume_start_queue(topic, (int32_t)p, s->live ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING,
                                 w->queue);
  pthread_create(&w->thread, NULL, run, w);
}
static void stop(int signal_number) {
  (void)signal_number;
  atomic_store(&SHARED.stop, 1);
}
static void read_arguments(struct shared *s, int argc, char **argv) {
  static const char *const WORK[] = {"count", "project", "digest", "dump"};
  if (argc < 6) {
    fprintf(
        stderr,
        "usage: consumer count|project|digest|dump BROKERS TOPIC PARTS N [workers=W] [out=TOPIC] [linger=MS] [live]\n");
    exit(2);
  }
  for (int i = 0; i < 4; i++)
    if (strcmp(argv[1], WORK[i]) == 0) s->work = (enum work)i;
  s->brokers = argv[2];
  s->topic = argv[3];
  s->parts = (uint32_t)atoi(argv[4]);
  s->want = strtoull(argv[5], NULL, 10);
  for (int i = 6; i < argc; i++) {
    if (strncmp(argv[i], "workers=", 8) == 0)
      s->workers = (uint32_t)atoi(argv[i] + 8);
    else if (strncmp(argv[i], "out=", 4) == 0)
      s->out = argv[i] + 4;
    else if (strncmp(argv[i], "linger=", 7) == 0)
      s->linger = argv[i] + 7;
    else if (strcmp(argv[i], "live") == 0)
      s->live = 1;
  }
  if (s->workers > MAX_WORKERS || s->workers == 0 || s->parts == 0) exit(2);
}

int main(int argc, char **argv) {
  struct shared *s = &SHARED;
  read_arguments(s, argc, argv);
  if (s->want == 0 && !s->live) s->want = high_watermarks(s);
  if (s->want == 0 && !s->live) atomic_store(&s->stop, 1);
  signal(SIGTERM, stop);
  signal(SIGINT, stop);
  pthread_t reports;
  if (s->work == PROJECT) {
    s->producer = open_producer(s);
    s->out_topic = open_topic(s->producer, s->out);
    pthread_create(&reports, NULL, serve_reports, s);
  }
  static struct worker worker[MAX_WORKERS];
  for (uint32_t i = 0; i < s->workers; i++) {
    worker[i] = (struct worker){.shared = s, .index = i};
    start_worker(&worker[i]);
  }
  struct worker sum = {0};
  for (uint32_t i = 0; i < s->workers; i++) {
    pthread_join(worker[i].thread, NULL);
    sum.count += worker[i].count;
    sum.hash += worker[i].hash;
    sum.passed += worker[i].passed;
  }
  if (s->producer != NULL) rd_kafka_flush(s->producer, 60000);
  double seconds = sum.count > 0 ? bench_now() - (double)atomic_load(&s->first_ns) * 1e-9 : 0;
  if (s->work == DIGEST) printf("hash=%016llx ", (unsigned long long)sum.hash);
  if (s->work == PROJECT) printf("passed=%llu ", (unsigned long long)sum.passed);
  if (s->work != DUMP) bench_report(sum.count, seconds, bench_cpu());
  fflush(stdout);
  _exit(0); /* closing handles is not what is measured */
}
