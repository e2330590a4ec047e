/*
 * explain: the plan as a person reads it: for each stage its steps in order, then where the rows go. A stage ends where
 * rows change worker. Secrets are never printed: options are shown from the document, and a secret's node says so.
 */
#include <inttypes.h>

#include "../base/mem.h"
#include "build.h"
#include "explain.h"

/* ---- text ---- */
static void explain_node(struct buf *out, const struct conf_node *node) {
  if (node->kind == CONF_SCALAR) {
    buf_text(out, node->secret ? "***" : node->text);
    return;
  }
  buf_text(out, node->kind == CONF_MAP ? "{" : "[");
  for (uint32_t i = 0; i < node->count; i++) {
    if (i > 0) buf_text(out, ", ");
    if (node->kind == CONF_MAP) buf_format(out, "%s: ", node->key[i].text);
    explain_node(out, &node->item[i]);
  }
  buf_text(out, node->kind == CONF_MAP ? "}" : "]");
}

static bool option_secret(const struct spate_option *table, const char *key) {
  for (; table != NULL && table->name != NULL; table++)
    if (strcmp(table->name, key) == 0)
      return (table->flags & SPATE_SECRET) != 0 || table->type == SPATE_OPT_MAP || table->type == SPATE_OPT_GROUP;
  return false;
}

/* "kafka {brokers: …, topics: […]}": groups and maps may hold passwords and are left out. */
static void explain_component(struct buf *out, const struct conf_node *component, const char *kind,
                              const struct spate_option *options) {
  const struct conf_node *value = conf_get(component, kind);
  buf_text(out, kind);
  if (value == NULL || value->kind != CONF_MAP || value->count == 0) return;
  buf_text(out, " {");
  for (uint32_t i = 0; i < value->count; i++) {
    if (i > 0) buf_text(out, ", ");
    buf_format(out, "%s: ", value->key[i].text);
    if (option_secret(options, value->key[i].text))
      buf_text(out, "…");
    else
      explain_node(out, &value->item[i]);
  }
  buf_text(out, "}");
}

static const char *explain_value(const struct plan_node *n, struct buf *text) {
  text->size = 0;
  const struct conf_node *value = conf_get(n->node, n->verb->name);
  if (n->explain != NULL)
    buf_text(text, n->explain);
  else if (value != NULL)
    explain_node(text, value);
  return buf_string(text);
}

/* ---- stages ---- */
/* A stage is named by its root: a source, or a step that rows are exchanged for. */
static uint32_t stage_root(const struct plan *p, uint32_t node, uint32_t *depth) {
  const struct plan_node *n = &p->node[node];
  *depth = 0;
  while (n->kind != PLAN_SOURCE && !(n->kind == PLAN_STEP && n->exchange) && n->inputs == 1) {
    node = n->input[0].node;
    n = &p->node[node];
    (*depth)++;
  }
  return node;
}

static bool stage_begins(const struct plan *p, uint32_t node) {
  uint32_t depth;
  return stage_root(p, node, &depth) == node;
}

static void explain_keys(const struct plan *p, const struct plan_node *n, struct buf *out) {
  const struct plan_input in = n->input[0];
  const struct schema *schema = p->node[in.node].port[in.port].schema;
  if (n->keys == 0) buf_text(out, "nothing: all rows meet on one task");
  for (uint32_t i = 0; i < n->keys; i++) buf_format(out, "%s%s", i > 0 ? ", " : "", schema->all.fields[n->key[i]].name);
}

static void explain_source(const struct plan *p, const struct plan_node *n, FILE *out, struct buf *text) {
  const struct plan_source *s = &p->source[n->index];
  char duration[32];
  uint32_t used = 0;
  text->size = 0;
  explain_component(text, s->node, s->api->name, s->api->options);
  fprintf(out, "  source %s: %s\n", s->name, buf_string(text));
  text->size = 0;
  for (uint32_t i = 0; i < s->schema->all.count; i++)
    if (s->used[i]) buf_format(text, "%s%s", used++ > 0 ? ", " : "", s->schema->all.fields[i].name);
  fprintf(out, "    columns %s: %s (%u of %u)\n", s->codec.api != NULL ? "decoded" : "made",
          used > 0 ? buf_string(text) : "none", used, s->schema->visible);
  if (s->time >= 0)
    fprintf(out, "    event time: %s, watermark %s behind\n", s->schema->all.fields[s->time].name,
            conf_duration_text(s->delay_us, duration, sizeof duration));
  if (s->bounded) fprintf(out, "    ends by itself\n");
}

