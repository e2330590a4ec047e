/*
 * cli: command lines as tables. A command is its name, what it takes, its options and a function; --help and the
 * manual page are made from the same rows that parse.
 */
#ifndef CONTROL_CLI_H
#define CONTROL_CLI_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cli_exit { EXIT_FINE = 0, EXIT_INPUT = 1, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };
enum cli_type {
  CLI_FLAG /* bool */,
  CLI_TEXT /* const char * */,
  CLI_NUMBER /* int64_t */,
  CLI_DURATION /* int64_t us */
};
struct cli_option {
  const char *name; /* without the dashes */
  char letter;      /* 0: none */
  enum cli_type type;
  size_t offset;
  const char *argument; /* "DIR"; NULL: a flag */
  int64_t min, max;     /* numbers and durations */
  bool hidden;
  const char *help;
};
struct cli_command {
  const char *name;
  const char *takes;                /* "FILE..." */
  const char *help;                 /* one sentence */
  const char *about;                /* a paragraph for the manual and --help; NULL: the sentence is all */
  const struct cli_option *options; /* ends with a row without a name; NULL: none */
  size_t size;                      /* of the struct that the options fill */
  uint32_t least, most;             /* arguments besides options */
  bool hidden;
  int (*run)(const struct cli_command *command, const void *options, char **argument, uint32_t count);
};

/* Parses argv[1..] by the table and runs the command, or prints its help, or what is wrong with the line (exit 2). */
int cli_run(const char *program, const struct cli_command *command, int argc, char **argv);
void cli_help(const char *program, const struct cli_command *command, FILE *out);
void cli_manual(const struct cli_command *command, FILE *out); /* troff */
bool cli_colour(FILE *out);                                    /* a terminal, and NO_COLOR is not set */
void cli_troff(const char *text, FILE *out);                   /* text with what troff would take as its own escaped */

#endif
