/*
 * components: sources, tables and sinks. A component is a map; its kind is the one key of it that names a connector,
 * the other keys (decode, schema, time …) are the same for all. Options go through the connector's own table; what the
 * connector objects to is shown at the option's place.
 */
#include "components.h"

#include <stdlib.h>

#include "build.h"
#include "config_alloc.h"
#include "registry.h"

/* ---- names ---- */
bool build_name_good(struct build *b, const struct conf_node *key, const char *what) {
  const char *s = key->text;
  size_t n = strlen(s);
  bool good = n > 0 && n <= 64 && s[0] != '-';
  for (size_t i = 0; i < n && good; i++) {
    char c = s[i];
    good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  }
  if (good) return true;
  conf_error(b->errors, key, "'%s' cannot be the name of %s", s, what);
  conf_hint(b->errors, "a name is made of letters, digits, '_' and '-', 64 at most");
  return false;
}

/* ---- the kind ---- */
struct kind_list { /* names of connectors, and the keys that stand beside one */
  const char **name;
  uint32_t names;
  const char *const *common;
  const char *what; /* "source", "sink", "table" */
  bool unknown;     /* found: a key was not understood, so that another may be missing for that reason alone */
};

static bool list_has(const char *const *list, const char *word) {
  for (; *list != NULL; list++)
    if (strcmp(*list, word) == 0) return true;
  return false;
}

static void kind_unknown(struct build *b, const struct kind_list *list, const struct conf_node *key) {
  const char *all[64];
  uint32_t n = 0;
  for (uint32_t i = 0; i < list->names && n < 64; i++) all[n++] = list->name[i];
  for (uint32_t i = 0; list->common[i] != NULL && n < 64; i++) all[n++] = list->common[i];
  conf_error(b->errors, key, "'%s' is neither a connector nor a key of a %s", key->text, list->what);
  const char *near = conf_nearest(key->text, all, n);
  if (near != NULL) {
    conf_hint(b->errors, "did you mean '%s'?", near);
    return;
  }
  struct buf text = {0};
  for (uint32_t i = 0; i < list->names; i++) buf_format(&text, "%s%s", i > 0 ? ", " : "", list->name[i]);
  conf_hint(b->errors, "the connectors of a %s are: %s", list->what, buf_string(&text));
  buf_free(&text);
}

/* The index of the pair that names the connector; -1: there is none that can be used. */
static int32_t kind_find(struct build *b, struct kind_list *list, const struct conf_node *name,
                         const struct conf_node *node) {
  int32_t found = -1;
  bool said = false;
  if (node->kind != CONF_MAP) {
    conf_error(b->errors, node->null ? name : node, "a %s is a map with one connector: %s: {%s: {…}}", list->what,
               name->text, list->name[0]);
    return -1;
  }
  for (uint32_t i = 0; i < node->count; i++) {
    const char *key = node->key[i].text;
    bool known = false;
    for (uint32_t k = 0; k < list->names; k++) known |= strcmp(list->name[k], key) == 0;
    if (known && found >= 0) {
      conf_error(b->errors, &node->key[i], "a %s has one connector, and '%s' has two: %s and %s", list->what,
                 name->text, node->key[found].text, key);
      said = true;
    } else if (known) {
      found = (int32_t)i;
    } else if (registry_later(key)) {
      conf_error(b->errors, &node->key[i], "the connector '%s' is not built yet", key);
      said = true;
    } else if (!list_has(list->common, key)) {
      kind_unknown(b, list, &node->key[i]);
      list->unknown = said = true;
    }
  }
  if (found < 0 && !said) {
    struct buf text = {0};
    for (uint32_t i = 0; i < list->names; i++) buf_format(&text, "%s%s", i > 0 ? ", " : "", list->name[i]);
    conf_error(b->errors, name, "%s '%s' names no connector", list->what, name->text);
    conf_hint(b->errors, "add one of: %s", buf_string(&text));
    buf_free(&text);
  }
  return found;
}

