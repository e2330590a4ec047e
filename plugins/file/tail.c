/* tail: see tail.h. Reading and cutting; where a file begins and how it is known again is in tail_open.c. */
#include "tail.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tail_open.h"

#define READ_BYTES ((size_t)256 * 1024)
#define SKIP_BYTES ((uint64_t)8 * 1024 * 1024) /* of a packed file, read over in one go */

struct tail *tail_new(const struct tail_rules *rules, const char *path) {
  struct tail *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  t->rules = rules;
  t->path = path;
  t->fd = -1;
  t->kind = pack_kind_of(path);
  return t;
}

void tail_free(struct tail *t) {
  if (t == NULL) return;
  tail_close(t);
  free(t->header);
  free(t->old_header);
  free(t);
}

static uint64_t tail_offset(const struct tail *t) { return t->base + spate_stream_taken(t->stream); }

/* Offset and line of the next pull, as a start for whoever comes next. */
static void tail_mark(struct tail *t) {
  bool header_first = t->rules->want_header && t->header_length == UINT32_MAX && t->start.given;
  if (t->fd < 0 || header_first) return; /* else: the place to go on at is still to come */
  tail_identify(t, tail_offset(t));
  t->start = (struct tail_start){.given = true, .id = t->id, .offset = tail_offset(t), .line = t->line};
  if (t->skip_to > t->start.offset) t->start.offset = t->skip_to;
}

