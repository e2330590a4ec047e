/*
 * writer: one task's end of the Kafka sink.
 *
 * Rows are handed to librdkafka in runs of one partition: a partition that changes with every record costs twice as
 * much. So the partition is computed here, by the same murmur2 as Java's and librdkafka's, and the rows of a batch are
 * sorted by it, in their order within each. Records without a key go to one partition for a while, then to another at
 * random.
 *
 * librdkafka's queue is bounded. When it is full a part of the batch was taken: `done` counts rows in the order of
 * handing over, which is kept until the batch is through.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "sink.h"

#define STICKY_ROWS 512   /* records without a key that go to one partition before the next is drawn */
#define MOST_TOPICS 10000 /* named by columns */
#define MOST_SORTED 16384 /* partitions beyond this are not sorted by */
#define NULL_PAYLOAD UINT32_MAX
#define REJECTED_PAYLOAD (UINT32_MAX - 1)

/* ---- life ---- */

int kafka_writer_open(void *sink, struct spate_task *task, uint32_t index, void **writer, struct spate_error *err) {
  struct kafka_sink *s = sink;
  struct kafka_writer *w = calloc(1, sizeof *w);
  if (w == NULL) return spate_fail(err, "no memory for a writer");
  pthread_mutex_init(&w->lock, NULL);
  w->sink = s;
  w->task = task;
  w->slot[0].writer = w->slot[1].writer = w;
  w->random = ((uint64_t)spate_task_now(task) ^ (uint64_t)index << 32) | 1;
  w->sticky_rows = STICKY_ROWS;
  w->open = true;
  __atomic_store_n(&s->writer[index], w, __ATOMIC_RELEASE);
  *writer = w;
  return 0;
}

/* Delivery reports may still point to it: the sink frees it. */
void kafka_writer_close(void *writer) {
  struct kafka_writer *w = writer;
  pthread_mutex_lock(&w->lock);
  w->open = false;
  pthread_mutex_unlock(&w->lock);
}

void kafka_writer_free(struct kafka_writer **writer) {
  struct kafka_writer *w = *writer;
  if (w == NULL) return;
  for (uint32_t i = 0; i < w->named_count; i++) {
    rd_kafka_topic_destroy(w->named[i].rkt);
    free(w->named[i].name);
  }
  free(w->named);
  free(w->starts);
  spate_buffer_unref(w->name);
  spate_buffer_unref(w->keys.text);
  pthread_mutex_destroy(&w->lock);
  free(w);
  *writer = NULL;
}

/* ---- from the delivery thread ---- */

void kafka_writer_wake(struct kafka_writer *w) {
  if (!atomic_exchange(&w->waiting, false)) return;
  pthread_mutex_lock(&w->lock);
  if (w->open) spate_task_wake(w->task);
  pthread_mutex_unlock(&w->lock);
}

void kafka_writer_fail(struct kafka_writer *w, const char *why) {
  if (atomic_exchange(&w->failed, true)) return;
  pthread_mutex_lock(&w->lock);
  if (w->open) spate_task_fail(w->task, "%s", why);
  pthread_mutex_unlock(&w->lock);
}

/* A record is not counted as acknowledged when it failed: the epoch never is prepared, and the task fails. */
static void delivery_failed(struct kafka_writer *w, const rd_kafka_message_t *m) {
  char why[400];
  if (atomic_load(&w->sink->closing)) return;
  snprintf(why, sizeof why, "topic '%s' partition %d: a record of %zu bytes was not taken: %s",
           rd_kafka_topic_name(m->rkt), m->partition, m->len, rd_kafka_err2str(m->err));
  kafka_writer_fail(w, why);
}

void kafka_writer_delivered(struct kafka_slot *slot, const rd_kafka_message_t *m) {
  struct kafka_writer *w = slot->writer;
  if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivery_failed(w, m);
    return;
  }
  /* Counted, then pending read; prepare sets pending, then reads the count: one of the two sees the other. */
  uint64_t acked = atomic_fetch_add(&slot->acked, 1) + 1;
  if (!atomic_load(&slot->pending) || acked != slot->sent || !atomic_exchange(&slot->pending, false)) return;
  atomic_fetch_sub(&w->sink->hurry, 1);
  pthread_mutex_lock(&w->lock);
  if (w->open) spate_task_prepared(w->task, slot->epoch);
  pthread_mutex_unlock(&w->lock);
  kafka_writer_wake(w);
}

/* ---- planning a batch ---- */

