/*
 * check: from syntax to typed nodes: names become columns, operators become kernels for the types they meet. Each rule
 * of typing stands where its operator is checked; what is wrong is said at the smallest piece of text that shows it.
 */
#include "../config/config.h"
#include "../data/schema.h"
#include "aggregate.h"
#include "node.h"

static bool type_is_bool(struct spate_type t) { return t.kind == SPATE_BOOL || t.kind == SPATE_NONE; }

static struct node *check_bool(struct checker *c, const struct syntax *s, const char *where) {
  struct node *n = check_node(c, s);
  char name[TYPE_NAME];
  if (n == NULL || type_is_bool(n->type)) return n;
  expr_wrong(c->err, n->offset, n->length, "%s must be true or false, and this is %s", where, type_name(n->type, name));
  if (type_numeric(n->type)) expr_hint(c->err, "compare it: … <> 0");
  return NULL;
}

/* ---- names and literals ---- */

static struct node *name_unknown(struct checker *c, const struct syntax *s) {
  if (c->input != NULL && schema_find(c->input, s->text) >= 0) {
    expr_wrong(c->err, s->offset, s->length, "column '%s' is neither a key nor inside an aggregate", s->text);
    return expr_hint(c->err, "add it to key, or write first(%s)", s->text);
  }
  expr_wrong(c->err, s->offset, s->length, "there is no column '%.80s'", s->text);
  const struct spate_schema *all = &c->columns->all;
  const char **names = ARENA_NEWS(c->arena, const char *, all->count + 1);
  for (uint32_t i = 0; i < all->count; i++) names[i] = all->fields[i].name;
  const char *near = conf_nearest(s->text, names, all->count);
  if (near != NULL) return expr_hint(c->err, "did you mean '%s'?", near);
  if (!s->quoted && (function_find(s->text) != NULL || agg_find(s->text) != NULL))
    return expr_hint(c->err, "a function is called with brackets: %s(…)", s->text);
  return s->quoted ? expr_hint(c->err, "a text is written in single quotes: '%.60s'", s->text)
                   : expr_hint(c->err, "a text is written in quotes: '%.60s'", s->text);
}

static struct node *check_name(struct checker *c, const struct syntax *s) {
  int32_t i = schema_find(c->columns, s->text);
  if (i >= 0) {
    struct node *n = node_new(c, NODE_COLUMN, c->columns->all.fields[i].type, s, 0);
    n->index = (uint32_t)i;
    return n;
  }
  if (!s->quoted && (strcasecmp(s->text, "current_timestamp") == 0 || strcasecmp(s->text, "current_watermark") == 0)) {
    struct syntax call = *s;
    char *name = arena_text(c->arena, s->text);
    for (char *p = name; *p != '\0'; p++) *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    call.kind = SYNTAX_CALL;
    call.text = name;
    return check_call(c, &call);
  }
  return name_unknown(c, s);
}

static struct node *check_result(struct checker *c, const struct syntax *s) {
  struct node *n = node_new(c, NODE_COLUMN, c->columns->all.fields[s->op].type, s, 0);
  n->index = s->op;
  return n;
}

/* ---- arithmetic ---- */

static struct node *arith_wrong(struct checker *c, const struct syntax *s, const struct node *a, const struct node *b) {
  static const char *const SIGNS[] = {"+", "-", "*", "/", "div", "%"};
  char x[TYPE_NAME], y[TYPE_NAME];
  bool text = a->type.kind == SPATE_STRING || b->type.kind == SPATE_STRING;
  bool time = a->type.kind == SPATE_TIMESTAMP || b->type.kind == SPATE_TIMESTAMP;
  expr_wrong(c->err, s->offset, s->length, "%s %s %s cannot be computed", type_name(a->type, x), SIGNS[s->op],
             type_name(b->type, y));
  if (time) return expr_hint(c->err, "time moves by intervals: ts + interval '5' minute");
  if (text && s->op == ARITH_ADD && a->type.kind == b->type.kind) return expr_hint(c->err, "texts are joined by ||");
  const struct node *t = a->type.kind == SPATE_STRING ? a : b;
  if (text && t->kind != NODE_CONST)
    return expr_hint(c->err, "cast(%.*s as double)", (int)(t->length < 60 ? t->length : 60), c->text + t->offset);
  if (text) return expr_hint(c->err, "a number is written without quotes");
  return NULL;
}

