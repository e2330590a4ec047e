/*
 * slot: one pipeline under the daemon. A job that fails is started again after a pause that doubles up to a minute (and
 * begins anew once it has run that long); a stop has a deadline, after which the work since the last epoch is left to
 * whoever comes next.
 */
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/clock.h"
#include "../base/hash.h"
#include "../base/mem.h"
#include "daemon.h"
#include "files.h"

#define SLOT_STOP_S 30 /* how long a stop may take */
#define SLOT_RETRY_MOST_S 60

static void slot_log(const struct daemon_slot *slot, enum spate_level level, const char *text) {
  spate_log(&(struct spate_where){slot->name, NULL}, level, "%s", text);
}

bool slot_runs(const struct daemon_slot *slot) { return slot->job != NULL; }

void file_unref(struct daemon_file *file) {
  if (file == NULL || --file->refs > 0) return;
  plan_set_free(&file->set);
  mem_free(file->path);
  mem_free(file);
}

/* The tables' files as they are now: a reload takes up a pipeline again whose tables have changed. */
uint64_t slot_tables(const struct plan *plan) {
  struct buf bytes = {0};
  for (uint32_t i = 0; i < plan->tables; i++) {
    const struct conf_node *file = conf_get(plan->table[i].node, "file");
    const struct conf_node *path = file != NULL && file->kind == CONF_MAP ? conf_get(file, "path") : NULL;
    uint32_t n = path == NULL ? 0 : path->kind == CONF_LIST ? path->count : 1;
    for (uint32_t k = 0; k < n; k++) {
      const struct conf_node *item = path->kind == CONF_LIST ? &path->item[k] : path;
      glob_t found = {0};
      struct stat st;
      if (item->kind != CONF_SCALAR || glob(item->text, 0, NULL, &found) != 0) continue;
      for (size_t f = 0; f < found.gl_pathc; f++) {
        if (stat(found.gl_pathv[f], &st) != 0) continue;
        buf_u64(&bytes, (uint64_t)st.st_ino);
        buf_u64(&bytes, (uint64_t)st.st_size);
        buf_u64(&bytes, (uint64_t)st.st_mtim.tv_sec);
        buf_u64(&bytes, (uint64_t)st.st_mtim.tv_nsec);
      }
      globfree(&found);
    }
  }
  uint64_t hash = hash_bytes(bytes.data, bytes.size);
  buf_free(&bytes);
  return hash;
}

static void slot_set_plan(struct daemon_slot *slot, struct daemon_file *file, const struct plan *plan) {
  file->refs++;
  file_unref(slot->file);
  slot->file = file;
  slot->plan = plan;
  mem_free(slot->path);
  slot->path = mem_text(file->path);
}

/* ---- the end of a job ---- */
static void slot_retry_later(struct daemon_slot *slot) {
  int64_t now = clock_monotonic();
  char text[128];
  if (now - slot->started_us > SLOT_RETRY_MOST_S * US_S) slot->failures = 0;
  uint32_t wait = slot->failures < 6 ? 1u << slot->failures : SLOT_RETRY_MOST_S;
  slot->failures++;
  if (slot->daemon->stopping) return;
  struct timeval tv = {wait, 0};
  snprintf(text, sizeof text, "is started again in %u s", wait);
  slot_log(slot, SPATE_LOG_WARN, text);
  event_add(slot->retry, &tv);
}

/* The job is gone: what now? */
static void slot_rests(struct daemon_slot *slot) {
  struct daemon *d = slot->daemon;
  event_del(slot->deadline);
  if (slot->removed && slot->next_plan == NULL) {
    slot_log(slot, SPATE_LOG_INFO, "removed");
  } else if (slot->state == JOB_FAILED && slot->hopeless && slot->next_plan == NULL) {
    slot_log(slot, SPATE_LOG_ERROR, "stays stopped: another try would fail as well; a reload tries again");
  } else if (slot->next_plan != NULL) {
    slot_set_plan(slot, slot->next_file, slot->next_plan);
    file_unref(slot->next_file);
    slot->next_file = NULL;
    slot->next_plan = NULL;
    slot->failures = 0;
    if (!d->stopping) slot_start(slot);
  } else if (slot->state == JOB_FAILED) {
    slot_retry_later(slot);
  }
  daemon_stopped(d);
}

