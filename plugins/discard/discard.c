/*
 * discard: takes every row and keeps none. For measuring, and for pipelines that are run for their dead letters or
 * counters alone. With `encode:` rows are encoded first, so that the cost of a codec can be seen.
 */
#include "spate.h"
#include <stdlib.h>

struct discard {
  struct spate_where where;
};

static int discard_open(const struct spate_sink_args *args, void **sink, struct spate_error *err) {
  struct discard *d = malloc(sizeof *d);
  if (d == NULL) return spate_fail(err, "out of memory");
  d->where = args->where;
  *sink = d;
  return 0;
}

static int discard_writer_open(void *sink, struct spate_task *task, uint32_t index, void **writer,
                               struct spate_error *err) {
  (void)task, (void)index, (void)err;
  *writer = sink;
  return 0;
}

static enum spate_result discard_write(void *writer, const struct spate_batch *batch,
                                       const struct spate_payloads *payloads, uint32_t *done, struct spate_error *err) {
  (void)writer, (void)payloads, (void)err;
  *done = batch->count;
  return SPATE_OK;
}

static enum spate_result discard_prepare(void *writer, uint64_t epoch, struct spate_error *err) {
  (void)writer, (void)epoch, (void)err;
  return SPATE_OK;
}

static void discard_writer_close(void *writer) { (void)writer; }

static const struct spate_option DISCARD_OPTIONS[] = {{.name = NULL}};

const struct spate_sink_api spate_sink_discard = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_sink_api),
    .name = "discard",
    .help = "Counts rows and drops them: for measuring.",
    .flags = SPATE_OPTIONAL_CODEC | SPATE_EXACTLY_ONCE,
    .options = DISCARD_OPTIONS,
    .open = discard_open,
    .close = free,
    .writer_open = discard_writer_open,
    .write = discard_write,
    .prepare = discard_prepare,
    .writer_close = discard_writer_close,
};
