/* Tables of options: every type, defaults, ranges, groups, and all errors at once; and the manual made from them. */
#include "config_test.h"
#include "data/schema.h"

struct inner {
  const char *ca;
  bool verify;
  int64_t depth;
  struct deeper {
    const char *name;
  } deeper;
};
struct config {
  bool flag;
  int64_t number;
  double ratio;
  const char *text;
  int choice, other;
  int64_t wait, size;
  struct spate_strings topics;
  struct spate_map options, fields;
  const char *listen;
  struct spate_column_ref column;
  struct spate_column_refs key;
  struct spate_template *path;
  struct inner tls;
  const char *password;
};
static const char *const choices[] = {"earliest", "latest", NULL};
static const struct spate_option deeper[] = {{.name = "name",
                                              .type = SPATE_OPT_STRING,
                                              .flags = SPATE_REQUIRED,
                                              .offset = offsetof(struct deeper, name),
                                              .help = "its name"},
                                             {0}};
static const struct spate_option tls[] = {{.name = "ca",
                                           .type = SPATE_OPT_STRING,
                                           .offset = offsetof(struct inner, ca),
                                           .flags = SPATE_REQUIRED,
                                           .help = "The file of the authority."},
                                          {.name = "verify",
                                           .type = SPATE_OPT_BOOL,
                                           .offset = offsetof(struct inner, verify),
                                           .default_text = "true",
                                           .help = "Verify."},
                                          {.name = "depth",
                                           .type = SPATE_OPT_INT,
                                           .offset = offsetof(struct inner, depth),
                                           .default_text = "9",
                                           .help = "Depth."},
                                          {.name = "deeper",
                                           .type = SPATE_OPT_GROUP,
                                           .offset = offsetof(struct inner, deeper),
                                           .group = deeper,
                                           .help = "More."},
                                          {0}};
#define AT(field) .offset = offsetof(struct config, field)
static const struct spate_option table[] = {
    {.name = "flag", .type = SPATE_OPT_BOOL, AT(flag), .help = "A flag."},
    {.name = "number",
     .type = SPATE_OPT_INT,
     AT(number),
     .default_text = "7",
     .min = -5,
     .max = 100,
     .help = "A number."},
    {.name = "ratio",
     .type = SPATE_OPT_DOUBLE,
     AT(ratio),
     .default_text = "0.5",
     .min = 0,
     .max = 1,
     .help = "A ratio."},
    {.name = "text", .type = SPATE_OPT_STRING, AT(text), .help = "A text."},
    {.name = "choice",
     .type = SPATE_OPT_ENUM,
     AT(choice),
     .choices = choices,
     .default_text = "latest",
     .help = "Where to begin."},
    {.name = "other", .type = SPATE_OPT_ENUM, AT(other), .choices = choices, .help = "Another choice."},
    {.name = "wait",
     .type = SPATE_OPT_DURATION,
     AT(wait),
     .min = 1000,
     .max = 3600000000,
     .help = "How long - at most."},
    {.name = "size",
     .type = SPATE_OPT_SIZE,
     AT(size),
     .default_text = "64KiB",
     .min = 1024,
     .max = 1 << 30,
     .help = "How large."},
    {.name = "topics", .type = SPATE_OPT_STRINGS, AT(topics), .flags = SPATE_REQUIRED, .help = "Names of topics."},
    {.name = "options", .type = SPATE_OPT_MAP, AT(options), .help = "Properties."},
    {.name = "fields", .type = SPATE_OPT_EXPRS, AT(fields), .help = "Columns."},
    {.name = "listen",
     .type = SPATE_OPT_ADDRESS,
     AT(listen),
     .default_text = "127.0.0.1:9000",
     .help = "Where to listen."},
    {.name = "column", .type = SPATE_OPT_COLUMN, AT(column), .help = "A column."},
    {.name = "key", .type = SPATE_OPT_COLUMNS, AT(key), .help = "The key."},
    {.name = "path",
     .type = SPATE_OPT_TEMPLATE,
     AT(path),
     .default_text = "out/{epoch}",
     .help = ".A path with \\ in it."},
    {.name = "tls", .type = SPATE_OPT_GROUP, AT(tls), .group = tls, .help = "TLS."},
    {.name = "password", .type = SPATE_OPT_STRING, AT(password), .flags = SPATE_SECRET, .help = "The password."},
    {0}};
