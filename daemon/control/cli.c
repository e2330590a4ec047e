/*
 * cli: long options as `--name value` or `--name=value`, anywhere on the line; `--` ends them. What is wrong is said
 * with the nearest right word, and the exit code is 2.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/mem.h"
#include "../config/config.h"

bool cli_colour(FILE *out) {
  const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
  return (no == NULL || no[0] == 0) && (term == NULL || strcmp(term, "dumb") != 0) && isatty(fileno(out));
}

static int cli_wrong(const char *program, const struct cli_command *command, const char *what, const char *word) {
  fprintf(stderr, "%s%s%s: %s '%s'\n", program, command->name[0] != 0 ? " " : "", command->name, what, word);
  const char *names[64];
  size_t n = 0;
  for (const struct cli_option *o = command->options; o != NULL && o->name != NULL && n < 62; o++)
    if (!o->hidden) names[n++] = o->name;
  names[n++] = "help";
  if (command->name[0] == 0) names[n++] = "version";
  const char *near = word[0] == '-' && word[1] == '-' ? conf_nearest(word + 2, names, n) : NULL;
  if (near != NULL) fprintf(stderr, "did you mean '--%s'?\n", near);
  fprintf(stderr, "'%s%s%s --help' says what it takes\n", program, command->name[0] != 0 ? " " : "", command->name);
  return EXIT_USAGE;
}

static bool cli_duration(const char *text, int64_t *us) {
  static const struct {
    const char *unit;
    double us;
  } units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}};
  char *end;
  double v = strtod(text, &end);
  if (end == text || !(v >= 0) || v > 1e9) return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcmp(end, units[i].unit) != 0) continue;
    *us = (int64_t)(v * units[i].us);
    return true;
  }
  return false;
}

/* false: the value is not one. */
static bool cli_set(const struct cli_option *option, const char *value, void *out) {
  void *at = (char *)out + option->offset;
  char *end;
  int64_t n = 0;
  switch (option->type) {
    case CLI_FLAG: *(bool *)at = true; return true;
    case CLI_TEXT: *(const char **)at = value; return value[0] != 0;
    case CLI_NUMBER:
      n = strtoll(value, &end, 10);
      if (end == value || *end != 0) return false;
      break;
    case CLI_DURATION:
      if (!cli_duration(value, &n)) return false;
      break;
  }
  if (option->max > option->min && (n < option->min || n > option->max)) return false;
  *(int64_t *)at = n;
  return true;
}

static const struct cli_option *cli_find(const struct cli_command *command, const char *name, size_t length) {
  for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++)
    if (strlen(o->name) == length && strncmp(o->name, name, length) == 0) return o;
  return NULL;
}

static const struct cli_option *cli_letter(const struct cli_command *command, const char *text) {
  for (const struct cli_option *o = command->options; o != NULL && o->name != NULL && text[0] != 0; o++)
    if (o->letter == text[0] && text[1] == 0) return o;
  return NULL;
}

static int cli_bad_value(const char *program, const struct cli_command *command, const struct cli_option *option,
                         const char *value) {
  fprintf(stderr, "%s%s%s: --%s takes ", program, command->name[0] != 0 ? " " : "", command->name, option->name);
  if (option->type == CLI_NUMBER && option->max > option->min)
    fprintf(stderr, "a number from %" PRId64 " to %" PRId64 ", not '%s'\n", option->min, option->max, value);
  else if (option->type == CLI_NUMBER)
    fprintf(stderr, "a number, not '%s'\n", value);
  else if (option->type == CLI_DURATION)
    fprintf(stderr, "a time above zero with its unit, as 500ms, 20s, 5m or 1h, not '%s'\n", value);
  else
    fprintf(stderr, "%s: it is empty\n", option->argument);
  return EXIT_USAGE;
}

