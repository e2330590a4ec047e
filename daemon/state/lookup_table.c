/*
 * lookup_table: open addressing over row numbers. The rows lie in columns as they were loaded; a slot holds a row and
 * the upper half of its key's hash, so that a probe looks at a key only when it is almost certainly the one.
 *
 * A key of one string column, the usual case, is hashed and compared where it lies; any other by its canonical bytes,
 * which are kept beside the rows. Built once, then read by any thread without locks.
 */
#include "lookup_table.h"

#include <stdio.h>

#include "../base/buf.h"
#include "../base/hash.h"
#include "../base/mem.h"
#include "../data/key.h"

struct lookup_slot {
  uint32_t row;  /* + 1; 0: empty */
  uint32_t hash; /* upper half */
};
struct lookup_table {
  uint32_t columns, keys, rows;
  uint32_t *key;
  struct column_builder *column;
  bool text;        /* one key column of strings or bytes */
  struct buf bytes; /* not text: canonical keys, one after the other */
  uint32_t *at;     /* rows + 1 offsets into bytes */
  uint32_t at_room;
  struct lookup_slot *slot;
  uint32_t mask;
};

struct lookup_table *lookup_table_new(const struct schema *schema, const uint32_t *key, uint32_t keys) {
  struct lookup_table *t = MEM_NEW(struct lookup_table);
  t->columns = schema->all.count;
  t->keys = keys;
  t->key = MEM_NEWS(uint32_t, keys);
  memcpy(t->key, key, keys * sizeof *key);
  t->column = MEM_NEWS(struct column_builder, t->columns);
  for (uint32_t i = 0; i < t->columns; i++) column_builder_init(&t->column[i], schema->all.fields[i].type, 64);
  uint8_t kind = schema->all.fields[key[0]].type.kind;
  t->text = keys == 1 && (kind == SPATE_STRING || kind == SPATE_BYTES);
  t->at_room = 64;
  t->at = MEM_NEWS(uint32_t, t->at_room);
  t->mask = 127;
  t->slot = MEM_NEWS(struct lookup_slot, t->mask + 1);
  return t;
}

/* The key of stored row `row`. */
static const char *lookup_stored(const struct lookup_table *t, uint32_t row, uint32_t *size) {
  if (t->text) return spate_column_bytes(t->column[t->key[0]].column, row, size);
  *size = t->at[row + 1] - t->at[row];
  return t->bytes.data + t->at[row];
}

/* The slot that holds the key, or the empty one where it would lie. */
static struct lookup_slot *lookup_slot(const struct lookup_table *t, uint64_t hash, const char *bytes, uint32_t size) {
  uint32_t tag = (uint32_t)(hash >> 32);
  for (uint32_t i = (uint32_t)hash & t->mask;; i = (i + 1) & t->mask) {
    struct lookup_slot *slot = &t->slot[i];
    if (slot->row == 0) return slot;
    if (slot->hash != tag) continue;
    uint32_t n;
    const char *stored = lookup_stored(t, slot->row - 1, &n);
    if (n == size && memcmp(stored, bytes, n) == 0) return slot;
  }
}

static void lookup_grow(struct lookup_table *t) {
  if ((t->rows + 1) * 2 <= t->mask) return;
  mem_free(t->slot);
  t->mask = t->mask * 2 + 1;
  t->slot = MEM_NEWS(struct lookup_slot, (size_t)t->mask + 1);
  for (uint32_t row = 0; row < t->rows; row++) {
    uint32_t size;
    const char *bytes = lookup_stored(t, row, &size);
    uint64_t hash = hash_bytes(bytes, size);
    *lookup_slot(t, hash, bytes, size) = (struct lookup_slot){row + 1, (uint32_t)(hash >> 32)};
  }
}

/* The key of a row as people read it: "a, 5". */
static void lookup_name(const struct lookup_table *t, const struct spate_batch *batch, uint32_t row, char *out,
                        size_t room) {
  struct spate_buffer *text = spate_buffer_new(128);
  for (uint32_t i = 0; i < t->keys; i++) {
    if (i > 0 && spate_buffer_append(text, ", ", 2) != 0) break;
    if (spate_column_text(batch->column[t->key[i]], row, text) != 0) break;
  }
  snprintf(out, room, "%.*s", (int)(text->size < room - 1 ? text->size : room - 1), text->data);
  spate_buffer_unref(text);
}

