/*
 * string: functions over text. A character is a Unicode code point; positions count from 1.
 *
 * Where the engines differ these follow Spark: substring() takes 0 as 1 and counts negative starts from the end, left()
 * and right() of a negative number are empty, trim() takes away blanks only. chr() and ascii() are Postgres': code
 * points. Case (upper, lower, initcap) is in string_case.c.
 */
#include "string_case.h"
#include "kernel.h"

#define TYPES(name, word, result)                                                                   \
  static int resolve_##name(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, \
                            struct spate_error *err) {                                              \
    return types_check(arg, args, word, result, out, err);                                          \
  }
TYPES(text_int, "s", SPATE_INT)
TYPES(bytes_int, "b", SPATE_INT)
TYPES(text, "s", SPATE_STRING)
TYPES(any, "*", SPATE_STRING)
TYPES(separated, "s*", SPATE_STRING)
TYPES(text_numbers, "sii", SPATE_STRING)
TYPES(pad, "sis", SPATE_STRING)
TYPES(overlay, "ssii", SPATE_STRING)
TYPES(split_part, "ssi", SPATE_STRING)
TYPES(chr, "i", SPATE_STRING)
TYPES(text_bool, "ss", SPATE_BOOL)

static void run_char_length(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row);
    f->out->i64[row] = utf8_count(s.at, s.at + s.size);
  }
}

static void run_octet_length(struct expr_call_frame *f) {
  EACH_ROW(f, row) f->out->i64[row] = arg_text(f, 0, row).size;
}

/* ---- trimming ---- */
enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

/* Whether the character at `at` (to `next`) is one of the set's. */
static bool set_has(struct text_arg set, const char *at, const char *next) {
  size_t size = (size_t)(next - at);
  const char *end = set.at + set.size;
  for (const char *c = set.at, *n; c < end; c = n) {
    n = utf8_next(c, end);
    if ((size_t)(n - c) == size && memcmp(c, at, size) == 0) return true;
  }
  return false;
}

static const char *utf8_previous(const char *at, const char *begin) {
  do at--;
  while (at > begin && ((unsigned char)*at & 0xC0) == 0x80);
  return at;
}

static void run_trim_sides(struct expr_call_frame *f, int sides) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row), set = {" ", 1};
    if (f->args > 1) set = arg_text(f, 1, row);
    const char *at = s.at, *end = s.at + s.size;
    while ((sides & TRIM_LEFT) != 0 && at < end && set_has(set, at, utf8_next(at, end))) at = utf8_next(at, end);
    while ((sides & TRIM_RIGHT) != 0 && end > at && set_has(set, utf8_previous(end, at), end))
      end = utf8_previous(end, at);
    text_put(f, row, at, (size_t)(end - at));
  }
}
static void run_trim(struct expr_call_frame *f) { run_trim_sides(f, TRIM_LEFT | TRIM_RIGHT); }
static void run_ltrim(struct expr_call_frame *f) { run_trim_sides(f, TRIM_LEFT); }
static void run_rtrim(struct expr_call_frame *f) { run_trim_sides(f, TRIM_RIGHT); }

/* ---- parts ---- */

/* Puts characters [from, to) of s, counted from 0; bounds outside the text are cut. */
static void slice_put(struct expr_call_frame *f, uint32_t row, struct text_arg s, int64_t from, int64_t to) {
  const char *end = s.at + s.size;
  const char *begin = utf8_skip(s.at, end, from);
  const char *stop = to > from ? utf8_skip(begin, end, to - (from > 0 ? from : 0)) : begin;
  text_put(f, row, begin, (size_t)(stop - begin));
}

static void run_substring(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row);
    int64_t start = arg_int(f, 1, row), from, to;
    if (start > 0)
      from = start - 1;
    else if (start == 0)
      from = 0;
    else
      from = (int64_t)utf8_count(s.at, s.at + s.size) + start;
    if (f->args < 3)
      to = INT64_MAX;
    else if (arg_int(f, 2, row) <= 0)
      to = from;
    else if (__builtin_add_overflow(from, arg_int(f, 2, row), &to))
      to = from > 0 ? INT64_MAX : from;
    slice_put(f, row, s, from, to);
  }
}

