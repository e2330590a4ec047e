/*
 * graph: who reads whom. Steps are read into a list first (their verb, their name), then every `from:` is resolved over
 * one namespace: sources, steps, outputs of routes ("step.output") and `late` outputs. A name may stand before what it
 * names; that nothing reads itself in a circle is found where the order is made (nodes.c).
 */
#include "build.h"
#include "registry.h"

/* ---- names ---- */
static uint32_t graph_names(struct build *b, const char **names, uint32_t room) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < b->plan->sources && n < room; i++) names[n++] = b->plan->source[i].name;
  for (uint32_t i = 0; i < b->steps && n < room; i++) {
    const struct conf_node *to = NULL, *rest = NULL;
    const struct build_step *s = &b->step[i];
    if (s->verb != NULL && strcmp(s->verb->name, "route") == 0 && s->value->kind == CONF_MAP) {
      to = conf_get(s->value, "to");
      rest = conf_get(s->value, "rest");
    } else {
      names[n++] = s->reader.name;
    }
    for (uint32_t k = 0; to != NULL && to->kind == CONF_MAP && k < to->count && n < room; k++)
      names[n++] = arena_format(b->arena, "%s.%s", s->reader.name, to->key[k].text);
    if (rest != NULL && rest->kind == CONF_SCALAR && n < room)
      names[n++] = arena_format(b->arena, "%s.%s", s->reader.name, rest->text);
  }
  for (uint32_t i = 0; i < b->lates && n < room; i++) names[n++] = b->late[i].name;
  return n;
}

/* Whose name it is already: a word for the error, or NULL. */
static const char *graph_taken(const struct build *b, const char *name, uint32_t steps) {
  for (uint32_t i = 0; i < b->plan->sources; i++)
    if (strcmp(b->plan->source[i].name, name) == 0) return "a source";
  for (uint32_t i = 0; i < steps; i++)
    if (b->step[i].reader.name != NULL && strcmp(b->step[i].reader.name, name) == 0) return "a step";
  for (uint32_t i = 0; i < b->lates; i++)
    if (strcmp(b->late[i].name, name) == 0) return "an output for late records";
  return NULL;
}

/* ---- steps ---- */
static void step_verb_unknown(struct build *b, const struct conf_node *key) {
  uint32_t n, later;
  const struct op_verb *const *verbs = op_verbs(&n);
  const char *const *other = op_verbs_later(&later);
  const char *all[64];
  uint32_t count = 0;
  for (uint32_t i = 0; i < later; i++) {
    if (strcmp(other[i], key->text) == 0) {
      conf_error(b->errors, key, "the step '%s' is not built yet", key->text);
      return;
    }
  }
  for (uint32_t i = 0; i < n; i++) all[count++] = verbs[i]->name;
  for (uint32_t i = 0; i < later; i++) all[count++] = other[i];
  all[count++] = "name";
  all[count++] = "from";
  const char *near = conf_nearest(key->text, all, count);
  conf_error(b->errors, key, "there is no step '%s'", key->text);
  if (near != NULL) conf_hint(b->errors, "did you mean '%s'?", near);
}

static void step_verb(struct build *b, struct build_step *s, const struct conf_node *node) {
  bool said = false;
  for (uint32_t i = 0; i < node->count; i++) {
    const char *key = node->key[i].text;
    if (strcmp(key, "name") == 0 || strcmp(key, "from") == 0) continue;
    const struct op_verb *verb = op_verb_find(key);
    if (verb != NULL && s->verb != NULL) {
      conf_error(b->errors, &node->key[i], "a step has one verb, and this one has two: %s and %s", s->verb->name, key);
      conf_hint(b->errors, "begin a new step: a line '- %s: …'", key);
    } else if (verb != NULL) {
      s->verb = verb;
      s->verb_node = &node->key[i];
      s->value = &node->item[i];
    } else {
      step_verb_unknown(b, &node->key[i]);
    }
    said |= verb == NULL;
  }
  if (s->verb == NULL && !said) {
    conf_error(b->errors, node, "this step has no verb");
    conf_hint(b->errors, "filter, map, set, select, drop, rename, lookup, route, key_by or aggregate");
  }
}

