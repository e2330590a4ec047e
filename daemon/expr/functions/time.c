/*
 * time: parts of a timestamp, and counting with units. Everything is UTC and proleptic Gregorian, from year 1 to 9999.
 *
 * A month is added by the calendar: the day stays, or becomes the month's last (January 31 and a month: February 28).
 * Differences are whole units, cut towards zero, as Flink's TIMESTAMPDIFF; weeks are ISO's, and begin on Monday for
 * date_trunc and week; dayofweek counts from 1 = Sunday, as Spark and Flink do.
 */
#include "time_format.h"
#include "../../base/log.h"
#include "../../data/schema.h"
#include "../../data/text.h"

struct civil {
  int64_t year, day_number; /* days since 1970 */
  unsigned month, day;
  int64_t of_day; /* microseconds */
};

static struct civil civil_of(int64_t time) {
  struct civil c;
  c.day_number = time_floor(time, TIME_DAY);
  c.of_day = time - c.day_number * TIME_DAY;
  text_civil(c.day_number, &c.year, &c.month, &c.day);
  return c;
}

static int64_t day_of_year(const struct civil *c) { return c->day_number - text_days(c->year, 1, 1) + 1; }
static int64_t day_of_week(int64_t day_number) { /* 1 = Monday; day 0 was a Thursday */
  int64_t d = (day_number + 3) % 7;
  return (d < 0 ? d + 7 : d) + 1;
}

/* The week with the year's first Thursday is week 1. */
static int64_t week_of(const struct civil *c) {
  int64_t thursday = c->day_number - day_of_week(c->day_number) + 4, year;
  unsigned month, day;
  text_civil(thursday, &year, &month, &day);
  return (thursday - text_days(year, 1, 1)) / 7 + 1;
}

static int resolve_part(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                        struct spate_error *err) {
  return types_check(arg, args, "t", SPATE_INT, out, err);
}
#define PART(name, value)                                  \
  static void run_##name(struct expr_call_frame *f) {      \
    EACH_ROW(f, row) {                                     \
      const struct civil c = civil_of(arg_int(f, 0, row)); \
      f->out->i64[row] = (value);                          \
    }                                                      \
  }
PART(year, c.year)
PART(quarter, (c.month + 2) / 3)
PART(month, c.month)
PART(week, week_of(&c))
PART(dayofmonth, c.day)
PART(dayofweek, day_of_week(c.day_number) % 7 + 1)
PART(dayofyear, day_of_year(&c))
PART(hour, c.of_day / 3600000000)
PART(minute, c.of_day / 60000000 % 60)
PART(second, c.of_day / 1000000 % 60)

/* ---- units ---- */
struct unit {
  const char *name;
  int64_t us;     /* its length; 0: by the calendar */
  int64_t months; /* its length by the calendar */
};
static const struct unit UNITS[] = {
    {"microsecond", 1, 0},
    {"millisecond", 1000, 0},
    {"second", 1000000, 0},
    {"minute", 60000000, 0},
    {"hour", 3600000000, 0},
    {"day", TIME_DAY, 0},
    {"week", 7 * TIME_DAY, 0},
    {"month", 0, 1},
    {"quarter", 0, 3},
    {"year", 0, 12},
    {NULL, 0, 0},
};

struct expr_prepared {
  const struct unit *unit; /* NULL: not constant */
};

/* By its name in any case, singular or plural. */
static const struct unit *unit_find(struct text_arg name) {
  uint32_t size = name.size;
  if (size > 3 && (name.at[size - 1] | 32) == 's') size--;
  for (const struct unit *u = UNITS; u->name != NULL; u++)
    if (strlen(u->name) == size && strncasecmp(u->name, name.at, size) == 0) return u;
  return NULL;
}
#define UNIT_WRONG \
  "'%s' is no unit of time: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year"

static const struct expr_prepared *prepare_unit(struct arena *arena, const struct spate_column *const *value,
                                                uint32_t args, struct spate_error *err) {
  (void)args;
  struct expr_prepared *p = ARENA_NEW(arena, struct expr_prepared);
  if (value[0] == NULL || spate_column_null(value[0], 0)) return p;
  struct text_arg name;
  name.at = spate_column_bytes(value[0], 0, &name.size);
  p->unit = unit_find(name);
  if (p->unit != NULL) return p;
  char shown[120];
  spate_fail(err, UNIT_WRONG, log_clean(name.at, name.size, 20, shown, sizeof shown));
  return NULL;
}

