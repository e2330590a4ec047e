/* ring: the channel between two tasks: one writes, one reads; batches, watermarks, idleness and barriers in order. A
 * full ring is backpressure. Indices count up and wrap; each side owns one and reads the other's. */
#ifndef RUN_RING_H
#define RUN_RING_H
#include <stdatomic.h>
#include "../ops/op.h"

#define RING_SLOTS 64u
struct ring {
  struct op_msg slot[RING_SLOTS];
  _Alignas(
      64) _Atomic uint32_t head; /* written by the reader: release pairs with the writer's acquire (slot is free) */
  _Alignas(
      64) _Atomic uint32_t tail; /* written by the writer: release pairs with the reader's acquire (slot is filled) */
  _Atomic bool waiting;          /* the writer found it full and sleeps; seq_cst on both sides, or a wake-up is lost */
  struct spate_task *from, *to;
};
struct ring *ring_new(struct spate_task *from, struct spate_task *to);
void ring_free(struct ring **ring);                        /* drops what is in it */
bool ring_push(struct ring *ring, const struct op_msg *m); /* false: full; the writer's task will be woken */
bool ring_pop(struct ring *ring, struct op_msg *m);        /* false: empty */
#endif
