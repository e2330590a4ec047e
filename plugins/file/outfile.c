/* outfile: see outfile.h. */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "beneath.h"

#define FLUSH_BYTES ((size_t)256 * 1024)

/* "a/b.json.gz" and 2: "a/b.2.json.gz"; 0: as it is. */
static void numbered(char *out, size_t room, const char *name, uint32_t number) {
  const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
  const char *dot = base[0] != 0 ? strchr(base + 1, '.') : NULL;
  size_t stem = dot != NULL ? (size_t)(dot - name) : strlen(name);
  if (number == 0)
    snprintf(out, room, "%s", name);
  else
    snprintf(out, room, "%.*s.%u%s", (int)stem, name, number, name + stem);
}

static char *full_path(const struct outfile_rules *rules, const char *name) {
  size_t n = strlen(rules->root) + strlen(name) + 1;
  char *path = malloc(n);
  if (path != NULL) snprintf(path, n, "%s%s", rules->root, name);
  return path;
}

/* How much of a plain file is whole lines: looked for from its end. */
static off_t lines_whole(int fd, off_t size) {
  char bytes[64 * 1024];
  while (size > 0) {
    size_t n = size < (off_t)sizeof bytes ? (size_t)size : sizeof bytes;
    if (pread(fd, bytes, n, size - (off_t)n) != (ssize_t)n) return -1;
    const char *nl = memrchr(bytes, '\n', n);
    if (nl != NULL) return size - (off_t)n + (nl + 1 - bytes);
    size -= (off_t)n;
  }
  return 0;
}

/* Cuts away what a crash left half written; the place is the end then. */
static int file_mend(int fd, const char *name, off_t size, struct spate_error *err) {
  enum pack_kind kind = pack_kind_of(name);
  off_t whole = kind == PACK_NONE ? lines_whole(fd, size) : unpack_whole(kind, fd, err);
  if (whole < 0) return spate_fail_environment(err, "cannot read the end of %s: %s", name, strerror(errno));
  if (whole < size && ftruncate(fd, whole) != 0)
    return spate_fail_environment(err, "cannot cut %s: %s", name, strerror(errno));
  return lseek(fd, whole, SEEK_SET) < 0 ? spate_fail(err, "%s: %s", name, strerror(errno)) : 0;
}

/* The file is open: by the rules it is gone on with, emptied, or an error. */
static int file_begin(const struct outfile_rules *rules, const char *name, int fd, bool known, struct stat *st,
                      struct spate_error *err) {
  if (fstat(fd, st) != 0) return spate_fail(err, "%s%s: %s", rules->root, name, strerror(errno));
  if (S_ISCHR(st->st_mode)) st->st_size = 0; /* /dev/null */
  if (!S_ISREG(st->st_mode) && !S_ISCHR(st->st_mode))
    return spate_fail(err, "%s%s is not a regular file", rules->root, name);
  if (st->st_size == 0) return 0;
  if (known) return lseek(fd, 0, SEEK_END) < 0 ? spate_fail(err, "%s: %s", name, strerror(errno)) : 0;
  if (rules->go_on) {
    off_t size = st->st_size;
    if (file_mend(fd, name, size, err) != 0 || fstat(fd, st) != 0) return -1;
    return 0;
  }
  if (!rules->replace) {
    err->fatal = true;
    spate_fail(err, "%s%s exists already: write if_exists: append or replace, or another path", rules->root, name);
    err->fatal = true;
    return -1;
  }
  if (ftruncate(fd, 0) != 0)
    return spate_fail_environment(err, "cannot empty %s%s: %s", rules->root, name, strerror(errno));
  st->st_size = 0;
  return 0;
}

/* The highest number that is there; with `fresh` the first that is not. */
static uint32_t number_find(const struct outfile_rules *rules, const char *name, uint32_t from, bool fresh) {
  char part[PATH_MAX];
  uint32_t n = from;
  for (;; n++) {
    numbered(part, sizeof part, name, n);
    char *path = full_path(rules, part);
    bool there = path != NULL && access(path, F_OK) == 0;
    free(path);
    if (!there) break;
  }
  return fresh || n == 0 ? n : n - 1;
}

