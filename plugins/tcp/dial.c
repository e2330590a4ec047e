/* dial: see dial.h. */
#include "dial.h"

#include <errno.h>
#include <event2/dns.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_LEAST_MS 100u
#define PAUSE_MOST_MS 30000u
#define CONNECT_SECONDS 10
#define STEADY_SECONDS 10 /* a connection that lasted as long makes the pauses short again */

struct resolving { /* a question under way; its answer may come after the dial is gone */
  struct dial *dial;
};

struct dial {
  struct event_base *base;
  struct address address;
  struct spate_where where;
  void (*connected)(void *own, int fd);
  void *own;
  struct evdns_base *dns; /* made when a name has to be resolved */
  struct evdns_getaddrinfo_request *request;
  struct resolving *resolving;
  struct evutil_addrinfo *list, *next; /* addresses of this round */
  struct event *timer, *writable;
  int fd;
  uint32_t pause_ms;
  uint32_t random;
  struct timespec since; /* of the last connection */
};

static void dial_next(struct dial *d);

static void dial_failed(struct dial *d, const char *why) {
  uint32_t ms = d->pause_ms;
  d->random = d->random * 1664525u + 1013904223u;
  ms = ms / 2 + d->random % (ms / 2 + 1); /* half to all of it */
  spate_log(&d->where, SPATE_LOG_WARN, "cannot connect to %s:%s: %s; trying again", d->address.host, d->address.port,
            why);
  d->pause_ms = d->pause_ms * 2 < PAUSE_MOST_MS ? d->pause_ms * 2 : PAUSE_MOST_MS;
  struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
  event_add(d->timer, &wait);
}

static void dial_drop_list(struct dial *d) {
  if (d->list != NULL) evutil_freeaddrinfo(d->list);
  d->list = d->next = NULL;
}

static void dial_drop_socket(struct dial *d) {
  if (d->writable != NULL) event_free(d->writable);
  d->writable = NULL;
  if (d->fd >= 0) close(d->fd);
  d->fd = -1;
}

static void dial_done(struct dial *d) {
  int fd = d->fd;
  d->fd = -1;
  dial_drop_socket(d);
  dial_drop_list(d);
  clock_gettime(CLOCK_MONOTONIC, &d->since);
  spate_log(&d->where, SPATE_LOG_INFO, "connected to %s:%s", d->address.host, d->address.port);
  d->connected(d->own, fd);
}

static void dial_writable(evutil_socket_t fd, short what, void *own) {
  struct dial *d = own;
  int error = ETIMEDOUT;
  socklen_t size = sizeof error;
  if (what & EV_WRITE && getsockopt((int)fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0) {
    dial_done(d);
    return;
  }
  dial_drop_socket(d);
  errno = error;
  dial_next(d);
}

/* The next address of the list; after the last, a pause. errno says why the one before failed. */
static void dial_next(struct dial *d) {
  struct timeval most = {.tv_sec = CONNECT_SECONDS};
  while (d->next != NULL) {
    struct evutil_addrinfo *ai = d->next;
    d->next = ai->ai_next;
    d->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0) continue;
    if (connect(d->fd, ai->ai_addr, (socklen_t)ai->ai_addrlen) == 0) {
      dial_done(d);
      return;
    }
    if (errno == EINPROGRESS) {
      d->writable = event_new(d->base, d->fd, EV_WRITE, dial_writable, d);
      if (d->writable != NULL && event_add(d->writable, &most) == 0) return;
    }
    int saved = errno;
    dial_drop_socket(d);
    errno = saved;
  }
  const char *why = strerror(errno);
  dial_drop_list(d);
  dial_failed(d, why);
}

static void dial_list(struct dial *d, struct evutil_addrinfo *list) {
  d->list = d->next = list;
  errno = EADDRNOTAVAIL;
  dial_next(d);
}

static void dial_resolved(int result, struct evutil_addrinfo *list, void *own) {
  struct resolving *r = own;
  struct dial *d = r->dial;
  free(r);
  if (d == NULL) {
    if (list != NULL) evutil_freeaddrinfo(list);
    return;
  }
  d->request = NULL;
  d->resolving = NULL;
  if (result == 0)
    dial_list(d, list);
  else
    dial_failed(d, evutil_gai_strerror(result));
}

void dial_start(struct dial *d) {
  struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
  struct evutil_addrinfo *list;
  hints.ai_flags = EVUTIL_AI_NUMERICHOST;
  if (evutil_getaddrinfo(d->address.host, d->address.port, &hints, &list) == 0) { /* a number: nobody is asked */
    dial_list(d, list);
    return;
  }
  if (d->dns == NULL)
    d->dns = evdns_base_new(d->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
  if (d->dns == NULL) {
    dial_failed(d, "names cannot be resolved");
    return;
  }
  struct resolving *r = calloc(1, sizeof *r);
  if (r == NULL) {
    dial_failed(d, "out of memory");
    return;
  }
  hints.ai_flags = 0;
  r->dial = d;
  d->resolving = r;
  struct evdns_getaddrinfo_request *request =
      evdns_getaddrinfo(d->dns, d->address.host, d->address.port, &hints, dial_resolved, r);
  if (request != NULL) d->request = request; /* NULL: answered already (from /etc/hosts) */
}

void dial_again(struct dial *d) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (now.tv_sec - d->since.tv_sec >= STEADY_SECONDS) d->pause_ms = PAUSE_LEAST_MS;
  dial_failed(d, "the connection was closed");
}

static void dial_timer(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  dial_start(own);
}

struct dial *dial_new(struct event_base *base, const struct address *address, const struct spate_where *where,
                      void (*connected)(void *own, int fd), void *own, struct spate_error *err) {
  struct dial *d = calloc(1, sizeof *d);
  struct timespec now;
  if (d == NULL || (d->timer = evtimer_new(base, dial_timer, d)) == NULL) {
    free(d);
    spate_fail(err, "out of memory");
    return NULL;
  }
  clock_gettime(CLOCK_MONOTONIC, &now);
  d->base = base;
  d->address = *address;
  d->where = *where;
  d->connected = connected;
  d->own = own;
  d->fd = -1;
  d->pause_ms = PAUSE_LEAST_MS;
  d->random = (uint32_t)now.tv_nsec;
  return d;
}

void dial_free(struct dial *d) {
  if (d == NULL) return;
  if (d->resolving != NULL) d->resolving->dial = NULL;
  if (d->request != NULL) evdns_getaddrinfo_cancel(d->request);
  if (d->dns != NULL) evdns_base_free(d->dns, 0);
  dial_drop_socket(d);
  dial_drop_list(d);
  event_free(d->timer);
  free(d);
}
