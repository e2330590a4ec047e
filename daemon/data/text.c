/* text: numbers and truth from and to text. Times are in time_text.c. */
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "schema.h"

int text_int(const char *text, size_t size, int64_t *out) {
  const char *p = text, *end = text + size;
  bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  if (p == end) return -1;
  uint64_t v = 0;
  for (; p < end; p++) {
    unsigned d = (unsigned)(*p - '0');
    if (d > 9 || __builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)d, &v)) return -1;
  }
  if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0)) return -1;
  *out = negative ? (int64_t)(0 - v) : (int64_t)v;
  return 0;
}

static bool text_is(const char *text, size_t size, const char *word) {
  return strlen(word) == size && strncasecmp(text, word, size) == 0;
}

int text_double(const char *text, size_t size, double *out) {
  if (text_is(text, size, "nan")) return *out = (double)NAN, 0;
  if (text_is(text, size, "infinity") || text_is(text, size, "+infinity")) return *out = (double)INFINITY, 0;
  if (text_is(text, size, "-infinity")) return *out = (double)-INFINITY, 0;
  char small[64], *copy = small, *end;
  if (size == 0 || size > 2000) return -1;
  for (size_t i = 0; i < size; i++) /* what strtod takes besides: hex, inf, blanks */
    if (strchr("0123456789+-.eE", text[i]) == NULL || text[i] == 0) return -1;
  if (size >= sizeof small && (copy = malloc(size + 1)) == NULL) return -1;
  memcpy(copy, text, size);
  copy[size] = 0;
  *out = strtod(copy, &end); /* the daemon never leaves the C locale for numbers */
  bool whole = end == copy + size;
  if (copy != small) free(copy);
  return whole && !isinf(*out) ? 0 : -1;
}

int text_bool(const char *text, size_t size, bool *out) {
  static const char *const TRUE_WORDS[] = {"true", "t", "1", "yes", "y"}, *const FALSE_WORDS[] = {"false", "f", "0",
                                                                                                  "no", "n"};
  for (int i = 0; i < 5; i++) {
    if (text_is(text, size, TRUE_WORDS[i])) return *out = true, 0;
    if (text_is(text, size, FALSE_WORDS[i])) return *out = false, 0;
  }
  return -1;
}

static spate_i128 text_power(int n) {
  spate_i128 v = 1;
  while (n-- > 0) v *= 10;
  return v;
}

struct text_number { /* digits of a number without its point: value = digits * 10^exponent */
  bool negative;
  char digit[80];
  int digits, exponent;
  bool more; /* digits beyond the room: all that matters is the first of them, which is kept */
};

static int text_number_read(const char *text, size_t size, struct text_number *n) {
  const char *p = text, *end = text + size;
  bool point = false, any = false;
  *n = (struct text_number){0};
  if (p < end && (*p == '-' || *p == '+')) n->negative = *p++ == '-';
  for (; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !point)); p++) {
    if (*p == '.') {
      point = true;
      continue;
    }
    any = true;
    if (n->digits == 0 && *p == '0') {
      n->exponent -= point;
    } else if (n->digits < (int)sizeof n->digit) {
      n->digit[n->digits++] = *p;
      n->exponent -= point;
    } else {
      n->exponent += !point;
    }
  }
  if (!any) return -1;
  if (p < end && (*p == 'e' || *p == 'E')) {
    int64_t e;
    if (text_int(p + 1, (size_t)(end - p - 1), &e) != 0 || e > 1000 || e < -1000) return -1;
    n->exponent += (int)e;
    p = end;
  }
  return p == end ? 0 : -1;
}

