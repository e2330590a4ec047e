/*
 * Fuzzing of csv, for libFuzzer: any line decodes or is rejected, and what decodes is written and reads back as the
 * same row. The first byte chooses whether a header (the first line) names the columns.
 */
#include <stdlib.h>

#include "../../plugins/codec/codec.h"
#include "data/batch.h"
#include "data/rejects.h"

static const struct spate_field FIELDS[] = {{.name = "a", .type = {.kind = SPATE_STRING}},
                                            {.name = "b", .type = {.kind = SPATE_INT}},
                                            {.name = "c", .type = {.kind = SPATE_BYTES}}};
static const struct spate_schema SCHEMA = {FIELDS, 3};

static int decode(const struct csv_config *config, const struct spate_payloads *p, struct spate_column **column,
                  struct spate_rejects *rejects) {
  struct spate_error err;
  void *decoder;
  if (spate_codec_csv.decoder_new(config, &SCHEMA, &SCHEMA, &decoder, &err) != 0) abort();
  int rc = spate_codec_csv.decode(decoder, p, column, rejects, &err);
  spate_codec_csv.decoder_free(decoder);
  return rc;
}

/* The good row of a one-row batch, there and back. */
static void round_trip(struct spate_batch *batch) {
  struct csv_config config = {false, ","};
  struct spate_error err;
  void *encoder;
  struct spate_payloads *out = calloc(1, sizeof *out);
  struct spate_rejects *rejects = calloc(1, sizeof *rejects);
  struct spate_column *column[3];
  if (spate_codec_csv.encoder_new(&config, &SCHEMA, &encoder, &err) != 0 ||
      spate_codec_csv.encode(encoder, batch, out, rejects, &err) != 0)
    abort();
  if (decode(&config, out, column, rejects) != 0 || rejects->count > 0) abort();
  for (int i = 0; i < 3; i++) {
    if (!column_equal(batch->column[i], 0, column[i], 0)) abort();
    spate_column_unref(column[i]);
  }
  spate_codec_csv.encoder_free(encoder);
  spate_buffer_unref(out->buffer);
  rejects_fini(rejects);
  free(rejects);
  free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  struct csv_config config = {data[0] % 2, data[0] % 3 == 0 ? ";" : ","};
  data++, size--;
  struct spate_payloads *p = calloc(1, sizeof *p);
  struct spate_rejects *rejects = calloc(1, sizeof *rejects);
  struct spate_column *column[3];
  const uint8_t *end = config.header ? memchr(data, '\n', size) : NULL;
  if (end != NULL) {
    p->header = (const char *)data;
    p->header_length = (uint32_t)(end - data);
    size -= p->header_length + 1;
    data = end + 1;
  }
  p->buffer = spate_buffer_new(size);
  if (spate_buffer_append(p->buffer, data, size) != 0) abort();
  p->count = 1;
  p->length[0] = (uint32_t)size;
  if (decode(&config, p, column, rejects) == 0) {
    struct spate_batch *batch = spate_batch_new(1, 3, column, NULL);
    if (rejects->count == 0) round_trip(batch);
    spate_batch_unref(batch);
  }
  spate_buffer_unref(p->buffer);
  rejects_fini(rejects);
  free(rejects);
  free(p);
  return 0;
}