static const struct spate_field fields[] = {{.name = "region", .type = {.kind = SPATE_STRING}},
                                            {.name = "n", .type = {.kind = SPATE_INT}}};
static const struct spate_schema schema = {fields, 2};
static struct config config;

static int fill(const char *text) {
  memset(&config, 0x5a, sizeof config); /* nothing may be left unset */
  return conf_fill(arena, table, parse(text), NULL, &schema, &config, &errors);
}

START_TEST(everything) {
  ck_assert_int_eq(
      fill("flag: true\nnumber: -5\nratio: 1e-1\ntext: 'no'\nchoice: earliest\nother: latest\nwait: 5m\nsize: 1MiB\n"
           "topics: [a, b]\noptions: {linger.ms: 5, x: on}\nfields: {a: i + 1, b: \"f(1, 2)\"}\nlisten: '[::1]:80'\n"
           "column: n\nkey: [n, region]\npath: 'o-{region}'\npassword: hunter2\n"
           "tls: {ca: x.pem, verify: false, depth: 3, deeper: {name: z}}\n"),
      0);
  ck_assert_uint_eq(errors.count, 0);
  ck_assert(config.flag);
  ck_assert_int_eq(config.number, -5);
  ck_assert(config.ratio == 0.1);
  ck_assert_str_eq(config.text, "no");
  ck_assert_int_eq(config.choice, 0);
  ck_assert_int_eq(config.other, 1);
  ck_assert_int_eq(config.wait, 300000000);
  ck_assert_int_eq(config.size, 1 << 20);
  ck_assert_uint_eq(config.topics.count, 2);
  ck_assert_str_eq(config.topics.item[1], "b");
  ck_assert_uint_eq(config.options.count, 2);
  ck_assert_str_eq(config.options.key[0], "linger.ms");
  ck_assert_str_eq(config.options.value[1], "on");
  ck_assert_str_eq(config.fields.value[1], "f(1, 2)");
  ck_assert_str_eq(config.listen, "[::1]:80");
  ck_assert_int_eq(config.column.index, 1);
  ck_assert_str_eq(config.column.name, "n");
  ck_assert_uint_eq(config.key.count, 2);
  ck_assert_int_eq(config.key.item[1].index, 0);
  ck_assert_ptr_nonnull(config.path);
  ck_assert_str_eq(config.password, "hunter2");
  ck_assert_str_eq(config.tls.ca, "x.pem");
  ck_assert(!config.tls.verify);
  ck_assert_int_eq(config.tls.depth, 3);
  ck_assert_str_eq(config.tls.deeper.name, "z");
}
END_TEST

static void check_defaults(void) {
  ck_assert(!config.flag);
  ck_assert_int_eq(config.number, 7);
  ck_assert(config.ratio == 0.5);
  ck_assert_ptr_null(config.text);
  ck_assert_int_eq(config.choice, 1);
  ck_assert_int_eq(config.other, -1);
  ck_assert_int_eq(config.wait, -1);
  ck_assert_int_eq(config.size, 65536);
  ck_assert_uint_eq(config.options.count, 0);
  ck_assert_uint_eq(config.fields.count, 0);
  ck_assert_str_eq(config.listen, "127.0.0.1:9000");
  ck_assert_int_eq(config.column.index, -1);
  ck_assert_ptr_null(config.column.name);
  ck_assert_uint_eq(config.key.count, 0);
  ck_assert_str_eq(spate_template_word(config.path), "epoch");
  ck_assert_ptr_null(config.tls.ca);
  ck_assert(config.tls.verify);
  ck_assert_int_eq(config.tls.depth, 9);
  ck_assert_ptr_null(config.tls.deeper.name);
  ck_assert_ptr_null(config.password);
}

START_TEST(defaults) {
  ck_assert_int_eq(fill("topics: a\n"), 0);
  check_defaults();
  ck_assert_uint_eq(config.topics.count, 1);
  ck_assert_str_eq(config.topics.item[0], "a");
}
END_TEST

