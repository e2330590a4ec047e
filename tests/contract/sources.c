/*
 * sources: what every source owes, whatever it reads. Each case makes ROWS rows, "row 0" and on, in its own way; the
 * tests below know nothing else of it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "../../daemon/base/mem.h"
#include "clients.h"
#include "host.h"

#define ROWS 5000u
#define CLIENTS 5

struct source_case {
  const char *name;
  const struct spate_source_api *api;
  const char *(*make)(void); /* makes the input, gives the options; called once a test */
  void (*feed)(void);        /* after each open: for sources that cannot be read again */
  void (*fed)(void);         /* after each close */
  bool one_by_one;           /* rows of a partition come in the order of their numbers */
};

/* ---- the cases ---- */

static char yaml[1024];
static struct sender senders[CLIENTS];
static int port;
static bool frames;

static void put_lines(const char *path, uint32_t from, uint32_t to, uint32_t step) {
  size_t size;
  char *bytes = lines_make(from, to, step, false, &size);
  file_write(path, bytes, size, "w");
  free(bytes);
}

static const char *make_generator(void) {
  snprintf(yaml, sizeof yaml, "{rows: %u, fields: {text: \"'row ' || cast(i as string)\"}}", ROWS);
  return yaml;
}

static const char *make_file(void) {
  put_lines(test_path("all.txt"), 0, ROWS, 1);
  snprintf(yaml, sizeof yaml, "{path: %s}", test_path("all.txt"));
  return yaml;
}

/* Three files, one of them empty, the last without a line's end at its end. */
static const char *make_files(void) {
  put_lines(test_path("part-a.txt"), 0, ROWS, 2);
  put_lines(test_path("part-b.txt"), 0, 0, 1);
  size_t size;
  char *bytes = lines_make(1, ROWS, 2, false, &size);
  file_write(test_path("part-c.txt"), bytes, size - 1, "w");
  free(bytes);
  snprintf(yaml, sizeof yaml, "{path: '%s'}", test_path("part-*.txt"));
  return yaml;
}

static const char *make_crlf(void) {
  FILE *f = fopen(test_path("crlf.txt"), "w");
  for (uint32_t i = 0; i < ROWS; i++) fprintf(f, "row %u\r\n", i);
  fclose(f);
  snprintf(yaml, sizeof yaml, "{path: %s}", test_path("crlf.txt"));
  return yaml;
}

static const char *make_gzip(void) {
  size_t size;
  for (uint32_t half = 0; half < 2; half++) { /* two members in one file */
    char *bytes = lines_make(half * ROWS / 2, (half + 1) * ROWS / 2, 1, false, &size);
    gzFile f = gzopen(test_path("all.gz"), half == 0 ? "wb" : "ab");
    ck_assert_int_eq(gzwrite(f, bytes, (unsigned)size), (int)size);
    gzclose(f);
    free(bytes);
  }
  snprintf(yaml, sizeof yaml, "{path: %s}", test_path("all.gz"));
  return yaml;
}

static const char *make_zstd(void) {
  size_t size;
  char *bytes = lines_make(0, ROWS, 1, false, &size), *packed = malloc(ZSTD_compressBound(size));
  file_write(test_path("all.zst"), packed, ZSTD_compress(packed, ZSTD_compressBound(size), bytes, size, 3), "w");
  free(bytes);
  free(packed);
  snprintf(yaml, sizeof yaml, "{path: %s}", test_path("all.zst"));
  return yaml;
}

/* --bounded makes a followed file end at its size. */
static const char *make_followed(void) {
  make_file();
  snprintf(yaml, sizeof yaml, "{path: %s, follow: true}", test_path("all.txt"));
  return yaml;
}

static void stdin_from(int fd) {
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
  close(fd);
}

static const char *make_stdin(void) { return "{}"; }
static void feed_stdin_file(void) {
  put_lines(test_path("stdin.txt"), 0, ROWS, 1);
  stdin_from(open(test_path("stdin.txt"), O_RDONLY));
}

static pthread_t pipe_thread;
static int pipe_end;
static void *pipe_run(void *own) {
  (void)own;
  size_t size, at = 0, piece = 1;
  char *bytes = lines_make(0, ROWS, 1, false, &size);
  while (at < size) {
    ssize_t n = write(pipe_end, bytes + at, piece < size - at ? piece : size - at);
    if (n <= 0) break;
    at += (size_t)n;
    piece = piece * 3 % 4999 + 1;
  }
  free(bytes);
  close(pipe_end);
  return NULL;
}
static void feed_stdin_pipe(void) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  stdin_from(ends[0]);
  pipe_end = ends[1];
  pthread_create(&pipe_thread, NULL, pipe_run, NULL);
}
static void fed_stdin_pipe(void) { pthread_join(pipe_thread, NULL); }

