/*
 * aggregate: reads and checks the step. Keys, window and compute make the output's columns; emit says whether results
 * are final or replace each other; what would grow without end over an unbounded input is refused unless it says so.
 */
#include "aggregate.h"

#include <stdio.h>

#include "aggregate_check.h"

static const char *const EMITS[] = {"close", "changes", "all", NULL}, *const OUTPUTS[] = {"append", "update",
                                                                                          "complete", NULL};

struct aggregate_options {
  struct spate_strings key;
  const char *window, *where, *late;
  struct spate_map compute;
  int64_t lateness;
  int emit, output;
  bool unbounded;
};
/* The manual's table. What walks the tree itself (key, window, compute, where, emit) is read by hand. */
static const struct spate_option OPTIONS[] = {
    {.name = "key",
     .type = SPATE_OPT_STRINGS,
     .offset = offsetof(struct aggregate_options, key),
     .help = "The column or columns that name a group; left out: one group."},
    {.name = "window",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct aggregate_options, window),
     .help = "{tumbling: 10s}, {hopping: 60s, every: 1s} or global; also offset: 15m and time: processing in it."},
    {.name = "compute",
     .type = SPATE_OPT_EXPRS,
     .offset = offsetof(struct aggregate_options, compute),
     .flags = SPATE_REQUIRED,
     .help = "Name to aggregate, as sum(price) filter (where price > 100); expressions over several are fine."},
    {.name = "where",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct aggregate_options, where),
     .help = "A condition over the result, as SQL's HAVING."},
    {.name = "allowed_lateness",
     .type = SPATE_OPT_DURATION,
     .offset = offsetof(struct aggregate_options, lateness),
     .default_text = "0s",
     .help = "How long after its end a window still takes records, and goes out again when they change it."},
    {.name = "late",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct aggregate_options, late),
     .help = "A name under which later steps and sinks read the records that came too late for all their windows."},
    {.name = "emit",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct aggregate_options, emit),
     .choices = EMITS,
     .help = "When results go out: close, changes or all. Default: close with a window; else changes in micro-batches, "
             "and record mode must say."},
    {.name = "output",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct aggregate_options, output),
     .choices = OUTPUTS,
     .help = "Spark's spelling of emit: append is close, update is changes, complete is all."},
    {.name = "unbounded",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct aggregate_options, unbounded),
     .default_text = "false",
     .help = "Says that state for each key which nothing ever drops is meant."},
    {.name = NULL}};

/* Those that conf_fill reads. */
static const struct spate_option FILLED[] = {
    {.name = "allowed_lateness",
     .type = SPATE_OPT_DURATION,
     .offset = offsetof(struct aggregate_options, lateness),
     .default_text = "0s",
     .help = "How long after its end a window still takes records, and goes out again when they change it."},
    {.name = "late",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct aggregate_options, late),
     .help = "A name under which later steps and sinks read the records that came too late for all their windows."},
    {.name = "unbounded",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct aggregate_options, unbounded),
     .default_text = "false",
     .help = "Says that state for each key which nothing ever drops is meant."},
    {.name = NULL}};

/* ---- compute ---- */
static void compute_error(struct op_check *check, const struct conf_node *node, const struct expr_error *e) {
  conf_error_in(check->errors, node, e->offset, e->length > 0 ? e->length : 1, e->hint[0] != 0 ? e->hint : NULL, "%s",
                e->message);
}

static void compute_call(struct aggregate_def *def, const struct expr_call *call) {
  struct aggregate_call *c = &def->call[def->calls++];
  c->spec = (struct agg_spec){.agg = call->agg, .args = call->args, .type = call->type, .distinct = call->distinct};
  for (uint32_t a = 0; a < call->args; a++) {
    c->arg[a] = call->arg[a];
    c->spec.arg_type[a] = expr_type(call->arg[a]);
  }
  c->filter = call->filter;
  c->run = agg_of(&c->spec);
  c->offset = def->state_size;
  def->state_size += (c->run->size(&c->spec) + 15) & ~15u;
}

