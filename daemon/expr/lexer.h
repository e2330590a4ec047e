/* lexer: the words of an expression. Each token knows its place in the text, for the caret under an error. */
#ifndef EXPR_LEXER_H
#define EXPR_LEXER_H
#include "syntax.h"

enum token_kind {
  TOKEN_END,
  TOKEN_WORD,    /* text: as written; word: in lower case */
  TOKEN_QUOTED,  /* "a name" */
  TOKEN_STRING,  /* 'text' */
  TOKEN_INTEGER, /* digits; may be more than fit in 64 bits */
  TOKEN_DECIMAL, /* 1.5 */
  TOKEN_DOUBLE,  /* 1e3 */
  TOKEN_EQ,
  TOKEN_NE,
  TOKEN_LT,
  TOKEN_LE,
  TOKEN_GT,
  TOKEN_GE,
  TOKEN_PLUS,
  TOKEN_MINUS,
  TOKEN_STAR,
  TOKEN_SLASH,
  TOKEN_PERCENT,
  TOKEN_CONCAT,
  TOKEN_OPEN,
  TOKEN_CLOSE,
  TOKEN_OPEN_INDEX,
  TOKEN_CLOSE_INDEX,
  TOKEN_COMMA,
  TOKEN_DOT
};
struct token {
  enum token_kind kind;
  uint32_t offset, length; /* in the text */
  const char *text;        /* value without quotes, terminated */
  uint32_t size;
  const char *word; /* TOKEN_WORD: lower case */
};
struct lexer {
  struct arena *arena;
  const char *text;
  uint32_t size, at;
  struct expr_error *err;
};

/* -1: err is set. */
int lexer_next(struct lexer *lexer, struct token *token);
#endif
