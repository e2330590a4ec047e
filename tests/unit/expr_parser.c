/* expr_parser: tokens, precedence, and what is said about a text that is wrong: where, what, and what was perhaps
 * meant. */
#include "expr_test.h"

#include "expr/lexer.h"

static struct arena *arena;
static struct schema *columns;
static void setup(void) {
  arena = arena_new();
  columns = schema_new(arena, 16);
  schema_add(columns, "i", type_of(SPATE_INT));
  schema_add(columns, "d", type_of(SPATE_DOUBLE));
  schema_add(columns, "p", type_decimal(10, 2));
  schema_add(columns, "s", type_of(SPATE_STRING));
  schema_add(columns, "y", type_of(SPATE_BYTES));
  schema_add(columns, "t", type_of(SPATE_TIMESTAMP));
  schema_add(columns, "b", type_of(SPATE_BOOL));
  schema_add(columns, "event_type", type_of(SPATE_STRING));
  schema_add(columns, "end", type_of(SPATE_INT));
  schema_add(columns, "Größe", type_of(SPATE_INT));
  schema_add(columns, "timestamp", type_of(SPATE_TIMESTAMP));
}
static void teardown(void) { arena_free(&arena); }

START_TEST(tokens) {
  static const struct {
    enum token_kind kind;
    const char *text;
    uint32_t offset;
  } WANT[] = {{TOKEN_WORD, "Abc_1", 0},   {TOKEN_GE, ">=", 6},         {TOKEN_INTEGER, "12", 9},
              {TOKEN_PLUS, "+", 12},      {TOKEN_DECIMAL, "1.50", 14}, {TOKEN_DOUBLE, "1e-3", 19},
              {TOKEN_STRING, "it's", 24}, {TOKEN_CONCAT, "||", 31},    {TOKEN_QUOTED, "a \"b", 34},
              {TOKEN_DECIMAL, ".5", 42},  {TOKEN_NE, "<>", 45},        {TOKEN_NE, "!=", 48},
              {TOKEN_END, "", 50}};
  struct expr_error err = {0};
  const char *text = "Abc_1 >= 12 + 1.50 1e-3 'it''s'|| \"a \"\"b\" .5 <> !=";
  struct lexer x = {arena, text, (uint32_t)strlen(text), 0, &err};
  for (size_t i = 0; i < sizeof WANT / sizeof WANT[0]; i++) {
    struct token t;
    ck_assert_int_eq(lexer_next(&x, &t), 0);
    ck_assert_int_eq(t.kind, WANT[i].kind);
    ck_assert_str_eq(t.text, WANT[i].text);
    ck_assert_uint_eq(t.offset, WANT[i].offset);
    if (i == 0) ck_assert_str_eq(t.word, "abc_1");
  }
}
END_TEST

/* What a constant is, as text: precedence shows in the value. */
static char *constant(const char *text) {
  struct expr_error err;
  struct expr *e = expr_compile(arena, text, columns, &err);
  ck_assert_msg(e != NULL, "%s: %s", text, err.message);
  ck_assert_msg(expr_constant(e), "%s is not constant", text);
  struct spate_batch one = {.rows = 1, .count = 1};
  struct expr_frame *f = expr_frame_new(e);
  struct spate_column *c = expr_eval(f, &one, NULL, NULL);
  char *out = test_text(c, 0, NULL);
  spate_column_unref(c);
  expr_frame_free(&f);
  return out;
}

