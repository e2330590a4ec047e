/*
 * function: scalar functions as a table. Each row is name, group, signature, help, a resolver of types and a kernel.
 *
 * A kernel gets whole columns and writes a whole column: for k in 0..count, row = rows ? rows[k] : k. An argument may
 * be constant (`constant`: its value is at row 0 for all rows). Nulls: when `strict`, the caller has already computed
 * `out->valid` and errors as the union of the arguments', and the kernel need not look at rows that are null or in
 * error (it may skip them, `skip[row]` != 0); otherwise the kernel decides itself.
 */
#ifndef EXPR_FUNCTION_H
#define EXPR_FUNCTION_H
#include "expr.h"

struct expr_value { /* an argument */
  const struct spate_column *column;
  bool constant;
  const uint8_t *error; /* by row: 1 = failed; NULL: none */
};
#define EXPR_MAX_ARGS 16 /* concat, coalesce … of more are nested by the parser or refused */
struct expr_call_frame {
  uint32_t args;
  struct expr_value arg[EXPR_MAX_ARGS];
  struct spate_column *out;  /* allocated: fixed width zeroed; strings empty with room 16 a row */
  uint32_t rows;             /* of the batch */
  const uint16_t *selection; /* NULL: all */
  uint32_t count;
  const uint8_t *skip; /* strict: 1 = null or error: leave it; NULL: none */
  const struct expr_moment *moment;
  const struct expr_prepared *prepared; /* what prepare made of constant arguments; NULL */
  void *scratch; /* of this call in this task (regular expressions' match data); see scratch_size */
  /* Marks a row as failed, with a reason (static or formatted). */
  void (*fail)(struct expr_call_frame *frame, uint32_t row, const char *format, ...) SPATE_PRINTF(3, 4);
  void *own; /* the evaluator's */
};
struct expr_resolved {                  /* of one call */
  struct spate_type arg[EXPR_MAX_ARGS]; /* what the arguments are to be cast to */
  struct spate_type result;
};
struct expr_function {
  const char *name, *group, *signature, *help;
  uint8_t min_args, max_args;
  bool strict;       /* null in, null out, decided by the caller */
  bool not_constant; /* current_timestamp: never folded */
  /* Decides types. `arg` has the actual types (SPATE_NONE for a bare null). -1: err says what is wrong. */
  int (*resolve)(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, struct spate_error *err);
  /* Optional: the result's type where it depends on the values of constant arguments (the digits of round). `value` as
   * prepare gets it. */
  void (*refine)(const struct spate_column *const *value, uint32_t args, struct expr_resolved *types);
  void (*run)(struct expr_call_frame *frame);
  /* Optional: compiles constant arguments at compile time (a regular expression, a date pattern). value[i] is NULL for
   * an argument that is not constant, else a column whose row 0 holds it. NULL and err: wrong. Lives as long as the
   * arena (arena_… for memory; release() for the rest). */
  const struct expr_prepared *(*prepare)(struct arena *arena, const struct spate_column *const *value, uint32_t args,
                                         struct spate_error *err);
  void (*release)(const struct expr_prepared *prepared);
  size_t scratch_size;
  void (*scratch_free)(void *scratch);
};
/* A group of functions is one file with one table; function.c lists the tables. Ends with a row without a name. */
const struct expr_function *function_find(const char *name); /* lower case; NULL: none */
const struct expr_function *const *function_tables(void);    /* NULL-terminated */
extern const struct expr_function FUNCTIONS_CONDITIONAL[], FUNCTIONS_NUMBER[], FUNCTIONS_STRING[], FUNCTIONS_REGEXP[],
    FUNCTIONS_TIME[];

/* Row of an argument. */
static inline uint32_t arg_row(const struct expr_value *v, uint32_t row) { return v->constant ? 0 : row; }
#endif