static void explain_step(const struct plan *p, const struct plan_node *n, FILE *out, struct buf *text) {
  fprintf(out, "  %s", n->verb->name);
  if (strcmp(n->name, n->verb->name) != 0) fprintf(out, " (%s)", n->name);
  fprintf(out, ": %s\n", explain_value(n, text));
  for (uint32_t i = 1; i < n->inputs; i++)
    fprintf(out, "    %s %s\n", i == 1 ? "a union, also of" : "and of", p->node[n->input[i].node].name);
  if (n->stateful) fprintf(out, "    keeps state: %s\n", n->signature != NULL ? n->signature : n->verb->name);
  if (n->ports > 0 && n->port[0].updating) fprintf(out, "    its records replace earlier ones of their group\n");
}

static void explain_sink_line(const struct plan_sink *s, FILE *out, struct buf *text) {
  text->size = 0;
  explain_component(text, s->node, s->api->name, s->api->options);
  fprintf(out, "  sink %s: %s", s->name, buf_string(text));
  if (s->codec.api != NULL) fprintf(out, ", as %s", s->codec.api->name);
  if (s->api->flags & SPATE_SINGLE) fprintf(out, ", by one task");
  fprintf(out, "%s\n", s->dead_letters ? " (the dead letters)" : "");
}

static void explain_stage(const struct plan *p, uint32_t root, uint32_t number, FILE *out, struct buf *text) {
  const struct plan_node *first = &p->node[root];
  fprintf(out, "\nstage %u", number);
  if (first->kind == PLAN_STEP && first->exchange) {
    text->size = 0;
    explain_keys(p, first, text);
    fprintf(out, ", rows exchanged by %s", buf_string(text));
  }
  if (first->inputs > 1) fprintf(out, ", where %u inputs are united", first->inputs);
  bool single = (first->exchange && first->keys == 0) ||
                (first->kind == PLAN_SOURCE && (p->source[first->index].api->flags & SPATE_SINGLE) != 0);
  if (single)
    fprintf(out, ", 1 task\n");
  else if (p->parallelism > 0)
    fprintf(out, ", %u task%s\n", p->parallelism, p->parallelism > 1 ? "s" : "");
  else
    fprintf(out, ", a task for each worker\n");
  for (uint32_t i = root; i < p->nodes; i++) {
    const struct plan_node *n = &p->node[i];
    uint32_t depth;
    if (stage_root(p, i, &depth) != root) continue;
    if (n->inputs > 0 && i != root && p->node[n->input[0].node].ports > 1)
      fprintf(out, "  from %s:\n", p->node[n->input[0].node].port[n->input[0].port].name);
    if (n->kind == PLAN_SOURCE)
      explain_source(p, n, out, text);
    else if (n->kind == PLAN_STEP)
      explain_step(p, n, out, text);
    else
      explain_sink_line(&p->sink[n->index], out, text);
  }
}

/* ---- guarantees ---- */
static void path_sources(const struct plan *p, uint32_t node, uint8_t *found) {
  const struct plan_node *n = &p->node[node];
  if (n->kind == PLAN_SOURCE) found[n->index] = 1;
  for (uint32_t i = 0; i < n->inputs; i++)
    if (!found[p->sources + n->input[i].node]) {
      found[p->sources + n->input[i].node] = 1;
      path_sources(p, n->input[i].node, found);
    }
}

static void explain_path(const struct plan *p, const struct plan_source *from, const struct plan_sink *to, FILE *out) {
  const char *why = plan_source_why(from);
  if (why != NULL) {
    fprintf(out, "  %s → %s: at most once: '%s' %s\n", from->name, to->name, from->name, why);
  } else if (p->guarantee == PLAN_EXACTLY_ONCE) {
    fprintf(out, "  %s → %s: exactly once\n", from->name, to->name);
  } else {
    fprintf(out, "  %s → %s: at least once: %s\n", from->name, to->name,
            to->api->flags & SPATE_EXACTLY_ONCE ? "exactly once is not built yet"
                                                : "what the sink has written cannot be taken back");
  }
}

