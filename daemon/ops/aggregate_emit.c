/*
 * aggregate_emit: groups into results. What is to go out is first laid down as items (a group and a window), then made
 * into batches one at a time: slices of the window merged, results computed, `where` applied. A result that cannot be
 * computed is a dead letter of its row.
 */
#include <stdlib.h>

#include "../base/mem.h"
#include "../data/key.h"
#include "aggregate.h"

void aggregate_add_item(struct aggregate_state *s, struct group *group, int64_t start) {
  if (s->todos == s->todos_room) {
    s->todos_room = s->todos_room * 2 + 64;
    s->todo = mem_resize(s->todo, s->todos_room * sizeof *s->todo);
  }
  s->todo[s->todos++] = (struct aggregate_item){group, start};
}

static int item_order(const void *a, const void *b) {
  const struct aggregate_item *x = a, *y = b;
  if (x->start != y->start) return x->start < y->start ? -1 : 1;
  return (x->group > y->group) - (x->group < y->group);
}

/* Hopping windows: slices of one group share windows; each window goes out once. */
static void items_unique(struct aggregate_state *s) {
  if (s->todos < 2) return;
  qsort(s->todo, s->todos, sizeof *s->todo, item_order);
  uint64_t n = 1;
  for (uint64_t i = 1; i < s->todos; i++)
    if (item_order(&s->todo[n - 1], &s->todo[i]) != 0) s->todo[n++] = s->todo[i];
  s->todos = n;
}

static void items_of_slice(struct aggregate_state *s, struct slice *slice) {
  const struct aggregate_def *def = s->def;
  if (!def->windowed) {
    aggregate_add_item(s, slice->group, 0);
    return;
  }
  int64_t last = window_last_start(&def->window, slice->start);
  for (int64_t start = window_first_start(&def->window, slice->start); start <= last; start += def->window.every) {
    int64_t end = start + def->window.size;
    bool closed = s->watermark != SPATE_TIME_MIN && end <= s->watermark;
    bool gone = s->watermark != SPATE_TIME_MIN && end <= s->watermark - def->lateness;
    if (def->emit == EMIT_ALL || (!gone && (def->emit == EMIT_CHANGES || closed)))
      aggregate_add_item(s, slice->group, start);
  }
}

void aggregate_take_touched(struct aggregate_state *s) {
  for (uint32_t i = 0; i < s->touches; i++) items_of_slice(s, s->touched[i]);
  s->touches = 0;
  s->mark++;
  if (s->def->windowed && s->def->window.every < s->def->window.size) items_unique(s);
}

void aggregate_take_all(struct aggregate_state *s) {
  for (uint32_t p = 0; p < s->table.panes; p++)
    for (uint32_t i = 0; i < s->table.pane[p].count; i++) items_of_slice(s, s->table.pane[p].slice[i]);
  if (s->def->windowed && s->def->window.every < s->def->window.size) items_unique(s);
}

/* The groups that have a slice in [start, end). */
static void items_of_window(struct aggregate_state *s, uint32_t pane, int64_t start, int64_t end) {
  s->mark++; /* marks groups here, slices elsewhere: both only ask whether it is the newest */
  for (; pane < s->table.panes && s->table.pane[pane].start < end; pane++)
    for (uint32_t i = 0; i < s->table.pane[pane].count; i++) {
      struct group *g = s->table.pane[pane].slice[i]->group;
      if (g->seen == s->mark) continue;
      g->seen = s->mark;
      aggregate_add_item(s, g, start);
    }
}

bool aggregate_take_window(struct aggregate_state *s, int64_t until) {
  const struct window *w = &s->def->window;
  if (s->table.panes == 0) return false;
  int64_t after = s->table.pane[0].start > s->fired ? s->table.pane[0].start : s->fired;
  int64_t end = window_next_end(w, after);
  uint32_t pane = group_table_pane(&s->table, end - w->size);
  if (pane >= s->table.panes) return false;
  if (s->table.pane[pane].start >= end) { /* nothing in between: on to the next window that holds something */
    end = window_next_end(w, s->table.pane[pane].start);
    pane = group_table_pane(&s->table, end - w->size);
  }
  if (end > until) return false;
  s->fired = end;
  items_of_window(s, pane, end - w->size, end);
  return true;
}

/* ---- items into a batch ---- */
struct emission {
  uint32_t rows;
  struct column_builder *key, *call; /* [keys], [calls] */
  struct spate_column *start, *end, *time;
};

static void emission_init(struct aggregate_state *s, struct emission *e, uint32_t room) {
  const struct aggregate_def *def = s->def;
  e->rows = 0;
  e->key = MEM_NEWS(struct column_builder, def->keys + 1);
  e->call = MEM_NEWS(struct column_builder, def->calls + 1);
  for (uint32_t i = 0; i < def->keys; i++)
    column_builder_init(&e->key[i], def->input->all.fields[def->key[i]].type, room);
  for (uint32_t i = 0; i < def->calls; i++) column_builder_init(&e->call[i], def->call[i].spec.type, room);
  struct spate_type stamp = type_of(SPATE_TIMESTAMP);
  e->start = def->windowed ? spate_column_new(stamp, room, 0) : NULL;
  e->end = def->windowed ? spate_column_new(stamp, room, 0) : NULL;
  e->time = def->windowed && !def->processing ? spate_column_new(stamp, room, 0) : NULL;
}

