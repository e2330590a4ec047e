/*
 * conf_nearest: 'did you mean'.
 *
 * The distance is Damerau's and Levenshtein's in the form that never edits a piece twice (optimal string alignment),
 * counted in halves: another case, or '-' for '_', is half an error. What is further away than a third of the word is
 * no suggestion: a wrong one is worse than none.
 */
#include <ctype.h>
#include <string.h>
#include "conf_parts.h"
#include "../base/buf.h"

#define MOST_WORD 64u /* longer words are not compared */

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

static uint32_t swap_cost(char a, char b) {
  if (a == b) return 0;
  if (tolower((unsigned char)a) == tolower((unsigned char)b)) return 1;
  return (a == '-' && b == '_') || (a == '_' && b == '-') ? 1 : 2;
}

/* In halves of an error. */
static uint32_t distance(const char *a, size_t n, const char *b, size_t m) {
  uint32_t rows[3][MOST_WORD + 1];
  uint32_t *before = rows[0], *last = rows[1], *row = rows[2];
  for (uint32_t j = 0; j <= m; j++) last[j] = 2 * j;
  for (uint32_t i = 1; i <= n; i++) {
    row[0] = 2 * i;
    for (uint32_t j = 1; j <= m; j++) {
      row[j] = least(last[j - 1] + swap_cost(a[i - 1], b[j - 1]), 2 + least(last[j], row[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = least(row[j], before[j - 2] + 2);
    }
    uint32_t *spare = before;
    before = last;
    last = row;
    row = spare;
  }
  return last[m];
}

const char *conf_nearest(const char *word, const char *const *candidates, size_t count) {
  const char *best = NULL;
  size_t n = strlen(word);
  if (n == 0 || n > MOST_WORD) return NULL;
  uint32_t best_distance = UINT32_MAX;
  for (size_t i = 0; i < count; i++) {
    size_t m = candidates[i] == NULL ? 0 : strlen(candidates[i]);
    if (m == 0 || m > MOST_WORD) continue;
    uint32_t d = distance(word, n, candidates[i], m);
    bool case_only = n == m && d <= n && strcasecmp(word, candidates[i]) == 0;
    if ((d * 3 <= 2 * n || case_only) && d < best_distance) {
      best_distance = d;
      best = candidates[i];
    }
  }
  return best;
}

void conf_hint_nearest(struct conf_errors *errors, const char *word, const char *const *candidates, size_t count) {
  const char *near = conf_nearest(word, candidates, count);
  if (near != NULL) {
    conf_hint(errors, "did you mean '%s'?", near);
    return;
  }
  if (count == 0 || count > 24) return;
  struct buf list = {0};
  for (size_t i = 0; i < count; i++) buf_format(&list, "%s%s", i == 0 ? "" : ", ", candidates[i]);
  conf_hint(errors, "known are: %s", buf_string(&list));
  buf_free(&list);
}
