/*
 * rotated: see rotated.h. A file is looked for by inode under any name that begins with the old one; but what comes
 * after it only under names that log rotation gives (a dot or a dash and digits), so that a copy is not read as news.
 */
#include "rotated.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static DIR *directory_of(const char *path, const char **name) {
  char directory[PATH_MAX];
  const char *slash = strrchr(path, '/');
  *name = slash != NULL ? slash + 1 : path;
  if (slash == NULL) return opendir(".");
  snprintf(directory, sizeof directory, "%.*s", slash == path ? 1 : (int)(slash - path), path);
  return opendir(directory);
}

static int open_beside(DIR *d, const char *name, struct stat *st) {
  int fd = openat(dirfd(d), name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -1;
  if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)) return fd;
  close(fd);
  return -1;
}

int rotated_open(const char *path, uint64_t dev, uint64_t ino) {
  const char *name;
  struct dirent *entry;
  int found = -1;
  DIR *d = directory_of(path, &name);
  if (d == NULL) return -1;
  while (found < 0 && (entry = readdir(d)) != NULL) {
    if (entry->d_ino != ino || strncmp(entry->d_name, name, strlen(name)) != 0) continue;
    struct stat st;
    found = open_beside(d, entry->d_name, &st);
    if (found >= 0 && (st.st_dev != dev || st.st_ino != ino)) {
      close(found);
      found = -1;
    }
  }
  closedir(d);
  return found;
}

/* "app.log.12", "app.log-20260102" */
static bool rotation_name(const char *entry, const char *name) {
  size_t n = strlen(name);
  if (strncmp(entry, name, n) != 0 || (entry[n] != '.' && entry[n] != '-')) return false;
  const char *digits = entry + n + 1;
  return digits[0] != 0 && digits[strspn(digits, "0123456789")] == 0;
}

static bool time_before(const struct timespec *a, const struct timespec *b) {
  return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

int rotated_open_after(const char *path, const struct stat *old) {
  const char *name;
  struct dirent *entry;
  struct stat best = {0};
  int found = -1;
  DIR *d = directory_of(path, &name);
  if (d == NULL) return -1;
  while ((entry = readdir(d)) != NULL) {
    struct stat st;
    int fd = rotation_name(entry->d_name, name) ? open_beside(d, entry->d_name, &st) : -1;
    if (fd < 0) continue;
    bool later = st.st_ino != old->st_ino && time_before(&old->st_mtim, &st.st_mtim);
    if (later && (found < 0 || time_before(&st.st_mtim, &best.st_mtim))) {
      if (found >= 0) close(found);
      found = fd;
      best = st;
    } else {
      close(fd);
    }
  }
  closedir(d);
  return found;
}
