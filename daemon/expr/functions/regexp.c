/*
 * regexp: regexp_like, regexp_replace and regexp_extract by PCRE2, the flavour closest to Java's, which Flink and Spark
 * use.
 *
 * A constant pattern is compiled once, with the expression, and its errors are found then; another pattern is compiled
 * when it differs from the row's before. Patterns come from users and text from anywhere, so everything has a bound:
 * the length of a pattern, the steps of one match (a pattern like '(a+)+b' fails its row instead of holding the
 * pipeline up), the stack, the size of a result. \d \w \s mean ASCII, as in Java. The replacement is Java's: $1,
 * ${name}, $0 for the whole match, \$ and \\ for the characters.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include "../../base/buf.h"
#include "../../data/schema.h"
#include "kernel.h"

#define PATTERN_BYTES 10000u
#define MATCH_STEPS 100000u
#define MATCH_HEAP_KIB 20000u
#define JIT_STACK_BYTES (1u << 20)

struct expr_prepared { /* lives in the arena but for `code` */
  pcre2_code *code;    /* NULL: the pattern is not constant, or null */
};

struct regexp_scratch { /* of one call in one task */
  pcre2_match_data *match;
  pcre2_match_context *context;
  pcre2_jit_stack *stack;
  pcre2_code *own;  /* of the last pattern that was not constant */
  struct buf last;  /* that pattern's text */
  struct buf built; /* a replaced text while it grows */
};

static pcre2_code *pattern_compile(struct text_arg pattern, struct spate_error *err) {
  if (pattern.size > PATTERN_BYTES) {
    spate_fail(err, "the regular expression has more than %u bytes", PATTERN_BYTES);
    return NULL;
  }
  int code;
  PCRE2_SIZE at;
  /* MATCH_INVALID_UTF: text that is not UTF-8 after all is no match, and no danger */
  pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.size,
                                 PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
  if (re == NULL) {
    PCRE2_UCHAR why[160];
    pcre2_get_error_message(code, why, sizeof why);
    spate_fail(err, "the regular expression is wrong at character %u: %s",
               utf8_count(pattern.at, pattern.at + (at < pattern.size ? at : pattern.size)) + 1, (const char *)why);
    return NULL;
  }
  (void)pcre2_jit_compile(re, PCRE2_JIT_COMPLETE); /* where there is no JIT the interpreter does it */
  return re;
}

static bool value_constant(const struct spate_column *value) { return value != NULL && !spate_column_null(value, 0); }

static struct text_arg value_text(const struct spate_column *value) {
  struct text_arg t;
  t.at = spate_column_bytes(value, 0, &t.size);
  return t;
}

/* ---- the replacement text ---- */
struct piece { /* literal text, or a group of the match */
  const char *at;
  uint32_t size;
  int group; /* -1: literal */
};

static int group_named(const pcre2_code *re, const char *name, size_t size) {
  char copy[64];
  if (size == 0 || size >= sizeof copy) return -1;
  memcpy(copy, name, size);
  copy[size] = 0;
  int n = pcre2_substring_number_from_name(re, (PCRE2_SPTR)copy);
  return n > 0 ? n : -1;
}

/* `$` is at `at`. As Java: as many digits as still name a group; -1: no such group. */
static int group_read(const pcre2_code *re, uint32_t groups, const char **at, const char *end) {
  const char *p = *at + 1;
  if (p < end && *p == '{') {
    const char *close = memchr(p, '}', (size_t)(end - p));
    if (close == NULL) return -1;
    *at = close + 1;
    return group_named(re, p + 1, (size_t)(close - p - 1));
  }
  if (p == end || *p < '0' || *p > '9') return -1;
  uint32_t n = (uint32_t)(*p++ - '0');
  if (n > groups) return -1;
  while (p < end && *p >= '0' && *p <= '9' && n * 10 + (uint32_t)(*p - '0') <= groups)
    n = n * 10 + (uint32_t)(*p++ - '0');
  *at = p;
  return (int)n;
}

