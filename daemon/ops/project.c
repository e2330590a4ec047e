/*
 * project: map, set, select, drop and rename are one step: a list of output columns, each either an input column as it
 * is or an expression over the input. All expressions see the old columns. No column is copied: the output is a new
 * header. Hidden columns (a record's metadata) pass set, drop and rename; a map or select ends them unless it names
 * them, and a hidden column that is named becomes a visible one.
 *
 * Expressions are computed whether or not somebody reads their column, since a record for which one fails is a bad
 * record; columns that only pass may be absent (NULL), and then stay absent.
 */
#include "../base/mem.h"
#include "project.h"
#include "steps.h"

struct project_column {
  int32_t from; /* of the input; -1: expr */
  struct expr *expr;
};
struct project_def {
  uint32_t columns;
  struct project_column *column;
  uint32_t exprs;
};
struct project_state {
  const struct project_def *def;
  struct op_frame *frame;
  struct expr_frame **expr; /* by output column; NULL: it passes */
};

/* ---- building the definition, column by column ---- */
struct project_build {
  struct op_check *check;
  struct project_def *def;
  struct schema *schema;
  uint32_t visible; /* of its columns; the rest are hidden */
  bool failed;
};

static void project_begin(struct project_build *b, struct op_check *check, uint32_t more) {
  uint32_t room = check->input.schema->all.count + more;
  b->check = check;
  b->failed = false;
  b->visible = 0;
  b->def = ARENA_NEW(check->arena, struct project_def);
  b->def->column = ARENA_NEWS(check->arena, struct project_column, room + 1);
  b->schema = schema_new(check->arena, room + 1);
}

static void project_add(struct project_build *b, const char *name, int32_t from, struct expr *expr) {
  struct spate_type type = type_of(SPATE_NONE);
  if (expr != NULL && expr_column(expr) >= 0) {
    from = expr_column(expr);
    expr = NULL;
  }
  if (from >= 0)
    type = b->check->input.schema->all.fields[from].type;
  else if (expr != NULL)
    type = expr_type(expr);
  schema_add(b->schema, name, type);
  if (expr != NULL) b->def->exprs++;
  b->def->column[b->def->columns++] = (struct project_column){from, expr};
}

static void project_pass(struct project_build *b, uint32_t column) {
  project_add(b, b->check->input.schema->all.fields[column].name, (int32_t)column, NULL);
}

static void project_value(struct project_build *b, const char *name, const struct conf_node *node) {
  struct expr *expr = op_expr(b->check, node);
  if (expr == NULL) b->failed = true;
  if (expr != NULL && expr_type(expr).kind == SPATE_INTERVAL) {
    conf_error(b->check->errors, node, "a column cannot hold an interval: add it to a timestamp, or use its parts");
    b->failed = true;
    expr = NULL;
  }
  project_add(b, name, -1, expr);
}

/* The columns that name a row of an updating stream, under their new names; lost when one of them is not passed on. */
static void project_group(struct project_build *b) {
  struct op_check *check = b->check;
  uint32_t n = check->input.group_keys;
  const char **keys = ARENA_NEWS(check->arena, const char *, n + 1);
  for (uint32_t k = 0; k < n; k++) {
    int32_t from = schema_find(check->input.schema, check->input.group_key[k]);
    for (uint32_t i = 0; i < b->def->columns && keys[k] == NULL; i++)
      if (from >= 0 && b->def->column[i].from == from) keys[k] = b->schema->all.fields[i].name;
    if (keys[k] == NULL) return;
  }
  check->group_key = keys;
  check->group_keys = n;
}

static int project_end(struct project_build *b) {
  b->schema->visible = b->visible;
  op_port_schema(b->check, 0, NULL, b->schema);
  project_group(b);
  b->check->def = b->def;
  return b->failed ? -1 : 0;
}

/* ---- the verbs ---- */
static bool project_map_node(struct op_check *check, const char *form) {
  if (check->value->kind == CONF_MAP && check->value->count > 0) return true;
  conf_error(check->errors, check->value, "'%s' takes a map: %s: %s", check->verb->text, check->verb->text, form);
  op_port_same(check, 0, NULL);
  return false;
}

