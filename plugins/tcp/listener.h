/*
 * listener: accepts connections on a worker's loop.
 *
 * When descriptors run out it pauses, longer each time, instead of spinning on a socket that stays readable; one spare
 * descriptor is kept to take a waiting client and turn it away. It also pauses while there are as many connections as
 * are allowed: the next ones wait in the backlog.
 */
#ifndef TCP_LISTENER_H
#define TCP_LISTENER_H
#include <event2/event.h>

#include "spate.h"

struct listener;
/* fd stays the caller's. accepted: gets a non-blocking socket, and owns it; full: asked before each accept. */
struct listener *listener_new(struct event_base *base, int fd, const struct spate_where *where,
                              void (*accepted)(void *own, int fd), bool (*full)(void *own), void *own);
void listener_resume(struct listener *l); /* no longer full */
void listener_free(struct listener *l);
#endif