/* Times and intervals; false: not our case. */
static bool arith_time(const struct node *a, const struct node *b, uint32_t op, enum spate_kind *result) {
  uint8_t x = a->type.kind, y = b->type.kind;
  if (x == SPATE_NONE && (y == SPATE_TIMESTAMP || y == SPATE_INTERVAL)) x = SPATE_INTERVAL;
  if (y == SPATE_NONE && (x == SPATE_TIMESTAMP || x == SPATE_INTERVAL)) y = SPATE_INTERVAL;
  *result = SPATE_INTERVAL;
  if (x == SPATE_INTERVAL && y == SPATE_INTERVAL) return op == ARITH_ADD || op == ARITH_SUB;
  if (x == SPATE_TIMESTAMP && y == SPATE_TIMESTAMP) return op == ARITH_SUB;
  if (x == SPATE_INTERVAL && y == SPATE_INT) return op == ARITH_MUL || op == ARITH_DIV || op == ARITH_IDIV;
  if (x == SPATE_INT && y == SPATE_INTERVAL) return op == ARITH_MUL;
  *result = SPATE_TIMESTAMP;
  if (x == SPATE_TIMESTAMP && y == SPATE_INTERVAL) return op == ARITH_ADD || op == ARITH_SUB;
  return x == SPATE_INTERVAL && y == SPATE_TIMESTAMP && op == ARITH_ADD;
}

static struct node *arith_make(struct checker *c, const struct syntax *s, struct spate_type type,
                               void (*run)(struct kernel *), struct node *a, struct node *b) {
  if (a == NULL || b == NULL) return NULL;
  struct node *n = node_kernel(c, s, type, run, a, b);
  n->op = (uint8_t)s->op;
  n->may_fail = run != kernel_arith_double || s->op == ARITH_DIV || s->op == ARITH_MOD;
  return node_done(c, n);
}

/* The type in which a decimal operation takes an operand: an int literal has the digits that are written. */
static struct spate_type arith_decimal_type(const struct node *n) {
  if (n->type.kind != SPATE_INT || n->kind != NODE_CONST || node_is_constant_null(n)) return type_as_decimal(n->type);
  int digits = 1;
  for (int64_t v = n->constant->i64[0]; v > 9 || v < -9; v /= 10) digits++;
  return type_decimal(digits, 0);
}

static struct node *check_arith(struct checker *c, const struct syntax *s) {
  struct node *a = check_node(c, s->arg[0]), *b = a != NULL ? check_node(c, s->arg[1]) : NULL;
  if (b == NULL) return NULL;
  enum spate_kind time;
  if (arith_time(a, b, s->op, &time)) {
    if (a->type.kind == SPATE_NONE) a = node_cast(c, a, type_of(SPATE_INTERVAL), false, s);
    if (b->type.kind == SPATE_NONE) b = node_cast(c, b, type_of(SPATE_INTERVAL), false, s);
    return arith_make(c, s, type_of(time), kernel_arith_int, a, b);
  }
  bool fits =
      (type_numeric(a->type) || a->type.kind == SPATE_NONE) && (type_numeric(b->type) || b->type.kind == SPATE_NONE);
  if (!fits) return arith_wrong(c, s, a, b);
  if (a->type.kind == SPATE_NONE) a = node_implicit(c, a, b->type.kind == SPATE_NONE ? type_of(SPATE_INT) : b->type);
  if (b->type.kind == SPATE_NONE) b = node_implicit(c, b, a->type);
  bool approximate = a->type.kind == SPATE_DOUBLE || b->type.kind == SPATE_DOUBLE;
  bool integral = a->type.kind == SPATE_INT && b->type.kind == SPATE_INT;
  if (approximate && s->op == ARITH_IDIV) {
    expr_wrong(c->err, s->offset, s->length, "div is for int and decimal, and one of these is double");
    return expr_hint(c->err, "floor(a / b)");
  }
  struct spate_type d = type_of(SPATE_DOUBLE);
  if (approximate || (integral && s->op == ARITH_DIV))
    return arith_make(c, s, d, kernel_arith_double, node_implicit(c, a, d), node_implicit(c, b, d));
  if (integral) return arith_make(c, s, type_of(SPATE_INT), kernel_arith_int, a, b);
  struct spate_type x = arith_decimal_type(a), y = arith_decimal_type(b);
  return arith_make(c, s, type_arith(s->op, x, y), kernel_arith_decimal, node_implicit(c, a, x),
                    node_implicit(c, b, y));
}

static struct node *check_negate(struct checker *c, const struct syntax *s) {
  const struct syntax *a = s->arg[0];
  if (s->op && a->kind == SYNTAX_LITERAL && a->type.kind == SPATE_DECIMAL && a->type.scale == 0 &&
      a->dec == -(spate_i128)INT64_MIN) {
    struct syntax least = *s; /* the one int whose digits alone do not fit */
    least.i64 = INT64_MIN;
    return node_constant(c, type_of(SPATE_INT), &least);
  }
  struct node *n = check_node(c, a);
  char name[TYPE_NAME];
  if (n == NULL) return NULL;
  if (!type_numeric(n->type) && n->type.kind != SPATE_INTERVAL && n->type.kind != SPATE_NONE)
    return expr_wrong(c->err, s->offset, s->length, "a sign stands before a number, and this is %s",
                      type_name(n->type, name));
  if (!s->op) return n;
  n = node_kernel(c, s, n->type, kernel_negate, n, NULL);
  n->may_fail = n->type.kind == SPATE_INT || n->type.kind == SPATE_INTERVAL;
  return node_done(c, n);
}

