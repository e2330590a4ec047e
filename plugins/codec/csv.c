/*
 * csv: the codec's descriptor. One record a line, fields quoted as in RFC 4180: a field in double quotes may hold
 * delimiters, line ends and, doubled, quotes. An empty field without quotes is null; "" is the empty string.
 */
#include "csv.h"

static const struct spate_option CSV_OPTIONS[] = {
    {.name = "header",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct csv_config, header),
     .default_text = "false",
     .help = "The first line names the columns, in any order; without it they come as the schema has them."},
    {.name = "delimiter",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct csv_config, delimiter),
     .default_text = ",",
     .help = "The one character between fields."},
    {.name = NULL},
};

static int csv_check(const void *config, struct spate_error *err) {
  const struct csv_config *c = config;
  const char *d = c->delimiter;
  if (d == NULL || strlen(d) != 1 || (unsigned char)*d >= 128)
    return spate_fail_option(err, "delimiter", "the delimiter is one ASCII character");
  if (strchr("\"\r\n", *d) != NULL)
    return spate_fail_option(err, "delimiter", "a quote or a line's end cannot be the delimiter");
  return 0;
}

static enum spate_framing csv_framing(const void *config) {
  (void)config;
  return SPATE_FRAME_QUOTED_LINES;
}

static bool csv_want_header(const void *config) { return ((const struct csv_config *)config)->header; }

const struct spate_codec_api spate_codec_csv = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_codec_api),
    .name = "csv",
    .help = "Records are lines of fields, quoted as in RFC 4180.",
    .options = CSV_OPTIONS,
    .config_size = sizeof(struct csv_config),
    .check = csv_check,
    .framing = csv_framing,
    .want_header = csv_want_header,
    .decoder_new = csv_decoder_new,
    .decode = csv_decode,
    .decoder_free = csv_decoder_free,
    .encoder_new = csv_encoder_new,
    .encode = csv_encode,
    .head = csv_head,
    .encoder_free = csv_encoder_free,
};
