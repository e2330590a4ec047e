/*
 * threads: only in builds with the thread sanitizer. librdkafka makes its threads and locks with C11's calls, which
 * that sanitizer does not know: a thread made so crashes at its first intercepted call. Here those calls are led to
 * their POSIX twins, which it does know; in glibc both work on the same objects. Other builds hold nothing of this.
 */
#include "client.h"

#ifdef __SANITIZE_THREAD__
#include <errno.h>
#include <stdlib.h>
#include <threads.h>

int kafka_threads_are_posix(void) { return 1; } /* named by client.c, so that a linker takes this file along */

struct start {
  thrd_start_t run;
  void *own;
};

static void *start_run(void *own) {
  struct start s = *(struct start *)own;
  free(own);
  return (void *)(intptr_t)s.run(s.own);
}

int thrd_create(thrd_t *thread, thrd_start_t run, void *own) {
  struct start *s = malloc(sizeof *s);
  if (s == NULL) return thrd_nomem;
  *s = (struct start){run, own};
  if (pthread_create((pthread_t *)thread, NULL, start_run, s) == 0) return thrd_success;
  free(s);
  return thrd_error;
}

int thrd_join(thrd_t thread, int *result) {
  void *value;
  if (pthread_join((pthread_t)thread, &value) != 0) return thrd_error;
  if (result != NULL) *result = (int)(intptr_t)value;
  return thrd_success;
}

int mtx_init(mtx_t *m, int type) {
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  if (type & mtx_recursive) pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
  int code = pthread_mutex_init((pthread_mutex_t *)m, &attr);
  pthread_mutexattr_destroy(&attr);
  return code == 0 ? thrd_success : thrd_error;
}
void mtx_destroy(mtx_t *m) { pthread_mutex_destroy((pthread_mutex_t *)m); }
int mtx_lock(mtx_t *m) { return pthread_mutex_lock((pthread_mutex_t *)m) == 0 ? thrd_success : thrd_error; }
int mtx_unlock(mtx_t *m) { return pthread_mutex_unlock((pthread_mutex_t *)m) == 0 ? thrd_success : thrd_error; }

int cnd_init(cnd_t *c) { return pthread_cond_init((pthread_cond_t *)c, NULL) == 0 ? thrd_success : thrd_error; }
void cnd_destroy(cnd_t *c) { pthread_cond_destroy((pthread_cond_t *)c); }
int cnd_signal(cnd_t *c) { return pthread_cond_signal((pthread_cond_t *)c) == 0 ? thrd_success : thrd_error; }
int cnd_broadcast(cnd_t *c) { return pthread_cond_broadcast((pthread_cond_t *)c) == 0 ? thrd_success : thrd_error; }
int cnd_wait(cnd_t *c, mtx_t *m) {
  return pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m) == 0 ? thrd_success : thrd_error;
}
int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until) {
  int code = pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until);
  return code == 0 ? thrd_success : code == ETIMEDOUT ? thrd_timedout : thrd_error;
}
#endif
