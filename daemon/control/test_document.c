/*
 * test_document: what a test looks at besides sinks is given a sink of its own, in a copy of the document's top: the
 * plan is then built as ever, and says as ever when a name is wrong, at its place in the file of tests.
 */
#include "test_document.h"

#include <string.h>

static struct conf_node *node_text(struct arena *arena, const struct conf_node *like, const char *text) {
  struct conf_node *n = ARENA_NEW(arena, struct conf_node);
  *n = *like;
  n->kind = CONF_SCALAR;
  n->text = arena_text(arena, text);
  n->quoted = true;
  n->null = false;
  n->count = 0;
  size_t size = strlen(text);
  uint32_t *where = ARENA_NEWS(arena, uint32_t, size + 1);
  for (size_t i = 0; i <= size; i++) where[i] = like->at;
  if (like->kind != CONF_SCALAR || strcmp(like->text, text) != 0) n->where = where;
  return n;
}

/* The map with room for one pair more, which is set. */
static struct conf_node *map_add(struct arena *arena, const struct conf_node *map, const struct conf_node *key,
                                 const struct conf_node *value) {
  struct conf_node *n = ARENA_NEW(arena, struct conf_node);
  *n = *map;
  n->key = ARENA_NEWS(arena, struct conf_node, map->count + 1);
  n->item = ARENA_NEWS(arena, struct conf_node, map->count + 1);
  if (map->count > 0) {
    memcpy(n->key, map->key, map->count * sizeof *map->key);
    memcpy(n->item, map->item, map->count * sizeof *map->item);
  }
  n->key[map->count] = *key;
  n->item[map->count] = *value;
  n->count = map->count + 1;
  return n;
}

static struct conf_node *map_empty(struct arena *arena, const struct conf_node *like) {
  struct conf_node *n = ARENA_NEW(arena, struct conf_node);
  *n = *like;
  n->kind = CONF_MAP;
  n->text = NULL;
  n->null = false;
  n->count = 0;
  return n;
}

static const struct conf_node *map_replace(struct arena *arena, const struct conf_node *map, const char *name,
                                           const struct conf_node *value) {
  struct conf_node *n = ARENA_NEW(arena, struct conf_node);
  *n = *map;
  n->item = ARENA_NEWS(arena, struct conf_node, map->count + 1);
  memcpy(n->item, map->item, map->count * sizeof *map->item);
  for (uint32_t i = 0; i < map->count; i++)
    if (strcmp(map->key[i].text, name) == 0) n->item[i] = *value;
  return n;
}

/* "late" means the only late output there is. */
static const char *late_output(const struct conf_node *document) {
  const struct conf_node *steps = conf_get(document, "steps");
  const char *found = "late";
  uint32_t count = 0;
  for (uint32_t i = 0; steps != NULL && steps->kind == CONF_LIST && i < steps->count; i++) {
    const struct conf_node *step = &steps->item[i];
    for (uint32_t k = 0; step->kind == CONF_MAP && k < step->count; k++) {
      const struct conf_node *late = step->item[k].kind == CONF_MAP ? conf_get(&step->item[k], "late") : NULL;
      if (late == NULL || late->kind != CONF_SCALAR) continue;
      if (strcmp(late->text, "late") == 0) return "late";
      found = late->text;
      count++;
    }
  }
  return count == 1 ? found : "late";
}

static const char *tap_name(struct arena *arena, const char *name) {
  char *tap = arena_format(arena, "tap-%.50s", name);
  for (char *p = tap; *p != 0; p++)
    if (*p == '.') *p = '-';
  return tap;
}

static const struct conf_node *tap(struct arena *arena, const struct conf_node *sinks, const struct conf_node *key,
                                   const char *name, const char *from) {
  struct conf_node *component = map_empty(arena, key);
  component = map_add(arena, component, node_text(arena, key, "discard"), map_empty(arena, key));
  if (from != NULL) component = map_add(arena, component, node_text(arena, key, "from"), node_text(arena, key, from));
  return map_add(arena, sinks, node_text(arena, key, name), component);
}

static const char *dead_sink(const struct conf_node *document) {
  const struct conf_node *dead = conf_get(document, "dead_letter");
  return dead != NULL && dead->kind == CONF_SCALAR ? dead->text : NULL;
}

const struct conf_node *test_document(struct arena *arena, const struct conf_node *document,
                                      const struct conf_node *expect, const char **names) {
  const struct conf_node *sinks = document->kind == CONF_MAP ? conf_get(document, "sinks") : NULL;
  if (sinks == NULL || sinks->kind != CONF_MAP) return document;
  const struct conf_node *original = sinks, *dead_key = NULL;
  for (uint32_t i = 0; expect != NULL && i < expect->count; i++) {
    const struct conf_node *key = &expect->key[i];
    names[i] = key->text;
    if (conf_get(original, key->text) != NULL) continue;
    bool dead = strcmp(key->text, "dead") == 0;
    if (dead && dead_sink(document) != NULL) {
      names[i] = dead_sink(document);
      continue;
    }
    names[i] = tap_name(arena, key->text);
    if (dead) dead_key = key;
    const char *from = strcmp(key->text, "late") == 0 ? late_output(document) : key->text;
    sinks = tap(arena, sinks, key, names[i], dead ? NULL : from);
  }
  document = map_replace(arena, document, "sinks", sinks);
  if (dead_key == NULL) return document;
  return map_add(arena, document, node_text(arena, dead_key, "dead_letter"),
                 node_text(arena, dead_key, tap_name(arena, "dead")));
}