static const char *make_tcp(void) {
  port = port_free();
  frames = false;
  snprintf(yaml, sizeof yaml, "{listen: \"127.0.0.1:%d\"}", port);
  return yaml;
}
static const char *make_tcp_frames(void) {
  port = port_free();
  frames = true;
  snprintf(yaml, sizeof yaml, "{listen: \"127.0.0.1:%d\", framing: length32}", port);
  return yaml;
}
static void feed_tcp(void) {
  for (int i = 0; i < CLIENTS; i++) {
    size_t size;
    char *bytes = lines_make((uint32_t)i, ROWS, CLIENTS, frames, &size);
    sender_start(&senders[i], port, bytes, size);
  }
}
static void fed_tcp(void) {
  for (int i = 0; i < CLIENTS; i++) sender_join(&senders[i]);
}

/* Rows written by the Kafka sink to the cluster in this process. */
static const char *make_kafka(void) {
  static const struct writing_options none = {0};
  struct writing *w = writing_open(&spate_sink_kafka, "{brokers: embedded, topic: contract}", &none, NULL);
  for (uint32_t i = 0; i < ROWS; i += 1000) writing_rows(w, i, i + 1000);
  writing_epoch(w);
  writing_close(&w);
  return "{brokers: embedded, topics: [contract], group: contract}";
}

static const struct source_case CASES[] = {
    {.name = "generator", .api = &spate_source_generator, .make = make_generator, .one_by_one = true},
    {.name = "file", .api = &spate_source_file, .make = make_file, .one_by_one = true},
    {.name = "files", .api = &spate_source_file, .make = make_files, .one_by_one = true},
    {.name = "file, crlf", .api = &spate_source_file, .make = make_crlf, .one_by_one = true},
    {.name = "file, gzip", .api = &spate_source_file, .make = make_gzip, .one_by_one = true},
    {.name = "file, zstd", .api = &spate_source_file, .make = make_zstd, .one_by_one = true},
    {.name = "file, followed", .api = &spate_source_file, .make = make_followed, .one_by_one = true},
    {.name = "stdin, a file",
     .api = &spate_source_stdin,
     .make = make_stdin,
     .feed = feed_stdin_file,
     .one_by_one = true},
    {.name = "stdin, a pipe",
     .api = &spate_source_stdin,
     .make = make_stdin,
     .feed = feed_stdin_pipe,
     .fed = fed_stdin_pipe,
     .one_by_one = true},
    {.name = "tcp, lines", .api = &spate_source_tcp, .make = make_tcp, .feed = feed_tcp, .fed = fed_tcp},
    {.name = "tcp, frames", .api = &spate_source_tcp, .make = make_tcp_frames, .feed = feed_tcp, .fed = fed_tcp},
    {.name = "kafka", .api = &spate_source_kafka, .make = make_kafka, .one_by_one = true},
};
#define COUNT (int)(sizeof CASES / sizeof CASES[0])

static const struct reading_options BOUNDED = {.bounded = true};

static struct reading *case_open(const struct source_case *c, const char *options, const struct place *places,
                                 uint32_t count) {
  struct reading *r = reading_open(c->api, options, &BOUNDED, places, count);
  if (c->feed != NULL) c->feed();
  return r;
}

static void case_close(const struct source_case *c, struct reading **r) {
  reading_close(r);
  if (c->fed != NULL) c->fed();
}

/* Every row once, none else; in order where the case says so. */
static void rows_check(const struct source_case *c, const struct rows *rows) {
  uint8_t *seen = mem_zero(ROWS, 1);
  int64_t last[64];
  for (int i = 0; i < 64; i++) last[i] = -1;
  for (uint32_t i = 0; i < rows->count; i++) {
    unsigned number;
    char end;
    ck_assert_msg(sscanf(rows->text[i], "row %u%c", &number, &end) == 1 && number < ROWS, "%s: a foreign row: '%s'",
                  c->name, rows->text[i]);
    ck_assert_msg(!seen[number], "%s: row %u came twice", c->name, number);
    seen[number] = 1;
    int64_t *before = &last[rows->partition[i] % 64];
    if (c->one_by_one) ck_assert_msg(*before < (int64_t)number, "%s: row %u is out of order", c->name, number);
    *before = number;
  }
  ck_assert_msg(rows->count == ROWS, "%s: %u rows of %u", c->name, rows->count, ROWS);
  mem_free(seen);
}

/* ---- the tests ---- */

static void read_all(const struct source_case *c, uint32_t max) {
  struct rows rows = {0};
  struct reading *r = case_open(c, c->make(), NULL, 0);
  ck_assert_msg(reading_until(r, max, &rows, UINT32_MAX / 2), "%s: no end", c->name);
  rows_check(c, &rows);
  /* the end stays, and every partition says so */
  ck_assert_int_eq(reading_pull(r, max, &rows), SPATE_END);
  for (uint32_t i = 0; i < r->count; i++) ck_assert_int_eq(r->api->state(r->reader, i), SPATE_PART_FINISHED);
  case_close(c, &r);
  rows_free(&rows);
}

