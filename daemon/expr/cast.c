/*
 * cast: from every type to every other that has a meaning, one loop each.
 *
 * A cast that cannot be fails its row; try_cast makes null of it. Text is trimmed first, as all engines do. Numbers
 * lose their fraction towards zero, decimals are rounded half up. A number as a timestamp is seconds since 1970, as in
 * Spark; a timestamp as text is ISO 8601 in UTC, the way all of Spate writes times.
 */
#include <math.h>

#include "../data/schema.h"
#include "../data/text.h"
#include "decimal.h"
#include "node.h"

static void cast_fail(struct kernel *k, uint32_t row, const char *text, size_t size) {
  if (spate_column_null(k->out, row)) return;
  if (k->node->gentle) {
    spate_column_set_null(k->out, row);
    return;
  }
  char shown[80], name[TYPE_NAME];
  frame_fail(k->frame, k->node, row, "'%s' cannot be cast to %s", text_shown(text, size, 40, shown, sizeof shown),
             type_name(k->node->type, name));
}

static void cast_fail_value(struct kernel *k, uint32_t row) {
  const struct spate_column *a = k->arg[0].column;
  uint32_t at = value_row(&k->arg[0], row);
  char text[TEXT_ROOM];
  size_t size = 0;
  switch (a->type.kind) {
    case SPATE_INT: size = text_put_int(text, a->i64[at]); break;
    case SPATE_DOUBLE: size = text_put_double(text, a->f64[at]); break;
    case SPATE_DECIMAL: size = text_put_decimal(text, a->dec[at], a->type.scale); break;
    case SPATE_TIMESTAMP: size = text_put_timestamp(text, a->i64[at]); break;
    default: break;
  }
  cast_fail(k, row, text, size);
}

#define CAST_BEGIN                                 \
  const struct spate_column *a = k->arg[0].column; \
  uint32_t am = value_mask(&k->arg[0]);            \
  struct spate_column *out = k->out;               \
  (void)a, (void)am, (void)out
#define CAST_PLAIN(name, ...)          \
  static void name(struct kernel *k) { \
    CAST_BEGIN;                        \
    KERNEL_ROWS(k, row, {              \
      uint32_t at = row & am;          \
      __VA_ARGS__;                     \
    });                                \
  }
/* The condition writes the result, and is true when it could not. */
#define CAST_CHECKED(name, ...)                 \
  static void name(struct kernel *k) {          \
    CAST_BEGIN;                                 \
    struct spate_type type = k->node->type;     \
    (void)type;                                 \
    KERNEL_ROWS(k, row, {                       \
      uint32_t at = row & am;                   \
      if (__VA_ARGS__) cast_fail_value(k, row); \
    });                                         \
  }

static void cast_none(struct kernel *k) { (void)k; /* null stays null */ }

/* ---- between numbers, truth and time ---- */

enum { SECOND_US = 1000000 };

static bool double_to_int(double v, int64_t *out) {
  if (!(v >= -9223372036854775808.0 && v < 9223372036854775808.0)) return true;
  *out = (int64_t)v;
  return false;
}
static bool decimal_to_int(spate_i128 v, int scale, int64_t *out) {
  v /= decimal_power(scale);
  if (v > INT64_MAX || v < INT64_MIN) return true;
  *out = (int64_t)v;
  return false;
}
/* A time outside the years 0001 to 9999 cannot be written, so it does not come to be. */
static bool time_checked(int64_t us, int64_t *out) {
  if (us < -62135596800000000LL || us > 253402300799999999LL) return true;
  *out = us;
  return false;
}
static bool int_to_time(int64_t v, int64_t *out) {
  int64_t us;
  return __builtin_mul_overflow(v, (int64_t)SECOND_US, &us) || time_checked(us, out);
}
static bool double_to_time(double v, int64_t *out) {
  int64_t us;
  return double_to_int(round(v * SECOND_US), &us) || time_checked(us, out);
}
static bool decimal_to_time(spate_i128 v, int scale, int64_t *out) {
  spate_i128 micro;
  return decimal_rescale((struct decimal){v, scale}, 20, 6, &micro) != 0 || micro > INT64_MAX || micro < INT64_MIN ||
         time_checked((int64_t)micro, out);
}
static int64_t time_to_int(int64_t us) { return us / SECOND_US - (us % SECOND_US < 0); }

