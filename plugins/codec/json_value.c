/*
 * json_value: see json_value.h. Numbers are read from their text: ints exactly, doubles by Clinger's fast path where it
 * is exact and by the host's parser elsewhere, decimals digit by digit, never by way of a double. Bytes are base64.
 */
#include "json_value.h"

/* ---- strings ---- */
static int hex4(const char *p, const char *end, uint32_t *out) {
  if (end - p < 4) return -1;
  uint32_t v = 0;
  for (int i = 0; i < 4; i++) {
    unsigned char c = (unsigned char)p[i];
    unsigned d = c - (unsigned)'0';
    if (d > 9) {
      d = (c | 32u) - (unsigned)'a' + 10;
      if (d < 10 || d > 15) return -1;
    }
    v = v * 16 + d;
  }
  *out = v;
  return 0;
}

static char *put_utf8(char *out, uint32_t c) {
  if (c < 0x80) {
    *out++ = (char)c;
  } else if (c < 0x800) {
    *out++ = (char)(0xc0 | c >> 6);
    *out++ = (char)(0x80 | (c & 63));
  } else if (c < 0x10000) {
    *out++ = (char)(0xe0 | c >> 12);
    *out++ = (char)(0x80 | (c >> 6 & 63));
    *out++ = (char)(0x80 | (c & 63));
  } else {
    *out++ = (char)(0xf0 | c >> 18);
    *out++ = (char)(0x80 | (c >> 12 & 63));
    *out++ = (char)(0x80 | (c >> 6 & 63));
    *out++ = (char)(0x80 | (c & 63));
  }
  return out;
}

/* p is behind "\u". */
static const char *unescape_unicode(const char *p, const char *end, char **out) {
  uint32_t c, low;
  if (hex4(p, end, &c) != 0) return NULL;
  p += 4;
  if (c >= 0xd800 && c < 0xe000) { /* a pair or nothing */
    if (c >= 0xdc00 || end - p < 6 || p[0] != '\\' || p[1] != 'u' || hex4(p + 2, end, &low) != 0) return NULL;
    if (low < 0xdc00 || low > 0xdfff) return NULL;
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    p += 6;
  }
  *out = put_utf8(*out, c);
  return p;
}

