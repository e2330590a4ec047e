/*
 * eval: runs the typed tree over one batch.
 *
 * A value is a column with a row for every row of the batch, of which only the selected ones are defined, or a constant
 * of one row. Strict operators get their nulls computed here, a byte of the bitmap at a time, so that kernels are plain
 * loops over values. The frame is one task's: nothing here is shared but the tree and the constants in it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "../base/log.h"
#include "../base/mem.h"
#include "../data/schema.h"
#include "node.h"

enum { TEXT_ROOM_A_ROW = 16 };

void value_free(struct value *v) {
  if (!v->borrowed) spate_column_unref(v->column);
  v->column = NULL;
}

const char *text_shown(const char *text, size_t size, size_t most, char *out, size_t room) {
  size_t cut = size;
  if (size > most)
    for (cut = most; cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80;) cut--; /* not inside of a character */
  log_clean(text, cut, cut, out, room);
  if (cut < size) strncat(out, " …", room - strlen(out) - 1);
  return out;
}

void frame_fail(struct expr_frame *f, const struct node *n, uint32_t row, const char *format, ...) {
  if (f->failed[row]) return;
  f->failed[row] = 1;
  f->any_failed = true;
  if (f->rejects == NULL) return;
  char reason[200];
  va_list args;
  va_start(args, format);
  vsnprintf(reason, sizeof reason, format, args);
  va_end(args);
  char where[200];
  spate_reject(f->rejects, row, "%s, in: %s", reason,
               text_shown(f->expr->text + n->offset, n->length, 80, where, sizeof where));
}

/* ---- nulls of strict operators ---- */

static size_t valid_size(uint32_t rows) { return ((size_t)rows + 63) / 64 * 8; }

/* false: some argument is a constant null, and so is every row. */
static bool valid_union(struct spate_column *out, const struct value *arg, uint32_t args) {
  size_t size = valid_size(out->rows), used = ((size_t)out->rows + 7) / 8;
  bool any = true;
  for (uint32_t i = 0; i < args; i++) {
    const uint8_t *valid = arg[i].column->valid;
    if (arg[i].column->type.kind == SPATE_NONE) any = false;
    if (valid == NULL) continue;
    if (arg[i].constant) {
      any = any && (valid[0] & 1);
      continue;
    }
    if (out->valid == NULL) {
      out->valid = mem_alloc(size);
      memset(out->valid, 0xff, size);
    }
    for (size_t b = 0; b < used; b++) out->valid[b] = (uint8_t)(out->valid[b] & valid[b]);
  }
  if (!any) {
    if (out->valid == NULL) out->valid = mem_alloc(size);
    memset(out->valid, 0, size);
  }
  return any;
}

static struct spate_column *frame_column(const struct expr_frame *f, struct spate_type type) {
  bool text = type_width(type.kind) == 0;
  return spate_column_new(type, f->rows, text ? f->rows * TEXT_ROOM_A_ROW : 0);
}

/* ---- nodes ---- */

static struct value eval_kernel(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count) {
  struct value arg[EXPR_MAX_ARGS];
  for (uint32_t i = 0; i < n->args; i++) arg[i] = node_eval(f, n->arg[i], selection, count);
  struct kernel k = {f, n, f->rows, selection, count, arg, frame_column(f, n->type)};
  if (!n->strict || valid_union(k.out, arg, n->args)) n->kernel(&k);
  spate_column_finish(k.out);
  for (uint32_t i = 0; i < n->args; i++) value_free(&arg[i]);
  return (struct value){k.out, false, false};
}

struct call { /* what `own` of a function's frame points to */
  struct expr_frame *frame;
  const struct node *node;
};

static void call_fail(struct expr_call_frame *call, uint32_t row, const char *format, ...) {
  const struct call *own = call->own;
  char reason[200];
  va_list args;
  va_start(args, format);
  vsnprintf(reason, sizeof reason, format, args);
  va_end(args);
  frame_fail(own->frame, own->node, row, "%s", reason);
}

/* 1 for each selected row that is null or has failed; NULL when there is none. */
static const uint8_t *call_skip(struct expr_frame *f, const struct spate_column *out, const uint16_t *selection,
                                uint32_t count) {
  if (out->valid == NULL && !f->any_failed) return NULL;
  for (uint32_t k = 0; k < count; k++) {
    uint32_t row = selection != NULL ? selection[k] : k;
    f->skip[row] = f->failed[row] || spate_column_null(out, row);
  }
  return f->skip;
}

