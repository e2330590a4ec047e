/*
 * lexer: cuts the text of an expression into tokens.
 *
 * The words are SQL's. Where people bring habits from other languages (==, &&, backticks, comments), the error says
 * what SQL writes instead: a wrong character is the most frequent mistake, and the easiest to explain.
 */
#include "lexer.h"

#include <ctype.h>
#include <stdio.h>

void *expr_wrong(struct expr_error *err, uint32_t offset, uint32_t length, const char *format, ...) {
  if (err->message[0] != '\0') return NULL;
  err->offset = offset;
  err->length = length > 0 ? length : 1;
  va_list args;
  va_start(args, format);
  vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
  return NULL;
}

void *expr_hint(struct expr_error *err, const char *format, ...) {
  if (err->hint[0] != '\0') return NULL;
  va_list args;
  va_start(args, format);
  vsnprintf(err->hint, sizeof err->hint, format, args);
  va_end(args);
  return NULL;
}

static bool lexer_is_letter(char c) { return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80; }
static bool lexer_is_digit(char c) { return c >= '0' && c <= '9'; }
static char lexer_char(const struct lexer *x, uint32_t at) { return at < x->size ? x->text[at] : '\0'; }

static void lexer_word(struct lexer *x, struct token *t) {
  uint32_t from = x->at;
  while (x->at < x->size && (lexer_is_letter(x->text[x->at]) || lexer_is_digit(x->text[x->at]))) x->at++;
  t->kind = TOKEN_WORD;
  t->size = x->at - from;
  t->text = arena_copy(x->arena, x->text + from, t->size);
  char *word = arena_copy(x->arena, x->text + from, t->size);
  for (char *c = word; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
  t->word = word;
}

static int lexer_number(struct lexer *x, struct token *t) {
  uint32_t from = x->at;
  t->kind = TOKEN_INTEGER;
  while (lexer_is_digit(lexer_char(x, x->at))) x->at++;
  if (lexer_char(x, x->at) == '.') {
    t->kind = TOKEN_DECIMAL;
    x->at++;
    while (lexer_is_digit(lexer_char(x, x->at))) x->at++;
  }
  char e = lexer_char(x, x->at);
  if (e == 'e' || e == 'E') {
    uint32_t digits = x->at + 1;
    if (lexer_char(x, digits) == '+' || lexer_char(x, digits) == '-') digits++;
    if (lexer_is_digit(lexer_char(x, digits))) {
      t->kind = TOKEN_DOUBLE;
      x->at = digits;
      while (lexer_is_digit(lexer_char(x, x->at))) x->at++;
    }
  }
  if (lexer_is_letter(lexer_char(x, x->at))) {
    while (lexer_is_letter(lexer_char(x, x->at)) || lexer_is_digit(lexer_char(x, x->at))) x->at++;
    expr_wrong(x->err, from, x->at - from, "'%.*s' is neither a number nor a name", (int)(x->at - from),
               x->text + from);
    return -1;
  }
  t->size = x->at - from;
  t->text = arena_copy(x->arena, x->text + from, t->size);
  return 0;
}

/* 'text' and "name": the quote itself is written twice. */
static int lexer_quoted(struct lexer *x, struct token *t, char quote) {
  uint32_t from = x->at++;
  char *out = arena_alloc(x->arena, x->size - from + 1);
  uint32_t n = 0;
  for (;;) {
    if (x->at >= x->size) {
      expr_wrong(
          x->err, from, x->size - from,
          quote == '\'' ? "this text is not closed: a ' is missing" : "this name is not closed: a \" is missing");
      if (quote == '\'') expr_hint(x->err, "a quote inside a text is written twice: 'it''s'");
      return -1;
    }
    char c = x->text[x->at++];
    if (c == quote) {
      if (lexer_char(x, x->at) != quote) break;
      x->at++;
    }
    out[n++] = c;
  }
  t->kind = quote == '\'' ? TOKEN_STRING : TOKEN_QUOTED;
  t->text = out;
  t->size = n;
  if (t->kind == TOKEN_QUOTED && n == 0) {
    expr_wrong(x->err, from, 2, "a name cannot be empty");
    expr_hint(x->err, "an empty text is written with single quotes: ''");
    return -1;
  }
  return 0;
}

static const struct lexer_sign {
  const char *sign;
  enum token_kind kind;
  const char *instead; /* it is not SQL: what is */
} SIGNS[] = {          /* longer ones first */
             {"===", TOKEN_END, "="},
             {"<=>", TOKEN_END, "is not distinct from"},
             {"==", TOKEN_END, "="},
             {"<>", TOKEN_NE, NULL},
             {"!=", TOKEN_NE, NULL},
             {"<=", TOKEN_LE, NULL},
             {">=", TOKEN_GE, NULL},
             {"||", TOKEN_CONCAT, NULL},
             {"&&", TOKEN_END, "and"},
             {"::", TOKEN_END, "cast(x as T)"},
             {"**", TOKEN_END, "power(x, y)"},
             {"--", TOKEN_END, "- - for a double minus (there are no comments here)"},
             {"/*", TOKEN_END, "nothing: there are no comments here"},
             {"=~", TOKEN_END, "regexp_like(x, pattern)"},
             {"=", TOKEN_EQ, NULL},
             {"<", TOKEN_LT, NULL},
             {">", TOKEN_GT, NULL},
             {"+", TOKEN_PLUS, NULL},
             {"-", TOKEN_MINUS, NULL},
             {"*", TOKEN_STAR, NULL},
             {"/", TOKEN_SLASH, NULL},
             {"%", TOKEN_PERCENT, NULL},
             {"(", TOKEN_OPEN, NULL},
             {")", TOKEN_CLOSE, NULL},
             {"[", TOKEN_OPEN_INDEX, NULL},
             {"]", TOKEN_CLOSE_INDEX, NULL},
             {",", TOKEN_COMMA, NULL},
             {".", TOKEN_DOT, NULL},
             {"!", TOKEN_END, "not"},
             {"&", TOKEN_END, "and"},
             {"|", TOKEN_END, "or, or || to join texts"},
             {"`", TOKEN_END, "\"a name\", in double quotes"},
             {"^", TOKEN_END, "power(x, y)"},
             {"?", TOKEN_END, "case when … then … else … end"},
             {";", TOKEN_END, "nothing: an expression has no end mark"}};

static int lexer_sign(struct lexer *x, struct token *t) {
  for (size_t i = 0; i < sizeof SIGNS / sizeof SIGNS[0]; i++) {
    uint32_t n = (uint32_t)strlen(SIGNS[i].sign);
    if (x->size - x->at < n || memcmp(x->text + x->at, SIGNS[i].sign, n) != 0) continue;
    if (SIGNS[i].instead != NULL) {
      expr_wrong(x->err, x->at, n, "'%s' means nothing here", SIGNS[i].sign);
      expr_hint(x->err, "write %s", SIGNS[i].instead);
      return -1;
    }
    t->kind = SIGNS[i].kind;
    t->text = SIGNS[i].sign;
    t->size = n;
    x->at += n;
    return 0;
  }
  unsigned char c = (unsigned char)x->text[x->at];
  if (c >= 0x20 && c < 0x7f) {
    expr_wrong(x->err, x->at, 1, "'%c' means nothing here", c);
  } else {
    expr_wrong(x->err, x->at, 1, "the character 0x%02x means nothing here", c);
  }
  return -1;
}

int lexer_next(struct lexer *x, struct token *t) {
  memset(t, 0, sizeof *t);
  while (x->at < x->size && strchr(" \t\r\n\f\v", x->text[x->at]) != NULL && x->text[x->at] != '\0') x->at++;
  t->offset = x->at;
  t->text = "";
  int result = 0;
  if (x->at >= x->size) return 0;
  char c = x->text[x->at];
  if (lexer_is_letter(c)) {
    lexer_word(x, t);
  } else if (lexer_is_digit(c) || (c == '.' && lexer_is_digit(lexer_char(x, x->at + 1)))) {
    result = lexer_number(x, t);
  } else if (c == '\'' || c == '"') {
    result = lexer_quoted(x, t, c);
  } else {
    result = lexer_sign(x, t);
  }
  t->length = x->at - t->offset;
  return result;
}
