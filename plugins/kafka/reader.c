/*
 * reader: one task's share of the partitions, all of them on one queue of librdkafka.
 *
 * A pull takes what the queue holds, never waits, copies the payloads one behind the other into a padded buffer, notes
 * where each came from, and gives the messages back at once: librdkafka's memory is never held on to. When the queue
 * was empty, librdkafka writes to an eventfd that the worker's loop watches, and the task is woken.
 *
 * Laws: an offset lower than the next one expected is dropped; gaps are normal (compaction, markers of transactions).
 * A partition is read to its end when librdkafka says so, not by counting: on a transactional topic the last offset is
 * a marker and never arrives as a record.
 */
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "source.h"

#define PULL_BYTES (16u << 20) /* most bytes of one pull, but for a single larger record */
#define SPARE_BYTES (4u << 20) /* larger buffers are not kept */
#define BUSY_MS 1200           /* a broker's thread sleeps up to 1 s on a full queue */
#define NULL_PAYLOAD UINT32_MAX

/* ---- life ---- */

static void on_queue(evutil_socket_t fd, short what, void *own) {
  struct kafka_reader *r = own;
  uint64_t count;
  (void)what;
  if (read(fd, &count, sizeof count) > 0) spate_task_wake(r->task);
}

int kafka_reader_open(void *source, struct spate_task *task, uint32_t index, void **reader, struct spate_error *err) {
  struct kafka_source *s = source;
  struct kafka_reader *r = calloc(1, sizeof *r);
  if (r == NULL) return spate_fail(err, "no memory for a reader");
  pthread_mutex_init(&r->lock, NULL);
  r->source = s;
  r->task = task;
  r->index = index;
  r->handle = index % s->handles;
  r->open = true;
  r->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  r->queue = rd_kafka_queue_new(s->handle[r->handle]);
  if (r->fd >= 0) r->event = event_new(spate_task_base(task), r->fd, EV_READ | EV_PERSIST, on_queue, r);
  if (r->event == NULL || event_add(r->event, NULL) != 0) {
    kafka_reader_free(&r);
    return spate_fail(err, "no descriptor for a reader");
  }
  static const uint64_t one = 1;
  rd_kafka_queue_io_event_enable(r->queue, r->fd, &one, sizeof one);
  __atomic_store_n(&atomic_load(&s->reader)[index], r, __ATOMIC_RELEASE);
  *reader = r;
  return 0;
}

void kafka_reader_close(void *reader) {
  struct kafka_reader *r = reader;
  rd_kafka_queue_io_event_enable(r->queue, -1, NULL, 0);
  event_free(r->event);
  r->event = NULL;
  while (r->at < r->have) rd_kafka_message_destroy(r->message[r->at++]);
  pthread_mutex_lock(&r->lock);
  r->open = false;
  pthread_mutex_unlock(&r->lock);
}

void kafka_reader_free(struct kafka_reader **reader) {
  struct kafka_reader *r = *reader;
  if (r == NULL) return;
  if (r->event != NULL) event_free(r->event);
  if (r->queue != NULL) rd_kafka_queue_destroy(r->queue);
  if (r->fd >= 0) close(r->fd);
  for (size_t i = 0; i < sizeof r->spare / sizeof *r->spare; i++) spate_buffer_unref(r->spare[i]);
  for (uint32_t i = 0; i < r->topics_room; i++) free(r->by_topic[i]);
  free(r->by_topic);
  free(r->by_topic_room);
  free(r->mine);
  pthread_mutex_destroy(&r->lock);
  free(r);
  *reader = NULL;
}

void kafka_reader_wake(struct kafka_reader *r) {
  pthread_mutex_lock(&r->lock);
  if (r->open) spate_task_wake(r->task);
  pthread_mutex_unlock(&r->lock);
}

void kafka_reader_fail(struct kafka_reader *r, const char *why) {
  pthread_mutex_lock(&r->lock);
  if (r->open) spate_task_fail(r->task, "kafka refuses us: %s", why);
  pthread_mutex_unlock(&r->lock);
}

/* ---- partitions ---- */

static int grow(void *array, uint32_t *room, uint32_t need, size_t size) {
  void *old, *new;
  if (need <= *room) return 0;
  uint32_t wide = *room * 2 > need ? *room * 2 : need;
  memcpy(&old, array, sizeof old);
  new = realloc(old, wide * size);
  if (new == NULL) return -1;
  memset((char *)new + *room *size, 0, (wide - *room) * size);
  memcpy(array, &new, sizeof new);
  *room = wide;
  return 0;
}

