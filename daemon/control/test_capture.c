/* capture: a sink that keeps every row it gets, for comparison. One writer, so that the order is that of arrival. */
#include "../base/mem.h"
#include "test.h"

void capture_init(struct capture *c, const char *name, const struct schema *schema) {
  *c = (struct capture){.name = name, .schema = schema};
  c->column = MEM_NEWS(struct column_builder, schema->all.count + 1);
  for (uint32_t i = 0; i < schema->all.count; i++) column_builder_init(&c->column[i], schema->all.fields[i].type, 16);
}

void capture_fini(struct capture *c) {
  for (uint32_t i = 0; c->column != NULL && i < c->schema->all.count; i++) column_builder_fini(&c->column[i]);
  mem_free(c->column);
  c->column = NULL;
}

static int capture_open(const struct spate_sink_args *args, void **sink, struct spate_error *err) {
  (void)err;
  *sink = (void *)(uintptr_t)args->config;
  return 0;
}

static int capture_writer_open(void *sink, struct spate_task *task, uint32_t index, void **writer,
                               struct spate_error *err) {
  (void)task, (void)index, (void)err;
  *writer = sink;
  return 0;
}

static enum spate_result capture_write(void *writer, const struct spate_batch *batch,
                                       const struct spate_payloads *payloads, uint32_t *done, struct spate_error *err) {
  struct capture *c = writer;
  (void)payloads, (void)err;
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    for (uint32_t i = 0; i < c->schema->all.count; i++) {
      if (i < batch->columns && batch->column[i] != NULL)
        column_builder_copy(&c->column[i], batch->column[i], row);
      else
        column_builder_null(&c->column[i]);
    }
  }
  c->rows += batch->count;
  *done = batch->count;
  return SPATE_OK;
}

static enum spate_result capture_prepare(void *writer, uint64_t epoch, struct spate_error *err) {
  (void)writer, (void)epoch, (void)err;
  return SPATE_OK;
}

static void capture_nothing(void *own) { (void)own; }

static const struct spate_option NONE[] = {{.name = NULL}};
const struct spate_sink_api TEST_CAPTURE = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_sink_api),
    .name = "capture",
    .help = "What a test expects is compared with.",
    .flags = SPATE_SINGLE | SPATE_OPTIONAL_CODEC | SPATE_EXACTLY_ONCE,
    .options = NONE,
    .open = capture_open,
    .close = capture_nothing,
    .writer_open = capture_writer_open,
    .write = capture_write,
    .prepare = capture_prepare,
    .writer_close = capture_nothing,
};
