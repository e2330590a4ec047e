/*
 * kafka_host: a stand-in for the engine's side of the plugin interface, so that the Kafka plugin is driven alone: tasks
 * with a loop of their own that notes what the plugin says, and components configured from YAML as a user writes it.
 * Programs that include it are linked without daemon/run.
 */
#ifndef KAFKA_HOST_H
#define KAFKA_HOST_H

#include <event2/event.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "api/spate.h"
#include "base/arena.h"
#include "base/clock.h"
#include "config/config.h"

extern const struct spate_source_api spate_source_kafka;
extern const struct spate_sink_api spate_sink_kafka;

struct spate_task {
  struct event_base *base;
  struct event *woken, *late;
  int fd;
  _Atomic uint64_t wakes, prepared; /* prepared: the newest epoch */
  atomic_bool failed;
  char why[256];
};

void spate_task_wake(struct spate_task *t) {
  uint64_t one = 1;
  atomic_fetch_add(&t->wakes, 1);
  if (write(t->fd, &one, sizeof one) < 0) abort();
}
struct event_base *spate_task_base(struct spate_task *t) {
  return t->base;
}
int64_t spate_task_now(struct spate_task *t) {
  (void)t;
  return clock_now();
}
void spate_task_prepared(struct spate_task *t, uint64_t epoch) {
  atomic_store(&t->prepared, epoch);
  spate_task_wake(t);
}
void spate_task_fail(struct spate_task *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(t->why, sizeof t->why, format, args);
  va_end(args);
  atomic_store(&t->failed, true);
  spate_task_wake(t);
}

static inline void host_on_wake(evutil_socket_t fd, short what, void *own) {
  uint64_t n;
  (void)what, (void)own;
  if (read(fd, &n, sizeof n) < 0) abort();
}

static inline void host_on_late(evutil_socket_t fd, short what, void *own) { (void)fd, (void)what, (void)own; }

static inline void host_task_init(struct spate_task *t) {
  memset(t, 0, sizeof *t);
  t->base = event_base_new();
  t->fd = eventfd(0, EFD_CLOEXEC);
  t->woken = event_new(t->base, t->fd, EV_READ | EV_PERSIST, host_on_wake, t);
  event_add(t->woken, NULL);
  t->late = evtimer_new(t->base, host_on_late, t);
}
static inline void host_task_fini(struct spate_task *t) {
  event_free(t->woken);
  event_free(t->late);
  event_base_free(t->base);
  close(t->fd);
}
/* Sleeps until the task is woken; false after 20 s without. */
static inline bool host_task_wait(struct spate_task *t) {
  struct timeval most = {.tv_sec = 20};
  uint64_t before = atomic_load(&t->wakes);
  evtimer_add(t->late, &most);
  event_base_loop(t->base, EVLOOP_ONCE);
  bool in_time = evtimer_pending(t->late, NULL);
  evtimer_del(t->late);
  return in_time || atomic_load(&t->wakes) != before;
}

/* A configuration from YAML text; NULL and a printed error where it does not hold. */
static inline void *host_config(struct arena *arena, const struct spate_option *options, size_t size,
                                const struct spate_schema *columns, const char *yaml) {
  struct conf_errors errors;
  conf_errors_init(&errors);
  void *config = arena_alloc(arena, size);
  const struct conf_node *node = conf_parse(arena, "test.yaml", arena_text(arena, yaml), strlen(yaml), &errors);
  if (node == NULL || conf_fill(arena, options, node, NULL, columns, config, &errors) != 0 || errors.errors > 0) {
    conf_errors_print(&errors, stderr, false);
    config = NULL;
  }
  conf_errors_fini(&errors);
  return config;
}
static inline void *host_source_config(struct arena *arena, const char *yaml) {
  return host_config(arena, spate_source_kafka.options, spate_source_kafka.config_size, NULL, yaml);
}
static inline void *host_sink_config(struct arena *arena, const struct spate_schema *columns, const char *yaml) {
  return host_config(arena, spate_sink_kafka.options, spate_sink_kafka.config_size, columns, yaml);
}

static inline void host_payloads_clear(struct spate_payloads *p) {
  spate_buffer_unref(p->buffer);
  p->buffer = NULL;
  for (int i = 0; i < SPATE_METAS; i++) {
    spate_column_unref(p->meta[i]);
    p->meta[i] = NULL;
  }
  p->count = 0;
}

#endif
