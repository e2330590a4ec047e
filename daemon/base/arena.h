/* arena: memory that is given back all at once. Not for several threads. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include <stdarg.h>
#include <stddef.h>

struct arena;
struct arena *arena_new(void);
void arena_free(struct arena **arena);
void *arena_alloc(struct arena *arena, size_t size); /* cleared, aligned to 16 */
char *arena_text(struct arena *arena, const char *text);
char *arena_copy(struct arena *arena, const void *bytes, size_t size); /* a zero byte is added */
char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Calls run(what) when the arena is freed, the last first: for what cannot live in it. */
void arena_defer(struct arena *arena, void (*run)(void *what), void *what);
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_NEWS(arena, type, n) ((type *)arena_alloc((arena), sizeof(type) * (n)))

#endif
