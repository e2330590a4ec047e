/* codec_help: payloads made from text, and rows as text, for the tests of codecs. */
#ifndef CODEC_HELP_H
#define CODEC_HELP_H
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../plugins/codec/codec.h"
#include "data/batch.h"
#include "data/payloads.h"
#include "data/rejects.h"
#include "data/schema.h"

#define TOMBSTONE ((const char *)-1)

/* Payloads in lines with `ending` after each ("\n", "\r\n"); NULL: they lie apart, with rubbish between. */
static inline struct spate_payloads *payloads_make(const char *const *text, const size_t *size, uint32_t count,
                                                   const char *ending) {
  struct spate_payloads *p = calloc(1, sizeof *p);
  p->buffer = spate_buffer_new(64);
  p->lines = ending != NULL;
  for (uint32_t i = 0; i < count; i++) {
    bool null = text[i] == TOMBSTONE;
    size_t n = null ? 0 : size != NULL ? size[i] : strlen(text[i]);
    if (!p->lines) ck_assert_int_eq(spate_buffer_append(p->buffer, "}\"{", 3), 0);
    p->start[i] = (uint32_t)p->buffer->size;
    p->length[i] = null ? UINT32_MAX : (uint32_t)n;
    if (n > 0) ck_assert_int_eq(spate_buffer_append(p->buffer, text[i], n), 0);
    const char *after = p->lines ? ending : "}]\"";
    ck_assert_int_eq(spate_buffer_append(p->buffer, after, strlen(after)), 0);
  }
  p->count = count;
  return p;
}
static inline void payloads_free(struct spate_payloads *p) {
  spate_buffer_unref(p->buffer);
  free(p);
}

/* A decoded block: columns and reasons. */
struct decoded {
  struct spate_column *column[64];
  uint32_t columns;
  struct spate_rejects *rejects;
};
static inline int decode_with(const struct spate_codec_api *api, void *decoder, const struct spate_payloads *p,
                              uint32_t columns, struct decoded *out, struct spate_error *err) {
  memset(out, 0, sizeof *out);
  out->columns = columns;
  out->rejects = calloc(1, sizeof *out->rejects);
  return api->decode(decoder, p, out->column, out->rejects, err);
}
static inline void decoded_free(struct decoded *d) {
  for (uint32_t i = 0; i < d->columns; i++) spate_column_unref(d->column[i]);
  rejects_fini(d->rejects);
  free(d->rejects);
}
static inline const char *decoded_reason(const struct decoded *d, uint32_t row) {
  for (uint32_t i = 0; i < d->rejects->count; i++)
    if (d->rejects->item[i].row == row) return rejects_reason(d->rejects, i);
  return NULL;
}
/* The row as text, to be freed: "a|null|c", or "!reason". */
static inline char *decoded_row(const struct decoded *d, uint32_t row) {
  const char *reason = decoded_reason(d, row);
  struct buf out = {0};
  if (reason != NULL) {
    buf_format(&out, "!%s", reason);
  } else {
    for (uint32_t i = 0; i < d->columns; i++) {
      if (i > 0) buf_text(&out, "|");
      if (spate_column_null(d->column[i], row)) {
        buf_text(&out, "null");
        continue;
      }
      struct spate_buffer *b = spate_buffer_new(64);
      ck_assert_int_eq(spate_column_text(d->column[i], row, b), 0);
      buf_put(&out, b->data, b->size);
      spate_buffer_unref(b);
    }
  }
  char *copy = strdup(buf_string(&out));
  buf_free(&out);
  return copy;
}

static inline struct spate_field field_of(const char *name, const char *type) {
  struct spate_error err;
  struct spate_field f = {.name = name};
  if (type_parse(type, &f.type, &err) != 0) ck_abort_msg("%s: %s", type, err.message);
  return f;
}
#endif