static void slot_changed(struct job *job, enum job_state state, void *own) {
  struct daemon_slot *slot = own;
  char text[600], numbers[512];
  slot->state = state;
  if (state == JOB_RUNNING) slot_log(slot, SPATE_LOG_INFO, report_began(job, true, numbers, sizeof numbers));
  if (state != JOB_FINISHED && state != JOB_STOPPED && state != JOB_FAILED) return;
  report_text(&slot->report, job, true, numbers, sizeof numbers);
  snprintf(text, sizeof text, "%s: %s",
           state == JOB_FINISHED  ? "finished"
           : state == JOB_STOPPED ? "stopped at an epoch's edge"
                                  : "failed",
           numbers);
  slot->hopeless = state == JOB_FAILED && job_error(job)->fatal;
  if (state == JOB_FAILED) slot_log(slot, SPATE_LOG_ERROR, job_error(job)->message);
  slot_log(slot, state == JOB_FAILED ? SPATE_LOG_ERROR : SPATE_LOG_INFO, text);
  slot->job = NULL;
  job_free(&job);
  slot_rests(slot);
}

/* ---- starting and stopping ---- */
void slot_start(struct daemon_slot *slot) {
  struct daemon *d = slot->daemon;
  struct spate_error err = {0};
  char directory[4000], dead[4100], text[600];
  event_del(slot->retry);
  snprintf(directory, sizeof directory, "%s/%s", d->config->options.state_dir, slot->name);
  snprintf(dead, sizeof dead, "%s/dead.jsonl", directory);
  slot->started_us = clock_monotonic();
  slot->tables = slot_tables(slot->plan);
  report_begin(&slot->report);
  snprintf(text, sizeof text, "starts; guarantee: %s", slot->plan->guarantee_text);
  slot_log(slot, SPATE_LOG_INFO, text);
  if (files_make(directory, &err) == 0) {
    struct job_args args = {.plan = slot->plan,
                            .pool = d->pool,
                            .base = d->base,
                            .state_dir = d->config->options.state_dir,
                            .dead_path = dead,
                            .changed = slot_changed,
                            .own = slot};
    slot->state = JOB_STARTING;
    slot->job = job_start(&args, &err);
    if (slot->job != NULL) return;
  }
  slot_log(slot, SPATE_LOG_ERROR, err.message);
  slot->state = JOB_FAILED;
  slot_retry_later(slot);
}

static void slot_retry(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  struct daemon_slot *slot = own;
  if (slot->job == NULL && slot->plan != NULL && !slot->removed && !slot->daemon->stopping) slot_start(slot);
}

static void slot_overdue(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  struct daemon_slot *slot = own;
  if (slot->job == NULL) return;
  slot_log(slot, SPATE_LOG_WARN,
           "does not come to an epoch's end in time: it is cut off at the last one, and the work since is done again");
  job_stop(slot->job, true);
}

void slot_stop(struct daemon_slot *slot) {
  event_del(slot->retry);
  if (slot->job == NULL) return;
  struct timeval tv = {SLOT_STOP_S, 0};
  event_add(slot->deadline, &tv);
  job_stop(slot->job, false);
}

void slot_take(struct daemon_slot *slot, struct daemon_file *file, const struct plan *plan) {
  slot->removed = false;
  if (slot->job == NULL) {
    slot_set_plan(slot, file, plan);
    slot->failures = 0;
    slot_start(slot);
    return;
  }
  file->refs++;
  file_unref(slot->next_file);
  slot->next_file = file;
  slot->next_plan = plan;
  slot_stop(slot);
}

struct daemon_slot *slot_find(struct daemon *d, const char *name) {
  for (struct daemon_slot *s = d->slots; s != NULL; s = s->next)
    if (strcmp(s->name, name) == 0) return s;
  return NULL;
}

struct daemon_slot *slot_new(struct daemon *d, const char *name) {
  struct daemon_slot *s = MEM_NEW(struct daemon_slot);
  s->daemon = d;
  s->name = mem_text(name);
  s->retry = evtimer_new(d->base, slot_retry, s);
  s->deadline = evtimer_new(d->base, slot_overdue, s);
  s->next = d->slots;
  d->slots = s;
  return s;
}

void slot_free(struct daemon_slot **slot) {
  struct daemon_slot *s = *slot;
  if (s == NULL) return;
  *slot = s->next;
  event_free(s->retry);
  event_free(s->deadline);
  file_unref(s->file);
  file_unref(s->next_file);
  mem_free(s->name);
  mem_free(s->path);
  mem_free(s);
}