START_TEST(defaults_of_nothing) {
  memset(&config, 0x5a, sizeof config);
  ck_assert_int_eq(conf_fill(arena, table, NULL, NULL, NULL, &config, &errors), -1);
  check_defaults();
  ck_says("error: the option 'topics' is missing\n      = topics: Names of topics.\n");
  ck_assert_int_eq(conf_fill(arena, tls, NULL, NULL, NULL, &config.tls, &errors), -1);
}
END_TEST

START_TEST(an_empty_value_is_no_options) {
  static const struct spate_option none[] = {{0}};
  const struct conf_node *root = parse_good("discard:\nstdin: {}\nfile: [x]\nkafka: y\nc: {d: 1}\n");
  char nothing[1];
  ck_assert_int_eq(conf_fill(arena, none, conf_get(root, "discard"), NULL, NULL, nothing, &errors), 0);
  ck_assert_int_eq(conf_fill(arena, none, conf_get(root, "stdin"), NULL, NULL, nothing, &errors), 0);
  ck_assert_int_eq(conf_fill(arena, none, conf_get(root, "file"), NULL, NULL, nothing, &errors), -1);
  ck_assert_int_eq(conf_fill(arena, none, conf_get(root, "kafka"), NULL, NULL, nothing, &errors), -1);
  ck_assert_int_eq(conf_fill(arena, none, conf_get(root, "c"), NULL, NULL, nothing, &errors), -1);
  ck_says("t.yaml:3:7: error: options are needed here ({name: value, …}), not a list");
  ck_says("t.yaml:4:8: error: options are needed here ({name: value, …}), not a text");
  ck_says("t.yaml:5:5: error: there is no option 'd' here");
}
END_TEST

START_TEST(all_errors_at_once) {
  ck_assert_int_eq(fill("nmuber: 1\nnumber: x\nratio: 2\nflag: on\nchoice: earlist\nwait: 10\nlisten: host\nzzz: 1\n"),
                   -1);
  ck_says(
      "t.yaml:1:1: error: there is no option 'nmuber' here\n    1 | nmuber: 1\n      | ^~~~~~\n      = did you mean "
      "'number'?\n");
  ck_says("t.yaml:2:9: error: number: a whole number is needed here: 'x'");
  ck_says("t.yaml:3:8: error: ratio: '2' is out of range: from 0 to 1");
  ck_says("t.yaml:4:7: error: flag: true or false is needed here: 'on'\n");
  ck_says("did you mean 'true'?");
  ck_says("t.yaml:5:9: error: choice: 'earlist' is none of its values");
  ck_says("did you mean 'earliest'?");
  ck_says("t.yaml:6:7: error: wait: a time needs a unit: '10'");
  ck_says("t.yaml:7:9: error: listen: an address needs a port: 'host'");
  ck_says("t.yaml:8:1: error: there is no option 'zzz' here");
  ck_says("known are: flag, number, ratio,");
  ck_says("t.yaml:1:1: error: the option 'topics' is missing");
  ck_assert_uint_eq(errors.errors, 9);
}
END_TEST

START_TEST(skipped_keys) {
  static const char *const skip[] = {"decode", "time", NULL};
  ck_assert_int_eq(
      conf_fill(arena, table, parse_good("topics: a\ndecode: json\ntime: x\n"), skip, &schema, &config, &errors), 0);
  ck_assert_int_eq(conf_fill(arena, table, parse_good("topics: a\ndecod: json\n"), skip, &schema, &config, &errors),
                   -1);
  ck_says("did you mean 'decode'?");
}
END_TEST

