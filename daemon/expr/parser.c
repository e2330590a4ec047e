/*
 * parser: the ladder of precedence, one function a rung, loosest first:
 * or · and · not · is · = <> < <= > >= · between, in, like · || · + - · * / % div · - · a.b a[1] · the rest
 * (primary.c).
 *
 * Chains of `and`, `or` and `||` become one node with many children, so that a long condition is not a deep tree; what
 * is deep is refused, because the checker and the evaluator recurse as deep as the tree.
 */
#include "parser.h"

#include <stdio.h>

bool token_word(const struct token *t, const char *word) { return t->kind == TOKEN_WORD && strcmp(t->word, word) == 0; }
bool parser_word(const struct parser *p, const char *word) { return token_word(&p->now, word); }

int parser_next(struct parser *p) {
  p->last = p->now.offset + p->now.length;
  return lexer_next(&p->lexer, &p->now);
}

int parser_peek(struct parser *p, struct token *t) {
  struct lexer ahead = p->lexer;
  return lexer_next(&ahead, t);
}

bool parser_reserved(const char *word) {
  static const char *const RESERVED[] = {"and",  "or",   "not", "is",   "null",    "true", "false",  "case", "when",
                                         "then", "else", "end", "like", "between", "in",   "escape", "div"};
  for (size_t i = 0; i < sizeof RESERVED / sizeof RESERVED[0]; i++)
    if (strcmp(word, RESERVED[i]) == 0) return true;
  return false;
}

void *parser_unexpected(struct parser *p, const char *wanted) {
  const struct token *t = &p->now;
  if (t->kind == TOKEN_END) {
    expr_wrong(p->err, p->lexer.size > 0 ? p->lexer.size - 1 : 0, 1, "the expression ends too early: %s is missing",
               wanted);
    return NULL;
  }
  expr_wrong(p->err, t->offset, t->length, "expected %s, found '%.*s'", wanted, (int)(t->length < 60 ? t->length : 60),
             p->lexer.text + t->offset);
  if (t->kind == TOKEN_WORD && parser_reserved(t->word) && strcmp(wanted, "a value") == 0)
    expr_hint(p->err, "'%s' is a word of the language; a column of that name is written \"%.*s\"", t->word,
              (int)t->size, t->text);
  return NULL;
}

int parser_expect(struct parser *p, enum token_kind kind, const char *what) {
  if (p->now.kind == kind) return parser_next(p);
  parser_unexpected(p, what);
  return -1;
}

int parser_expect_word(struct parser *p, const char *word, const char *where) {
  if (parser_word(p, word)) return parser_next(p);
  char wanted[80];
  snprintf(wanted, sizeof wanted, "'%s'%s%s", word, where[0] != '\0' ? " " : "", where);
  parser_unexpected(p, wanted);
  return -1;
}

struct syntax *syntax_new(struct parser *p, enum syntax_kind kind, uint32_t from) {
  struct syntax *s = ARENA_NEW(p->arena, struct syntax);
  s->kind = kind;
  s->offset = from;
  s->text = "";
  return syntax_end(p, s);
}

struct syntax *syntax_end(struct parser *p, struct syntax *s) {
  s->length = p->last > s->offset ? p->last - s->offset : 1;
  return s;
}

struct syntax *syntax_add(struct parser *p, struct syntax *s, struct syntax *arg) {
  if (arg == NULL) return NULL;
  if (s->args == EXPR_MAX_LIST)
    return expr_wrong(p->err, arg->offset, arg->length, "more than %u values in one list", EXPR_MAX_LIST);
  if (s->args == s->room) {
    uint32_t room = s->room > 0 ? s->room * 2 : 4;
    struct syntax **grown = ARENA_NEWS(p->arena, struct syntax *, room);
    if (s->args > 0) memcpy(grown, s->arg, s->args * sizeof *grown);
    s->arg = grown;
    s->room = room;
  }
  s->arg[s->args++] = arg;
  return syntax_end(p, s);
}

struct syntax *syntax_text(struct parser *p, const char *text, uint32_t offset, uint32_t length) {
  struct syntax *s = syntax_new(p, SYNTAX_LITERAL, offset);
  s->length = length;
  s->type.kind = SPATE_STRING;
  s->text = text;
  s->size = (uint32_t)strlen(text);
  return s;
}

static struct syntax *syntax_pair(struct parser *p, enum syntax_kind kind, uint32_t op, struct syntax *a,
                                  struct syntax *b) {
  if (a == NULL || b == NULL) return NULL;
  struct syntax *s = syntax_new(p, kind, a->offset);
  s->op = op;
  return syntax_add(p, s, a) != NULL ? syntax_add(p, s, b) : NULL;
}

