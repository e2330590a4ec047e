/* ring: see ring.h. Not ck_ring: its fences are inline assembly, which the thread sanitizer cannot see. */
#include "ring.h"

#include <stdlib.h>

#include "../base/mem.h"

struct ring *ring_new(struct spate_task *from, struct spate_task *to) {
  struct ring *r = aligned_alloc(64, (sizeof *r + 63) & ~(size_t)63);
  if (r == NULL) abort();
  memset(r, 0, sizeof *r);
  r->from = from;
  r->to = to;
  return r;
}

void ring_free(struct ring **ring) {
  if (*ring == NULL) return;
  struct op_msg m;
  while (ring_pop(*ring, &m)) spate_batch_unref(m.batch);
  free(*ring);
  *ring = NULL;
}

bool ring_push(struct ring *r, const struct op_msg *m) {
  uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
  if (tail - atomic_load_explicit(&r->head, memory_order_acquire) >= RING_SLOTS) {
    atomic_store(&r->waiting, true);
    if (tail - atomic_load(&r->head) >= RING_SLOTS) return false; /* look again after the flag is up */
    atomic_store(&r->waiting, false);
  }
  r->slot[tail % RING_SLOTS] = *m;
  atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
  spate_task_wake(r->to);
  return true;
}

bool ring_pop(struct ring *r, struct op_msg *m) {
  uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
  if (head == atomic_load_explicit(&r->tail, memory_order_acquire)) return false;
  *m = r->slot[head % RING_SLOTS];
  atomic_store(&r->head, head + 1);
  if (atomic_load(&r->waiting) && atomic_exchange(&r->waiting, false)) spate_task_wake(r->from);
  return true;
}
