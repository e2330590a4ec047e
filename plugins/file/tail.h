/*
 * tail: one file being read, which is one partition: its identity, its place, what happens at its end.
 *
 * A file is its device, inode and beginning (a hash of up to the first KiB), not its name: so a file that was renamed
 * by log rotation is read to its end before the new one of that name is begun, also when the renaming happened while we
 * were not running, and a file that was truncated or replaced is begun again.
 */
#ifndef FILE_TAIL_H
#define FILE_TAIL_H
#include "spate.h"
#include "unpack.h"

struct tail_rules { /* the same for all files of a source */
  struct spate_where where;
  bool follow;  /* more may come at the end */
  bool bounded; /* but only what is there now is taken */
  bool quoted, want_header;
  size_t max_line;
};
enum tail_state { TAIL_WAITING /* not open */, TAIL_READING, TAIL_CAUGHT_UP, TAIL_FINISHED };
struct file_id {
  uint64_t dev, ino;
  uint64_t hash; /* of the first `hashed` bytes */
  uint32_t hashed;
};
struct tail_start { /* where to begin; all zero: at the beginning */
  bool given, finished;
  struct file_id id;
  uint64_t offset; /* unpacked */
  int64_t line;    /* lines before it */
};

struct tail {
  const struct tail_rules *rules;
  const char *path;
  struct tail *next; /* in the queue of its reader */
  uint32_t partition;
  enum tail_state state;
  struct tail_start start; /* as assigned; after the end: the end */
  struct file_id id;
  enum pack_kind kind;
  int fd;
  bool rotated;       /* the file has lost its name: the one that has it now comes next */
  uint32_t quiet;     /* polls without news since that was seen */
  uint64_t limit_ino; /* bounded: that file ends at limit */
  uint64_t limit;
  uint64_t base;    /* offset at which the stream began */
  uint64_t read_at; /* bytes read from the file (unpacked) */
  uint64_t skip_to; /* packed: bytes up to there are read over */
  int64_t line;     /* lines given or left out */
  uint64_t skipped; /* lines left out, as logged */
  struct unpack *unpack;
  struct spate_stream *stream;
  char *header, *old_header; /* payloads under way may still point to the one before */
  uint32_t header_length;
};

#define TAIL_POSITION_BYTES 54
struct tail *tail_new(const struct tail_rules *rules, const char *path);
void tail_free(struct tail *tail);
int tail_start_parse(struct tail_start *start, struct spate_bytes position, struct spate_error *err);
/* Where the next pull would begin. */
int tail_position(struct tail *tail, struct spate_buffer *out, struct spate_error *err);
/* 0: open, reading; 1: not now (no descriptors are left); -1: err. */
int tail_open(struct tail *tail, struct spate_error *err);
/* OK (the count may be 0), IDLE: caught up; END: finished and closed; FAIL. */
enum spate_result tail_pull(struct tail *tail, uint32_t max, struct spate_payloads *out, struct spate_error *err);
/* A caught-up tail, several times a second: whether there is something to pull. */
bool tail_poll(struct tail *tail);
#define TAIL_QUIET_POLLS 8 /* a writer may still hold the old file for a moment */
#endif
