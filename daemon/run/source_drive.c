/*
 * source_drive: the beginning of a chain. Opens the reader and its decoder, takes partitions, and decides what comes
 * next: records (source_pull.c), time (source_time.c), or a barrier with the positions. In record mode barriers pass
 * among the records; a micro-batch lets in what is there, moves time, and closes.
 */
#include "../base/clock.h"
#include "../base/mem.h"
#include "../data/payloads.h"
#include "internal.h"

static int source_decoder_open(struct spate_task *task, struct spate_error *err) {
  struct source_drive *d = &task->source;
  const struct plan_source *p = d->plan;
  const struct schema *schema = p->schema;
  struct spate_field *wanted = ARENA_NEWS(task->arena, struct spate_field, schema->visible + 1);
  d->wanted_at = mem_zero(schema->visible + 1, sizeof(uint32_t));
  for (uint32_t i = 0; i < schema->visible; i++) {
    if (!p->used[i] && (int32_t)i != p->time) continue;
    wanted[d->wanted] = schema->all.fields[i];
    d->wanted_at[d->wanted++] = i;
  }
  for (int m = 0; m < SPATE_METAS; m++) {
    d->meta_at[m] = -1;
    for (uint32_t i = schema->visible; i < schema->all.count; i++)
      if (strcmp(schema->all.fields[i].name, plan_meta_name((enum spate_meta)m)) == 0) d->meta_at[m] = (int32_t)i;
  }
  d->decoded = mem_zero(schema->visible + 1, sizeof(struct spate_column *));
  if (p->codec.api == NULL) return 0;
  struct spate_schema some = {wanted, d->wanted}, known = {schema->all.fields, schema->visible};
  return p->codec.api->decoder_new(p->codec.config, &some, &known, &d->decoder, err);
}

int source_open(struct spate_task *task, struct spate_error *err) {
  struct source_drive *d = &task->source;
  d->plan = &task->job->plan->source[task->stage->source];
  d->source = task->job->source[task->stage->source].source;
  d->watermark = SPATE_TIME_MIN;
  d->idle_check = INT64_MAX;
  d->idle = task->index >= task->job->source[task->stage->source].count;
  d->admitting = task->job->plan->mode == PLAN_RECORD;
  if (source_decoder_open(task, err) != 0) return -1;
  return d->plan->api->reader_open(d->source, task, task->index, &d->reader, err);
}

void source_close(struct spate_task *task) {
  struct source_drive *d = &task->source;
  if (d->reader != NULL) d->plan->api->reader_close(d->reader);
  if (d->decoder != NULL) d->plan->codec.api->decoder_free(d->decoder);
  origin_unref(d->block);
  mem_free(d->wanted_at);
  mem_free(d->decoded);
  mem_free(d->part);
  mem_free(d->part_of);
  *d = (struct source_drive){0};
}

int source_assign(struct spate_task *task, uint32_t partition, const char *name, struct spate_bytes position,
                  int64_t greatest, struct spate_error *err) {
  struct source_drive *d = &task->source;
  if (d->parts == d->parts_room) {
    d->parts_room = d->parts_room * 2 + 4;
    d->part = mem_resize(d->part, d->parts_room * sizeof *d->part);
  }
  if (partition >= d->part_of_room) {
    d->part_of = mem_resize(d->part_of, (partition + 16) * sizeof(uint32_t));
    for (uint32_t i = d->part_of_room; i < partition + 16; i++) d->part_of[i] = UINT32_MAX;
    d->part_of_room = partition + 16;
  }
  struct source_part *part = &d->part[d->parts];
  *part = (struct source_part){.index = partition, .greatest = greatest};
  snprintf(part->name, sizeof part->name, "%s", name);
  d->part_of[partition] = d->parts++;
  d->ended = false;
  return d->plan->api->assign(d->reader, partition, position, err);
}

