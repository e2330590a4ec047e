/* clients: see clients.h. */
#include "clients.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

static int listen_any(int *port) {
  struct sockaddr_in a = loopback(0);
  socklen_t n = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
  ck_assert_int_eq(listen(fd, 64), 0);
  ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
  *port = ntohs(a.sin_port);
  return fd;
}

int port_free(void) {
  int port;
  close(listen_any(&port));
  return port;
}

static int connect_patiently(int port, bool ipv6, int tries, const atomic_bool *stop) {
  struct sockaddr_in a = loopback(port);
  struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
  for (int i = 0; i < tries && (i == 0 || !atomic_load(stop)); i++) {
    int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = ipv6 ? connect(fd, (struct sockaddr *)&a6, sizeof a6) : connect(fd, (struct sockaddr *)&a, sizeof a);
    if (rc == 0) return fd;
    close(fd);
    if (tries > 1) usleep(10000); /* until somebody listens */
  }
  return -1;
}

static void *sender_run(void *own) {
  struct sender *s = own;
  int fd = s->fd >= 0 ? s->fd : connect_patiently(s->port, s->ipv6, 500, &s->stop);
  atomic_store(&s->connected, fd >= 0);
  size_t at = 0, piece = 1;
  while (fd >= 0 && at < s->size) {
    size_t n = piece < s->size - at ? piece : s->size - at;
    ssize_t sent = send(fd, s->bytes + at, n, MSG_NOSIGNAL);
    if (sent < 0) {
      atomic_store(&s->closed_early, true);
      break;
    }
    at += (size_t)sent;
    piece = piece * 3 % 9973 + 1;
  }
  if (fd >= 0) {
    char byte;
    shutdown(fd, SHUT_WR);
    if (recv(fd, &byte, 1, 0) < 0) atomic_store(&s->closed_early, true); /* until the other side closes too */
    close(fd);
  }
  return NULL;
}

void sender_start(struct sender *s, int port, char *bytes, size_t size) {
  bool ipv6 = s->ipv6;
  memset(s, 0, sizeof *s);
  s->ipv6 = ipv6;
  s->port = port;
  s->bytes = bytes;
  s->size = size;
  /* Where somebody listens, the connection stands when this returns: of several senders none can be done before the
   * last has come, which a bounded source would take for the end. */
  s->fd = connect_patiently(port, ipv6, 1, &s->stop);
  ck_assert_int_eq(pthread_create(&s->thread, NULL, sender_run, s), 0);
}

void sender_join(struct sender *s) {
  atomic_store(&s->stop, true);
  pthread_join(s->thread, NULL);
  free(s->bytes);
}

static void receive_all(struct receiver *r, int fd, size_t most) {
  size_t got = 0;
  char piece[8192];
  for (;;) {
    ssize_t n = recv(fd, piece, sizeof piece, 0);
    if (n <= 0) break;
    r->bytes = realloc(r->bytes, r->size + (size_t)n + 1);
    memcpy(r->bytes + r->size, piece, (size_t)n);
    r->size += (size_t)n;
    r->bytes[r->size] = 0;
    got += (size_t)n;
    atomic_store(&r->received, r->size);
    if (most > 0 && got >= most) break;
  }
  close(fd);
}

static void *receiver_run(void *own) {
  struct receiver *r = own;
  atomic_bool never = false;
  if (r->listen_fd < 0) {
    int fd = connect_patiently(r->port, false, 500, &never);
    if (fd >= 0) receive_all(r, fd, 0);
    return NULL;
  }
  for (int i = 0; i < r->connections; i++) {
    int fd = accept(r->listen_fd, NULL, NULL);
    if (fd >= 0) receive_all(r, fd, i == 0 ? (size_t)r->close_after : 0);
  }
  return NULL;
}

void receiver_start(struct receiver *r, int port) {
  *r = (struct receiver){.port = port, .listen_fd = -1};
  ck_assert_int_eq(pthread_create(&r->thread, NULL, receiver_run, r), 0);
}

void receiver_listen(struct receiver *r, int connections, int close_after) {
  *r = (struct receiver){.connections = connections, .close_after = close_after};
  r->listen_fd = listen_any(&r->port);
  ck_assert_int_eq(pthread_create(&r->thread, NULL, receiver_run, r), 0);
}

void receiver_join(struct receiver *r) {
  pthread_join(r->thread, NULL);
  if (r->listen_fd >= 0) close(r->listen_fd);
}

char *lines_make(uint32_t from, uint32_t to, uint32_t step, bool frames, size_t *size) {
  char *bytes = malloc((size_t)(to - from) * 24 + 1);
  *size = 0;
  for (uint32_t i = from; i < to; i += step) {
    char text[24];
    uint32_t n = (uint32_t)snprintf(text, sizeof text, "row %u", i);
    if (frames) {
      uint32_t net = htonl(n);
      memcpy(bytes + *size, &net, 4);
      *size += 4;
    } else {
      text[n++] = '\n';
    }
    memcpy(bytes + *size, text, n);
    *size += n;
  }
  bytes[*size] = 0;
  return bytes;
}