static uint64_t writer_random(struct kafka_writer *w) { /* xorshift64* */
  w->random ^= w->random >> 12;
  w->random ^= w->random << 25;
  w->random ^= w->random >> 27;
  return w->random * 0x2545F4914F6CDD1Dull;
}

static int32_t partition_without_key(struct kafka_writer *w, int32_t partitions) {
  if (w->sticky_rows >= STICKY_ROWS || w->sticky >= partitions) {
    w->sticky = (int32_t)((writer_random(w) >> 33) % (uint64_t)partitions);
    w->sticky_rows = 0;
  }
  w->sticky_rows++;
  return w->sticky;
}

static int compare_topics(const void *a, const void *b) {
  return strcmp(((const struct writer_topic *)a)->name, ((const struct writer_topic *)b)->name);
}

static bool topic_is_valid(const char *name) {
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
  return n > 0 && n <= 249 && name[n] == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* The topic of this name, sorted into the writer's own; librdkafka does the looking up of partitions. */
static rd_kafka_topic_t *topic_named(struct kafka_writer *w, char *name, struct spate_error *err) {
  struct writer_topic want = {name, NULL}, *found = NULL;
  if (w->named_count > 0) found = bsearch(&want, w->named, w->named_count, sizeof want, compare_topics);
  if (found != NULL) return found->rkt;
  if (!topic_is_valid(name)) {
    spate_fail(err, "'%s' cannot be the name of a topic", name);
    return NULL;
  }
  if (w->named_count == MOST_TOPICS) {
    spate_fail(err, "more than %d topics are named by records", MOST_TOPICS);
    return NULL;
  }
  if (w->named_count == w->named_room) {
    uint32_t room = w->named_room > 0 ? w->named_room * 2 : 16;
    struct writer_topic *wide = realloc(w->named, room * sizeof *wide);
    if (wide == NULL) goto no_memory;
    w->named = wide;
    w->named_room = room;
  }
  if (kafka_link_embedded(&w->sink->config->link))
    kafka_embedded_topic(kafka_embedded_name(&w->sink->config->link), name);
  want.name = strdup(name);
  want.rkt = want.name != NULL ? rd_kafka_topic_new(w->sink->rk, name, NULL) : NULL;
  if (want.rkt == NULL) {
    free(want.name);
    goto no_memory;
  }
  uint32_t at = 0;
  while (at < w->named_count && strcmp(w->named[at].name, name) < 0) at++;
  memmove(&w->named[at + 1], &w->named[at], (w->named_count - at) * sizeof *w->named);
  w->named[at] = want;
  w->named_count++;
  return want.rkt;
no_memory:
  spate_fail(err, "topic '%s': no memory, or refused by librdkafka", name);
  return NULL;
}

static int plan_topics(struct kafka_writer *w, const struct spate_batch *batch, struct spate_error *err) {
  if (w->sink->rkt != NULL) return 0;
  if (w->name == NULL && (w->name = spate_buffer_new(256)) == NULL) return spate_fail(err, "no memory");
  for (uint32_t k = 0; k < batch->count; k++) {
    w->name->size = 0;
    if (spate_template_render(w->sink->config->topic, batch, spate_batch_row(batch, k), w->name) != 0)
      return spate_fail(err, "a column that names the topic is null");
    if (spate_buffer_append(w->name, "", 1) != 0) return spate_fail(err, "no memory");
    if (k > 0 && strcmp(w->name->data, rd_kafka_topic_name(w->topic[k - 1])) == 0)
      w->topic[k] = w->topic[k - 1];
    else if ((w->topic[k] = topic_named(w, w->name->data, err)) == NULL)
      return -1;
  }
  return 0;
}

static int plan_partitions(struct kafka_writer *w, const struct spate_batch *batch, struct spate_error *err) {
  const struct kafka_sink *s = w->sink;
  int32_t partitions = s->rkt != NULL ? atomic_load_explicit(&s->partitions, memory_order_relaxed) : 0;
  const struct spate_column *column =
      s->config->partition.index >= 0 ? batch->column[s->config->partition.index] : NULL;
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    if (column != NULL && !spate_column_null(column, row)) {
      int64_t p = column->i64[row];
      if (p < 0 || p > INT32_MAX || (partitions > 0 && p >= partitions))
        return spate_fail(err, "a record names partition %" PRId64 ", the topic has %d", p, partitions);
      w->partition[k] = (int32_t)p;
    } else if (partitions == 0) {
      w->partition[k] = RD_KAFKA_PARTITION_UA; /* librdkafka draws or hashes when it knows the topic */
    } else if (w->keys.at[k] == NULL) {
      w->partition[k] = partition_without_key(w, partitions);
    } else {
      w->partition[k] =
          rd_kafka_msg_partitioner_murmur2(s->rkt, w->keys.at[k], w->keys.length[k], partitions, NULL, NULL);
    }
  }
  return 0;
}

