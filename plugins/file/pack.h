/* pack: bytes compressed as they are written: gzip members or zstd frames, one for each epoch that wrote something, so
 * that what is synced can be unpacked whatever comes after it. */
#ifndef FILE_PACK_H
#define FILE_PACK_H
#include "spate.h"
#include "unpack.h"

struct pack;
struct pack *pack_new(enum pack_kind kind); /* not PACK_NONE; NULL: no memory */
void pack_free(struct pack *pack);
/* Appends the packed form of bytes to out; `end` ends the member. -1: no memory. */
int pack_put(struct pack *pack, const char *bytes, size_t size, bool end, struct spate_buffer *out) SPATE_CHECKED;
#endif
