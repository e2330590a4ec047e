/* buf: bytes that grow, and a cursor that takes them apart again. Integers are little-endian. */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
  char *data; /* not terminated; NULL while empty */
  size_t size, room;
};
void buf_free(struct buf *buf);
void buf_reserve(struct buf *buf, size_t more);
void buf_put(struct buf *buf, const void *bytes, size_t size);
void buf_text(struct buf *buf, const char *text);
void buf_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_u8(struct buf *buf, uint8_t v);
void buf_u32(struct buf *buf, uint32_t v);
void buf_u64(struct buf *buf, uint64_t v);
void buf_block(struct buf *buf, const void *bytes, size_t size); /* u32 length, bytes */
const char *buf_string(struct buf *buf);                         /* terminated, for printing */

struct cut { /* reading: past the end sets `bad` and gives zeros */
  const char *at, *end;
  bool bad;
};
uint8_t cut_u8(struct cut *cut);
uint32_t cut_u32(struct cut *cut);
uint64_t cut_u64(struct cut *cut);
const char *cut_bytes(struct cut *cut, size_t size);
const char *cut_block(struct cut *cut, uint32_t *size);

#endif
