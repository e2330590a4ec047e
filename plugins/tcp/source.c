/*
 * tcp source: lines or frames from many clients, or from one server that is connected to.
 *
 * All connections are one partition. They take turns: a pull takes what one busy connection has, or gathers what many
 * slow ones have into one block. What is not pulled is not read, so a pipeline that is held back holds its clients
 * back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "address.h"
#include "conn.h"
#include "dial.h"
#include "hush.h"
#include "listener.h"
#include "tls.h"

#define DIRECT_ROWS 128 /* a connection with this many is worth a pull of its own */
#define GATHER_BYTES ((size_t)256 * 1024)
#define READS_A_TURN 8
#define KEEP_BUFFERS 16 /* with more connections than this, one that is drained gives its buffer back */
#define MOST_HEADERS 256

struct tcp_config {
  const char *listen, *connect;
  int framing;
  int64_t max_frame, max_connections, idle_timeout;
  struct tls_config tls;
  bool journal;
};
struct tcp_source {
  struct tcp_config config;
  struct spate_where where;
  struct spate_partition partition;
  struct address address;
  SSL_CTX *tls;
  int fd; /* listening, or -1 */
  bool bounded, want_header, peers;
  enum spate_framing_kind framing;
};
struct tcp_reader {
  struct tcp_source *source;
  struct spate_task *task;
  struct event_base *base;
  struct conn_rules rules;
  struct listener *listener;
  struct dial *dial;
  struct conn *all;
  struct conn *first, *last; /* those that can be read */
  struct conn *dead;         /* freed at the next pull: rows of this one name them */
  int64_t connections;
  bool had_one;
  int64_t sequence;
  uint64_t lost, too_long; /* connections */
  struct hush hush;
  char **header; /* first lines, kept while payloads may point to them */
  size_t headers;
  struct spate_payloads one; /* of the connection whose turn it is, while gathering */
  const char *peer[SPATE_BATCH_ROWS];
};

/* ---- configuration ---- */

static int tcp_check(const void *config, struct spate_error *err) {
  const struct tcp_config *c = config;
  struct address a;
  struct spate_error inner = {0};
  if ((c->listen == NULL) == (c->connect == NULL)) return spate_fail(err, "give either listen or connect");
  const char *option = c->listen != NULL ? "listen" : "connect";
  if (address_parse(&a, c->listen != NULL ? c->listen : c->connect, &inner) != 0)
    return spate_fail_option(err, option, "%.400s", inner.message);
  if (c->journal) return spate_fail_option(err, "journal", "journal is not built yet");
  return tls_check(&c->tls, c->listen != NULL, err);
}

/* ---- the source ---- */

static void tcp_close(void *source) {
  struct tcp_source *s = source;
  if (s->fd >= 0) close(s->fd);
  SSL_CTX_free(s->tls);
  free(s);
}

static int tcp_open(const struct spate_source_args *args, void **source, struct spate_error *err) {
  static const enum spate_framing_kind FRAMING[] = {SPATE_STREAM_LINES, SPATE_STREAM_LENGTH32};
  struct tcp_source *s = calloc(1, sizeof *s);
  if (s == NULL) return spate_fail(err, "out of memory");
  s->config = *(const struct tcp_config *)args->config;
  s->where = args->where;
  s->bounded = args->bounded;
  s->want_header = args->want_header;
  s->peers = args->metas & 1u << SPATE_META_PEER;
  s->fd = -1;
  s->framing = FRAMING[s->config.framing];
  if (s->framing == SPATE_STREAM_LINES && args->quoted_lines) s->framing = SPATE_STREAM_QUOTED_LINES;
  bool listens = s->config.listen != NULL;
  snprintf(s->partition.name, sizeof s->partition.name, listens ? "listener" : "connection");
  bool failed = address_parse(&s->address, listens ? s->config.listen : s->config.connect, err) != 0;
  if (!failed && tls_wanted(&s->config.tls))
    failed = (s->tls = tls_context(&s->config.tls, listens, &s->where, err)) == NULL;
  if (!failed && listens) failed = (s->fd = address_listen(&s->address, &s->where, err)) < 0;
  if (failed) {
    tcp_close(s);
    return -1;
  }
  *source = s;
  return 0;
}

static int tcp_partitions(void *source, const struct spate_partition **list, uint32_t *count, struct spate_error *err) {
  (void)err;
  *list = &((struct tcp_source *)source)->partition;
  *count = 1;
  return 0;
}

/* ---- connections ---- */

static void conn_ready(struct conn *c) {
  struct tcp_reader *r = c->own;
  if (c->ready || c->dropped) return; /* dropped: an event may still have been on its way */
  c->ready = true;
  c->next_ready = NULL;
  if (r->last != NULL)
    r->last->next_ready = c;
  else
    r->first = c;
  r->last = c;
  spate_task_wake(r->task);
}