/* Takes the next piece. 1: there is one; 0: the end; -1: wrong, err says why. */
static int piece_next(const pcre2_code *re, uint32_t groups, const char **at, const char *end, struct piece *piece,
                      struct spate_error *err) {
  if (*at == end) return 0;
  piece->group = -1;
  piece->at = *at;
  if (**at == '$') {
    piece->group = group_read(re, groups, at, end);
    if (piece->group >= 0) return 1;
    return spate_fail(err,
                      "the replacement names a group that the pattern does not have ($1 or ${name}; a dollar is \\$)");
  }
  if (**at == '\\') {
    if (*at + 1 == end) return spate_fail(err, "the replacement ends with a single \\ (write \\\\)");
    piece->at = ++*at;
  }
  do ++*at;
  while (*at < end && **at != '$' && **at != '\\');
  piece->size = (uint32_t)(*at - piece->at);
  return 1;
}

static uint32_t groups_count(const pcre2_code *re) {
  uint32_t groups = 0;
  pcre2_pattern_info(re, PCRE2_INFO_CAPTURECOUNT, &groups);
  return groups;
}

static int replacement_check(const pcre2_code *re, struct text_arg with, struct spate_error *err) {
  const char *at = with.at;
  struct piece piece;
  int step;
  while ((step = piece_next(re, groups_count(re), &at, with.at + with.size, &piece, err)) > 0) continue;
  return step;
}

static int group_check(const pcre2_code *re, int64_t group, struct spate_error *err) {
  uint32_t groups = groups_count(re);
  if (group >= 0 && group <= groups) return 0;
  if (groups == 0 && group == 1)
    return spate_fail(err, "the pattern has no group: put one in parentheses, or say 0 for the whole match");
  return spate_fail(err, "the pattern has %u group%s, there is no group %lld", groups, groups == 1 ? "" : "s",
                    (long long)group);
}

/* ---- at compile time ---- */
static const struct expr_prepared *prepare_pattern(struct arena *arena, const struct spate_column *const *value,
                                                   struct spate_error *err) {
  struct expr_prepared *p = ARENA_NEW(arena, struct expr_prepared);
  if (value_constant(value[1]) && (p->code = pattern_compile(value_text(value[1]), err)) == NULL) return NULL;
  return p;
}
static void release_pattern(const struct expr_prepared *prepared) {
  if (prepared != NULL) pcre2_code_free(prepared->code);
}

static const struct expr_prepared *prepare_like(struct arena *arena, const struct spate_column *const *value,
                                                uint32_t args, struct spate_error *err) {
  (void)args;
  return prepare_pattern(arena, value, err);
}

static const struct expr_prepared *prepare_replace(struct arena *arena, const struct spate_column *const *value,
                                                   uint32_t args, struct spate_error *err) {
  (void)args;
  const struct expr_prepared *p = prepare_pattern(arena, value, err);
  if (p == NULL || p->code == NULL || !value_constant(value[2])) return p;
  if (replacement_check(p->code, value_text(value[2]), err) == 0) return p;
  release_pattern(p);
  return NULL;
}

static const struct expr_prepared *prepare_extract(struct arena *arena, const struct spate_column *const *value,
                                                   uint32_t args, struct spate_error *err) {
  const struct expr_prepared *p = prepare_pattern(arena, value, err);
  if (p == NULL || p->code == NULL || (args > 2 && !value_constant(value[2]))) return p;
  if (group_check(p->code, args > 2 ? value[2]->i64[0] : 1, err) == 0) return p;
  release_pattern(p);
  return NULL;
}

