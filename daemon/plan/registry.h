/* registry: what plan.h does not show of it. */
#ifndef PLAN_REGISTRY_H
#define PLAN_REGISTRY_H
#include <stdbool.h>

bool registry_later(const char *name); /* a connector or codec of the language that is not built yet */

#endif
