/*
 * lookup: a stream against a table. The table is loaded before the step is opened and does not change while the step
 * runs; a row's key finds at most one row of it, and a null key never matches. The columns of the stream are passed on
 * as they are; the added ones are built for the rows that are there.
 */
#include "../base/mem.h"
#include "steps.h"

enum lookup_missing { LOOKUP_NULL, LOOKUP_DROP, LOOKUP_DEAD };
struct lookup_options {
  const char *table;
  struct spate_strings add;
  int missing;
};
struct lookup_def {
  struct lookup_table *const *table;
  const char *name;
  uint32_t columns, visible, keys, adds; /* columns, visible: of the input */
  struct expr **key;                     /* over the input, of the types of the table's key */
  const uint32_t *add;                   /* columns of the table */
  int missing;
};
struct lookup_state {
  const struct lookup_def *def;
  struct op_frame *frame;
  const struct lookup_table *table;
  struct expr_frame **key;
  struct spate_column **value; /* keys of the batch at hand */
};

static const char *const LOOKUP_MISSING[] = {"null", "drop", "dead_letter", NULL};
static const struct spate_option LOOKUP_OPTIONS[] = {
    {.name = "table",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct lookup_options, table),
     .flags = SPATE_REQUIRED,
     .help = "The table, by its name under tables:."},
    {.name = "add",
     .type = SPATE_OPT_STRINGS,
     .offset = offsetof(struct lookup_options, add),
     .help = "The columns of the table to add; left out: none (to keep what is in the table, with missing: drop)."},
    {.name = "missing",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct lookup_options, missing),
     .default_text = "null",
     .choices = LOOKUP_MISSING,
     .help = "What a record without a match gets: nulls, or it is dropped, or it becomes a dead letter."},
    {.name = NULL},
};

static const struct op_table *lookup_table_named(struct op_check *check, const char *name) {
  const char **names = ARENA_NEWS(check->arena, const char *, check->table_count + 1);
  for (uint32_t i = 0; i < check->table_count; i++) {
    if (strcmp(check->tables[i].name, name) == 0) return &check->tables[i];
    names[i] = check->tables[i].name;
  }
  const char *near = conf_nearest(name, names, check->table_count);
  conf_error(check->errors, conf_get(check->value, "table"), "there is no table '%s'", name);
  if (near != NULL)
    conf_hint(check->errors, "did you mean '%s'?", near);
  else if (check->table_count == 0)
    conf_hint(check->errors, "this pipeline has no tables: section");
  return NULL;
}

/* One key: the node's expression (or column), as the type of the table's key column. */
static int lookup_key(struct op_check *check, struct lookup_def *def, const struct op_table *table, uint32_t i,
                      const struct conf_node *node, bool column_only) {
  int32_t at = schema_find(table->schema, table->key[i]);
  if (column_only && op_column(check, node) < 0) return -1;
  struct expr *expr;
  if (column_only) {
    struct expr_error e = {0};
    const char *quoted = arena_format(check->arena, "\"%s\"", node->text);
    expr = expr_compile(check->arena, quoted, check->input.schema, &e);
    if (expr == NULL) conf_error(check->errors, node, "%s", e.message);
  } else {
    expr = op_expr(check, node);
  }
  if (expr == NULL || at < 0) return -1;
  struct spate_type want = table->schema->all.fields[at].type, have = expr_type(expr);
  if (want.kind == SPATE_NONE || have.kind == SPATE_NONE) return -1; /* another error's trace */
  struct expr_error e = {0};
  def->key[i] = type_same(want, have) ? expr : expr_coerce(check->arena, expr, want, &e);
  if (def->key[i] != NULL) return 0;
  char a[64], b[64];
  conf_error(check->errors, node, "the key '%s' of table '%s' is %s, and this is %s", table->key[i], table->name,
             type_text(want, a, sizeof a), type_text(have, b, sizeof b));
  conf_hint(check->errors, "write on: {%s: cast(… as %s)}", table->key[i], a);
  return -1;
}

static int lookup_on_map(struct op_check *check, struct lookup_def *def, const struct op_table *table,
                         const struct conf_node *on) {
  int result = 0;
  for (uint32_t i = 0; i < on->count; i++) {
    bool known = false;
    for (uint32_t k = 0; k < table->keys; k++) known |= strcmp(table->key[k], on->key[i].text) == 0;
    if (known) continue;
    const char *near = conf_nearest(on->key[i].text, table->key, table->keys);
    conf_error(check->errors, &on->key[i], "'%s' is not a key column of table '%s'", on->key[i].text, table->name);
    if (near != NULL) conf_hint(check->errors, "did you mean '%s'?", near);
    result = -1;
  }
  for (uint32_t k = 0; k < table->keys; k++) {
    const struct conf_node *node = conf_get(on, table->key[k]);
    if (node == NULL) {
      conf_error(check->errors, on, "the key column '%s' of table '%s' is missing here", table->key[k], table->name);
      result = -1;
    } else if (lookup_key(check, def, table, k, node, false) != 0) {
      result = -1;
    }
  }
  return result;
}