static void explain_guarantees(const struct plan *p, FILE *out) {
  fprintf(out, "\nguarantees\n");
  for (uint32_t i = 0; i < p->nodes; i++) {
    if (p->node[i].kind != PLAN_SINK) continue;
    uint8_t *found = MEM_NEWS(uint8_t, p->sources + p->nodes);
    path_sources(p, i, found);
    for (uint32_t s = 0; s < p->sources; s++)
      if (found[s]) explain_path(p, &p->source[s], &p->sink[p->node[i].index], out);
    mem_free(found);
  }
}

static void explain_head(const struct plan *p, FILE *out) {
  char a[32];
  static const char *const ON_ERROR[] = {"kept as dead letters", "dropped", "the pipeline fails"};
  fprintf(out, "pipeline %s (%s)\n", p->name, p->path);
  if (p->mode == PLAN_RECORD)
    fprintf(out, "  mode: record, an epoch every %s\n", conf_duration_text(p->checkpoint_us, a, sizeof a));
  else if (p->available_now)
    fprintf(out, "  mode: micro_batch, all that is there, %" PRId64 " records of a source at a time\n", p->max_records);
  else
    fprintf(out, "  mode: micro_batch, every %s, at most %" PRId64 " records of a source\n",
            conf_duration_text(p->trigger_us, a, sizeof a), p->max_records);
  fprintf(out, "  guarantee: %s\n", p->guarantee_text);
  fprintf(out, "  bad records: %s", ON_ERROR[p->on_error]);
  if (p->dead_letter_sink >= 0) fprintf(out, ", in sink %s", p->sink[p->dead_letter_sink].name);
  fprintf(out, "\n");
}

static void explain_tables(const struct plan *p, FILE *out, struct buf *text) {
  for (uint32_t i = 0; i < p->tables; i++) {
    const struct plan_table *t = &p->table[i];
    text->size = 0;
    explain_component(text, t->node, t->api->name, t->api->options);
    fprintf(out, "%stable %s: %s, key", i == 0 ? "\n" : "", t->name, buf_string(text));
    for (uint32_t k = 0; k < t->keys; k++)
      fprintf(out, "%s %s", k > 0 ? "," : "", t->schema->all.fields[t->key[k]].name);
    fprintf(out, "\n");
  }
}

static void explain_tree(const struct plan *p, FILE *out, struct buf *text) {
  uint32_t number = 0;
  explain_head(p, out);
  explain_tables(p, out, text);
  for (uint32_t i = 0; i < p->nodes; i++)
    if (stage_begins(p, i)) explain_stage(p, i, ++number, out, text);
  if (p->dead_letter_sink >= 0) {
    fprintf(out, "\nstage %u, 1 task\n", number + 1);
    explain_sink_line(&p->sink[p->dead_letter_sink], out, text);
  }
  explain_guarantees(p, out);
}

/* ---- Graphviz ---- */
static void dot_text(FILE *out, const char *text) {
  for (; *text != 0; text++) {
    if (*text == '"' || *text == '\\') fputc('\\', out);
    fputc(*text == '\n' ? ' ' : *text, out);
  }
}

static void explain_dot(const struct plan *p, FILE *out, struct buf *text) {
  fprintf(out, "digraph \"%s\" {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n", p->name);
  for (uint32_t i = 0; i < p->nodes; i++) {
    const struct plan_node *n = &p->node[i];
    const char *shape = n->kind == PLAN_SOURCE ? "cds" : n->kind == PLAN_SINK ? "note" : "box";
    const char *kind = n->kind == PLAN_SOURCE ? p->source[n->index].api->name
                       : n->kind == PLAN_SINK ? p->sink[n->index].api->name
                                              : explain_value(n, text);
    fprintf(out, "  n%u [shape=%s, label=\"", i, shape);
    dot_text(out, n->name);
    fprintf(out, "\\n");
    dot_text(out, kind);
    fprintf(out, "\"];\n");
    for (uint32_t k = 0; k < n->inputs; k++) {
      fprintf(out, "  n%u -> n%u", n->input[k].node, i);
      text->size = 0;
      if (n->kind == PLAN_STEP && n->exchange) {
        explain_keys(p, n, text);
        fprintf(out, " [style=bold, label=\"by ");
        dot_text(out, buf_string(text));
        fprintf(out, "\"]");
      }
      fprintf(out, ";\n");
    }
  }
  fprintf(out, "}\n");
}

void plan_explain(const struct plan *plan, FILE *out, bool dot) {
  struct buf text = {0};
  if (dot)
    explain_dot(plan, out, &text);
  else
    explain_tree(plan, out, &text);
  buf_free(&text);
}
