/*
 * stream: bytes that arrive piece by piece (a file, a pipe, a socket), cut into payloads where they lie.
 *
 * The idea: a large buffer is filled by few reads and shared by the pulls that cut lines out of it. Bytes before `end`
 * never change while somebody holds the buffer; new ones are written behind them. Only when the buffer is full does the
 * unfinished payload at its end move: to the front if nobody else holds the buffer, else into a new one.
 *
 * Law: memory is bounded by max_payload and what one `room` asks for, whatever the other side sends.
 */
#include "../api/spate.h"
#include "../base/mem.h"

struct spate_stream {
  enum spate_framing_kind framing;
  bool skipping; /* inside a line that is too long */
  bool broken;
  size_t max;
  struct spate_buffer *buffer; /* NULL: nothing is held */
  size_t at, end;              /* bytes [at, end) of it are not cut yet */
  size_t scanned;              /* [at, scanned) has no line's end (plain lines) */
  uint64_t taken, skipped;
};

struct spate_stream *spate_stream_new(enum spate_framing_kind framing, size_t max_payload) {
  struct spate_stream *s = MEM_NEW(struct spate_stream);
  s->framing = framing;
  s->max = max_payload > 0 ? max_payload : 1;
  return s;
}

void spate_stream_free(struct spate_stream *s) {
  if (s == NULL) return;
  spate_buffer_unref(s->buffer);
  mem_free(s);
}

static bool buffer_is_ours(const struct spate_buffer *b) {
  /* acquire: whoever gave up the last other reference has finished reading */
  return __atomic_load_n(&b->refs, __ATOMIC_ACQUIRE) == 1;
}

/* The unfinished payload to the front of a buffer with room for `want` bytes behind it. */
static void stream_move(struct spate_stream *s, size_t want) {
  size_t left = s->end - s->at;
  if (s->buffer != NULL && buffer_is_ours(s->buffer) && s->buffer->room >= left + want) {
    memmove(s->buffer->data, s->buffer->data + s->at, left);
  } else {
    /* powers of two: a little room to spare lets the buffer be used again, and a line that keeps growing is copied
     * only when it has doubled */
    size_t room = 4096;
    while (room < left + want) room *= 2;
    struct spate_buffer *b = spate_buffer_new(room);
    if (left > 0) memcpy(b->data, s->buffer->data + s->at, left);
    spate_buffer_unref(s->buffer);
    s->buffer = b;
  }
  s->scanned = s->scanned > s->at ? s->scanned - s->at : 0;
  s->at = 0;
  s->end = left;
  s->buffer->size = left;
}

char *spate_stream_room(struct spate_stream *s, size_t want, size_t *room) {
  if (want == 0) want = 1;
  if (s->buffer == NULL || s->buffer->room - s->end < want ||
      (s->at == s->end && s->at > 0 && buffer_is_ours(s->buffer)))
    stream_move(s, want);
  *room = s->buffer->room - s->end;
  return s->buffer->data + s->end;
}

static void stream_take(struct spate_stream *s, size_t size) {
  s->at += size;
  s->taken += size;
  if (s->scanned < s->at) s->scanned = s->at;
}

void spate_stream_wrote(struct spate_stream *s, size_t size) {
  s->end += size;
  s->buffer->size = s->end;
}

/* Inside a line that is too long: drops bytes up to and with its end. Quotes do not count there: the line is lost. */
static void stream_skip(struct spate_stream *s) {
  const char *from = s->buffer->data + s->at;
  const char *nl = memchr(from, '\n', s->end - s->at);
  stream_take(s, nl != NULL ? (size_t)(nl + 1 - from) : s->end - s->at);
  s->skipping = nl == NULL;
}

