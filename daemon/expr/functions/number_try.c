/*
 * number_try: mod, and arithmetic that gives null where the operator would fail: try_add, try_subtract, try_multiply,
 * try_divide. Types are those of the operators: a double with any number is a double, a decimal with an int a decimal,
 * int / int a double.
 */
#include "number_try.h"
#include <math.h>
#include "../../data/schema.h"
#include "../decimal.h"
#include "../node.h"
#include "kernel.h"

/* Both arguments in one kind; out->result is that kind, for a decimal with the operator's precision and scale. */
static int resolve_pair(const struct spate_type *arg, uint32_t args, uint32_t op, struct expr_resolved *out,
                        struct spate_error *err) {
  struct spate_type *a = &out->arg[0], *b = &out->arg[1];
  if (types_check(arg, args, "n", SPATE_INT, out, err) != 0) return -1;
  bool decimal = a->kind == SPATE_DECIMAL || b->kind == SPATE_DECIMAL;
  if (a->kind == SPATE_DOUBLE || b->kind == SPATE_DOUBLE || (op == ARITH_DIV && !decimal)) {
    *a = *b = out->result = type_of(SPATE_DOUBLE);
  } else if (decimal) {
    *a = type_as_decimal(*a);
    *b = type_as_decimal(*b);
    out->result = type_arith(op, *a, *b);
  }
  return 0;
}
int resolve_mod(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, struct spate_error *err) {
  return resolve_pair(arg, args, ARITH_MOD, out, err);
}
int resolve_add(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, struct spate_error *err) {
  return resolve_pair(arg, args, ARITH_ADD, out, err);
}
int resolve_multiply(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, struct spate_error *err) {
  return resolve_pair(arg, args, ARITH_MUL, out, err);
}
int resolve_divide(const struct spate_type *arg, uint32_t args, struct expr_resolved *out, struct spate_error *err) {
  return resolve_pair(arg, args, ARITH_DIV, out, err);
}

/* -1: there is no such value. */
static int compute_int(uint32_t op, int64_t a, int64_t b, int64_t *out) {
  switch (op) {
    case ARITH_ADD: return -(int)__builtin_add_overflow(a, b, out);
    case ARITH_SUB: return -(int)__builtin_sub_overflow(a, b, out);
    case ARITH_MUL: return -(int)__builtin_mul_overflow(a, b, out);
    default: /* ARITH_MOD */
      if (b == 0) return -1;
      *out = b == -1 ? 0 : a % b; /* the smallest int by -1 would trap */
      return 0;
  }
}

static int compute_double(uint32_t op, double a, double b, double *out) {
  if ((op == ARITH_DIV || op == ARITH_MOD) && b == 0) return -1;
  switch (op) {
    case ARITH_ADD: *out = a + b; break;
    case ARITH_SUB: *out = a - b; break;
    case ARITH_MUL: *out = a * b; break;
    case ARITH_DIV: *out = a / b; break;
    default: *out = fmod(a, b);
  }
  return 0;
}

static int compute_decimal(uint32_t op, struct decimal a, struct decimal b, struct spate_type to, spate_i128 *out) {
  if ((op == ARITH_DIV || op == ARITH_MOD) && b.unscaled == 0) return -1;
  if (op == ARITH_SUB) b.unscaled = -b.unscaled;
  switch (op) {
    case ARITH_MUL: return decimal_multiply(a, b, to.precision, to.scale, out);
    case ARITH_DIV: return decimal_divide(a, b, to.precision, to.scale, out);
    case ARITH_MOD: return decimal_remainder(a, b, to.precision, to.scale, out);
    default: return decimal_add(a, b, to.precision, to.scale, out);
  }
}

static int compute(struct expr_call_frame *f, uint32_t op, uint32_t row) {
  switch (f->out->type.kind) {
    case SPATE_INT: return compute_int(op, arg_int(f, 0, row), arg_int(f, 1, row), &f->out->i64[row]);
    case SPATE_DOUBLE: return compute_double(op, arg_double(f, 0, row), arg_double(f, 1, row), &f->out->f64[row]);
    default: {
      struct decimal a = {arg_decimal(f, 0, row), f->arg[0].column->type.scale};
      struct decimal b = {arg_decimal(f, 1, row), f->arg[1].column->type.scale};
      return compute_decimal(op, a, b, f->out->type, &f->out->dec[row]);
    }
  }
}

static void run_try(struct expr_call_frame *f, uint32_t op) {
  EACH_ROW(f, row) if (compute(f, op, row) != 0) spate_column_set_null(f->out, row);
}
void run_try_add(struct expr_call_frame *f) { run_try(f, ARITH_ADD); }
void run_try_subtract(struct expr_call_frame *f) { run_try(f, ARITH_SUB); }
void run_try_multiply(struct expr_call_frame *f) { run_try(f, ARITH_MUL); }
void run_try_divide(struct expr_call_frame *f) { run_try(f, ARITH_DIV); }

void run_mod(struct expr_call_frame *f) {
  EACH_ROW(f, row) if (compute(f, ARITH_MOD, row) != 0) f->fail(f, row, "division by zero");
}
