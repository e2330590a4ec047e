/*
 * job: a pipeline in motion, seen from outside. A job is started on a pool of workers from a plan, reports to the main
 * thread by a callback (on the main loop), and is stopped by closing an epoch.
 */
#ifndef RUN_JOB_H
#define RUN_JOB_H
#include <event2/event.h>
#include "../plan/plan.h"

struct job;
struct job_pool; /* the worker threads */
struct job_pool *job_pool_new(uint32_t workers, struct spate_error *err);
uint32_t job_pool_workers(const struct job_pool *pool);
void job_pool_free(struct job_pool **pool); /* all jobs must have ended */

enum job_state {
  JOB_STARTING,
  JOB_RUNNING,
  JOB_STOPPING,
  JOB_FINISHED /* bounded, all done */,
  JOB_STOPPED,
  JOB_FAILED
};
struct job_args {
  const struct plan *plan;
  struct job_pool *pool;
  struct event_base *base; /* main's */
  const char *state_dir;   /* the pipeline's own directory is below; NULL: temporary, nothing is kept */
  const char *dead_path;   /* the default dead-letter file */
  bool fresh;              /* drop the state that is there */
  bool bounded;            /* --bounded */
  uint32_t batch_rows;     /* 0: SPATE_BATCH_ROWS; tests use 1 and 7 */
  /* On main: the state changed. FINISHED, STOPPED and FAILED are final: then job_free may be called (also from here).
   */
  void (*changed)(struct job *job, enum job_state state, void *own);
  void *own;
};
struct job;
struct job *job_start(const struct job_args *args, struct spate_error *err);
void job_stop(struct job *job, bool at_once); /* closes an epoch; at_once: drops the work since the last */
enum job_state job_state(const struct job *job);
const struct spate_error *job_error(const struct job *job);
void job_free(struct job **job);

struct job_numbers { /* sums over tasks; any time, main thread */
  uint64_t in, out, late, dead, dropped, epochs, state_keys, future;
  int64_t lag;       /* -1: unknown; after the end: as it was last known */
  int64_t watermark; /* least over the sources; SPATE_TIME_MIN: none yet */
};
void job_numbers(const struct job *job, struct job_numbers *numbers);
uint64_t job_resumed(const struct job *job); /* the epoch that it goes on from; 0: it began anew */
const struct plan *job_plan(const struct job *job);
void job_poke(struct job *job); /* every task looks at the clock and its ends again: after virtual time moved */
#endif
