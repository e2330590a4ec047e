/*
 * spate: the command line. A table of commands; those of the language that are not built yet are listed too, so that
 * they can say so.
 */
#include <event2/thread.h>
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "../config/config.h"
#include "commands.h"

static const struct {
  const char *name, *takes;
} LATER[] = {{"export", "--engine flink|spark FILE"},
             {"status", "[PIPELINE]"},
             {"top", ""},
             {"tap", "PIPELINE[.STEP]"},
             {"why", "PIPELINE[.STEP]"},
             {"reload", ""},
             {"start", "PIPELINE"},
             {"stop", "PIPELINE"},
             {"restart", "PIPELINE"},
             {"savepoint", "PIPELINE"},
             {"dead", "list|show|replay …"},
             {"state", "ls|show|verify …"},
             {"infer", "FILE|-"}};
#define LATER_COUNT (sizeof LATER / sizeof *LATER)

static void usage(FILE *out) {
  uint32_t n;
  const struct cli_command *const *all = commands_all(&n);
  fprintf(
      out,
      "usage: spate COMMAND …\n\nStream processing on one machine: pipelines in YAML over Kafka, TCP and files.\n\n");
  for (uint32_t i = 0; i < n; i++) {
    char left[64];
    if (all[i]->hidden) continue;
    snprintf(left, sizeof left, "%s %s", all[i]->name, all[i]->takes);
    fprintf(out, "  %-20s %s\n", left, all[i]->help);
  }
  fprintf(out, "\nnot built yet:");
  for (size_t i = 0; i < LATER_COUNT; i++) fprintf(out, " %s", LATER[i].name);
  fprintf(out, "\n\n'spate COMMAND --help' says more; so do spate(1) and spate.yaml(5).\n");
}

static const struct cli_command *find(const char *name) {
  uint32_t n;
  const struct cli_command *const *all = commands_all(&n);
  for (uint32_t i = 0; i < n; i++)
    if (strcmp(all[i]->name, name) == 0) return all[i];
  return NULL;
}

static int later(const char *name, int argc, char **argv) {
  for (size_t i = 0; i < LATER_COUNT; i++) {
    if (strcmp(LATER[i].name, name) != 0) continue;
    if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
      printf("usage: spate %s %s\n\nNot built yet.\n", name, LATER[i].takes);
      return EXIT_FINE;
    }
    fprintf(stderr, "spate: '%s' is not built yet\n", name);
    return EXIT_USAGE;
  }
  return -1;
}

static int unknown_option(const char *name) {
  static const char *const WORDS[] = {"help", "version"};
  const char *near = conf_nearest(name + strspn(name, "-"), WORDS, 2);
  fprintf(stderr, "spate: there is no option '%s' before a command\n", name);
  if (near != NULL) fprintf(stderr, "did you mean '--%s'?\n", near);
  fprintf(stderr, "'spate help' lists the commands, 'spate COMMAND --help' its options\n");
  return EXIT_USAGE;
}

static int unknown(const char *name) {
  if (name[0] == '-') return unknown_option(name);
  const char *names[64];
  uint32_t n, count = 0;
  const struct cli_command *const *all = commands_all(&n);
  for (uint32_t i = 0; i < n; i++)
    if (!all[i]->hidden) names[count++] = all[i]->name;
  for (size_t i = 0; i < LATER_COUNT; i++) names[count++] = LATER[i].name;
  names[count++] = "help";
  names[count++] = "version";
  const char *near = conf_nearest(name, names, count);
  fprintf(stderr, "spate: there is no command '%s'\n", name);
  if (near != NULL) fprintf(stderr, "did you mean '%s'?\n", near);
  fprintf(stderr, "'spate help' lists them\n");
  return EXIT_USAGE;
}

static int help(int argc, char **argv) {
  if (argc < 3 || argv[2][0] == '-') {
    usage(stdout);
    return EXIT_FINE;
  }
  const struct cli_command *command = find(argv[2]);
  if (command == NULL) return unknown(argv[2]);
  cli_help("spate", command, stdout);
  return EXIT_FINE;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  setlocale(LC_CTYPE, "C.UTF-8");
  evthread_use_pthreads();
  if (argc < 2) {
    usage(stderr);
    return EXIT_USAGE;
  }
  const char *name = argv[1];
  if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) return command_version("spate");
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) return help(argc, argv);
  const struct cli_command *command = find(name);
  if (command != NULL) return cli_run("spate", command, argc - 1, argv + 1);
  int result = later(name, argc, argv);
  return result >= 0 ? result : unknown(name);
}