static void run_left(struct expr_call_frame *f) {
  EACH_ROW(f, row) slice_put(f, row, arg_text(f, 0, row), 0, arg_int(f, 1, row));
}

static void run_right(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row);
    int64_t n = arg_int(f, 1, row), length = utf8_count(s.at, s.at + s.size);
    int64_t from = n <= 0 ? length : n >= length ? 0 : length - n;
    slice_put(f, row, s, from, INT64_MAX);
  }
}

static void run_split_part(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row), d = arg_text(f, 1, row);
    int64_t n = arg_int(f, 2, row), parts = 1;
    if (n == 0) {
      f->fail(f, row, "split_part() counts parts from 1 or, from the end, from -1: there is no part 0");
      continue;
    }
    const char *at = s.at, *end = s.at + s.size, *hit;
    if (n < 0) { /* how many are there? */
      for (const char *p = at; d.size > 0 && (hit = memmem(p, (size_t)(end - p), d.at, d.size)) != NULL;
           p = hit + d.size)
        parts++;
      n = n < -parts ? 0 : parts + n + 1;
    }
    for (int64_t i = 1; at != NULL && i < n; i++) {
      hit = d.size > 0 ? memmem(at, (size_t)(end - at), d.at, d.size) : NULL;
      at = hit != NULL ? hit + d.size : NULL;
    }
    if (at == NULL || n == 0) {
      text_put(f, row, "", 0);
      continue;
    }
    hit = d.size > 0 ? memmem(at, (size_t)(end - at), d.at, d.size) : NULL;
    text_put(f, row, at, (size_t)((hit != NULL ? hit : end) - at));
  }
}

static void run_overlay(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row), with = arg_text(f, 1, row);
    int64_t from = arg_int(f, 2, row);
    int64_t length = f->args > 3 ? arg_int(f, 3, row) : (int64_t)utf8_count(with.at, with.at + with.size);
    if (from < 1 || length < 0) {
      f->fail(f, row, "overlay() begins at position 1 or later and replaces 0 or more characters");
      continue;
    }
    const char *end = s.at + s.size;
    const char *cut = utf8_skip(s.at, end, from - 1), *rest = utf8_skip(cut, end, length);
    size_t before = (size_t)(cut - s.at), after = (size_t)(end - rest);
    char *to = text_room(f, row, before + with.size + after);
    if (to == NULL) continue;
    memcpy(to, s.at, before);
    memcpy(to + before, with.at, with.size);
    memcpy(to + before + with.size, rest, after);
    spate_column_wrote(f->out, row, before + with.size + after);
  }
}

/* ---- searching ---- */
static void run_position(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg what = arg_text(f, 0, row), s = arg_text(f, 1, row);
    const char *hit = what.size > 0 ? memmem(s.at, s.size, what.at, what.size) : s.at;
    f->out->i64[row] = hit != NULL ? (int64_t)utf8_count(s.at, hit) + 1 : 0;
  }
}

static void run_starts_with(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row), t = arg_text(f, 1, row);
    f->out->b8[row] = t.size <= s.size && memcmp(s.at, t.at, t.size) == 0;
  }
}

static void run_ends_with(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row), t = arg_text(f, 1, row);
    f->out->b8[row] = t.size <= s.size && memcmp(s.at + s.size - t.size, t.at, t.size) == 0;
  }
}

static void run_contains(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row), t = arg_text(f, 1, row);
    f->out->b8[row] = t.size == 0 || memmem(s.at, s.size, t.at, t.size) != NULL;
  }
}

