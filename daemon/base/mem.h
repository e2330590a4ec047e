/* mem: every allocation of the daemon goes through here: the seam for counting and for failing on purpose.
 * Memory exhausted is not survivable in a process whose libraries abort on it: these print one line and abort. */
#ifndef BASE_MEM_H
#define BASE_MEM_H
#include <stddef.h>

void *mem_alloc(size_t size);              /* not cleared; never NULL */
void *mem_zero(size_t count, size_t size); /* cleared */
void *mem_resize(void *old, size_t size);  /* as realloc */
char *mem_text(const char *text);          /* a copy */
void mem_free(void *memory);               /* NULL is fine */
#define MEM_NEW(type) ((type *)mem_zero(1, sizeof(type)))
#define MEM_NEWS(type, n) ((type *)mem_zero((n), sizeof(type)))

#endif
