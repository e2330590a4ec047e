/* payloads: buffers, their life, and the cutting of lines. */
#include "payloads.h"

#include "../base/mem.h"

struct spate_buffer *spate_buffer_new(size_t room) {
  struct spate_buffer *b = MEM_NEW(struct spate_buffer);
  b->refs = 1;
  b->room = room;
  b->data = mem_alloc(room + SPATE_PADDING);
  memset(b->data + room, 0, SPATE_PADDING);
  return b;
}

struct spate_buffer *spate_buffer_ref(struct spate_buffer *b) {
  __atomic_fetch_add(&b->refs, 1, __ATOMIC_RELAXED); /* the caller has one already */
  return b;
}

void spate_buffer_unref(struct spate_buffer *b) {
  if (b == NULL || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
  mem_free(b->data);
  mem_free(b);
}

int spate_buffer_reserve(struct spate_buffer *b, size_t more) {
  if (b->room - b->size >= more) return 0;
  size_t room = b->room * 2 > b->size + more ? b->room * 2 : b->size + more;
  b->data = mem_resize(b->data, room + SPATE_PADDING);
  b->room = room;
  return 0;
}

int spate_buffer_append(struct spate_buffer *b, const void *bytes, size_t length) {
  if (spate_buffer_reserve(b, length) != 0) return -1;
  if (length > 0) memcpy(b->data + b->size, bytes, length);
  b->size += length;
  return 0;
}

void payloads_clear(struct spate_payloads *p) {
  spate_buffer_unref(p->buffer);
  p->buffer = NULL;
  for (int i = 0; i < SPATE_METAS; i++) {
    spate_column_unref(p->meta[i]);
    p->meta[i] = NULL;
  }
  p->count = 0;
  p->lines = false;
  p->header = NULL;
}

/* The end of the line that begins at `at`: the place of its '\n', or NULL. Inside double quotes a '\n' is text. */
static const char *line_end(const char *at, const char *end, bool quoted) {
  const char *nl = memchr(at, '\n', (size_t)(end - at));
  if (!quoted || nl == NULL) return nl;
  bool open = false;
  for (const char *p = at; p < end; p++) {
    if (*p == '"')
      open = !open;
    else if (*p == '\n' && !open)
      return p;
  }
  return NULL;
}

size_t spate_cut_lines(struct spate_payloads *out, const char *bytes, size_t size, uint32_t base, uint32_t max,
                       bool quoted) {
  const char *at = bytes, *end = bytes + size;
  uint32_t n = out->count;
  while (n < max && at < end) {
    const char *nl = line_end(at, end, quoted);
    if (nl == NULL) break;
    uint32_t length = (uint32_t)(nl - at);
    if (length > 0 && nl[-1] == '\r') length--;
    out->start[n] = base + (uint32_t)(at - bytes);
    out->length[n++] = length;
    at = nl + 1;
  }
  out->count = n;
  return (size_t)(at - bytes);
}
