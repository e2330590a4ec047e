/*
 * conf_scalar: where each byte of a scalar stands in the file.
 *
 * libyaml gives a scalar's value and the place where its source begins and ends. An error inside an expression wants
 * more: the column in the file of its 17th byte, also when the scalar is quoted, escaped or folded over lines. So the
 * source is read here a second time by the rules of its style, noting for each byte that comes out where it came from.
 * The value stays libyaml's: if both readings differ (they should not, and a test by random texts looks for it) the
 * places fall back to the scalar's beginning.
 */
#include <string.h>
#include "conf_parts.h"

/* What comes out: compared with libyaml's value as it grows. */
struct output {
  const char *value;
  size_t size, count;
  uint32_t *where;
  bool wrong;
};
struct source {
  const char *text;
  size_t at, end;
};

static void put(struct output *out, char c, size_t from) {
  if (out->wrong) return;
  if (out->count >= out->size || out->value[out->count] != c) {
    out->wrong = true;
    return;
  }
  out->where[out->count++] = (uint32_t)from;
}

static bool blank(const struct source *s) {
  return s->at < s->end && (s->text[s->at] == ' ' || s->text[s->at] == '\t');
}

/* Bytes of the line break here, and the bytes that it becomes; 0: none. Besides CR and LF YAML 1.1 knows NEL, LS, PS.
 */
static size_t line_break(const struct source *s, const char **becomes) {
  const unsigned char *t = (const unsigned char *)s->text + s->at;
  size_t left = s->end - s->at;
  *becomes = "\n";
  if (left == 0) return 0;
  if (t[0] == '\n') return 1;
  if (t[0] == '\r') return left > 1 && t[1] == '\n' ? 2 : 1;
  if (left > 1 && t[0] == 0xc2 && t[1] == 0x85) return 2;
  if (left > 2 && t[0] == 0xe2 && t[1] == 0x80 && (t[2] == 0xa8 || t[2] == 0xa9)) {
    *becomes = t[2] == 0xa8 ? "\xe2\x80\xa8" : "\xe2\x80\xa9";
    return 3;
  }
  return 0;
}

static void put_text(struct output *out, const char *text, size_t from) {
  for (; *text != 0; text++) put(out, *text, from);
}

/* Blanks and breaks inside a flow scalar: without a break they stand as they are; one break is a blank, and more are
 * one less. `escaped`: a backslash has eaten a break already. */
static void put_fold(struct output *out, struct source *s, bool escaped) {
  struct source blanks = *s;
  while (blank(s)) s->at++;
  const char *becomes, *first = NULL;
  size_t size = line_break(s, &becomes), first_at = s->at;
  if (size == 0 && !escaped) {
    for (size_t i = blanks.at; i < s->at; i++) put(out, s->text[i], i);
    return;
  }
  if (!escaped) {
    first = becomes;
    s->at += size;
  }
  struct source rest = *s; /* pass one: are there more breaks? pass two: write them */
  bool more = false;
  while (blank(&rest) || line_break(&rest, &becomes) > 0) {
    size = line_break(&rest, &becomes);
    more = more || size > 0;
    rest.at += size > 0 ? size : 1;
  }
  if (first != NULL && (first[0] != '\n')) put_text(out, first, first_at);
  if (first != NULL && first[0] == '\n' && !more) put(out, ' ', first_at);
  while (s->at < rest.at) {
    size = line_break(s, &becomes);
    if (size > 0) put_text(out, becomes, s->at);
    s->at += size > 0 ? size : 1;
  }
}

static bool at_space(const struct source *s) {
  const char *becomes;
  return blank(s) || line_break(s, &becomes) > 0;
}

static void read_plain(struct output *out, struct source *s) {
  while (s->at < s->end) {
    if (at_space(s)) {
      put_fold(out, s, false);
    } else {
      put(out, s->text[s->at], s->at);
      s->at++;
    }
  }
}

static void read_single(struct output *out, struct source *s) {
  while (s->at < s->end) {
    if (at_space(s)) {
      put_fold(out, s, false);
    } else {
      put(out, s->text[s->at], s->at);
      s->at += s->text[s->at] == '\'' ? 2 : 1;
    }
  }
}