/* ---- truth ---- */

static struct node *check_chain(struct checker *c, const struct syntax *s) {
  bool is_and = s->kind == SYNTAX_AND;
  struct node *n = node_new(c, is_and ? NODE_AND : NODE_OR, type_of(SPATE_BOOL), s, s->args);
  for (uint32_t i = 0; i < s->args; i++) {
    n->arg[i] = check_bool(c, s->arg[i], is_and ? "each side of 'and'" : "each side of 'or'");
    if (n->arg[i] == NULL) return NULL;
  }
  return node_done(c, n);
}

static struct node *node_not(struct checker *c, const struct syntax *s, struct node *n) {
  return n == NULL ? NULL : node_done(c, node_kernel(c, s, type_of(SPATE_BOOL), kernel_not, n, NULL));
}

static struct node *check_is(struct checker *c, const struct syntax *s) {
  bool truth = s->op == IS_TRUE || s->op == IS_FALSE || s->op == IS_UNKNOWN;
  struct node *a = truth ? check_bool(c, s->arg[0], "what 'is true' asks about") : check_node(c, s->arg[0]);
  if (a == NULL) return NULL;
  struct node *n = node_kernel(c, s, type_of(SPATE_BOOL), kernel_is, a, NULL);
  n->strict = false;
  n->op = s->op == IS_UNKNOWN ? IS_NULL : (uint8_t)s->op;
  n->negated = s->negated;
  return node_done(c, n);
}

static struct node *check_distinct(struct checker *c, const struct syntax *s) {
  struct node *a = check_node(c, s->arg[0]), *b = a != NULL ? check_node(c, s->arg[1]) : NULL;
  if (b == NULL || node_unify(c, &a, &b, "these cannot be compared", s) != 0) return NULL;
  struct node *n = node_kernel(c, s, type_of(SPATE_BOOL), kernel_distinct, a, b);
  n->strict = false;
  n->negated = s->negated;
  return node_done(c, n);
}

static struct node *check_between(struct checker *c, const struct syntax *s) {
  struct node *x = check_node(c, s->arg[0]), *let;
  if (x == NULL) return NULL;
  x = node_share(c, x, &let);
  struct node *both = node_new(c, NODE_AND, type_of(SPATE_BOOL), s, 2);
  both->arg[0] = node_compare(c, s, COMPARE_GE, x, check_node(c, s->arg[1]));
  both->arg[1] = both->arg[0] != NULL ? node_compare(c, s, COMPARE_LE, x, check_node(c, s->arg[2])) : NULL;
  if (both->arg[1] == NULL) return NULL;
  struct node *n = node_done(c, both);
  if (s->negated) n = node_not(c, s, n);
  return node_share_end(c, let, n);
}

/* ---- text ---- */

static struct node *check_concat(struct checker *c, const struct syntax *s) {
  struct node **arg = ARENA_NEWS(c->arena, struct node *, s->args);
  bool text = false, bytes = false, null = true;
  for (uint32_t i = 0; i < s->args; i++) {
    if ((arg[i] = check_node(c, s->arg[i])) == NULL) return NULL;
    text = text || arg[i]->type.kind == SPATE_STRING;
    bytes = bytes || arg[i]->type.kind == SPATE_BYTES;
    null = null && arg[i]->type.kind == SPATE_NONE;
  }
  if (!text && !bytes && !null) {
    expr_wrong(c->err, s->offset, s->length, "|| joins texts, and none of these is one");
    return expr_hint(c->err, "cast(x as string)");
  }
  struct spate_type to = type_of(bytes ? SPATE_BYTES : SPATE_STRING);
  struct node *n = NULL;
  for (uint32_t i = 0; i < s->args;) {
    uint32_t take = s->args - i + (n != NULL);
    if (take > EXPR_MAX_ARGS) take = EXPR_MAX_ARGS;
    struct node *joined = node_new(c, NODE_KERNEL, to, s, take);
    for (uint32_t k = 0; k < take; k++) {
      joined->arg[k] = k == 0 && n != NULL ? n : NULL;
      if (joined->arg[k] != NULL) continue;
      joined->arg[k] = bytes ? node_implicit(c, arg[i], to) : node_cast(c, arg[i], to, false, s->arg[i]);
      if (joined->arg[k] == NULL) return NULL;
      i++;
    }
    joined->kernel = kernel_concat;
    joined->strict = true;
    if ((n = node_done(c, joined)) == NULL) return NULL;
  }
  return n;
}

