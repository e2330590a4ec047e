/* drive: sources pulled and sinks written as the engine does it, with checks of what every connector owes. */
#include <unistd.h>

#include "../../daemon/base/mem.h"
#include "../../daemon/data/payloads.h"
#include "../../daemon/data/rejects.h"
#include "host.h"

/* ---- rows ---- */

void rows_add(struct rows *rows, const char *text, size_t size, uint32_t partition, int64_t position) {
  if (rows->count == rows->room) {
    rows->room = rows->room * 2 + 64;
    rows->text = mem_resize(rows->text, rows->room * sizeof *rows->text);
    rows->partition = mem_resize(rows->partition, rows->room * sizeof *rows->partition);
    rows->position = mem_resize(rows->position, rows->room * sizeof *rows->position);
  }
  char *copy = mem_alloc(size + 1);
  memcpy(copy, text, size);
  copy[size] = 0;
  rows->text[rows->count] = copy;
  rows->partition[rows->count] = partition;
  rows->position[rows->count++] = position;
}

void rows_free(struct rows *rows) {
  for (uint32_t i = 0; i < rows->count; i++) mem_free(rows->text[i]);
  mem_free(rows->text);
  mem_free(rows->partition);
  mem_free(rows->position);
  *rows = (struct rows){0};
}

/* ---- sources ---- */

struct spate_payloads last_payloads;

static struct spate_bytes place_of(const struct place *places, uint32_t count, const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(places[i].name, name) == 0) return (struct spate_bytes){places[i].bytes, places[i].size};
  return (struct spate_bytes){NULL, 0};
}

void reading_assign_new(struct reading *r, const struct place *places, uint32_t count) {
  struct spate_error err = {0};
  ck_assert_msg(r->api->partitions(r->source, &r->list, &r->count, &err) == 0, "%s", err.message);
  for (; r->assigned < r->count; r->assigned++)
    ck_assert_msg(r->api->assign(r->reader, r->assigned, place_of(places, count, r->list[r->assigned].name), &err) == 0,
                  "%s", err.message);
}

struct reading *reading_open(const struct spate_source_api *api, const char *yaml,
                             const struct reading_options *options, const struct place *places, uint32_t count) {
  struct reading *r = MEM_NEW(struct reading);
  struct spate_error err = {0};
  struct spate_source_args args = {.where = {.pipeline = "contract", .component = api->name},
                                   .bounded = options->bounded,
                                   .want_header = options->want_header,
                                   .quoted_lines = options->quoted,
                                   .metas = options->metas,
                                   .temporary = false,
                                   .readers = 1};
  args.config = options_fill(api->options, api->config_size, NULL, yaml, api->check, NULL);
  r->api = api;
  r->task = task_new();
  ck_assert_msg(api->open(&args, &r->source, &err) == 0, "open: %s", err.message);
  ck_assert_msg(api->reader_open(r->source, r->task, 0, &r->reader, &err) == 0, "reader_open: %s", err.message);
  reading_assign_new(r, places, count);
  return r;
}

/* What a source without codec gives: rows of its first column as text. */
static enum spate_result pull_batch(struct reading *r, uint32_t max, struct rows *rows, struct spate_error *err) {
  struct spate_batch *batch = NULL;
  uint32_t partition = UINT32_MAX;
  enum spate_result result = r->api->pull_batch(r->reader, max, &batch, &partition, err);
  if (result != SPATE_OK) return result;
  ck_assert_uint_le(batch->count, max);
  ck_assert_uint_lt(partition, r->count);
  for (uint32_t k = 0; k < batch->count; k++) {
    struct spate_buffer *text = spate_buffer_new(64);
    ck_assert_int_eq(spate_column_text(batch->column[0], spate_batch_row(batch, k), text), 0);
    rows_add(rows, text->data, text->size, partition, 0);
    spate_buffer_unref(text);
  }
  spate_batch_unref(batch);
  return result;
}

