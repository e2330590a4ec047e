/* number_try: what number.c's table takes from number_try.c. */
#ifndef EXPR_FUNCTIONS_NUMBER_TRY_H
#define EXPR_FUNCTIONS_NUMBER_TRY_H
#include "../function.h"

int resolve_mod(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, struct spate_error *err);
int resolve_add(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, struct spate_error *err);
int resolve_multiply(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, struct spate_error *err);
int resolve_divide(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, struct spate_error *err);
void run_mod(struct expr_call_frame *f);
void run_try_add(struct expr_call_frame *f);
void run_try_subtract(struct expr_call_frame *f);
void run_try_multiply(struct expr_call_frame *f);
void run_try_divide(struct expr_call_frame *f);
#endif
