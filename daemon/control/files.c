/* files: see files.h. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int files_make(const char *directory, struct spate_error *err) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s", directory) >= (int)sizeof path)
    return spate_fail(err, "the name of the directory is too long");
  for (char *p = path + 1;; p++) {
    if (*p != '/' && *p != 0) continue;
    char c = *p;
    *p = 0;
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
      return spate_fail(err, "cannot make the directory '%s': %s", path, strerror(errno));
    *p = c;
    if (c == 0) break;
  }
  struct stat st;
  if (stat(directory, &st) == 0 && S_ISDIR(st.st_mode)) return 0;
  return spate_fail(err, "'%s' is not a directory", directory);
}

int files_lock(const char *directory, struct spate_error *err) {
  char path[4096];
  if (files_make(directory, err) != 0) return -1;
  snprintf(path, sizeof path, "%s/lock", directory);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return spate_fail(err, "cannot open '%s': %s", path, strerror(errno));
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK)
    spate_fail(err, "another process works in '%s'", directory);
  else
    spate_fail(err, "cannot lock '%s': %s", path, strerror(errno));
  close(fd);
  return -1;
}
