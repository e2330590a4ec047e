/*
 * harness: the Kafka plugin's bare pull loop, without engine and codec, against a real broker: how fast a source reads,
 * to be held against the bare consumer that the bench uses. One thread a reader. Built by hand, as run.sh builds
 * plugin.c.
 *
 *   harness READERS 'YAML of the source' [RECORDS [NS]]    bounded at the high watermark (RECORDS 0), or after RECORDS;
 *                                                          NS of work burnt for each, to be slower than the broker
 */
#include <pthread.h>
#include <sys/resource.h>
#include "kafka_host.h"

static _Atomic uint64_t records, bytes, checksum, batches;
static uint64_t most = UINT64_MAX;
static int64_t burn_ns;

static void burn(uint32_t count) {
  int64_t end = clock_monotonic() + (int64_t)count * burn_ns / 1000;
  while (clock_monotonic() < end) continue;
}

struct run {
  pthread_t thread;
  struct spate_task task;
  void *source;
  uint32_t index, readers, partitions;
  bool failed;
};

static void *run_reader(void *own) {
  struct run *r = own;
  struct spate_error err = {0};
  struct spate_payloads *p = calloc(1, sizeof *p);
  void *reader = NULL;
  host_task_init(&r->task);
  if (spate_source_kafka.reader_open(r->source, &r->task, r->index, &reader, &err) != 0) goto fail;
  for (uint32_t i = r->index; i < r->partitions; i += r->readers)
    if (spate_source_kafka.assign(reader, i, (struct spate_bytes){NULL, 0}, &err) != 0) goto fail;
  while (atomic_load(&records) < most) {
    enum spate_result result = spate_source_kafka.pull(reader, SPATE_BATCH_ROWS, p, &err);
    if (result == SPATE_FAIL) goto fail;
    if (result == SPATE_END) break;
    if (result == SPATE_IDLE) {
      if (most != UINT64_MAX && atomic_load(&records) >= most) break;
      host_task_wait(&r->task);
      continue;
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->count; i++) sum += (uint64_t)p->position[i] * (p->partition[i] + 1);
    atomic_fetch_add(&records, p->count);
    atomic_fetch_add(&bytes, p->buffer->size - p->count);
    atomic_fetch_add(&checksum, sum);
    atomic_fetch_add(&batches, 1);
    burn(p->count);
    host_payloads_clear(p);
  }
  goto out;
fail:
  fprintf(stderr, "reader %u: %s\n", r->index, err.message);
  r->failed = true;
out:
  if (reader != NULL) spate_source_kafka.reader_close(reader);
  host_task_fini(&r->task);
  free(p);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  uint32_t readers = (uint32_t)atoi(argv[1]);
  if (argc > 3 && atoll(argv[3]) > 0) most = strtoull(argv[3], NULL, 10);
  if (argc > 4) burn_ns = atoll(argv[4]);
  struct arena *arena = arena_new();
  struct spate_error err = {0};
  struct spate_source_args args = {.where = {"harness", "kafka"}, .bounded = most == UINT64_MAX, .readers = readers};
  args.config = host_source_config(arena, argv[2]);
  if (args.config == NULL) return 1;
  void *source;
  const struct spate_partition *list;
  uint32_t count;
  int64_t t0 = clock_monotonic();
  if (spate_source_kafka.open(&args, &source, &err) != 0 ||
      spate_source_kafka.partitions(source, &list, &count, &err) != 0) {
    fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  int64_t t1 = clock_monotonic();
  struct run *run = calloc(readers, sizeof *run);
  for (uint32_t i = 0; i < readers; i++) {
    run[i] = (struct run){.source = source, .index = i, .readers = readers, .partitions = count};
    pthread_create(&run[i].thread, NULL, run_reader, &run[i]);
  }
  bool failed = false;
  for (uint32_t i = 0; i < readers; i++) {
    pthread_join(run[i].thread, NULL);
    failed |= run[i].failed;
  }
  int64_t t2 = clock_monotonic();
  spate_source_kafka.close(source);
  int64_t t3 = clock_monotonic();
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  double cpu =
      (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
  double n = (double)records, s = (double)(t2 - t1) * 1e-6;
  printf(
      "%u partitions, open %.1f ms, close %.1f ms: %.0f records %.1f MB in %.3f s: %.3f M/s, cpu %.3f us/record, rss "
      "%ld "
      "MiB, %.0f a batch, csw %ld, sum %llx\n",
      count, (double)(t1 - t0) * 1e-3, (double)(t3 - t2) * 1e-3, n, (double)bytes * 1e-6, s, n / s * 1e-6,
      n > 0 ? cpu / n * 1e6 : 0, u.ru_maxrss / 1024, n / (double)batches, u.ru_nvcsw, (unsigned long long)checksum);
  arena_free(&arena);
  return failed ? 1 : 0;
}
