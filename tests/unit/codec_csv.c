/*
 * csv: quoting as in RFC 4180 both ways, null against the empty string, header or the order of the schema, lines of the
 * wrong width, other delimiters, framing, and that what was written reads back as the same rows.
 */
#include "codec_help.h"

static const struct spate_codec_api *const CSV = &spate_codec_csv;

struct session {
  void *decoder;
  uint32_t columns;
};
static struct session open_csv(const struct csv_config *config, const struct spate_schema *wanted,
                               const struct spate_schema *known) {
  struct session s = {NULL, wanted->count};
  struct spate_error err;
  ck_assert_int_eq(CSV->check(config, &err), 0);
  if (CSV->decoder_new(config, wanted, known, &s.decoder, &err) != 0) ck_abort_msg("%s", err.message);
  return s;
}

/* One line, with a header or none; "!…": a bad record whose reason holds what follows. */
static void expect(struct session *s, const char *header, const char *line, const char *want) {
  struct spate_payloads *p = payloads_make(&line, NULL, 1, "\n");
  p->header = header;
  p->header_length = header != NULL ? (uint32_t)strlen(header) : 0;
  struct decoded d;
  struct spate_error err;
  if (decode_with(CSV, s->decoder, p, s->columns, &d, &err) != 0) ck_abort_msg("%s: %s", line, err.message);
  char *row = decoded_row(&d, 0);
  bool same = want[0] == '!' ? row[0] == '!' && strstr(row, want + 1) != NULL : strcmp(row, want) == 0;
  if (!same) ck_abort_msg("%s: '%s', expected '%s'", line == TOMBSTONE ? "null" : line, row, want);
  free(row);
  decoded_free(&d);
  payloads_free(p);
}

START_TEST(fields) {
  struct spate_field f[] = {field_of("a", "string"), field_of("b", "string"), field_of("c", "int")};
  struct spate_schema schema = {f, 3};
  struct csv_config config = {false, ","};
  struct session s = open_csv(&config, &schema, &schema);
  expect(&s, NULL, "x,y,1", "x|y|1");
  expect(&s, NULL, ",,", "null|null|null");
  expect(&s, NULL, "\"\",\"\",", "||null");
  expect(&s, NULL, "\"x\",\"y\",\"1\"", "x|y|1");
  expect(&s, NULL, "\"a,b\",\"c\"\"d\",1", "a,b|c\"d|1");
  expect(&s, NULL, "\"\"\"\",\"\"\"\"\"\",1", "\"|\"\"|1");
  expect(&s, NULL, "\"line\nline\",\"\r\n\",1", "line\nline|\r\n|1");
  expect(&s, NULL, " x , y , 1 ", " x | y |1");
  expect(&s, NULL, "caf\xc3\xa9,\xf0\x9f\x98\x80,1", "caf\xc3\xa9|\xf0\x9f\x98\x80|1");
  expect(&s, NULL, "\xff,y,1", "!`a` is not valid UTF-8");
  expect(&s, NULL, "x,y,z", "!`c` (int): \"z\" is not one");
  expect(&s, NULL, "x,y,\"\"", "!`c` (int)");
  expect(&s, NULL, "x,y,9223372036854775808", "!`c` (int)");
  expect(&s, NULL, "x,y", "!2 fields where there should be 3");
  expect(&s, NULL, "x", "!1 field where there should be 3");
  expect(&s, NULL, "x,y,1,", "!4 fields where there should be 3");
  expect(&s, NULL, "x,y,1,\"z\"", "!4 fields where there should be 3");
  expect(&s, NULL, "", "!an empty line");
  expect(&s, NULL, "x\"y,y,1", "!field 1: a quote inside a field");
  expect(&s, NULL, "x,\"y\"z,1", "!field 2: text behind a closing quote");
  expect(&s, NULL, "x,\"y\" ,1", "!field 2: text behind a closing quote");
  expect(&s, NULL, "x,y,\"1", "!field 3: a quote is not closed");
  expect(&s, NULL, "x,y,\"1\"\"", "!field 3: a quote is not closed");
  expect(&s, NULL, TOMBSTONE, "null|null|null");
  CSV->decoder_free(s.decoder);
}
END_TEST

