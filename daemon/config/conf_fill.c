/*
 * conf_fill: from a map of a user's file to the struct of a component, by its table of options.
 *
 * The table is all there is to know about an option: its type, where it lies in the struct, its default, its range and
 * its help. So a component never parses, and every mistake is reported in the same words, all of them at once: what is
 * wrong with one option does not hide the next. Defaults are written as a user would write them, and read the same way.
 */
#include <stdarg.h>
#include <string.h>
#include "conf_parts.h"
#include "../base/mem.h"

struct fill {
  struct arena *arena;
  const struct spate_schema *columns;
  struct conf_errors *errors;
  bool failed;
};

/* ---- problems ---- */
static void wrong(struct fill *f, const struct spate_option *option, const struct conf_node *node, const char *hint,
                  const char *format, ...) SPATE_PRINTF(5, 6);
static void wrong(struct fill *f, const struct spate_option *option, const struct conf_node *node, const char *hint,
                  const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *message = conf_format(f->arena, format, args);
  va_end(args);
  f->failed = true;
  if ((option->flags & SPATE_SECRET) != 0) {
    conf_error_secret(f->errors, node, "%s: %s", option->name, message);
  } else {
    conf_error(f->errors, node, "%s: %s", option->name, message);
  }
  if (hint != NULL && hint[0] != 0) conf_hint(f->errors, "%s", hint);
}

static const char *shown(const struct spate_option *option, const struct conf_node *node, char *room, size_t size) {
  return (option->flags & SPATE_SECRET) != 0 ? "***" : conf_shown(node, room, size);
}

static void refuse(struct fill *f, const struct spate_option *option, const struct conf_node *node,
                   const struct conf_verdict *verdict) {
  char room[CONF_SHOWN];
  wrong(f, option, node, verdict->hint, "%s: '%s'", verdict->message, shown(option, node, room, sizeof room));
}

static bool scalar(struct fill *f, const struct spate_option *option, const struct conf_node *node,
                   const char *needed) {
  if (node->kind == CONF_SCALAR && !node->null) return true;
  if (node->kind == CONF_SCALAR) {
    wrong(f, option, node, NULL, "%s is needed here, and there is nothing", needed);
  } else {
    wrong(f, option, node, NULL, "%s is needed here, not a %s", needed, node->kind == CONF_MAP ? "map" : "list");
  }
  return false;
}

/* ---- numbers ---- */
/* A bound as a user would write it. */
static void bound_text(enum spate_option_type type, int64_t bound, char *room, size_t size) {
  static const struct {
    enum spate_option_type type;
    int64_t factor;
    const char *name;
  } units[] = {{SPATE_OPT_DURATION, 86400000000, "d"}, {SPATE_OPT_DURATION, 3600000000, "h"},
               {SPATE_OPT_DURATION, 60000000, "m"},    {SPATE_OPT_DURATION, 1000000, "s"},
               {SPATE_OPT_DURATION, 1000, "ms"},       {SPATE_OPT_DURATION, 1, "us"},
               {SPATE_OPT_SIZE, 1 << 30, "GiB"},       {SPATE_OPT_SIZE, 1 << 20, "MiB"},
               {SPATE_OPT_SIZE, 1 << 10, "KiB"}};
  snprintf(room, size, "%lld", (long long)bound);
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (units[i].type != type || bound == 0 || bound % units[i].factor != 0) continue;
    snprintf(room, size, "%lld%s", (long long)(bound / units[i].factor), units[i].name);
    return;
  }
}

static void fill_number(struct fill *f, const struct spate_option *option, const struct conf_node *node, int64_t *out) {
  struct conf_verdict verdict;
  char room[CONF_SHOWN], low[40], high[40];
  int64_t value = 0;
  bool time = option->type == SPATE_OPT_DURATION, size = option->type == SPATE_OPT_SIZE;
  if (!scalar(f, option, node, time ? "a time" : size ? "a size" : "a whole number")) return;
  bool good = time   ? conf_read_duration(node->text, &value, &verdict)
              : size ? conf_read_size(node->text, &value, &verdict)
                     : conf_read_int(node->text, &value, &verdict);
  if (!good) {
    refuse(f, option, node, &verdict);
  } else if (option->max > option->min && (value < option->min || value > option->max)) {
    bound_text(option->type, option->min, low, sizeof low);
    bound_text(option->type, option->max, high, sizeof high);
    wrong(f, option, node, NULL, "'%s' is out of range: from %s to %s", shown(option, node, room, sizeof room), low,
          high);
  } else if (option->max <= option->min && time && value < 0) {
    wrong(f, option, node, NULL, "'%s': this time is not negative", shown(option, node, room, sizeof room));
  } else {
    *out = value;
  }
}