CAST_PLAIN(cast_bool_int, out->i64[row] = a->b8[at])
CAST_PLAIN(cast_bool_double, out->f64[row] = a->b8[at])
CAST_CHECKED(cast_bool_decimal,
             decimal_rescale((struct decimal){a->b8[at], 0}, type.precision, type.scale, &out->dec[row]) != 0)
CAST_PLAIN(cast_int_bool, out->b8[row] = a->i64[at] != 0)
CAST_PLAIN(cast_int_double, out->f64[row] = (double)a->i64[at])
CAST_CHECKED(cast_int_decimal,
             decimal_rescale((struct decimal){a->i64[at], 0}, type.precision, type.scale, &out->dec[row]) != 0)
CAST_CHECKED(cast_int_timestamp, int_to_time(a->i64[at], &out->i64[row]))
CAST_PLAIN(cast_double_bool, out->b8[row] = a->f64[at] != 0)
CAST_CHECKED(cast_double_int, double_to_int(a->f64[at], &out->i64[row]))
CAST_CHECKED(cast_double_decimal, decimal_of_double(a->f64[at], type.precision, type.scale, &out->dec[row]) != 0)
CAST_CHECKED(cast_double_timestamp, double_to_time(a->f64[at], &out->i64[row]))
CAST_PLAIN(cast_decimal_bool, out->b8[row] = a->dec[at] != 0)
CAST_CHECKED(cast_decimal_int, decimal_to_int(a->dec[at], a->type.scale, &out->i64[row]))
CAST_PLAIN(cast_decimal_double, out->f64[row] = decimal_double((struct decimal){a->dec[at], a->type.scale}))
CAST_CHECKED(cast_decimal_decimal, decimal_rescale((struct decimal){a->dec[at], a->type.scale}, type.precision,
                                                   type.scale, &out->dec[row]) != 0)
CAST_CHECKED(cast_decimal_timestamp, decimal_to_time(a->dec[at], a->type.scale, &out->i64[row]))
CAST_PLAIN(cast_timestamp_int, out->i64[row] = time_to_int(a->i64[at]))
CAST_PLAIN(cast_timestamp_double, out->f64[row] = (double)a->i64[at] / SECOND_US)
CAST_CHECKED(cast_timestamp_decimal,
             decimal_rescale((struct decimal){a->i64[at], 6}, type.precision, type.scale, &out->dec[row]) != 0)

/* ---- to text ---- */

static void cast_to_text(struct kernel *k) {
  const struct spate_column *a = k->arg[0].column;
  char text[TEXT_ROOM];
  KERNEL_ROWS(k, row, {
    if (spate_column_null(k->out, row)) continue;
    uint32_t at = value_row(&k->arg[0], row);
    size_t size = 0;
    switch (a->type.kind) {
      case SPATE_BOOL:
        size = a->b8[at] ? 4 : 5;
        memcpy(text, a->b8[at] ? "true" : "false", size);
        break;
      case SPATE_INT: size = text_put_int(text, a->i64[at]); break;
      case SPATE_DOUBLE: size = text_put_double(text, a->f64[at]); break;
      case SPATE_DECIMAL: size = text_put_decimal(text, a->dec[at], a->type.scale); break;
      default: size = text_put_timestamp(text, a->i64[at]); break;
    }
    if (spate_column_put(k->out, row, text, size) != 0) KERNEL_FAIL(k, row, "the texts of a batch are too long");
  });
}

static void cast_bytes(struct kernel *k) { /* string to bytes, and back if it is UTF-8 */
  bool check = k->node->type.kind == SPATE_STRING;
  uint32_t size;
  KERNEL_ROWS(k, row, {
    if (spate_column_null(k->out, row) || k->frame->failed[row]) continue;
    const char *bytes = spate_column_bytes(k->arg[0].column, value_row(&k->arg[0], row), &size);
    if (check && !text_utf8(bytes, size)) {
      cast_fail(k, row, bytes, size);
    } else if (spate_column_put(k->out, row, bytes, size) != 0) {
      KERNEL_FAIL(k, row, "the texts of a batch are too long");
    }
  });
}

/* ---- from text ---- */

