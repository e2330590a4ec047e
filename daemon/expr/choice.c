/*
 * choice: checking of what chooses among several values of one type: case, in, coalesce, if, ifnull, nullif. All of
 * them become the same few nodes, so that the functions are as lazy as `case` is.
 */
#include "../base/mem.h"
#include "../data/schema.h"
#include "choice.h"

/* Casts all to the type that they share. The first is asked for the type step by step, and thrown away. */
static int choice_unify(struct checker *c, struct node **n, uint32_t count, uint32_t step, const char *verb,
                        const struct syntax *at) {
  if (count == 0) return 0;
  struct node *probe = n[0];
  for (uint32_t i = step; i < count; i += step) {
    struct node *other = n[i];
    if (node_unify(c, &probe, &other, verb, at) != 0) return -1;
  }
  for (uint32_t i = 0; i < count; i += step)
    if ((n[i] = node_implicit(c, n[i], probe->type)) == NULL) return -1;
  return 0;
}

/* ---- in ---- */

static int in_order(const void *a, const void *b, void *column) {
  return value_compare(column, *(const uint32_t *)a, column, *(const uint32_t *)b);
}

/* Texts that fit a word are compared as words: the usual list of a few names of events. */
static const uint64_t *in_words(struct checker *c, const struct spate_column *values) {
  enum { FEW = 8 };
  if (values->type.kind != SPATE_STRING || values->rows > FEW) return NULL;
  uint64_t *word = ARENA_NEWS(c->arena, uint64_t, values->rows + 1);
  for (uint32_t i = 0; i < values->rows; i++) {
    uint32_t size;
    const char *text = spate_column_bytes(values, i, &size);
    if (size > sizeof *word) return NULL;
    memcpy(&word[i], text, size);
  }
  return word;
}

/* The constants in one column, sorted, each once. */
static const struct in_list *in_list_new(struct checker *c, struct node **n, uint32_t count, struct spate_type type) {
  struct in_list *list = ARENA_NEW(c->arena, struct in_list);
  struct column_builder all = {0}, once = {0};
  column_builder_init(&all, type, count);
  for (uint32_t i = 0; i < count; i++) {
    if (node_is_constant_null(n[i])) {
      list->null = true;
    } else {
      column_builder_copy(&all, n[i]->constant, 0);
    }
  }
  struct spate_column *column = column_builder_take(&all);
  uint32_t rows = column->rows, *order = MEM_NEWS(uint32_t, rows + 1);
  for (uint32_t i = 0; i < rows; i++) order[i] = i;
  qsort_r(order, rows, sizeof *order, in_order, column);
  column_builder_init(&once, type, rows);
  for (uint32_t i = 0; i < rows; i++) {
    if (i > 0 && value_compare(column, order[i - 1], column, order[i]) == 0) continue;
    column_builder_copy(&once, column, order[i]);
    list->count++;
  }
  list->values = node_column_keep(c, column_builder_take(&once));
  list->word = in_words(c, list->values);
  spate_column_unref(column);
  column_builder_fini(&all);
  column_builder_fini(&once);
  mem_free(order);
  return list;
}

/* Values that are not all constant: x = a or x = b … */
static struct node *in_any(struct checker *c, const struct syntax *s, struct node **n, uint32_t count) {
  struct node *let, *x = node_share(c, n[0], &let);
  struct node *any = node_new(c, NODE_OR, type_of(SPATE_BOOL), s, count - 1);
  for (uint32_t i = 1; i < count; i++)
    if ((any->arg[i - 1] = node_compare(c, s, COMPARE_EQ, x, n[i])) == NULL) return NULL;
  struct node *out = node_done(c, any);
  if (out != NULL && s->negated) out = node_done(c, node_kernel(c, s, type_of(SPATE_BOOL), kernel_not, out, NULL));
  return node_share_end(c, let, out);
}

struct node *check_in(struct checker *c, const struct syntax *s) {
  struct node **n = ARENA_NEWS(c->arena, struct node *, s->args);
  bool constant = true;
  for (uint32_t i = 0; i < s->args; i++) {
    if ((n[i] = check_node(c, s->arg[i])) == NULL) return NULL;
    if (i == 0) continue;
    struct node *x = n[0], *item = n[i]; /* each against the value alone: the error names the one that is wrong */
    if (node_unify(c, &x, &item, "a value after 'in' does not fit", s->arg[i]) != 0) return NULL;
    constant = constant && n[i]->kind == NODE_CONST;
  }
  if (choice_unify(c, n, s->args, 1, "the values of 'in' do not fit together", s) != 0) return NULL;
  if (!constant) return in_any(c, s, n, s->args);
  struct node *in = node_kernel(c, s, type_of(SPATE_BOOL), kernel_in, n[0], NULL);
  in->negated = s->negated;
  in->data = in_list_new(c, n + 1, s->args - 1, n[0]->type);
  return node_done(c, in);
}

