/* key: the canonical bytes of a row's key columns: equal keys, equal bytes, on every machine. Part of the format of
 * state. For each column: 0 for null, else 1 and the value (8 bytes, 16 bytes, 1 byte, or u32 length and bytes); NaN is
 * one NaN and -0.0 is 0.0; decimals keep their scale, which the type fixes. */
#ifndef DATA_KEY_H
#define DATA_KEY_H
#include "../api/spate.h"
#include "../base/buf.h"
#include "batch.h"

void key_put(struct buf *out, const struct spate_column *column, uint32_t row);
/* Reads one column's value back into the builder. Returns bytes taken, 0 when malformed. */
size_t key_take(const char *at, size_t left, struct column_builder *out);
#endif
