/*
 * generator: rows out of nothing, for demos, tests and benches. A row is a function of its number `i`, by the user's
 * expressions or by a preset; so the generator is deterministic, its position is a number, and it can begin anywhere.
 *
 * With `rate` row k (counted from this start) is due k / rate seconds after it. A generator that was held back catches
 * up: the rate is kept over the run, not between two rows.
 */
#include <event2/event.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "ads.h"

enum generator_preset { PRESET_NONE, PRESET_ADS, PRESET_ADS_TABLE };
#define NOMINAL_RATE 10000.0 /* rows a second of event time divided by speed, where there is no rate */
#define MOST_FIELDS 1024

struct generator_config {
  int64_t rows;
  double rate;
  struct spate_map fields;
  int preset;
  double speed;
  const char *start_time;
  int64_t disorder;
};

struct generator {
  struct generator_config config;
  struct spate_where where;
  struct spate_partition partition;
  struct ads_clock clock;
  int64_t rows;         /* -1: without end */
  _Atomic int64_t next; /* written by the reader, read by whoever asks for the lag; stands alone: relaxed */
};

struct generator_reader {
  struct generator *generator;
  struct spate_task *task;
  struct event *timer;
  struct spate_expr **expr;
  uint32_t columns;
  bool assigned, idle;
  int64_t next;               /* row number */
  int64_t began_at, began_us; /* row and time of this start */
};

static const struct spate_field ROW_FIELD = {.name = "i", .type = {.kind = SPATE_INT}};
static const struct spate_schema ROW_SCHEMA = {.fields = &ROW_FIELD, .count = 1};

/* ---- configuration ---- */

/* "2026-01-02", "2026-01-02T03:04:05" or with a blank, a fraction and 'Z': UTC. */
static int start_time_parse(const char *text, int64_t *us) {
  int year, month, day, hour = 0, minute = 0, used = 0;
  double second = 0;
  char sep = 0, end[2] = "";
  int n = sscanf(text, "%4d-%2d-%2d%n%c%2d:%2d:%lf%1s", &year, &month, &day, &used, &sep, &hour, &minute, &second, end);
  bool date_only = n == 3 && text[used] == 0;
  bool whole = (n == 7 || (n == 8 && end[0] == 'Z')) && (sep == 'T' || sep == ' ');
  if (!date_only && !whole) return -1;
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second >= 60) return -1;
  int64_t y = month > 2 ? year : year - 1, era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
  int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468; /* Howard Hinnant's days_from_civil */
  *us = ((days * 24 + hour) * 60 + minute) * 60000000 + llround(second * 1e6);
  return 0;
}

static int generator_check(const void *config, struct spate_error *err) {
  const struct generator_config *c = config;
  int64_t unused;
  if (c->rate < 0 || !isfinite(c->rate))
    return spate_fail_option(err, "rate", "rate must be 0 (no limit) or more rows a second");
  if (c->speed <= 0 || !isfinite(c->speed)) return spate_fail_option(err, "speed", "speed must be more than 0");
  if (start_time_parse(c->start_time, &unused) != 0)
    return spate_fail_option(err, "start_time", "'%.40s' is no time: write 2026-01-02T03:04:05Z", c->start_time);
  if (c->preset != PRESET_NONE && c->fields.count > 0)
    return spate_fail_option(err, "fields", "a preset brings its own fields: give preset or fields");
  if (c->fields.count > MOST_FIELDS) return spate_fail_option(err, "fields", "more than %d fields", MOST_FIELDS);
  return 0;
}

static int64_t generator_rows(const struct generator_config *c) {
  if (c->preset == PRESET_ADS_TABLE) return c->rows > 0 && c->rows < ADS_COUNT ? c->rows : ADS_COUNT;
  return c->rows > 0 ? c->rows : -1;
}

static bool generator_bounded(const void *config) { return generator_rows(config) >= 0; }

static int schema_take(struct spate_schema *schema, const struct spate_field *fields, uint32_t count) {
  schema->fields = fields;
  schema->count = count;
  return 0;
}

