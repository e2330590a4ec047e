/*
 * unpack: see unpack.h. One state for the three kinds; the packed bytes come through one buffer. A packed file that
 * ends in the middle of a member is an error: what is missing would be lost without a word.
 */
#include "unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define PACKED_BYTES ((size_t)128 * 1024)

struct unpack {
  enum pack_kind kind;
  int fd;
  bool inside; /* a member has begun and not ended */
  bool eof;
  z_stream gz;
  ZSTD_DStream *zst;
  uint64_t taken; /* packed bytes used */
  size_t at, end;
  unsigned char packed[PACKED_BYTES];
};

enum pack_kind pack_kind_of(const char *path) {
  size_t n = strlen(path);
  if (n > 3 && strcmp(path + n - 3, ".gz") == 0) return PACK_GZIP;
  if (n > 4 && strcmp(path + n - 4, ".zst") == 0) return PACK_ZSTD;
  return PACK_NONE;
}

struct unpack *unpack_new(enum pack_kind kind, int fd) {
  struct unpack *u = calloc(1, sizeof *u);
  if (u == NULL) return NULL;
  u->kind = kind;
  u->fd = fd;
  bool good = true;
  if (kind == PACK_GZIP) good = inflateInit2(&u->gz, 15 + 32) == Z_OK;
  if (kind == PACK_ZSTD) good = (u->zst = ZSTD_createDStream()) != NULL;
  if (good) return u;
  free(u);
  return NULL;
}

void unpack_free(struct unpack *u) {
  if (u == NULL) return;
  if (u->kind == PACK_GZIP) inflateEnd(&u->gz);
  if (u->kind == PACK_ZSTD) ZSTD_freeDStream(u->zst);
  free(u);
}

static ssize_t read_some(int fd, void *to, size_t room, struct spate_error *err) {
  for (;;) {
    ssize_t n = read(fd, to, room);
    if (n >= 0) return n;
    if (errno == EINTR) continue;
    return spate_fail(err, "cannot read: %s", strerror(errno));
  }
}

/* -1: error; 0: bytes are there, or the file has ended. */
static int unpack_fill(struct unpack *u, struct spate_error *err) {
  if (u->at < u->end || u->eof) return 0;
  ssize_t n = read_some(u->fd, u->packed, PACKED_BYTES, err);
  if (n < 0) return -1;
  u->at = 0;
  u->end = (size_t)n;
  u->eof = n == 0;
  return 0;
}

static ssize_t gzip_step(struct unpack *u, char *to, size_t room, struct spate_error *err) {
  if (!u->inside) inflateReset(&u->gz);
  u->gz.next_in = u->packed + u->at;
  u->gz.avail_in = (uInt)(u->end - u->at);
  u->gz.next_out = (Bytef *)to;
  u->gz.avail_out = (uInt)room;
  int rc = inflate(&u->gz, Z_NO_FLUSH);
  size_t used = u->end - u->at - u->gz.avail_in;
  u->at += used;
  u->taken += used;
  if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
    return spate_fail(err, "is not valid gzip: %s", u->gz.msg != NULL ? u->gz.msg : "broken");
  u->inside = rc != Z_STREAM_END;
  return (ssize_t)(room - u->gz.avail_out);
}

static ssize_t zstd_step(struct unpack *u, char *to, size_t room, struct spate_error *err) {
  ZSTD_inBuffer in = {.src = u->packed + u->at, .size = u->end - u->at};
  ZSTD_outBuffer out = {.dst = to, .size = room};
  size_t rc = ZSTD_decompressStream(u->zst, &out, &in);
  u->at += in.pos;
  u->taken += in.pos;
  if (ZSTD_isError(rc)) return spate_fail(err, "is not valid zstd: %s", ZSTD_getErrorName(rc));
  u->inside = rc != 0;
  return (ssize_t)out.pos;
}

ssize_t unpack_read(struct unpack *u, char *to, size_t room, struct spate_error *err) {
  if (u->kind == PACK_NONE) return read_some(u->fd, to, room, err);
  if (room > 1u << 30) room = 1u << 30;
  for (;;) {
    if (unpack_fill(u, err) != 0) return -1;
    if (u->eof && u->at == u->end && !u->inside) return 0;
    bool starved = u->eof && u->at == u->end;
    ssize_t n = u->kind == PACK_GZIP ? gzip_step(u, to, room, err) : zstd_step(u, to, room, err);
    if (n != 0) return n;
    if (starved && u->inside) return spate_fail(err, "ends in the middle of its compressed data");
  }
}

off_t unpack_whole(enum pack_kind kind, int fd, struct spate_error *err) {
  struct unpack *u = unpack_new(kind, fd);
  char *scratch = malloc(PACKED_BYTES);
  off_t whole = 0;
  int failed = u == NULL || scratch == NULL ? spate_fail(err, "out of memory") : 0;
  while (failed == 0) {
    struct spate_error broken; /* what is broken ends what is whole */
    if (unpack_fill(u, err) != 0) failed = -1;
    if (failed != 0 || (u->eof && u->at == u->end)) break;
    ssize_t n =
        kind == PACK_GZIP ? gzip_step(u, scratch, PACKED_BYTES, &broken) : zstd_step(u, scratch, PACKED_BYTES, &broken);
    if (n < 0) break;
    if (!u->inside) whole = (off_t)u->taken;
  }
  unpack_free(u);
  free(scratch);
  return failed == 0 ? whole : -1;
}
