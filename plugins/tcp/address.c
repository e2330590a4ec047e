/* address: see address.h. */
#include "address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#define BACKLOG 1024

int address_parse(struct address *a, const char *text, struct spate_error *err) {
  const char *colon = strrchr(text, ':'), *from = text, *to = colon;
  if (colon == NULL) return spate_fail(err, "'%.100s' is no address: write host:port", text);
  if (from[0] == '[' && to > from && to[-1] == ']') from++, to--;
  if ((size_t)(to - from) >= sizeof a->host || strlen(colon + 1) >= sizeof a->port || colon[1] == 0)
    return spate_fail(err, "'%.100s' is no address: write host:port", text);
  snprintf(a->host, sizeof a->host, "%.*s", (int)(to - from), from);
  snprintf(a->port, sizeof a->port, "%s", colon + 1);
  return 0;
}

void address_text(const struct sockaddr *sa, socklen_t length, char *out, size_t room) {
  char host[128], port[16];
  if (getnameinfo(sa, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    snprintf(out, room, "unknown");
  else
    snprintf(out, room, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

static int listen_on(const struct addrinfo *ai) {
  int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1, no = 0;
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (ai->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

int address_listen(const struct address *a, const struct spate_where *where, struct spate_error *err) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list;
  bool all = a->host[0] == 0 || strcmp(a->host, "*") == 0;
  int rc = getaddrinfo(all ? NULL : a->host, a->port, &hints, &list), fd = -1;
  if (rc != 0) return spate_fail_environment(err, "cannot listen on %s:%s: %s", a->host, a->port, gai_strerror(rc));
  for (const struct addrinfo *ai = list; ai != NULL && fd < 0; ai = ai->ai_next) fd = listen_on(ai);
  int saved = errno;
  freeaddrinfo(list);
  if (fd < 0) return spate_fail_environment(err, "cannot listen on %s:%s: %s", a->host, a->port, strerror(saved));
  struct sockaddr_storage bound;
  socklen_t length = sizeof bound;
  char text[160] = "?";
  if (getsockname(fd, (struct sockaddr *)&bound, &length) == 0)
    address_text((struct sockaddr *)&bound, length, text, sizeof text);
  spate_log(where, SPATE_LOG_INFO, "listening on %s", text);
  return fd;
}
