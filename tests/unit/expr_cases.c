/*
 * expr_cases: every case of tests/expr/ against the evaluator.
 *
 * A case is `EXPRESSION => EXPECTED ;; SOURCE` (see tests/expr/generate.py, which holds the expected values against
 * PostgreSQL and SQLite). It is compiled over the columns of rows.txt and evaluated three times: over all rows, over
 * a selection, and over one row after the other; what a row gives must not depend on its neighbours. A condition is
 * also run as a filter. Each mismatch is printed as file:line.
 */
#include <check.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "data/batch.h"
#include "data/schema.h"
#include "data/text.h"
#include "expr/expr.h"

#define MOST_ROWS 32
#define LINE_BYTES 16384

static struct {
  struct arena *arena;
  struct schema *schema;
  struct spate_batch *batch;
  struct spate_rejects *rejects;
  struct expr_moment moment;
} fixture;

struct expected {
  uint32_t count;
  char *value[MOST_ROWS];
};
struct place {
  const char *path;
  unsigned line;
  const char *text;
  int wrong; /* mismatches of this case */
};

__attribute__((format(printf, 2, 3))) static void mismatch(struct place *p, const char *format, ...) {
  if (p->wrong++ >= 3) return; /* a case that fails in one row fails in most */
  va_list args;
  va_start(args, format);
  printf("%s:%u: %s: ", p->path, p->line, p->text);
  vprintf(format, args);
  printf("\n");
  va_end(args);
}

/* Cuts "a | 'b | c' | d" into values in place; bars inside of quotes do not count. */
static void values_cut(char *text, struct expected *out) {
  out->count = 0;
  for (;;) {
    while (*text == ' ') text++;
    ck_assert_uint_lt(out->count, MOST_ROWS);
    out->value[out->count++] = text;
    char *at = text;
    if (*at == '\'' || strncmp(at, "x'", 2) == 0) {
      at = strchr(at, '\'') + 1;
      while (*at != 0 && (*at != '\'' || at[1] == '\'')) at += *at == '\'' ? 2 : 1;
    }
    char *bar = strstr(at, " | ");
    if (bar == NULL) return;
    *bar = 0;
    text = bar + 3;
  }
}

/* ---- the batch ---- */
static void cell_put(struct column_builder *b, const char *text) {
  size_t size = strlen(text);
  struct spate_type type = b->column->type;
  if (strcmp(text, "null") == 0) {
    column_builder_null(b);
    return;
  }
  int64_t i = 0;
  double d = 0;
  bool truth = false;
  spate_i128 dec = 0;
  char plain[256];
  size_t n = 0;
  switch (type.kind) {
    case SPATE_INT:
      ck_assert_int_eq(text_int(text, size, &i), 0);
      column_builder_i64(b, i);
      break;
    case SPATE_DOUBLE:
      ck_assert_int_eq(text_double(text, size, &d), 0);
      column_builder_f64(b, d);
      break;
    case SPATE_BOOL:
      ck_assert_int_eq(text_bool(text, size, &truth), 0);
      column_builder_bool(b, truth);
      break;
    case SPATE_DECIMAL:
      ck_assert_int_eq(text_decimal(text, size, type.precision, type.scale, &dec), 0);
      column_builder_dec(b, dec);
      break;
    case SPATE_TIMESTAMP:
      ck_assert_int_eq(text_timestamp(text, size, &i), 0);
      column_builder_i64(b, i);
      break;
    default:
      for (const char *c = text + 1; c < text + size - 1; c++) {
        plain[n++] = *c;
        c += *c == '\'';
      }
      column_builder_bytes(b, plain, n);
  }
}

