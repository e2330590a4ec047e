/*
 * column: immutable once shared, counted. Header and fixed-width values are one allocation; validity and string data
 * have their own, since most columns have no nulls and string data grows while it is written.
 */
#include "../base/mem.h"
#include "batch.h"
#include "schema.h"

static size_t column_values_size(struct spate_type type, uint32_t rows) {
  uint32_t width = type_width(type.kind);
  size_t size = width > 0 ? (size_t)rows * width : ((size_t)rows + 1) * sizeof(uint32_t);
  return (size + 63) & ~(size_t)63;
}

struct spate_column *spate_column_new(struct spate_type type, uint32_t rows, uint32_t data_room) {
  size_t head = (sizeof(struct spate_column) + 63) & ~(size_t)63;
  bool text = type_width(type.kind) == 0;
  size_t size = head + column_values_size(type, rows);
  struct spate_column *c = text ? mem_alloc(size) : mem_zero(1, size);
  memset(c, 0, sizeof *c);
  c->refs = 1;
  c->rows = rows;
  c->type = type;
  c->values = (char *)c + head;
  if (text) {
    c->offsets[0] = 0;
    c->data_room = data_room > 64 ? data_room : 64;
    c->data = mem_alloc((size_t)c->data_room + SPATE_PADDING);
  }
  return c;
}

struct spate_column *spate_column_ref(struct spate_column *c) {
  if (c != NULL) __atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED); /* the caller has one already */
  return c;
}

void spate_column_unref(struct spate_column *c) {
  /* release: our reads come before the free of whoever is last; acquire: the last one sees them all */
  if (c == NULL || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
  mem_free(c->valid);
  mem_free(c->data);
  mem_free(c);
}

void spate_column_set_null(struct spate_column *c, uint32_t row) {
  if (c->valid == NULL) {
    size_t size = ((size_t)c->rows + 63) / 64 * 8;
    c->valid = mem_alloc(size);
    memset(c->valid, 0xff, size);
  }
  c->valid[row >> 3] = (uint8_t)(c->valid[row >> 3] & ~(1u << (row & 7)));
}

static void column_fill(struct spate_column *c, uint32_t row) {
  for (uint32_t r = c->written; r < row; r++) c->offsets[r + 1] = c->offsets[r];
  c->written = row;
}

char *spate_column_room(struct spate_column *c, uint32_t row, size_t length) {
  column_fill(c, row);
  size_t used = c->offsets[row];
  if (used + length > INT32_MAX) return NULL;
  if (used + length > c->data_room) {
    size_t room = (size_t)c->data_room * 2 > used + length ? (size_t)c->data_room * 2 : used + length;
    if (room > INT32_MAX) room = INT32_MAX;
    c->data = mem_resize(c->data, room + SPATE_PADDING);
    c->data_room = (uint32_t)room;
  }
  return c->data + used;
}

void spate_column_wrote(struct spate_column *c, uint32_t row, size_t length) {
  c->offsets[row + 1] = c->offsets[row] + (uint32_t)length;
  c->written = row + 1;
}

void spate_column_finish(struct spate_column *c) {
  if (type_width(c->type.kind) == 0) column_fill(c, c->rows);
}

bool column_equal(const struct spate_column *a, uint32_t i, const struct spate_column *b, uint32_t j) {
  bool null = spate_column_null(a, i);
  if (null || spate_column_null(b, j)) return null && spate_column_null(b, j);
  uint32_t m, n;
  const char *p, *q;
  switch (a->type.kind) {
    case SPATE_BOOL: return a->b8[i] == b->b8[j];
    case SPATE_DECIMAL: return a->dec[i] == b->dec[j];
    case SPATE_DOUBLE: return a->f64[i] == b->f64[j] || (a->f64[i] != a->f64[i] && b->f64[j] != b->f64[j]);
    case SPATE_STRING:
    case SPATE_BYTES:
      p = spate_column_bytes(a, i, &m);
      q = spate_column_bytes(b, j, &n);
      return m == n && memcmp(p, q, m) == 0;
    default: return a->i64[i] == b->i64[j];
  }
}

struct spate_column *column_gather(const struct spate_column *c, const uint16_t *rows, uint32_t count) {
  uint32_t width = type_width(c->type.kind), data = 0;
  if (width == 0)
    for (uint32_t k = 0; k < count; k++) data += c->offsets[rows[k] + 1] - c->offsets[rows[k]];
  struct spate_column *out = spate_column_new(c->type, count, data);
  for (uint32_t k = 0; k < count; k++) {
    uint32_t r = rows[k];
    switch (width) {
      case 0: {
        uint32_t n = c->offsets[r + 1] - c->offsets[r], at = out->offsets[k];
        memcpy(out->data + at, c->data + c->offsets[r], n);
        out->offsets[k + 1] = at + n;
        break;
      }
      case 1: out->b8[k] = c->b8[r]; break;
      case 16: out->dec[k] = c->dec[r]; break;
      default: out->i64[k] = c->i64[r];
    }
    if (spate_column_null(c, r)) spate_column_set_null(out, k);
  }
  out->written = count;
  return out;
}
