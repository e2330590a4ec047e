/*
 * key: a record's key from columns. One column: strings and bytes as they are, other types as text, null is no key.
 * Several: a JSON array of them, with null for null, numbers and bools bare, all else as strings.
 */
#include <stdio.h>
#include "sink.h"

static bool column_is_text(const struct spate_column *c) {
  return c->type.kind == SPATE_STRING || c->type.kind == SPATE_BYTES;
}

static bool column_is_bare(const struct spate_column *c) { /* in JSON */
  return c->type.kind == SPATE_BOOL || c->type.kind == SPATE_INT || c->type.kind == SPATE_DOUBLE ||
         c->type.kind == SPATE_DECIMAL;
}

static int put_text(struct spate_buffer *b, const char *text) { return spate_buffer_append(b, text, strlen(text)); }

/* Escapes what was appended from `from` on as the inside of a JSON string. */
static int json_escape(struct spate_buffer *b, size_t from) {
  size_t size = b->size - from, extra = 0;
  const unsigned char *at = (const unsigned char *)b->data + from;
  for (size_t i = 0; i < size; i++) extra += at[i] < 0x20 ? 5 : at[i] == '"' || at[i] == '\\' ? 1 : 0;
  if (extra == 0) return 0;
  if (spate_buffer_reserve(b, extra + 1) != 0) return -1;
  char *to = b->data + b->size + extra, *read = b->data + b->size;
  b->size += extra;
  while (read > b->data + from) { /* from the end, so that nothing is overwritten unread */
    unsigned char c = (unsigned char)*--read;
    if (c < 0x20) {
      char code[8];
      snprintf(code, sizeof code, "\\u%04x", c);
      to -= 6;
      memcpy(to, code, 6);
    } else {
      *--to = (char)c;
      if (c == '"' || c == '\\') *--to = '\\';
    }
  }
  return 0;
}

static int json_element(struct spate_buffer *b, const struct spate_column *c, uint32_t row) {
  if (spate_column_null(c, row)) return put_text(b, "null");
  if (column_is_bare(c)) return spate_column_text(c, row, b);
  if (put_text(b, "\"") != 0) return -1;
  size_t from = b->size;
  if (spate_column_text(c, row, b) != 0 || json_escape(b, from) != 0) return -1;
  return put_text(b, "\"");
}

static int key_write(struct spate_buffer *b, const struct spate_column_refs *columns, const struct spate_batch *batch,
                     uint32_t row) {
  if (columns->count == 1) return spate_column_text(batch->column[columns->item[0].index], row, b);
  if (put_text(b, "[") != 0) return -1;
  for (size_t i = 0; i < columns->count; i++) {
    if (i > 0 && put_text(b, ",") != 0) return -1;
    if (json_element(b, batch->column[columns->item[i].index], row) != 0) return -1;
  }
  return put_text(b, "]");
}

static void keys_plain(struct kafka_keys *keys, const struct spate_column *c, const struct spate_batch *batch) {
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    bool null = spate_column_null(c, row);
    keys->at[k] = null ? NULL : spate_column_bytes(c, row, &keys->length[k]);
    if (null) keys->length[k] = 0;
  }
}

int kafka_keys_make(struct kafka_keys *keys, const struct spate_column_refs *columns, const struct spate_batch *batch) {
  if (columns->count == 0) {
    memset(keys->at, 0, batch->count * sizeof *keys->at);
    memset(keys->length, 0, batch->count * sizeof *keys->length);
    return 0;
  }
  const struct spate_column *first = batch->column[columns->item[0].index];
  if (columns->count == 1 && column_is_text(first)) {
    keys_plain(keys, first, batch);
    return 0;
  }
  if (keys->text == NULL && (keys->text = spate_buffer_new(4096)) == NULL) return -1;
  keys->text->size = 0;
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    size_t from = keys->text->size;
    if (key_write(keys->text, columns, batch, row) != 0) return -1;
    keys->length[k] = (uint32_t)(keys->text->size - from);
  }
  const char *at = keys->text->data; /* it moved while it grew */
  for (uint32_t k = 0; k < batch->count; at += keys->length[k], k++)
    keys->at[k] = columns->count == 1 && spate_column_null(first, spate_batch_row(batch, k)) ? NULL : at;
  return 0;
}
