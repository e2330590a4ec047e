/*
 * node: the typed tree, and the frame that one task evaluates it in.
 *
 * The tree is the program: evaluating a node evaluates its arguments into columns and runs one kernel over them, so a
 * batch costs one call a node and the rows cost one loop a node. Branches (and, or, case, coalesce) narrow the
 * selection before they evaluate the next child. Because of that a row that fails has failed for good: what is not
 * taken is never computed, and what fails was taken. So errors are one mask of the frame, not a third state of every
 * value.
 */
#ifndef EXPR_NODE_H
#define EXPR_NODE_H
#include "expr.h"
#include "function.h"
#include "syntax.h"

enum node_kind {
  NODE_CONST,  /* constant: a column of one row */
  NODE_COLUMN, /* index: of the batch */
  NODE_KERNEL, /* an operator */
  NODE_CALL,   /* function; index: its slot for scratch memory */
  NODE_AND,
  NODE_OR,
  NODE_CASE, /* condition, value, condition, value … else */
  NODE_COALESCE,
  NODE_LET, /* arg[0] is computed once, into slot index, then arg[1] */
  NODE_REF  /* what the slot index holds */
};

struct value {
  struct spate_column *column;
  bool constant; /* row 0 is the value of all rows */
  bool borrowed; /* not ours to give up */
};

struct kernel { /* one run of an operator */
  struct expr_frame *frame;
  const struct node *node;
  uint32_t rows;             /* of the batch */
  const uint16_t *selection; /* NULL: all */
  uint32_t count;
  struct value *arg;
  struct spate_column *out;
};

struct node {
  uint8_t kind;  /* enum node_kind */
  uint8_t op;    /* of the kernel */
  bool strict;   /* a null argument makes null, decided by the evaluator */
  bool may_fail; /* some row could be an error */
  bool changing; /* current_timestamp is in it: never folded */
  bool negated;
  bool gentle; /* try_cast: null in place of an error */
  uint16_t depth;
  struct spate_type type;
  uint32_t offset, length; /* in the text */
  uint32_t index;
  uint32_t args;
  struct node **arg;
  void (*kernel)(struct kernel *k);
  struct spate_column *constant;
  const struct expr_function *function;
  const struct expr_prepared *prepared;
  const void *data; /* of the kernel: a list, a pattern */
};

struct expr {
  const struct node *root;
  const char *text; /* for the reasons of errors */
  struct spate_type type;
  uint32_t lets, calls;                /* slots */
  const struct expr_function **called; /* by slot */
};

struct expr_frame {
  const struct expr *expr;
  const struct spate_batch *batch;
  const struct expr_moment *moment;
  struct spate_rejects *rejects; /* NULL: reasons are not kept */
  uint32_t rows;
  bool any_failed;
  struct value *let;
  void **scratch;
  struct spate_column *spread; /* the last constant result, as a column */
  uint8_t failed[SPATE_BATCH_ROWS];
  uint8_t skip[SPATE_BATCH_ROWS]; /* for the call that runs */
};

/* Marks a row as failed, with its reason. */
void frame_fail(struct expr_frame *f, const struct node *n, uint32_t row, const char *format, ...) SPATE_PRINTF(4, 5);
/* Text of a record for a reason: control characters replaced, cut at a character near `most` (room: most + 8). */
const char *text_shown(const char *text, size_t size, size_t most, char *out, size_t room);
/* The same from an operator: nothing happens to a row that is null (strict operators compute under nulls). */
#define KERNEL_FAIL(k, row, ...)                                                                    \
  do {                                                                                              \
    if (!spate_column_null((k)->out, (row))) frame_fail((k)->frame, (k)->node, (row), __VA_ARGS__); \
  } while (0)

/* The statement that follows, for each selected row. Two loops, so that the one without a selection is plain. */
#define KERNEL_ROWS(k, row, ...)                                  \
  do {                                                            \
    if ((k)->selection == NULL) {                                 \
      for (uint32_t row = 0; row < (k)->count; row++) __VA_ARGS__ \
    } else {                                                      \
      const uint16_t *sel_ = (k)->selection;                      \
      for (uint32_t k_ = 0, n_ = (k)->count; k_ < n_; k_++) {     \
        uint32_t row = sel_[k_];                                  \
        __VA_ARGS__                                               \
      }                                                           \
    }                                                             \
  } while (0)
/* What a row number of an argument is masked with: a constant has only row 0. */
static inline uint32_t value_mask(const struct value *v) { return v->constant ? 0 : UINT32_MAX; }
static inline uint32_t value_row(const struct value *v, uint32_t row) { return v->constant ? 0 : row; }

/* ---- eval.c, select.c, branch.c ---- */
struct value node_eval(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count);
/* The rows of the selection for which a condition is true, ascending; failed rows are never among them. */
uint32_t node_select(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count,
                     uint16_t *out);
