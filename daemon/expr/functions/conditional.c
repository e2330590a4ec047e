/*
 * conditional: coalesce, ifnull, if, nullif, typeof, greatest, least.
 *
 * All but the last two choose what they compute, so the checker makes branches of them (choice.c), and here stand only
 * their names, numbers of arguments and help. greatest and least compute all of their arguments and skip nulls, as
 * Spark does; they order as comparisons do.
 */
#include "../../data/schema.h"
#include "../node.h"

static int resolve_branch(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                          struct spate_error *err) {
  (void)arg, (void)args, (void)out;
  return spate_fail(err, "it is a branch, not a call"); /* the checker never asks */
}

static int resolve_common(const struct spate_type *arg, uint32_t args, struct expr_resolved *out,
                          struct spate_error *err) {
  char a[TYPE_NAME], b[TYPE_NAME];
  out->result = arg[0];
  for (uint32_t i = 1; i < args; i++) {
    struct spate_type so_far = out->result;
    if (type_common(so_far, arg[i], &out->result) != 0)
      return spate_fail(err, "the values have different types: %s and %s", type_name(so_far, a), type_name(arg[i], b));
  }
  for (uint32_t i = 0; i < args; i++) out->arg[i] = out->result;
  return 0;
}

static void column_copy(struct spate_column *out, uint32_t row, const struct spate_column *from, uint32_t at,
                        struct expr_call_frame *f) {
  uint32_t size;
  switch (type_width(out->type.kind)) {
    case 0: {
      const char *bytes = spate_column_bytes(from, at, &size);
      if (spate_column_put(out, row, bytes, size) != 0) f->fail(f, row, "the texts of a batch are too long");
      break;
    }
    case 1: out->b8[row] = from->b8[at]; break;
    case 16: out->dec[row] = from->dec[at]; break;
    default: out->i64[row] = from->i64[at];
  }
}

static void extreme_run(struct expr_call_frame *f, int sign) {
  for (uint32_t k = 0; k < f->count; k++) {
    uint32_t row = f->selection != NULL ? f->selection[k] : k, best_row = 0;
    const struct spate_column *best = NULL;
    for (uint32_t i = 0; i < f->args; i++) {
      const struct spate_column *c = f->arg[i].column;
      uint32_t at = arg_row(&f->arg[i], row);
      if (c->type.kind == SPATE_NONE || spate_column_null(c, at)) continue;
      if (best != NULL && value_compare(c, at, best, best_row) * sign <= 0) continue;
      best = c;
      best_row = at;
    }
    if (best != NULL) {
      column_copy(f->out, row, best, best_row, f);
    } else {
      spate_column_set_null(f->out, row);
    }
  }
}
static void run_greatest(struct expr_call_frame *f) { extreme_run(f, 1); }
static void run_least(struct expr_call_frame *f) { extreme_run(f, -1); }

const struct expr_function FUNCTIONS_CONDITIONAL[] = {
    {.name = "coalesce",
     .group = "conditional",
     .signature = "coalesce(x, …)",
     .help = "the first that is not null",
     .min_args = 1,
     .max_args = UINT8_MAX,
     .resolve = resolve_branch},
    {.name = "ifnull",
     .group = "conditional",
     .signature = "ifnull(x, y)",
     .help = "x, or y where x is null",
     .min_args = 2,
     .max_args = 2,
     .resolve = resolve_branch},
    {.name = "if",
     .group = "conditional",
     .signature = "if(condition, x, y)",
     .help = "x where the condition is true, else y",
     .min_args = 3,
     .max_args = 3,
     .resolve = resolve_branch},
    {.name = "nullif",
     .group = "conditional",
     .signature = "nullif(x, y)",
     .help = "null where x = y, else x",
     .min_args = 2,
     .max_args = 2,
     .resolve = resolve_branch},
    {.name = "greatest",
     .group = "conditional",
     .signature = "greatest(x, …)",
     .help = "the greatest that is not null",
     .min_args = 2,
     .max_args = EXPR_MAX_ARGS,
     .resolve = resolve_common,
     .run = run_greatest},
    {.name = "least",
     .group = "conditional",
     .signature = "least(x, …)",
     .help = "the least that is not null",
     .min_args = 2,
     .max_args = EXPR_MAX_ARGS,
     .resolve = resolve_common,
     .run = run_least},
    {.name = "typeof",
     .group = "conversion",
     .signature = "typeof(x)",
     .help = "the name of its type",
     .min_args = 1,
     .max_args = 1,
     .resolve = resolve_branch},
    {.name = NULL},
};
