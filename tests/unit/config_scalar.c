/* Where each byte of a scalar stands: by hand for every style, then for random texts against libyaml's own reading; and
 * random changes to whole files, which must never break anything. */
#include "config_test.h"
#include <yaml.h>

/* Byte k of the scalar "a" must stand at `where` of the file, for the first byte of `part` in each. */
static void points(const char *text, const char *value, const char *part, const char *source) {
  const struct conf_node *node = conf_get(parse_good(text), "a");
  ck_assert_str_eq(node->text, value);
  const char *in_value = strstr(value, part), *in_source = strstr(text, source);
  ck_assert(in_value != NULL && in_source != NULL);
  ck_assert_msg(node->where[in_value - value] == (uint32_t)(in_source - text), "'%s': %u, expected %d", part,
                node->where[in_value - value], (int)(in_source - text));
}

START_TEST(plain) {
  points("a: x + yy\n", "x + yy", "yy", "yy");
  points("a:   x +  yy  # c\n", "x +  yy", "yy", "yy");
}
END_TEST

START_TEST(plain_over_lines) {
  points("a: one\n   two\n\n   three\nb: 1\n", "one two\nthree", "two", "two");
  points("a: one\n   two\n\n   three\nb: 1\n", "one two\nthree", "three", "three");
  points("a: one \t\n   two\n", "one two", " two", "\n   two");
  points("a: one\n\n\n   two\n", "one\n\ntwo", "two", "two");
}
END_TEST

START_TEST(single_quoted) {
  points("a: 'it''s x'\n", "it's x", "s x", "s x");
  points("a: 'it''s x'\n", "it's x", "'s", "''s");
  points("a: '''x'''''\n", "'x''", "x", "x");
  points("a: 'one  \n   two\n\n   ''three'\n", "one two\n'three", "three", "three");
  points("a: ' lead and trail '\n", " lead and trail ", "trail", "trail");
}
END_TEST

START_TEST(double_quoted) {
  points("a: \"x \\\"so\\\" y\"\n", "x \"so\" y", "so", "so");
  points("a: \"x \\\"so\\\" y\"\n", "x \"so\" y", "y", "y");
  points("a: \"\\u00e4\\x41\\n z\"\n", "äA\n z", "A", "\\x41");
  points("a: \"\\u00e4\\x41\\n z\"\n", "äA\n z", "z", "z");
  points("a: \"\\U0001F600z\"\n", "\xf0\x9f\x98\x80z", "z", "z");
  points("a: \"one \\\n    two\"\n", "one two", "two", "two");
  points("a: \"one\\\n    \\ two\"\n", "one two", "two", "two");
  points("a: \"one\n    two\n\n  three\"\n", "one two\nthree", "three", "three");
  points("a: \"\\a\\b\\e\\f\\v\\r\\t\\/\\_\\N\\L\\Pz\"\n", "\a\b\x1b\f\v\r\t/\xc2\xa0\xc2\x85\xe2\x80\xa8\xe2\x80\xa9z",
         "z", "z");
}
END_TEST

START_TEST(literal) {
  points("a: |\n  one\n    two\n\n  three\nb: 1\n", "one\n  two\n\nthree\n", "two", "two");
  points("a: |\n  one\n    two\n\n  three\nb: 1\n", "one\n  two\n\nthree\n", "three", "three");
  points("a: |-  # with + a note\n  one\n  two\n", "one\ntwo", "two", "two");
  points("a: |+\n  one\n\n\nb: 1\n", "one\n\n\n", "one", "one");
  points("a: |2\n    one\n  two\n", "  one\ntwo\n", "two", "two");
  points("a: |2\n    one\n  two\n", "  one\ntwo\n", "one", "one");
  points("a: |\n\n\n   one\n", "\n\none\n", "one", "one");
  points("a: |\n  no end", "no end", "end", "end");
}
END_TEST

