/*
 * json_value: one JSON value as text, into one row of a column. The rule of each type stands here and nowhere else, so
 * that every way of finding a value in a record gives the same column. What comes most (strings without escapes, ints)
 * is inline; the rest is json_value.c.
 *
 * `at` is the value's first byte and `end` the next structural character of the record: between the value's last byte
 * and `end` there are only blanks. Strings are closed and the text is valid UTF-8: stage 1 has seen to that. 63 bytes
 * beyond the record may be read.
 */
#ifndef CODEC_JSON_VALUE_H
#define CODEC_JSON_VALUE_H
#include "spate.h"
#include "json_plan.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum json_fault {
  JSON_FINE,
  JSON_IS_NULL,
  JSON_WRONG_TYPE, /* not a value of the column's type */
  JSON_ESCAPE,     /* a string with an escape that is none, or half a surrogate pair */
  JSON_NOT_JSON,   /* neither null, true, false nor a number */
  JSON_TOO_BIG,    /* out of the type's range */
  JSON_NO_ROOM     /* the column would exceed 2 GiB */
};

enum json_fault json_value_store(struct spate_column *c, uint32_t row, const char *at, const char *end);
/* An ISO time in the form that comes most, "2026-01-02T03:04:05.678Z", of the day seen last. false: anything else. */
bool json_time_store(struct json_column *column, struct spate_column *c, uint32_t row, const char *at, const char *end);
/* An absent or null value: the default, or null; -1 when it is required. */
int json_value_absent(const struct json_column *column, struct spate_column *c, uint32_t row);
/* Writes at most `size` bytes; -1: a bad escape. */
int64_t json_unescape(const char *text, size_t size, char *out);

/* Copies text and says whether it holds a backslash. Up to 15 bytes beyond `size` are read and written. */
static inline bool json_copy(char *to, const char *from, size_t size) {
#if defined(__SSE2__)
  const __m128i slash = _mm_set1_epi8('\\');
  unsigned seen = 0;
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
    _mm_storeu_si128((__m128i *)(void *)(to + i), v);
    seen |= (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, slash));
  }
  __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
  _mm_storeu_si128((__m128i *)(void *)(to + i), v);
  seen |= (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, slash)) & ((1u << (size - i)) - 1);
  return seen != 0;
#else
  memcpy(to, from, size);
  return memchr(from, '\\', size) != NULL;
#endif
}

/* `at` is the opening quote. */
static inline enum json_fault json_string_store(struct spate_column *c, uint32_t row, const char *at, const char *end) {
  const char *text = at + 1;
  do end--;
  while (*end != '"');
  size_t size = (size_t)(end - text);
  char *to;
  if (c->written == row && size <= c->data_room - c->offsets[row]) {
    to = c->data + c->offsets[row];
  } else if ((to = spate_column_room(c, row, size)) == NULL) {
    return JSON_NO_ROOM;
  }
  if (json_copy(to, text, size)) {
    int64_t n = json_unescape(text, size, to);
    if (n < 0) return JSON_ESCAPE;
    size = (size_t)n;
  }
  c->offsets[row + 1] = c->offsets[row] + (uint32_t)size;
  c->written = row + 1;
  return JSON_FINE;
}

static inline bool json_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Integer text of up to 18 digits. false: anything else, which is not to say that it is wrong. */
static inline bool json_int(const char *at, const char *end, int64_t *out) {
  bool negative = *at == '-';
  const char *p = at + negative, *first = p;
  uint64_t v = 0, w;
  memcpy(&w, p, 8); /* eight digits at a time: Lemire's way */
  while (end - p >= 8 && ((w & 0xF0F0F0F0F0F0F0F0u) | (((w + 0x0606060606060606u) & 0xF0F0F0F0F0F0F0F0u) >> 4)) ==
                             0x3333333333333333u) {
    w -= 0x3030303030303030u;
    w = (w * 10) + (w >> 8);
    w = (((w & 0x000000FF000000FFu) * 0x000F424000000064u) +
         (((w >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)) >>
        32;
    v = v * 100000000u + w;
    p += 8;
    if (p - first > 18) return false;
    memcpy(&w, p, 8);
  }
  for (; p < end; p++) {
    unsigned d = (unsigned)(unsigned char)*p - '0';
    if (d > 9) break;
    v = v * 10 + d;
  }
  if (p == first || p - first > 18 || (*first == '0' && p - first > 1)) return false;
  while (p < end && json_blank(*p)) p++;
  *out = negative ? -(int64_t)v : (int64_t)v;
  return p == end;
}

/* How a column is filled, and by what fast way. */
static inline enum json_fault json_store(struct json_column *column, struct spate_column *c, uint32_t row,
                                         const char *at, const char *end) {
  int64_t v;
  switch (c->type.kind) {
    case SPATE_STRING:
      if (*at == '"') return json_string_store(c, row, at, end);
      break;
    case SPATE_INT:
      if (json_int(at, end, &c->i64[row])) return JSON_FINE;
      break;
    case SPATE_TIMESTAMP:
      if (c->type.encoding == SPATE_TIME_MS && json_int(at, end, &v) && v < INT64_MAX / 1000 && v > INT64_MIN / 1000) {
        c->i64[row] = v * 1000;
        return JSON_FINE;
      }
      if (c->type.encoding == SPATE_TIME_ISO && json_time_store(column, c, row, at, end)) return JSON_FINE;
      break;
    default: break;
  }
  return json_value_store(c, row, at, end);
}

#ifdef __cplusplus
}
#endif
#endif
