/* pack: see pack.h. */
#include "pack.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define STEP ((size_t)64 * 1024)

struct pack {
  enum pack_kind kind;
  z_stream gz;
  ZSTD_CCtx *zst;
};

struct pack *pack_new(enum pack_kind kind) {
  struct pack *p = calloc(1, sizeof *p);
  if (p == NULL) return NULL;
  p->kind = kind;
  bool good = kind == PACK_GZIP ? deflateInit2(&p->gz, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK
                                : (p->zst = ZSTD_createCCtx()) != NULL;
  if (good) return p;
  free(p);
  return NULL;
}

void pack_free(struct pack *p) {
  if (p == NULL) return;
  if (p->kind == PACK_GZIP) deflateEnd(&p->gz);
  if (p->kind == PACK_ZSTD) ZSTD_freeCCtx(p->zst);
  free(p);
}

static int gzip_put(struct pack *p, const char *bytes, size_t size, bool end, struct spate_buffer *out) {
  p->gz.next_in = (Bytef *)(uintptr_t)bytes; /* zlib does not write there */
  p->gz.avail_in = (uInt)size;
  for (;;) {
    if (spate_buffer_reserve(out, STEP) != 0) return -1;
    p->gz.next_out = (Bytef *)out->data + out->size;
    p->gz.avail_out = (uInt)STEP;
    int rc = deflate(&p->gz, end ? Z_FINISH : Z_NO_FLUSH);
    out->size += STEP - p->gz.avail_out;
    if (rc == Z_STREAM_END) return deflateReset(&p->gz) == Z_OK ? 0 : -1;
    if (rc != Z_OK && rc != Z_BUF_ERROR) return -1;
    if (!end && p->gz.avail_in == 0 && p->gz.avail_out > 0) return 0;
  }
}

static int zstd_put(struct pack *p, const char *bytes, size_t size, bool end, struct spate_buffer *out) {
  ZSTD_inBuffer in = {.src = bytes, .size = size};
  for (;;) {
    if (spate_buffer_reserve(out, STEP) != 0) return -1;
    ZSTD_outBuffer to = {.dst = out->data + out->size, .size = STEP};
    size_t rc = ZSTD_compressStream2(p->zst, &to, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    out->size += to.pos;
    if (ZSTD_isError(rc)) return -1;
    if (end ? rc == 0 : in.pos == in.size && to.pos < to.size) return 0;
  }
}

int pack_put(struct pack *p, const char *bytes, size_t size, bool end, struct spate_buffer *out) {
  return p->kind == PACK_GZIP ? gzip_put(p, bytes, size, end, out) : zstd_put(p, bytes, size, end, out);
}
