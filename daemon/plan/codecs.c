/*
 * codecs: makes every decoder and encoder once, for nothing but its verdict: a path or a default that cannot be is told
 * by `spate check`, at the schema it stands in, and not at the start.
 */
#include "build.h"

static const struct conf_node *codec_node(const struct conf_node *end, const char *key) {
  const struct conf_node *node = end != NULL && end->kind == CONF_MAP ? conf_get(end, key) : NULL;
  return node != NULL ? node : end;
}

static bool codec_decodes(struct build *b, const struct conf_node *end, const struct plan_codec *codec,
                          const struct schema *schema) {
  if (codec->api == NULL || schema == NULL) return true;
  struct spate_schema all = {schema->all.fields, schema->visible};
  struct spate_error err = {0};
  void *decoder = NULL;
  int r = codec->api->decoder_new(codec->config, &all, &all, &decoder, &err);
  if (decoder != NULL) codec->api->decoder_free(decoder);
  if (r != 0) conf_error(b->errors, codec_node(end, "schema"), "%s", err.message);
  return r == 0;
}

static bool codec_encodes(struct build *b, const struct plan_sink *sink) {
  if (sink->codec.api == NULL || sink->schema == NULL) return true;
  struct spate_schema visible = {sink->schema->all.fields, sink->schema->visible};
  struct spate_error err = {0};
  void *encoder = NULL;
  int r = sink->codec.api->encoder_new(sink->codec.config, &visible, &encoder, &err);
  if (encoder != NULL) sink->codec.api->encoder_free(encoder);
  if (r != 0) conf_error(b->errors, codec_node(sink->node, "encode"), "%s", err.message);
  return r == 0;
}

bool build_codecs(struct build *b) {
  bool good = true;
  const struct plan *plan = b->plan;
  for (uint32_t i = 0; i < plan->sources; i++)
    good &= codec_decodes(b, plan->source[i].node, &plan->source[i].codec, plan->source[i].schema);
  for (uint32_t i = 0; i < plan->tables; i++)
    good &= codec_decodes(b, plan->table[i].node, &plan->table[i].codec, plan->table[i].schema);
  for (uint32_t i = 0; i < plan->sinks; i++) good &= codec_encodes(b, &plan->sink[i]);
  return good;
}
