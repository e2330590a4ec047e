/* schema: names and types; the text of types. */
#include "schema.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

struct schema *schema_new(struct arena *arena, uint32_t room) {
  struct schema *s = ARENA_NEW(arena, struct schema);
  s->all.fields = ARENA_NEWS(arena, struct spate_field, room > 0 ? room : 1);
  return s;
}

struct spate_field *schema_add(struct schema *s, const char *name, struct spate_type type) {
  struct spate_field *f = (struct spate_field *)(uintptr_t)&s->all.fields[s->all.count++];
  *f = (struct spate_field){.name = name, .type = type};
  if (s->visible == s->all.count - 1) s->visible++;
  return f;
}

int32_t schema_find(const struct schema *s, const char *name) {
  for (uint32_t i = 0; i < s->all.count; i++)
    if (strcmp(s->all.fields[i].name, name) == 0) return (int32_t)i;
  return -1;
}

static const struct {
  const char *name;
  enum spate_kind kind;
} TYPES[] = {{"bool", SPATE_BOOL},     {"int", SPATE_INT},     {"double", SPATE_DOUBLE},
             {"string", SPATE_STRING}, {"bytes", SPATE_BYTES}, {"timestamp", SPATE_TIMESTAMP}};
static const char *const LATER[] = {"array", "row", "json"};
static const struct {
  const char *wrong, *right;
} OTHERS[] = {{"boolean", "bool"},
              {"integer", "int"},
              {"bigint", "int"},
              {"long", "int"},
              {"int64", "int"},
              {"float", "double"},
              {"real", "double"},
              {"text", "string"},
              {"varchar", "string"},
              {"str", "string"},
              {"binary", "bytes"},
              {"number", "double"},
              {"numeric", "decimal(p,s)"},
              {"datetime", "timestamp"},
              {"date", "timestamp"}};
static const char *const ENCODINGS[] = {"iso", "s", "ms", "us"};

static int type_parse_decimal(const char *args, struct spate_type *type, struct spate_error *err) {
  int p = 0, s = 0, used = 0;
  if (sscanf(args, "(%d , %d )%n", &p, &s, &used) == 2 && used > 0 && args[used] == 0) {
  } else if (s = 0, sscanf(args, "(%d )%n", &p, &used) == 1 && used > 0 && args[used] == 0) {
  } else {
    return spate_fail(err, "a decimal is written decimal(precision, scale), for instance decimal(10,2)");
  }
  if (p < 1 || p > 38) return spate_fail(err, "a decimal has 1 to 38 digits, not %d", p);
  if (s < 0 || s > p) return spate_fail(err, "the scale of decimal(%d,%d) must lie between 0 and %d", p, s, p);
  *type = type_decimal(p, s);
  return 0;
}

static int type_parse_timestamp(const char *args, struct spate_type *type, struct spate_error *err) {
  for (unsigned i = 0; i < 4; i++) {
    char text[16];
    snprintf(text, sizeof text, "(%s)", ENCODINGS[i]);
    if (strcmp(args, text) == 0) {
      *type = type_of(SPATE_TIMESTAMP);
      type->encoding = (uint8_t)i;
      return 0;
    }
  }
  return spate_fail(err, "a timestamp's encoding is timestamp(s), (ms), (us) or (iso), not '%s'", args);
}

int type_parse(const char *text, struct spate_type *type, struct spate_error *err) {
  char name[32];
  size_t n = 0;
  while (n < sizeof name - 1 && (isalnum((unsigned char)text[n]) || text[n] == '_')) {
    name[n] = (char)tolower((unsigned char)text[n]);
    n++;
  }
  name[n] = 0;
  if (strcmp(name, "decimal") == 0) return type_parse_decimal(text + n, type, err);
  if (strcmp(name, "timestamp") == 0 && text[n] != 0) return type_parse_timestamp(text + n, type, err);
  for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
    if (strcmp(name, TYPES[i].name) == 0 && text[n] == 0) {
      *type = type_of(TYPES[i].kind);
      return 0;
    }
  for (size_t i = 0; i < sizeof LATER / sizeof *LATER; i++)
    if (strcmp(name, LATER[i]) == 0) return spate_fail(err, "the type %s is not built yet", name);
  for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
    if (strcmp(name, OTHERS[i].wrong) == 0)
      return spate_fail(err, "there is no type '%s'; here it is called %s", text, OTHERS[i].right);
  return spate_fail(err, "there is no type '%s' (bool, int, double, decimal(p,s), string, bytes, timestamp)", text);
}

const char *type_text(struct spate_type type, char *out, size_t room) {
  if (type.kind == SPATE_DECIMAL) {
    snprintf(out, room, "decimal(%u,%u)", type.precision, type.scale);
  } else if (type.kind == SPATE_TIMESTAMP && type.encoding != SPATE_TIME_ISO) {
    snprintf(out, room, "timestamp(%s)", ENCODINGS[type.encoding & 3]);
  } else {
    const char *name = type.kind == SPATE_NONE ? "null" : "interval";
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
      if (TYPES[i].kind == type.kind) name = TYPES[i].name;
    snprintf(out, room, "%s", name);
  }
  return out;
}

bool type_same(struct spate_type a, struct spate_type b) {
  return a.kind == b.kind && (a.kind != SPATE_DECIMAL || (a.precision == b.precision && a.scale == b.scale));
}
