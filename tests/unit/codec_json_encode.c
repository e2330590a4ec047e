/*
 * json, writing: each type's text, escapes, the option `timestamps`, selections, and that what was written reads back
 * as the same rows.
 */
#include <math.h>

#include "codec_help.h"

static const struct spate_codec_api *const JSON = &spate_codec_json;

/* A batch of one row from values as text (NULL: null), to be freed. */
static struct spate_batch *batch_make(const struct spate_schema *schema, const char *const *text, uint32_t rows) {
  struct spate_column *column[16];
  for (uint32_t i = 0; i < schema->count; i++) {
    column[i] = spate_column_new(schema->fields[i].type, rows, 64);
    for (uint32_t r = 0; r < rows; r++) {
      const char *t = text[r * schema->count + i];
      if (t == NULL)
        spate_column_set_null(column[i], r);
      else if (spate_parse_value(column[i], r, t, strlen(t)) != 0)
        ck_abort_msg("%s: %s", schema->fields[i].name, t);
    }
    spate_column_finish(column[i]);
  }
  return spate_batch_new(rows, schema->count, column, NULL);
}

static void encode_with(const struct spate_schema *schema, const struct spate_batch *batch, int timestamps,
                        struct spate_payloads *out) {
  struct json_config config = {.timestamps = timestamps};
  struct spate_error err;
  void *encoder;
  static struct spate_rejects rejects;
  memset(out, 0, sizeof *out);
  ck_assert_int_eq(JSON->encoder_new(&config, schema, &encoder, &err), 0);
  ck_assert_int_eq(JSON->encode(encoder, batch, out, &rejects, &err), 0);
  ck_assert_uint_eq(rejects.count, 0);
  ck_assert_uint_eq(out->count, batch->count);
  JSON->encoder_free(encoder);
}

/* One column v of one row. */
static void expect_value(const char *type, const char *text, int timestamps, const char *want) {
  struct spate_field field = field_of("v", type);
  struct spate_schema schema = {&field, 1};
  struct spate_batch *batch = batch_make(&schema, &text, 1);
  static struct spate_payloads out;
  encode_with(&schema, batch, timestamps, &out);
  char whole[1024];
  snprintf(whole, sizeof whole, "{\"v\":%s}", want);
  ck_assert_uint_eq(out.length[0], out.buffer->size - 1);
  ck_assert_int_eq(out.buffer->data[out.length[0]], '\n');
  out.buffer->data[out.length[0]] = 0;
  ck_assert_str_eq(out.buffer->data + out.start[0], whole);
  spate_buffer_unref(out.buffer);
  spate_batch_unref(batch);
}

