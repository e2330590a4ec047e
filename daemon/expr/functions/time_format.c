/*
 * time_format: patterns of dates, both ways: date_format, from_unixtime; to_timestamp, unix_timestamp.
 *
 * A pattern is Java's, as far as it means the same everywhere: yyyy MM dd HH mm ss SSS XXX in exactly these lengths,
 * text in single quotes ('' is a quote), and any character that is no letter. Any other letter is an error, at compile
 * time when the pattern is constant. Reading is exact: as many digits as letters, and nothing left over.
 */
#include "../../base/log.h"
#include "../../data/text.h"
#include "time_format.h"

#define PATTERN_PIECES 64
enum field {
  FIELD_YEAR,
  FIELD_MONTH,
  FIELD_DAY,
  FIELD_HOUR,
  FIELD_MINUTE,
  FIELD_SECOND,
  FIELD_MILLI,
  FIELD_ZONE,
  FIELD_TEXT
};
static const struct {
  char letter;
  uint8_t length;
} FIELDS[] = {{'y', 4}, {'M', 2}, {'d', 2}, {'H', 2}, {'m', 2}, {'s', 2}, {'S', 3}, {'X', 3}};

struct piece {
  uint8_t field;
  char text; /* FIELD_TEXT: one byte */
};
struct pattern {
  uint32_t pieces;
  struct piece piece[PATTERN_PIECES];
};
struct expr_prepared {
  bool constant;
  struct pattern pattern;
};
static const struct text_arg PATTERN_DEFAULT = {"yyyy-MM-dd HH:mm:ss", 19};

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static int pattern_add(struct pattern *p, enum field field, char text, struct spate_error *err) {
  if (p->pieces == PATTERN_PIECES) return spate_fail(err, "the date pattern is too long");
  p->piece[p->pieces++] = (struct piece){(uint8_t)field, text};
  return 0;
}

/* A run of one letter begins at *at. */
static int pattern_field(struct pattern *p, const char **at, const char *end, struct spate_error *err) {
  const char *run = *at;
  while (*at < end && **at == *run) ++*at;
  int length = (int)(*at - run);
  for (unsigned i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++)
    if (FIELDS[i].letter == *run && FIELDS[i].length == length) return pattern_add(p, (enum field)i, 0, err);
  return spate_fail(err, "'%.*s' is not in the patterns of dates: yyyy MM dd HH mm ss SSS XXX and 'quoted text'",
                    length > 20 ? 20 : length, run);
}

static int pattern_quoted(struct pattern *p, const char **at, const char *end, struct spate_error *err) {
  const char *c = *at + 1;
  if (c < end && *c == '\'') { /* '' outside of quotes */
    *at = c + 1;
    return pattern_add(p, FIELD_TEXT, '\'', err);
  }
  for (; c < end; c++) {
    if (*c == '\'' && (c + 1 == end || c[1] != '\'')) {
      *at = c + 1;
      return 0;
    }
    if (*c == '\'') c++;
    if (pattern_add(p, FIELD_TEXT, *c, err) != 0) return -1;
  }
  return spate_fail(err, "a quote in the date pattern is not closed");
}

static int pattern_parse(struct text_arg text, struct pattern *p, struct spate_error *err) {
  const char *at = text.at, *end = text.at + text.size;
  p->pieces = 0;
  while (at < end) {
    int result;
    if (is_letter(*at))
      result = pattern_field(p, &at, end, err);
    else if (*at == '\'')
      result = pattern_quoted(p, &at, end, err);
    else if (strchr("[]{}#", *at) != NULL && *at != 0)
      result = spate_fail(err, "'%c' in a date pattern is not built: quote it if it is text", *at);
    else
      result = pattern_add(p, FIELD_TEXT, *at++, err);
    if (result != 0) return -1;
  }
  return 0;
}

