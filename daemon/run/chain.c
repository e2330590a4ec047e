/*
 * chain: steps joined by direct calls, as a tree whose nodes stand in topological order. The driver always works on the
 * deepest node that holds a message, so a node's children are empty when it is called, and a step may answer with one
 * message at a time. A sink or an exchange that cannot take more stops the whole chain; it goes on where it stood.
 */
#include "../base/clock.h"
#include "../base/mem.h"
#include "internal.h"

void chain_deliver(struct chain *chain, const struct chain_node *from, struct op_msg *m) {
  uint32_t given = 0;
  for (uint32_t i = 0; i < from->children; i++) {
    /* a batch goes to the readers of its port; time and barriers go to everybody */
    if (op_has_batch(m->kind) && from->child[i].port != m->port) continue;
    struct chain_node *to = &chain->node[from->child[i].node];
    to->in = *m;
    if (op_has_batch(m->kind) && given++ > 0) spate_batch_ref(m->batch);
    if (from->child[i].node > chain->top) chain->top = from->child[i].node;
  }
  if (op_has_batch(m->kind)) {
    if (given == 0) spate_batch_unref(m->batch);
    chain->changed = true;
  }
  m->batch = NULL;
}

void chain_push(struct chain *chain, struct op_msg *m) {
  if (m->kind == OP_BARRIER) chain->last_barrier = *m;
  chain_deliver(chain, &chain->node[0], m);
}

void chain_fini(struct chain *chain) {
  for (uint32_t i = 0; i < chain->nodes; i++) {
    if (op_has_batch(chain->node[i].in.kind)) spate_batch_unref(chain->node[i].in.batch);
    mem_free(chain->node[i].child);
  }
  for (uint32_t i = chain->letters_sent; i < chain->letters; i++) spate_batch_unref(chain->letter[i]);
  mem_free(chain->letter);
  mem_free(chain->node);
  rejects_fini(&chain->rejects);
  *chain = (struct chain){0};
}

static void chain_publish(struct chain *chain) {
  struct spate_task *task = chain->task;
  uint64_t late = 0, dropped = 0, keys = 0;
  for (uint32_t i = 1; i < chain->nodes; i++) {
    late += chain->node[i].late;
    dropped += chain->node[i].dropped;
    keys += chain->node[i].state_keys;
  }
  atomic_store_explicit(&task->late, late, memory_order_relaxed);
  atomic_store_explicit(&task->dropped, dropped, memory_order_relaxed);
  atomic_store_explicit(&task->state_keys, keys, memory_order_relaxed);
}

static void chain_send_letter(struct chain *chain, struct spate_batch *letter) {
  task_count(&chain->task->dead, letter->count);
  if (chain->letters == chain->letters_room) {
    chain->letters_room = chain->letters_room * 2 + 4;
    chain->letter = mem_resize(chain->letter, chain->letters_room * sizeof *chain->letter);
  }
  chain->letter[chain->letters++] = letter;
  chain->changed = true;
}

enum spate_result chain_rejected(struct chain *chain, const struct chain_node *node, const struct spate_batch *batch) {
  struct spate_rejects *rejects = &chain->rejects;
  if (rejects->count == 0) return SPATE_OK;
  const struct plan *plan = chain->task->job->plan;
  enum spate_result r = SPATE_OK;
  if (plan->on_error == PLAN_FAIL) {
    char origin[320];
    spate_fail(&chain->error, "step '%s': %s%s (on_error: fail)", node->name,
               dead_origin(chain, batch, rejects->item[0].row, origin, sizeof origin), rejects_reason(rejects, 0));
    r = SPATE_FAIL;
  } else if (plan->on_error == PLAN_DROP) {
    task_count(&chain->task->dead, rejects->count);
  } else {
    spate_log(&node->where, SPATE_LOG_WARN, "bad record: %s", rejects_reason(rejects, 0));
    chain_send_letter(chain, dead_letters_make(chain, node, batch, rejects));
  }
  rejects_clear(rejects);
  return r;
}

void chain_dead_row(struct op_frame *frame, const struct spate_batch *batch, uint32_t row, const struct schema *schema,
                    const char *reason) {
  struct chain_node *node = frame->own;
  struct chain *chain = (struct chain *)(void *)((char *)frame->rejects - offsetof(struct chain, rejects));
  const struct plan *plan = chain->task->job->plan;
  if (plan->on_error == PLAN_DEAD_LETTER) {
    chain_send_letter(chain, dead_letter_row(chain, node, batch, row, schema, reason));
    spate_log(&node->where, SPATE_LOG_WARN, "bad result: %s", reason);
    return;
  }
  if (plan->on_error == PLAN_FAIL && chain->error.message[0] == 0)
    spate_fail(&chain->error, "step '%s': %s (on_error: fail)", node->name, reason);
  task_count(&chain->task->dead, 1);
}

