/*
 * conn: one connection that is read, plain or TLS.
 *
 * A plain socket is read straight into the buffer that its lines are cut from; its event is edge-triggered, so that a
 * connection that is not read (because the pipeline is held back) costs nothing, and TCP holds its sender back. TLS
 * goes through a bufferevent with a bound.
 */
#ifndef TCP_CONN_H
#define TCP_CONN_H
#include <event2/event.h>
#include <openssl/ssl.h>

#include "spate.h"

struct bufferevent;
struct conn;
struct conn_rules {
  enum spate_framing_kind framing;
  size_t max_frame;
  int64_t idle_us;  /* <= 0: never */
  SSL_CTX *tls;     /* NULL: plain */
  const char *host; /* whom we connected to; NULL: accepted */
  /* Something can be read, or the end has come: called on the loop. */
  void (*ready)(struct conn *conn);
};
struct conn {
  struct conn *previous, *next; /* all of a reader */
  struct conn *next_ready;
  void *own; /* the reader */
  const struct conn_rules *rules;
  int fd;
  struct event *event;     /* plain */
  struct bufferevent *bev; /* TLS */
  struct spate_stream *stream;
  size_t want;        /* of the next read: grows with what comes */
  const char *header; /* codecs that want it: the first line; the reader's */
  uint32_t header_length;
  bool ready;    /* in the queue */
  bool dropped;  /* waits to be freed: nothing may queue it again */
  bool ended;    /* the other side is done, or is lost */
  char why[160]; /* it is lost, because; "": it ended well */
  char peer[64];
};

/* Takes fd over. NULL: err, and fd is closed. */
struct conn *conn_new(struct event_base *base, int fd, const struct conn_rules *rules, void *own,
                      struct spate_error *err);
/* One read into the stream: bytes; 0: nothing now, or the end (see ended). */
size_t conn_read(struct conn *c);
void conn_close(struct conn *c); /* its name stays until it is freed */
void conn_free(struct conn *c);
#endif