static int lookup_on(struct op_check *check, struct lookup_def *def, const struct op_table *table) {
  const struct conf_node *on = conf_get(check->value, "on");
  if (on == NULL) {
    conf_error(check->errors, check->value, "'on' is missing: the column that holds the key of the table");
    return -1;
  }
  if (on->kind == CONF_MAP) return lookup_on_map(check, def, table, on);
  uint32_t n = on->kind == CONF_LIST ? on->count : 1;
  if (n != table->keys) {
    conf_error(check->errors, on, "table '%s' has %u key column%s, and %u %s given", table->name, table->keys,
               table->keys == 1 ? "" : "s", n, n == 1 ? "is" : "are");
    return -1;
  }
  int result = 0;
  for (uint32_t i = 0; i < n; i++)
    if (lookup_key(check, def, table, i, on->kind == CONF_LIST ? &on->item[i] : on, true) != 0) result = -1;
  return result;
}

/* The output: visible columns, the added ones, then hidden ones. */
static int lookup_add(struct op_check *check, struct lookup_def *def, const struct op_table *table,
                      const struct spate_strings *add) {
  const struct schema *in = check->input.schema;
  const struct conf_node *node = conf_get(check->value, "add");
  struct schema *out = schema_new(check->arena, in->all.count + (uint32_t)add->count + 1);
  uint32_t *columns = ARENA_NEWS(check->arena, uint32_t, add->count + 1);
  int result = 0;
  for (uint32_t i = 0; i < in->visible; i++) schema_add(out, in->all.fields[i].name, in->all.fields[i].type);
  for (size_t i = 0; i < add->count; i++) {
    const struct conf_node *item = node->kind == CONF_LIST ? &node->item[i] : node;
    int32_t at = table != NULL ? schema_find(table->schema, add->item[i]) : -1;
    if (at < 0 && table != NULL) {
      op_unknown_column(check, item, table->schema, "the table has no column");
      result = -1;
    }
    if (schema_find(out, add->item[i]) >= 0) {
      conf_error(check->errors, item, "there is a column '%s' already", add->item[i]);
      conf_hint(check->errors, "rename or drop it in a step before");
      result = -1;
      continue;
    }
    schema_add(out, add->item[i], at >= 0 ? table->schema->all.fields[at].type : type_of(SPATE_NONE));
    columns[def->adds++] = at >= 0 ? (uint32_t)at : 0;
  }
  out->visible = out->all.count;
  for (uint32_t i = in->visible; i < in->all.count; i++)
    schema_add(out, in->all.fields[i].name, in->all.fields[i].type);
  out->visible = in->visible + def->adds;
  def->add = columns;
  op_port_schema(check, 0, NULL, out);
  return result;
}

static int lookup_check(struct op_check *check) {
  static const char *const skip[] = {"on", NULL};
  struct lookup_options options = {0};
  op_port_same(check, 0, NULL);
  op_group_same(check);
  int result = conf_fill(check->arena, LOOKUP_OPTIONS, check->value, skip, NULL, &options, check->errors);
  if (check->value->kind != CONF_MAP) return -1;
  struct lookup_def *def = ARENA_NEW(check->arena, struct lookup_def);
  const struct op_table *table = options.table != NULL ? lookup_table_named(check, options.table) : NULL;
  if (table != NULL && (table->schema == NULL || table->keys == 0))
    table = NULL; /* an error says what is wrong with it */
  if (lookup_add(check, def, table, &options.add) != 0 || table == NULL) result = -1;
  if (table == NULL) return -1;
  def->columns = check->input.schema->all.count;
  def->visible = check->input.schema->visible;
  def->keys = table->keys;
  def->key = ARENA_NEWS(check->arena, struct expr *, table->keys + 1);
  def->name = table->name;
  def->table = table->table;
  def->missing = options.missing;
  if (lookup_on(check, def, table) != 0) result = -1;
  check->def = def;
  return result;
}

/* Output columns: [0, visible) pass, then the added ones, then the hidden ones pass. */
static void lookup_needs(const void *own, uint8_t *const *needed, uint8_t *used) {
  const struct lookup_def *def = own;
  for (uint32_t i = 0; i < def->keys; i++) expr_columns(def->key[i], used);
  op_needs_same(def->visible, needed[0], used);
  op_needs_same(def->columns - def->visible, needed[0] + def->visible + def->adds, used + def->visible);
}

