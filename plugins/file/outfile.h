/*
 * outfile: one file that a sink writes: opened by the rules of if_exists, appended to through a buffer, packed if its
 * name says so, numbered on when it is rotated.
 *
 * A crash may leave half a line, or half a compressed member, at the end. Those rows will come again, so a file that is
 * gone on with is first cut back to its last whole line or member.
 */
#ifndef FILE_OUTFILE_H
#define FILE_OUTFILE_H
#include "pack.h"
#include "syncer.h"

struct outfile_rules {
  const char *root; /* "dir/", "/" or "" */
  const char *head; /* stands at the beginning of each file */
  uint32_t head_length;
  bool go_on;   /* append to what is there */
  bool replace; /* drop what is there */
  bool rotates; /* files are numbered: NAME, then with .1, .2 before the first dot of its ending */
};
struct outfile {
  struct outfile *next; /* in the writer's list, the last used first */
  char *name;           /* below the root, without number */
  uint64_t hash;        /* of the name */
  uint32_t number;
  struct synced_file *file;
  struct pack *pack;
  struct spate_buffer *pending; /* bytes for the file */
  size_t at;                    /* of them are written */
  uint64_t size;                /* of the file, with what is pending */
  int64_t born_us;
  bool packing; /* a member has begun */
  bool dirty;   /* written since it was handed to the syncer */
};
#define OUTFILE_BOUND ((size_t)1024 * 1024) /* pending beyond this: no more rows until it is written */

/* known: this run has written to that name before, so that it is gone on with whatever the rules say. NULL: err. */
struct outfile *outfile_open(const struct outfile_rules *rules, const char *name, bool known, int64_t now,
                             struct spate_error *err);
int outfile_put(struct outfile *f, const char *bytes, size_t size) SPATE_CHECKED;
int outfile_end(struct outfile *f) SPATE_CHECKED; /* ends the member, if one has begun */
/* OK: nothing is pending; BLOCKED: the disk is full; FAIL. */
enum spate_result outfile_flush(struct outfile *f, struct spate_error *err);
/* Closes this file and opens the one of the next number under the same name. */
int outfile_rotate(struct outfile *f, const struct outfile_rules *rules, int64_t now, struct spate_error *err);
void outfile_free(struct outfile *f);
#endif