/* Where an option "a.b" stands, for the error that names it; else the connector's key. */
static const struct conf_node *option_node(const struct conf_node *key, const struct conf_node *value,
                                           const char *option) {
  const struct conf_node *at = value;
  char word[64];
  while (option[0] != 0 && at != NULL) {
    size_t n = strcspn(option, ".");
    if (n >= sizeof word) break;
    memcpy(word, option, n);
    word[n] = 0;
    const struct conf_node *next = at->kind == CONF_MAP ? conf_get(at, word) : NULL;
    if (next == NULL) return at == value ? key : at;
    at = next;
    option += n + (option[n] == '.');
  }
  return at != value && at != NULL ? at : key;
}

static void option_error(struct build *b, const struct conf_node *key, const struct conf_node *value,
                         const struct spate_error *err) {
  conf_error(b->errors, option_node(key, value, err->option), "%s", err->message);
}

static const struct conf_node *map_or_null(const struct conf_node *value) { return value->null ? NULL : value; }

static void *config_fill(struct build *b, const struct spate_option *table, size_t size, const struct conf_node *value,
                         const struct spate_schema *columns, bool *good) {
  void *config = arena_alloc(b->arena, size > 0 ? size : 1);
  *good = conf_fill(b->arena, table, map_or_null(value), NULL, columns, config, b->errors) == 0;
  return config;
}

/* ---- codecs ---- */
static bool codec_read(struct build *b, const struct conf_node *node, struct plan_codec *codec) {
  const struct conf_node *name = node, *options = NULL;
  if (node->kind == CONF_MAP && node->count == 1) {
    name = &node->key[0];
    options = &node->item[0];
  }
  if (name->kind != CONF_SCALAR || name->text[0] == 0) {
    conf_error(b->errors, node, "a codec is its name, or its name with options: {csv: {header: true}}");
    return false;
  }
  codec->api = registry_codec(name->text);
  if (codec->api == NULL && registry_later(name->text)) {
    conf_error(b->errors, name, "the codec '%s' is not built yet", name->text);
    return false;
  }
  if (codec->api == NULL) {
    uint32_t n;
    const struct spate_codec_api *const *all = registry_codecs(&n);
    const char *names[16];
    for (uint32_t i = 0; i < n && i < 16; i++) names[i] = all[i]->name;
    const char *near = conf_nearest(name->text, names, n);
    conf_error(b->errors, name, "there is no codec '%s'", name->text);
    conf_hint(b->errors, near != NULL ? "did you mean '%s'?" : "the codecs are: json, csv, text, raw", near);
    return false;
  }
  bool good;
  struct conf_node empty = {.kind = CONF_MAP};
  void *config =
      config_fill(b, codec->api->options, codec->api->config_size, options != NULL ? options : &empty, NULL, &good);
  codec->config = config;
  struct spate_error err = {0};
  if (good && codec->api->check != NULL && codec->api->check(config, &err) != 0) {
    option_error(b, name, options != NULL ? options : name, &err);
    return false;
  }
  return good;
}

/* ---- schemas of sources and tables ---- */
static const struct schema *schema_fixed(struct build *b, const struct spate_schema *fixed, uint32_t hidden_room) {
  struct schema *schema = schema_new(b->arena, fixed->count + hidden_room);
  for (uint32_t i = 0; i < fixed->count; i++) {
    struct spate_field *f = schema_add(schema, fixed->fields[i].name, fixed->fields[i].type);
    f->path = fixed->fields[i].path;
    f->required = fixed->fields[i].required;
  }
  return schema;
}

