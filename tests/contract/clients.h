/* clients: the other sides of TCP connections, in threads, blocking, sharing no code with the connector. */
#ifndef CONTRACT_CLIENTS_H
#define CONTRACT_CLIENTS_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int port_free(void); /* one that nobody listens on */

struct sender { /* connects (at once, else trying for five seconds) and sends bytes in pieces of odd sizes, then closes
                 */
  pthread_t thread;
  int port, fd; /* fd: connected already; else -1 */
  bool ipv6;
  char *bytes;
  size_t size;
  atomic_bool connected, closed_early; /* the other side closed before all was sent */
  atomic_bool stop;                    /* do not wait for a listener any more */
};
void sender_start(struct sender *s, int port, char *bytes, size_t size); /* takes bytes (malloc) */
void sender_join(struct sender *s);

struct receiver { /* connects to, or accepts from, a sink and takes all it says */
  pthread_t thread;
  int port, listen_fd, connections, close_after; /* close_after: bytes of the first connection; 0: never */
  char *bytes;
  size_t size;
  _Atomic size_t received;
};
void receiver_start(struct receiver *r, int port);                          /* connects */
void receiver_listen(struct receiver *r, int connections, int close_after); /* accepts that many, one by one */
void receiver_join(struct receiver *r);

/* "row FROM\n" to "row TO - 1\n", each with the length before it instead where frames is set. */
char *lines_make(uint32_t from, uint32_t to, uint32_t step, bool frames, size_t *size);
#endif
