/* parser: what its two files share: the tokens ahead, and the rungs of the ladder of precedence. */
#ifndef EXPR_PARSER_H
#define EXPR_PARSER_H
#include "lexer.h"
#include "syntax.h"

struct parser {
  struct lexer lexer;
  struct token now; /* the token to be read next */
  uint32_t last;    /* where the token before it ended */
  uint32_t depth;
  struct arena *arena;
  struct expr_error *err;
};

/* All of these: NULL or -1 when err is set. */
struct syntax *parse_expression(struct parser *p); /* or … */
struct syntax *parse_concat(struct parser *p);     /* a || b and what binds tighter: no comparison, no `in` */
struct syntax *parse_unary(struct parser *p);      /* - and what binds tighter */
struct syntax *parse_primary(struct parser *p);

int parser_next(struct parser *p);                          /* moves to the next token */
int parser_peek(struct parser *p, struct token *t);         /* the one after `now` */
bool parser_word(const struct parser *p, const char *word); /* now is that word */
bool token_word(const struct token *t, const char *word);
int parser_expect(struct parser *p, enum token_kind kind, const char *what);
int parser_expect_word(struct parser *p, const char *word, const char *where);
void *parser_unexpected(struct parser *p, const char *wanted);
bool parser_reserved(const char *word); /* cannot be a bare name */

/* A node that begins at `from` and ends with the last token read. */
struct syntax *syntax_new(struct parser *p, enum syntax_kind kind, uint32_t from);
struct syntax *syntax_add(struct parser *p, struct syntax *node, struct syntax *arg);
struct syntax *syntax_text(struct parser *p, const char *text, uint32_t offset, uint32_t length);
struct syntax *syntax_end(struct parser *p, struct syntax *node); /* its length, up to here */
#endif
