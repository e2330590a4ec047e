/*
 * set: the pipelines of several files, each file read once, each document a pipeline. What is wrong with one does not
 * keep the others from being built.
 */
#include "../base/mem.h"
#include "build.h"

static void set_add(struct plan_set *set, struct plan *plan) {
  set->plan = mem_resize(set->plan, (set->count + 1) * sizeof *set->plan);
  set->plan[set->count++] = plan;
}

static bool set_named(struct plan_set *set, const char *name) {
  for (uint32_t i = 0; i < set->count; i++)
    if (set->plan[i] != NULL && strcmp(set->plan[i]->name, name) == 0) return true;
  return false;
}

static void set_document(struct plan_set *set, const struct conf_node *document, const struct plan_options *options,
                         bool broken) {
  if (document->kind != CONF_MAP) {
    conf_error(&set->errors, document, "a pipeline is a map that begins with pipeline: NAME");
    set_add(set, NULL);
    return;
  }
  if (conf_get(document, "tests") != NULL && conf_get(document, "pipeline") == NULL) {
    conf_error(&set->errors, document, "this is a file of tests: run it with 'spate test'");
    set_add(set, NULL);
    return;
  }
  struct plan *plan = plan_build(document, options, &set->errors);
  if (plan != NULL && set_named(set, plan->name)) {
    conf_error(&set->errors, conf_get(document, "pipeline"), "there are two pipelines '%s'", plan->name);
    plan_free(&plan);
  }
  if (broken) plan_free(&plan); /* YAML that is not whole: what was left of it is checked, and not run */
  set_add(set, plan);
}

int plan_set_load(struct plan_set *set, const char *const *paths, uint32_t count, const struct plan_options *options) {
  *set = (struct plan_set){.arena = arena_new()};
  conf_errors_init(&set->errors);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t before = set->errors.errors;
    const struct conf_node *document = conf_load(set->arena, paths[i], &set->errors);
    if (document == NULL) {
      if (set->errors.errors == before) {
        struct conf_file *file = ARENA_NEW(set->arena, struct conf_file);
        file->path = paths[i];
        file->text = "";
        struct conf_node at = {.file = file};
        conf_error(&set->errors, &at, "there is no pipeline in it");
      }
      set_add(set, NULL);
      continue;
    }
    bool broken = set->errors.errors > before;
    for (; document != NULL; document = document->next) set_document(set, document, options, broken);
  }
  return set->errors.errors == 0 ? 0 : -1;
}

void plan_set_free(struct plan_set *set) {
  for (uint32_t i = 0; i < set->count; i++) plan_free(&set->plan[i]);
  mem_free(set->plan);
  conf_errors_fini(&set->errors);
  arena_free(&set->arena);
}
