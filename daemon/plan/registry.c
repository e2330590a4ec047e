/*
 * registry: the connectors and codecs that are linked in, by name, and those that the language knows and this build
 * does not have yet. A new one is a line here and a folder below plugins/.
 */
#include "registry.h"

#include <string.h>

#include "plan.h"

extern const struct spate_source_api spate_source_kafka, spate_source_tcp, spate_source_file, spate_source_stdin,
    spate_source_generator;
extern const struct spate_sink_api spate_sink_kafka, spate_sink_tcp, spate_sink_file, spate_sink_stdout,
    spate_sink_discard;
extern const struct spate_codec_api spate_codec_json, spate_codec_csv, spate_codec_text, spate_codec_raw;

static const struct spate_source_api *const SOURCES[] = {&spate_source_kafka, &spate_source_tcp, &spate_source_file,
                                                         &spate_source_stdin, &spate_source_generator};
static const struct spate_sink_api *const SINKS[] = {&spate_sink_kafka, &spate_sink_tcp, &spate_sink_file,
                                                     &spate_sink_stdout, &spate_sink_discard};
static const struct spate_codec_api *const CODECS[] = {&spate_codec_json, &spate_codec_csv, &spate_codec_text,
                                                       &spate_codec_raw};
#define COUNT(table) ((uint32_t)(sizeof(table) / sizeof *(table)))

static const char *const LATER[] = {"link", "zeromq", "avro", NULL};

const struct spate_source_api *const *registry_sources(uint32_t *count) {
  *count = COUNT(SOURCES);
  return SOURCES;
}
const struct spate_sink_api *const *registry_sinks(uint32_t *count) {
  *count = COUNT(SINKS);
  return SINKS;
}
const struct spate_codec_api *const *registry_codecs(uint32_t *count) {
  *count = COUNT(CODECS);
  return CODECS;
}

const struct spate_source_api *registry_source(const char *name) {
  for (uint32_t i = 0; i < COUNT(SOURCES); i++)
    if (strcmp(SOURCES[i]->name, name) == 0) return SOURCES[i];
  return NULL;
}
const struct spate_sink_api *registry_sink(const char *name) {
  for (uint32_t i = 0; i < COUNT(SINKS); i++)
    if (strcmp(SINKS[i]->name, name) == 0) return SINKS[i];
  return NULL;
}
const struct spate_codec_api *registry_codec(const char *name) {
  for (uint32_t i = 0; i < COUNT(CODECS); i++)
    if (strcmp(CODECS[i]->name, name) == 0) return CODECS[i];
  return NULL;
}

bool registry_later(const char *name) {
  for (uint32_t i = 0; LATER[i] != NULL; i++)
    if (strcmp(LATER[i], name) == 0) return true;
  return false;
}