int text_decimal(const char *text, size_t size, int precision, int scale, spate_i128 *out) {
  struct text_number n;
  if (text_number_read(text, size, &n) != 0) return -1;
  int keep = n.digits + n.exponent + scale; /* digits of the unscaled value */
  if (n.digits == 0 || keep < 0) return *out = 0, 0;
  if (keep > precision + 1 && keep > 38) return -1;
  spate_i128 v = 0;
  for (int i = 0; i < keep; i++) {
    v = v * 10 + (i < n.digits ? n.digit[i] - '0' : 0);
    if (v >= text_power(38)) return -1;
  }
  if (keep < n.digits && n.digit[keep] >= '5') v++; /* half up, away from zero */
  if (v >= text_power(precision)) return -1;
  *out = n.negative ? -v : v;
  return 0;
}

size_t text_put_int(char *out, int64_t v) {
  char digit[24];
  size_t n = 0, size = 0;
  uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
  do digit[n++] = (char)('0' + u % 10);
  while ((u /= 10) != 0);
  if (v < 0) out[size++] = '-';
  while (n > 0) out[size++] = digit[--n];
  return size;
}

size_t text_put_double(char *out, double v) {
  if (isnan(v)) return memcpy(out, "NaN", 3), 3;
  if (isinf(v)) return v > 0 ? (memcpy(out, "Infinity", 8), (size_t)8) : (memcpy(out, "-Infinity", 9), (size_t)9);
  if (v == floor(v) && fabs(v) < 1e15) { /* the common case */
    size_t n = text_put_int(out, (int64_t)v);
    if (v == 0 && signbit(v)) n = 2, memcpy(out, "-0", 2);
    memcpy(out + n, ".0", 2);
    return n + 2;
  }
  int n = 0;
  for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back the same */
    n = snprintf(out, TEXT_ROOM, "%.*g", digits, v);
    if (strtod(out, NULL) == v) break;
  }
  if (strpbrk(out, ".e") == NULL) n += snprintf(out + n, (size_t)(TEXT_ROOM - n), ".0");
  return (size_t)n;
}

size_t text_put_decimal(char *out, spate_i128 v, int scale) {
  char digit[48];
  size_t n = 0, size = 0;
  spate_u128 u = v < 0 ? 0 - (spate_u128)v : (spate_u128)v;
  do digit[n++] = (char)('0' + (int)(u % 10));
  while ((u /= 10) != 0);
  while (n < (size_t)scale + 1) digit[n++] = '0';
  if (v < 0) out[size++] = '-';
  while (n > 0) {
    out[size++] = digit[--n];
    if (n == (size_t)scale && scale > 0) out[size++] = '.';
  }
  return size;
}

bool text_utf8(const char *text, size_t size) {
  const unsigned char *p = (const unsigned char *)text, *end = p + size;
  while (p < end) {
    if (*p < 0x80) {
      p++;
      continue;
    }
    unsigned c = *p, more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || (size_t)(end - p) <= more) return false;
    unsigned low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high) return false;
    for (unsigned i = 2; i <= more; i++)
      if ((p[i] & 0xc0) != 0x80) return false;
    p += more + 1;
  }
  return true;
}

static size_t value_put(char *out, const struct spate_column *c, uint32_t row) {
  switch (c->type.kind) {
    case SPATE_BOOL: return c->b8[row] ? (memcpy(out, "true", 4), (size_t)4) : (memcpy(out, "false", 5), (size_t)5);
    case SPATE_DOUBLE: return text_put_double(out, c->f64[row]);
    case SPATE_DECIMAL: return text_put_decimal(out, c->dec[row], c->type.scale);
    case SPATE_TIMESTAMP: return text_put_timestamp(out, c->i64[row]);
    default: return text_put_int(out, c->i64[row]);
  }
}

int spate_column_text(const struct spate_column *c, uint32_t row, struct spate_buffer *out) {
  if (spate_column_null(c, row)) return 0;
  if (type_width(c->type.kind) == 0) {
    uint32_t size;
    const char *bytes = spate_column_bytes(c, row, &size);
    return spate_buffer_append(out, bytes, size);
  }
  char text[TEXT_ROOM];
  return spate_buffer_append(out, text, value_put(text, c, row));
}
