/*
 * decimal: the arithmetic of decimals. Nearly all values fit 128 bits at every step, and take the short way; what does
 * not (38 digits times 38 digits) is computed in 256 bits, by sign and magnitude, and must fit again after rounding.
 */
#include "decimal.h"

#include <math.h>

#include "../data/text.h"

struct wide { /* 256 bits, unsigned */
  spate_u128 high, low;
};

spate_i128 decimal_power(int n) {
  static const uint64_t SMALL[] = {1ull,
                                   10ull,
                                   100ull,
                                   1000ull,
                                   10000ull,
                                   100000ull,
                                   1000000ull,
                                   10000000ull,
                                   100000000ull,
                                   1000000000ull,
                                   10000000000ull,
                                   100000000000ull,
                                   1000000000000ull,
                                   10000000000000ull,
                                   100000000000000ull,
                                   1000000000000000ull,
                                   10000000000000000ull,
                                   100000000000000000ull,
                                   1000000000000000000ull,
                                   10000000000000000000ull};
  return n < 20 ? (spate_i128)SMALL[n] : (spate_i128)SMALL[19] * (spate_i128)SMALL[n - 19];
}

static spate_u128 magnitude(spate_i128 v) { return v < 0 ? 0 - (spate_u128)v : (spate_u128)v; }

static struct wide wide_multiply(spate_u128 a, spate_u128 b) {
  const spate_u128 mask = UINT64_MAX;
  spate_u128 al = a & mask, ah = a >> 64, bl = b & mask, bh = b >> 64;
  spate_u128 ll = al * bl, lh = al * bh, hl = ah * bl;
  spate_u128 middle = (ll >> 64) + (lh & mask) + (hl & mask);
  struct wide w = {ah * bh + (lh >> 64) + (hl >> 64) + (middle >> 64), (middle << 64) | (ll & mask)};
  return w;
}

static int wide_order(struct wide a, struct wide b) {
  if (a.high != b.high) return a.high < b.high ? -1 : 1;
  return a.low < b.low ? -1 : a.low > b.low;
}

static struct wide wide_add(struct wide a, struct wide b) {
  struct wide w = {a.high + b.high, a.low + b.low};
  w.high += w.low < a.low;
  return w;
}

static struct wide wide_subtract(struct wide a, struct wide b) {
  struct wide w = {a.high - b.high - (a.low < b.low), a.low - b.low};
  return w;
}

/* Bit by bit; the divisor is below 2^127, so the remainder never overflows. */
static struct wide wide_divide(struct wide a, spate_u128 b, spate_u128 *left) {
  struct wide q = {0, 0};
  spate_u128 r = 0;
  if (a.high == 0) {
    *left = a.low % b;
    q.low = a.low / b;
    return q;
  }
  for (int i = 255; i >= 0; i--) {
    spate_u128 bit = i >= 128 ? (a.high >> (i - 128)) & 1 : (a.low >> i) & 1;
    r = (r << 1) | bit;
    if (r < b) continue;
    r -= b;
    if (i >= 128) {
      q.high |= (spate_u128)1 << (i - 128);
    } else {
      q.low |= (spate_u128)1 << i;
    }
  }
  *left = r;
  return q;
}

/* Sign and bound of a result. */
static int decimal_finish(spate_u128 v, bool negative, int precision, spate_i128 *out) {
  if (v >= (spate_u128)decimal_power(precision)) return -1;
  *out = negative ? -(spate_i128)v : (spate_i128)v;
  return 0;
}

/* w / divisor, rounded half up. */
static int wide_round(struct wide w, spate_u128 divisor, bool negative, int precision, spate_i128 *out) {
  spate_u128 left;
  struct wide q = wide_divide(w, divisor, &left);
  if (q.high != 0) return -1;
  if (left >= divisor - left) {
    if (++q.low == 0) return -1;
  }
  return decimal_finish(q.low, negative, precision, out);
}

/* From one scale to another, which may be up to 76 digits away. */
static int wide_rescale(struct wide w, int from, int to, bool negative, int precision, spate_i128 *out) {
  if (to >= from) {
    if (w.high != 0 || to - from > 38) return w.high == 0 && w.low == 0 ? (*out = 0, 0) : -1;
    w = wide_multiply(w.low, (spate_u128)decimal_power(to - from));
    return w.high != 0 ? -1 : decimal_finish(w.low, negative, precision, out);
  }
  int down = from - to;
  if (down > 38) { /* cut without rounding first: what is lost is far below the half */
    spate_u128 left;
    w = wide_divide(w, (spate_u128)decimal_power(down - 38), &left);
    down = 38;
  }
  return wide_round(w, (spate_u128)decimal_power(down), negative, precision, out);
}

int decimal_rescale(struct decimal a, int precision, int scale, spate_i128 *out) {
  struct wide w = {0, magnitude(a.unscaled)};
  if (scale == a.scale) return decimal_finish(w.low, a.unscaled < 0, precision, out);
  return wide_rescale(w, a.scale, scale, a.unscaled < 0, precision, out);
}

