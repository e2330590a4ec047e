/*
 * epoch: the coordinator. An epoch begins when its barrier is asked of the sources; it is closed when every task has
 * let the barrier through and every sink has prepared; then the scribe commits it: dead letters synced, the file of the
 * epoch written, sinks committed, source offsets handed on. A state machine on main that never waits. One epoch at a
 * time.
 *
 * pacer: decides when a barrier starts. This file is the only one that knows what the mode means for that: record mode
 * asks every `checkpoint`, micro-batches every `trigger` and only then let records in.
 */
#include <stdio.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "internal.h"

#define EPOCH_EMPTY_EVERY (6 * 3600 * US_S) /* brokers forget offsets that are never committed again */

static void pacer_in(struct job *job, int64_t us) {
  struct timeval tv = {.tv_sec = (time_t)(us / US_S), .tv_usec = (suseconds_t)(us % US_S)};
  evtimer_add(job->epoch.pacer, &tv);
}

/* ---- the pacer ---- */
static int64_t pacer_wait(const struct job *job) {
  const struct epoch_state *e = &job->epoch;
  if (job->stop_asked || e->hurry || (job->plan->mode == PLAN_MICRO_BATCH && job->plan->available_now)) return 0;
  int64_t every = job->plan->mode == PLAN_RECORD ? job->plan->checkpoint_us : job->plan->trigger_us;
  int64_t left = e->started + every - clock_monotonic();
  return left > 0 ? left : 0;
}

static void epoch_begin(struct job *job) {
  struct epoch_state *e = &job->epoch;
  e->phase = EPOCH_OPEN;
  e->current++;
  e->reports = job->tasks;
  e->prepared_missing = 0;
  e->changed = false;
  e->all_ended = true;
  e->hurry = false;
  e->started = clock_monotonic();
  e->closing = job->stop_asked;
  if (e->closing) atomic_store(&job->quiet, true);
  if (job->plan->mode == PLAN_MICRO_BATCH) atomic_store(&job->epoch_now, clock_now());
  for (uint32_t i = 0; i < job->tasks; i++) {
    struct spate_task *t = job->task[i];
    if (t->stage->source < 0) continue;
    atomic_store(&t->barrier_request, e->current | (e->closing ? EPOCH_CLOSE_ONLY : 0));
    spate_task_wake(t);
  }
}

static void pacer_fired(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  struct job *job = own;
  if (job->closing_down || job->epoch.phase != EPOCH_NONE) return;
  epoch_begin(job);
}

void epoch_start(struct job *job) {
  job->epoch.pacer = evtimer_new(job->base, pacer_fired, job);
  job->epoch.started = clock_monotonic();
  job->epoch.last_commit = clock_monotonic();
  pacer_in(job, job->plan->mode == PLAN_RECORD ? pacer_wait(job) : 0);
}

void epoch_hurry(struct job *job) {
  job->epoch.hurry = true;
  if (job->epoch.pacer != NULL && job->epoch.phase == EPOCH_NONE) pacer_in(job, 0);
}

static void epoch_drop_reports(struct job *job) {
  struct task_report *next;
  for (struct task_report *r = job->epoch.report; r != NULL; r = next) {
    next = r->next;
    buf_free(&r->state);
    mem_free(r);
  }
  job->epoch.report = NULL;
}

void epoch_end(struct job *job) {
  epoch_drop_reports(job);
  if (job->epoch.pacer != NULL) event_free(job->epoch.pacer);
  job->epoch.pacer = NULL;
}

/* ---- the end of an epoch, on main ---- */
static void epoch_done(struct job *job) {
  struct epoch_state *e = &job->epoch;
  epoch_drop_reports(job);
  e->phase = EPOCH_NONE;
  if (job->closing_down) return;
  if (e->all_ended && job->source_tasks > 0)
    job_close(job, JOB_FINISHED);
  else if (e->closing)
    job_close(job, JOB_STOPPED);
  else
    pacer_in(job, pacer_wait(job));
}

/* ---- the commit, on the scribe ---- */
struct commit_work {
  struct scribe_work work; /* first */
  uint64_t epoch;
  bool finished;
};

