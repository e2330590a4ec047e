/*
 * job: the life of a pipeline. Starting: the scribe opens the ends, then every task opens on its worker. Running:
 * epochs. Closing: every task closes on its worker, then the scribe closes the ends. All of it is driven by notes to
 * main.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "internal.h"

static void job_set(struct job *job, enum job_state state) {
  job->state = state;
  if (job->args.changed != NULL) job->args.changed(job, state, job->args.own);
}

/* What is still to come at the sources, while they are open; -1: they do not know. */
static int64_t job_lag(const struct job *job) {
  int64_t sum = -1;
  for (uint32_t i = 0; i < job->plan->sources; i++) {
    const struct spate_source_api *api = job->plan->source[i].api;
    int64_t lag = api->lag != NULL ? api->lag(job->source[i].source) : -1;
    if (lag >= 0) sum = (sum < 0 ? 0 : sum) + lag;
  }
  return sum;
}

/* ---- closing ---- */
static void closed_run(struct job *job, struct scribe_work *work) {
  (void)work;
  close_all(job);
}

static void closed_done(struct job *job, struct scribe_work *work) {
  mem_free(work);
  job_set(job, job->final); /* the job may be gone after this */
}

static void job_close_ends(struct job *job) {
  struct scribe_work *w = MEM_NEW(struct scribe_work);
  w->run = closed_run;
  w->done = closed_done;
  scribe_post(job, w);
}

void job_close(struct job *job, enum job_state final) {
  if (job->closing_down) {
    if (final == JOB_FAILED) job->final = final;
    return;
  }
  if (job->state == JOB_RUNNING || job->state == JOB_STOPPING) job->last_lag = job_lag(job);
  job->closing_down = true;
  job->final = final;
  if (job->state == JOB_RUNNING) job_set(job, JOB_STOPPING);
  if (job->epoch.pacer != NULL) evtimer_del(job->epoch.pacer);
  if (job->opening > 0) return; /* the last task to open goes on from here */
  job->closing = job->tasks;
  for (uint32_t i = 0; i < job->tasks; i++) task_close_on_worker(job, job->task[i]);
}

void job_failed(struct job *job, const struct spate_error *error) {
  if (job->error.message[0] == 0) job->error = *error;
  job_close(job, JOB_FAILED);
}

/* ---- starting ---- */
static void opened_run(struct job *job, struct scribe_work *work) { work->result = open_all(job, work); }

/* A task that got no partition has nothing to say about time: its inputs downstream are idle from the start. */
static void job_silence_empty(struct job *job) {
  for (uint32_t i = 0; i < job->tasks; i++)
    for (uint32_t k = 0; k < job->task[i]->align.inputs; k++) {
      struct task_input *in = &job->task[i]->align.input[k];
      const struct spate_task *from = in->ring->from;
      if (from->stage->source >= 0 && from->index >= job->source[from->stage->source].count) in->idle = true;
    }
}

static void opened_done(struct job *job, struct scribe_work *work) {
  struct spate_error error = work->error;
  int result = work->result;
  mem_free(work);
  if (result != 0) {
    if (job->error.message[0] == 0) job->error = error;
    job->closing_down = true;
    job->final = JOB_FAILED;
  }
  if (job->closing_down) {
    job_close_ends(job);
    return;
  }
  for (uint32_t i = 0; i < job->plan->sources; i++) job->source[i].assigned = job->source[i].count;
  if (job->restored != NULL) job->resumed = job->epoch.current = job->restored->epoch;
  job->places = snapshot_positions(job->restored);
  job_silence_empty(job);
  job->opening = job->tasks;
  for (uint32_t i = 0; i < job->tasks; i++) task_open_on_worker(job, job->task[i]);
}

static void job_task_opened(struct job *job, struct job_note *note) {
  if (note->error.message[0] != 0) {
    if (job->error.message[0] == 0) job->error = note->error;
    job->closing_down = true;
    job->final = JOB_FAILED;
  }
  if (--job->opening > 0) return;
  snapshot_free(&job->restored);
  if (job->closing_down) {
    job->closing_down = false;
    job_close(job, job->final);
    return;
  }
  job_set(job, JOB_RUNNING);
  if (job->closing_down) return;
  job->partitions_checked = clock_monotonic();
  epoch_start(job);
}

/* ---- new partitions ---- */
struct partitions_work {
  struct scribe_work work; /* first */
  uint32_t source;
};

