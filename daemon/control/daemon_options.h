/*
 * daemon_options: spate.yaml, read into one struct at the start and again at each reload. Its table of keys makes the
 * manual page too.
 */
#ifndef CONTROL_DAEMON_OPTIONS_H
#define CONTROL_DAEMON_OPTIONS_H
#include "../base/log.h"
#include "../config/config.h"

struct daemon_log_options {
  int level, format;
};
struct daemon_options {
  const char *pipelines, *state_dir, *plugins, *workers, *http, *control;
  struct daemon_log_options log;
};
struct daemon_config { /* a spate.yaml that was read */
  struct arena *arena;
  struct daemon_options options;
  uint32_t workers;
  enum log_format format;
  enum spate_level level;
};
const struct spate_option *daemon_options(void);
/* Prints errors to stderr; NULL: there were some. */
struct daemon_config *daemon_config_load(const char *path);
void daemon_config_free(struct daemon_config **config);

#endif
