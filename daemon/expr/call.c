/*
 * call: checking of calls: finds the function, lets it say which types it takes, casts the arguments to them, and hands
 * it the constants that it wants to prepare (a regular expression, a pattern of a date). A call of what does not exist
 * gets the nearest name; of what other engines call otherwise, our name for it; of what is still to come, exactly that.
 */
#include <stdio.h>

#include "../config/config.h"
#include "../data/schema.h"
#include "aggregate.h"
#include "choice.h"

/* ---- functions that are not there ---- */

static bool call_is_to_come(const char *name) {
  static const char *const TO_COME[] = {"parse_url",
                                        "split",
                                        "json_value",
                                        "json_exists",
                                        "to_json",
                                        "cardinality",
                                        "array_contains",
                                        "array_distinct",
                                        "array_position",
                                        "array",
                                        "to_base64",
                                        "from_base64",
                                        "hex",
                                        "unhex",
                                        "md5",
                                        "sha1",
                                        "sha2",
                                        "xxhash64",
                                        "percentile",
                                        "approx_count_distinct",
                                        "collect",
                                        "listagg"};
  for (size_t i = 0; i < sizeof TO_COME / sizeof TO_COME[0]; i++)
    if (strcmp(name, TO_COME[i]) == 0) return true;
  return false;
}

static const char *call_elsewhere(const char *name) { /* what others call our functions */
  static const struct {
    const char *theirs, *ours;
  } NAMES[] = {{"length", "char_length"},
               {"len", "char_length"},
               {"character_length", "char_length"},
               {"substr", "substring"},
               {"nvl", "ifnull"},
               {"isnull", "x is null"},
               {"iff", "if"},
               {"pow", "power"},
               {"ceiling", "ceil"},
               {"now", "current_timestamp"},
               {"lcase", "lower"},
               {"ucase", "upper"},
               {"day", "dayofmonth"},
               {"weekofyear", "week"},
               {"rlike", "regexp_like"},
               {"regexp", "regexp_like"},
               {"instr", "position"},
               {"locate", "position"},
               {"strpos", "position"},
               {"startswith", "starts_with"},
               {"endswith", "ends_with"},
               {"to_unixtime", "unix_timestamp"},
               {"date_add", "timestampadd"},
               {"datediff", "timestampdiff"},
               {"trunc", "date_trunc"},
               {"char", "chr"},
               {"signum", "sign"},
               {"btrim", "trim"},
               {"to_char", "date_format"},
               {"localtimestamp", "current_timestamp"}};
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
    if (strcmp(name, NAMES[i].theirs) == 0) return NAMES[i].ours;
  return NULL;
}

static struct node *call_unknown(struct checker *c, const struct syntax *s) {
  uint32_t length = (uint32_t)strlen(s->text);
  if (call_is_to_come(s->text))
    return expr_wrong(c->err, s->offset, length, "the function '%s' is not built yet", s->text);
  expr_wrong(c->err, s->offset, length, "there is no function '%.80s'", s->text);
  const char *near = call_elsewhere(s->text);
  if (near == NULL) {
    uint32_t count;
    const struct expr_function_info *all = expr_functions(&count);
    const char **names = ARENA_NEWS(c->arena, const char *, count + 1);
    for (uint32_t i = 0; i < count; i++) names[i] = all[i].name;
    near = conf_nearest(s->text, names, count);
  }
  return near != NULL ? expr_hint(c->err, "did you mean '%s'?", near) : NULL;
}

static struct node *call_aggregate(struct checker *c, const struct syntax *s) {
  if (c->input != NULL) /* compute.c has taken out those that stand well */
    return expr_wrong(c->err, s->offset, s->length, "an aggregate inside an aggregate: '%s'", s->text);
  expr_wrong(c->err, s->offset, s->length, "'%s' is an aggregate, and this expression sees one record", s->text);
  return expr_hint(c->err, "aggregates stand in compute: of an aggregate step");
}

/* ---- arguments ---- */

static int call_count(struct checker *c, const struct syntax *s, const struct expr_function *f) {
  if (s->args >= f->min_args && s->args <= f->max_args) return 0;
  char wanted[40];
  if (f->min_args == f->max_args) {
    snprintf(wanted, sizeof wanted, "%u", f->min_args);
  } else {
    snprintf(wanted, sizeof wanted, "%u to %u", f->min_args, f->max_args);
  }
  expr_wrong(c->err, s->offset, s->length, "%s takes %s argument%s, and there %s %u", f->name, wanted,
             f->max_args == 1 ? "" : "s", s->args == 1 ? "is" : "are", s->args);
  expr_hint(c->err, "%s", f->signature);
  return -1;
}

