/* window: see window.h. Times near the ends of 64 bits saturate: a record there is as late or as early as can be. */
#include "window.h"

static int64_t add(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_add_overflow(a, b, &r)) return b > 0 ? INT64_MAX : INT64_MIN;
  return r;
}

int64_t window_floor(int64_t t, int64_t every, int64_t offset) {
  int64_t shifted = add(t, -offset), rest = shifted % every;
  if (rest < 0) rest += every;
  return add(add(shifted, -rest), offset);
}

int64_t window_slice(const struct window *w, int64_t t) {
  int64_t base = window_floor(t, w->every, w->offset), rest = w->size % w->every;
  return rest != 0 && t - base >= rest ? base + rest : base;
}

int64_t window_last_start(const struct window *w, int64_t t) { return window_floor(t, w->every, w->offset); }

int64_t window_first_start(const struct window *w, int64_t t) {
  return add(window_floor(add(t, -w->size), w->every, w->offset), w->every);
}

int64_t window_slice_end(const struct window *w, int64_t slice) {
  return add(window_floor(slice, w->every, w->offset), w->size);
}

int64_t window_next_end(const struct window *w, int64_t after) {
  return add(add(window_floor(add(after, -w->size), w->every, w->offset), w->every), w->size);
}
