/*
 * stdout: rows on standard output: as the codec wrote them, by a template, or as a table.
 *
 * What was asked for decides; where nothing was, a terminal gets a table and a pipe gets JSON (the plan supplies that
 * codec). Rows are written out before write() returns, as far as the other side takes them: a person is watching.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "output.h"
#include "table.h"

enum stdout_style { STYLE_AUTO, STYLE_TABLE, STYLE_ENCODED };
struct stdout_config {
  struct spate_template *format;
  int style;
};
struct stdout_sink {
  struct stdout_config config;
  struct spate_where where;
  struct spate_schema schema;
  char *head;
  uint32_t head_length;
};
struct stdout_writer {
  struct stdout_sink *sink;
  struct spate_task *task;
  struct output output;
  struct event *writable;
  struct table *table; /* NULL: the codec's bytes, or the template */
  bool head_written;
  uint64_t unnamed; /* rows that the template could not show */
};

static void stdout_close(void *sink) {
  struct stdout_sink *s = sink;
  free(s->head);
  free(s);
}

/* Metadata is written only when named. Where we are not told how many columns are the record's, the names at the end
 * tell. */
static uint32_t visible_columns(const struct spate_sink_args *args) {
  static const char *const METAS[] = {"_key",     "_topic", "_partition", "_offset", "_timestamp",
                                      "_headers", "_peer",  "_path",      "_line"};
  uint32_t n = args->schema->count;
  if (args->visible > 0) return args->visible;
  for (bool meta = true; meta && n > 1; n -= meta) {
    meta = false;
    for (size_t i = 0; i < sizeof METAS / sizeof *METAS; i++)
      meta |= strcmp(args->schema->fields[n - 1].name, METAS[i]) == 0;
  }
  return n;
}

static int stdout_open(const struct spate_sink_args *args, void **sink, struct spate_error *err) {
  struct stdout_sink *s = calloc(1, sizeof *s);
  if (s == NULL) return spate_fail(err, "out of memory");
  s->config = *(const struct stdout_config *)args->config;
  s->where = args->where;
  s->schema = *args->schema;
  s->schema.count = visible_columns(args);
  if (args->head != NULL && args->head_length > 0) {
    s->head = malloc(args->head_length);
    if (s->head == NULL) {
      stdout_close(s);
      return spate_fail(err, "out of memory");
    }
    memcpy(s->head, args->head, args->head_length);
    s->head_length = args->head_length;
  }
  *sink = s;
  return 0;
}

static void writer_writable(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  spate_task_wake(((struct stdout_writer *)own)->task);
}

static void stdout_writer_close(void *writer) {
  struct stdout_writer *w = writer;
  if (w->writable != NULL) event_free(w->writable);
  table_free(w->table);
  output_close(&w->output);
  free(w);
}

static int stdout_writer_open(void *sink, struct spate_task *task, uint32_t index, void **writer,
                              struct spate_error *err) {
  (void)index;
  struct stdout_writer *w = calloc(1, sizeof *w);
  if (w == NULL) return spate_fail(err, "out of memory");
  w->sink = sink;
  w->task = task;
  if (output_open(&w->output, err) != 0) {
    free(w);
    return -1;
  }
  const struct stdout_config *c = &w->sink->config;
  bool table = c->style == STYLE_TABLE || (c->style == STYLE_AUTO && w->output.terminal);
  if (c->format == NULL && table) {
    w->table = table_new(&w->sink->schema, w->output.terminal);
    if (w->table == NULL) {
      stdout_writer_close(w);
      return spate_fail(err, "out of memory");
    }
  }
  *writer = w;
  return 0;
}

/* What is pending goes out, as far as it can. */
static enum spate_result writer_flush(struct stdout_writer *w, struct spate_error *err) {
  switch (output_flush(&w->output)) {
    case OUTPUT_DONE: return SPATE_OK;
    case OUTPUT_AGAIN: break;
    case OUTPUT_GONE:
      spate_fail(err, "whoever read standard output has gone away");
      err->fatal = true;
      return SPATE_FAIL;
    default: spate_fail(err, "cannot write to standard output: %s", strerror(errno)); return SPATE_FAIL;
  }
  if (w->writable == NULL)
    w->writable = event_new(spate_task_base(w->task), w->output.fd, EV_WRITE, writer_writable, w);
  if (w->writable == NULL || event_add(w->writable, NULL) != 0) {
    spate_fail(err, "cannot wait for standard output");
    return SPATE_FAIL;
  }
  return SPATE_BLOCKED;
}

