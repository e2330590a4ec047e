/*
 * tcp_peer: the other end of a TCP bench, and its floor.
 *
 *   tcp_peer send PORT FILE    connects (again until somebody listens), sends the file, waits until it was taken
 *   tcp_peer receive PORT      counts the lines of one client: the bare receiver
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static char bytes[1 << 18];

static int receive(struct sockaddr_in *at) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)at, sizeof *at) != 0 || listen(listener, 1) != 0) bench_die("listen");
  int peer = accept(listener, NULL, NULL);
  uint64_t lines = 0;
  double start = bench_now(), cpu = bench_cpu();
  for (ssize_t got; (got = read(peer, bytes, sizeof bytes)) > 0;) {
    char *p = bytes, *end = bytes + got;
    while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
      lines++;
      p++;
    }
  }
  bench_report(lines, bench_now() - start, bench_cpu() - cpu);
  return 0;
}
static int send_file(struct sockaddr_in *at, const char *path) {
  int file = open(path, O_RDONLY), peer = -1;
  if (file < 0) bench_die(path);
  for (int tries = 0; tries < 1000; tries++) {
    peer = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(peer, (struct sockaddr *)at, sizeof *at) == 0) break;
    close(peer);
    usleep(10000);
    peer = -1;
  }
  if (peer < 0) bench_die("connect");
  uint64_t lines = 0;
  double start = bench_now();
  for (ssize_t got; (got = read(file, bytes, sizeof bytes)) > 0;) {
    for (char *p = bytes, *end = bytes + got; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) lines++;
    for (ssize_t sent = 0; sent < got;) {
      ssize_t k = write(peer, bytes + sent, (size_t)(got - sent));
      if (k <= 0) bench_die("write");
      sent += k;
    }
  }
  shutdown(peer, SHUT_WR);
  if (read(peer, bytes, 1) < 0) bench_die("read"); /* until the other side has read it all and closed */
  bench_report(lines, bench_now() - start, bench_cpu());
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: tcp_peer send PORT FILE | receive PORT\n");
    return 2;
  }
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return strcmp(argv[1], "send") == 0 && argc > 3 ? send_file(&at, argv[3]) : receive(&at);
}