/* ---- matching ---- */
static struct regexp_scratch *scratch_get(struct expr_call_frame *f) {
  struct regexp_scratch *s = f->scratch;
  if (s->context != NULL) return s;
  s->context = pcre2_match_context_create(NULL);
  s->stack = pcre2_jit_stack_create(32 << 10, JIT_STACK_BYTES, NULL);
  pcre2_set_match_limit(s->context, MATCH_STEPS);
  pcre2_set_heap_limit(s->context, MATCH_HEAP_KIB);
  pcre2_jit_stack_assign(s->context, NULL, s->stack);
  return s;
}

static void regexp_scratch_free(void *scratch) {
  struct regexp_scratch *s = scratch;
  pcre2_match_data_free(s->match);
  pcre2_match_context_free(s->context);
  pcre2_jit_stack_free(s->stack);
  pcre2_code_free(s->own);
  buf_free(&s->last);
  buf_free(&s->built);
  memset(s, 0, sizeof *s);
}

/* The compiled pattern of the row, with match data of its size; NULL: the row has been failed. */
static const pcre2_code *pattern_get(struct expr_call_frame *f, uint32_t row) {
  struct regexp_scratch *s = scratch_get(f);
  const pcre2_code *re = f->prepared != NULL ? f->prepared->code : NULL;
  if (re == NULL) {
    struct text_arg pattern = arg_text(f, 1, row);
    if (s->own == NULL || s->last.size != pattern.size ||
        (pattern.size > 0 && memcmp(s->last.data, pattern.at, pattern.size) != 0)) {
      struct spate_error err;
      pcre2_code_free(s->own);
      pcre2_match_data_free(s->match);
      s->match = NULL;
      s->own = pattern_compile(pattern, &err);
      if (s->own == NULL) {
        f->fail(f, row, "%s", err.message);
        return NULL;
      }
      s->last.size = 0;
      buf_put(&s->last, pattern.at, pattern.size);
    }
    re = s->own;
  }
  if (s->match == NULL) s->match = pcre2_match_data_create_from_pattern(re, NULL);
  return re;
}

/* 1: a match, see ovector; 0: none; -1: the row has been failed. */
static int pattern_match(struct expr_call_frame *f, uint32_t row, const pcre2_code *re, struct text_arg text,
                         size_t from, uint32_t options) {
  struct regexp_scratch *s = f->scratch;
  int result = pcre2_match(re, (PCRE2_SPTR)text.at, text.size, from, options, s->match, s->context);
  if (result > 0) return 1;
  if (result == PCRE2_ERROR_NOMATCH) return 0;
  if (result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_JIT_STACKLIMIT || result == PCRE2_ERROR_DEPTHLIMIT ||
      result == PCRE2_ERROR_HEAPLIMIT) {
    f->fail(f, row, "the regular expression needs too many steps for this text");
  } else {
    PCRE2_UCHAR why[160];
    pcre2_get_error_message(result, why, sizeof why);
    f->fail(f, row, "the regular expression cannot be matched: %s", (const char *)why);
  }
  return -1;
}

static void run_regexp_like(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    const pcre2_code *re = pattern_get(f, row);
    if (re != NULL) f->out->b8[row] = pattern_match(f, row, re, arg_text(f, 0, row), 0, 0) > 0;
  }
}

static void extract_put(struct expr_call_frame *f, uint32_t row) {
  const pcre2_code *re = pattern_get(f, row);
  if (re == NULL) return;
  int64_t group = f->args > 2 ? arg_int(f, 2, row) : 1;
  struct spate_error err;
  if (group_check(re, group, &err) != 0) {
    f->fail(f, row, "%s", err.message);
    return;
  }
  struct text_arg text = arg_text(f, 0, row);
  int found = pattern_match(f, row, re, text, 0, 0);
  if (found < 0) return;
  const struct regexp_scratch *s = f->scratch;
  const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->match) + 2 * group;
  if (found == 0 || at[0] == PCRE2_UNSET)
    spate_column_set_null(f->out, row);
  else
    text_put(f, row, text.at + at[0], at[1] > at[0] ? at[1] - at[0] : 0); /* \K may put the start behind the end */
}
static void run_regexp_extract(struct expr_call_frame *f) { EACH_ROW(f, row) extract_put(f, row); }

