/* csv: reading and writing, in a file each; csv.c holds the descriptor. */
#ifndef CODEC_CSV_H
#define CODEC_CSV_H
#include "codec.h"

int csv_decoder_new(const void *config, const struct spate_schema *wanted, const struct spate_schema *known, void **out,
                    struct spate_error *err);
int csv_decode(void *decoder, const struct spate_payloads *in, struct spate_column **column,
               struct spate_rejects *rejects, struct spate_error *err);
void csv_decoder_free(void *decoder);

int csv_encoder_new(const void *config, const struct spate_schema *schema, void **out, struct spate_error *err);
int csv_encode(void *encoder, const struct spate_batch *batch, struct spate_payloads *out,
               struct spate_rejects *rejects, struct spate_error *err);
const char *csv_head(void *encoder, uint32_t *length);
void csv_encoder_free(void *encoder);
#endif