static void lookup_keep(struct lookup_table *t, const char *bytes, uint32_t size) {
  if (t->text) return;
  if (t->rows + 2 > t->at_room) t->at = mem_resize(t->at, (t->at_room *= 2) * sizeof *t->at);
  buf_put(&t->bytes, bytes, size);
  t->at[t->rows + 1] = (uint32_t)t->bytes.size;
}

int lookup_table_add(struct lookup_table *t, const struct spate_batch *batch, struct spate_error *err) {
  struct buf scratch = {0};
  int result = 0;
  for (uint32_t k = 0; k < batch->count && result == 0; k++) {
    uint32_t row = spate_batch_row(batch, k), size;
    const char *bytes;
    bool null = false;
    for (uint32_t i = 0; i < t->keys; i++) null |= spate_column_null(batch->column[t->key[i]], row);
    if (null) {
      result = spate_fail(err, "row %u of the table has no key (it is null)", t->rows + 1);
      break;
    }
    if (t->text) {
      bytes = spate_column_bytes(batch->column[t->key[0]], row, &size);
    } else {
      scratch.size = 0;
      for (uint32_t i = 0; i < t->keys; i++) key_put(&scratch, batch->column[t->key[i]], row);
      bytes = scratch.data;
      size = (uint32_t)scratch.size;
    }
    if (t->bytes.size + size > UINT32_MAX || t->rows == UINT32_MAX / 4) {
      result = spate_fail(err, "the table is too large: its keys take more than 4 GiB");
      break;
    }
    lookup_grow(t);
    uint64_t hash = hash_bytes(bytes, size);
    struct lookup_slot *slot = lookup_slot(t, hash, bytes, size);
    if (slot->row != 0) {
      char name[120];
      lookup_name(t, batch, row, name, sizeof name);
      result = spate_fail(err, "the table has the key '%s' twice: in rows %u and %u", name, slot->row, t->rows + 1);
      break;
    }
    *slot = (struct lookup_slot){t->rows + 1, (uint32_t)(hash >> 32)};
    lookup_keep(t, bytes, size);
    for (uint32_t i = 0; i < t->columns; i++) {
      if (batch->column[i] != NULL)
        column_builder_copy(&t->column[i], batch->column[i], row);
      else
        column_builder_null(&t->column[i]);
    }
    t->rows++;
  }
  buf_free(&scratch);
  return result;
}

uint32_t lookup_table_rows(const struct lookup_table *t) { return t->rows; }

static void lookup_find_text(const struct lookup_table *t, const struct spate_column *key, const uint16_t *rows,
                             uint32_t count, int32_t *found) {
  for (uint32_t k = 0; k < count; k++) {
    uint32_t size;
    if (spate_column_null(key, rows[k])) {
      found[k] = -1;
      continue;
    }
    const char *bytes = spate_column_bytes(key, rows[k], &size);
    found[k] = (int32_t)lookup_slot(t, hash_bytes(bytes, size), bytes, size)->row - 1;
  }
}

void lookup_table_find(const struct lookup_table *t, struct spate_column *const *key, const uint16_t *rows,
                       uint32_t count, int32_t *found) {
  if (t->text) {
    lookup_find_text(t, key[0], rows, count, found);
    return;
  }
  struct buf scratch = {0};
  for (uint32_t k = 0; k < count; k++) {
    bool null = false;
    scratch.size = 0;
    for (uint32_t i = 0; i < t->keys && !null; i++) {
      null = spate_column_null(key[i], rows[k]);
      if (!null) key_put(&scratch, key[i], rows[k]);
    }
    found[k] = -1;
    if (null) continue;
    uint64_t hash = hash_bytes(scratch.data, scratch.size);
    found[k] = (int32_t)lookup_slot(t, hash, scratch.data, (uint32_t)scratch.size)->row - 1;
  }
  buf_free(&scratch);
}

const struct spate_column *lookup_table_column(const struct lookup_table *t, uint32_t column) {
  return t->column[column].column;
}

void lookup_table_free(struct lookup_table **table) {
  struct lookup_table *t = *table;
  *table = NULL;
  if (t == NULL) return;
  for (uint32_t i = 0; i < t->columns; i++) column_builder_fini(&t->column[i]);
  mem_free(t->column);
  mem_free(t->key);
  mem_free(t->at);
  mem_free(t->slot);
  buf_free(&t->bytes);
  mem_free(t);
}
