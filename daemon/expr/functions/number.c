/*
 * number: functions over int, double and decimal.
 *
 * A value that does not exist is an error of its row, as division by zero is: sqrt(-1), ln(0), asin(2), a power that
 * overflows. (Spark gives NaN, null or Infinity there, Postgres fails; a stream that quietly carries NaN is found out
 * too late.) NaN and Infinity that came in as such pass through. round() is half away from zero, on the decimal digits
 * that a double is written with, as Spark's and Flink's.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../data/schema.h"
#include "../../data/text.h"
#include "../decimal.h"
#include "kernel.h"
#include "number_try.h"

/* ---- types ---- */
static int resolve_double(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                          struct spate_error *err) {
  return types_check(arg, args, "d", SPATE_DOUBLE, out, err);
}

static int resolve_same(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                        struct spate_error *err) {
  if (types_check(arg, args, "n", SPATE_INT, out, err) != 0) return -1;
  out->result = out->arg[0];
  return 0;
}

static int resolve_whole(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                         struct spate_error *err) {
  if (resolve_same(arg, args, out, err) != 0) return -1;
  struct spate_type t = out->arg[0];
  if (t.kind == SPATE_DECIMAL) {
    int digits = t.precision - t.scale + (t.scale > 0); /* 9.5 becomes 10 */
    out->result = type_decimal(digits > 38 ? 38 : digits < 1 ? 1 : digits, 0);
  }
  return 0;
}

static int resolve_sign(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                        struct spate_error *err) {
  if (resolve_same(arg, args, out, err) != 0) return -1;
  if (out->result.kind == SPATE_DECIMAL) out->result = type_decimal(1, 0);
  return 0;
}

/* As Spark's: the digits that stay are the scale, and 9.9 may become 10. */
static struct spate_type round_type(struct spate_type t, int64_t digits) {
  int whole = t.precision - t.scale + 1, scale = digits < 0 ? 0 : digits < t.scale ? (int)digits : t.scale;
  if (digits < 0 && whole <= -digits) whole = digits < -37 ? 38 : (int)-digits + 1;
  return type_decimal(whole + scale > 38 ? 38 : whole + scale, scale);
}

static int resolve_round(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                         struct spate_error *err) {
  if (types_check(arg, args, "ni", SPATE_INT, out, err) != 0) return -1;
  struct spate_type t = out->result = out->arg[0];
  if (t.kind == SPATE_DECIMAL)
    out->result = round_type(t, args == 1 ? 0 : t.scale); /* digits by row: the scale stays */
  return 0;
}

static void refine_round(const struct spate_column *const *value, uint32_t args, struct expr_resolved *types) {
  if (args == 1 || types->arg[0].kind != SPATE_DECIMAL || value[1] == NULL || spate_column_null(value[1], 0)) return;
  types->result = round_type(types->arg[0], value[1]->i64[0]);
}

/* ---- abs, sign, ceil, floor, round ---- */
static void run_abs(struct expr_call_frame *f) {
  uint8_t kind = f->out->type.kind;
  EACH_ROW(f, row) {
    if (kind == SPATE_DOUBLE) {
      f->out->f64[row] = fabs(arg_double(f, 0, row));
    } else if (kind == SPATE_DECIMAL) {
      spate_i128 v = arg_decimal(f, 0, row);
      f->out->dec[row] = v < 0 ? -v : v;
    } else {
      int64_t v = arg_int(f, 0, row);
      if (v == INT64_MIN)
        f->fail(f, row, "abs(%lld) does not fit an int", (long long)v);
      else
        f->out->i64[row] = v < 0 ? -v : v;
    }
  }
}

static void run_sign(struct expr_call_frame *f) {
  uint8_t kind = f->out->type.kind;
  EACH_ROW(f, row) {
    if (kind == SPATE_DOUBLE) {
      double v = arg_double(f, 0, row);
      f->out->f64[row] = v > 0 ? 1.0 : v < 0 ? -1.0 : v; /* 0.0, -0.0 and NaN stay */
    } else if (kind == SPATE_DECIMAL) {
      spate_i128 v = arg_decimal(f, 0, row);
      f->out->dec[row] = (v > 0) - (v < 0);
    } else {
      int64_t v = arg_int(f, 0, row);
      f->out->i64[row] = (v > 0) - (v < 0);
    }
  }
}

