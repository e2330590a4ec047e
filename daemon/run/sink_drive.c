/*
 * sink_drive: the end of a chain. Encodes a batch once, hands it to the sink's writer until all of it is taken, and
 * lets it prepare at a barrier. Rows that cannot be encoded become dead letters, and the others go out.
 */
#include "../base/mem.h"
#include "../data/payloads.h"
#include "internal.h"

struct sink_drive {
  const struct plan_sink *plan;
  void *writer, *encoder;
  struct spate_payloads payloads;
  struct spate_batch *batch; /* being written: without rejected rows */
  uint32_t done;
  bool encoded;
};

int sink_node_open(struct chain *chain, struct chain_node *node, void *sink, struct spate_error *err) {
  struct sink_drive *d = MEM_NEW(struct sink_drive);
  struct spate_task *task = chain->task;
  node->state = d;
  d->plan =
      &task->job->plan->sink[node->plan != NULL ? node->plan->index : (uint32_t)task->job->plan->dead_letter_sink];
  if (d->plan->codec.api != NULL) {
    struct spate_schema *visible = arena_alloc(task->arena, sizeof *visible);
    *visible = (struct spate_schema){d->plan->schema->all.fields, d->plan->schema->visible};
    if (d->plan->codec.api->encoder_new(d->plan->codec.config, visible, &d->encoder, err) != 0) return -1;
  }
  return d->plan->api->writer_open(sink, task, task->index, &d->writer, err);
}

void sink_node_close(struct chain_node *node) {
  struct sink_drive *d = node->state;
  if (d == NULL) return;
  if (d->writer != NULL) d->plan->api->writer_close(d->writer);
  if (d->encoder != NULL) d->plan->codec.api->encoder_free(d->encoder);
  payloads_clear(&d->payloads);
  spate_batch_unref(d->batch);
  mem_free(d);
  node->state = NULL;
}

static enum spate_result sink_encode(struct chain *chain, struct chain_node *node) {
  struct sink_drive *d = node->state;
  struct spate_batch *batch = node->in.batch;
  if (d->encoder == NULL) {
    d->batch = spate_batch_ref(batch);
    return SPATE_OK;
  }
  /* A sink may keep a reference to the buffer for as long as it likes: then the next batch gets another. */
  if (d->payloads.buffer != NULL && __atomic_load_n(&d->payloads.buffer->refs, __ATOMIC_ACQUIRE) > 1)
    payloads_clear(&d->payloads);
  if (d->payloads.buffer == NULL) d->payloads.buffer = spate_buffer_new(65536);
  d->payloads.buffer->size = 0;
  d->payloads.count = 0;
  d->payloads.lines = true;
  if (d->plan->codec.api->encode(d->encoder, batch, &d->payloads, &chain->rejects, &chain->error) != 0)
    return SPATE_FAIL;
  if (chain->rejects.count == 0) {
    d->batch = spate_batch_ref(batch);
    return SPATE_OK;
  }
  uint16_t rows[SPATE_BATCH_ROWS];
  uint32_t n = 0;
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    if (chain->rejects.bad[row]) continue;
    d->payloads.start[n] = d->payloads.start[k];
    d->payloads.length[n] = d->payloads.length[k];
    rows[n++] = (uint16_t)row;
  }
  d->payloads.count = n;
  d->payloads.lines = false;
  d->batch = batch_select(batch, rows, n);
  return chain_rejected(chain, node, batch);
}

static enum spate_result sink_write(struct chain *chain, struct chain_node *node) {
  struct sink_drive *d = node->state;
  if (!d->encoded) {
    enum spate_result r = sink_encode(chain, node);
    if (r != SPATE_OK) return r;
    d->encoded = true;
    d->done = 0;
    if (chain->top > (uint32_t)(node - chain->node)) return SPATE_MORE; /* dead letters first: they may block too */
  }
  if (d->batch->count > 0) {
    enum spate_result r =
        d->plan->api->write(d->writer, d->batch, d->encoder != NULL ? &d->payloads : NULL, &d->done, &chain->error);
    if (r != SPATE_OK) return r;
    task_count(&chain->task->out_rows, d->batch->count);
  }
  spate_batch_unref(d->batch);
  d->batch = NULL;
  d->encoded = false;
  return SPATE_OK;
}

enum spate_result sink_node_step(struct chain *chain, struct chain_node *node) {
  struct sink_drive *d = node->state;
  if (node->in.kind == OP_BATCH) return sink_write(chain, node);
  if (node->in.kind != OP_BARRIER) return SPATE_OK;
  enum spate_result r = d->plan->api->prepare(d->writer, (uint64_t)node->in.value, &chain->error);
  if (r != SPATE_LATER) return r;
  if (chain->task->report != NULL) chain->task->report->later++;
  return SPATE_OK;
}