static int generator_schema(const void *config, struct spate_schema *schema, struct spate_error *err) {
  const struct generator_config *c = config;
  if (c->preset == PRESET_ADS) return schema_take(schema, ADS_EVENT_FIELDS, ADS_EVENT_COLUMNS);
  if (c->preset == PRESET_ADS_TABLE) return schema_take(schema, ADS_TABLE_FIELDS, ADS_TABLE_COLUMNS);
  if (c->fields.count == 0) return schema_take(schema, &ROW_FIELD, 1);
  struct spate_field *fields = spate_config_alloc(schema, c->fields.count * sizeof *fields);
  memset(fields, 0, c->fields.count * sizeof *fields);
  for (size_t i = 0; i < c->fields.count; i++) {
    char option[64];
    snprintf(option, sizeof option, "fields.%.50s", c->fields.key[i]);
    struct spate_error inner = {0};
    struct spate_expr *expr = spate_expr_new(c->fields.value[i], &ROW_SCHEMA, &inner);
    if (expr == NULL) return spate_fail_option(err, option, "%.400s", inner.message);
    fields[i].name = c->fields.key[i];
    fields[i].type = spate_expr_type(expr);
    spate_expr_free(expr);
    if (fields[i].type.kind == SPATE_NONE || fields[i].type.kind == SPATE_INTERVAL)
      return spate_fail_option(err, option, "'%.50s' has no type that a column can have: add a cast", fields[i].name);
  }
  return schema_take(schema, fields, (uint32_t)c->fields.count);
}

/* ---- the source ---- */

static int generator_open(const struct spate_source_args *args, void **source, struct spate_error *err) {
  const struct generator_config *c = args->config;
  if (args->bounded && generator_rows(c) < 0)
    return spate_fail(err, "a generator without `rows:` has no end: a bounded run needs `rows:`");
  struct generator *g = calloc(1, sizeof *g);
  if (g == NULL) return spate_fail(err, "out of memory");
  g->config = *c;
  g->where = args->where;
  g->rows = generator_rows(c);
  if (start_time_parse(c->start_time, &g->clock.start_us) != 0) g->clock.start_us = 0; /* checked before */
  g->clock.step_us = c->speed * 1e6 / (c->rate > 0 ? c->rate : NOMINAL_RATE);
  g->clock.disorder_us = c->disorder;
  snprintf(g->partition.name, sizeof g->partition.name, "rows");
  *source = g;
  return 0;
}

static int generator_partitions(void *source, const struct spate_partition **list, uint32_t *count,
                                struct spate_error *err) {
  (void)err;
  *list = &((struct generator *)source)->partition;
  *count = 1;
  return 0;
}

static int64_t generator_lag(void *source) {
  struct generator *g = source;
  return g->rows < 0 ? -1 : g->rows - atomic_load_explicit(&g->next, memory_order_relaxed);
}

/* ---- the reader ---- */

static void reader_due(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  spate_task_wake(((struct generator_reader *)own)->task);
}

static void generator_reader_close(void *reader) {
  struct generator_reader *r = reader;
  for (uint32_t i = 0; r->expr != NULL && i < r->columns; i++) spate_expr_free(r->expr[i]);
  free(r->expr);
  if (r->timer != NULL) event_free(r->timer);
  free(r);
}

static int reader_compile(struct generator_reader *r, struct spate_error *err) {
  const struct spate_map *fields = &r->generator->config.fields;
  r->columns = (uint32_t)fields->count;
  r->expr = calloc(fields->count, sizeof *r->expr);
  if (r->expr == NULL) return spate_fail(err, "out of memory");
  for (size_t i = 0; i < fields->count; i++) {
    r->expr[i] = spate_expr_new(fields->value[i], &ROW_SCHEMA, err);
    if (r->expr[i] == NULL) return -1;
  }
  return 0;
}

static int generator_reader_open(void *source, struct spate_task *task, uint32_t index, void **reader,
                                 struct spate_error *err) {
  (void)index;
  struct generator_reader *r = calloc(1, sizeof *r);
  if (r == NULL) return spate_fail(err, "out of memory");
  r->generator = source;
  r->task = task;
  r->timer = evtimer_new(spate_task_base(task), reader_due, r);
  bool failed = r->timer == NULL ? spate_fail(err, "cannot make a timer") != 0
                                 : r->generator->config.fields.count > 0 && reader_compile(r, err) != 0;
  if (failed) {
    generator_reader_close(r);
    return -1;
  }
  *reader = r;
  return 0;
}