/* What a source or table says of its records: codec and columns. NULL: errors were added. */
static const struct schema *records_read(struct build *b, const struct conf_node *name, const struct conf_node *node,
                                         const struct conf_node *key, const struct conf_node *value,
                                         const struct spate_source_api *api, const void *config, bool config_good,
                                         bool unknown, struct plan_codec *codec) {
  const struct conf_node *decode = conf_get(node, "decode"), *schema = conf_get(node, "schema");
  if (api->flags & SPATE_NO_CODEC) {
    if (decode != NULL) conf_error(b->errors, conf_key(node, "decode"), "%s takes no 'decode'", api->name);
    if (schema != NULL)
      conf_error(b->errors, conf_key(node, "schema"), "%s takes no 'schema': its columns are known", api->name);
    struct spate_schema own = {0};
    struct spate_error err = {0};
    if (!config_good) return NULL;
    if (config_schema(api, config, b->arena, &own, &err) == 0) return schema_fixed(b, &own, SPATE_METAS);
    option_error(b, key, value, &err);
    return NULL;
  }
  if (decode == NULL && unknown) {
    b->failed = true;
  } else if (decode == NULL) {
    conf_error(b->errors, name, "'%s' does not say how its records are encoded", name->text);
    conf_hint(b->errors, "add decode: json, or csv, text, raw");
  } else if (codec_read(b, decode, codec) && codec->api->fixed != NULL) {
    if (schema != NULL)
      conf_error(b->errors, conf_key(node, "schema"), "the codec %s has one column, '%s', and takes no schema",
                 codec->api->name, codec->api->fixed->fields[0].name);
    return schema_fixed(b, codec->api->fixed, SPATE_METAS);
  }
  if (schema != NULL) return build_schema(b, schema, SPATE_METAS);
  b->failed = true;
  if (!unknown && (decode == NULL || codec->api != NULL))
    conf_error(b->errors, name, "'%s' has no schema: the columns of its records and their types", name->text);
  return NULL;
}

/* ---- sources ---- */
static const char *const SOURCE_KEYS[] = {"decode", "schema", "time", "watermark", NULL};

struct watermark_options {
  int64_t delay;
  const char *idle, *max_future;
};
static const struct spate_option WATERMARK_OPTIONS[] = {
    {.name = "delay",
     .type = SPATE_OPT_DURATION,
     .offset = offsetof(struct watermark_options, delay),
     .default_text = "0s",
     .min = 0,
     .max = INT64_MAX / 4,
     .help = "How far the watermark stays behind the greatest event time seen."},
    {.name = "idle",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct watermark_options, idle),
     .help = "A partition read to its end is idle when nothing came for so long; off: never. Default: 30s where there "
             "is more than one partition."},
    {.name = "max_future",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct watermark_options, max_future),
     .help = "The watermark does not follow a record further ahead of the clock than this; off: it always does. "
             "Default: 5m, and off for bounded input."},
    {.name = NULL},
};
const struct spate_option *plan_watermark_options(void) { return WATERMARK_OPTIONS; }

/* A duration, or `off`. */
static int64_t duration_or_off(struct build *b, const struct conf_node *node, int64_t off, int64_t absent) {
  int64_t us = absent;
  if (node == NULL) return absent;
  if (node->kind == CONF_SCALAR && strcmp(node->text, "off") == 0) return off;
  if (conf_duration(node, &us, b->errors) == 0 && us < 0) {
    conf_error(b->errors, node, "this duration cannot be negative");
    us = absent;
  }
  return us;
}

static void source_time(struct build *b, struct plan_source *s, const struct conf_node *node) {
  const struct conf_node *time = conf_get(node, "time"), *mark = conf_get(node, "watermark");
  s->time = -1;
  s->idle_us = -1;
  s->max_future_us = s->bounded ? -1 : 300 * US_S;
  if (time != NULL && s->schema != NULL) {
    const struct schema *schema = s->schema;
    struct op_check check = {.arena = b->arena, .errors = b->errors, .input = {.schema = schema}};
    s->time = op_column(&check, time);
    struct spate_type type = s->time >= 0 ? schema->all.fields[s->time].type : type_of(SPATE_TIMESTAMP);
    char text[64];
    if (type.kind != SPATE_TIMESTAMP && type.kind != SPATE_NONE) {
      conf_error(b->errors, time, "the time column '%s' must be a timestamp, and it is %s", time->text,
                 type_text(type, text, sizeof text));
      if (type.kind == SPATE_INT) conf_hint(b->errors, "timestamp(ms), timestamp(s) and timestamp(us) read numbers");
      s->time = -1;
    }
  }
  if (mark == NULL) return;
  if (time == NULL)
    conf_error(b->errors, conf_key(node, "watermark"), "a watermark goes by event time: add time: COLUMN");
  struct watermark_options options = {0};
  conf_fill(b->arena, WATERMARK_OPTIONS, mark, NULL, NULL, &options, b->errors);
  if (mark->kind != CONF_MAP) return;
  s->delay_us = options.delay > 0 ? options.delay : 0;
  s->idle_us = duration_or_off(b, conf_get(mark, "idle"), 0, -1);
  s->max_future_us = duration_or_off(b, conf_get(mark, "max_future"), -1, s->max_future_us);
}

