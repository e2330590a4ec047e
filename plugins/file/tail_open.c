/*
 * tail_open: a saved place is one in a file, which may have been renamed, truncated or replaced since. The rule:
 * the same device, inode and beginning, and not shorter: it is that file. Another inode but the same whole KiB at its
 * beginning: a copy of it (an editor or a restore made it). Else it is another file: one that follows looks for the old
 * one among the rotated names first, and everything is read from the start.
 */
#include "tail_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "rotated.h"

#define HASH_BYTES 1024u

/* The hash of the first `size` bytes; false: they are not there. */
static bool file_hash(int fd, uint32_t size, uint64_t *hash) {
  char bytes[HASH_BYTES];
  size_t have = 0;
  while (have < size) {
    ssize_t n = pread(fd, bytes + have, size - have, (off_t)have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    have += (size_t)n;
  }
  *hash = XXH3_64bits(bytes, size);
  return true;
}

void tail_identify(struct tail *t, uint64_t offset) {
  struct stat st;
  if (t->id.hashed == HASH_BYTES) return;
  if (t->kind != PACK_NONE) offset = fstat(t->fd, &st) == 0 ? (uint64_t)st.st_size : 0; /* it does not grow */
  uint32_t size = offset < HASH_BYTES ? (uint32_t)offset : HASH_BYTES;
  uint64_t hash;
  if (size > t->id.hashed && file_hash(t->fd, size, &hash)) {
    t->id.hash = hash;
    t->id.hashed = size;
  }
}

void tail_close(struct tail *t) {
  if (t->fd >= 0) close(t->fd);
  t->fd = -1;
  unpack_free(t->unpack);
  t->unpack = NULL;
  spate_stream_free(t->stream);
  t->stream = NULL;
}

/* A byte order mark is no part of the first line. */
static uint64_t bom_size(int fd) {
  char bytes[3];
  return pread(fd, bytes, 3, 0) == 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

int tail_seek(struct tail *t, uint64_t offset, int64_t line, struct spate_error *err) {
  spate_stream_free(t->stream);
  unpack_free(t->unpack);
  t->stream = spate_stream_new(t->rules->quoted ? SPATE_STREAM_QUOTED_LINES : SPATE_STREAM_LINES, t->rules->max_line);
  t->unpack = unpack_new(t->kind, t->fd);
  if (t->unpack == NULL || t->stream == NULL) return spate_fail(err, "out of memory");
  t->skipped = 0;
  t->line = line;
  t->skip_to = 0;
  t->base = offset;
  if (offset == 0) t->header_length = UINT32_MAX; /* not read yet */
  if (t->kind != PACK_NONE) {
    t->skip_to = offset;
    offset = t->base = 0;
  } else if (offset == 0) {
    t->base = offset = bom_size(t->fd);
  }
  t->read_at = offset;
  if (lseek(t->fd, (off_t)offset, SEEK_SET) < 0)
    return spate_fail(err, "%s: cannot go to byte %llu: %s", t->path, (unsigned long long)offset, strerror(errno));
  return 0;
}

/* Takes fd over and begins at start: at its place, or (to read the header first) at the beginning. */
static int tail_take(struct tail *t, int fd, struct spate_error *err) {
  struct stat st;
  tail_close(t);
  t->fd = fd;
  if (fstat(fd, &st) != 0) return spate_fail(err, "%s: %s", t->path, strerror(errno));
  if (!S_ISREG(st.st_mode)) return spate_fail(err, "%s is not a regular file", t->path);
  t->id = t->start.given ? t->start.id : (struct file_id){0};
  t->id.dev = st.st_dev;
  t->id.ino = st.st_ino;
  t->quiet = 0;
  t->state = TAIL_READING;
  bool direct = t->start.given && !t->rules->want_header;
  t->header_length = UINT32_MAX;
  return direct ? tail_seek(t, t->start.offset, t->start.line, err) : tail_seek(t, 0, 0, err);
}

static bool same_beginning(int fd, const struct file_id *id) {
  uint64_t hash;
  return id->hashed == 0 || (file_hash(fd, id->hashed, &hash) && hash == id->hash);
}

/* Whether the saved place is one in this file. */
static bool start_fits(const struct tail *t, int fd, const struct stat *st) {
  const struct file_id *id = &t->start.id;
  bool same = st->st_dev == id->dev && st->st_ino == id->ino;
  if (!same && id->hashed < HASH_BYTES) return false;
  if (t->kind == PACK_NONE && (uint64_t)st->st_size < t->start.offset) return false;
  return same_beginning(fd, id);
}

/* The file of the saved place under another name; -1: nowhere. */
static int find_rotated(struct tail *t) {
  int fd = t->rules->follow ? rotated_open(t->path, t->start.id.dev, t->start.id.ino) : -1;
  if (fd >= 0 && same_beginning(fd, &t->start.id)) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static int open_failed(struct tail *t, struct spate_error *err) {
  if (errno == EMFILE || errno == ENFILE) {
    spate_log(&t->rules->where, SPATE_LOG_WARN, "no descriptors are left to open files: waiting for some");
    return 1;
  }
  return spate_fail(err, "cannot open %s: %s", t->path, strerror(errno));
}

int tail_open(struct tail *t, struct spate_error *err) {
  int fd = open(t->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), old = -1;
  struct stat st;
  bool gone = fd < 0 && errno == ENOENT && t->start.given;
  if (fd < 0 && !gone) return open_failed(t, err);
  if (fd >= 0 && fstat(fd, &st) != 0) memset(&st, 0, sizeof st);
  t->rotated = false;
  if (t->start.given && (gone || !start_fits(t, fd, &st))) {
    old = find_rotated(t);
    if (old >= 0) {
      t->rotated = true; /* also when nothing has the name now: it will */
    } else if (gone && t->start.finished && !t->rules->follow) {
      t->state = TAIL_FINISHED;
      return 0;
    } else if (gone) {
      return spate_fail(err, "%s, which was read before, is gone", t->path);
    } else {
      bool same = st.st_dev == t->start.id.dev && st.st_ino == t->start.id.ino;
      spate_log(&t->rules->where, SPATE_LOG_WARN, "%s %s: reading it from the start", t->path,
                same ? "was truncated or written anew" : "is another file than the one that was read before");
      t->start = (struct tail_start){0};
    }
  }
  if (old >= 0 && fd >= 0) close(fd);
  return tail_take(t, old >= 0 ? old : fd, err);
}

int tail_open_next(struct tail *t, struct spate_error *err) {
  struct stat old;
  if (fstat(t->fd, &old) != 0) return spate_fail(err, "%s: %s", t->path, strerror(errno));
  int fd = rotated_open_after(t->path, &old);
  bool between = fd >= 0;
  if (!between) fd = open(t->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && (errno == ENOENT || errno == EMFILE || errno == ENFILE)) {
    t->quiet = 0; /* asked again after as many polls */
    return 1;
  }
  if (fd < 0) return spate_fail(err, "cannot open %s: %s", t->path, strerror(errno));
  spate_log(&t->rules->where, SPATE_LOG_INFO, "%s was rotated: the old file is read to its end, going on with the new",
            t->path);
  t->start = (struct tail_start){0};
  t->rotated = between;
  return tail_take(t, fd, err);
}
