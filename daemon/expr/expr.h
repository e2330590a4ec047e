/*
 * expr: SQL's scalar expressions, compiled once to a list of typed kernels over columns.
 *
 * Text, syntax, typed tree; each node of the tree is one typed kernel over columns. Three-valued logic. A value that
 * cannot be computed (overflow, division by zero, a bad cast) is an error of its row alone. `case`, `and`, `or`,
 * `coalesce` and `if` compute from left to right, each part only for the rows that it decides about: so an error in a
 * branch that is not taken never happens, and one that happens stands. Only selected rows are computed.
 */
#ifndef EXPR_EXPR_H
#define EXPR_EXPR_H
#include "../api/spate.h"
#include "../base/arena.h"
#include "../data/rejects.h"
#include "../data/schema.h"

struct expr;       /* compiled; immutable; shared by all tasks; lives in the arena it was compiled into */
struct expr_frame; /* the scratch memory of one task for one expression */

struct expr_error {
  uint32_t offset, length; /* bytes of the text, for the caret */
  char message[400];
  char hint[120]; /* "did you mean 'event_type'?" or "" */
};
/* What the current_… functions see: of the batch, or the micro-batch. */
struct expr_moment {
  int64_t now;       /* current_timestamp */
  int64_t watermark; /* current_watermark; SPATE_TIME_MIN: null */
};
/* NULL: err says what and where. Column names are those of `columns`. */
struct expr *expr_compile(struct arena *arena, const char *text, const struct schema *columns, struct expr_error *err);
struct spate_type expr_type(const struct expr *expr);
/* Sets used[i] = 1 for each column it reads. */
void expr_columns(const struct expr *expr, uint8_t *used);
int32_t expr_column(const struct expr *expr); /* the index, if the expression is just a column; else -1 */
bool expr_constant(const struct expr *expr);  /* the same for all rows */
/* Casts the result implicitly to `type` if SQL would (int to double or decimal, null to all …); else NULL and err. */
struct expr *expr_coerce(struct arena *arena, struct expr *expr, struct spate_type type, struct expr_error *err);

struct expr_frame *expr_frame_new(const struct expr *expr);
void expr_frame_free(struct expr_frame **frame);
/* A column with batch->rows rows; only selected rows are defined (strings: the others are empty). A plain column comes
 * back as a reference. Rows that fail are rejected (with the reason) and are null. The caller owns the result. */
struct spate_column *expr_eval(struct expr_frame *frame, const struct spate_batch *batch,
                               const struct expr_moment *moment, struct spate_rejects *rejects);
/* A condition: writes the selected rows for which it is true to rows[SPATE_BATCH_ROWS]; returns how many. Rows that
 * fail are rejected and not among them. */
uint32_t expr_select(struct expr_frame *frame, const struct spate_batch *batch, const struct expr_moment *moment,
                     struct spate_rejects *rejects, uint16_t *rows);

/* ---- aggregates in `compute:` ----
 * "sum(price) filter (where price > 100) / count(*)" is two calls and a final expression over their results. */
struct agg_class; /* expr/aggregate.h */
struct expr_call {
  const struct agg_class *agg;
  bool distinct;
  uint32_t args;          /* 0: count(*) */
  struct expr *arg[3];    /* over the input's columns */
  struct expr *filter;    /* NULL: none */
  struct spate_type type; /* of the result */
};
struct expr_aggregate {
  uint32_t calls;
  struct expr_call *call;
  /* Over the schema `results` given to expr_final_compile: see there. */
  struct expr *final; /* NULL: the result is call[0] itself */
};
/* Compiles one entry of compute. `group`: columns that the final expression may read besides the calls' results (keys,
 * window_start, window_end). The final expression reads a schema made of group's columns followed by the calls'
 * results in order (`final_columns`, filled in). A column of the input outside an aggregate, that is not in group, is
 * an error. */
int expr_compile_aggregate(struct arena *arena, const char *text, const struct schema *input,
                           const struct schema *group, struct expr_aggregate *out, struct schema **final_columns,
                           struct expr_error *err);
/* Names of all functions, for 'did you mean' and the manual. */
struct expr_function_info {
  const char *name, *group, *signature, *help;
};
const struct expr_function_info *expr_functions(uint32_t *count);
#endif
