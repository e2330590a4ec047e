/* aggregate_variance: by Welford's method, merged by the pairwise formula of Chan, Golub and LeVeque ("Updating
 * formulae and a pairwise algorithm for computing sample variances", 1979). Always double. */
#include <math.h>

#include "../data/schema.h"
#include "aggregate_parts.h"

struct variance_state {
  int64_t n;
  double mean, m2;
  int64_t pad;
};

static int variance_type(const struct spate_type *arg, uint32_t args, struct spate_type *result,
                         struct spate_error *err) {
  (void)args;
  char text[40];
  if (arg->kind != SPATE_INT && arg->kind != SPATE_DOUBLE && arg->kind != SPATE_DECIMAL)
    return spate_fail(err, "a number is needed, and this is %s", type_text(*arg, text, sizeof text));
  *result = type_of(SPATE_DOUBLE);
  return 0;
}
static uint32_t variance_size(const struct agg_spec *spec) {
  (void)spec;
  return sizeof(struct variance_state);
}
static double variance_value(const struct spate_column *c, uint32_t row) {
  if (c->type.kind == SPATE_DOUBLE) return c->f64[row];
  if (c->type.kind == SPATE_DECIMAL) return (double)c->dec[row] / pow(10, c->type.scale);
  return (double)c->i64[row];
}
static void variance_update(const struct agg_spec *spec, char **state, uint32_t offset, const uint16_t *rows,
                            uint32_t count, const struct agg_input *in) {
  (void)spec;
  for (uint32_t k = 0; k < count; k++) {
    if (spate_column_null(in->arg[0], rows[k])) continue;
    struct variance_state *s = (struct variance_state *)(void *)(state[k] + offset);
    double v = variance_value(in->arg[0], rows[k]), d = v - s->mean;
    s->n++;
    s->mean += d / (double)s->n;
    s->m2 += d * (v - s->mean);
  }
}
static void variance_merge(const struct agg_spec *spec, void *into, const void *from) {
  (void)spec;
  struct variance_state *a = into;
  const struct variance_state *b = from;
  if (b->n == 0) return;
  double n = (double)a->n + (double)b->n, d = b->mean - a->mean;
  a->m2 += b->m2 + d * d * (double)a->n * (double)b->n / n;
  a->mean += d * (double)b->n / n;
  a->n += b->n;
}
static int variance_final(const struct agg_spec *spec, const void *state, struct column_builder *out,
                          struct spate_error *err) {
  (void)err;
  const struct variance_state *s = state;
  bool sample = strstr(spec->agg->name, "samp") != NULL, root = spec->agg->name[0] == 's';
  if (s->n < (sample ? 2 : 1)) {
    column_builder_null(out);
    return 0;
  }
  double v = s->m2 / (double)(sample ? s->n - 1 : s->n);
  column_builder_f64(out, root ? sqrt(v) : v);
  return 0;
}
static void variance_save(const struct agg_spec *spec, const void *state, struct buf *out) {
  (void)spec;
  buf_put(out, state, sizeof(struct variance_state));
}
static int variance_load(const struct agg_spec *spec, void *state, struct cut *in) {
  (void)spec;
  const char *p = cut_bytes(in, sizeof(struct variance_state));
  if (p == NULL) return -1;
  memcpy(state, p, sizeof(struct variance_state));
  return 0;
}

#define VARIANCE_PARTS                                                                                   \
  .min_args = 1, .max_args = 1, .type = variance_type, .size = variance_size, .update = variance_update, \
  .merge = variance_merge, .final = variance_final, .save = variance_save, .load = variance_load
const struct agg_class STDDEV_POP = {.name = "stddev_pop",
                                     .signature = "stddev_pop(x)",
                                     .help = "the standard deviation of the population",
                                     VARIANCE_PARTS};
const struct agg_class STDDEV_SAMP = {.name = "stddev_samp",
                                      .signature = "stddev_samp(x)",
                                      .help = "the standard deviation of the sample; null for one row",
                                      VARIANCE_PARTS};
const struct agg_class VAR_POP = {
    .name = "var_pop", .signature = "var_pop(x)", .help = "the variance of the population", VARIANCE_PARTS};
const struct agg_class VAR_SAMP = {.name = "var_samp",
                                   .signature = "var_samp(x)",
                                   .help = "the variance of the sample; null for one row",
                                   VARIANCE_PARTS};
