/*
 * lookup and its table: keys of one and several columns, of text and of numbers, null keys, tables that grow, and what
 * becomes of records without a match.
 */
#include "ops_test.h"

#include <stdio.h>

struct fixture {
  struct step_test t;
  struct schema *schema;
  struct lookup_table *table;
  struct op_table named;
};

static void table_make(struct fixture *f, const char *columns, const char *rows, const char *const *key,
                       uint32_t keys) {
  uint32_t at[4];
  struct spate_error err;
  f->t.arena = arena_new();
  f->schema = columns_of(f->t.arena, columns);
  for (uint32_t i = 0; i < keys; i++) at[i] = (uint32_t)schema_find(f->schema, key[i]);
  f->table = lookup_table_new(f->schema, at, keys);
  struct spate_batch *batch = rows_of(f->schema, rows);
  if (lookup_table_add(f->table, batch, &err) != 0) ck_abort_msg("%s", err.message);
  spate_batch_unref(batch);
  f->named = (struct op_table){"ads", f->schema, key, keys, &f->table};
}

static void lookup_make(struct fixture *f, const char *columns, const char *yaml) {
  step_check_in(&f->t, columns, yaml, &f->named, 1);
  step_open(&f->t);
}

static void fixture_free(struct fixture *f) {
  lookup_table_free(&f->table);
  step_close(&f->t);
}

static const char *const ID[] = {"id"}, *const PAIR[] = {"id", "n"};

START_TEST(missing_is_null) {
  struct fixture f = {0};
  table_make(&f, "id string, campaign string, n int", "a,x,1;b,y,2;c,,3", ID, 1);
  lookup_make(&f, "v int, ad string, | _key string", "lookup: {table: ads, on: ad, add: [campaign, n]}");
  ck_assert_str_eq(port_text(&f.t, 0), "v int, ad string, campaign string, n int, | _key string");
  ck_assert_str_eq(step_push(&f.t, "1,a,k;2,q,k;3,,k;4,c,k;5,b,k"), "0:1,a,x,1,k;2,q,,,k;3,,,,k;4,c,,3,k;5,b,y,2,k");
  ck_assert_str_eq(step_push(&f.t, "-,a,-"), "0:-,a,x,1,-");
  ck_assert_str_eq(needs_text(&f.t, "_key"), "ad _key");
  fixture_free(&f);
}
END_TEST

START_TEST(missing_is_dropped) {
  struct fixture f = {0};
  table_make(&f, "id string, campaign string", "a,x;b,y", ID, 1);
  lookup_make(&f, "ad string", "lookup: {table: ads, on: ad, missing: drop}");
  ck_assert_str_eq(step_push(&f.t, "a;q;null;b"), "0:a;b");
  ck_assert_str_eq(step_push(&f.t, "q;null"), "");
  ck_assert_uint_eq(f.t.dropped, 4);
  fixture_free(&f);
}
END_TEST

START_TEST(missing_is_a_dead_letter) {
  struct fixture f = {0};
  table_make(&f, "id string, campaign string", "a,x", ID, 1);
  lookup_make(&f, "ad string", "lookup: {table: ads, on: ad, add: campaign, missing: dead_letter}");
  ck_assert_str_eq(step_push(&f.t, "q;a"), "0:a,x !0");
  fixture_free(&f);
}
END_TEST

START_TEST(a_key_of_a_number_and_an_expression) {
  struct fixture f = {0};
  table_make(&f, "id int, campaign string", "1,x;20,y", ID, 1);
  lookup_make(&f, "ad string", "lookup: {table: ads, on: {id: 2 * cast(ad as int)}, add: [campaign]}");
  ck_assert_str_eq(step_push(&f.t, "10;x;7"), "0:10,y;7, !1");
  fixture_free(&f);
}
END_TEST

START_TEST(a_key_of_two_columns) {
  struct fixture f = {0};
  table_make(&f, "id string, n int, v string", "a,1,x;a,2,y;b,1,z", PAIR, 2);
  lookup_make(&f, "p string, q int", "lookup: {table: ads, on: [p, q], add: [v]}");
  ck_assert_str_eq(step_push(&f.t, "a,2;b,1;b,2;a,null;null,1"), "0:a,2,y;b,1,z;b,2,;a,,;,1,");
  fixture_free(&f);
}
END_TEST

