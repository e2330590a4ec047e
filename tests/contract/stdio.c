/* stdio: the table as a person sees it, ends that go away, and records that would steer the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../daemon/base/mem.h"
#include "host.h"

static int saved = -1;

static void stdout_to(int fd) {
  fflush(stdout);
  saved = dup(STDOUT_FILENO);
  ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
  close(fd);
}
static void stdout_back(void) {
  dup2(saved, STDOUT_FILENO);
  close(saved);
}

static void write_texts(struct writing *w, uint32_t from, const char *const *text, uint32_t count) {
  struct spate_batch *batch = rows_batch(from, from + count, text);
  struct spate_payloads *payloads = rows_payloads(from, from + count, text);
  writing_batch(w, batch, payloads, true);
  spate_batch_unref(batch);
  payloads_free(&payloads);
}

static char *file_output(const char *yaml, const char *const *text, uint32_t count) {
  static const struct writing_options none = {0};
  stdout_to(open(test_path("out.txt"), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  struct writing *w = writing_open(&spate_sink_stdout, yaml, &none, NULL);
  write_texts(w, 7, text, count);
  writing_epoch(w);
  writing_close(&w);
  stdout_back();
  return file_read(test_path("out.txt"), NULL);
}

START_TEST(test_plain_table) {
  static const char *const TEXT[] = {"short", NULL,
                                     "gr\xc3\xbc\xc3\x9f"
                                     "e",
                                     "bad\033[2J\x9b\xff", "longer than its column"};
  char *out = file_output("{style: table}", TEXT, 5);
  ck_assert_str_eq(out,
                   "        id  text              at\n"
                   "------------------------------------------------------\n"
                   "         7  short             2023-11-14T22:13:27Z\n"
                   "         8  null              2023-11-14T22:13:28Z\n"
                   "         9  gr\xc3\xbc\xc3\x9f"
                   "e             2023-11-14T22:13:29Z\n"
                   "        10  bad?[2J??         2023-11-14T22:13:30Z\n"
                   "        11  longer than its column  2023-11-14T22:13:31Z\n");
  mem_free(out);
}
END_TEST

START_TEST(test_format) {
  static const char *const TEXT[] = {"a", "b"};
  char *out = file_output("{format: 'got: {text} ({id}) {{x}'}", TEXT, 2);
  ck_assert_str_eq(out, "got: a (7) {x}\ngot: b (8) {x}\n");
  mem_free(out);
}
END_TEST

/* Without table, format or a terminal the codec's bytes are written. */
START_TEST(test_auto_is_encoded) {
  static const char *const TEXT[] = {"{\"a\":1}", "{\"a\":2}"};
  char *out = file_output("{}", TEXT, 2);
  ck_assert_str_eq(out, "{\"a\":1}\n{\"a\":2}\n");
  mem_free(out);
}
END_TEST

static size_t terminal_output(const char *yaml, const char *const *text, uint32_t count, char *out, size_t room) {
  static const struct writing_options none = {0};
  struct winsize size = {.ws_row = 30, .ws_col = 40};
  int master, slave;
  ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
  stdout_to(slave);
  struct writing *w = writing_open(&spate_sink_stdout, yaml, &none, NULL);
  write_texts(w, 7, text, count);
  writing_epoch(w);
  fcntl(master, F_SETFL, O_NONBLOCK);
  size_t n = 0;
  ssize_t got;
  while ((got = read(master, out + n, room - 1 - n)) > 0) n += (size_t)got;
  out[n] = 0;
  writing_close(&w);
  stdout_back();
  close(master);
  return n;
}

