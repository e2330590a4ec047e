/*
 * beneath: file names made from records, which must not lead out of the directory that the user named.
 *
 * The root is the part of the template before anything that is filled in, up to its last slash. Below it every
 * component is opened on its own, symbolic links are not followed, and '.', '..' and empty components are refused: what
 * openat2(RESOLVE_BENEATH) gives, on every kernel.
 */
#ifndef FILE_BENEATH_H
#define FILE_BENEATH_H
#include "spate.h"

/* The root of the names that the template can give, as "dir/", "/" or "". -1: err. The caller frees it. */
int beneath_root(const struct spate_template *path, const struct spate_schema *schema, char **root,
                 struct spate_error *err);
/* Makes a directory and those above it. */
int beneath_make(const char *directory, struct spate_error *err);
/* Whether a name below the root is one that may be opened. */
bool beneath_allowed(const char *name, size_t size);
/* Opens name below root for reading and writing, makes it and its directories where they are missing. -1: errno. */
int beneath_open(const char *root, const char *name, int flags);
#endif