/* a.b and a[1] */
static struct syntax *parse_postfix(struct parser *p) {
  struct syntax *a = parse_primary(p);
  while (a != NULL && (p->now.kind == TOKEN_DOT || p->now.kind == TOKEN_OPEN_INDEX)) {
    struct syntax *s = syntax_new(p, p->now.kind == TOKEN_DOT ? SYNTAX_FIELD : SYNTAX_INDEX, a->offset);
    if (parser_next(p) != 0 || syntax_add(p, s, a) == NULL) return NULL;
    if (s->kind == SYNTAX_FIELD) {
      if (p->now.kind != TOKEN_WORD && p->now.kind != TOKEN_QUOTED) return parser_unexpected(p, "the name of a field");
      s->text = p->now.text;
      s->size = p->now.size;
      if (parser_next(p) != 0) return NULL;
    } else if (syntax_add(p, s, parse_expression(p)) == NULL || parser_expect(p, TOKEN_CLOSE_INDEX, "']'") != 0) {
      return NULL;
    }
    a = syntax_end(p, s);
  }
  return a;
}

struct syntax *parse_unary(struct parser *p) {
  uint32_t from = p->now.offset;
  if (p->now.kind != TOKEN_MINUS && p->now.kind != TOKEN_PLUS) return parse_postfix(p);
  bool minus = p->now.kind == TOKEN_MINUS;
  if (++p->depth > EXPR_MAX_DEPTH) return expr_wrong(p->err, from, 1, "the expression is nested too deeply");
  if (parser_next(p) != 0) return NULL;
  struct syntax *a = parse_unary(p);
  p->depth--;
  if (a == NULL) return NULL;
  struct syntax *s = syntax_new(p, SYNTAX_NEGATE, from);
  s->op = minus; /* a plus only checks that it is a number */
  return syntax_add(p, s, a);
}

static struct syntax *parse_product(struct parser *p) {
  struct syntax *a = parse_unary(p);
  while (a != NULL) {
    uint32_t op = p->now.kind == TOKEN_STAR      ? ARITH_MUL
                  : p->now.kind == TOKEN_SLASH   ? ARITH_DIV
                  : p->now.kind == TOKEN_PERCENT ? ARITH_MOD
                  : parser_word(p, "div")        ? ARITH_IDIV
                                                 : UINT32_MAX;
    if (op == UINT32_MAX) break;
    if (parser_next(p) != 0) return NULL;
    a = syntax_pair(p, SYNTAX_ARITH, op, a, parse_unary(p));
  }
  return a;
}

static struct syntax *parse_sum(struct parser *p) {
  struct syntax *a = parse_product(p);
  while (a != NULL && (p->now.kind == TOKEN_PLUS || p->now.kind == TOKEN_MINUS)) {
    uint32_t op = p->now.kind == TOKEN_PLUS ? ARITH_ADD : ARITH_SUB;
    if (parser_next(p) != 0) return NULL;
    a = syntax_pair(p, SYNTAX_ARITH, op, a, parse_product(p));
  }
  return a;
}

/* One node for the whole chain; `rung` parses its links. */
static struct syntax *parse_chain(struct parser *p, enum syntax_kind kind, const char *word,
                                  struct syntax *(*rung)(struct parser *)) {
  struct syntax *a = rung(p), *chain = NULL;
  while (a != NULL && (word != NULL ? parser_word(p, word) : p->now.kind == TOKEN_CONCAT)) {
    if (parser_next(p) != 0) return NULL;
    if (chain == NULL) {
      chain = syntax_new(p, kind, a->offset);
      if (syntax_add(p, chain, a) == NULL) return NULL;
    }
    a = syntax_add(p, chain, rung(p));
  }
  return a;
}

struct syntax *parse_concat(struct parser *p) {
  return parse_chain(p, SYNTAX_CONCAT, NULL, parse_sum);
}

static struct syntax *parse_list(struct parser *p, struct syntax *s) {
  if (parser_expect(p, TOKEN_OPEN, "'(' and a list after 'in'") != 0) return NULL;
  if (p->now.kind == TOKEN_CLOSE)
    return expr_wrong(p->err, p->now.offset, 1, "the list after 'in' is empty: it needs one value at least");
  for (;;) {
    if (syntax_add(p, s, parse_expression(p)) == NULL) return NULL;
    if (p->now.kind != TOKEN_COMMA) break;
    if (parser_next(p) != 0) return NULL;
  }
  return parser_expect(p, TOKEN_CLOSE, "',' or ')'") == 0 ? syntax_end(p, s) : NULL;
}

