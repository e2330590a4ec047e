/*
 * value: text into a column, for codecs and for defaults: the way back from spate_column_text(). One place decides what
 * text is a value of a type, so that csv, a field's default and a cast agree.
 */
#include "text.h"

int spate_parse_value(struct spate_column *c, uint32_t row, const char *text, size_t size) {
  bool truth;
  switch (c->type.kind) {
    case SPATE_BOOL:
      if (text_bool(text, size, &truth) != 0) return -1;
      c->b8[row] = truth;
      return 0;
    case SPATE_INT: return text_int(text, size, &c->i64[row]);
    case SPATE_DOUBLE: return text_double(text, size, &c->f64[row]);
    case SPATE_DECIMAL: return text_decimal(text, size, c->type.precision, c->type.scale, &c->dec[row]);
    case SPATE_STRING:
      if (!text_utf8(text, size)) return -1;
      return spate_column_put(c, row, text, size);
    case SPATE_BYTES: return spate_column_put(c, row, text, size);
    case SPATE_TIMESTAMP: return text_timestamp_encoded(text, size, c->type.encoding, &c->i64[row]);
    default: return -1;
  }
}
