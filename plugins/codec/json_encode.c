/*
 * json_encode: rows as JSON objects, columns in order. Names are escaped once, when the encoder is made; a row asks the
 * buffer for room once, for all that it can need, and then only writes forward.
 *
 * null is null. Doubles are the shortest text that reads back the same; NaN and the infinities, which JSON has not, are
 * null. Decimals are numbers with all their digits. Bytes are base64. Timestamps are ISO 8601 in UTC, or a number by
 * the option `timestamps` (seconds and milliseconds are cut down).
 */
#include "json_encode.h"

#include <math.h>
#include <stdlib.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "codec.h"

#define VALUE_ROOM 64u /* most that a value of fixed width takes */
#define DAY_US INT64_C(86400000000)

struct json_name {
  char *text; /* {"name": or ,"name": -- followed by 16 bytes that may be read */
  uint32_t size;
};
struct json_encoder {
  uint32_t columns;
  struct json_name *name;
  uint8_t *kind;
  int timestamps;
  size_t fixed;  /* room for a row without its strings */
  int64_t day;   /* the day whose date is in `date` */
  char date[16]; /* "2026-01-02T" */
};

/* ---- strings ---- */

/* Two characters of hex for \u00XX. */
static char *put_control(char *out, unsigned char c) {
  static const char HEX[] = "0123456789abcdef";
  memcpy(out, "\\u00", 4);
  out[4] = HEX[c >> 4];
  out[5] = HEX[c & 15];
  return out + 6;
}

static char *put_escape(char *out, unsigned char c) {
  static const char SHORT[128] = {
      ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
  if (c >= 128 || SHORT[c] == 0) return put_control(out, c);
  *out++ = '\\';
  *out++ = SHORT[c];
  return out;
}

/* How many of the next bytes stand as they are; they are copied. At most 15 beyond `size` are read and written. */
static size_t copy_plain(char *out, const char *text, size_t size) {
  size_t i = 0;
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1f);
  for (; i < size; i += 16) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
    _mm_storeu_si128((__m128i *)(void *)(out + i), v);
    __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
    bad = _mm_or_si128(bad, _mm_cmpeq_epi8(_mm_min_epu8(v, low), v)); /* v <= 0x1f */
    unsigned mask = (unsigned)_mm_movemask_epi8(bad);
    if (mask != 0) {
      size_t at = i + (size_t)__builtin_ctz(mask);
      return at < size ? at : size;
    }
  }
  return size;
#else
  for (; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c < 0x20 || c == '"' || c == '\\') break;
    out[i] = text[i];
  }
  return i;
#endif
}

static char *put_string(char *out, const char *text, size_t size) {
  *out++ = '"';
  for (;;) {
    size_t plain = copy_plain(out, text, size);
    out += plain;
    if (plain == size) break;
    out = put_escape(out, (unsigned char)text[plain]);
    text += plain + 1;
    size -= plain + 1;
  }
  *out++ = '"';
  return out;
}

static char *put_base64(char *out, const char *bytes, size_t size) {
  static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *p = (const unsigned char *)bytes;
  *out++ = '"';
  for (; size > 0; p += 3) {
    uint32_t v = (uint32_t)p[0] << 16 | (size > 1 ? (uint32_t)p[1] << 8 : 0) | (size > 2 ? (uint32_t)p[2] : 0);
    *out++ = ALPHABET[v >> 18];
    *out++ = ALPHABET[v >> 12 & 63];
    *out++ = size > 1 ? ALPHABET[v >> 6 & 63] : '=';
    *out++ = size > 2 ? ALPHABET[v & 63] : '=';
    size -= size > 3 ? 3 : size;
  }
  *out++ = '"';
  return out;
}

/* ---- numbers and times ---- */
static const char PAIRS[] =
    "000102030405060708091011121314151617181920212223242526272829303132333435363738394041424344454647484950515253545556"
    "57"
    "58596061626364656667686970717273747576777879808182838485868788899091929394959697989999";

static char *put_pair(char *out, unsigned v) {
  memcpy(out, PAIRS + (size_t)v * 2, 2);
  return out + 2;
}

static char *put_int(char *out, int64_t v) {
  char room[24], *end = room + sizeof room, *p = end;
  uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
  while (u >= 100) {
    p -= 2;
    memcpy(p, PAIRS + u % 100 * 2, 2);
    u /= 100;
  }
  if (u >= 10) {
    p -= 2;
    memcpy(p, PAIRS + u * 2, 2);
  } else {
    *--p = (char)('0' + u);
  }
  if (v < 0) *--p = '-';
  size_t size = (size_t)(end - p);
  memcpy(out, p, size);
  return out + size;
}