/* On a terminal: colours (unless NO_COLOR), short times, cells cut to its width, nothing of a record acts on it. */
START_TEST(test_terminal) {
  static const char *const TEXT[] = {"x\033[31mred", "a text that is far too long for a screen of forty columns"};
  char out[8192];
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  terminal_output("{}", TEXT, 2, out, sizeof out);
  ck_assert_ptr_nonnull(strstr(out, "\033[1mid"));
  ck_assert_ptr_null(strstr(out, "\033[31m"));
  ck_assert_ptr_nonnull(strstr(out, "22:13:27"));
  ck_assert_ptr_nonnull(strstr(out, "2023-11-14"));
  ck_assert_ptr_nonnull(strstr(out, "…"));
  setenv("NO_COLOR", "1", 1);
  terminal_output("{}", TEXT, 2, out, sizeof out);
  ck_assert_ptr_null(strchr(out, 033));
  for (const char *line = strtok(out, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
    size_t width = 0;
    for (const char *p = line; *p != 0; p++) width += (*p & 0xc0) != 0x80;
    ck_assert_msg(width <= 40, "wider than the screen: %s", line);
  }
  terminal_output("{format: '{text}'}", TEXT, 2, out, sizeof out);
  ck_assert_ptr_null(strchr(out, 033));
}
END_TEST

/* A reader that goes away is a failure that a restart does not mend; the process lives. */
START_TEST(test_reader_gone) {
  static const struct writing_options none = {0};
  int ends[2];
  struct spate_error err = {0};
  uint32_t done = 0;
  ck_assert_int_eq(pipe(ends), 0);
  stdout_to(ends[1]);
  struct writing *w = writing_open(&spate_sink_stdout, "{style: encoded}", &none, NULL);
  close(ends[0]);
  struct spate_batch *batch = rows_batch(0, 3, NULL);
  struct spate_payloads *payloads = rows_payloads(0, 3, NULL);
  ck_assert_int_eq(w->api->write(w->writer, batch, payloads, &done, &err), SPATE_FAIL);
  ck_assert(err.fatal);
  spate_batch_unref(batch);
  payloads_free(&payloads);
  writing_close(&w);
  stdout_back();
}
END_TEST

/* A pipe that nobody reads holds us back, and does not block; our end is not made non-blocking for others. */
START_TEST(test_full_pipe) {
  static const struct writing_options none = {0};
  struct spate_error err = {0};
  int ends[2];
  uint32_t done = 0;
  ck_assert_int_eq(pipe(ends), 0);
  int shared = dup(ends[1]);
  stdout_to(ends[1]);
  struct writing *w = writing_open(&spate_sink_stdout, "{style: encoded}", &none, NULL);
  struct spate_batch *batch = rows_batch(0, 1000, NULL);
  struct spate_payloads *payloads = rows_payloads(0, 1000, NULL);
  enum spate_result result = SPATE_OK;
  int writes = 0;
  for (; result == SPATE_OK && writes < 1000; writes++) {
    done = 0;
    result = w->api->write(w->writer, batch, payloads, &done, &err);
  }
  ck_assert_int_eq(result, SPATE_BLOCKED);
  ck_assert_int_lt(writes, 200);
  ck_assert_int_eq(fcntl(shared, F_GETFL) & O_NONBLOCK, 0);
  char bytes[65536];
  ck_assert_int_gt(read(ends[0], bytes, sizeof bytes), 0);
  task_wait(w->task); /* room: we are woken */
  spate_batch_unref(batch);
  payloads_free(&payloads);
  writing_close(&w);
  stdout_back();
  close(ends[0]);
  close(shared);
}
END_TEST

START_TEST(test_stdin_null) {
  static const struct reading_options bounded = {.bounded = true};
  struct rows rows = {0};
  ck_assert_int_ge(dup2(open("/dev/null", O_RDONLY), STDIN_FILENO), 0);
  struct reading *r = reading_open(&spate_source_stdin, "{}", &bounded, NULL, 0);
  ck_assert(reading_until(r, 10, &rows, 1));
  ck_assert_uint_eq(rows.count, 0);
  reading_close(&r);
}
END_TEST

/* A line that is there is given before the pipe ends, and the header is kept apart. */
START_TEST(test_stdin_live) {
  static const struct reading_options options = {.want_header = true};
  struct rows rows = {0};
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_ge(dup2(ends[0], STDIN_FILENO), 0);
  struct reading *r = reading_open(&spate_source_stdin, "{max_line: 10}", &options, NULL, 0);
  ck_assert_int_eq(reading_pull(r, 10, &rows), SPATE_IDLE);
  ck_assert_int_eq(write(ends[1], "a,b\n1,2\n3,", 10), 10);
  ck_assert(!reading_until(r, 10, &rows, 1));
  ck_assert_str_eq(rows.text[0], "1,2");
  ck_assert_int_eq(rows.position[0], 2);
  ck_assert_uint_eq(last_payloads.header_length, 3);
  ck_assert_int_eq(memcmp(last_payloads.header, "a,b", 3), 0);
  ck_assert_int_eq(reading_pull(r, 10, &rows), SPATE_IDLE);
  ck_assert_int_eq(r->api->state(r->reader, 0), SPATE_PART_CAUGHT_UP);
  ck_assert_int_eq(write(ends[1], "4\n0123456789x\nend", 17), 17);
  close(ends[1]);
  ck_assert(reading_until(r, 10, &rows, 100));
  ck_assert_uint_eq(rows.count, 3);
  ck_assert_str_eq(rows.text[1], "3,4");
  ck_assert_str_eq(rows.text[2], "end"); /* between them a line that was too long */
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

Suite *suite_stdio(void) {
  Suite *s = suite_create("stdio");
  TCase *t = tcase_create("stdio");
  tcase_set_timeout(t, 30);
  tcase_add_test(t, test_plain_table);
  tcase_add_test(t, test_format);
  tcase_add_test(t, test_auto_is_encoded);
  tcase_add_test(t, test_terminal);
  tcase_add_test(t, test_reader_gone);
  tcase_add_test(t, test_full_pipe);
  tcase_add_test(t, test_stdin_null);
  tcase_add_test(t, test_stdin_live);
  suite_add_tcase(s, t);
  return s;
}