/* Takes argv[*at], and its value where it has one. 0, or the exit code. */
static int cli_take(const char *program, const struct cli_command *command, int argc, char **argv, int *at, void *out) {
  const char *word = argv[*at], *value = NULL;
  const struct cli_option *option;
  if (word[1] == '-') {
    const char *equals = strchr(word, '=');
    option = cli_find(command, word + 2, equals != NULL ? (size_t)(equals - word - 2) : strlen(word + 2));
    value = equals != NULL ? equals + 1 : NULL;
  } else {
    option = cli_letter(command, word + 1);
  }
  if (option == NULL) return cli_wrong(program, command, "there is no option", word);
  if (option->type == CLI_FLAG && value != NULL)
    return cli_wrong(program, command, "this option takes no value:", word);
  if (option->type != CLI_FLAG && value == NULL) {
    if (*at + 1 >= argc) return cli_wrong(program, command, "this option takes a value:", word);
    value = argv[++*at];
  }
  if (cli_set(option, value, out)) return 0;
  return cli_bad_value(program, command, option, value);
}

static bool cli_is_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

int cli_run(const char *program, const struct cli_command *command, int argc, char **argv) {
  void *options = mem_zero(1, command->size + 1);
  char **rest = MEM_NEWS(char *, (size_t)argc + 1);
  uint32_t count = 0;
  int result = 0;
  bool over = false;
  for (int i = 1; i < argc && result == 0; i++) {
    if (over || argv[i][0] != '-' || argv[i][1] == 0) {
      rest[count++] = argv[i];
    } else if (strcmp(argv[i], "--") == 0) {
      over = true;
    } else if (cli_is_help(argv[i])) {
      cli_help(program, command, stdout);
      goto out;
    } else {
      result = cli_take(program, command, argc, argv, &i, options);
    }
  }
  if (result != 0) goto out;
  if (count < command->least || count > command->most) {
    fprintf(stderr, "%s%s%s: %s\n", program, command->name[0] != 0 ? " " : "", command->name,
            count < command->least ? "something is missing on the line" : "there is too much on the line");
    cli_help(program, command, stderr);
    result = EXIT_USAGE;
    goto out;
  }
  result = command->run(command, options, rest, count);
out:
  mem_free(rest);
  mem_free(options);
  return result;
}

static void cli_usage(const char *program, const struct cli_command *command, FILE *out) {
  fprintf(out, "%s%s%s", program, command->name[0] != 0 ? " " : "", command->name);
  for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++)
    if (!o->hidden) fprintf(out, o->argument != NULL ? " [--%s %s]" : " [--%s]", o->name, o->argument);
  if (command->takes[0] != 0) fprintf(out, " %s", command->takes);
}

void cli_help(const char *program, const struct cli_command *command, FILE *out) {
  fprintf(out, "usage: ");
  cli_usage(program, command, out);
  fprintf(out, "\n\n%s\n", command->help);
  if (command->about != NULL) fprintf(out, "%s\n", command->about);
  fprintf(out, "\n");
  for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++) {
    if (o->hidden) continue;
    char left[64], letter[8] = "    ";
    if (o->letter != 0) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->argument != NULL ? " " : "",
             o->argument != NULL ? o->argument : "");
    fprintf(out, "  %-24s %s\n", left, o->help);
  }
  fprintf(out, "  %-24s %s\n", "-h, --help", "Prints this.");
}

void cli_troff(const char *text, FILE *out) {
  bool start = true;
  for (; *text != 0; text++) {
    if (start && (*text == '.' || *text == '\'')) fputs("\\&", out);
    if (*text == '\\')
      fputs("\\e", out);
    else if (*text == '-')
      fputs("\\-", out);
    else
      fputc(*text, out);
    start = *text == '\n';
  }
}

void cli_manual(const struct cli_command *command, FILE *out) {
  fprintf(out, ".SS ");
  cli_troff(command->name, out);
  fprintf(out, " ");
  cli_troff(command->takes, out);
  fprintf(out, "\n");
  cli_troff(command->help, out);
  fprintf(out, "\n");
  if (command->about != NULL) {
    cli_troff(command->about, out);
    fprintf(out, "\n");
  }
  for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++) {
    if (o->hidden) continue;
    fprintf(out, ".TP\n.B ");
    if (o->letter != 0) fprintf(out, "\\-%c, ", o->letter);
    fprintf(out, "\\-\\-");
    cli_troff(o->name, out);
    if (o->argument != NULL) fprintf(out, " \\fI%s\\fP", o->argument);
    fprintf(out, "\n");
    cli_troff(o->help, out);
    fprintf(out, "\n");
  }
}
