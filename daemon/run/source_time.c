/*
 * source_time: what a source says of time. Watermark of a partition: the greatest event time seen less the delay. Of
 * the task: the least over its partitions that are neither idle nor finished. A partition is idle when it has been read
 * to its end and nothing came for `idle`.
 */
#include "../base/clock.h"
#include "internal.h"

/* ---- time ---- */
static int64_t source_idle_after(const struct source_drive *d, const struct job *job, uint32_t source) {
  if (d->plan->bounded || job->args.bounded || d->plan->idle_us == 0) return INT64_MAX;
  if (d->plan->idle_us > 0) return d->plan->idle_us;
  return atomic_load_explicit(&job->source[source].assigned, memory_order_relaxed) > 1 ? 30 * US_S : INT64_MAX;
}

/* Looks at every partition's state: finished, and idle. */
void source_states(struct spate_task *task) {
  struct source_drive *d = &task->source;
  int64_t after = source_idle_after(d, task->job, (uint32_t)task->stage->source), now = clock_now();
  bool all = true;
  d->idle_check = INT64_MAX;
  for (uint32_t i = 0; i < d->parts; i++) {
    struct source_part *part = &d->part[i];
    if (part->finished) continue;
    enum spate_partition_state s = d->plan->api->state(d->reader, part->index);
    if (s == SPATE_PART_FINISHED) {
      part->finished = true;
      continue;
    }
    all = false;
    if (s == SPATE_PART_READING) {
      part->quiet_since = 0;
      continue;
    }
    if (part->idle || after == INT64_MAX) continue;
    if (part->quiet_since == 0) part->quiet_since = now;
    if (now - part->quiet_since >= after)
      part->idle = true;
    else if (part->quiet_since + after < d->idle_check)
      d->idle_check = part->quiet_since + after;
  }
  d->ended = all && (d->parts > 0 || d->plan->bounded || task->job->args.bounded || task->job->plan->available_now);
  if (d->idle_check != INT64_MAX) task_timer(task, d->idle_check);
}

/* Whether its input really ends, and time with it. */
static bool source_is_bounded(const struct spate_task *task) {
  return task->source.plan->bounded || task->job->args.bounded;
}

/* The watermark as of now; *idle: nothing counts. */
static int64_t source_watermark(const struct spate_task *task, bool *idle) {
  const struct source_drive *d = &task->source;
  int64_t least = SPATE_TIME_MAX, greatest = SPATE_TIME_MIN;
  bool any = false, finished = true, bounded = source_is_bounded(task);
  for (uint32_t i = 0; i < d->parts; i++) {
    const struct source_part *part = &d->part[i];
    if (part->greatest > greatest) greatest = part->greatest;
    finished &= part->finished;
    /* what available_now leaves open stays open for the next run: there a partition at its bound still counts */
    if (part->idle || (part->finished && bounded)) continue;
    any = true;
    int64_t wm = part->greatest == SPATE_TIME_MIN ? SPATE_TIME_MIN : part->greatest - d->plan->delay_us;
    if (wm < least) least = wm;
  }
  *idle = !any && !(finished && d->ended);
  if (any) return least;
  if (finished && d->ended) return bounded ? SPATE_TIME_MAX : d->watermark;
  return task->stage->tasks == 1 ? greatest : d->watermark;
}

static int64_t source_greatest(const struct source_drive *d) {
  int64_t greatest = SPATE_TIME_MIN;
  for (uint32_t i = 0; i < d->parts; i++)
    if (d->part[i].greatest > greatest) greatest = d->part[i].greatest;
  return greatest;
}

/* True: pushed a message about time. */
bool source_time(struct spate_task *task) {
  struct source_drive *d = &task->source;
  bool idle;
  int64_t wm = source_watermark(task, &idle);
  struct op_msg m = {0};
  if (d->plan->time < 0 && wm != SPATE_TIME_MAX) wm = d->watermark;
  if (wm > d->watermark) {
    d->watermark = wm;
    atomic_store_explicit(&task->watermark_seen, wm, memory_order_relaxed);
    m = (struct op_msg){.kind = OP_WATERMARK, .value = wm};
  } else if (idle && !d->idle) {
    d->idle = true;
    m = (struct op_msg){.kind = OP_IDLE, .port = 1, .value = source_greatest(d)};
  } else {
    return false;
  }
  chain_push(&task->chain, &m);
  return true;
}