void value_free(struct value *v);
struct value eval_and_or(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count);
struct value eval_case(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count);
struct value eval_coalesce(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count);

/* ---- kernels ---- */
void kernel_compare(struct kernel *k);  /* op: enum expr_compare; both arguments of one kind */
void kernel_distinct(struct kernel *k); /* is distinct from; negated: not */
void kernel_in(struct kernel *k);       /* data: struct in_list */
void kernel_is(struct kernel *k);       /* op: enum expr_is */
void kernel_not(struct kernel *k);
void kernel_arith_int(struct kernel *k); /* op: enum expr_arith; int, timestamp, interval */
void kernel_arith_double(struct kernel *k);
void kernel_arith_decimal(struct kernel *k);
void kernel_negate(struct kernel *k);
void kernel_concat(struct kernel *k);
void kernel_like(struct kernel *k); /* data: struct like_pattern, or NULL: arg[1] is the pattern; index: escape + 1 */
/* -1, 0, 1 in the order of SQL: NaN above all numbers, texts by bytes, decimals of any scales. */
int value_compare(const struct spate_column *a, uint32_t i, const struct spate_column *b, uint32_t j);
/* The kernel that casts, or NULL: there is no such cast. */
void (*cast_kernel(struct spate_type from, struct spate_type to))(struct kernel *k);
bool cast_may_fail(struct spate_type from, struct spate_type to);

struct in_list { /* sorted by value_compare, without nulls */
  const struct spate_column *values;
  uint32_t count;
  bool null;            /* a null was in the list */
  const uint64_t *word; /* few texts of at most 8 bytes: each in one word; else NULL */
};
struct like_pattern;
/* escape: a character of 1 to 4 bytes, or NULL. NULL and a message: the pattern is malformed. */
const struct like_pattern *like_compile(struct arena *arena, const char *text, uint32_t size, const char *escape,
                                        uint32_t escape_size, const char **message);

/* ---- check: syntax to nodes ---- */
struct checker {
  struct arena *arena;
  const char *text;
  const struct schema *columns;
  const struct schema *input; /* of an aggregate: to tell a column that must stand inside a call; else NULL */
  struct expr_error *err;
  uint32_t lets, calls, call_room;
  const struct expr_function **called;
};
/* All: NULL when err is set. */
struct node *check_node(struct checker *c, const struct syntax *s);
struct node *check_call(struct checker *c, const struct syntax *s);
struct node *check_case(struct checker *c, const struct syntax *s);
struct node *check_in(struct checker *c, const struct syntax *s);
struct node *node_new(struct checker *c, enum node_kind kind, struct spate_type type, const struct syntax *at,
                      uint32_t args);
/* To be called when all of the arguments stand: depth, failures; folds constants. */
struct node *node_done(struct checker *c, struct node *n);
struct node *node_kernel(struct checker *c, const struct syntax *at, struct spate_type type,
                         void (*run)(struct kernel *), struct node *a, struct node *b);
struct node *node_compare(struct checker *c, const struct syntax *at, uint32_t op, struct node *a, struct node *b);
struct node *node_constant(struct checker *c, struct spate_type type, const struct syntax *at);
/* Computes `a` once for several uses: `*let` is NULL where that is not needed (a column, a constant). */
struct node *node_share(struct checker *c, struct node *a, struct node **let);
struct node *node_share_end(struct checker *c, struct node *let, struct node *body);
struct node *node_fold(struct checker *c, struct node *n);
bool node_is_constant_null(const struct node *n);
/* Finishes a tree: counts slots, keeps the text. */
struct expr *expr_make(struct checker *c, struct node *root);

/* ---- types.c ---- */
/* The type that both can become without a cast being written; -1: there is none. */
int type_common(struct spate_type a, struct spate_type b, struct spate_type *out);
bool type_fits(struct spate_type from, struct spate_type to);                        /* implicitly */
struct spate_type type_arith(uint32_t op, struct spate_type a, struct spate_type b); /* of two decimals */
struct spate_type type_as_decimal(struct spate_type t);
static inline bool type_numeric(struct spate_type t) {
  return t.kind == SPATE_INT || t.kind == SPATE_DOUBLE || t.kind == SPATE_DECIMAL;
}
const char *type_name(struct spate_type t, char *out); /* for messages; room TYPE_NAME */
#define TYPE_NAME 40
/* Casts where SQL would by itself: numbers upwards, null to all, a text literal to a timestamp. */
struct node *node_implicit(struct checker *c, struct node *n, struct spate_type to);
/* As written: cast(n as to). */
struct node *node_cast(struct checker *c, struct node *n, struct spate_type to, bool gentle, const struct syntax *at);
/* Brings two operands to one type; -1: they have none (err is set). */
int node_unify(struct checker *c, struct node **a, struct node **b, const char *verb, const struct syntax *at);
#endif
