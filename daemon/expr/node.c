/*
 * node: building the typed tree. Whatever has only constants below it is computed here, once, by the evaluator itself,
 * so that a folded expression cannot mean anything else than one that is not. What fails stays as it is: `1 / 0` in a
 * branch that is never taken is no error.
 */
#include "choice.h"

#include "../data/schema.h"

struct node *node_new(struct checker *c, enum node_kind kind, struct spate_type type, const struct syntax *at,
                      uint32_t args) {
  struct node *n = ARENA_NEW(c->arena, struct node);
  n->kind = (uint8_t)kind;
  type.encoding = SPATE_TIME_ISO; /* how a payload writes it is no business of ours */
  n->type = type;
  n->offset = at->offset;
  n->length = at->length;
  n->args = args;
  if (args > 0) n->arg = ARENA_NEWS(c->arena, struct node *, args);
  return n;
}

struct node *node_done(struct checker *c, struct node *n) {
  for (uint32_t i = 0; i < n->args; i++) {
    const struct node *a = n->arg[i];
    if (a->depth >= n->depth) n->depth = (uint16_t)(a->depth + 1);
    n->may_fail = n->may_fail || a->may_fail;
    n->changing = n->changing || a->changing;
  }
  if (n->depth > 2 * EXPR_MAX_DEPTH)
    return expr_wrong(c->err, n->offset, n->length, "the expression is nested too deeply");
  return node_fold(c, n);
}

struct node *node_kernel(struct checker *c, const struct syntax *at, struct spate_type type,
                         void (*run)(struct kernel *), struct node *a, struct node *b) {
  struct node *n = node_new(c, NODE_KERNEL, type, at, b != NULL ? 2 : 1);
  n->arg[0] = a;
  if (b != NULL) n->arg[1] = b;
  n->kernel = run;
  n->strict = true;
  return n;
}

/* ---- constants ---- */

/* A column of one row in the arena; its one reference is never given up. */
static struct spate_column *constant_new(struct checker *c, struct spate_type type, const void *value, size_t size) {
  struct spate_column *k = ARENA_NEW(c->arena, struct spate_column);
  k->refs = 1;
  k->rows = 1;
  k->type = type;
  k->values = arena_alloc(c->arena, 32);
  if (value == NULL) {
    k->valid = arena_alloc(c->arena, 8); /* cleared: null */
    if (type_width(type.kind) == 0) k->data = arena_alloc(c->arena, SPATE_PADDING);
  } else if (type_width(type.kind) == 0) {
    k->data = arena_alloc(c->arena, size + SPATE_PADDING);
    if (size > 0) memcpy(k->data, value, size);
    k->data_room = (uint32_t)size;
    k->offsets[1] = (uint32_t)size;
  } else {
    memcpy(k->values, value, size);
  }
  return k;
}

struct node *node_constant(struct checker *c, struct spate_type type, const struct syntax *at) {
  struct node *n = node_new(c, NODE_CONST, type, at, 0);
  uint8_t truth = at->i64 != 0;
  switch (type.kind) {
    case SPATE_NONE: n->constant = constant_new(c, type, NULL, 0); break;
    case SPATE_BOOL: n->constant = constant_new(c, type, &truth, 1); break;
    case SPATE_DOUBLE: n->constant = constant_new(c, type, &at->f64, 8); break;
    case SPATE_DECIMAL: n->constant = constant_new(c, type, &at->dec, 16); break;
    case SPATE_STRING:
    case SPATE_BYTES: n->constant = constant_new(c, type, at->text, at->size); break;
    default: n->constant = constant_new(c, type, &at->i64, 8);
  }
  return n;
}

bool node_is_constant_null(const struct node *n) {
  return n->kind == NODE_CONST && (n->type.kind == SPATE_NONE || spate_column_null(n->constant, 0));
}

static struct spate_column *constant_copy(struct checker *c, struct spate_type type, const struct spate_column *from) {
  uint32_t size = type_width(type.kind);
  const void *bytes = from->values;
  if (from->type.kind == SPATE_NONE || spate_column_null(from, 0)) return constant_new(c, type, NULL, 0);
  if (size == 0) bytes = spate_column_bytes(from, 0, &size);
  return constant_new(c, type, bytes, size);
}

