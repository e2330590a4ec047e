/*
 * aggregate_run: when results go out. close: a window when the watermark reaches its end, and again after a batch that
 * changed it until its lateness is over; changes: what a batch changed; all: everything at the end of an epoch.
 * Whatever is due goes out, a batch at a time, before the message that made it due is passed on.
 */
#include "../base/mem.h"
#include "aggregate.h"

static int aggregate_open(const void *own, struct op_frame *frame, void **state) {
  const struct aggregate_def *def = own;
  struct aggregate_state *s = MEM_NEW(struct aggregate_state);
  s->def = def;
  s->frame = frame;
  s->watermark = s->fired = SPATE_TIME_MIN;
  s->mark = 1;
  group_table_init(&s->table, def->state_size);
  s->arg = MEM_NEWS(struct expr_frame *, def->calls * 3 + 1);
  s->filter = MEM_NEWS(struct expr_frame *, def->calls + 1);
  s->final = MEM_NEWS(struct expr_frame *, def->results + 1);
  s->scratch = mem_zero(1, def->state_size + 16);
  for (uint32_t i = 0; i < def->calls; i++) {
    for (uint32_t a = 0; a < def->call[i].spec.args; a++) s->arg[i * 3 + a] = expr_frame_new(def->call[i].arg[a]);
    if (def->call[i].filter != NULL) s->filter[i] = expr_frame_new(def->call[i].filter);
  }
  for (uint32_t i = 0; i < def->results; i++)
    if (def->result[i].final != NULL) s->final[i] = expr_frame_new(def->result[i].final);
  if (def->where != NULL) s->where = expr_frame_new(def->where);
  *state = s;
  return 0;
}

static void aggregate_close(void *own) {
  struct aggregate_state *s = own;
  for (uint32_t i = 0; i < s->def->calls * 3; i++) expr_frame_free(&s->arg[i]);
  for (uint32_t i = 0; i < s->def->calls; i++) expr_frame_free(&s->filter[i]);
  for (uint32_t i = 0; i < s->def->results; i++) expr_frame_free(&s->final[i]);
  expr_frame_free(&s->where);
  group_table_fini(&s->table, aggregate_release, s);
  spate_batch_unref(s->late);
  rejects_fini(&s->rejects);
  buf_free(&s->key);
  mem_free(s->arg);
  mem_free(s->filter);
  mem_free(s->final);
  mem_free(s->scratch);
  mem_free(s->touched);
  mem_free(s->todo);
  mem_free(s);
}

/* Panes that no window will need again. */
static void aggregate_evict(struct aggregate_state *s) {
  const struct aggregate_def *def = s->def;
  bool end = s->watermark == SPATE_TIME_MAX;
  if (def->emit == EMIT_ALL || s->watermark == SPATE_TIME_MIN || (!def->windowed && !end)) return;
  while (s->table.panes > 0 &&
         (end || window_slice_end(&def->window, s->table.pane[0].start) <= s->watermark - def->lateness))
    group_table_drop_first(&s->table, aggregate_release, s);
  *s->frame->state_keys = s->table.groups;
  *s->frame->state_bytes = s->table.bytes;
}

/* Items for what the new time closes: true when there are some. */
static bool aggregate_due(struct aggregate_state *s, int64_t time) {
  if (s->def->emit != EMIT_CLOSE) return false;
  if (s->def->windowed) return aggregate_take_window(s, time);
  if (time != SPATE_TIME_MAX || s->fired == SPATE_TIME_MAX) return false;
  s->fired = SPATE_TIME_MAX;
  aggregate_take_all(s);
  return s->todos > 0;
}

static enum spate_result aggregate_send(struct aggregate_state *s, struct op_msg *out) {
  op_give(out, 0, aggregate_emit(s));
  return SPATE_MORE;
}

static enum spate_result aggregate_batch(struct aggregate_state *s, const struct op_msg *in, struct op_msg *out) {
  if (!s->busy) {
    aggregate_update(s, in->batch);
    s->busy = true;
    if (!s->def->defer) aggregate_take_touched(s);
  }
  if (s->late != NULL) {
    op_give(out, 1, s->late);
    s->late = NULL;
    return SPATE_MORE;
  }
  if (s->todos > 0) return aggregate_send(s, out);
  s->busy = false;
  return SPATE_OK;
}