static struct conn *reader_take(struct tcp_reader *r) {
  struct conn *c = r->first;
  if (c == NULL) return NULL;
  r->first = c->next_ready;
  if (r->first == NULL) r->last = NULL;
  c->ready = false;
  return c;
}

/* A new connection: accepted or dialled. */
static void reader_add(void *own, int fd) {
  struct tcp_reader *r = own;
  struct spate_error err = {0};
  struct conn *c = conn_new(r->base, fd, &r->rules, r, &err);
  if (c == NULL) {
    spate_log(&r->source->where, SPATE_LOG_WARN, "a connection is dropped: %s", err.message);
    return;
  }
  c->next = r->all;
  if (r->all != NULL) r->all->previous = c;
  r->all = c;
  r->connections++;
  r->had_one = true;
  conn_ready(c); /* what came before the event was set is not announced */
}

static bool reader_full(void *own) {
  const struct tcp_reader *r = own;
  return r->connections >= r->source->config.max_connections;
}

/* Closed, and out of the list; freed at the next pull. */
static void reader_drop(struct tcp_reader *r, struct conn *c, const char *why) {
  if (why[0] != 0) spate_log(&r->source->where, SPATE_LOG_WARN, "the connection of %s is closed: %s", c->peer, why);
  r->lost += why[0] != 0;
  conn_close(c);
  if (c->previous != NULL)
    c->previous->next = c->next;
  else
    r->all = c->next;
  if (c->next != NULL) c->next->previous = c->previous;
  c->dropped = true;
  if (c->event != NULL) event_del(c->event);
  c->next = r->dead;
  r->dead = c;
  r->connections--;
  listener_resume(r->listener);
  if (r->dial != NULL && !r->source->bounded) dial_again(r->dial);
}

static void reader_bury(struct tcp_reader *r) {
  while (r->dead != NULL) {
    struct conn *c = r->dead;
    r->dead = c->next;
    conn_free(c);
  }
}

/* ---- the reader ---- */

static void tcp_reader_close(void *reader) {
  struct tcp_reader *r = reader;
  if (r->lost > 0)
    spate_log(&r->source->where, SPATE_LOG_INFO, "%llu connections were lost or cut off in all, %llu for max_frame",
              (unsigned long long)r->lost, (unsigned long long)r->too_long);
  listener_free(r->listener);
  dial_free(r->dial);
  reader_bury(r);
  while (r->all != NULL) {
    struct conn *c = r->all;
    r->all = c->next;
    conn_free(c);
  }
  for (size_t i = 0; i < r->headers; i++) free(r->header[i]);
  free(r->header);
  free(r);
}

static int tcp_reader_open(void *source, struct spate_task *task, uint32_t index, void **reader,
                           struct spate_error *err) {
  (void)index;
  struct tcp_source *s = source;
  struct tcp_reader *r = calloc(1, sizeof *r);
  if (r == NULL) return spate_fail(err, "out of memory");
  r->source = s;
  r->task = task;
  r->base = spate_task_base(task);
  r->rules = (struct conn_rules){.framing = s->framing,
                                 .max_frame = (size_t)s->config.max_frame,
                                 .idle_us = s->config.idle_timeout,
                                 .tls = s->tls,
                                 .host = s->fd >= 0 ? NULL : s->address.host,
                                 .ready = conn_ready};
  *reader = r;
  return 0;
}

/* Clients are taken once the partition is ours. */
static int tcp_assign(void *reader, uint32_t partition, struct spate_bytes position, struct spate_error *err) {
  (void)partition;
  struct tcp_reader *r = reader;
  struct tcp_source *s = r->source;
  if (position.size == sizeof r->sequence) memcpy(&r->sequence, position.data, sizeof r->sequence);
  if (s->fd >= 0) {
    r->listener = listener_new(r->base, s->fd, &s->where, reader_add, reader_full, r);
    return r->listener != NULL ? 0 : spate_fail(err, "cannot wait for connections");
  }
  r->dial = dial_new(r->base, &s->address, &s->where, reader_add, r, err);
  if (r->dial == NULL) return -1;
  dial_start(r->dial);
  return 0;
}

/* ---- first lines, for codecs that want them: kept once for all connections that send the same ---- */