static int generator_assign(void *reader, uint32_t partition, struct spate_bytes position, struct spate_error *err) {
  struct generator_reader *r = reader;
  (void)partition;
  int64_t next = 0;
  if (position.size != 0 && position.size != sizeof next)
    return spate_fail(err, "the saved position of the generator has %zu bytes instead of 8", position.size);
  if (position.size != 0) memcpy(&next, position.data, sizeof next);
  if (next < 0) return spate_fail(err, "the saved position of the generator is negative");
  r->next = r->began_at = next;
  r->began_us = spate_task_now(r->task);
  r->assigned = true;
  atomic_store_explicit(&r->generator->next, next, memory_order_relaxed);
  return 0;
}

/* How many rows may go now: at most max. 0: none is due, and the timer is set. */
static uint32_t reader_allowed(struct generator_reader *r, uint32_t max) {
  const struct generator *g = r->generator;
  int64_t allowed = max;
  if (g->rows >= 0 && allowed > g->rows - r->next) allowed = g->rows - r->next;
  if (g->config.rate <= 0 || allowed <= 0) return allowed > 0 ? (uint32_t)allowed : 0;
  double elapsed_s = (double)(spate_task_now(r->task) - r->began_us) / 1e6;
  double given = (double)(r->next - r->began_at), due = floor(elapsed_s * g->config.rate) + 1 - given;
  if (due >= 1) return due < (double)allowed ? (uint32_t)due : (uint32_t)allowed;
  double wait_s = given / g->config.rate - elapsed_s;
  if (wait_s < 0.001) wait_s = 0.001; /* a thousand small batches a second are enough */
  if (wait_s > 1) wait_s = 1;         /* and the clock may be moved */
  struct timeval wait = {.tv_sec = (time_t)wait_s, .tv_usec = (suseconds_t)((wait_s - floor(wait_s)) * 1e6)};
  event_add(r->timer, &wait);
  return 0;
}

static struct spate_batch *batch_over(uint32_t rows, uint32_t columns, struct spate_column **column) {
  for (uint32_t c = 0; c < columns; c++)
    if (column[c] == NULL) {
      for (uint32_t d = 0; d < columns; d++) spate_column_unref(column[d]);
      return NULL;
    }
  return spate_batch_new(rows, columns, column, NULL);
}

/* A field whose expression fails for a row (a division by zero) is null there. */
static struct spate_batch *reader_eval(struct generator_reader *r, uint32_t rows) {
  struct spate_column *i = spate_column_new(ROW_FIELD.type, rows, 0);
  for (uint32_t k = 0; k < rows; k++) i->i64[k] = r->next + k;
  struct spate_batch *numbers = spate_batch_new(rows, 1, &i, NULL);
  if (r->columns == 0) return numbers;
  struct spate_column *column[MOST_FIELDS];
  for (uint32_t c = 0; c < r->columns; c++) column[c] = spate_expr_eval(r->expr[c], numbers, NULL);
  spate_batch_unref(numbers);
  return batch_over(rows, r->columns, column);
}

static struct spate_batch *reader_make(struct generator_reader *r, uint32_t rows) {
  struct spate_column *column[ADS_EVENT_COLUMNS] = {NULL};
  switch (r->generator->config.preset) {
    case PRESET_ADS:
      if (ads_events(&r->generator->clock, r->next, rows, column) != 0) return NULL;
      return batch_over(rows, ADS_EVENT_COLUMNS, column);
    case PRESET_ADS_TABLE:
      if (ads_table(r->next, rows, column) != 0) return NULL;
      return batch_over(rows, ADS_TABLE_COLUMNS, column);
    default: return reader_eval(r, rows);
  }
}

static bool reader_finished(const struct generator_reader *r) {
  return r->generator->rows >= 0 && r->next >= r->generator->rows;
}

