/* stream: bytes in pieces of any size, cut as a plain split of the whole would cut them. */
#include "../../daemon/base/mem.h"
#include "../../daemon/data/payloads.h"
#include "host.h"

static uint64_t seed;
static uint32_t below(uint32_t n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % n;
}

/* What a person would write: no stream, no buffers. Lines longer than max are left out. */
static void split(const char *bytes, size_t size, bool quoted, size_t max, struct rows *rows) {
  size_t from = 0;
  bool open = false, skipping = false;
  for (size_t i = 0; i <= size; i++) {
    if (i < size && bytes[i] == '"' && quoted && !skipping) open = !open;
    bool ends = i == size || (bytes[i] == '\n' && !open);
    if (!ends || (i == size && from == size)) continue;
    size_t n = i - from;
    if (n > 0 && bytes[i - 1] == '\r') n--;
    if (n <= max) rows_add(rows, bytes + from, n, 0, 0);
    from = i + 1;
    open = false;
  }
}

static void feed(struct spate_stream *s, const char *bytes, size_t size, struct rows *rows, bool keep) {
  struct spate_payloads out = {0};
  struct spate_buffer *kept[64] = {NULL}; /* buffers that somebody still holds */
  size_t at = 0;
  for (bool end = false; !end;) {
    uint32_t n = spate_stream_cut(s, 1 + below(50), &out);
    if (n == 0 && at == size) {
      n = spate_stream_last(s, &out);
      end = n == 0;
    }
    for (uint32_t i = 0; i < n; i++) rows_add(rows, out.buffer->data + out.start[i], out.length[i], 0, 0);
    if (n > 0) {
      uint32_t slot = below(64);
      if (keep) {
        spate_buffer_unref(kept[slot]);
        kept[slot] = spate_buffer_ref(out.buffer);
      }
      payloads_clear(&out);
      continue;
    }
    if (end) break;
    size_t room, want = 1 + below(300), piece;
    char *to = spate_stream_room(s, want, &room);
    ck_assert_uint_ge(room, want);
    piece = 1 + below((uint32_t)want);
    if (piece > size - at) piece = size - at;
    memcpy(to, bytes + at, piece);
    spate_stream_wrote(s, piece);
    at += piece;
    if (below(10) == 0) spate_stream_rest(s);
  }
  for (int i = 0; i < 64; i++) spate_buffer_unref(kept[i]);
  ck_assert_uint_eq(spate_stream_taken(s), size);
  ck_assert_uint_eq(spate_stream_left(s), 0);
}

static void rows_same(const struct rows *a, const struct rows *b) {
  for (uint32_t i = 0; i < a->count && i < b->count; i++) ck_assert_str_eq(a->text[i], b->text[i]);
  ck_assert_uint_eq(a->count, b->count);
}

static void random_lines(bool quoted, size_t max) {
  static const char LETTERS[] = "ab,\r\n\n\"c";
  size_t size = below(6000);
  char *bytes = mem_alloc(size + 1);
  for (size_t i = 0; i < size; i++) {
    bytes[i] = LETTERS[below(sizeof LETTERS - 1)];
    if (below(3) > 0 && bytes[i] == '\n') bytes[i] = 'x';
    if (bytes[i] == '\r' && below(2)) bytes[i] = 'y';
    if (!quoted && bytes[i] == '"') bytes[i] = 'q';
    if (quoted && max < 1000 && bytes[i] == '"') bytes[i] = 'q'; /* quotes in a line that is skipped mean nothing */
  }
  struct rows expected = {0}, got = {0};
  split(bytes, size, quoted, max, &expected);
  struct spate_stream *s = spate_stream_new(quoted ? SPATE_STREAM_QUOTED_LINES : SPATE_STREAM_LINES, max);
  feed(s, bytes, size, &got, below(2));
  rows_same(&got, &expected);
  spate_stream_free(s);
  rows_free(&expected);
  rows_free(&got);
  mem_free(bytes);
}

START_TEST(test_lines) {
  for (int i = 0; i < 300; i++) {
    seed = (uint64_t)_i * 1000 + (uint64_t)i;
    random_lines(_i % 2, _i < 4 ? 100000 : 12);
  }
}
END_TEST

START_TEST(test_frames) {
  for (int round = 0; round < 200; round++) {
    seed = (uint64_t)round;
    struct rows expected = {0}, got = {0};
    char *bytes = mem_alloc(200000);
    size_t size = 0;
    for (uint32_t n = below(300); n > 0; n--) {
      uint32_t length = below(4) == 0 ? 0 : below(400);
      char head[4] = {0, 0, (char)(length >> 8), (char)length};
      memcpy(bytes + size, head, 4);
      memset(bytes + size + 4, 'a' + (char)below(26), length);
      rows_add(&expected, bytes + size + 4, length, 0, 0);
      size += 4 + length;
    }
    struct spate_stream *s = spate_stream_new(SPATE_STREAM_LENGTH32, 400);
    feed(s, bytes, size, &got, below(2));
    rows_same(&got, &expected);
    ck_assert(!spate_stream_broken(s));
    spate_stream_free(s);
    rows_free(&expected);
    rows_free(&got);
    mem_free(bytes);
  }
}
END_TEST

/* A frame that is too long is told from its head: nothing is allocated for it. */
START_TEST(test_frame_too_long) {
  struct spate_payloads out = {0};
  size_t room;
  struct spate_stream *s = spate_stream_new(SPATE_STREAM_LENGTH32, 100);
  memcpy(spate_stream_room(s, 16, &room), "\0\0\0\1x\xff\xff\xff\xff", 9);
  spate_stream_wrote(s, 9);
  ck_assert_uint_eq(spate_stream_cut(s, 10, &out), 1);
  payloads_clear(&out);
  ck_assert_uint_eq(spate_stream_cut(s, 10, &out), 0);
  ck_assert(spate_stream_broken(s));
  spate_stream_free(s);
}
END_TEST

/* However long a line is, no more than about twice the bound is held. */
START_TEST(test_bounded) {
  struct spate_payloads out = {0};
  struct spate_stream *s = spate_stream_new(SPATE_STREAM_LINES, 1000);
  for (int i = 0; i < 10000; i++) {
    size_t room;
    char *to = spate_stream_room(s, 512, &room);
    ck_assert_uint_le(room, 16384);
    memset(to, 'x', 512);
    spate_stream_wrote(s, 512);
    ck_assert_uint_eq(spate_stream_cut(s, 10, &out), 0);
    ck_assert_uint_le(spate_stream_left(s), 2048);
  }
  ck_assert_uint_eq(spate_stream_skipped(s), 1);
  spate_stream_free(s);
}
END_TEST

Suite *suite_stream(void) {
  Suite *s = suite_create("stream");
  TCase *t = tcase_create("stream");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, test_lines, 0, 6);
  tcase_add_test(t, test_frames);
  tcase_add_test(t, test_frame_too_long);
  tcase_add_test(t, test_bounded);
  suite_add_tcase(s, t);
  return s;
}
