/*
 * route: a record goes to every output whose condition holds (with `first`, to the first); null does not hold. `rest`
 * takes those that no condition took; without it they are dropped, and counted.
 *
 * Each output is a port of its own, "step.name". A batch is judged once, by all conditions, so that a record for which
 * one of them fails goes nowhere but to the dead letters; then the ports are served one a call.
 */
#include "../base/mem.h"
#include "steps.h"

struct route_def {
  uint32_t columns, outputs;
  struct expr *condition[OP_MAX_PORTS];
  bool first, rest; /* rest: the port after the last output */
};
struct route_state {
  const struct route_def *def;
  struct op_frame *frame;
  struct expr_frame *condition[OP_MAX_PORTS];
  bool judged; /* the batch at hand */
  uint32_t next, count[OP_MAX_PORTS];
  uint16_t rows[OP_MAX_PORTS][SPATE_BATCH_ROWS];
};

struct route_options {
  const char *rest;
  bool first;
};
static const struct spate_option ROUTE_OPTIONS[] = {
    {.name = "rest",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct route_options, rest),
     .help = "The output of the records that no condition took; without it they are dropped and counted."},
    {.name = "first",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct route_options, first),
     .default_text = "false",
     .help = "A record goes to the first output whose condition holds, not to all of them."},
    {.name = NULL},
};

static void route_port(struct op_check *check, uint32_t i, const char *output) {
  op_port_same(check, i, arena_format(check->arena, "%s.%s", check->name, output));
  check->port[i].optional = true;
}

static int route_outputs(struct op_check *check, const struct conf_node *to, struct route_def *def) {
  int result = 0;
  if (to == NULL || to->kind != CONF_MAP || to->count == 0) {
    conf_error(check->errors, to != NULL ? to : check->value, "'route' needs the outputs: to: {name: condition, …}");
    return -1;
  }
  if (to->count >= OP_MAX_PORTS) {
    conf_error(check->errors, to, "a route has at most %d outputs", OP_MAX_PORTS - 1);
    return -1;
  }
  for (uint32_t i = 0; i < to->count; i++) {
    def->condition[i] = op_condition(check, &to->item[i]);
    if (def->condition[i] == NULL) result = -1;
    route_port(check, i, to->key[i].text);
  }
  def->outputs = to->count;
  return result;
}

static int route_check(struct op_check *check) {
  static const char *const skip[] = {"to", NULL};
  struct route_def *def = ARENA_NEW(check->arena, struct route_def);
  struct route_options options = {0};
  int result = conf_fill(check->arena, ROUTE_OPTIONS, check->value, skip, NULL, &options, check->errors);
  const struct conf_node *to = check->value->kind == CONF_MAP ? conf_get(check->value, "to") : NULL;
  if (check->value->kind != CONF_MAP) return -1;
  if (conf_get(check->step, "name") == NULL) {
    conf_error(check->errors, check->verb, "a route needs a name: later steps read 'from: NAME.output'");
    result = -1;
  }
  if (route_outputs(check, to, def) != 0) result = -1;
  if (options.rest != NULL && to != NULL && to->kind == CONF_MAP && conf_get(to, options.rest) != NULL) {
    conf_error(check->errors, conf_get(check->value, "rest"), "'%s' is already an output", options.rest);
    result = -1;
  } else if (options.rest != NULL && def->outputs > 0) {
    route_port(check, def->outputs, options.rest);
    def->rest = true;
  }
  op_group_same(check);
  def->first = options.first;
  def->columns = check->input.schema->all.count;
  check->def = def;
  return result;
}

static void route_needs(const void *own, uint8_t *const *needed, uint8_t *used) {
  const struct route_def *def = own;
  for (uint32_t i = 0; i < def->outputs; i++) {
    op_needs_same(def->columns, needed[i], used);
    expr_columns(def->condition[i], used);
  }
  if (def->rest) op_needs_same(def->columns, needed[def->outputs], used);
}

static int route_open(const void *own, struct op_frame *frame, void **state) {
  const struct route_def *def = own;
  struct route_state *s = MEM_NEW(struct route_state);
  s->def = def;
  s->frame = frame;
  for (uint32_t i = 0; i < def->outputs; i++) s->condition[i] = expr_frame_new(def->condition[i]);
  *state = s;
  return 0;
}

/* The rows that no output has taken yet. */
static uint32_t route_left(const struct route_state *s, const struct spate_batch *batch, const uint8_t *taken,
                           uint16_t *rows) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    if (!taken[row] && !s->frame->rejects->bad[row]) rows[n++] = (uint16_t)row;
  }
  return n;
}

static void route_judge(struct route_state *s, struct spate_batch *batch) {
  const struct route_def *def = s->def;
  uint8_t taken[SPATE_BATCH_ROWS] = {0};
  uint16_t left[SPATE_BATCH_ROWS];
  for (uint32_t i = 0; i < def->outputs; i++) {
    struct spate_batch *view = spate_batch_ref(batch);
    if (def->first && i > 0) {
      spate_batch_unref(view);
      view = op_narrow(batch, left, route_left(s, batch, taken, left));
    }
    s->count[i] =
        view == NULL ? 0 : expr_select(s->condition[i], view, &s->frame->moment, s->frame->rejects, s->rows[i]);
    for (uint32_t k = 0; k < s->count[i]; k++) taken[s->rows[i][k]] = 1;
    spate_batch_unref(view);
  }
  for (uint32_t i = 0; i < def->outputs && s->frame->rejects->count > 0; i++) {
    uint32_t n = 0;
    for (uint32_t k = 0; k < s->count[i]; k++)
      if (!s->frame->rejects->bad[s->rows[i][k]]) s->rows[i][n++] = s->rows[i][k];
    s->count[i] = n;
  }
  uint32_t rest = route_left(s, batch, taken, left);
  if (def->rest) {
    memcpy(s->rows[def->outputs], left, rest * sizeof *left);
    s->count[def->outputs] = rest;
  } else {
    *s->frame->dropped += rest;
  }
}

static enum spate_result route_step(void *own, const struct op_msg *in, struct op_msg *out) {
  struct route_state *s = own;
  if (in->kind != OP_BATCH) return op_pass(in, out);
  if (!s->judged) {
    route_judge(s, in->batch);
    s->judged = true;
    s->next = 0;
  }
  uint32_t ports = s->def->outputs + (s->def->rest ? 1 : 0);
  while (s->next < ports && s->count[s->next] == 0) s->next++;
  if (s->next >= ports) {
    op_give(out, 0, NULL);
    s->judged = false;
    return SPATE_OK;
  }
  uint32_t port = s->next++;
  op_give(out, (uint8_t)port, op_narrow(in->batch, s->rows[port], s->count[port]));
  while (s->next < ports && s->count[s->next] == 0) s->next++;
  if (s->next < ports) return SPATE_MORE;
  s->judged = false;
  return SPATE_OK;
}

static void route_close(void *own) {
  struct route_state *s = own;
  if (s == NULL) return;
  for (uint32_t i = 0; i < s->def->outputs; i++) expr_frame_free(&s->condition[i]);
  mem_free(s);
}

static const struct op_class ROUTE = {.open = route_open, .step = route_step, .close = route_close};
const struct op_verb OP_ROUTE = {
    .name = "route",
    .help = "A record goes to every output whose condition holds; later steps read 'from: step.name'.",
    .form = "{to: {name: EXPR, …}, rest: NAME, first: true}",
    .options = ROUTE_OPTIONS,
    .check = route_check,
    .needs = route_needs,
    .op = &ROUTE,
};
