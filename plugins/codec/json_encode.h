/* json_encode: rows as JSON objects; see json_encode.c. */
#ifndef CODEC_JSON_ENCODE_H
#define CODEC_JSON_ENCODE_H
#include "spate.h"

int json_encoder_new(const void *config, const struct spate_schema *schema, void **out, struct spate_error *err);
int json_encode(void *encoder, const struct spate_batch *batch, struct spate_payloads *out,
                struct spate_rejects *rejects, struct spate_error *err);
void json_encoder_free(void *encoder);
#endif
