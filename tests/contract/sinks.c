/*
 * sinks: what every sink owes, wherever it writes. Each case takes rows "row 0" and on, and says afterwards, by means
 * of its own, which rows are there.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "../../daemon/base/mem.h"
#include "../../daemon/data/batch.h"
#include "clients.h"
#include "host.h"

#define ROWS 4000u

struct sink_case {
  const char *name;
  const struct spate_sink_api *api;
  const char *(*make)(void);          /* gives the options; called once a test, before the sink is opened */
  void (*opened)(struct writing *w);  /* after it was opened */
  void (*collect)(struct rows *rows); /* after it was closed; NULL: nothing can be seen */
  const char *head;
  bool any_order, blind; /* blind: it takes the rows of batches, not of payloads */
};

static char yaml[1024];
static struct receiver receiver;

static void rows_lines(struct rows *rows, const char *bytes, size_t size) {
  for (const char *at = bytes, *end = bytes + size, *nl; at < end; at = nl + 1) {
    nl = memchr(at, '\n', (size_t)(end - at));
    ck_assert_msg(nl != NULL, "the last line is not whole");
    rows_add(rows, at, (size_t)(nl - at), 0, 0);
  }
}

/* ---- file ---- */

static const char *make_file(void) {
  snprintf(yaml, sizeof yaml, "{path: %s}", test_path("out/rows.txt"));
  return yaml;
}
static void collect_file(struct rows *rows) {
  size_t size;
  char *bytes = file_read(test_path("out/rows.txt"), &size);
  rows_lines(rows, bytes, size);
  mem_free(bytes);
}

static const char *make_gzip(void) {
  snprintf(yaml, sizeof yaml, "{path: %s}", test_path("rows.txt.gz"));
  return yaml;
}
static void collect_gzip(struct rows *rows) {
  static char bytes[1 << 20];
  gzFile f = gzopen(test_path("rows.txt.gz"), "rb");
  int n = gzread(f, bytes, sizeof bytes);
  ck_assert_int_gt(n, 0);
  gzclose(f);
  rows_lines(rows, bytes, (size_t)n);
}

static const char *make_zstd(void) {
  snprintf(yaml, sizeof yaml, "{path: %s}", test_path("rows.zst"));
  return yaml;
}
static void collect_zstd(struct rows *rows) {
  static char bytes[1 << 20];
  size_t size, n;
  char *packed = file_read(test_path("rows.zst"), &size);
  ZSTD_DCtx *d = ZSTD_createDCtx();
  n = ZSTD_decompressDCtx(d, bytes, sizeof bytes, packed, size); /* all frames */
  ck_assert_msg(!ZSTD_isError(n), "%s", ZSTD_getErrorName(n));
  ZSTD_freeDCtx(d);
  mem_free(packed);
  rows_lines(rows, bytes, n);
}

static const char *make_parts(void) {
  snprintf(yaml, sizeof yaml, "{path: '%s/{pipeline}-{text}.txt', max_open: 16}", test_path("parts"));
  return yaml;
}
static const char *make_rotated(void) {
  snprintf(yaml, sizeof yaml, "{path: %s, rotate: {size: 1KiB}}", test_path("turned.txt"));
  return yaml;
}
static void collect_glob(struct rows *rows, const char *pattern, size_t most) {
  glob_t found;
  ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    size_t size;
    char *bytes = file_read(found.gl_pathv[i], &size);
    rows_lines(rows, bytes, size);
    ck_assert_uint_le(size, most);
    mem_free(bytes);
  }
  ck_assert(rows->count < ROWS || found.gl_pathc > 3);
  globfree(&found);
}
static void collect_parts(struct rows *rows) { collect_glob(rows, test_path("parts/contract-row *.txt"), 10); }
static void collect_rotated(struct rows *rows) { collect_glob(rows, test_path("turned*.txt"), 16 * 1024); }

/* ---- stdout: descriptor 1 is lent ---- */

static int real_stdout = -1;
static void stdout_to(int fd) {
  fflush(stdout);
  if (real_stdout < 0) real_stdout = dup(STDOUT_FILENO);
  ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
  close(fd);
}
static void stdout_back(void) { dup2(real_stdout, STDOUT_FILENO); }