/* The state of the group's window: its one slice itself, or all of them merged in the scratch state. */
static void *emission_state(struct aggregate_state *s, const struct aggregate_item *item, bool *merged) {
  const struct aggregate_def *def = s->def;
  int64_t from = def->windowed ? item->start : INT64_MIN,
          to = def->windowed ? item->start + def->window.size : INT64_MAX;
  struct slice *only = NULL;
  *merged = false;
  for (struct slice *slice = item->group->first; slice != NULL && slice->start >= from; slice = slice->next) {
    if (slice->start >= to) continue;
    if (only == NULL) {
      only = slice;
      continue;
    }
    if (!*merged) memset(s->scratch, 0, def->state_size);
    for (uint32_t i = 0; i < def->calls; i++) {
      const struct aggregate_call *c = &def->call[i];
      if (!*merged) c->run->merge(&c->spec, (char *)s->scratch + c->offset, only->state + c->offset);
      c->run->merge(&c->spec, (char *)s->scratch + c->offset, slice->state + c->offset);
    }
    *merged = true;
  }
  return *merged ? s->scratch : only != NULL ? only->state : NULL;
}

static void emission_add(struct aggregate_state *s, struct emission *e, const struct aggregate_item *item) {
  const struct aggregate_def *def = s->def;
  struct spate_error err = {0};
  bool merged;
  char *state = emission_state(s, item, &merged);
  if (state == NULL) return;
  const char *key = item->group->key, *key_end = key + item->group->key_size;
  for (uint32_t i = 0; i < def->keys; i++) key += key_take(key, (size_t)(key_end - key), &e->key[i]);
  for (uint32_t i = 0; i < def->calls; i++) {
    const struct aggregate_call *c = &def->call[i];
    if (c->run->final(&c->spec, state + c->offset, &e->call[i], &err) != 0)
      spate_reject(&s->rejects, e->rows, "%s", err.message);
    if (merged && c->run->free != NULL) c->run->free(&c->spec, state + c->offset);
  }
  if (def->windowed) {
    e->start->i64[e->rows] = item->start;
    e->end->i64[e->rows] = item->start + def->window.size;
    if (e->time != NULL) e->time->i64[e->rows] = item->start + def->window.size - 1;
  }
  e->rows++;
}

/* keys, window_start, window_end: what every final expression may read. */
static uint32_t emission_group(const struct aggregate_def *def, struct emission *e, struct spate_column **column) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < def->keys; i++) {
    column[n++] = column_builder_take(&e->key[i]);
    column_builder_fini(&e->key[i]);
  }
  if (def->windowed) {
    e->start->rows = e->end->rows = e->rows;
    column[n++] = e->start;
    column[n++] = e->end;
  }
  return n;
}

static struct spate_column *emission_final(struct aggregate_state *s, uint32_t r, struct spate_column **group,
                                           uint32_t groups, struct spate_column **call, uint32_t rows) {
  const struct aggregate_result *result = &s->def->result[r];
  if (result->final == NULL) return spate_column_ref(call[result->first]);
  struct spate_column *column[groups + result->calls + 1];
  for (uint32_t i = 0; i < groups; i++) column[i] = spate_column_ref(group[i]);
  for (uint32_t i = 0; i < result->calls; i++) column[groups + i] = spate_column_ref(call[result->first + i]);
  struct spate_batch *batch = spate_batch_new(rows, groups + result->calls, column, NULL);
  struct spate_column *out = expr_eval(s->final[r], batch, &s->frame->moment, &s->rejects);
  spate_batch_unref(batch);
  return out;
}

static struct spate_batch *emission_batch(struct aggregate_state *s, struct emission *e) {
  const struct aggregate_def *def = s->def;
  struct spate_column *column[def->output->all.count + 1], *call[def->calls + 1];
  uint32_t n = emission_group(def, e, column), groups = n;
  for (uint32_t i = 0; i < def->calls; i++) {
    call[i] = column_builder_take(&e->call[i]);
    column_builder_fini(&e->call[i]);
  }
  for (uint32_t r = 0; r < def->results; r++) column[n++] = emission_final(s, r, column, groups, call, e->rows);
  for (uint32_t i = 0; i < def->calls; i++) spate_column_unref(call[i]);
  if (e->time != NULL) e->time->rows = e->rows;
  mem_free(e->key);
  mem_free(e->call);
  return spate_batch_new(e->rows, n, column, e->time);
}

/* Bad results are letters; the others pass if `where` is true. */
static struct spate_batch *emission_filter(struct aggregate_state *s, struct spate_batch *batch) {
  uint16_t rows[SPATE_BATCH_ROWS];
  uint32_t n = batch->count;
  if (s->where != NULL) n = expr_select(s->where, batch, &s->frame->moment, &s->rejects, rows);
  for (uint32_t i = 0; i < s->rejects.count; i++)
    s->frame->dead(s->frame, batch, s->rejects.item[i].row, s->def->output, rejects_reason(&s->rejects, i));
  if (s->where == NULL && s->rejects.count > 0) n = rejects_remaining(&s->rejects, batch, rows);
  if (s->where != NULL && s->rejects.count > 0) {
    uint32_t good = 0;
    for (uint32_t k = 0; k < n; k++)
      if (!s->rejects.bad[rows[k]]) rows[good++] = rows[k];
    n = good;
  }
  rejects_clear(&s->rejects);
  struct spate_batch *out = n == batch->count ? spate_batch_ref(batch) : n > 0 ? batch_select(batch, rows, n) : NULL;
  spate_batch_unref(batch);
  return out;
}

struct spate_batch *aggregate_emit(struct aggregate_state *s) {
  uint64_t left = s->todos - s->todo_at;
  uint32_t room = left < SPATE_BATCH_ROWS ? (uint32_t)left : SPATE_BATCH_ROWS;
  struct emission e;
  emission_init(s, &e, room);
  for (uint32_t i = 0; i < room; i++) emission_add(s, &e, &s->todo[s->todo_at++]);
  if (s->todo_at == s->todos) s->todo_at = s->todos = 0;
  return emission_filter(s, emission_batch(s, &e));
}