static int map_check(struct op_check *check) {
  if (!project_map_node(check, "{name: expression, …}")) return -1;
  struct project_build b;
  project_begin(&b, check, check->value->count);
  for (uint32_t i = 0; i < check->value->count; i++)
    project_value(&b, check->value->key[i].text, &check->value->item[i]);
  b.visible = b.schema->all.count;
  return project_end(&b);
}

static int set_check(struct op_check *check) {
  if (!project_map_node(check, "{name: expression, …}")) return -1;
  const struct conf_node *map = check->value;
  const struct schema *in = check->input.schema;
  struct project_build b;
  project_begin(&b, check, map->count);
  for (uint32_t i = 0; i < in->visible; i++) {
    const struct conf_node *node = conf_get(map, in->all.fields[i].name);
    if (node != NULL)
      project_value(&b, in->all.fields[i].name, node);
    else
      project_pass(&b, i);
  }
  for (uint32_t i = 0; i < map->count; i++) {
    int32_t old = schema_find(in, map->key[i].text);
    if (old < 0 || (uint32_t)old >= in->visible) project_value(&b, map->key[i].text, &map->item[i]);
  }
  b.visible = b.schema->all.count;
  for (uint32_t i = in->visible; i < in->all.count; i++)
    if (conf_get(map, in->all.fields[i].name) == NULL) project_pass(&b, i);
  return project_end(&b);
}

static int select_check(struct op_check *check) {
  uint32_t *columns, count;
  struct project_build b;
  project_begin(&b, check, 0);
  b.failed = op_columns(check, check->value, &columns, &count) != 0;
  for (uint32_t i = 0; i < count; i++) project_pass(&b, columns[i]);
  b.visible = b.schema->all.count;
  return project_end(&b);
}

static int drop_check(struct op_check *check) {
  const struct schema *in = check->input.schema;
  uint32_t *columns, count;
  struct project_build b;
  project_begin(&b, check, 0);
  b.failed = op_columns(check, check->value, &columns, &count) != 0;
  for (uint32_t i = 0; i < in->all.count; i++) {
    bool dropped = false;
    for (uint32_t k = 0; k < count; k++) dropped |= columns[k] == i;
    if (!dropped) project_pass(&b, i);
    if (i + 1 == in->visible) b.visible = b.schema->all.count;
  }
  if (b.visible == 0 && !b.failed) {
    conf_error(check->errors, check->value, "this drops every column");
    b.failed = true;
  }
  return project_end(&b);
}

/* The new name of column i, or NULL. */
static const char *rename_find(const struct conf_node *map, const char *name) {
  const struct conf_node *node = conf_get(map, name);
  return node != NULL && node->kind == CONF_SCALAR && node->text[0] != 0 ? node->text : NULL;
}

static int rename_nodes(struct op_check *check) {
  const struct conf_node *map = check->value;
  int result = 0;
  for (uint32_t i = 0; i < map->count; i++) {
    if (map->item[i].kind != CONF_SCALAR || map->item[i].text[0] == 0) {
      conf_error(check->errors, &map->item[i], "the new name of column '%s' is needed here", map->key[i].text);
      result = -1;
    }
    if (schema_find(check->input.schema, map->key[i].text) >= 0) continue;
    op_unknown_column(check, &map->key[i], check->input.schema, "there is no column");
    result = -1;
  }
  return result;
}

static int rename_check(struct op_check *check) {
  if (!project_map_node(check, "{old: new, …}")) return -1;
  const struct conf_node *map = check->value;
  const struct schema *in = check->input.schema;
  struct project_build b;
  project_begin(&b, check, 0);
  b.failed = rename_nodes(check) != 0;
  for (uint32_t pass = 0; pass < 3; pass++) { /* visible ones in place, hidden ones that got a name, hidden ones */
    for (uint32_t i = pass == 0 ? 0 : in->visible; i < (pass == 0 ? in->visible : in->all.count); i++) {
      const char *name = in->all.fields[i].name, *renamed = rename_find(map, name);
      if (pass != 0 && (pass == 1) != (renamed != NULL)) continue;
      const char *as = renamed != NULL ? renamed : name;
      if (schema_find(b.schema, as) >= 0) {
        if (pass == 2) continue; /* a visible column took the name of a hidden one */
        conf_error(check->errors, renamed != NULL ? conf_get(map, name) : check->value,
                   "there would be two columns '%s'", as);
        b.failed = true;
        continue;
      }
      project_add(&b, as, (int32_t)i, NULL);
    }
    if (pass == 1) b.visible = b.schema->all.count;
  }
  return project_end(&b);
}

