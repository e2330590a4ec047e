/*
 * syncer: the thread of a file sink that makes written files durable, since a worker must not wait for a disk.
 *
 * A writer that prepares an epoch hands over the files it wrote; when they are synced (and, for new ones, their
 * directories), the task is told that the epoch is prepared. So an epoch is committed only when its output would
 * survive a loss of power.
 */
#ifndef FILE_SYNCER_H
#define FILE_SYNCER_H
#include <stdatomic.h>

#include "spate.h"

struct synced_file { /* closed when the last reference goes */
  _Atomic uint32_t refs;
  int fd;
  _Atomic bool fresh; /* its directory has to be synced too; set by the writer, taken by the syncer */
  char *path;
};
struct synced_file *synced_file_new(int fd, char *path,
                                    bool fresh); /* takes both; NULL: no memory, and nothing is taken */
struct synced_file *synced_file_ref(struct synced_file *file);
void synced_file_unref(struct synced_file *file);

struct sync_owner; /* who is to be told; outlives the task, which may be torn down while its files are synced */
struct sync_owner *sync_owner_new(struct spate_task *task);
void sync_owner_leave(struct sync_owner *owner); /* from here on the task is told nothing; waits for no disk */

struct sync_job { /* allocated by the writer, freed by the syncer */
  struct sync_job *next;
  struct sync_owner *owner; /* a reference is taken by syncer_push */
  uint64_t epoch;
  size_t count;
  struct synced_file *file[];
};
struct syncer;
struct syncer *syncer_start(struct spate_error *err);
void syncer_push(struct syncer *syncer, struct sync_job *job); /* worker */
void syncer_stop(struct syncer *syncer);                       /* after what was pushed is done */
#endif