static void partitions_run(struct job *job, struct scribe_work *work) {
  uint32_t i = ((struct partitions_work *)work)->source;
  struct source_slot *slot = &job->source[i];
  work->result = job->plan->source[i].api->partitions(slot->source, &slot->list, &slot->count, &work->error);
}

static void partitions_done(struct job *job, struct scribe_work *work) {
  uint32_t i = ((struct partitions_work *)work)->source;
  struct source_slot *slot = &job->source[i];
  if (work->result != 0) spate_log(&slot->args.where, SPATE_LOG_WARN, "%s", work->error.message);
  mem_free(work);
  if (job->closing_down || job->stop_asked) return;
  for (; slot->assigned < slot->count; slot->assigned++)
    for (uint32_t s = 0; s < job->stages; s++)
      if (job->stage[s].source == (int32_t)i)
        task_assign_on_worker(job->stage[s].task[slot->assigned % job->stage[s].tasks], slot->assigned,
                              slot->list[slot->assigned].name);
}

/* Now and then, on the occasion of other work: sources that grow are asked for new partitions. */
static void job_look_for_partitions(struct job *job) {
  int64_t now = clock_monotonic();
  if (job->state != JOB_RUNNING || job->closing_down || now - job->partitions_checked < 5 * US_S) return;
  job->partitions_checked = now;
  for (uint32_t i = 0; i < job->plan->sources; i++) {
    if (job->plan->source[i].bounded || job->args.bounded || job->plan->available_now) continue;
    struct partitions_work *w = MEM_NEW(struct partitions_work);
    w->work.run = partitions_run;
    w->work.done = partitions_done;
    w->source = i;
    scribe_post(job, &w->work);
  }
}

/* ---- notes ---- */
void job_post(struct job *job, struct job_note *note) {
  note->next = NULL;
  pthread_mutex_lock(&job->note_lock);
  *job->note_last = note;
  job->note_last = &note->next;
  uint64_t one = 1;
  /* under the lock: once main has taken the note, the job and its descriptor may be gone */
  ssize_t ignored = write(job->note_fd, &one, sizeof one);
  (void)ignored;
  pthread_mutex_unlock(&job->note_lock);
}

static struct job_note *job_next_note(struct job *job) {
  pthread_mutex_lock(&job->note_lock);
  struct job_note *n = job->note_first;
  if (n != NULL && (job->note_first = n->next) == NULL) job->note_last = &job->note_first;
  pthread_mutex_unlock(&job->note_lock);
  return n;
}

static void note_free(struct job_note *note) {
  if (note->report != NULL) {
    buf_free(&note->report->state);
    mem_free(note->report);
  }
  mem_free(note);
}

/* False: the job is gone. */
static bool job_note_take(struct job *job, struct job_note *note) {
  switch (note->kind) {
    case NOTE_SCRIBE: {
      struct scribe_work *w = note->work;
      bool last = w->done == closed_done;
      w->done(job, w);
      if (last) return false;
      break;
    }
    case NOTE_OPENED: job_task_opened(job, note); break;
    case NOTE_FAILED: job_failed(job, &note->error); break;
    case NOTE_CLOSED:
      if (--job->closing == 0) job_close_ends(job);
      break;
    default:
      if (!job->closing_down || job->epoch.phase == EPOCH_COMMITTING) epoch_note(job, note);
  }
  return true;
}

static void job_notes(evutil_socket_t fd, short what, void *own) {
  (void)what;
  struct job *job = own;
  uint64_t n;
  ssize_t ignored = read(fd, &n, sizeof n);
  (void)ignored;
  struct job_note *note;
  while ((note = job_next_note(job)) != NULL) {
    bool alive = job_note_take(job, note);
    note_free(note);
    if (!alive) return;
  }
  job_look_for_partitions(job);
}