/* The metadata that the connector gives, as hidden columns; a column of the user's with that name wins. */
static void source_metas(struct plan_source *s) {
  struct schema *schema = (struct schema *)(uintptr_t)s->schema; /* ours: made a moment ago */
  uint32_t visible = schema->all.count;
  for (int i = 0; i < SPATE_METAS; i++)
    if ((s->api->metas >> i & 1) && schema_find(schema, plan_meta_name((enum spate_meta)i)) < 0)
      schema_add(schema, plan_meta_name((enum spate_meta)i), plan_meta_type((enum spate_meta)i));
  schema->visible = visible;
}

bool plan_embedded(const struct conf_node *component, const char *kind) {
  const struct conf_node *value = conf_get(component, kind);
  const struct conf_node *brokers = value != NULL && value->kind == CONF_MAP ? conf_get(value, "brokers") : NULL;
  return brokers != NULL && brokers->kind == CONF_SCALAR && strncmp(brokers->text, "embedded", 8) == 0;
}

static void embedded_check(struct build *b, const struct conf_node *component, const char *kind) {
  if (b->options->run || !plan_embedded(component, kind)) return;
  conf_error(b->errors, conf_get(conf_get(component, kind), "brokers"),
             "embedded brokers live and die with one process: only under 'spate run' and 'spate test'");
}

static void source_read(struct build *b, struct plan_source *s, const struct conf_node *name,
                        const struct conf_node *node) {
  const char *names[32];
  struct kind_list list = {names, 0, SOURCE_KEYS, "source", false};
  const struct spate_source_api *const *all = registry_sources(&list.names);
  for (uint32_t i = 0; i < list.names; i++) names[i] = all[i]->name;
  s->name = name->text;
  s->node = node;
  s->time = -1;
  build_name_good(b, name, "a source");
  int32_t kind = kind_find(b, &list, name, node);
  if (kind < 0) {
    const struct conf_node *decode = node->kind == CONF_MAP ? conf_get(node, "decode") : NULL;
    const struct conf_node *schema = node->kind == CONF_MAP ? conf_get(node, "schema") : NULL;
    if (decode != NULL) codec_read(b, decode, &s->codec);
    if (schema != NULL) build_schema(b, schema, 0);
    return;
  }
  const struct conf_node *key = &node->key[kind], *value = &node->item[kind];
  bool good;
  s->api = registry_source(key->text);
  s->config = config_fill(b, s->api->options, s->api->config_size, value, NULL, &good);
  embedded_check(b, node, s->api->name);
  struct spate_error err = {0};
  if (good && s->api->check != NULL && s->api->check(s->config, &err) != 0) {
    option_error(b, key, value, &err);
    good = false;
  }
  bool ends = (s->api->flags & SPATE_BOUNDED) != 0;
  if (good && s->api->bounded != NULL) ends = s->api->bounded(s->config);
  s->bounded = ends || b->options->bounded;
  s->schema = records_read(b, name, node, key, value, s->api, s->config, good, list.unknown, &s->codec);
  if (s->schema != NULL) source_metas(s);
  source_time(b, s, node);
  if (s->schema != NULL) s->used = arena_alloc(b->arena, s->schema->all.count + 1);
}

