/*
 * dead_drive: bad records as letters. A letter says when, where (source, partition, position; or the step), why, and
 * holds the payload as it came in, or the row as JSON. Letters go to the sink that `dead_letter:` names, or as JSON
 * lines to the pipeline's own file: tasks append whole lines, the scribe syncs them before the epoch's file is written.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "../data/dead_letter.h"
#include "../data/payloads.h"
#include "../data/text.h"
#include "internal.h"

struct letters {
  struct column_builder column[DEAD_COLUMNS];
  int64_t now;
};

static void letters_init(struct letters *l, const struct schema *schema) {
  l->now = clock_now();
  for (uint32_t i = 0; i < DEAD_COLUMNS; i++) column_builder_init(&l->column[i], schema->all.fields[i].type, 16);
}

static void letters_text(struct letters *l, uint32_t column, const char *text) {
  if (text != NULL)
    column_builder_bytes(&l->column[column], text, strlen(text));
  else
    column_builder_null(&l->column[column]);
}

static struct spate_batch *letters_take(struct letters *l) {
  struct spate_column *column[DEAD_COLUMNS];
  uint32_t rows = l->column[0].count;
  for (uint32_t i = 0; i < DEAD_COLUMNS; i++) {
    column[i] = column_builder_take(&l->column[i]);
    column_builder_fini(&l->column[i]);
  }
  return spate_batch_new(rows, DEAD_COLUMNS, column, spate_column_ref(column[DEAD_TIME]));
}

/* A payload is bytes; a letter is text: what is no UTF-8 is written as its Latin-1 reading, so that nothing is lost. */
static void letters_payload(struct letters *l, const char *bytes, uint32_t size) {
  if (text_utf8(bytes, size)) {
    column_builder_bytes(&l->column[DEAD_PAYLOAD], bytes, size);
    return;
  }
  struct buf text = {0};
  for (uint32_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c >= 0x80) buf_u8(&text, (uint8_t)(0xc0 | (c >> 6)));
    buf_u8(&text, (uint8_t)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
  }
  column_builder_bytes(&l->column[DEAD_PAYLOAD], text.data, text.size);
  buf_free(&text);
}

/* The row as JSON, by the codec itself; a row that even JSON cannot hold has no payload. */
static void letters_row(struct letters *l, const struct spate_batch *batch, uint32_t row, const struct schema *schema) {
  struct spate_field *field = mem_zero(schema->all.count + 1, sizeof *field);
  struct spate_column **column = mem_zero(schema->all.count + 1, sizeof *column);
  struct spate_schema some = {field, 0};
  uint16_t at = (uint16_t)row;
  for (uint32_t i = 0; i < schema->all.count && i < batch->columns; i++) {
    if (batch->column[i] == NULL) continue;
    field[some.count] = schema->all.fields[i];
    column[some.count++] = column_gather(batch->column[i], &at, 1);
  }
  const struct spate_codec_api *json = registry_codec("json");
  struct spate_batch *one = spate_batch_new(1, some.count, column, NULL);
  struct spate_payloads *out = mem_zero(1, sizeof *out);
  struct spate_rejects *rejects = mem_zero(1, sizeof *rejects);
  struct spate_error err = {0};
  void *encoder = NULL;
  void *config = mem_zero(1, json->config_size + 16);
  out->buffer = spate_buffer_new(256);
  if (json->encoder_new(config, &some, &encoder, &err) == 0 && json->encode(encoder, one, out, rejects, &err) == 0 &&
      out->count == 1 && rejects->count == 0)
    column_builder_bytes(&l->column[DEAD_PAYLOAD], out->buffer->data + out->start[0], out->length[0]);
  else
    column_builder_null(&l->column[DEAD_PAYLOAD]);
  if (encoder != NULL) json->encoder_free(encoder);
  payloads_clear(out);
  rejects_fini(rejects);
  spate_batch_unref(one);
  mem_free(config);
  mem_free(rejects);
  mem_free(out);
  mem_free(column);
  mem_free(field);
}

static void letters_add(struct letters *l, struct chain *chain, const struct chain_node *node,
                        const struct spate_batch *batch, uint32_t row, const struct schema *schema,
                        const char *reason) {
  const struct spate_origin *o = batch->origin;
  column_builder_i64(&l->column[DEAD_TIME], l->now);
  letters_text(l, DEAD_PIPELINE, chain->task->job->plan->name);
  letters_text(l, DEAD_STEP, node->name);
  letters_text(l, DEAD_REASON, reason);
  letters_text(l, DEAD_SOURCE, o != NULL ? o->source : NULL);
  const struct source_drive *source = &chain->task->source; /* an origin never leaves its source's task */
  letters_text(l, DEAD_PARTITION, o != NULL ? source->part[source->part_of[o->payloads.partition[row]]].name : NULL);
  if (o == NULL) {
    column_builder_null(&l->column[DEAD_POSITION]);
    letters_row(l, batch, row, schema);
    return;
  }
  column_builder_i64(&l->column[DEAD_POSITION], o->payloads.position[row]);
  if (o->payloads.length[row] == UINT32_MAX)
    column_builder_null(&l->column[DEAD_PAYLOAD]);
  else
    letters_payload(l, o->payloads.buffer->data + o->payloads.start[row], o->payloads.length[row]);
}

