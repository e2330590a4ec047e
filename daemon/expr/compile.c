/*
 * compile: the front of the room: text to expression, and the questions that a plan asks about one.
 */
#include "../data/schema.h"
#include "node.h"

/* An interval is a step of a computation; no column can hold one. */
static struct expr *compile_end(struct checker *c, struct node *n) {
  if (n == NULL) return NULL;
  if (n->type.kind != SPATE_INTERVAL) return expr_make(c, n);
  expr_wrong(c->err, n->offset, n->length, "the result is an interval, and no column can hold one");
  return expr_hint(c->err, "timestampdiff(second, a, b) is a number");
}

struct expr *expr_compile(struct arena *arena, const char *text, const struct schema *columns, struct expr_error *err) {
  struct syntax *s = syntax_parse(arena, text, err);
  if (s == NULL) return NULL;
  struct checker c = {.arena = arena, .text = arena_text(arena, text), .columns = columns, .err = err};
  return compile_end(&c, check_node(&c, s));
}

struct spate_type expr_type(const struct expr *expr) {
  return expr->type;
}

static void node_columns(const struct node *n, uint8_t *used) {
  if (n->kind == NODE_COLUMN) used[n->index] = 1;
  for (uint32_t i = 0; i < n->args; i++) node_columns(n->arg[i], used);
}

void expr_columns(const struct expr *expr, uint8_t *used) { node_columns(expr->root, used); }

int32_t expr_column(const struct expr *expr) {
  return expr->root->kind == NODE_COLUMN ? (int32_t)expr->root->index : -1;
}

bool expr_constant(const struct expr *expr) { return expr->root->kind == NODE_CONST; }

struct expr *expr_coerce(struct arena *arena, struct expr *expr, struct spate_type type, struct expr_error *err) {
  memset(err, 0, sizeof *err);
  if (type_same(expr->type, type)) return expr;
  struct checker c = {.arena = arena, .text = expr->text, .err = err, .lets = expr->lets, .calls = expr->calls};
  c.called = expr->called;
  struct node *n = node_implicit(&c, (struct node *)(uintptr_t)expr->root, type);
  return n != NULL ? expr_make(&c, n) : NULL;
}