static const struct conf_node *section(struct build *b, const char *key, bool required, const char *example) {
  const struct conf_node *node = conf_get(b->document, key);
  if (node == NULL) {
    bool misspelt = false; /* an error says so already */
    for (uint32_t i = 0; required && i < b->document->count; i++)
      misspelt |= conf_nearest(b->document->key[i].text, &key, 1) != NULL;
    b->failed |= required;
    if (required && !misspelt) {
      conf_error(b->errors, b->document, "'%s' is missing", key);
      conf_hint(b->errors, "%s", example);
    }
    return NULL;
  }
  if (node->kind == CONF_MAP && node->count > 0 && node->count <= 256) return node;
  conf_error(b->errors, node,
             node->kind == CONF_MAP && node->count > 256 ? "'%s' has more than 256 entries"
                                                         : "'%s' is a map from a name to a component",
             key);
  conf_hint(b->errors, "%s", example);
  return NULL;
}

void build_sources(struct build *b) {
  const struct conf_node *map = section(b, "sources", true, "sources: {NAME: {kafka: {…}, decode: json, schema: {…}}}");
  if (map == NULL) {
    b->sources_bad = true;
    return;
  }
  b->plan->source = ARENA_NEWS(b->arena, struct plan_source, map->count);
  b->plan->sources = map->count;
  for (uint32_t i = 0; i < map->count; i++) source_read(b, &b->plan->source[i], &map->key[i], &map->item[i]);
}

/* ---- tables ---- */
static const char *const TABLE_KEYS[] = {"decode", "schema", "key", NULL};

static void table_key(struct build *b, struct plan_table *t, const struct conf_node *name,
                      const struct conf_node *node) {
  const struct conf_node *key = conf_get(node, "key");
  if (key == NULL) {
    conf_error(b->errors, name, "table '%s' has no key: the column, or columns, by which its rows are found",
               name->text);
    return;
  }
  struct op_check check = {.arena = b->arena, .errors = b->errors, .input = {.schema = t->schema}};
  uint32_t *columns, count;
  if (t->schema == NULL || op_columns(&check, key, &columns, &count) != 0) return;
  t->key = columns;
  t->keys = count;
}

static void table_read(struct build *b, struct plan_table *t, const struct conf_node *name,
                       const struct conf_node *node) {
  const char *names[] = {"file"};
  struct kind_list list = {names, 1, TABLE_KEYS, "table", false};
  t->name = name->text;
  t->node = node;
  build_name_good(b, name, "a table");
  int32_t kind = kind_find(b, &list, name, node);
  if (kind < 0) return;
  const struct conf_node *key = &node->key[kind], *value = &node->item[kind];
  bool good;
  t->api = registry_source(key->text);
  t->config = config_fill(b, t->api->options, t->api->config_size, value, NULL, &good);
  struct spate_error err = {0};
  if (good && t->api->check != NULL && t->api->check(t->config, &err) != 0) {
    option_error(b, key, value, &err);
    good = false;
  }
  if (good && t->api->bounded != NULL && !t->api->bounded(t->config))
    conf_error(b->errors, key, "a table is read to its end, and this never ends");
  t->schema = records_read(b, name, node, key, value, t->api, t->config, good, list.unknown, &t->codec);
  table_key(b, t, name, node);
}

void build_tables(struct build *b) {
  const struct conf_node *map =
      section(b, "tables", false, "tables: {NAME: {file: {path: …}, decode: csv, schema: {…}, key: COLUMN}}");
  if (map == NULL) return;
  struct plan *p = b->plan;
  p->table = ARENA_NEWS(b->arena, struct plan_table, map->count);
  p->tables = map->count;
  b->table = ARENA_NEWS(b->arena, struct op_table, map->count);
  for (uint32_t i = 0; i < map->count; i++) {
    struct plan_table *t = &p->table[i];
    table_read(b, t, &map->key[i], &map->item[i]);
    const char **key = ARENA_NEWS(b->arena, const char *, t->keys + 1);
    for (uint32_t k = 0; k < t->keys; k++) key[k] = t->schema->all.fields[t->key[k]].name;
    b->table[i] =
        (struct op_table){.name = t->name, .schema = t->schema, .key = key, .keys = t->keys, .table = &t->table};
  }
}

