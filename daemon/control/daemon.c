/*
 * daemon: signals, systemd and the loop. SIGTERM closes an epoch in each pipeline and exits 0; SIGHUP reloads; the line
 * a minute says for every pipeline what happened. The watchdog is fed by this loop.
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "cli.h"
#include "files.h"

static uint32_t daemon_count(const struct daemon *d) {
  uint32_t n = 0;
  for (const struct daemon_slot *s = d->slots; s != NULL; s = s->next) n += slot_runs(s);
  return n;
}

void daemon_status(struct daemon *d) {
  uint32_t all = 0;
  for (const struct daemon_slot *s = d->slots; s != NULL; s = s->next) all += !s->removed;
  sd_notifyf(0, "STATUS=%u of %u pipelines run", daemon_count(d), all);
}

void daemon_stopped(struct daemon *d) {
  daemon_status(d);
  if (d->stopping && daemon_count(d) == 0) event_base_loopexit(d->base, NULL);
}

static void daemon_term(evutil_socket_t sig, short what, void *own) {
  (void)sig, (void)what;
  struct daemon *d = own;
  if (d->signals++ > 0) {
    spate_log(NULL, SPATE_LOG_WARN, "told to stop again: ends at once; the work since the last epoch is done again");
    _exit(EXIT_FINE);
  }
  spate_log(NULL, SPATE_LOG_INFO, "stopping: every pipeline closes an epoch");
  sd_notify(0, "STOPPING=1");
  d->stopping = true;
  for (struct daemon_slot *s = d->slots; s != NULL; s = s->next) slot_stop(s);
  daemon_stopped(d);
}

/* spate.yaml again: `pipelines` is taken up, the rest at the next start. */
static void daemon_config_again(struct daemon *d) {
  struct daemon_config *new = daemon_config_load(d->path);
  if (new == NULL) {
    spate_log(NULL, SPATE_LOG_ERROR, "%s has an error: it stays as it was", d->path);
    return;
  }
  const struct daemon_options *a = &d->config->options, *b = &new->options;
  if (strcmp(a->state_dir, b->state_dir) != 0 || d->config->workers != new->workers || d->config->level != new->level ||
      d->config->format != new->format)
    spate_log(NULL, SPATE_LOG_WARN, "%s: state_dir, workers and log are taken up at the next start", d->path);
  new->options.state_dir = arena_text(new->arena, a->state_dir);
  new->workers = d->config->workers;
  new->level = d->config->level;
  new->format = d->config->format;
  daemon_config_free(&d->config);
  d->config = new;
}

static void daemon_hup(evutil_socket_t sig, short what, void *own) {
  (void)sig, (void)what;
  struct daemon *d = own;
  if (d->stopping) return;
  daemon_config_again(d);
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic());
  daemon_reload(d, false);
  daemon_status(d);
  sd_notify(0, "READY=1");
}

static void daemon_minute(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  struct daemon *d = own;
  char text[512];
  for (struct daemon_slot *s = d->slots; s != NULL; s = s->next)
    if (s->job != NULL)
      spate_log(&(struct spate_where){s->name, NULL}, SPATE_LOG_INFO, "%s",
                report_text(&s->report, s->job, false, text, sizeof text));
}

static void daemon_watchdog(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what, (void)own;
  sd_notify(0, "WATCHDOG=1");
}

static void daemon_later(const struct daemon_options *o) {
  static const char text[] = "%s: is read, and does nothing yet";
  if (o->http != NULL) spate_log(NULL, SPATE_LOG_WARN, text, "http");
  if (o->control != NULL) spate_log(NULL, SPATE_LOG_WARN, text, "control");
  if (o->plugins != NULL) spate_log(NULL, SPATE_LOG_WARN, text, "plugins");
}

static void daemon_loop(struct daemon *d) {
  uint64_t watchdog_us = 0;
  struct event *event[5] = {evsignal_new(d->base, SIGTERM, daemon_term, d),
                            evsignal_new(d->base, SIGINT, daemon_term, d), evsignal_new(d->base, SIGHUP, daemon_hup, d),
                            event_new(d->base, -1, EV_PERSIST, daemon_minute, d),
                            event_new(d->base, -1, EV_PERSIST, daemon_watchdog, d)};
  for (int i = 0; i < 3; i++) event_add(event[i], NULL);
  struct timeval minute = {60, 0};
  event_add(event[3], &minute);
  if (sd_watchdog_enabled(0, &watchdog_us) > 0 && watchdog_us > 0) {
    struct timeval half = {(time_t)(watchdog_us / 2 / 1000000), (suseconds_t)(watchdog_us / 2 % 1000000)};
    event_add(event[4], &half);
  }
  daemon_reload(d, true);
  daemon_status(d);
  sd_notify(0, "READY=1");
  spate_log(NULL, SPATE_LOG_INFO, "ready: %u pipeline%s on %u worker%s", daemon_count(d),
            daemon_count(d) == 1 ? "" : "s", job_pool_workers(d->pool), job_pool_workers(d->pool) == 1 ? "" : "s");
  event_base_loop(d->base, EVLOOP_NO_EXIT_ON_EMPTY);
  for (int i = 0; i < 5; i++) event_free(event[i]);
}

int daemon_run(struct daemon *d) {
  struct spate_error err = {0};
  int result = EXIT_ENVIRONMENT;
  d->lock_fd = files_lock(d->config->options.state_dir, &err);
  if (d->lock_fd < 0) goto out;
  d->base = event_base_new();
  d->pool = d->base != NULL ? job_pool_new(d->config->workers, &err) : NULL;
  if (d->pool == NULL) goto out;
  daemon_later(&d->config->options);
  daemon_loop(d);
  while (d->slots != NULL) slot_free(&d->slots);
  result = EXIT_FINE;
out:
  if (result != EXIT_FINE)
    spate_log(NULL, SPATE_LOG_ERROR, "%s", err.message[0] != 0 ? err.message : "cannot make an event loop");
  else
    spate_log(NULL, SPATE_LOG_INFO, "stopped");
  if (d->pool != NULL) job_pool_free(&d->pool);
  if (d->base != NULL) event_base_free(d->base);
  if (d->lock_fd >= 0) close(d->lock_fd);
  return result;
}
