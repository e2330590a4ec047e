/*
 * string_case: upper, lower and initcap for the whole of Unicode, whatever the daemon's locale.
 *
 * What is covered: the one-to-one mappings of the Unicode that glibc carries (towupper and towlower in the locale
 * C.UTF-8, which is built into glibc). What is not: mappings that change the number of characters ('ß' stays as it is
 * where Java writes 'SS'), the final sigma, and the rules of single languages (the Turkish i). ASCII goes past the
 * locale.
 */
#include <locale.h>
#include <wctype.h>
#include "kernel.h"
#include "string_case.h"

/* The locale of this call in this task. Without C.UTF-8 (no glibc this is built for) the default one maps ASCII only.
 */
static locale_t case_locale(struct expr_call_frame *f) {
  locale_t *kept = f->scratch;
  if (*kept == (locale_t)0) *kept = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  if (*kept == (locale_t)0) *kept = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
  return *kept;
}

void case_scratch_free(void *scratch) {
  locale_t *kept = scratch;
  if (*kept != (locale_t)0) freelocale(*kept);
  *kept = (locale_t)0;
}

enum letter_case { CASE_UPPER, CASE_LOWER };

static size_t letter_put(char *to, uint32_t code, enum letter_case as, locale_t locale) {
  wint_t w = (wint_t)code;
  return utf8_put(to, (uint32_t)(as == CASE_UPPER ? towupper_l(w, locale) : towlower_l(w, locale)));
}

static inline char ascii_case(char c, enum letter_case as) {
  if (as == CASE_UPPER) return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void case_put(struct expr_call_frame *f, uint32_t row, enum letter_case as) {
  struct text_arg s = arg_text(f, 0, row);
  const char *at = s.at, *end = s.at + s.size;
  char *out = text_room_most(f, row, (size_t)s.size * 2); /* 'ɐ' has 2 bytes, its capital 3; no letter doubles */
  if (out == NULL) return;
  char *put = out;
  while (at < end && (unsigned char)*at < 0x80) *put++ = ascii_case(*at++, as);
  if (at < end) {
    locale_t locale = case_locale(f);
    while (at < end) {
      if ((unsigned char)*at < 0x80)
        *put++ = ascii_case(*at++, as);
      else
        put += letter_put(put, utf8_get(&at, end), as, locale);
    }
  }
  spate_column_wrote(f->out, row, (size_t)(put - out));
}

void run_upper(struct expr_call_frame *f) { EACH_ROW(f, row) case_put(f, row, CASE_UPPER); }
void run_lower(struct expr_call_frame *f) { EACH_ROW(f, row) case_put(f, row, CASE_LOWER); }

static void initcap_put(struct expr_call_frame *f, uint32_t row, locale_t locale) {
  struct text_arg s = arg_text(f, 0, row);
  const char *at = s.at, *end = s.at + s.size;
  char *out = text_room_most(f, row, (size_t)s.size * 2);
  if (out == NULL) return;
  char *put = out;
  bool inside = false;
  while (at < end) {
    uint32_t code = utf8_get(&at, end);
    put += letter_put(put, code, inside ? CASE_LOWER : CASE_UPPER, locale);
    inside = iswalnum_l((wint_t)code, locale) != 0;
  }
  spate_column_wrote(f->out, row, (size_t)(put - out));
}

void run_initcap(struct expr_call_frame *f) {
  locale_t locale = case_locale(f);
  EACH_ROW(f, row) initcap_put(f, row, locale);
}
