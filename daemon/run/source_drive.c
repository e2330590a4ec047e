/*
 * source_drive: the beginning of a chain. Pulls a block of payloads, decodes the columns that the plan needs, sets
 * event time, and moves the watermark after the batch, never within it.
 *
 * Watermark of a partition: the greatest event time seen less the delay. Of the task: the least over its partitions
 * that are neither idle nor finished. A partition is idle when it has been read to its end and nothing came for `idle`.
 */
#include "../base/clock.h"
#include "../base/mem.h"
#include "../data/payloads.h"
#include "internal.h"

static const char *const META_NAMES[SPATE_METAS] = {"_key",     "_topic", "_partition", "_offset", "_timestamp",
                                                    "_headers", "_peer",  "_path",      "_line"};

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
    d->part_of_room = partition + 16;
  }
  struct source_part *part = &d->part[d->parts];
  *part = (struct source_part){.index = partition, .greatest = greatest};
  snprintf(part->name, sizeof part->name, "%s", name);
  d->part_of[partition] = d->parts++;
  d->ended = false;
  return d->plan->api->assign(d->reader, partition, position, err);
}

/* ---- one block to one batch ---- */
static struct spate_batch *source_make_batch(struct spate_task *task, struct spate_origin *block) {
  struct source_drive *d = &task->source;
  const struct schema *schema = d->plan->schema;
  struct spate_column *column[schema->all.count + 1];
  memset(column, 0, sizeof column);
  for (uint32_t i = 0; i < d->wanted; i++) column[d->wanted_at[i]] = d->decoded[i];
  for (uint32_t i = schema->visible; i < schema->all.count; i++)
    for (int m = 0; m < SPATE_METAS; m++)
      if (strcmp(schema->all.fields[i].name, META_NAMES[m]) == 0) column[i] = spate_column_ref(block->payloads.meta[m]);
  struct spate_column *time = d->plan->time >= 0 ? spate_column_ref(column[d->plan->time]) : NULL;
  struct spate_batch *batch = spate_batch_new(block->payloads.count, schema->all.count, column, time);
  batch->origin = block;
  return batch;
}

static int source_decode(struct spate_task *task, struct spate_batch **out) {
  struct source_drive *d = &task->source;
  struct spate_origin *block = d->block;
  d->block = NULL;
  memset(d->decoded, 0, d->wanted * sizeof *d->decoded);
  block->refs = 1;
  block->source = d->plan->name;
  if (d->plan->codec.api->decode(d->decoder, &block->payloads, d->decoded, &task->chain.rejects, &task->chain.error) !=
      0) {
    origin_unref(block);
    return -1;
  }
  *out = source_make_batch(task, block);
  return 0;
}

/* Event times of a batch: a null one is a bad record; the greatest of each partition moves on. */
static void source_times(struct spate_task *task, const struct spate_batch *batch, const uint32_t *partition,
                         uint32_t same) {
  struct source_drive *d = &task->source;
  const struct spate_column *time = batch->time;
  if (time == NULL) return;
  struct spate_rejects *rejects = &task->chain.rejects;
  int64_t future = d->plan->max_future_us >= 0 ? clock_now() + d->plan->max_future_us : INT64_MAX;
  uint64_t beyond = 0;
  for (uint32_t row = 0; row < batch->rows; row++) {
    if (rejects->count > 0 && rejects->bad[row]) continue;
    if (spate_column_null(time, row)) {
      spate_reject(rejects, row, "no event time: '%s' is null", d->plan->schema->all.fields[d->plan->time].name);
      continue;
    }
    struct source_part *part = &d->part[d->part_of[partition != NULL ? partition[row] : same]];
    if (time->i64[row] > future)
      beyond++;
    else if (time->i64[row] > part->greatest)
      part->greatest = time->i64[row];
  }
  if (beyond > 0) {
    task_count(&task->future, beyond);
    spate_log(&task->where, SPATE_LOG_WARN,
              "%llu records lie further in the future than max_future; the watermark does not follow them",
              (unsigned long long)beyond);
  }
}