static void put_code(struct output *out, uint32_t code, size_t from) {
  char utf8[5] = {0};
  if (code < 0x80) {
    put(out, (char)code, from);
    return;
  }
  if (code < 0x800) {
    utf8[0] = (char)(0xc0 | code >> 6);
    utf8[1] = (char)(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    utf8[0] = (char)(0xe0 | code >> 12);
    utf8[1] = (char)(0x80 | (code >> 6 & 0x3f));
    utf8[2] = (char)(0x80 | (code & 0x3f));
  } else {
    utf8[0] = (char)(0xf0 | (code >> 18 & 7));
    utf8[1] = (char)(0x80 | (code >> 12 & 0x3f));
    utf8[2] = (char)(0x80 | (code >> 6 & 0x3f));
    utf8[3] = (char)(0x80 | (code & 0x3f));
  }
  put_text(out, utf8, from);
}

static uint32_t hex(const struct source *s, size_t digits) {
  uint32_t code = 0;
  for (size_t i = s->at; i < s->at + digits && i < s->end; i++) {
    unsigned char c = (unsigned char)s->text[i];
    code = code << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return code;
}

/* s stands on a backslash that is not before a line's end. */
static void put_escape(struct output *out, struct source *s) {
  static const char names[] = "0abt\tnvfre \"/\\N_LP";
  static const uint32_t codes[] = {0, 7, 8, 9, 9, 10, 11, 12, 13, 27, ' ', '"', '/', '\\', 0x85, 0xa0, 0x2028, 0x2029};
  size_t from = s->at;
  char c = s->at + 1 < s->end ? s->text[s->at + 1] : 0;
  size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  s->at += 2;
  if (digits > 0) {
    put_code(out, hex(s, digits), from);
    s->at += digits;
    return;
  }
  const char *name = c == 0 ? NULL : strchr(names, c);
  if (name == NULL) {
    out->wrong = true;
  } else {
    put_code(out, codes[name - names], from);
  }
}

static void read_double(struct output *out, struct source *s) {
  while (s->at < s->end) {
    if (at_space(s)) {
      put_fold(out, s, false);
    } else if (s->text[s->at] == '\\') {
      struct source next = {s->text, s->at + 1, s->end};
      const char *becomes;
      size_t size = line_break(&next, &becomes);
      if (size > 0) {
        s->at += 1 + size;
        put_fold(out, s, true);
      } else {
        put_escape(out, s);
      }
    } else {
      put(out, s->text[s->at], s->at);
      s->at++;
    }
  }
}

/* ---- block scalars ---- */
static size_t line_end(const struct source *s, size_t at) {
  struct source probe = {s->text, at, s->end};
  const char *becomes;
  while (probe.at < probe.end && line_break(&probe, &becomes) == 0) probe.at++;
  return probe.at;
}

/* Blanks before the first text that is not a blank line, in lines of text[at..end); SIZE_MAX: there is none. */
static size_t first_indent(const char *text, size_t at, size_t end) {
  struct source s = {text, at, end};
  while (s.at < s.end) {
    size_t n = 0, stop = line_end(&s, s.at);
    while (s.at + n < stop && text[s.at + n] == ' ') n++;
    if (s.at + n < stop) return n;
    const char *becomes;
    s.at = stop;
    s.at += line_break(&s, &becomes);
  }
  return SIZE_MAX;
}

/* Eats indentation and empty lines. False: the line here is indented less, and no longer part of the scalar. */
static bool skip_breaks(struct source *s, size_t indent) {
  for (;;) {
    size_t column = 0, line = s->at;
    while (column < indent && s->at < s->end && s->text[s->at] == ' ') s->at++, column++;
    const char *becomes;
    size_t size = line_break(s, &becomes);
    if (size == 0) {
      if (column < indent) s->at = line;
      return column == indent && s->at < s->end;
    }
    s->at += size;
  }
}

static void put_breaks(struct output *out, const char *text, size_t at, size_t end) {
  struct source s = {text, at, end};
  while (s.at < s.end) {
    const char *becomes;
    size_t size = line_break(&s, &becomes);
    if (size > 0) put_text(out, becomes, s.at);
    s.at += size > 0 ? size : 1;
  }
}

static bool has_break(const char *text, size_t at, size_t end) {
  struct source s = {text, at, end};
  for (const char *becomes; s.at < s.end; s.at++)
    if (line_break(&s, &becomes) > 0) return true;
  return false;
}

/* Most blanks of the lines before the first that holds more than blanks. */
static size_t blank_indent(const char *text, size_t at, size_t end) {
  struct source s = {text, at, end};
  size_t most = 0;
  while (s.at < s.end) {
    size_t n = 0, stop = line_end(&s, s.at);
    while (s.at + n < stop && text[s.at + n] == ' ') n++;
    if (s.at + n < stop) break;
    if (n > most) most = n;
    const char *becomes;
    s.at = stop;
    s.at += line_break(&s, &becomes);
  }
  return most;
}

/* How far the lines of a block scalar are indented: what the value lacks. s stands on its first line. */
static size_t block_indent(const struct output *out, const struct source *s) {
  size_t inside = first_indent(out->value, 0, out->size), outside = first_indent(s->text, s->at, s->end);
  if (inside == SIZE_MAX) { /* nothing but blanks and line ends */
    inside = blank_indent(out->value, 0, out->size);
    outside = blank_indent(s->text, s->at, s->end);
    if (inside == 0) return SIZE_MAX;
  }
  return outside > inside && outside != SIZE_MAX ? outside - inside : 1;
}

/* What stands behind '|' or '>': '+' keeps all line ends at the end, '-' none; a comment says nothing. */
static void read_block_head(struct source *s, bool *keep, bool *strip) {
  const char *becomes;
  size_t head = line_end(s, s->at);
  *keep = *strip = false;
  for (; s->at < head && s->text[s->at] != '#'; s->at++) {
    *keep = *keep || s->text[s->at] == '+';
    *strip = *strip || s->text[s->at] == '-';
  }
  s->at = head;
  s->at += line_break(s, &becomes);
}

/* s->end is the end of the file: the scalar ends with the first line that is indented less. */
static void read_block(struct output *out, struct source *s, bool folded) {
  bool keep, strip, lead_blank = false;
  const char *lead = "";
  read_block_head(s, &keep, &strip);
  size_t indent = block_indent(out, s), lead_at = s->at, breaks = s->at;
  while (skip_breaks(s, indent) && !out->wrong) {
    bool now_blank = blank(s);
    if (folded && lead[0] == '\n' && !lead_blank && !now_blank) {
      if (!has_break(s->text, breaks, s->at)) put(out, ' ', lead_at);
    } else {
      put_text(out, lead, lead_at);
    }
    put_breaks(out, s->text, breaks, s->at);
    lead_blank = now_blank;
    size_t stop = line_end(s, s->at);
    for (; s->at < stop; s->at++) put(out, s->text[s->at], s->at);
    lead_at = s->at;
    size_t size = line_break(s, &lead);
    if (size == 0) lead = "";
    s->at += size;
    breaks = s->at;
  }
  if (!strip) put_text(out, lead, lead_at);
  if (keep) put_breaks(out, s->text, breaks, s->at);
  s->end = keep ? s->at : lead_at;
}

bool conf_scalar_where(const char *text, size_t from, size_t to, enum conf_style style, const char *value, size_t size,
                       uint32_t *where) {
  struct output out = {value, size, 0, where, false};
  struct source s = {text, from, to}; /* of a block scalar `to` is the file's end */
  bool quotes = style == CONF_SINGLE || style == CONF_DOUBLE;
  if (quotes && to > from + 1) {
    s.at++;
    s.end--;
  }
  switch (style) {
    case CONF_PLAIN: read_plain(&out, &s); break;
    case CONF_SINGLE: read_single(&out, &s); break;
    case CONF_DOUBLE: read_double(&out, &s); break;
    case CONF_LITERAL: read_block(&out, &s, false); break;
    case CONF_FOLDED: read_block(&out, &s, true); break;
  }
  where[size] = (uint32_t)s.end;
  if (!out.wrong && out.count == size) return true;
  for (size_t i = out.count; i < size; i++) where[i] = (uint32_t)(out.count > 0 ? where[out.count - 1] : from);
  return false;
}