static struct node *call_argument(struct checker *c, const struct syntax *s, const struct expr_function *f, uint32_t i,
                                  struct node *n, struct spate_type to) {
  if (to.kind == SPATE_STRING && n->type.kind != SPATE_BYTES) /* the function takes anything, as text */
    return node_cast(c, n, to, false, s->arg[i]);
  bool text = n->kind == NODE_CONST && n->type.kind == SPATE_STRING;
  if (type_fits(n->type, to) || (text && (to.kind == SPATE_TIMESTAMP || to.kind == SPATE_BYTES)))
    return node_implicit(c, n, to);
  char a[TYPE_NAME], b[TYPE_NAME];
  expr_wrong(c->err, n->offset, n->length, "argument %u of %s is %s, and must be %s", i + 1, f->name,
             type_name(n->type, a), type_name(to, b));
  return expr_hint(c->err, "%s", f->signature);
}

struct call_release { /* for the end of the arena */
  const struct expr_function *function;
  const struct expr_prepared *prepared;
};
static void call_release_run(void *what) {
  const struct call_release *r = what;
  r->function->release(r->prepared);
}

static int call_prepare(struct checker *c, struct node *n, struct expr_resolved *types) {
  const struct expr_function *f = n->function;
  const struct spate_column *value[EXPR_MAX_ARGS] = {NULL};
  struct spate_error why = {0};
  if (f->prepare == NULL && f->refine == NULL) return 0;
  for (uint32_t i = 0; i < n->args; i++)
    if (n->arg[i]->kind == NODE_CONST) value[i] = n->arg[i]->constant;
  if (f->refine != NULL) {
    f->refine(value, n->args, types);
    n->type = types->result;
  }
  if (f->prepare == NULL) return 0;
  n->prepared = f->prepare(c->arena, value, n->args, &why);
  if (n->prepared == NULL && why.message[0] != '\0') {
    expr_wrong(c->err, n->offset, n->length, "%.300s", why.message);
    return -1;
  }
  if (n->prepared != NULL && f->release != NULL) {
    struct call_release *release = ARENA_NEW(c->arena, struct call_release);
    *release = (struct call_release){f, n->prepared};
    arena_defer(c->arena, call_release_run, release);
  }
  return 0;
}

/* The slot of the call's scratch memory. */
static uint32_t call_slot(struct checker *c, const struct expr_function *f) {
  if (c->calls == c->call_room) {
    uint32_t room = c->call_room > 0 ? c->call_room * 2 : 8;
    const struct expr_function **grown = ARENA_NEWS(c->arena, const struct expr_function *, room);
    if (c->calls > 0) memcpy(grown, c->called, c->calls * sizeof *grown);
    c->called = grown;
    c->call_room = room;
  }
  c->called[c->calls] = f;
  return c->calls++;
}

static struct node *call_make(struct checker *c, const struct syntax *s, const struct expr_function *f,
                              struct node **arg) {
  struct expr_resolved types;
  struct spate_type actual[EXPR_MAX_ARGS];
  struct spate_error why = {0};
  if (s->args > EXPR_MAX_ARGS)
    return expr_wrong(c->err, s->offset, s->length, "a call takes at most %d arguments", EXPR_MAX_ARGS);
  memset(&types, 0, sizeof types);
  for (uint32_t i = 0; i < s->args; i++) types.arg[i] = actual[i] = arg[i]->type;
  if (f->resolve(actual, s->args, &types, &why) != 0) {
    expr_wrong(c->err, s->offset, s->length, "%.300s", why.message);
    return expr_hint(c->err, "%s", f->signature);
  }
  struct node *n = node_new(c, NODE_CALL, types.result, s, s->args);
  for (uint32_t i = 0; i < s->args; i++)
    if ((n->arg[i] = call_argument(c, s, f, i, arg[i], types.arg[i])) == NULL) return NULL;
  n->function = f;
  n->changing = f->not_constant;
  n->may_fail = true;
  n->index = call_slot(c, f);
  return call_prepare(c, n, &types) == 0 ? node_done(c, n) : NULL;
}

struct node *check_call(struct checker *c, const struct syntax *s) {
  const struct expr_function *f = function_find(s->text);
  if (f == NULL) return agg_find(s->text) != NULL ? call_aggregate(c, s) : call_unknown(c, s);
  if (s->star) return expr_wrong(c->err, s->offset, s->length, "only count takes a *");
  if (s->distinct || s->filter != NULL)
    return expr_wrong(c->err, s->offset, s->length, "%s is for aggregates, and %s is none",
                      s->distinct ? "distinct" : "filter (where …)", s->text);
  if (call_count(c, s, f) != 0) return NULL;
  struct node **arg = ARENA_NEWS(c->arena, struct node *, s->args + 1), *out;
  for (uint32_t i = 0; i < s->args; i++)
    if ((arg[i] = check_node(c, s->arg[i])) == NULL) return NULL;
  return choice_check(c, s, arg, &out) ? out : call_make(c, s, f, arg);
}
