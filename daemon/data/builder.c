/* builder: a column that grows row by row. */
#include "../base/mem.h"
#include "batch.h"
#include "schema.h"

void column_builder_init(struct column_builder *b, struct spate_type type, uint32_t room) {
  b->room = room > 16 ? room : 16;
  b->count = 0;
  b->column = spate_column_new(type, b->room, b->room * 16);
}

static void column_builder_grow(struct column_builder *b) {
  if (b->count < b->room) return;
  struct spate_column *old = b->column;
  uint32_t room = b->room * 2, width = type_width(old->type.kind);
  struct spate_column *c = spate_column_new(old->type, room, 0);
  if (width > 0) {
    memcpy(c->values, old->values, (size_t)b->count * width);
  } else {
    memcpy(c->offsets, old->offsets, ((size_t)b->count + 1) * sizeof(uint32_t));
    char *data = c->data;
    c->data = old->data;
    c->data_room = old->data_room;
    c->written = b->count;
    old->data = data;
  }
  if (old->valid != NULL) {
    size_t size = ((size_t)room + 63) / 64 * 8;
    c->valid = mem_alloc(size);
    memset(c->valid, 0xff, size);
    memcpy(c->valid, old->valid, ((size_t)b->room + 63) / 64 * 8);
  }
  spate_column_unref(old);
  b->column = c;
  b->room = room;
}

void column_builder_null(struct column_builder *b) {
  column_builder_grow(b);
  spate_column_set_null(b->column, b->count);
  if (type_width(b->column->type.kind) == 0) spate_column_wrote(b->column, b->count, 0);
  b->count++;
}
void column_builder_i64(struct column_builder *b, int64_t v) {
  column_builder_grow(b);
  b->column->i64[b->count++] = v;
}
void column_builder_f64(struct column_builder *b, double v) {
  column_builder_grow(b);
  b->column->f64[b->count++] = v;
}
void column_builder_dec(struct column_builder *b, spate_i128 v) {
  column_builder_grow(b);
  b->column->dec[b->count++] = v;
}
void column_builder_bool(struct column_builder *b, bool v) {
  column_builder_grow(b);
  b->column->b8[b->count++] = v;
}
void column_builder_bytes(struct column_builder *b, const void *bytes, size_t size) {
  column_builder_grow(b);
  if (spate_column_put(b->column, b->count, bytes, size) != 0) {
    column_builder_null(b); /* 2 GiB in one column: callers bound their batches long before */
    return;
  }
  b->count++;
}

void column_builder_copy(struct column_builder *b, const struct spate_column *from, uint32_t row) {
  if (spate_column_null(from, row)) {
    column_builder_null(b);
    return;
  }
  switch (type_width(from->type.kind)) {
    case 0: {
      uint32_t size;
      const char *bytes = spate_column_bytes(from, row, &size);
      column_builder_bytes(b, bytes, size);
      break;
    }
    case 1: column_builder_bool(b, from->b8[row]); break;
    case 16: column_builder_dec(b, from->dec[row]); break;
    default: column_builder_i64(b, from->i64[row]);
  }
}

struct spate_column *column_builder_take(struct column_builder *b) {
  struct spate_column *c = b->column;
  c->rows = b->count;
  struct spate_type type = c->type;
  column_builder_init(b, type, 16);
  return c;
}

void column_builder_fini(struct column_builder *b) {
  spate_column_unref(b->column);
  *b = (struct column_builder){0};
}
