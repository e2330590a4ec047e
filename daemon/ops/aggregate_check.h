/* aggregate_check: between the two files that read an aggregate. */
#ifndef OPS_AGGREGATE_CHECK_H
#define OPS_AGGREGATE_CHECK_H
#include "aggregate.h"
int aggregate_check_window(struct op_check *check, const struct conf_node *node, struct aggregate_def *def,
                           bool *global);
#endif