/* ---- barriers ---- */
static int source_positions(struct spate_task *task, struct buf *out, struct spate_error *err) {
  struct source_drive *d = &task->source;
  struct spate_buffer *position = spate_buffer_new(256);
  int r = 0;
  for (uint32_t i = 0; i < d->parts && r == 0; i++) {
    position->size = 0;
    r = d->plan->api->position(d->reader, d->part[i].index, position, err);
    if (r == 0)
      snapshot_put_position(out, d->plan->name, d->part[i].name, d->part[i].greatest,
                            (struct spate_bytes){position->data, position->size});
  }
  spate_buffer_unref(position);
  return r;
}

static enum spate_result source_barrier(struct spate_task *task) {
  struct source_drive *d = &task->source;
  uint64_t epoch = d->barrier;
  d->barrier = 0;
  task->report = task_report_new(task, epoch);
  task->report->changed = d->pulled;
  task->report->ended = d->ended;
  d->pulled = false;
  if (source_positions(task, &task->report->state, &task->chain.error) != 0) return SPATE_FAIL;
  if (task->job->plan->mode == PLAN_MICRO_BATCH) d->admitting = false;
  struct op_msg m = {.kind = OP_BARRIER, .value = (int64_t)epoch};
  chain_push(&task->chain, &m);
  return SPATE_OK;
}

/* Whether the micro-batch holds what is there. */
static bool source_admitted(struct source_drive *d, enum spate_result pulled) {
  if (pulled == SPATE_END || d->ended) return true;
  if (pulled != SPATE_IDLE) return false;
  if (clock_now() >= d->admit_until) return true;
  for (uint32_t i = 0; i < d->parts; i++)
    if (!d->part[i].finished && d->plan->api->state(d->reader, d->part[i].index) == SPATE_PART_READING) return false;
  return true;
}

static void source_request(struct spate_task *task) {
  struct source_drive *d = &task->source;
  uint64_t asked = atomic_exchange(&task->barrier_request, 0);
  if (asked == 0) return;
  d->barrier = asked & ~EPOCH_CLOSE_ONLY;
  d->admitted = 0;
  d->admit_until = clock_now() + task->job->plan->trigger_us;
  if (task->job->plan->mode == PLAN_MICRO_BATCH) d->admitting = true;
  if (asked & EPOCH_CLOSE_ONLY) d->admitting = false, d->closing = true;
}

/* One thing at a time: a pushed message, then the chain runs, then again. */
enum spate_result source_step(struct spate_task *task, struct spate_error *err) {
  (void)err;
  struct source_drive *d = &task->source;
  bool record = task->job->plan->mode == PLAN_RECORD;
  if (task->held.kind != OP_NONE) {
    struct op_msg m = task->held;
    task->held.kind = OP_NONE;
    chain_push(&task->chain, &m);
    return SPATE_OK;
  }
  source_request(task);
  if (record) {
    if (source_time(task)) return SPATE_OK;
    if (d->barrier != 0) return source_barrier(task);
  }
  if (d->closing && d->barrier == 0) return SPATE_IDLE;
  if (!d->admitting) {
    if (d->barrier == 0) return SPATE_IDLE;
    if (source_time(task)) return SPATE_OK; /* micro-batch: time moves at its end */
    return source_barrier(task);
  }
  enum spate_result r = d->ended ? SPATE_IDLE : source_pull(task);
  if (r == SPATE_FAIL) return r;
  if ((r == SPATE_OK || r == SPATE_MORE) && ++d->since_states % 16 != 0)
    return SPATE_OK; /* a busy reader looks now and then */
  bool before = d->ended;
  source_states(task);
  if (d->ended && !before) {
    struct job_note *note = MEM_NEW(struct job_note);
    note->kind = NOTE_ENDED;
    note->task = task;
    job_post(task->job, note);
  }
  if (r == SPATE_OK || r == SPATE_MORE) return SPATE_OK;
  if (record) return source_time(task) ? SPATE_OK : SPATE_IDLE;
  if (!source_admitted(d, r)) {
    task_timer(task, d->admit_until);
    return SPATE_IDLE;
  }
  d->admitting = false;
  return SPATE_OK;
}
