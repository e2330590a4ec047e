/*
 * fields: the `schema:` of a source or a table: `name: type`, or `name: {type, path, required, default}`, and the
 * metadata that records of a connector carry.
 */
#include "../data/text.h"
#include "build.h"

static const struct {
  const char *name;
  enum spate_kind kind;
} METAS[SPATE_METAS] = {
    [SPATE_META_KEY] = {"_key", SPATE_BYTES},
    [SPATE_META_TOPIC] = {"_topic", SPATE_STRING},
    [SPATE_META_PARTITION] = {"_partition", SPATE_INT},
    [SPATE_META_OFFSET] = {"_offset", SPATE_INT},
    [SPATE_META_TIMESTAMP] = {"_timestamp", SPATE_TIMESTAMP},
    [SPATE_META_HEADERS] = {"_headers", SPATE_STRING},
    [SPATE_META_PEER] = {"_peer", SPATE_STRING},
    [SPATE_META_PATH] = {"_path", SPATE_STRING},
    [SPATE_META_LINE] = {"_line", SPATE_INT},
};

const char *plan_meta_name(enum spate_meta meta) { return METAS[meta].name; }
struct spate_type plan_meta_type(enum spate_meta meta) {
  return type_of(METAS[meta].kind);
}

struct field_options {
  const char *type, *path, *fallback;
  bool required;
};
static const struct spate_option FIELD_OPTIONS[] = {
    {.name = "type",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct field_options, type),
     .flags = SPATE_REQUIRED,
     .help = "The column's type."},
    {.name = "path",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct field_options, path),
     .help = "Where the value lies in the record, for instance a.b[0]; left out: the column's name, as one key."},
    {.name = "required",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct field_options, required),
     .default_text = "false",
     .help = "A record in which it is absent or null is a bad record."},
    {.name = "default",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct field_options, fallback),
     .help = "The value in place of an absent or null one."},
    {.name = NULL},
};
const struct spate_option *plan_field_options(void) { return FIELD_OPTIONS; }

static bool field_default_good(struct spate_type type, const char *text) {
  size_t size = strlen(text);
  int64_t i;
  double d;
  bool t;
  spate_i128 dec;
  switch (type.kind) {
    case SPATE_INT: return text_int(text, size, &i) == 0;
    case SPATE_DOUBLE: return text_double(text, size, &d) == 0;
    case SPATE_BOOL: return text_bool(text, size, &t) == 0;
    case SPATE_DECIMAL: return text_decimal(text, size, type.precision, type.scale, &dec) == 0;
    case SPATE_TIMESTAMP: return text_timestamp_encoded(text, size, type.encoding, &i) == 0;
    default: return true;
  }
}

static struct spate_type field_type(struct build *b, const struct conf_node *node) {
  struct spate_type type = type_of(SPATE_NONE);
  struct spate_error err = {0};
  if (node->kind != CONF_SCALAR || node->text[0] == 0) {
    conf_error(b->errors, node, "a type is needed here");
    conf_hint(b->errors, "bool, int, double, decimal(p,s), string, bytes, timestamp, timestamp(ms) …");
  } else if (type_parse(node->text, &type, &err) != 0) {
    type = type_of(SPATE_NONE);
    conf_error(b->errors, node, "%s", err.message);
  }
  return type;
}

static void field_read(struct build *b, struct schema *schema, const struct conf_node *key,
                       const struct conf_node *node) {
  if (node->kind != CONF_MAP) {
    schema_add(schema, key->text, field_type(b, node));
    return;
  }
  struct field_options options = {0};
  conf_fill(b->arena, FIELD_OPTIONS, node, NULL, NULL, &options, b->errors);
  const struct conf_node *type = conf_get(node, "type");
  struct spate_field *field = schema_add(schema, key->text, type != NULL ? field_type(b, type) : type_of(SPATE_NONE));
  field->path = options.path;
  field->required = options.required;
  field->default_text = options.fallback;
  if (options.fallback == NULL || field_default_good(field->type, options.fallback)) return;
  char text[64];
  conf_error(b->errors, conf_get(node, "default"), "'%s' is not a value of type %s", options.fallback,
             type_text(field->type, text, sizeof text));
}

struct schema *build_schema(struct build *b, const struct conf_node *node, uint32_t hidden_room) {
  if (node->kind != CONF_MAP || node->count == 0) {
    conf_error(b->errors, node, "a schema is a map of columns: {name: type, …}");
    return NULL;
  }
  if (node->count > 1000) {
    conf_error(b->errors, node, "a schema has at most 1000 columns, and this has %u", node->count);
    return NULL;
  }
  struct schema *schema = schema_new(b->arena, node->count + hidden_room);
  for (uint32_t i = 0; i < node->count; i++) field_read(b, schema, &node->key[i], &node->item[i]);
  return schema;
}
