/* buf: see buf.h. Little-endian machines only, as all that Debian's packages of our libraries are tested on. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian only");

void buf_free(struct buf *buf) {
  mem_free(buf->data);
  *buf = (struct buf){0};
}

void buf_reserve(struct buf *buf, size_t more) {
  if (buf->room - buf->size >= more) return;
  size_t room = buf->room * 2 > buf->size + more ? buf->room * 2 : buf->size + more;
  if (room < 64) room = 64;
  buf->data = mem_resize(buf->data, room);
  buf->room = room;
}

void buf_put(struct buf *buf, const void *bytes, size_t size) {
  if (size == 0) return;
  buf_reserve(buf, size);
  memcpy(buf->data + buf->size, bytes, size);
  buf->size += size;
}

void buf_text(struct buf *buf, const char *text) { buf_put(buf, text, strlen(text)); }

void buf_format(struct buf *buf, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (size > 0) {
    buf_reserve(buf, (size_t)size + 1);
    vsnprintf(buf->data + buf->size, (size_t)size + 1, format, again);
    buf->size += (size_t)size;
  }
  va_end(again);
}

void buf_u8(struct buf *buf, uint8_t v) { buf_put(buf, &v, 1); }
void buf_u32(struct buf *buf, uint32_t v) { buf_put(buf, &v, 4); }
void buf_u64(struct buf *buf, uint64_t v) { buf_put(buf, &v, 8); }
void buf_block(struct buf *buf, const void *bytes, size_t size) {
  buf_u32(buf, (uint32_t)size);
  buf_put(buf, bytes, size);
}

const char *buf_string(struct buf *buf) {
  buf_reserve(buf, 1);
  buf->data[buf->size] = 0;
  return buf->data;
}

const char *cut_bytes(struct cut *cut, size_t size) {
  if (cut->bad || (size_t)(cut->end - cut->at) < size) {
    cut->bad = true;
    return NULL;
  }
  const char *at = cut->at;
  cut->at += size;
  return at;
}
uint8_t cut_u8(struct cut *cut) {
  const char *p = cut_bytes(cut, 1);
  return p != NULL ? (uint8_t)*p : 0;
}
uint32_t cut_u32(struct cut *cut) {
  uint32_t v = 0;
  const char *p = cut_bytes(cut, 4);
  if (p != NULL) memcpy(&v, p, 4);
  return v;
}
uint64_t cut_u64(struct cut *cut) {
  uint64_t v = 0;
  const char *p = cut_bytes(cut, 8);
  if (p != NULL) memcpy(&v, p, 8);
  return v;
}
const char *cut_block(struct cut *cut, uint32_t *size) {
  *size = cut_u32(cut);
  return cut_bytes(cut, *size);
}
