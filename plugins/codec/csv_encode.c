/*
 * csv_encode: rows as lines of fields. A field is quoted where it must be (it holds the delimiter, a quote or a line's
 * end), and where null and the empty string would else look alike: null is nothing, the empty string is "".
 */
#include <stdlib.h>

#include "csv.h"

struct csv_encoder {
  char delimiter;
  uint32_t columns;
  bool header;
  struct spate_buffer *head;
};

/* Whether text[0..size) must be quoted. */
static bool must_quote(char delimiter, const char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (text[i] == delimiter || text[i] == '"' || text[i] == '\n' || text[i] == '\r') return true;
  return size == 0;
}

static int put_quoted(struct spate_buffer *out, const char *text, size_t size) {
  if (spate_buffer_reserve(out, size * 2 + 2) != 0) return -1;
  char *at = out->data + out->size;
  *at++ = '"';
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '"') *at++ = '"';
    *at++ = text[i];
  }
  *at++ = '"';
  out->size = (size_t)(at - out->data);
  return 0;
}

static int put_text(const struct csv_encoder *e, struct spate_buffer *out, const char *text, size_t size) {
  if (must_quote(e->delimiter, text, size)) return put_quoted(out, text, size);
  return spate_buffer_append(out, text, size);
}

static int put_field(const struct csv_encoder *e, const struct spate_column *c, uint32_t row,
                     struct spate_buffer *out) {
  if (spate_column_null(c, row)) return 0;
  if (c->type.kind == SPATE_STRING || c->type.kind == SPATE_BYTES) {
    uint32_t size;
    const char *text = spate_column_bytes(c, row, &size);
    return put_text(e, out, text, size);
  }
  size_t start = out->size;
  if (spate_column_text(c, row, out) != 0) return -1;
  size_t size = out->size - start;
  if (size == 0 || memchr(out->data + start, e->delimiter, size) == NULL) return 0;
  if (spate_buffer_append(out, "\"\"", 2) != 0) return -1; /* a delimiter that numbers and times hold: ':' and such */
  memmove(out->data + start + 1, out->data + start, size);
  out->data[start] = '"';
  return 0;
}

int csv_encode(void *encoder, const struct spate_batch *batch, struct spate_payloads *out,
               struct spate_rejects *rejects, struct spate_error *err) {
  const struct csv_encoder *e = encoder;
  (void)rejects; /* every row can be written */
  if (out->buffer == NULL && (out->buffer = spate_buffer_new(4096)) == NULL) return spate_fail(err, "out of memory");
  if (batch->count > SPATE_BATCH_ROWS - out->count) return spate_fail(err, "more payloads than a block holds");
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    size_t start = out->buffer->size;
    for (uint32_t i = 0; i < e->columns; i++) {
      if ((i > 0 && spate_buffer_append(out->buffer, &e->delimiter, 1) != 0) ||
          put_field(e, batch->column[i], row, out->buffer) != 0)
        return spate_fail(err, "out of memory");
    }
    if (out->buffer->size >= UINT32_MAX - 2) return spate_fail(err, "a block of payloads over 4 GiB");
    out->start[out->count] = (uint32_t)start;
    out->length[out->count++] = (uint32_t)(out->buffer->size - start);
    if (spate_buffer_append(out->buffer, "\n", 1) != 0) return spate_fail(err, "out of memory");
  }
  return 0;
}

const char *csv_head(void *encoder, uint32_t *length) {
  const struct csv_encoder *e = encoder;
  *length = e->header ? (uint32_t)e->head->size : 0;
  return e->header ? e->head->data : NULL;
}

int csv_encoder_new(const void *config, const struct spate_schema *schema, void **out, struct spate_error *err) {
  const struct csv_config *c = config;
  struct csv_encoder *e = calloc(1, sizeof *e);
  if (e == NULL) return spate_fail(err, "out of memory");
  e->delimiter = c->delimiter != NULL ? c->delimiter[0] : ',';
  e->header = c->header;
  e->columns = schema->count;
  e->head = spate_buffer_new(256);
  bool bad = e->head == NULL;
  for (uint32_t i = 0; i < schema->count && !bad; i++) {
    const char *name = schema->fields[i].name;
    bad =
        (i > 0 && spate_buffer_append(e->head, &e->delimiter, 1) != 0) || put_text(e, e->head, name, strlen(name)) != 0;
  }
  if (bad || spate_buffer_append(e->head, "\n", 1) != 0) {
    csv_encoder_free(e);
    return spate_fail(err, "out of memory");
  }
  *out = e;
  return 0;
}

void csv_encoder_free(void *encoder) {
  struct csv_encoder *e = encoder;
  if (e == NULL) return;
  spate_buffer_unref(e->head);
  free(e);
}