static int reader_take(struct kafka_reader *r, struct kafka_part *p) {
  uint32_t t = p->topic->index, n = (uint32_t)p->number, same = r->topics_room;
  if (grow(&r->mine, &r->room, r->count + 1, sizeof *r->mine) != 0) return -1;
  if (grow(&r->by_topic, &r->topics_room, t + 1, sizeof *r->by_topic) != 0) return -1;
  if (grow(&r->by_topic_room, &same, r->topics_room, sizeof *r->by_topic_room) != 0) return -1;
  if (grow(&r->by_topic[t], &r->by_topic_room[t], n + 1, sizeof *r->by_topic[t]) != 0) return -1;
  r->mine[r->count++] = p;
  r->by_topic[t][n] = p;
  return 0;
}

static void part_finish(struct kafka_reader *r, struct kafka_part *p) {
  if (p->state == SPATE_PART_FINISHED) return;
  p->state = SPATE_PART_FINISHED;
  r->finished++;
  if (!atomic_load(&p->started)) return;
  atomic_store_explicit(&p->ask, KAFKA_ASK_STOP, memory_order_release);
  kafka_keeper_call(r->source);
}

static int part_start(struct kafka_reader *r, struct kafka_part *p, int64_t offset, struct spate_error *err) {
  atomic_store(&p->next, offset);
  if (offset >= p->bound) {
    part_finish(r, p);
    return 0;
  }
  p->state = SPATE_PART_READING;
  if (rd_kafka_consume_start_queue(p->topic->rkt[r->handle], p->number, offset, r->queue) != 0)
    return spate_fail(err, "%s/%d: cannot be consumed: %s", p->topic->name, p->number,
                      rd_kafka_err2str(rd_kafka_last_error()));
  atomic_store(&p->started, true);
  return 0;
}

int kafka_reset(const struct kafka_source *s, const struct kafka_part *p, int64_t wanted, int64_t *offset,
                struct spate_error *err) {
  int64_t low = atomic_load(&p->low), high = atomic_load(&p->high);
  int policy = s->embedded ? KAFKA_RESET_EARLIEST : s->config->on_offset_reset; /* the mock forgets, and says so */
  if (policy == KAFKA_RESET_REFUSE) {
    spate_fail(err,
               "%s/%d: offset %" PRId64 " is out of range, the log runs from %" PRId64 " to %" PRId64
               ": go on elsewhere with on_offset_reset: earliest or latest",
               p->topic->name, p->number, wanted, low, high);
    err->fatal = true;
    return -1;
  }
  *offset = policy == KAFKA_RESET_EARLIEST ? low : high;
  spate_log(&s->where, SPATE_LOG_WARN,
            "%s/%d: offset %" PRId64 " is out of range, the log runs from %" PRId64 " to %" PRId64
            ": going on at %" PRId64 ", %" PRId64 " records are missing",
            p->topic->name, p->number, wanted, low, high, *offset, *offset > wanted ? *offset - wanted : 0);
  return 0;
}

int kafka_reader_assign(void *reader, uint32_t partition, struct spate_bytes position, struct spate_error *err) {
  struct kafka_reader *r = reader;
  struct kafka_source *s = r->source;
  if (partition >= atomic_load(&s->parts)) return spate_fail(err, "no partition %u", partition);
  struct kafka_part *p = atomic_load(&s->part)[partition];
  int64_t offset = p->start, high = atomic_load(&p->high);
  if (position.size > 0 && kafka_position_parse(position, &offset) != 0)
    return spate_fail(err, "%s/%d: not a position of kafka", p->topic->name, p->number);
  if (reader_take(r, p) != 0) return spate_fail(err, "no memory for a partition");
  atomic_store(&p->reader, r);
  if ((offset < atomic_load(&p->low) || offset > high) && kafka_reset(s, p, offset, &offset, err) != 0) return -1;
  return part_start(r, p, offset, err);
}

/* The keeper has stopped partitions whose offset was out of range, and knows their ends now. */
static int reader_restart(struct kafka_reader *r, struct spate_error *err) {
  for (uint32_t i = 0; i < r->count; i++) {
    struct kafka_part *p = r->mine[i];
    int64_t offset;
    if (atomic_load_explicit(&p->ask, memory_order_acquire) != KAFKA_ASK_ANSWERED) continue;
    atomic_store(&p->ask, KAFKA_ASK_NONE);
    if (kafka_reset(r->source, p, atomic_load(&p->next), &offset, err) != 0) return -1;
    if (part_start(r, p, offset, err) != 0) return -1;
  }
  return 0;
}