static spate_i128 floor_divide(spate_i128 a, spate_i128 b) { /* b > 0 */
  spate_i128 q = a / b;
  return q - (a % b < 0);
}

static void run_floor_ceil(struct expr_call_frame *f, bool up) {
  uint8_t kind = f->out->type.kind;
  spate_i128 unit = kind == SPATE_DECIMAL ? decimal_power(f->arg[0].column->type.scale) : 1;
  EACH_ROW(f, row) {
    if (kind == SPATE_DOUBLE)
      f->out->f64[row] = up ? ceil(arg_double(f, 0, row)) : floor(arg_double(f, 0, row));
    else if (kind == SPATE_INT)
      f->out->i64[row] = arg_int(f, 0, row);
    else if (up)
      f->out->dec[row] = -floor_divide(-arg_decimal(f, 0, row), unit);
    else
      f->out->dec[row] = floor_divide(arg_decimal(f, 0, row), unit);
  }
}
static void run_ceil(struct expr_call_frame *f) { run_floor_ceil(f, true); }
static void run_floor(struct expr_call_frame *f) { run_floor_ceil(f, false); }

/* To a multiple of unit, half away from zero. */
static spate_i128 round_to(spate_i128 v, spate_i128 unit) {
  spate_i128 rest = v % unit, away = v < 0 ? -rest : rest;
  v -= rest;
  if (away >= unit - away) v += rest < 0 ? -unit : unit;
  return v;
}

static void round_int(struct expr_call_frame *f, uint32_t row, int64_t v, int64_t digits) {
  if (digits >= 0) {
    f->out->i64[row] = v;
    return;
  }
  spate_i128 r = digits < -19 ? 0 : round_to(v, decimal_power((int)-digits));
  if (r > INT64_MAX || r < INT64_MIN)
    f->fail(f, row, "round(%lld, %lld) does not fit an int", (long long)v, (long long)digits);
  else
    f->out->i64[row] = (int64_t)r;
}

/*
 * The shortest digits that give the double back, rounded, read again: round(2.675, 2) is 2.68 although the double is a
 * little less than 2.675. Digits are taken apart by printing with an exponent: d.ddd…e±x.
 */
static double round_digits(double v, int64_t digits) {
  char text[TEXT_ROOM + 1], plain[TEXT_ROOM];
  for (int precision = 14; precision < 17; precision++) { /* the shortest that reads back the same */
    snprintf(text, sizeof text, "%.*e", precision, fabs(v));
    if (strtod(text, NULL) == fabs(v)) break;
  }
  char *e = strchr(text, 'e');
  long exponent = strtol(e + 1, NULL, 10);
  size_t n = 0;
  for (char *c = text; c < e; c++)
    if (*c != '.') plain[n++] = *c;
  int64_t keep = digits < -400 ? -1 : digits > 400 ? 400 : digits + exponent + 1; /* how many of the n digits stay */
  if (keep >= (int64_t)n) return v;
  if (keep < 0 || (keep == 0 && plain[0] < '5')) return v < 0 ? -0.0 : 0.0;
  bool up = plain[keep] >= '5';
  size_t left = (size_t)keep;
  unsigned long long whole = 0; /* at most 17 digits */
  for (size_t i = 0; i < left; i++) whole = whole * 10 + (unsigned long long)(plain[i] - '0');
  snprintf(text, sizeof text, "%s%llue%lld", v < 0 ? "-" : "", whole + up, (long long)-digits);
  return strtod(text, NULL);
}

