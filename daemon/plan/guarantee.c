/*
 * guarantee: what the ends of a pipeline can keep. At least once needs sources that can be read again from a position;
 * exactly once needs sinks that take part in an epoch, too, and is not built yet: left out it is never chosen, written
 * it is refused with a line that says so (a test of a pipeline runs all the same, since in a test nothing crashes).
 */
#include "components.h"

static const char *const WORDS[] = {"the strongest", "exactly once", "at least once", "at most once"};
const char *plan_guarantee_word(enum plan_guarantee guarantee) { return WORDS[guarantee]; }

/* Why the source cannot be read again, or NULL. */
const char *plan_source_why(const struct plan_source *source) {
  if (source->api->flags & SPATE_REPLAYABLE) return NULL;
  return "cannot be read again";
}

static const char *exactly_once_hindrance(const struct build *b) {
  const struct plan *p = b->plan;
  for (uint32_t i = 0; i < p->sources; i++) {
    const struct plan_source *s = &p->source[i];
    if (!(s->api->flags & SPATE_REPLAYABLE))
      return arena_format(b->arena, "source '%s' (%s) cannot be read again", s->name, s->api->name);
    if (plan_embedded(s->node, s->api->name))
      return arena_format(b->arena, "source '%s' reads an embedded broker, which dies with the process", s->name);
  }
  for (uint32_t i = 0; i < p->sinks; i++) {
    const struct plan_sink *s = &p->sink[i];
    if (!(s->api->flags & SPATE_EXACTLY_ONCE))
      return arena_format(b->arena, "what sink '%s' (%s) has written cannot be taken back", s->name, s->api->name);
    if (plan_embedded(s->node, s->api->name))
      return arena_format(b->arena, "sink '%s' writes to an embedded broker, which dies with the process", s->name);
  }
  return NULL;
}

static const struct plan_source *at_most_once_source(const struct plan *p) {
  for (uint32_t i = 0; i < p->sources; i++)
    if (plan_source_why(&p->source[i]) != NULL) return &p->source[i];
  return NULL;
}

static void guarantee_written(struct build *b, const struct conf_node *node, enum plan_guarantee want,
                              const char *hindrance, const struct plan_source *weak) {
  struct plan *p = b->plan;
  p->guarantee = want;
  p->guarantee_text = arena_format(b->arena, "%s, as written", WORDS[want]);
  if (want == PLAN_EXACTLY_ONCE && hindrance != NULL) {
    conf_error(b->errors, node, "exactly_once cannot be kept: %s", hindrance);
  } else if (want == PLAN_EXACTLY_ONCE && !b->options->test) {
    conf_error(b->errors, node, "exactly_once is not built yet; these ends could hold it");
    conf_hint(b->errors, "leave guarantee out, or write at_least_once");
  } else if (want == PLAN_AT_LEAST_ONCE && weak != NULL) {
    conf_error(b->errors, node, "at_least_once cannot be kept: source '%s' (%s) %s", weak->name, weak->api->name,
               plan_source_why(weak));
  }
}

void build_guarantee(struct build *b, const struct conf_node *node, int written) {
  struct plan *p = b->plan;
  for (uint32_t i = 0; i < p->sources; i++)
    if (p->source[i].api == NULL) return;
  for (uint32_t i = 0; i < p->sinks; i++)
    if (p->sink[i].api == NULL) return;
  const char *hindrance = exactly_once_hindrance(b);
  const struct plan_source *weak = at_most_once_source(p);
  if (node != NULL) {
    guarantee_written(b, node, (enum plan_guarantee)(written + 1), hindrance, weak);
    return;
  }
  if (weak != NULL) {
    p->guarantee = PLAN_AT_MOST_ONCE;
    p->guarantee_text =
        arena_format(b->arena, "at most once: source '%s' (%s) %s", weak->name, weak->api->name, plan_source_why(weak));
    return;
  }
  p->guarantee = PLAN_AT_LEAST_ONCE;
  p->guarantee_text =
      arena_format(b->arena, "at least once: %s", hindrance != NULL ? hindrance : "exactly once is not built yet");
}
