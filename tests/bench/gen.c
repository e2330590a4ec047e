/*
 * gen: events from a seed, into files or a Kafka topic. The same arguments give the same bytes.
 *
 *   gen ads|bids N SEED file:PATH [parts=K]          PATH with a %d: K files, record i in file i % K
 *   gen ads|bids N SEED kafka:BROKERS/TOPIC,PARTS    record i in partition i % PARTS, without a key
 *   more: table=PATH (ads: the ads and their campaigns, CSV) · rate=R (records a second) · live (event_time is the
 *   clock, in microseconds) · sentinel (one more record, far ahead, that closes every window)
 *
 * ads: 245 bytes, a third of them views, one in ten up to 2 s late. bids: auctions of Nexmark's shape, half of the bids
 * go to the hot auction of the moment.
 */
#include <librdkafka/rdkafka.h>

#include "bench.h"

struct target { /* where records go: files, or a topic */
  FILE *file[16];
  rd_kafka_t *kafka;
  rd_kafka_topic_t *topic;
  uint32_t parts;
};
struct job {
  uint64_t count, seed, state;
  double rate;
  int live, bids, sentinel;
  char ad[BENCH_ADS][37], campaign[BENCH_CAMPAIGNS][37];
};

static char *put(char *p, const char *s) {
  size_t n = strlen(s);
  memcpy(p, s, n);
  return p + n;
}
static char *put_number(char *p, uint64_t v) {
  char digits[24];
  int n = 0;
  do digits[n++] = (char)('0' + v % 10);
  while ((v /= 10) > 0);
  while (n > 0) *p++ = digits[--n];
  return p;
}
static char *put_uuid(char *p, uint64_t a, uint64_t b) {
  static const char HEX[] = "0123456789abcdef";
  uint64_t half[2] = {(a & ~0xF000ull) | 0x4000, (b & 0x3FFFFFFFFFFFFFFFull) | 0x8000000000000000ull};
  for (int i = 0; i < 32; i++) {
    if (i == 8 || i == 12 || i == 16 || i == 20) *p++ = '-';
    *p++ = HEX[(half[i / 16] >> (60 - 4 * (i % 16))) & 15];
  }
  return p;
}
static char *put_letters(char *p, struct job *job, int n) {
  uint64_t r = 0;
  for (int i = 0; i < n; i++, r /= 26) {
    if (i % 12 == 0) r = bench_random(&job->state);
    *p++ = (char)('a' + r % 26);
  }
  return p;
}

static char *ad_event(char *p, struct job *job, uint64_t i) {
  static const char *const AD[] = {"banner", "modal", "sponsored-search", "mail", "mobile"};
  static const char *const EVENT[] = {"view", "click", "purchase"};
  uint64_t r = bench_random(&job->state), a = bench_random(&job->state), b = bench_random(&job->state);
  uint64_t c = bench_random(&job->state), d = bench_random(&job->state), ip = bench_random(&job->state);
  uint64_t passed = i / BENCH_PER_MS, late = r % 10 == 0 ? (r >> 8) % 2000 : 0;
  uint64_t time = job->live ? bench_clock_us() : BENCH_START_MS + passed - (late > passed ? 0 : late);
  if (i >= job->count) time = BENCH_START_MS + passed + 3600000;
  p = put_uuid(put(p, "{\"user_id\":\""), a, b);
  p = put_uuid(put(p, "\",\"page_id\":\""), c, d);
  p = put(put(p, "\",\"ad_id\":\""), job->ad[(r >> 20) % BENCH_ADS]);
  p = put(put(p, "\",\"ad_type\":\""), AD[(r >> 32) % 5]);
  p = put(put(p, "\",\"event_type\":\""), i >= job->count ? "view" : EVENT[(r >> 40) % 3]);
  p = put_number(put(p, "\",\"event_time\":"), time);
  p = put_number(put(p, ",\"ip_address\":\""), ip & 255);
  for (int k = 1; k < 4; k++) p = put_number(put(p, "."), (ip >> (8 * k)) & 255);
  return put(p, "\"}");
}