int project_reorder(struct op_check *check, const struct schema *like) {
  struct project_build b;
  project_begin(&b, check, 0);
  for (uint32_t i = 0; i < like->all.count; i++) {
    int32_t from = schema_find(check->input.schema, like->all.fields[i].name);
    if (from < 0) return -1;
    project_pass(&b, (uint32_t)from);
  }
  b.visible = like->visible;
  return project_end(&b);
}

static void project_needs(const void *own, uint8_t *const *needed, uint8_t *used) {
  const struct project_def *def = own;
  for (uint32_t i = 0; i < def->columns; i++) {
    const struct project_column *c = &def->column[i];
    if (c->expr != NULL)
      expr_columns(c->expr, used);
    else if (c->from >= 0)
      used[c->from] |= needed[0][i];
  }
}

/* ---- running ---- */
static int project_open(const void *own, struct op_frame *frame, void **state) {
  const struct project_def *def = own;
  struct project_state *s = MEM_NEW(struct project_state);
  s->def = def;
  s->frame = frame;
  s->expr = MEM_NEWS(struct expr_frame *, def->columns + 1);
  for (uint32_t i = 0; i < def->columns; i++)
    if (def->column[i].expr != NULL) s->expr[i] = expr_frame_new(def->column[i].expr);
  *state = s;
  return 0;
}

static struct spate_batch *project_batch(struct project_state *s, struct spate_batch *in) {
  const struct project_def *def = s->def;
  struct spate_column *few[64];
  struct spate_column **column = def->columns <= 64 ? few : MEM_NEWS(struct spate_column *, def->columns);
  for (uint32_t i = 0; i < def->columns; i++)
    column[i] = s->expr[i] != NULL ? expr_eval(s->expr[i], in, &s->frame->moment, s->frame->rejects)
                                   : spate_column_ref(in->column[def->column[i].from]);
  struct spate_batch *out = batch_with(in, def->columns, column);
  if (column != few) mem_free(column);
  return out;
}

static enum spate_result project_step(void *own, const struct op_msg *in, struct op_msg *out) {
  struct project_state *s = own;
  if (in->kind != OP_BATCH) return op_pass(in, out);
  struct spate_batch *batch = project_batch(s, in->batch);
  if (s->frame->rejects->count > 0) {
    uint16_t rows[SPATE_BATCH_ROWS];
    struct spate_batch *good = op_narrow(batch, rows, rejects_remaining(s->frame->rejects, batch, rows));
    spate_batch_unref(batch);
    batch = good;
  }
  op_give(out, 0, batch);
  return SPATE_OK;
}

static void project_close(void *own) {
  struct project_state *s = own;
  if (s == NULL) return;
  for (uint32_t i = 0; i < s->def->columns; i++) expr_frame_free(&s->expr[i]);
  mem_free(s->expr);
  mem_free(s);
}

static const struct op_class PROJECT = {.open = project_open, .step = project_step, .close = project_close};
const struct op_verb OP_MAP = {
    .name = "map",
    .help = "The record becomes these columns.",
    .form = "{name: EXPR, …}",
    .check = map_check,
    .needs = project_needs,
    .op = &PROJECT,
};
const struct op_verb OP_SET = {
    .name = "set",
    .help = "Adds or replaces columns; all expressions see the old ones.",
    .form = "{name: EXPR, …}",
    .check = set_check,
    .needs = project_needs,
    .op = &PROJECT,
};
const struct op_verb OP_SELECT = {
    .name = "select",
    .help = "Keeps these columns, in this order.",
    .form = "[a, b, …]",
    .check = select_check,
    .needs = project_needs,
    .op = &PROJECT,
};
const struct op_verb OP_DROP = {
    .name = "drop",
    .help = "Removes these columns.",
    .form = "[a, …]",
    .check = drop_check,
    .needs = project_needs,
    .op = &PROJECT,
};
const struct op_verb OP_RENAME = {
    .name = "rename",
    .help = "Gives columns other names.",
    .form = "{old: new, …}",
    .check = rename_check,
    .needs = project_needs,
    .op = &PROJECT,
};
