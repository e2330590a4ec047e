/* time_format: what time.c's table takes from time_format.c: functions with a pattern. */
#ifndef EXPR_FUNCTIONS_TIME_FORMAT_H
#define EXPR_FUNCTIONS_TIME_FORMAT_H
#include "kernel.h"

/* SQL's years. A result outside of them is an error of its row. */
#define TIME_LEAST (-62135596800000000LL) /* 0001-01-01 00:00:00 */
#define TIME_MOST 253402300799999999LL    /* 9999-12-31 23:59:59.999999 */
#define TIME_DAY 86400000000LL

static inline int64_t time_floor(int64_t v, int64_t unit) { /* v / unit, towards the past */
  return v / unit - (v % unit < 0);
}

/* Compiles the second argument when it is constant (left out: the default pattern). */
const struct expr_prepared *prepare_pattern_second(struct arena *arena, const struct spate_column *const *value,
                                                   uint32_t args, struct spate_error *err);
void run_date_format(struct expr_call_frame *f);
void run_from_unixtime(struct expr_call_frame *f);
void run_to_timestamp(struct expr_call_frame *f);
void run_unix_timestamp(struct expr_call_frame *f);
#endif