/* 100 to 100 million, small ones more often. */
static uint64_t price(struct job *job) {
  double d = (double)(bench_random(&job->state) >> 11) * (6.0 / 9007199254740992.0), v = 100, f = d - (int)d;
  for (int k = (int)d; k > 0; k--) v *= 10;
  return (uint64_t)(v * (1 + 9 * f * f));
}
static char *bid_event(char *p, struct job *job, uint64_t i) {
  static const char *const CHANNEL[] = {"Google", "Facebook", "Baidu", "Apple"};
  uint64_t r = bench_random(&job->state), last = i * 3 / 46, auction = last / 100 * 100;
  if (r & 1) auction = last - (r >> 1) % ((last < 100 ? last : 100) + 1);
  uint64_t people = i / 46, bidder = people - (r >> 12) % ((people < 1000 ? people : 999) + 1);
  p = put_number(put(p, "{\"auction\":"), 1000 + auction);
  p = put_number(put(p, ",\"bidder\":"), 1000 + bidder);
  p = put_number(put(p, ",\"price\":"), price(job));
  p = put(put(p, ",\"channel\":\""), CHANNEL[(r >> 32) & 3]);
  p = put_letters(put(p, "\",\"url\":\"https://www.nexmark.com/"), job, 15);
  p = put_number(put(p, "/item.htm?query=1&channel_id="), (r >> 40) & 0xFFFFF);
  uint64_t time = job->live ? bench_clock_us() : BENCH_START_MS + i / BENCH_PER_MS;
  p = put_number(put(p, "\",\"date_time\":"), i >= job->count ? time + 3600000 : time);
  p = put_letters(put(p, ",\"extra\":\""), job, 40);
  return put(p, "\"}");
}

static void open_files(struct target *t, const char *path) {
  for (uint32_t k = 0; k < t->parts; k++) {
    char name[1024];
    const char *hole = strstr(path, "%d");
    if (hole != NULL)
      snprintf(name, sizeof name, "%.*s%u%s", (int)(hole - path), path, k, hole + 2);
    else
      snprintf(name, sizeof name, "%s", path);
    if ((t->file[k] = fopen(name, "w")) == NULL) bench_die(name);
    setvbuf(t->file[k], NULL, _IOFBF, 1 << 20);
  }
}
static void create_topic(rd_kafka_t *kafka, const char *name, uint32_t parts) {
  char err[512];
  rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, (int)parts, 1, err, sizeof err);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
  rd_kafka_CreateTopics(kafka, &topic, 1, NULL, queue);
  rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 15000);
  if (event != NULL) rd_kafka_event_destroy(event); /* it may be there already */
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(topic);
}
static void open_kafka(struct target *t, char *place, double rate) {
  char err[512], *topic = strrchr(place, '/'), *comma = topic ? strchr(topic, ',') : NULL;
  if (comma == NULL) {
    fprintf(stderr, "kafka:BROKERS/TOPIC,PARTS\n");
    exit(2);
  }
  *topic++ = *comma++ = '\0';
  t->parts = (uint32_t)atoi(comma);
  const char *const option[][2] = {{"bootstrap.servers", place},
                                   {"linger.ms", rate > 0 ? "5" : "50"},
                                   {"batch.num.messages", "10000"},
                                   {"batch.size", "1000000"},
                                   {"acks", "1"},
                                   {"queue.buffering.max.messages", "200000"}};
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (size_t k = 0; k < sizeof option / sizeof *option; k++)
    if (rd_kafka_conf_set(conf, option[k][0], option[k][1], err, sizeof err) != RD_KAFKA_CONF_OK) break;
  t->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, sizeof err);
  if (t->kafka == NULL) {
    fprintf(stderr, "%s\n", err);
    exit(1);
  }
  create_topic(t->kafka, topic, t->parts);
  t->topic = rd_kafka_topic_new(t->kafka, topic, NULL);
}
static void send_record(struct target *t, uint64_t i, char *bytes, size_t size) {
  if (t->kafka == NULL) {
    bytes[size++] = '\n';
    if (fwrite(bytes, 1, size, t->file[i % t->parts]) != size) bench_die("write");
    return;
  }
  while (rd_kafka_produce(t->topic, (int32_t)(i % t->parts), RD_KAFKA_MSG_F_COPY, bytes, size, NULL, 0, NULL) != 0) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      fprintf(stderr, "%s\n", rd_kafka_err2str(rd_kafka_last_error()));
      exit(1);
    }
    rd_kafka_poll(t->kafka, 20);
  }
  if (i % 1024 == 0) rd_kafka_poll(t->kafka, 0);
}
static void close_target(struct target *t) {
  for (uint32_t k = 0; t->kafka == NULL && k < t->parts; k++)
    if (fclose(t->file[k]) != 0) bench_die("close");
  if (t->kafka == NULL) return;
  rd_kafka_flush(t->kafka, 120000);
  if (rd_kafka_outq_len(t->kafka) > 0) {
    fprintf(stderr, "%d records were not taken\n", rd_kafka_outq_len(t->kafka));
    exit(1);
  }
}