static int text_read(const char *text, size_t size, struct spate_column *out, uint32_t row) {
  bool truth = false;
  switch (out->type.kind) {
    case SPATE_BOOL:
      if (text_bool(text, size, &truth) != 0) return -1;
      out->b8[row] = truth;
      return 0;
    case SPATE_INT: return text_int(text, size, &out->i64[row]);
    case SPATE_DOUBLE: return text_double(text, size, &out->f64[row]);
    case SPATE_DECIMAL: return text_decimal(text, size, out->type.precision, out->type.scale, &out->dec[row]);
    default: return text_timestamp(text, size, &out->i64[row]);
  }
}

static void cast_from_text(struct kernel *k) {
  uint32_t size;
  KERNEL_ROWS(k, row, {
    if (spate_column_null(k->out, row) || k->frame->failed[row]) continue;
    const char *text = spate_column_bytes(k->arg[0].column, value_row(&k->arg[0], row), &size);
    while (size > 0 && (unsigned char)*text <= ' ') text++, size--;
    while (size > 0 && (unsigned char)text[size - 1] <= ' ') size--;
    if (text_read(text, size, k->out, row) != 0) cast_fail(k, row, text, size);
  });
}

/* ---- which ---- */

typedef void (*cast_run)(struct kernel *k);
static const cast_run CASTS[SPATE_KINDS][SPATE_KINDS] = {
    [SPATE_BOOL] = {[SPATE_INT] = cast_bool_int,
                    [SPATE_DOUBLE] = cast_bool_double,
                    [SPATE_DECIMAL] = cast_bool_decimal,
                    [SPATE_STRING] = cast_to_text},
    [SPATE_INT] = {[SPATE_BOOL] = cast_int_bool,
                   [SPATE_DOUBLE] = cast_int_double,
                   [SPATE_DECIMAL] = cast_int_decimal,
                   [SPATE_STRING] = cast_to_text,
                   [SPATE_TIMESTAMP] = cast_int_timestamp},
    [SPATE_DOUBLE] = {[SPATE_BOOL] = cast_double_bool,
                      [SPATE_INT] = cast_double_int,
                      [SPATE_DECIMAL] = cast_double_decimal,
                      [SPATE_STRING] = cast_to_text,
                      [SPATE_TIMESTAMP] = cast_double_timestamp},
    [SPATE_DECIMAL] = {[SPATE_BOOL] = cast_decimal_bool,
                       [SPATE_INT] = cast_decimal_int,
                       [SPATE_DOUBLE] = cast_decimal_double,
                       [SPATE_DECIMAL] = cast_decimal_decimal,
                       [SPATE_STRING] = cast_to_text,
                       [SPATE_TIMESTAMP] = cast_decimal_timestamp},
    [SPATE_STRING] = {[SPATE_BOOL] = cast_from_text,
                      [SPATE_INT] = cast_from_text,
                      [SPATE_DOUBLE] = cast_from_text,
                      [SPATE_DECIMAL] = cast_from_text,
                      [SPATE_BYTES] = cast_bytes,
                      [SPATE_TIMESTAMP] = cast_from_text},
    [SPATE_BYTES] = {[SPATE_STRING] = cast_bytes},
    [SPATE_TIMESTAMP] = {[SPATE_INT] = cast_timestamp_int,
                         [SPATE_DOUBLE] = cast_timestamp_double,
                         [SPATE_DECIMAL] = cast_timestamp_decimal,
                         [SPATE_STRING] = cast_to_text},
};

cast_run cast_kernel(struct spate_type from, struct spate_type to) {
  return from.kind == SPATE_NONE ? cast_none : CASTS[from.kind][to.kind];
}

bool cast_may_fail(struct spate_type from, struct spate_type to) {
  cast_run run = cast_kernel(from, to);
  static const cast_run SURE[] = {cast_none,          cast_bool_int,        cast_bool_double,  cast_int_bool,
                                  cast_int_double,    cast_double_bool,     cast_decimal_bool, cast_decimal_double,
                                  cast_timestamp_int, cast_timestamp_double};
  for (size_t i = 0; i < sizeof SURE / sizeof SURE[0]; i++)
    if (run == SURE[i]) return false;
  if (run == cast_int_decimal) return to.precision - to.scale < 19;
  if (run == cast_decimal_decimal)
    return to.precision - to.scale < from.precision - from.scale + (to.scale < from.scale);
  return true;
}
