/*
 * ads: what the preset `ads` generates. Every value is a hash of the row's number, so that a row is the same whenever
 * and wherever it is made: a restart in the middle goes on with the very rows that would have come.
 *
 * There are 1,000 ads, ad-0001 to ad-1000, ten to each of 100 campaigns with names that a person can read; the preset
 * `ads_table` gives that table.
 */
#include "ads.h"

#include <stdio.h>

static const struct spate_type STRING = {.kind = SPATE_STRING};

const struct spate_field ADS_EVENT_FIELDS[ADS_EVENT_COLUMNS] = {
    {.name = "user_id", .type = {.kind = SPATE_STRING}},
    {.name = "page_id", .type = {.kind = SPATE_STRING}},
    {.name = "ad_id", .type = {.kind = SPATE_STRING}},
    {.name = "ad_type", .type = {.kind = SPATE_STRING}},
    {.name = "event_type", .type = {.kind = SPATE_STRING}},
    {.name = "event_time", .type = {.kind = SPATE_TIMESTAMP, .encoding = SPATE_TIME_MS}},
    {.name = "ip_address", .type = {.kind = SPATE_STRING}},
};
const struct spate_field ADS_TABLE_FIELDS[ADS_TABLE_COLUMNS] = {
    {.name = "ad_id", .type = {.kind = SPATE_STRING}},
    {.name = "campaign_id", .type = {.kind = SPATE_STRING}},
};

static const char *const AD_TYPES[] = {"banner", "modal", "sponsored-search", "mail", "mobile"};
static const char *const EVENT_TYPES[] = {"view", "click", "purchase"};
static const char *const FIRST_WORDS[] = {"spring", "summer", "autumn", "winter",   "coastal",
                                          "nordic", "urban",  "golden", "midnight", "sunrise"};
static const char *const SECOND_WORDS[] = {"shoes", "bikes", "coffee",  "travel", "garden",
                                           "books", "music", "kitchen", "tents",  "lamps"};

/* splitmix64's finish: a good hash of a counter. */
static uint64_t mix(uint64_t z) {
  z += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static char *put_uuid(char *p, uint64_t seed) {
  static const char HEX[] = "0123456789abcdef";
  uint64_t half[2] = {mix(seed), mix(seed + 1)};
  half[0] = (half[0] & ~(uint64_t)0xF000) | 0x4000;
  half[1] = (half[1] & 0x3FFFFFFFFFFFFFFFu) | 0x8000000000000000u;
  for (int i = 0; i < 32; i++) {
    if (i == 8 || i == 12 || i == 16 || i == 20) *p++ = '-';
    *p++ = HEX[(half[i / 16] >> (60 - 4 * (i % 16))) & 15];
  }
  return p;
}

static char *put_number(char *p, unsigned v, int width) {
  char digits[10];
  int n = 0;
  do digits[n++] = (char)('0' + v % 10);
  while ((v /= 10) > 0 || n < width);
  while (n > 0) *p++ = digits[--n];
  return p;
}

static size_t ad_name(char *out, unsigned ad) {
  memcpy(out, "ad-", 3);
  return (size_t)(put_number(out + 3, ad + 1, 4) - out);
}

static size_t ip_address(char *out, uint64_t r) {
  char *p = out;
  for (int i = 0; i < 4; i++) {
    if (i > 0) *p++ = '.';
    p = put_number(p, (unsigned)(r >> (8 * i)) & 255, 1);
  }
  return (size_t)(p - out);
}

/* One row in ten is up to disorder_us older than its place says. */
static int64_t event_time(const struct ads_clock *clock, int64_t i, uint64_t r) {
  int64_t t = clock->start_us + (int64_t)((double)i * clock->step_us);
  if (clock->disorder_us > 0 && r % 10 == 0) t -= (int64_t)((r >> 8) % (uint64_t)clock->disorder_us);
  return t / 1000 * 1000; /* whole milliseconds: what the payloads of that benchmark hold */
}

static int put_word(struct spate_column *c, uint32_t row, const char *word) {
  return spate_column_put(c, row, word, strlen(word));
}

static int put_event(const struct ads_clock *clock, int64_t i, uint32_t row, struct spate_column **column) {
  char text[40];
  uint64_t seed = (uint64_t)i * 8, r = mix(seed);
  int bad = spate_column_put(column[0], row, text, (size_t)(put_uuid(text, seed + 1) - text));
  bad |= spate_column_put(column[1], row, text, (size_t)(put_uuid(text, seed + 3) - text));
  bad |= spate_column_put(column[2], row, text, ad_name(text, (unsigned)((r >> 20) % ADS_COUNT)));
  bad |= put_word(column[3], row, AD_TYPES[(r >> 32) % 5]);
  bad |= put_word(column[4], row, EVENT_TYPES[(r >> 40) % 3]);
  column[5]->i64[row] = event_time(clock, i, r);
  bad |= spate_column_put(column[6], row, text, ip_address(text, mix(seed + 5)));
  return bad;
}

int ads_events(const struct ads_clock *clock, int64_t first, uint32_t rows, struct spate_column **column) {
  static const uint8_t ROOM[ADS_EVENT_COLUMNS] = {36, 36, 7, 16, 8, 0, 15};
  for (int c = 0; c < ADS_EVENT_COLUMNS; c++)
    column[c] = spate_column_new(ADS_EVENT_FIELDS[c].type, rows, rows * ROOM[c]);
  int bad = 0;
  for (uint32_t row = 0; row < rows; row++) bad |= put_event(clock, first + row, row, column);
  for (int c = 0; c < ADS_EVENT_COLUMNS; c++) spate_column_finish(column[c]);
  return bad;
}

int ads_table(int64_t first, uint32_t rows, struct spate_column **column) {
  char text[40];
  int bad = 0;
  for (int c = 0; c < ADS_TABLE_COLUMNS; c++) column[c] = spate_column_new(STRING, rows, rows * 16);
  for (uint32_t row = 0; row < rows; row++) {
    unsigned ad = (unsigned)(first + row) % ADS_COUNT, campaign = ad / (ADS_COUNT / ADS_CAMPAIGNS);
    bad |= spate_column_put(column[0], row, text, ad_name(text, ad));
    int n = snprintf(text, sizeof text, "%s-%s", FIRST_WORDS[campaign / 10], SECOND_WORDS[campaign % 10]);
    bad |= spate_column_put(column[1], row, text, (size_t)n);
  }
  for (int c = 0; c < ADS_TABLE_COLUMNS; c++) spate_column_finish(column[c]);
  return bad;
}
