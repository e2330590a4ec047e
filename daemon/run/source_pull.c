/*
 * source_pull: one block of payloads to one batch. Decodes the columns that the plan needs, sets event time, turns bad
 * records into dead letters, and moves each partition's greatest event time on: the watermark follows after the batch.
 */
#include "../base/clock.h"
#include "../base/mem.h"
#include "../data/payloads.h"
#include "internal.h"

/* ---- one block to one batch ---- */
static struct spate_batch *source_make_batch(struct spate_task *task, struct spate_origin *block) {
  struct source_drive *d = &task->source;
  const struct schema *schema = d->plan->schema;
  struct spate_column *column[schema->all.count + 1];
  memset(column, 0, sizeof column);
  for (uint32_t i = 0; i < d->wanted; i++) column[d->wanted_at[i]] = d->decoded[i];
  for (int m = 0; m < SPATE_METAS; m++)
    if (d->meta_at[m] >= 0) column[d->meta_at[m]] = spate_column_ref(block->payloads.meta[m]);
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
    if (r != SPATE_OK) { /* a ring or sink is full: the batch is the next thing to push; or it failed, and closing drops
                            it */
      task->held = m;
      return r == SPATE_FAIL ? r : SPATE_OK;
    }
  }
  if (good->count == 0)
    spate_batch_unref(good);
  else
    chain_push(chain, &m);
  return SPATE_OK;
}

/* What a connector hands over is checked once, where it is handed over. */
static int source_block_check(const struct source_drive *d, uint32_t max, struct spate_error *err) {
  const struct spate_payloads *p = &d->block->payloads;
  bool good = p->count <= max && p->buffer != NULL;
  for (uint32_t i = 0; good && i < p->count; i++)
    good = p->partition[i] < d->part_of_room && d->part_of[p->partition[i]] < d->parts;
  if (good) return 0;
  return spate_fail(err,
                    "source '%s' (%s) gave payloads that it could not give: more than were asked for, or of a "
                    "partition that is not this task's",
                    d->plan->name, d->plan->api->name);
}

enum spate_result source_pull(struct spate_task *task) {
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
    if (partition >= d->part_of_room || batch->rows > max) {
      spate_batch_unref(batch);
      spate_fail(err, "source '%s' (%s) gave a batch that it could not give: %s", d->plan->name, d->plan->api->name,
                 "more rows than were asked for, or of a partition that is not this task's");
      return SPATE_FAIL;
    }
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
  if (source_block_check(d, max, err) != 0) return SPATE_FAIL;
  if (source_decode(task, &batch) != 0) return SPATE_FAIL;
  return source_push(task, batch, batch->origin->payloads.partition, 0);
}
