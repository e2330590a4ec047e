/*
 * json: the codec's descriptor: one object a record. Reading is json_plan, json_value and json_simdjson; writing is
 * json_encode.
 */
#include "codec.h"
#include "json_encode.h"
#include "json_plan.h"
#include "json_simdjson.h"

static const char *const TIMES[] = {"iso", "s", "ms", "us", NULL};

static const struct spate_option JSON_OPTIONS[] = {
    {.name = "timestamps",
     .type = SPATE_OPT_ENUM,
     .offset = offsetof(struct json_config, timestamps),
     .default_text = "iso",
     .choices = TIMES,
     .help = "How timestamps are written: ISO 8601 in UTC, or a number of seconds, milliseconds or microseconds."},
    {.name = NULL},
};

static int json_decoder_new(const void *config, const struct spate_schema *wanted, const struct spate_schema *known,
                            void **decoder, struct spate_error *err) {
  (void)known;
  const struct json_config *c = config;
  struct json_plan *plan;
  if (json_plan_new(wanted, &plan, err) != 0) return -1;
  *decoder = json_reader_new(plan, c != NULL && c->by_line, err);
  return *decoder != NULL ? 0 : -1;
}

static int json_decode(void *decoder, const struct spate_payloads *in, struct spate_column **column,
                       struct spate_rejects *rejects, struct spate_error *err) {
  return json_reader_decode(decoder, in, column, rejects, err);
}

static void json_decoder_free(void *decoder) { json_reader_free(decoder); }

const struct spate_codec_api spate_codec_json = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_codec_api),
    .name = "json",
    .help = "Records are JSON, one object each.",
    .options = JSON_OPTIONS,
    .config_size = sizeof(struct json_config),
    .decoder_new = json_decoder_new,
    .decode = json_decode,
    .decoder_free = json_decoder_free,
    .encoder_new = json_encoder_new,
    .encode = json_encode,
    .encoder_free = json_encoder_free,
};