static int compute_entry(struct op_check *check, const struct conf_node *node, const char *name,
                         const struct schema *group, struct aggregate_def *def, struct schema *output) {
  struct expr_aggregate entry = {0};
  struct schema *columns = NULL;
  struct expr_error e = {0};
  struct spate_type type = type_of(SPATE_NONE);
  int r = -1;
  if (schema_find(output, name) >= 0) {
    conf_error(check->errors, node, "the result has a column '%s' already", name);
  } else if (node->kind != CONF_SCALAR) {
    conf_error(check->errors, node,
               "an aggregate is needed here, as sum(price); put it in quotes where YAML takes it apart");
  } else if (expr_compile_aggregate(check->arena, node->text, check->input.schema, group, &entry, &columns, &e) != 0) {
    compute_error(check, node, &e);
  } else {
    struct aggregate_result *result = &def->result[def->results++];
    *result = (struct aggregate_result){.first = def->calls, .calls = entry.calls, .final = entry.final};
    if (def->calls + entry.calls > def->results * 16 + 64) return -1;
    for (uint32_t i = 0; i < entry.calls; i++) compute_call(def, &entry.call[i]);
    type = entry.final != NULL ? expr_type(entry.final) : entry.call[0].type;
    r = 0;
  }
  if (schema_find(output, name) < 0) schema_add(output, name, type);
  return r;
}

static int check_compute(struct op_check *check, const struct conf_node *compute, const struct schema *group,
                         struct aggregate_def *def, struct schema *output) {
  if (compute == NULL || compute->kind != CONF_MAP || compute->count == 0) {
    conf_error(check->errors, compute != NULL ? compute : check->verb,
               "an aggregate needs `compute: {name: aggregate, …}`, as {views: count(*)}");
    return -1;
  }
  def->call = ARENA_NEWS(check->arena, struct aggregate_call, compute->count * 16 + 64);
  def->result = ARENA_NEWS(check->arena, struct aggregate_result, compute->count);
  int r = 0;
  for (uint32_t i = 0; i < compute->count; i++)
    r |= compute_entry(check, &compute->item[i], compute->key[i].text, group, def, output);
  return r;
}

/* ---- emit ---- */
static int emit_word(struct op_check *check, const struct conf_node *node, const char *const *words, int *choice) {
  for (int i = 0; node->kind == CONF_SCALAR && words[i] != NULL; i++) {
    if (strcmp(node->text, words[i]) != 0) continue;
    *choice = i;
    return 0;
  }
  if (node->kind == CONF_MAP && conf_get(node, "every") != NULL) {
    conf_error(check->errors, node, "early results (`emit: {every: …}`) are not built yet");
    return -1;
  }
  conf_error(check->errors, node, "this is one of %s, %s, %s", words[0], words[1], words[2]);
  const char *near = node->kind == CONF_SCALAR ? conf_nearest(node->text, words, 3) : NULL;
  if (near != NULL) conf_hint(check->errors, "did you mean '%s'?", near);
  return -1;
}

static int check_emit(struct op_check *check, struct aggregate_def *def, bool global) {
  const struct conf_node *emit = conf_get(check->value, "emit"), *output = conf_get(check->value, "output");
  int choice = -1;
  if (emit != NULL && output != NULL) {
    conf_error(check->errors, output, "`output` is another spelling of `emit`: write one of them");
    return -1;
  }
  if (emit != NULL && emit_word(check, emit, EMITS, &choice) != 0) return -1;
  if (output != NULL && emit_word(check, output, OUTPUTS, &choice) != 0) return -1;
  if (choice < 0 && !def->windowed && !check->micro_batch) {
    conf_error(check->errors, check->verb,
               "without a window, record mode must say when results go out: add `emit: changes` (each changed group "
               "after each batch of records)%s",
               check->input.bounded ? ", or `emit: close` (once, at the end of the input)" : "");
    return -1;
  }
  if (choice < 0) choice = def->windowed ? EMIT_CLOSE : EMIT_CHANGES;
  def->emit = (enum aggregate_emit)choice;
  if (def->emit == EMIT_CLOSE && !def->windowed && !check->input.bounded) {
    conf_error(
        check->errors,
        emit != NULL     ? emit
        : output != NULL ? output
                         : check->verb,
        "%s never closes: the input has no end, so `emit: close` would give nothing; take `emit: changes`, or a window",
        global ? "a global window" : "an aggregate without a window");
    return -1;
  }
  return 0;
}

