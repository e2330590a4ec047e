/* aggregate_parts: the aggregates that live in files of their own; for aggregate.c. */
#ifndef EXPR_AGGREGATE_PARTS_H
#define EXPR_AGGREGATE_PARTS_H
#include "aggregate.h"
extern const struct agg_class STDDEV_POP, STDDEV_SAMP, VAR_POP, VAR_SAMP;
#endif
