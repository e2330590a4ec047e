/* rejects: see rejects.h. */
#include "rejects.h"

#include <stdarg.h>
#include <stdio.h>

void rejects_clear(struct spate_rejects *r) {
  for (uint32_t i = 0; i < r->count; i++) r->bad[r->item[i].row] = 0;
  r->count = 0;
  r->text.size = 0;
}

void rejects_fini(struct spate_rejects *r) { buf_free(&r->text); }

void spate_reject(struct spate_rejects *r, uint32_t row, const char *format, ...) {
  if (row >= SPATE_BATCH_ROWS || r->bad[row]) return;
  char text[300];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  r->bad[row] = 1;
  r->item[r->count++] = (struct reject){row, (uint32_t)r->text.size};
  buf_put(&r->text, text, strlen(text) + 1);
}

const char *rejects_reason(const struct spate_rejects *r, uint32_t i) { return r->text.data + r->item[i].reason; }

uint32_t rejects_remaining(const struct spate_rejects *r, const struct spate_batch *batch, uint16_t *rows) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    if (!r->bad[row]) rows[n++] = (uint16_t)row;
  }
  return n;
}
