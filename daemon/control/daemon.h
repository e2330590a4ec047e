/*
 * daemon: the supervisor. A slot is a pipeline by its name: its plan, its job, and what is to become of it. A job is
 * stopped only at an epoch's edge; what comes after (a new plan, nothing, another try) is decided when it has stopped.
 */
#ifndef CONTROL_DAEMON_H
#define CONTROL_DAEMON_H
#include <event2/event.h>
#include "../run/job.h"
#include "daemon_options.h"
#include "report.h"

struct daemon_file { /* a file of pipelines as it was read; held by the slots that run a plan of it */
  char *path;
  struct plan_set set;
  uint32_t refs;
};
struct daemon_slot {
  struct daemon_slot *next;
  struct daemon *daemon;
  char *name, *path;
  struct daemon_file *file; /* of plan */
  const struct plan *plan;
  struct daemon_file *next_file; /* to be taken up when the job has stopped */
  const struct plan *next_plan;
  struct job *job; /* NULL: it does not run */
  enum job_state state;
  bool removed, seen;
  bool hopeless;      /* failed, and another try would fail as well: until a reload */
  uint64_t tables;    /* of its files of tables, at the start */
  uint32_t failures;  /* in a row */
  int64_t started_us; /* monotonic */
  struct event *retry, *deadline;
  struct report report;
};
struct daemon {
  const char *path; /* of spate.yaml */
  struct daemon_config *config;
  struct event_base *base;
  struct job_pool *pool;
  struct daemon_slot *slots;
  bool stopping;
  int lock_fd;
  uint32_t signals;
};

/* slot.c */
struct daemon_slot *slot_new(struct daemon *d, const char *name);
struct daemon_slot *slot_find(struct daemon *d, const char *name);
void slot_start(struct daemon_slot *slot); /* the plan it has */
void slot_stop(struct daemon_slot *slot);  /* closes an epoch, within a deadline */
void slot_take(struct daemon_slot *slot, struct daemon_file *file,
               const struct plan *plan); /* first, or in place of the old */
void slot_free(struct daemon_slot **slot);
uint64_t slot_tables(const struct plan *plan); /* equal: the files of its tables did not change */
bool slot_runs(const struct daemon_slot *slot);
void file_unref(struct daemon_file *file);

/* reload.c: reads everything, judges it, and then brings the slots in line. */
void daemon_reload(struct daemon *d, bool first);

/* daemon.c */
int daemon_run(struct daemon *d);
void daemon_stopped(struct daemon *d); /* a slot has come to rest */
void daemon_status(struct daemon *d);  /* STATUS= for systemd */

#endif
