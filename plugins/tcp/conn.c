/* conn: see conn.h. */
#include "conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "tls.h"

#define READ_LEAST ((size_t)16 * 1024)
#define READ_MOST ((size_t)512 * 1024)
#define TLS_BOUND ((size_t)512 * 1024)

static void conn_end(struct conn *c, const char *why) {
  if (c->ended) return;
  c->ended = true;
  snprintf(c->why, sizeof c->why, "%s", why);
}

static void conn_idle(struct conn *c) {
  if (c->ready) return; /* it has sent: we are the ones who do not read */
  conn_end(c, "idle_timeout");
  c->rules->ready(c);
}

/* ---- plain ---- */

static void conn_event(evutil_socket_t fd, short what, void *own) {
  (void)fd;
  struct conn *c = own;
  if (what & EV_READ)
    c->rules->ready(c);
  else if (what & EV_TIMEOUT)
    conn_idle(c);
}

static int conn_open_plain(struct conn *c, struct event_base *base) {
  struct timeval idle = {.tv_sec = (time_t)(c->rules->idle_us / 1000000),
                         .tv_usec = (suseconds_t)(c->rules->idle_us % 1000000)};
  c->event = event_new(base, c->fd, EV_READ | EV_ET | EV_PERSIST, conn_event, c);
  return c->event != NULL && event_add(c->event, c->rules->idle_us > 0 ? &idle : NULL) == 0 ? 0 : -1;
}

static size_t conn_read_plain(struct conn *c, char *to, size_t room) {
  for (;;) {
    ssize_t n = recv(c->fd, to, room, 0);
    if (n > 0) return (size_t)n;
    if (n == 0) {
      conn_end(c, "");
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) conn_end(c, strerror(errno));
    return 0;
  }
}

/* ---- TLS ---- */

static void conn_bev_read(struct bufferevent *bev, void *own) {
  (void)bev;
  struct conn *c = own;
  c->rules->ready(c);
}

static void conn_bev_event(struct bufferevent *bev, short what, void *own) {
  struct conn *c = own;
  char reason[120];
  if (what & BEV_EVENT_CONNECTED) return;
  if (what & BEV_EVENT_TIMEOUT) {
    conn_idle(c);
    if (!c->ended) bufferevent_enable(bev, EV_READ);
    return;
  }
  unsigned long error = bufferevent_get_openssl_error(bev);
  bool clean = what & BEV_EVENT_EOF || error == 0;
  conn_end(c, clean ? "" : tls_reason(error, reason, sizeof reason));
  c->rules->ready(c);
}

static int conn_open_tls(struct conn *c, struct event_base *base) {
  SSL *ssl = tls_connection(c->rules->tls, c->rules->host);
  if (ssl == NULL) return -1;
  enum bufferevent_ssl_state state = c->rules->host != NULL ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING;
  c->bev = bufferevent_openssl_socket_new(base, c->fd, ssl, state, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
  if (c->bev == NULL) {
    SSL_free(ssl);
    return -1;
  }
  bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 0);
  bufferevent_setcb(c->bev, conn_bev_read, NULL, conn_bev_event, c);
  bufferevent_setwatermark(c->bev, EV_READ, 0, TLS_BOUND);
  if (c->rules->idle_us > 0) {
    struct timeval idle = {.tv_sec = (time_t)(c->rules->idle_us / 1000000),
                           .tv_usec = (suseconds_t)(c->rules->idle_us % 1000000)};
    bufferevent_set_timeouts(c->bev, &idle, NULL);
  }
  return bufferevent_enable(c->bev, EV_READ);
}

/* ---- both ---- */

struct conn *conn_new(struct event_base *base, int fd, const struct conn_rules *rules, void *own,
                      struct spate_error *err) {
  struct conn *c = calloc(1, sizeof *c);
  struct sockaddr_storage peer;
  socklen_t length = sizeof peer;
  int yes = 1;
  if (c == NULL) {
    close(fd);
    spate_fail(err, "out of memory");
    return NULL;
  }
  c->fd = fd;
  c->own = own;
  c->rules = rules;
  c->want = READ_LEAST;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  snprintf(c->peer, sizeof c->peer, "unknown");
  if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0)
    address_text((struct sockaddr *)&peer, length, c->peer, sizeof c->peer);
  c->stream = spate_stream_new(rules->framing, rules->max_frame);
  if ((rules->tls != NULL ? conn_open_tls(c, base) : conn_open_plain(c, base)) == 0) return c;
  conn_free(c);
  spate_fail(err, "cannot wait for a connection");
  return NULL;
}

size_t conn_read(struct conn *c) {
  size_t room;
  if (c->bev == NULL && c->ended) return 0;
  char *to = spate_stream_room(c->stream, c->want, &room);
  if (to == NULL) {
    conn_end(c, "out of memory");
    return 0;
  }
  size_t n = c->bev == NULL ? conn_read_plain(c, to, room) : 0;
  if (c->bev != NULL) {
    int got = evbuffer_remove(bufferevent_get_input(c->bev), to, room);
    n = got > 0 ? (size_t)got : 0;
  }
  spate_stream_wrote(c->stream, n);
  if (n >= c->want && c->want < READ_MOST) c->want *= 2;
  return n;
}

void conn_close(struct conn *c) {
  if (c->event != NULL) event_free(c->event);
  if (c->bev != NULL)
    bufferevent_free(c->bev); /* closes the socket */
  else if (c->fd >= 0)
    close(c->fd);
  spate_stream_free(c->stream);
  c->event = NULL;
  c->bev = NULL;
  c->stream = NULL;
  c->fd = -1;
}

void conn_free(struct conn *c) {
  if (c == NULL) return;
  conn_close(c);
  free(c);
}
