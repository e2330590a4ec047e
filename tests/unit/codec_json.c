/*
 * json, reading: what each type takes, and what is a bad record. Every case goes through blocks, line by line, lines
 * that end in CR LF, payloads that lie apart, and with neighbours before and behind, and must give the same row.
 */
#include "codec_help.h"

static const struct spate_codec_api *const JSON = &spate_codec_json;

/* The middle row of `count` rows with `text` in the middle; to be freed. */
static char *decode_mid(const struct spate_schema *schema, const char *text, size_t size, bool by_line,
                        const char *ending, uint32_t around) {
  struct json_config config = {.by_line = by_line};
  struct spate_error err;
  void *decoder;
  if (JSON->decoder_new(&config, schema, schema, &decoder, &err) != 0) ck_abort_msg("%s", err.message);
  const char *lines[7];
  size_t sizes[7];
  uint32_t n = 0;
  for (; n < around; n++) lines[n] = "{\"other\":[1,{\"v\":2}]}", sizes[n] = strlen(lines[n]);
  lines[n] = text, sizes[n++] = size;
  for (uint32_t i = 0; i < around; i++, n++) lines[n] = "{\"other\":[1,{\"v\":2}]}", sizes[n] = strlen(lines[n]);
  struct spate_payloads *p = payloads_make(lines, sizes, n, ending);
  struct decoded d;
  ck_assert_int_eq(decode_with(JSON, decoder, p, schema->count, &d, &err), 0);
  for (uint32_t i = 0; i < n; i++)
    if (i != around && (schema->count == 0 || !schema->fields[0].required)) ck_assert_ptr_null(decoded_reason(&d, i));
  char *row = decoded_row(&d, around);
  decoded_free(&d);
  payloads_free(p);
  JSON->decoder_free(decoder);
  return row;
}

static char *decode_all_ways(const struct spate_schema *schema, const char *text, size_t size) {
  char *row = decode_mid(schema, text, size, true, "\n", 0);
  for (int by_line = 0; by_line < 2; by_line++)
    for (uint32_t around = 0; around < 4; around += 3)
      for (int e = 0; e < 3; e++) {
        static const char *const ENDINGS[] = {"\n", "\r\n", NULL};
        char *other = decode_mid(schema, text, size, by_line, ENDINGS[e], around);
        if (strcmp(row, other) != 0)
          ck_abort_msg("%.*s: alone '%s', by %s between %u lines, ending %d: '%s'", (int)size, text, row,
                       by_line ? "line" : "blocks", around, e, other);
        free(other);
      }
  return row;
}

static void expect(const struct spate_schema *schema, const char *text, const char *want) {
  char *row = decode_all_ways(schema, text, strlen(text));
  bool same = want[0] == '!' ? row[0] == '!' && strstr(row, want + 1) != NULL : strcmp(row, want) == 0;
  if (!same) ck_abort_msg("%s: '%s', expected '%s'", text, row, want);
  free(row);
}

