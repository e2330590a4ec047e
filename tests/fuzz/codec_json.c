/*
 * Fuzzing of json decoding, for libFuzzer: the input's lines go through blocks and line by line, and must give the same
 * rows and reasons. The first byte chooses the schema, the second how payloads lie.
 *
 *   clang -fsanitize=fuzzer,address,undefined … tests/fuzz/codec_json.c libspate.a, as the other tests are linked.
 */
#include <stdlib.h>

#include "../../plugins/codec/codec.h"
#include "data/batch.h"
#include "data/rejects.h"

#define FIELD(n, k, p) \
  { .name = n, .type = {.kind = k}, .path = p }
static const struct spate_field FIELDS[] = {
    FIELD("a", SPATE_INT, NULL),          FIELD("b", SPATE_STRING, NULL),
    FIELD("c", SPATE_DOUBLE, "n.m[0]"),   FIELD("d", SPATE_BOOL, "n.d"),
    FIELD("e", SPATE_BYTES, NULL),        FIELD("f", SPATE_TIMESTAMP, "a"),
    FIELD("g", SPATE_STRING, "n.m[1].k"), {.name = "h", .type = {.kind = SPATE_DECIMAL, .precision = 12, .scale = 3}},
};

static bool same(const struct spate_rejects *a, const struct spate_rejects *b, uint32_t row) {
  if (a->bad[row] != b->bad[row]) return false;
  if (!a->bad[row]) return true;
  const char *why[2] = {"", ""};
  for (uint32_t i = 0; i < a->count; i++)
    if (a->item[i].row == row) why[0] = rejects_reason(a, i);
  for (uint32_t i = 0; i < b->count; i++)
    if (b->item[i].row == row) why[1] = rejects_reason(b, i);
  return strcmp(why[0], why[1]) == 0;
}

static void cut(struct spate_payloads *p, const uint8_t *data, size_t size, bool lines) {
  p->buffer = spate_buffer_new(size);
  if (spate_buffer_append(p->buffer, data, size) != 0) abort();
  p->lines = lines;
  for (size_t at = 0; at < size && p->count < SPATE_BATCH_ROWS;) {
    const uint8_t *end = memchr(data + at, '\n', size - at);
    size_t n = end != NULL ? (size_t)(end - data) - at : size - at;
    p->start[p->count] = (uint32_t)at;
    p->length[p->count++] = (uint32_t)n;
    at += n + 1;
  }
  if (lines && (size == 0 || data[size - 1] != '\n') && spate_buffer_append(p->buffer, "\n", 1) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  struct spate_schema schema = {FIELDS + data[0] % 4, 1u + (data[0] / 4) % 4};
  struct spate_payloads *p = calloc(1, sizeof *p);
  cut(p, data + 2, size - 2, data[1] % 2);
  struct spate_column *column[2][8];
  struct spate_rejects *rejects[2];
  for (int way = 0; way < 2; way++) {
    struct json_config config = {.by_line = way};
    struct spate_error err;
    void *decoder;
    rejects[way] = calloc(1, sizeof **rejects);
    if (spate_codec_json.decoder_new(&config, &schema, &schema, &decoder, &err) != 0 ||
        spate_codec_json.decode(decoder, p, column[way], rejects[way], &err) != 0)
      abort();
    spate_codec_json.decoder_free(decoder);
  }
  for (uint32_t row = 0; row < p->count; row++) {
    if (!same(rejects[0], rejects[1], row)) abort();
    for (uint32_t c = 0; c < schema.count && !rejects[0]->bad[row]; c++)
      if (!column_equal(column[0][c], row, column[1][c], row)) abort();
  }
  for (int way = 0; way < 2; way++) {
    for (uint32_t c = 0; c < schema.count; c++) spate_column_unref(column[way][c]);
    rejects_fini(rejects[way]);
    free(rejects[way]);
  }
  spate_buffer_unref(p->buffer);
  free(p);
  return 0;
}