/* Appends the replacement of the match that stands in the match data. -1: the row has been failed. */
static int replacement_put(struct expr_call_frame *f, uint32_t row, const pcre2_code *re, struct text_arg text,
                           struct text_arg with) {
  struct regexp_scratch *s = f->scratch;
  const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->match);
  const char *next = with.at;
  uint32_t groups = groups_count(re);
  struct piece piece;
  struct spate_error err;
  int step;
  while ((step = piece_next(re, groups, &next, with.at + with.size, &piece, &err)) > 0) {
    if (piece.group < 0) {
      buf_put(&s->built, piece.at, piece.size);
    } else {
      PCRE2_SIZE begin = at[2 * piece.group], end = at[2 * piece.group + 1];
      if (begin != PCRE2_UNSET && end > begin) buf_put(&s->built, text.at + begin, end - begin);
    }
  }
  if (step < 0) f->fail(f, row, "%s", err.message);
  return step;
}

static void replace_put(struct expr_call_frame *f, uint32_t row) {
  const pcre2_code *re = pattern_get(f, row);
  if (re == NULL) return;
  struct regexp_scratch *s = f->scratch;
  struct text_arg text = arg_text(f, 0, row), with = arg_text(f, 2, row);
  size_t from = 0, copied = 0;
  int found;
  s->built.size = 0;
  while ((found = pattern_match(f, row, re, text, from, 0)) > 0) {
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->match);
    size_t begin = at[0], end = at[1] > at[0] ? at[1] : at[0];
    if (begin < copied) break; /* a lookbehind with \K: what is written stays */
    buf_put(&s->built, text.at + copied, begin - copied);
    if (replacement_put(f, row, re, text, with) != 0) return;
    if (s->built.size > FUNCTION_TEXT_BYTES) break;
    copied = end;
    from = end;
    if (end == begin) { /* empty: the next match begins a character further, and that character stays */
      if (end == text.size) break;
      from = (size_t)(utf8_next(text.at + end, text.at + text.size) - text.at);
    }
  }
  if (found < 0) return;
  buf_put(&s->built, text.at + copied, text.size - copied);
  text_put(f, row, s->built.size > 0 ? s->built.data : "", s->built.size);
}
static void run_regexp_replace(struct expr_call_frame *f) { EACH_ROW(f, row) replace_put(f, row); }

static int resolve_like(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                        struct spate_error *err) {
  return types_check(arg, args, "ss", SPATE_BOOL, out, err);
}
static int resolve_replace(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                           struct spate_error *err) {
  return types_check(arg, args, "sss", SPATE_STRING, out, err);
}
static int resolve_extract(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                           struct spate_error *err) {
  return types_check(arg, args, "ssi", SPATE_STRING, out, err);
}

#define REGEXP(f_name, least, most, shape, text)                                                            \
  {                                                                                                         \
    .name = "regexp_" #f_name, .group = "strings", .signature = shape, .help = text, .min_args = least,     \
    .max_args = most, .strict = true, .resolve = resolve_##f_name, .run = run_regexp_##f_name,              \
    .prepare = prepare_##f_name, .release = release_pattern, .scratch_size = sizeof(struct regexp_scratch), \
    .scratch_free = regexp_scratch_free                                                                     \
  }
const struct expr_function FUNCTIONS_REGEXP[] = {
    REGEXP(like, 2, 2, "regexp_like(string, pattern)", "whether the pattern matches anywhere in it"),
    REGEXP(replace, 3, 3, "regexp_replace(string, pattern, replacement)",
           "with every match replaced; $1 or ${name} in the replacement is a group, \\$ a dollar"),
    REGEXP(extract, 2, 3, "regexp_extract(string, pattern [, group])",
           "the text of a group (1 if left out, 0 is the whole match) of the first match; null without one"),
    {.name = NULL},
};
