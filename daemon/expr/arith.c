/*
 * arith: + - * / % div and the minus sign, for int (and times), double and decimal.
 *
 * An int that overflows fails its row: the loop computes with the compiler's checked arithmetic, and looks at nulls
 * only where it failed. Division by zero fails for doubles too. Int by int is a double (the checker casts); `div` is
 * integral and cuts towards zero, `%` has the sign of its left side, as in C and SQL.
 */
#include <math.h>

#include "../data/text.h"
#include "decimal.h"
#include "node.h"

static const char *const SIGNS[] = {"+", "-", "*", "/", "div", "%"};

static void int_overflow(struct kernel *k, uint32_t row, int64_t a, int64_t b) {
  const char *what = k->node->type.kind == SPATE_INT         ? "integer overflow"
                     : k->node->type.kind == SPATE_TIMESTAMP ? "timestamp overflow"
                                                             : "interval overflow";
  KERNEL_FAIL(k, row, "%s: %lld %s %lld", what, (long long)a, SIGNS[k->node->op], (long long)b);
}

#define INT_LOOP(checked)                                \
  KERNEL_ROWS(k, row, {                                  \
    int64_t x = a[row & am], y = b[row & bm];            \
    if (__builtin_expect(checked(x, y, &out[row]), 0)) { \
      out[row] = 0;                                      \
      int_overflow(k, row, x, y);                        \
    }                                                    \
  })

static void int_divide(struct kernel *k, const int64_t *a, uint32_t am, const int64_t *b, uint32_t bm, bool remainder) {
  int64_t *out = k->out->i64;
  KERNEL_ROWS(k, row, {
    int64_t x = a[row & am], y = b[row & bm];
    if (y == 0) {
      KERNEL_FAIL(k, row, "division by zero");
    } else if (y == -1) { /* the one case that overflows */
      if (!remainder && __builtin_sub_overflow(0, x, &out[row])) {
        out[row] = 0;
        int_overflow(k, row, x, y);
      }
    } else {
      out[row] = remainder ? x % y : x / y;
    }
  });
}

void kernel_arith_int(struct kernel *k) {
  const int64_t *a = k->arg[0].column->i64, *b = k->arg[1].column->i64;
  uint32_t am = value_mask(&k->arg[0]), bm = value_mask(&k->arg[1]);
  int64_t *out = k->out->i64;
  switch ((enum expr_arith)k->node->op) {
    case ARITH_ADD: INT_LOOP(__builtin_add_overflow); break;
    case ARITH_SUB: INT_LOOP(__builtin_sub_overflow); break;
    case ARITH_MUL: INT_LOOP(__builtin_mul_overflow); break;
    case ARITH_DIV:
    case ARITH_IDIV: int_divide(k, a, am, b, bm, false); break;
    case ARITH_MOD: int_divide(k, a, am, b, bm, true); break;
  }
}

void kernel_arith_double(struct kernel *k) {
  const double *a = k->arg[0].column->f64, *b = k->arg[1].column->f64;
  uint32_t am = value_mask(&k->arg[0]), bm = value_mask(&k->arg[1]);
  double *out = k->out->f64;
  bool remainder = k->node->op == ARITH_MOD;
  switch ((enum expr_arith)k->node->op) {
    case ARITH_ADD: KERNEL_ROWS(k, row, { out[row] = a[row & am] + b[row & bm]; }); break;
    case ARITH_SUB: KERNEL_ROWS(k, row, { out[row] = a[row & am] - b[row & bm]; }); break;
    case ARITH_MUL: KERNEL_ROWS(k, row, { out[row] = a[row & am] * b[row & bm]; }); break;
    case ARITH_IDIV: break; /* the checker refuses it */
    case ARITH_DIV:
    case ARITH_MOD:
      KERNEL_ROWS(k, row, {
        double x = a[row & am], y = b[row & bm];
        if (y == 0) {
          KERNEL_FAIL(k, row, "division by zero");
        } else {
          out[row] = remainder ? fmod(x, y) : x / y;
        }
      });
      break;
  }
}

static int decimal_run(uint32_t op, struct decimal x, struct decimal y, struct spate_type type, spate_i128 *out) {
  switch ((enum expr_arith)op) {
    case ARITH_SUB: y.unscaled = -y.unscaled; return decimal_add(x, y, type.precision, type.scale, out);
    case ARITH_ADD: return decimal_add(x, y, type.precision, type.scale, out);
    case ARITH_MUL: return decimal_multiply(x, y, type.precision, type.scale, out);
    case ARITH_DIV: return decimal_divide(x, y, type.precision, type.scale, out);
    case ARITH_IDIV: return decimal_quotient(x, y, out);
    case ARITH_MOD: break;
  }
  return decimal_remainder(x, y, type.precision, type.scale, out);
}

void kernel_arith_decimal(struct kernel *k) {
  const struct spate_column *a = k->arg[0].column, *b = k->arg[1].column;
  uint32_t am = value_mask(&k->arg[0]), bm = value_mask(&k->arg[1]), op = k->node->op;
  struct spate_type type = k->node->type;
  bool divides = op == ARITH_DIV || op == ARITH_IDIV || op == ARITH_MOD;
  KERNEL_ROWS(k, row, {
    struct decimal x = {a->dec[row & am], a->type.scale}, y = {b->dec[row & bm], b->type.scale};
    spate_i128 v = 0;
    if (divides && y.unscaled == 0) {
      KERNEL_FAIL(k, row, "division by zero");
      continue;
    }
    int result = decimal_run(op, x, y, type, &v);
    if (type.kind == SPATE_INT) {
      if (result != 0 || v > INT64_MAX || v < INT64_MIN) {
        KERNEL_FAIL(k, row, "integer overflow");
      } else {
        k->out->i64[row] = (int64_t)v;
      }
    } else if (result != 0) {
      KERNEL_FAIL(k, row, "the result does not fit decimal(%d,%d)", type.precision, type.scale);
    } else {
      k->out->dec[row] = v;
    }
  });
}

void kernel_negate(struct kernel *k) {
  const struct spate_column *a = k->arg[0].column;
  uint32_t am = value_mask(&k->arg[0]);
  switch (k->node->type.kind) {
    case SPATE_DOUBLE: KERNEL_ROWS(k, row, { k->out->f64[row] = -a->f64[row & am]; }); break;
    case SPATE_DECIMAL: KERNEL_ROWS(k, row, { k->out->dec[row] = -a->dec[row & am]; }); break;
    case SPATE_NONE: break;
    default:
      KERNEL_ROWS(k, row, {
        if (__builtin_sub_overflow(0, a->i64[row & am], &k->out->i64[row])) {
          k->out->i64[row] = 0;
          KERNEL_FAIL(k, row, "integer overflow: -(%lld)", (long long)a->i64[row & am]);
        }
      });
  }
}