static void put_u64(unsigned char *to, uint64_t v) {
  for (int i = 0; i < 8; i++) to[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t take_u64(const unsigned char *from) {
  uint64_t v = 0;
  for (int i = 0; i < 8; i++) v |= (uint64_t)from[i] << (8 * i);
  return v;
}

/* version, finished, device, inode, bytes hashed (4), hash, offset, line; 4 spare. */
int tail_position(struct tail *t, struct spate_buffer *out, struct spate_error *err) {
  unsigned char bytes[TAIL_POSITION_BYTES] = {1};
  tail_mark(t);
  if (!t->start.given) return 0;
  bytes[1] = t->state == TAIL_FINISHED;
  put_u64(bytes + 2, t->start.id.dev);
  put_u64(bytes + 10, t->start.id.ino);
  put_u64(bytes + 18, t->start.id.hashed);
  put_u64(bytes + 26, t->start.id.hash);
  put_u64(bytes + 34, t->start.offset);
  put_u64(bytes + 42, (uint64_t)t->start.line);
  if (spate_buffer_append(out, bytes, sizeof bytes) != 0) return spate_fail(err, "out of memory");
  return 0;
}

int tail_start_parse(struct tail_start *start, struct spate_bytes position, struct spate_error *err) {
  const unsigned char *p = position.data;
  *start = (struct tail_start){0};
  if (position.size == 0) return 0;
  if (position.size != TAIL_POSITION_BYTES || p[0] != 1)
    return spate_fail(err, "the saved position is not one of a file (%zu bytes)", position.size);
  start->given = true;
  start->finished = p[1] != 0;
  start->id = (struct file_id){take_u64(p + 2), take_u64(p + 10), take_u64(p + 26), (uint32_t)take_u64(p + 18)};
  start->offset = take_u64(p + 34);
  start->line = (int64_t)take_u64(p + 42);
  return 0;
}

/* ---- reading ---- */

/* One read into the stream: bytes, 0 at the end (of what may be read), -1. */
static ssize_t tail_read(struct tail *t, struct spate_error *err) {
  size_t room;
  char *to = spate_stream_room(t->stream, READ_BYTES, &room);
  if (to == NULL) return spate_fail(err, "%s: out of memory", t->path);
  if (t->id.ino == t->limit_ino && t->kind == PACK_NONE) {
    uint64_t most = t->limit > t->read_at ? t->limit - t->read_at : 0;
    if (room > most) room = (size_t)most;
    if (room == 0) return 0;
  }
  struct spate_error inner = {0};
  ssize_t n = unpack_read(t->unpack, to, room, &inner);
  if (n < 0) return spate_fail(err, "%s %s", t->path, inner.message);
  t->read_at += (uint64_t)n;
  spate_stream_wrote(t->stream, (size_t)n);
  return n;
}

/* A packed file begins again from its beginning: what was taken before is read over, a piece at a time. 1: more is to
 * come; 0: there; -1. */
static int tail_skip(struct tail *t, struct spate_error *err) {
  char scratch[64 * 1024];
  uint64_t stop = t->read_at + SKIP_BYTES;
  while (t->read_at < t->skip_to && t->read_at < stop) {
    uint64_t left = t->skip_to - t->read_at;
    struct spate_error inner = {0};
    ssize_t n = unpack_read(t->unpack, scratch, left < sizeof scratch ? (size_t)left : sizeof scratch, &inner);
    if (n < 0) return spate_fail(err, "%s %s", t->path, inner.message);
    if (n == 0) return spate_fail(err, "%s is shorter than what was read of it before", t->path);
    t->read_at += (uint64_t)n;
  }
  if (t->read_at < t->skip_to) return 1;
  t->base = t->skip_to;
  t->skip_to = 0;
  return 0;
}

static void tail_count_skipped(struct tail *t) {
  uint64_t skipped = spate_stream_skipped(t->stream);
  if (skipped == t->skipped) return;
  t->line += (int64_t)(skipped - t->skipped);
  t->skipped = skipped;
  spate_log(&t->rules->where, SPATE_LOG_WARN, "%s: %llu lines longer than max_line (%zu bytes) were left out so far",
            t->path, (unsigned long long)skipped, t->rules->max_line);
}

/* The first line becomes the header. Behind it the place to go on at, if one is given. */
static int tail_take_header(struct tail *t, struct spate_payloads *out, struct spate_error *err) {
  free(t->old_header);
  t->old_header = t->header;
  t->header = malloc((size_t)out->length[0] + 1);
  if (t->header == NULL) return spate_fail(err, "out of memory");
  t->header_length = out->length[0];
  memcpy(t->header, out->buffer->data + out->start[0], out->length[0]);
  spate_buffer_unref(out->buffer);
  out->buffer = NULL;
  out->count = 0;
  t->line++;
  if (!t->start.given || t->start.offset <= tail_offset(t)) return 0;
  return tail_seek(t, t->start.offset, t->start.line, err);
}

static void tail_label(struct tail *t, struct spate_payloads *out) {
  for (uint32_t i = 0; i < out->count; i++) out->position[i] = ++t->line;
  out->header = t->header;
  out->header_length = t->header != NULL ? t->header_length : 0;
}

/* Whole payloads of what was read, the header taken out. OK with count 0: nothing whole is there. */
static int tail_cut(struct tail *t, uint32_t max, bool last, struct spate_payloads *out, struct spate_error *err) {
  for (;;) {
    bool header = t->rules->want_header && t->header_length == UINT32_MAX;
    uint32_t count = spate_stream_cut(t->stream, header ? 1 : max, out);
    if (count == 0 && last) count = spate_stream_last(t->stream, out);
    tail_count_skipped(t);
    if (count == 0) return 0;
    if (!header) break;
    if (tail_take_header(t, out, err) != 0) return -1;
    if (t->skip_to > 0) return 0;
  }
  tail_label(t, out);
  return 0;
}

/* ---- the end ---- */

static enum spate_result tail_finish(struct tail *t) {
  tail_mark(t);
  t->start.finished = true;
  tail_close(t);
  t->state = TAIL_FINISHED;
  return SPATE_END;
}

/* The file has shrunk under us: what is there now is new. */
static bool tail_truncated(struct tail *t) {
  struct stat st;
  return t->kind == PACK_NONE && fstat(t->fd, &st) == 0 && (uint64_t)st.st_size < t->read_at;
}

static enum spate_result tail_caught_up(struct tail *t) {
  t->state = TAIL_CAUGHT_UP;
  spate_stream_rest(t->stream);
  return SPATE_IDLE;
}

/* Nothing more is to be read now. OK: go on reading (another file). */
static enum spate_result tail_at_end(struct tail *t, uint32_t max, struct spate_payloads *out,
                                     struct spate_error *err) {
  bool over = t->rotated && (t->rules->bounded || t->quiet >= TAIL_QUIET_POLLS);
  if (!t->rules->follow || over) {
    if (tail_cut(t, max, true, out, err) != 0) return SPATE_FAIL;
    if (out->count > 0) return SPATE_OK;
  }
  if (!t->rules->follow) return tail_finish(t);
  if (over) {
    int next = tail_open_next(t, err);
    if (next <= 0) return next < 0 ? SPATE_FAIL : SPATE_OK;
    return t->rules->bounded ? tail_finish(t) : tail_caught_up(t);
  }
  if (t->rotated) return tail_caught_up(t);
  if (tail_truncated(t)) {
    spate_log(&t->rules->where, SPATE_LOG_WARN, "%s was truncated: reading it from the start", t->path);
    t->start = (struct tail_start){0};
    return tail_seek(t, 0, 0, err) != 0 ? SPATE_FAIL : SPATE_OK;
  }
  return t->rules->bounded ? tail_finish(t) : tail_caught_up(t);
}

enum spate_result tail_pull(struct tail *t, uint32_t max, struct spate_payloads *out, struct spate_error *err) {
  if (t->state == TAIL_FINISHED) return SPATE_END;
  for (;;) {
    if (t->skip_to > 0) {
      int more = tail_skip(t, err);
      if (more != 0) return more > 0 ? SPATE_OK : SPATE_FAIL;
    }
    if (tail_cut(t, max, false, out, err) != 0) return SPATE_FAIL;
    if (out->count > 0) return SPATE_OK;
    if (t->skip_to > 0) continue;
    ssize_t n = tail_read(t, err);
    if (n < 0) return SPATE_FAIL;
    if (n > 0) continue;
    enum spate_result result = tail_at_end(t, max, out, err);
    if (result != SPATE_OK || out->count > 0) return result;
  }
}

bool tail_poll(struct tail *t) {
  struct stat st;
  if (fstat(t->fd, &st) != 0 || (uint64_t)st.st_size != t->read_at) {
    t->quiet = 0;
    t->state = TAIL_READING;
    return true;
  }
  if (!t->rotated) {
    t->rotated = stat(t->path, &st) == 0 && (st.st_ino != t->id.ino || st.st_dev != t->id.dev);
    t->quiet = 0;
    return false;
  }
  if (++t->quiet < TAIL_QUIET_POLLS) return false;
  t->state = TAIL_READING;
  return true;
}
