/*
 * align: the inputs of a task made one. The watermark passed on is the least over the inputs that are not idle; a
 * barrier is passed on when every input has reached it, and an input that has is not read until then.
 *
 * All inputs idle: of the inputs of one edge (tasks that share a source) the greatest event time seen counts; of
 * several edges the least of those. In micro-batches a watermark waits for the barrier, so that the whole batch is
 * judged by the watermark after the one before.
 */
#include "internal.h"

static int64_t align_least(const struct align *a, bool *all_idle) {
  int64_t least = SPATE_TIME_MAX;
  *all_idle = true;
  for (uint32_t i = 0; i < a->inputs; i++) {
    const struct task_input *in = &a->input[i];
    if (in->idle) continue;
    *all_idle = false;
    if (in->watermark < least) least = in->watermark;
  }
  if (!*all_idle) return least;
  for (uint32_t i = 0; i < a->inputs; i++) {
    int64_t greatest = SPATE_TIME_MIN;
    for (uint32_t j = 0; j < a->inputs; j++)
      if (a->input[j].edge == a->input[i].edge && a->input[j].hint > greatest) greatest = a->input[j].hint;
    if (greatest < least) least = greatest;
  }
  return least;
}

/* What is to be said of time now: true when a message was pushed. */
static bool align_time(struct spate_task *task) {
  struct align *a = &task->align;
  bool idle;
  int64_t least = align_least(a, &idle);
  struct op_msg m = {0};
  if (a->idle && !idle) {
    a->idle = false;
    m.kind = OP_IDLE;
  } else if (least > a->watermark) {
    a->watermark = least;
    m = (struct op_msg){.kind = OP_WATERMARK, .value = least};
    atomic_store_explicit(&task->watermark_seen, least, memory_order_relaxed);
  } else if (idle && !a->idle) {
    a->idle = true;
    m = (struct op_msg){.kind = OP_IDLE, .port = 1, .value = a->watermark};
  } else {
    return false;
  }
  chain_push(&task->chain, &m);
  return true;
}

static bool align_input(struct spate_task *task, struct task_input *in) {
  struct align *a = &task->align;
  struct op_msg m;
  if (in->at_barrier || !ring_pop(in->ring, &m)) return false;
  switch (m.kind) {
    case OP_BATCH:
    case OP_PARTIAL:
      task_count(&task->in, m.batch->count);
      chain_push(&task->chain, &m);
      break;
    case OP_WATERMARK:
      if (m.value > in->watermark) in->watermark = m.value;
      break;
    case OP_IDLE:
      in->idle = m.port != 0;
      if (in->idle && m.value > in->hint) in->hint = m.value;
      break;
    case OP_BARRIER:
      if (a->barrier == 0) {
        a->barrier = (uint64_t)m.value;
        a->waiting = a->inputs;
      }
      in->at_barrier = true;
      a->waiting--;
      break;
    default: break;
  }
  return true;
}

static void align_barrier(struct spate_task *task) {
  struct align *a = &task->align;
  struct op_msg m = {.kind = OP_BARRIER, .value = (int64_t)a->barrier};
  task->report = task_report_new(task, a->barrier);
  a->barrier = 0;
  for (uint32_t i = 0; i < a->inputs; i++) a->input[i].at_barrier = false;
  chain_push(&task->chain, &m);
}

enum spate_result align_step(struct spate_task *task) {
  struct align *a = &task->align;
  bool micro_batch = task->job->plan->mode == PLAN_MICRO_BATCH;
  bool aligned = a->barrier != 0 && a->waiting == 0;
  if ((!micro_batch || aligned) && align_time(task)) return SPATE_OK;
  if (aligned) {
    align_barrier(task);
    return SPATE_OK;
  }
  for (uint32_t i = 0; i < a->inputs; i++) {
    struct task_input *in = &a->input[a->next];
    a->next = (a->next + 1) % a->inputs;
    if (align_input(task, in)) return SPATE_OK;
  }
  return SPATE_IDLE;
}