START_TEST(values) {
  static const struct {
    const char *type, *text;
    int timestamps;
    const char *want;
  } CASES[] = {
      {"int", "0", 0, "0"},
      {"int", "9", 0, "9"},
      {"int", "10", 0, "10"},
      {"int", "-105", 0, "-105"},
      {"int", "9223372036854775807", 0, "9223372036854775807"},
      {"int", "-9223372036854775808", 0, "-9223372036854775808"},
      {"int", NULL, 0, "null"},
      {"bool", "true", 0, "true"},
      {"bool", "false", 0, "false"},
      {"bool", NULL, 0, "null"},
      {"double", "1", 0, "1.0"},
      {"double", "0.1", 0, "0.1"},
      {"double", "-1e300", 0, "-1e+300"},
      {"double", "NaN", 0, "null"},
      {"double", "Infinity", 0, "null"},
      {"double", "-Infinity", 0, "null"},
      {"decimal(10,2)", "12.3", 0, "12.30"},
      {"decimal(10,2)", "-0.05", 0, "-0.05"},
      {"decimal(10,0)", "-7", 0, "-7"},
      {"decimal(38,0)", "99999999999999999999999999999999999999", 0, "99999999999999999999999999999999999999"},
      {"decimal(38,38)", "0.00000000000000000000000000000000000001", 0, "0.00000000000000000000000000000000000001"},
      {"string", "", 0, "\"\""},
      {"string", "plain", 0, "\"plain\""},
      {"string", "a\"b\\c/d", 0, "\"a\\\"b\\\\c/d\""},
      {"string", "\b\f\n\r\t\x01\x1f\x7f", 0, "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
      {"string", "0123456789abcde\"", 0, "\"0123456789abcde\\\"\""},
      {"string", "0123456789abcdef\"0123456789abcdef\n", 0, "\"0123456789abcdef\\\"0123456789abcdef\\n\""},
      {"string", "caf\xc3\xa9 \xf0\x9f\x98\x80", 0, "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
      {"bytes", "", 0, "\"\""},
      {"bytes", "a", 0, "\"YQ==\""},
      {"bytes", "ab", 0, "\"YWI=\""},
      {"bytes", "abc", 0, "\"YWJj\""},
      {"bytes", "\xff\xfe\xfd\xfc", 0, "\"//79/A==\""},
      {"timestamp", "2026-01-02T03:04:05Z", 0, "\"2026-01-02T03:04:05Z\""},
      {"timestamp", "2026-01-02T03:04:05.6Z", 0, "\"2026-01-02T03:04:05.600Z\""},
      {"timestamp", "2026-12-31T23:59:59.000001Z", 0, "\"2026-12-31T23:59:59.000001Z\""},
      {"timestamp", "1969-12-31T23:59:59.999Z", 0, "\"1969-12-31T23:59:59.999Z\""},
      {"timestamp", "0001-01-01T00:00:00Z", 0, "\"0001-01-01T00:00:00Z\""},
      {"timestamp", "9999-12-31T23:59:59Z", 0, "\"9999-12-31T23:59:59Z\""},
      {"timestamp(s)", "300000000000", 0, "\"+11476-08-15T05:20:00Z\""},
      {"timestamp", "2026-01-02T03:04:05.678Z", JSON_TIMES_S, "1767323045"},
      {"timestamp", "2026-01-02T03:04:05.678Z", JSON_TIMES_MS, "1767323045678"},
      {"timestamp", "2026-01-02T03:04:05.678Z", JSON_TIMES_US, "1767323045678000"},
      {"timestamp", "1969-12-31T23:59:59.999999Z", JSON_TIMES_S, "-1"},
      {"timestamp", "1969-12-31T23:59:59.999999Z", JSON_TIMES_MS, "-1"},
      {"timestamp", NULL, JSON_TIMES_MS, "null"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
    expect_value(CASES[i].type, CASES[i].text, CASES[i].timestamps, CASES[i].want);
}
END_TEST

START_TEST(names_and_selection) {
  struct spate_field f[] = {field_of("a", "int"), field_of("we\"ird\nname of more than sixteen bytes", "string"),
                            field_of("", "int")};
  struct spate_schema schema = {f, 3};
  const char *text[] = {"1", "x", "7", "2", "y", NULL, "3", NULL, "9", "4", "w", "0"};
  struct spate_batch *all = batch_make(&schema, text, 4);
  uint16_t rows[] = {1, 2};
  struct spate_batch *batch = batch_select(all, rows, 2);
  static struct spate_payloads out;
  encode_with(&schema, batch, 0, &out);
  static const char WANT[] =
      "{\"a\":2,\"we\\\"ird\\nname of more than sixteen bytes\":\"y\",\"\":null}\n"
      "{\"a\":3,\"we\\\"ird\\nname of more than sixteen bytes\":null,\"\":9}\n";
  ck_assert_uint_eq(out.buffer->size, sizeof WANT - 1);
  ck_assert_int_eq(memcmp(out.buffer->data, WANT, sizeof WANT - 1), 0);
  ck_assert_uint_eq(out.start[1], out.length[0] + 1);
  spate_buffer_unref(out.buffer);
  spate_batch_unref(batch);
  spate_batch_unref(all);
}
END_TEST

START_TEST(no_columns) {
  struct spate_schema schema = {NULL, 0};
  struct spate_batch *batch = spate_batch_new(2, 0, NULL, NULL);
  static struct spate_payloads out;
  encode_with(&schema, batch, 0, &out);
  ck_assert_uint_eq(out.buffer->size, 6);
  ck_assert_int_eq(memcmp(out.buffer->data, "{}\n{}\n", 6), 0);
  spate_buffer_unref(out.buffer);
  spate_batch_unref(batch);
}
END_TEST

static uint64_t state = 1;
static uint64_t rnd(void) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void random_text(struct column_builder *b, bool any) {
  static const char *const PARTS[] = {
      "a", "\"", "\\", "\n", "\x01", "caf\xc3\xa9", "\xf0\x9f\x98\x80", "0123456789abcdef", "/", "\x7f"};
  char text[4096];
  size_t size = 0;
  for (uint64_t n = rnd() % 40; n > 0; n--) {
    if (any) {
      text[size++] = (char)rnd();
    } else {
      const char *part = PARTS[rnd() % 10];
      memcpy(text + size, part, strlen(part));
      size += strlen(part);
    }
  }
  column_builder_bytes(b, text, size);
}

START_TEST(round_trip) {
  static const char *const TYPES[] = {"int",   "double", "decimal(30,7)", "string",
                                      "bytes", "bool",   "timestamp",     "timestamp(us)"};
  struct spate_field f[8];
  struct column_builder b[8];
  enum { ROWS = 1000 };
  for (uint32_t i = 0; i < 8; i++) {
    static char names[8][4];
    snprintf(names[i], 4, "c%u", (unsigned)i % 10);
    f[i] = field_of(names[i], TYPES[i]);
    column_builder_init(&b[i], f[i].type, ROWS);
    for (int r = 0; r < ROWS; r++) {
      if (rnd() % 10 == 0) {
        column_builder_null(&b[i]);
        continue;
      }
      uint64_t bits = rnd() >> (rnd() % 64);
      double d;
      memcpy(&d, &bits, 8);
      switch (i) {
        case 0: column_builder_i64(&b[i], (int64_t)rnd() >> (rnd() % 64)); break;
        case 1:
          column_builder_f64(&b[i], rnd() % 2 && isfinite(d) ? d : (double)(int64_t)(rnd() % 100000) / 100);
          break;
        case 2: column_builder_dec(&b[i], (spate_i128)(int64_t)rnd() * (int64_t)(rnd() % 100000000000)); break;
        case 3: random_text(&b[i], false); break;
        case 4: random_text(&b[i], true); break;
        case 5: column_builder_bool(&b[i], rnd() % 2); break;
        case 6: /* within four-digit years */
          column_builder_i64(&b[i], (int64_t)(rnd() % 315537897600000000u) - 62135596800000000);
          break;
        default: column_builder_i64(&b[i], (int64_t)rnd() >> (rnd() % 64)); break;
      }
    }
  }
  struct spate_column *column[8];
  for (int i = 0; i < 8; i++) {
    column[i] = column_builder_take(&b[i]);
    column_builder_fini(&b[i]);
  }
  struct spate_schema some = {f, 7}, last = {f + 7, 1};
  static struct spate_payloads out;
  for (int part = 0; part < 2; part++) { /* the last column as a number, the others as they come */
    const struct spate_schema *schema = part == 0 ? &some : &last;
    struct spate_column *mine[8];
    for (uint32_t i = 0; i < schema->count; i++) mine[i] = spate_column_ref(column[part == 0 ? i : 7]);
    struct spate_batch *batch = spate_batch_new(ROWS, schema->count, mine, NULL);
    encode_with(schema, batch, part == 0 ? JSON_TIMES_ISO : JSON_TIMES_US, &out);
    out.lines = true;
    struct json_config config = {0};
    struct spate_error err;
    void *decoder;
    struct decoded d;
    ck_assert_int_eq(JSON->decoder_new(&config, schema, schema, &decoder, &err), 0);
    ck_assert_int_eq(decode_with(JSON, decoder, &out, schema->count, &d, &err), 0);
    for (uint32_t r = 0; r < ROWS; r++) {
      const char *why = decoded_reason(&d, r);
      if (why != NULL) ck_abort_msg("row %u: %s: %.*s", r, why, (int)out.length[r], out.buffer->data + out.start[r]);
      for (uint32_t i = 0; i < schema->count; i++)
        if (!column_equal(d.column[i], r, batch->column[i], r))
          ck_abort_msg("row %u, %s: %.*s", r, schema->fields[i].name, (int)out.length[r],
                       out.buffer->data + out.start[r]);
    }
    decoded_free(&d);
    JSON->decoder_free(decoder);
    spate_buffer_unref(out.buffer);
    spate_batch_unref(batch);
  }
  for (int i = 0; i < 8; i++) spate_column_unref(column[i]);
}
END_TEST

START_TEST(full_block) {
  struct spate_field field = field_of("v", "int");
  struct spate_schema schema = {&field, 1};
  const char *text = "1";
  struct spate_batch *batch = batch_make(&schema, &text, 1);
  struct json_config config = {0};
  struct spate_error err;
  void *encoder;
  static struct spate_payloads out;
  ck_assert_int_eq(JSON->encoder_new(&config, &schema, &encoder, &err), 0);
  for (uint32_t i = 0; i < SPATE_BATCH_ROWS; i++) ck_assert_int_eq(JSON->encode(encoder, batch, &out, NULL, &err), 0);
  ck_assert_uint_eq(out.count, SPATE_BATCH_ROWS);
  ck_assert_int_eq(JSON->encode(encoder, batch, &out, NULL, &err), -1);
  JSON->encoder_free(encoder);
  spate_buffer_unref(out.buffer);
  spate_batch_unref(batch);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("codec_json_encode");
  TCase *t = tcase_create("encode");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, values);
  tcase_add_test(t, names_and_selection);
  tcase_add_test(t, no_columns);
  tcase_add_test(t, round_trip);
  tcase_add_test(t, full_block);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}
