/*
 * aggregate_partial: the aggregate on the tasks where the records are, before the exchange. Rows of one group and slice
 * become one partial row, and only that travels.
 *
 * Law: it never drops and never judges lateness, and changes no result. It holds the watermark back together with the
 * groups, and sends all groups before it passes on a watermark or a barrier. A record that is late by the watermark
 * seen here travels as a row, after that watermark. The window's step may still be ahead of this task (which was idle,
 * or a restart restored its watermark): it judges a partial by its slice, whose records are late together or not at
 * all, and counts its rows. Where late records have a reader (`late:`) rows travel, not partials.
 *
 * It holds on for company only while more is coming: after HELD_ROWS rows, HELD_GROUPS groups, or when the task finds
 * nothing more (OP_FLUSH), everything goes out. Where groups hardly repeat it stands aside for a while.
 */
#include "../base/mem.h"
#include "aggregate.h"

#define HELD_ROWS 65536u
#define HELD_GROUPS 4096u
#define ASIDE_BATCHES 256u

struct partial_state {
  struct aggregate_state *all; /* the same state as the window's step, used for groups, arguments and lateness alone */
  struct op_frame *frame;
  uint64_t rows;     /* held, as rows */
  int64_t watermark; /* held back; passed: what went on */
  int64_t passed;
  uint32_t aside;       /* batches to let through as they are */
  uint32_t pane, slice; /* where flushing stands */
  bool flushing, taken;
};

static bool partial_can(const struct aggregate_def *def) {
  static const char *const MERGED[] = {"count", "sum", "avg", "min", "max", "bool_and", "bool_or"};
  if (def->emit != EMIT_CLOSE || def->lateness > 0 || def->processing || def->late_port) return false;
  for (uint32_t i = 0; i < def->calls; i++) { /* first, last and their kin go by arrival, which a partial has not */
    bool merged = false;
    for (size_t k = 0; k < sizeof MERGED / sizeof *MERGED; k++)
      merged |= strcmp(def->call[i].spec.agg->name, MERGED[k]) == 0;
    if (!merged || def->call[i].run != def->call[i].spec.agg) return false;
  }
  return true;
}

static int partial_open(const void *def, struct op_frame *frame, void **state) {
  struct partial_state *p = MEM_NEW(struct partial_state);
  void *all = NULL;
  p->frame = frame;
  p->watermark = p->passed = SPATE_TIME_MIN;
  *state = p;
  if (AGGREGATE.open(def, frame, &all) != 0) return -1;
  p->all = all;
  p->all->partial = true;
  return 0;
}

static void partial_close(void *own) {
  struct partial_state *p = own;
  if (p->all != NULL) AGGREGATE.close(p->all);
  mem_free(p);
}

/* ---- out ---- */
struct partial_rows {
  struct column_builder column[PARTIAL_COLUMNS];
  struct buf state;
};

static void partial_rows_init(struct partial_rows *r, uint32_t room) {
  column_builder_init(&r->column[PARTIAL_HASH], type_of(SPATE_INT), room);
  column_builder_init(&r->column[PARTIAL_KEY], type_of(SPATE_BYTES), room);
  column_builder_init(&r->column[PARTIAL_START], type_of(SPATE_INT), room);
  column_builder_init(&r->column[PARTIAL_ROWS], type_of(SPATE_INT), room);
  column_builder_init(&r->column[PARTIAL_STATE], type_of(SPATE_BYTES), room);
  r->state = (struct buf){0};
}

static void partial_rows_add(struct partial_rows *r, const struct aggregate_def *def, const struct slice *slice) {
  r->state.size = 0;
  for (uint32_t i = 0; i < def->calls; i++)
    def->call[i].run->save(&def->call[i].spec, slice->state + def->call[i].offset, &r->state);
  column_builder_i64(&r->column[PARTIAL_HASH], (int64_t)slice->group->hash);
  column_builder_bytes(&r->column[PARTIAL_KEY], slice->group->key, slice->group->key_size);
  column_builder_i64(&r->column[PARTIAL_START], slice->start);
  column_builder_i64(&r->column[PARTIAL_ROWS], (int64_t)slice->rows);
  column_builder_bytes(&r->column[PARTIAL_STATE], r->state.data, r->state.size);
}

static struct spate_batch *partial_rows_take(struct partial_rows *r) {
  struct spate_column *column[PARTIAL_COLUMNS];
  uint32_t rows = r->column[0].count;
  for (uint32_t i = 0; i < PARTIAL_COLUMNS; i++) {
    column[i] = column_builder_take(&r->column[i]);
    column_builder_fini(&r->column[i]);
  }
  buf_free(&r->state);
  return spate_batch_new(rows, PARTIAL_COLUMNS, column, NULL);
}

