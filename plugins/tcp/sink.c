/*
 * tcp sink: lines or frames to one server, or to every client that connects.
 *
 * connect: rows wait in a bounded queue while the server is away; a full queue holds the pipeline back. listen: every
 * client gets what is written while it is connected; one that does not keep up is dropped, the others do not wait.
 * TCP has no acknowledgement: prepared means that the kernel has the rows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "address.h"
#include "dial.h"
#include "hush.h"
#include "listener.h"
#include "peer.h"
#include "tls.h"

#define DRAIN_US 10000000 /* a client that has not taken an epoch's rows by then is dropped */

struct tcp_sink_config {
  const char *listen, *connect;
  int framing;
  int64_t buffer, max_connections;
  struct tls_config tls;
};
struct tcp_sink {
  struct tcp_sink_config config;
  struct spate_where where;
  struct address address;
  SSL_CTX *tls;
  int fd; /* listening, or -1 */
  struct spate_buffer *head;
};
struct tcp_writer {
  struct tcp_sink *sink;
  struct spate_task *task;
  struct event_base *base;
  struct listener *listener;
  struct dial *dial;
  struct event *timer; /* while an epoch is drained */
  struct peer *peers;  /* connect: always one */
  int64_t connections;
  struct hush hush;
  int64_t drain_since; /* 0: no epoch is being drained */
  uint64_t unheard;    /* rows written while nobody listened */
};

static int tcp_sink_check(const void *config, struct spate_error *err) {
  const struct tcp_sink_config *c = config;
  struct address a;
  struct spate_error inner = {0};
  if ((c->listen == NULL) == (c->connect == NULL)) return spate_fail(err, "give either listen or connect");
  if (address_parse(&a, c->listen != NULL ? c->listen : c->connect, &inner) != 0)
    return spate_fail_option(err, c->listen != NULL ? "listen" : "connect", "%.400s", inner.message);
  return tls_check(&c->tls, c->listen != NULL, err);
}

static void tcp_sink_close(void *sink) {
  struct tcp_sink *s = sink;
  if (s->fd >= 0) close(s->fd);
  SSL_CTX_free(s->tls);
  spate_buffer_unref(s->head);
  free(s);
}

static int tcp_sink_open(const struct spate_sink_args *args, void **sink, struct spate_error *err) {
  struct tcp_sink *s = calloc(1, sizeof *s);
  if (s == NULL) return spate_fail(err, "out of memory");
  s->config = *(const struct tcp_sink_config *)args->config;
  s->where = args->where;
  s->fd = -1;
  bool listens = s->config.listen != NULL;
  bool failed = address_parse(&s->address, listens ? s->config.listen : s->config.connect, err) != 0;
  if (!failed && tls_wanted(&s->config.tls))
    failed = (s->tls = tls_context(&s->config.tls, listens, &s->where, err)) == NULL;
  if (!failed && listens) failed = (s->fd = address_listen(&s->address, &s->where, err)) < 0;
  if (!failed && args->head_length > 0 && s->config.framing == 0) {
    s->head = spate_buffer_new(args->head_length);
    failed = spate_buffer_append(s->head, args->head, args->head_length) != 0;
  }
  if (failed) {
    tcp_sink_close(s);
    return -1;
  }
  *sink = s;
  return 0;
}

/* ---- connections ---- */

static void writer_moved(struct peer *p) { spate_task_wake(((struct tcp_writer *)p->own)->task); }

static void writer_drop(struct tcp_writer *w, struct peer *p, const char *why) {
  struct peer **at = &w->peers;
  while (*at != p) at = &(*at)->next;
  *at = p->next;
  w->connections--;
  if (hush_allows(&w->hush, spate_task_now(w->task), &w->sink->where))
    spate_log(&w->sink->where, SPATE_LOG_INFO, "the client %s is gone: %s", p->name, why);
  peer_free(p);
  listener_resume(w->listener);
}

static void writer_lost(struct peer *p, const char *why) {
  struct tcp_writer *w = p->own;
  if (w->dial == NULL) {
    writer_drop(w, p, why);
  } else {
    spate_log(&w->sink->where, SPATE_LOG_WARN, "lost the connection to %s: %s", p->name, why);
    peer_disconnect(p);
    dial_again(w->dial);
  }
  spate_task_wake(w->task);
}