/* "2026-01-02T" of a day, by Howard Hinnant's algorithm; false: no year of four digits. */
static bool date_make(struct json_encoder *e, int64_t day) {
  if (day < -719162 || day > 2932896) return false; /* 0001-01-01, 9999-12-31 */
  unsigned z = (unsigned)(day + 719468), era = z / 146097, doe = z % 146097;
  unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  unsigned mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
  char *p = put_pair(e->date, year / 100);
  p = put_pair(p, year % 100);
  *p++ = '-';
  p = put_pair(p, month);
  *p++ = '-';
  p = put_pair(p, doy - (153 * mp + 2) / 5 + 1);
  *p = 'T';
  e->day = day;
  return true;
}

static char *put_time(struct json_encoder *e, char *out, int64_t v) {
  int64_t day = v / DAY_US, us = v % DAY_US;
  if (us < 0) us += DAY_US, day--;
  if (day != e->day && !date_make(e, day)) return NULL;
  unsigned s = (unsigned)(us / 1000000), fraction = (unsigned)(us % 1000000);
  *out++ = '"';
  memcpy(out, e->date, 16);
  out = put_pair(out + 11, s / 3600);
  *out++ = ':';
  out = put_pair(out, s / 60 % 60);
  *out++ = ':';
  out = put_pair(out, s % 60);
  if (fraction > 0) { /* 3 digits or 6 */
    unsigned ms = fraction / 1000, rest = fraction % 1000;
    *out++ = '.';
    *out++ = (char)('0' + ms / 100);
    out = put_pair(out, ms % 100);
    if (rest > 0) {
      *out++ = (char)('0' + rest / 100);
      out = put_pair(out, rest % 100);
    }
  }
  *out++ = 'Z';
  *out++ = '"';
  return out;
}

static int64_t floor_divide(int64_t v, int64_t by) { return v / by - (v % by < 0); }

/* What the host writes, for what is rare or long: doubles with a fraction, decimals, times beyond four-digit years. */
static char *put_host(struct spate_buffer *out, char *at, const struct spate_column *c, uint32_t row, bool quoted) {
  if (quoted) *at++ = '"';
  out->size = (size_t)(at - out->data);
  if (spate_column_text(c, row, out) != 0) return NULL; /* no growth: VALUE_ROOM was reserved */
  at = out->data + out->size;
  if (quoted) *at++ = '"';
  return at;
}

static char *put_value(struct json_encoder *e, struct spate_buffer *out, char *at, const struct spate_column *c,
                       uint32_t row) {
  int64_t v;
  switch (c->type.kind) {
    case SPATE_BOOL: memcpy(at, c->b8[row] ? "true " : "false", 5); return at + 5 - c->b8[row];
    case SPATE_INT: return put_int(at, c->i64[row]);
    case SPATE_DOUBLE:
      if (!isfinite(c->f64[row])) return memcpy(at, "null", 4), at + 4;
      return put_host(out, at, c, row, false);
    case SPATE_DECIMAL:
      if (c->type.scale == 0 && c->dec[row] == (int64_t)c->dec[row]) return put_int(at, (int64_t)c->dec[row]);
      return put_host(out, at, c, row, false);
    case SPATE_TIMESTAMP:
      v = c->i64[row];
      switch (e->timestamps) {
        case JSON_TIMES_S: return put_int(at, floor_divide(v, 1000000));
        case JSON_TIMES_MS: return put_int(at, floor_divide(v, 1000));
        case JSON_TIMES_US: return put_int(at, v);
        default: break;
      }
      char *end = put_time(e, at, v);
      return end != NULL ? end : put_host(out, at, c, row, true);
    case SPATE_INTERVAL: return put_int(at, c->i64[row]);
    default: return memcpy(at, "null", 4), at + 4;
  }
}

/* ---- rows ---- */

static bool kind_long(uint8_t kind) { return kind == SPATE_STRING || kind == SPATE_BYTES; }

/* Room that a row's strings can need: six for one at worst, two quotes, and what copies run over. */
static size_t row_strings(const struct json_encoder *e, const struct spate_batch *batch, uint32_t row) {
  size_t n = 0;
  for (uint32_t i = 0; i < e->columns; i++) {
    if (!kind_long(e->kind[i])) continue;
    const struct spate_column *c = batch->column[i];
    n += ((size_t)c->offsets[row + 1] - c->offsets[row]) * 6;
  }
  return n;
}

