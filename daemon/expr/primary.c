/*
 * primary: what stands between operators: literals, names, calls, `case`, `cast`, and the calls that SQL spells with
 * words instead of commas (extract, position, substring, trim, overlay), which become plain calls here.
 */
#include <strings.h>

#include "parser.h"

#include "../data/schema.h"
#include "../data/text.h"

static struct syntax *literal_kind(struct parser *p, enum spate_kind kind, uint32_t from) {
  if (parser_next(p) != 0) return NULL;
  struct syntax *s = syntax_new(p, SYNTAX_LITERAL, from);
  s->type = type_of(kind);
  return s;
}

/* Digits before and after the point fix precision and scale. */
static struct syntax *literal_decimal(struct parser *p, const struct token *t) {
  int digits = 0, scale = 0;
  bool point = false, leading = true;
  for (const char *c = t->text; *c != '\0'; c++) {
    if (*c == '.') {
      point = true;
      continue;
    }
    scale += point;
    if (*c != '0') leading = false;
    digits += !leading;
  }
  if (digits < scale) digits = scale;
  if (digits == 0) digits = 1;
  struct syntax *s = literal_kind(p, SPATE_DECIMAL, t->offset);
  if (s == NULL) return NULL;
  if (digits > 38 || text_decimal(t->text, t->size, digits, scale, &s->dec) != 0) {
    expr_wrong(p->err, t->offset, t->length, "this number has more than 38 digits");
    return expr_hint(p->err, "an approximate number is written with an exponent: 1e50");
  }
  s->type = type_decimal(digits, scale);
  return s;
}

static struct syntax *literal_number(struct parser *p) {
  struct token t = p->now;
  struct syntax *s;
  if (t.kind == TOKEN_DOUBLE) {
    if ((s = literal_kind(p, SPATE_DOUBLE, t.offset)) == NULL) return NULL;
    if (text_double(t.text, t.size, &s->f64) != 0)
      return expr_wrong(p->err, t.offset, t.length, "this number is too large for a double");
    return s;
  }
  int64_t v;
  if (t.kind == TOKEN_DECIMAL || text_int(t.text, t.size, &v) != 0) return literal_decimal(p, &t);
  if ((s = literal_kind(p, SPATE_INT, t.offset)) == NULL) return NULL;
  s->i64 = v;
  return s;
}

static struct syntax *literal_timestamp(struct parser *p, uint32_t from) {
  struct token t = p->now;
  struct syntax *s = literal_kind(p, SPATE_TIMESTAMP, from);
  if (s == NULL || text_timestamp(t.text, t.size, &s->i64) == 0) return s;
  expr_wrong(p->err, t.offset, t.length, "'%.60s' is no timestamp", t.text);
  return expr_hint(p->err, "timestamp '2026-01-02 03:04:05'");
}

/* Microseconds of a unit; plurals too. 0: no such unit, or (months, years) no fixed length. */
static int64_t interval_unit(const char *word) {
  static const struct {
    const char *name;
    int64_t us;
  } UNITS[] = {{"microsecond", 1},     {"millisecond", 1000},  {"second", 1000000},     {"minute", 60000000},
               {"hour", 3600000000LL}, {"day", 86400000000LL}, {"week", 604800000000LL}};
  for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
    size_t n = strlen(UNITS[i].name);
    if (strncmp(word, UNITS[i].name, n) == 0 && (word[n] == '\0' || strcmp(word + n, "s") == 0)) return UNITS[i].us;
  }
  return 0;
}

/* interval '5' minute, interval '-1.5' second, interval 5 minute */
static struct syntax *literal_interval(struct parser *p, uint32_t from) {
  struct token t = p->now;
  if (parser_next(p) != 0) return NULL;
  spate_i128 micro;
  if (text_decimal(t.text, t.size, 24, 6, &micro) != 0) {
    expr_wrong(p->err, t.offset, t.length, "'%.60s' is no number of an interval", t.text);
    return expr_hint(p->err, "interval '5' minute");
  }
  if (p->now.kind != TOKEN_WORD) {
    parser_unexpected(p, "the unit of the interval");
    return expr_hint(p->err, "interval '5' minute; units: week day hour minute second millisecond microsecond");
  }
  int64_t us = interval_unit(p->now.word);
  if (us == 0) {
    bool long_unit = strncmp(p->now.word, "month", 5) == 0 || strncmp(p->now.word, "year", 4) == 0;
    expr_wrong(p->err, p->now.offset, p->now.length, "'%s' is no unit of an interval%s", p->now.word,
               long_unit ? ": its length is not fixed" : "");
    return expr_hint(p->err, long_unit ? "timestampadd(month, 1, ts)"
                                       : "units: week day hour minute second millisecond microsecond");
  }
  spate_i128 total = micro * us / 1000000;
  if (total > INT64_MAX || total < -INT64_MAX)
    return expr_wrong(p->err, t.offset, t.length, "this interval is too long");
  struct syntax *s = literal_kind(p, SPATE_INTERVAL, from);
  if (s != NULL) s->i64 = (int64_t)total;
  return s;
}