struct spate_batch *dead_letters_make(struct chain *chain, const struct chain_node *node,
                                      const struct spate_batch *batch, const struct spate_rejects *rejects) {
  struct letters l;
  letters_init(&l, chain->task->job->dead_schema);
  for (uint32_t i = 0; i < rejects->count; i++)
    letters_add(&l, chain, node, batch, rejects->item[i].row, node->input, rejects_reason(rejects, i));
  return letters_take(&l);
}

struct spate_batch *dead_letter_row(struct chain *chain, const struct chain_node *node, const struct spate_batch *batch,
                                    uint32_t row, const struct schema *schema, const char *reason) {
  struct letters l;
  letters_init(&l, chain->task->job->dead_schema);
  letters_add(&l, chain, node, batch, row, schema, reason);
  return letters_take(&l);
}

const char *dead_origin(const struct chain *chain, const struct spate_batch *batch, uint32_t row, char *out,
                        size_t room) {
  const struct spate_origin *o = batch->origin;
  const struct source_drive *source = &chain->task->source;
  out[0] = 0;
  if (o != NULL)
    snprintf(out, room, "%s, %lld: ", source->part[source->part_of[o->payloads.partition[row]]].name,
             (long long)o->payloads.position[row]);
  return out;
}

/* ---- the default file ---- */
struct dead_drive {
  struct buf line; /* encoded, not yet written */
};

static int dead_encode(struct chain *chain, struct dead_drive *d, const struct spate_batch *batch) {
  const struct spate_codec_api *json = registry_codec("json");
  const struct schema *schema = chain->task->job->dead_schema;
  void *config = mem_zero(1, json->config_size + 16);
  struct spate_payloads *out = mem_zero(1, sizeof *out);
  struct spate_rejects *rejects = mem_zero(1, sizeof *rejects);
  void *encoder = NULL;
  out->buffer = spate_buffer_new(4096);
  int r = json->encoder_new(config, &schema->all, &encoder, &chain->error);
  if (r == 0) r = json->encode(encoder, batch, out, rejects, &chain->error);
  for (uint32_t k = 0; r == 0 && k < out->count; k++) {
    if (out->length[k] >= UINT32_MAX - 1) continue;
    buf_put(&d->line, out->buffer->data + out->start[k], out->length[k]);
    buf_u8(&d->line, '\n');
  }
  if (encoder != NULL) json->encoder_free(encoder);
  payloads_clear(out);
  rejects_fini(rejects);
  mem_free(rejects);
  mem_free(out);
  mem_free(config);
  return r;
}

/* Ordinary writes of files are allowed on a worker. A full disk holds the pipeline back until there is room. */
static enum spate_result dead_flush(struct chain *chain, struct dead_drive *d) {
  struct spate_task *task = chain->task;
  while (d->line.size > 0) {
    ssize_t n = write(task->job->dead_fd, d->line.data, d->line.size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == ENOSPC || errno == EDQUOT)) {
      spate_log(&task->job->where, SPATE_LOG_ERROR, "dead letters: the disk is full; held back until there is room");
      task_timer(task, clock_now() + US_S);
      return SPATE_BLOCKED;
    }
    if (n < 0) {
      spate_fail_environment(&chain->error, "dead letters: cannot write '%s': %s", task->job->args.dead_path,
                             strerror(errno));
      return SPATE_FAIL;
    }
    memmove(d->line.data, d->line.data + n, d->line.size - (size_t)n);
    d->line.size -= (size_t)n;
    atomic_fetch_add(&task->job->dead_written, 1);
  }
  return SPATE_OK;
}

enum spate_result dead_node_step(struct chain *chain, struct chain_node *node) {
  struct dead_drive *d = node->state;
  if (d == NULL) node->state = d = MEM_NEW(struct dead_drive);
  if (chain->task->job->dead_fd < 0) return SPATE_OK;
  if (d->line.size > (1u << 20) || node->in.kind == OP_BARRIER) {
    enum spate_result r = dead_flush(chain, d);
    if (r != SPATE_OK) return r;
  }
  if (node->in.kind == OP_BATCH && dead_encode(chain, d, node->in.batch) != 0) return SPATE_FAIL;
  return SPATE_OK;
}

void dead_node_close(struct chain_node *node) {
  struct dead_drive *d = node->state;
  if (d == NULL) return;
  buf_free(&d->line);
  mem_free(d);
  node->state = NULL;
}
