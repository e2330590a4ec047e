/*
 * worker: a thread that runs tasks. It loops over the tasks that are ready, and waits in one place: its libevent base,
 * with an eventfd that others write only when it sleeps.
 */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include "job.h"

struct worker;
/* A call to be made on the worker's thread, in order. Any thread may post. */
struct worker_call {
  struct worker_call *next;
  void (*run)(struct worker_call *call);
};
struct worker *worker_new(uint32_t index, struct spate_error *err);
void worker_free(struct worker **worker); /* stops the thread: all tasks must have been removed */
void worker_post(struct worker *worker, struct worker_call *call);
struct event_base *worker_base(struct worker *worker);

/* What a worker runs. Embedded in a task. */
struct runnable {
  struct worker *worker;
  struct runnable *next;           /* worker's */
  _Atomic bool ready;              /* seq_cst: set before `sleeping` is read, cleared before it runs */
  bool listed;                     /* worker's */
  bool (*run)(struct runnable *r); /* true: run again at once */
};
void runnable_wake(struct runnable *r);   /* any thread */
void runnable_add(struct runnable *r);    /* on the worker */
void runnable_remove(struct runnable *r); /* on the worker */

struct worker *job_pool_worker(struct job_pool *pool, uint32_t index);
uint32_t job_pool_next(struct job_pool *pool); /* where the next job's first task goes; main thread */
#endif
