/* batch: headers. A header is one allocation: the struct, its column pointers, its selection. */
#include "batch.h"

#include "../base/mem.h"
#include "payloads.h"
#include "schema.h"

static struct spate_batch *batch_alloc(uint32_t rows, uint32_t columns, uint32_t selected) {
  size_t head = sizeof(struct spate_batch), pointers = columns * sizeof(struct spate_column *);
  struct spate_batch *b = mem_alloc(head + pointers + selected * sizeof(uint16_t));
  memset(b, 0, head);
  b->refs = 1;
  b->rows = rows;
  b->count = rows;
  b->columns = columns;
  b->column = (struct spate_column **)(b + 1);
  if (selected > 0) b->selection = (uint16_t *)(b->column + columns);
  return b;
}

struct spate_batch *spate_batch_new(uint32_t rows, uint32_t columns, struct spate_column **column,
                                    struct spate_column *time) {
  struct spate_batch *b = batch_alloc(rows, columns, 0);
  if (columns > 0) memcpy(b->column, column, columns * sizeof *column);
  b->time = time;
  return b;
}

struct spate_batch *spate_batch_ref(struct spate_batch *b) {
  __atomic_fetch_add(&b->refs, 1, __ATOMIC_RELAXED); /* the caller has one already */
  return b;
}

void origin_unref(struct spate_origin *o) {
  if (o == NULL || __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
  payloads_clear(&o->payloads);
  mem_free(o);
}

static struct spate_origin *origin_ref(struct spate_origin *o) {
  if (o != NULL) __atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
  return o;
}

void spate_batch_unref(struct spate_batch *b) {
  if (b == NULL || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
  for (uint32_t i = 0; i < b->columns; i++) spate_column_unref(b->column[i]);
  spate_column_unref(b->time);
  origin_unref(b->origin);
  mem_free(b);
}

struct spate_batch *batch_select(const struct spate_batch *batch, const uint16_t *rows, uint32_t count) {
  struct spate_batch *b = batch_alloc(batch->rows, batch->columns, count > 0 ? count : 1);
  for (uint32_t i = 0; i < b->columns; i++) b->column[i] = spate_column_ref(batch->column[i]);
  b->time = spate_column_ref(batch->time);
  b->origin = origin_ref(batch->origin);
  memcpy(b->selection, rows, count * sizeof *rows);
  b->count = count;
  return b;
}

struct spate_batch *batch_with(const struct spate_batch *batch, uint32_t columns, struct spate_column **column) {
  struct spate_batch *b = batch_alloc(batch->rows, columns, batch->selection != NULL ? batch->count + 1 : 0);
  if (columns > 0) memcpy(b->column, column, columns * sizeof *column);
  b->time = spate_column_ref(batch->time);
  b->origin = origin_ref(batch->origin);
  b->count = batch->count;
  if (batch->selection != NULL) memcpy(b->selection, batch->selection, batch->count * sizeof(uint16_t));
  return b;
}

struct spate_batch *batch_gather(const struct spate_batch *batch, const uint16_t *rows, uint32_t count,
                                 const uint8_t *keep) {
  struct spate_batch *b = batch_alloc(count, batch->columns, 0);
  for (uint32_t i = 0; i < b->columns; i++)
    b->column[i] =
        batch->column[i] != NULL && (keep == NULL || keep[i]) ? column_gather(batch->column[i], rows, count) : NULL;
  b->time = batch->time != NULL ? column_gather(batch->time, rows, count) : NULL;
  return b;
}