static void payloads_look(const struct reading *r, const struct spate_payloads *p, uint32_t max) {
  ck_assert_uint_le(p->count, max);
  ck_assert(p->count == 0 || p->buffer != NULL);
  for (uint32_t i = 0; i < p->count; i++) {
    ck_assert_uint_lt(p->partition[i], r->count);
    if (p->length[i] == UINT32_MAX) continue;
    ck_assert_uint_le(p->start[i] + (size_t)p->length[i], p->buffer->size);
    if (!p->lines) continue;
    /* "in order with one '\n' (or "\r\n") after each, nothing else between" */
    size_t end = p->start[i] + (size_t)p->length[i];
    size_t next = i + 1 < p->count ? p->start[i + 1] : end + 1;
    bool crlf = p->buffer->data[end] == '\r';
    ck_assert_int_eq(p->buffer->data[end + crlf], '\n');
    if (i + 1 < p->count) ck_assert_uint_eq(next, end + 1 + crlf);
  }
}

enum spate_result reading_pull(struct reading *r, uint32_t max, struct rows *rows) {
  struct spate_error err = {0};
  if (r->api->pull_batch != NULL) {
    enum spate_result result = pull_batch(r, max, rows, &err);
    ck_assert_msg(result != SPATE_FAIL, "%s", err.message);
    return result;
  }
  payloads_clear(&last_payloads);
  struct spate_payloads *p = &last_payloads;
  enum spate_result result = r->api->pull(r->reader, max, p, &err);
  ck_assert_msg(result != SPATE_FAIL, "%s", err.message);
  ck_assert(result == SPATE_OK || result == SPATE_IDLE || result == SPATE_END);
  if (result != SPATE_OK) {
    ck_assert_uint_eq(p->count, 0);
    return result;
  }
  payloads_look(r, p, max);
  for (uint32_t i = 0; i < p->count; i++)
    rows_add(rows, p->buffer->data + p->start[i], p->length[i] != UINT32_MAX ? p->length[i] : 0, p->partition[i],
             p->position[i]);
  return result;
}

bool reading_until(struct reading *r, uint32_t max, struct rows *rows, uint32_t least) {
  uint32_t target = rows->count + least;
  while (rows->count < target) {
    enum spate_result result = reading_pull(r, max, rows);
    if (result == SPATE_END) return true;
    if (result == SPATE_IDLE) task_wait(r->task);
    /* the loop goes on beside pulling, as a worker's does */
    event_base_loop(r->task->base, EVLOOP_NONBLOCK);
  }
  return false;
}

uint32_t reading_places(struct reading *r, struct place **places) {
  struct spate_error err = {0};
  *places = mem_zero(r->count + 1, sizeof **places);
  for (uint32_t i = 0; i < r->count; i++) {
    struct spate_buffer *out = spate_buffer_new(64);
    ck_assert_msg(r->api->position(r->reader, i, out, &err) == 0, "%s", err.message);
    ck_assert_uint_le(out->size, 4096);
    memcpy((*places)[i].name, r->list[i].name, sizeof(*places)[i].name);
    memcpy((*places)[i].bytes, out->data, out->size);
    (*places)[i].size = out->size;
    spate_buffer_unref(out);
  }
  return r->count;
}

void reading_close(struct reading **r) {
  payloads_clear(&last_payloads);
  (*r)->api->reader_close((*r)->reader);
  (*r)->api->close((*r)->source);
  task_free((*r)->task);
  mem_free(*r);
  *r = NULL;
}

/* ---- sinks ---- */

static const struct spate_field WRITTEN_FIELDS[] = {{.name = "id", .type = {.kind = SPATE_INT}},
                                                    {.name = "text", .type = {.kind = SPATE_STRING}},
                                                    {.name = "at", .type = {.kind = SPATE_TIMESTAMP}}};
const struct spate_schema WRITTEN_SCHEMA = {.fields = WRITTEN_FIELDS, .count = 3};

struct writing *writing_open(const struct spate_sink_api *api, const char *yaml, const struct writing_options *options,
                             struct spate_error *err) {
  struct writing *w = MEM_NEW(struct writing);
  struct spate_error own = {0};
  struct spate_sink_args args = {.where = {.pipeline = "contract", .component = api->name},
                                 .schema = &WRITTEN_SCHEMA,
                                 .temporary = options->temporary,
                                 .resumed = options->resumed,
                                 .writers = 1,
                                 .pipeline = "contract",
                                 .state_dir = options->state_dir,
                                 .head = options->head,
                                 .head_length = options->head != NULL ? (uint32_t)strlen(options->head) : 0};
  args.config = options_fill(api->options, api->config_size, &WRITTEN_SCHEMA, yaml, api->check, NULL);
  w->api = api;
  w->task = task_new();
  if (api->open(&args, &w->sink, err != NULL ? err : &own) != 0) {
    ck_assert_msg(err != NULL, "open: %s", own.message);
    task_free(w->task);
    mem_free(w);
    return NULL;
  }
  ck_assert_msg(api->writer_open(w->sink, w->task, 0, &w->writer, &own) == 0, "writer_open: %s", own.message);
  return w;
}