static struct peer *writer_peer(struct tcp_writer *w) {
  struct peer *p = peer_new((size_t)w->sink->config.buffer);
  if (p == NULL) return NULL;
  p->own = w;
  p->moved = writer_moved;
  p->lost = writer_lost;
  p->next = w->peers;
  w->peers = p;
  w->connections++;
  return p;
}

static int writer_head(struct tcp_writer *w, struct peer *p) {
  const struct spate_buffer *head = w->sink->head;
  return head == NULL ? 0 : peer_send(p, w->sink->head, 0, head->size);
}

static void writer_accepted(void *own, int fd) {
  struct tcp_writer *w = own;
  struct peer *p = writer_peer(w);
  if (p == NULL) {
    close(fd);
  } else if (peer_connect(p, w->base, fd, w->sink->tls, NULL) != 0 || writer_head(w, p) != 0) {
    writer_drop(w, p, "out of memory");
  }
}

static bool writer_is_full(void *own) {
  const struct tcp_writer *w = own;
  return w->connections >= w->sink->config.max_connections;
}

static void writer_dialled(void *own, int fd) {
  struct tcp_writer *w = own;
  if (peer_connect(w->peers, w->base, fd, w->sink->tls, w->sink->address.host) != 0) {
    peer_disconnect(w->peers);
    dial_again(w->dial);
  }
  spate_task_wake(w->task);
}

/* ---- the writer ---- */

static void writer_timer(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  spate_task_wake(((struct tcp_writer *)own)->task);
}

static void tcp_writer_close(void *writer) {
  struct tcp_writer *w = writer;
  listener_free(w->listener);
  dial_free(w->dial);
  if (w->timer != NULL) event_free(w->timer);
  while (w->peers != NULL) {
    struct peer *p = w->peers;
    w->peers = p->next;
    peer_free(p);
  }
  free(w);
}

static int writer_begin(struct tcp_writer *w, struct spate_error *err) {
  struct tcp_sink *s = w->sink;
  w->timer = evtimer_new(w->base, writer_timer, w);
  if (w->timer == NULL) return spate_fail(err, "out of memory");
  if (s->fd >= 0) {
    w->listener = listener_new(w->base, s->fd, &s->where, writer_accepted, writer_is_full, w);
    return w->listener != NULL ? 0 : spate_fail(err, "cannot wait for connections");
  }
  struct peer *p = writer_peer(w);
  if (p == NULL || writer_head(w, p) != 0) return spate_fail(err, "out of memory");
  w->dial = dial_new(w->base, &s->address, &s->where, writer_dialled, w, err);
  if (w->dial == NULL) return -1;
  dial_start(w->dial);
  return 0;
}

static int tcp_writer_open(void *sink, struct spate_task *task, uint32_t index, void **writer,
                           struct spate_error *err) {
  (void)index;
  struct tcp_writer *w = calloc(1, sizeof *w);
  if (w == NULL) return spate_fail(err, "out of memory");
  w->sink = sink;
  w->task = task;
  w->base = spate_task_base(task);
  if (writer_begin(w, err) != 0) {
    tcp_writer_close(w);
    return -1;
  }
  *writer = w;
  return 0;
}

/* ---- rows ---- */

/* Rows framed into one block; *block is a new reference. Lines that lie side by side are taken as they are. */
static int rows_frame(const struct tcp_sink *s, const struct spate_payloads *p, struct block *block) {
  bool lines = s->config.framing == 0, whole = lines && p->count > 0;
  for (uint32_t i = 0; i < p->count && whole; i++)
    whole = p->length[i] < UINT32_MAX - 1 && (i == 0 || p->start[i] == p->start[i - 1] + p->length[i - 1] + 1);
  if (whole) {
    uint32_t last = p->count - 1;
    *block =
        (struct block){spate_buffer_ref(p->buffer), p->start[0], p->start[last] + p->length[last] + 1 - p->start[0]};
    return 0;
  }
  struct spate_buffer *out = spate_buffer_new(p->buffer != NULL ? p->buffer->size + 4 * p->count : 64);
  int bad = 0;
  for (uint32_t i = 0; i < p->count && bad == 0; i++) {
    uint32_t n = p->length[i];
    if (n >= UINT32_MAX - 1) continue; /* null, or not encoded: nothing to send */
    unsigned char head[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
                             (unsigned char)n};
    if (!lines) bad |= spate_buffer_append(out, head, 4);
    bad |= spate_buffer_append(out, p->buffer->data + p->start[i], n);
    if (lines) bad |= spate_buffer_append(out, "\n", 1);
  }
  *block = (struct block){out, 0, out->size};
  return bad;
}

