/* explain: texts of the plan that the commands use too. */
#ifndef PLAN_EXPLAIN_H
#define PLAN_EXPLAIN_H
#include "plan.h"

const char *plan_guarantee_word(enum plan_guarantee guarantee);

#endif
