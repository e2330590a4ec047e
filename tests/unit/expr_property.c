/*
 * expr_property: typed expressions made at random, over columns made at random. What a row gives must depend on that
 * row alone: not on which other rows are selected, nor on the size of the batch. A condition keeps exactly the rows for
 * which its value is true, whichever loop it takes. And a constant folded away is what it would have computed.
 */
#include <ctype.h>

#include "expr_test.h"

enum { ROWS = 100, ROUNDS = 400, DEPTH = 4 };

struct writer { /* of one expression */
  struct random *random;
  char text[20000];
  size_t size;
  bool constant; /* literals only */
};

static void put(struct writer *w, const char *text) {
  size_t n = strlen(text);
  ck_assert_uint_lt(w->size + n + 1, sizeof w->text);
  memcpy(w->text + w->size, text, n + 1);
  w->size += n;
}
static const char *pick(struct writer *w, const char *const *list, uint32_t n) {
  return list[random_below(w->random, n)];
}
#define PICK(w, ...)                                     \
  put((w), pick((w), (const char *const[]){__VA_ARGS__}, \
                (uint32_t)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))))

static void write_value(struct writer *w, int depth, char type);

/* The shape of an expression: each letter is a type to fill in, in quotes what stands as it is. */
static void write_shape(struct writer *w, int depth, const char *shape) {
  for (const char *p = shape; *p != '\0'; p++) {
    char one[2] = {*p, '\0'};
    if (*p == '$') {
      write_value(w, depth - 1, *++p);
    } else {
      put(w, one);
    }
  }
}

static void write_leaf(struct writer *w, char type) {
  bool column = !w->constant && random_below(w->random, 3) > 0;
  switch (type) {
    case 'i':
      if (column)
        PICK(w, "i", "j");
      else
        PICK(w, "0", "1", "-1", "7", "42", "9223372036854775807", "cast(null as int)");
      break;
    case 'd':
      if (column)
        PICK(w, "d", "e");
      else
        PICK(w, "0e0", "1.5e0", "-2e0", "1e300", "cast('NaN' as double)", "cast(null as double)");
      break;
    case 'p':
      if (column)
        PICK(w, "p", "q");
      else
        PICK(w, "0.5", "1.25", "-99.99", "12345678901234567890.5", "0.0", "cast(null as decimal(9,3))");
      break;
    case 's':
      if (column)
        PICK(w, "s", "u");
      else
        PICK(w, "'view'", "''", "'abcdefgh'", "'abcdefghi'", "'ü'", "'12'", "cast(null as string)");
      break;
    case 't':
      if (column)
        PICK(w, "t", "v");
      else
        PICK(w, "timestamp '2026-01-02 03:04:05'", "timestamp '1970-01-01'", "cast(null as timestamp)");
      break;
    case 'y':
      if (column)
        put(w, "y");
      else
        PICK(w, "cast('view' as bytes)", "cast('' as bytes)");
      break;
    default:
      if (column)
        PICK(w, "b", "c");
      else
        PICK(w, "true", "false", "cast(null as bool)");
  }
}

