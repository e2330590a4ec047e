/*
 * op: what a step is. Three things, kept apart: the verb (a const table: how it is written, checked, run), the
 * definition (what one step of one pipeline says; immutable, shared), and the state (of one task).
 *
 * Law of stepping: a step gets one message at a time and answers with at most one. SPATE_OK: it is done with the
 * message; SPATE_MORE: it is not, call again with the same message (out may hold something or OP_NONE); SPATE_FAIL: the
 * pipeline fails. A watermark, barrier, idle or tick is passed on only when all output that precedes it is out. A
 * step never asks which mode it runs in.
 */
#ifndef OPS_OP_H
#define OPS_OP_H
#include "../api/spate.h"
#include "../base/arena.h"
#include "../base/buf.h"
#include "../config/config.h"
#include "../data/batch.h"
#include "../data/rejects.h"
#include "../data/schema.h"
#include "../expr/expr.h"
#include "../state/lookup_table.h"

enum op_kind {
  OP_NONE,
  OP_BATCH,
  OP_PARTIAL,   /* a batch of partial aggregates, from a step's partial to the step itself: see aggregate_partial.c */
  OP_FLUSH,     /* nothing more is there for now: what was held back for company goes on. Ends at the exchange */
  OP_WATERMARK, /* value: event time; never goes back */
  OP_IDLE, /* port 1: this input says nothing about time for now (value: the greatest event time seen); 0: it does again
            */
  OP_BARRIER, /* value: epoch that ends here */
  OP_TICK     /* value: the clock: processing time moves */
};
enum {
  PARTIAL_HASH,
  PARTIAL_KEY,
  PARTIAL_START,
  PARTIAL_ROWS,
  PARTIAL_STATE,
  PARTIAL_COLUMNS
}; /* of an OP_PARTIAL's batch */
static inline bool op_has_batch(uint8_t kind) { return kind == OP_BATCH || kind == OP_PARTIAL; }
struct op_msg {
  uint8_t kind;
  uint8_t port; /* outgoing: which output (0: the main one) */
  int64_t value;
  struct spate_batch *batch; /* incoming: borrowed (take a reference to keep it); outgoing: given away */
};

/* What a task lends to its steps. Written by the task, before each call. */
struct op_frame {
  struct expr_moment moment;
  struct spate_rejects *rejects; /* of the incoming batch's rows: cleared before, made dead letters after each call */
  uint64_t *late;                /* counters of this step */
  uint64_t *dropped;
  uint64_t *state_keys, *state_bytes; /* gauges */
  bool *holding; /* set it when something is held back: an OP_FLUSH comes as soon as nothing more does */
  const struct spate_where *where;
  struct spate_error *error; /* for SPATE_FAIL */
  /* A row that fails after the step made it (a result that overflows): batch and row become a dead letter. */
  void (*dead)(struct op_frame *frame, const struct spate_batch *batch, uint32_t row, const struct schema *schema,
               const char *reason);
  void *own;
};

struct op_class {
  /* A task's state of a step. */
  int (*open)(const void *def, struct op_frame *frame, void **state);
  enum spate_result (*step)(void *state, const struct op_msg *in, struct op_msg *out);
  /* Steps with state: all of it, appended to out as entries: u64 hash of the key, u32 size, bytes. Called at a barrier.
   */
  int (*save)(void *state, struct buf *out);
  /* One entry; the engine gives each task those whose hash it owns. -1: malformed. */
  int (*load)(void *state, uint64_t hash, struct cut *entry);
  /* Per-task scalars that all tasks get back (watermark of the step): least over the tasks. */
  int64_t (*get_watermark)(void *state);
  void (*set_watermark)(void *state, int64_t watermark);
  /* When it wants an OP_TICK (clock); INT64_MAX: never. NULL: never. */
  int64_t (*next_tick)(void *state);
  void (*close)(void *state);
};

/* ---- checking ---- */
struct op_input {   /* what stands before the step */
  const char *name; /* of the source, step or port */
  const struct schema *schema;
  bool has_time;                /* records have event time */
  bool updating;                /* rows replace earlier ones of the same group */
  bool bounded;                 /* ends by itself */
  const char *const *group_key; /* updating: the columns that name a row */
  uint32_t group_keys;
};
struct op_port {
  const char *name; /* port 0: the step's own */
  const struct schema *schema;
  bool has_time, updating;
  bool optional; /* nobody need read it (a warning instead of an error) */
};
#define OP_MAX_PORTS 64
struct op_table { /* a table of the pipeline, for lookup */
  const char *name;
  const struct schema *schema;
  const char *const *key; /* key columns, by name */
  uint32_t keys;
  struct lookup_table *const *table; /* where the loaded table will be found: read when the step is opened */
};
struct op_check {
  /* given */
  struct arena *arena;
  struct conf_errors *errors;
  const struct conf_node *step;  /* the whole map of the step */
  const struct conf_node *verb;  /* its key */
  const struct conf_node *value; /* what the verb says */
  const char *name;
  struct op_input input;
  bool micro_batch;
  const struct op_table *tables;
  uint32_t table_count;
  /* to be filled in */
  const void *def;
  struct op_port port[OP_MAX_PORTS];
  uint32_t ports;
  bool exchange;       /* rows must meet by key (or, without keys, on one task) */
  const uint32_t *key; /* columns of the input */
  uint32_t keys;
  bool stateful;
  const char *signature; /* stateful: verb, keys, window, aggregates, in one normal form: the hash of the state */
  const char *const *group_key; /* updating output: the columns that name a row */
  uint32_t group_keys;
  const char *explain; /* one line for `spate explain`, or NULL */
};
struct op_verb {
  const char *name, *help;
  const char *form;                   /* how it is written, for the manual: "EXPR", "{name: EXPR, …}", "[a, b]" */
  const struct spate_option *options; /* when its value is a table of keys; else NULL */
  /* -1: errors were added. Must still fill in the port's schema as far as it can, so that later steps are checked too.
   */
  int (*check)(struct op_check *check);
  /* Which input columns are needed (used[i] = 1) when the output columns needed[port][j] are wanted by somebody. */
  void (*needs)(const void *def, uint8_t *const *needed, uint8_t *used);
  const struct op_class *op;
  /* What may stand before the exchange, on the tasks where the records are; NULL: nothing, or not with this definition.
   */
  const struct op_class *(*partial)(const void *def);
};
const struct op_verb *op_verb_find(const char *name);
const struct op_verb *const *op_verbs(uint32_t *count);
/* Verbs of the reference that are not built yet (state, dedupe, top, join …): refused with a line that says so. */
const char *const *op_verbs_later(uint32_t *count);

/* ---- for check functions (op.c) ---- */
/* Compiles the expression of a node over the input; an error is added with its place. NULL: it was wrong. */
struct expr *op_expr(struct op_check *check, const struct conf_node *node);
struct expr *op_condition(struct op_check *check, const struct conf_node *node); /* must be bool */
/* The names in a scalar or list, as columns of the input. -1: errors were added. */
int op_columns(struct op_check *check, const struct conf_node *node, uint32_t **columns, uint32_t *count);

#endif
