/*
 * check and explain: what can be said of a pipeline without touching anything outside its file.
 */
#include <sys/stat.h>

#include "../base/mem.h"
#include "commands.h"
#include "daemon_options.h"

/* Every key is one of spate.yaml's. */
static bool document_is_daemons(const struct conf_node *node) {
  if (node == NULL || node->kind != CONF_MAP || node->count == 0) return false;
  for (uint32_t i = 0; i < node->count; i++) {
    const struct spate_option *o = daemon_options();
    while (o->name != NULL && strcmp(o->name, node->key[i].text) != 0) o++;
    if (o->name == NULL) return false;
  }
  return true;
}

/* The daemon's own file in place of a pipeline is one mistake, and one error. Only files that can be read twice. */
static bool file_is_daemons(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return false;
  struct arena *arena = arena_new();
  struct conf_errors errors;
  conf_errors_init(&errors);
  bool is = document_is_daemons(conf_load(arena, path, &errors));
  conf_errors_fini(&errors);
  arena_free(&arena);
  if (is)
    fprintf(stderr,
            "%s: error: this is the daemon's file, not a pipeline: `spated -c %s` reads and checks it; name the files "
            "of its pipelines here\n",
            path, path);
  return is;
}

bool command_load(struct plan_set *set, char **files, uint32_t count, const struct plan_options *options) {
  const char **pipeline = MEM_NEWS(const char *, count + 1);
  uint32_t pipelines = 0;
  for (uint32_t i = 0; i < count; i++)
    if (!file_is_daemons(files[i])) pipeline[pipelines++] = files[i];
  bool good = plan_set_load(set, pipeline, pipelines, options) == 0 && pipelines == count;
  conf_errors_print(&set->errors, stderr, cli_colour(stderr));
  uint32_t errors = set->errors.errors + count - pipelines;
  if (errors > 0) fprintf(stderr, "%u error%s\n", errors, errors == 1 ? "" : "s");
  mem_free(pipeline);
  return good;
}

static int check_run(const struct cli_command *command, const void *own, char **files, uint32_t count) {
  (void)command, (void)own;
  struct plan_options options = {.run = true};
  struct plan_set set;
  int result = command_load(&set, files, count, &options) ? EXIT_FINE : EXIT_INPUT;
  plan_set_free(&set);
  return result;
}

const struct cli_command COMMAND_CHECK = {
    .name = "check",
    .takes = "FILE...",
    .help = "Validates pipelines without connecting to anything.",
    .about =
        "Every error is found at once, and printed as 'file:line:column: error: …' with the line, a caret under the "
        "place, and what was perhaps meant. Exits with 0 or 1.",
    .least = 1,
    .most = 10000,
    .run = check_run,
};

struct explain_options {
  bool dot;
};
static const struct cli_option EXPLAIN_OPTIONS[] = {
    {.name = "dot",
     .type = CLI_FLAG,
     .offset = offsetof(struct explain_options, dot),
     .help = "Prints a graph for Graphviz instead."},
    {.name = NULL},
};

static int explain_run(const struct cli_command *command, const void *own, char **files, uint32_t count) {
  (void)command;
  const struct explain_options *o = own;
  struct plan_options options = {.run = true};
  struct plan_set set;
  int result = command_load(&set, files, count, &options) ? EXIT_FINE : EXIT_INPUT;
  for (uint32_t i = 0, printed = 0; i < set.count; i++) {
    if (set.plan[i] == NULL) continue;
    if (printed++ > 0) printf("\n");
    plan_explain(set.plan[i], stdout, o->dot);
  }
  plan_set_free(&set);
  return result;
}

const struct cli_command COMMAND_EXPLAIN = {
    .name = "explain",
    .takes = "FILE...",
    .help = "Prints the plan of a pipeline as a tree.",
    .about =
        "Stages, parallelism, where records are exchanged, what state is kept, which columns are decoded, and the "
        "guarantee of each path with why it is not stronger.",
    .options = EXPLAIN_OPTIONS,
    .size = sizeof(struct explain_options),
    .least = 1,
    .most = 10000,
    .run = explain_run,
};
