/* file: what happens to files while they are read: they grow, are rotated, truncated, replaced; and what a sink must
 * not do: write outside its directory, or go on behind half a line. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "../../daemon/base/mem.h"
#include "clients.h"
#include "host.h"

static const struct reading_options BOUNDED = {.bounded = true}, LIVE = {0};
static char yaml[1024];

static void put(const char *path, const char *text) { file_write(path, text, strlen(text), "a"); }

static const char *options(const char *path, const char *more) {
  snprintf(yaml, sizeof yaml, "{path: '%s'%s}", path, more);
  return yaml;
}

static void expect(struct rows *rows, const char *const *text, uint32_t count) {
  for (uint32_t i = 0; i < count && i < rows->count; i++) ck_assert_str_eq(rows->text[i], text[i]);
  ck_assert_uint_eq(rows->count, count);
}
#define EXPECT(rows, ...)                                              \
  do {                                                                 \
    static const char *const texts[] = {__VA_ARGS__};                  \
    expect((rows), texts, (uint32_t)(sizeof texts / sizeof texts[0])); \
  } while (0)

/* ---- source: following ---- */

START_TEST(test_follow) {
  struct rows rows = {0};
  const char *path = test_path("app.log");
  put(path, "a\nb\nhal");
  struct reading *r = reading_open(&spate_source_file, options(path, ", follow: true"), &LIVE, NULL, 0);
  reading_until(r, 10, &rows, 2);
  EXPECT(&rows, "a", "b"); /* the unfinished line waits */
  ck_assert_int_eq(reading_pull(r, 10, &rows), SPATE_IDLE);
  ck_assert_int_eq(r->api->state(r->reader, 0), SPATE_PART_CAUGHT_UP);
  put(path, "f\nc\n");
  reading_until(r, 10, &rows, 2);
  EXPECT(&rows, "a", "b", "half", "c");
  ck_assert_int_eq(rows.position[3], 4);
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* The old file is read to its end, also what is written to it after it was renamed; then the new one. */
START_TEST(test_rotation) {
  struct rows rows = {0};
  const char *path = test_path("app.log");
  put(path, "a\n");
  struct reading *r = reading_open(&spate_source_file, options(path, ", follow: true"), &LIVE, NULL, 0);
  reading_until(r, 10, &rows, 1);
  ck_assert_int_eq(reading_pull(r, 10, &rows), SPATE_IDLE);
  FILE *held = fopen(path, "a");
  ck_assert_int_eq(rename(path, test_path("app.log.1")), 0);
  put(path, "new 1\nnew 2\n");
  fputs("b\nlast of the old", held);
  fclose(held);
  reading_until(r, 10, &rows, 4);
  EXPECT(&rows, "a", "b", "last of the old", "new 1", "new 2");
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* Rotated twice while we were away: the rest of the old, the one between, the new. */
START_TEST(test_rotation_while_away) {
  struct rows rows = {0};
  struct place *places;
  const char *path = test_path("app.log");
  put(path, "a\nb\nc\n");
  struct reading *r = reading_open(&spate_source_file, options(path, ", follow: true"), &LIVE, NULL, 0);
  reading_until(r, 2, &rows, 2);
  uint32_t count = reading_places(r, &places);
  reading_close(&r);
  put(path, "d\n");
  ck_assert_int_eq(rename(path, test_path("app.log.2")), 0);
  struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}}, between[2] = {{.tv_sec = 2000}, {.tv_sec = 2000}};
  ck_assert_int_eq(utimensat(AT_FDCWD, test_path("app.log.2"), old, 0), 0);
  put(test_path("app.log.1"), "e\n");
  put(test_path("app.log.bak"), "a copy that nobody rotated\n");
  ck_assert_int_eq(utimensat(AT_FDCWD, test_path("app.log.1"), between, 0), 0);
  put(path, "f\n");
  r = reading_open(&spate_source_file, options(path, ", follow: true"), &LIVE, places, count);
  reading_until(r, 10, &rows, 4);
  EXPECT(&rows, "a", "b", "c", "d", "e", "f");
  reading_close(&r);
  mem_free(places);
  rows_free(&rows);
}
END_TEST

