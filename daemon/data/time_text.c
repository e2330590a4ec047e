/* time_text: ISO 8601 and the civil calendar. Days to dates and back by Howard Hinnant's algorithms
 * (chrono-compatible low-level date algorithms). */
#include "text.h"

int64_t text_days(int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  unsigned yoe = (unsigned)(y - era * 400), doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + (int64_t)doe - 719468;
}

void text_civil(int64_t z, int64_t *year, unsigned *month, unsigned *day) {
  z += 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  unsigned doe = (unsigned)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  *day = doy - (153 * mp + 2) / 5 + 1;
  *month = mp < 10 ? mp + 3 : mp - 9;
  *year = (int64_t)yoe + era * 400 + (*month <= 2);
}

static int two(const char *p, unsigned *out) {
  unsigned a = (unsigned)(p[0] - '0'), b = (unsigned)(p[1] - '0');
  if (a > 9 || b > 9) return -1;
  *out = a * 10 + b;
  return 0;
}

static unsigned month_days(unsigned year, unsigned month) {
  static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return DAYS[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* "+hh:mm", "+hhmm", "+hh" or "Z"; at the end of the text. */
static int zone_read(const char *p, const char *end, int64_t *us) {
  *us = 0;
  if (p == end || (end - p == 1 && (*p == 'Z' || *p == 'z'))) return 0;
  unsigned h, m = 0;
  int sign = *p == '-' ? -1 : 1;
  if ((*p != '+' && *p != '-') || end - p < 3 || two(p + 1, &h) != 0) return -1;
  p += 3;
  if (p < end && *p == ':') p++;
  if (p < end && (end - p != 2 || two(p, &m) != 0)) return -1;
  if (h > 18 || m > 59) return -1;
  *us = sign * (int64_t)(h * 60 + m) * 60000000;
  return 0;
}

int text_timestamp(const char *text, size_t size, int64_t *out) {
  const char *p = text, *end = text + size;
  unsigned c, y, mo, d, h = 0, mi = 0, s = 0;
  if (size < 10 || two(p, &c) != 0 || two(p + 2, &y) != 0 || p[4] != '-' || two(p + 5, &mo) != 0 || p[7] != '-' ||
      two(p + 8, &d) != 0)
    return -1;
  y += c * 100;
  if (y < 1 || mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo)) return -1;
  int64_t us = text_days(y, mo, d) * 86400000000, zone, fraction = 0;
  p += 10;
  if (p < end && (*p == 'T' || *p == 't' || *p == ' ')) {
    p++;
    if (end - p < 5 || two(p, &h) != 0 || p[2] != ':' || two(p + 3, &mi) != 0) return -1;
    p += 5;
    if (p < end && *p == ':') {
      if (end - p < 3 || two(p + 1, &s) != 0) return -1;
      p += 3;
      if (p < end && (*p == '.' || *p == ',')) {
        int digits = 0;
        for (p++; p < end && *p >= '0' && *p <= '9'; p++, digits++)
          if (digits < 6) fraction = fraction * 10 + (*p - '0');
        if (digits < 1 || digits > 9) return -1;
        for (; digits < 6; digits++) fraction *= 10;
      }
    }
    if (h > 23 || mi > 59 || s > 59) return -1;
  } else if (p < end && *p != 'Z' && *p != 'z') {
    return -1;
  }
  if (zone_read(p, end, &zone) != 0) return -1;
  *out = us + ((int64_t)h * 3600 + mi * 60 + s) * 1000000 + fraction - zone;
  return 0;
}

int text_timestamp_encoded(const char *text, size_t size, uint8_t encoding, int64_t *out) {
  static const int64_t UNIT[] = {0, 1000000, 1000, 1};
  if (encoding == SPATE_TIME_ISO) return text_timestamp(text, size, out);
  int64_t v;
  if (text_int(text, size, &v) != 0) return -1;
  return __builtin_mul_overflow(v, UNIT[encoding & 3], out) ? -1 : 0;
}

static char *put_two(char *p, unsigned v) {
  *p++ = (char)('0' + v / 10);
  *p++ = (char)('0' + v % 10);
  return p;
}

size_t text_put_timestamp(char *out, int64_t v) {
  int64_t days = v / 86400000000, us = v % 86400000000, year;
  if (us < 0) us += 86400000000, days--;
  unsigned month, day, s = (unsigned)(us / 1000000), fraction = (unsigned)(us % 1000000);
  text_civil(days, &year, &month, &day);
  char *p = out;
  if (year < 0 || year > 9999) { /* beyond ISO's four digits: with a sign, as ISO 8601 extends it */
    *p++ = year < 0 ? '-' : '+';
    if (year < 0) year = -year;
    p += text_put_int(p, year);
  } else {
    p = put_two(p, (unsigned)year / 100);
    p = put_two(p, (unsigned)year % 100);
  }
  *p++ = '-';
  p = put_two(p, month);
  *p++ = '-';
  p = put_two(p, day);
  *p++ = 'T';
  p = put_two(p, s / 3600);
  *p++ = ':';
  p = put_two(p, s / 60 % 60);
  *p++ = ':';
  p = put_two(p, s % 60);
  if (fraction > 0) {
    unsigned digits = fraction % 1000 == 0 ? 3 : 6, f = digits == 3 ? fraction / 1000 : fraction;
    *p++ = '.';
    for (unsigned i = digits; i-- > 0; f /= 10) p[i] = (char)('0' + f % 10);
    p += digits;
  }
  *p++ = 'Z';
  return (size_t)(p - out);
}