/* Time moves: first what changed before, then the windows that close, then the message itself. */
static enum spate_result aggregate_time(struct aggregate_state *s, const struct op_msg *in, struct op_msg *out) {
  if (!s->busy) {
    s->busy = true;
    aggregate_take_touched(s);
  }
  if (s->todos > 0) return aggregate_send(s, out);
  if (aggregate_due(s, in->value)) return SPATE_MORE;
  s->busy = false;
  if (in->value > s->watermark) s->watermark = in->value;
  if (in->value > s->fired && s->def->windowed) s->fired = in->value;
  aggregate_evict(s);
  return op_pass(in, out);
}

static enum spate_result aggregate_barrier(struct aggregate_state *s, const struct op_msg *in, struct op_msg *out) {
  if (!s->busy) {
    s->busy = true;
    aggregate_take_touched(s);
    if (s->def->emit == EMIT_ALL && s->changed) aggregate_take_all(s);
    s->changed = false;
  }
  if (s->todos > 0) return aggregate_send(s, out);
  s->busy = false;
  return op_pass(in, out);
}

static enum spate_result aggregate_step(void *own, const struct op_msg *in, struct op_msg *out) {
  struct aggregate_state *s = own;
  switch (in->kind) {
    case OP_BATCH: s->changed = true; return aggregate_batch(s, in, out);
    case OP_PARTIAL:
      s->changed = true;
      if (aggregate_take_partials(s, in->batch) == 0) return SPATE_OK;
      spate_fail(s->frame->error, "a partial aggregate is malformed");
      return SPATE_FAIL;
    case OP_WATERMARK:
      /* windows by the clock: event time only passes, but for its end, which closes everything */
      if (s->def->processing && in->value != SPATE_TIME_MAX) return op_pass(in, out);
      return aggregate_time(s, in, out);
    case OP_TICK: return s->def->processing ? aggregate_time(s, in, out) : op_pass(in, out);
    case OP_BARRIER: return aggregate_barrier(s, in, out);
    default: return op_pass(in, out);
  }
}

static int64_t aggregate_next_tick(void *own) {
  const struct aggregate_state *s = own;
  if (!s->def->processing || !s->def->windowed || s->table.panes == 0) return INT64_MAX;
  int64_t first = s->table.pane[0].start;
  int64_t end = window_next_end(&s->def->window, first > s->fired ? first : s->fired);
  return s->watermark != SPATE_TIME_MIN && end <= s->watermark ? s->watermark + 1 : end;
}

/* ---- state ---- */
static int aggregate_save(void *own, struct buf *out) {
  struct aggregate_state *s = own;
  struct buf entry = {0};
  for (uint64_t i = 0; i < s->table.slots; i++) {
    const struct group *g = s->table.slot[i];
    if (g == NULL) continue;
    entry.size = 0;
    buf_block(&entry, g->key, g->key_size);
    for (const struct slice *slice = g->first; slice != NULL; slice = slice->next) {
      buf_u8(&entry, 1);
      buf_u64(&entry, (uint64_t)slice->start);
      for (uint32_t c = 0; c < s->def->calls; c++)
        s->def->call[c].run->save(&s->def->call[c].spec, slice->state + s->def->call[c].offset, &entry);
    }
    buf_u8(&entry, 0);
    buf_u64(out, g->hash);
    buf_block(out, entry.data, entry.size);
  }
  buf_free(&entry);
  return 0;
}

static int aggregate_load(void *own, uint64_t hash, struct cut *entry) {
  struct aggregate_state *s = own;
  uint32_t size;
  const char *key = cut_block(entry, &size);
  if (key == NULL) return -1;
  struct group *g = group_find(&s->table, hash, key, size);
  while (cut_u8(entry) == 1) {
    struct slice *slice = group_slice(&s->table, g, (int64_t)cut_u64(entry));
    for (uint32_t c = 0; c < s->def->calls; c++)
      if (s->def->call[c].run->load(&s->def->call[c].spec, slice->state + s->def->call[c].offset, entry) != 0)
        return -1;
  }
  *s->frame->state_keys = s->table.groups;
  return entry->bad || g->first == NULL ? -1 : 0;
}

static int64_t aggregate_get_watermark(void *own) { return ((struct aggregate_state *)own)->watermark; }
static void aggregate_set_watermark(void *own, int64_t watermark) {
  struct aggregate_state *s = own;
  s->watermark = watermark;
  if (s->def->windowed) s->fired = watermark;
}

const struct op_class AGGREGATE = {.open = aggregate_open,
                                   .step = aggregate_step,
                                   .save = aggregate_save,
                                   .load = aggregate_load,
                                   .get_watermark = aggregate_get_watermark,
                                   .set_watermark = aggregate_set_watermark,
                                   .next_tick = aggregate_next_tick,
                                   .close = aggregate_close};
