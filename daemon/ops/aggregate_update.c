/*
 * aggregate_update: rows into groups. First what may fail (arguments, filters) is computed for the whole batch, so that
 * a bad row changes no state; then every row is given the place of its slice; then each aggregate runs once over all
 * rows.
 */
#include "../base/hash.h"
#include "../base/mem.h"
#include "../data/key.h"
#include "aggregate.h"

struct update {
  uint32_t count; /* rows that are neither bad nor late */
  uint16_t row[SPATE_BATCH_ROWS];
  char *state[SPATE_BATCH_ROWS];
  char *of_row[SPATE_BATCH_ROWS]; /* by row; NULL: not among them */
  uint32_t late_count;
  uint16_t late[SPATE_BATCH_ROWS];
};

void aggregate_release(void *own, struct slice *slice) {
  const struct aggregate_state *s = own;
  for (uint32_t i = 0; i < s->def->calls; i++) {
    const struct aggregate_call *c = &s->def->call[i];
    if (c->run->free != NULL) c->run->free(&c->spec, slice->state + c->offset);
  }
}

static void update_touch(struct aggregate_state *s, struct slice *slice) {
  if (slice->touched == s->mark) return;
  slice->touched = s->mark;
  if (s->touches == s->touches_room) {
    s->touches_room = s->touches_room * 2 + 64;
    s->touched = mem_resize(s->touched, s->touches_room * sizeof *s->touched);
  }
  s->touched[s->touches++] = slice;
}

static bool update_is_late(const struct aggregate_state *s, int64_t time) {
  const struct aggregate_def *def = s->def;
  if (!def->windowed || def->processing || s->watermark == SPATE_TIME_MIN) return false;
  int64_t end = window_last_start(&def->window, time) + def->window.size;
  return s->watermark - def->lateness >= end;
}

/* Changes that go out later: every one, or those of windows that have gone out already. */
static bool update_tells(const struct aggregate_state *s, int64_t slice) {
  if (s->def->emit == EMIT_CHANGES) return true;
  if (s->def->emit != EMIT_CLOSE || s->def->lateness == 0) return false;
  return window_next_end(&s->def->window, slice) <= s->watermark;
}

static struct slice *update_place(struct aggregate_state *s, const struct spate_batch *batch, uint32_t row,
                                  int64_t start) {
  const struct aggregate_def *def = s->def;
  s->key.size = 0;
  for (uint32_t i = 0; i < def->keys; i++) key_put(&s->key, batch->column[def->key[i]], row);
  uint64_t hash = hash_bytes(s->key.data, s->key.size);
  struct group *g = group_find(&s->table, hash, s->key.data != NULL ? s->key.data : "", (uint32_t)s->key.size);
  return group_slice(&s->table, g, start);
}

static void update_rows(struct aggregate_state *s, const struct spate_batch *batch, struct update *u) {
  const struct aggregate_def *def = s->def;
  const struct spate_rejects *rejects = s->frame->rejects;
  int64_t start = 0, from = 1, to = 0, now = s->frame->moment.now; /* [from, to): where the slice at hand reaches */
  if (def->processing && now < s->watermark)
    now = s->watermark; /* the clock was set back: what has gone out stays so */
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    u->of_row[row] = NULL;
    if (rejects->count > 0 && rejects->bad[row]) continue;
    if (def->windowed) {
      int64_t t = def->processing ? now : batch->time->i64[row];
      if (update_is_late(s, t)) {
        u->late[u->late_count++] = (uint16_t)row;
        continue;
      }
      if (t < from || t >= to) {
        start = from = window_slice(&def->window, t);
        int64_t rest = def->window.size % def->window.every;
        to = rest == 0 ? from + def->window.every : t + 1; /* uneven slices are looked up each time */
      }
    }
    struct slice *slice = update_place(s, batch, row, start);
    if (update_tells(s, start)) update_touch(s, slice);
    slice->rows++;
    u->of_row[row] = slice->state;
    u->state[u->count] = slice->state;
    u->row[u->count++] = (uint16_t)row;
  }
}

static void update_call(struct aggregate_state *s, const struct aggregate_call *c, const struct update *u,
                        struct agg_input *in, const uint16_t *passed, uint32_t passes) {
  if (passed == NULL) {
    c->run->update(&c->spec, (char **)(uintptr_t)u->state, c->offset, u->row, u->count, in);
    return;
  }
  char *state[SPATE_BATCH_ROWS];
  uint16_t rows[SPATE_BATCH_ROWS];
  uint32_t n = 0;
  for (uint32_t k = 0; k < passes; k++) {
    if (u->of_row[passed[k]] == NULL) continue;
    state[n] = u->of_row[passed[k]];
    rows[n++] = passed[k];
  }
  c->run->update(&c->spec, state, c->offset, rows, n, in);
  (void)s;
}

void aggregate_count_late(struct aggregate_state *s, uint64_t rows) {
  *s->frame->late += rows;
  if (s->def->late_port) return;
  spate_log(s->frame->where, SPATE_LOG_WARN,
            "records came late for all their windows and were dropped; `late: NAME` keeps them");
}

void aggregate_update(struct aggregate_state *s, struct spate_batch *batch) {
  const struct aggregate_def *def = s->def;
  struct spate_column *arg[def->calls * 3 + 1];
  uint16_t *passed[def->calls + 1];
  uint32_t passes[def->calls + 1];
  for (uint32_t i = 0; i < def->calls; i++) {
    const struct aggregate_call *c = &def->call[i];
    passed[i] = NULL;
    if (c->filter != NULL) {
      passed[i] = mem_alloc(SPATE_BATCH_ROWS * sizeof(uint16_t));
      passes[i] = expr_select(s->filter[i], batch, &s->frame->moment, s->frame->rejects, passed[i]);
    }
    for (uint32_t a = 0; a < c->spec.args; a++)
      arg[i * 3 + a] = expr_eval(s->arg[i * 3 + a], batch, &s->frame->moment, s->frame->rejects);
  }
  struct update u;
  u.count = u.late_count = 0;
  update_rows(s, batch, &u);
  for (uint32_t i = 0; i < def->calls; i++) {
    const struct aggregate_call *c = &def->call[i];
    struct agg_input in = {.time = batch->time != NULL ? batch->time->i64 : NULL, .arrival = s->arrival};
    for (uint32_t a = 0; a < c->spec.args; a++) in.arg[a] = arg[i * 3 + a];
    update_call(s, c, &u, &in, passed[i], passed[i] != NULL ? passes[i] : 0);
    for (uint32_t a = 0; a < c->spec.args; a++) spate_column_unref(arg[i * 3 + a]);
    mem_free(passed[i]);
  }
  s->arrival += batch->rows;
  if (s->partial) {
    if (u.late_count > 0) s->late = batch_select(batch, u.late, u.late_count);
    return;
  }
  *s->frame->state_keys = s->table.groups;
  *s->frame->state_bytes = s->table.bytes;
  if (u.late_count == 0) return;
  if (def->late_port) s->late = batch_select(batch, u.late, u.late_count);
  aggregate_count_late(s, u.late_count);
}