int64_t json_unescape(const char *text, size_t size, char *out) {
  static const char PLAIN[256] = {
      ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
  const char *p = text, *end = text + size;
  char *o = out;
  while (p < end) {
    const char *slash = memchr(p, '\\', (size_t)(end - p));
    size_t plain = (size_t)((slash != NULL ? slash : end) - p);
    memmove(o, p, plain);
    o += plain;
    p += plain;
    if (slash == NULL) break;
    if (end - p < 2) return -1;
    char c = PLAIN[(unsigned char)p[1]];
    p += 2;
    if (c != 0) {
      *o++ = c;
    } else if (p[-1] != 'u' || (p = unescape_unicode(p, end, &o)) == NULL) {
      return -1;
    }
  }
  return o - out;
}

/* Standard alphabet, with or without padding. */
static int64_t base64_read(const char *text, size_t size, char *out) {
  static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (size > 0 && size % 4 == 0 && text[size - 1] == '=' && text[size - 2] == '=') size -= 2;
  if (size > 0 && size % 4 == 0 && text[size - 1] == '=') size--;
  if (size % 4 == 1) return -1;
  char *o = out;
  uint32_t bits = 0;
  for (size_t i = 0; i < size; i++) {
    const char *at = text[i] != 0 ? strchr(ALPHABET, text[i]) : NULL;
    if (at == NULL) return -1;
    bits = bits << 6 | (uint32_t)(at - ALPHABET);
    if (i % 4 == 3) {
      *o++ = (char)(bits >> 16 & 255);
      *o++ = (char)(bits >> 8 & 255);
      *o++ = (char)(bits & 255);
    }
  }
  if (size % 4 == 2) *o++ = (char)(bits >> 4 & 255);
  if (size % 4 == 3) {
    *o++ = (char)(bits >> 10 & 255);
    *o++ = (char)(bits >> 2 & 255);
  }
  return o - out;
}

/* A string for a column that is no string: its text, unescaped, in a small room. */
static enum json_fault text_of(const char *at, const char *end, char *room, size_t most, size_t *size) {
  do end--;
  while (*end != '"');
  size_t raw = (size_t)(end - at - 1);
  if (raw > most) return JSON_WRONG_TYPE;
  int64_t n = json_unescape(at + 1, raw, room);
  if (n < 0) return JSON_ESCAPE;
  *size = (size_t)n;
  return JSON_FINE;
}

static enum json_fault bytes_store(struct spate_column *c, uint32_t row, const char *at, const char *end) {
  enum json_fault fault = json_string_store(c, row, at, end);
  if (fault != JSON_FINE) return fault;
  char *text = c->data + c->offsets[row];
  int64_t n = base64_read(text, c->offsets[row + 1] - c->offsets[row], text); /* never ahead of what it reads */
  if (n < 0) return JSON_WRONG_TYPE;
  spate_column_wrote(c, row, (size_t)n);
  return JSON_FINE;
}

/* ---- times ---- */

/* "03:04:05" in microseconds, -1: not that. */
static int64_t clock_read(const char *p) {
  unsigned d[8], bad = (unsigned)(p[2] != ':') | (unsigned)(p[5] != ':');
  for (int i = 0; i < 8; i++) d[i] = (unsigned)(unsigned char)p[i] - '0';
  for (int i = 0; i < 8; i += 3) bad |= (unsigned)(d[i] > 9) | (unsigned)(d[i + 1] > 9);
  unsigned h = d[0] * 10 + d[1], m = d[3] * 10 + d[4], s = d[6] * 10 + d[7];
  if (bad != 0 || h > 23 || m > 59 || s > 59) return -1;
  return (int64_t)(h * 3600 + m * 60 + s) * 1000000;
}

bool json_time_store(struct json_column *column, struct spate_column *c, uint32_t row, const char *at,
                     const char *end) {
  if (*at != '"' || end - at < 21) return false;
  int64_t time = clock_read(at + 12), us = 0;
  if (time < 0 || (at[11] != 'T' && at[11] != ' ')) return false;
  const char *p = at + 20;
  if (*p == '.') {
    int64_t unit = 100000;
    for (p++; unit > 0 && *p >= '0' && *p <= '9'; p++, unit /= 10) us += (*p - '0') * unit;
    if (p == at + 21) return false;
  }
  if (*p == 'Z') p++;
  if (*p != '"') return false;
  if (memcmp(column->day_text, at + 1, 10) != 0) {
    if (spate_parse_value(c, row, at + 1, 10) != 0) return false; /* a date alone is its midnight */
    memcpy(column->day_text, at + 1, 10);
    column->day_us = c->i64[row];
  }
  c->i64[row] = column->day_us + time + us;
  return true;
}

/* ---- numbers ---- */
struct number {
  const char *text;
  size_t size;
  bool negative, exact, whole; /* exact: value = mantissa * 10^exponent; whole: integer text */
  uint64_t mantissa;
  int exponent;
};

static const char *digits(const char *p, const char *end) {
  while (p < end && *p >= '0' && *p <= '9') p++;
  return p;
}

/* JSON's grammar, to the end. */
static bool number_read(const char *at, const char *end, struct number *n) {
  const char *p = at;
  while (end > at && json_blank(end[-1])) end--;
  *n = (struct number){.text = at, .size = (size_t)(end - at), .exact = true, .whole = true};
  n->negative = p < end && *p == '-';
  p += n->negative;
  const char *first = p, *point = NULL;
  p = digits(p, end);
  if (p == first || (*first == '0' && p - first > 1)) return false;
  const char *last = p;
  if (p < end && *p == '.') {
    point = p;
    last = p = digits(p + 1, end);
    if (p == point + 1) return false;
    n->whole = false;
  }
  int power = 0;
  if (p < end && (*p == 'e' || *p == 'E')) {
    bool minus = false;
    if (++p < end && (*p == '+' || *p == '-')) minus = *p++ == '-';
    const char *e = p;
    for (p = digits(p, end); e < p; e++) power = power < 100000 ? power * 10 + (*e - '0') : power;
    if (p == at || p[-1] < '0' || p[-1] > '9') return false;
    power = minus ? -power : power;
    n->whole = false;
  }
  if (p != end) return false;
  for (p = first; p < last; p++) {
    if (p == point) continue;
    n->exact = n->exact && n->mantissa <= (UINT64_MAX - 9) / 10;
    n->mantissa = n->mantissa * 10 + (uint64_t)(*p - '0');
  }
  n->exponent = power - (point != NULL ? (int)(last - point - 1) : 0);
  return true;
}

static enum json_fault int_store(int64_t *out, const struct number *n, int64_t unit) {
  if (!n->whole) return JSON_WRONG_TYPE;
  if (!n->exact || n->mantissa > (uint64_t)INT64_MAX + n->negative) return JSON_TOO_BIG;
  int64_t v = n->negative ? (int64_t)(0 - n->mantissa) : (int64_t)n->mantissa;
  return __builtin_mul_overflow(v, unit, out) ? JSON_TOO_BIG : JSON_FINE;
}

static enum json_fault double_store(struct spate_column *c, uint32_t row, const struct number *n) {
  static const double TEN[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (n->exact && n->mantissa <= (uint64_t)1 << 53 && n->exponent >= -22 && n->exponent <= 22) {
    double v = (double)n->mantissa; /* exact, so that one operation rounds once */
    v = n->exponent < 0 ? v / TEN[-n->exponent] : v * TEN[n->exponent];
    c->f64[row] = n->negative ? -v : v;
    return JSON_FINE;
  }
  return spate_parse_value(c, row, n->text, n->size) == 0 ? JSON_FINE : JSON_TOO_BIG;
}

static enum json_fault decimal_store(struct spate_column *c, uint32_t row, const struct number *n) {
  static const uint64_t TEN[] = {1u,
                                 10u,
                                 100u,
                                 1000u,
                                 10000u,
                                 100000u,
                                 1000000u,
                                 10000000u,
                                 100000000u,
                                 1000000000u,
                                 10000000000u,
                                 100000000000u,
                                 1000000000000u,
                                 10000000000000u,
                                 100000000000000u,
                                 1000000000000000u,
                                 10000000000000000u,
                                 100000000000000000u,
                                 1000000000000000000u};
  int up = n->exponent + c->type.scale;
  if (n->exact && up >= 0 && up <= 18 && c->type.precision <= 18) {
    uint64_t v;
    if (__builtin_mul_overflow(n->mantissa, TEN[up], &v) || v >= TEN[c->type.precision]) return JSON_TOO_BIG;
    c->dec[row] = n->negative ? -(spate_i128)v : (spate_i128)v;
    return JSON_FINE;
  }
  return spate_parse_value(c, row, n->text, n->size) == 0 ? JSON_FINE : JSON_TOO_BIG;
}

/* ---- by the value's first character ---- */
static bool word_is(const char *at, const char *end, const char *word, size_t size) {
  if ((size_t)(end - at) < size || memcmp(at, word, size) != 0) return false;
  for (at += size; at < end; at++)
    if (!json_blank(*at)) return false;
  return true;
}

static enum json_fault quoted_store(struct spate_column *c, uint32_t row, const char *at, const char *end) {
  char room[256];
  size_t size;
  switch (c->type.kind) {
    case SPATE_STRING: return json_string_store(c, row, at, end);
    case SPATE_BYTES: return bytes_store(c, row, at, end);
    case SPATE_TIMESTAMP:
      if (c->type.encoding != SPATE_TIME_ISO) return JSON_WRONG_TYPE;
      break;
    case SPATE_DECIMAL: break;
    default: return JSON_WRONG_TYPE;
  }
  enum json_fault fault = text_of(at, end, room, sizeof room, &size);
  if (fault != JSON_FINE) return fault;
  return spate_parse_value(c, row, room, size) == 0 ? JSON_FINE : JSON_WRONG_TYPE;
}

static enum json_fault number_store(struct spate_column *c, uint32_t row, const char *at, const char *end) {
  static const int64_t UNIT[] = {0, 1000000, 1000, 1};
  struct number n;
  if (!number_read(at, end, &n)) return JSON_NOT_JSON;
  switch (c->type.kind) {
    case SPATE_INT: return int_store(&c->i64[row], &n, 1);
    case SPATE_TIMESTAMP:
      if (c->type.encoding == SPATE_TIME_ISO) return JSON_WRONG_TYPE;
      return int_store(&c->i64[row], &n, UNIT[c->type.encoding & 3]);
    case SPATE_DOUBLE: return double_store(c, row, &n);
    case SPATE_DECIMAL: return decimal_store(c, row, &n);
    case SPATE_STRING: return spate_column_put(c, row, n.text, n.size) == 0 ? JSON_FINE : JSON_NO_ROOM;
    default: return JSON_WRONG_TYPE;
  }
}

enum json_fault json_value_store(struct spate_column *c, uint32_t row, const char *at, const char *end) {
  switch (*at) {
    case '"': return quoted_store(c, row, at, end);
    case '{':
    case '[': return JSON_WRONG_TYPE;
    case 'n': return word_is(at, end, "null", 4) ? JSON_IS_NULL : JSON_NOT_JSON;
    case 't':
    case 'f': {
      bool truth = *at == 't';
      if (!(truth ? word_is(at, end, "true", 4) : word_is(at, end, "false", 5))) return JSON_NOT_JSON;
      if (c->type.kind == SPATE_STRING)
        return spate_column_put(c, row, truth ? "true" : "false", truth ? 4 : 5) == 0 ? JSON_FINE : JSON_NO_ROOM;
      if (c->type.kind != SPATE_BOOL) return JSON_WRONG_TYPE;
      c->b8[row] = truth;
      return JSON_FINE;
    }
    default: return number_store(c, row, at, end);
  }
}

int json_value_absent(const struct json_column *column, struct spate_column *c, uint32_t row) {
  const struct spate_column *f = column->fallback;
  uint32_t size;
  const char *bytes;
  if (f == NULL) {
    if (column->field->required) return -1;
    if (c->valid != NULL)
      c->valid[row >> 3] = (uint8_t)(c->valid[row >> 3] & ~(1u << (row & 7)));
    else
      spate_column_set_null(c, row);
    bool text = c->type.kind == SPATE_STRING || c->type.kind == SPATE_BYTES;
    if (text && c->written == row) c->offsets[++c->written] = c->offsets[row];
    return 0;
  }
  switch (c->type.kind) {
    case SPATE_STRING:
    case SPATE_BYTES: bytes = spate_column_bytes(f, 0, &size); return spate_column_put(c, row, bytes, size);
    case SPATE_BOOL: c->b8[row] = f->b8[0]; return 0;
    case SPATE_DECIMAL: c->dec[row] = f->dec[0]; return 0;
    default: c->i64[row] = f->i64[0]; return 0; /* doubles too: 8 bytes are 8 bytes */
  }
}