static void rows_read(const char *path) {
  static char line[LINE_BYTES];
  struct column_builder builder[16];
  struct expected cells;
  uint32_t columns = 0;
  FILE *in = fopen(path, "r");
  ck_assert_msg(in != NULL, "%s: run this from the root of the tree", path);
  while (fgets(line, sizeof line, in) != NULL) {
    line[strcspn(line, "\n")] = 0;
    if (line[0] == '#') continue;
    values_cut(line, &cells);
    if (columns > 0) {
      ck_assert_uint_eq(cells.count, columns);
      for (uint32_t c = 0; c < columns; c++) cell_put(&builder[c], cells.value[c]);
      continue;
    }
    columns = cells.count;
    fixture.schema = schema_new(fixture.arena, columns);
    for (uint32_t c = 0; c < columns; c++) {
      struct spate_error err;
      struct spate_type type;
      char *blank = strchr(cells.value[c], ' ');
      ck_assert_msg(type_parse(blank + 1, &type, &err) == 0, "%s", err.message);
      *blank = 0;
      schema_add(fixture.schema, arena_text(fixture.arena, cells.value[c]), type);
      column_builder_init(&builder[c], type, MOST_ROWS);
    }
  }
  fclose(in);
  struct spate_column *column[16];
  for (uint32_t c = 0; c < columns; c++) {
    column[c] = column_builder_take(&builder[c]);
    column_builder_fini(&builder[c]);
  }
  fixture.batch = spate_batch_new(column[0]->rows, columns, column, NULL);
}

/* ---- values ---- */
static void quoted_put(struct buf *out, const char *at, uint32_t size) {
  buf_text(out, "'");
  for (uint32_t i = 0; i < size; i++) {
    if ((unsigned char)at[i] < 0x20)
      buf_format(out, "\\x%02x", (unsigned)at[i]);
    else
      buf_put(out, &at[i], 1);
    if (at[i] == '\'') buf_text(out, "'");
  }
  buf_text(out, "'");
}

/* As the tables write it. */
static const char *value_text(struct buf *out, const struct spate_column *column, uint32_t row) {
  char text[TEXT_ROOM];
  uint32_t size;
  out->size = 0;
  if (spate_column_null(column, row)) {
    buf_text(out, "null");
    return buf_string(out);
  }
  switch (column->type.kind) {
    case SPATE_BOOL: buf_text(out, column->b8[row] ? "true" : "false"); break;
    case SPATE_DOUBLE: buf_put(out, text, text_put_double(text, column->f64[row])); break;
    case SPATE_DECIMAL: buf_put(out, text, text_put_decimal(text, column->dec[row], column->type.scale)); break;
    case SPATE_TIMESTAMP: buf_put(out, text, text_put_timestamp(text, column->i64[row])); break;
    case SPATE_BYTES: {
      const char *bytes = spate_column_bytes(column, row, &size);
      buf_text(out, "x'");
      for (uint32_t i = 0; i < size; i++) buf_format(out, "%02x", (unsigned)(unsigned char)bytes[i]);
      buf_text(out, "'");
      break;
    }
    case SPATE_STRING: {
      const char *bytes = spate_column_bytes(column, row, &size);
      quoted_put(out, bytes, size);
      break;
    }
    default: buf_put(out, text, text_put_int(text, column->i64[row]));
  }
  return buf_string(out);
}

static bool value_equal(const char *expected, const char *got) {
  if (expected[0] != '~') return strcmp(expected, got) == 0;
  char *end;
  double a = strtod(expected + 1, NULL), b = strtod(got, &end);
  return *end == 0 && end != got && fabs(a - b) <= 1e-14 * fmax(fabs(a), fabs(b));
}

/* The reason that a row failed with; NULL: it did not. */
static const char *reason_of(uint32_t row) {
  for (uint32_t i = 0; i < fixture.rejects->count; i++)
    if (fixture.rejects->item[i].row == row) return rejects_reason(fixture.rejects, i);
  return NULL;
}

/* ---- one case ---- */
static const char *wanted(const struct expected *e, uint32_t row) { return e->value[e->count == 1 ? 0 : row]; }

