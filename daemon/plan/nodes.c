/*
 * nodes: the nodes of the plan in topological order. Each step is checked against what stands before it, so that names
 * and types flow from the sources to the sinks; then what each sink and step reads flows back, and a source learns
 * which of its columns are to be decoded at all.
 *
 * A reader whose input is not known is passed over in silence: an error above says why.
 */
#include "../base/mem.h"
#include "../data/dead_letter.h"
#include "../ops/project.h"
#include "../ops/steps.h"
#include "build.h"

static struct plan_node *node_new(struct build *b, enum plan_node_kind kind, const char *name,
                                  const struct conf_node *node) {
  struct plan_node *n = &b->plan->node[b->plan->nodes++];
  n->kind = kind;
  n->name = name;
  n->node = node;
  return n;
}

static uint32_t node_index(const struct build *b, const struct plan_node *n) { return (uint32_t)(n - b->plan->node); }

static void node_ports(struct build *b, struct plan_node *n, const struct op_port *port, uint32_t ports) {
  n->port = ARENA_NEWS(b->arena, struct op_port, ports + 1);
  n->needed = ARENA_NEWS(b->arena, uint8_t *, ports + 1);
  memcpy(n->port, port, ports * sizeof *port);
  n->ports = ports;
  for (uint32_t i = 0; i < ports; i++)
    n->needed[i] = arena_alloc(b->arena, port[i].schema != NULL ? port[i].schema->all.count + 1 : 1);
}

static void source_node(struct build *b, uint32_t i) {
  const struct plan_source *s = &b->plan->source[i];
  struct plan_node *n = node_new(b, PLAN_SOURCE, s->name, s->node);
  n->index = i;
  struct op_port port = {.name = s->name, .schema = s->schema, .has_time = s->time >= 0};
  node_ports(b, n, &port, 1);
  b->output[node_index(b, n)].bounded = s->bounded;
}

/* ---- inputs ---- */
static const struct op_port *input_port(const struct build *b, struct plan_input in) {
  return &b->plan->node[in.node].port[in.port];
}

/* Node and port that a `from:` means; false: it could not be checked. */
static bool input_resolve(const struct build *b, const struct build_from *from, struct plan_input *in) {
  *in = (struct plan_input){from->index, 0};
  if (from->kind == FROM_SOURCE) return b->plan->source[from->index].schema != NULL;
  const struct build_step *s = &b->step[from->index];
  if (s->plan_node < 0) return false;
  in->node = (uint32_t)s->plan_node;
  const struct plan_node *n = &b->plan->node[in->node];
  for (uint32_t p = 0; p < n->ports; p++) {
    if (from->port != NULL && (n->port[p].name == NULL || strcmp(n->port[p].name, from->port) != 0)) continue;
    in->port = (uint8_t)p;
    return n->port[p].schema != NULL;
  }
  return false;
}

static const struct conf_node *from_node(const struct build_reader *reader, uint32_t i) {
  return reader->from[i].node != NULL ? reader->from[i].node : reader->node;
}

static bool union_same(struct build *b, const struct build_reader *reader, uint32_t i, const struct op_port *first,
                       const struct op_port *other) {
  const struct schema *a = first->schema, *c = other->schema;
  char x[64], y[64];
  bool same = true;
  for (uint32_t k = 0; k < a->visible; k++) {
    const struct spate_field *f = &a->all.fields[k];
    int32_t at = schema_find(c, f->name);
    if (at < 0 || (uint32_t)at >= c->visible) {
      conf_error(b->errors, from_node(reader, i), "'%s' has no column '%s', and '%s' has", other->name, f->name,
                 first->name);
      same = false;
    } else if (!type_same(f->type, c->all.fields[at].type)) {
      conf_error(b->errors, from_node(reader, i), "column '%s' is %s in '%s' and %s in '%s'", f->name,
                 type_text(f->type, x, sizeof x), first->name, type_text(c->all.fields[at].type, y, sizeof y),
                 other->name);
      same = false;
    }
  }
  for (uint32_t k = 0; k < c->visible; k++) {
    int32_t at = schema_find(a, c->all.fields[k].name);
    if (at >= 0 && (uint32_t)at < a->visible) continue;
    conf_error(b->errors, from_node(reader, i), "'%s' has a column '%s', and '%s' has none", other->name,
               c->all.fields[k].name, first->name);
    same = false;
  }
  if (!same) conf_hint(b->errors, "inputs of a union have the same names and types; select, set and rename help");
  return same;
}