const struct expr_prepared *prepare_pattern_second(struct arena *arena, const struct spate_column *const *value,
                                                   uint32_t args, struct spate_error *err) {
  struct expr_prepared *p = ARENA_NEW(arena, struct expr_prepared);
  struct text_arg text = PATTERN_DEFAULT;
  if (args > 1) {
    if (value[1] == NULL || spate_column_null(value[1], 0)) return p;
    text.at = spate_column_bytes(value[1], 0, &text.size);
  }
  p->constant = true;
  return pattern_parse(text, &p->pattern, err) == 0 ? p : NULL;
}

/* The row's pattern, in `own` if it had to be made; NULL: the row has been failed. */
static const struct pattern *pattern_get(struct expr_call_frame *f, uint32_t row, struct pattern *own) {
  if (f->prepared != NULL && f->prepared->constant) return &f->prepared->pattern;
  struct spate_error err;
  if (pattern_parse(f->args > 1 ? arg_text(f, 1, row) : PATTERN_DEFAULT, own, &err) == 0) return own;
  f->fail(f, row, "%s", err.message);
  return NULL;
}

/* ---- writing ---- */
static char *digits_put(char *to, int64_t v, int digits) {
  for (int i = digits - 1; i >= 0; i--, v /= 10) to[i] = (char)('0' + v % 10);
  return to + digits;
}

static void pattern_put(struct expr_call_frame *f, uint32_t row, const struct pattern *p, int64_t time) {
  int64_t days = time_floor(time, TIME_DAY), us = time - days * TIME_DAY, year;
  unsigned month, day;
  char out[PATTERN_PIECES * 4], *to = out;
  if (time < TIME_LEAST || time > TIME_MOST) {
    f->fail(f, row, "the timestamp lies outside the years 1 to 9999");
    return;
  }
  text_civil(days, &year, &month, &day);
  for (uint32_t i = 0; i < p->pieces; i++) {
    switch (p->piece[i].field) {
      case FIELD_YEAR: to = digits_put(to, year, 4); break;
      case FIELD_MONTH: to = digits_put(to, month, 2); break;
      case FIELD_DAY: to = digits_put(to, day, 2); break;
      case FIELD_HOUR: to = digits_put(to, us / 3600000000, 2); break;
      case FIELD_MINUTE: to = digits_put(to, us / 60000000 % 60, 2); break;
      case FIELD_SECOND: to = digits_put(to, us / 1000000 % 60, 2); break;
      case FIELD_MILLI: to = digits_put(to, us / 1000 % 1000, 3); break;
      case FIELD_ZONE: *to++ = 'Z'; break;
      default: *to++ = p->piece[i].text;
    }
  }
  text_put(f, row, out, (size_t)(to - out));
}

void run_date_format(struct expr_call_frame *f) {
  struct pattern own;
  EACH_ROW(f, row) {
    const struct pattern *p = pattern_get(f, row, &own);
    if (p != NULL) pattern_put(f, row, p, arg_int(f, 0, row));
  }
}

void run_from_unixtime(struct expr_call_frame *f) {
  struct pattern own;
  EACH_ROW(f, row) {
    const struct pattern *p = pattern_get(f, row, &own);
    int64_t us;
    if (p == NULL) continue;
    if (__builtin_mul_overflow(arg_int(f, 0, row), 1000000, &us))
      f->fail(f, row, "the timestamp lies outside the years 1 to 9999");
    else
      pattern_put(f, row, p, us);
  }
}

/* ---- reading ---- */
static int digits_get(const char **at, const char *end, int digits, int64_t *v) {
  if (end - *at < digits) return -1;
  *v = 0;
  for (; digits > 0; digits--, ++*at) {
    if (**at < '0' || **at > '9') return -1;
    *v = *v * 10 + (**at - '0');
  }
  return 0;
}