START_TEST(precedence) {
  static const char *const CASES[][2] = {
      {"2 + 3 * 4", "14"},
      {"(2 + 3) * 4", "20"},
      {"10 - 4 - 3", "3"},
      {"7 % 4 * 2", "6"},
      {"7 div 2 * 2", "6"},
      {"-2 * -3", "6"},
      {"- - 5", "5"},
      {"1 + 1 || 'x' || 2 * 3", "2x6"},
      {"1 < 2 and 2 < 1 or true", "true"},
      {"true or false and false", "true"},
      {"not false and false", "false"},
      {"not (false and false)", "true"},
      {"not 1 = 2", "true"},
      {"1 + 1 between 2 and 1 + 1 and true", "true"},
      {"not 1 between 2 and 3", "true"},
      {"1 = 2 is null", "false"},
      {"null = 1 is unknown", "true"},
      {"1 in (1, 2) is true", "true"},
      {"1 not in (2, 3) and 'a' not like 'b%'", "true"},
      {"1 is distinct from 2", "true"},
      {"null is not distinct from null", "true"},
      {"'a' || 'b' = 'ab'", "true"},
      {"case 1 + 1 when 2 then 'two' else 'no' end", "two"},
      {"case when false then 1 end is null", "true"},
      {"CASE WHEN TRUE THEN 1 ELSE 2 END", "1"},
      {"cast('5' as int) + 1", "6"},
      {"try_cast('x' as int) is null", "true"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9223372036854775808", "9223372036854775808"},
      {"00.50", "0.50"},
      {"1e3", "1000.0"},
      {"timestamp '2026-01-02 03:04:05' + interval '90' minute", "2026-01-02T04:34:05Z"},
      {"timestamp '2026-01-02' - interval 1 day", "2026-01-01T00:00:00Z"},
      {"interval '1' hour * 2 = interval '120' minutes", "true"},
      {"timestamp '2026-01-02' - timestamp '2026-01-01' = interval '24' hour", "true"},
      {"interval '1.5' second = interval '1500' millisecond", "true"},
      {"substring('abcdef' from 2 for 3)", "bcd"},
      {"position('c' in 'abc')", "3"},
      {"trim(leading 'x' from 'xax')", "ax"},
      {"trim(trailing from 'a  ')", "a"},
      {"trim(both 'x' from 'xax')", "a"},
      {"extract(hour from timestamp '2026-01-02 03:04:05')", "3"},
      {"coalesce(null, null, 3)", "3"},
      {"ifnull(null, 'a')", "a"},
      {"if(1 > 2, 'a', 'b')", "b"},
      {"nullif(1, 1) is null", "true"},
      {"greatest(1, null, 2.5)", "2.5"},
      {"least('b', 'a', null)", "a"},
      {"typeof(1 / 2)", "double"},
      {"typeof(1.5 * 2)", "decimal(4,1)"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    char *got = constant(CASES[i][0]);
    ck_assert_msg(strcmp(got, CASES[i][1]) == 0, "%s: %s, not %s", CASES[i][0], got, CASES[i][1]);
    free(got);
  }
}
END_TEST

START_TEST(names) {
  struct expr_error err;
  static const char *const RIGHT[] = {"\"end\" + 1", "Größe > 1", "timestamp > timestamp '2026-01-01'", "\"i\"",
                                      "t > '2026-01-01'"};
  for (size_t i = 0; i < sizeof RIGHT / sizeof RIGHT[0]; i++)
    ck_assert_msg(expr_compile(arena, RIGHT[i], columns, &err) != NULL, "%s: %s", RIGHT[i], err.message);
  uint8_t used[16] = {0};
  struct expr *e = expr_compile(arena, "case when b then i else length end", columns, &err);
  ck_assert_ptr_null(e);
  e = expr_compile(arena, "case when b then i else \"end\" end", columns, &err);
  expr_columns(e, used);
  ck_assert_mem_eq(used, ((uint8_t[16]){1, 0, 0, 0, 0, 0, 1, 0, 1}), 16);
  ck_assert_int_eq(expr_column(e), -1);
  ck_assert_int_eq(expr_column(expr_compile(arena, "(s)", columns, &err)), 3);
}
END_TEST

static const struct wrong {
  const char *text;
  uint32_t offset, length;
  const char *message, *hint; /* parts of them; hint "": none */
} WRONG[] = {
    {"", 0, 1, "is empty", ""},
    {"i +", 2, 1, "ends too early: a value", ""},
    {"i +* 2", 3, 1, "expected a value, found '*'", ""},
    {"(i + 2", 5, 1, "')' is missing", ""},
    {"1 2", 2, 1, "expected an operator or the end", ""},
    {"s = 'abc", 4, 4, "not closed", "written twice"},
    {"\"abc", 0, 4, "not closed", ""},
    {"i == 3", 2, 2, "'=='", "write ="},
    {"b && b", 2, 2, "'&&'", "and"},
    {"i::int", 1, 2, "'::'", "cast(x as T)"},
    {"`i`", 0, 1, "'`'", "double quotes"},
    {"i -- c", 2, 2, "'--'", "comments"},
    {"i # 3", 2, 1, "'#'", ""},
    {"12abc", 0, 5, "neither a number nor a name", ""},
    {"1 < i < 3", 6, 1, "do not chain", "between"},
    {"i in ()", 6, 1, "empty", ""},
    {"i between 1", 10, 1, "upper bound", ""},
    {"i is 3", 5, 1, "null, true, false, unknown", "'='"},
    {"end + 1", 0, 3, "expected a value, found 'end'", "\"end\""},
    {"case when b then 1", 17, 1, "'end'", ""},
    {"case b then 1 end", 7, 4, "'when'", ""},
    {"cast(i, int)", 6, 1, "'as' and a type", "cast(x as int)"},
    {"cast(i as foo)", 10, 3, "no type 'foo'", ""},
    {"cast(i as array<int>)", 10, 10, "not built yet", ""},
    {"interval '1' month", 13, 5, "not fixed", "timestampadd"},
    {"timestamp '2026-13-01'", 10, 12, "no timestamp", ""},
    {"date '2026-01-01'", 0, 4, "no type 'date'", "timestamp"},
    {"s ilike 'a'", 2, 5, "not built", "lower(x)"},
    {"evnt_type = 'a'", 0, 9, "no column 'evnt_type'", "'event_type'"},
    {"s = \"view\"", 4, 6, "no column 'view'", "'view'"},
    {"upprr(s)", 0, 5, "no function 'upprr'", "'upper'"},
    {"length(s)", 0, 6, "no function 'length'", "'char_length'"},
    {"json_value(s, 'a')", 0, 10, "not built yet", ""},
    {"parse_url(s, 'HOST')", 0, 9, "not built yet", ""},
    {"percentile(i, 0.5)", 0, 10, "not built yet", ""},
    {"s.x", 0, 3, "rows are not built yet", ""},
    {"s[1]", 0, 4, "arrays are not built yet", ""},
    {"upper(s, s)", 0, 11, "takes 1 argument", "upper(string)"},
    {"upper(*)", 0, 8, "only count", ""},
    {"upper(distinct s)", 0, 17, "is for aggregates", ""},
    {"sum(i) > 1", 0, 6, "is an aggregate", "compute:"},
    {"count(*)", 0, 8, "is an aggregate", "compute:"},
    {"i > '5'", 0, 7, "one is int, the other string", "without quotes"},
    {"i = s", 0, 5, "one is int, the other string", "cast(s as int)"},
    {"s = 5", 0, 5, "one is string, the other int", "cast(s as int)"},
    {"t > 5", 0, 5, "one is timestamp, the other int", "timestamp '"},
    {"t > 'noon'", 4, 6, "no timestamp", ""},
    {"b = 1", 0, 5, "one is bool, the other int", "by itself"},
    {"i in (1, 'a')", 9, 3, "one is int, the other string", ""},
    {"i between 1 and 'x'", 0, 19, "one is int, the other string", ""},
    {"s + 1", 0, 5, "string + int", "cast(s as double)"},
    {"s + 'x'", 0, 7, "string + string", "||"},
    {"t + 5", 0, 5, "timestamp + int", "interval"},
    {"t + t", 0, 5, "timestamp + timestamp", ""},
    {"i || i", 0, 6, "none of these", "cast(x as string)"},
    {"d div 2", 0, 7, "double", "floor(a / b)"},
    {"not i", 4, 1, "must be true or false", ""},
    {"b and s", 6, 1, "must be true or false", ""},
    {"i like 'a%'", 0, 1, "must be a string", "cast(i as string)"},
    {"s like 'a%' escape 'ab'", 19, 4, "one constant character", ""},
    {"s like 'a!b' escape '!'", 7, 5, "escape character", ""},
    {"case when i then 1 end", 10, 1, "true or false", ""},
    {"case when b then 1 else 'a' end", 0, 31, "different types", ""},
    {"coalesce(i, s)", 0, 14, "different types", ""},
    {"cast(y as int)", 0, 14, "bytes cannot be cast to int", ""},
    {"t - t", 0, 5, "interval", "timestampdiff"},
    {"regexp_like(s, '(')", 0, 19, "regular expression", ""},
    {"1e999", 0, 5, "too large", ""},
    {"123456789012345678901234567890123456789", 0, 39, "38 digits", ""},
};

START_TEST(wrong) {
  const struct wrong *w = &WRONG[_i];
  struct expr_error err;
  ck_assert_msg(expr_compile(arena, w->text, columns, &err) == NULL, "%s was accepted", w->text);
  ck_assert_msg(strstr(err.message, w->message) != NULL, "%s: '%s' has no '%s'", w->text, err.message, w->message);
  ck_assert_msg(w->hint[0] == '\0' || strstr(err.hint, w->hint) != NULL, "%s: hint '%s' has no '%s'", w->text, err.hint,
                w->hint);
  ck_assert_msg(err.offset == w->offset && err.length == w->length, "%s: at %u, %u and not %u, %u", w->text, err.offset,
                err.length, w->offset, w->length);
}
END_TEST

/* Whatever is written, an error lies inside of the text, and nothing crashes: pieces put together at random. */
START_TEST(rubbish) {
  static const char *const PIECES[] = {
      "i",      "s",         "b",       "t",        "p",    "1",      "1.5",   "'a'",       "null", "(",   ")",
      ",",      "+",         "-",       "*",        "/",    "=",      "<",     "and",       "or",   "not", "is",
      "in",     "like",      "between", "case",     "when", "then",   "else",  "end",       "cast", "as",  "int",
      "||",     "%",         ".",       "[",        "]",    "upper(", "if(",   "coalesce(", "'",    "\"",  "interval",
      "minute", "timestamp", "escape",  "distinct", "from", "filter", "where", "count(*)",  "div",  "\x80"};
  struct random r = {(uint64_t)_i};
  char text[400];
  for (int round = 0; round < 2000; round++) {
    size_t n = 0;
    for (uint32_t k = 1 + random_below(&r, 12); k > 0; k--)
      n += (size_t)snprintf(text + n, sizeof text - n, "%s ",
                            PIECES[random_below(&r, sizeof PIECES / sizeof PIECES[0])]);
    struct arena *own = arena_new();
    struct expr_error err;
    if (expr_compile(own, text, columns, &err) == NULL) {
      ck_assert_msg(err.message[0] != '\0', "no message: %s", text);
      ck_assert_msg(err.offset + err.length <= n, "%s: at %u, %u", text, err.offset, err.length);
    }
    arena_free(&own);
  }
}
END_TEST

START_TEST(bounds) {
  struct expr_error err;
  char *text = malloc(200000);
  memset(text, '(', 100000);
  text[100000] = '\0';
  ck_assert_ptr_null(expr_compile(arena, text, columns, &err));
  text[60000] = '\0';
  ck_assert_ptr_null(expr_compile(arena, text, columns, &err));
  ck_assert_ptr_nonnull(strstr(err.message, "too deeply"));
  memset(text, '-', 60000);
  for (int i = 0; i < 60000; i += 2) text[i + 1] = ' ';
  ck_assert_ptr_null(expr_compile(arena, text, columns, &err));
  ck_assert_ptr_nonnull(strstr(err.message, "too deeply"));
  size_t n = 0;
  for (int i = 0; i < 2000; i++) n += (size_t)sprintf(text + n, "%si = %d", i > 0 ? " or " : "", i);
  ck_assert_msg(expr_compile(arena, text, columns, &err) != NULL, "%s", err.message);
  n = 0;
  for (int i = 0; i < 2000; i++) n += (size_t)sprintf(text + n, "%ss", i > 0 ? "||" : "");
  ck_assert_msg(expr_compile(arena, text, columns, &err) != NULL, "%s", err.message);
  n = (size_t)sprintf(text, "i in (");
  for (int i = 0; i < 5000; i++) n += (size_t)sprintf(text + n, "%d,", i * 3);
  strcpy(text + n, "1)");
  ck_assert_msg(expr_compile(arena, text, columns, &err) != NULL, "%s", err.message);
  n = 0;
  for (int i = 0; i < 2000; i++) n += (size_t)sprintf(text + n, "%si", i > 0 ? "+" : "");
  ck_assert_ptr_null(expr_compile(arena, text, columns, &err));
  ck_assert_ptr_nonnull(strstr(err.message, "too deeply"));
  free(text);
}
END_TEST

START_TEST(coerced) {
  struct expr_error err;
  struct expr *e = expr_compile(arena, "i + 1", columns, &err);
  ck_assert_int_eq(expr_type(expr_coerce(arena, e, type_of(SPATE_DOUBLE), &err)).kind, SPATE_DOUBLE);
  ck_assert_int_eq(expr_type(expr_coerce(arena, e, type_decimal(20, 2), &err)).scale, 2);
  ck_assert_ptr_eq(expr_coerce(arena, e, type_of(SPATE_INT), &err), e);
  ck_assert_ptr_null(expr_coerce(arena, e, type_of(SPATE_STRING), &err));
  ck_assert_str_eq(err.message, "this is int, and must be string");
  e = expr_compile(arena, "null", columns, &err);
  ck_assert_int_eq(expr_type(expr_coerce(arena, e, type_of(SPATE_TIMESTAMP), &err)).kind, SPATE_TIMESTAMP);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("expr_parser");
  TCase *t = tcase_create("parser");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_set_timeout(t, 60);
  tcase_add_test(t, tokens);
  tcase_add_test(t, precedence);
  tcase_add_test(t, names);
  tcase_add_loop_test(t, wrong, 0, sizeof WRONG / sizeof WRONG[0]);
  tcase_add_loop_test(t, rubbish, 1, 6);
  tcase_add_test(t, bounds);
  tcase_add_test(t, coerced);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
