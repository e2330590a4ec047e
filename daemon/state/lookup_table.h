/* lookup_table: a table loaded from a file, found by key. Built once by the scribe, then read by any thread. */
#ifndef STATE_LOOKUP_TABLE_H
#define STATE_LOOKUP_TABLE_H
#include "../api/spate.h"
#include "../data/batch.h"
#include "../data/schema.h"

struct lookup_table;
struct lookup_table *lookup_table_new(const struct schema *schema, const uint32_t *key, uint32_t keys);
/* Adds the selected rows of a batch with the table's schema. -1: a key twice; err names it. A null key is an error too.
 */
int lookup_table_add(struct lookup_table *table, const struct spate_batch *batch, struct spate_error *err);
uint32_t lookup_table_rows(const struct lookup_table *table);
/* For k in 0..count: the table's row for rows[k] of the key columns, or -1. */
void lookup_table_find(const struct lookup_table *table, struct spate_column *const *key, const uint16_t *rows,
                       uint32_t count, int32_t *found);
const struct spate_column *lookup_table_column(const struct lookup_table *table, uint32_t column);
void lookup_table_free(struct lookup_table **table);
#endif
