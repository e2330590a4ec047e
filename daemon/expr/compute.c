/*
 * compute: an entry of `compute:` taken apart: the calls of aggregates, each with expressions over the input, and what
 * is done with their results, an expression over the group's columns and those results.
 *
 * It works on the syntax: a call of an aggregate is compiled by itself, and a reference to the column of its result is
 * put in its place; what is left is checked like any other expression. The same call written twice is computed once.
 */
#include "../data/schema.h"
#include "aggregate.h"
#include "node.h"

struct compute {
  struct arena *arena;
  const char *text;
  const struct schema *input, *group;
  struct expr_error *err;
  struct expr_aggregate *out;
  const struct syntax **written; /* by call */
  uint32_t room;
};

static bool compute_is_aggregate(const struct syntax *s) {
  return s->kind == SYNTAX_CALL && (s->star || agg_find(s->text) != NULL);
}

static const struct syntax *compute_nested(const struct syntax *s) {
  if (compute_is_aggregate(s)) return s;
  for (uint32_t i = 0; i < s->args; i++) {
    const struct syntax *found = compute_nested(s->arg[i]);
    if (found != NULL) return found;
  }
  return NULL;
}

/* An argument or the filter: an expression over the input. */
static struct expr *compute_argument(struct compute *m, const struct syntax *s) {
  const struct syntax *nested = compute_nested(s);
  if (nested != NULL)
    return expr_wrong(m->err, nested->offset, nested->length, "an aggregate inside an aggregate: '%s'", nested->text);
  struct checker c = {.arena = m->arena, .text = m->text, .columns = m->input, .err = m->err};
  struct node *n = check_node(&c, s);
  if (n == NULL) return NULL;
  if (n->type.kind != SPATE_INTERVAL) return expr_make(&c, n);
  expr_wrong(m->err, n->offset, n->length, "an interval cannot be aggregated");
  return expr_hint(m->err, "timestampdiff(millisecond, a, b) is a number");
}

static int compute_filter(struct compute *m, const struct syntax *s, struct expr_call *call) {
  char name[TYPE_NAME];
  if (s->filter == NULL) return 0;
  call->filter = compute_argument(m, s->filter);
  if (call->filter == NULL) return -1;
  if (call->filter->type.kind == SPATE_BOOL || call->filter->type.kind == SPATE_NONE) return 0;
  expr_wrong(m->err, s->filter->offset, s->filter->length, "filter (where …) must be true or false, and this is %s",
             type_name(call->filter->type, name));
  return -1;
}

static int compute_arity(struct compute *m, const struct syntax *s, const struct agg_class *agg) {
  if (s->star && !agg->star) return expr_wrong(m->err, s->offset, s->length, "only count takes a *"), -1;
  if (s->star && s->distinct) return expr_wrong(m->err, s->offset, s->length, "count(distinct *) means nothing"), -1;
  if (s->star || (s->args >= agg->min_args && s->args <= agg->max_args && s->args <= 3)) return 0;
  expr_wrong(m->err, s->offset, s->length, "%s takes %u%s argument%s, and there %s %u", agg->name, agg->min_args,
             agg->max_args > agg->min_args ? " or more" : "", agg->max_args == 1 ? "" : "s",
             s->args == 1 ? "is" : "are", s->args);
  expr_hint(m->err, "%s", agg->signature);
  return -1;
}

static int compute_call(struct compute *m, const struct syntax *s, struct expr_call *call) {
  struct spate_type type[3];
  struct spate_error why = {0};
  call->agg = agg_find(s->text);
  if (call->agg == NULL) return expr_wrong(m->err, s->offset, s->length, "only count takes a *"), -1;
  if (compute_arity(m, s, call->agg) != 0) return -1;
  call->distinct = s->distinct;
  call->args = s->args;
  for (uint32_t i = 0; i < s->args; i++) {
    if ((call->arg[i] = compute_argument(m, s->arg[i])) == NULL) return -1;
    type[i] = call->arg[i]->type;
  }
  if (compute_filter(m, s, call) != 0) return -1;
  if (call->agg->type(type, s->args, &call->type, &why) == 0) return 0;
  expr_wrong(m->err, s->offset, s->length, "%.300s", why.message);
  expr_hint(m->err, "%s", call->agg->signature);
  return -1;
}

