/* codec: what the codecs of this folder show each other and the tests: their filled options. */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H
#include "spate.h"

extern const struct spate_codec_api spate_codec_json, spate_codec_csv, spate_codec_text, spate_codec_raw;

enum json_times { JSON_TIMES_ISO, JSON_TIMES_S, JSON_TIMES_MS, JSON_TIMES_US };
struct json_config {
  int timestamps; /* enum json_times: how they are written */
  bool by_line;   /* no option: decode every record on its own, the reference that tests compare with */
};
struct csv_config {
  bool header;
  const char *delimiter;
};
#endif