static const struct {
  const char *text;
  uint32_t column;
  const char *says;
} wrongs[] = {
    {"flag: yes", 7, "did you mean 'true'?"},
    {"flag: Off", 7, "did you mean 'false'?"},
    {"flag: maybe", 7, "flag: true or false is needed here: 'maybe'"},
    {"flag:", 6, "flag: true or false is needed here, and there is nothing"},
    {"flag: [true]", 7, "flag: true or false is needed here, not a list"},
    {"number: 1.5", 9, "a whole number is needed here: '1.5'"},
    {"number: 101", 9, "'101' is out of range: from -5 to 100"},
    {"number: -6", 9, "out of range"},
    {"number: 99999999999999999999", 9, "this number is too large"},
    {"number: ''", 9, "a whole number is needed here: ''"},
    {"number: {a: b}", 9, "a whole number is needed here, not a map"},
    {"ratio: 1x", 8, "a number is needed here: '1x'"},
    {"ratio: nan", 8, "a number is needed here"},
    {"ratio: 0x1", 8, "a number is needed here"},
    {"text: [a]", 7, "text: a text is needed here, not a list"},
    {"text:", 6, "text: a text is needed here, and there is nothing"},
    {"choice: Latest", 9, "did you mean 'latest'?"},
    {"choice: middle", 9, "known are: earliest, latest"},
    {"wait: 10 s", 7, "between a number and its unit stands no blank"},
    {"wait: 1.5s", 7, "1500ms for 1.5s"},
    {"wait: 5M", 7, "write 5m for minutes"},
    {"wait: 10sec", 7, "write 10s"},
    {"wait: 10x", 7, "times are written 250ms, 10s, 5m, 1h, 1d"},
    {"wait: soon", 7, "a time is needed here: 'soon'"},
    {"wait: 500us", 7, "'500us' is out of range: from 1ms to 1h"},
    {"wait: 2h", 7, "from 1ms to 1h"},
    {"wait: 999999999999d", 7, "this time is too large"},
    {"size: 64K", 7, "sizes are written 4096, 64KiB, 16MiB, 1GiB"},
    {"size: 1", 7, "'1' is out of range: from 1KiB to 1GiB"},
    {"size: -1KiB", 7, "a size is not negative"},
    {"size: 99999999999TiB", 7, "this size is too large"},
    {"topics: []", 9, "topics: the list is empty"},
    {"topics: [a, [b]]", 13, "topics: a text is needed here, not a list"},
    {"topics: {a: b}", 9, "topics: a text or a list is needed here, not a map"},
    {"options: [a]", 10, "write {key: value, …}"},
    {"options: {a: [b]}", 14, "options: 'a' needs a text"},
    {"options: {a: }", 14, "options: 'a' needs a text"},
    {"fields: i + 1", 9, "write {name: expression, …}"},
    {"fields: {a: {b: 1}}", 13, "fields: 'a' needs an expression"},
    {"listen: host:0", 9, "a port is a number from 1 to 65535: 'host:0'"},
    {"listen: host:65536", 9, "a port is a number from 1 to 65535"},
    {"listen: host:99999999999999999999", 9, "a port is a number from 1 to 65535"},
    {"listen: host:http", 9, "the port is no number"},
    {"listen: host:+5", 9, "the port is no number"},
    {"listen: 'host:'", 9, "the port is no number"},
    {"listen: '::1:80'", 9, "an IPv6 address stands in brackets: [::1]:port"},
    {"listen: '[::1]'", 9, "an address needs a port"},
    {"listen: '[::1:80'", 9, "an address needs a port"},
    {"listen: '[]:80'", 9, "this is no host name"},
    {"listen: ':80'", 9, "0.0.0.0:port is every interface"},
    {"listen: 'a b:80'", 9, "this is no host name"},
    {"listen: 'tcp://x:80'", 9, "error"},
    {"column: regoin", 9, "column: there is no column 'regoin' here\n"},
    {"column: regoin", 9, "did you mean 'region'?"},
    {"column: [n]", 9, "column: the name of a column is needed here, not a list"},
    {"key: [n, nope]", 10, "key: there is no column 'nope' here"},
    {"key: [n, n]", 10, "key: the column 'n' is there twice"},
    {"path: 'a-{regin}'", 11, "there is no column 'regin' here"},
    {"path: {x}", 7, "path: a text is needed here, not a map"},
    {"tls: {verify: true}", 6, "the option 'ca' is missing"},
    {"tls: {ca: x, deeper: {}}", 22, "the option 'name' is missing"},
    {"tls: {ca: x, vreify: true}", 14, "did you mean 'verify'?"},
    {"tls: true", 6, "options are needed here ({name: value, …}), not a text"},
};
START_TEST(wrong) {
  ck_assert_int_eq(fill(arena_format(arena, "%s\n%s", wrongs[_i].text,
                                     strncmp(wrongs[_i].text, "topics", 6) == 0 ? "" : "topics: a\n")),
                   -1);
  ck_problem(1u, wrongs[_i].column, wrongs[_i].says);
}
END_TEST

