/*
 * daemon_options: spate.yaml as a table of keys. http, control and plugins are read and checked, and do nothing yet:
 * the daemon's first lines say so.
 */
#include "daemon_options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/mem.h"
#include "cli.h"

static const char *const LEVELS[] = {"error", "warn", "info", "debug", NULL};
static const char *const FORMATS[] = {"auto", "text", "json", NULL};
static const struct spate_option LOG_OPTIONS[] = {
    {.name = "level",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct daemon_log_options, level),
     .default_text = "info",
     .choices = LEVELS,
     .help = "What is logged: this and what is graver."},
    {.name = "format",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct daemon_log_options, format),
     .default_text = "auto",
     .choices = FORMATS,
     .help = "auto: the journal's priorities under systemd, else text."},
    {.name = NULL},
};
static const struct spate_option OPTIONS[] = {
    {.name = "pipelines",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct daemon_options, pipelines),
     .default_text = "/etc/spate/pipelines.d/*.yaml",
     .help = "The files of pipelines, as a pattern of the shell."},
    {.name = "state_dir",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct daemon_options, state_dir),
     .default_text = "/var/lib/spate",
     .help = "Where state, positions and dead letters are kept; locked by the daemon."},
    {.name = "plugins",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct daemon_options, plugins),
     .help = "The directory of plugins. Not built yet: it is read, and does nothing."},
    {.name = "workers",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct daemon_options, workers),
     .default_text = "auto",
     .help = "Worker threads; auto: one a core."},
    {.name = "log",
     .type = SPATE_OPT_GROUP,
     .offset = offsetof(struct daemon_options, log),
     .group = LOG_OPTIONS,
     .help = "What is logged, and how."},
    {.name = "http",
     .type = SPATE_OPT_ADDRESS,
     .offset = offsetof(struct daemon_options, http),
     .help = "The address of metrics and the status page. Not built yet: it is read, and does nothing."},
    {.name = "control",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct daemon_options, control),
     .help = "The control socket. Not built yet: it is read, and does nothing."},
    {.name = NULL},
};
const struct spate_option *daemon_options(void) { return OPTIONS; }

static uint32_t config_workers(const char *text, const struct conf_node *node, struct conf_errors *errors) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  char *end;
  if (text == NULL || strcmp(text, "auto") == 0) return cores > 0 ? (uint32_t)cores : 1;
  long n = strtol(text, &end, 10);
  if (end != text && *end == 0 && n >= 1 && n <= 256) return (uint32_t)n;
  conf_error(errors, node, "workers is auto or a number from 1 to 256, not '%s'", text);
  return 1;
}

static enum log_format config_format(int format) {
  if (format == 1) return LOG_TEXT;
  if (format == 2) return LOG_JSON;
  return getenv("JOURNAL_STREAM") != NULL ? LOG_JOURNAL : LOG_TEXT;
}

struct daemon_config *daemon_config_load(const char *path) {
  struct conf_errors errors;
  struct arena *arena = arena_new();
  struct daemon_config *c = MEM_NEW(struct daemon_config);
  c->arena = arena;
  conf_errors_init(&errors);
  const struct conf_node *node = conf_load(arena, path, &errors);
  if (node != NULL && node->next != NULL) conf_error(&errors, node->next, "spate.yaml is one document");
  if (node != NULL) {
    conf_fill(arena, OPTIONS, node, NULL, NULL, &c->options, &errors);
    c->workers = config_workers(c->options.workers, node->kind == CONF_MAP ? conf_get(node, "workers") : NULL, &errors);
    c->level = (enum spate_level)c->options.log.level;
    c->format = config_format(c->options.log.format);
  } else if (errors.errors == 0) { /* an empty file: all defaults */
    conf_fill(arena, OPTIONS, NULL, NULL, NULL, &c->options, &errors);
    c->workers = config_workers(NULL, NULL, &errors);
    c->level = SPATE_LOG_INFO;
    c->format = config_format(0);
  }
  conf_errors_print(&errors, stderr, cli_colour(stderr));
  bool good = errors.errors == 0;
  conf_errors_fini(&errors);
  if (!good) daemon_config_free(&c);
  return c;
}

void daemon_config_free(struct daemon_config **config) {
  struct daemon_config *c = *config;
  *config = NULL;
  if (c == NULL) return;
  arena_free(&c->arena);
  mem_free(c);
}