/* A counting sort by partition, in the order of rows within each. */
static int plan_order(struct kafka_writer *w, const struct spate_payloads *payloads, struct spate_error *err) {
  int32_t partitions = w->sink->rkt != NULL ? atomic_load_explicit(&w->sink->partitions, memory_order_relaxed) : 0;
  bool sort = partitions > 1 && partitions <= MOST_SORTED;
  w->rows = 0;
  if (!sort) {
    for (uint32_t k = 0; k < payloads->count; k++)
      if (payloads->length[k] != REJECTED_PAYLOAD) w->order[w->rows++] = (uint16_t)k;
    return 0;
  }
  if (w->starts_room < partitions + 1) {
    uint32_t *wide = realloc(w->starts, (size_t)(partitions + 1) * sizeof *wide);
    if (wide == NULL) return spate_fail(err, "no memory for %d partitions", partitions);
    w->starts = wide;
    w->starts_room = partitions + 1;
  }
  memset(w->starts, 0, (size_t)(partitions + 1) * sizeof *w->starts);
  for (uint32_t k = 0; k < payloads->count; k++)
    if (payloads->length[k] != REJECTED_PAYLOAD) w->starts[w->partition[k] + 1]++;
  for (int32_t p = 0; p < partitions; p++) w->starts[p + 1] += w->starts[p];
  w->rows = w->starts[partitions];
  for (uint32_t k = 0; k < payloads->count; k++)
    if (payloads->length[k] != REJECTED_PAYLOAD) w->order[w->starts[w->partition[k]]++] = (uint16_t)k;
  return 0;
}

static int plan_batch(struct kafka_writer *w, const struct spate_batch *batch, const struct spate_payloads *payloads,
                      struct spate_error *err) {
  if (payloads == NULL || payloads->count != batch->count)
    return spate_fail(err, "the sink of kafka needs one payload for each row");
  if (kafka_keys_make(&w->keys, &w->sink->config->key, batch) != 0) return spate_fail(err, "no memory for keys");
  if (plan_topics(w, batch, err) != 0 || plan_partitions(w, batch, err) != 0) return -1;
  return plan_order(w, payloads, err);
}

/* ---- handing over ---- */