START_TEST(empty_group_is_absent) {
  ck_assert_int_eq(fill("topics: a\ntls:\n"), 0);
  ck_assert(config.tls.verify);
}
END_TEST

START_TEST(secret_options_are_not_shown) {
  static const struct spate_option secrets[] = {{.name = "pin", .type = SPATE_OPT_INT, .flags = SPATE_SECRET}, {0}};
  int64_t pin;
  ck_assert_int_eq(conf_fill(arena, secrets, parse_good("pin: hunter2\n"), NULL, NULL, &pin, &errors), -1);
  ck_silent("hunter2");
  ck_says("t.yaml:1:6: error: pin: a whole number is needed here: '***'\n    1 | pin: ***\n      |      ^~~\n");
}
END_TEST

START_TEST(broken_values_say_nothing_more) {
  unsetenv("SPATE_T_NOT");
  fill("topics: a\nnumber: ${SPATE_T_NOT}\nlisten: ${SPATE_T_NOT}\n");
  ck_assert_uint_eq(errors.count, 2);
  ck_silent("whole number");
}
END_TEST

START_TEST(without_columns) {
  ck_assert_int_eq(
      conf_fill(arena, table, parse_good("topics: a\nkey: [x, y]\npath: '{z}'\n"), NULL, NULL, &config, &errors), 0);
  ck_assert_str_eq(config.key.item[1].name, "y");
  ck_assert_int_eq(config.key.item[1].index, -1);
  ck_assert_str_eq(spate_template_word(config.path), "z");
}
END_TEST

START_TEST(default_lists) {
  static const struct spate_option lists[] = {{.name = "l", .type = SPATE_OPT_STRINGS, .default_text = "a, b,c"}, {0}};
  struct spate_strings strings;
  ck_assert_int_eq(conf_fill(arena, lists, parse_good("{}\n"), NULL, NULL, &strings, &errors), 0);
  ck_assert_uint_eq(strings.count, 3);
  ck_assert_str_eq(strings.item[2], "c");
}
END_TEST

/* ---- single values ---- */
static const struct {
  const char *text;
  int64_t value;
} times[] = {{"250ms", 250000},
             {"10s", 10000000},
             {"5m", 300000000},
             {"1h", 3600000000},
             {"1d", 86400000000},
             {"-5m", -300000000},
             {"7us", 7},
             {"0", 0},
             {"0s", 0},
             {"+1s", 1000000},
             {"106751991d", 106751991LL * 86400000000}},
  sizes[] = {{"0", 0},         {"4096", 4096},    {"1B", 1},
             {"64KiB", 65536}, {"1GiB", 1 << 30}, {"2TiB", 2LL << 40},
             {"1kB", 1000},    {"3MB", 3000000},  {"9223372036854775807", INT64_MAX}};

START_TEST(single_values) {
  int64_t value;
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    struct conf_node node = {.kind = CONF_SCALAR, .text = times[i].text};
    ck_assert_int_eq(conf_duration(&node, &value, &errors), 0);
    ck_assert_int_eq(value, times[i].value);
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct conf_node node = {.kind = CONF_SCALAR, .text = sizes[i].text};
    ck_assert_int_eq(conf_size(&node, &value, &errors), 0);
    ck_assert_int_eq(value, sizes[i].value);
  }
  struct conf_node least = {.kind = CONF_SCALAR, .text = "-9223372036854775808"};
  ck_assert_int_eq(conf_int(&least, &value, &errors), 0);
  ck_assert_int_eq(value, INT64_MIN);
  least.text = "106751992d";
  ck_assert_int_eq(conf_duration(&least, &value, &errors), -1);
}
END_TEST