static enum spate_result generator_pull(void *reader, uint32_t max, struct spate_batch **out, uint32_t *partition,
                                        struct spate_error *err) {
  struct generator_reader *r = reader;
  *out = NULL;
  *partition = 0;
  if (!r->assigned) return SPATE_IDLE;
  if (reader_finished(r)) return SPATE_END;
  if (max > SPATE_BATCH_ROWS) max = SPATE_BATCH_ROWS;
  uint32_t rows = reader_allowed(r, max);
  r->idle = rows == 0;
  if (rows == 0) return SPATE_IDLE;
  *out = reader_make(r, rows);
  if (*out == NULL) {
    spate_fail(err, "cannot compute the rows from %lld on", (long long)r->next);
    return SPATE_FAIL;
  }
  r->next += rows;
  atomic_store_explicit(&r->generator->next, r->next, memory_order_relaxed);
  return SPATE_OK;
}

static enum spate_partition_state generator_state(void *reader, uint32_t partition) {
  const struct generator_reader *r = reader;
  (void)partition;
  if (reader_finished(r)) return SPATE_PART_FINISHED;
  return r->idle ? SPATE_PART_CAUGHT_UP : SPATE_PART_READING;
}

static int generator_position(void *reader, uint32_t partition, struct spate_buffer *out, struct spate_error *err) {
  const struct generator_reader *r = reader;
  (void)partition;
  if (spate_buffer_append(out, &r->next, sizeof r->next) != 0) return spate_fail(err, "out of memory");
  return 0;
}

static const char *const PRESETS[] = {"none", "ads", "ads_table", NULL};
#define AT(field) offsetof(struct generator_config, field)
static const struct spate_option GENERATOR_OPTIONS[] = {
    {.name = "rows",
     .type = SPATE_OPT_INT,
     .offset = AT(rows),
     .default_text = "0",
     .min = 0,
     .max = INT64_MAX,
     .help = "How many rows; 0: without end."},
    {.name = "rate",
     .type = SPATE_OPT_DOUBLE,
     .offset = AT(rate),
     .default_text = "0",
     .help = "Rows a second, counted from the start; 0: as fast as possible."},
    {.name = "fields",
     .type = SPATE_OPT_EXPRS,
     .offset = AT(fields),
     .help = "Columns: name to an expression over i, the row's number from 0; left out: i itself."},
    {.name = "preset",
     .type = SPATE_OPT_ENUM,
     .offset = AT(preset),
     .default_text = "none",
     .choices = PRESETS,
     .help = "ads: ad events as in the Yahoo benchmark (user_id, page_id, ad_id from ad-0001 to ad-1000, ad_type, "
             "event_type, event_time, ip_address); ads_table: those ads with their campaign_id, ten to each of 100."},
    {.name = "speed",
     .type = SPATE_OPT_DOUBLE,
     .offset = AT(speed),
     .default_text = "1",
     .help = "preset ads: event time runs this many times the clock (without a rate: as at 10,000 rows a second)."},
    {.name = "start_time",
     .type = SPATE_OPT_STRING,
     .offset = AT(start_time),
     .default_text = "2025-01-01T00:00:00Z",
     .help = "preset ads: event time of row 0, UTC."},
    {.name = "disorder",
     .type = SPATE_OPT_DURATION,
     .offset = AT(disorder),
     .default_text = "0s",
     .min = 0,
     .max = INT64_MAX / 2,
     .help = "preset ads: one event in ten is up to this much older than its place says."},
    {.name = NULL}};

const struct spate_source_api spate_source_generator = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_source_api),
    .name = "generator",
    .help = "Rows computed from their number: for demos, tests and measuring.",
    .flags = SPATE_REPLAYABLE | SPATE_SINGLE | SPATE_NO_CODEC,
    .options = GENERATOR_OPTIONS,
    .config_size = sizeof(struct generator_config),
    .check = generator_check,
    .bounded = generator_bounded,
    .schema = generator_schema,
    .open = generator_open,
    .partitions = generator_partitions,
    .close = free,
    .reader_open = generator_reader_open,
    .assign = generator_assign,
    .pull_batch = generator_pull,
    .state = generator_state,
    .position = generator_position,
    .lag = generator_lag,
    .reader_close = generator_reader_close,
};
