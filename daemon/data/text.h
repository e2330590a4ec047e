/* text: values from and to text, one place for all codecs, casts and templates.
 * ISO 8601: 'T' or blank, 'Z', an offset or none (UTC), up to 9 digits cut to microseconds; output 0, 3 or 6 digits. */
#ifndef DATA_TEXT_H
#define DATA_TEXT_H
#include "../api/spate.h"

/* 0, or -1 when the whole text is not one value of that type (no blanks are skipped, except by text_trim). */
int text_int(const char *text, size_t size, int64_t *out);   /* optional '-'/'+', digits; overflow is -1 */
int text_double(const char *text, size_t size, double *out); /* also 1e3, NaN, Infinity, -Infinity */
int text_bool(const char *text, size_t size, bool *out);     /* true, false (any case), t, f, 1, 0, yes, no */
int text_decimal(const char *text, size_t size, int precision, int scale,
                 spate_i128 *out);                               /* rounds half up; too big: -1 */
int text_timestamp(const char *text, size_t size, int64_t *out); /* ISO; a date alone is midnight; years 0001 to 9999 */
/* By a timestamp's encoding: ISO, or a number of s, ms, us. */
int text_timestamp_encoded(const char *text, size_t size, uint8_t encoding, int64_t *out);

#define TEXT_ROOM 64 /* enough for each of these; they return the length, not terminated */
size_t text_put_int(char *out, int64_t v);
size_t text_put_double(char *out, double v); /* shortest that reads back the same; integers as 1.0; NaN, Infinity */
size_t text_put_decimal(char *out, spate_i128 v, int scale);
size_t text_put_timestamp(char *out, int64_t v); /* 2026-01-02T03:04:05.678Z */
bool text_utf8(const char *text, size_t size);   /* strict */

/* Days since 1970-01-01 and back, proleptic Gregorian (Howard Hinnant's algorithms). */
int64_t text_days(int64_t year, unsigned month, unsigned day);
void text_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day);
#endif