static void step_named(struct build *b, uint32_t index) {
  struct build_step *s = &b->step[index];
  const struct conf_node *name = s->reader.node->kind == CONF_MAP ? conf_get(s->reader.node, "name") : NULL;
  if (name == NULL) return;
  if (name->kind != CONF_SCALAR || !build_name_good(b, name, "a step")) {
    if (name->kind != CONF_SCALAR) conf_error(b->errors, name, "the name of a step is a word");
    return;
  }
  const char *taken = graph_taken(b, name->text, index);
  if (taken != NULL) {
    conf_error(b->errors, name, "'%s' is already the name of %s", name->text, taken);
    return;
  }
  s->reader.name = name->text;
}

/* The verb, or verb_2, verb_3 … */
static void step_unnamed(struct build *b, uint32_t index) {
  struct build_step *s = &b->step[index];
  if (s->reader.name != NULL) return;
  const char *verb = s->verb != NULL ? s->verb->name : "step";
  const char *name = verb;
  for (uint32_t n = 2; graph_taken(b, name, b->steps) != NULL; n++) name = arena_format(b->arena, "%s_%u", verb, n);
  s->reader.name = name;
}

static void step_late(struct build *b, uint32_t index) {
  const struct build_step *s = &b->step[index];
  const struct conf_node *late = s->value != NULL && s->value->kind == CONF_MAP ? conf_get(s->value, "late") : NULL;
  if (late == NULL || late->kind != CONF_SCALAR || late->text[0] == 0) return;
  if (!build_name_good(b, late, "an output")) return;
  const char *taken = graph_taken(b, late->text, b->steps);
  if (taken != NULL)
    conf_error(b->errors, late, "'%s' is already the name of %s", late->text, taken);
  else
    b->late[b->lates++] = (struct build_late){late->text, index};
}

void build_steps_read(struct build *b) {
  const struct conf_node *list = conf_get(b->document, "steps");
  if (list == NULL || (list->kind == CONF_LIST && list->count == 0)) return;
  if (list->kind != CONF_LIST || list->count > 1000) {
    conf_error(b->errors, list, list->kind == CONF_LIST ? "a pipeline has at most 1000 steps" : "'steps' is a list");
    conf_hint(b->errors, "each step is a line of its own: - filter: …");
    b->sources_bad = true; /* whoever reads whom cannot be said */
    return;
  }
  b->step = ARENA_NEWS(b->arena, struct build_step, list->count);
  b->late = ARENA_NEWS(b->arena, struct build_late, list->count);
  b->steps = list->count;
  for (uint32_t i = 0; i < list->count; i++) {
    struct build_step *s = &b->step[i];
    s->reader.node = &list->item[i];
    s->plan_node = -1;
    if (list->item[i].kind == CONF_MAP)
      step_verb(b, s, &list->item[i]);
    else
      conf_error(b->errors, &list->item[i], "a step is a map: its verb, and what the verb needs");
  }
  for (uint32_t i = 0; i < b->steps; i++) step_named(b, i);
  for (uint32_t i = 0; i < b->steps; i++) step_late(b, i);
  for (uint32_t i = 0; i < b->steps; i++) step_unnamed(b, i);
}

/* ---- from ---- */
static bool step_is_route(const struct build_step *s) { return s->verb != NULL && strcmp(s->verb->name, "route") == 0; }

static bool route_has(const struct build_step *s, const char *output) {
  if (s->value->kind != CONF_MAP) return false;
  const struct conf_node *to = conf_get(s->value, "to"), *rest = conf_get(s->value, "rest");
  if (to != NULL && to->kind == CONF_MAP && conf_get(to, output) != NULL) return true;
  return rest != NULL && rest->kind == CONF_SCALAR && strcmp(rest->text, output) == 0;
}

static void route_outputs_hint(struct build *b, const struct build_step *s) {
  struct buf list = {0};
  const struct conf_node *to = s->value->kind == CONF_MAP ? conf_get(s->value, "to") : NULL;
  for (uint32_t i = 0; to != NULL && to->kind == CONF_MAP && i < to->count; i++)
    buf_format(&list, "%s%s.%s", i > 0 ? ", " : "", s->reader.name, to->key[i].text);
  if (list.size > 0) conf_hint(b->errors, "its outputs are: %s", buf_string(&list));
  buf_free(&list);
}