static void write_value(struct writer *w, int depth, char type) {
  static const char *const INTS[] = {"($i + $i)",
                                     "($i - $i)",
                                     "($i * $i)",
                                     "($i div $i)",
                                     "($i % $i)",
                                     "(- $i)",
                                     "cast($s as int)",
                                     "try_cast($s as int)",
                                     "cast($d as int)",
                                     "cast($p as int)",
                                     "cast($b as int)",
                                     "case when $b then $i when $b then $i else $i end",
                                     "case $i when $i then $i when $i then $i end",
                                     "coalesce($i, $i)",
                                     "nullif($i, $i)",
                                     "if($b, $i, $i)",
                                     "greatest($i, $i)",
                                     "least($i, $i, $i)",
                                     "char_length($s)",
                                     "abs($i)",
                                     "year($t)",
                                     "ifnull($i, $i)",
                                     "cast($t as int)",
                                     "case $s when $s then $i else $i end"};
  static const char *const DOUBLES[] = {"($d + $d)",
                                        "($d - $i)",
                                        "($d * $p)",
                                        "($d / $d)",
                                        "($i / $i)",
                                        "($d % $d)",
                                        "(- $d)",
                                        "cast($i as double)",
                                        "cast($p as double)",
                                        "cast($s as double)",
                                        "try_cast($s as double)",
                                        "case when $b then $d else $i end",
                                        "coalesce($d, $i)",
                                        "greatest($d, $d)",
                                        "if($b, $d, $p)",
                                        "nullif($d, $i)",
                                        "abs($d)"};
  static const char *const DECIMALS[] = {"($p + $p)",
                                         "($p - $i)",
                                         "($p * $p)",
                                         "($p / $p)",
                                         "($p % $p)",
                                         "(- $p)",
                                         "cast($i as decimal(20,2))",
                                         "cast($d as decimal(12,3))",
                                         "cast($s as decimal(8,2))",
                                         "case when $b then $p else $i end",
                                         "coalesce($p, $p, $i)",
                                         "greatest($p, $p)",
                                         "nullif($p, $i)",
                                         "cast($p as decimal(6,1))"};
  static const char *const STRINGS[] = {"($s || $s)",
                                        "($s || $i || $s)",
                                        "upper($s)",
                                        "case when $b then $s when $b then $s else $s end",
                                        "coalesce($s, $s)",
                                        "cast($i as string)",
                                        "cast($d as string)",
                                        "cast($p as string)",
                                        "cast($t as string)",
                                        "cast($y as string)",
                                        "nullif($s, $s)",
                                        "if($b, $s, $s)",
                                        "greatest($s, $s)",
                                        "substring($s, 2, 3)",
                                        "case $s when $s then $s end",
                                        "concat($s, $s)"};
  static const char *const TIMES[] = {"($t + interval '5' minute)", "($t - interval '1' day)",
                                      "coalesce($t, $t)",           "case when $b then $t else $t end",
                                      "greatest($t, $t)",           "cast($i as timestamp)",
                                      "try_cast($s as timestamp)",  "($t + ($t - $t))"};
  static const char *const BOOLS[] = {"($i = $i)",
                                      "($i < $p)",
                                      "($d <= $i)",
                                      "($s = $s)",
                                      "($s <> $s)",
                                      "($s > $s)",
                                      "($t >= $t)",
                                      "($p <> $p)",
                                      "($b and $b)",
                                      "($b or $b)",
                                      "($b and $b and $b)",
                                      "($b or $b or $b)",
                                      "(not $b)",
                                      "($i is null)",
                                      "($b is true)",
                                      "($b is not false)",
                                      "($b is unknown)",
                                      "($i is distinct from $i)",
                                      "($s is not distinct from $s)",
                                      "($i between $i and $i)",
                                      "($d not between $i and $p)",
                                      "($i in (1, 7, 42, null))",
                                      "($i in (1, 2, 3, 7, 42))",
                                      "($s in ('view', 'click', $s))",
                                      "($s not in ('view', 'a', 'b', 'c', 'd', 'abcdefghi'))",
                                      "($s like '%i%')",
                                      "($s like 'a%')",
                                      "($s like '%k')",
                                      "($s not like '_i%w')",
                                      "($s like $s)",
                                      "($s like $s escape '!')",
                                      "($y = $y)",
                                      "($b = $b)",
                                      "($p in (1, 0.5, 99.99))",
                                      "($d in (1.5, 2))",
                                      "(($t - $t) > interval '1' hour)",
                                      "cast($s as bool)",
                                      "case when $b then $b else $b end",
                                      "($i in ($i, $i))",
                                      "if($b, $b, $b)",
                                      "($p = $i)",
                                      "($b < $b)",
                                      "($s < 'view')",
                                      "('abcdefghi' = $s)",
                                      "(7 < $i)",
                                      "($i >= 42)",
                                      "($s = 'view')",
                                      "($t < '2050-01-01')",
                                      "($i <= 7)",
                                      "(7 >= $i)",
                                      "($i <> 42)",
                                      "($i = 7)",
                                      "($i > 42)",
                                      "(-1 > $i)",
                                      "($s <> 'abcdefghi')",
                                      "(i <= 7)",
                                      "(7 <= i)",
                                      "(i <> 42)",
                                      "(s = 'abcdefgh')",
                                      "(t >= timestamp '2026-01-02')"};
  if (depth <= 0 || random_below(w->random, 6) == 0) {
    write_leaf(w, type);
    return;
  }
#define SHAPE(list) pick(w, list, sizeof list / sizeof *list)
  switch (type) {
    case 'i': write_shape(w, depth, SHAPE(INTS)); break;
    case 'd': write_shape(w, depth, SHAPE(DOUBLES)); break;
    case 'p': write_shape(w, depth, SHAPE(DECIMALS)); break;
    case 's': write_shape(w, depth, SHAPE(STRINGS)); break;
    case 't': write_shape(w, depth, SHAPE(TIMES)); break;
    case 'y': write_leaf(w, type); break;
    default: write_shape(w, depth, SHAPE(BOOLS));
  }
}

