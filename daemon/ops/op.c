/*
 * op: the verbs, as one list, and what their check functions have in common: turning a node into an expression or
 * into columns, with errors that point at the character.
 *
 * Law: a check that fails still describes its output as well as it can (a column whose expression is wrong is there,
 * with the type of a bare null), so that one mistake makes one error and not ten.
 */
#include "op.h"

#include "steps.h"

static const struct op_verb *const VERBS[] = {&OP_FILTER, &OP_MAP,    &OP_SET,   &OP_SELECT, &OP_DROP,
                                              &OP_RENAME, &OP_LOOKUP, &OP_ROUTE, &OP_KEY_BY, &OP_AGGREGATE};
#define VERB_COUNT (sizeof VERBS / sizeof *VERBS)

/* In the language, not in the engine yet. */
static const char *const LATER[] = {"flat_map", "reduce", "state",   "dedupe",     "top",
                                    "join",     "match",  "process", "assign_time"};

const struct op_verb *const *op_verbs(uint32_t *count) {
  *count = VERB_COUNT;
  return VERBS;
}

const char *const *op_verbs_later(uint32_t *count) {
  *count = sizeof LATER / sizeof *LATER;
  return LATER;
}

const struct op_verb *op_verb_find(const char *name) {
  for (size_t i = 0; i < VERB_COUNT; i++)
    if (strcmp(VERBS[i]->name, name) == 0) return VERBS[i];
  return NULL;
}

static const char *node_kind(const struct conf_node *node) {
  return node->kind == CONF_LIST ? "a list" : node->kind == CONF_MAP ? "a map" : "empty";
}

struct expr *op_expr(struct op_check *check, const struct conf_node *node) {
  if (node->kind != CONF_SCALAR || node->text[0] == 0) {
    conf_error(check->errors, node, "an expression is needed here, and this is %s", node_kind(node));
    if (node->kind != CONF_SCALAR)
      conf_hint(check->errors, "YAML took the text apart: put the expression in quotes, or on a line of its own");
    return NULL;
  }
  struct expr_error e = {0};
  struct expr *expr = expr_compile(check->arena, node->text, check->input.schema, &e);
  if (expr == NULL)
    conf_error_in(check->errors, node, e.offset, e.length > 0 ? e.length : 1, e.hint[0] != 0 ? e.hint : NULL, "%s",
                  e.message);
  return expr;
}

struct expr *op_condition(struct op_check *check, const struct conf_node *node) {
  struct expr *expr = op_expr(check, node);
  if (expr == NULL) return NULL;
  struct spate_type type = expr_type(expr);
  if (type.kind == SPATE_BOOL) return expr;
  if (type.kind == SPATE_NONE) {
    struct expr_error e = {0};
    expr = expr_coerce(check->arena, expr, type_of(SPATE_BOOL), &e);
    if (expr != NULL) return expr;
  }
  char text[64];
  conf_error_in(check->errors, node, 0, (uint32_t)strlen(node->text), NULL,
                "a condition is needed here, and this gives %s", type_text(type, text, sizeof text));
  return NULL;
}

void op_unknown_column(struct op_check *check, const struct conf_node *node, const struct schema *schema,
                       const char *what) {
  const char **names = ARENA_NEWS(check->arena, const char *, schema->all.count + 1);
  for (uint32_t i = 0; i < schema->all.count; i++) names[i] = schema->all.fields[i].name;
  const char *near = conf_nearest(node->text, names, schema->all.count);
  conf_error(check->errors, node, "%s '%s'", what, node->text);
  if (near != NULL) {
    conf_hint(check->errors, "did you mean '%s'?", near);
    return;
  }
  struct buf list = {0};
  for (uint32_t i = 0; i < schema->visible && i < 20; i++)
    buf_format(&list, "%s%s", i > 0 ? ", " : "", schema->all.fields[i].name);
  conf_hint(check->errors, "the columns here are: %s%s", buf_string(&list), schema->visible > 20 ? ", …" : "");
  buf_free(&list);
}

int32_t op_column(struct op_check *check, const struct conf_node *node) {
  if (node->kind != CONF_SCALAR || node->text[0] == 0) {
    conf_error(check->errors, node, "the name of a column is needed here, and this is %s", node_kind(node));
    return -1;
  }
  int32_t i = schema_find(check->input.schema, node->text);
  if (i < 0) op_unknown_column(check, node, check->input.schema, "there is no column");
  return i;
}

int op_columns(struct op_check *check, const struct conf_node *node, uint32_t **columns, uint32_t *count) {
  uint32_t n = node->kind == CONF_LIST ? node->count : 1;
  uint32_t *list = ARENA_NEWS(check->arena, uint32_t, n + 1);
  int result = 0;
  *columns = list;
  *count = 0;
  if (node->kind == CONF_LIST && n == 0) {
    conf_error(check->errors, node, "the list of columns is empty");
    return -1;
  }
  for (uint32_t i = 0; i < n; i++) {
    const struct conf_node *item = node->kind == CONF_LIST ? &node->item[i] : node;
    int32_t column = op_column(check, item);
    if (column < 0) {
      result = -1;
      continue;
    }
    bool twice = false;
    for (uint32_t k = 0; k < *count; k++) twice |= list[k] == (uint32_t)column;
    if (twice) {
      conf_error(check->errors, item, "column '%s' is named twice", item->text);
      result = -1;
      continue;
    }
    list[(*count)++] = (uint32_t)column;
  }
  return result;
}

void op_port_schema(struct op_check *check, uint32_t i, const char *name, const struct schema *schema) {
  check->port[i] = (struct op_port){.name = name != NULL ? name : check->name,
                                    .schema = schema,
                                    .has_time = check->input.has_time,
                                    .updating = check->input.updating};
  if (i >= check->ports) check->ports = i + 1;
}

void op_port_same(struct op_check *check, uint32_t i, const char *name) {
  op_port_schema(check, i, name, check->input.schema);
}

void op_group_same(struct op_check *check) {
  check->group_key = check->input.group_key;
  check->group_keys = check->input.group_keys;
}

struct spate_batch *op_narrow(struct spate_batch *batch, const uint16_t *rows, uint32_t count) {
  if (count == 0) return NULL;
  if (count == batch->count) return spate_batch_ref(batch);
  return batch_select(batch, rows, count);
}