static int check_bounds(struct op_check *check, const struct aggregate_def *def, const struct aggregate_options *o) {
  if (check->input.bounded || o->unbounded) return 0;
  if (def->windowed && def->emit == EMIT_ALL) {
    conf_error(check->errors, check->verb,
               "`emit: all` never drops a window, and the input has no end: say `unbounded: true` if that is meant");
    return -1;
  }
  if (def->windowed || def->keys == 0) return 0;
  conf_error(check->errors, check->verb,
             "this keeps state for each key without end: give it a window, or say `unbounded: true` if that is meant");
  return -1;
}

/* ---- the whole ---- */
static struct schema *group_schema(struct op_check *check, const struct aggregate_def *def, uint32_t more) {
  struct schema *s = schema_new(check->arena, def->keys + 2 + more);
  for (uint32_t i = 0; i < def->keys; i++) {
    const struct spate_field *f = &check->input.schema->all.fields[def->key[i]];
    schema_add(s, f->name, f->type);
  }
  if (def->windowed && schema_find(s, "window_start") < 0) schema_add(s, "window_start", type_of(SPATE_TIMESTAMP));
  if (def->windowed && schema_find(s, "window_end") < 0) schema_add(s, "window_end", type_of(SPATE_TIMESTAMP));
  return s;
}

/* As it is written in the pipeline; defaults are not said. Part of the signature: what it says is what the state means.
 */
static void describe_window(struct buf *b, const struct aggregate_def *def) {
  char size[32], every[32], offset[32];
  if (!def->windowed) {
    buf_text(b, "window=global");
    return;
  }
  conf_duration_text(def->window.size, size, sizeof size);
  if (def->window.every == def->window.size)
    buf_format(b, "window={tumbling: %s", size);
  else
    buf_format(b, "window={hopping: %s, every: %s", size, conf_duration_text(def->window.every, every, sizeof every));
  if (def->window.offset != 0)
    buf_format(b, ", offset: %s", conf_duration_text(def->window.offset, offset, sizeof offset));
  buf_text(b, def->processing ? ", time: processing}" : "}");
}

static void describe(struct op_check *check, struct aggregate_def *def, const struct conf_node *compute,
                     const struct conf_node *window) {
  struct buf b = {0};
  buf_text(&b, "aggregate key=[");
  for (uint32_t i = 0; i < def->keys; i++)
    buf_format(&b, "%s%s", i > 0 ? "," : "", check->input.schema->all.fields[def->key[i]].name);
  buf_text(&b, "] ");
  describe_window(&b, def);
  buf_text(&b, " compute=[");
  for (uint32_t i = 0; i < compute->count;
       i++) /* types matter too: the same text over another column is another state */
    for (uint32_t k = 0; k < def->result[i].calls; k++) {
      const struct aggregate_call *c = &def->call[def->result[i].first + k];
      char type[40];
      buf_format(&b, "%s%s %s", i + k > 0 ? "; " : "", k == 0 ? compute->item[i].text : c->spec.agg->name,
                 type_text(c->spec.args > 0 ? c->spec.arg_type[0] : c->spec.type, type, sizeof type));
    }
  buf_text(&b, "]");
  check->signature = arena_text(check->arena, buf_string(&b));
  buf_free(&b);
  char size[64] = "no window", length[32], every[32];
  conf_duration_text(def->window.size, length, sizeof length);
  if (def->windowed && def->window.every == def->window.size)
    snprintf(size, sizeof size, "tumbling %s", length);
  else if (def->windowed)
    snprintf(size, sizeof size, "hopping %s, every %s", length,
             conf_duration_text(def->window.every, every, sizeof every));
  (void)window;
  check->explain =
      arena_format(check->arena, "%s%s, emit %s", size, def->processing ? " by the clock" : "", EMITS[def->emit]);
}