static double round_double(double v, int64_t digits) {
  static const double POWER[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
  if (!isfinite(v) || v == 0) return v;
  if (digits == 0 && fabs(v) < 0x1p52) return round(v); /* a tie is exact here */
  if (digits > 0 && digits < 10) {
    double scaled = v * POWER[digits], rest = fabs(scaled - trunc(scaled));
    /* Far from a tie, both numbers below are exact, and their quotient is the double nearest to the decimal. */
    if (fabs(scaled) < 0x1p40 && fabs(rest - 0.5) > 1e-3) return round(scaled) / POWER[digits];
  }
  return round_digits(v, digits);
}

static bool decimal_fits(spate_i128 v, int precision) {
  spate_i128 limit = decimal_power(precision);
  return v < limit && v > -limit;
}

static void round_decimal(struct expr_call_frame *f, uint32_t row, int64_t digits) {
  struct spate_type from = f->arg[0].column->type, to = f->out->type;
  spate_i128 v = arg_decimal(f, 0, row);
  int64_t drop = from.scale - digits;
  if (drop > 38)
    v = 0;
  else if (drop > 0)
    v = round_to(v, decimal_power((int)drop));
  if (to.scale < from.scale) v /= decimal_power(from.scale - to.scale); /* exact: those digits are zero now */
  if (decimal_fits(v, to.precision))
    f->out->dec[row] = v;
  else
    f->fail(f, row, "the rounded value does not fit decimal(%d,%d)", to.precision, to.scale);
}

static void run_round(struct expr_call_frame *f) {
  uint8_t kind = f->out->type.kind;
  EACH_ROW(f, row) {
    int64_t digits = f->args > 1 ? arg_int(f, 1, row) : 0;
    if (digits > 1000) digits = 1000;
    if (digits < -1000) digits = -1000;
    if (kind == SPATE_INT)
      round_int(f, row, arg_int(f, 0, row), digits);
    else if (kind == SPATE_DECIMAL)
      round_decimal(f, row, digits);
    else
      f->out->f64[row] = round_double(arg_double(f, 0, row), digits);
  }
}

/* ---- functions of doubles ---- */

/* Keeps a result, unless the function has none there. */
static void keep(struct expr_call_frame *f, uint32_t row, const char *name, double r, double x, double y) {
  if (isnan(r) && !isnan(x) && !isnan(y)) {
    if (f->args > 1)
      f->fail(f, row, "%s(%g, %g) has no value", name, x, y);
    else
      f->fail(f, row, "%s(%g) has no value", name, x);
  } else if (isinf(r) && isfinite(x) && isfinite(y)) {
    if (f->args > 1)
      f->fail(f, row, "%s(%g, %g) is infinite or overflows a double", name, x, y);
    else
      f->fail(f, row, "%s(%g) is infinite or overflows a double", name, x);
  } else {
    f->out->f64[row] = r;
  }
}
#define OF_ONE(name, value)                           \
  static void run_##name(struct expr_call_frame *f) { \
    EACH_ROW(f, row) {                                \
      double x = arg_double(f, 0, row);               \
      keep(f, row, #name, (value), x, x);             \
    }                                                 \
  }
#define OF_TWO(name, value)                                        \
  static void run_##name(struct expr_call_frame *f) {              \
    EACH_ROW(f, row) {                                             \
      double x = arg_double(f, 0, row), y = arg_double(f, 1, row); \
      keep(f, row, #name, (value), x, y);                          \
    }                                                              \
  }
#define PI 3.14159265358979323846
OF_ONE(sqrt, sqrt(x))
OF_ONE(exp, exp(x))
OF_ONE(ln, log(x))
OF_ONE(log10, log10(x))
OF_ONE(log2, log2(x))
OF_ONE(sin, sin(x))
OF_ONE(cos, cos(x))
OF_ONE(tan, tan(x))
OF_ONE(asin, asin(x))
OF_ONE(acos, acos(x))
OF_ONE(atan, atan(x))
OF_ONE(degrees, x *(180.0 / PI))
OF_ONE(radians, x *(PI / 180.0))
OF_TWO(power, pow(x, y))
OF_TWO(atan2, atan2(x, y))

/* Of base y, the number is x here: log(base, number). Whole powers of 2 and 10 come out whole. */
static double log_of(double base, double number) {
  if (base == 2) return log2(number);
  if (base == 10) return log10(number);
  return base > 0 && base != 1 ? log(number) / log(base) : (double)NAN;
}

static void run_log(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    double x = arg_double(f, 0, row), y = f->args > 1 ? arg_double(f, 1, row) : x;
    keep(f, row, "log", f->args > 1 ? log_of(x, y) : log(x), x, y);
  }
}

