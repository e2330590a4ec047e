/* worker: see worker.h. Sleeping needs a full fence on both sides: `sleeping` up, then look at `ready` again; `ready`
 * up, then look at `sleeping`. Both are sequentially consistent for that. */
#include "worker.h"

#include <event2/thread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../base/mem.h"

struct worker {
  pthread_t thread;
  struct event_base *base;
  struct event *wake_event;
  int wake_fd;
  _Atomic bool sleeping;
  _Atomic bool stop;
  /* the thread's own */
  struct runnable *tasks;
  /* any thread, under lock */
  pthread_mutex_t lock;
  struct worker_call *first, **last;
  _Atomic bool posted;
};

static void worker_woken(evutil_socket_t fd, short what, void *own) {
  (void)what, (void)own;
  uint64_t n;
  ssize_t ignored = read(fd, &n, sizeof n);
  (void)ignored;
}

static void worker_ring(struct worker *w) {
  uint64_t one = 1;
  if (atomic_load(&w->sleeping)) {
    ssize_t ignored = write(w->wake_fd, &one, sizeof one);
    (void)ignored;
  }
}

void runnable_wake(struct runnable *r) {
  if (!atomic_exchange(&r->ready, true)) worker_ring(r->worker);
}

void worker_post(struct worker *w, struct worker_call *call) {
  call->next = NULL;
  pthread_mutex_lock(&w->lock);
  *w->last = call;
  w->last = &call->next;
  pthread_mutex_unlock(&w->lock);
  atomic_store(&w->posted, true);
  worker_ring(w);
}

static void worker_calls(struct worker *w) {
  if (!atomic_exchange(&w->posted, false)) return;
  pthread_mutex_lock(&w->lock);
  struct worker_call *call = w->first, *next;
  w->first = NULL;
  w->last = &w->first;
  pthread_mutex_unlock(&w->lock);
  for (; call != NULL; call = next) {
    next = call->next;
    call->run(call);
  }
}

static bool worker_round(struct worker *w) {
  bool progress = false;
  struct runnable *next;
  for (struct runnable *r = w->tasks; r != NULL; r = next) {
    next = r->next;
    if (!atomic_load_explicit(&r->ready, memory_order_relaxed) || !atomic_exchange(&r->ready, false)) continue;
    progress = true;
    if (r->run(r)) atomic_store(&r->ready, true);
  }
  return progress;
}

static bool worker_has_work(struct worker *w) {
  if (atomic_load(&w->posted) || atomic_load(&w->stop)) return true;
  for (struct runnable *r = w->tasks; r != NULL; r = r->next)
    if (atomic_load(&r->ready)) return true;
  return false;
}

static void *worker_main(void *own) {
  struct worker *w = own;
  while (!atomic_load(&w->stop)) {
    worker_calls(w);
    if (worker_round(w)) {
      event_base_loop(w->base, EVLOOP_NONBLOCK);
      continue;
    }
    atomic_store(&w->sleeping, true);
    event_base_loop(w->base, worker_has_work(w) ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
    atomic_store(&w->sleeping, false);
  }
  worker_calls(w);
  return NULL;
}

void runnable_add(struct runnable *r) {
  r->next = r->worker->tasks;
  r->worker->tasks = r;
  r->listed = true;
  atomic_store(&r->ready, true);
}

void runnable_remove(struct runnable *r) {
  for (struct runnable **p = &r->worker->tasks; *p != NULL; p = &(*p)->next)
    if (*p == r) {
      *p = r->next;
      r->listed = false;
      return;
    }
}

struct event_base *worker_base(struct worker *w) {
  return w->base;
}

struct worker *worker_new(uint32_t index, struct spate_error *err) {
  struct worker *w = MEM_NEW(struct worker);
  w->last = &w->first;
  pthread_mutex_init(&w->lock, NULL);
  w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  w->base = event_base_new();
  if (w->wake_fd < 0 || w->base == NULL) {
    spate_fail(err, "cannot start worker %u: out of descriptors", index);
    goto fail;
  }
  w->wake_event = event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, worker_woken, w);
  event_add(w->wake_event, NULL);
  if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
    spate_fail(err, "cannot start worker %u: out of threads", index);
    goto fail;
  }
  char name[16];
  snprintf(name, sizeof name, "worker-%u", index % 10000);
  pthread_setname_np(w->thread, name);
  return w;
fail:
  if (w->wake_event != NULL) event_free(w->wake_event);
  if (w->base != NULL) event_base_free(w->base);
  if (w->wake_fd >= 0) close(w->wake_fd);
  mem_free(w);
  return NULL;
}

void worker_free(struct worker **worker) {
  struct worker *w = *worker;
  if (w == NULL) return;
  atomic_store(&w->stop, true);
  uint64_t one = 1;
  ssize_t ignored = write(w->wake_fd, &one, sizeof one);
  (void)ignored;
  pthread_join(w->thread, NULL);
  event_free(w->wake_event);
  event_base_free(w->base);
  close(w->wake_fd);
  pthread_mutex_destroy(&w->lock);
  mem_free(w);
  *worker = NULL;
}

struct job_pool {
  uint32_t workers, next;
  struct worker **worker;
};

struct job_pool *job_pool_new(uint32_t workers, struct spate_error *err) {
  evthread_use_pthreads();
  struct job_pool *pool = MEM_NEW(struct job_pool);
  pool->worker = MEM_NEWS(struct worker *, workers);
  for (uint32_t i = 0; i < workers; i++) {
    pool->worker[i] = worker_new(i, err);
    if (pool->worker[i] == NULL) {
      job_pool_free(&pool);
      return NULL;
    }
    pool->workers++;
  }
  return pool;
}
uint32_t job_pool_workers(const struct job_pool *pool) { return pool->workers; }
struct worker *job_pool_worker(struct job_pool *pool, uint32_t index) {
  return pool->worker[index % pool->workers];
}
uint32_t job_pool_next(struct job_pool *pool) { return pool->next++; }
void job_pool_free(struct job_pool **pool) {
  if (*pool == NULL) return;
  for (uint32_t i = 0; i < (*pool)->workers; i++) worker_free(&(*pool)->worker[i]);
  mem_free((*pool)->worker);
  mem_free(*pool);
  *pool = NULL;
}
