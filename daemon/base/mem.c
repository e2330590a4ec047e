/* mem: see mem.h. */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *mem_check(void *memory, size_t size) {
  if (memory == NULL && size > 0) {
    fprintf(stderr, "out of memory: %zu bytes asked for\n", size);
    abort();
  }
  return memory;
}

void *mem_alloc(size_t size) { return mem_check(malloc(size), size); }
void *mem_zero(size_t count, size_t size) { return mem_check(calloc(count, size), count * size); }
void *mem_resize(void *old, size_t size) { return mem_check(realloc(old, size), size); }
char *mem_text(const char *text) {
  size_t size = strlen(text) + 1;
  return memcpy(mem_alloc(size), text, size);
}
void mem_free(void *memory) { free(memory); }
