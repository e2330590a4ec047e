/*
 * aggregate: what the files of this step share. The definition is made by aggregate.c (check); rows go into groups in
 * aggregate_update.c and come out as results in aggregate_emit.c; aggregate_run.c decides when, and saves.
 */
#ifndef OPS_AGGREGATE_H
#define OPS_AGGREGATE_H
#include "../expr/aggregate.h"
#include "group_table.h"
#include "steps.h"
#include "window.h"

enum aggregate_emit { EMIT_CLOSE, EMIT_CHANGES, EMIT_ALL };

struct aggregate_call { /* one aggregate function */
  struct agg_spec spec;
  const struct agg_class *run;
  struct expr *arg[3];
  struct expr *filter; /* NULL: none */
  uint32_t offset;     /* in a slice's state */
};
struct aggregate_result { /* one entry of compute */
  uint32_t first, calls;  /* of the calls */
  struct expr *final;     /* over keys, window and the entry's calls; NULL: the one call itself */
};
struct aggregate_def {
  const struct schema *input, *output;
  const uint32_t *key;
  uint32_t keys;
  struct aggregate_call *call;
  uint32_t calls;
  struct aggregate_result *result;
  uint32_t results;
  uint32_t state_size;
  bool windowed, processing;
  struct window window;
  int64_t lateness;
  enum aggregate_emit emit;
  bool defer; /* micro-batches: changes go out once a batch, before time moves or the epoch closes */
  bool late_port;
  struct expr *where; /* over output; NULL: none */
};

struct aggregate_item { /* a result that is to go out */
  struct group *group;
  int64_t start; /* of its window */
};
struct aggregate_state {
  const struct aggregate_def *def;
  struct op_frame *frame;
  struct group_table table;
  int64_t watermark; /* of this step: judges lateness; processing time: the clock */
  int64_t fired;     /* windows that end until here have gone out */
  uint64_t mark, arrival;
  struct slice **touched;
  uint32_t touches, touches_room;
  struct aggregate_item *todo;
  uint64_t todos, todos_room, todo_at;
  bool partial;             /* stands before the exchange: late rows are passed on, not counted */
  bool busy;                /* in the middle of a message */
  bool changed;             /* since the last barrier */
  struct spate_batch *late; /* to be sent to the late port */
  struct buf key;
  struct expr_frame **arg; /* [calls][3] */
  struct expr_frame **filter;
  struct expr_frame **final; /* [results] */
  struct expr_frame *where;
  struct spate_rejects rejects; /* of results */
  void *scratch;                /* a state, to merge slices in */
};

/* aggregate_update.c */
void aggregate_update(struct aggregate_state *s, struct spate_batch *batch);
void aggregate_count_late(struct aggregate_state *s, uint64_t rows); /* and says so, where nobody reads them */
void aggregate_release(void *own, struct slice *slice);              /* own: the state */
/* aggregate_emit.c */
void aggregate_add_item(struct aggregate_state *s, struct group *group, int64_t start);
void aggregate_take_touched(struct aggregate_state *s); /* the slices changed since the last time become items */
void aggregate_take_all(struct aggregate_state *s);
bool aggregate_take_window(struct aggregate_state *s, int64_t until); /* the next window that ends at or before */
struct spate_batch *aggregate_emit(struct aggregate_state *s);        /* the next items as a batch; NULL: none passed */
/* aggregate_partial.c */
const struct op_class *aggregate_partial(const void *def);
int aggregate_take_partials(struct aggregate_state *s, const struct spate_batch *batch); /* -1: malformed */
extern const struct op_class AGGREGATE;
#endif