static int reader_keep_header(struct tcp_reader *r, struct conn *c, struct spate_payloads *out) {
  const char *line = out->buffer->data + out->start[0];
  uint32_t length = out->length[0];
  c->header_length = length;
  for (size_t i = 0; i < r->headers && c->header == NULL; i++)
    if (strlen(r->header[i]) == length && memcmp(r->header[i], line, length) == 0) c->header = r->header[i];
  if (c->header == NULL && r->headers < MOST_HEADERS && memchr(line, 0, length) == NULL) {
    if (r->header == NULL) r->header = calloc(MOST_HEADERS, sizeof *r->header);
    char *copy = r->header != NULL ? strndup(line, length) : NULL;
    if (copy != NULL) c->header = r->header[r->headers++] = copy;
  }
  spate_buffer_unref(out->buffer);
  out->buffer = NULL;
  out->count = 0;
  return c->header != NULL ? 0 : -1;
}

/* ---- pulling ---- */

static const char *too_long_text(struct tcp_reader *r) {
  r->too_long++;
  return "a frame is longer than max_frame";
}

/* What the connection has, up to max rows. It is dropped, put back into the queue, or waits for its event. */
static uint32_t reader_turn(struct tcp_reader *r, struct conn *c, uint32_t max, struct spate_payloads *out) {
  for (int reads = 0;; reads++) {
    bool header = r->source->want_header && c->header == NULL;
    uint64_t skipped = spate_stream_skipped(c->stream);
    uint32_t count = spate_stream_cut(c->stream, header ? 1 : max, out);
    if (spate_stream_skipped(c->stream) != skipped) { /* a line that is too long: as a frame that is */
      if (count > 0) spate_buffer_unref(out->buffer);
      out->buffer = NULL;
      out->count = 0;
      reader_drop(r, c, too_long_text(r));
      return 0;
    }
    if (count > 0 && header) {
      if (reader_keep_header(r, c, out) == 0) continue;
      reader_drop(r, c, "its first line is no header that could be kept");
      return 0;
    }
    if (count > 0 || reads >= READS_A_TURN) {
      conn_ready(c); /* at the end of the queue: the others come first */
      return count;
    }
    if (spate_stream_broken(c->stream)) {
      reader_drop(r, c, too_long_text(r));
      return 0;
    }
    if (conn_read(c) > 0) continue;
    if (!c->ended) {
      if (r->connections > KEEP_BUFFERS) spate_stream_rest(c->stream);
      return 0;
    }
    count = c->why[0] == 0 && !header ? spate_stream_last(c->stream, out) : 0; /* lost: the last line may be a part */
    bool cut = r->source->framing == SPATE_STREAM_LENGTH32 && spate_stream_left(c->stream) > 0 && c->why[0] == 0;
    reader_drop(r, c, cut ? "it ended in the middle of a frame" : c->why);
    return count;
  }
}

static void label_rows(struct tcp_reader *r, const struct conn *c, struct spate_payloads *out, uint32_t from) {
  for (uint32_t i = from; i < out->count; i++) {
    out->partition[i] = 0;
    out->position[i] = ++r->sequence;
    r->peer[i] = c->peer;
  }
  out->header = c->header;
  out->header_length = c->header_length;
}

static int gather_rows(struct spate_payloads *to, const struct spate_payloads *from) {
  for (uint32_t i = 0; i < from->count; i++) {
    to->start[to->count] = (uint32_t)to->buffer->size;
    to->length[to->count++] = from->length[i];
    if (spate_buffer_append(to->buffer, from->buffer->data + from->start[i], from->length[i]) != 0 ||
        spate_buffer_append(to->buffer, "\n", 1) != 0)
      return -1;
  }
  return 0;
}

/* Rows of several connections, copied side by side behind those that out has. */
static int reader_gather(struct tcp_reader *r, uint32_t max, struct spate_payloads *out) {
  struct spate_buffer *block = spate_buffer_new(out->buffer->size < 4096 ? 4096 : 64 * 1024);
  struct spate_payloads *one = &r->one;
  one->count = out->count;
  one->buffer = out->buffer;
  memcpy(one->start, out->start, out->count * sizeof *one->start);
  memcpy(one->length, out->length, out->count * sizeof *one->length);
  out->buffer = block;
  out->count = 0;
  int bad = gather_rows(out, one);
  spate_buffer_unref(one->buffer);
  while (bad == 0 && out->count < max && block->size < GATHER_BYTES && r->first != NULL) {
    struct conn *c = reader_take(r);
    uint32_t from = out->count;
    one->count = 0;
    one->buffer = NULL;
    if (reader_turn(r, c, max - from, one) == 0) continue;
    bad = gather_rows(out, one);
    spate_buffer_unref(one->buffer);
    label_rows(r, c, out, from);
  }
  out->lines = r->source->framing != SPATE_STREAM_LENGTH32;
  return bad;
}

