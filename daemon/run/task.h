/*
 * task: a chain of steps on one worker, fed by a source's partitions or by rings from other tasks. All of a task
 * belongs to its worker's thread, but for the fields that say otherwise.
 */
#ifndef RUN_TASK_H
#define RUN_TASK_H
#include <stdatomic.h>
#include "../plan/plan.h"
#include "ring.h"
#include "worker.h"

/* In barrier_request: this epoch only closes; a micro-batch admits nothing. */
#define EPOCH_CLOSE_ONLY (1ULL << 63)

struct job;
struct stage;
struct edge;

/* ---- chain: the tree of a task's steps ---- */
enum chain_kind { CHAIN_ROOT, CHAIN_STEP, CHAIN_SINK, CHAIN_OUT, CHAIN_DEAD };
struct chain_child {
  uint32_t node; /* index in the chain */
  uint8_t port;
};
struct chain_node {
  enum chain_kind kind;
  const char *name;
  const struct plan_node *plan; /* NULL: dead letters, root of … */
  const struct op_class *op;    /* steps */
  void *state;                  /* steps: the op's; sinks: sink_drive; out: exchange_out; dead: dead_drive */
  struct op_frame frame;
  struct spate_where where;
  struct op_msg in;           /* the message it is working on; kind OP_NONE: none */
  const struct schema *input; /* of its batches: for dead letters */
  struct chain_child *child;
  uint32_t children;
  uint64_t late, dropped, state_keys, state_bytes; /* plain: published by the task */
};
struct chain {
  struct spate_task *task;
  struct chain_node *node; /* a child's index is larger than its parent's; the last is the dead-letter node */
  uint32_t nodes;
  uint32_t top; /* no pending message above this */
  bool holding; /* a step holds something back for company: an OP_FLUSH goes out when nothing more comes */
  bool changed; /* a batch has passed since the last barrier */
  struct spate_batch **letter; /* dead letters on their way to the last node, in order */
  uint32_t letters, letters_room, letters_sent;
  struct op_msg last_barrier; /* reaches the dead-letter node after all others: they may still send letters at it */
  struct spate_rejects rejects;
  struct spate_error error;
};
/* Gives the message to all children of the root. The chain must be drained. Takes the batch. */
void chain_push(struct chain *chain, struct op_msg *m);
void chain_fini(struct chain *chain); /* drops what is in it; the nodes have been closed */
/* op_frame.dead of every step. */
void chain_dead_row(struct op_frame *frame, const struct spate_batch *batch, uint32_t row, const struct schema *schema,
                    const char *reason);
/* Works until drained (OK), or a sink or exchange cannot take more (BLOCKED), or FAIL. */
enum spate_result chain_run(struct chain *chain);
void chain_deliver(struct chain *chain, const struct chain_node *from, struct op_msg *m);
int64_t chain_next_tick(const struct chain *chain);
/* The rejected rows of a batch become dead letters at `node` (or are dropped, or fail: by on_error). */
enum spate_result chain_rejected(struct chain *chain, const struct chain_node *node, const struct spate_batch *batch);

/* ---- what passes a barrier of a task ---- */
struct task_report {
  struct task_report *next;
  struct spate_task *task;
  uint64_t epoch;
  bool changed, ended;
  uint32_t later;   /* sinks that will say spate_task_prepared() */
  struct buf state; /* see snapshot.h: sections of this task's steps and positions */
};

/* ---- inputs ---- */
struct task_input {
  struct ring *ring;
  uint32_t edge;
  int64_t watermark, hint;
  bool idle, at_barrier;
};
struct align {
  uint32_t inputs, next;
  struct task_input *input;
  int64_t watermark; /* passed on */
  bool idle;         /* passed on */
  uint64_t barrier;  /* being aligned; 0: none */
  uint32_t waiting;  /* inputs that have not reached it */
};