/* value in {"v":VALUE} of a type; "!text": a bad record whose reason holds text. */
struct value_case {
  const char *type, *json, *want;
};
static const struct value_case VALUES[] = {
    /* int: integer text only */
    {"int", "0", "0"},
    {"int", "-0", "0"},
    {"int", "7", "7"},
    {"int", "12345678", "12345678"},
    {"int", "123456789012345678", "123456789012345678"},
    {"int", "9223372036854775807", "9223372036854775807"},
    {"int", "-9223372036854775808", "-9223372036854775808"},
    {"int", "9223372036854775808", "!out of range"},
    {"int", "-9223372036854775809", "!out of range"},
    {"int", "100000000000000000000000", "!out of range"},
    {"int", "18446744073709551617", "!out of range"},
    {"int", "1.0", "!another type"},
    {"int", "1e3", "!another type"},
    {"int", "01", "!not JSON"},
    {"int", "-", "!not JSON"},
    {"int", "+1", "!not JSON"},
    {"int", "--1", "!not JSON"},
    {"int", "1a", "!not JSON"},
    {"int", "1\"a\"", "!not JSON"},
    {"int", "0x10", "!not JSON"},
    {"int", "\"1\"", "!another type"},
    {"int", "true", "!another type"},
    {"int", "{}", "!another type"},
    {"int", "[1]", "!another type"},
    {"int", "null", "null"},
    {"int", " 5 ", "5"},
    {"int", "\t5\t", "5"},
    /* double: any number */
    {"double", "1", "1.0"},
    {"double", "-0", "-0.0"},
    {"double", "0.1", "0.1"},
    {"double", "1.5", "1.5"},
    {"double", "1e3", "1000.0"},
    {"double", "1E+3", "1000.0"},
    {"double", "1.25e-2", "0.0125"},
    {"double", "9007199254740993", "9007199254740992.0"},
    {"double", "1.7976931348623157e308", "1.7976931348623157e+308"},
    {"double", "4.9e-324", "4.94065645841247e-324"},
    {"double", "1e-400", "0.0"},
    {"double", "1e400", "!out of range"},
    {"double", "123456789012345678901234567890", "1.2345678901234568e+29"},
    {"double", "0.000000000000000000000000000001", "1e-30"},
    {"double", "1.", "!not JSON"},
    {"double", ".5", "!not JSON"},
    {"double", "1e", "!not JSON"},
    {"double", "1e+", "!not JSON"},
    {"double", "1.e3", "!not JSON"},
    {"double", "NaN", "!not JSON"},
    {"double", "Infinity", "!not JSON"},
    {"double", "\"1.5\"", "!another type"},
    {"double", "null", "null"},
    {"double", "nullx", "!not JSON"},
    /* decimal: exact, from a number or from text */
    {"decimal(10,2)", "12.34", "12.34"},
    {"decimal(10,2)", "12.3", "12.30"},
    {"decimal(10,2)", "12", "12.00"},
    {"decimal(10,2)", "-0.01", "-0.01"},
    {"decimal(10,2)", "12.345", "12.35"},
    {"decimal(10,2)", "\"12.34\"", "12.34"},
    {"decimal(10,2)", "1.2e3", "1200.00"},
    {"decimal(10,2)", "99999999.99", "99999999.99"},
    {"decimal(10,2)", "100000000", "!out of range"},
    {"decimal(10,2)", "99999999.995", "!out of range"},
    {"decimal(38,0)", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
    {"decimal(38,0)", "100000000000000000000000000000000000000", "!out of range"},
    {"decimal(38,10)", "1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"},
    {"decimal(18,18)", "0.000000000000000001", "0.000000000000000001"},
    {"decimal(20,2)", "0.1", "0.10"},
    {"decimal(10,2)", "\"abc\"", "!another type"},
    {"decimal(10,2)", "true", "!another type"},
    {"decimal(10,2)", "1.2.3", "!not JSON"},
    /* bool */
    {"bool", "true", "true"},
    {"bool", "false", "false"},
    {"bool", "null", "null"},
    {"bool", "True", "!not JSON"},
    {"bool", "truu", "!not JSON"},
    {"bool", "truex", "!not JSON"},
    {"bool", "1", "!another type"},
    {"bool", "\"true\"", "!another type"},
    /* string: strings, and numbers or bools as their text */
    {"string", "\"\"", ""},
    {"string", "\"abc\"", "abc"},
    {"string", "\"exactly sixteen!\"", "exactly sixteen!"},
    {"string", "\"a text that is longer than two times sixteen bytes\"",
     "a text that is longer than two times sixteen bytes"},
    {"string", "\"a\\\"b\"", "a\"b"},
    {"string", "\"\\\\\"", "\\"},
    {"string", "\"\\/\\b\\f\\n\\r\\t\"", "/\b\f\n\r\t"},
    {"string", "\"0123456789abcde\\n0123456789abcdef\\t\"", "0123456789abcde\n0123456789abcdef\t"},
    {"string", "\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
    {"string", "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
    {"string", "\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf"},
    {"string", "\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
    {"string", "\"\\ud83d\"", "!bad escape"},
    {"string", "\"\\ude00\"", "!bad escape"},
    {"string", "\"\\ud83d\\ud83d\"", "!bad escape"},
    {"string", "\"\\ud83dx\"", "!bad escape"},
    {"string", "\"\\ud83d\\n\"", "!bad escape"},
    {"string", "\"\\u12\"", "!bad escape"},
    {"string", "\"\\u12g4\"", "!bad escape"},
    {"string", "\"\\x41\"", "!bad escape"},
    {"string", "\"\\'\"", "!bad escape"},
    {"string", "\"{\\\"v\\\":1},\"", "{\"v\":1},"},
    {"string", "\"a\\\\\"", "a\\"},
    {"string", "\"a\\\\\\\"\"", "a\\\""},
    {"string", "12.50", "12.50"},
    {"string", "-1e3", "-1e3"},
    {"string", "true", "true"},
    {"string", "false", "false"},
    {"string", "null", "null"},
    {"string", "\"null\"", "null"},
    {"string", "{}", "!another type"},
    {"string", "[]", "!another type"},
    {"string", "nope", "!not JSON"},
    {"string", "truu", "!not JSON"},
    {"string", "'a'", "!not JSON"},
    {"string", "01", "!not JSON"},
    /* strict UTF-8, wherever it stands */
    {"string", "\"\xc3\"", "!UTF-8"},
    {"string", "\"\xc0\x80\"", "!UTF-8"},
    {"string", "\"\xed\xa0\x80\"", "!UTF-8"},
    {"string", "\"\xf4\x90\x80\x80\"", "!UTF-8"},
    {"string", "\"\xff\"", "!UTF-8"},
    {"string", "\"a\tb\"", "!control character"},
    /* bytes: base64 */
    {"bytes", "\"\"", ""},
    {"bytes", "\"YQ==\"", "a"},
    {"bytes", "\"YWI=\"", "ab"},
    {"bytes", "\"YWJj\"", "abc"},
    {"bytes", "\"YWJjZA\"", "abcd"},
    {"bytes", "\"YWJj\\u005aA==\"", "abcd"},
    {"bytes", "\"Y\"", "!another type"},
    {"bytes", "\"Y?==\"", "!another type"},
    {"bytes", "\"====\"", "!another type"},
    {"bytes", "1", "!another type"},
    /* timestamps by encoding */
    {"timestamp", "\"2026-01-02T03:04:05Z\"", "2026-01-02T03:04:05Z"},
    {"timestamp", "\"2026-01-02 03:04:05.123456789+01:00\"", "2026-01-02T02:04:05.123456Z"},
    {"timestamp", "\"2026-01-02\"", "2026-01-02T00:00:00Z"},
    {"timestamp", "\"2026-13-02T03:04:05Z\"", "!another type"},
    {"timestamp", "\"2026-02-29T03:04:05Z\"", "!another type"},
    {"timestamp", "\"2026-01-02T24:04:05Z\"", "!another type"},
    {"timestamp", "\"2026-01-02T03:60:05Z\"", "!another type"},
    {"timestamp", "\"2026-01-02T03:04:60Z\"", "!another type"},
    {"timestamp", "\"2026-01-02T03:04:05X\"", "!another type"},
    {"timestamp", "\"2026-01-02T03:04:05.Z\"", "!another type"},
    {"timestamp", "\"2026-01-02T03:04:0Z\"", "!another type"},
    {"timestamp", "\"2026-01-02T03-04:05Z\"", "!another type"},
    {"timestamp", "\"2026/01/02T03:04:05Z\"", "!another type"},
    {"timestamp", "\"2026-01-02T03:04:05\"", "2026-01-02T03:04:05Z"},
    {"timestamp", "\"2026-01-02T03:04\"", "2026-01-02T03:04:00Z"},
    {"timestamp", "\"2026-01-02T03:04:05.1\"", "2026-01-02T03:04:05.100Z"},
    {"timestamp", "\"2026-01-02T03:04:05.123456Z\"", "2026-01-02T03:04:05.123456Z"},
    {"timestamp", "\"2026-01-02T03:04:05.1234567Z\"", "2026-01-02T03:04:05.123456Z"},
    {"timestamp", "\"1969-12-31T23:59:59.9Z\"", "1969-12-31T23:59:59.900Z"},
    {"timestamp", "\"2026-01-02T03:04:05-0130\"", "2026-01-02T04:34:05Z"},
    {"timestamp", "\"2026-01-02T03:04:05\\u005a\"", "2026-01-02T03:04:05Z"},
    {"timestamp", "1767323045000", "!another type"},
    {"timestamp", "true", "!another type"},
    {"timestamp(iso)", "\"2026-01-02T03:04:05Z\"", "2026-01-02T03:04:05Z"},
    {"timestamp(s)", "1767323045", "2026-01-02T03:04:05Z"},
    {"timestamp(ms)", "1767323045678", "2026-01-02T03:04:05.678Z"},
    {"timestamp(us)", "1767323045678901", "2026-01-02T03:04:05.678901Z"},
    {"timestamp(ms)", "-1", "1969-12-31T23:59:59.999Z"},
    {"timestamp(ms)", "1767323045678.5", "!another type"},
    {"timestamp(ms)", "9223372036854775807", "!out of range"},
    {"timestamp(ms)", "-9223372036854775", "-290308-12-21T19:59:05.225Z"},
    {"timestamp(ms)", "\"1767323045678\"", "!another type"},
    {"timestamp(ms)", "null", "null"},
};

START_TEST(values) {
  const struct value_case *v = &VALUES[_i];
  struct spate_field field = field_of("v", v->type);
  struct spate_schema schema = {&field, 1};
  char text[512];
  snprintf(text, sizeof text, "{\"v\":%s}", v->json);
  expect(&schema, text, v->want);
  snprintf(text, sizeof text, " { \"u\" : [ 1 , { \"v\" : 2 } ] , \"v\" : %s , \"w\" : \"x\" } ", v->json);
  expect(&schema, text, v->want);
}
END_TEST

/* A record of columns a (int), b (string). */
struct record_case {
  const char *json, *want;
};
static const struct record_case RECORDS[] = {
    {"{}", "null|null"},
    {" { } ", "null|null"},
    {"{\"a\":1,\"b\":\"x\"}", "1|x"},
    {"{\"b\":\"x\",\"a\":1}", "1|x"},
    {"{\"a\":1}", "1|null"},
    {"{\"b\":null,\"a\":null}", "null|null"},
    /* a duplicate key: the first, also where it is null, and whatever the second is */
    {"{\"a\":1,\"a\":2}", "1|null"},
    {"{\"a\":null,\"a\":2}", "null|null"},
    {"{\"a\":1,\"a\":\"x\"}", "1|null"},
    {"{\"a\":\"x\",\"a\":1}", "!another type"},
    {"{\"\\u0061\":1,\"a\":2}", "1|null"},
    {"{\"a\":1,\"\\u0061\":2}", "1|null"},
    /* keys with escapes are the keys they stand for */
    {"{\"\\u0061\":5}", "5|null"},
    {"{\"\\u0061\\u0062\":5}", "null|null"},
    {"{\"\\q\":5}", "!bad escape"},
    {"{\"a\":1,\"b\":\"x\",\"\\q\":5}", "1|x"},
    {"{\"A\":1,\"aa\":2,\"\":3}", "null|null"},
    /* unknown fields are skipped, and checked for structure only */
    {"{\"c\":truu,\"a\":1}", "1|null"},
    {"{\"c\":\"\\q\",\"a\":1}", "1|null"},
    {"{\"c\":[[],{},[{}],{\"a\":9}],\"a\":1}", "1|null"},
    {"{\"c\":[1 2],\"a\":1}", "!structure"},
    {"{\"c\":[1,],\"a\":1}", "!structure"},
    {"{\"c\":[,1],\"a\":1}", "!structure"},
    {"{\"c\":{\"x\"},\"a\":1}", "!structure"},
    {"{\"c\":{\"x\":},\"a\":1}", "!structure"},
    {"{\"c\":{1:2},\"a\":1}", "!structure"},
    {"{\"c\":[1},\"a\":1}", "!structure"},
    {"{\"c\":{\"x\":1],\"a\":1}", "!structure"},
    {"{\"c\":\"x\":1,\"a\":1}", "!structure"},
    {"{\"c\":\"x\":{}}}", "!"},
    {"{\"c\":\"x\" \"y\",\"a\":1}", "!structure"},
    {"{\"c\":\"x\"y,\"a\":1}", "!structure"},
    {"{\"c\":,\"a\":1}", "!structure"},
    {"{\"a\":}", "!"},
    {"{\"a\":,\"b\":\"x\"}", "!"},
    /* not an object */
    {"", "!empty"},
    {" ", "!empty"},
    {"[1]", "!not a JSON object"},
    {"1", "!not a JSON object"},
    {"null", "!not a JSON object"},
    {"\"a\"", "!not a JSON object"},
    {"x", "!not a JSON object"},
    {"}", "!not a JSON object"},
    /* cut, and more than one */
    {"{", "!"},
    {"{\"a\"", "!"},
    {"{\"a\":", "!"},
    {"{\"a\":1", "!"},
    {"{\"a\":1,", "!"},
    {"{\"a\":1,}", "!structure"},
    {"{,\"a\":1}", "!structure"},
    {"{\"a\":1 \"b\":\"x\"}", "!structure"},
    {"{\"a\" 1}", "!structure"},
    {"{a:1}", "!structure"},
    {"{\"a\":1}}", "!follows"},
    {"{\"a\":1}{\"a\":2}", "!follows"},
    {"{\"a\":1} x", "!"},
    {"{\"a\":1},", "!"},
    {"{\"b\":\"x}", "!not closed"},
    {"{\"b\":\"x\\\"}", "!not closed"},
    {"{\"a\":1}\"", "!not closed"},
    {"{\"a\":{\"b\":1}", "!"},
    {"{\"c\":{\"b\":1}", "!"},
    {"{\"c\":[{\"b\":1}", "!"},
    {"{\"a\":1}\\", "!"},
    {"\xef\xbb\xbf{\"a\":1}", "!"},
    /* pretty printed */
    {"{\r\n  \"a\": 1,\r\n  \"b\": \"x\"\r\n}\r\n", "1|x"},
};

START_TEST(records) {
  struct spate_field fields[] = {field_of("a", "int"), field_of("b", "string")};
  struct spate_schema schema = {fields, 2};
  expect(&schema, RECORDS[_i].json, RECORDS[_i].want);
}
END_TEST

START_TEST(zero_bytes) {
  struct spate_field field = field_of("v", "string");
  struct spate_schema schema = {&field, 1};
  char *row = decode_all_ways(&schema, "{\"v\":\"a\0b\"}", 11);
  ck_assert_msg(strstr(row, "control character") != NULL, "%s", row);
  free(row);
  row = decode_all_ways(&schema, "{\"v\":1}\0", 8);
  ck_assert_msg(row[0] == '!', "%s", row);
  free(row);
}
END_TEST

static void nest(char *out, int depth, char open, char close) {
  char *p = out + sprintf(out, "{\"c\":");
  for (int i = 1; i < depth; i++) {
    *p++ = open;
    if (open == '{' && i + 1 < depth) p += sprintf(p, "\"k\":");
  }
  for (int i = 1; i < depth; i++) *p++ = close;
  strcpy(p, ",\"a\":1}");
}

START_TEST(depth) {
  struct spate_field field = field_of("a", "int");
  struct spate_schema schema = {&field, 1};
  char text[1024];
  for (int object = 0; object < 2; object++) {
    nest(text, 64, object ? '{' : '[', object ? '}' : ']');
    expect(&schema, text, "1");
    nest(text, 65, object ? '{' : '[', object ? '}' : ']');
    expect(&schema, text, "!deeper than 64");
  }
}
END_TEST

START_TEST(paths) {
  struct spate_field f[] = {field_of("x", "int"),   field_of("y", "string"), field_of("z", "int"),
                            field_of("a.b", "int"), field_of("w", "int"),    field_of("same", "int")};
  f[0].path = "a.b[0]";
  f[1].path = "a.b[2].c";
  f[2].path = "m[1][0]";
  f[4].path = "a.n";
  f[5].path = "a.b[0]";
  struct spate_schema schema = {f, 6};
  expect(&schema, "{\"a\":{\"b\":[1,2,{\"c\":\"q\"}],\"n\":7},\"m\":[0,[5]],\"a.b\":9}", "1|q|5|9|7|1");
  expect(&schema, "{\"m\":[0,[5,6],7],\"a.b\":9,\"a\":{\"n\":7,\"b\":[1,2,{\"d\":1,\"c\":\"q\"},4]}}", "1|q|5|9|7|1");
  /* a path that leads nowhere is absent */
  expect(&schema, "{\"a\":{\"b\":[]},\"m\":[]}", "null|null|null|null|null|null");
  expect(&schema, "{\"a\":5,\"m\":{\"1\":[4]}}", "null|null|null|null|null|null");
  expect(&schema, "{\"a\":null,\"m\":null}", "null|null|null|null|null|null");
  expect(&schema, "{\"a\":[1],\"m\":[1,2]}", "null|null|null|null|null|null");
  expect(&schema, "{\"b\":[1],\"c\":\"q\",\"n\":1}", "null|null|null|null|null|null");
  expect(&schema, "{\"a\":{\"a\":{\"b\":[8]}}}", "null|null|null|null|null|null");
  /* the first object of a name is the one */
  expect(&schema, "{\"a\":{\"n\":1},\"a\":{\"n\":2,\"b\":[3]}}", "null|null|null|null|1|null");
  expect(&schema, "{\"a\":{\"n\":1,\"n\":2}}", "null|null|null|null|1|null");
  expect(&schema, "{\"a\":{\"b\":[\"x\"]}}", "!another type");
}
END_TEST

START_TEST(path_and_parent) {
  struct spate_field f[] = {field_of("whole", "string"), field_of("part", "int")};
  f[0].path = "a";
  f[1].path = "a.b";
  struct spate_schema schema = {f, 2};
  expect(&schema, "{\"a\":\"text\"}", "text|null");
  expect(&schema, "{\"a\":{\"b\":1}}", "!another type");
}
END_TEST

START_TEST(bad_paths) {
  static const char *const BAD[] = {"",     ".",   "a.", ".a",  "a..b",        "a[",   "a[]",
                                    "a[x]", "a[1", "a]", "[0]", "a[99999999]", "a[0]b"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    struct spate_field f = field_of("x", "int");
    f.path = BAD[i];
    struct spate_schema schema = {&f, 1};
    struct json_config config = {0};
    struct spate_error err = {0};
    void *decoder = NULL;
    ck_assert_msg(JSON->decoder_new(&config, &schema, &schema, &decoder, &err) == -1, "%s", BAD[i]);
    ck_assert_ptr_nonnull(strstr(err.message, "path of `x`"));
  }
}
END_TEST

START_TEST(required_and_default) {
  struct spate_field f[] = {field_of("r", "int"), field_of("d", "string"), field_of("n", "decimal(5,2)"),
                            field_of("t", "timestamp(ms)"), field_of("b", "bool")};
  f[0].required = true;
  f[1].default_text = "none";
  f[2].default_text = "1.5";
  f[3].default_text = "1000";
  f[4].default_text = "true";
  struct spate_schema schema = {f, 5};
  expect(&schema, "{\"r\":1}", "1|none|1.50|1970-01-01T00:00:01Z|true");
  expect(&schema, "{\"r\":1,\"d\":null,\"n\":null,\"t\":null,\"b\":null}", "1|none|1.50|1970-01-01T00:00:01Z|true");
  expect(&schema, "{\"r\":1,\"d\":\"x\",\"n\":2,\"t\":2000,\"b\":false}", "1|x|2.00|1970-01-01T00:00:02Z|false");
  expect(&schema, "{\"d\":\"x\"}", "!`r` is required, and absent");
  expect(&schema, "{\"r\":null}", "!`r` is required, and null");
  f[1] = field_of("d", "int");
  f[1].default_text = "none";
  struct spate_error err;
  void *decoder;
  struct json_config config = {0};
  ck_assert_int_eq(JSON->decoder_new(&config, &schema, &schema, &decoder, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "default \"none\""));
}
END_TEST

START_TEST(tombstones) {
  struct spate_field f[] = {field_of("a", "int"), field_of("b", "string")};
  f[0].required = true;
  struct spate_schema schema = {f, 2};
  const char *lines[] = {TOMBSTONE, "{\"a\":1,\"b\":\"x\"}", TOMBSTONE, TOMBSTONE, "{\"a\":2,\"b\":\"y\"}", "{\"a\"",
                         TOMBSTONE};
  for (int way = 0; way < 4; way++) {
    struct json_config config = {.by_line = way % 2};
    struct spate_payloads *p = payloads_make(lines, NULL, 7, way < 2 ? "\n" : NULL);
    struct spate_error err;
    void *decoder;
    struct decoded d;
    ck_assert_int_eq(JSON->decoder_new(&config, &schema, &schema, &decoder, &err), 0);
    ck_assert_int_eq(decode_with(JSON, decoder, p, 2, &d, &err), 0);
    static const char *const WANT[] = {"null|null", "1|x", "null|null", "null|null", "2|y", "!", "null|null"};
    for (uint32_t i = 0; i < 7; i++) {
      char *row = decoded_row(&d, i);
      if (WANT[i][0] == '!')
        ck_assert_int_eq(row[0], '!');
      else
        ck_assert_str_eq(row, WANT[i]);
      free(row);
    }
    decoded_free(&d);
    payloads_free(p);
    JSON->decoder_free(decoder);
  }
}
END_TEST

/* More shapes than are kept, records beyond a shape's size, blocks beyond 64 KB, one decoder all along. */
START_TEST(long_streams) {
  struct spate_field f[] = {field_of("a", "int"), field_of("b", "string")};
  struct spate_schema schema = {f, 2};
  struct json_config config = {0};
  struct spate_error err;
  void *decoder;
  ck_assert_int_eq(JSON->decoder_new(&config, &schema, &schema, &decoder, &err), 0);
  char *text[SPATE_BATCH_ROWS];
  for (int round = 0; round < 3; round++) {
    for (uint32_t i = 0; i < SPATE_BATCH_ROWS; i++) {
      struct buf b = {0};
      buf_format(&b, "{\"b\":\"row %u\"", i);
      uint32_t more = i % 7 == 0 && i < 100 ? 400 : i % 9; /* unknown fields: other shapes, some too long to keep */
      for (uint32_t k = 0; k < more; k++) buf_format(&b, ",\"k%u\":[%u,{\"a\":null}]", k, k);
      buf_format(&b, ",\"a\":%u}", i * 3);
      text[i] = strdup(buf_string(&b));
      buf_free(&b);
    }
    struct spate_payloads *p = payloads_make((const char *const *)text, NULL, SPATE_BATCH_ROWS, "\n");
    ck_assert_uint_gt(p->buffer->size, 3 * 65536);
    struct decoded d;
    ck_assert_int_eq(decode_with(JSON, decoder, p, 2, &d, &err), 0);
    ck_assert_uint_eq(d.rejects->count, 0);
    for (uint32_t i = 0; i < SPATE_BATCH_ROWS; i++) {
      char want[64], *row = decoded_row(&d, i);
      snprintf(want, sizeof want, "%u|row %u", i * 3, i);
      ck_assert_str_eq(row, want);
      free(row);
      free(text[i]);
    }
    decoded_free(&d);
    payloads_free(p);
  }
  JSON->decoder_free(decoder);
}
END_TEST

/* A record of some MiB, by blocks and alone, good and broken, and small ones after it. */
START_TEST(huge) {
  struct spate_field f[] = {field_of("a", "int"), field_of("b", "string")};
  struct spate_schema schema = {f, 2};
  struct json_config config = {0};
  struct spate_error err;
  void *decoder;
  size_t size = 5 << 20;
  char *text = malloc(size + 64), *broken = malloc(size + 64);
  int head = sprintf(text, "{\"b\":\"");
  memset(text + head, 'x', size);
  sprintf(text + head + size, "\",\"a\":1}");
  strcpy(broken, text);
  broken[head + 100] = '\xff';
  const char *lines[] = {"{\"a\":0}", text, "{\"a\":2}", broken, "{\"a\":3}"};
  ck_assert_int_eq(JSON->decoder_new(&config, &schema, &schema, &decoder, &err), 0);
  for (int way = 0; way < 2; way++) {
    struct spate_payloads *p = payloads_make(lines, NULL, 5, way == 0 ? "\n" : NULL);
    struct decoded d;
    uint32_t length;
    ck_assert_int_eq(decode_with(JSON, decoder, p, 2, &d, &err), 0);
    ck_assert_uint_eq(d.rejects->count, 1);
    ck_assert_ptr_nonnull(strstr(decoded_reason(&d, 3), "UTF-8"));
    spate_column_bytes(d.column[1], 1, &length);
    ck_assert_uint_eq(length, size);
    ck_assert_int_eq(d.column[0]->i64[1], 1);
    ck_assert_int_eq(d.column[0]->i64[4], 3);
    decoded_free(&d);
    payloads_free(p);
  }
  JSON->decoder_free(decoder);
  free(text);
  free(broken);
}
END_TEST

/* A reason quotes the value, cut between characters. */
START_TEST(reasons) {
  struct spate_field f = field_of("n", "int");
  struct spate_schema schema = {&f, 1};
  expect(&schema, "{\"n\":\"x\"}", "!`n` (int): \"x\" is of another type");
  char text[300] = "{\"n\":\"", want[300] = "!`n` (int): \"";
  for (int i = 0; i < 40; i++) {
    strcat(text, "\xc3\xa9");
    if (i < 29) strcat(want, "\xc3\xa9");
  }
  strcat(text, "\"}");
  strcat(want, " is of another type");
  expect(&schema, text, want);
}
END_TEST

START_TEST(no_columns) {
  struct spate_schema schema = {NULL, 0};
  expect(&schema, "{\"a\":1}", "");
  expect(&schema, "{}", "");
  expect(&schema, "{\"a\":1", "!");
  expect(&schema, "[]", "!not a JSON object");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("codec_json");
  TCase *t = tcase_create("decode");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, values, 0, sizeof VALUES / sizeof *VALUES);
  tcase_add_loop_test(t, records, 0, sizeof RECORDS / sizeof *RECORDS);
  tcase_add_test(t, zero_bytes);
  tcase_add_test(t, depth);
  tcase_add_test(t, paths);
  tcase_add_test(t, path_and_parent);
  tcase_add_test(t, bad_paths);
  tcase_add_test(t, required_and_default);
  tcase_add_test(t, tombstones);
  tcase_add_test(t, long_streams);
  tcase_add_test(t, huge);
  tcase_add_test(t, reasons);
  tcase_add_test(t, no_columns);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}