/* The next held groups as a batch; false: none are left, and the table is empty. */
static bool partial_flush(struct partial_state *p, struct op_msg *out) {
  struct group_table *t = &p->all->table;
  if (p->pane >= t->panes) {
    while (t->panes > 0) group_table_drop_first(t, aggregate_release, p->all);
    p->pane = p->slice = 0;
    return false;
  }
  struct partial_rows rows;
  partial_rows_init(&rows, 256);
  uint32_t n = 0;
  while (n < SPATE_BATCH_ROWS && p->pane < t->panes) {
    const struct pane *pane = &t->pane[p->pane];
    for (; p->slice < pane->count && n < SPATE_BATCH_ROWS; n++)
      partial_rows_add(&rows, p->all->def, pane->slice[p->slice++]);
    if (p->slice == pane->count) p->slice = 0, p->pane++;
  }
  *out = (struct op_msg){.kind = OP_PARTIAL, .batch = partial_rows_take(&rows)};
  return true;
}

/* Everything held, then the watermark that was held back with it. SPATE_OK: all is out. */
static enum spate_result partial_let_go(struct partial_state *p, struct op_msg *out) {
  if (!p->flushing) {
    p->flushing = true;
    if (p->rows > 0 && p->rows < 2 * p->all->table.groups) p->aside = ASIDE_BATCHES;
  }
  if (partial_flush(p, out)) return SPATE_MORE;
  p->rows = 0;
  p->flushing = false;
  if (p->watermark > p->passed) {
    p->passed = p->watermark;
    *out = (struct op_msg){.kind = OP_WATERMARK, .value = p->watermark};
    return SPATE_MORE;
  }
  return SPATE_OK;
}

/* ---- in ---- */
static enum spate_result partial_batch(struct partial_state *p, const struct op_msg *in, struct op_msg *out) {
  struct aggregate_state *s = p->all;
  if (!p->taken && p->aside > 0) {
    enum spate_result r = partial_let_go(p, out);
    if (r != SPATE_OK) return r;
    p->aside--;
    op_give(out, 0, spate_batch_ref(in->batch));
    return SPATE_OK;
  }
  if (!p->taken) {
    p->taken = true;
    aggregate_update(s, in->batch);
    p->rows += in->batch->count;
    *p->frame->holding = true;
  }
  if (s->late != NULL) { /* the window's step must know the time by which they are late before it sees them */
    enum spate_result r = partial_let_go(p, out);
    if (r != SPATE_OK) return r;
    op_give(out, 0, s->late);
    s->late = NULL;
    return SPATE_MORE;
  }
  if (p->flushing || p->rows >= HELD_ROWS || s->table.groups >= HELD_GROUPS || p->aside > 0) {
    enum spate_result r = partial_let_go(p, out);
    if (r != SPATE_OK) return r;
  }
  p->taken = false;
  return SPATE_OK;
}

static enum spate_result partial_step(void *own, const struct op_msg *in, struct op_msg *out) {
  struct partial_state *p = own;
  if (in->kind == OP_BATCH) return partial_batch(p, in, out);
  if (in->kind == OP_WATERMARK) {
    if (in->value > p->watermark) p->watermark = p->all->watermark = in->value;
    *p->frame->holding = true;
    if (p->aside == 0 && in->value != SPATE_TIME_MAX) return SPATE_OK; /* held back with the groups */
    return partial_let_go(p, out);
  }
  if (in->kind == OP_TICK) return op_pass(in, out);
  enum spate_result r = partial_let_go(p, out);
  return r != SPATE_OK ? r : op_pass(in, out);
}

static const struct op_class PARTIAL = {.open = partial_open, .step = partial_step, .close = partial_close};

const struct op_class *aggregate_partial(const void *def) { return partial_can(def) ? &PARTIAL : NULL; }

/* ---- at the window's step ---- */
static bool partial_is_late(struct aggregate_state *s, const struct spate_batch *batch, uint32_t row) {
  if (!s->def->windowed || s->watermark == SPATE_TIME_MIN) return false;
  if (window_slice_end(&s->def->window, batch->column[PARTIAL_START]->i64[row]) > s->watermark) return false;
  aggregate_count_late(s, (uint64_t)batch->column[PARTIAL_ROWS]->i64[row]);
  return true;
}

int aggregate_take_partials(struct aggregate_state *s, const struct spate_batch *batch) {
  const struct aggregate_def *def = s->def;
  for (uint32_t row = 0; row < batch->rows; row++) {
    if (partial_is_late(s, batch, row)) continue;
    uint32_t key_size, state_size;
    const char *key = spate_column_bytes(batch->column[PARTIAL_KEY], row, &key_size);
    const char *state = spate_column_bytes(batch->column[PARTIAL_STATE], row, &state_size);
    struct group *g = group_find(&s->table, (uint64_t)batch->column[PARTIAL_HASH]->i64[row], key, key_size);
    struct slice *slice = group_slice(&s->table, g, batch->column[PARTIAL_START]->i64[row]);
    struct cut cut = {state, state + state_size, false};
    memset(s->scratch, 0, def->state_size);
    for (uint32_t i = 0; i < def->calls; i++) {
      const struct aggregate_call *c = &def->call[i];
      void *part = (char *)s->scratch + c->offset;
      if (c->run->load(&c->spec, part, &cut) != 0) return -1;
      c->run->merge(&c->spec, slice->state + c->offset, part);
      if (c->run->free != NULL) c->run->free(&c->spec, part);
    }
  }
  *s->frame->state_keys = s->table.groups;
  *s->frame->state_bytes = s->table.bytes;
  return 0;
}
