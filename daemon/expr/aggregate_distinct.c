/*
 * aggregate_distinct: `count(distinct x)` and its kin. The state is the set of values seen (canonical key bytes); the
 * aggregate itself runs over them once, when the result is wanted. For min, max, bool_and, bool_or and the aggregates
 * that choose a row, distinct changes nothing.
 */
#include "../base/hash.h"
#include "../base/mem.h"
#include "../data/key.h"
#include "aggregate_parts.h"

struct value_set { /* open addressing over values in one text */
  uint32_t count, slots;
  uint32_t *slot;  /* offset + 1 in text; 0: free */
  struct buf text; /* u32 size, bytes; again */
};
struct distinct_state {
  struct value_set *set;
};

static void set_place(struct value_set *s, uint32_t offset) {
  uint32_t size;
  memcpy(&size, s->text.data + offset, 4);
  uint64_t h = hash_bytes(s->text.data + offset + 4, size);
  for (uint32_t i = (uint32_t)h & (s->slots - 1);; i = (i + 1) & (s->slots - 1))
    if (s->slot[i] == 0) {
      s->slot[i] = offset + 1;
      return;
    }
}

static void set_grow(struct value_set *s) {
  if (s->count * 2 < s->slots) return;
  s->slots = s->slots > 0 ? s->slots * 2 : 16;
  mem_free(s->slot);
  s->slot = MEM_NEWS(uint32_t, s->slots);
  for (uint32_t at = 0, size; at < s->text.size; at += 4 + size) {
    memcpy(&size, s->text.data + at, 4);
    set_place(s, at);
  }
}

static void set_add(struct value_set *s, const char *bytes, uint32_t size) {
  set_grow(s);
  uint64_t h = hash_bytes(bytes, size);
  for (uint32_t i = (uint32_t)h & (s->slots - 1);; i = (i + 1) & (s->slots - 1)) {
    if (s->slot[i] == 0) {
      s->slot[i] = (uint32_t)s->text.size + 1;
      buf_block(&s->text, bytes, size);
      s->count++;
      return;
    }
    uint32_t have;
    const char *at = s->text.data + s->slot[i] - 1;
    memcpy(&have, at, 4);
    if (have == size && memcmp(at + 4, bytes, size) == 0) return;
  }
}

static struct value_set *set_of(void *state) {
  struct distinct_state *d = state;
  if (d->set == NULL) d->set = MEM_NEW(struct value_set);
  return d->set;
}

static uint32_t distinct_size(const struct agg_spec *spec) {
  (void)spec;
  return sizeof(struct distinct_state);
}

static void distinct_update(const struct agg_spec *spec, char **state, uint32_t offset, const uint16_t *rows,
                            uint32_t count, const struct agg_input *in) {
  struct buf key = {0};
  for (uint32_t k = 0; k < count; k++) {
    bool null = false;
    key.size = 0;
    for (uint32_t a = 0; a < spec->args; a++) {
      null |= spate_column_null(in->arg[a], rows[k]);
      key_put(&key, in->arg[a], rows[k]);
    }
    if (!null) set_add(set_of(state[k] + offset), key.data, (uint32_t)key.size);
  }
  buf_free(&key);
}

static void distinct_merge(const struct agg_spec *spec, void *into, const void *from) {
  (void)spec;
  const struct value_set *b = ((const struct distinct_state *)from)->set;
  if (b == NULL) return;
  struct value_set *a = set_of(into);
  for (uint32_t at = 0, size; at < b->text.size; at += 4 + size) {
    memcpy(&size, b->text.data + at, 4);
    set_add(a, b->text.data + at + 4, size);
  }
}

static void distinct_feed(const struct agg_spec *spec, void *state, struct column_builder *arg, uint32_t count) {
  uint16_t rows[SPATE_BATCH_ROWS];
  char *at[SPATE_BATCH_ROWS];
  struct agg_input in = {.time = NULL};
  for (uint32_t k = 0; k < count; k++) {
    rows[k] = (uint16_t)k;
    at[k] = state;
  }
  for (uint32_t a = 0; a < spec->args; a++) in.arg[a] = arg[a].column;
  spec->agg->update(spec, at, 0, rows, count, &in);
  for (uint32_t a = 0; a < spec->args; a++) spate_column_unref(column_builder_take(&arg[a]));
}

static int distinct_final(const struct agg_spec *spec, const void *state, struct column_builder *out,
                          struct spate_error *err) {
  const struct value_set *s = ((const struct distinct_state *)state)->set;
  void *inner = mem_zero(1, spec->agg->size(spec) + 16);
  struct column_builder arg[3];
  uint32_t n = 0;
  for (uint32_t a = 0; a < spec->args; a++) column_builder_init(&arg[a], spec->arg_type[a], 64);
  for (uint32_t at = 0, size; s != NULL && at < s->text.size; at += 4 + size) {
    memcpy(&size, s->text.data + at, 4);
    const char *p = s->text.data + at + 4, *end = p + size;
    for (uint32_t a = 0; a < spec->args; a++) p += key_take(p, (size_t)(end - p), &arg[a]);
    if (++n < SPATE_BATCH_ROWS) continue;
    distinct_feed(spec, inner, arg, n);
    n = 0;
  }
  if (n > 0) distinct_feed(spec, inner, arg, n);
  int r = spec->agg->final(spec, inner, out, err);
  if (spec->agg->free != NULL) spec->agg->free(spec, inner);
  for (uint32_t a = 0; a < spec->args; a++) column_builder_fini(&arg[a]);
  mem_free(inner);
  return r;
}

static void distinct_save(const struct agg_spec *spec, const void *state, struct buf *out) {
  (void)spec;
  const struct value_set *s = ((const struct distinct_state *)state)->set;
  buf_block(out, s != NULL ? s->text.data : NULL, s != NULL ? s->text.size : 0);
}

static int distinct_load(const struct agg_spec *spec, void *state, struct cut *in) {
  (void)spec;
  uint32_t size;
  const char *bytes = cut_block(in, &size);
  if (in->bad) return -1;
  struct cut values = {bytes, bytes + size, false};
  while (values.at < values.end) {
    uint32_t n;
    const char *v = cut_block(&values, &n);
    if (values.bad) return -1;
    set_add(set_of(state), v, n);
  }
  return 0;
}

static void distinct_free(const struct agg_spec *spec, void *state) {
  (void)spec;
  struct distinct_state *d = state;
  if (d->set == NULL) return;
  buf_free(&d->set->text);
  mem_free(d->set->slot);
  mem_free(d->set);
  d->set = NULL;
}

static const struct agg_class DISTINCT = {.name = "distinct",
                                          .size = distinct_size,
                                          .update = distinct_update,
                                          .merge = distinct_merge,
                                          .final = distinct_final,
                                          .save = distinct_save,
                                          .load = distinct_load,
                                          .free = distinct_free};

const struct agg_class *agg_of(const struct agg_spec *spec) {
  static const char *const SETS[] = {"count", "sum", "avg", "stddev_pop", "stddev_samp", "var_pop", "var_samp"};
  for (size_t i = 0; spec->distinct && i < sizeof SETS / sizeof *SETS; i++)
    if (strcmp(spec->agg->name, SETS[i]) == 0) return &DISTINCT;
  return spec->agg;
}