/* ---- building ---- */
static void run_replace(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row), from = arg_text(f, 1, row), to = arg_text(f, 2, row);
    const char *at = s.at, *end = s.at + s.size, *hit;
    size_t hits = 0;
    if (from.size > 0)
      for (const char *p = at; (hit = memmem(p, (size_t)(end - p), from.at, from.size)) != NULL; p = hit + from.size)
        hits++;
    size_t size = s.size - hits * from.size + hits * to.size;
    char *out = text_room(f, row, size);
    if (out == NULL) continue;
    for (; hits > 0; hits--) {
      hit = memmem(at, (size_t)(end - at), from.at, from.size);
      memcpy(out, at, (size_t)(hit - at));
      memcpy(out + (hit - at), to.at, to.size);
      out += (size_t)(hit - at) + to.size;
      at = hit + from.size;
    }
    memcpy(out, at, (size_t)(end - at));
    spate_column_wrote(f->out, row, size);
  }
}

/* Repeats `size` bytes at `from` until `total` bytes are written. */
static void bytes_repeat(char *to, const char *from, size_t size, size_t total) {
  if (size == 1) {
    memset(to, from[0], total);
    return;
  }
  for (size_t done = 0; done < total; done += size) memcpy(to + done, from, total - done < size ? total - done : size);
}

static void run_repeat(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row);
    int64_t n = arg_int(f, 1, row);
    if (n < 0 || s.size == 0) n = 0;
    size_t size = n > FUNCTION_TEXT_BYTES ? FUNCTION_TEXT_BYTES + 1 : (size_t)n * s.size;
    char *to = text_room(f, row, size);
    if (to == NULL) continue;
    bytes_repeat(to, s.at, s.size, size);
    spate_column_wrote(f->out, row, size);
  }
}

static void run_reverse(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row);
    char *to = text_room(f, row, s.size);
    if (to == NULL) continue;
    const char *end = s.at + s.size;
    char *put = to + s.size;
    for (const char *at = s.at, *next; at < end; at = next) {
      next = utf8_next(at, end);
      put -= next - at;
      memcpy(put, at, (size_t)(next - at));
    }
    spate_column_wrote(f->out, row, s.size);
  }
}

/* To exactly n characters: cut at the right, or filled with the text `pad` on one side. */
static void pad_put(struct expr_call_frame *f, uint32_t row, bool left) {
  struct text_arg s = arg_text(f, 0, row), pad = {" ", 1};
  if (f->args > 2) pad = arg_text(f, 2, row);
  int64_t n = arg_int(f, 1, row), length = utf8_count(s.at, s.at + s.size);
  if (n <= length || pad.size == 0) {
    slice_put(f, row, s, 0, n);
    return;
  }
  if (n > FUNCTION_TEXT_BYTES) n = length + FUNCTION_TEXT_BYTES + 1; /* fails below */
  const char *pad_end = pad.at + pad.size;
  int64_t missing = n - length, whole = utf8_count(pad.at, pad_end);
  if (whole == 0) whole = 1; /* text that is not UTF-8 after all */
  const char *part = utf8_skip(pad.at, pad_end, missing % whole);
  size_t fill = (size_t)(missing / whole) * pad.size + (size_t)(part - pad.at);
  char *to = text_room(f, row, fill + s.size);
  if (to == NULL) return;
  memcpy(left ? to + fill : to, s.at, s.size);
  bytes_repeat(left ? to : to + s.size, pad.at, pad.size, fill);
  spate_column_wrote(f->out, row, fill + s.size);
}
static void run_lpad(struct expr_call_frame *f) { EACH_ROW(f, row) pad_put(f, row, true); }
static void run_rpad(struct expr_call_frame *f) { EACH_ROW(f, row) pad_put(f, row, false); }

static void run_concat(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    size_t size = 0;
    for (uint32_t i = 0; i < f->args; i++) size += arg_text(f, i, row).size;
    char *to = text_room(f, row, size);
    if (to == NULL) continue;
    for (uint32_t i = 0; i < f->args; i++) {
      struct text_arg s = arg_text(f, i, row);
      memcpy(to, s.at, s.size);
      to += s.size;
    }
    spate_column_wrote(f->out, row, size);
  }
}