/* between, in, like, each with a `not` before it. */
static struct syntax *parse_member(struct parser *p) {
  struct syntax *a = parse_concat(p);
  while (a != NULL) {
    bool negated = parser_word(p, "not");
    struct token ahead = p->now;
    if (negated && parser_peek(p, &ahead) != 0) return NULL;
    enum syntax_kind kind = token_word(&ahead, "between") ? SYNTAX_BETWEEN
                            : token_word(&ahead, "in")    ? SYNTAX_IN
                                                          : SYNTAX_LIKE;
    if (kind == SYNTAX_LIKE && !token_word(&ahead, "like")) {
      if (token_word(&ahead, "ilike") || token_word(&ahead, "rlike")) {
        expr_wrong(p->err, ahead.offset, ahead.length, "'%s' is not built", ahead.word);
        return expr_hint(p->err, ahead.word[0] == 'i' ? "lower(x) like 'pattern'" : "regexp_like(x, 'pattern')");
      }
      break;
    }
    if ((negated && parser_next(p) != 0) || parser_next(p) != 0) return NULL;
    struct syntax *s = syntax_new(p, kind, a->offset);
    s->negated = negated;
    if (syntax_add(p, s, a) == NULL) return NULL;
    if (kind == SYNTAX_IN) {
      a = parse_list(p, s);
      continue;
    }
    a = syntax_add(p, s, parse_concat(p));
    if (a == NULL) return NULL;
    if (kind == SYNTAX_BETWEEN && (parser_expect_word(p, "and", "and the upper bound of 'between'") != 0 ||
                                   syntax_add(p, s, parse_concat(p)) == NULL))
      return NULL;
    if (kind == SYNTAX_LIKE && parser_word(p, "escape") &&
        (parser_next(p) != 0 || syntax_add(p, s, parse_concat(p)) == NULL))
      return NULL;
  }
  return a;
}

static struct syntax *parse_compare(struct parser *p) {
  struct syntax *a = parse_member(p);
  if (a == NULL || p->now.kind < TOKEN_EQ || p->now.kind > TOKEN_GE) return a;
  uint32_t op = (uint32_t)(p->now.kind - TOKEN_EQ);
  if (parser_next(p) != 0) return NULL;
  a = syntax_pair(p, SYNTAX_COMPARE, op, a, parse_member(p));
  if (a != NULL && p->now.kind >= TOKEN_EQ && p->now.kind <= TOKEN_GE) {
    expr_wrong(p->err, p->now.offset, p->now.length, "comparisons do not chain");
    return expr_hint(p->err, "write a < b and b < c, or b between a and c");
  }
  return a;
}

static struct syntax *parse_is(struct parser *p) {
  static const char *const STATES[] = {"null", "true", "false", "unknown"};
  struct syntax *a = parse_compare(p);
  while (a != NULL && parser_word(p, "is")) {
    if (parser_next(p) != 0) return NULL;
    bool negated = parser_word(p, "not");
    if (negated && parser_next(p) != 0) return NULL;
    if (parser_word(p, "distinct")) {
      if (parser_next(p) != 0 || parser_expect_word(p, "from", "after 'is distinct'") != 0) return NULL;
      a = syntax_pair(p, SYNTAX_DISTINCT, 0, a, parse_compare(p));
      if (a != NULL) a->negated = negated;
      continue;
    }
    uint32_t op = 0;
    while (op < 4 && !parser_word(p, STATES[op])) op++;
    if (op == 4) {
      parser_unexpected(p, "null, true, false, unknown or distinct from");
      return expr_hint(p->err, "to compare with a value write '='");
    }
    if (parser_next(p) != 0) return NULL;
    struct syntax *s = syntax_new(p, SYNTAX_IS, a->offset);
    s->op = op;
    s->negated = negated;
    a = syntax_add(p, s, a);
  }
  return a;
}

static struct syntax *parse_not(struct parser *p) {
  if (!parser_word(p, "not")) return parse_is(p);
  uint32_t from = p->now.offset;
  if (++p->depth > EXPR_MAX_DEPTH) return expr_wrong(p->err, from, 3, "the expression is nested too deeply");
  if (parser_next(p) != 0) return NULL;
  struct syntax *a = parse_not(p);
  p->depth--;
  if (a == NULL) return NULL;
  return syntax_add(p, syntax_new(p, SYNTAX_NOT, from), a);
}

static struct syntax *parse_and(struct parser *p) { return parse_chain(p, SYNTAX_AND, "and", parse_not); }

struct syntax *parse_expression(struct parser *p) {
  if (++p->depth > EXPR_MAX_DEPTH)
    return expr_wrong(p->err, p->now.offset, p->now.length, "the expression is nested too deeply");
  struct syntax *a = parse_chain(p, SYNTAX_OR, "or", parse_and);
  p->depth--;
  return a;
}

struct syntax *syntax_parse(struct arena *arena, const char *text, struct expr_error *err) {
  memset(err, 0, sizeof *err);
  size_t size = strlen(text);
  if (size > EXPR_MAX_TEXT)
    return expr_wrong(err, EXPR_MAX_TEXT, 1, "the expression is longer than %u bytes", EXPR_MAX_TEXT);
  struct parser p = {.arena = arena, .err = err};
  p.lexer = (struct lexer){arena, text, (uint32_t)size, 0, err};
  if (parser_next(&p) != 0) return NULL;
  if (p.now.kind == TOKEN_END) return expr_wrong(err, 0, 1, "the expression is empty");
  struct syntax *s = parse_expression(&p);
  if (s == NULL || p.now.kind == TOKEN_END) return s;
  return parser_unexpected(&p, "an operator or the end of the expression");
}
