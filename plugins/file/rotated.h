/* rotated: finding a file that has lost its name to log rotation: app.log is app.log.1 or app.log-20260102 now. */
#ifndef FILE_ROTATED_H
#define FILE_ROTATED_H
#include <sys/stat.h>

#include "spate.h"

/* Opens the file beside `path`, of a name that begins with its name, that has this inode. -1: there is none. */
int rotated_open(const char *path, uint64_t dev, uint64_t ino);
/* Opens the next file to read after `old`: the oldest rotated one that was written after it; -1: there is none, and
 * `path` itself comes next. */
int rotated_open_after(const char *path, const struct stat *old);
#endif
