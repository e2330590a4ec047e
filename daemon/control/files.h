/* files: the state directory: made where it is missing, and locked, so that one process alone works in it. */
#ifndef CONTROL_FILES_H
#define CONTROL_FILES_H
#include "../api/spate.h"

int files_make(const char *directory, struct spate_error *err);
/* The descriptor that holds the lock for as long as it is open, or -1. */
int files_lock(const char *directory, struct spate_error *err);

#endif