static struct kafka_part *reader_part(struct kafka_reader *r, const rd_kafka_message_t *m) {
  if (m->rkt == r->last_topic && r->last != NULL && r->last->number == m->partition) return r->last;
  const struct kafka_topic *t = m->rkt != NULL ? rd_kafka_topic_opaque(m->rkt) : NULL;
  if (t == NULL || m->partition < 0 || t->index >= r->topics_room) return NULL;
  if ((uint32_t)m->partition >= r->by_topic_room[t->index]) return NULL;
  r->last_topic = m->rkt;
  return r->last = r->by_topic[t->index][m->partition];
}

/* ---- pulling ---- */

static int reader_error(struct kafka_reader *r, struct kafka_part *p, const rd_kafka_message_t *m,
                        struct spate_error *err) {
  const char *topic = p != NULL ? p->topic->name : "?";
  switch (m->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      if (p == NULL) return 0;
      atomic_store_explicit(&p->ask, KAFKA_ASK_RANGE, memory_order_release);
      kafka_keeper_call(r->source);
      return 0;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__FATAL: return spate_fail(err, "%s/%d: %s", topic, m->partition, rd_kafka_err2str(m->err));
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return spate_fail(err, "%s/%d: the record at offset %" PRId64 " cannot be read: %s", topic, m->partition,
                        m->offset, rd_kafka_message_errstr(m));
    default:
      spate_log(&r->source->where, SPATE_LOG_WARN, "%s/%d: %s", topic, m->partition, rd_kafka_message_errstr(m));
      return 0;
  }
}

static void reader_end(struct kafka_reader *r, struct kafka_part *p, int64_t offset) {
  if (p->state == SPATE_PART_FINISHED) return;
  if (offset > atomic_load_explicit(&p->next, memory_order_relaxed)) atomic_store(&p->next, offset);
  p->state = SPATE_PART_CAUGHT_UP;
  if (offset >= p->bound) part_finish(r, p);
}

/* Whether this record belongs to the run; notes it as the newest of its partition. */
static bool part_take(struct kafka_reader *r, struct kafka_part *p, int64_t offset) {
  if (p == NULL || p->state == SPATE_PART_FINISHED) return false;
  if (offset < atomic_load_explicit(&p->next, memory_order_relaxed)) return false;
  if (offset >= p->bound) {
    atomic_store_explicit(&p->next, p->bound, memory_order_relaxed);
    part_finish(r, p);
    return false;
  }
  p->state = SPATE_PART_READING;
  atomic_store_explicit(&p->next, offset + 1, memory_order_relaxed);
  if (offset + 1 >= p->bound) part_finish(r, p);
  return true;
}

static int pull_add(struct kafka_reader *r, struct spate_payloads *out, struct spate_buffer *b, struct kafka_part *p,
                    const rd_kafka_message_t *m) {
  uint32_t row = out->count;
  if (b->room - b->size < m->len + 1 && spate_buffer_reserve(b, m->len + 1) != 0) return -1;
  out->start[row] = (uint32_t)b->size;
  out->length[row] = m->payload != NULL ? (uint32_t)m->len : NULL_PAYLOAD;
  out->partition[row] = p->index;
  out->position[row] = m->offset;
  r->taken[row] = (uint16_t)r->at;
  out->count++;
  if (m->payload == NULL) {
    out->lines = false; /* a null is no empty line */
    return 0;
  }
  memcpy(b->data + b->size, m->payload, m->len);
  b->size += m->len;
  b->data[b->size++] = '\n';
  return 0;
}

/* Consumes messages from r->at on, until max rows or enough bytes. */
static int pull_fill(struct kafka_reader *r, uint32_t max, struct spate_payloads *out, struct spate_buffer *b,
                     struct spate_error *err) {
  for (; r->at < r->have && out->count < max; r->at++) {
    const rd_kafka_message_t *m = r->message[r->at];
    struct kafka_part *p = reader_part(r, m);
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (out->count > 0 && b->size + m->len > PULL_BYTES) break;
      if (part_take(r, p, m->offset) && pull_add(r, out, b, p, m) != 0) return spate_fail(err, "no memory for records");
    } else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (p != NULL) reader_end(r, p, m->offset);
    } else if (reader_error(r, p, m, err) != 0) {
      r->at++;
      return -1;
    }
  }
  return 0;
}