START_TEST(a_large_table) {
  enum { N = 20000 };
  uint32_t key = 0;
  struct spate_error err;
  struct arena *arena = arena_new();
  struct schema *schema = columns_of(arena, "id string, n int");
  struct lookup_table *table = lookup_table_new(schema, &key, 1);
  for (int from = 0; from < N; from += 1000) {
    struct column_builder b[2];
    for (int i = 0; i < 2; i++) column_builder_init(&b[i], schema->all.fields[i].type, 16);
    for (int i = from; i < from + 1000; i++) {
      char text[32];
      int size = snprintf(text, sizeof text, "ad-%d", i);
      column_builder_bytes(&b[0], text, (size_t)size);
      column_builder_i64(&b[1], i);
    }
    struct spate_column *c[2] = {column_builder_take(&b[0]), column_builder_take(&b[1])};
    for (int i = 0; i < 2; i++) column_builder_fini(&b[i]);
    struct spate_batch *batch = spate_batch_new(1000, 2, c, NULL);
    ck_assert_int_eq(lookup_table_add(table, batch, &err), 0);
    uint16_t rows[1000];
    int32_t found[1000];
    for (uint16_t i = 0; i < 1000; i++) rows[i] = i;
    lookup_table_find(table, batch->column, rows, 1000, found);
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(lookup_table_column(table, 1)->i64[found[i]], from + i);
    spate_batch_unref(batch);
  }
  ck_assert_uint_eq(lookup_table_rows(table), N);
  lookup_table_free(&table);
  arena_free(&arena);
}
END_TEST

START_TEST(a_double_key_and_a_null_key) {
  uint32_t key[] = {0, 1};
  struct spate_error err;
  struct arena *arena = arena_new();
  struct schema *schema = columns_of(arena, "id string, n int");
  struct lookup_table *table = lookup_table_new(schema, key, 2);
  struct spate_batch *batch = rows_of(schema, "a,1;b,2;a,1");
  ck_assert_int_eq(lookup_table_add(table, batch, &err), -1);
  ck_assert_str_eq(err.message, "the table has the key 'a, 1' twice: in rows 1 and 3");
  spate_batch_unref(batch);
  batch = rows_of(schema, "c,null");
  ck_assert_int_eq(lookup_table_add(table, batch, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "null"));
  spate_batch_unref(batch);
  lookup_table_free(&table);
  arena_free(&arena);
}
END_TEST

static const struct {
  const char *yaml, *error;
} WRONG[] = {
    {"lookup: {table: adz, on: ad}", "did you mean 'ads'?"},
    {"lookup: {table: ads}", "'on' is missing"},
    {"lookup: {table: ads, on: adx}", "there is no column 'adx'"},
    {"lookup: {table: ads, on: [ad, v]}", "has 1 key column, and 2 are given"},
    {"lookup: {table: ads, on: v}", "is string, and this is int"},
    {"lookup: {table: ads, on: {idd: ad}}", "did you mean 'id'?"},
    {"lookup: {table: ads, on: {id: ad ||}}", "1:"},
    {"lookup: {table: ads, on: ad, add: [campain]}", "did you mean 'campaign'?"},
    {"lookup: {table: ads, on: ad, add: [v]}", "there is a column 'v' already"},
    {"lookup: {table: ads, on: ad, missing: nul}", "did you mean 'null'?"},
    {"lookup: ads", "1:9: error:"},
};

START_TEST(mistakes) {
  struct fixture f = {0};
  table_make(&f, "id string, campaign string, v int", "a,x,1", ID, 1);
  step_check_in(&f.t, "ad string, v int", WRONG[_i].yaml, &f.named, 1);
  ck_assert_int_eq(f.t.result, -1);
  const char *text = errors_text(&f.t);
  if (strstr(text, WRONG[_i].error) == NULL) ck_abort_msg("%s: no '%s' in\n%s", WRONG[_i].yaml, WRONG[_i].error, text);
  fixture_free(&f);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("ops lookup");
  TCase *tc = tcase_create("all");
  tcase_add_test(tc, missing_is_null);
  tcase_add_test(tc, missing_is_dropped);
  tcase_add_test(tc, missing_is_a_dead_letter);
  tcase_add_test(tc, a_key_of_a_number_and_an_expression);
  tcase_add_test(tc, a_key_of_two_columns);
  tcase_add_test(tc, a_large_table);
  tcase_add_test(tc, a_double_key_and_a_null_key);
  tcase_add_loop_test(tc, mistakes, 0, sizeof WRONG / sizeof *WRONG);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
