/*
 * window: the arithmetic of tumbling and hopping windows, apart from the operator that uses it. A window holds its
 * start, not its end. Windows start at multiples of `every` from 1970 plus `offset`; tumbling is hopping with every ==
 * size.
 *
 * Slices: the pieces between two neighbouring edges (starts and ends) of windows; at most two a step. A record falls
 * into one slice, a window is a run of whole slices.
 */
#ifndef OPS_WINDOW_H
#define OPS_WINDOW_H
#include <stdbool.h>
#include <stdint.h>

struct window {
  int64_t size, every, offset; /* microseconds; 0 < every <= size */
};
int64_t window_floor(int64_t t, int64_t every, int64_t offset); /* the greatest multiple (plus offset) that is <= t */
int64_t window_slice(const struct window *w, int64_t t);        /* start of the slice that holds t */
int64_t window_last_start(const struct window *w, int64_t t);   /* of the last window that holds t */
int64_t window_first_start(const struct window *w, int64_t t);  /* of the first window that holds t */
/* The end of the last window that holds the slice: from then on (plus lateness) nobody needs it. */
int64_t window_slice_end(const struct window *w, int64_t slice);
/* The first window end that is > after. */
int64_t window_next_end(const struct window *w, int64_t after);
#endif
