/* key: see key.h. */
#include "key.h"

#include <math.h>

#include "schema.h"

void key_put(struct buf *out, const struct spate_column *c, uint32_t row) {
  if (spate_column_null(c, row)) {
    buf_u8(out, 0);
    return;
  }
  buf_reserve(out, 24);
  out->data[out->size++] = 1;
  switch (c->type.kind) {
    case SPATE_STRING:
    case SPATE_BYTES: {
      uint32_t size;
      const char *bytes = spate_column_bytes(c, row, &size);
      buf_block(out, bytes, size);
      break;
    }
    case SPATE_BOOL: out->data[out->size++] = (char)c->b8[row]; break;
    case SPATE_DECIMAL: buf_put(out, &c->dec[row], 16); break;
    case SPATE_DOUBLE: {
      double v = c->f64[row];
      if (v == 0) v = 0; /* -0.0 */
      if (isnan(v)) v = (double)NAN;
      buf_put(out, &v, 8);
      break;
    }
    default: buf_put(out, &c->i64[row], 8);
  }
}

size_t key_take(const char *at, size_t left, struct column_builder *out) {
  if (left < 1) return 0;
  if (at[0] == 0) {
    column_builder_null(out);
    return 1;
  }
  uint32_t width = type_width(out->column->type.kind), size;
  if (width == 0) {
    if (left < 5) return 0;
    memcpy(&size, at + 1, 4);
    if (left - 5 < size) return 0;
    column_builder_bytes(out, at + 5, size);
    return 5 + (size_t)size;
  }
  if (left < 1 + width) return 0;
  if (width == 1) {
    column_builder_bool(out, at[1] != 0);
  } else if (width == 16) {
    spate_i128 v;
    memcpy(&v, at + 1, 16);
    column_builder_dec(out, v);
  } else {
    int64_t v;
    memcpy(&v, at + 1, 8);
    column_builder_i64(out, v);
  }
  return 1 + width;
}