static int put_formatted(struct stdout_writer *w, const struct spate_batch *batch, struct spate_buffer *out) {
  const struct spate_template *format = w->sink->config.format;
  struct spate_buffer *line = w->output.terminal ? spate_buffer_new(256) : NULL;
  int bad = 0;
  uint64_t unnamed = w->unnamed;
  for (uint32_t k = 0; k < batch->count && bad == 0; k++) {
    struct spate_buffer *to = line != NULL ? line : out;
    size_t before = to->size;
    if (spate_template_render(format, batch, spate_batch_row(batch, k), to) != 0) {
      to->size = before;
      w->unnamed++;
      bad |= spate_buffer_append(to, "null", 4);
    }
    if (line != NULL) {
      bad |= table_clean(out, line->data, line->size);
      line->size = 0;
    }
    bad |= spate_buffer_append(out, "\n", 1);
  }
  spate_buffer_unref(line);
  if (unnamed == 0 && w->unnamed > 0)
    spate_log(&w->sink->where, SPATE_LOG_WARN, "a column of `format` is null: such rows are printed as null");
  return bad;
}

/* The codec's payloads: in one piece where nothing stands between them. */
static int put_payloads(const struct spate_payloads *p, struct spate_buffer *out) {
  int bad = 0;
  for (uint32_t i = 0; i < p->count; i++) {
    if (p->length[i] >= UINT32_MAX - 1) continue; /* null, or rejected by the codec */
    uint32_t from = p->start[i], to = from + p->length[i];
    while (i + 1 < p->count && p->length[i + 1] < UINT32_MAX - 1 && p->start[i + 1] == to + 1) {
      i++;
      to = p->start[i] + p->length[i];
    }
    bad |= spate_buffer_append(out, p->buffer->data + from, to - from);
    bad |= spate_buffer_append(out, "\n", 1);
  }
  return bad;
}

static int writer_put(struct stdout_writer *w, const struct spate_batch *batch, const struct spate_payloads *payloads) {
  struct spate_buffer *out = w->output.pending;
  if (w->sink->config.format != NULL) return put_formatted(w, batch, out);
  if (w->table == NULL && payloads == NULL) w->table = table_new(&w->sink->schema, w->output.terminal);
  if (w->table != NULL) return table_rows(w->table, batch, out);
  if (payloads == NULL) return -1;
  int bad = 0;
  if (!w->head_written && w->sink->head != NULL) bad = spate_buffer_append(out, w->sink->head, w->sink->head_length);
  w->head_written = true;
  return bad | put_payloads(payloads, out);
}

static enum spate_result stdout_write(void *writer, const struct spate_batch *batch,
                                      const struct spate_payloads *payloads, uint32_t *done, struct spate_error *err) {
  struct stdout_writer *w = writer;
  *done = 0;
  if (output_left(&w->output) > OUTPUT_BOUND) {
    enum spate_result result = writer_flush(w, err);
    if (result == SPATE_FAIL || output_left(&w->output) > OUTPUT_BOUND) return result;
  }
  if (writer_put(w, batch, payloads) != 0) {
    spate_fail(err, "out of memory");
    return SPATE_FAIL;
  }
  *done = batch->count;
  return writer_flush(w, err) == SPATE_FAIL ? SPATE_FAIL : SPATE_OK; /* what does not go now goes later */
}

static enum spate_result stdout_prepare(void *writer, uint64_t epoch, struct spate_error *err) {
  (void)epoch;
  return writer_flush(writer, err);
}

static const char *const STYLES[] = {"auto", "table", "encoded", NULL};
static const struct spate_option STDOUT_OPTIONS[] = {
    {.name = "format",
     .type = SPATE_OPT_TEMPLATE,
     .offset = offsetof(struct stdout_config, format),
     .help = "Text with {column} for each row, in the place of encode."},
    {.name = "style",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct stdout_config, style),
     .default_text = "auto",
     .choices = STYLES,
     .help = "auto: a table on a terminal, else the encoded records; table, encoded: always that."},
    {.name = NULL}};

const struct spate_sink_api spate_sink_stdout = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_sink_api),
    .name = "stdout",
    .help = "Standard output: a table on a terminal, encoded records in a pipe.",
    .flags = SPATE_SINGLE | SPATE_OPTIONAL_CODEC,
    .options = STDOUT_OPTIONS,
    .config_size = sizeof(struct stdout_config),
    .open = stdout_open,
    .close = stdout_close,
    .writer_open = stdout_writer_open,
    .write = stdout_write,
    .prepare = stdout_prepare,
    .writer_close = stdout_writer_close,
};
