/*
 * dial: connects to an address, again and again, without blocking: resolves the name, tries each address it has, waits
 * longer after each failure (0.1 s to 30 s, with jitter, so that many do not come back at once).
 */
#ifndef TCP_DIAL_H
#define TCP_DIAL_H
#include <event2/event.h>

#include "address.h"

struct dial;
/* connected: gets a connected non-blocking socket, and owns it. */
struct dial *dial_new(struct event_base *base, const struct address *address, const struct spate_where *where,
                      void (*connected)(void *own, int fd), void *own, struct spate_error *err);
void dial_start(struct dial *dial);
void dial_again(struct dial *dial); /* the connection was lost: dial after a pause */
void dial_free(struct dial *dial);
#endif