START_TEST(types) {
  static const struct {
    const char *type, *text, *want;
  } CASES[] = {
      {"int", "-5", "-5"},
      {"int", "1.0", "!"},
      {"double", "1e3", "1000.0"},
      {"double", "NaN", "NaN"},
      {"double", "x", "!"},
      {"bool", "TRUE", "true"},
      {"bool", "0", "false"},
      {"bool", "maybe", "!"},
      {"decimal(5,2)", "1.005", "1.01"},
      {"decimal(5,2)", "1000", "!"},
      {"timestamp", "2026-01-02 03:04:05", "2026-01-02T03:04:05Z"},
      {"timestamp", "1767323045", "!"},
      {"timestamp(ms)", "1767323045678", "2026-01-02T03:04:05.678Z"},
      {"timestamp(s)", "1767323045", "2026-01-02T03:04:05Z"},
      {"bytes", "\xff\x00", "\xff"},
      {"string", "1", "1"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    struct spate_field f = field_of("v", CASES[i].type);
    struct spate_schema schema = {&f, 1};
    struct csv_config config = {false, ","};
    struct session s = open_csv(&config, &schema, &schema);
    expect(&s, NULL, CASES[i].text, CASES[i].want);
    expect(&s, NULL, "", "null");
    CSV->decoder_free(s.decoder);
  }
}
END_TEST

START_TEST(wanted_of_known) {
  struct spate_field f[] = {field_of("a", "string"), field_of("b", "int"), field_of("c", "string")};
  struct spate_field w[] = {f[2], f[0]};
  struct spate_schema known = {f, 3}, wanted = {w, 2}, none = {NULL, 0};
  struct csv_config config = {false, ";"};
  struct session s = open_csv(&config, &wanted, &known);
  expect(&s, NULL, "x;not looked at;z,z", "z,z|x");
  expect(&s, NULL, "x;z", "!2 fields where there should be 3");
  CSV->decoder_free(s.decoder);
  s = open_csv(&config, &none, &known);
  expect(&s, NULL, "x;y;z", "");
  expect(&s, NULL, "x;y", "!2 fields");
  CSV->decoder_free(s.decoder);
}
END_TEST

START_TEST(header) {
  struct spate_field f[] = {field_of("a", "string"), field_of("b", "int"), field_of("c", "string"),
                            field_of("d", "string")};
  f[2].default_text = "none";
  f[3].path = "the fourth";
  struct spate_schema schema = {f, 4};
  struct csv_config config = {true, ","};
  ck_assert(CSV->want_header(&config));
  struct session s = open_csv(&config, &schema, &schema);
  expect(&s, "b,a,c,the fourth", "1,x,z,w", "x|1|z|w");
  expect(&s, "the fourth,other,a", "w,o,x", "x|null|none|w");
  expect(&s,
         "\xef\xbb\xbf"
         "a,b",
         "x,1", "x|1|none|null");
  expect(&s, "\"a\",\"b\"", "x,1", "x|1|none|null");
  expect(&s, "a,b,a", "x,1,y", "x|1|none|null");
  expect(&s, "A,B", "x,1", "null|null|none|null");
  expect(&s, "a,b", "x", "!1 field where there should be 2");
  expect(&s, "a,b", "x,1,2", "!3 fields where there should be 2");
  expect(&s, "a", "", "null|null|none|null");
  CSV->decoder_free(s.decoder);

  f[1].required = true;
  s = open_csv(&config, &schema, &schema);
  expect(&s, "a,c", "x,z", "!`b` is required, and the header does not name it");
  expect(&s, "a,b", "x,", "!`b` is required, and empty");
  struct spate_error err;
  struct decoded d;
  const char *line = "x";
  struct spate_payloads *p = payloads_make(&line, NULL, 1, "\n");
  ck_assert_int_eq(decode_with(CSV, s.decoder, p, 4, &d, &err), -1); /* no header */
  decoded_free(&d);
  p->header = "a,\"b";
  p->header_length = 4;
  ck_assert_int_eq(decode_with(CSV, s.decoder, p, 4, &d, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "header line is broken"));
  decoded_free(&d);
  payloads_free(p);
  CSV->decoder_free(s.decoder);
}
END_TEST

START_TEST(options) {
  struct spate_error err;
  static const char *const BAD[] = {"", ",,", "\"", "\n", "\r", "\xc3\xa9"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    struct csv_config config = {false, BAD[i]};
    ck_assert_int_eq(CSV->check(&config, &err), -1);
    ck_assert_str_eq(err.option, "delimiter");
  }
  struct csv_config tab = {false, "\t"};
  ck_assert_int_eq(CSV->check(&tab, &err), 0);
  ck_assert_int_eq(CSV->framing(&tab), SPATE_FRAME_QUOTED_LINES);
  ck_assert(!CSV->want_header(&tab));
}
END_TEST

static void expect_encoded(const struct csv_config *config, const struct spate_schema *schema,
                           const struct spate_batch *batch, const char *want) {
  struct spate_error err;
  void *encoder;
  static struct spate_payloads out;
  memset(&out, 0, sizeof out);
  ck_assert_int_eq(CSV->encoder_new(config, schema, &encoder, &err), 0);
  uint32_t length;
  const char *head = CSV->head(encoder, &length);
  struct buf all = {0};
  buf_put(&all, head, length);
  ck_assert_int_eq(CSV->encode(encoder, batch, &out, NULL, &err), 0);
  buf_put(&all, out.buffer->data, out.buffer->size);
  ck_assert_str_eq(buf_string(&all), want);
  buf_free(&all);
  spate_buffer_unref(out.buffer);
  CSV->encoder_free(encoder);
}

START_TEST(encode) {
  struct spate_field f[] = {field_of("a", "string"), field_of("b,b", "int"), field_of("t", "timestamp")};
  struct spate_schema schema = {f, 3};
  struct column_builder b[3];
  static const char *const TEXT[] = {"x", "", "a,b", "c\"d", "e\nf", "g\rh", NULL, "i;j"};
  for (int i = 0; i < 3; i++) column_builder_init(&b[i], f[i].type, 8);
  for (int r = 0; r < 8; r++) {
    if (TEXT[r] == NULL) {
      for (int i = 0; i < 3; i++) column_builder_null(&b[i]);
      continue;
    }
    column_builder_bytes(&b[0], TEXT[r], strlen(TEXT[r]));
    column_builder_i64(&b[1], r);
    column_builder_i64(&b[2], r * 1000000);
  }
  struct spate_column *column[3];
  for (int i = 0; i < 3; i++) {
    column[i] = column_builder_take(&b[i]);
    column_builder_fini(&b[i]);
  }
  struct spate_batch *batch = spate_batch_new(8, 3, column, NULL);
  struct csv_config comma = {true, ","}, colon = {false, ":"};
  expect_encoded(&comma, &schema, batch,
                 "a,\"b,b\",t\n"
                 "x,0,1970-01-01T00:00:00Z\n\"\",1,1970-01-01T00:00:01Z\n\"a,b\",2,1970-01-01T00:00:02Z\n"
                 "\"c\"\"d\",3,1970-01-01T00:00:03Z\n\"e\nf\",4,1970-01-01T00:00:04Z\n\"g\rh\",5,1970-01-01T00:00:05Z\n"
                 ",,\ni;j,7,1970-01-01T00:00:07Z\n");
  uint16_t rows[] = {2, 6};
  struct spate_batch *two = batch_select(batch, rows, 2);
  expect_encoded(&colon, &schema, two, "a,b:2:\"1970-01-01T00:00:02Z\"\n::\n");

  /* and back */
  static struct spate_payloads out;
  struct spate_error err;
  void *encoder;
  ck_assert_int_eq(CSV->encoder_new(&colon, &schema, &encoder, &err), 0);
  ck_assert_int_eq(CSV->encode(encoder, batch, &out, NULL, &err), 0);
  struct session s = open_csv(&colon, &schema, &schema);
  struct decoded d;
  ck_assert_int_eq(decode_with(CSV, s.decoder, &out, 3, &d, &err), 0);
  ck_assert_uint_eq(d.rejects->count, 0);
  for (uint32_t r = 0; r < 8; r++)
    for (int i = 0; i < 3; i++) ck_assert(column_equal(d.column[i], r, batch->column[i], r));
  decoded_free(&d);
  CSV->decoder_free(s.decoder);
  CSV->encoder_free(encoder);
  spate_buffer_unref(out.buffer);
  spate_batch_unref(two);
  spate_batch_unref(batch);
}
END_TEST

/* Random bytes never break it, and lines with random quotes, delimiters and line ends survive the way there and back.
 */
START_TEST(random_lines) {
  struct spate_field f[] = {field_of("a", "string"), field_of("b", "string")};
  struct spate_schema schema = {f, 2};
  struct csv_config config = {false, ","};
  struct session s = open_csv(&config, &schema, &schema);
  struct spate_error err;
  void *encoder;
  ck_assert_int_eq(CSV->encoder_new(&config, &schema, &encoder, &err), 0);
  uint32_t state = 1;
  for (int round = 0; round < 2000; round++) {
    static const char SET[] = "\",\n\r ab\xc3\xa9";
    struct spate_column *column[2];
    for (int i = 0; i < 2; i++) {
      char text[16];
      size_t size = 0;
      for (uint32_t n = (state = state * 1664525u + 1013904223u) >> 29; n > 0; n--) {
        uint32_t pick = (state = state * 1664525u + 1013904223u) >> 16;
        text[size++] = SET[pick % 7];
      }
      column[i] = spate_column_new(f[i].type, 1, 16);
      ck_assert_int_eq(spate_column_put(column[i], 0, text, size), 0);
    }
    struct spate_batch *batch = spate_batch_new(1, 2, column, NULL);
    static struct spate_payloads out;
    memset(&out, 0, sizeof out);
    ck_assert_int_eq(CSV->encode(encoder, batch, &out, NULL, &err), 0);
    struct decoded d;
    ck_assert_int_eq(decode_with(CSV, s.decoder, &out, 2, &d, &err), 0);
    ck_assert_uint_eq(d.rejects->count, 0);
    for (int i = 0; i < 2; i++) ck_assert(column_equal(d.column[i], 0, column[i], 0));
    decoded_free(&d);
    for (uint32_t k = 0; k < out.length[0]; k++) /* now break it: any answer will do but a crash */
      if ((state = state * 1664525u + 1013904223u) >> 30 == 0) out.buffer->data[k] = SET[(state >> 8) % 9];
    ck_assert_int_eq(decode_with(CSV, s.decoder, &out, 2, &d, &err), 0);
    decoded_free(&d);
    spate_buffer_unref(out.buffer);
    spate_batch_unref(batch);
  }
  CSV->encoder_free(encoder);
  CSV->decoder_free(s.decoder);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("codec_csv");
  TCase *t = tcase_create("csv");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, fields);
  tcase_add_test(t, types);
  tcase_add_test(t, wanted_of_known);
  tcase_add_test(t, header);
  tcase_add_test(t, options);
  tcase_add_test(t, encode);
  tcase_add_test(t, random_lines);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}