static void fill_double(struct fill *f, const struct spate_option *option, const struct conf_node *node, double *out) {
  struct conf_verdict verdict;
  char room[CONF_SHOWN];
  double value = 0;
  if (!scalar(f, option, node, "a number")) return;
  if (!conf_read_double(node->text, &value, &verdict)) {
    refuse(f, option, node, &verdict);
  } else if (option->max > option->min && (value < (double)option->min || value > (double)option->max)) {
    wrong(f, option, node, NULL, "'%s' is out of range: from %lld to %lld", shown(option, node, room, sizeof room),
          (long long)option->min, (long long)option->max);
  } else {
    *out = value;
  }
}

static void fill_bool(struct fill *f, const struct spate_option *option, const struct conf_node *node, bool *out) {
  struct conf_verdict verdict;
  if (!scalar(f, option, node, "true or false")) return;
  if (!conf_read_bool(node->text, out, &verdict)) refuse(f, option, node, &verdict);
}

/* ---- words ---- */
static void fill_enum(struct fill *f, const struct spate_option *option, const struct conf_node *node, int *out) {
  if (!scalar(f, option, node, "a word")) return;
  size_t count = 0;
  for (; option->choices[count] != NULL; count++) {
    if (strcmp(option->choices[count], node->text) != 0) continue;
    *out = (int)count;
    return;
  }
  char room[CONF_SHOWN];
  wrong(f, option, node, NULL, "'%s' is none of its values", shown(option, node, room, sizeof room));
  conf_hint_nearest(f->errors, node->secret ? "" : node->text, option->choices, count);
}

static void fill_text(struct fill *f, const struct spate_option *option, const struct conf_node *node,
                      const char **out) {
  struct conf_verdict verdict;
  bool address = option->type == SPATE_OPT_ADDRESS;
  if (!scalar(f, option, node, address ? "an address (host:port)" : "a text")) return;
  *out = node->text;
  if (address && !conf_read_address(node->text, &verdict)) refuse(f, option, node, &verdict);
}

/* ---- lists and maps of texts ---- */
static bool list(struct fill *f, const struct spate_option *option, const struct conf_node *node,
                 const struct conf_node **item, uint32_t *count) {
  *item = node->kind == CONF_LIST ? node->item : node;
  *count = node->kind == CONF_LIST ? node->count : 1;
  if (node->kind == CONF_LIST && node->count == 0) {
    wrong(f, option, node, NULL, "the list is empty");
    return false;
  }
  for (uint32_t i = 0; i < *count; i++)
    if (!scalar(f, option, &(*item)[i], node->kind == CONF_LIST ? "a text" : "a text or a list")) return false;
  return true;
}

static void fill_strings(struct fill *f, const struct spate_option *option, const struct conf_node *node,
                         struct spate_strings *out) {
  const struct conf_node *item;
  uint32_t count;
  if (!list(f, option, node, &item, &count)) return;
  out->item = ARENA_NEWS(f->arena, const char *, count);
  out->count = count;
  for (uint32_t i = 0; i < count; i++) out->item[i] = item[i].text;
}

static void fill_map(struct fill *f, const struct spate_option *option, const struct conf_node *node,
                     struct spate_map *out) {
  bool exprs = option->type == SPATE_OPT_EXPRS;
  if (node->kind != CONF_MAP) {
    if (node->kind == CONF_SCALAR && node->null && !exprs) return;
    wrong(f, option, node, exprs ? "write {name: expression, …}" : "write {key: value, …}", "a map is needed here");
    return;
  }
  out->key = ARENA_NEWS(f->arena, const char *, node->count + 1);
  out->value = ARENA_NEWS(f->arena, const char *, node->count + 1);
  out->count = 0;
  for (uint32_t i = 0; i < node->count; i++) {
    const struct conf_node *value = &node->item[i];
    if (value->kind != CONF_SCALAR || value->null) {
      wrong(f, option, value, NULL, "'%s' needs %s", node->key[i].text, exprs ? "an expression" : "a text");
      if (value->kind != CONF_SCALAR && exprs)
        conf_hint(f->errors, "YAML took the text apart: put the expression in quotes, or on a line of its own");
      continue;
    }
    out->key[out->count] = node->key[i].text;
    out->value[out->count++] = value->text;
  }
}

