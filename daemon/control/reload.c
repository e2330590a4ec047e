/*
 * reload: everything is read and judged before anything is touched. Then, for every pipeline: unchanged ones go on and
 * do not notice, new ones start, changed ones stop at an epoch's edge and start again from there, removed ones stop. A
 * file with an error leaves the pipelines it runs as they are, and does not hold up the others.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/mem.h"
#include "cli.h"
#include "daemon.h"

/* Errors as log lines: the whole of each, with its line and column. */
static void reload_errors(const struct daemon_file *file) {
  const struct conf_errors *errors = &file->set.errors;
  if (errors->count == 0) return;
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (out == NULL) return;
  conf_errors_print(errors, out, false);
  fclose(out);
  bool bad = errors->errors > 0;
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
    spate_log(NULL, bad ? SPATE_LOG_ERROR : SPATE_LOG_WARN, "%s", line);
  free(text);
}

static struct daemon_file *reload_file(const char *path) {
  struct daemon_file *file = MEM_NEW(struct daemon_file);
  struct plan_options options = {0};
  file->path = mem_text(path);
  file->refs = 1;
  plan_set_load(&file->set, (const char *const *)&path, 1, &options);
  reload_errors(file);
  return file;
}

static void reload_say(const char *name, const char *what) {
  spate_log(&(struct spate_where){name, NULL}, SPATE_LOG_INFO, "%s", what);
}

static const struct plan_node *plan_state(const struct plan *plan, const struct plan_node *like) {
  for (uint32_t i = 0; i < plan->nodes; i++) {
    const struct plan_node *n = &plan->node[i];
    if (n->kind != PLAN_STEP || !n->stateful) continue;
    if (like == NULL) return n;
    if (strcmp(n->name, like->name) == 0 && n->signature != NULL && like->signature != NULL &&
        strcmp(n->signature, like->signature) == 0)
      return n;
  }
  return NULL;
}

/* The first step with state that the other plan has not, or has with another meaning. */
static const char *state_differs(const struct plan *a, const struct plan *b) {
  for (uint32_t i = 0; i < a->nodes; i++)
    if (a->node[i].kind == PLAN_STEP && a->node[i].stateful && plan_state(b, &a->node[i]) == NULL)
      return a->node[i].name;
  return NULL;
}

/* The state that is kept would not fit the new definition: then the pipeline stays as it is. */
static bool reload_refused(const struct daemon_slot *slot, const struct plan *old, const struct plan *plan) {
  if (slot->job == NULL || old->state_hash == plan->state_hash || plan_state(old, NULL) == NULL) return false;
  const char *step = state_differs(old, plan);
  if (step == NULL) step = state_differs(plan, old);
  spate_log(&(struct spate_where){slot->name, NULL}, SPATE_LOG_ERROR,
            "refused, and goes on as it was: the state of step '%s' does not fit the new definition; give the pipeline "
            "another name, or stop it and start it with --fresh",
            step != NULL ? step : "?");
  return true;
}

static bool reload_same(const struct daemon_slot *slot, const struct plan *old, const struct plan *plan) {
  if (old->meaning_hash != plan->meaning_hash || slot->removed) return false;
  if (slot->job == NULL) return slot->state == JOB_FINISHED;
  return slot->tables == slot_tables(plan);
}

static void reload_plan(struct daemon *d, struct daemon_file *file, const struct plan *plan) {
  struct daemon_slot *slot = slot_find(d, plan->name);
  if (slot != NULL && slot->seen) {
    spate_log(NULL, SPATE_LOG_ERROR, "%s: there is a pipeline '%s' already, in %s: this one does not run", file->path,
              plan->name, slot->path != NULL ? slot->path : "another file");
    return;
  }
  if (slot == NULL) slot = slot_new(d, plan->name);
  slot->seen = true;
  const struct plan *old = slot->next_plan != NULL ? slot->next_plan : slot->plan;
  if (old == NULL) {
    slot_take(slot, file, plan);
  } else if (reload_same(slot, old, plan)) {
    reload_say(slot->name, "unchanged: it goes on");
  } else if (reload_refused(slot, old, plan)) {
    return;
  } else {
    if (slot->job != NULL && old->meaning_hash == plan->meaning_hash)
      reload_say(slot->name, "a table of it has changed: it stops at an epoch's edge and reads it again");
    else
      reload_say(slot->name, slot->job != NULL
                                 ? "changed: it stops at an epoch's edge and goes on under its new definition"
                                 : "is started again");
    slot_take(slot, file, plan);
  }
}

/* The pipelines that a file with errors runs stay as they are. */
static void reload_kept(struct daemon *d, const struct daemon_file *file) {
  for (struct daemon_slot *s = d->slots; s != NULL; s = s->next) {
    if (s->path == NULL || strcmp(s->path, file->path) != 0 || s->removed) continue;
    s->seen = true;
    reload_say(s->name, "its file has an error: it goes on as it was");
  }
}

static void reload_removed(struct daemon *d) {
  for (struct daemon_slot *s = d->slots; s != NULL; s = s->next) {
    if (s->seen || s->removed) continue;
    reload_say(s->name, "is gone from the files: it closes an epoch and stops");
    s->removed = true;
    file_unref(s->next_file);
    s->next_file = NULL;
    s->next_plan = NULL;
    slot_stop(s);
  }
}

void daemon_reload(struct daemon *d, bool first) {
  glob_t found = {0};
  const char *pattern = d->config->options.pipelines;
  int g = glob(pattern, 0, NULL, &found);
  if (g != 0 && g != GLOB_NOMATCH) {
    spate_log(NULL, SPATE_LOG_ERROR, "cannot read '%s': everything stays as it is", pattern);
    return;
  }
  if (found.gl_pathc == 0) spate_log(NULL, SPATE_LOG_WARN, "there are no files '%s'", pattern);
  struct daemon_file **file = MEM_NEWS(struct daemon_file *, found.gl_pathc + 1);
  for (size_t i = 0; i < found.gl_pathc; i++) file[i] = reload_file(found.gl_pathv[i]);
  for (struct daemon_slot *s = d->slots; s != NULL; s = s->next) s->seen = false;
  for (size_t i = 0; i < found.gl_pathc; i++) /* first, so that their names are taken */
    if (file[i]->set.errors.errors > 0) reload_kept(d, file[i]);
  for (size_t i = 0; i < found.gl_pathc; i++)
    for (uint32_t k = 0; k < file[i]->set.count && file[i]->set.errors.errors == 0; k++)
      reload_plan(d, file[i], file[i]->set.plan[k]);
  reload_removed(d);
  for (size_t i = 0; i < found.gl_pathc; i++) file_unref(file[i]);
  mem_free(file);
  globfree(&found);
  if (!first) spate_log(NULL, SPATE_LOG_INFO, "reloaded");
}