/* case [x] when … then … [else …] end */
static struct syntax *parse_case(struct parser *p, uint32_t from) {
  struct syntax *s = syntax_new(p, SYNTAX_CASE, from);
  if (!parser_word(p, "when")) {
    s->operand = true;
    if (syntax_add(p, s, parse_expression(p)) == NULL) return NULL;
  }
  if (!parser_word(p, "when")) return parser_unexpected(p, "'when'");
  while (parser_word(p, "when")) {
    if (parser_next(p) != 0 || syntax_add(p, s, parse_expression(p)) == NULL ||
        parser_expect_word(p, "then", "and a value after 'when'") != 0 || syntax_add(p, s, parse_expression(p)) == NULL)
      return NULL;
  }
  if (parser_word(p, "else") && (parser_next(p) != 0 || syntax_add(p, s, parse_expression(p)) == NULL)) return NULL;
  return parser_expect_word(p, "end", "after 'case'") == 0 ? syntax_end(p, s) : NULL;
}

/* The text of a type: everything up to the bracket that closes the cast. */
static int parse_type(struct parser *p, struct spate_type *type) {
  uint32_t from = p->now.offset, depth = 0;
  while (p->now.kind != TOKEN_END && !(depth == 0 && p->now.kind == TOKEN_CLOSE)) {
    depth += p->now.kind == TOKEN_OPEN;
    depth -= p->now.kind == TOKEN_CLOSE;
    if (parser_next(p) != 0) return -1;
  }
  if (p->now.kind == TOKEN_END) return parser_unexpected(p, "')' after the type"), -1;
  if (p->last <= from) return parser_unexpected(p, "a type"), -1;
  struct spate_error why = {0};
  if (type_parse(arena_copy(p->arena, p->lexer.text + from, p->last - from), type, &why) == 0) return 0;
  expr_wrong(p->err, from, p->last - from, "%.300s", why.message);
  return -1;
}

static struct syntax *parse_cast(struct parser *p, uint32_t from, bool gentle) {
  struct syntax *s = syntax_new(p, SYNTAX_CAST, from);
  s->gentle = gentle;
  if (parser_next(p) != 0 || syntax_add(p, s, parse_expression(p)) == NULL) return NULL;
  if (!parser_word(p, "as")) {
    parser_unexpected(p, "'as' and a type");
    return expr_hint(p->err, "cast(x as int)");
  }
  if (parser_next(p) != 0 || parse_type(p, &s->type) != 0 || parser_expect(p, TOKEN_CLOSE, "')'") != 0) return NULL;
  return syntax_end(p, s);
}

/* The bare word of a unit (year, month …) as the text that the function takes. */
static struct syntax *parse_unit(struct parser *p) {
  if (p->now.kind != TOKEN_WORD && p->now.kind != TOKEN_STRING) return parser_unexpected(p, "a unit such as hour");
  struct syntax *s =
      syntax_text(p, p->now.kind == TOKEN_WORD ? p->now.word : p->now.text, p->now.offset, p->now.length);
  return parser_next(p) == 0 ? s : NULL;
}

/* extract(hour from t) is hour(t) */
static struct syntax *parse_extract(struct parser *p, struct syntax *call) {
  static const char *const PARTS[][2] = {{"year", "year"},           {"quarter", "quarter"}, {"month", "month"},
                                         {"week", "week"},           {"day", "dayofmonth"},  {"dow", "dayofweek"},
                                         {"dayofweek", "dayofweek"}, {"doy", "dayofyear"},   {"dayofyear", "dayofyear"},
                                         {"hour", "hour"},           {"minute", "minute"},   {"second", "second"},
                                         {"epoch", "unix_timestamp"}};
  struct token t = p->now;
  struct syntax *unit = parse_unit(p);
  if (unit == NULL) return NULL;
  size_t i = 0, n = sizeof PARTS / sizeof PARTS[0];
  while (i < n && strcasecmp(PARTS[i][0], unit->text) != 0) i++;
  if (i == n) {
    expr_wrong(p->err, t.offset, t.length, "'%.40s' is no part of a time", unit->text);
    return expr_hint(p->err, "parts: year quarter month week day dow doy hour minute second epoch");
  }
  call->text = PARTS[i][1];
  if (p->now.kind == TOKEN_COMMA) return parser_next(p) == 0 ? syntax_add(p, call, parse_expression(p)) : NULL;
  if (parser_expect_word(p, "from", "in extract(unit from x)") != 0) return NULL;
  return syntax_add(p, call, parse_expression(p));
}

