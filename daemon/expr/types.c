/*
 * types: which type an operation has, and which casts happen by themselves.
 *
 * Implicit casts go up only: int to decimal to double, null to everything, a text literal to a timestamp. A text column
 * is never taken for a number: SQL engines disagree on what that means, so it is an error that says what to write.
 * Decimals follow the rule that Spark and Flink share (Spark's DecimalPrecision, Flink's LogicalTypeMerging): results
 * beyond 38 digits give up scale first, but keep 6 digits of it where it has them.
 */
#include "../data/schema.h"
#include "node.h"

enum { DECIMAL_MOST = 38, DECIMAL_SCALE_KEPT = 6, INT_DIGITS = 19 };

static int most(int a, int b) { return a > b ? a : b; }
static int least(int a, int b) { return a < b ? a : b; }

static struct spate_type decimal_adjust(int precision, int scale) {
  if (precision <= DECIMAL_MOST) return type_decimal(precision, scale);
  int digits = precision - scale;
  return type_decimal(DECIMAL_MOST, most(DECIMAL_MOST - digits, least(scale, DECIMAL_SCALE_KEPT)));
}

struct spate_type type_as_decimal(struct spate_type t) {
  return t.kind == SPATE_DECIMAL ? t : type_decimal(INT_DIGITS, 0);
}

struct spate_type type_arith(uint32_t op, struct spate_type a, struct spate_type b) {
  int p1 = a.precision, s1 = a.scale, p2 = b.precision, s2 = b.scale, scale;
  switch (op) {
    case ARITH_MUL: return decimal_adjust(p1 + p2 + 1, s1 + s2);
    case ARITH_DIV: scale = most(DECIMAL_SCALE_KEPT, s1 + p2 + 1); return decimal_adjust(p1 - s1 + s2 + scale, scale);
    case ARITH_MOD: scale = most(s1, s2); return decimal_adjust(most(1, least(p1 - s1, p2 - s2) + scale), scale);
    case ARITH_IDIV: return type_of(SPATE_INT);
    default: scale = most(s1, s2); return decimal_adjust(most(p1 - s1, p2 - s2) + scale + 1, scale);
  }
}

int type_common(struct spate_type a, struct spate_type b, struct spate_type *out) {
  *out = a.kind == SPATE_NONE ? b : a;
  if (a.kind == SPATE_NONE || b.kind == SPATE_NONE || type_same(a, b)) return 0;
  if (!type_numeric(a) || !type_numeric(b)) return -1;
  if (a.kind == SPATE_DOUBLE || b.kind == SPATE_DOUBLE) {
    *out = type_of(SPATE_DOUBLE);
    return 0;
  }
  a = type_as_decimal(a);
  b = type_as_decimal(b);
  int scale = most(a.scale, b.scale);
  *out = decimal_adjust(most(a.precision - a.scale, b.precision - b.scale) + scale, scale);
  return 0;
}

bool type_fits(struct spate_type from, struct spate_type to) {
  if (from.kind == SPATE_NONE || type_same(from, to)) return true;
  if (to.kind == SPATE_DOUBLE) return type_numeric(from);
  return to.kind == SPATE_DECIMAL && (from.kind == SPATE_INT || from.kind == SPATE_DECIMAL);
}

const char *type_name(struct spate_type t, char *out) {
  if (t.kind == SPATE_INTERVAL) return "an interval";
  if (t.kind == SPATE_NONE) return "null";
  t.encoding = SPATE_TIME_ISO;
  return type_text(t, out, TYPE_NAME);
}

static bool node_is_text(const struct node *n) { return n->kind == NODE_CONST && n->type.kind == SPATE_STRING; }

/* The types of literals: an int among decimals has as many digits as are written, as in Spark. */
static struct spate_type node_narrow(const struct node *n, struct spate_type other) {
  if (n->kind != NODE_CONST || n->type.kind != SPATE_INT || other.kind != SPATE_DECIMAL ||
      spate_column_null(n->constant, 0))
    return n->type;
  int digits = 1;
  for (int64_t v = n->constant->i64[0]; v > 9 || v < -9; v /= 10) digits++;
  return type_decimal(digits, 0);
}

