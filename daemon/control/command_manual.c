/*
 * manual: the parts of the manual pages that are tables: options of commands, keys of pipelines, connectors, codecs,
 * steps, functions. Written as troff, so that the pages in man/ are this and prose, and cannot say what is not there.
 * A hidden command: `make` of the pages calls it.
 */
#include <string.h>

#include "../ops/op.h"
#include "../plan/components.h"
#include "commands.h"
#include "daemon_options.h"

static void manual_heading(const char *level, const char *text) {
  printf("%s ", level);
  cli_troff(text, stdout);
  printf("\n");
}

static void manual_options(const char *level, const char *heading, const char *help, const struct spate_option *table) {
  manual_heading(level, heading);
  if (help != NULL) {
    cli_troff(help, stdout);
    printf("\n");
  }
  if (table != NULL && table->name != NULL) conf_manual(stdout, table, true);
}

static void manual_commands(void) {
  uint32_t n;
  const struct cli_command *const *all = commands_all(&n);
  for (uint32_t i = 0; i < n; i++)
    if (!all[i]->hidden) cli_manual(all[i], stdout);
}

static void manual_pipeline(void) {
  manual_options(".SS", "Keys of a pipeline", NULL, plan_pipeline_options());
  manual_options(".SS", "Keys of trigger", NULL, plan_trigger_options());
  manual_options(".SS", "Keys of watermark, beside a source", NULL, plan_watermark_options());
  manual_options(".SS", "Keys of a column of a schema", "In place of a type alone.", plan_field_options());
}

static void manual_connectors(void) {
  uint32_t n;
  char text[64];
  const struct spate_source_api *const *sources = registry_sources(&n);
  for (uint32_t i = 0; i < n; i++) {
    snprintf(text, sizeof text, "Source %s", sources[i]->name);
    manual_options(".SS", text, sources[i]->help, sources[i]->options);
  }
  const struct spate_sink_api *const *sinks = registry_sinks(&n);
  for (uint32_t i = 0; i < n; i++) {
    snprintf(text, sizeof text, "Sink %s", sinks[i]->name);
    manual_options(".SS", text, sinks[i]->help, sinks[i]->options);
  }
  const struct spate_codec_api *const *codecs = registry_codecs(&n);
  for (uint32_t i = 0; i < n; i++) {
    snprintf(text, sizeof text, "Codec %s", codecs[i]->name);
    manual_options(".SS", text, codecs[i]->help, codecs[i]->options);
  }
}

static void manual_steps(void) {
  uint32_t n;
  const struct op_verb *const *verbs = op_verbs(&n);
  for (uint32_t i = 0; i < n; i++) {
    printf(".TP\n.B ");
    cli_troff(verbs[i]->name, stdout);
    printf("\\fR: \\fI");
    cli_troff(verbs[i]->form, stdout);
    printf("\\fR\n");
    cli_troff(verbs[i]->help, stdout);
    printf("\n");
    if (verbs[i]->options == NULL) continue;
    printf(".RS\n");
    conf_manual(stdout, verbs[i]->options, true);
    printf(".RE\n");
  }
  const char *const *later = op_verbs_later(&n);
  printf(".PP\nNot built yet:");
  for (uint32_t i = 0; i < n; i++) printf("%s %s", i > 0 ? "," : "", later[i]);
  printf(".\n");
}

static void manual_function(const struct expr_function_info *f) {
  printf(".TP\n.B ");
  cli_troff(f->signature != NULL ? f->signature : f->name, stdout);
  printf("\n");
  cli_troff(f->help != NULL ? f->help : "", stdout);
  printf("\n");
}

static void manual_functions(void) {
  uint32_t n;
  const struct expr_function_info *all = expr_functions(&n);
  for (uint32_t i = 0; i < n; i++) {
    bool first = true;
    for (uint32_t k = 0; k < i; k++) first &= strcmp(all[k].group, all[i].group) != 0;
    if (!first) continue;
    manual_heading(".SS", all[i].group);
    for (uint32_t k = i; k < n; k++)
      if (strcmp(all[k].group, all[i].group) == 0) manual_function(&all[k]);
  }
}

static void manual_daemon(void) { manual_options(".SS", "Keys of spate.yaml", NULL, daemon_options()); }

static const struct {
  const char *name;
  void (*write)(void);
} PARTS[] = {{"commands", manual_commands}, {"pipeline", manual_pipeline},   {"connectors", manual_connectors},
             {"steps", manual_steps},       {"functions", manual_functions}, {"daemon", manual_daemon}};

static int manual_run(const struct cli_command *command, const void *options, char **argument, uint32_t count) {
  (void)options, (void)count;
  for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
    if (strcmp(PARTS[i].name, argument[0]) != 0) continue;
    PARTS[i].write();
    return EXIT_FINE;
  }
  fprintf(stderr, "spate %s: there is no part '%s'\n", command->name, argument[0]);
  return EXIT_USAGE;
}

const struct cli_command COMMAND_MANUAL = {
    .name = "manual",
    .takes = "commands|pipeline|connectors|steps|functions|daemon",
    .help = "Prints a part of the manual pages as troff.",
    .least = 1,
    .most = 1,
    .hidden = true,
    .run = manual_run,
};