START_TEST(test_truncation) {
  struct rows rows = {0};
  const char *path = test_path("app.log");
  put(path, "a\nb\n");
  struct reading *r = reading_open(&spate_source_file, options(path, ", follow: true"), &LIVE, NULL, 0);
  reading_until(r, 10, &rows, 2);
  ck_assert_int_eq(reading_pull(r, 10, &rows), SPATE_IDLE);
  ck_assert_int_eq(truncate(path, 0), 0);
  put(path, "c\n");
  reading_until(r, 10, &rows, 1);
  EXPECT(&rows, "a", "b", "c");
  ck_assert_int_eq(rows.position[2], 1);
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* New files of a pattern are new partitions; a rotated name of one that is read is not. */
START_TEST(test_new_files) {
  struct rows rows = {0};
  put(test_path("a.log"), "a1\n");
  struct reading *r = reading_open(&spate_source_file, options(test_path("*.log*"), ", follow: true"), &LIVE, NULL, 0);
  reading_until(r, 10, &rows, 1);
  ck_assert_int_eq(reading_pull(r, 10, &rows), SPATE_IDLE);
  ck_assert_int_eq(rename(test_path("a.log"), test_path("a.log.1")), 0);
  put(test_path("b.log"), "b1\n");
  reading_assign_new(r, NULL, 0);
  ck_assert_uint_eq(r->count, 2);
  ck_assert_str_eq(r->list[1].name, test_path("b.log"));
  reading_until(r, 10, &rows, 1);
  EXPECT(&rows, "a1", "b1");
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* --bounded leaves the unfinished line of a followed file to the next run; a file read once ends with it. */
START_TEST(test_last_line) {
  struct rows rows = {0};
  struct place *places;
  const char *path = test_path("rows.txt");
  put(path, "a\nb");
  struct reading *r = reading_open(&spate_source_file, options(path, ", follow: true"), &BOUNDED, NULL, 0);
  ck_assert(reading_until(r, 10, &rows, 100));
  EXPECT(&rows, "a");
  uint32_t count = reading_places(r, &places);
  reading_close(&r);
  put(path, "b\n");
  r = reading_open(&spate_source_file, options(path, ", follow: true"), &BOUNDED, places, count);
  put(path, "what comes after the start is for the next run\n");
  ck_assert(reading_until(r, 10, &rows, 100));
  EXPECT(&rows, "a", "bb");
  reading_close(&r);
  mem_free(places);
  rows_free(&rows);
}
END_TEST

/* ---- source: reading ---- */

/* Another file under the same name is read from its start, a longer one of the same beginning goes on. */
START_TEST(test_replaced) {
  struct rows rows = {0};
  struct place *places;
  const char *path = test_path("rows.txt");
  put(path, "a\nb\n");
  struct reading *r = reading_open(&spate_source_file, options(path, ""), &LIVE, NULL, 0);
  ck_assert(reading_until(r, 10, &rows, 100));
  uint32_t count = reading_places(r, &places);
  reading_close(&r);
  put(path, "c\n");
  r = reading_open(&spate_source_file, options(path, ""), &LIVE, places, count);
  ck_assert(reading_until(r, 10, &rows, 100));
  EXPECT(&rows, "a", "b", "c");
  reading_close(&r);
  put(test_path("new.txt"), "x\ny\nz\nand more than before\n");
  ck_assert_int_eq(rename(test_path("new.txt"), path), 0);
  r = reading_open(&spate_source_file, options(path, ""), &LIVE, places, count);
  ck_assert(reading_until(r, 10, &rows, 100));
  EXPECT(&rows, "a", "b", "c", "x", "y", "z", "and more than before");
  reading_close(&r);
  mem_free(places);
  rows_free(&rows);
}
END_TEST

/* The first line is kept apart: at a start, after a resume, and in a packed file. */
START_TEST(test_header) {
  static const struct reading_options wanted = {.want_header = true};
  const char *path = _i == 0 ? test_path("rows.csv") : test_path("rows.csv.gz");
  struct rows rows = {0};
  struct place *places;
  gzFile f = gzopen(path, _i == 0 ? "wT" : "w");
  gzputs(f, "\xef\xbb\xbf" + (_i == 0 ? 0 : 3));
  gzputs(f, "id,name\n1,a\n2,b\n3,c\n");
  gzclose(f);
  struct reading *r = reading_open(&spate_source_file, options(path, ""), &wanted, NULL, 0);
  uint32_t count = reading_places(r, &places);
  mem_free(places);
  reading_until(r, 1, &rows, 1);
  ck_assert_uint_eq(last_payloads.header_length, 7);
  ck_assert_int_eq(memcmp(last_payloads.header, "id,name", 7), 0);
  count = reading_places(r, &places);
  reading_close(&r);
  for (int twice = 0; twice < 2; twice++) { /* a position that is taken before the first pull is the same */
    r = reading_open(&spate_source_file, options(path, ""), &wanted, places, count);
    if (twice == 1) break;
    mem_free(places);
    count = reading_places(r, &places);
    reading_close(&r);
  }
  reading_until(r, 1, &rows, 1);
  ck_assert_uint_eq(last_payloads.header_length, 7);
  ck_assert_int_eq(memcmp(last_payloads.header, "id,name", 7), 0);
  ck_assert(reading_until(r, 10, &rows, 100));
  EXPECT(&rows, "1,a", "2,b", "3,c");
  ck_assert_int_eq(rows.position[0], 2);
  ck_assert_int_eq(rows.position[2], 4);
  reading_close(&r);
  mem_free(places);
  rows_free(&rows);
}
END_TEST

START_TEST(test_quoted) {
  static const struct reading_options quoted = {.quoted = true, .bounded = true};
  struct rows rows = {0};
  const char *path = test_path("rows.csv");
  put(path, "a,\"x\ny\"\r\nb,2\nc,\"never closed\nd,3\n");
  struct reading *r = reading_open(&spate_source_file, options(path, ""), &quoted, NULL, 0);
  ck_assert(reading_until(r, 10, &rows, 100));
  EXPECT(&rows, "a,\"x\ny\"", "b,2", "c,\"never closed\nd,3\n");
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* Line numbers count what was left out, and metadata says where a row is from. */
START_TEST(test_long_lines_and_metas) {
  static const struct reading_options metas = {.metas = 1u << SPATE_META_PATH | 1u << SPATE_META_LINE};
  struct rows rows = {0};
  const char *path = test_path("rows.txt");
  char *longer = mem_alloc(900001);
  memset(longer, 'x', 900000);
  longer[900000] = 0;
  put(path, "a\n");
  put(path, longer);
  put(path, "\nb\n0123456789\n01234567890\nc\n");
  put(path, longer);
  struct reading *r = reading_open(&spate_source_file, options(path, ", max_line: 10"), &metas, NULL, 0);
  reading_until(r, 10, &rows, 3);
  uint32_t length;
  const struct spate_column *line = last_payloads.meta[SPATE_META_LINE], *file = last_payloads.meta[SPATE_META_PATH];
  ck_assert_int_eq(line->i64[line->rows - 1], rows.position[rows.count - 1]);
  ck_assert_int_eq(strncmp(spate_column_bytes(file, 0, &length), path, strlen(path)), 0);
  ck_assert_uint_eq(length, strlen(path));
  ck_assert(reading_until(r, 10, &rows, 100));
  EXPECT(&rows, "a", "b", "0123456789", "c");
  ck_assert_int_eq(rows.position[0], 1);
  ck_assert_int_eq(rows.position[1], 3);
  ck_assert_int_eq(rows.position[2], 4);
  ck_assert_int_eq(rows.position[3], 6);
  reading_close(&r);
  mem_free(longer);
  rows_free(&rows);
}
END_TEST

static const char *open_error(const char *yaml_text) {
  static struct spate_error err;
  void *source;
  struct spate_source_args args = {.where = {"contract", "file"}};
  err.message[0] = 0;
  args.config = options_fill(spate_source_file.options, spate_source_file.config_size, NULL, yaml_text,
                             spate_source_file.check, NULL);
  if (spate_source_file.open(&args, &source, &err) == 0) spate_source_file.close(source);
  return err.message;
}

START_TEST(test_errors) {
  const char *problem;
  ck_assert_ptr_nonnull(strstr(open_error(options(test_path("none.txt"), "")), "No such file"));
  ck_assert_ptr_nonnull(strstr(open_error(options(test_path("*.none"), "")), "no file matches"));
  ck_assert_int_eq(mkdir(test_path("directory"), 0700), 0);
  ck_assert_ptr_nonnull(strstr(open_error(options(test_path("directory"), "")), "is a directory"));
  ck_assert_str_eq(open_error(options(test_path("later.txt"), ", follow: true")), "");
  options_fill(spate_source_file.options, spate_source_file.config_size, NULL, "{path: a.gz, follow: true}",
               spate_source_file.check, &problem);
  ck_assert_ptr_nonnull(strstr(problem, "compressed"));
}
END_TEST

/* What is missing of a packed file is not passed over. */
START_TEST(test_broken_gzip) {
  struct spate_error err = {0};
  struct spate_payloads *out = mem_zero(1, sizeof *out);
  size_t size;
  gzFile f = gzopen(test_path("rows.gz"), "w");
  for (int i = 0; i < 1000; i++) gzprintf(f, "row %d\n", i * 7919);
  gzclose(f);
  char *packed = file_read(test_path("rows.gz"), &size);
  file_write(test_path("rows.gz"), packed, size / 2, "w");
  struct reading *r = reading_open(&spate_source_file, options(test_path("rows.gz"), ""), &LIVE, NULL, 0);
  enum spate_result result;
  while ((result = r->api->pull(r->reader, 1024, out, &err)) == SPATE_OK)
    spate_buffer_unref(out->buffer), out->count = 0;
  ck_assert_int_eq(result, SPATE_FAIL);
  ck_assert_msg(strstr(err.message, "ends in the middle") != NULL, "%s", err.message);
  reading_close(&r);
  mem_free(packed);
  mem_free(out);
}
END_TEST

/* Hundreds of files: each a partition, in an order that stays, few of them open at a time. */
START_TEST(test_many_files) {
  struct rows rows = {0};
  for (int i = 0; i < 300; i++) {
    char text[40];
    snprintf(text, sizeof text, "row %d\n", i);
    put(test_path("many-%03d.txt", i), text);
  }
  struct reading *r = reading_open(&spate_source_file, options(test_path("many-*.txt"), ""), &LIVE, NULL, 0);
  ck_assert_uint_eq(r->count, 300);
  for (uint32_t i = 0; i < 300; i++) ck_assert_str_eq(r->list[i].name, test_path("many-%03u.txt", i));
  ck_assert(reading_until(r, 1024, &rows, 1000));
  ck_assert_uint_eq(rows.count, 300);
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* ---- sink ---- */

static const char *sink_state_dir;

static struct writing *sink_open(const char *path, const char *more, bool resumed, struct spate_error *err) {
  struct writing_options o = {.resumed = resumed, .head = "head\n", .state_dir = sink_state_dir};
  snprintf(yaml, sizeof yaml, "{path: '%s'%s}", path, more);
  return writing_open(&spate_sink_file, yaml, &o, err);
}

static void sink_rows(const char *path, const char *more, bool resumed, uint32_t from, uint32_t to) {
  struct writing *w = sink_open(path, more, resumed, NULL);
  writing_rows(w, from, to);
  writing_epoch(w);
  writing_close(&w);
}

static void content(const char *path, const char *text) {
  char *bytes = file_read(path, NULL);
  ck_assert_str_eq(bytes, text);
  mem_free(bytes);
}

START_TEST(test_if_exists) {
  struct spate_error err = {0};
  const char *path = test_path("out.txt");
  sink_rows(path, "", false, 0, 1);
  content(path, "head\nrow 0\n");
  ck_assert_ptr_null(sink_open(path, "", false, &err));
  ck_assert_ptr_nonnull(strstr(err.message, "if_exists"));
  ck_assert(err.fatal);
  content(path, "head\nrow 0\n");
  sink_rows(path, "", true, 1, 2); /* a pipeline that goes on */
  content(path, "head\nrow 0\nrow 1\n");
  sink_rows(path, ", if_exists: append", false, 2, 3);
  content(path, "head\nrow 0\nrow 1\nrow 2\n");
  sink_rows(path, ", if_exists: replace", false, 3, 4);
  content(path, "head\nrow 3\n");
  sink_rows(path, ", if_exists: replace", true, 4, 5);
  content(path, "head\nrow 3\nrow 4\n");
}
END_TEST

/* A run that died before its first commit left rows but no state: the next goes on; one after a commit does not. */
START_TEST(test_died_early) {
  struct spate_error err = {0};
  const char *path = test_path("out.txt");
  sink_state_dir = test_path(".");
  struct writing *w = sink_open(path, "", false, NULL);
  writing_rows(w, 0, 1);
  ck_assert_int_eq(w->api->prepare(w->writer, 1, &err), SPATE_LATER);
  writing_close(&w);
  sink_rows(path, "", false, 1, 2);
  content(path, "head\nrow 0\nrow 1\n");
  ck_assert_ptr_null(sink_open(path, "", false, &err));
}
END_TEST

/* What a crash left half written is cut away before more is written. */
START_TEST(test_torn) {
  size_t size;
  char bytes[200];
  const char *path = test_path("out.txt"), *packed = test_path("out.gz");
  put(path, "row 0\nrow 1\nro");
  sink_rows(path, "", true, 1, 3);
  content(path, "row 0\nrow 1\nrow 1\nrow 2\n");
  sink_rows(packed, "", false, 0, 2);
  char *member = file_read(packed, &size);
  file_write(packed, member, size - 3, "a"); /* a second member, cut */
  sink_rows(packed, "", true, 2, 3);
  gzFile f = gzopen(packed, "r");
  int n = gzread(f, bytes, sizeof bytes - 1);
  ck_assert_int_gt(n, 0);
  bytes[n] = 0;
  gzclose(f);
  ck_assert_str_eq(bytes, "head\nrow 0\nrow 1\nrow 2\n");
  mem_free(member);
}
END_TEST

/* A name made from a record never leads out of the directory: not up, not absolute, not by a link. */
START_TEST(test_beneath) {
  static const char *const NAMES[] = {"../up",   "..",   ".",    "",        NULL,  "a/../../up",
                                      "/etc/up", "a//b", "fine", "deep/er", "a/.."};
  ck_assert_int_eq(mkdir(test_path("root"), 0700), 0);
  struct writing *w = sink_open(test_path("root/{text}"), "", false, NULL);
  struct spate_batch *batch = rows_batch(0, 11, NAMES);
  struct spate_payloads *payloads = rows_payloads(0, 11, NULL);
  writing_batch(w, batch, payloads, true);
  spate_batch_unref(batch);
  payloads_free(&payloads);
  writing_epoch(w);
  writing_close(&w);
  ck_assert_int_ne(access(test_path("up"), F_OK), 0);
  ck_assert_int_ne(access("/etc/up", F_OK), 0);
  content(test_path("root/fine"), "head\nrow 8\n");
  content(test_path("root/deep/er"), "head\nrow 9\n");
  content(test_path("root/rows-without-a-name"),
          "head\nrow 0\nrow 1\nrow 2\nrow 3\nrow 4\nrow 5\nrow 6\nrow 7\nrow 10\n");
}
END_TEST

START_TEST(test_link_out) {
  static const char *const NAME[] = {"link/file"};
  struct spate_error err = {0};
  uint32_t done = 0;
  ck_assert_int_eq(mkdir(test_path("root"), 0700), 0);
  ck_assert_int_eq(symlink(test_path("."), test_path("root/link")), 0);
  struct writing *w = sink_open(test_path("root/{text}"), "", false, NULL);
  struct spate_batch *batch = rows_batch(0, 1, NAME);
  struct spate_payloads *payloads = rows_payloads(0, 1, NULL);
  ck_assert_int_eq(w->api->write(w->writer, batch, payloads, &done, &err), SPATE_FAIL);
  ck_assert_int_ne(access(test_path("file"), F_OK), 0);
  spate_batch_unref(batch);
  payloads_free(&payloads);
  writing_close(&w);
}
END_TEST

/* A full disk: the epoch waits, is tried again each second, and nothing is said to be prepared. */
START_TEST(test_full_disk) {
  struct spate_error err = {0};
  struct writing_options o = {0};
  struct writing *w = writing_open(&spate_sink_file, "{path: /dev/full}", &o, NULL);
  writing_rows(w, 0, 10);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(w->api->prepare(w->writer, 1, &err), SPATE_BLOCKED);
    task_wait(w->task);
  }
  writing_close(&w);
}
END_TEST

/* Files that were closed because too many are open are gone on with, whatever if_exists says. */
START_TEST(test_reopened) {
  struct writing *w = sink_open(test_path("r/{id}.txt"), ", max_open: 2", false, NULL);
  for (int round = 0; round < 3; round++) {
    writing_rows(w, 0, 5);
    writing_epoch(w);
  }
  writing_close(&w);
  content(test_path("r/3.txt"), "head\nrow 3\nrow 3\nrow 3\n");
}
END_TEST

START_TEST(test_dates) {
  char name[64];
  struct writing *w = sink_open(test_path("{pipeline}-{date}.txt"), "", false, NULL);
  w->task->clock = 1700000000000000 - spate_task_now(w->task);
  writing_rows(w, 0, 1);
  w->task->clock += 86400000000;
  writing_rows(w, 1, 2);
  writing_epoch(w);
  writing_close(&w);
  for (int day = 14; day < 16; day++) {
    snprintf(name, sizeof name, "contract-2023-11-%d.txt", day);
    content(test_path("%s", name), day == 14 ? "head\nrow 0\n" : "head\nrow 1\n");
  }
}
END_TEST

START_TEST(test_sink_options) {
  static const char *const BAD[] = {"{path: 'a-{epoch}'}",          "{path: a/}", "{path: ''}",
                                    "{path: '{nothing}'}",          "{}",         "{path: a, rotate: {every: -1s}}",
                                    "{path: a, rotate: {size: 0B}}"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    const char *problem;
    options_fill(spate_sink_file.options, spate_sink_file.config_size, &WRITTEN_SCHEMA, BAD[i], spate_sink_file.check,
                 &problem);
    ck_assert_msg(problem != NULL, "accepted: %s", BAD[i]);
  }
}
END_TEST

Suite *suite_file(void) {
  Suite *s = suite_create("file");
  TCase *t = tcase_create("file source");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, test_follow);
  tcase_add_test(t, test_rotation);
  tcase_add_test(t, test_rotation_while_away);
  tcase_add_test(t, test_truncation);
  tcase_add_test(t, test_new_files);
  tcase_add_test(t, test_last_line);
  tcase_add_test(t, test_replaced);
  tcase_add_loop_test(t, test_header, 0, 2);
  tcase_add_test(t, test_quoted);
  tcase_add_test(t, test_long_lines_and_metas);
  tcase_add_test(t, test_errors);
  tcase_add_test(t, test_broken_gzip);
  tcase_add_test(t, test_many_files);
  suite_add_tcase(s, t);
  t = tcase_create("file sink");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, test_if_exists);
  tcase_add_test(t, test_died_early);
  tcase_add_test(t, test_torn);
  tcase_add_test(t, test_beneath);
  tcase_add_test(t, test_link_out);
  tcase_add_test(t, test_full_disk);
  tcase_add_test(t, test_reopened);
  tcase_add_test(t, test_dates);
  tcase_add_test(t, test_sink_options);
  suite_add_tcase(s, t);
  return s;
}
