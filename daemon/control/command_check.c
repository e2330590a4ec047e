/*
 * check and explain: what can be said of a pipeline without touching anything outside its file.
 */
#include "commands.h"

bool command_load(struct plan_set *set, char **files, uint32_t count, const struct plan_options *options) {
  bool good = plan_set_load(set, (const char *const *)files, count, options) == 0;
  conf_errors_print(&set->errors, stderr, cli_colour(stderr));
  return good;
}

static int check_run(const struct cli_command *command, const void *own, char **files, uint32_t count) {
  (void)command, (void)own;
  struct plan_options options = {.run = true};
  struct plan_set set;
  int result = command_load(&set, files, count, &options) ? EXIT_FINE : EXIT_INPUT;
  if (result != EXIT_FINE) fprintf(stderr, "%u error%s\n", set.errors.errors, set.errors.errors == 1 ? "" : "s");
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
