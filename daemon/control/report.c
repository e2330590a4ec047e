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
           "in=%" PRIu64 " out=%" PRIu64 " late=%" PRIu64 " dead=%" PRIu64 " dropped=%" PRIu64
           "%s rate=%.0f/s lag=%s epochs=%" PRIu64,
           n.in, n.out, n.late, n.dead, n.dropped, future, rate, lag, n.epochs);
  return out;
}

const char *report_began(const struct job *job, bool kept, char *out, size_t room) {
  const struct plan *plan = job_plan(job);
  struct buf b = {0};
  for (uint32_t i = 0; i < plan->sources; i++)
    buf_format(&b, "%s%s (%s)", i > 0 ? ", " : "", plan->source[i].name, plan->source[i].api->name);
  buf_text(&b, " to ");
  for (uint32_t i = 0; i < plan->sinks; i++)
    buf_format(&b, "%s%s (%s)", i > 0 ? ", " : "", plan->sink[i].name, plan->sink[i].api->name);
  if (!kept)
    buf_text(&b, "; no state is kept");
  else if (job_resumed(job) > 0)
    buf_format(&b, "; goes on from epoch %" PRIu64, job_resumed(job));
  else
    buf_text(&b, "; begins anew");
  snprintf(out, room, "runs: %s", buf_string(&b));
  buf_free(&b);
  return out;
}