struct source_part { /* a partition of this task */
  uint32_t index;    /* in the source's list */
  char name[256];
  int64_t greatest;    /* event time seen; SPATE_TIME_MIN: none */
  int64_t quiet_since; /* clock when it was found caught up with nothing coming; 0: it is not */
  bool idle, finished;
};
struct source_drive {
  const struct plan_source *plan;
  void *source, *reader;
  void *decoder;
  uint32_t wanted;     /* columns that are decoded */
  uint32_t *wanted_at; /* their place in the schema */
  struct spate_column **decoded;
  int32_t meta_at[SPATE_METAS]; /* hidden column of each kind of metadata; -1: none */
  struct spate_origin *block;   /* ready for the next pull */
  uint32_t parts, parts_room;
  struct source_part *part;
  uint32_t *part_of; /* by the source's index: place in part[] */
  uint32_t part_of_room;
  int64_t watermark;   /* passed on */
  bool idle;           /* passed on */
  bool ended;          /* all partitions finished */
  bool closing;        /* after the last barrier: nothing more */
  bool admitting;      /* micro-batches: records may come in */
  int64_t admit_until; /* … and what is there at most until this clock */
  uint64_t admitted;
  uint32_t since_states;
  bool pulled;        /* something came since the last barrier */
  uint64_t barrier;   /* to be sent; 0: none */
  int64_t idle_check; /* clock of the next look at idleness; INT64_MAX: none */
};

struct spate_task {
  struct runnable runnable; /* first: a runnable is its task */
  struct job *job;
  struct arena *arena; /* what lives as long as the task */
  const struct stage *stage;
  uint32_t index;
  struct chain chain;
  struct align align;
  struct source_drive source; /* stages of a source */
  struct ring **out;          /* all rings it writes: owned by the reading task */
  struct op_msg held;         /* a source's batch that waits for the chain to drain */
  struct event_base *base;    /* a task without a worker (a table that is loaded): its own loop, never run */
  struct event *timer;
  int64_t timer_at;
  struct task_report *report; /* of the barrier that passes now */
  bool opened, failed;
  struct spate_where where;
  /* any thread */
  _Atomic uint64_t barrier_request; /* main asks for this epoch's barrier: pairs with the wake-up */
  _Atomic uint64_t in, out_rows, late, dropped, dead, state_keys, future, bytes;
  _Atomic int64_t watermark_seen;
};

bool task_run(struct runnable *runnable);
void task_fail(struct spate_task *task, const struct spate_error *error);
/* Counters have one writer; main reads them. */
static inline void task_count(_Atomic uint64_t *counter, uint64_t n) {
  atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}
struct task_report *task_report_new(struct spate_task *task, uint64_t epoch);
void task_timer(struct spate_task *task, int64_t at); /* run again at this clock, at the latest */

/* ---- the kinds of nodes ---- */
int source_open(struct spate_task *task, struct spate_error *err);
int source_assign(struct spate_task *task, uint32_t partition, const char *name, struct spate_bytes position,
                  int64_t greatest, struct spate_error *err);
enum spate_result source_step(struct spate_task *task, struct spate_error *err); /* the chain is drained */
void source_close(struct spate_task *task);
enum spate_result source_pull(struct spate_task *task); /* a batch into the chain, which is drained */
void source_states(struct spate_task *task);            /* looks whether partitions are finished or idle */
bool source_time(struct spate_task *task);              /* true: pushed a watermark, or that time stands still */

enum spate_result align_step(struct spate_task *task); /* OK: pushed something; IDLE */

int sink_node_open(struct chain *chain, struct chain_node *node, void *sink, struct spate_error *err);
enum spate_result sink_node_step(struct chain *chain, struct chain_node *node);
void sink_node_close(struct chain_node *node);

struct exchange_out; /* the rings of one edge, from this task */
void *exchange_node_new(struct spate_task *task, const struct edge *edge, struct ring **ring, uint32_t rings);
enum spate_result exchange_node_step(struct chain *chain, struct chain_node *node);
void exchange_node_close(struct chain_node *node);

enum spate_result dead_node_step(struct chain *chain, struct chain_node *node); /* the default file */
/* "ads.json 17: " for people, or "" where the row's origin is no longer known. */
const char *dead_origin(const struct chain *chain, const struct spate_batch *batch, uint32_t row, char *out,
                        size_t room);
void dead_node_close(struct chain_node *node);
struct spate_batch *dead_letters_make(struct chain *chain, const struct chain_node *node,
                                      const struct spate_batch *batch, const struct spate_rejects *rejects);
struct spate_batch *dead_letter_row(struct chain *chain, const struct chain_node *node, const struct spate_batch *batch,
                                    uint32_t row, const struct schema *schema, const char *reason);
#endif
