/*
 * kafka_drive: writing rows through the Kafka sink and reading them back through its source, as the engine would, with
 * every record counted. The embedded cluster's tests and the real broker's share it.
 */
#ifndef KAFKA_DRIVE_H
#define KAFKA_DRIVE_H

#include <check.h>
#include "kafka_host.h"

static const struct spate_field fields[] = {{.name = "id", .type = {.kind = SPATE_INT}},
                                            {.name = "name", .type = {.kind = SPATE_STRING}},
                                            {.name = "part", .type = {.kind = SPATE_INT}}};
static const struct spate_schema schema = {fields, 3};
static struct arena *arena;
static struct spate_error err;

static inline void set_up(void) { arena = arena_new(); }
static inline void tear_down(void) { arena_free(&arena); }

static inline const char *text(const char *format, ...) {
  char out[512];
  va_list args;
  va_start(args, format);
  vsnprintf(out, sizeof out, format, args);
  va_end(args);
  return arena_text(arena, out);
}

/* ---- writing ---- */

struct producer {
  struct spate_task task;
  void *sink, *writer;
  uint64_t epoch;
};

static inline void producer_open(struct producer *p, const char *yaml) {
  memset(p, 0, sizeof *p);
  host_task_init(&p->task);
  struct spate_sink_args args = {.where = {"test", "sink"}, .schema = &schema, .writers = 1};
  args.config = host_sink_config(arena, &schema, yaml);
  ck_assert_ptr_nonnull(args.config);
  ck_assert_msg(spate_sink_kafka.check(args.config, &err) == 0, "%s", err.message);
  ck_assert_msg(spate_sink_kafka.open(&args, &p->sink, &err) == 0, "%s", err.message);
  ck_assert_int_eq(spate_sink_kafka.writer_open(p->sink, &p->task, 0, &p->writer, &err), 0);
}

static inline void producer_close(struct producer *p) {
  spate_sink_kafka.writer_close(p->writer);
  spate_sink_kafka.close(p->sink);
  host_task_fini(&p->task);
}

/* Rows [from, to): id is the number, name is "n<id % 10>" (null where id % 10 is 9), part is id % 4. */
static inline struct spate_batch *rows_make(uint32_t from, uint32_t to, bool timed) {
  uint32_t n = to - from;
  struct spate_column *c[3] = {spate_column_new(fields[0].type, n, 0), spate_column_new(fields[1].type, n, 0),
                               spate_column_new(fields[2].type, n, 0)};
  struct spate_column *time = timed ? spate_column_new((struct spate_type){.kind = SPATE_TIMESTAMP}, n, 0) : NULL;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t id = from + i;
    const char *name = text("n%u", id % 10);
    c[0]->i64[i] = id;
    ck_assert_int_eq(spate_column_put(c[1], i, name, id % 10 == 9 ? 0 : strlen(name)), 0);
    if (id % 10 == 9) spate_column_set_null(c[1], i);
    c[2]->i64[i] = id % 4;
    if (timed) time->i64[i] = 1700000000000000 + id * 1000;
  }
  spate_column_finish(c[1]);
  struct spate_column **columns = calloc(3, sizeof *columns);
  memcpy(columns, c, sizeof c);
  struct spate_batch *b = spate_batch_new(n, 3, columns, time);
  free(columns);
  return b;
}

/* One payload a row: "r<id>"; every 100th is null, every 50th rejected by the codec when `odd`. */
static inline struct spate_payloads *payloads_make(const struct spate_batch *b, bool odd) {
  struct spate_payloads *p = calloc(1, sizeof *p);
  p->buffer = spate_buffer_new(16);
  for (uint32_t k = 0; k < b->count; k++) {
    int64_t id = b->column[0]->i64[spate_batch_row(b, k)];
    const char *t = text("r%lld", (long long)id);
    p->start[k] = (uint32_t)p->buffer->size;
    p->length[k] = (uint32_t)strlen(t);
    if (odd && id % 100 == 0)
      p->length[k] = UINT32_MAX;
    else if (odd && id % 50 == 0)
      p->length[k] = UINT32_MAX - 1;
    else
      ck_assert_int_eq(spate_buffer_append(p->buffer, t, strlen(t)), 0);
    p->count++;
  }
  return p;
}

static inline uint32_t produce(struct producer *p, uint32_t from, uint32_t to, bool timed, bool odd) {
  uint32_t blocked = 0;
  for (; from < to; from += 500) {
    struct spate_batch *b = rows_make(from, from + 500 < to ? from + 500 : to, timed);
    struct spate_payloads *payloads = payloads_make(b, odd);
    uint32_t done = 0;
    enum spate_result r;
    while ((r = spate_sink_kafka.write(p->writer, b, payloads, &done, &err)) == SPATE_BLOCKED) {
      blocked++;
      ck_assert(host_task_wait(&p->task));
    }
    ck_assert_msg(r == SPATE_OK, "%s", err.message);
    ck_assert_uint_eq(done, b->count);
    host_payloads_clear(payloads);
    free(payloads);
    spate_batch_unref(b);
  }
  return blocked;
}

static inline void prepare(struct producer *p) {
  uint64_t epoch = ++p->epoch;
  enum spate_result r;
  while ((r = spate_sink_kafka.prepare(p->writer, epoch, &err)) == SPATE_BLOCKED) ck_assert(host_task_wait(&p->task));
  ck_assert(r == SPATE_OK || r == SPATE_LATER);
  while (r == SPATE_LATER && atomic_load(&p->task.prepared) < epoch) ck_assert(host_task_wait(&p->task));
}