static void label_peers(struct tcp_reader *r, struct spate_payloads *out) {
  struct spate_column *c = spate_column_new((struct spate_type){.kind = SPATE_STRING}, out->count, out->count * 24);
  for (uint32_t i = 0; i < out->count; i++)
    if (spate_column_put(c, i, r->peer[i], strlen(r->peer[i])) != 0) break; /* 64 bytes a row cannot be too much */
  spate_column_finish(c);
  out->meta[SPATE_META_PEER] = c;
}

static enum spate_result tcp_pull(void *reader, uint32_t max, struct spate_payloads *out, struct spate_error *err) {
  struct tcp_reader *r = reader;
  uint32_t count = 0;
  if (max == 0) return SPATE_OK;
  if (max > SPATE_BATCH_ROWS) max = SPATE_BATCH_ROWS;
  reader_bury(r);
  while (count == 0 && r->first != NULL) {
    struct conn *c = reader_take(r);
    count = reader_turn(r, c, max, out);
    if (count > 0) label_rows(r, c, out, 0);
  }
  if (count == 0) return r->source->bounded && r->had_one && r->connections == 0 ? SPATE_END : SPATE_IDLE;
  bool slow = count < DIRECT_ROWS && count < max && r->first != NULL && r->first != r->last;
  if (slow && !r->source->want_header && reader_gather(r, max, out) != 0) {
    spate_fail(err, "out of memory");
    return SPATE_FAIL;
  }
  if (r->source->peers) label_peers(r, out);
  return SPATE_OK;
}

static enum spate_partition_state tcp_state(void *reader, uint32_t partition) {
  const struct tcp_reader *r = reader;
  (void)partition;
  if (r->first != NULL) return SPATE_PART_READING;
  return r->source->bounded && r->had_one && r->connections == 0 ? SPATE_PART_FINISHED : SPATE_PART_CAUGHT_UP;
}

static int tcp_position(void *reader, uint32_t partition, struct spate_buffer *out, struct spate_error *err) {
  const struct tcp_reader *r = reader;
  (void)partition;
  if (spate_buffer_append(out, &r->sequence, sizeof r->sequence) != 0) return spate_fail(err, "out of memory");
  return 0;
}

static const char *const FRAMINGS[] = {"line", "length32", NULL};
#define AT(field) offsetof(struct tcp_config, field)
static const struct spate_option TCP_OPTIONS[] = {
    {.name = "listen",
     .type = SPATE_OPT_ADDRESS,
     .offset = AT(listen),
     .help = "host:port to take connections on; port 0: a free one, which the log names."},
    {.name = "connect",
     .type = SPATE_OPT_ADDRESS,
     .offset = AT(connect),
     .help = "host:port to connect to, again and again."},
    {.name = "framing",
     .type = SPATE_OPT_ENUM,
     .offset = AT(framing),
     .default_text = "line",
     .choices = FRAMINGS,
     .help = "line: a record ends with a line feed; length32: four bytes of length, big-endian, come before it."},
    {.name = "max_frame",
     .type = SPATE_OPT_SIZE,
     .offset = AT(max_frame),
     .default_text = "1MiB",
     .min = 1,
     .max = 1 << 30,
     .help = "A connection that sends a longer record is closed."},
    {.name = "max_connections",
     .type = SPATE_OPT_INT,
     .offset = AT(max_connections),
     .default_text = "1024",
     .min = 1,
     .max = 1000000,
     .help = "Further clients wait."},
    {.name = "idle_timeout",
     .type = SPATE_OPT_DURATION,
     .offset = AT(idle_timeout),
     .min = 1000,
     .max = INT64_MAX / 2,
     .help = "A connection that sends nothing for so long is closed; left out: never."},
    {.name = "tls", .type = SPATE_OPT_GROUP, .offset = AT(tls), .group = TLS_OPTIONS, .help = "TLS."},
    {.name = "journal",
     .type = SPATE_OPT_BOOL,
     .offset = AT(journal),
     .default_text = "false",
     .help = "Write what is taken to disk first (not built yet)."},
    {.name = NULL}};

const struct spate_source_api spate_source_tcp = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_source_api),
    .name = "tcp",
    .help = "Lines or frames from TCP connections.",
    .flags = SPATE_SINGLE,
    .metas = 1u << SPATE_META_PEER,
    .options = TCP_OPTIONS,
    .config_size = sizeof(struct tcp_config),
    .check = tcp_check,
    .open = tcp_open,
    .partitions = tcp_partitions,
    .close = tcp_close,
    .reader_open = tcp_reader_open,
    .assign = tcp_assign,
    .pull = tcp_pull,
    .state = tcp_state,
    .position = tcp_position,
    .reader_close = tcp_reader_close,
};
