/* unpack: the bytes of a file, plain, gzip (any number of members) or zstd, by the end of its name. */
#ifndef FILE_UNPACK_H
#define FILE_UNPACK_H
#include <sys/types.h>

#include "spate.h"

enum pack_kind { PACK_NONE, PACK_GZIP, PACK_ZSTD };
enum pack_kind pack_kind_of(const char *path); /* ".gz", ".zst" */

struct unpack;
/* Reads from fd's place on; the descriptor stays the caller's. NULL: no memory. */
struct unpack *unpack_new(enum pack_kind kind, int fd);
void unpack_free(struct unpack *unpack);
/* Bytes written to `to`; 0: the end; -1: err says why. */
ssize_t unpack_read(struct unpack *unpack, char *to, size_t room, struct spate_error *err);
/* How many bytes at the beginning of fd are whole members (what a crash left behind them is of no use). -1: err. */
off_t unpack_whole(enum pack_kind kind, int fd, struct spate_error *err);
#endif
