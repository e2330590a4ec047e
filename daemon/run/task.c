/*
 * task: runs its chain until it is drained, then takes the next thing from its source or its inputs; a bounded amount
 * at a time, so that the tasks of a worker share it fairly. Here too: what a plugin may ask of its task.
 */
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "internal.h"

#define TASK_TURNS 16 /* messages or pulls before the next task has its turn */

struct task_report *task_report_new(struct spate_task *task, uint64_t epoch) {
  struct task_report *r = MEM_NEW(struct task_report);
  r->task = task;
  r->epoch = epoch;
  return r;
}

void task_fail(struct spate_task *task, const struct spate_error *error) {
  if (task->failed) return;
  task->failed = true;
  struct job_note *note = MEM_NEW(struct job_note);
  note->kind = NOTE_FAILED;
  note->task = task;
  note->error = *error;
  job_post(task->job, note);
}

/* The barrier has passed the whole chain. */
static void task_send_report(struct spate_task *task) {
  struct job_note *note = MEM_NEW(struct job_note);
  note->kind = NOTE_REPORT;
  note->task = task;
  note->report = task->report;
  note->report->changed |= task->chain.changed;
  task->chain.changed = false;
  task->report = NULL;
  job_post(task->job, note);
}

static void task_tick(struct spate_task *task) {
  /* a micro-batch has one clock: a window that its rows still enter must not go out before them */
  int64_t batch = atomic_load_explicit(&task->job->epoch_now, memory_order_relaxed);
  int64_t at = chain_next_tick(&task->chain), now = batch != 0 ? batch : clock_now();
  if (at == INT64_MAX || atomic_load(&task->job->quiet)) return;
  if (at > now) {
    if (batch == 0) task_timer(task, at); /* else the next batch comes by */
    return;
  }
  struct op_msg m = {.kind = OP_TICK, .value = now};
  chain_push(&task->chain, &m);
}

static bool task_has_message(const struct spate_task *task) {
  return task->chain.top > 0 || task->chain.letters > 0 || task->chain.last_barrier.kind != OP_NONE;
}

bool task_run(struct runnable *runnable) {
  struct spate_task *task = (struct spate_task *)runnable;
  if (!task->opened || task->failed) return false;
  for (int turn = 0; turn < TASK_TURNS; turn++) {
    enum spate_result r = chain_run(&task->chain);
    if (r == SPATE_BLOCKED) return false;
    if (r == SPATE_OK && task->report != NULL) task_send_report(task);
    if (r == SPATE_OK) task_tick(task);
    if (r == SPATE_OK && !task_has_message(task))
      r = task->stage->source >= 0 ? source_step(task, &task->chain.error) : align_step(task);
    if (r == SPATE_FAIL) {
      task_fail(task, &task->chain.error);
      return false;
    }
    if (r == SPATE_IDLE && task->chain.holding) {
      struct op_msg flush = {.kind = OP_FLUSH};
      task->chain.holding = false;
      chain_push(&task->chain, &flush);
      continue;
    }
    if (r == SPATE_IDLE) return false;
  }
  return true;
}

static void task_timer_fired(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  struct spate_task *task = own;
  task->timer_at = INT64_MAX;
  runnable_wake(&task->runnable);
}

void task_timer(struct spate_task *task, int64_t at) {
  if (task->timer_at <= at && task->timer_at != 0) return;
  if (task->timer == NULL) task->timer = evtimer_new(worker_base(task->runnable.worker), task_timer_fired, task);
  int64_t left = at - clock_now();
  if (left < 0) left = 0;
  task->timer_at = at;
  struct timeval tv = {.tv_sec = (time_t)(left / US_S), .tv_usec = (suseconds_t)(left % US_S)};
  evtimer_add(task->timer, &tv);
}

/* ---- the plugin's side ---- */
void spate_task_wake(struct spate_task *task) {
  if (task->runnable.worker != NULL) runnable_wake(&task->runnable);
}
struct event_base *spate_task_base(struct spate_task *task) {
  return task->base != NULL ? task->base : worker_base(task->runnable.worker);
}
int64_t spate_task_now(struct spate_task *task) {
  (void)task;
  return clock_now();
}

void spate_task_prepared(struct spate_task *task, uint64_t epoch) {
  struct job_note *note = MEM_NEW(struct job_note);
  note->kind = NOTE_PREPARED;
  note->task = task;
  note->epoch = epoch;
  job_post(task->job, note);
}

void spate_task_fail(struct spate_task *task, const char *format, ...) {
  struct job_note *note = MEM_NEW(struct job_note);
  va_list args;
  va_start(args, format);
  vsnprintf(note->error.message, sizeof note->error.message, format, args);
  va_end(args);
  note->kind = NOTE_FAILED;
  note->task = task;
  job_post(task->job, note);
}