static struct node *check_text(struct checker *c, const struct syntax *s, const char *what) {
  struct node *n = check_node(c, s);
  char name[TYPE_NAME];
  if (n == NULL || n->type.kind == SPATE_STRING) return n;
  if (n->type.kind == SPATE_NONE) return node_implicit(c, n, type_of(SPATE_STRING));
  expr_wrong(c->err, n->offset, n->length, "%s must be a string, and this is %s", what, type_name(n->type, name));
  return expr_hint(c->err, "cast(%.*s as string)", (int)(n->length < 60 ? n->length : 60), c->text + n->offset);
}

static struct node *like_escape(struct checker *c, const struct syntax *s, const char **escape, uint32_t *size) {
  *size = 0;
  *escape = "";
  if (s->args < 3) return NULL;
  struct node *e = check_text(c, s->arg[2], "the escape character");
  if (e == NULL) return NULL;
  uint32_t step = 0;
  if (e->kind == NODE_CONST && !node_is_constant_null(e)) {
    *escape = spate_column_bytes(e->constant, 0, size);
    unsigned char u = (unsigned char)**escape;
    step = u < 0xc0 ? 1 : u < 0xe0 ? 2 : u < 0xf0 ? 3 : 4;
  }
  if (step == 0 || *size != step)
    return expr_wrong(c->err, e->offset, e->length, "escape takes one constant character");
  return e;
}

static struct node *check_like(struct checker *c, const struct syntax *s) {
  const char *escape, *message = NULL;
  uint32_t escape_size, size;
  struct node *a = check_text(c, s->arg[0], "the left side of 'like'");
  struct node *p = a != NULL ? check_text(c, s->arg[1], "a pattern") : NULL;
  if (p == NULL) return NULL;
  struct node *e = like_escape(c, s, &escape, &escape_size);
  if (s->args == 3 && e == NULL) return NULL;
  bool constant = p->kind == NODE_CONST && !node_is_constant_null(p);
  struct node *n = node_kernel(c, s, type_of(SPATE_BOOL), kernel_like, a, constant ? NULL : p);
  n->negated = s->negated;
  if (constant) {
    const char *text = spate_column_bytes(p->constant, 0, &size);
    n->data = like_compile(c->arena, text, size, escape, escape_size, &message);
    if (n->data == NULL) return expr_wrong(c->err, p->offset, p->length, "%s", message);
  } else if (e != NULL) {
    n->data = e->constant;
    n->may_fail = true;
  }
  return node_done(c, n);
}

static struct node *check_cast(struct checker *c, const struct syntax *s) {
  struct node *n = check_node(c, s->arg[0]);
  return n == NULL ? NULL : node_cast(c, n, s->type, s->gentle, s);
}

/* a.b and a[1]: parsed, so that the error is about what was meant. */
static struct node *check_nested(struct checker *c, const struct syntax *s) {
  if (check_node(c, s->arg[0]) == NULL) return NULL;
  return expr_wrong(c->err, s->offset, s->length,
                    s->kind == SYNTAX_FIELD ? "rows are not built yet, so there are no fields to take (.%.60s)"
                                            : "arrays are not built yet, so there are no elements to take%s",
                    s->kind == SYNTAX_FIELD ? s->text : "");
}

struct node *check_node(struct checker *c, const struct syntax *s) {
  struct node *a;
  switch (s->kind) {
    case SYNTAX_LITERAL: return node_constant(c, s->type, s);
    case SYNTAX_NAME: return check_name(c, s);
    case SYNTAX_RESULT: return check_result(c, s);
    case SYNTAX_FIELD:
    case SYNTAX_INDEX: return check_nested(c, s);
    case SYNTAX_NEGATE: return check_negate(c, s);
    case SYNTAX_NOT: return node_not(c, s, check_bool(c, s->arg[0], "what follows 'not'"));
    case SYNTAX_ARITH: return check_arith(c, s);
    case SYNTAX_COMPARE:
      a = check_node(c, s->arg[0]);
      return a != NULL ? node_compare(c, s, s->op, a, check_node(c, s->arg[1])) : NULL;
    case SYNTAX_AND:
    case SYNTAX_OR: return check_chain(c, s);
    case SYNTAX_CONCAT: return check_concat(c, s);
    case SYNTAX_IS: return check_is(c, s);
    case SYNTAX_DISTINCT: return check_distinct(c, s);
    case SYNTAX_BETWEEN: return check_between(c, s);
    case SYNTAX_IN: return check_in(c, s);
    case SYNTAX_LIKE: return check_like(c, s);
    case SYNTAX_CASE: return check_case(c, s);
    case SYNTAX_CAST: return check_cast(c, s);
    case SYNTAX_CALL: break;
  }
  return check_call(c, s);
}