struct node *node_fold(struct checker *c, struct node *n) {
  if (n->kind == NODE_LET || n->kind == NODE_REF || n->kind == NODE_COLUMN || n->changing) return n;
  for (uint32_t i = 0; i < n->args; i++)
    if (n->arg[i]->kind != NODE_CONST) return n;
  struct expr whole = {n, c->text, n->type, c->lets, c->calls, c->called};
  struct spate_batch one = {.rows = 1, .count = 1};
  static const struct expr_moment NEVER = {0, SPATE_TIME_MIN};
  struct expr_frame *f = expr_frame_new(&whole);
  f->batch = &one;
  f->moment = &NEVER;
  f->rows = 1;
  struct value v = node_eval(f, n, NULL, 1);
  bool failed = f->any_failed;
  struct spate_column *constant = failed ? NULL : constant_copy(c, n->type, v.column);
  value_free(&v);
  expr_frame_free(&f);
  if (failed) return n;
  struct syntax at = {.offset = n->offset, .length = n->length};
  struct node *out = node_new(c, NODE_CONST, n->type, &at, 0);
  out->constant = constant;
  return out;
}

/* ---- one computation for several uses ---- */

struct node *node_share(struct checker *c, struct node *a, struct node **let) {
  *let = NULL;
  if (a->kind == NODE_COLUMN || a->kind == NODE_CONST || a->kind == NODE_REF) return a;
  struct syntax at = {.offset = a->offset, .length = a->length};
  *let = node_new(c, NODE_LET, a->type, &at, 2);
  (*let)->index = c->lets++;
  (*let)->arg[0] = a;
  struct node *ref = node_new(c, NODE_REF, a->type, &at, 0);
  ref->index = (*let)->index;
  ref->changing = a->changing;
  return ref;
}

struct node *node_share_end(struct checker *c, struct node *let, struct node *body) {
  if (let == NULL || body == NULL) return body;
  let->arg[1] = body;
  let->type = body->type;
  let->offset = body->offset;
  let->length = body->length;
  return node_done(c, let);
}

struct node *node_compare(struct checker *c, const struct syntax *at, uint32_t op, struct node *a, struct node *b) {
  static const uint8_t MIRROR[] = {[COMPARE_EQ] = COMPARE_EQ, [COMPARE_NE] = COMPARE_NE, [COMPARE_LT] = COMPARE_GT,
                                   [COMPARE_LE] = COMPARE_GE, [COMPARE_GT] = COMPARE_LT, [COMPARE_GE] = COMPARE_LE};
  if (a == NULL || b == NULL || node_unify(c, &a, &b, "these cannot be compared", at) != 0) return NULL;
  bool swap =
      a->kind == NODE_CONST && b->kind != NODE_CONST; /* the constant to the right, where fast paths expect it */
  struct node *n = node_kernel(c, at, type_of(SPATE_BOOL), kernel_compare, swap ? b : a, swap ? a : b);
  n->op = swap ? MIRROR[op] : (uint8_t)op;
  return node_done(c, n);
}

struct expr *expr_make(struct checker *c, struct node *root) {
  struct expr *e = ARENA_NEW(c->arena, struct expr);
  e->root = root;
  e->text = c->text;
  e->type = root->type;
  e->lets = c->lets;
  e->calls = c->calls;
  e->called = c->called;
  return e;
}

const struct spate_column *node_column_keep(struct checker *c, struct spate_column *from) {
  struct spate_column *k = ARENA_NEW(c->arena, struct spate_column);
  uint32_t width = type_width(from->type.kind);
  k->refs = 1;
  k->rows = from->rows;
  k->type = from->type;
  if (width > 0) {
    k->values = arena_copy(c->arena, from->values, (size_t)from->rows * width);
  } else {
    uint32_t size = from->offsets[from->rows];
    k->values = arena_copy(c->arena, from->offsets, ((size_t)from->rows + 1) * sizeof *from->offsets);
    k->data = arena_alloc(c->arena, size + SPATE_PADDING);
    if (size > 0) memcpy(k->data, from->data, size);
    k->data_room = size;
  }
  spate_column_unref(from);
  return k;
}