/* The first's visible columns, and those hidden ones that all have. */
static struct schema *union_schema(struct build *b, const struct plan_input *in, uint32_t count) {
  const struct schema *a = input_port(b, in[0])->schema;
  struct schema *out = schema_new(b->arena, a->all.count);
  for (uint32_t k = 0; k < a->all.count; k++) {
    const struct spate_field *f = &a->all.fields[k];
    bool all = true;
    for (uint32_t i = 1; i < count && k >= a->visible; i++) {
      const struct schema *c = input_port(b, in[i])->schema;
      int32_t at = schema_find(c, f->name);
      all &= at >= (int32_t)c->visible && type_same(c->all.fields[at].type, f->type);
    }
    if (all) *schema_add(out, f->name, f->type) = *f;
  }
  out->visible = a->visible;
  return out;
}

static bool schema_equal(const struct schema *a, const struct schema *c) {
  bool same = a->all.count == c->all.count && a->visible == c->visible;
  for (uint32_t i = 0; i < a->all.count && same; i++)
    same = strcmp(a->all.fields[i].name, c->all.fields[i].name) == 0 &&
           type_same(a->all.fields[i].type, c->all.fields[i].type);
  return same;
}

static void port_input(struct build *b, struct plan_input in, struct op_input *out) {
  const struct op_port *port = input_port(b, in);
  const struct build_output *o = &b->output[in.node];
  *out = (struct op_input){.name = port->name,
                           .schema = port->schema,
                           .has_time = port->has_time,
                           .updating = port->updating,
                           .bounded = o->bounded,
                           .group_key = port->updating ? o->group_key : NULL,
                           .group_keys = port->updating ? o->group_keys : 0};
}

/* A step of our own that puts one input of a union into the order of the others. */
static struct plan_input union_reorder(struct build *b, const char *reader, struct plan_input in,
                                       const struct schema *like, const struct conf_node *at) {
  struct op_check check = {.arena = b->arena, .errors = b->errors, .step = at, .verb = at, .value = at};
  port_input(b, in, &check.input);
  check.name = arena_format(b->arena, "%s (for %s)", check.input.name, reader);
  if (project_reorder(&check, like) != 0) return in;
  struct plan_node *n = node_new(b, PLAN_STEP, check.name, at);
  struct plan_input *input = ARENA_NEW(b->arena, struct plan_input);
  *input = in;
  n->input = input;
  n->inputs = 1;
  n->verb = &OP_SELECT;
  n->def = check.def;
  n->explain = "columns in the order of the union's first input";
  node_ports(b, n, check.port, check.ports);
  b->output[node_index(b, n)] = (struct build_output){check.input.bounded, check.group_key, check.group_keys};
  return (struct plan_input){node_index(b, n), 0};
}

/* What a reader reads, as one input. false: it is not known. */
static bool reader_input(struct build *b, const struct build_reader *reader, struct plan_input **inputs,
                         struct op_input *out) {
  if (reader->bad || reader->froms == 0) return false;
  struct plan_input *in = ARENA_NEWS(b->arena, struct plan_input, reader->froms);
  for (uint32_t i = 0; i < reader->froms; i++)
    if (!input_resolve(b, &reader->from[i], &in[i])) return false;
  *inputs = in;
  port_input(b, in[0], out);
  if (reader->froms == 1) return true;
  bool same = true;
  for (uint32_t i = 1; i < reader->froms; i++)
    same &= union_same(b, reader, i, input_port(b, in[0]), input_port(b, in[i]));
  if (!same) return false;
  const struct schema *schema = union_schema(b, in, reader->froms);
  for (uint32_t i = 0; i < reader->froms; i++) {
    struct op_input other;
    port_input(b, in[i], &other);
    out->has_time &= other.has_time;
    out->bounded &= other.bounded;
    out->updating |= other.updating;
    if (!schema_equal(schema, other.schema))
      in[i] = union_reorder(b, reader->name, in[i], schema, from_node(reader, i));
  }
  if (out->updating) out->group_keys = 0; /* whose groups? */
  out->schema = schema;
  return true;
}

