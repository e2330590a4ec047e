/*
 * conf_tree: looking things up in a tree, and putting what others found wrong at the place where it was written.
 *
 * Plugins check their options without knowing of files and lines: they name an option, and the tree knows where it is.
 */
#include <string.h>
#include "conf_parts.h"

static int32_t pair_find(const struct conf_node *map, const char *key, size_t size) {
  if (map == NULL || map->kind != CONF_MAP) return -1;
  for (uint32_t i = 0; i < map->count; i++)
    if (strncmp(map->key[i].text, key, size) == 0 && map->key[i].text[size] == 0) return (int32_t)i;
  return -1;
}

const struct conf_node *conf_get(const struct conf_node *map, const char *key) {
  int32_t i = pair_find(map, key, strlen(key));
  return i < 0 ? NULL : &map->item[i];
}

const struct conf_node *conf_key(const struct conf_node *map, const char *key) {
  int32_t i = pair_find(map, key, strlen(key));
  return i < 0 ? NULL : &map->key[i];
}

/* Keys may hold dots themselves ("linger.ms"): the longest key that fits is tried first. */
const struct conf_node *conf_find(const struct conf_node *map, const char *path) {
  for (size_t size = strlen(path); size > 0; size--) {
    if (path[size] != 0 && path[size] != '.') continue;
    int32_t i = pair_find(map, path, size);
    if (i < 0) continue;
    if (path[size] == 0) return &map->item[i];
    const struct conf_node *inner = conf_find(&map->item[i], path + size + 1);
    if (inner != NULL) return inner;
  }
  return NULL;
}

/* The option itself, or the nearest of what holds it ("fields.x" of a list: fields). */
void conf_fail(struct conf_errors *errors, const struct conf_node *map, const struct spate_error *err) {
  char path[sizeof err->option];
  snprintf(path, sizeof path, "%s", err->option);
  const struct conf_node *node = NULL;
  while (path[0] != 0 && (node = conf_find(map, path)) == NULL) {
    char *dot = strrchr(path, '.');
    *(dot == NULL ? path : dot) = 0;
  }
  if (node == NULL) {
    conf_error(errors, map, "%s%s%s", err->option, err->option[0] != 0 ? ": " : "", err->message);
  } else {
    conf_error(errors, node, "%s", err->message);
  }
}