static void row_check(struct place *p, const struct expected *e, const struct spate_column *column, uint32_t row,
                      const char *how) {
  const char *want = wanted(e, row), *reason = reason_of(row);
  struct buf out = {0};
  const char *got = reason != NULL ? reason : value_text(&out, column, row);
  if (strncmp(want, "error:", 6) == 0) {
    const char *part = want + 6 + strspn(want + 6, " ");
    if (reason == NULL)
      mismatch(p, "row %u%s: expected %s, got %s", row + 1, how, want, got);
    else if (strstr(reason, part) == NULL)
      mismatch(p, "row %u%s: expected %s, the reason is: %s", row + 1, how, want, reason);
  } else if (reason != NULL) {
    mismatch(p, "row %u%s: expected %s, failed: %s", row + 1, how, want, reason);
  } else if (!value_equal(want, got)) {
    mismatch(p, "row %u%s: expected %s, got %s", row + 1, how, want, got);
  }
  buf_free(&out);
}

static void batch_check(struct place *p, const struct expected *e, const struct expr *expr,
                        const struct spate_batch *batch, const char *how) {
  struct expr_frame *frame = expr_frame_new(expr);
  for (int round = 0; round < 2; round++) { /* twice: a frame is used again */
    rejects_clear(fixture.rejects);
    struct spate_column *column = expr_eval(frame, batch, &fixture.moment, fixture.rejects);
    ck_assert_uint_eq(column->rows, batch->rows);
    for (uint32_t k = 0; k < batch->count; k++) row_check(p, e, column, spate_batch_row(batch, k), how);
    spate_column_unref(column);
  }
  if (expr_type(expr).kind == SPATE_BOOL) {
    uint16_t rows[SPATE_BATCH_ROWS];
    uint8_t in[SPATE_BATCH_ROWS] = {0};
    rejects_clear(fixture.rejects);
    uint32_t count = expr_select(frame, batch, &fixture.moment, fixture.rejects, rows);
    for (uint32_t k = 0; k < count; k++) in[rows[k]] = 1;
    for (uint32_t k = 0; k < batch->count; k++) {
      uint32_t row = spate_batch_row(batch, k);
      const char *want = wanted(e, row);
      if ((strcmp(want, "true") == 0) != in[row]) mismatch(p, "row %u%s: as a filter: expected %s", row + 1, how, want);
      if ((strncmp(want, "error:", 6) == 0) != (reason_of(row) != NULL))
        mismatch(p, "row %u%s: as a filter: expected %s, the reason is: %s", row + 1, how, want,
                 reason_of(row) != NULL ? reason_of(row) : "none");
    }
  }
  expr_frame_free(&frame);
}

static void case_check(struct place *p, const struct expected *e) {
  struct arena *arena = arena_new();
  struct expr_error err = {0};
  struct expr *expr = expr_compile(arena, p->text, fixture.schema, &err);
  const char *want = e->value[0];
  bool refused = strncmp(want, "refused:", 8) == 0;
  if (expr == NULL) {
    const char *part = want + 8 + strspn(want + (refused ? 8 : 0), " ");
    if (!refused)
      mismatch(p, "expected %s, refused: %s", want, err.message);
    else if (strstr(err.message, part) == NULL)
      mismatch(p, "expected %s, refused: %s", want, err.message);
    if (err.message[0] == 0 || err.offset > strlen(p->text)) mismatch(p, "an error without message or place");
  } else if (refused) {
    mismatch(p, "expected %s, but it compiles", want);
  } else {
    uint16_t some[MOST_ROWS];
    uint32_t count = 0;
    batch_check(p, e, expr, fixture.batch, "");
    for (uint16_t row = 0; row < fixture.batch->rows; row++)
      if (row % 3 != 1) some[count++] = row;
    struct spate_batch *selected = batch_select(fixture.batch, some, count);
    batch_check(p, e, expr, selected, " of a selection");
    spate_batch_unref(selected);
    for (uint16_t row = 0; row < fixture.batch->rows; row++) {
      struct spate_batch *one = batch_select(fixture.batch, &row, 1);
      batch_check(p, e, expr, one, " alone");
      spate_batch_unref(one);
    }
  }
  arena_free(&arena);
}

