/*
 * internal: a job's insides, for the files of this room. Stages and edges are made once, on main, and never change; the
 * epoch coordinator (epoch.c) and the life of a job (job.c) are main's; the scribe has its thread.
 */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H
#include <pthread.h>
#include "../base/buf.h"
#include "job.h"
#include "snapshot.h"
#include "task.h"

enum edge_kind { EDGE_FORWARD, EDGE_KEYED };
struct edge { /* rows that change task */
  uint32_t index;
  enum edge_kind kind;
  uint32_t from_stage, from_node; /* plan node; UINT32_MAX: dead letters of every node of the stage */
  uint8_t from_port;
  uint32_t to_stage;
  const uint32_t *key; /* keyed */
  uint32_t keys;
};
struct stage {
  uint32_t index, tasks;
  int32_t source;   /* index into the plan's sources; -1: fed by edges */
  uint32_t root;    /* plan node: the source, or the node that the edges feed; UINT32_MAX: the sink of dead letters */
  uint32_t *member; /* plan nodes in order, the source's node left out */
  uint32_t members;
  struct spate_task **task;
  bool reads_dead; /* the stage of the dead-letter sink */
};

/* ---- the scribe: a thread for what blocks ---- */
struct scribe_work {
  struct scribe_work *next;
  void (*run)(struct job *job, struct scribe_work *work);  /* on the scribe */
  void (*done)(struct job *job, struct scribe_work *work); /* then on main; frees it */
  struct spate_error error;
  int result;
};

/* ---- messages to main ---- */
enum job_note_kind {
  NOTE_SCRIBE,
  NOTE_OPENED,
  NOTE_REPORT,
  NOTE_PREPARED,
  NOTE_ENDED,
  NOTE_FAILED,
  NOTE_CLOSED,
};
struct job_note {
  struct job_note *next;
  enum job_note_kind kind;
  struct spate_task *task;
  struct scribe_work *work;
  struct task_report *report;
  uint64_t epoch;
  struct spate_error error;
};

struct source_slot { /* a source of a running job */
  void *source;
  const struct spate_partition *list; /* the scribe's while it asks for partitions, else main's to look at */
  uint32_t count;                     /* the same */
  _Atomic uint32_t assigned;          /* of the list: given to tasks; main writes, workers and scribe read */
  struct spate_source_args args;
};
struct sink_slot {
  void *sink;
  struct spate_sink_args args;
};

enum epoch_phase { EPOCH_NONE, EPOCH_OPEN /* barriers flow */, EPOCH_COMMITTING };
struct epoch_state { /* main */
  enum epoch_phase phase;
  uint64_t current; /* number of the epoch being closed, or that was closed last */
  uint32_t reports; /* still to come */
  int64_t prepared_missing;
  bool changed, all_ended;
  struct task_report *report;
  int64_t started; /* clock_monotonic when its barrier was asked for */
  int64_t last_commit;
  struct event *pacer;
  bool closing;           /* the epoch at hand is the job's last */
  bool hurry;             /* another one at once */
  uint32_t sources_ended; /* tasks that have nothing more, as told by notes: to hurry */
};

struct job {
  struct plan *plan; /* tables' pointers are filled in by the job; else not changed */
  struct job_args args;
  struct spate_where where;
  struct arena *arena;
  enum job_state state;
  struct spate_error error;
  struct event_base *base;
  uint32_t first_worker;
  struct stage *stage;
  uint32_t stages;
  struct edge *edge;
  uint32_t edges;
  struct spate_task **task;
  uint32_t tasks;
  uint32_t source_tasks;
  struct source_slot *source;
  struct sink_slot *sink;
  uint32_t opening, closing; /* tasks that have not answered */
  bool stop_asked, closing_down;
  enum job_state final;
  struct epoch_state epoch;
  struct snapshot *restored; /* while tasks open */
  struct snapshot *places;   /* its positions, to the end: for partitions that come later, and those that are away */
  char *state_path;          /* the pipeline's directory; NULL: temporary */
  int lock_fd;
  int dead_fd; /* O_APPEND; written by tasks in whole lines, synced by the scribe */
  const struct schema *dead_schema;
  _Atomic uint64_t dead_written; /* letters in the default file: so that it is only synced when it must */
  _Atomic bool quiet;            /* the last epoch is closing: nothing may come out by the clock after it */
  _Atomic int64_t epoch_now;     /* micro-batches: the clock of the batch; 0: none (record mode) */
  uint64_t committed_epochs;
  uint64_t resumed; /* the epoch of the snapshot it began with; 0: none */
  int64_t last_lag; /* when the sources were last open */
  int64_t partitions_checked;
  /* scribe */
  pthread_t scribe;
  bool scribe_started;
  pthread_mutex_t scribe_lock;
  pthread_cond_t scribe_wake;
  struct scribe_work *scribe_first, **scribe_last;
  bool scribe_stop;
  /* notes: any thread to main */
  pthread_mutex_t note_lock;
  struct job_note *note_first, **note_last;
  int note_fd;
  struct event *note_event;
};

void scribe_start(struct job *job);
void scribe_post(struct job *job, struct scribe_work *work);
void scribe_join(struct job *job);

void job_post(struct job *job, struct job_note *note); /* any thread; takes the note */
void job_failed(struct job *job, const struct spate_error *error);
void job_close(struct job *job, enum job_state final);

void stages_build(struct job *job);
void epoch_start(struct job *job);
void epoch_note(struct job *job, struct job_note *note);
void epoch_hurry(struct job *job); /* begin one as soon as may be */
void epoch_end(struct job *job);

void task_open_on_worker(struct job *job, struct spate_task *task);
void task_close_on_worker(struct job *job, struct spate_task *task);
void task_drop(struct spate_task *task); /* what a task has without having been opened */
void task_assign_on_worker(struct spate_task *task, uint32_t partition, const char *name);
int open_all(struct job *job, struct scribe_work *work); /* scribe: lock, snapshot, tables, sinks, sources */
void close_all(struct job *job);                         /* scribe */
#endif