int decimal_add(struct decimal a, struct decimal b, int precision, int scale, spate_i128 *out) {
  int common = a.scale > b.scale ? a.scale : b.scale;
  spate_i128 x, y, sum;
  if (common == scale && !__builtin_mul_overflow(a.unscaled, decimal_power(common - a.scale), &x) &&
      !__builtin_mul_overflow(b.unscaled, decimal_power(common - b.scale), &y) && !__builtin_add_overflow(x, y, &sum))
    return decimal_finish(magnitude(sum), sum < 0, precision, out);
  struct wide p = wide_multiply(magnitude(a.unscaled), (spate_u128)decimal_power(common - a.scale));
  struct wide q = wide_multiply(magnitude(b.unscaled), (spate_u128)decimal_power(common - b.scale));
  bool negative = a.unscaled < 0;
  if (negative == (b.unscaled < 0)) {
    p = wide_add(p, q);
  } else if (wide_order(p, q) >= 0) {
    p = wide_subtract(p, q);
  } else {
    p = wide_subtract(q, p);
    negative = !negative;
  }
  return wide_rescale(p, common, scale, negative, precision, out);
}

int decimal_multiply(struct decimal a, struct decimal b, int precision, int scale, spate_i128 *out) {
  spate_i128 product;
  bool negative = (a.unscaled < 0) != (b.unscaled < 0);
  if (a.scale + b.scale == scale && !__builtin_mul_overflow(a.unscaled, b.unscaled, &product))
    return decimal_finish(magnitude(product), product < 0, precision, out);
  struct wide w = wide_multiply(magnitude(a.unscaled), magnitude(b.unscaled));
  return wide_rescale(w, a.scale + b.scale, scale, negative, precision, out);
}

int decimal_divide(struct decimal a, struct decimal b, int precision, int scale, spate_i128 *out) {
  int up = scale - a.scale + b.scale;
  bool negative = (a.unscaled < 0) != (b.unscaled < 0);
  spate_u128 x = magnitude(a.unscaled), y = magnitude(b.unscaled);
  if (up < 0) { /* the divisor grows instead; beyond 128 bits the quotient is below one half */
    struct wide divisor = wide_multiply(y, (spate_u128)decimal_power(-up));
    if (divisor.high != 0 || divisor.low >> 127 != 0) return *out = 0, 0;
    struct wide w = {0, x};
    return wide_round(w, divisor.low, negative, precision, out);
  }
  if (up <= 38) return wide_round(wide_multiply(x, (spate_u128)decimal_power(up)), y, negative, precision, out);
  /* Long division in two steps: 38 digits, then the rest from what is left. */
  spate_u128 left, more = (spate_u128)decimal_power(up - 38);
  struct wide q = wide_divide(wide_multiply(x, (spate_u128)decimal_power(38)), y, &left);
  if (q.high != 0) return -1;
  q = wide_multiply(q.low, more);
  q = wide_add(q, wide_divide(wide_multiply(left, more), y, &left));
  if (q.high != 0) return -1;
  return decimal_finish(q.low + (left >= y - left), negative, precision, out);
}

int decimal_quotient(struct decimal a, struct decimal b, spate_i128 *out) {
  bool negative = (a.unscaled < 0) != (b.unscaled < 0);
  spate_u128 x = magnitude(a.unscaled), y = magnitude(b.unscaled), left;
  struct wide w = {0, x};
  if (b.scale >= a.scale) {
    w = wide_multiply(x, (spate_u128)decimal_power(b.scale - a.scale));
  } else {
    struct wide divisor = wide_multiply(y, (spate_u128)decimal_power(a.scale - b.scale));
    if (wide_order(w, divisor) < 0) return *out = 0, 0;
    y = divisor.low; /* not above w, which has no high part */
  }
  w = wide_divide(w, y, &left);
  return w.high != 0 ? -1 : decimal_finish(w.low, negative, 38, out);
}

int decimal_remainder(struct decimal a, struct decimal b, int precision, int scale, spate_i128 *out) {
  spate_u128 x = magnitude(a.unscaled), y = magnitude(b.unscaled), left;
  int common = a.scale > b.scale ? a.scale : b.scale;
  if (b.scale >= a.scale) {
    wide_divide(wide_multiply(x, (spate_u128)decimal_power(b.scale - a.scale)), y, &left);
  } else {
    struct wide w = {0, x}, divisor = wide_multiply(y, (spate_u128)decimal_power(a.scale - b.scale));
    left = wide_order(w, divisor) < 0 ? x : x % divisor.low;
  }
  struct wide w = {0, left};
  return wide_rescale(w, common, scale, a.unscaled < 0, precision, out);
}

int decimal_compare(struct decimal a, struct decimal b) {
  if (a.scale == b.scale) return a.unscaled < b.unscaled ? -1 : a.unscaled > b.unscaled;
  if ((a.unscaled < 0) != (b.unscaled < 0)) return a.unscaled < 0 ? -1 : 1;
  int common = a.scale > b.scale ? a.scale : b.scale;
  int order = wide_order(wide_multiply(magnitude(a.unscaled), (spate_u128)decimal_power(common - a.scale)),
                         wide_multiply(magnitude(b.unscaled), (spate_u128)decimal_power(common - b.scale)));
  return a.unscaled < 0 ? -order : order;
}

double decimal_double(struct decimal a) {
  if (magnitude(a.unscaled) >> 53 == 0 && a.scale <= 22) /* both are exact, so one division rounds once */
    return (double)(int64_t)a.unscaled / (a.scale < 20 ? (double)(uint64_t)decimal_power(a.scale)
                                                       : 1e19 * (double)(uint64_t)decimal_power(a.scale - 19));
  char text[TEXT_ROOM];
  double v = 0;
  return text_double(text, text_put_decimal(text, a.unscaled, a.scale), &v) == 0 ? v : 0;
}

int decimal_of_double(double v, int precision, int scale, spate_i128 *out) {
  char text[TEXT_ROOM];
  if (isnan(v) || isinf(v)) return -1;
  return text_decimal(text, text_put_double(text, v), precision, scale, out); /* by its shortest text, as Spark */
}
