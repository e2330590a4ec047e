/* plugin: expressions for plugins (the generator's fields): one object that owns what the daemon keeps apart. */
#include "../base/clock.h"
#include "../base/mem.h"
#include "../data/schema.h"
#include "node.h"

struct spate_expr {
  struct arena *arena;
  struct expr *expr;
  struct expr_frame *frame;
};

struct spate_expr *spate_expr_new(const char *text, const struct spate_schema *columns, struct spate_error *err) {
  struct spate_expr *e = MEM_NEW(struct spate_expr);
  struct schema schema = {.all = *columns, .visible = columns->count};
  struct expr_error why;
  e->arena = arena_new();
  e->expr = expr_compile(e->arena, text, &schema, &why);
  if (e->expr == NULL) {
    spate_fail(err, "%s%s%s, in '%.100s' at column %u", why.message, why.hint[0] != '\0' ? "; " : "", why.hint, text,
               why.offset + 1);
    spate_expr_free(e);
    return NULL;
  }
  e->frame = expr_frame_new(e->expr);
  return e;
}

struct spate_type spate_expr_type(const struct spate_expr *e) {
  return expr_type(e->expr);
}

struct spate_column *spate_expr_eval(struct spate_expr *e, const struct spate_batch *batch,
                                     struct spate_rejects *rejects) {
  struct expr_moment moment = {clock_now(), SPATE_TIME_MIN};
  return expr_eval(e->frame, batch, &moment, rejects);
}

void spate_expr_free(struct spate_expr *e) {
  if (e == NULL) return;
  expr_frame_free(&e->frame);
  arena_free(&e->arena);
  mem_free(e);
}
