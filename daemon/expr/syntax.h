/* syntax: the tree that the parser makes of a text. It knows places and shapes, and nothing of columns or types. */
#ifndef EXPR_SYNTAX_H
#define EXPR_SYNTAX_H
#include "expr.h"

enum syntax_kind {
  SYNTAX_LITERAL, /* type says which of the values */
  SYNTAX_NAME,
  SYNTAX_FIELD, /* arg[0].text */
  SYNTAX_INDEX, /* arg[0][arg[1]] */
  SYNTAX_NEGATE,
  SYNTAX_NOT,
  SYNTAX_ARITH,   /* op: enum expr_arith */
  SYNTAX_COMPARE, /* op: enum expr_compare */
  SYNTAX_AND,     /* any number */
  SYNTAX_OR,
  SYNTAX_CONCAT,
  SYNTAX_IS,       /* op: enum expr_is */
  SYNTAX_DISTINCT, /* is distinct from */
  SYNTAX_BETWEEN,  /* three */
  SYNTAX_IN,       /* the value, then the list */
  SYNTAX_LIKE,     /* value, pattern, perhaps escape */
  SYNTAX_CASE,     /* operand (if `operand`), then pairs, then else (if odd) */
  SYNTAX_CAST,     /* type */
  SYNTAX_CALL,
  SYNTAX_RESULT /* made by compute.c: column `op` of the final schema */
};
enum expr_arith { ARITH_ADD, ARITH_SUB, ARITH_MUL, ARITH_DIV, ARITH_IDIV, ARITH_MOD };
enum expr_compare { COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };
enum expr_is { IS_NULL, IS_TRUE, IS_FALSE, IS_UNKNOWN };

struct syntax {
  enum syntax_kind kind;
  uint32_t op;
  bool negated; /* is not, not in, not like … */
  bool gentle;  /* try_cast */
  bool operand; /* case x when */
  bool quoted;  /* "name" */
  bool distinct, star;
  bool first_only; /* the call's first argument was a bare unit of time, now a text */
  uint32_t offset, length;
  struct spate_type type;
  const char *text; /* string, name, function (lower case), field */
  uint32_t size;
  int64_t i64; /* int, bool, timestamp, interval */
  double f64;
  spate_i128 dec;
  struct syntax **arg;
  uint32_t args, room;
  struct syntax *filter; /* filter (where …) */
};

#define EXPR_MAX_TEXT 65536u
#define EXPR_MAX_DEPTH 128u
#define EXPR_MAX_LIST 10000u

/* Writes the error; always NULL, so that a function can `return expr_wrong(…)`. The first error stays. */
void *expr_wrong(struct expr_error *err, uint32_t offset, uint32_t length, const char *format, ...) SPATE_PRINTF(4, 5);
/* Adds a hint to it; NULL too. */
void *expr_hint(struct expr_error *err, const char *format, ...) SPATE_PRINTF(2, 3);

/* NULL: err is set. */
struct syntax *syntax_parse(struct arena *arena, const char *text, struct expr_error *err);
#endif