/* Not strict: nulls after the separator are left out, with their separator. */
static void concat_ws_put(struct expr_call_frame *f, uint32_t row) {
  for (uint32_t i = 0; i < f->args; i++) {
    if (f->arg[i].error == NULL || !f->arg[i].error[row]) continue;
    f->fail(f, row, "argument %u of concat_ws() failed", i + 1); /* the first reason stays */
    return;
  }
  if (arg_null(f, 0, row)) {
    spate_column_set_null(f->out, row);
    return;
  }
  struct text_arg separator = arg_text(f, 0, row);
  size_t size = 0, there = 0;
  for (uint32_t i = 1; i < f->args; i++)
    if (!arg_null(f, i, row)) size += arg_text(f, i, row).size + (there++ > 0 ? separator.size : 0);
  char *to = text_room(f, row, size);
  if (to == NULL) return;
  there = 0;
  for (uint32_t i = 1; i < f->args; i++) {
    if (arg_null(f, i, row)) continue;
    struct text_arg s = arg_text(f, i, row);
    if (there++ > 0) to = mempcpy(to, separator.at, separator.size);
    to = mempcpy(to, s.at, s.size);
  }
  spate_column_wrote(f->out, row, size);
}
static void run_concat_ws(struct expr_call_frame *f) { EACH_ROW(f, row) concat_ws_put(f, row); }

/* ---- single characters ---- */

/* The character of `to` that stands where `at` stands in `from`: 1; 0: not in `from`; -1: there, but `to` is shorter.
 */
static int translate_find(struct text_arg from, struct text_arg to, const char *at, const char *next,
                          struct text_arg *with) {
  const char *from_end = from.at + from.size, *to_end = to.at + to.size, *t = to.at;
  for (const char *c = from.at, *n; c < from_end; c = n) {
    n = utf8_next(c, from_end);
    const char *t_next = t < to_end ? utf8_next(t, to_end) : t;
    if (n - c == next - at && memcmp(c, at, (size_t)(n - c)) == 0) {
      with->at = t;
      with->size = (uint32_t)(t_next - t);
      return with->size > 0 ? 1 : -1;
    }
    t = t_next;
  }
  return 0;
}

static void run_translate(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row), from = arg_text(f, 1, row), to = arg_text(f, 2, row), with;
    const char *end = s.at + s.size;
    char *out = text_room_most(f, row, (size_t)s.size * 4); /* a character grows to 4 bytes at most */
    if (out == NULL) continue;
    char *put = out;
    for (const char *at = s.at, *next; at < end; at = next) {
      next = utf8_next(at, end);
      int found = translate_find(from, to, at, next, &with);
      if (found == 0)
        put = mempcpy(put, at, (size_t)(next - at));
      else if (found > 0)
        put = mempcpy(put, with.at, with.size);
    }
    spate_column_wrote(f->out, row, (size_t)(put - out));
  }
}

static void run_ascii(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    struct text_arg s = arg_text(f, 0, row);
    f->out->i64[row] = s.size > 0 ? utf8_get(&s.at, s.at + s.size) : 0;
  }
}

static void run_chr(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    int64_t code = arg_int(f, 0, row);
    char out[4];
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
      f->fail(f, row, "chr(%lld): no character has this code point", (long long)code);
    else
      text_put(f, row, out, utf8_put(out, (uint32_t)code));
  }
}

#define ROW(f_name, least, most, is_strict, types, shape, text)                                                 \
  {                                                                                                             \
    .name = #f_name, .group = "strings", .signature = shape, .help = text, .min_args = least, .max_args = most, \
    .strict = is_strict, .resolve = resolve_##types, .run = run_##f_name                                        \
  }