/* position(a in b) */
static struct syntax *parse_position(struct parser *p, struct syntax *call) {
  if (syntax_add(p, call, parse_concat(p)) == NULL) return NULL;
  if (!parser_word(p, "in") && p->now.kind != TOKEN_COMMA) return parser_unexpected(p, "'in' and the text to search");
  return parser_next(p) == 0 ? syntax_add(p, call, parse_expression(p)) : NULL;
}

/* trim(both 'x' from s), trim(leading from s), trim(s), trim(s, 'x') */
static struct syntax *parse_trim(struct parser *p, struct syntax *call) {
  bool leading = parser_word(p, "leading"), trailing = parser_word(p, "trailing");
  struct token ahead;
  if (parser_peek(p, &ahead) != 0) return NULL;
  if ((leading || trailing || parser_word(p, "both")) && ahead.kind != TOKEN_CLOSE && ahead.kind != TOKEN_COMMA) {
    if (leading || trailing) call->text = leading ? "ltrim" : "rtrim";
    if (parser_next(p) != 0) return NULL;
  }
  if (parser_word(p, "from")) return parser_next(p) == 0 ? syntax_add(p, call, parse_expression(p)) : NULL;
  struct syntax *first = parse_expression(p);
  if (first == NULL || !parser_word(p, "from")) return syntax_add(p, call, first);
  if (parser_next(p) != 0 || syntax_add(p, call, parse_expression(p)) == NULL) return NULL;
  return syntax_add(p, call, first);
}

/* substring(s from 2 for 3), overlay(s placing t from 2 for 3): words in place of commas. */
static struct syntax *parse_worded(struct parser *p, struct syntax *call, const char *const *words) {
  if (syntax_add(p, call, parse_expression(p)) == NULL) return NULL;
  for (; *words != NULL && parser_word(p, *words); words++)
    if (parser_next(p) != 0 || syntax_add(p, call, parse_expression(p)) == NULL) return NULL;
  return call;
}

static struct syntax *parse_arguments(struct parser *p, struct syntax *call) {
  static const char *const SUBSTRING[] = {"from", "for", NULL}, *const OVERLAY[] = {"placing", "from", "for", NULL};
  struct syntax *done = call;
  if (strcmp(call->text, "extract") == 0) {
    done = parse_extract(p, call);
  } else if (strcmp(call->text, "position") == 0) {
    done = parse_position(p, call);
  } else if (strcmp(call->text, "trim") == 0) {
    done = parse_trim(p, call);
  } else if (strcmp(call->text, "substring") == 0) {
    done = parse_worded(p, call, SUBSTRING);
  } else if (strcmp(call->text, "overlay") == 0) {
    done = parse_worded(p, call, OVERLAY);
  } else {
    struct token ahead;
    bool unit = strcmp(call->text, "timestampadd") == 0 || strcmp(call->text, "timestampdiff") == 0 ||
                strcmp(call->text, "date_trunc") == 0;
    if (parser_peek(p, &ahead) != 0) return NULL;
    unit = unit && p->now.kind == TOKEN_WORD && ahead.kind == TOKEN_COMMA;
    done = syntax_add(p, call, unit ? parse_unit(p) : parse_expression(p));
  }
  if (done == NULL) return NULL;
  while (p->now.kind == TOKEN_COMMA)
    if (parser_next(p) != 0 || syntax_add(p, call, parse_expression(p)) == NULL) return NULL;
  return call;
}

/* filter (where …) after an aggregate */
static struct syntax *parse_filter(struct parser *p, struct syntax *call) {
  struct token ahead;
  if (!parser_word(p, "filter")) return call;
  if (parser_peek(p, &ahead) != 0) return NULL;
  if (ahead.kind != TOKEN_OPEN) return call;
  if (parser_next(p) != 0 || parser_next(p) != 0 || parser_expect_word(p, "where", "in filter (where …)") != 0)
    return NULL;
  call->filter = parse_expression(p);
  if (call->filter == NULL || parser_expect(p, TOKEN_CLOSE, "')'") != 0) return NULL;
  return syntax_end(p, call);
}

