/* scribe: a pipeline's thread for what blocks: syncs, renames, opening and closing of the ends, tables, commits. Work
 * is done in order; its end is told to main by a note. */
#include "../base/mem.h"
#include "internal.h"

static struct scribe_work *scribe_next(struct job *job) {
  pthread_mutex_lock(&job->scribe_lock);
  while (job->scribe_first == NULL && !job->scribe_stop) pthread_cond_wait(&job->scribe_wake, &job->scribe_lock);
  struct scribe_work *w = job->scribe_first;
  if (w != NULL && (job->scribe_first = w->next) == NULL) job->scribe_last = &job->scribe_first;
  pthread_mutex_unlock(&job->scribe_lock);
  return w;
}

static void *scribe_main(void *own) {
  struct job *job = own;
  struct scribe_work *w;
  while ((w = scribe_next(job)) != NULL) {
    w->run(job, w);
    struct job_note *note = MEM_NEW(struct job_note);
    note->kind = NOTE_SCRIBE;
    note->work = w;
    job_post(job, note);
  }
  return NULL;
}

void scribe_start(struct job *job) {
  pthread_mutex_init(&job->scribe_lock, NULL);
  pthread_cond_init(&job->scribe_wake, NULL);
  job->scribe_last = &job->scribe_first;
  if (pthread_create(&job->scribe, NULL, scribe_main, job) != 0) return;
  pthread_setname_np(job->scribe, "scribe");
  job->scribe_started = true;
}

void scribe_post(struct job *job, struct scribe_work *w) {
  w->next = NULL;
  pthread_mutex_lock(&job->scribe_lock);
  *job->scribe_last = w;
  job->scribe_last = &w->next;
  pthread_cond_signal(&job->scribe_wake);
  pthread_mutex_unlock(&job->scribe_lock);
}

void scribe_join(struct job *job) {
  if (!job->scribe_started) return;
  pthread_mutex_lock(&job->scribe_lock);
  job->scribe_stop = true;
  pthread_cond_signal(&job->scribe_wake);
  pthread_mutex_unlock(&job->scribe_lock);
  pthread_join(job->scribe, NULL);
  pthread_mutex_destroy(&job->scribe_lock);
  pthread_cond_destroy(&job->scribe_wake);
  job->scribe_started = false;
}
