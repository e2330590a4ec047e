/* syncer: see syncer.h. Jobs come by a stack that is taken whole; an eventfd wakes the thread. */
#include "syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct syncer {
  pthread_t thread;
  int wake;
  /* release by whoever pushes, acquire by the thread: a job is seen as it was filled */
  _Atomic(struct sync_job *) head;
  _Atomic bool stop;
};

struct sync_owner {
  _Atomic uint32_t refs;
  pthread_mutex_t lock; /* held while the task is told, never while a disk is waited for */
  struct spate_task *task;
};

struct sync_owner *sync_owner_new(struct spate_task *task) {
  struct sync_owner *o = calloc(1, sizeof *o);
  if (o == NULL) return NULL;
  atomic_init(&o->refs, 1);
  pthread_mutex_init(&o->lock, NULL);
  o->task = task;
  return o;
}

static void owner_unref(struct sync_owner *o) {
  if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) > 1) return;
  pthread_mutex_destroy(&o->lock);
  free(o);
}

void sync_owner_leave(struct sync_owner *o) {
  if (o == NULL) return;
  pthread_mutex_lock(&o->lock);
  o->task = NULL;
  pthread_mutex_unlock(&o->lock);
  owner_unref(o);
}

/* failure: what went wrong, or NULL. */
static void owner_tell(struct sync_owner *o, uint64_t epoch, const char *failure) {
  pthread_mutex_lock(&o->lock);
  if (o->task != NULL && failure != NULL) spate_task_fail(o->task, "%s", failure);
  if (o->task != NULL && failure == NULL) spate_task_prepared(o->task, epoch);
  pthread_mutex_unlock(&o->lock);
}

struct synced_file *synced_file_new(int fd, char *path, bool fresh) {
  struct synced_file *f = calloc(1, sizeof *f);
  if (f == NULL) return NULL;
  atomic_init(&f->refs, 1);
  atomic_init(&f->fresh, fresh);
  f->fd = fd;
  f->path = path;
  return f;
}

struct synced_file *synced_file_ref(struct synced_file *f) {
  atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed); /* the caller has one already */
  return f;
}

void synced_file_unref(struct synced_file *f) {
  if (f == NULL || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) > 1) return;
  close(f->fd);
  free(f->path);
  free(f);
}

static int directory_sync(const char *path) {
  char directory[PATH_MAX];
  const char *slash = strrchr(path, '/');
  snprintf(directory, sizeof directory, "%.*s",
           slash == NULL   ? 1
           : slash == path ? 1
                           : (int)(slash - path),
           slash == NULL ? "." : path);
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  int rc = fsync(fd), saved = errno;
  close(fd);
  errno = saved;
  return rc;
}

static int file_sync(struct synced_file *f) {
  if (fdatasync(f->fd) != 0 && errno != EINVAL && errno != EROFS) return -1; /* those: not a disk */
  if (!atomic_exchange_explicit(&f->fresh, false, memory_order_relaxed)) return 0;
  return directory_sync(f->path) != 0 && errno != EINVAL ? -1 : 0;
}

static void job_do(struct sync_job *job) {
  char failure[300] = "";
  for (size_t i = 0; i < job->count; i++) {
    if (failure[0] == 0 && file_sync(job->file[i]) != 0)
      snprintf(failure, sizeof failure, "cannot sync %s: %s", job->file[i]->path, strerror(errno));
    synced_file_unref(job->file[i]);
  }
  owner_tell(job->owner, job->epoch, failure[0] != 0 ? failure : NULL);
  owner_unref(job->owner);
  free(job);
}

static void jobs_do(struct syncer *s) {
  struct sync_job *list = atomic_exchange_explicit(&s->head, NULL, memory_order_acquire), *first = NULL;
  while (list != NULL) { /* the oldest first */
    struct sync_job *next = list->next;
    list->next = first;
    first = list;
    list = next;
  }
  while (first != NULL) {
    struct sync_job *next = first->next;
    job_do(first);
    first = next;
  }
}

static void *syncer_run(void *own) {
  struct syncer *s = own;
  uint64_t times;
  for (;;) {
    bool stop =
        atomic_load_explicit(&s->stop, memory_order_acquire); /* pairs with syncer_stop: jobs before it are seen */
    jobs_do(s);
    if (stop) return NULL;
    while (read(s->wake, &times, sizeof times) < 0 && errno == EINTR) continue;
  }
}

static void syncer_wake(struct syncer *s) {
  uint64_t one = 1;
  while (write(s->wake, &one, sizeof one) < 0 && errno == EINTR) continue;
}

struct syncer *syncer_start(struct spate_error *err) {
  struct syncer *s = calloc(1, sizeof *s);
  if (s == NULL) {
    spate_fail(err, "out of memory");
    return NULL;
  }
  s->wake = eventfd(0, EFD_CLOEXEC);
  if (s->wake >= 0 && pthread_create(&s->thread, NULL, syncer_run, s) == 0) return s;
  spate_fail(err, "cannot start a thread: %s", strerror(errno));
  if (s->wake >= 0) close(s->wake);
  free(s);
  return NULL;
}

void syncer_push(struct syncer *s, struct sync_job *job) {
  atomic_fetch_add_explicit(&job->owner->refs, 1, memory_order_relaxed); /* the writer has one */
  job->next = atomic_load_explicit(&s->head, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&s->head, &job->next, job, memory_order_release, memory_order_relaxed))
    continue;
  syncer_wake(s);
}

void syncer_stop(struct syncer *s) {
  if (s == NULL) return;
  atomic_store_explicit(&s->stop, true, memory_order_release);
  syncer_wake(s);
  pthread_join(s->thread, NULL);
  close(s->wake);
  free(s);
}
