/* decimal: exact arithmetic on unscaled 128 bit integers. Every function: 0, or -1 when the result does not fit. */
#ifndef EXPR_DECIMAL_H
#define EXPR_DECIMAL_H
#include "../api/spate.h"

struct decimal { /* value = unscaled / 10^scale */
  spate_i128 unscaled;
  int scale;
};
spate_i128 decimal_power(int n); /* 10^n, n up to 38 */
/* Results are rounded half up (away from zero) to `scale` and must have at most `precision` digits. */
int decimal_rescale(struct decimal a, int precision, int scale, spate_i128 *out);
int decimal_add(struct decimal a, struct decimal b, int precision, int scale, spate_i128 *out);
int decimal_multiply(struct decimal a, struct decimal b, int precision, int scale, spate_i128 *out);
int decimal_divide(struct decimal a, struct decimal b, int precision, int scale, spate_i128 *out); /* b is not 0 */
/* The integral part of a / b, and what is left of a (with its sign), at the greater of both scales. */
int decimal_quotient(struct decimal a, struct decimal b, spate_i128 *out);
int decimal_remainder(struct decimal a, struct decimal b, int precision, int scale, spate_i128 *out);
int decimal_compare(struct decimal a, struct decimal b); /* -1, 0, 1 */
double decimal_double(struct decimal a);
int decimal_of_double(double v, int precision, int scale, spate_i128 *out);
#endif
