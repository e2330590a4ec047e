/* schema: names and types of a stream's columns. The visible ones come first; hidden ones (a record's metadata: _key,
 * _offset …) may be read, and are written only when named. */
#ifndef DATA_SCHEMA_H
#define DATA_SCHEMA_H
#include "../api/spate.h"
#include "../base/arena.h"

struct schema {
  struct spate_schema all; /* visible and hidden */
  uint32_t visible;
};
struct schema *schema_new(struct arena *arena, uint32_t room);
/* Appends; visible fields must come before hidden ones. */
struct spate_field *schema_add(struct schema *schema, const char *name, struct spate_type type);
int32_t schema_find(const struct schema *schema, const char *name); /* -1: none */

/* "int", "decimal(10,2)", "timestamp(ms)" … -1: err says why (unknown type with a 'did you mean', or not built yet). */
int type_parse(const char *text, struct spate_type *type, struct spate_error *err);
const char *type_text(struct spate_type type, char *out, size_t room); /* as type_parse reads it */
bool type_same(struct spate_type a, struct spate_type b);              /* encoding does not count */
static inline struct spate_type type_of(enum spate_kind kind) {
  struct spate_type t = {(uint8_t)kind, 0, 0, 0};
  return t;
}
static inline struct spate_type type_decimal(int precision, int scale) {
  struct spate_type t = {SPATE_DECIMAL, (uint8_t)precision, (uint8_t)scale, 0};
  return t;
}
static inline uint32_t type_width(uint8_t kind) { /* bytes a value; 0: strings and bytes */
  switch (kind) {
    case SPATE_BOOL: return 1;
    case SPATE_DECIMAL: return 16;
    case SPATE_STRING:
    case SPATE_BYTES: return 0;
    default: return 8;
  }
}
#endif
