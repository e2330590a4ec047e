/* task_life: opening and closing of a task, on its worker. What was opened is closed here, in the opposite order,
 * whether or not the opening came to its end. */
#include <stdio.h>

#include "../base/mem.h"
#include "internal.h"

struct task_call {
  struct worker_call call; /* first */
  struct job *job;
  struct spate_task *task;
  uint32_t partition;
  char name[256];
};

static void task_answer(struct task_call *c, enum job_note_kind kind, const struct spate_error *err) {
  struct job_note *note = MEM_NEW(struct job_note);
  note->kind = kind;
  note->task = c->task;
  if (err != NULL) note->error = *err;
  job_post(c->job, note);
  mem_free(c);
}

static int task_open_node(struct spate_task *task, struct chain_node *node, struct spate_error *err) {
  struct job *job = task->job;
  if (node->kind == CHAIN_SINK) {
    uint32_t sink = node->plan != NULL ? node->plan->index : (uint32_t)job->plan->dead_letter_sink;
    return sink_node_open(&task->chain, node, job->sink[sink].sink, err);
  }
  if (node->kind != CHAIN_STEP) return 0;
  if (node->op->open(node->plan->def, &node->frame, &node->state) != 0) {
    *err = task->chain.error;
    return -1;
  }
  if (job->restored == NULL || node->op->load == NULL) return 0;
  return snapshot_load_step(job->restored, node->name, node->op, node->state, task->index, task->stage->tasks, err);
}

static int task_open_source(struct spate_task *task, struct spate_error *err) {
  struct job *job = task->job;
  const struct source_slot *slot = &job->source[task->stage->source];
  const char *name = job->plan->source[task->stage->source].name;
  if (source_open(task, err) != 0) return -1;
  for (uint32_t p = task->index; p < slot->count; p += task->stage->tasks) {
    struct spate_bytes position = {NULL, 0};
    int64_t greatest = SPATE_TIME_MIN;
    snapshot_position(job->restored, name, slot->list[p].name, &position, &greatest);
    if (source_assign(task, p, slot->list[p].name, position, greatest, err) != 0) return -1;
  }
  return 0;
}

static void task_open_call(struct worker_call *call) {
  struct task_call *c = (struct task_call *)call;
  struct spate_task *task = c->task;
  struct spate_error err = {0};
  int r = 0;
  for (uint32_t i = 1; i < task->chain.nodes && r == 0; i++) r = task_open_node(task, &task->chain.node[i], &err);
  if (r == 0 && task->stage->source >= 0) r = task_open_source(task, &err);
  if (r != 0 && err.message[0] == 0) spate_fail(&err, "cannot open '%s'", task->where.component);
  if (r == 0) {
    task->opened = true;
    runnable_add(&task->runnable);
  }
  task_answer(c, NOTE_OPENED, r != 0 ? &err : NULL);
}

void task_drop(struct spate_task *task) {
  for (uint32_t i = 0; i < task->chain.nodes; i++) {
    struct chain_node *node = &task->chain.node[i];
    if (node->kind == CHAIN_SINK) sink_node_close(node);
    if (node->kind == CHAIN_OUT) exchange_node_close(node);
    if (node->kind == CHAIN_DEAD) dead_node_close(node);
    if (node->kind == CHAIN_STEP && node->state != NULL && node->op->close != NULL) node->op->close(node->state);
  }
  chain_fini(&task->chain);
}

static void task_close_call(struct worker_call *call) {
  struct task_call *c = (struct task_call *)call;
  struct spate_task *task = c->task;
  if (task->runnable.listed) runnable_remove(&task->runnable);
  task->opened = false;
  if (task->timer != NULL) event_free(task->timer);
  task->timer = NULL;
  if (task->held.kind == OP_BATCH) spate_batch_unref(task->held.batch);
  task->held.kind = OP_NONE;
  if (task->stage->source >= 0 && task->source.plan != NULL) source_close(task);
  task_drop(task);
  if (task->report != NULL) {
    buf_free(&task->report->state);
    mem_free(task->report);
    task->report = NULL;
  }
  task_answer(c, NOTE_CLOSED, NULL);
}

static void task_assign_call(struct worker_call *call) {
  struct task_call *c = (struct task_call *)call;
  struct spate_error err = {0};
  if (c->task->opened && !c->task->failed) {
    struct spate_bytes position = {NULL, 0};
    int64_t greatest = SPATE_TIME_MIN;
    snapshot_position(c->job->places, c->task->source.plan->name, c->name, &position, &greatest);
    if (source_assign(c->task, c->partition, c->name, position, greatest, &err) != 0) task_fail(c->task, &err);
    runnable_wake(&c->task->runnable);
  }
  mem_free(c);
}

static struct task_call *task_call_new(struct spate_task *task, void (*run)(struct worker_call *)) {
  struct task_call *c = MEM_NEW(struct task_call);
  c->call.run = run;
  c->job = task->job;
  c->task = task;
  return c;
}

void task_open_on_worker(struct job *job, struct spate_task *task) {
  (void)job;
  worker_post(task->runnable.worker, &task_call_new(task, task_open_call)->call);
}

void task_close_on_worker(struct job *job, struct spate_task *task) {
  (void)job;
  worker_post(task->runnable.worker, &task_call_new(task, task_close_call)->call);
}

void task_assign_on_worker(struct spate_task *task, uint32_t partition, const char *name) {
  struct task_call *c = task_call_new(task, task_assign_call);
  c->partition = partition;
  snprintf(c->name, sizeof c->name, "%s", name);
  worker_post(task->runnable.worker, &c->call);
}
