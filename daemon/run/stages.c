/*
 * stages: from the plan's graph to stages, edges and tasks. A stage is the longest run of steps without a change of
 * task: a new one begins at a source, where rows must meet by key, where several inputs are united, and before a sink
 * that writes alone. With one task on both sides there is nothing to exchange, and the step stays in the stage before
 * it.
 */
#include "../base/mem.h"
#include "../data/dead_letter.h"
#include "internal.h"

static uint32_t stages_parallelism(const struct job *job) {
  uint32_t workers = job_pool_workers(job->args.pool);
  return job->plan->parallelism > 0 ? job->plan->parallelism : workers;
}

static struct stage *stage_add(struct job *job, uint32_t root, uint32_t tasks) {
  struct stage *s = &job->stage[job->stages];
  *s = (struct stage){.index = job->stages++, .tasks = tasks, .source = -1, .root = root};
  s->member = ARENA_NEWS(job->arena, uint32_t, job->plan->nodes + 1);
  return s;
}

static struct edge *edge_add(struct job *job, const struct stage *from, uint32_t node, uint8_t port,
                             const struct stage *to) {
  struct edge *e = &job->edge[job->edges];
  *e = (struct edge){
      .index = job->edges, .from_stage = from->index, .from_node = node, .from_port = port, .to_stage = to->index};
  job->edges++;
  return e;
}

/* How many tasks a node would have if it began a stage. */
static uint32_t stage_width(const struct job *job, const struct plan_node *n, const uint32_t *stage_of) {
  uint32_t wide = stages_parallelism(job);
  if (n->kind == PLAN_SINK) {
    if (job->plan->sink[n->index].api->flags & SPATE_SINGLE) return 1;
  } else if (n->exchange) {
    return n->keys > 0 ? wide : 1;
  }
  uint32_t most = 1;
  for (uint32_t i = 0; i < n->inputs; i++) {
    uint32_t t = job->stage[stage_of[n->input[i].node]].tasks;
    if (t > most) most = t;
  }
  return most;
}

static void stages_place(struct job *job, uint32_t index, uint32_t *stage_of) {
  const struct plan *plan = job->plan;
  const struct plan_node *n = &plan->node[index];
  if (n->kind == PLAN_SOURCE) {
    const struct plan_source *src = &plan->source[n->index];
    struct stage *s = stage_add(job, index, src->api->flags & SPATE_SINGLE ? 1 : stages_parallelism(job));
    s->source = (int32_t)n->index;
    stage_of[index] = s->index;
    return;
  }
  uint32_t width = stage_width(job, n, stage_of);
  struct stage *before = &job->stage[stage_of[n->input[0].node]];
  bool meets = n->exchange && width * before->tasks > 1;
  bool gathers = n->kind == PLAN_SINK && width < before->tasks;
  if (n->inputs == 1 && !meets && !gathers) {
    before->member[before->members++] = index;
    stage_of[index] = before->index;
    return;
  }
  struct stage *s = stage_add(job, index, width);
  s->member[s->members++] = index;
  stage_of[index] = s->index;
  for (uint32_t i = 0; i < n->inputs; i++) {
    struct stage *from = &job->stage[stage_of[n->input[i].node]];
    struct edge *e = edge_add(job, from, n->input[i].node, n->input[i].port, s);
    e->kind = n->exchange && n->keys > 0 ? EDGE_KEYED : EDGE_FORWARD;
    e->key = n->key;
    e->keys = n->keys;
  }
}

/* Dead letters of every stage flow to the sink that dead_letter: names, as a stage of its own. */
static void stages_dead(struct job *job) {
  if (job->plan->on_error != PLAN_DEAD_LETTER || job->plan->dead_letter_sink < 0) return;
  uint32_t others = job->stages;
  struct stage *s = stage_add(job, UINT32_MAX, 1);
  s->reads_dead = true;
  for (uint32_t i = 0; i < others; i++) edge_add(job, &job->stage[i], UINT32_MAX, 0, s);
}