/* Rows [from, to) with times, in one epoch. */
static inline void fill(const char *brokers, const char *topic, uint32_t from, uint32_t to) {
  struct producer p;
  producer_open(&p, text("{brokers: '%s', topic: %s, key: name}", brokers, topic));
  produce(&p, from, to, true, false);
  prepare(&p);
  producer_close(&p);
}

/* ---- reading ---- */

struct consumer {
  struct spate_task task;
  void *source, *reader;
  const struct spate_partition *list;
  uint32_t count;
  struct spate_payloads *payloads;
  /* what was seen */
  uint32_t records, nulls, times[100000];
  uint32_t of_partition[64];
  bool ended;
};

static inline int consumer_try(struct consumer *c, const char *yaml, bool bounded) {
  memset(c, 0, sizeof *c);
  struct spate_source_args args = {.where = {"test", "source"}, .bounded = bounded, .readers = 1, .metas = 31};
  args.config = host_source_config(arena, yaml);
  ck_assert_ptr_nonnull(args.config);
  ck_assert_msg(spate_source_kafka.check(args.config, &err) == 0, "%s", err.message);
  ck_assert_msg(spate_source_kafka.open(&args, &c->source, &err) == 0, "%s", err.message);
  c->payloads = calloc(1, sizeof *c->payloads);
  host_task_init(&c->task);
  if (spate_source_kafka.partitions(c->source, &c->list, &c->count, &err) != 0) return -1;
  return spate_source_kafka.reader_open(c->source, &c->task, 0, &c->reader, &err);
}

static inline void consumer_open(struct consumer *c, const char *yaml, bool bounded) {
  ck_assert_msg(consumer_try(c, yaml, bounded) == 0, "%s", err.message);
}

static inline void consumer_assign(struct consumer *c, char position[][32]) {
  for (uint32_t i = 0; i < c->count; i++) {
    struct spate_bytes at = {position != NULL ? position[i] : NULL, position != NULL ? strlen(position[i]) : 0};
    ck_assert_msg(spate_source_kafka.assign(c->reader, i, at, &err) == 0, "%s", err.message);
  }
}

static inline void consumer_close(struct consumer *c) {
  host_payloads_clear(c->payloads);
  free(c->payloads);
  if (c->reader != NULL) spate_source_kafka.reader_close(c->reader);
  spate_source_kafka.close(c->source);
  host_task_fini(&c->task);
}

static inline void consumer_note(struct consumer *c) {
  const struct spate_payloads *p = c->payloads;
  const struct spate_column *key = p->meta[SPATE_META_KEY], *topic = p->meta[SPATE_META_TOPIC];
  for (uint32_t i = 0; i < p->count; i++) {
    c->records++;
    c->of_partition[p->partition[i]]++;
    ck_assert_int_eq(p->position[i], p->meta[SPATE_META_OFFSET]->i64[i]);
    ck_assert_str_eq(c->list[p->partition[i]].name,
                     text("%.*s/%lld", (int)(topic->offsets[i + 1] - topic->offsets[i]),
                          topic->data + topic->offsets[i], (long long)p->meta[SPATE_META_PARTITION]->i64[i]));
    if (p->length[i] == UINT32_MAX) {
      c->nulls++;
      continue;
    }
    ck_assert_int_eq(p->buffer->data[p->start[i]], 'r');
    if (p->lines) ck_assert_int_eq(p->buffer->data[p->start[i] + p->length[i]], '\n');
    uint32_t id = (uint32_t)atoi(p->buffer->data + p->start[i] + 1);
    ck_assert_uint_lt(id, 100000);
    c->times[id]++;
    if (id % 10 == 9) {
      ck_assert(spate_column_null(key, i));
    } else {
      ck_assert_uint_eq(key->offsets[i + 1] - key->offsets[i], 2);
      ck_assert_int_eq(key->data[key->offsets[i] + 1], (int)('0' + id % 10));
    }
  }
}

/* Until the end, or until at least `most` records, or (caught) until every partition was read to its end. */
static inline void consume(struct consumer *c, uint32_t max, uint32_t most, bool caught) {
  for (;;) {
    enum spate_result r = spate_source_kafka.pull(c->reader, max, c->payloads, &err);
    ck_assert_msg(r != SPATE_FAIL, "%s", err.message);
    if (r == SPATE_END) {
      c->ended = true;
      return;
    }
    if (r == SPATE_OK) {
      consumer_note(c);
      host_payloads_clear(c->payloads);
      if (c->records >= most) return;
    }
    bool all = caught;
    for (uint32_t i = 0; i < c->count; i++) all = all && spate_source_kafka.state(c->reader, i) != SPATE_PART_READING;
    if (all) return;
    if (r == SPATE_IDLE) ck_assert_msg(host_task_wait(&c->task), "nothing came");
  }
}

static inline void positions(struct consumer *c, char out[][32]) {
  for (uint32_t i = 0; i < c->count; i++) {
    struct spate_buffer *b = spate_buffer_new(16);
    ck_assert_int_eq(spate_source_kafka.position(c->reader, i, b, &err), 0);
    snprintf(out[i], 32, "%.*s", (int)b->size, b->data);
    spate_buffer_unref(b);
  }
}

/* Every id in [from, to) was seen just once, and no other. */
static inline void check_range(const struct consumer *c, uint32_t from, uint32_t to) {
  for (uint32_t id = 0; id < 100000; id++)
    if (c->times[id] != (id >= from && id < to)) ck_abort_msg("record %u was read %u times", id, c->times[id]);
}

#endif
