/* report: what happened, as one line: for the minute's line and the last one of a pipeline. */
#ifndef CONTROL_REPORT_H
#define CONTROL_REPORT_H
#include <stdio.h>
#include "../run/job.h"

struct report {                /* of one job */
  int64_t started_us, last_us; /* monotonic */
  uint64_t last_in;
  int64_t lag; /* as last known; -1: it never was */
};
void report_begin(struct report *report);
/* "in=… out=… late=… dead=… dropped=… rate=…/s lag=… epochs=…": the rate is that since the last line;
 * with `all`, of the whole run. */
const char *report_text(struct report *report, const struct job *job, bool all, char *out, size_t room);
/* "runs: SOURCE (file), … to SINK (kafka), …; goes on from epoch N". kept: there is a state directory. */
const char *report_began(const struct job *job, bool kept, char *out, size_t room);

#endif