/* ---- tasks ---- */
static struct spate_task *task_new(struct job *job, const struct stage *stage, uint32_t index) {
  struct spate_task *t = MEM_NEW(struct spate_task);
  t->job = job;
  t->arena = arena_new();
  t->stage = stage;
  t->index = index;
  t->runnable.worker = job_pool_worker(job->args.pool, job->first_worker + stage->index + index);
  t->runnable.run = task_run;
  t->where = (struct spate_where){job->plan->name,
                                  stage->root != UINT32_MAX ? job->plan->node[stage->root].name : "dead letters"};
  atomic_store(&t->watermark_seen, SPATE_TIME_MIN);
  t->align.watermark = SPATE_TIME_MIN;
  job->task[job->tasks++] = t;
  return t;
}

static uint32_t edge_target(const struct edge *e, uint32_t from, uint32_t ring, uint32_t to_tasks) {
  return e->kind == EDGE_KEYED ? ring : from % to_tasks;
}

static void align_add(struct spate_task *to, struct ring *ring, uint32_t edge) {
  struct align *a = &to->align;
  a->input = mem_resize(a->input, (a->inputs + 1) * sizeof *a->input);
  a->input[a->inputs++] =
      (struct task_input){.ring = ring, .edge = edge, .watermark = SPATE_TIME_MIN, .hint = SPATE_TIME_MIN};
}

static void chain_child_add(struct chain_node *parent, uint32_t child, uint8_t port) {
  parent->child = mem_resize(parent->child, (parent->children + 1) * sizeof *parent->child);
  parent->child[parent->children++] = (struct chain_child){child, port};
}

static struct chain_node *chain_add(struct spate_task *task, enum chain_kind kind, const struct plan_node *plan,
                                    const char *name) {
  struct chain_node *n = &task->chain.node[task->chain.nodes++];
  n->kind = kind;
  n->plan = plan;
  n->name = name;
  n->where = (struct spate_where){task->job->plan->name, name};
  n->frame = (struct op_frame){.moment = {0, SPATE_TIME_MIN},
                               .rejects = &task->chain.rejects,
                               .late = &n->late,
                               .dropped = &n->dropped,
                               .state_keys = &n->state_keys,
                               .state_bytes = &n->state_bytes,
                               .holding = &task->chain.holding,
                               .where = &n->where,
                               .error = &task->chain.error,
                               .dead = chain_dead_row,
                               .own = n};
  return n;
}

static const struct schema *input_schema(const struct plan *plan, const struct plan_node *n) {
  if (n->kind == PLAN_SOURCE) return plan->source[n->index].schema;
  return plan->node[n->input[0].node].port[n->input[0].port].schema;
}

/* The part of the step behind the edge that may stand before it. */
static bool chain_add_partial(struct spate_task *task, const struct edge *e, uint32_t parent, uint8_t port) {
  const struct stage *to = &task->job->stage[e->to_stage];
  if (to->root == UINT32_MAX) return false;
  const struct plan_node *step = &task->job->plan->node[to->root];
  if (step->kind != PLAN_STEP || !step->exchange || step->verb->partial == NULL) return false;
  const struct op_class *op = step->verb->partial(step->def);
  if (op == NULL) return false;
  uint32_t at = task->chain.nodes;
  struct chain_node *n = chain_add(task, CHAIN_STEP, step, step->name);
  n->op = op;
  n->input = input_schema(task->job->plan, step);
  chain_child_add(&task->chain.node[parent], at, port);
  return true;
}

/* The rings of edge e that this task writes: made here, owned by the readers. */
static void chain_add_out(struct spate_task *task, const struct edge *e, uint32_t parent) {
  struct job *job = task->job;
  const struct stage *to = &job->stage[e->to_stage];
  uint32_t rings = e->kind == EDGE_KEYED ? to->tasks : 1;
  struct ring **ring = MEM_NEWS(struct ring *, rings);
  for (uint32_t i = 0; i < rings; i++) {
    struct spate_task *reader = to->task[edge_target(e, task->index, i, to->tasks)];
    ring[i] = ring_new(task, reader);
    align_add(reader, ring[i], e->index);
  }
  uint8_t port = e->from_port;
  if (parent != UINT32_MAX && chain_add_partial(task, e, parent, port)) {
    parent = task->chain.nodes - 1;
    port = 0;
  }
  uint32_t at = task->chain.nodes;
  struct chain_node *n = chain_add(task, CHAIN_OUT, NULL, "exchange");
  n->state = exchange_node_new(task, e, ring, rings);
  mem_free(ring);
  if (parent != UINT32_MAX) chain_child_add(&task->chain.node[parent], at, port);
}