static struct value eval_call(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count) {
  const struct expr_function *function = n->function;
  struct value arg[EXPR_MAX_ARGS];
  struct call own = {f, n};
  struct expr_call_frame call = {.args = n->args, .rows = f->rows, .selection = selection, .count = count};
  for (uint32_t i = 0; i < n->args; i++) {
    arg[i] = node_eval(f, n->arg[i], selection, count);
    call.arg[i] = (struct expr_value){arg[i].column, arg[i].constant, NULL};
  }
  if (f->any_failed)
    for (uint32_t i = 0; i < n->args; i++) call.arg[i].error = f->failed;
  call.out = frame_column(f, n->type);
  call.moment = f->moment;
  call.prepared = n->prepared;
  call.fail = call_fail;
  call.own = &own;
  if (function->scratch_size > 0) {
    if (f->scratch[n->index] == NULL) f->scratch[n->index] = mem_zero(1, function->scratch_size);
    call.scratch = f->scratch[n->index];
  }
  bool run = true;
  if (function->strict) {
    run = valid_union(call.out, arg, n->args);
    if (run) call.skip = call_skip(f, call.out, selection, count);
  }
  if (run) function->run(&call);
  spate_column_finish(call.out);
  for (uint32_t i = 0; i < n->args; i++) value_free(&arg[i]);
  return (struct value){call.out, false, false};
}

static struct value eval_let(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count) {
  f->let[n->index] = node_eval(f, n->arg[0], selection, count);
  struct value v = node_eval(f, n->arg[1], selection, count);
  value_free(&f->let[n->index]);
  return v;
}

struct value node_eval(struct expr_frame *f, const struct node *n, const uint16_t *selection, uint32_t count) {
  switch ((enum node_kind)n->kind) {
    case NODE_CONST: return (struct value){n->constant, true, true};
    case NODE_COLUMN: return (struct value){f->batch->column[n->index], false, true};
    case NODE_REF: return (struct value){f->let[n->index].column, f->let[n->index].constant, true};
    case NODE_KERNEL: return eval_kernel(f, n, selection, count);
    case NODE_CALL: return eval_call(f, n, selection, count);
    case NODE_AND:
    case NODE_OR: return eval_and_or(f, n, selection, count);
    case NODE_CASE: return eval_case(f, n, selection, count);
    case NODE_COALESCE: return eval_coalesce(f, n, selection, count);
    case NODE_LET: break;
  }
  return eval_let(f, n, selection, count);
}

/* ---- frames ---- */

struct expr_frame *expr_frame_new(const struct expr *expr) {
  struct expr_frame *f = MEM_NEW(struct expr_frame);
  f->expr = expr;
  f->let = MEM_NEWS(struct value, expr->lets + 1);
  f->scratch = MEM_NEWS(void *, expr->calls + 1);
  return f;
}

void expr_frame_free(struct expr_frame **frame) {
  struct expr_frame *f = *frame;
  if (f == NULL) return;
  for (uint32_t i = 0; i < f->expr->calls; i++) {
    const struct expr_function *function = f->expr->called[i];
    if (f->scratch[i] == NULL) continue;
    if (function->scratch_free != NULL) {
      function->scratch_free(f->scratch[i]);
    }
    mem_free(f->scratch[i]);
  }
  spate_column_unref(f->spread);
  mem_free(f->let);
  mem_free(f->scratch);
  mem_free(f);
  *frame = NULL;
}

static void frame_begin(struct expr_frame *f, const struct spate_batch *batch, const struct expr_moment *moment,
                        struct spate_rejects *rejects) {
  static const struct expr_moment BEGINNING = {0, SPATE_TIME_MIN};
  f->batch = batch;
  f->rows = batch->rows;
  f->moment = moment != NULL ? moment : &BEGINNING;
  f->rejects = rejects;
  if (f->any_failed) memset(f->failed, 0, sizeof f->failed);
  f->any_failed = false;
}

/* A constant for as many rows as the batch has; kept, because the next batch will want it again. */
static struct spate_column *frame_spread(struct expr_frame *f, const struct spate_column *constant) {
  if (f->spread != NULL && f->spread->rows == f->rows) return spate_column_ref(f->spread);
  spate_column_unref(f->spread);
  struct spate_column *out = frame_column(f, f->expr->type);
  uint32_t width = type_width(out->type.kind);
  for (uint32_t row = 0; row < f->rows; row++) {
    if (spate_column_null(constant, 0)) {
      spate_column_set_null(out, row);
    } else if (width == 0) {
      if (spate_column_put(out, row, constant->data, constant->offsets[1]) != 0) spate_column_set_null(out, row);
    } else {
      memcpy((char *)out->values + (size_t)row * width, constant->values, width);
    }
  }
  spate_column_finish(out);
  f->spread = out;
  return spate_column_ref(out);
}

struct spate_column *expr_eval(struct expr_frame *f, const struct spate_batch *batch, const struct expr_moment *moment,
                               struct spate_rejects *rejects) {
  frame_begin(f, batch, moment, rejects);
  const struct node *root = f->expr->root;
  struct value v = node_eval(f, root, batch->selection, batch->count);
  if (v.constant) return frame_spread(f, v.column);
  if (v.borrowed) return spate_column_ref(v.column);
  if (f->any_failed)
    for (uint32_t k = 0; k < batch->count; k++)
      if (f->failed[spate_batch_row(batch, k)]) spate_column_set_null(v.column, spate_batch_row(batch, k));
  return v.column;
}

uint32_t expr_select(struct expr_frame *f, const struct spate_batch *batch, const struct expr_moment *moment,
                     struct spate_rejects *rejects, uint16_t *rows) {
  frame_begin(f, batch, moment, rejects);
  return node_select(f, f->expr->root, batch->selection, batch->count, rows);
}