static bool from_find(struct build *b, const char *name, struct build_from *from) {
  for (uint32_t i = 0; i < b->plan->sources; i++) {
    if (strcmp(b->plan->source[i].name, name) != 0) continue;
    *from = (struct build_from){from->node, FROM_SOURCE, i, NULL};
    return true;
  }
  for (uint32_t i = 0; i < b->steps; i++) {
    const char *step = b->step[i].reader.name;
    size_t n = strlen(step);
    if (strcmp(step, name) == 0) {
      *from = (struct build_from){from->node, FROM_STEP, i, NULL};
      return true;
    }
    if (strncmp(step, name, n) != 0 || name[n] != '.' || !step_is_route(&b->step[i])) continue;
    if (!route_has(&b->step[i], name + n + 1)) continue;
    *from = (struct build_from){from->node, FROM_STEP, i, name};
    return true;
  }
  for (uint32_t i = 0; i < b->lates; i++) {
    if (strcmp(b->late[i].name, name) != 0) continue;
    *from = (struct build_from){from->node, FROM_STEP, b->late[i].step, b->late[i].name};
    return true;
  }
  return false;
}

static void from_unknown(struct build *b, const struct conf_node *node) {
  static const char what[] = "there is no source, step or output '%s'";
  const char *names[512];
  uint32_t n = graph_names(b, names, 512);
  conf_error(b->errors, node, what, node->text);
  const char *near = conf_nearest(node->text, names, n);
  if (near != NULL) {
    conf_hint(b->errors, "did you mean '%s'?", near);
    return;
  }
  for (uint32_t i = 0; i < b->plan->tables; i++) {
    if (strcmp(b->plan->table[i].name, node->text) != 0) continue;
    conf_hint(b->errors, "'%s' is a table: a lookup reads it", node->text);
    return;
  }
  struct buf list = {0};
  for (uint32_t i = 0; i < n && i < 20; i++) buf_format(&list, "%s%s", i > 0 ? ", " : "", names[i]);
  conf_hint(b->errors, "the names are: %s%s", buf_string(&list), n > 20 ? ", …" : "");
  buf_free(&list);
}

static bool from_one(struct build *b, struct build_reader *reader, const struct conf_node *node) {
  struct build_from *from = &reader->from[reader->froms];
  if (node->kind != CONF_SCALAR || node->text[0] == 0) {
    conf_error(b->errors, node, "the name of a source, step or output is needed here");
    return false;
  }
  from->node = node;
  if (!from_find(b, node->text, from)) {
    from_unknown(b, node);
    return false;
  }
  if (from->kind == FROM_STEP && from->port == NULL && step_is_route(&b->step[from->index])) {
    conf_error(b->errors, node, "'%s' is a route: read one of its outputs", node->text);
    route_outputs_hint(b, &b->step[from->index]);
    return false;
  }
  for (uint32_t i = 0; i < reader->froms; i++) {
    const struct build_from *other = &reader->from[i];
    if (other->node != NULL && strcmp(other->node->text, node->text) == 0) {
      conf_error(b->errors, node, "'%s' is named twice", node->text);
      return false;
    }
  }
  reader->froms++;
  return true;
}

/* Without `from:`: the step before; the first step (and a sink of a pipeline without steps): the only source. */
static bool from_default(struct build *b, struct build_reader *reader, const struct conf_node *at, uint32_t before) {
  reader->from[0].node = NULL;
  if (before > 0) {
    const struct build_step *s = &b->step[before - 1];
    if (step_is_route(s)) {
      conf_error(b->errors, at,
                 "'%s' comes after the route '%s' and does not say which output it reads: add from:", reader->name,
                 s->reader.name);
      route_outputs_hint(b, s);
      return false;
    }
    reader->from[0].kind = FROM_STEP;
    reader->from[0].index = before - 1;
  } else if (b->plan->sources == 1) {
    reader->from[0].kind = FROM_SOURCE;
    reader->from[0].index = 0;
  } else {
    if (b->plan->sources == 0) return false;
    struct buf list = {0};
    for (uint32_t i = 0; i < b->plan->sources; i++)
      buf_format(&list, "%s%s", i > 0 ? ", " : "", b->plan->source[i].name);
    conf_error(b->errors, at, "'%s' must say what it reads: add from: (the sources are %s)", reader->name,
               buf_string(&list));
    buf_free(&list);
    return false;
  }
  reader->froms = 1;
  return true;
}