START_TEST(words) {
  int index = 9;
  const struct conf_node *root = parse_good("a: latest\nb: lastest\nc: [x]\nd: h.example-1_x:65535\n");
  ck_assert_int_eq(conf_word(conf_get(root, "a"), choices, &index, &errors), 0);
  ck_assert_int_eq(index, 1);
  ck_assert_int_eq(conf_word(conf_get(root, "b"), choices, &index, &errors), -1);
  ck_assert_int_eq(conf_word(conf_get(root, "c"), choices, &index, &errors), -1);
  ck_assert_int_eq(conf_word(NULL, choices, &index, &errors), -1);
  ck_says("did you mean 'latest'?");
  const char *address;
  ck_assert_int_eq(conf_address(conf_get(root, "d"), &address, &errors), 0);
  ck_assert_str_eq(address, "h.example-1_x:65535");
}
END_TEST

START_TEST(shown_is_cut_between_characters) {
  char room[10];
  struct conf_node node = {.kind = CONF_SCALAR, .text = "aaaaaäaaaaaa"};
  ck_assert_str_eq(conf_shown(&node, room, sizeof room), "aaaaa…");
  node.text = "aaaaaaaaa";
  ck_assert_str_eq(conf_shown(&node, room, sizeof room), "aaaaaaaaa");
  node.kind = CONF_MAP;
  ck_assert_str_eq(conf_shown(&node, room, sizeof room), "a map");
}
END_TEST

/* ---- the manual ---- */
static char *manual(bool troff) {
  size_t size;
  free(output);
  FILE *out = open_memstream(&output, &size);
  conf_manual(out, table, troff);
  fclose(out);
  return output;
}
START_TEST(manual_plain) {
  const char *text = manual(false);
  ck_assert_ptr_nonnull(strstr(text, "  choice  (earliest | latest, default latest)\n      Where to begin.\n"));
  ck_assert_ptr_nonnull(strstr(text, "  number  (number -5..100, default 7)\n"));
  ck_assert_ptr_nonnull(strstr(text, "  topics  (text or list, required)\n"));
  ck_assert_ptr_nonnull(strstr(text, "  tls.deeper.name  (text, required)\n"));
  ck_assert_ptr_nonnull(strstr(text, "  password  (text, secret)\n"));
}
END_TEST
START_TEST(manual_troff) {
  const char *text = manual(true);
  ck_assert_ptr_nonnull(strstr(text, ".TP\n.B wait\n(time)\nHow long \\- at most.\n"));
  ck_assert_ptr_nonnull(strstr(text, "\n\\&.A path with \\e in it.\n"));
  ck_assert_ptr_nonnull(strstr(text, ".TP\n.B tls.verify\n(true or false, default true)\nVerify.\n"));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("config_fill");
  TCase *tables = tcase_create("tables"), *values = tcase_create("values"), *manuals = tcase_create("manual");
  TCase *all[] = {tables, values, manuals};
  for (int i = 0; i < 3; i++) {
    tcase_add_checked_fixture(all[i], config_setup, config_teardown);
    suite_add_tcase(suite, all[i]);
  }
  tcase_add_test(tables, everything);
  tcase_add_test(tables, defaults);
  tcase_add_test(tables, defaults_of_nothing);
  tcase_add_test(tables, an_empty_value_is_no_options);
  tcase_add_test(tables, all_errors_at_once);
  tcase_add_test(tables, skipped_keys);
  tcase_add_loop_test(tables, wrong, 0, sizeof wrongs / sizeof *wrongs);
  tcase_add_test(tables, empty_group_is_absent);
  tcase_add_test(tables, secret_options_are_not_shown);
  tcase_add_test(tables, broken_values_say_nothing_more);
  tcase_add_test(tables, without_columns);
  tcase_add_test(tables, default_lists);
  tcase_add_test(values, single_values);
  tcase_add_test(values, words);
  tcase_add_test(values, shown_is_cut_between_characters);
  tcase_add_test(manuals, manual_plain);
  tcase_add_test(manuals, manual_troff);
  return config_run(suite);
}
