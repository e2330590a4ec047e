/* string_case: what string.c's table takes from string_case.c. */
#ifndef EXPR_FUNCTIONS_STRING_CASE_H
#define EXPR_FUNCTIONS_STRING_CASE_H
#include "../function.h"

#define CASE_SCRATCH sizeof(void *)
void run_upper(struct expr_call_frame *f);
void run_lower(struct expr_call_frame *f);
void run_initcap(struct expr_call_frame *f);
void case_scratch_free(void *scratch);
#endif
