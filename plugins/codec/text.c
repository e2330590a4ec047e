/*
 * text: the two codecs without structure. `text` is one column `value` of type string, a record each; `raw` the same
 * with bytes. A null payload is a null value, both ways. Written is the column `value`, or the only column there is:
 * text writes any type as text, raw only strings and bytes.
 */
#include <stdlib.h>

#include "codec.h"

static const struct spate_field TEXT_FIELDS[] = {{.name = "value", .type = {.kind = SPATE_STRING}}};
static const struct spate_schema TEXT_SCHEMA = {TEXT_FIELDS, 1};
static const struct spate_field RAW_FIELDS[] = {{.name = "value", .type = {.kind = SPATE_BYTES}}};
static const struct spate_schema RAW_SCHEMA = {RAW_FIELDS, 1};

static const struct spate_option NO_OPTIONS[] = {{.name = NULL}};

struct text_decoder {
  uint32_t columns;
  struct spate_type type;
};

static int text_decoder_new(const void *config, const struct spate_schema *wanted, const struct spate_schema *known,
                            void **out, struct spate_error *err) {
  (void)config, (void)known;
  for (uint32_t i = 0; i < wanted->count; i++)
    if (strcmp(wanted->fields[i].name, "value") != 0 ||
        (wanted->fields[i].type.kind != SPATE_STRING && wanted->fields[i].type.kind != SPATE_BYTES))
      return spate_fail(err, "this codec has one column, `value`; there is no `%s`", wanted->fields[i].name);
  struct text_decoder *d = malloc(sizeof *d);
  if (d == NULL) return spate_fail(err, "out of memory");
  d->columns = wanted->count;
  d->type = wanted->count > 0 ? wanted->fields[0].type : (struct spate_type){0};
  *out = d;
  return 0;
}

static int text_decode(void *decoder, const struct spate_payloads *in, struct spate_column **column,
                       struct spate_rejects *rejects, struct spate_error *err) {
  const struct text_decoder *d = decoder;
  for (uint32_t k = 0; k < d->columns; k++) {
    size_t room = 0;
    for (uint32_t r = 0; r < in->count; r++) room += in->length[r] != UINT32_MAX ? in->length[r] : 0;
    if (room > INT32_MAX) return spate_fail(err, "a batch of text over 2 GiB");
    struct spate_column *c = column[k] = spate_column_new(d->type, in->count, (uint32_t)room);
    if (c == NULL) return spate_fail(err, "out of memory");
    for (uint32_t r = 0; r < in->count; r++) {
      if (in->length[r] == UINT32_MAX)
        spate_column_set_null(c, r);
      else if (spate_parse_value(c, r, in->buffer->data + in->start[r], in->length[r]) != 0)
        spate_reject(rejects, r, "not valid UTF-8");
    }
    spate_column_finish(c);
  }
  return 0;
}

static void text_decoder_free(void *decoder) { free(decoder); }

struct text_encoder {
  uint32_t column;
};

static int text_encoder_make(const struct spate_schema *schema, bool bytes_only, void **out, struct spate_error *err) {
  uint32_t found = schema->count == 1 ? 0 : UINT32_MAX;
  for (uint32_t i = 0; i < schema->count && schema->count > 1; i++)
    if (strcmp(schema->fields[i].name, "value") == 0) found = i;
  if (found == UINT32_MAX)
    return spate_fail(err, "%s writes one column: there are %u, and none is called `value`",
                      bytes_only ? "raw" : "text", schema->count);
  uint8_t kind = schema->fields[found].type.kind;
  if (bytes_only && kind != SPATE_STRING && kind != SPATE_BYTES)
    return spate_fail(err, "raw writes a string or bytes, and `%s` is neither: cast it, or use text",
                      schema->fields[found].name);
  struct text_encoder *e = malloc(sizeof *e);
  if (e == NULL) return spate_fail(err, "out of memory");
  e->column = found;
  *out = e;
  return 0;
}

static int text_encoder_new(const void *config, const struct spate_schema *schema, void **out,
                            struct spate_error *err) {
  (void)config;
  return text_encoder_make(schema, false, out, err);
}

static int raw_encoder_new(const void *config, const struct spate_schema *schema, void **out, struct spate_error *err) {
  (void)config;
  return text_encoder_make(schema, true, out, err);
}

static int text_encode(void *encoder, const struct spate_batch *batch, struct spate_payloads *out,
                       struct spate_rejects *rejects, struct spate_error *err) {
  const struct text_encoder *e = encoder;
  (void)rejects;
  if (out->buffer == NULL && (out->buffer = spate_buffer_new(4096)) == NULL) return spate_fail(err, "out of memory");
  if (batch->count > SPATE_BATCH_ROWS - out->count) return spate_fail(err, "more payloads than a block holds");
  const struct spate_column *c = batch->column[e->column];
  for (uint32_t k = 0; k < batch->count; k++) {
    uint32_t row = spate_batch_row(batch, k);
    size_t start = out->buffer->size;
    if (spate_column_text(c, row, out->buffer) != 0) return spate_fail(err, "out of memory");
    size_t length = out->buffer->size - start;
    if (out->buffer->size >= UINT32_MAX - 2) return spate_fail(err, "a block of payloads over 4 GiB");
    if (spate_buffer_append(out->buffer, "\n", 1) != 0) return spate_fail(err, "out of memory");
    out->start[out->count] = (uint32_t)start;
    out->length[out->count++] = spate_column_null(c, row) ? UINT32_MAX : (uint32_t)length;
  }
  return 0;
}

static void text_encoder_free(void *encoder) { free(encoder); }

const struct spate_codec_api spate_codec_text = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_codec_api),
    .name = "text",
    .help = "Records are text: one column, `value`.",
    .options = NO_OPTIONS,
    .fixed = &TEXT_SCHEMA,
    .decoder_new = text_decoder_new,
    .decode = text_decode,
    .decoder_free = text_decoder_free,
    .encoder_new = text_encoder_new,
    .encode = text_encode,
    .encoder_free = text_encoder_free,
};

const struct spate_codec_api spate_codec_raw = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_codec_api),
    .name = "raw",
    .help = "Records are bytes: one column, `value`.",
    .options = NO_OPTIONS,
    .fixed = &RAW_SCHEMA,
    .decoder_new = text_decoder_new,
    .decode = text_decode,
    .decoder_free = text_decoder_free,
    .encoder_new = raw_encoder_new,
    .encode = text_encode,
    .encoder_free = text_encoder_free,
};