static int outfile_start(struct outfile *f, const struct outfile_rules *rules, bool known, int64_t now,
                         struct spate_error *err) {
  char part[PATH_MAX];
  struct stat st;
  numbered(part, sizeof part, f->name, f->number);
  int fd = beneath_open(rules->root, part, strchr(part, '/') != NULL ? O_NOFOLLOW | O_NONBLOCK : O_NONBLOCK);
  if (fd < 0) return spate_fail_environment(err, "cannot open %s%s: %s", rules->root, part, strerror(errno));
  char *path = file_begin(rules, part, fd, known, &st, err) == 0 ? full_path(rules, part) : NULL;
  f->file = path != NULL ? synced_file_new(fd, path, st.st_size == 0) : NULL;
  if (f->file == NULL) {
    if (path != NULL) spate_fail(err, "out of memory");
    free(path);
    close(fd);
    return -1;
  }
  f->size = (uint64_t)st.st_size;
  f->born_us = st.st_size > 0 ? (int64_t)st.st_mtim.tv_sec * 1000000 : now;
  f->dirty = f->packing = false;
  enum pack_kind kind = pack_kind_of(part);
  if (kind != PACK_NONE && f->pack == NULL && (f->pack = pack_new(kind)) == NULL)
    return spate_fail(err, "out of memory");
  if (f->size == 0 && rules->head_length > 0 && outfile_put(f, rules->head, rules->head_length) != 0)
    return spate_fail(err, "out of memory");
  return 0;
}

struct outfile *outfile_open(const struct outfile_rules *rules, const char *name, bool known, int64_t now,
                             struct spate_error *err) {
  struct outfile *f = calloc(1, sizeof *f);
  if (f == NULL || (f->name = strdup(name)) == NULL) {
    free(f);
    spate_fail(err, "out of memory");
    return NULL;
  }
  f->hash = XXH3_64bits(name, strlen(name));
  f->pending = spate_buffer_new(FLUSH_BYTES);
  if (rules->rotates && (known || rules->go_on)) f->number = number_find(rules, name, 0, false);
  if (outfile_start(f, rules, known, now, err) == 0) return f;
  outfile_free(f);
  return NULL;
}

void outfile_free(struct outfile *f) {
  if (f == NULL) return;
  synced_file_unref(f->file);
  pack_free(f->pack);
  spate_buffer_unref(f->pending);
  free(f->name);
  free(f);
}

int outfile_put(struct outfile *f, const char *bytes, size_t size) {
  size_t before = f->pending->size;
  f->dirty = true;
  if (f->pack != NULL) {
    f->packing = true;
    if (pack_put(f->pack, bytes, size, false, f->pending) != 0) return -1;
  } else if (spate_buffer_append(f->pending, bytes, size) != 0) {
    return -1;
  }
  f->size += f->pending->size - before;
  return 0;
}

int outfile_end(struct outfile *f) {
  if (!f->packing) return 0;
  size_t before = f->pending->size;
  if (pack_put(f->pack, NULL, 0, true, f->pending) != 0) return -1;
  f->size += f->pending->size - before;
  f->packing = false;
  return 0;
}

enum spate_result outfile_flush(struct outfile *f, struct spate_error *err) {
  while (f->at < f->pending->size) {
    ssize_t n = write(f->file->fd, f->pending->data + f->at, f->pending->size - f->at);
    if (n > 0) f->at += (size_t)n;
    if (n >= 0 || errno == EINTR) continue;
    if (errno == ENOSPC || errno == EDQUOT) return SPATE_BLOCKED;
    spate_fail_environment(err, "cannot write to %s: %s", f->file->path, strerror(errno));
    return SPATE_FAIL;
  }
  f->at = f->pending->size = 0;
  return SPATE_OK;
}

int outfile_rotate(struct outfile *f, const struct outfile_rules *rules, int64_t now, struct spate_error *err) {
  synced_file_unref(f->file);
  f->file = NULL;
  f->number = number_find(rules, f->name, f->number + 1, true);
  return outfile_start(f, rules, false, now, err);
}