/* ---- columns ---- */
static void fill_column(struct fill *f, const struct spate_option *option, const struct conf_node *node,
                        struct spate_column_ref *out) {
  *out = (struct spate_column_ref){node->text, -1};
  if (f->columns == NULL) return;
  const char **names = ARENA_NEWS(f->arena, const char *, f->columns->count + 1);
  for (uint32_t i = 0; i < f->columns->count; i++) {
    names[i] = f->columns->fields[i].name;
    if (strcmp(names[i], node->text) == 0) out->index = (int32_t)i;
  }
  if (out->index >= 0) return;
  char room[CONF_SHOWN];
  wrong(f, option, node, NULL, "there is no column '%s' here", shown(option, node, room, sizeof room));
  conf_hint_nearest(f->errors, node->secret ? "" : node->text, names, f->columns->count);
}

static void fill_columns(struct fill *f, const struct spate_option *option, const struct conf_node *node,
                         struct spate_column_refs *out) {
  const struct conf_node *item;
  uint32_t count;
  if (!list(f, option, node, &item, &count)) return;
  out->item = ARENA_NEWS(f->arena, struct spate_column_ref, count);
  out->count = count;
  for (uint32_t i = 0; i < count; i++) {
    fill_column(f, option, &item[i], &out->item[i]);
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(item[k].text, item[i].text) == 0)
        wrong(f, option, &item[i], NULL, "the column '%s' is there twice", item[i].text);
  }
}

static void fill_template(struct fill *f, const struct spate_option *option, const struct conf_node *node,
                          struct spate_template **out) {
  if (!scalar(f, option, node, "a text")) return;
  *out = conf_template(f->arena, node, f->columns, f->errors);
  if (*out == NULL) f->failed = true;
}

/* ---- options ---- */
static void fill_table(struct fill *f, const struct spate_option *table, const struct conf_node *map,
                       const char *const *skip, char *out, bool required);

static void fill_option(struct fill *f, const struct spate_option *option, const struct conf_node *node, char *out) {
  void *at = out + option->offset;
  switch (option->type) {
    case SPATE_OPT_BOOL: fill_bool(f, option, node, at); break;
    case SPATE_OPT_INT:
    case SPATE_OPT_DURATION:
    case SPATE_OPT_SIZE: fill_number(f, option, node, at); break;
    case SPATE_OPT_DOUBLE: fill_double(f, option, node, at); break;
    case SPATE_OPT_STRING:
    case SPATE_OPT_ADDRESS: fill_text(f, option, node, at); break;
    case SPATE_OPT_ENUM: fill_enum(f, option, node, at); break;
    case SPATE_OPT_STRINGS: fill_strings(f, option, node, at); break;
    case SPATE_OPT_MAP:
    case SPATE_OPT_EXPRS: fill_map(f, option, node, at); break;
    case SPATE_OPT_COLUMN:
      if (scalar(f, option, node, "the name of a column")) fill_column(f, option, node, at);
      break;
    case SPATE_OPT_COLUMNS: fill_columns(f, option, node, at); break;
    case SPATE_OPT_TEMPLATE: fill_template(f, option, node, at); break;
    case SPATE_OPT_GROUP: fill_table(f, option->group, node, NULL, at, true); break;
  }
}

/* What stands in the struct where the user wrote nothing and the table has no default. */
static void fill_absent(struct fill *f, const struct spate_option *option, char *out) {
  char *at = out + option->offset;
  const struct spate_column_ref none = {NULL, -1};
  const int64_t unset = -1;
  const int no_choice = -1;
  switch (option->type) {
    case SPATE_OPT_BOOL: memset(at, 0, sizeof(bool)); break;
    case SPATE_OPT_INT: memset(at, 0, sizeof(int64_t)); break;
    case SPATE_OPT_DOUBLE: memset(at, 0, sizeof(double)); break;
    case SPATE_OPT_DURATION:
    case SPATE_OPT_SIZE: memcpy(at, &unset, sizeof unset); break;
    case SPATE_OPT_STRING:
    case SPATE_OPT_ADDRESS:
    case SPATE_OPT_TEMPLATE: memset(at, 0, sizeof(void *)); break;
    case SPATE_OPT_ENUM: memcpy(at, &no_choice, sizeof no_choice); break;
    case SPATE_OPT_STRINGS: memset(at, 0, sizeof(struct spate_strings)); break;
    case SPATE_OPT_MAP:
    case SPATE_OPT_EXPRS: memset(at, 0, sizeof(struct spate_map)); break;
    case SPATE_OPT_COLUMN: memcpy(at, &none, sizeof none); break;
    case SPATE_OPT_COLUMNS: memset(at, 0, sizeof(struct spate_column_refs)); break;
    case SPATE_OPT_GROUP: fill_table(f, option->group, NULL, NULL, at, false); break;
  }
}