static void chain_build(struct spate_task *task) {
  struct job *job = task->job;
  const struct plan *plan = job->plan;
  const struct stage *s = task->stage;
  struct chain *c = &task->chain;
  uint32_t *place = MEM_NEWS(uint32_t, plan->nodes + 1);
  c->task = task;
  c->node = MEM_NEWS(struct chain_node, s->members + 2 * job->edges + 3);
  const struct plan_node *root = s->root != UINT32_MAX ? &plan->node[s->root] : NULL;
  chain_add(task, CHAIN_ROOT, root, root != NULL ? root->name : "dead letters")->input =
      root != NULL ? input_schema(plan, root) : job->dead_schema;
  for (uint32_t i = 0; i < s->members; i++) {
    const struct plan_node *n = &plan->node[s->member[i]];
    uint32_t at = c->nodes;
    struct chain_node *node = chain_add(task, n->kind == PLAN_SINK ? CHAIN_SINK : CHAIN_STEP, n, n->name);
    node->op = n->kind == PLAN_STEP ? n->verb->op : NULL;
    node->input = input_schema(plan, n);
    place[s->member[i]] = at;
    bool first = s->source < 0 && s->member[i] == s->root;
    bool of_source = !first && n->input[0].node == s->root && s->source >= 0;
    chain_child_add(&c->node[first || of_source ? 0 : place[n->input[0].node]], at, first ? 0 : n->input[0].port);
  }
  if (s->reads_dead) {
    struct chain_node *node = chain_add(task, CHAIN_SINK, NULL, plan->sink[plan->dead_letter_sink].name);
    node->input = job->dead_schema;
    chain_child_add(&c->node[0], c->nodes - 1, 0);
  }
  const struct edge *dead = NULL;
  for (uint32_t i = 0; i < job->edges; i++) {
    const struct edge *e = &job->edge[i];
    if (e->from_stage != s->index) continue;
    if (e->from_node == UINT32_MAX)
      dead = e;
    else
      chain_add_out(task, e, s->source >= 0 && e->from_node == s->root ? 0 : place[e->from_node]);
  }
  if (dead != NULL)
    chain_add_out(task, dead, UINT32_MAX);
  else
    chain_add(task, CHAIN_DEAD, NULL, "dead letters");
  mem_free(place);
}

void stages_build(struct job *job) {
  const struct plan *plan = job->plan;
  job->stage = ARENA_NEWS(job->arena, struct stage, plan->nodes + 2);
  uint32_t most_edges = plan->nodes + 2;
  for (uint32_t i = 0; i < plan->nodes; i++) most_edges += plan->node[i].inputs + 1;
  job->edge = ARENA_NEWS(job->arena, struct edge, most_edges);
  job->dead_schema = dead_letter_schema(job->arena);
  uint32_t *stage_of = ARENA_NEWS(job->arena, uint32_t, plan->nodes + 1), tasks = 0;
  for (uint32_t i = 0; i < plan->nodes; i++)
    if (plan->node[i].kind != PLAN_SINK || !plan->sink[plan->node[i].index].dead_letters)
      stages_place(job, i, stage_of);
  stages_dead(job);
  for (uint32_t i = 0; i < job->stages; i++) tasks += job->stage[i].tasks;
  job->task = ARENA_NEWS(job->arena, struct spate_task *, tasks);
  for (uint32_t i = 0; i < job->stages; i++) {
    struct stage *s = &job->stage[i];
    s->task = ARENA_NEWS(job->arena, struct spate_task *, s->tasks);
    for (uint32_t t = 0; t < s->tasks; t++) s->task[t] = task_new(job, s, t);
    if (s->source >= 0) job->source_tasks += s->tasks;
  }
  for (uint32_t i = 0; i < job->tasks; i++) chain_build(job->task[i]);
}
