/* project: for the plan, which puts the inputs of a union into one order of columns with a step of its own. */
#ifndef OPS_PROJECT_H
#define OPS_PROJECT_H
#include "op.h"

/* A step (run by OP_SELECT) that gives the columns of `like`, hidden ones too, in its order; -1: one is missing. */
int project_reorder(struct op_check *check, const struct schema *like);

#endif
