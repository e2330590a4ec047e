/*
 * json: a block and a line at a time are one decoder. Random records of several shapes, most of them then broken at
 * random, go through both; rows and reasons must be equal to the byte. SEED= and BLOCKS= in the environment choose
 * another run; a failure prints the seed and the record.
 */
#include "codec_help.h"

static const struct spate_codec_api *const JSON = &spate_codec_json;

static uint64_t state;
static uint32_t rnd(uint32_t below) { /* splitmix64 */
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

static const char *const KEYS[] = {"a",
                                   "b",
                                   "id",
                                   "event_type",
                                   "a_rather_long_name_of_a_key",
                                   "x.y",
                                   "\\u0061",
                                   "t",
                                   "",
                                   "caf\xc3\xa9",
                                   "q\\\"q",
                                   "exactly14chars",
                                   "exactly15chars_"};
static const char *const SCALARS[] = {"1",
                                      "-7",
                                      "0",
                                      "1.5",
                                      "1e3",
                                      "null",
                                      "true",
                                      "false",
                                      "\"\"",
                                      "\"x\"",
                                      "12345678901",
                                      "\"2026-01-02T03:04:05Z\"",
                                      "\"a longer text, of more than sixteen bytes\"",
                                      "1700000000000",
                                      "\"\\u00e9\\n\"",
                                      "\"\\ud83d\\ude00\"",
                                      "9223372036854775808",
                                      "\"caf\xc3\xa9\"",
                                      "\"YWJj\"",
                                      "0.1",
                                      "123456789012345678901234567890",
                                      "\"{[,:]}\"",
                                      "truu",
                                      "01",
                                      "\"\\ud800\""};
#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof *(a)))

static void blank(struct buf *out) {
  static const char *const BLANKS[] = {" ", "  ", "\t", "\n", "\r\n"};
  if (rnd(12) == 0) buf_text(out, BLANKS[rnd(COUNT(BLANKS))]);
}

static void value(struct buf *out, uint32_t depth);
static void object(struct buf *out, uint32_t depth) {
  uint32_t n = rnd(depth == 0 ? 9 : 4);
  buf_text(out, "{");
  for (uint32_t i = 0; i < n; i++) {
    if (i > 0) buf_text(out, ",");
    blank(out);
    buf_format(out, "\"%s\"", KEYS[rnd(COUNT(KEYS))]);
    blank(out);
    buf_text(out, ":");
    blank(out);
    value(out, depth + 1);
    blank(out);
  }
  buf_text(out, "}");
}
static void array(struct buf *out, uint32_t depth) {
  uint32_t n = rnd(4);
  buf_text(out, "[");
  for (uint32_t i = 0; i < n; i++) {
    if (i > 0) buf_text(out, ",");
    blank(out);
    value(out, depth + 1);
    blank(out);
  }
  buf_text(out, "]");
}
static void value(struct buf *out, uint32_t depth) {
  uint32_t kind = rnd(10);
  if (kind == 0 && depth < 5)
    object(out, depth);
  else if (kind == 1 && depth < 5)
    array(out, depth);
  else
    buf_text(out, SCALARS[rnd(COUNT(SCALARS))]);
}

/* Records of one stream: the same keys, other values. */
static void regular(struct buf *out) {
  buf_format(
      out,
      "{\"id\":%u,\"event_type\":\"%s\",\"b\":%s,\"n\":{\"m\":[%u,{\"k\":%u}],\"s\":\"t%u\"},\"t\":%u000,\"z\":%s}",
      rnd(1000), rnd(2) ? "view" : "click", SCALARS[rnd(COUNT(SCALARS))], rnd(9), rnd(99), rnd(9),
      1700000000 + rnd(1000), SCALARS[rnd(10)]);
}

static void mutate(struct buf *b) {
  static const char *const BITS[] = {"{",         "}",        "[",       "]",       ":",    ",",    "\"",
                                     "\\",        " ",        "\n",      "\t",      "\x80", "\xc3", "\xed\xa0\x80",
                                     "null",      "true",     "0",       "-",       "1e",   ".",    "\"a\":1,",
                                     "\"id\":7,", ",\"a\":2", "\\u0061", "\\ud83d", "[[[[", "]]]]", "{}",
                                     "\0",        "\x01"};
  if (rnd(8) == 0) { /* whole, and something behind it */
    const char *tail = BITS[rnd(COUNT(BITS))];
    buf_put(b, tail, tail[0] == 0 ? 1 : strlen(tail));
    return;
  }
  uint32_t times = 1 + rnd(3);
  while (times-- > 0 && b->size > 0) {
    uint32_t at = rnd((uint32_t)b->size), n;
    const char *bit = BITS[rnd(COUNT(BITS))];
    size_t size = bit[0] == 0 ? 1 : strlen(bit);
    switch (rnd(6)) {
      case 0: b->data[at] = (char)rnd(256); break;
      case 1: b->data[at] = bit[0]; break;
      case 2: /* insert */
        at = rnd((uint32_t)b->size + 1);
        buf_reserve(b, size);
        memmove(b->data + at + size, b->data + at, b->size - at);
        memcpy(b->data + at, bit, size);
        b->size += size;
        break;
      case 3: /* delete */
        n = 1 + rnd(4);
        if (n > b->size - at) n = (uint32_t)b->size - at;
        memmove(b->data + at, b->data + at + n, b->size - at - n);
        b->size -= n;
        break;
      case 4: /* cut */
        if (rnd(3) == 0) b->size = at;
        break;
      default: { /* swap two bytes */
        uint32_t other = rnd((uint32_t)b->size);
        char c = b->data[at];
        b->data[at] = b->data[other];
        b->data[other] = c;
      }
    }
  }
}

static uint32_t schema_make(struct spate_field *f) {
  static const char *const TYPES[] = {"int",           "string",    "double",        "bool",
                                      "decimal(12,3)", "timestamp", "timestamp(ms)", "bytes"};
  static const char *const PATHS[] = {"a",
                                      "b",
                                      "id",
                                      "event_type",
                                      "n.m[0]",
                                      "n.m[1].k",
                                      "n.s",
                                      "t",
                                      "z",
                                      "a.b",
                                      "b[0]",
                                      "a[1].id",
                                      "a_rather_long_name_of_a_key",
                                      "caf\xc3\xa9",
                                      "exactly14chars",
                                      "exactly15chars_",
                                      "n"};
  static char names[16][16];
  uint32_t n = rnd(6);
  for (uint32_t i = 0; i < n; i++) {
    snprintf(names[i], sizeof names[i], "c%u", i);
    f[i] = field_of(names[i], TYPES[rnd(COUNT(TYPES))]);
    f[i].path = PATHS[rnd(COUNT(PATHS))];
    f[i].required = rnd(12) == 0;
    if (!f[i].required && rnd(8) == 0 && f[i].type.kind != SPATE_TIMESTAMP) f[i].default_text = "1";
  }
  return n;
}

static uint32_t accepted, rejected;

static void block(void *by_block, void *by_line, uint32_t columns, uint32_t percent, uint64_t seed) {
  static const char *text[SPATE_BATCH_ROWS];
  static size_t size[SPATE_BATCH_ROWS];
  uint32_t n = 1 + rnd(rnd(4) == 0 ? 1000 : 60), kind = rnd(3);
  for (uint32_t i = 0; i < n; i++) {
    struct buf b = {0};
    if (rnd(200) == 0) {
      text[i] = TOMBSTONE;
      continue;
    }
    if (kind == 0 || (kind == 1 && rnd(4) > 0))
      regular(&b);
    else
      object(&b, 0);
    if (rnd(100) < percent) mutate(&b);
    char *own = malloc(b.size + 1);
    if (b.size > 0) memcpy(own, b.data, b.size);
    text[i] = own;
    size[i] = b.size;
    buf_free(&b);
  }
  static const char *const ENDINGS[] = {"\n", "\n", "\r\n", NULL};
  struct spate_payloads *p = payloads_make(text, size, n, ENDINGS[rnd(4)]);
  struct decoded quick, slow;
  struct spate_error err;
  ck_assert_int_eq(decode_with(JSON, by_block, p, columns, &quick, &err), 0);
  ck_assert_int_eq(decode_with(JSON, by_line, p, columns, &slow, &err), 0);
  for (uint32_t i = 0; i < n; i++) {
    char *a = decoded_row(&quick, i), *b = decoded_row(&slow, i);
    if (strcmp(a, b) != 0)
      ck_abort_msg("SEED=%llu row %u of %u: %.*s\n  by blocks: %s\n  by line:   %s", (unsigned long long)seed, i, n,
                   text[i] == TOMBSTONE ? 4 : (int)size[i], text[i] == TOMBSTONE ? "null" : text[i], a, b);
    a[0] == '!' ? rejected++ : accepted++;
    free(a);
    free(b);
  }
  for (uint32_t i = 0; i < n; i++)
    if (text[i] != TOMBSTONE) free((void *)(uintptr_t)text[i]);
  decoded_free(&quick);
  decoded_free(&slow);
  payloads_free(p);
}

START_TEST(equal) {
  const char *set = getenv("SEED"), *many = getenv("BLOCKS");
  uint64_t seed = set != NULL ? strtoull(set, NULL, 10) : 1 + (uint64_t)_i;
  uint32_t blocks = many != NULL ? (uint32_t)strtoul(many, NULL, 10) : 12;
  state = seed;
  struct spate_field fields[16];
  struct spate_schema schema = {fields, schema_make(fields)};
  struct json_config quick = {0}, slow = {.by_line = true};
  void *by_block, *by_line;
  struct spate_error err;
  if (JSON->decoder_new(&quick, &schema, &schema, &by_block, &err) != 0) {
    ck_assert_ptr_nonnull(strstr(err.message, "default"));
    return;
  }
  ck_assert_int_eq(JSON->decoder_new(&slow, &schema, &schema, &by_line, &err), 0);
  uint32_t percent = (uint32_t[]){0, 1, 10, 60}[rnd(4)];
  for (uint32_t i = 0; i < blocks; i++) block(by_block, by_line, schema.count, percent, seed);
  JSON->decoder_free(by_block);
  JSON->decoder_free(by_line);
}
END_TEST

/* The test above would be empty if nearly all records were bad, or nearly none. */
START_TEST(both_kinds) {
  accepted = rejected = 0;
  struct spate_field fields[] = {field_of("id", "int"), field_of("event_type", "string")};
  struct spate_schema schema = {fields, 2};
  struct json_config quick = {0}, slow = {.by_line = true};
  void *by_block, *by_line;
  struct spate_error err;
  ck_assert_int_eq(JSON->decoder_new(&quick, &schema, &schema, &by_block, &err), 0);
  ck_assert_int_eq(JSON->decoder_new(&slow, &schema, &schema, &by_line, &err), 0);
  state = 7;
  for (int i = 0; i < 40; i++) block(by_block, by_line, 2, 40, 7);
  ck_assert_uint_gt(accepted, 500);
  ck_assert_uint_gt(rejected, 500);
  JSON->decoder_free(by_block);
  JSON->decoder_free(by_line);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("codec_json_paths");
  TCase *t = tcase_create("paths");
  tcase_set_timeout(t, 120);
  tcase_add_loop_test(t, equal, 0, 100);
  tcase_add_test(t, both_kinds);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}
