/*
 * report: counters as key=value, so that a person reads them and a script finds them.
 */
#include "report.h"

#include <inttypes.h>

#include "../base/clock.h"

void report_begin(struct report *r) {
  r->started_us = r->last_us = clock_monotonic();
  r->last_in = 0;
  r->lag = -1;
}

void report_lag(struct report *r, const struct job *job) {
  struct job_numbers n;
  job_numbers(job, &n);
  if (n.lag >= 0) r->lag = n.lag;
}

static double report_rate(uint64_t records, int64_t us) { return us > 0 ? (double)records * 1e6 / (double)us : 0; }

const char *report_text(struct report *r, const struct job *job, bool all, char *out, size_t room) {
  struct job_numbers n;
  int64_t now = clock_monotonic();
  char lag[32] = "unknown", future[48] = "";
  job_numbers(job, &n);
  double rate = all ? report_rate(n.in, now - r->started_us) : report_rate(n.in - r->last_in, now - r->last_us);
  if (n.lag >= 0) r->lag = n.lag;
  if (job_state(job) == JOB_FINISHED) r->lag = 0;
  r->last_us = now;
  r->last_in = n.in;
  if (r->lag >= 0) snprintf(lag, sizeof lag, "%" PRId64, r->lag);
  if (n.future > 0) snprintf(future, sizeof future, " future=%" PRIu64, n.future);
  snprintf(out, room,
           "pipeline=%s in=%" PRIu64 " out=%" PRIu64 " late=%" PRIu64 " dead=%" PRIu64 " dropped=%" PRIu64
           "%s rate=%.0f/s lag=%s epochs=%" PRIu64,
           job_plan(job)->name, n.in, n.out, n.late, n.dead, n.dropped, future, rate, lag, n.epochs);
  return out;
}