static char *put_row(struct json_encoder *e, const struct spate_batch *batch, uint32_t row, struct spate_buffer *out,
                     char *at) {
  for (uint32_t i = 0; i < e->columns && at != NULL; i++) {
    const struct spate_column *c = batch->column[i];
    size_t size = e->name[i].size;
    if (size <= 16)
      memcpy(at, e->name[i].text, 16);
    else
      memcpy(at, e->name[i].text, size);
    at += size;
    if (spate_column_null(c, row)) {
      memcpy(at, "null", 4);
      at += 4;
    } else if (kind_long(e->kind[i])) {
      const char *text = c->data + c->offsets[row];
      size_t length = c->offsets[row + 1] - c->offsets[row];
      at = e->kind[i] == SPATE_STRING ? put_string(at, text, length) : put_base64(at, text, length);
    } else {
      at = put_value(e, out, at, c, row);
    }
  }
  if (e->columns == 0) *at++ = '{';
  return at;
}

int json_encode(void *encoder, const struct spate_batch *batch, struct spate_payloads *out,
                struct spate_rejects *rejects, struct spate_error *err) {
  struct json_encoder *e = encoder;
  (void)rejects; /* every row can be written */
  if (out->buffer == NULL && (out->buffer = spate_buffer_new(64 << 10)) == NULL)
    return spate_fail(err, "out of memory");
  if (batch->count > SPATE_BATCH_ROWS - out->count) return spate_fail(err, "more payloads than a block holds");
  struct spate_buffer *b = out->buffer;
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    size_t need = e->fixed + row_strings(e, batch, row), start = b->size;
    if (start + need >= UINT32_MAX) return spate_fail(err, "a block of payloads over 4 GiB");
    if (b->room - b->size < need && spate_buffer_reserve(b, need) != 0) return spate_fail(err, "out of memory");
    char *at = put_row(e, batch, row, b, b->data + start);
    if (at == NULL) return spate_fail(err, "out of memory");
    *at++ = '}';
    *at++ = '\n';
    b->size = (size_t)(at - b->data);
    out->start[out->count] = (uint32_t)start;
    out->length[out->count++] = (uint32_t)(b->size - start - 1);
  }
  return 0;
}

static int name_make(struct json_name *n, const char *name, bool first) {
  size_t size = strlen(name);
  n->text = calloc(1, size * 6 + 32);
  if (n->text == NULL) return -1;
  char *padded = calloc(1, size + 16); /* put_string reads ahead */
  if (padded == NULL) return -1;
  memcpy(padded, name, size);
  n->text[0] = first ? '{' : ',';
  char *end = put_string(n->text + 1, padded, size);
  *end++ = ':';
  n->size = (uint32_t)(end - n->text);
  memset(end, 0, 8);
  free(padded);
  return 0;
}

int json_encoder_new(const void *config, const struct spate_schema *schema, void **out, struct spate_error *err) {
  const struct json_config *c = config;
  struct json_encoder *e = calloc(1, sizeof *e);
  if (e == NULL) return spate_fail(err, "out of memory");
  e->columns = schema->count;
  e->timestamps = c != NULL ? c->timestamps : JSON_TIMES_ISO;
  e->name = calloc(schema->count + 1, sizeof *e->name);
  e->kind = calloc(schema->count + 1, 1);
  e->fixed = 64;
  for (uint32_t i = 0; e->name != NULL && e->kind != NULL && i < schema->count; i++) {
    e->kind[i] = schema->fields[i].type.kind;
    if (name_make(&e->name[i], schema->fields[i].name, i == 0) != 0) break;
    e->fixed += e->name[i].size + 16 + VALUE_ROOM;
  }
  if (e->name == NULL || e->kind == NULL || (schema->count > 0 && e->name[schema->count - 1].text == NULL)) {
    json_encoder_free(e);
    return spate_fail(err, "out of memory");
  }
  e->day = INT64_MIN;
  *out = e;
  return 0;
}

void json_encoder_free(void *encoder) {
  struct json_encoder *e = encoder;
  if (e == NULL) return;
  for (uint32_t i = 0; e->name != NULL && i < e->columns; i++) free(e->name[i].text);
  free(e->name);
  free(e->kind);
  free(e);
}
