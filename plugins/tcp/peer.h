/*
 * peer: one connection that is written, plain or TLS, with a bounded queue of blocks that are shared, not copied.
 *
 * A block leaves the queue when the kernel has all of it. Where a connection breaks, what is in the queue is sent again
 * on the next one: TCP says nothing about what the other side has taken, so a break may double or lose rows, never cut
 * one.
 */
#ifndef TCP_PEER_H
#define TCP_PEER_H
#include <event2/event.h>
#include <openssl/ssl.h>

#include "spate.h"

struct bufferevent;
struct block { /* bytes of whole rows */
  struct spate_buffer *buffer;
  size_t from, size;
};
#define PEER_BLOCKS 4096u
struct peer {
  struct peer *next;
  void *own;
  void (*moved)(struct peer *peer); /* there is room, or all is out */
  void (*lost)(struct peer *peer, const char *why);
  struct bufferevent *bev; /* NULL: not connected */
  size_t bound;
  struct block *block; /* a ring of PEER_BLOCKS */
  uint32_t first, count;
  size_t bytes; /* of the blocks */
  char name[64];
};

struct peer *peer_new(size_t bound);
/* Takes fd over and sends what is queued. -1: fd is closed. */
int peer_connect(struct peer *p, struct event_base *base, int fd, SSL_CTX *tls, const char *host);
void peer_disconnect(struct peer *p);
bool peer_full(struct peer *p);  /* beyond its bound */
bool peer_empty(struct peer *p); /* all is with the kernel */
/* Takes a reference of its own. The queue must not be full. */
int peer_send(struct peer *p, struct spate_buffer *buffer, size_t from, size_t size) SPATE_CHECKED;
void peer_free(struct peer *p);
#endif