struct node *node_cast(struct checker *c, struct node *n, struct spate_type to, bool gentle, const struct syntax *at) {
  char a[TYPE_NAME], b[TYPE_NAME];
  if (n == NULL) return NULL;
  if (type_same(n->type, to)) return n;
  void (*run)(struct kernel *) = cast_kernel(n->type, to);
  if (run == NULL) {
    expr_wrong(c->err, at->offset, at->length, "%s cannot be cast to %s", type_name(n->type, a), type_name(to, b));
    if (n->type.kind == SPATE_INTERVAL) expr_hint(c->err, "timestampdiff(second, a, b) is a number");
    return NULL;
  }
  struct node *out = node_new(c, NODE_KERNEL, to, at, 1);
  out->arg[0] = n;
  out->kernel = run;
  out->strict = true;
  out->gentle = gentle;
  out->may_fail = !gentle && cast_may_fail(n->type, to);
  return node_done(c, out);
}

struct node *node_implicit(struct checker *c, struct node *n, struct spate_type to) {
  if (n == NULL || type_same(n->type, to)) return n;
  struct syntax at = {.offset = n->offset, .length = n->length};
  bool text = node_is_text(n) && (to.kind == SPATE_TIMESTAMP || to.kind == SPATE_BYTES);
  if (!text && !type_fits(n->type, to)) {
    char a[TYPE_NAME], b[TYPE_NAME];
    return expr_wrong(c->err, n->offset, n->length, "this is %s, and must be %s", type_name(n->type, a),
                      type_name(to, b));
  }
  struct node *out = node_cast(c, n, to, false, &at);
  if (text && out != NULL && out->kind != NODE_CONST) { /* it would fail for every row: better said now */
    expr_wrong(c->err, n->offset, n->length, "this text is no timestamp");
    return expr_hint(c->err, "timestamp '2026-01-02 03:04:05'");
  }
  return out;
}

static void unify_hint(struct checker *c, const struct node *a, const struct node *b) {
  const struct node *text = a->type.kind == SPATE_STRING ? a : b, *other = text == a ? b : a;
  if (text->type.kind != SPATE_STRING) {
    if (a->type.kind == SPATE_BOOL || b->type.kind == SPATE_BOOL)
      expr_hint(c->err, "a condition stands by itself: x, not x, x is true");
    bool time = a->type.kind == SPATE_TIMESTAMP || b->type.kind == SPATE_TIMESTAMP;
    if (time && (type_numeric(a->type) || type_numeric(b->type)))
      expr_hint(c->err, "timestamp '2026-01-02 03:04:05', or unix_timestamp(x) for a number");
    return;
  }
  char name[TYPE_NAME];
  if (node_is_text(text) && type_numeric(other->type)) {
    expr_hint(c->err, "a number is written without quotes");
  } else if (node_is_text(text) && other->type.kind == SPATE_BOOL) {
    expr_hint(c->err, "true and false are written without quotes");
  } else if (node_is_text(other)) {
    return;
  } else if (cast_kernel(text->type, other->type) != NULL) {
    expr_hint(c->err, "cast(%.*s as %s)", (int)(text->length < 50 ? text->length : 50), c->text + text->offset,
              type_name(other->type, name));
  }
}

int node_unify(struct checker *c, struct node **a, struct node **b, const char *verb, const struct syntax *at) {
  struct spate_type to, left = node_narrow(*a, (*b)->type), right = node_narrow(*b, (*a)->type);
  if (type_common(left, right, &to) != 0) {
    struct node *text = node_is_text(*a) ? *a : *b, *other = text == *a ? *b : *a;
    if (!node_is_text(text) || (other->type.kind != SPATE_TIMESTAMP && other->type.kind != SPATE_BYTES)) {
      char x[TYPE_NAME], y[TYPE_NAME];
      expr_wrong(c->err, at->offset, at->length, "%s: one is %s, the other %s", verb, type_name((*a)->type, x),
                 type_name((*b)->type, y));
      unify_hint(c, *a, *b);
      return -1;
    }
    to = other->type;
  }
  *a = node_implicit(c, *a, to);
  *b = node_implicit(c, *b, to);
  return *a != NULL && *b != NULL ? 0 : -1;
}