static uint32_t stream_cut_lines(struct spate_stream *s, uint32_t max, struct spate_payloads *out) {
  bool quoted = s->framing == SPATE_STREAM_QUOTED_LINES;
  while (s->at < s->end) {
    if (s->skipping) {
      stream_skip(s);
      continue;
    }
    const char *data = s->buffer->data;
    if (!quoted && memchr(data + s->scanned, '\n', s->end - s->scanned) == NULL) {
      s->scanned = s->end;
    } else {
      size_t used = spate_cut_lines(out, data + s->at, s->end - s->at, (uint32_t)s->at, max, quoted);
      if (used > 0) {
        /* one that is too long ends the block: those before it are given first */
        for (uint32_t i = 0; used > s->max && i < out->count; i++)
          if (out->length[i] > s->max) {
            used = out->start[i] - s->at;
            out->count = i;
          }
        stream_take(s, used);
        if (out->count > 0) return out->count;
        s->skipping = true;
        s->skipped++;
        continue;
      }
    }
    if (s->end - s->at <= s->max + 1) return 0; /* the one more may be a '\r' */
    s->skipping = true;
    s->skipped++;
  }
  return 0;
}

static uint32_t stream_cut_frames(struct spate_stream *s, uint32_t max, struct spate_payloads *out) {
  while (out->count < max && s->end - s->at >= 4 && !s->broken) {
    const unsigned char *p = (const unsigned char *)s->buffer->data + s->at;
    uint32_t length = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    if (length > s->max) {
      s->broken = true;
      break;
    }
    if (s->end - s->at - 4 < length) break;
    out->start[out->count] = (uint32_t)(s->at + 4);
    out->length[out->count++] = length;
    stream_take(s, 4 + (size_t)length);
  }
  return out->count;
}

uint32_t spate_stream_cut(struct spate_stream *s, uint32_t max, struct spate_payloads *out) {
  if (s->buffer == NULL || s->at == s->end) return 0;
  if (max > SPATE_BATCH_ROWS) max = SPATE_BATCH_ROWS;
  bool frames = s->framing == SPATE_STREAM_LENGTH32;
  uint32_t count = frames ? stream_cut_frames(s, max, out) : stream_cut_lines(s, max, out);
  if (count == 0) return 0;
  out->buffer = spate_buffer_ref(s->buffer);
  out->lines = !frames;
  return count;
}

uint32_t spate_stream_last(struct spate_stream *s, struct spate_payloads *out) {
  if (s->framing == SPATE_STREAM_LENGTH32 || s->at == s->end) return 0;
  size_t left = s->end - s->at;
  bool cr = left > 0 && s->buffer->data[s->end - 1] == '\r';
  if (s->skipping || left - cr > s->max) {
    if (!s->skipping) s->skipped++;
    stream_take(s, left);
    return 0;
  }
  if (s->buffer->room == s->end) stream_move(s, 1);
  s->buffer->data[s->end] = '\n'; /* as if it were there; it is not taken from the stream */
  left -= cr;
  out->start[0] = (uint32_t)s->at;
  out->length[0] = (uint32_t)left;
  out->count = 1;
  out->lines = memchr(s->buffer->data + s->at, '\n', left) == NULL; /* else: a quote that was never closed */
  out->buffer = spate_buffer_ref(s->buffer);
  stream_take(s, s->end - s->at);
  /* nobody may write over the end that was added */
  spate_buffer_unref(s->buffer);
  s->buffer = NULL;
  s->at = s->end = s->scanned = 0;
  return 1;
}

size_t spate_stream_left(const struct spate_stream *s) { return s->end - s->at; }
uint64_t spate_stream_taken(const struct spate_stream *s) { return s->taken; }
uint64_t spate_stream_skipped(const struct spate_stream *s) { return s->skipped; }
bool spate_stream_broken(const struct spate_stream *s) { return s->broken; }

void spate_stream_rest(struct spate_stream *s) {
  if (s->buffer == NULL || s->at != s->end) return;
  spate_buffer_unref(s->buffer);
  s->buffer = NULL;
  s->at = s->end = s->scanned = 0;
}