/* The row's unit; NULL: the row has been failed. */
static const struct unit *unit_get(struct expr_call_frame *f, uint32_t row) {
  if (f->prepared != NULL && f->prepared->unit != NULL) return f->prepared->unit;
  struct text_arg name = arg_text(f, 0, row);
  const struct unit *unit = unit_find(name);
  char shown[120];
  if (unit == NULL) f->fail(f, row, UNIT_WRONG, log_clean(name.at, name.size, 20, shown, sizeof shown));
  return unit;
}

static void time_put(struct expr_call_frame *f, uint32_t row, int64_t time) {
  if (time < TIME_LEAST || time > TIME_MOST)
    f->fail(f, row, "the timestamp would lie outside the years 1 to 9999");
  else
    f->out->i64[row] = time;
}

/* ---- date_trunc ---- */
static int64_t time_trunc(int64_t time, const struct unit *unit) {
  if (unit->months > 0) {
    struct civil c = civil_of(time);
    int64_t months = c.year * 12 + (int64_t)c.month - 1;
    months -= months % unit->months;
    return text_days(months / 12, (unsigned)(months % 12) + 1, 1) * TIME_DAY;
  }
  if (unit->us == 7 * TIME_DAY) {
    int64_t day = time_floor(time, TIME_DAY);
    return (day - day_of_week(day) + 1) * TIME_DAY;
  }
  return time_floor(time, unit->us) * unit->us;
}

static int resolve_date_trunc(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                              struct spate_error *err) {
  if (args > 2) return spate_fail(err, "a time zone for date_trunc() is not built yet: it works in UTC");
  return types_check(arg, args, "st", SPATE_TIMESTAMP, out, err);
}

static void run_date_trunc(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    const struct unit *unit = unit_get(f, row);
    int64_t time = arg_int(f, 1, row);
    if (unit == NULL) continue;
    if (time < TIME_LEAST || time > TIME_MOST)
      f->fail(f, row, "the timestamp lies outside the years 1 to 9999");
    else
      time_put(f, row, time_trunc(time, unit));
  }
}

/* ---- timestampadd, timestampdiff ---- */
static int64_t months_add(int64_t time, int64_t n) {
  static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  struct civil c = civil_of(time);
  int64_t months = c.year * 12 + (int64_t)c.month - 1 + n;
  int64_t year = time_floor(months, 12);
  unsigned month = (unsigned)(months - year * 12), last = DAYS[month];
  if (month == 1 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0)) last = 29;
  return text_days(year, month + 1, c.day < last ? c.day : last) * TIME_DAY + c.of_day;
}

static int resolve_timestampadd(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                                struct spate_error *err) {
  return types_check(arg, args, "sit", SPATE_TIMESTAMP, out, err);
}

static void run_timestampadd(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    const struct unit *unit = unit_get(f, row);
    int64_t n = arg_int(f, 1, row), time = arg_int(f, 2, row), by;
    if (unit == NULL) continue;
    bool sane = time >= TIME_LEAST && time <= TIME_MOST;
    if (unit->months > 0 && sane && n > -200000 && n < 200000) /* beyond that no year is left */
      time_put(f, row, months_add(time, n * unit->months));
    else if (unit->months > 0 || !sane || __builtin_mul_overflow(n, unit->us, &by) ||
             __builtin_add_overflow(time, by, &time))
      f->fail(f, row, "the timestamp would lie outside the years 1 to 9999");
    else
      time_put(f, row, time);
  }
}

static int64_t months_between(int64_t from, int64_t to) {
  struct civil a = civil_of(from), b = civil_of(to);
  int64_t months = (b.year - a.year) * 12 + (int64_t)b.month - (int64_t)a.month;
  int64_t rest = ((int64_t)b.day - (int64_t)a.day) * TIME_DAY + b.of_day - a.of_day;
  if (months > 0 && rest < 0) months--;
  if (months < 0 && rest > 0) months++;
  return months;
}

static int resolve_timestampdiff(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                                 struct spate_error *err) {
  return types_check(arg, args, "stt", SPATE_INT, out, err);
}

static void run_timestampdiff(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    const struct unit *unit = unit_get(f, row);
    int64_t from = arg_int(f, 1, row), to = arg_int(f, 2, row), us;
    if (unit == NULL) continue;
    if (unit->months > 0)
      f->out->i64[row] = months_between(from, to) / unit->months;
    else if (__builtin_sub_overflow(to, from, &us))
      f->fail(f, row, "the difference of the timestamps does not fit an int");
    else
      f->out->i64[row] = us / unit->us;
  }
}

