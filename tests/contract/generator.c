/* generator: rows that are the same every time, when they are due. */
#include "../../daemon/base/mem.h"
#include "host.h"

static const struct reading_options LIVE = {0}, BOUNDED = {.bounded = true};

static struct spate_batch *pull(struct reading *r, uint32_t max, enum spate_result expected) {
  struct spate_batch *batch = NULL;
  uint32_t partition;
  struct spate_error err = {0};
  ck_assert_int_eq(r->api->pull_batch(r->reader, max, &batch, &partition, &err), expected);
  return batch;
}

static void text_is(const struct spate_batch *b, uint32_t column, uint32_t row, const char *expected) {
  struct spate_buffer *text = spate_buffer_new(64);
  ck_assert_int_eq(spate_column_text(b->column[column], row, text) | spate_buffer_append(text, "", 1), 0);
  ck_assert_str_eq(text->data, expected);
  spate_buffer_unref(text);
}

/* Row k is due k / rate seconds after the start; the first at once; who was held back catches up. */
START_TEST(test_rate) {
  struct reading *r = reading_open(&spate_source_generator, "{rate: 1000}", &LIVE, NULL, 0);
  int64_t began = spate_task_now(r->task);
  struct spate_batch *b = pull(r, 1024, SPATE_OK);
  uint32_t first = b->count;
  ck_assert_uint_ge(first, 1);
  ck_assert_uint_le(first, 200);
  spate_batch_unref(b);
  r->task->clock = 500000;
  uint32_t due = (uint32_t)((spate_task_now(r->task) - began) / 1000);
  b = pull(r, 1024, SPATE_OK);
  ck_assert_uint_ge(first + b->count, due);
  ck_assert_uint_le(first + b->count, due + 200);
  ck_assert_int_eq(b->column[0]->i64[0], first);
  spate_batch_unref(b);
  struct spate_batch *none = NULL;
  uint32_t partition;
  struct spate_error err = {0};
  while (r->api->pull_batch(r->reader, 1024, &none, &partition, &err) == SPATE_OK) spate_batch_unref(none);
  ck_assert_int_eq(r->api->state(r->reader, 0), SPATE_PART_CAUGHT_UP);
  task_wait(r->task); /* its timer wakes it */
  reading_close(&r);
}
END_TEST

START_TEST(test_ads) {
  struct place *places;
  struct reading *r = reading_open(&spate_source_generator,
                                   "{preset: ads, rate: 1000, speed: 10, rows: 3000, "
                                   "start_time: '2026-01-02 03:04:05.5'}",
                                   &BOUNDED, NULL, 0);
  r->task->clock = 60000000;
  struct spate_batch *b = pull(r, 1000, SPATE_OK);
  ck_assert_uint_eq(b->count, 1000);
  ck_assert_uint_eq(b->columns, 7);
  text_is(b, 5, 0, "2026-01-02T03:04:05.500Z");
  text_is(b, 5, 100, "2026-01-02T03:04:06.500Z"); /* a tenth of a second of the clock */
  uint32_t n, views = 0;
  for (uint32_t i = 0; i < 1000; i++) {
    unsigned ad;
    char text[8] = "";
    const char *id = spate_column_bytes(b->column[2], i, &n);
    memcpy(text, id, n < 7 ? n : 7);
    ck_assert_int_eq(sscanf(text, "ad-%4u", &ad), 1);
    ck_assert(ad >= 1 && ad <= 1000);
    const char *type = spate_column_bytes(b->column[4], i, &n);
    views += n == 4 && memcmp(type, "view", 4) == 0;
  }
  ck_assert(views > 250 && views < 420);
  uint32_t count = reading_places(r, &places);
  struct spate_batch *next = pull(r, 10, SPATE_OK);
  reading_close(&r);
  /* from the position on, the very same rows */
  r = reading_open(&spate_source_generator,
                   "{preset: ads, rate: 1000, speed: 10, rows: 3000, start_time: '2026-01-02 03:04:05.5'}", &BOUNDED,
                   places, count);
  r->task->clock = 60000000;
  struct spate_batch *again = pull(r, 10, SPATE_OK);
  for (uint32_t c = 0; c < 7; c++)
    for (uint32_t i = 0; i < 10; i++) {
      struct spate_buffer *text = spate_buffer_new(64);
      ck_assert_int_eq(spate_column_text(next->column[c], i, text) | spate_buffer_append(text, "", 1), 0);
      text_is(again, c, i, text->data);
      spate_buffer_unref(text);
    }
  spate_batch_unref(b);
  spate_batch_unref(next);
  spate_batch_unref(again);
  mem_free(places);
  reading_close(&r);
}
END_TEST

