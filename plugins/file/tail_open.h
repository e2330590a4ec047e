/* tail_open: which file a tail reads next, from where, and how it is known again. */
#ifndef FILE_TAIL_OPEN_H
#define FILE_TAIL_OPEN_H
#include "tail.h"

/* Brings id up to date, by the first bytes up to `offset` (at most a KiB). */
void tail_identify(struct tail *t, uint64_t offset);
/* From here on the stream begins at offset (packed files: once they are read up to there). */
int tail_seek(struct tail *t, uint64_t offset, int64_t line, struct spate_error *err);
/* After a rotated file: the next one. 0: it is open; 1: there is none yet; -1: err. */
int tail_open_next(struct tail *t, struct spate_error *err);
void tail_close(struct tail *t);
#endif
