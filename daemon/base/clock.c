/* clock: see clock.h. Virtual time is one atomic that tests move; it is set up before any thread starts. */
#include "clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static struct {
  bool is_virtual;
  _Atomic int64_t now;
} clock_state;

static int64_t clock_read(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * US_S + t.tv_nsec / 1000;
}
int64_t clock_now(void) { return clock_state.is_virtual ? atomic_load(&clock_state.now) : clock_read(CLOCK_REALTIME); }
int64_t clock_monotonic(void) {
  return clock_state.is_virtual ? atomic_load(&clock_state.now) : clock_read(CLOCK_MONOTONIC);
}
void clock_virtual(int64_t start) {
  clock_state.is_virtual = true;
  atomic_store(&clock_state.now, start);
}
void clock_advance(int64_t by) { atomic_fetch_add(&clock_state.now, by); }