/* ---- tables ---- */
static int table_check(const char *path, int *cases) {
  static char line[LINE_BYTES];
  FILE *in = fopen(path, "r");
  ck_assert_msg(in != NULL, "%s cannot be read", path);
  int wrong = 0;
  for (unsigned number = 1; fgets(line, sizeof line, in) != NULL; number++) {
    size_t size = strcspn(line, "\n");
    ck_assert_msg(line[size] == '\n' || feof(in), "%s:%u: the line is too long", path, number);
    line[size] = 0;
    if (size == 0 || line[0] == '#') continue;
    char *arrow = strstr(line, " => "), *source = arrow != NULL ? strstr(arrow, " ;; ") : NULL;
    ck_assert_msg(source != NULL, "%s:%u: not a case: EXPRESSION => EXPECTED ;; SOURCE", path, number);
    *arrow = *source = 0;
    struct expected expected;
    struct place place = {path, number, line, 0};
    values_cut(arrow + 4, &expected);
    ck_assert_msg(expected.count == 1 || expected.count == fixture.batch->rows, "%s:%u: %u values for %u rows", path,
                  number, expected.count, fixture.batch->rows);
    case_check(&place, &expected);
    wrong += place.wrong > 0;
    ++*cases;
  }
  fclose(in);
  return wrong;
}

static char **named; /* tables given on the command line, for tests/expr/random_cases.py */

static void setup(void) {
  fixture.arena = arena_new();
  fixture.rejects = calloc(1, sizeof *fixture.rejects);
  rows_read("tests/expr/rows.txt");
  ck_assert_int_eq(text_timestamp("2026-01-02T03:04:05.678901Z", 27, &fixture.moment.now), 0);
  ck_assert_int_eq(text_timestamp("2026-01-02T03:00:00Z", 20, &fixture.moment.watermark), 0);
}

static void teardown(void) {
  spate_batch_unref(fixture.batch);
  rejects_fini(fixture.rejects);
  free(fixture.rejects);
  arena_free(&fixture.arena);
}

START_TEST(tables_hold) {
  glob_t found = {0};
  int cases = 0, wrong = 0, least = named != NULL ? 1 : 450; /* tables that are not found are no success */
  for (char **path = named; path != NULL && *path != NULL; path++) wrong += table_check(*path, &cases);
  if (named == NULL) {
    ck_assert_int_eq(glob("tests/expr/*.cases", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) wrong += table_check(found.gl_pathv[i], &cases);
    globfree(&found);
  }
  printf("%d cases, %d wrong\n", cases, wrong);
  fflush(stdout); /* a failed check leaves without it */
  ck_assert_int_ge(cases, least);
  ck_assert_msg(wrong == 0, "%d of %d cases do not hold", wrong, cases);
}
END_TEST

/* Without a watermark there is none to compare with. */
START_TEST(watermark_is_null_at_first) {
  struct expr_error err;
  struct expr *expr = expr_compile(fixture.arena, "current_watermark() is null", fixture.schema, &err);
  ck_assert_ptr_nonnull(expr);
  struct expr_frame *frame = expr_frame_new(expr);
  fixture.moment.watermark = SPATE_TIME_MIN;
  uint16_t rows[SPATE_BATCH_ROWS];
  ck_assert_uint_eq(expr_select(frame, fixture.batch, &fixture.moment, fixture.rejects, rows), fixture.batch->rows);
  expr_frame_free(&frame);
}
END_TEST

int main(int argc, char **argv) {
  named = argc > 1 ? argv + 1 : NULL;
  Suite *suite = suite_create("expr_cases");
  TCase *cases = tcase_create("cases");
  tcase_add_checked_fixture(cases, setup, teardown);
  tcase_set_timeout(cases, 120);
  tcase_add_test(cases, tables_hold);
  tcase_add_test(cases, watermark_is_null_at_first);
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
