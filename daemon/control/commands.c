/* commands: the list, for --help, the manual and the tests. */
#include "commands.h"

#ifndef SPATE_VERSION
#define SPATE_VERSION "0"
#endif

static const struct cli_command *const ALL[] = {&COMMAND_RUN, &COMMAND_CHECK, &COMMAND_EXPLAIN, &COMMAND_TEST,
                                                &COMMAND_MANUAL};

const struct cli_command *const *commands_all(uint32_t *count) {
  *count = sizeof ALL / sizeof *ALL;
  return ALL;
}

int command_version(const char *program) {
  printf("%s %s\n", program, SPATE_VERSION);
  return EXIT_FINE;
}
