/*
 * probe: the third process of the latency bench: reads a topic from its end, and takes the time from "event_time" (the
 * clock in microseconds, as `gen live` writes it) to the receipt here.
 *
 *   probe BROKERS TOPIC PARTS SECONDS SKIP     SKIP: seconds at the beginning that do not count
 */
#include <librdkafka/rdkafka.h>

#include "bench.h"

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: probe BROKERS TOPIC PARTS SECONDS SKIP\n");
    return 2;
  }
  char err[512];
  const char *const option[][2] = {{"bootstrap.servers", argv[1]},
                                   {"group.id", "probe"},
                                   {"enable.auto.commit", "false"},
                                   {"fetch.wait.max.ms", "50"},
                                   {"isolation.level", "read_committed"}};
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (size_t i = 0; i < sizeof option / sizeof *option; i++)
    rd_kafka_conf_set(conf, option[i][0], option[i][1], err, sizeof err);
  rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof err);
  if (kafka == NULL) {
    fprintf(stderr, "%s\n", err);
    return 1;
  }
  rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, argv[2], NULL);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
  for (int p = 0; p < atoi(argv[3]); p++) rd_kafka_consume_start_queue(topic, p, RD_KAFKA_OFFSET_END, queue);
  printf("ready\n");
  fflush(stdout);
  size_t room = 1 << 20, n = 0;
  int64_t *latency = malloc(room * sizeof *latency);
  double start = bench_now(), end = start + atof(argv[4]), skip = start + atof(argv[5]);
  while (bench_now() < end && latency != NULL) {
    rd_kafka_message_t *m = rd_kafka_consume_queue(queue, 100);
    if (m == NULL) continue;
    const char *at = m->err ? NULL : memmem(m->payload, m->len, "\"event_time\":", 13);
    if (at != NULL && bench_now() >= skip) {
      if (n == room) latency = realloc(latency, (room *= 2) * sizeof *latency);
      if (latency != NULL) latency[n++] = (int64_t)bench_clock_us() - (int64_t)strtoull(at + 13, NULL, 10);
    }
    rd_kafka_message_destroy(m);
  }
  if (n == 0 || latency == NULL) {
    printf("n=0\n");
    return 1;
  }
  qsort(latency, n, sizeof *latency, by_size);
  printf("n=%zu p50=%.2f p90=%.2f p99=%.2f max=%.2f\n", n, (double)latency[n / 2] / 1e3,
         (double)latency[n * 9 / 10] / 1e3, (double)latency[n * 99 / 100] / 1e3, (double)latency[n - 1] / 1e3);
  fflush(stdout);
  _Exit(0);
}
