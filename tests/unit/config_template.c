/* Templates: reading, the words of sinks, and rendering rows. */
#include "config_test.h"
#include "data/schema.h"

static const struct spate_field fields[] = {{.name = "region", .type = {.kind = SPATE_STRING}},
                                            {.name = "n", .type = {.kind = SPATE_INT}},
                                            {.name = "date", .type = {.kind = SPATE_INT}}};
static const struct spate_schema schema = {fields, 3}, two = {fields, 2};

static struct spate_template *template(const char *text, const struct spate_schema *columns) {
  return conf_template(arena, parse_good(text), columns, &errors);
}

static struct spate_batch *batch_make(void) {
  struct spate_column **column = mem_zero(2, sizeof *column);
  column[0] = spate_column_new(fields[0].type, 2, 16);
  column[1] = spate_column_new(fields[1].type, 2, 0);
  ck_assert_int_eq(spate_column_put(column[0], 0, "eu", 2), 0);
  spate_column_finish(column[0]);
  column[1]->i64[0] = 42;
  column[1]->i64[1] = 43;
  spate_column_set_null(column[0], 1);
  struct spate_batch *batch = spate_batch_new(2, 2, column, NULL);
  mem_free(column);
  return batch;
}

static const char *rendered(const struct spate_template *t, uint32_t row, const struct spate_map *words) {
  struct spate_batch *batch = batch_make();
  struct spate_buffer *out = spate_buffer_new(16);
  int result = words != NULL ? spate_template_render_words(t, batch, row, words, out)
                             : spate_template_render(t, batch, row, out);
  const char *text = result == 0 ? arena_copy(arena, out->data, out->size) : NULL;
  spate_buffer_unref(out);
  spate_batch_unref(batch);
  return text;
}

static const struct {
  const char *text, *row;
} cases[] = {
    {"orders-{region}", "orders-eu"},
    {"'{region}'", "eu"},
    {"'{n}{region}{n}'", "42eu42"},
    {"a {{b}} {n}", "a {b}} 42"},
    {"'{{\"n\": {n}}'", "{\"n\": 42}"},
    {"'{{{n}'", "{42"},
    {"'} x {n}'", "} x 42"},
    {"ä{region}ö", "äeuö"},
};
START_TEST(renders) {
  struct spate_template *t = template(cases[_i].text, &schema);
  ck_assert_ptr_nonnull(t);
  ck_assert_ptr_null(spate_template_constant(t));
  ck_assert_str_eq(rendered(t, 0, NULL), cases[_i].row);
}
END_TEST

START_TEST(null_renders_nothing) {
  ck_assert_ptr_null(rendered(template("a-{region}", &schema), 1, NULL));
  ck_assert_str_eq(rendered(template("a-{n}", &schema), 1, NULL), "a-43");
}
END_TEST

START_TEST(constants) {
  ck_assert_str_eq(spate_template_constant(template("ad-counts", &schema)), "ad-counts");
  ck_assert_str_eq(spate_template_constant(template("'a{{b'", &schema)), "a{b");
  ck_assert_str_eq(spate_template_constant(template("''", &schema)), "");
  ck_assert_str_eq(rendered(template("'a{{b'", &schema), 1, NULL), "a{b");
  ck_assert_ptr_null(spate_template_constant(template("'{epoch}'", &schema)));
}
END_TEST

START_TEST(words_of_sinks) {
  const char *keys[] = {"pipeline", "epoch", "date"}, *values[] = {"p", "7", "2026-01-02"};
  const struct spate_map words = {keys, values, 3};
  struct spate_template *t = template("'{pipeline}/{epoch}-{date}-{n}'", &two);
  ck_assert_str_eq(spate_template_word(t), "pipeline");
  ck_assert_str_eq(rendered(t, 0, &words), "p/7-2026-01-02-42");
  ck_assert_ptr_null(rendered(t, 0, NULL));
  const struct spate_map fewer = {keys, values, 2};
  ck_assert_ptr_null(rendered(t, 0, &fewer));
  ck_assert_ptr_null(spate_template_word(template("'{date}'", &schema))); /* a column goes first */
}
END_TEST

START_TEST(words_alone_need_no_batch) {
  const char *keys[] = {"epoch"}, *values[] = {"7"};
  const struct spate_map words = {keys, values, 1};
  struct spate_template *t = template("'e{epoch}'", NULL);
  struct spate_buffer *out = spate_buffer_new(16);
  ck_assert_int_eq(spate_template_render_words(t, NULL, 0, &words, out), 0);
  ck_assert_int_eq(memcmp(out->data, "e7", 2), 0);
  ck_assert_int_eq(spate_template_render_words(template("'{x}'", NULL), NULL, 0, &words, out), -1);
  spate_buffer_unref(out);
}
END_TEST

static const struct {
  const char *text;
  uint32_t column;
  const char *says;
} wrongs[] = {
    {"a: 'it''s {regoin}'", 12, "there is no column 'regoin' here"},
    {"a: x{regoin}", 6, "did you mean 'region'?"},
    {"a: x{epcoh}", 6, "did you mean 'epoch'?"},
    {"a: x{}", 5, "between these braces a column is missing"},
    {"a: x{region", 5, "this brace is never closed"},
    {"a: {region}", 4, "a text is needed here, not a map"},
    {"a: [x]", 4, "a text is needed here, not a list"},
};
START_TEST(wrong) {
  ck_assert_ptr_null(conf_template(arena, conf_get(parse_good(wrongs[_i].text), "a"), &two, &errors));
  ck_problem(1u, wrongs[_i].column, wrongs[_i].says);
}
END_TEST

START_TEST(all_wrong_names) {
  ck_assert_ptr_null(template("'{x1}{region}{x2}'", &two));
  ck_assert_uint_eq(errors.count, 2);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("config_template");
  TCase *all = tcase_create("all");
  tcase_add_checked_fixture(all, config_setup, config_teardown);
  suite_add_tcase(suite, all);
  tcase_add_loop_test(all, renders, 0, sizeof cases / sizeof *cases);
  tcase_add_test(all, null_renders_nothing);
  tcase_add_test(all, constants);
  tcase_add_test(all, words_of_sinks);
  tcase_add_test(all, words_alone_need_no_batch);
  tcase_add_loop_test(all, wrong, 0, sizeof wrongs / sizeof *wrongs);
  tcase_add_test(all, all_wrong_names);
  return config_run(suite);
}