/* ---- running ---- */
static int lookup_open(const void *own, struct op_frame *frame, void **state) {
  const struct lookup_def *def = own;
  if (*def->table == NULL) return spate_fail(frame->error, "the table '%s' is not loaded", def->name);
  struct lookup_state *s = MEM_NEW(struct lookup_state);
  s->def = def;
  s->frame = frame;
  s->table = *def->table;
  s->key = MEM_NEWS(struct expr_frame *, def->keys);
  s->value = MEM_NEWS(struct spate_column *, def->keys);
  for (uint32_t i = 0; i < def->keys; i++) s->key[i] = expr_frame_new(def->key[i]);
  *state = s;
  return 0;
}

static void lookup_close(void *own) {
  struct lookup_state *s = own;
  if (s == NULL) return;
  for (uint32_t i = 0; i < s->def->keys; i++) expr_frame_free(&s->key[i]);
  mem_free(s->key);
  mem_free(s->value);
  mem_free(s);
}

/* A column of the table for rows[k], found[k] >= 0; the others are null. */
static struct spate_column *lookup_column(const struct spate_column *from, uint32_t batch_rows, const uint16_t *rows,
                                          uint32_t count, const int32_t *found) {
  uint32_t width = type_width(from->type.kind);
  struct spate_column *c = spate_column_new(from->type, batch_rows, count * 16);
  for (uint32_t k = 0; k < count; k++) {
    uint32_t row = rows[k];
    if (found[k] < 0 || spate_column_null(from, (uint32_t)found[k])) {
      spate_column_set_null(c, row);
      continue;
    }
    uint32_t at = (uint32_t)found[k], size;
    switch (width) {
      case 0: {
        const char *bytes = spate_column_bytes(from, at, &size);
        if (spate_column_put(c, row, bytes, size) != 0) spate_column_set_null(c, row);
        break;
      }
      case 1: c->b8[row] = from->b8[at]; break;
      case 16: c->dec[row] = from->dec[at]; break;
      default: c->i64[row] = from->i64[at];
    }
  }
  spate_column_finish(c);
  return c;
}

/* Applies `missing`: rows[] and found[] keep the rows that go on. */
static uint32_t lookup_judge(struct lookup_state *s, uint16_t *rows, uint32_t count, int32_t *found) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < count; k++) {
    if (found[k] < 0 && s->def->missing == LOOKUP_DEAD) {
      spate_reject(s->frame->rejects, rows[k], "its key is not in the table '%s'", s->def->name);
      continue;
    }
    if (found[k] < 0 && s->def->missing == LOOKUP_DROP) {
      (*s->frame->dropped)++;
      continue;
    }
    rows[n] = rows[k];
    found[n++] = found[k];
  }
  return n;
}

static struct spate_batch *lookup_batch(struct lookup_state *s, struct spate_batch *in) {
  const struct lookup_def *def = s->def;
  uint16_t rows[SPATE_BATCH_ROWS];
  int32_t found[SPATE_BATCH_ROWS];
  for (uint32_t i = 0; i < def->keys; i++) s->value[i] = expr_eval(s->key[i], in, &s->frame->moment, s->frame->rejects);
  uint32_t count = rejects_remaining(s->frame->rejects, in, rows);
  lookup_table_find(s->table, s->value, rows, count, found);
  for (uint32_t i = 0; i < def->keys; i++) spate_column_unref(s->value[i]);
  count = lookup_judge(s, rows, count, found);
  if (count == 0) return NULL;
  uint32_t columns = def->columns + def->adds, n = 0;
  struct spate_column **column = MEM_NEWS(struct spate_column *, columns);
  for (uint32_t i = 0; i < def->visible; i++) column[n++] = spate_column_ref(in->column[i]);
  for (uint32_t i = 0; i < def->adds; i++)
    column[n++] = lookup_column(lookup_table_column(s->table, def->add[i]), in->rows, rows, count, found);
  for (uint32_t i = def->visible; i < def->columns; i++) column[n++] = spate_column_ref(in->column[i]);
  struct spate_batch *wide = batch_with(in, columns, column), *out = op_narrow(wide, rows, count);
  mem_free(column);
  spate_batch_unref(wide);
  return out;
}

static enum spate_result lookup_step(void *own, const struct op_msg *in, struct op_msg *out) {
  struct lookup_state *s = own;
  if (in->kind != OP_BATCH) return op_pass(in, out);
  op_give(out, 0, lookup_batch(s, in->batch));
  return SPATE_OK;
}

static const struct op_class LOOKUP = {.open = lookup_open, .step = lookup_step, .close = lookup_close};
const struct op_verb OP_LOOKUP = {
    .name = "lookup",
    .help = "Adds columns of a table's row to each record, found by key; a null key never matches.",
    .form =
        "{table: NAME, on: COLUMN | [COLUMN, …] | {key: EXPR}, add: [COLUMN, …], missing: null | drop | dead_letter}",
    .options = LOOKUP_OPTIONS,
    .check = lookup_check,
    .needs = lookup_needs,
    .op = &LOOKUP,
};