/* A buffer that nobody else holds any more, or a new one. */
static struct spate_buffer *buffer_get(struct kafka_reader *r) {
  for (size_t i = 0; i < sizeof r->spare / sizeof *r->spare; i++) {
    struct spate_buffer *b = r->spare[i];
    if (b == NULL || __atomic_load_n(&b->refs, __ATOMIC_ACQUIRE) != 1) continue;
    r->spare[i] = NULL;
    b->size = 0;
    return b;
  }
  return spate_buffer_new(r->seen > 0 ? (size_t)(r->seen_bytes / r->seen + 64) * 64 : 4096);
}

static void buffer_keep(struct kafka_reader *r, struct spate_buffer *b) {
  size_t most = sizeof r->spare / sizeof *r->spare;
  if (b->room > SPARE_BYTES) return;
  for (size_t i = 0; i < most; i++)
    if (r->spare[i] == NULL) {
      r->spare[i] = spate_buffer_ref(b);
      return;
    }
}

/* Tells the keeper when the queue is so full that librdkafka may stop fetching, or ran dry after that. */
static void reader_judge_queue(struct kafka_reader *r, uint32_t got, uint32_t max) {
  struct kafka_source *s = r->source;
  if (got < max) {
    bool dry = got == 0;
    if (dry && !r->was_dry && atomic_load(&r->busy_until) > kafka_clock_ms()) kafka_keeper_call(s);
    r->was_dry = dry;
    return;
  }
  int64_t length = (int64_t)rd_kafka_queue_length(r->queue), limit = s->queue_messages;
  int64_t each = r->seen > 0 ? (int64_t)(r->seen_bytes / r->seen) + 1 : 1;
  if (s->queue_bytes / each < limit) limit = s->queue_bytes / each;
  r->was_dry = false;
  if (length < limit - limit / 5) return;
  atomic_store(&r->busy_until, kafka_clock_ms() + BUSY_MS);
  if (!atomic_load(&s->poking)) kafka_keeper_call(s);
}

static enum spate_result pull_more(struct kafka_reader *r, uint32_t max, struct spate_error *err) {
  if (atomic_exchange(&r->answered, false) && reader_restart(r, err) != 0) return SPATE_FAIL;
  if (r->source->bounded && r->finished == r->count) return SPATE_END;
  ssize_t got = rd_kafka_consume_batch_queue(r->queue, 0, r->message, max);
  r->at = 0;
  r->have = got > 0 ? (uint32_t)got : 0;
  reader_judge_queue(r, r->have, max);
  return r->have > 0 ? SPATE_OK : SPATE_IDLE;
}

enum spate_result kafka_reader_pull(void *reader, uint32_t max, struct spate_payloads *out, struct spate_error *err) {
  struct kafka_reader *r = reader;
  if (max > SPATE_BATCH_ROWS) max = SPATE_BATCH_ROWS;
  out->count = 0;
  out->lines = true;
  out->header = NULL;
  out->header_length = 0;
  if (r->at == r->have) {
    enum spate_result result = pull_more(r, max, err);
    if (result != SPATE_OK) return result;
  }
  struct spate_buffer *b = buffer_get(r);
  if (b == NULL) {
    spate_fail(err, "no memory for records");
    return SPATE_FAIL;
  }
  uint32_t first = r->at;
  int result = pull_fill(r, max, out, b, err);
  if (result == 0) kafka_meta_fill(r, out);
  for (uint32_t i = first; i < r->at; i++) rd_kafka_message_destroy(r->message[i]);
  if (result != 0) {
    spate_buffer_unref(b);
    return SPATE_FAIL;
  }
  r->seen += out->count;
  r->seen_bytes += b->size;
  buffer_keep(r, b);
  out->buffer = b;
  return SPATE_OK;
}

/* ---- positions ---- */

static const struct kafka_part *part_of(struct kafka_reader *r, uint32_t partition) {
  return partition < atomic_load(&r->source->parts) ? atomic_load(&r->source->part)[partition] : NULL;
}

enum spate_partition_state kafka_reader_state(void *reader, uint32_t partition) {
  const struct kafka_part *p = part_of(reader, partition);
  return p != NULL ? (enum spate_partition_state)p->state : SPATE_PART_READING;
}

int kafka_reader_position(void *reader, uint32_t partition, struct spate_buffer *out, struct spate_error *err) {
  const struct kafka_part *p = part_of(reader, partition);
  char text[24];
  if (p == NULL) return spate_fail(err, "no partition %u", partition);
  int n = snprintf(text, sizeof text, "%" PRId64, atomic_load(&p->next));
  return spate_buffer_append(out, text, (size_t)n) == 0 ? 0 : spate_fail(err, "no memory for a position");
}