/* ---- the moment ---- */
static int resolve_moment(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                          struct spate_error *err) {
  return types_check(arg, args, "t", SPATE_TIMESTAMP, out, err);
}
static void run_current_timestamp(struct expr_call_frame *f) { EACH_ROW(f, row) f->out->i64[row] = f->moment->now; }
static void run_current_watermark(struct expr_call_frame *f) {
  EACH_ROW(f, row) {
    if (f->moment->watermark == SPATE_TIME_MIN)
      spate_column_set_null(f->out, row);
    else
      f->out->i64[row] = f->moment->watermark;
  }
}

/* ---- types of the functions with patterns ---- */
static int resolve_date_format(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                               struct spate_error *err) {
  if (args > 2) return spate_fail(err, "a time zone for date_format() is not built yet: it works in UTC");
  return types_check(arg, args, "ts", SPATE_STRING, out, err);
}
static int resolve_to_timestamp(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                                struct spate_error *err) {
  return types_check(arg, args, "ss", SPATE_TIMESTAMP, out, err);
}
static int resolve_from_unixtime(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                                 struct spate_error *err) {
  return types_check(arg, args, "is", SPATE_STRING, out, err);
}
static int resolve_unix_timestamp(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                                  struct spate_error *err) {
  bool text = args == 2 || (args == 1 && arg[0].kind == SPATE_STRING);
  return types_check(arg, args, text ? "ss" : "t", SPATE_INT, out, err);
}

#define TIME(f_name, least, most, types, shape, text, ...)                                                   \
  {                                                                                                          \
    .name = #f_name, .group = "time", .signature = shape, .help = text, .min_args = least, .max_args = most, \
    .strict = true, .resolve = resolve_##types, .run = run_##f_name, __VA_ARGS__                             \
  }
#define UNIT .prepare = prepare_unit
const struct expr_function FUNCTIONS_TIME[] = {
    TIME(year, 1, 1, part, "year(timestamp)", "the year", ),
    TIME(quarter, 1, 1, part, "quarter(timestamp)", "the quarter, 1 to 4", ),
    TIME(month, 1, 1, part, "month(timestamp)", "the month, 1 to 12", ),
    TIME(week, 1, 1, part, "week(timestamp)", "the week of ISO 8601, 1 to 53", ),
    TIME(dayofmonth, 1, 1, part, "dayofmonth(timestamp)", "the day of the month, 1 to 31", ),
    TIME(dayofweek, 1, 1, part, "dayofweek(timestamp)", "the day of the week, 1 (Sunday) to 7", ),
    TIME(dayofyear, 1, 1, part, "dayofyear(timestamp)", "the day of the year, 1 to 366", ),
    TIME(hour, 1, 1, part, "hour(timestamp)", "the hour, 0 to 23", ),
    TIME(minute, 1, 1, part, "minute(timestamp)", "the minute, 0 to 59", ),
    TIME(second, 1, 1, part, "second(timestamp)", "the second, 0 to 59", ),
    TIME(date_trunc, 2, 3, date_trunc, "date_trunc(unit, timestamp)",
         "the beginning of its 'year', 'quarter', 'month', 'week' (Monday), 'day', 'hour', 'minute', 'second', "
         "'millisecond'",
         UNIT),
    TIME(date_format, 2, 3, date_format, "date_format(timestamp, pattern)",
         "as text; a pattern holds yyyy MM dd HH mm ss SSS XXX and 'quoted text'", .prepare = prepare_pattern_second),
    TIME(to_timestamp, 1, 2, to_timestamp, "to_timestamp(string [, pattern])",
         "read by ISO 8601, or exactly by a pattern of yyyy MM dd HH mm ss SSS XXX; fails for other text",
         .prepare = prepare_pattern_second),
    TIME(from_unixtime, 1, 2, from_unixtime, "from_unixtime(seconds [, pattern])",
         "as text by the pattern, yyyy-MM-dd HH:mm:ss if left out", .prepare = prepare_pattern_second),
    TIME(unix_timestamp, 0, 2, unix_timestamp, "unix_timestamp([timestamp | string [, pattern]])",
         "seconds since 1970; of now, of a timestamp, or of text read by the pattern (yyyy-MM-dd HH:mm:ss)",
         .prepare = prepare_pattern_second, .not_constant = true),
    TIME(timestampadd, 3, 3, timestampadd, "timestampadd(unit, n, timestamp)",
         "n units later; fails outside the years 1 to 9999", UNIT),
    TIME(timestampdiff, 3, 3, timestampdiff, "timestampdiff(unit, from, to)",
         "how many whole units from one to the other", UNIT),
    TIME(current_timestamp, 0, 0, moment, "current_timestamp",
         "the time of the batch of records, or of the micro-batch", .not_constant = true),
    TIME(current_watermark, 0, 0, moment, "current_watermark()",
         "the watermark that the batch is judged by; null before there is one", .not_constant = true),
    {.name = NULL},
};