static void check_ports(struct op_check *check, const struct aggregate_def *def, const struct schema *output,
                        const char *late) {
  op_port_schema(check, 0, NULL, output);
  check->port[0].has_time = def->windowed && !def->processing;
  check->port[0].updating = def->emit != EMIT_CLOSE || def->lateness > 0;
  if (late != NULL) {
    op_port_same(check, 1, late);
    check->port[1].updating = false;
  }
  const char **group = ARENA_NEWS(check->arena, const char *, def->keys + 1);
  for (uint32_t i = 0; i < def->keys; i++) group[check->group_keys++] = output->all.fields[i].name;
  if (def->windowed) group[check->group_keys++] = "window_start";
  check->group_key = group;
}

static int check_where(struct op_check *check, const struct conf_node *where, const struct schema *output,
                       struct aggregate_def *def) {
  if (where == NULL) return 0;
  struct op_check over = *check; /* `where` reads the result's columns */
  over.input.schema = output;
  def->where = op_condition(&over, where);
  if (def->where == NULL) return -1;
  if (def->emit != EMIT_CLOSE || def->lateness > 0)
    conf_warn(check->errors, where,
              "results replace earlier ones here: where a new value does not pass, the last one that did stays "
              "standing downstream");
  return 0;
}

static int aggregate_check(struct op_check *check) {
  static const char *const SKIP[] = {"key", "window", "compute", "where", "emit", "output", NULL};
  struct aggregate_def *def = ARENA_NEW(check->arena, struct aggregate_def);
  op_port_same(check, 0, NULL);
  if (check->value == NULL || check->value->kind != CONF_MAP) {
    conf_error(check->errors, check->value != NULL ? check->value : check->verb,
               "aggregate is written {key: …, window: …, compute: {…}}");
    return -1;
  }
  struct aggregate_options o = {0};
  int r = conf_fill(check->arena, FILLED, check->value, SKIP, NULL, &o, check->errors);
  def->lateness = o.lateness > 0 ? o.lateness : 0;
  def->input = check->input.schema;
  bool global, time_before = check->input.has_time;
  const struct conf_node *key = conf_get(check->value, "key"), *compute = conf_get(check->value, "compute"),
                         *window = conf_get(check->value, "window");
  uint32_t *columns = NULL;
  if (key != NULL) r |= op_columns(check, key, &columns, &def->keys);
  def->key = columns;
  r |= aggregate_check_window(check, window, def, &global);
  struct schema *group = group_schema(check, def, 0);
  struct schema *output = group_schema(check, def, compute != NULL && compute->kind == CONF_MAP ? compute->count : 0);
  r |= check_compute(check, compute, group, def, output);
  r |= check_emit(check, def, global);
  if (r == 0) r |= check_bounds(check, def, &o);
  def->output = output;
  def->late_port = o.late != NULL;
  def->defer = check->micro_batch;
  r |= check_where(check, conf_get(check->value, "where"), output, def);
  check->input.has_time = time_before;
  check_ports(check, def, output, o.late);
  check->exchange = true;
  check->key = def->key;
  check->keys = def->keys;
  check->stateful = true;
  if (r != 0) return -1;
  describe(check, def, compute, window);
  check->def = def;
  return 0;
}

static void aggregate_needs(const void *own, uint8_t *const *needed, uint8_t *used) {
  const struct aggregate_def *def = own;
  for (uint32_t i = 0; i < def->keys; i++) used[def->key[i]] = 1;
  for (uint32_t i = 0; i < def->calls; i++) {
    for (uint32_t a = 0; a < def->call[i].spec.args; a++) expr_columns(def->call[i].arg[a], used);
    if (def->call[i].filter != NULL) expr_columns(def->call[i].filter, used);
  }
  if (def->late_port) op_needs_same(def->input->all.count, needed[1], used);
}

const struct op_verb OP_AGGREGATE = {
    .name = "aggregate",
    .help = "Groups records by key and window and computes aggregates of each group.",
    .form = "{key: …, window: …, compute: {name: AGGREGATE, …}, …}",
    .options = OPTIONS,
    .check = aggregate_check,
    .needs = aggregate_needs,
    .op = &AGGREGATE,
    .partial = aggregate_partial,
};