static void make_ads(struct job *job, const char *path) {
  for (uint64_t k = 0; k < BENCH_CAMPAIGNS; k++)
    *put_uuid(job->campaign[k], bench_mix(job->seed * 7 + k), bench_mix(job->seed * 7 + k + 5000)) = '\0';
  for (uint64_t k = 0; k < BENCH_ADS; k++)
    *put_uuid(job->ad[k], bench_mix(job->seed * 11 + k + 100000), bench_mix(job->seed * 11 + k + 200000)) = '\0';
  if (path == NULL) return;
  FILE *f = fopen(path, "w");
  if (f == NULL) bench_die(path);
  for (int k = 0; k < BENCH_ADS; k++) fprintf(f, "%s,%s\n", job->ad[k], job->campaign[k / 10]);
  fclose(f);
}
/* Holds the pace: record i is not sent before its time. */
static void pace(const struct job *job, struct target *t, uint64_t i, double start) {
  while ((double)i > (bench_now() - start) * job->rate) {
    struct timespec nap = {0, 500000};
    if (t->kafka != NULL) rd_kafka_poll(t->kafka, 0);
    nanosleep(&nap, NULL);
  }
}

int main(int argc, char **argv) {
  static struct job job;
  static struct target target = {.parts = 1};
  const char *table = NULL;
  if (argc < 5) {
    fprintf(stderr,
            "usage: gen ads|bids N SEED file:PATH|kafka:BROKERS/TOPIC,PARTS [parts=K] [table=PATH] [rate=R] [live] "
            "[sentinel]\n");
    return 2;
  }
  job.bids = strcmp(argv[1], "bids") == 0;
  job.count = strtoull(argv[2], NULL, 10);
  job.seed = job.state = strtoull(argv[3], NULL, 10);
  for (int k = 5; k < argc; k++) {
    if (strncmp(argv[k], "parts=", 6) == 0)
      target.parts = (uint32_t)atoi(argv[k] + 6);
    else if (strncmp(argv[k], "table=", 6) == 0)
      table = argv[k] + 6;
    else if (strncmp(argv[k], "rate=", 5) == 0)
      job.rate = atof(argv[k] + 5);
    else if (strcmp(argv[k], "live") == 0)
      job.live = 1;
    else if (strcmp(argv[k], "sentinel") == 0)
      job.sentinel = 1;
  }
  make_ads(&job, table);
  if (strncmp(argv[4], "kafka:", 6) == 0)
    open_kafka(&target, argv[4] + 6, job.rate);
  else
    open_files(&target, argv[4] + 5);
  static char bytes[4096];
  double start = bench_now();
  for (uint64_t i = 0; i < job.count + (uint64_t)job.sentinel; i++) {
    if (job.rate > 0 && i % 64 == 0) pace(&job, &target, i, start);
    char *end = job.bids ? bid_event(bytes, &job, i) : ad_event(bytes, &job, i);
    send_record(&target, i, bytes, (size_t)(end - bytes));
  }
  close_target(&target);
  bench_report(job.count, bench_now() - start, bench_cpu());
  return 0;
}
