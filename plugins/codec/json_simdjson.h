/* json_simdjson: the C side of the one C++ file: records of JSON into columns. */
#ifndef CODEC_JSON_SIMDJSON_H
#define CODEC_JSON_SIMDJSON_H
#include "json_plan.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_reader;
/* Takes the plan over, also when it fails. by_line: never by blocks. */
struct json_reader *json_reader_new(struct json_plan *plan, bool by_line, struct spate_error *err);
void json_reader_free(struct json_reader *reader);
int json_reader_decode(struct json_reader *reader, const struct spate_payloads *in, struct spate_column **column,
                       struct spate_rejects *rejects, struct spate_error *err);

#ifdef __cplusplus
}
#endif
#endif
