/*
 * kernel: the parts of the scalar functions' shared ground that are not worth inlining: UTF-8, writing of text with its
 * bound, and the reading of a function's type word.
 */
#include "kernel.h"
#include "../../data/schema.h"

char *text_room_most(struct expr_call_frame *f, uint32_t row, size_t size) {
  char *to = spate_column_room(f->out, row, size);
  if (to == NULL) f->fail(f, row, "the results of this batch would have more than 2 GiB");
  return to;
}

char *text_room(struct expr_call_frame *f, uint32_t row, size_t size) {
  if (size > FUNCTION_TEXT_BYTES) {
    f->fail(f, row, "the result would have more than %u MiB", FUNCTION_TEXT_BYTES >> 20);
    return NULL;
  }
  return text_room_most(f, row, size);
}

void text_put(struct expr_call_frame *f, uint32_t row, const void *bytes, size_t size) {
  char *to = text_room(f, row, size);
  if (to == NULL) return;
  memcpy(to, bytes, size);
  spate_column_wrote(f->out, row, size);
}

uint32_t utf8_get(const char **at, const char *end) {
  const unsigned char *p = (const unsigned char *)*at;
  const char *next = utf8_next(*at, end);
  long size = next - *at;
  *at = next;
  switch (size) {
    case 2: return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
    case 3: return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    case 4:
      return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 | (uint32_t)(p[2] & 0x3F) << 6 |
             (p[3] & 0x3F);
    default: return p[0];
  }
}

size_t utf8_put(char *out, uint32_t code) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (char)(0xC0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (char)(0xE0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3F));
    out[2] = (char)(0x80 | (code & 0x3F));
    return 3;
  }
  out[0] = (char)(0xF0 | code >> 18);
  out[1] = (char)(0x80 | (code >> 12 & 0x3F));
  out[2] = (char)(0x80 | (code >> 6 & 0x3F));
  out[3] = (char)(0x80 | (code & 0x3F));
  return 4;
}

uint32_t utf8_count(const char *at, const char *end) {
  uint32_t n = 0;
  for (; at < end; at++) n += ((unsigned char)*at & 0xC0) != 0x80; /* every byte that begins a character */
  return n;
}

const char *utf8_skip(const char *at, const char *end, int64_t n) {
  while (n > 0 && at < end) {
    at = utf8_next(at, end);
    n--;
  }
  return at;
}

/* What the letter asks for. False: t cannot stand there. Where a wish is all (i, d, t), the checker says what is wrong.
 */
static bool type_fits(char letter, struct spate_type t, struct spate_type *as) {
  bool none = t.kind == SPATE_NONE, text = t.kind == SPATE_STRING;
  bool number = t.kind == SPATE_INT || t.kind == SPATE_DOUBLE || t.kind == SPATE_DECIMAL;
  switch (letter) {
    case 'i': *as = type_of(SPATE_INT); return true;
    case 'd': *as = type_of(SPATE_DOUBLE); return true;
    case 't': *as = type_of(SPATE_TIMESTAMP); return true; /* a text literal becomes one */
    case 's': *as = type_of(SPATE_STRING); return none || text;
    case 'b': *as = none ? type_of(SPATE_STRING) : t; return none || text || t.kind == SPATE_BYTES;
    case 'n': *as = none ? type_of(SPATE_INT) : t; return none || number;
    default: *as = type_of(SPATE_STRING); return t.kind != SPATE_INTERVAL;
  }
}

int types_check(const struct spate_type *arg, uint32_t args, const char *word, enum spate_kind result,
                struct expr_resolved *out, struct spate_error *err) {
  char letter = '*';
  for (uint32_t i = 0; i < args; i++) {
    if (*word == '?') word++;
    if (*word != 0) letter = *word++;
    if (type_fits(letter, arg[i], &out->arg[i])) continue;
    const char *wanted = letter == 's' ? "a string" : letter == 'b' ? "a string or bytes" : "a number";
    char text[64];
    if (letter == '*') return spate_fail(err, "argument %u is an interval, which has no text", i + 1);
    return spate_fail(err, "argument %u is %s, and must be %s", i + 1, type_text(arg[i], text, sizeof text), wanted);
  }
  out->result = type_of(result);
  return 0;
}