static void from_read(struct build *b, struct build_reader *reader, const struct conf_node *at, uint32_t before) {
  const struct conf_node *from = reader->node->kind == CONF_MAP ? conf_get(reader->node, "from") : NULL;
  uint32_t n = from != NULL && from->kind == CONF_LIST ? from->count : 1;
  reader->from = ARENA_NEWS(b->arena, struct build_from, n + 1);
  if (from == NULL) {
    reader->bad = !from_default(b, reader, at, before);
    return;
  }
  if (from->kind == CONF_LIST && n == 0) {
    conf_error(b->errors, from, "the list is empty: name a source, step or output");
    reader->bad = true;
  }
  for (uint32_t i = 0; i < n && !(from->kind == CONF_LIST && from->count == 0); i++)
    if (!from_one(b, reader, from->kind == CONF_LIST ? &from->item[i] : from)) reader->bad = true;
}

/* ---- who is read ---- */
static bool graph_read(const struct build_reader *reader, enum from_kind kind, uint32_t index) {
  for (uint32_t i = 0; i < reader->froms; i++)
    if (reader->from[i].kind == kind && reader->from[i].index == index &&
        (kind == FROM_SOURCE || reader->from[i].port == NULL))
      return true;
  return false;
}

static bool graph_is_read(const struct build *b, enum from_kind kind, uint32_t index) {
  for (uint32_t i = 0; i < b->steps; i++)
    if (graph_read(&b->step[i].reader, kind, index)) return true;
  for (uint32_t i = 0; i < b->plan->sinks; i++)
    if (graph_read(&b->sink[i], kind, index)) return true;
  return false;
}

static void graph_unread(struct build *b) {
  bool sure = true; /* where a from: is wrong, nobody knows who is unread */
  for (uint32_t i = 0; i < b->steps; i++) sure &= !b->step[i].reader.bad;
  for (uint32_t i = 0; i < b->plan->sinks; i++) sure &= !b->sink[i].bad;
  if (!sure || b->plan->sinks == 0) return;
  const struct conf_node *sources = conf_get(b->document, "sources");
  for (uint32_t i = 0; i < b->plan->sources; i++)
    if (!graph_is_read(b, FROM_SOURCE, i))
      conf_error(b->errors, &sources->key[i], "nobody reads the source '%s'", b->plan->source[i].name);
  for (uint32_t i = 0; i < b->steps; i++) {
    struct build_step *s = &b->step[i];
    if (step_is_route(s) || graph_is_read(b, FROM_STEP, i)) continue;
    conf_error(b->errors, s->verb_node != NULL ? s->verb_node : s->reader.node, "nobody reads the step '%s'",
               s->reader.name);
    conf_hint(b->errors, "a sink or a later step reads it with from: %s", s->reader.name);
  }
}

static void sink_from(struct build *b, uint32_t i) {
  struct build_reader *sink = &b->sink[i];
  const struct conf_node *sinks = conf_get(b->document, "sinks");
  if ((int32_t)i != b->plan->dead_letter_sink) {
    from_read(b, sink, &sinks->key[i], b->steps);
    return;
  }
  if (sink->node->kind == CONF_MAP && conf_get(sink->node, "from") != NULL)
    conf_error(b->errors, conf_key(sink->node, "from"), "'%s' takes the dead letters, and reads nothing else",
               sink->name);
}

void build_graph(struct build *b) {
  for (uint32_t i = 0; i < b->steps; i++) {
    const struct build_step *s = &b->step[i];
    from_read(b, &b->step[i].reader, s->verb_node != NULL ? s->verb_node : s->reader.node, i);
  }
  for (uint32_t i = 0; i < b->plan->sinks; i++) sink_from(b, i);
  graph_unread(b);
}