START_TEST(test_descriptor) {
  const struct spate_source_api *api = CASES[_i].api;
  ck_assert_uint_eq(api->version, SPATE_API_VERSION);
  ck_assert_uint_eq(api->size, sizeof *api);
  ck_assert(api->name != NULL && api->help != NULL);
  ck_assert(api->open && api->partitions && api->close && api->reader_open && api->assign && api->state &&
            api->position && api->reader_close);
  ck_assert((api->pull_batch != NULL) == ((api->flags & SPATE_NO_CODEC) != 0));
  ck_assert((api->pull != NULL) == ((api->flags & SPATE_NO_CODEC) == 0));
  for (const struct spate_option *o = api->options; o->name != NULL; o++)
    ck_assert_msg(o->help != NULL && o->offset < api->config_size, "%s.%s", api->name, o->name);
}
END_TEST

START_TEST(test_all_1024) { read_all(&CASES[_i], 1024); }
END_TEST
START_TEST(test_all_7) { read_all(&CASES[_i], 7); }
END_TEST
START_TEST(test_all_1) { read_all(&CASES[_i], 1); }
END_TEST

/* A position after some rows gives exactly the rest; and that again, at a second stop. */
START_TEST(test_resume) {
  const struct source_case *c = &CASES[_i];
  if (!(c->api->flags & SPATE_REPLAYABLE)) return;
  static const uint32_t STOPS[] = {0, 1, 1700, 1, 900};
  struct rows rows = {0};
  struct place *places = NULL;
  uint32_t count = 0;
  const char *options = c->make();
  for (size_t s = 0; s < 5; s++) {
    struct reading *r = case_open(c, options, places, count);
    if (STOPS[s] > 0) ck_assert(!reading_until(r, s % 2 == 0 ? 64 : 7, &rows, STOPS[s]));
    mem_free(places);
    count = reading_places(r, &places);
    case_close(c, &r);
  }
  struct reading *r = case_open(c, options, places, count);
  ck_assert(reading_until(r, 1024, &rows, UINT32_MAX / 2));
  mem_free(places);
  count = reading_places(r, &places);
  case_close(c, &r);
  rows_check(c, &rows);
  /* from the end there is nothing more */
  uint32_t before = rows.count;
  r = case_open(c, options, places, count);
  ck_assert(reading_until(r, 1024, &rows, UINT32_MAX / 2));
  ck_assert_uint_eq(rows.count, before);
  case_close(c, &r);
  mem_free(places);
  rows_free(&rows);
}
END_TEST

/* A source may be closed at any time. */
START_TEST(test_close) {
  const struct source_case *c = &CASES[_i];
  const char *options = c->make();
  for (uint32_t rows_before = 0; rows_before < 3; rows_before++) {
    struct rows rows = {0};
    struct reading *r = case_open(c, options, NULL, 0);
    if (rows_before > 0) reading_until(r, 5, &rows, rows_before);
    case_close(c, &r);
    rows_free(&rows);
  }
}
END_TEST

/* What is opened is closed: no descriptor is left behind, however far it got. */
START_TEST(test_descriptors) {
  const struct source_case *c = &CASES[_i];
  if (c->api == &spate_source_kafka) return; /* the cluster in this process keeps its own */
  const char *options = c->make();
  uint32_t open_before = 0;
  for (uint32_t round = 0; round < 4; round++) {
    struct rows rows = {0};
    struct reading *r = case_open(c, options, NULL, 0);
    reading_until(r, 100, &rows, round % 2 == 0 ? ROWS * 2 : 500);
    case_close(c, &r);
    rows_free(&rows);
    if (round > 0) ck_assert_msg(descriptors_open() == open_before, "%s leaves descriptors open", c->name);
    open_before = descriptors_open();
  }
}
END_TEST

/* A position that nobody wrote is refused, or taken for none: never read beyond. */
START_TEST(test_bad_position) {
  const struct source_case *c = &CASES[_i];
  if (!(c->api->flags & SPATE_REPLAYABLE)) return;
  struct spate_error err = {0};
  struct reading *r = case_open(c, c->make(), NULL, 0);
  char junk[3] = {9, 9, 9};
  int rc = c->api->assign(r->reader, 0, (struct spate_bytes){junk, sizeof junk}, &err);
  ck_assert_msg(rc != 0 && err.message[0] != 0, "%s takes three bytes of junk for a position", c->name);
  case_close(c, &r);
}
END_TEST

Suite *suite_sources(void) {
  Suite *s = suite_create("sources");
  TCase *t = tcase_create("every source");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, test_descriptor, 0, COUNT);
  tcase_add_loop_test(t, test_all_1024, 0, COUNT);
  tcase_add_loop_test(t, test_all_7, 0, COUNT);
  tcase_add_loop_test(t, test_all_1, 0, COUNT);
  tcase_add_loop_test(t, test_resume, 0, COUNT);
  tcase_add_loop_test(t, test_close, 0, COUNT);
  tcase_add_loop_test(t, test_descriptors, 0, COUNT);
  tcase_add_loop_test(t, test_bad_position, 0, COUNT);
  suite_add_tcase(s, t);
  return s;
}
