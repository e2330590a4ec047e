/*
 * json_plan: see json_plan.h. A path is keys separated by dots, each followed by any number of elements in brackets,
 * counted from 0. A field without a path is one key, its name, dots and all.
 */
#include "json_plan.h"

#include <stdlib.h>

#define PATH_MAX_INDEX 1000000u

static uint32_t node_add(struct json_plan *plan, const char *key, uint32_t size, uint32_t index) {
  uint32_t i = plan->nodes++;
  plan->node[i] = (struct json_node){.key = key,
                                     .key_size = size,
                                     .index = index,
                                     .next = JSON_NO,
                                     .first_key = JSON_NO,
                                     .first_element = JSON_NO,
                                     .last_key = JSON_NO,
                                     .last_element = JSON_NO,
                                     .column = JSON_NO};
  return i;
}

static uint32_t node_key(struct json_plan *plan, uint32_t parent, const char *key, uint32_t size) {
  uint32_t hint = JSON_NO, found = json_plan_find(plan, parent, key, size, &hint);
  if (found != JSON_NO) return found;
  uint32_t i = node_add(plan, key, size, 0);
  struct json_node *p = &plan->node[parent];
  if (p->last_key == JSON_NO)
    p->first_key = i;
  else
    plan->node[p->last_key].next = i;
  p->last_key = i;
  p->keys++;
  p->filter |= json_key_bit(key, size);
  return i;
}

static uint32_t node_element(struct json_plan *plan, uint32_t parent, uint32_t index) {
  uint32_t found = json_plan_element(plan, parent, index);
  if (found != JSON_NO) return found;
  uint32_t i = node_add(plan, NULL, 0, index), *at = &plan->node[parent].first_element;
  while (*at != JSON_NO && plan->node[*at].index < index) at = &plan->node[*at].next;
  plan->node[i].next = *at;
  *at = i;
  return i;
}

/* Follows one segment, "key" and its "[n]…", from `at`; NULL when it is not one. */
static const char *path_segment(struct json_plan *plan, const char *at, uint32_t *node, uint32_t *depth) {
  size_t size = strcspn(at, ".[]");
  if (size == 0 || size > UINT16_MAX) return NULL;
  *node = node_key(plan, *node, at, (uint32_t)size);
  at += size;
  for (++*depth; *at == '['; ++*depth) {
    uint32_t index = 0;
    size_t digits = strspn(++at, "0123456789");
    if (digits == 0 || digits > 7 || at[digits] != ']') return NULL;
    for (size_t i = 0; i < digits; i++) index = index * 10 + (uint32_t)(at[i] - '0');
    if (index > PATH_MAX_INDEX) return NULL;
    *node = node_element(plan, *node, index);
    at += digits + 1;
  }
  return at;
}

static int path_follow(struct json_plan *plan, const struct spate_field *f, uint32_t *node, struct spate_error *err) {
  uint32_t depth = 0;
  *node = 0;
  if (f->path == NULL) {
    *node = node_key(plan, 0, f->name, (uint32_t)strlen(f->name));
    return 0;
  }
  const char *at = f->path;
  for (;;) {
    at = path_segment(plan, at, node, &depth);
    if (at == NULL || (*at != 0 && *at != '.')) break;
    if (depth > JSON_DEPTH) return spate_fail(err, "path of `%s` is deeper than %d", f->name, JSON_DEPTH);
    if (*at == 0) return 0;
    at++;
  }
  return spate_fail(err, "path of `%s`: \"%s\" is not keys with dots and [elements] between, as in \"a.b[0]\"", f->name,
                    f->path);
}

/* Segments of a path are at most its dots and brackets and one. */
static uint32_t nodes_needed(const struct spate_schema *wanted) {
  uint32_t n = 1;
  for (uint32_t i = 0; i < wanted->count; i++) {
    n++;
    for (const char *p = wanted->fields[i].path; p != NULL && *p != 0; p++) n += *p == '.' || *p == '[';
  }
  return n;
}

static int column_plan(struct json_plan *plan, uint32_t i, struct spate_error *err) {
  struct json_column *c = &plan->column[i];
  const struct spate_field *f = c->field = &plan->fields[i];
  c->same = JSON_NO;
  c->row_bytes = 32;
  if (f->type.kind == SPATE_NONE || f->type.kind == SPATE_INTERVAL || f->type.kind >= SPATE_KINDS)
    return spate_fail(err, "`%s`: json cannot read this type", f->name);
  if (path_follow(plan, f, &c->node, err) != 0) return -1;
  struct json_node *node = &plan->node[c->node];
  uint32_t *last = &node->column;
  while (*last != JSON_NO) last = &plan->column[*last].same;
  *last = i;
  if (f->default_text == NULL) return 0;
  size_t size = strlen(f->default_text);
  c->fallback = spate_column_new(f->type, 1, (uint32_t)size);
  if (c->fallback == NULL) return spate_fail(err, "out of memory");
  if (spate_parse_value(c->fallback, 0, f->default_text, size) != 0)
    return spate_fail(err, "`%s`: the default \"%s\" is not a value of its type", f->name, f->default_text);
  spate_column_finish(c->fallback);
  return 0;
}

int json_plan_new(const struct spate_schema *wanted, struct json_plan **out, struct spate_error *err) {
  struct json_plan *plan = calloc(1, sizeof *plan);
  if (plan == NULL) return spate_fail(err, "out of memory");
  plan->columns = wanted->count;
  plan->node = calloc(nodes_needed(wanted), sizeof *plan->node);
  plan->column = calloc(wanted->count + 1, sizeof *plan->column);
  plan->fields = calloc(wanted->count + 1, sizeof *plan->fields);
  if (plan->node == NULL || plan->column == NULL || plan->fields == NULL) {
    spate_fail(err, "out of memory");
    goto fail;
  }
  if (wanted->count > 0) memcpy(plan->fields, wanted->fields, wanted->count * sizeof *plan->fields);
  node_add(plan, NULL, 0, 0);
  for (uint32_t i = 0; i < wanted->count; i++)
    if (column_plan(plan, i, err) != 0) goto fail;
  *out = plan;
  return 0;
fail:
  json_plan_free(plan);
  return -1;
}

void json_plan_free(struct json_plan *plan) {
  if (plan == NULL) return;
  for (uint32_t i = 0; plan->column != NULL && i < plan->columns; i++) spate_column_unref(plan->column[i].fallback);
  free(plan->node);
  free(plan->column);
  free(plan->fields);
  free(plan);
}
