/* address: "host:port" taken apart, listened on, and shown. */
#ifndef TCP_ADDRESS_H
#define TCP_ADDRESS_H
#include <sys/socket.h>

#include "spate.h"

struct address {
  char host[256]; /* without brackets; "" and "*": all */
  char port[16];
};
int address_parse(struct address *a, const char *text, struct spate_error *err);
/* A non-blocking listening socket; says where it listens (port 0: which one it was given). -1: err. May resolve a name.
 */
int address_listen(const struct address *a, const struct spate_where *where, struct spate_error *err);
/* "127.0.0.1:4711", "[::1]:4711" */
void address_text(const struct sockaddr *sa, socklen_t length, char *out, size_t room);
#endif