/* ---- steps ---- */
static void step_check(struct build *b, uint32_t index) {
  struct build_step *s = &b->step[index];
  struct op_check *check = ARENA_NEW(b->arena, struct op_check);
  struct plan_input *inputs;
  if (s->verb == NULL || !reader_input(b, &s->reader, &inputs, &check->input)) return;
  check->arena = b->arena;
  check->errors = b->errors;
  check->step = s->reader.node;
  check->verb = s->verb_node;
  check->value = s->value;
  check->name = s->reader.name;
  check->micro_batch = b->plan->mode == PLAN_MICRO_BATCH;
  check->tables = b->table;
  check->table_count = b->plan->tables;
  uint32_t errors = b->errors->errors;
  int result = s->verb->check(check);
  if (result != 0) b->failed = true;
  if (check->stateful && check->input.updating && b->errors->errors == errors)
    conf_error(
        b->errors, s->verb_node,
        "'%s' keeps state and cannot read the updating output of '%s': it would count a group again with each update",
        s->reader.name, check->input.name);
  struct plan_node *n = node_new(b, PLAN_STEP, s->reader.name, s->reader.node);
  n->input = inputs;
  n->inputs = s->reader.froms;
  n->verb = s->verb;
  n->def = result == 0 ? check->def : NULL;
  n->exchange = check->exchange;
  n->key = check->key;
  n->keys = check->keys;
  n->stateful = check->stateful;
  n->signature = check->signature;
  n->explain = check->explain;
  if (check->ports > 0 && check->port[0].name == NULL) check->port[0].name = s->reader.name;
  node_ports(b, n, check->port, check->ports);
  b->output[node_index(b, n)] = (struct build_output){check->input.bounded, check->group_key, check->group_keys};
  if (check->ports > 0) s->plan_node = (int32_t)node_index(b, n);
}

static void step_cycle(struct build *b, uint32_t index) {
  struct buf path = {0};
  uint32_t at = index;
  buf_text(&path, b->step[at].reader.name);
  for (uint32_t guard = 0; guard < b->steps; guard++) {
    const struct build_reader *r = &b->step[at].reader;
    uint32_t next = UINT32_MAX;
    for (uint32_t i = 0; i < r->froms; i++)
      if (r->from[i].kind == FROM_STEP && b->step[r->from[i].index].mark == MARK_OPEN) next = r->from[i].index;
    if (next == UINT32_MAX) break;
    at = next;
    buf_format(&path, " ← %s", b->step[at].reader.name);
    if (at == index) break;
  }
  const struct build_step *s = &b->step[index];
  conf_error(b->errors, s->verb_node != NULL ? s->verb_node : s->reader.node, "steps read each other in a cycle: %s",
             buf_string(&path));
  buf_free(&path);
}

/* Depth first: whatever it reads comes before it. At most 1000 steps deep. */
static void step_visit(struct build *b, uint32_t index) {
  struct build_step *s = &b->step[index];
  if (s->mark == MARK_DONE) return;
  s->mark = MARK_OPEN;
  for (uint32_t i = 0; i < s->reader.froms; i++) {
    const struct build_from *from = &s->reader.from[i];
    if (from->kind != FROM_STEP) continue;
    if (b->step[from->index].mark == MARK_OPEN) {
      step_cycle(b, from->index);
      s->reader.bad = true;
      continue;
    }
    step_visit(b, from->index);
  }
  s->mark = MARK_DONE;
  step_check(b, index);
}

/* ---- sinks ---- */
static void sink_node(struct build *b, uint32_t i) {
  struct plan_sink *s = &b->plan->sink[i];
  struct op_input input = {0};
  struct plan_input *inputs = NULL;
  if ((int32_t)i == b->plan->dead_letter_sink) {
    s->dead_letters = true;
    build_sink(b, i, dead_letter_schema(b->arena), false, NULL);
    return;
  }
  if (!reader_input(b, &b->sink[i], &inputs, &input)) {
    build_sink(b, i, NULL, false, NULL);
    return;
  }
  struct build_output from = {input.bounded, input.group_key, input.group_keys};
  build_sink(b, i, input.schema, input.updating, &from);
  struct plan_node *n = node_new(b, PLAN_SINK, s->name, s->node);
  n->index = i;
  n->input = inputs;
  n->inputs = b->sink[i].froms;
}

