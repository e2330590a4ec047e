/* listener: see listener.h. */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS 64 /* in one go */
#define PAUSE_LEAST_MS 100
#define PAUSE_MOST_MS 5000

struct listener {
  int fd, spare;
  struct spate_where where;
  struct event *readable, *timer;
  void (*accepted)(void *own, int fd);
  bool (*full)(void *own);
  void *own;
  bool paused, full_said;
  int pause_ms;
};

static int spare_open(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

static void listener_exhausted(struct listener *l, int error) {
  spate_log(&l->where, SPATE_LOG_WARN, "cannot accept connections: %s; pausing", strerror(error));
  if (l->spare >= 0) { /* the first in the queue is told, instead of waiting for nothing */
    close(l->spare);
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    l->spare = spare_open();
  }
  struct timeval wait = {.tv_sec = l->pause_ms / 1000, .tv_usec = (suseconds_t)(l->pause_ms % 1000) * 1000};
  l->pause_ms = l->pause_ms * 2 < PAUSE_MOST_MS ? l->pause_ms * 2 : PAUSE_MOST_MS;
  event_del(l->readable);
  event_add(l->timer, &wait);
}

static void listener_readable(evutil_socket_t fd, short what, void *own) {
  (void)what;
  struct listener *l = own;
  for (int i = 0; i < ACCEPTS; i++) {
    if (l->full(l->own)) {
      if (!l->full_said) spate_log(&l->where, SPATE_LOG_WARN, "max_connections are open: further clients wait");
      l->full_said = true;
      event_del(l->readable);
      l->paused = true;
      return;
    }
    int client = accept4((int)fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0) {
      l->pause_ms = PAUSE_LEAST_MS;
      if (l->spare < 0) l->spare = spare_open();
      l->accepted(l->own, client);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      listener_exhausted(l, errno);
      return;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return; /* else: that client is gone already */
  }
}

static void listener_timer(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  struct listener *l = own;
  if (!l->paused) event_add(l->readable, NULL);
}

struct listener *listener_new(struct event_base *base, int fd, const struct spate_where *where,
                              void (*accepted)(void *own, int fd), bool (*full)(void *own), void *own) {
  struct listener *l = calloc(1, sizeof *l);
  if (l == NULL) return NULL;
  *l = (struct listener){.fd = fd,
                         .spare = spare_open(),
                         .where = *where,
                         .accepted = accepted,
                         .full = full,
                         .own = own,
                         .pause_ms = PAUSE_LEAST_MS};
  l->readable = event_new(base, fd, EV_READ | EV_PERSIST, listener_readable, l);
  l->timer = evtimer_new(base, listener_timer, l);
  if (l->readable != NULL && l->timer != NULL && event_add(l->readable, NULL) == 0) return l;
  listener_free(l);
  return NULL;
}

void listener_resume(struct listener *l) {
  if (l == NULL || !l->paused) return;
  l->paused = false;
  event_add(l->readable, NULL);
}

void listener_free(struct listener *l) {
  if (l == NULL) return;
  if (l->readable != NULL) event_free(l->readable);
  if (l->timer != NULL) event_free(l->timer);
  if (l->spare >= 0) close(l->spare);
  free(l);
}