static void source_active(struct source_drive *d, const uint32_t *partition, uint32_t rows, uint32_t same) {
  uint32_t last = UINT32_MAX;
  for (uint32_t row = 0; row < rows; row++) {
    uint32_t p = partition != NULL ? partition[row] : same;
    if (p == last) continue;
    last = p;
    struct source_part *part = &d->part[d->part_of[p]];
    part->idle = false;
    part->quiet_since = 0;
    if (partition == NULL) return;
  }
}

static enum spate_result source_push(struct spate_task *task, struct spate_batch *batch, const uint32_t *partition,
                                     uint32_t same) {
  struct source_drive *d = &task->source;
  struct chain *chain = &task->chain;
  source_active(d, partition, batch->rows, same);
  source_times(task, batch, partition, same);
  task_count(&task->in, batch->count);
  d->admitted += batch->count;
  d->pulled = true;
  struct spate_batch *good = batch;
  if (chain->rejects.count > 0) {
    uint16_t rows[SPATE_BATCH_ROWS];
    good = batch_select(batch, rows, rejects_remaining(&chain->rejects, batch, rows));
    enum spate_result r = chain_rejected(chain, &chain->node[0], batch);
    spate_batch_unref(batch);
    if (r == SPATE_FAIL) {
      spate_batch_unref(good);
      return r;
    }
  }
  struct op_msg m = {.kind = OP_BATCH, .batch = good};
  if (d->idle) { /* time counts again before the records that say so */
    d->idle = false;
    struct op_msg active = {.kind = OP_IDLE};
    chain_push(chain, &active);
    enum spate_result r = chain_run(chain);
    if (r == SPATE_FAIL) return r;
    while (r == SPATE_BLOCKED) { /* a ring or sink is full: keep the batch as the next thing to push */
      task->held = m;
      return SPATE_OK;
    }
  }
  if (good->count == 0)
    spate_batch_unref(good);
  else
    chain_push(chain, &m);
  return SPATE_OK;
}

static enum spate_result source_pull(struct spate_task *task) {
  struct source_drive *d = &task->source;
  struct job *job = task->job;
  uint32_t max = job->args.batch_rows > 0 ? job->args.batch_rows : SPATE_BATCH_ROWS;
  const struct plan *plan = job->plan;
  if (plan->mode == PLAN_MICRO_BATCH && plan->max_records > 0) {
    uint64_t share = ((uint64_t)plan->max_records + task->stage->tasks - 1) / task->stage->tasks;
    if (d->admitted >= share) return SPATE_END;
    if (share - d->admitted < max) max = (uint32_t)(share - d->admitted);
  }
  struct spate_error *err = &task->chain.error;
  struct spate_batch *batch = NULL;
  enum spate_result r;
  if (d->plan->api->pull_batch != NULL) {
    uint32_t partition = 0;
    r = d->plan->api->pull_batch(d->reader, max, &batch, &partition, err);
    if (r != SPATE_OK || batch == NULL) return r;
    if (d->plan->time >= 0 && batch->time == NULL) batch->time = spate_column_ref(batch->column[d->plan->time]);
    return source_push(task, batch, NULL, partition);
  }
  if (d->block == NULL) d->block = mem_alloc(sizeof *d->block), memset(d->block, 0, sizeof *d->block);
  d->block->refs = 1;
  r = d->plan->api->pull(d->reader, max, &d->block->payloads, err);
  if (r != SPATE_OK || d->block->payloads.count == 0) {
    if (r != SPATE_FAIL) payloads_clear(&d->block->payloads);
    return r;
  }
  if (source_decode(task, &batch) != 0) return SPATE_FAIL;
  return source_push(task, batch, batch->origin->payloads.partition, 0);
}

/* ---- time ---- */
static int64_t source_idle_after(const struct source_drive *d, const struct job *job, uint32_t source) {
  if (d->plan->bounded || job->args.bounded || d->plan->idle_us == 0) return INT64_MAX;
  if (d->plan->idle_us > 0) return d->plan->idle_us;
  return atomic_load_explicit(&job->source[source].assigned, memory_order_relaxed) > 1 ? 30 * US_S : INT64_MAX;
}

/* Looks at every partition's state: finished, and idle. */
static void source_states(struct spate_task *task) {
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
static bool source_time(struct spate_task *task) {
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