/* ---- case ---- */

struct node *check_case(struct checker *c, const struct syntax *s) {
  uint32_t first = s->operand ? 1 : 0, args = s->args - first;
  struct node *operand = NULL, *let = NULL;
  if (s->operand) {
    if ((operand = check_node(c, s->arg[0])) == NULL) return NULL;
    operand = node_share(c, operand, &let);
  }
  /* Conditions at even places, values at odd ones; an else is the last, and a value too. */
  struct node *n = node_new(c, NODE_CASE, type_of(SPATE_NONE), s, args);
  struct node **value = ARENA_NEWS(c->arena, struct node *, args / 2 + 1);
  uint32_t values = 0;
  for (uint32_t i = 0; i < args; i++) {
    const struct syntax *from = s->arg[first + i];
    if ((n->arg[i] = check_node(c, from)) == NULL) return NULL;
    if (i % 2 == 1 || i + 1 == args) {
      value[values++] = n->arg[i];
    } else if (operand != NULL) {
      if ((n->arg[i] = node_compare(c, from, COMPARE_EQ, operand, n->arg[i])) == NULL) return NULL;
    } else if (n->arg[i]->type.kind != SPATE_BOOL && n->arg[i]->type.kind != SPATE_NONE) {
      return expr_wrong(c->err, from->offset, from->length, "what follows 'when' must be true or false");
    }
  }
  if (choice_unify(c, value, values, 1, "the values of 'case' have different types", s) != 0) return NULL;
  for (uint32_t i = 0, v = 0; i < args; i++)
    if (i % 2 == 1 || i + 1 == args) n->arg[i] = value[v++];
  n->type = value[0]->type;
  return node_share_end(c, let, node_done(c, n));
}

/* ---- the conditional functions ---- */

static struct node *choice_coalesce(struct checker *c, const struct syntax *s, struct node **arg) {
  struct node *n = node_new(c, NODE_COALESCE, type_of(SPATE_NONE), s, s->args);
  if (choice_unify(c, arg, s->args, 1, "the values have different types", s) != 0) return NULL;
  memcpy(n->arg, arg, s->args * sizeof *arg);
  n->type = arg[0]->type;
  return node_done(c, n);
}

static struct node *choice_if(struct checker *c, const struct syntax *s, struct node **arg) {
  if (arg[0]->type.kind != SPATE_BOOL && arg[0]->type.kind != SPATE_NONE)
    return expr_wrong(c->err, arg[0]->offset, arg[0]->length, "the condition of 'if' must be true or false");
  if (choice_unify(c, arg + 1, 2, 1, "the values of 'if' have different types", s) != 0) return NULL;
  struct node *n = node_new(c, NODE_CASE, arg[1]->type, s, 3);
  memcpy(n->arg, arg, 3 * sizeof *arg);
  return node_done(c, n);
}

/* case when a = b then null else a end */
static struct node *choice_nullif(struct checker *c, const struct syntax *s, struct node **arg) {
  struct node *let, *a = node_share(c, arg[0], &let);
  struct node *n = node_new(c, NODE_CASE, a->type, s, 3);
  n->arg[0] = node_compare(c, s, COMPARE_EQ, a, arg[1]);
  if (n->arg[0] == NULL) return NULL;
  struct syntax null = {.kind = SYNTAX_LITERAL, .offset = s->offset, .length = s->length};
  n->arg[1] = node_constant(c, type_of(SPATE_NONE), &null);
  n->arg[2] = a;
  return node_share_end(c, let, node_done(c, n));
}

static struct node *choice_typeof(struct checker *c, const struct syntax *s, struct node **arg) {
  char name[TYPE_NAME];
  struct syntax text = *s;
  type_name(arg[0]->type, name);
  text.text = arena_text(c->arena, arg[0]->type.kind == SPATE_NONE       ? "null"
                                   : arg[0]->type.kind == SPATE_INTERVAL ? "interval"
                                                                         : name);
  text.size = (uint32_t)strlen(text.text);
  return node_constant(c, type_of(SPATE_STRING), &text);
}

static const struct choice {
  const char *name;
  struct node *(*make)(struct checker *c, const struct syntax *s, struct node **arg);
} CHOICES[] = {{"coalesce", choice_coalesce},
               {"ifnull", choice_coalesce},
               {"if", choice_if},
               {"nullif", choice_nullif},
               {"typeof", choice_typeof}};

bool choice_check(struct checker *c, const struct syntax *s, struct node **arg, struct node **out) {
  for (size_t i = 0; i < sizeof CHOICES / sizeof CHOICES[0]; i++) {
    if (strcmp(CHOICES[i].name, s->text) != 0) continue;
    *out = CHOICES[i].make(c, s, arg);
    return true;
  }
  return false;
}
