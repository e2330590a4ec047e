/*
 * aggregate: the aggregate functions as a table. A state is `size` bytes at a fixed place of a group's entry; zero
 * bytes are the empty state. Merging makes slices of hopping windows and partial aggregation possible.
 */
#ifndef EXPR_AGGREGATE_H
#define EXPR_AGGREGATE_H
#include "../api/spate.h"
#include "../base/buf.h"
#include "../data/batch.h"

struct agg_spec { /* one call, resolved */
  const struct agg_class *agg;
  uint32_t args;
  struct spate_type arg_type[3];
  struct spate_type type; /* result */
  bool distinct;
};
struct agg_input { /* the arguments of one batch */
  const struct spate_column *arg[3];
  const int64_t *time; /* event times by row, for first and last; NULL: none */
  uint64_t arrival;    /* number of the batch's first row: orders ties */
};
struct agg_class {
  const char *name, *signature, *help;
  uint8_t min_args, max_args;
  bool star;       /* count(*) */
  bool invertible; /* subtract undoes merge exactly */
  /* The result's type, or -1 and err. */
  int (*type)(const struct spate_type *arg, uint32_t args, struct spate_type *result, struct spate_error *err);
  uint32_t (*size)(const struct agg_spec *spec);
  /* For k in 0..count: rows[k] goes into the state at (char *)state[k] + offset. */
  void (*update)(const struct agg_spec *spec, char **state, uint32_t offset, const uint16_t *rows, uint32_t count,
                 const struct agg_input *in);
  void (*merge)(const struct agg_spec *spec, void *into, const void *from);
  void (*subtract)(const struct agg_spec *spec, void *from, const void *what); /* invertible only */
  /* Appends the result; -1: it cannot be (overflow): err says why, and null was appended. */
  int (*final)(const struct agg_spec *spec, const void *state, struct column_builder *out, struct spate_error *err);
  void (*save)(const struct agg_spec *spec, const void *state, struct buf *out);
  int (*load)(const struct agg_spec *spec, void *state, struct cut *in); /* -1: malformed */
  void (*free)(const struct agg_spec *spec, void *state);                /* NULL: nothing to free */
};
const struct agg_class *agg_find(const char *name); /* NULL: no such aggregate (lower case) */
const struct agg_class *const *agg_all(uint32_t *count);
/* The functions that run this call: the aggregate's own, or those of `distinct` around it. */
const struct agg_class *agg_of(const struct agg_spec *spec);
#endif
