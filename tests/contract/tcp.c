/* tcp: clients that are too slow, too big, too many or gone, servers that come and go, and TLS that is verified. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../daemon/base/mem.h"
#include "clients.h"
#include "host.h"

static const struct reading_options BOUNDED = {.bounded = true}, LIVE = {0};
static const struct writing_options NONE = {0};
static char yaml[1024];
static int port;

static const char *listening(const char *more) {
  port = port_free();
  snprintf(yaml, sizeof yaml, "{listen: '127.0.0.1:%d'%s}", port, more);
  return yaml;
}

static int client(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
  return fd;
}

static void say(int fd, const char *text) {
  ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Waits for the other side to close; the loop goes on meanwhile. */
static void closed_by_it(struct reading *r, int fd, struct rows *rows) {
  char byte;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  for (int i = 0; i < 2000; i++) {
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) {
      close(fd);
      return;
    }
    struct timeval tick = {.tv_usec = 5000};
    event_base_loopexit(r->task->base, &tick);
    event_base_dispatch(r->task->base);
    reading_pull(r, 100, rows);
  }
  ck_abort_msg("the connection was not closed");
}

/* ---- source ---- */

START_TEST(test_too_long) {
  struct rows rows = {0};
  struct reading *r = reading_open(
      &spate_source_tcp, listening(_i == 0 ? ", max_frame: 10" : ", max_frame: 10, framing: length32"), &LIVE, NULL, 0);
  int big = client(), good = client();
  if (_i == 0) {
    say(big, "before\n0123456789 and more\nafter\n");
    say(good, "good\n");
  } else {
    ck_assert_int_eq(send(big, "\0\0\0\6before\xff\0\0\0", 14, 0), 14);
    ck_assert_int_eq(send(good, "\0\0\0\4good", 8, 0), 8);
  }
  reading_until(r, 10, &rows, 2);
  closed_by_it(r, big, &rows);
  ck_assert_uint_eq(rows.count, 2);
  if (_i == 0) say(good, "still\n");
  if (_i == 1) ck_assert_int_eq(send(good, "\0\0\0\5still", 9, 0), 9);
  reading_until(r, 10, &rows, 1);
  ck_assert_str_eq(rows.text[2], "still");
  close(good);
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* A line without end is cut off at the bound, not gathered. */
START_TEST(test_endless_line) {
  struct rows rows = {0};
  struct reading *r = reading_open(&spate_source_tcp, listening(", max_frame: 64KiB"), &BOUNDED, NULL, 0);
  struct sender s = {0};
  char *bytes = malloc(5000000);
  memset(bytes, 'x', 5000000);
  sender_start(&s, port, bytes, 5000000);
  ck_assert(reading_until(r, 10, &rows, 1));
  sender_join(&s);
  ck_assert(atomic_load(&s.closed_early));
  ck_assert_uint_eq(rows.count, 0);
  reading_close(&r);
}
END_TEST

START_TEST(test_idle_timeout) {
  struct rows rows = {0};
  struct reading *r = reading_open(&spate_source_tcp, listening(", idle_timeout: 150ms"), &LIVE, NULL, 0);
  int fd = client();
  say(fd, "one\nhalf a li");
  reading_until(r, 10, &rows, 1);
  closed_by_it(r, fd, &rows);
  ck_assert_uint_eq(rows.count, 1); /* what was cut off is no record */
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* A client that was held back by us is not idle, and what is not pulled is not read. */
START_TEST(test_held_back) {
  struct rows rows = {0};
  struct reading *r = reading_open(&spate_source_tcp, listening(", idle_timeout: 100ms"), &BOUNDED, NULL, 0);
  struct sender s = {0};
  size_t size;
  char *bytes = lines_make(0, 500000, 1, false, &size);
  sender_start(&s, port, bytes, size);
  reading_until(r, 100, &rows, 100);
  for (int i = 0; i < 5; i++) {
    struct timeval tick = {.tv_usec = 80000};
    event_base_loopexit(r->task->base, &tick);
    event_base_dispatch(r->task->base);
  }
  ck_assert(reading_until(r, 1024, &rows, UINT32_MAX / 2));
  ck_assert_uint_eq(rows.count, 500000);
  ck_assert_str_eq(rows.text[499999], "row 499999");
  sender_join(&s);
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* More clients than are allowed wait for their turn. */
START_TEST(test_max_connections) {
  struct rows rows = {0};
  struct sender s[8] = {0};
  struct reading *r = reading_open(&spate_source_tcp, listening(", max_connections: 2"), &LIVE, NULL, 0);
  for (uint32_t i = 0; i < 8; i++) {
    size_t size;
    char *bytes = lines_make(i * 10, i * 10 + 10, 1, false, &size);
    sender_start(&s[i], port, bytes, size);
  }
  reading_until(r, 1024, &rows, 80);
  ck_assert_uint_eq(rows.count, 80);
  while (reading_pull(r, 10, &rows) != SPATE_IDLE) continue;
  reading_close(&r);
  for (int i = 0; i < 8; i++) sender_join(&s[i]);
  rows_free(&rows);
}
END_TEST

/* Descriptors run out: clients are turned away, those that are there go on, and later ones are taken again. The clients
 * are another process, with descriptors of its own; it goes on when it is told to by a byte. */
static void forty_clients(int told) {
  int fd[40];
  char byte;
  for (int i = 0; i < 40; i++) fd[i] = client();
  for (int i = 0; i < 40; i++) send(fd[i], "hello\n", 6, MSG_NOSIGNAL);
  if (read(told, &byte, 1) != 1) _exit(1);
  for (int i = 0; i < 40; i++) close(fd[i]);
  struct pollfd done = {.fd = told, .events = POLLIN};
  do { /* one that comes while there are none left is turned away: it comes again */
    fd[0] = client();
    send(fd[0], "late\n", 5, MSG_NOSIGNAL);
    struct pollfd either[2] = {done, {.fd = fd[0], .events = POLLIN}};
    poll(either, 2, 15000);
    close(fd[0]);
  } while (poll(&done, 1, 0) == 0);
  _exit(0);
}

static uint32_t rows_like(const struct rows *rows, const char *text) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < rows->count; i++) count += strcmp(rows->text[i], text) == 0;
  return count;
}

START_TEST(test_no_descriptors) {
  struct rows rows = {0};
  int tell[2], status;
  ck_assert_int_eq(pipe(tell), 0);
  struct reading *r = reading_open(&spate_source_tcp, listening(""), &LIVE, NULL, 0);
  pid_t clients = fork();
  if (clients == 0) forty_clients(tell[0]);
  int next = dup(0);
  struct rlimit was, low;
  getrlimit(RLIMIT_NOFILE, &was);
  low = (struct rlimit){.rlim_cur = (rlim_t)next + 12, .rlim_max = was.rlim_max};
  close(next);
  setrlimit(RLIMIT_NOFILE, &low);
  while (rows_like(&rows, "hello") < 6)
    if (reading_pull(r, 100, &rows) == SPATE_IDLE) task_wait(r->task);
  ck_assert_int_eq(write(tell[1], "c", 1), 1);
  while (rows_like(&rows, "late") == 0)
    if (reading_pull(r, 100, &rows) == SPATE_IDLE) task_wait(r->task);
  setrlimit(RLIMIT_NOFILE, &was);
  ck_assert_int_eq(write(tell[1], "d", 1), 1);
  reading_close(&r);
  waitpid(clients, &status, 0);
  ck_assert_int_eq(status, 0);
  rows_free(&rows);
}
END_TEST

/* Many clients that say little come together in one block, each row with its peer. */
START_TEST(test_peers) {
  static const struct reading_options metas = {.metas = 1u << SPATE_META_PEER};
  struct rows rows = {0};
  int fd[50], ports[50];
  struct reading *r = reading_open(&spate_source_tcp, listening(""), &metas, NULL, 0);
  for (int i = 0; i < 50; i++) {
    struct sockaddr_in own;
    socklen_t n = sizeof own;
    char text[20];
    fd[i] = client();
    getsockname(fd[i], (struct sockaddr *)&own, &n);
    ports[i] = ntohs(own.sin_port);
    snprintf(text, sizeof text, "%d\n", ports[i]);
    say(fd[i], text);
  }
  int pulls = 0;
  while (rows.count < 50) {
    uint32_t before = rows.count;
    if (reading_pull(r, 1024, &rows) == SPATE_IDLE) {
      task_wait(r->task);
      continue;
    }
    pulls++;
    for (uint32_t i = 0; i < last_payloads.count; i++) {
      uint32_t length;
      char expected[64];
      snprintf(expected, sizeof expected, "127.0.0.1:%s", rows.text[before + i]);
      const char *peer = spate_column_bytes(last_payloads.meta[SPATE_META_PEER], i, &length);
      ck_assert_uint_eq(length, strlen(expected));
      ck_assert_int_eq(memcmp(peer, expected, length), 0);
    }
  }
  ck_assert_int_lt(pulls, 40);
  for (int i = 0; i < 50; i++) close(fd[i]);
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

START_TEST(test_ipv6) {
  struct rows rows = {0};
  struct sender s = {.ipv6 = true};
  struct reading *r;
  size_t size;
  port = port_free();
  snprintf(yaml, sizeof yaml, "{listen: '[::1]:%d'}", port);
  r = reading_open(&spate_source_tcp, yaml, &BOUNDED, NULL, 0);
  char *bytes = lines_make(0, 100, 1, false, &size);
  sender_start(&s, port, bytes, size);
  ck_assert(reading_until(r, 1024, &rows, 1000));
  ck_assert_uint_eq(rows.count, 100);
  sender_join(&s);
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* Each connection may send the header of its own; the codec sees the one that belongs to the rows. */
START_TEST(test_headers) {
  static const struct reading_options wanted = {.want_header = true};
  struct rows rows = {0};
  struct reading *r = reading_open(&spate_source_tcp, listening(""), &wanted, NULL, 0);
  int one = client(), two = client();
  say(one, "a,b\n1,2\n");
  reading_until(r, 10, &rows, 1);
  ck_assert_uint_eq(last_payloads.header_length, 3);
  say(two, "longer\n3\n");
  reading_until(r, 10, &rows, 1);
  ck_assert_uint_eq(last_payloads.header_length, 6);
  ck_assert_str_eq(rows.text[1], "3");
  say(one, "4,5\n");
  reading_until(r, 10, &rows, 1);
  ck_assert_int_eq(memcmp(last_payloads.header, "a,b", 3), 0);
  close(one);
  close(two);
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* A server that is not there yet, answers, goes, and comes again. */
static int serving;
static void *serve(void *own) {
  (void)own;
  for (int i = 0; i < 3; i++) {
    char text[40];
    int fd = accept(serving, NULL, NULL);
    int n = snprintf(text, sizeof text, "first %d\nsecond %d\n", i, i);
    send(fd, text, (size_t)n, MSG_NOSIGNAL);
    close(fd);
  }
  return NULL;
}
START_TEST(test_connect_again) {
  struct rows rows = {0};
  pthread_t thread;
  struct sockaddr_in a = {.sin_family = AF_INET};
  port = port_free();
  a.sin_port = htons((uint16_t)port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  snprintf(yaml, sizeof yaml, "{connect: 'localhost:%d'}", port);
  struct reading *r = reading_open(&spate_source_tcp, yaml, &LIVE, NULL, 0);
  for (int i = 0; i < 3; i++) { /* nobody listens yet */
    struct timeval tick = {.tv_usec = 50000};
    event_base_loopexit(r->task->base, &tick);
    event_base_dispatch(r->task->base);
  }
  int yes = 1;
  serving = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(serving, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  ck_assert_int_eq(bind(serving, (struct sockaddr *)&a, sizeof a), 0);
  ck_assert_int_eq(listen(serving, 8), 0);
  pthread_create(&thread, NULL, serve, NULL);
  reading_until(r, 10, &rows, 6);
  ck_assert_str_eq(rows.text[0], "first 0");
  ck_assert_str_eq(rows.text[5], "second 2");
  pthread_join(thread, NULL);
  close(serving);
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

START_TEST(test_options) {
  static const char *const BAD[] = {"{}",
                                    "{listen: 'a:1', connect: 'b:2'}",
                                    "{listen: 'a:1', tls: {ca: x}}",
                                    "{connect: 'a:1', tls: {cert: x}}",
                                    "{listen: 'a:1', journal: true}",
                                    "{listen: 'a:99999'}",
                                    "{listen: 'a:1', max_frame: 0B}",
                                    "{listen: 'a:1', idle_timeout: -1s}"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    const char *problem;
    options_fill(spate_source_tcp.options, spate_source_tcp.config_size, NULL, BAD[i], spate_source_tcp.check,
                 &problem);
    ck_assert_msg(problem != NULL, "accepted: %s", BAD[i]);
  }
}
END_TEST

START_TEST(test_address_in_use) {
  struct spate_error err = {0};
  void *source;
  struct reading *r = reading_open(&spate_source_tcp, listening(""), &LIVE, NULL, 0);
  struct spate_source_args args = {.where = {"contract", "tcp"}};
  args.config = options_fill(spate_source_tcp.options, spate_source_tcp.config_size, NULL, yaml, NULL, NULL);
  ck_assert_int_ne(spate_source_tcp.open(&args, &source, &err), 0);
  ck_assert_ptr_nonnull(strstr(err.message, "in use"));
  reading_close(&r);
}
END_TEST

/* ---- sink ---- */

/* A connection that breaks: what comes after is whole rows, and none is lost from the break's batch on. */
START_TEST(test_sink_reconnects) {
  struct receiver receiver;
  receiver_listen(&receiver, 2, 5000);
  snprintf(yaml, sizeof yaml, "{connect: '127.0.0.1:%d'}", receiver.port);
  struct writing *w = writing_open(&spate_sink_tcp, yaml, &NONE, NULL);
  for (uint32_t at = 0; at < 20000; at += 500) {
    writing_rows(w, at, at + 500);
    if (at % 5000 == 0) writing_epoch(w);
  }
  writing_epoch(w);
  writing_close(&w);
  receiver_join(&receiver);
  const char *end = "row 19999\n";
  ck_assert_uint_gt(receiver.size, 10000);
  ck_assert_str_eq(receiver.bytes + receiver.size - strlen(end), end);
  free(receiver.bytes);
}
END_TEST

/* A client that takes nothing is dropped; the others get everything. */
START_TEST(test_slow_client) {
  struct receiver receiver;
  struct writing_options o = {.head = "head\n"};
  port = port_free();
  snprintf(yaml, sizeof yaml, "{listen: '127.0.0.1:%d', buffer: 64KiB}", port);
  struct writing *w = writing_open(&spate_sink_tcp, yaml, &o, NULL);
  int slow = client(), small = 4096;
  setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  receiver_start(&receiver, port);
  while (atomic_load(&receiver.received) == 0) {
    struct timeval tick = {.tv_usec = 5000};
    event_base_loopexit(w->task->base, &tick);
    event_base_dispatch(w->task->base);
  }
  size_t written = 5;
  for (uint32_t at = 100000; at < 1000000; at += 1000) {
    writing_rows(w, at, at + 1000);
    written += 1000 * strlen("row 100000\n");
    while (written > atomic_load(&receiver.received) + 30000) { /* the good one keeps up: it is given the time */
      struct timeval tick = {.tv_usec = 1000};
      event_base_loopexit(w->task->base, &tick);
      event_base_dispatch(w->task->base);
    }
  }
  writing_epoch(w);
  writing_close(&w);
  receiver_join(&receiver);
  ck_assert_str_eq(receiver.bytes + receiver.size - 11, "row 999999\n");
  size_t lines = 0;
  for (size_t i = 0; i < receiver.size; i++) lines += receiver.bytes[i] == '\n';
  ck_assert_uint_eq(lines, 900001);
  free(receiver.bytes);
  close(slow);
}
END_TEST

/* ---- TLS ---- */

/* A key and a certificate for 127.0.0.1, signed by itself. */
static void make_certificate(const char *cert, const char *key, const char *names) {
  EVP_PKEY *pkey = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 86400);
  X509_set_pubkey(x, pkey);
  X509_NAME *name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"contract", -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
  X509_add_ext(x, san, -1);
  X509_EXTENSION_free(san);
  ck_assert_int_gt(X509_sign(x, pkey, EVP_sha256()), 0);
  FILE *f = fopen(cert, "w");
  PEM_write_X509(f, x);
  fclose(f);
  f = fopen(key, "w");
  PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL);
  fclose(f);
  X509_free(x);
  EVP_PKEY_free(pkey);
}

struct tls_writer {
  pthread_t thread;
  char yaml[1024];
  bool framed;
};
static void *tls_write(void *own) {
  struct tls_writer *t = own;
  struct writing *w = writing_open(&spate_sink_tcp, t->yaml, &NONE, NULL);
  for (uint32_t at = 0; at < 50000; at += 1000) writing_rows(w, at, at + 1000);
  writing_epoch(w);
  writing_close(&w);
  return NULL;
}

START_TEST(test_tls) {
  static const char *const MORE[] = {"ca: '%s'", "ca: '%s', cert: '%s', key: '%s'", "insecure_skip_verify: true"};
  struct rows rows = {0};
  struct tls_writer t;
  char cert[300], key[300], more[900], ours[900];
  snprintf(cert, sizeof cert, "%s", test_path("cert.pem"));
  snprintf(key, sizeof key, "%s", test_path("key.pem"));
  make_certificate(cert, key, _i == 2 ? "DNS:elsewhere" : "IP:127.0.0.1");
  snprintf(ours, sizeof ours, _i == 1 ? ", tls: {cert: '%s', key: '%s', ca: '%s'}" : ", tls: {cert: '%s', key: '%s'}",
           cert, key, cert);
  struct reading *r = reading_open(&spate_source_tcp, listening(ours), &BOUNDED, NULL, 0);
  snprintf(more, sizeof more, MORE[_i], cert, cert, key);
  snprintf(t.yaml, sizeof t.yaml, "{connect: '127.0.0.1:%d', tls: {%s}}", port, more);
  pthread_create(&t.thread, NULL, tls_write, &t);
  ck_assert(reading_until(r, 1024, &rows, UINT32_MAX / 2));
  pthread_join(t.thread, NULL);
  ck_assert_uint_eq(rows.count, 50000);
  for (uint32_t i = 0; i < rows.count; i++) {
    char expected[20];
    snprintf(expected, sizeof expected, "row %u", i);
    ck_assert_str_eq(rows.text[i], expected);
  }
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* A certificate for another host, or of somebody we do not know: not one row is sent. */
START_TEST(test_tls_refused) {
  struct rows rows = {0};
  struct spate_error err = {0};
  char cert[300], key[300], ours[900];
  snprintf(cert, sizeof cert, "%s", test_path("cert.pem"));
  snprintf(key, sizeof key, "%s", test_path("key.pem"));
  make_certificate(cert, key, _i == 0 ? "DNS:elsewhere" : "IP:127.0.0.1");
  snprintf(ours, sizeof ours, ", tls: {cert: '%s', key: '%s'}", cert, key);
  struct reading *r = reading_open(&spate_source_tcp, listening(ours), &LIVE, NULL, 0);
  char sink[600];
  snprintf(sink, sizeof sink, "{connect: '127.0.0.1:%d', tls: {ca: %s}}", port, _i == 0 ? cert : "system");
  struct writing *w = writing_open(&spate_sink_tcp, sink, &NONE, NULL);
  writing_rows(w, 0, 10);
  for (int i = 0; i < 60; i++) { /* both loops, for six tries */
    struct timeval tick = {.tv_usec = 5000};
    event_base_loopexit(r->task->base, &tick);
    event_base_dispatch(r->task->base);
    event_base_loopexit(w->task->base, &tick);
    event_base_dispatch(w->task->base);
    ck_assert_int_eq(reading_pull(r, 10, &rows), SPATE_IDLE);
  }
  ck_assert_int_eq(w->api->prepare(w->writer, 1, &err), SPATE_BLOCKED);
  writing_close(&w);
  reading_close(&r);
}
END_TEST

/* A plain client of a TLS listener is dropped, and gives no rows. */
START_TEST(test_tls_plain_client) {
  struct rows rows = {0};
  char cert[300], key[300], ours[900];
  snprintf(cert, sizeof cert, "%s", test_path("cert.pem"));
  snprintf(key, sizeof key, "%s", test_path("key.pem"));
  make_certificate(cert, key, "IP:127.0.0.1");
  snprintf(ours, sizeof ours, ", tls: {cert: '%s', key: '%s'}", cert, key);
  struct reading *r = reading_open(&spate_source_tcp, listening(ours), &LIVE, NULL, 0);
  int fd = client();
  say(fd, "hello\n");
  closed_by_it(r, fd, &rows);
  ck_assert_uint_eq(rows.count, 0);
  reading_close(&r);
}
END_TEST

Suite *suite_tcp(void) {
  Suite *s = suite_create("tcp");
  TCase *t = tcase_create("tcp source");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, test_too_long, 0, 2);
  tcase_add_test(t, test_endless_line);
  tcase_add_test(t, test_idle_timeout);
  tcase_add_test(t, test_held_back);
  tcase_add_test(t, test_max_connections);
  tcase_add_test(t, test_no_descriptors);
  tcase_add_test(t, test_peers);
  tcase_add_test(t, test_ipv6);
  tcase_add_test(t, test_headers);
  tcase_add_test(t, test_connect_again);
  tcase_add_test(t, test_options);
  tcase_add_test(t, test_address_in_use);
  suite_add_tcase(s, t);
  t = tcase_create("tcp sink");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, test_sink_reconnects);
  tcase_add_test(t, test_slow_client);
  tcase_add_loop_test(t, test_tls, 0, 3);
  tcase_add_loop_test(t, test_tls_refused, 0, 2);
  tcase_add_test(t, test_tls_plain_client);
  suite_add_tcase(s, t);
  return s;
}
