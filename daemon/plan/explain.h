/* explain: texts of the plan that the commands use too. */
#ifndef PLAN_EXPLAIN_H
#define PLAN_EXPLAIN_H
#include "plan.h"

const char *plan_duration_text(int64_t us, char *out, size_t room); /* 10s, 5m: as it is written */
const char *plan_guarantee_word(enum plan_guarantee guarantee);

#endif