#define ROW_CASE(f_name, shape, text)                                                                    \
  {                                                                                                      \
    .name = #f_name, .group = "strings", .signature = shape, .help = text, .min_args = 1, .max_args = 1, \
    .strict = true, .resolve = resolve_text, .run = run_##f_name, .scratch_size = CASE_SCRATCH,          \
    .scratch_free = case_scratch_free                                                                    \
  }
const struct expr_function FUNCTIONS_STRING[] = {
    ROW(char_length, 1, 1, true, text_int, "char_length(string)", "how many characters (Unicode code points)"),
    ROW(octet_length, 1, 1, true, bytes_int, "octet_length(string | bytes)", "how many bytes"),
    ROW_CASE(upper, "upper(string)", "in upper case, character by character"),
    ROW_CASE(lower, "lower(string)", "in lower case, character by character"),
    ROW_CASE(initcap, "initcap(string)",
             "each word's first letter in upper case, the rest in lower case; a word is letters and digits"),
    ROW(trim, 1, 2, true, text, "trim(string [, chars])",
        "without the blanks, or the characters of chars, at both ends"),
    ROW(ltrim, 1, 2, true, text, "ltrim(string [, chars])",
        "without the blanks, or the characters of chars, at its beginning"),
    ROW(rtrim, 1, 2, true, text, "rtrim(string [, chars])",
        "without the blanks, or the characters of chars, at its end"),
    ROW(substring, 2, 3, true, text_numbers, "substring(string, from [, length])",
        "characters from a position on, counted from 1, or from the end if negative"),
    ROW(left, 2, 2, true, text_numbers, "left(string, n)", "the first n characters"),
    ROW(right, 2, 2, true, text_numbers, "right(string, n)", "the last n characters"),
    ROW(position, 2, 2, true, text_int, "position(part, string), position(part in string)",
        "where part begins, counted from 1; 0 when it is not there"),
    ROW(replace, 3, 3, true, text, "replace(string, from, to)", "with every occurrence of from replaced by to"),
    ROW(repeat, 2, 2, true, text_numbers, "repeat(string, n)",
        "n times one after the other; a result over 16 MiB fails"),
    ROW(reverse, 1, 1, true, text, "reverse(string)", "its characters backwards"),
    ROW(lpad, 2, 3, true, pad, "lpad(string, n [, fill])",
        "to n characters, filled at the left with blanks or fill, or cut at the right"),
    ROW(rpad, 2, 3, true, pad, "rpad(string, n [, fill])",
        "to n characters, filled with blanks or fill, or cut, at the right"),
    ROW(concat, 1, EXPR_MAX_ARGS, true, any, "concat(value, ...)",
        "the texts of the values one after the other; null when one is null"),
    ROW(concat_ws, 1, EXPR_MAX_ARGS, false, separated, "concat_ws(separator, value, ...)",
        "the texts of the values that are not null, with the separator between them"),
    ROW(overlay, 3, 4, true, overlay, "overlay(string, with, from [, length])",
        "with the characters from a position on replaced; length is that of with if left out"),
    ROW(split_part, 3, 3, true, split_part, "split_part(string, delimiter, n)",
        "the n-th part, from the end if n is negative, empty if there is none; part 0 fails"),
    ROW(translate, 3, 3, true, text, "translate(string, from, to)",
        "each character that is in from replaced by the one at its place in to, or left out"),
    ROW(ascii, 1, 1, true, text_int, "ascii(string)", "the code point of the first character; 0 for the empty string"),
    ROW(chr, 1, 1, true, chr, "chr(int)", "the character with this code point; fails where there is none"),
    ROW(starts_with, 2, 2, true, text_bool, "starts_with(string, part)", "whether it begins with part"),
    ROW(ends_with, 2, 2, true, text_bool, "ends_with(string, part)", "whether it ends with part"),
    ROW(contains, 2, 2, true, text_bool, "contains(string, part)", "whether part is in it"),
    {.name = NULL},
};