/* A default reads as if the user had written it; lists as "a, b". */
static void fill_default(struct fill *f, const struct spate_option *option, char *out) {
  struct conf_node text = {.kind = CONF_SCALAR, .text = option->default_text};
  if (option->type != SPATE_OPT_STRINGS || strchr(option->default_text, ',') == NULL) {
    fill_option(f, option, &text, out);
    return;
  }
  struct conf_node items[16] = {0}, all = {.kind = CONF_LIST, .item = items};
  char *rest = arena_text(f->arena, option->default_text), *save = NULL;
  for (char *item = strtok_r(rest, ", ", &save); item != NULL && all.count < 16; item = strtok_r(NULL, ", ", &save))
    items[all.count++] = (struct conf_node){.kind = CONF_SCALAR, .text = item};
  fill_option(f, option, &all, out);
}

static bool listed(const char *const *names, const char *name) {
  for (; names != NULL && *names != NULL; names++)
    if (strcmp(*names, name) == 0) return true;
  return false;
}

/* Keys that neither the table nor `skip` knows. */
static void refuse_unknown(struct fill *f, const struct spate_option *table, const struct conf_node *map,
                           const char *const *skip) {
  size_t count = 0, names = 0;
  for (const struct spate_option *o = table; o->name != NULL; o++) count++;
  for (const char *const *s = skip; s != NULL && *s != NULL; s++) count++;
  const char **name = ARENA_NEWS(f->arena, const char *, count + 1);
  for (const struct spate_option *o = table; o->name != NULL; o++) name[names++] = o->name;
  for (const char *const *s = skip; s != NULL && *s != NULL; s++) name[names++] = *s;
  for (uint32_t i = 0; i < map->count; i++) {
    if (listed(name, map->key[i].text)) continue;
    f->failed = true;
    conf_error(f->errors, &map->key[i], "there is no option '%s' here", map->key[i].text);
    conf_hint_nearest(f->errors, map->key[i].text, name, names);
  }
}

static void fill_table(struct fill *f, const struct spate_option *table, const struct conf_node *map,
                       const char *const *skip, char *out, bool required) {
  bool is_map = map != NULL && map->kind == CONF_MAP;
  if (map != NULL && !is_map && !(map->kind == CONF_SCALAR && map->null)) {
    f->failed = true;
    conf_error(f->errors, map, "options are needed here ({name: value, …}), not a %s",
               map->kind == CONF_LIST ? "list" : "text");
    required = false;
  }
  if (table == NULL) return;
  if (is_map) refuse_unknown(f, table, map, skip);
  for (const struct spate_option *option = table; option->name != NULL; option++) {
    const struct conf_node *node = is_map ? conf_get(map, option->name) : NULL;
    fill_absent(f, option, out);
    if (option->default_text != NULL) fill_default(f, option, out);
    if (node != NULL && !(option->type == SPATE_OPT_GROUP && node->kind == CONF_SCALAR && node->null)) {
      fill_option(f, option, node, out);
    } else if (node == NULL && required && (option->flags & SPATE_REQUIRED) != 0) {
      f->failed = true;
      conf_error(f->errors, map, "the option '%s' is missing", option->name);
      if (option->help != NULL) conf_hint(f->errors, "%s: %s", option->name, option->help);
    }
  }
}

int conf_fill(struct arena *arena, const struct spate_option *table, const struct conf_node *map,
              const char *const *skip, const struct spate_schema *columns, void *out, struct conf_errors *errors) {
  struct fill fill = {.arena = arena, .columns = columns, .errors = errors};
  fill_table(&fill, table, map, skip, out, true);
  return fill.failed ? -1 : 0;
}