static bool syntax_same(const struct syntax *a, const struct syntax *b) {
  if (a == NULL || b == NULL) return a == b;
  if (a->kind != b->kind || a->op != b->op || a->negated != b->negated || a->gentle != b->gentle ||
      a->distinct != b->distinct || a->star != b->star || a->args != b->args || a->size != b->size ||
      a->i64 != b->i64 || a->dec != b->dec || memcmp(&a->f64, &b->f64, sizeof a->f64) != 0 ||
      memcmp(&a->type, &b->type, sizeof a->type) != 0 || memcmp(a->text, b->text, a->size) != 0 ||
      a->operand != b->operand || !syntax_same(a->filter, b->filter))
    return false;
  for (uint32_t i = 0; i < a->args; i++)
    if (!syntax_same(a->arg[i], b->arg[i])) return false;
  return true;
}

/* The number of the call in `out`, compiled if it is new; -1: err is set. */
static int64_t compute_place(struct compute *m, const struct syntax *s) {
  struct expr_aggregate *out = m->out;
  for (uint32_t i = 0; i < out->calls; i++)
    if (syntax_same(m->written[i], s)) return i;
  if (out->calls == m->room) {
    uint32_t room = m->room > 0 ? m->room * 2 : 4;
    struct expr_call *call = ARENA_NEWS(m->arena, struct expr_call, room);
    const struct syntax **written = ARENA_NEWS(m->arena, const struct syntax *, room);
    if (out->calls > 0) {
      memcpy(call, out->call, out->calls * sizeof *call);
      memcpy(written, m->written, out->calls * sizeof *written);
    }
    out->call = call;
    m->written = written;
    m->room = room;
  }
  m->written[out->calls] = s;
  if (compute_call(m, s, &out->call[out->calls]) != 0) return -1;
  return out->calls++;
}

/* Compiles every call below, and puts a reference in its place. */
static int compute_replace(struct compute *m, struct syntax **s) {
  if (compute_is_aggregate(*s)) {
    int64_t place = compute_place(m, *s);
    if (place < 0) return -1;
    struct syntax *ref = ARENA_NEW(m->arena, struct syntax);
    *ref = (struct syntax){.kind = SYNTAX_RESULT, .offset = (*s)->offset, .length = (*s)->length, .text = ""};
    ref->op = m->group->all.count + (uint32_t)place;
    *s = ref;
    return 0;
  }
  for (uint32_t i = 0; i < (*s)->args; i++)
    if (compute_replace(m, &(*s)->arg[i]) != 0) return -1;
  return 0;
}

static struct schema *compute_columns(const struct compute *m) {
  const struct spate_schema *group = &m->group->all;
  struct schema *columns = schema_new(m->arena, group->count + m->out->calls);
  for (uint32_t i = 0; i < group->count; i++) schema_add(columns, group->fields[i].name, group->fields[i].type);
  for (uint32_t i = 0; i < m->out->calls; i++)
    schema_add(columns, arena_format(m->arena, "$%u", i), m->out->call[i].type);
  return columns;
}

int expr_compile_aggregate(struct arena *arena, const char *text, const struct schema *input,
                           const struct schema *group, struct expr_aggregate *out, struct schema **final_columns,
                           struct expr_error *err) {
  struct syntax *s = syntax_parse(arena, text, err);
  if (s == NULL) return -1;
  memset(out, 0, sizeof *out);
  struct compute m = {.arena = arena, .text = arena_text(arena, text), .input = input, .group = group, .err = err};
  m.out = out;
  if (compute_replace(&m, &s) != 0) return -1;
  *final_columns = compute_columns(&m);
  if (s->kind == SYNTAX_RESULT) return 0;
  struct checker c = {.arena = arena, .text = m.text, .columns = *final_columns, .input = input, .err = err};
  struct node *n = check_node(&c, s);
  if (n == NULL) return -1;
  if (n->type.kind == SPATE_INTERVAL) {
    expr_wrong(err, n->offset, n->length, "the result is an interval, and no column can hold one");
    expr_hint(err, "timestampdiff(second, a, b) is a number");
    return -1;
  }
  out->final = expr_make(&c, n);
  return 0;
}
