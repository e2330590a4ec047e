/* clock: the only source of time. In a test the time stands still until it is moved. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stdint.h>
int64_t clock_now(void);       /* microseconds since 1970 UTC (wall clock, or virtual) */
int64_t clock_monotonic(void); /* microseconds, for intervals (virtual too in a test) */
/* Tests only, before any thread is started: from here on time is virtual and begins at `start`. */
void clock_virtual(int64_t start);
void clock_advance(int64_t by);
#define US_MS 1000LL
#define US_S 1000000LL
#endif
