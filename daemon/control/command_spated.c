/*
 * command_spated: spated's command line, as a command like those of spate: the same table parses it, prints its help
 * and its part of the manual. What it starts is daemon.c.
 */
#include "../base/log.h"
#include "commands.h"
#include "daemon.h"

struct spated_options {
  const char *config;
};
static const struct cli_option SPATED_OPTIONS[] = {
    {.name = "config",
     .letter = 'c',
     .type = CLI_TEXT,
     .offset = offsetof(struct spated_options, config),
     .argument = "FILE",
     .help = "The daemon's configuration. Default: /etc/spate/spate.yaml."},
    {.name = NULL},
};

static int spated_run(const struct cli_command *command, const void *own, char **argument, uint32_t count) {
  (void)command, (void)argument, (void)count;
  const struct spated_options *o = own;
  struct daemon d = {.lock_fd = -1, .path = o->config != NULL ? o->config : "/etc/spate/spate.yaml"};
  d.config = daemon_config_load(d.path);
  if (d.config == NULL) return EXIT_INPUT;
  log_setup(d.config->format, d.config->level);
  int result = daemon_run(&d);
  daemon_config_free(&d.config);
  return result;
}

const struct cli_command COMMAND_SPATED = {
    .name = "",
    .takes = "",
    .help = "Runs every pipeline of the pipeline directory until it is told to stop.",
    .about =
        "SIGHUP reads all files again, judges them, and takes up what changed; SIGTERM closes an epoch in each "
        "pipeline and exits with 0.",
    .options = SPATED_OPTIONS,
    .size = sizeof(struct spated_options),
    .least = 0,
    .most = 0,
    .run = spated_run,
};