static int produce_failed(const rd_kafka_message_t *m, rd_kafka_topic_t *rkt, struct spate_error *err) {
  const char *hint = "";
  if (m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
    hint = " (options: message.max.bytes, and the topic's max.message.bytes, bound it)";
  spate_fail(err, "topic '%s' partition %d: a record of %zu bytes is refused: %s%s", rd_kafka_topic_name(rkt),
             m->partition, m->len, rd_kafka_err2str(m->err), hint);
  err->fatal = m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
  return -1;
}

/* The row's event time in ms, where it is one that Kafka takes; 0: the time of writing. */
static int64_t row_time(const struct spate_batch *batch, uint32_t row) {
  if (batch->time == NULL || spate_column_null(batch->time, row)) return 0;
  int64_t ms = batch->time->i64[row] / 1000;
  return ms > 0 && batch->time->i64[row] < SPATE_TIME_MAX ? ms : 0;
}

static void message_fill(struct kafka_writer *w, const struct spate_payloads *payloads, uint32_t k,
                         rd_kafka_message_t *m) {
  bool null = payloads->length[k] == NULL_PAYLOAD;
  m->payload = null ? NULL : payloads->buffer->data + payloads->start[k];
  m->len = null ? 0 : payloads->length[k];
  m->key = (void *)(uintptr_t)w->keys.at[k];
  m->key_len = w->keys.length[k];
  m->partition = w->partition[k];
  m->err = RD_KAFKA_RESP_ERR_NO_ERROR;
  m->_private = &w->slot[w->current];
}

/* Without times: one call for the run. Returns how many were taken. */
static int run_batch(struct kafka_writer *w, rd_kafka_topic_t *rkt, int32_t partition, uint32_t count,
                     struct spate_error *err) {
  int taken = rd_kafka_produce_batch(rkt, partition, RD_KAFKA_MSG_F_COPY, w->message, (int)count);
  for (uint32_t i = 0; taken < (int)count && i < count; i++)
    if (w->message[i].err != RD_KAFKA_RESP_ERR_NO_ERROR && w->message[i].err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      return produce_failed(&w->message[i], rkt, err);
  return taken; /* what came after a full queue was not taken either */
}

/* With times: only this call of librdkafka takes one. */
static int run_timed(struct kafka_writer *w, rd_kafka_topic_t *rkt, const struct spate_batch *batch, uint32_t from,
                     uint32_t count, struct spate_error *err) {
  for (uint32_t i = 0; i < count; i++) {
    rd_kafka_message_t *m = &w->message[i];
    int64_t time = row_time(batch, spate_batch_row(batch, w->order[from + i]));
    m->err = rd_kafka_producev(w->sink->rk, RD_KAFKA_V_RKT(rkt), RD_KAFKA_V_PARTITION(m->partition),
                               RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(m->payload, m->len),
                               RD_KAFKA_V_KEY(m->key, m->key_len), RD_KAFKA_V_TIMESTAMP(time),
                               RD_KAFKA_V_OPAQUE(m->_private), RD_KAFKA_V_END);
    if (m->err == RD_KAFKA_RESP_ERR__QUEUE_FULL) return (int)i;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) return produce_failed(m, rkt, err);
  }
  return (int)count;
}

/* One run of rows of a partition from `from` on. Returns how many were taken, *count how long the run is. */
static int produce_run(struct kafka_writer *w, const struct spate_batch *batch, const struct spate_payloads *payloads,
                       uint32_t from, uint32_t *count, struct spate_error *err) {
  bool named = w->sink->rkt == NULL;
  uint32_t first = w->order[from], n = 0;
  for (uint32_t i = from; i < w->rows; i++, n++) {
    uint32_t k = w->order[i];
    if (w->partition[k] != w->partition[first] || (named && w->topic[k] != w->topic[first])) break;
    message_fill(w, payloads, k, &w->message[n]);
  }
  *count = n;
  rd_kafka_topic_t *rkt = named ? w->topic[first] : w->sink->rkt;
  int taken =
      batch->time != NULL ? run_timed(w, rkt, batch, from, n, err) : run_batch(w, rkt, w->partition[first], n, err);
  if (taken > 0) w->slot[w->current].sent += (uint32_t)taken;
  return taken;
}

/* All that the queue takes. 1: it is full. */
static int produce_rows(struct kafka_writer *w, const struct spate_batch *batch, const struct spate_payloads *payloads,
                        uint32_t *done, struct spate_error *err) {
  while (*done < w->rows) {
    uint32_t count;
    int taken = produce_run(w, batch, payloads, *done, &count, err);
    if (taken < 0) return -1;
    *done += (uint32_t)taken;
    if ((uint32_t)taken < count) return 1;
  }
  return 0;
}

enum spate_result kafka_writer_write(void *writer, const struct spate_batch *batch,
                                     const struct spate_payloads *payloads, uint32_t *done, struct spate_error *err) {
  struct kafka_writer *w = writer;
  if (*done == 0 && plan_batch(w, batch, payloads, err) != 0) return SPATE_FAIL;
  int result = produce_rows(w, batch, payloads, done, err);
  if (result > 0) {
    /* Say that we wait, then try again: room made in between would wake nobody. */
    atomic_store(&w->waiting, true);
    result = produce_rows(w, batch, payloads, done, err);
    if (result > 0) return SPATE_BLOCKED;
    atomic_store(&w->waiting, false);
  }
  if (result < 0) return SPATE_FAIL;
  *done = batch->count;
  return SPATE_OK;
}

enum spate_result kafka_writer_prepare(void *writer, uint64_t epoch, struct spate_error *err) {
  struct kafka_writer *w = writer;
  struct kafka_slot *slot = &w->slot[w->current], *other = &w->slot[!w->current];
  (void)err;
  atomic_store(&w->waiting, true);
  if (atomic_load(&other->pending)) return SPATE_BLOCKED; /* the epoch before is still under way */
  atomic_store(&w->waiting, false);
  slot->epoch = epoch;
  w->current = !w->current;
  if (atomic_load(&slot->acked) == slot->sent) return SPATE_OK;
  atomic_fetch_add(&w->sink->hurry, 1);
  atomic_store(&slot->pending, true);
  if (atomic_load(&slot->acked) != slot->sent || !atomic_exchange(&slot->pending, false)) {
    rd_kafka_queue_yield(w->sink->main_queue); /* it may sleep for the length of linger */
    return SPATE_LATER;
  }
  atomic_fetch_sub(&w->sink->hurry, 1);
  return SPATE_OK;
}