static int commit_positions(struct job *job, struct spate_error *err) {
  for (uint32_t s = 0; s < job->plan->sources; s++) {
    const struct spate_source_api *api = job->plan->source[s].api;
    if (api->committed == NULL) continue;
    for (const struct task_report *r = job->epoch.report; r != NULL; r = r->next) {
      if (r->task->stage->source != (int32_t)s) continue;
      struct snapshot view = {.sections = r->state.data, .end = r->state.data + r->state.size};
      for (uint32_t p = 0; p < job->source[s].assigned; p++) {
        struct spate_bytes position;
        int64_t greatest;
        if (!snapshot_position(&view, job->plan->source[s].name, job->source[s].list[p].name, &position, &greatest))
          continue;
        if (api->committed(job->source[s].source, p, position, err) != 0) return -1;
      }
    }
    if (api->committed_end != NULL && api->committed_end(job->source[s].source, err) != 0) return -1;
  }
  return 0;
}

static int commit_file(struct job *job, const struct commit_work *c, struct spate_error *err) {
  if (job->state_path == NULL) return 0;
  uint32_t count = 0;
  const struct buf **section = MEM_NEWS(const struct buf *, job->tasks + 2);
  for (const struct task_report *r = job->epoch.report; r != NULL; r = r->next) section[count++] = &r->state;
  struct buf absent = {0};
  snapshot_put_absent(job->places, section, count, &absent);
  section[count++] = &absent;
  int r = snapshot_write(job->state_path, job->plan, c->epoch, c->finished, section, count, err);
  buf_free(&absent);
  mem_free(section);
  return r;
}

static void commit_run(struct job *job, struct scribe_work *work) {
  struct commit_work *c = (struct commit_work *)work;
  struct spate_error *err = &work->error;
  work->result = -1;
  if (job->dead_fd >= 0 && atomic_exchange(&job->dead_written, 0) > 0 && fdatasync(job->dead_fd) != 0) {
    spate_fail(err, "dead letters: cannot sync '%s'", job->args.dead_path);
    return;
  }
  if (commit_file(job, c, err) != 0) return;
  for (uint32_t i = 0; i < job->plan->sinks; i++) {
    const struct spate_sink_api *api = job->plan->sink[i].api;
    if (api->commit != NULL && api->commit(job->sink[i].sink, c->epoch, err) != 0) return;
  }
  if (commit_positions(job, err) != 0) return;
  work->result = 0;
}

static void commit_done(struct job *job, struct scribe_work *work) {
  if (work->result != 0) {
    job_failed(job, &work->error);
  } else {
    job->committed_epochs++;
    job->epoch.last_commit = clock_monotonic();
  }
  epoch_done(job);
  mem_free(work);
}

/* Every source ends by itself: not what available_now leaves for the next run. */
static bool epoch_input_ends(const struct job *job) {
  for (uint32_t i = 0; i < job->plan->sources && !job->args.bounded; i++)
    if (!job->plan->source[i].bounded) return false;
  return true;
}

static void epoch_check(struct job *job) {
  struct epoch_state *e = &job->epoch;
  if (e->phase != EPOCH_OPEN || e->reports > 0 || e->prepared_missing > 0) return;
  bool finished = e->all_ended && job->source_tasks > 0 && epoch_input_ends(job);
  if (!e->changed && !finished && clock_monotonic() - e->last_commit < EPOCH_EMPTY_EVERY) {
    epoch_done(job);
    return;
  }
  struct commit_work *c = MEM_NEW(struct commit_work);
  c->work.run = commit_run;
  c->work.done = commit_done;
  c->epoch = e->current;
  c->finished = finished;
  e->phase = EPOCH_COMMITTING;
  scribe_post(job, &c->work);
}

void epoch_note(struct job *job, struct job_note *note) {
  struct epoch_state *e = &job->epoch;
  if (note->kind == NOTE_PREPARED) {
    if (note->epoch != e->current) return;
    e->prepared_missing--;
  } else if (note->kind == NOTE_REPORT) {
    struct task_report *r = note->report;
    note->report = NULL;
    r->next = e->report;
    e->report = r;
    e->changed |= r->changed;
    if (r->task->stage->source >= 0) e->all_ended &= r->ended;
    e->prepared_missing += r->later;
    e->reports--;
  } else if (note->kind == NOTE_ENDED) {
    if (++e->sources_ended >= job->source_tasks) epoch_hurry(job);
    return;
  }
  epoch_check(job);
}