/* ---- sinks ---- */
static const char *const SINK_KEYS[] = {"from", "encode", "format", NULL};

void build_sinks_names(struct build *b) {
  const struct conf_node *map = section(b, "sinks", true, "sinks: {NAME: {stdout: {}}}");
  if (map == NULL) return;
  struct plan *p = b->plan;
  p->sink = ARENA_NEWS(b->arena, struct plan_sink, map->count);
  p->sinks = map->count;
  b->sink = ARENA_NEWS(b->arena, struct build_reader, map->count);
  const char *names[32];
  struct kind_list list = {names, 0, SINK_KEYS, "sink", false};
  const struct spate_sink_api *const *all = registry_sinks(&list.names);
  for (uint32_t i = 0; i < list.names; i++) names[i] = all[i]->name;
  for (uint32_t i = 0; i < map->count; i++) {
    const struct conf_node *name = &map->key[i], *node = &map->item[i];
    build_name_good(b, name, "a sink");
    p->sink[i].name = name->text;
    p->sink[i].node = node;
    b->sink[i] = (struct build_reader){.name = name->text, .node = node};
    int32_t kind = kind_find(b, &list, name, node);
    if (kind >= 0) p->sink[i].api = registry_sink(node->key[kind].text);
    if (p->sink[i].api != NULL) embedded_check(b, node, p->sink[i].api->name);
  }
}

static bool option_has(const struct spate_option *table, const char *name) {
  for (; table != NULL && table->name != NULL; table++)
    if (strcmp(table->name, name) == 0) return true;
  return false;
}

/* The map with one pair more; keeps the place of `key` for errors. */
static const struct conf_node *map_with(struct build *b, const struct conf_node *map, const struct conf_node *key,
                                        const char *name, const struct conf_node *value) {
  uint32_t n = map->kind == CONF_MAP ? map->count : 0;
  struct conf_node *out = ARENA_NEW(b->arena, struct conf_node);
  *out = *map;
  out->kind = CONF_MAP;
  out->null = false;
  out->key = ARENA_NEWS(b->arena, struct conf_node, n + 1);
  out->item = ARENA_NEWS(b->arena, struct conf_node, n + 1);
  if (n > 0) memcpy(out->key, map->key, n * sizeof *map->key);
  if (n > 0) memcpy(out->item, map->item, n * sizeof *map->item);
  out->key[n] = *key;
  out->key[n].text = name;
  out->item[n] = *value;
  out->count = n + 1;
  return out;
}

static const struct conf_node *map_with_text(struct build *b, const struct conf_node *map, const struct conf_node *key,
                                             const char *name, const char *text) {
  struct conf_node value = {.kind = CONF_SCALAR, .file = key->file, .line = key->line, .column = key->column};
  value.text = text;
  value.quoted = true;
  uint32_t *where = ARENA_NEWS(b->arena, uint32_t, strlen(text) + 1);
  for (size_t i = 0; i <= strlen(text) && key->where != NULL; i++) where[i] = key->where[0];
  value.where = where;
  return map_with(b, map, key, name, &value);
}

