/*
 * table: rows as an aligned table.
 *
 * On a terminal it is made to be watched: short times, cells cut to the width of the screen, the header again now and
 * then, a thin line where a window ends and another begins. In a pipe it is plain: one header, widths that depend on
 * the types alone, whole values. What comes
 * from records is cleaned of control characters, so that a record cannot steer the terminal.
 */
#ifndef STDIO_TABLE_H
#define STDIO_TABLE_H
#include "spate.h"

struct table;
struct table *table_new(const struct spate_schema *schema, bool terminal);
void table_free(struct table *table);
/* Appends the selected rows as text. -1: no memory. */
int table_rows(struct table *table, const struct spate_batch *batch, struct spate_buffer *out) SPATE_CHECKED;
/* Appends text without what could steer a terminal: control characters become '?', broken UTF-8 too. */
int table_clean(struct spate_buffer *out, const char *text, size_t size) SPATE_CHECKED;
#endif
