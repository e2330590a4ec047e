/* commands: what main_spate.c lists. */
#ifndef CONTROL_COMMANDS_H
#define CONTROL_COMMANDS_H
#include "../plan/plan.h"
#include "cli.h"

extern const struct cli_command COMMAND_RUN, COMMAND_CHECK, COMMAND_EXPLAIN, COMMAND_TEST, COMMAND_MANUAL;
const struct cli_command *const *commands_all(uint32_t *count);
extern const struct cli_command COMMAND_SPATED;

/* Loads the files and prints errors and warnings to stderr. false: there are errors. */
bool command_load(struct plan_set *set, char **files, uint32_t count, const struct plan_options *options);
int command_version(const char *program);

#endif