/* To every client; those that do not keep up are dropped. */
static int send_all(struct tcp_writer *w, const struct block *block) {
  for (struct peer *p = w->peers, *next; p != NULL; p = next) {
    next = p->next;
    if (peer_full(p))
      writer_drop(w, p, "it does not take its rows fast enough");
    else if (peer_send(p, block->buffer, block->from, block->size) != 0)
      return -1;
  }
  return 0;
}

static enum spate_result tcp_sink_write(void *writer, const struct spate_batch *batch,
                                        const struct spate_payloads *payloads, uint32_t *done,
                                        struct spate_error *err) {
  struct tcp_writer *w = writer;
  struct block block;
  if (payloads == NULL) return spate_fail(err, "the tcp sink needs encoded rows"), SPATE_FAIL;
  if (w->dial != NULL && peer_full(w->peers)) return SPATE_BLOCKED;
  if (w->peers == NULL && w->unheard++ == 0)
    spate_log(&w->sink->where, SPATE_LOG_WARN, "rows are written while no client is connected: they are dropped");
  int bad = rows_frame(w->sink, payloads, &block);
  if (bad == 0) bad = send_all(w, &block);
  spate_buffer_unref(block.buffer);
  if (bad != 0) return spate_fail(err, "out of memory"), SPATE_FAIL;
  *done = batch->count;
  return SPATE_OK;
}

static enum spate_result tcp_sink_prepare(void *writer, uint64_t epoch, struct spate_error *err) {
  (void)epoch, (void)err;
  struct tcp_writer *w = writer;
  struct timeval second = {.tv_sec = 1};
  int64_t now = spate_task_now(w->task);
  bool empty = true;
  if (w->drain_since == 0) w->drain_since = now;
  for (struct peer *p = w->peers, *next; p != NULL; p = next) {
    next = p->next;
    if (peer_empty(p)) continue;
    if (w->dial == NULL && now - w->drain_since > DRAIN_US)
      writer_drop(w, p, "it does not take its rows fast enough");
    else
      empty = false;
  }
  if (empty) {
    w->drain_since = 0;
    return SPATE_OK;
  }
  event_add(w->timer, &second);
  return SPATE_BLOCKED;
}

static const char *const FRAMINGS[] = {"line", "length32", NULL};
#define AT(field) offsetof(struct tcp_sink_config, field)
static const struct spate_option TCP_SINK_OPTIONS[] = {
    {.name = "listen",
     .type = SPATE_OPT_ADDRESS,
     .offset = AT(listen),
     .help = "host:port to take clients on; each gets what is written while it is connected."},
    {.name = "connect",
     .type = SPATE_OPT_ADDRESS,
     .offset = AT(connect),
     .help = "host:port to connect to, again and again."},
    {.name = "framing",
     .type = SPATE_OPT_ENUM,
     .offset = AT(framing),
     .default_text = "line",
     .choices = FRAMINGS,
     .help = "line: a line feed after each record; length32: four bytes of length, big-endian, before it."},
    {.name = "buffer",
     .type = SPATE_OPT_SIZE,
     .offset = AT(buffer),
     .default_text = "4MiB",
     .min = 1,
     .max = (int64_t)1 << 32,
     .help = "How much may wait for a connection: then connect holds the pipeline back, and "
             "listen drops the client."},
    {.name = "max_connections",
     .type = SPATE_OPT_INT,
     .offset = AT(max_connections),
     .default_text = "1024",
     .min = 1,
     .max = 1000000,
     .help = "Further clients wait."},
    {.name = "tls", .type = SPATE_OPT_GROUP, .offset = AT(tls), .group = TLS_OPTIONS, .help = "TLS."},
    {.name = NULL}};

const struct spate_sink_api spate_sink_tcp = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_sink_api),
    .name = "tcp",
    .help = "Lines or frames to a TCP server, or to every client.",
    .flags = SPATE_SINGLE,
    .options = TCP_SINK_OPTIONS,
    .config_size = sizeof(struct tcp_sink_config),
    .check = tcp_sink_check,
    .open = tcp_sink_open,
    .close = tcp_sink_close,
    .writer_open = tcp_writer_open,
    .write = tcp_sink_write,
    .prepare = tcp_sink_prepare,
    .writer_close = tcp_writer_close,
};