/* ---- from outside ---- */
struct job *job_start(const struct job_args *args, struct spate_error *err) {
  struct job *job = MEM_NEW(struct job);
  job->args = *args;
  job->plan = (struct plan *)(uintptr_t)args->plan;
  job->base = args->base;
  job->arena = arena_new();
  job->where = (struct spate_where){job->plan->name, NULL};
  job->lock_fd = job->dead_fd = -1;
  job->last_lag = -1;
  job->first_worker = job_pool_next(args->pool);
  job->source = ARENA_NEWS(job->arena, struct source_slot, job->plan->sources + 1);
  job->sink = ARENA_NEWS(job->arena, struct sink_slot, job->plan->sinks + 1);
  if (args->state_dir != NULL) job->state_path = arena_format(job->arena, "%s/%s", args->state_dir, job->plan->name);
  if (args->dead_path != NULL) job->args.dead_path = arena_text(job->arena, args->dead_path);
  pthread_mutex_init(&job->note_lock, NULL);
  job->note_last = &job->note_first;
  job->note_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (job->note_fd >= 0) job->note_event = event_new(job->base, job->note_fd, EV_READ | EV_PERSIST, job_notes, job);
  stages_build(job);
  scribe_start(job);
  if (job->note_event == NULL || !job->scribe_started) {
    spate_fail(err, "cannot start the pipeline: out of descriptors or threads");
    job_free(&job);
    return NULL;
  }
  event_add(job->note_event, NULL);
  struct scribe_work *w = MEM_NEW(struct scribe_work);
  w->run = opened_run;
  w->done = opened_done;
  scribe_post(job, w);
  return job;
}

void job_stop(struct job *job, bool at_once) {
  if (at_once || job->state == JOB_STARTING) {
    job->stop_asked = true;
    job->closing_down = job->state == JOB_STARTING ? true : job->closing_down;
    if (job->state == JOB_STARTING)
      job->final = JOB_STOPPED;
    else
      job_close(job, JOB_STOPPED);
    return;
  }
  if (job->stop_asked || job->closing_down) return;
  job->stop_asked = true;
  job_set(job, JOB_STOPPING);
  epoch_hurry(job);
}

enum job_state job_state(const struct job *job) { return job->state; }
const struct spate_error *job_error(const struct job *job) { return &job->error; }
uint64_t job_resumed(const struct job *job) { return job->resumed; }
const struct plan *job_plan(const struct job *job) { return job->plan; }
void job_poke(struct job *job) {
  for (uint32_t i = 0; i < job->tasks; i++) spate_task_wake(job->task[i]);
}

void job_numbers(const struct job *job, struct job_numbers *n) {
  *n = (struct job_numbers){.lag = -1, .watermark = SPATE_TIME_MAX, .epochs = job->committed_epochs};
  for (uint32_t i = 0; i < job->tasks; i++) {
    struct spate_task *t = job->task[i];
    if (t->stage->source >= 0) {
      n->in += atomic_load_explicit(&t->in, memory_order_relaxed);
      int64_t wm = atomic_load_explicit(&t->watermark_seen, memory_order_relaxed);
      if (wm < n->watermark) n->watermark = wm;
    }
    n->out += t->stage->reads_dead ? 0 : atomic_load_explicit(&t->out_rows, memory_order_relaxed);
    n->late += atomic_load_explicit(&t->late, memory_order_relaxed);
    n->dropped += atomic_load_explicit(&t->dropped, memory_order_relaxed);
    n->dead += atomic_load_explicit(&t->dead, memory_order_relaxed);
    n->state_keys += atomic_load_explicit(&t->state_keys, memory_order_relaxed);
    n->future += atomic_load_explicit(&t->future, memory_order_relaxed);
  }
  bool open = (job->state == JOB_RUNNING || job->state == JOB_STOPPING) && !job->closing_down;
  n->lag = open ? job_lag(job) : job->last_lag;
}

void job_free(struct job **slot) {
  struct job *job = *slot;
  if (job == NULL) return;
  *slot = NULL;
  scribe_join(job);
  struct job_note *note;
  while ((note = job_next_note(job)) != NULL) note_free(note);
  epoch_end(job);
  for (uint32_t i = 0; i < job->tasks; i++) {
    struct spate_task *t = job->task[i];
    for (uint32_t k = 0; k < t->align.inputs; k++) ring_free(&t->align.input[k].ring);
    mem_free(t->align.input);
    arena_free(&t->arena);
  }
  for (uint32_t i = 0; i < job->tasks; i++) {
    if (job->task[i]->chain.node != NULL) task_drop(job->task[i]); /* it never came to opening */
    mem_free(job->task[i]);
  }
  if (job->note_event != NULL) event_free(job->note_event);
  if (job->note_fd >= 0) close(job->note_fd);
  pthread_mutex_destroy(&job->note_lock);
  snapshot_free(&job->places);
  arena_free(&job->arena);
  mem_free(job);
}