static int zone_get(const char **at, const char *end, int64_t *us) { /* Z or +hh:mm */
  int64_t hours, minutes;
  if (*at < end && **at == 'Z') {
    ++*at;
    return *us = 0, 0;
  }
  if (*at == end || (**at != '+' && **at != '-')) return -1;
  int64_t sign = *(*at)++ == '-' ? -1 : 1;
  if (digits_get(at, end, 2, &hours) != 0 || *at == end || *(*at)++ != ':' || digits_get(at, end, 2, &minutes) != 0 ||
      hours > 18 || minutes > 59)
    return -1;
  return *us = sign * (hours * 60 + minutes) * 60000000, 0;
}

/* Fields that the pattern does not have are those of 1970-01-01 00:00:00. */
static int pattern_read(const struct pattern *p, struct text_arg text, int64_t *time) {
  int64_t v[FIELD_TEXT] = {1970, 1, 1, 0, 0, 0, 0, 0};
  const char *at = text.at, *end = text.at + text.size;
  for (uint32_t i = 0; i < p->pieces; i++) {
    uint8_t field = p->piece[i].field;
    if (field == FIELD_TEXT) {
      if (at == end || *at++ != p->piece[i].text) return -1;
    } else if (field == FIELD_ZONE) {
      if (zone_get(&at, end, &v[FIELD_ZONE]) != 0) return -1;
    } else if (digits_get(&at, end, FIELDS[field].length, &v[field]) != 0) {
      return -1;
    }
  }
  if (at != end || v[FIELD_YEAR] < 1 || v[FIELD_MONTH] < 1 || v[FIELD_MONTH] > 12 || v[FIELD_DAY] < 1 ||
      v[FIELD_HOUR] > 23 || v[FIELD_MINUTE] > 59 || v[FIELD_SECOND] > 59)
    return -1;
  int64_t days = text_days(v[FIELD_YEAR], (unsigned)v[FIELD_MONTH], (unsigned)v[FIELD_DAY]), year;
  unsigned month, day;
  text_civil(days, &year, &month, &day);
  if (day != v[FIELD_DAY]) return -1; /* February 30 would be in March */
  *time = days * TIME_DAY + ((v[FIELD_HOUR] * 60 + v[FIELD_MINUTE]) * 60 + v[FIELD_SECOND]) * 1000000 +
          v[FIELD_MILLI] * 1000 - v[FIELD_ZONE];
  return *time >= TIME_LEAST && *time <= TIME_MOST ? 0 : -1;
}

/* Reads the row's text by its pattern, or by ISO 8601 where there is none and `iso`. -1: the row has been failed. */
static int text_read(struct expr_call_frame *f, uint32_t row, bool iso, struct pattern *own, int64_t *time) {
  struct text_arg text = arg_text(f, 0, row);
  const struct pattern *p = NULL;
  if (f->args > 1 || !iso) {
    p = pattern_get(f, row, own);
    if (p == NULL) return -1;
  }
  if ((p != NULL ? pattern_read(p, text, time) : text_timestamp(text.at, text.size, time)) == 0) return 0;
  char shown[200];
  f->fail(f, row, "'%s' is not a timestamp%s", log_clean(text.at, text.size, 40, shown, sizeof shown),
          p != NULL ? " by its pattern" : "");
  return -1;
}

void run_to_timestamp(struct expr_call_frame *f) {
  struct pattern own;
  EACH_ROW(f, row) {
    int64_t time;
    if (text_read(f, row, true, &own, &time) == 0) f->out->i64[row] = time;
  }
}

void run_unix_timestamp(struct expr_call_frame *f) {
  struct pattern own;
  EACH_ROW(f, row) {
    int64_t time;
    if (f->args == 0)
      time = f->moment->now;
    else if (f->arg[0].column->type.kind == SPATE_TIMESTAMP)
      time = arg_int(f, 0, row);
    else if (text_read(f, row, false, &own, &time) != 0)
      continue;
    f->out->i64[row] = time_floor(time, 1000000);
  }
}
