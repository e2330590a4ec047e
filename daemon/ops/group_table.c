/* group_table: see group_table.h. Open addressing with linear probing; removal shifts back, so there are no tombstones.
 */
#include "group_table.h"

#include <string.h>

#include "../base/mem.h"

#define CHUNK_BYTES 65536u

void group_table_init(struct group_table *t, uint32_t state_size) {
  *t = (struct group_table){.state_size = state_size, .slots = 64};
  t->slot = MEM_NEWS(struct group *, t->slots);
}

static void table_grow(struct group_table *t) {
  struct group **old = t->slot;
  uint64_t n = t->slots;
  t->slots *= 2;
  t->slot = MEM_NEWS(struct group *, t->slots);
  for (uint64_t i = 0; i < n; i++) {
    if (old[i] == NULL) continue;
    uint64_t at = old[i]->hash & (t->slots - 1);
    while (t->slot[at] != NULL) at = (at + 1) & (t->slots - 1);
    t->slot[at] = old[i];
  }
  mem_free(old);
}

struct group *group_find(struct group_table *t, uint64_t hash, const char *key, uint32_t size) {
  uint64_t at = hash & (t->slots - 1);
  for (struct group *g; (g = t->slot[at]) != NULL; at = (at + 1) & (t->slots - 1))
    if (g->hash == hash && g->key_size == size && memcmp(g->key, key, size) == 0) return g;
  if ((t->groups + 1) * 2 > t->slots) {
    table_grow(t);
    at = hash & (t->slots - 1);
    while (t->slot[at] != NULL) at = (at + 1) & (t->slots - 1);
  }
  struct group *g = mem_alloc(sizeof *g + size);
  *g = (struct group){.hash = hash, .key_size = size};
  memcpy(g->key, key, size);
  t->slot[at] = g;
  t->groups++;
  t->bytes += sizeof *g + size;
  return g;
}

static void group_remove(struct group_table *t, struct group *g) {
  uint64_t mask = t->slots - 1, at = g->hash & mask;
  while (t->slot[at] != g) at = (at + 1) & mask;
  for (uint64_t next = (at + 1) & mask; t->slot[next] != NULL; next = (next + 1) & mask) {
    uint64_t home = t->slot[next]->hash & mask;
    if (((next - home) & mask) < ((next - at) & mask)) continue; /* it would move before its home */
    t->slot[at] = t->slot[next];
    at = next;
  }
  t->slot[at] = NULL;
  t->groups--;
  t->bytes -= sizeof *g + g->key_size;
  mem_free(g);
}

/* ---- slices ---- */
static uint32_t slice_size(const struct group_table *t) {
  return (uint32_t)((sizeof(struct slice) + t->state_size + 15) & ~15u);
}

static struct slice *slice_new(struct group_table *t) {
  uint32_t size = slice_size(t);
  struct slice *s = t->free_slices;
  if (s != NULL) {
    t->free_slices = s->next;
  } else {
    if (t->chunk_left == 0) {
      uint32_t n = CHUNK_BYTES / size > 0 ? CHUNK_BYTES / size : 1;
      t->chunk = mem_resize(t->chunk, (t->chunks + 1) * sizeof *t->chunk);
      t->chunk[t->chunks++] = t->chunk_at = mem_alloc((size_t)n * size);
      t->chunk_left = n;
    }
    s = (struct slice *)(void *)t->chunk_at;
    t->chunk_at += size;
    t->chunk_left--;
  }
  memset(s, 0, size);
  t->bytes += size;
  return s;
}

uint32_t group_table_pane(const struct group_table *t, int64_t from) {
  uint32_t low = 0, high = t->panes;
  while (low < high) {
    uint32_t mid = (low + high) / 2;
    if (t->pane[mid].start < from)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

static struct pane *pane_get(struct group_table *t, int64_t start) {
  if (t->last_pane < t->panes && t->pane[t->last_pane].start == start) return &t->pane[t->last_pane];
  uint32_t at = group_table_pane(t, start);
  t->last_pane = at;
  if (at < t->panes && t->pane[at].start == start) return &t->pane[at];
  if (t->panes == t->panes_room) {
    t->panes_room = t->panes_room * 2 + 8;
    t->pane = mem_resize(t->pane, t->panes_room * sizeof *t->pane);
  }
  memmove(t->pane + at + 1, t->pane + at, (t->panes - at) * sizeof *t->pane);
  t->panes++;
  t->pane[at] = (struct pane){.start = start};
  return &t->pane[at];
}

struct slice *group_slice(struct group_table *t, struct group *g, int64_t start) {
  struct slice **p = &g->first;
  while (*p != NULL && (*p)->start > start) p = &(*p)->next;
  if (*p != NULL && (*p)->start == start) return *p;
  struct slice *s = slice_new(t);
  s->group = g;
  s->start = start;
  s->next = *p;
  *p = s;
  struct pane *pane = pane_get(t, start);
  if (pane->count == pane->room) {
    pane->room = pane->room * 2 + 16;
    pane->slice = mem_resize(pane->slice, pane->room * sizeof(struct slice *));
  }
  pane->slice[pane->count++] = s;
  return s;
}

static void slice_drop(struct group_table *t, struct slice *s) {
  struct slice **p = &s->group->first;
  while (*p != s) p = &(*p)->next;
  *p = s->next;
  if (s->group->first == NULL) group_remove(t, s->group);
  t->bytes -= slice_size(t);
  s->next = t->free_slices;
  t->free_slices = s;
}

void group_table_drop_first(struct group_table *t, void (*release)(void *own, struct slice *s), void *own) {
  struct pane *pane = &t->pane[0];
  for (uint32_t i = 0; i < pane->count; i++) {
    if (release != NULL) release(own, pane->slice[i]);
    slice_drop(t, pane->slice[i]);
  }
  mem_free(pane->slice);
  memmove(t->pane, t->pane + 1, (t->panes - 1) * sizeof *t->pane);
  t->panes--;
  if (t->last_pane > 0) t->last_pane--;
}

void group_table_fini(struct group_table *t, void (*release)(void *own, struct slice *s), void *own) {
  while (t->panes > 0) group_table_drop_first(t, release, own);
  for (uint32_t i = 0; i < t->chunks; i++) mem_free(t->chunk[i]);
  mem_free(t->chunk);
  mem_free(t->pane);
  mem_free(t->slot);
  *t = (struct group_table){0};
}