static struct syntax *parse_call(struct parser *p, const struct token *name) {
  struct syntax *call = syntax_new(p, SYNTAX_CALL, name->offset);
  call->text = name->word;
  call->size = name->size;
  if (parser_next(p) != 0) return NULL; /* the bracket */
  if (parser_word(p, "distinct")) {
    struct token ahead;
    if (parser_peek(p, &ahead) != 0) return NULL;
    call->distinct = ahead.kind != TOKEN_CLOSE && ahead.kind != TOKEN_COMMA;
    if (call->distinct && parser_next(p) != 0) return NULL;
  }
  if (p->now.kind == TOKEN_STAR) {
    call->star = true;
    if (parser_next(p) != 0) return NULL;
  } else if (p->now.kind != TOKEN_CLOSE) {
    if (parse_arguments(p, call) == NULL) return NULL;
  }
  if (parser_expect(p, TOKEN_CLOSE, "',' or ')'") != 0) return NULL;
  return parse_filter(p, syntax_end(p, call));
}

static struct syntax *parse_name(struct parser *p, const struct token *t) {
  struct syntax *s = syntax_new(p, SYNTAX_NAME, t->offset);
  s->length = t->length;
  s->text = t->text;
  s->size = t->size;
  s->quoted = t->kind == TOKEN_QUOTED;
  return s;
}

static struct syntax *parse_word(struct parser *p) {
  struct token t = p->now;
  bool truth = strcmp(t.word, "true") == 0;
  if (strcmp(t.word, "null") == 0) return literal_kind(p, SPATE_NONE, t.offset);
  if (truth || strcmp(t.word, "false") == 0) {
    struct syntax *s = literal_kind(p, SPATE_BOOL, t.offset);
    if (s != NULL) s->i64 = truth;
    return s;
  }
  if (strcmp(t.word, "case") != 0 && parser_reserved(t.word)) return parser_unexpected(p, "a value");
  if (parser_next(p) != 0) return NULL;
  if (strcmp(t.word, "case") == 0) return parse_case(p, t.offset);
  bool string = p->now.kind == TOKEN_STRING, number = p->now.kind == TOKEN_INTEGER || p->now.kind == TOKEN_DECIMAL;
  if (string && strcmp(t.word, "timestamp") == 0) return literal_timestamp(p, t.offset);
  if ((string || number) && strcmp(t.word, "interval") == 0) return literal_interval(p, t.offset);
  if (string && (strcmp(t.word, "date") == 0 || strcmp(t.word, "time") == 0)) {
    expr_wrong(p->err, t.offset, t.length, "there is no type '%s'", t.word);
    return expr_hint(p->err, "timestamp '2026-01-02 00:00:00'");
  }
  if (p->now.kind == TOKEN_OPEN) {
    if (strcmp(t.word, "cast") == 0) return parse_cast(p, t.offset, false);
    if (strcmp(t.word, "try_cast") == 0) return parse_cast(p, t.offset, true);
    return parse_call(p, &t);
  }
  return parse_name(p, &t);
}

struct syntax *parse_primary(struct parser *p) {
  struct token t = p->now;
  switch (t.kind) {
    case TOKEN_WORD: return parse_word(p);
    case TOKEN_QUOTED: return parser_next(p) == 0 ? parse_name(p, &t) : NULL;
    case TOKEN_INTEGER:
    case TOKEN_DECIMAL:
    case TOKEN_DOUBLE: return literal_number(p);
    case TOKEN_STRING: {
      if (parser_next(p) != 0) return NULL;
      struct syntax *s = syntax_text(p, t.text, t.offset, t.length);
      s->size = t.size;
      return s;
    }
    case TOKEN_OPEN: {
      if (parser_next(p) != 0) return NULL;
      struct syntax *s = parse_expression(p);
      if (s == NULL) return NULL;
      if (p->now.kind == TOKEN_COMMA)
        return expr_wrong(p->err, p->now.offset, 1, "a list in brackets stands only after 'in' or a function");
      return parser_expect(p, TOKEN_CLOSE, "')'") == 0 ? s : NULL;
    }
    default: return parser_unexpected(p, "a value");
  }
}