START_TEST(folded) {
  points("a: >\n  one\n  two\n\n  three\n", "one two\nthree\n", "two", "two");
  points("a: >\n  one\n  two\n\n  three\n", "one two\nthree\n", "three", "three");
  points("a: >-\n  one\n    more\n  two\n", "one\n  more\ntwo", "more", "more");
  points("a: >-\n  one\n    more\n  two\n", "one\n  more\ntwo", "two", "two");
  points("a: >\n  total\n  > 5\n", "total > 5\n", "> 5", "> 5");
}
END_TEST

START_TEST(error_in_each_style) {
  const struct conf_node *root = parse_good(
      "- x + nope\n"
      "- 'x + nope'\n"
      "- \"x + nope\"\n"
      "- |\n  x +\n  nope\n"
      "- >\n  x +\n  nope\n"
      "- 'it''s nope'\n");
  for (uint32_t i = 0; i < root->count; i++) {
    uint32_t at = (uint32_t)(strstr(root->item[i].text, "nope") - root->item[i].text);
    conf_error_in(&errors, &root->item[i], at, 4, NULL, "no column");
  }
  ck_assert_uint_eq(errors.count, 6);
  ck_says("t.yaml:1:7: error: no column\n    1 | - x + nope\n      |       ^~~~\n");
  ck_says("t.yaml:2:8: error: no column\n    2 | - 'x + nope'\n      |        ^~~~\n");
  ck_says("t.yaml:3:8: error: no column\n");
  ck_says("t.yaml:6:3: error: no column\n    6 |   nope\n      |   ^~~~\n");
  ck_says("t.yaml:9:3: error: no column\n    9 |   nope\n      |   ^~~~\n");
  ck_says("t.yaml:10:10: error: no column\n   10 | - 'it''s nope'\n      |          ^~~~\n");
}
END_TEST

START_TEST(error_at_the_end_and_over_lines) {
  const struct conf_node *root = parse_good("- 'x +'\n- 'one\n   two'\n- ''\n-\n");
  conf_error_in(&errors, &root->item[0], 3, 0, NULL, "ends");
  conf_error_in(&errors, &root->item[1], 0, 7, NULL, "both lines");
  conf_error_in(&errors, &root->item[2], 0, 0, NULL, "empty");
  conf_error_in(&errors, &root->item[3], 0, 0, NULL, "nothing");
  conf_error_in(&errors, &root->item[0], 999, 999, NULL, "beyond");
  ck_says("    1 | - 'x +'\n      |       ^\n");
  ck_says("t.yaml:2:4: error: both lines\n    2 | - 'one\n      |    ^~~\n");
  ck_says("t.yaml:4:4: error: empty");
  ck_says("t.yaml:5:2: error: nothing");
  ck_says("t.yaml:1:7: error: beyond");
}
END_TEST

/* ---- random texts ---- */
static uint64_t seed;
static uint32_t dice(uint32_t sides) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)(seed >> 11) % sides;
}

static size_t byte_of(const char *text, size_t character) {
  size_t at = 0;
  for (; character > 0 && text[at] != 0; character--) do
      at++;
    while (((unsigned char)text[at] & 0xc0) == 0x80);
  return at;
}