/* How the sink's records are written: a codec, the sink's own `style` and `format`, or nothing. */
static const struct conf_node *sink_encode(struct build *b, struct plan_sink *s, const struct conf_node *key,
                                           const struct conf_node *value) {
  const struct conf_node *encode = conf_get(s->node, "encode"), *format = conf_get(s->node, "format");
  bool styled = option_has(s->api->options, "style"), formats = option_has(s->api->options, "format");
  bool table = encode != NULL && encode->kind == CONF_SCALAR && strcmp(encode->text, "table") == 0;
  if (format != NULL && !formats) {
    conf_error(b->errors, conf_key(s->node, "format"), "%s takes no 'format': use encode", s->api->name);
  } else if (format != NULL && encode != NULL) {
    conf_error(b->errors, conf_key(s->node, "format"), "'format' stands in the place of 'encode': one of them");
  } else if (format != NULL) {
    value = map_with(b, value, conf_key(s->node, "format"), "format", format);
  }
  if (formats && value->kind == CONF_MAP && conf_get(value, "format") != NULL) return value;
  if (table && styled) return map_with_text(b, value, conf_key(s->node, "encode"), "style", "table");
  if (encode != NULL) {
    if (s->api->flags & SPATE_NO_CODEC) {
      conf_error(b->errors, conf_key(s->node, "encode"), "%s takes no 'encode'", s->api->name);
      return value;
    }
    if (codec_read(b, encode, &s->codec) && styled && !(value->kind == CONF_MAP && conf_get(value, "style") != NULL))
      value = map_with_text(b, value, conf_key(s->node, "encode"), "style", "encoded");
    return value;
  }
  if (styled) {
    s->codec.api = registry_codec("json");
    bool good;
    struct conf_node empty = {.kind = CONF_MAP};
    s->codec.config = config_fill(b, s->codec.api->options, s->codec.api->config_size, &empty, NULL, &good);
  } else if (!(s->api->flags & (SPATE_NO_CODEC | SPATE_OPTIONAL_CODEC))) {
    conf_error(b->errors, key, "sink '%s' does not say how to write its records", s->name);
    conf_hint(b->errors, "add encode: json, or csv, text, raw");
  }
  return value;
}

/* What names a record of an updating stream must name it at the sink too, where the sink has keys. */
static void sink_updating(struct build *b, struct plan_sink *s, const struct conf_node *key,
                          const struct conf_node *value, const struct build_output *from) {
  if (!option_has(s->api->options, "key") || !option_has(s->api->options, "partition")) return;
  struct buf want = {0};
  for (uint32_t i = 0; i < from->group_keys; i++) buf_format(&want, "%s%s", i > 0 ? ", " : "", from->group_key[i]);
  const struct conf_node *node = value->kind == CONF_MAP ? conf_get(value, "key") : NULL;
  uint32_t n = node == NULL ? 0 : node->kind == CONF_LIST ? node->count : 1, matched = 0;
  for (uint32_t i = 0; i < n; i++) {
    const struct conf_node *item = node->kind == CONF_LIST ? &node->item[i] : node;
    for (uint32_t k = 0; k < from->group_keys && item->kind == CONF_SCALAR; k++)
      matched += strcmp(item->text, from->group_key[k]) == 0;
  }
  if (from->group_keys == 0 && n > 0) {
    conf_error(b->errors, node, "the records replace earlier ones, but no column that names their group is left");
    conf_hint(b->errors, "keep the group's key in the steps before, or emit: close");
  } else if (n != from->group_keys || matched != from->group_keys) {
    conf_error(b->errors, node != NULL ? node : key,
               "the records of '%s' replace earlier ones of their group: the sink's key must be that of the group",
               s->name);
    conf_hint(b->errors, "write key: [%s]", buf_string(&want));
  }
  buf_free(&want);
}

void build_sink(struct build *b, uint32_t index, const struct schema *input, bool updating,
                const struct build_output *from) {
  struct plan_sink *s = &b->plan->sink[index];
  if (s->api == NULL) return;
  uint32_t kind = 0;
  while (strcmp(s->node->key[kind].text, s->api->name) != 0) kind++;
  const struct conf_node *key = &s->node->key[kind];
  s->schema = input;
  s->updating = updating;
  bool good;
  const struct conf_node *value = sink_encode(b, s, key, &s->node->item[kind]);
  s->config = config_fill(b, s->api->options, s->api->config_size, value, input != NULL ? &input->all : NULL, &good);
  struct spate_error err = {0};
  if (good && s->api->check != NULL && s->api->check(s->config, &err) != 0) option_error(b, key, value, &err);
  if (updating && from != NULL) sink_updating(b, s, key, value, from);
}