/* The state of a step as of the barrier that it has just let through. */
static int chain_save(struct chain *chain, struct chain_node *node) {
  struct task_report *report = chain->task->report;
  if (report == NULL || node->op->save == NULL || chain->task->job->state_path == NULL) return 0;
  int64_t wm = node->op->get_watermark != NULL ? node->op->get_watermark(node->state) : SPATE_TIME_MIN;
  size_t begun = snapshot_begin_step(&report->state, node->name, wm);
  if (node->op->save(node->state, &report->state) != 0) return -1;
  snapshot_end_step(&report->state, begun);
  return 0;
}

static enum spate_result chain_step(struct chain *chain, struct chain_node *node) {
  struct op_msg out = {.kind = OP_NONE};
  struct job *job = chain->task->job;
  node->frame.moment.now = atomic_load_explicit(&job->epoch_now, memory_order_relaxed);
  if (node->frame.moment.now == 0) node->frame.moment.now = clock_now();
  if (node->in.kind == OP_WATERMARK) node->frame.moment.watermark = node->in.value;
  enum spate_result r = node->op->step(node->state, &node->in, &out);
  if (r == SPATE_FAIL || chain->error.message[0] != 0) {
    if (op_has_batch(out.kind)) spate_batch_unref(out.batch);
    return SPATE_FAIL;
  }
  if (chain->rejects.count > 0) {
    r = chain_rejected(chain, node, node->in.batch) == SPATE_FAIL ? SPATE_FAIL : r;
    if (r == SPATE_FAIL) {
      if (op_has_batch(out.kind)) spate_batch_unref(out.batch);
      return r;
    }
  }
  if (out.kind != OP_NONE) chain_deliver(chain, node, &out);
  if (r == SPATE_OK && node->in.kind == OP_BARRIER && chain_save(chain, node) != 0) return SPATE_FAIL;
  return r;
}

static enum spate_result chain_node_run(struct chain *chain, struct chain_node *node) {
  switch (node->kind) {
    case CHAIN_STEP: return chain_step(chain, node);
    case CHAIN_SINK: return sink_node_step(chain, node);
    case CHAIN_OUT: return exchange_node_step(chain, node);
    case CHAIN_DEAD: return dead_node_step(chain, node);
    default: return SPATE_OK;
  }
}

/* The dead-letter node's turn: a letter, or the barrier once everything else is drained. */
static bool chain_next_letter(struct chain *chain) {
  struct chain_node *dead = &chain->node[chain->nodes - 1];
  if (dead->in.kind != OP_NONE) return false;
  if (chain->letters_sent < chain->letters) {
    dead->in = (struct op_msg){.kind = OP_BATCH, .batch = chain->letter[chain->letters_sent++]};
    if (chain->letters_sent == chain->letters) chain->letters_sent = chain->letters = 0;
  } else if (chain->top == 0 && chain->last_barrier.kind != OP_NONE) {
    dead->in = chain->last_barrier;
    chain->last_barrier.kind = OP_NONE;
  } else {
    return false;
  }
  chain->top = chain->nodes - 1;
  return true;
}

enum spate_result chain_run(struct chain *chain) {
  while (chain_next_letter(chain) || chain->top > 0) {
    uint32_t at = chain->top;
    struct chain_node *node = &chain->node[at];
    if (node->in.kind == OP_NONE) {
      chain->top--;
      continue;
    }
    enum spate_result r = chain_node_run(chain, node);
    if (r == SPATE_MORE) continue;
    if (r != SPATE_OK) {
      if (r == SPATE_FAIL && chain->error.message[0] == 0) spate_fail(&chain->error, "step '%s' failed", node->name);
      return r;
    }
    if (op_has_batch(node->in.kind)) spate_batch_unref(node->in.batch);
    node->in = (struct op_msg){.kind = OP_NONE};
  }
  chain_publish(chain);
  return SPATE_OK;
}

int64_t chain_next_tick(const struct chain *chain) {
  int64_t at = INT64_MAX;
  for (uint32_t i = 1; i < chain->nodes; i++) {
    const struct chain_node *n = &chain->node[i];
    if (n->kind != CHAIN_STEP || n->op->next_tick == NULL) continue;
    int64_t t = n->op->next_tick(n->state);
    if (t < at) at = t;
  }
  return at;
}