/* Every scalar of the text must be followed to its last byte; returns how many there were. */
static int follow(const char *text) {
  yaml_parser_t yaml;
  yaml_event_t event;
  int count = 0;
  size_t size = strlen(text);
  yaml_parser_initialize(&yaml);
  yaml_parser_set_encoding(&yaml, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&yaml, (const unsigned char *)text, size);
  for (bool more = true; more && yaml_parser_parse(&yaml, &event) == 1; yaml_event_delete(&event)) {
    more = event.type != YAML_STREAM_END_EVENT;
    if (event.type != YAML_SCALAR_EVENT || event.data.scalar.anchor != NULL || event.data.scalar.tag != NULL) continue;
    yaml_scalar_style_t s = event.data.scalar.style;
    enum conf_style style = s == YAML_SINGLE_QUOTED_SCALAR_STYLE   ? CONF_SINGLE
                            : s == YAML_DOUBLE_QUOTED_SCALAR_STYLE ? CONF_DOUBLE
                            : s == YAML_LITERAL_SCALAR_STYLE       ? CONF_LITERAL
                            : s == YAML_FOLDED_SCALAR_STYLE        ? CONF_FOLDED
                                                                   : CONF_PLAIN;
    bool block = style == CONF_LITERAL || style == CONF_FOLDED;
    size_t from = byte_of(text, event.start_mark.index), to = block ? size : byte_of(text, event.end_mark.index);
    uint32_t *where = mem_zero(event.data.scalar.length + 1, sizeof *where);
    bool good = conf_scalar_where(text, from, to, style, (const char *)event.data.scalar.value,
                                  event.data.scalar.length, where);
    ck_assert_msg(good, "style %d, from %zu, value <%s> of\n<%s>", style, from, event.data.scalar.value, text);
    for (size_t i = 0; i < event.data.scalar.length; i++)
      ck_assert_msg(where[i] <= where[i + 1] && where[i] >= from, "byte %zu at %u, the next at %u, of <%s> in\n<%s>", i,
                    where[i], where[i + 1], event.data.scalar.value, text);
    mem_free(where);
    count++;
  }
  yaml_parser_delete(&yaml);
  return count;
}

START_TEST(random_scalars) {
  static const char *const pieces[] = {
      "x",   "yy",   " ",   "  ",      "\n",     "\n  ", "\n   ", "\n\n",         "\r\n  ",
      "''",  "\\\"", "\\n", "\\x41",   "\\\n  ", "ä",    "\t",    "\xe2\x80\xa8", "\xc2\x85",
      "z'z", ">",    "-",   "\n    q", "#",      " #",   "\r"};
  static const char *const heads[] = {"a: ",      "a: '",        "a: \"",         "a: |\n  ",
                                      "a: >\n  ", "a: |2-\n   ", "a: >+ # c\n  ", "- - |\n    ",
                                      "a: {b: '", "a: [\"",      "|\n",           "a:\n  - >1\n  "};
  int followed = 0, rounds = getenv("SPATE_FUZZ") != NULL ? atoi(getenv("SPATE_FUZZ")) : 8000;
  seed = 88172645463325252u;
  for (int round = 0; round < rounds; round++) {
    char text[512];
    const char *head = heads[dice(sizeof heads / sizeof *heads)];
    size_t n = (size_t)sprintf(text, "%s", head);
    for (uint32_t i = dice(14); i > 0; i--)
      n += (size_t)sprintf(text + n, "%s", pieces[dice(sizeof pieces / sizeof *pieces)]);
    char quote = strchr(head, '\'') != NULL ? '\'' : strchr(head, '"') != NULL ? '"' : 0;
    if (quote != 0)
      n += (size_t)sprintf(text + n, "%c%s", quote, strchr(head, '{') ? "}" : strchr(head, '[') ? "]" : "");
    if (dice(4) != 0) sprintf(text + n, "\nb: c\n");
    followed += follow(text);
  }
  ck_assert_int_gt(followed, rounds / 2);
}
END_TEST

/* ---- random changes to files ---- */
static const char *const files[] = {
    "pipeline: ad-counts\nmode: record # x\nsources:\n  events:\n    kafka: {brokers: \"localhost:9092\", topics: "
    "[ad-events], group: g}\n"
    "    schema:\n      ad_id: string\n      event_time: timestamp(ms)\n    watermark: {delay: 2s, idle: 10s}\n",
    "steps:\n  - filter: event_type = 'view'\n  - map: {a: coalesce(x, 0), b: y || ', ' || z}\n  - aggregate:\n      "
    "key: [c]\n"
    "      compute:\n        views: count(*)\n        p: sum(price) filter (where price > 100)\n",
    "a: &x {k: [1, *y]}\nb: *x\nc: >-\n  folded ${HOME:-x}\n  text\nd: |\n  ${NOPE:?x}\n  literal\ne: 'it''s "
    "${file:/etc/hostname}'\n---\nf: \"\\u00e4 ${X:-{a}}\"\n",
    "tests:\n  - given:\n      events:\n        - {ad_id: a, event_type: view, event_time: 1000}\n    expect: {counts: "
    "[{w: '1970-01-01T00:00:00Z'}]}\n",
};