static void late_unread(struct build *b) {
  for (uint32_t i = 0; i < b->plan->nodes; i++) {
    const struct plan_node *n = &b->plan->node[i];
    for (uint32_t p = 0; p < n->ports && n->kind == PLAN_STEP; p++) {
      bool read = p == 0 && strcmp(n->verb->name, "route") != 0;
      for (uint32_t k = 0; k < b->plan->nodes && !read; k++)
        for (uint32_t j = 0; j < b->plan->node[k].inputs; j++)
          read |= b->plan->node[k].input[j].node == i && b->plan->node[k].input[j].port == p;
      if (read) continue;
      if (n->port[p].optional)
        conf_warn(b->errors, n->node, "nobody reads the output '%s': its records are dropped", n->port[p].name);
      else
        conf_error(b->errors, n->node, "nobody reads the output '%s'", n->port[p].name);
    }
  }
}

void build_nodes(struct build *b) {
  uint32_t unions = 0;
  for (uint32_t i = 0; i < b->steps; i++) unions += b->step[i].reader.froms;
  for (uint32_t i = 0; i < b->plan->sinks; i++) unions += b->sink[i].froms;
  b->node_room = b->plan->sources + b->steps + b->plan->sinks + unions;
  b->plan->node = ARENA_NEWS(b->arena, struct plan_node, b->node_room + 1);
  b->output = ARENA_NEWS(b->arena, struct build_output, b->node_room + 1);
  for (uint32_t i = 0; i < b->plan->sources; i++) source_node(b, i);
  for (uint32_t i = 0; i < b->steps; i++) step_visit(b, i);
  for (uint32_t i = 0; i < b->plan->sinks; i++) sink_node(b, i);
  if (b->errors->errors == 0) late_unread(b);
}

/* ---- what is read ---- */
/* A hidden column goes to a sink when its options mention it. Too often costs a column, never a result. */
static bool node_mentions(const struct conf_node *node, const char *word) {
  if (node->kind == CONF_SCALAR) return strstr(node->text, word) != NULL;
  for (uint32_t i = 0; i < node->count; i++)
    if (node_mentions(&node->item[i], word)) return true;
  return false;
}

static void sink_used(const struct plan_sink *sink, uint8_t *used) {
  for (uint32_t i = 0; i < sink->schema->all.count; i++)
    used[i] = i < sink->schema->visible || node_mentions(sink->node, sink->schema->all.fields[i].name);
}

static const struct schema *node_input_schema(const struct plan *p, const struct plan_node *n) {
  return p->node[n->input[0].node].port[n->input[0].port].schema;
}

void build_needs(struct build *b) {
  struct plan *p = b->plan;
  for (uint32_t i = p->nodes; i-- > 0;) {
    struct plan_node *n = &p->node[i];
    if (n->kind == PLAN_SOURCE) {
      struct plan_source *s = &p->source[n->index];
      memcpy(s->used, n->needed[0], s->schema->all.count);
      if (s->time >= 0) s->used[s->time] = 1;
      for (uint32_t k = s->schema->visible; k < s->schema->all.count; k++)
        for (int m = 0; m < SPATE_METAS && s->used[k]; m++)
          if (strcmp(plan_meta_name((enum spate_meta)m), s->schema->all.fields[k].name) == 0) s->metas |= 1u << m;
      continue;
    }
    uint32_t columns = node_input_schema(p, n)->all.count;
    uint8_t *used = arena_alloc(b->arena, columns + 1);
    if (n->kind == PLAN_SINK) {
      sink_used(&p->sink[n->index], used);
    } else {
      n->verb->needs(n->def, n->needed, used);
      for (uint32_t k = 0; k < n->keys; k++) used[n->key[k]] = 1;
    }
    for (uint32_t k = 0; k < n->inputs; k++) {
      uint8_t *needed = p->node[n->input[k].node].needed[n->input[k].port];
      for (uint32_t c = 0; c < columns; c++) needed[c] |= used[c];
    }
  }
}