static struct spate_batch *one_row(const struct spate_batch *batch, uint32_t row) {
  uint16_t rows[1] = {(uint16_t)row};
  return batch_gather(batch, rows, 1, NULL);
}

static struct spate_rejects *rejects_new(void) { return MEM_NEW(struct spate_rejects); }
static void rejects_free(struct spate_rejects *r) {
  rejects_fini(r);
  mem_free(r);
}

/* Every row: by itself, among a selection, in the whole batch. */
static void check_rows(const char *text, const struct expr *e, const struct spate_batch *batch, struct random *r) {
  struct expr_moment moment = {1000000, SPATE_TIME_MIN};
  struct spate_rejects *all = rejects_new(), *some = rejects_new();
  struct expr_frame *f = expr_frame_new(e);
  struct spate_column *whole = expr_eval(f, batch, &moment, all);
  ck_assert_uint_eq(whole->rows, batch->rows);
  uint16_t rows[SPATE_BATCH_ROWS], kept[SPATE_BATCH_ROWS];
  uint32_t n = 0;
  for (uint32_t row = 0; row < batch->rows; row++)
    if (random_below(r, 3) == 0) rows[n++] = (uint16_t)row;
  struct spate_batch *selected = batch_select(batch, rows, n);
  struct spate_column *part = expr_eval(f, selected, &moment, some);
  for (uint32_t k = 0; k < n; k++) {
    uint32_t row = rows[k];
    char *a = test_text(whole, row, all), *b = test_text(part, row, some);
    ck_assert_msg(strcmp(a, b) == 0, "%s: row %u is %s, and %s in a selection", text, row, a, b);
    struct spate_batch *single = one_row(batch, row);
    struct spate_rejects *alone = rejects_new();
    struct spate_column *c = expr_eval(f, single, &moment, alone);
    free(b);
    b = test_text(c, 0, alone);
    ck_assert_msg(strcmp(a, b) == 0, "%s: row %u is %s, and %s by itself", text, row, a, b);
    free(a);
    free(b);
    spate_column_unref(c);
    spate_batch_unref(single);
    rejects_free(alone);
  }
  for (uint32_t k = 0; k < some->count; k++) { /* nothing is computed that nobody asked for */
    bool asked = false;
    for (uint32_t i = 0; i < n; i++) asked = asked || rows[i] == some->item[k].row;
    ck_assert_msg(asked, "%s: row %u is not selected, and failed", text, some->item[k].row);
  }
  if (expr_type(e).kind == SPATE_BOOL) {
    struct spate_rejects *filter = rejects_new();
    uint32_t count = expr_select(f, batch, &moment, filter, kept), want = 0;
    for (uint32_t row = 0; row < batch->rows; row++) {
      ck_assert_msg(filter->bad[row] == all->bad[row], "%s: row %u fails in one way only", text, row);
      bool holds = !all->bad[row] && !spate_column_null(whole, row) && whole->b8[row] != 0;
      if (!holds) continue;
      ck_assert_msg(want < count && kept[want] == row, "%s: the filter lost row %u", text, row);
      want++;
    }
    ck_assert_msg(want == count, "%s: the filter keeps %u rows, not %u", text, count, want);
    rejects_free(filter);
  }
  spate_column_unref(whole);
  spate_column_unref(part);
  spate_batch_unref(selected);
  expr_frame_free(&f);
  rejects_free(all);
  rejects_free(some);
}