static void visit(const struct conf_node *node, const struct conf_file *file, uint32_t depth) {
  ck_assert_uint_le(depth, 40);
  ck_assert(node->file == file && node->at <= node->end && node->end <= file->size && node->line > 0 &&
            node->column > 0);
  if (node->kind == CONF_SCALAR) {
    size_t size = strlen(node->text);
    for (size_t i = 0; i <= size; i++) ck_assert_uint_le(node->where[i], file->size);
    if (size > 0) conf_error_in(&errors, node, dice((uint32_t)size + 1), dice(4), NULL, "at '%s'", node->text);
  }
  for (uint32_t i = 0; i < node->count; i++) {
    visit(&node->item[i], file, depth + 1);
    if (node->kind == CONF_MAP) visit(&node->key[i], file, depth + 1);
  }
}

START_TEST(random_changes) {
  static const char bytes[] = "{}[]()'\"\n\n  :,#&*!|>-?%@`${}\\ab1\t\r~=\xc3\xa4\xff<";
  int rounds = getenv("SPATE_FUZZ") != NULL ? atoi(getenv("SPATE_FUZZ")) : 3000, good = 0;
  seed = 2463534242u;
  for (int round = 0; round < rounds; round++) {
    char text[1024];
    strcpy(text, files[round % 4]);
    size_t size = strlen(text);
    for (uint32_t changes = dice(5); changes > 0 && size > 4; changes--) {
      size_t at = dice((uint32_t)size - 1), many = 1 + dice(3);
      switch (dice(3)) {
        case 0: text[at] = bytes[dice(sizeof bytes - 1)]; break;
        case 1: /* out */
          if (at + many > size) many = size - at;
          memmove(text + at, text + at + many, size - at - many + 1);
          size -= many;
          break;
        default: /* in */
          memmove(text + at + 1, text + at, size - at + 1);
          text[at] = bytes[dice(sizeof bytes - 1)];
          size++;
      }
    }
    config_teardown();
    config_setup();
    const struct conf_node *root = conf_parse(arena, "t.yaml", text, size, &errors);
    ck_assert_msg(root != NULL || errors.errors > 0 || strspn(text, "#") > 0 || size == 0, "silent:\n%s", text);
    good += root != NULL && errors.count == 0;
    for (const struct conf_node *n = root; n != NULL; n = n->next) visit(n, root->file, 1);
    printed(round % 2 == 0);
  }
  ck_assert_int_gt(good, rounds / 10);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("config_scalar");
  TCase *places = tcase_create("places"), *random = tcase_create("random");
  tcase_add_checked_fixture(places, config_setup, config_teardown);
  tcase_add_checked_fixture(random, config_setup, config_teardown);
  tcase_set_timeout(random, 600);
  suite_add_tcase(suite, places);
  suite_add_tcase(suite, random);
  tcase_add_test(places, plain);
  tcase_add_test(places, plain_over_lines);
  tcase_add_test(places, single_quoted);
  tcase_add_test(places, double_quoted);
  tcase_add_test(places, literal);
  tcase_add_test(places, folded);
  tcase_add_test(places, error_in_each_style);
  tcase_add_test(places, error_at_the_end_and_over_lines);
  tcase_add_test(random, random_scalars);
  tcase_add_test(random, random_changes);
  return config_run(suite);
}