static void run_pi(struct expr_call_frame *f) { EACH_ROW(f, row) f->out->f64[row] = PI; }

#define NUMBER(f_name, least, most, types, shape, text, ...)                                                    \
  {                                                                                                             \
    .name = #f_name, .group = "numbers", .signature = shape, .help = text, .min_args = least, .max_args = most, \
    .strict = true, .resolve = resolve_##types, .run = run_##f_name, __VA_ARGS__                                \
  }
const struct expr_function FUNCTIONS_NUMBER[] = {
    NUMBER(abs, 1, 1, same, "abs(number)", "its distance from zero; fails for the smallest int"),
    NUMBER(ceil, 1, 1, whole, "ceil(number)", "the least whole number that is not smaller; of the same type"),
    NUMBER(floor, 1, 1, whole, "floor(number)", "the greatest whole number that is not greater; of the same type"),
    NUMBER(round, 1, 2, round, "round(number [, digits])",
           "to that many digits after the point (before it, if negative), half away from zero", .refine = refine_round),
    NUMBER(sign, 1, 1, sign, "sign(number)", "-1, 0 or 1"),
    NUMBER(sqrt, 1, 1, double, "sqrt(number)", "the square root; fails for negative numbers"),
    NUMBER(power, 2, 2, double, "power(base, exponent)", "a double; fails where it has no value or overflows"),
    NUMBER(exp, 1, 1, double, "exp(number)", "e to that power; fails where it overflows"),
    NUMBER(ln, 1, 1, double, "ln(number)", "the natural logarithm; fails for zero and negative numbers"),
    NUMBER(log10, 1, 1, double, "log10(number)", "the logarithm to base 10; fails for zero and negative numbers"),
    NUMBER(log2, 1, 1, double, "log2(number)", "the logarithm to base 2; fails for zero and negative numbers"),
    NUMBER(log, 1, 2, double, "log([base,] number)",
           "the logarithm to that base, natural if left out; fails for zero and negative numbers"),
    NUMBER(mod, 2, 2, mod, "mod(a, b)", "what is left of a after division by b, with the sign of a; fails for b = 0"),
    NUMBER(sin, 1, 1, double, "sin(radians)", "the sine"),
    NUMBER(cos, 1, 1, double, "cos(radians)", "the cosine"),
    NUMBER(tan, 1, 1, double, "tan(radians)", "the tangent"),
    NUMBER(asin, 1, 1, double, "asin(number)", "the arc sine; fails outside -1 to 1"),
    NUMBER(acos, 1, 1, double, "acos(number)", "the arc cosine; fails outside -1 to 1"),
    NUMBER(atan, 1, 1, double, "atan(number)", "the arc tangent"),
    NUMBER(atan2, 2, 2, double, "atan2(y, x)", "the angle of the point (x, y) in radians"),
    NUMBER(degrees, 1, 1, double, "degrees(radians)", "an angle in degrees"),
    NUMBER(radians, 1, 1, double, "radians(degrees)", "an angle in radians"),
    NUMBER(pi, 0, 0, double, "pi()", "3.141592653589793"),
    NUMBER(try_divide, 2, 2, divide, "try_divide(a, b)", "a / b, or null where b is 0 or the result does not fit"),
    NUMBER(try_add, 2, 2, add, "try_add(a, b)", "a + b, or null where it does not fit"),
    NUMBER(try_subtract, 2, 2, add, "try_subtract(a, b)", "a - b, or null where it does not fit"),
    NUMBER(try_multiply, 2, 2, multiply, "try_multiply(a, b)", "a * b, or null where it does not fit"),
    {.name = NULL},
};