static void run(uint64_t seed, bool constant) {
  struct random r = {seed};
  struct writer w = {.random = &r, .constant = constant};
  for (int round = 0; round < ROUNDS; round++) {
    struct arena *arena = arena_new();
    struct schema *schema = test_schema(arena);
    struct expr_error err;
    struct spate_batch *batch = test_batch(schema, ROWS, &r);
    w.size = 0;
    write_value(&w, DEPTH, "idpstbbb"[random_below(&r, 8)]);
    struct expr *e = expr_compile(arena, w.text, schema, &err);
    ck_assert_msg(e != NULL, "%s: %s at %u", w.text, err.message, err.offset);
    check_rows(w.text, e, batch, &r);
    spate_batch_unref(batch);
    arena_free(&arena);
  }
}

START_TEST(rows_are_independent) { run((uint64_t)_i * 7919, false); }
END_TEST
START_TEST(constants_are_too) { run((uint64_t)_i * 104729, true); }
END_TEST

/* The same expression over literals and over columns that hold them: folding changes nothing. */
START_TEST(folding) {
  static const struct {
    char name;
    const char *literal;
  } LEAF[] = {{'i', "7"}, {'j', "-1"}, {'d', "1.5e0"}, {'e', "-2e0"}, {'s', "'view'"}, {'u', "'12'"}, {'b', "true"}};
  struct random r = {(uint64_t)_i + 1};
  struct writer w = {.random = &r};
  for (int round = 0; round < ROUNDS; round++) {
    struct arena *arena = arena_new();
    struct schema *schema = schema_new(arena, 16);
    struct expr_error err;
    struct spate_column *column[8];
    struct expr *constant[7];
    for (int k = 0; k < 7; k++) {
      constant[k] = expr_compile(arena, LEAF[k].literal, schema, &err);
      struct spate_batch one = {.rows = 1, .count = 1};
      struct expr_frame *f = expr_frame_new(constant[k]);
      column[k] = expr_eval(f, &one, NULL, NULL);
      expr_frame_free(&f);
    }
    for (int k = 0; k < 7; k++) schema_add(schema, arena_format(arena, "%c", LEAF[k].name), expr_type(constant[k]));
    struct spate_batch *batch = spate_batch_new(1, 7, column, NULL);
    do { /* without p, q, t, y: an int literal among decimals has fewer digits than a column */
      w.size = 0;
      write_value(&w, 3, "idsb"[random_below(&r, 4)]);
    } while (strpbrk(w.text, "pqtyvc.") != NULL && round >= 0 && ++round < ROUNDS);
    struct expr *e = expr_compile(arena, w.text, schema, &err);
    if (e != NULL) {
      struct buf literal = {0};
      bool quoted = false;
      for (const char *p = w.text; *p != '\0'; p++) {
        quoted = quoted != (*p == '\'');
        bool word =
            quoted || (p > w.text && (isalnum((unsigned char)p[-1]) || p[-1] == '_')) || isalnum((unsigned char)p[1]);
        int k = 0;
        while (k < 7 && (word || LEAF[k].name != *p)) k++;
        if (k < 7)
          buf_format(&literal, "(%s)", LEAF[k].literal);
        else
          buf_put(&literal, p, 1);
      }
      struct expr *folded = expr_compile(arena, buf_string(&literal), schema, &err);
      ck_assert_msg(folded != NULL, "%s: %s", buf_string(&literal), err.message);
      struct spate_rejects *x = rejects_new(), *y = rejects_new();
      struct expr_frame *f = expr_frame_new(e), *g = expr_frame_new(folded);
      struct spate_column *c = expr_eval(f, batch, NULL, x), *d = expr_eval(g, batch, NULL, y);
      char *a = test_text(c, 0, x), *b = test_text(d, 0, y);
      ck_assert_msg(strcmp(a, b) == 0, "%s is %s, and %s with literals", w.text, a, b);
      free(a);
      free(b);
      spate_column_unref(c);
      spate_column_unref(d);
      expr_frame_free(&f);
      expr_frame_free(&g);
      rejects_free(x);
      rejects_free(y);
      buf_free(&literal);
    }
    spate_batch_unref(batch);
    arena_free(&arena);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("expr_property");
  TCase *t = tcase_create("property");
  tcase_set_timeout(t, 240);
  tcase_add_loop_test(t, rows_are_independent, 1, 6);
  tcase_add_loop_test(t, constants_are_too, 1, 3);
  tcase_add_loop_test(t, folding, 1, 3);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
