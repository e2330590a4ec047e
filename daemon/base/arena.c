/* arena: blocks in a list; an allocation larger than a block gets one of its own. */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

#define ARENA_BLOCK ((size_t)16384)

struct arena_block {
  struct arena_block *next;
  size_t used, room;
  _Alignas(16) char bytes[];
};
struct arena_deferred { /* lives in the arena itself */
  struct arena_deferred *next;
  void (*run)(void *what);
  void *what;
};
struct arena {
  struct arena_block *first;
  struct arena_deferred *deferred;
};

struct arena *arena_new(void) {
  return MEM_NEW(struct arena);
}

void arena_free(struct arena **arena) {
  if (*arena == NULL) return;
  for (struct arena_deferred *d = (*arena)->deferred; d != NULL; d = d->next) d->run(d->what);
  struct arena_block *next;
  for (struct arena_block *b = (*arena)->first; b != NULL; b = next) {
    next = b->next;
    mem_free(b);
  }
  mem_free(*arena);
  *arena = NULL;
}

static struct arena_block *arena_grow(struct arena *arena, size_t size) {
  size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;
  struct arena_block *b = mem_zero(1, sizeof *b + room);
  b->room = room;
  if (arena->first != NULL && size > ARENA_BLOCK) { /* keep filling the block that is open */
    b->next = arena->first->next;
    arena->first->next = b;
  } else {
    b->next = arena->first;
    arena->first = b;
  }
  return b;
}

void *arena_alloc(struct arena *arena, size_t size) {
  size = (size + 15) & ~(size_t)15;
  struct arena_block *b = arena->first;
  if (b == NULL || b->room - b->used < size) b = arena_grow(arena, size);
  void *out = b->bytes + b->used;
  b->used += size;
  return out;
}

void arena_defer(struct arena *arena, void (*run)(void *what), void *what) {
  struct arena_deferred *d = ARENA_NEW(arena, struct arena_deferred);
  *d = (struct arena_deferred){arena->deferred, run, what};
  arena->deferred = d;
}

char *arena_copy(struct arena *arena, const void *bytes, size_t size) {
  char *out = arena_alloc(arena, size + 1);
  if (size > 0) memcpy(out, bytes, size);
  return out;
}

char *arena_text(struct arena *arena, const char *text) { return arena_copy(arena, text, strlen(text)); }

char *arena_format(struct arena *arena, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *out = arena_alloc(arena, (size_t)(size > 0 ? size : 0) + 1);
  if (size > 0) vsnprintf(out, (size_t)size + 1, format, again);
  va_end(again);
  return out;
}