static const char *row_text(uint32_t i, uint32_t from, const char *const *text, char *room, size_t size) {
  if (text != NULL) return text[i - from];
  snprintf(room, size, "row %u", i);
  return room;
}

struct spate_batch *rows_batch(uint32_t from, uint32_t to, const char *const *text) {
  uint32_t n = to - from;
  char room[40];
  struct spate_column *column[3];
  for (int c = 0; c < 3; c++) column[c] = spate_column_new(WRITTEN_FIELDS[c].type, n, n * 16);
  for (uint32_t i = 0; i < n; i++) {
    const char *row = row_text(from + i, from, text, room, sizeof room);
    column[0]->i64[i] = from + i;
    column[2]->i64[i] = 1700000000000000 + (int64_t)(from + i) * 1000000;
    if (row == NULL)
      spate_column_set_null(column[1], i);
    else
      ck_assert_int_eq(spate_column_put(column[1], i, row, strlen(row)), 0);
  }
  spate_column_finish(column[1]);
  return spate_batch_new(n, 3, column, NULL);
}

struct spate_payloads *rows_payloads(uint32_t from, uint32_t to, const char *const *text) {
  struct spate_payloads *p = MEM_NEW(struct spate_payloads);
  char room[40];
  p->buffer = spate_buffer_new(1024);
  for (uint32_t i = from; i < to; i++) {
    const char *row = row_text(i, from, text, room, sizeof room);
    if (row == NULL) row = "null";
    p->start[p->count] = (uint32_t)p->buffer->size;
    p->length[p->count++] = (uint32_t)strlen(row);
    ck_assert_int_eq(spate_buffer_append(p->buffer, row, strlen(row)) | spate_buffer_append(p->buffer, "\n", 1), 0);
  }
  return p;
}

void payloads_free(struct spate_payloads **p) {
  payloads_clear(*p);
  mem_free(*p);
  *p = NULL;
}

enum spate_result writing_batch(struct writing *w, struct spate_batch *batch, struct spate_payloads *payloads,
                                bool wait) {
  struct spate_error err = {0};
  uint32_t done = 0;
  for (;;) {
    enum spate_result result = w->api->write(w->writer, batch, payloads, &done, &err);
    ck_assert_msg(result == SPATE_OK || result == SPATE_BLOCKED, "write: %s", err.message);
    if (result == SPATE_OK) ck_assert_uint_eq(done, batch->count);
    if (result == SPATE_OK || !wait) return result;
    task_wait(w->task);
  }
}

void writing_rows(struct writing *w, uint32_t from, uint32_t to) {
  struct spate_batch *batch = rows_batch(from, to, NULL);
  struct spate_payloads *payloads = w->api->flags & SPATE_NO_CODEC ? NULL : rows_payloads(from, to, NULL);
  writing_batch(w, batch, payloads, true);
  spate_batch_unref(batch);
  if (payloads != NULL) payloads_free(&payloads);
  event_base_loop(w->task->base, EVLOOP_NONBLOCK);
}

void writing_epoch(struct writing *w) {
  struct spate_error err = {0};
  enum spate_result result;
  w->epoch++;
  while ((result = w->api->prepare(w->writer, w->epoch, &err)) == SPATE_BLOCKED) task_wait(w->task);
  ck_assert_msg(result == SPATE_OK || result == SPATE_LATER, "prepare: %s", err.message);
  while (result == SPATE_LATER && atomic_load(&w->task->prepared) < w->epoch) {
    task_wait(w->task);
    ck_assert_msg(!atomic_load(&w->task->failed), "%s", w->task->failure);
  }
  if (w->api->commit != NULL) ck_assert_msg(w->api->commit(w->sink, w->epoch, &err) == 0, "commit: %s", err.message);
}

void writing_close(struct writing **w) {
  (*w)->api->writer_close((*w)->writer);
  (*w)->api->close((*w)->sink);
  task_free((*w)->task);
  mem_free(*w);
  *w = NULL;
}
