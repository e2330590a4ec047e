/* batch: the header over columns that moves between steps, and the origin of its rows.
 * A column pointer may be NULL: no step uses that column, so it was not decoded. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H
#include "../api/spate.h"

/* Where the rows of a source's batch come from; rows are those of the batch as it was decoded. Ends with the stage. */
struct spate_origin {
  uint32_t refs;
  struct spate_payloads payloads; /* its buffer and metas are held by this */
  const char *source;             /* name, lives as long as the plan */
};
void origin_unref(struct spate_origin *origin);

/* A new header over the same columns (all referenced), with a selection of its own: `count` row numbers of batch,
 * copied. */
struct spate_batch *batch_select(const struct spate_batch *batch, const uint16_t *rows, uint32_t count);
/* A new header with other columns over the same rows: takes over the references in `column`; keeps selection, time,
 * origin. */
struct spate_batch *batch_with(const struct spate_batch *batch, uint32_t columns, struct spate_column **column);
/* The selected rows `rows[0..count)` (row numbers), copied together into new columns. */
struct spate_batch *batch_gather(const struct spate_batch *batch, const uint16_t *rows, uint32_t count,
                                 const uint8_t *keep); /* by column: 0 = nobody reads it; NULL: all */
struct spate_column *column_gather(const struct spate_column *column, const uint16_t *rows, uint32_t count);

/* A column that grows row by row: for results, lookups' tables and tests. */
struct column_builder {
  struct spate_column *column;
  uint32_t count, room;
};
void column_builder_init(struct column_builder *b, struct spate_type type, uint32_t room);
void column_builder_null(struct column_builder *b);
void column_builder_copy(struct column_builder *b, const struct spate_column *from, uint32_t row);
void column_builder_i64(struct column_builder *b, int64_t v);
void column_builder_f64(struct column_builder *b, double v);
void column_builder_dec(struct column_builder *b, spate_i128 v);
void column_builder_bool(struct column_builder *b, bool v);
void column_builder_bytes(struct column_builder *b, const void *bytes, size_t size);
struct spate_column *column_builder_take(struct column_builder *b); /* rows == count; the builder is empty again */
void column_builder_fini(struct column_builder *b);

/* Equality of two values, nulls equal to each other, NaN to NaN and -0.0 to 0.0: for keys and tests. */
bool column_equal(const struct spate_column *a, uint32_t i, const struct spate_column *b, uint32_t j);
#endif