START_TEST(test_disorder) {
  struct reading *r =
      reading_open(&spate_source_generator, "{preset: ads, rows: 1000, disorder: 2s}", &BOUNDED, NULL, 0);
  struct spate_batch *b = pull(r, 1000, SPATE_OK);
  int64_t greatest = INT64_MIN;
  uint32_t late = 0;
  for (uint32_t i = 0; i < 1000; i++) {
    int64_t t = b->column[5]->i64[i];
    late += t < greatest;
    ck_assert(greatest == INT64_MIN || t >= greatest - 2000000);
    if (t > greatest) greatest = t;
  }
  ck_assert(late > 50 && late < 200);
  spate_batch_unref(b);
  reading_close(&r);
}
END_TEST

START_TEST(test_ads_table) {
  struct rows rows = {0};
  struct reading *r = reading_open(&spate_source_generator, "{preset: ads_table}", &BOUNDED, NULL, 0);
  ck_assert(reading_until(r, 1024, &rows, 5000));
  ck_assert_uint_eq(rows.count, 1000);
  ck_assert_str_eq(rows.text[0], "ad-0001");
  ck_assert_str_eq(rows.text[999], "ad-1000");
  reading_close(&r);
  rows_free(&rows);
}
END_TEST

/* A field that fails for a row is null there, and the others are not touched. */
START_TEST(test_failing_field) {
  struct reading *r =
      reading_open(&spate_source_generator, "{rows: 3, fields: {a: '10 div (i - 1)', b: i}}", &BOUNDED, NULL, 0);
  struct spate_batch *b = pull(r, 10, SPATE_OK);
  ck_assert(spate_column_null(b->column[0], 1));
  text_is(b, 0, 2, "10");
  text_is(b, 1, 1, "1");
  spate_batch_unref(b);
  reading_close(&r);
}
END_TEST

START_TEST(test_options) {
  static const char *const BAD[] = {
      "{rate: -1}",     "{preset: ads, fields: {a: i}}", "{preset: ads, speed: 0}", "{start_time: soon}",
      "{preset: adds}", "{start_time: '2026-13-01'}"};
  struct spate_schema schema = {0};
  struct spate_error err = {0};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    const char *problem;
    options_fill(spate_source_generator.options, spate_source_generator.config_size, NULL, BAD[i],
                 spate_source_generator.check, &problem);
    ck_assert_msg(problem != NULL, "accepted: %s", BAD[i]);
  }
  const void *config = options_fill(spate_source_generator.options, spate_source_generator.config_size, NULL,
                                    "{fields: {a: i, b: j + 1}}", spate_source_generator.check, NULL);
  ck_assert_int_ne(spate_source_generator.schema(config, &schema, &err), 0);
  ck_assert_str_eq(err.option, "fields.b");
  struct spate_source_args args = {.bounded = true};
  void *source;
  args.config =
      options_fill(spate_source_generator.options, spate_source_generator.config_size, NULL, "{}", NULL, NULL);
  ck_assert_int_ne(spate_source_generator.open(&args, &source, &err), 0);
  ck_assert_ptr_nonnull(strstr(err.message, "no end"));
}
END_TEST

Suite *suite_generator(void) {
  Suite *s = suite_create("generator");
  TCase *t = tcase_create("generator");
  tcase_add_test(t, test_rate);
  tcase_add_test(t, test_ads);
  tcase_add_test(t, test_disorder);
  tcase_add_test(t, test_ads_table);
  tcase_add_test(t, test_failing_field);
  tcase_add_test(t, test_options);
  suite_add_tcase(s, t);
  return s;
}