static const char *make_stdout_file(void) {
  stdout_to(open(test_path("stdout.txt"), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  return "{style: encoded}";
}
static const char *make_stdout_format(void) {
  stdout_to(open(test_path("stdout.txt"), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  return "{format: 'row {id}'}";
}
static void collect_stdout_file(struct rows *rows) {
  size_t size;
  stdout_back();
  char *bytes = file_read(test_path("stdout.txt"), &size);
  rows_lines(rows, bytes, size);
  mem_free(bytes);
}

/* A pipe whose reader is slow to begin. */
static pthread_t pipe_thread;
static struct {
  int fd;
  char *bytes;
  size_t size;
} pipe_read;
static void *pipe_run(void *own) {
  (void)own;
  char piece[3000];
  ssize_t n;
  while ((n = read(pipe_read.fd, piece, sizeof piece)) > 0) {
    pipe_read.bytes = mem_resize(pipe_read.bytes, pipe_read.size + (size_t)n);
    memcpy(pipe_read.bytes + pipe_read.size, piece, (size_t)n);
    pipe_read.size += (size_t)n;
  }
  return NULL;
}
static const char *make_stdout_pipe(void) {
  int ends[2];
  ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
  pipe_read.fd = ends[0];
  stdout_to(ends[1]);
  pthread_create(&pipe_thread, NULL, pipe_run, NULL);
  return "{style: encoded}";
}
static void collect_stdout_pipe(struct rows *rows) {
  stdout_back();
  pthread_join(pipe_thread, NULL);
  close(pipe_read.fd);
  rows_lines(rows, pipe_read.bytes, pipe_read.size);
  mem_free(pipe_read.bytes);
  pipe_read.bytes = NULL;
  pipe_read.size = 0;
}

/* ---- tcp ---- */

static const char *make_connect(void) {
  receiver_listen(&receiver, 1, 0);
  snprintf(yaml, sizeof yaml, "{connect: '127.0.0.1:%d'}", receiver.port);
  return yaml;
}
static const char *make_connect_small(void) {
  receiver_listen(&receiver, 1, 0);
  snprintf(yaml, sizeof yaml, "{connect: 'localhost:%d', buffer: 100}", receiver.port);
  return yaml;
}
static const char *make_frames(void) {
  receiver_listen(&receiver, 1, 0);
  snprintf(yaml, sizeof yaml, "{connect: '127.0.0.1:%d', framing: length32}", receiver.port);
  return yaml;
}
static void collect_lines(struct rows *rows) {
  receiver_join(&receiver);
  rows_lines(rows, receiver.bytes, receiver.size);
  free(receiver.bytes);
}
static void collect_frames(struct rows *rows) {
  receiver_join(&receiver);
  for (size_t at = 0; at < receiver.size;) {
    uint32_t n;
    memcpy(&n, receiver.bytes + at, 4);
    n = ntohl(n);
    ck_assert_uint_le(at + 4 + n, receiver.size);
    rows_add(rows, receiver.bytes + at + 4, n, 0, 0);
    at += 4 + n;
  }
  free(receiver.bytes);
}

static const char *make_listen(void) {
  int port = port_free();
  snprintf(yaml, sizeof yaml, "{listen: '127.0.0.1:%d'}", port);
  receiver_start(&receiver, port);
  return yaml;
}
/* The head tells the client that it is served. */
static void opened_listen(struct writing *w) {
  for (int i = 0; i < 2000 && atomic_load(&receiver.received) == 0; i++) {
    struct timeval tick = {.tv_usec = 5000};
    event_base_loopexit(w->task->base, &tick);
    event_base_dispatch(w->task->base);
  }
  ck_assert_uint_gt(atomic_load(&receiver.received), 0);
}
static void collect_listen(struct rows *rows) {
  struct rows all = {0};
  collect_lines(&all);
  ck_assert_str_eq(all.text[0], "head");
  for (uint32_t i = 1; i < all.count; i++) rows_add(rows, all.text[i], strlen(all.text[i]), 0, 0);
  rows_free(&all);
}

/* ---- kafka ---- */

static const char *make_kafka(void) { return "{brokers: embedded, topic: contract, key: text}"; }
static void collect_kafka(struct rows *rows) {
  static const struct reading_options bounded = {.bounded = true};
  struct reading *r =
      reading_open(&spate_source_kafka, "{brokers: embedded, topics: [contract], group: contract}", &bounded, NULL, 0);
  ck_assert(reading_until(r, 1024, rows, UINT32_MAX / 2));
  reading_close(&r);
}

static const char *make_discard(void) { return "{}"; }

static const struct sink_case CASES[] = {
    {.name = "discard", .api = &spate_sink_discard, .make = make_discard},
    {.name = "stdout, a file", .api = &spate_sink_stdout, .make = make_stdout_file, .collect = collect_stdout_file},
    {.name = "stdout, a pipe", .api = &spate_sink_stdout, .make = make_stdout_pipe, .collect = collect_stdout_pipe},
    {.name = "stdout, format",
     .api = &spate_sink_stdout,
     .make = make_stdout_format,
     .collect = collect_stdout_file,
     .blind = true},
    {.name = "file", .api = &spate_sink_file, .make = make_file, .collect = collect_file},
    {.name = "file, gzip", .api = &spate_sink_file, .make = make_gzip, .collect = collect_gzip},
    {.name = "file, zstd", .api = &spate_sink_file, .make = make_zstd, .collect = collect_zstd},
    {.name = "file, one a row",
     .api = &spate_sink_file,
     .make = make_parts,
     .collect = collect_parts,
     .any_order = true},
    {.name = "file, rotated",
     .api = &spate_sink_file,
     .make = make_rotated,
     .collect = collect_rotated,
     .any_order = true},
    {.name = "tcp, connect", .api = &spate_sink_tcp, .make = make_connect, .collect = collect_lines},
    {.name = "tcp, a small buffer", .api = &spate_sink_tcp, .make = make_connect_small, .collect = collect_lines},
    {.name = "tcp, frames", .api = &spate_sink_tcp, .make = make_frames, .collect = collect_frames},
    {.name = "tcp, listen",
     .api = &spate_sink_tcp,
     .make = make_listen,
     .opened = opened_listen,
     .collect = collect_listen,
     .head = "head\n"},
    {.name = "kafka", .api = &spate_sink_kafka, .make = make_kafka, .collect = collect_kafka, .any_order = true},
};
#define COUNT (int)(sizeof CASES / sizeof CASES[0])

static struct writing *case_open(const struct sink_case *c) {
  struct writing_options options = {.head = c->head};
  struct writing *w = writing_open(c->api, c->make(), &options, NULL);
  if (c->opened != NULL) c->opened(w);
  return w;
}

/* Rows [0, count) but those in `without`, once each. */
static void case_check(const struct sink_case *c, uint32_t count, uint32_t without_from, uint32_t without_to) {
  struct rows rows = {0};
  if (c->collect == NULL) return;
  c->collect(&rows);
  uint8_t *seen = mem_zero(count + 1, 1);
  int64_t last = -1;
  for (uint32_t i = 0; i < rows.count; i++) {
    unsigned number;
    char end;
    ck_assert_msg(sscanf(rows.text[i], "row %u%c", &number, &end) == 1 && number < count, "%s: a foreign row: '%s'",
                  c->name, rows.text[i]);
    ck_assert_msg(!seen[number], "%s: row %u is there twice", c->name, number);
    seen[number] = 1;
    if (!c->any_order) ck_assert_msg(last < (int64_t)number, "%s: row %u is out of order", c->name, number);
    last = number;
  }
  for (uint32_t i = 0; i < count; i++) {
    bool wanted = i < without_from || i >= without_to;
    ck_assert_msg(seen[i] == wanted, "%s: row %u is %s", c->name, i, wanted ? "missing" : "there");
  }
  mem_free(seen);
  rows_free(&rows);
}

/* ---- the tests ---- */

START_TEST(test_descriptor) {
  const struct spate_sink_api *api = CASES[_i].api;
  ck_assert_uint_eq(api->version, SPATE_API_VERSION);
  ck_assert_uint_eq(api->size, sizeof *api);
  ck_assert(api->name != NULL && api->help != NULL);
  ck_assert(api->open && api->close && api->writer_open && api->write && api->prepare && api->writer_close);
  for (const struct spate_option *o = api->options; o->name != NULL; o++)
    ck_assert_msg(o->help != NULL && o->offset < api->config_size, "%s.%s", api->name, o->name);
}
END_TEST

/* Batches of all sizes, epochs among them. */
START_TEST(test_rows) {
  static const uint32_t SIZES[] = {1, 7, 1024, 300, 1};
  const struct sink_case *c = &CASES[_i];
  struct writing *w = case_open(c);
  uint32_t at = 0;
  for (int k = 0; at < ROWS; k++) {
    uint32_t n = SIZES[k % 5] < ROWS - at ? SIZES[k % 5] : ROWS - at;
    writing_rows(w, at, at + n);
    at += n;
    if (k % 3 == 0) writing_epoch(w);
  }
  writing_epoch(w);
  writing_close(&w);
  case_check(c, ROWS, 0, 0);
}
END_TEST

/* An epoch without rows, and one after another. */
START_TEST(test_empty_epochs) {
  const struct sink_case *c = &CASES[_i];
  struct writing *w = case_open(c);
  writing_epoch(w);
  writing_rows(w, 0, 2);
  writing_epoch(w);
  writing_epoch(w);
  writing_close(&w);
  case_check(c, 2, 0, 0);
}
END_TEST

/* Rows that the codec rejected are left out; rows that a filter left out of the batch too. */
START_TEST(test_rejected) {
  const struct sink_case *c = &CASES[_i];
  struct writing *w = case_open(c);
  struct spate_batch *batch = rows_batch(0, 10, NULL);
  struct spate_payloads *payloads = rows_payloads(0, 10, NULL);
  for (uint32_t i = 3; i < 6 && !c->blind; i++) payloads->length[i] = UINT32_MAX - 1;
  writing_batch(w, batch, payloads, true);
  spate_batch_unref(batch);
  payloads_free(&payloads);
  /* of ten rows the last five are selected, and only they have payloads */
  static const uint16_t SELECTED[] = {5, 6, 7, 8, 9};
  struct spate_batch *whole = rows_batch(10, 20, NULL);
  batch = batch_select(whole, SELECTED, 5);
  spate_batch_unref(whole);
  payloads = rows_payloads(15, 20, NULL);
  writing_batch(w, batch, payloads, true);
  spate_batch_unref(batch);
  payloads_free(&payloads);
  writing_rows(w, 10, 15);
  writing_epoch(w);
  writing_close(&w);
  struct sink_case loose = *c;
  loose.any_order = true;
  case_check(&loose, 20, c->blind ? 0 : 3, c->blind ? 0 : 6);
}
END_TEST

/* Rows of the next epoch may be written before the last is prepared. */
START_TEST(test_overlap) {
  const struct sink_case *c = &CASES[_i];
  struct spate_error err = {0};
  struct writing *w = case_open(c);
  for (uint32_t at = 0; at < 600; at += 100) {
    writing_rows(w, at, at + 50);
    enum spate_result result;
    w->epoch++;
    while ((result = c->api->prepare(w->writer, w->epoch, &err)) == SPATE_BLOCKED) task_wait(w->task);
    writing_rows(w, at + 50, at + 100);
    while (result == SPATE_LATER && atomic_load(&w->task->prepared) < w->epoch) task_wait(w->task);
  }
  writing_epoch(w);
  writing_close(&w);
  case_check(c, 600, 0, 0);
}
END_TEST

/* A sink may be closed at any time, with rows under way. */
START_TEST(test_close) {
  const struct sink_case *c = &CASES[_i];
  struct spate_error err = {0};
  struct rows rows = {0};
  struct writing *w = case_open(c);
  writing_rows(w, 0, 1000);
  c->api->prepare(w->writer, 1, &err);
  writing_close(&w);
  bool parts = c->make == make_connect || c->make == make_connect_small || c->make == make_frames;
  if (c->collect != NULL && !parts) c->collect(&rows); /* whatever is there must be whole rows */
  if (parts) receiver_join(&receiver), free(receiver.bytes);
  rows_free(&rows);
}
END_TEST

/* What is opened is closed: no descriptor and no thread is left behind. */
START_TEST(test_descriptors) {
  const struct sink_case *c = &CASES[_i];
  if (c->api == &spate_sink_kafka) return; /* the cluster in this process keeps its own */
  uint32_t before = 0;
  for (uint32_t round = 0; round < 3; round++) {
    struct rows rows = {0};
    const char *options = c->make();
    struct writing_options o = {.head = c->head, .resumed = round > 0};
    struct writing *w = writing_open(c->api, options, &o, NULL);
    if (c->opened != NULL) c->opened(w);
    writing_rows(w, 0, 100);
    writing_epoch(w);
    writing_close(&w);
    if (c->collect != NULL && c->api != &spate_sink_file) c->collect(&rows);
    rows_free(&rows);
    if (round > 0) ck_assert_msg(descriptors_open() == before, "%s leaves descriptors open", c->name);
    before = descriptors_open();
  }
}
END_TEST

Suite *suite_sinks(void) {
  Suite *s = suite_create("sinks");
  TCase *t = tcase_create("every sink");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, test_descriptor, 0, COUNT);
  tcase_add_loop_test(t, test_rows, 0, COUNT);
  tcase_add_loop_test(t, test_empty_epochs, 0, COUNT);
  tcase_add_loop_test(t, test_rejected, 0, COUNT);
  tcase_add_loop_test(t, test_overlap, 0, COUNT);
  tcase_add_loop_test(t, test_close, 0, COUNT);
  tcase_add_loop_test(t, test_descriptors, 0, COUNT);
  suite_add_tcase(s, t);
  return s;
}
