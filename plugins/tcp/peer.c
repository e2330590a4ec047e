/* peer: see peer.h. */
#include "peer.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "address.h"
#include "tls.h"

struct peer *peer_new(size_t bound) {
  struct peer *p = calloc(1, sizeof *p);
  if (p == NULL || (p->block = calloc(PEER_BLOCKS, sizeof *p->block)) == NULL) {
    free(p);
    return NULL;
  }
  p->bound = bound;
  return p;
}

static void block_done(const void *data, size_t size, void *own) {
  (void)data, (void)size;
  spate_buffer_unref(own);
}

static int block_give(struct peer *p, const struct block *b) {
  struct evbuffer *out = bufferevent_get_output(p->bev);
  spate_buffer_ref(b->buffer);
  if (evbuffer_add_reference(out, b->buffer->data + b->from, b->size, block_done, b->buffer) == 0) return 0;
  spate_buffer_unref(b->buffer);
  return -1;
}

static void peer_pop(struct peer *p) {
  struct block *b = &p->block[p->first];
  p->bytes -= b->size;
  spate_buffer_unref(b->buffer);
  p->first = (p->first + 1) % PEER_BLOCKS;
  p->count--;
}

/* Drops the blocks that the kernel has. */
static void peer_settle(struct peer *p) {
  if (p->bev == NULL) return;
  size_t out = evbuffer_get_length(bufferevent_get_output(p->bev));
  while (p->count > 0 && p->block[p->first].size <= p->bytes - out) peer_pop(p);
}

bool peer_full(struct peer *p) {
  peer_settle(p);
  return p->bytes >= p->bound || p->count == PEER_BLOCKS;
}

bool peer_empty(struct peer *p) {
  peer_settle(p);
  return p->count == 0;
}

int peer_send(struct peer *p, struct spate_buffer *buffer, size_t from, size_t size) {
  if (size == 0) return 0;
  struct block b = {.buffer = spate_buffer_ref(buffer), .from = from, .size = size};
  p->block[(p->first + p->count++) % PEER_BLOCKS] = b;
  p->bytes += size;
  return p->bev != NULL ? block_give(p, &b) : 0;
}

/* ---- the connection ---- */

static void peer_written(struct bufferevent *bev, void *own) {
  (void)bev;
  struct peer *p = own;
  peer_settle(p);
  p->moved(p);
}

/* What the other side says is read and dropped: left unread it would turn our close into a reset. */
static void peer_said(struct bufferevent *bev, void *own) {
  (void)own;
  struct evbuffer *in = bufferevent_get_input(bev);
  evbuffer_drain(in, evbuffer_get_length(in));
}

static void peer_event(struct bufferevent *bev, short what, void *own) {
  struct peer *p = own;
  char reason[120];
  if (what & BEV_EVENT_CONNECTED) return;
  unsigned long error = bufferevent_get_openssl_error(bev);
  const char *why = what & BEV_EVENT_EOF ? "it was closed by the other side"
                    : error != 0         ? tls_reason(error, reason, sizeof reason)
                                         : strerror(errno);
  p->lost(p, why);
}

int peer_connect(struct peer *p, struct event_base *base, int fd, SSL_CTX *tls, const char *host) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  snprintf(p->name, sizeof p->name, "unknown");
  if (getpeername(fd, (struct sockaddr *)&address, &length) == 0)
    address_text((struct sockaddr *)&address, length, p->name, sizeof p->name);
  int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
  SSL *ssl = tls != NULL ? tls_connection(tls, host) : NULL;
  if (tls == NULL)
    p->bev = bufferevent_socket_new(base, fd, options);
  else if (ssl != NULL)
    p->bev = bufferevent_openssl_socket_new(
        base, fd, ssl, host != NULL ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING, options);
  if (p->bev == NULL) {
    SSL_free(ssl);
    close(fd);
    return -1;
  }
  bufferevent_setcb(p->bev, peer_said, peer_written, peer_event, p);
  bufferevent_setwatermark(p->bev, EV_READ, 0, 65536);
  bufferevent_enable(p->bev, EV_READ | EV_WRITE);
  for (uint32_t i = 0; i < p->count; i++)
    if (block_give(p, &p->block[(p->first + i) % PEER_BLOCKS]) != 0) return -1;
  return 0;
}

void peer_disconnect(struct peer *p) {
  if (p->bev == NULL) return;
  peer_settle(p);
  bufferevent_free(p->bev);
  p->bev = NULL;
}

void peer_free(struct peer *p) {
  if (p == NULL) return;
  peer_disconnect(p);
  while (p->count > 0) peer_pop(p);
  free(p->block);
  free(p);
}
