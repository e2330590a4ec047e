/*
 * conf_show: a line of a user's file under an error, with a caret below it.
 *
 * The line is cut into cells, one a character, each with its text for the terminal and its width there; everything
 * else (tabs, characters two columns wide, control characters, broken UTF-8, lines of a mebibyte, values that look
 * like passwords) is a matter of how a cell is made. Caret and window are then sums of widths.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "conf_parts.h"
#include "../base/buf.h"
#include "../base/mem.h"

#define WINDOW 140u /* columns of a line that are shown */
#define NEAR 4096u  /* bytes of a line, before and behind the caret, that are looked at */

struct cell {
  const char *text;
  uint8_t size, width;
};

/* ---- characters ---- */
/* Length of the character at text, 1 and *code = -1 for a byte that begins none. */
static size_t character_read(const char *text, size_t size, int32_t *code) {
  const unsigned char *t = (const unsigned char *)text;
  size_t n = t[0] < 0x80 ? 1 : t[0] >= 0xf0 ? 4 : t[0] >= 0xe0 ? 3 : 2;
  *code = -1;
  if ((t[0] >= 0x80 && t[0] < 0xc2) || t[0] > 0xf4 || n > size) return 1;
  int32_t c = n == 1 ? t[0] : t[0] & (0x7f >> n);
  for (size_t i = 1; i < n; i++) {
    if ((t[i] & 0xc0) != 0x80) return 1;
    c = c << 6 | (t[i] & 0x3f);
  }
  *code = c;
  return n;
}

static uint8_t character_width(int32_t c) {
  static const struct {
    int32_t first, last;
    uint8_t width;
  } odd[] = {{0x300, 0x36f, 0},   {0x483, 0x489, 0},     {0x591, 0x5bd, 0},     {0x64b, 0x65f, 0},
             {0x1100, 0x115f, 2}, {0x200b, 0x200f, 0},   {0x20d0, 0x20ff, 0},   {0x2e80, 0xa4cf, 2},
             {0xac00, 0xd7a3, 2}, {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},
             {0xff00, 0xff60, 2}, {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    if (c >= odd[i].first && c <= odd[i].last) return odd[i].width;
  return 1;
}

static bool character_plain(int32_t c) { return c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && c != 0xfeff; }

static struct cell cell_make(const char *text, size_t *used, size_t size) {
  int32_t code;
  *used = character_read(text, size, &code);
  if (code == '\t') return (struct cell){"    ", 4, 4};
  if (code < 0 || !character_plain(code) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
    return (struct cell){"?", 1, 1};
  return (struct cell){text, (uint8_t)*used, character_width(code)};
}

char *conf_clean(struct arena *arena, const char *text, size_t size, size_t most) {
  struct buf out = {0};
  size_t i = 0;
  for (size_t used; i < size && out.size < most; i += used) {
    int32_t code;
    used = character_read(text + i, size - i, &code);
    if (text[i] == '\n') {
      buf_text(&out, "\\n");
    } else if (text[i] == '\t') {
      buf_text(&out, "\\t");
    } else if (code >= 0 && character_plain(code)) {
      buf_put(&out, text + i, used);
    } else {
      for (size_t k = 0; k < used; k++) buf_format(&out, "\\x%02x", (unsigned char)text[i + k]);
    }
  }
  if (i < size) buf_text(&out, "…");
  char *clean = arena_copy(arena, out.data == NULL ? "" : out.data, out.size);
  buf_free(&out);
  return clean;
}

/* ---- what looks like a password ---- */
static bool key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool key_secret(const char *key, size_t size) {
  static const char *const words[] = {"passw", "pasw", "passphrase", "secret"};
  for (size_t w = 0; w < sizeof words / sizeof *words; w++)
    for (size_t i = 0; i + strlen(words[w]) <= size; i++)
      if (strncasecmp(key + i, words[w], strlen(words[w])) == 0) return true;
  return false;
}

/* The bytes of a value that begins at `at`: to its closing quote, else to a comma, a bracket or the end. */
static size_t value_end(const char *line, size_t at, size_t size) {
  if (at < size && (line[at] == '\'' || line[at] == '"')) {
    const char *close = memchr(line + at + 1, line[at], size - at - 1);
    return close == NULL ? size : (size_t)(close + 1 - line);
  }
  while (at < size && line[at] != ',' && line[at] != '}') at++;
  return at;
}

/* Marks the bytes that are not to be shown. ${…} is no secret: it only says where one is. */
static void mask_fill(const char *line, size_t size, bool *mask) {
  for (size_t i = 0; i < size; i++) {
    size_t key = i;
    while (i < size && key_byte(line[i])) i++;
    if (i == key || !key_secret(line + key, i - key)) continue;
    size_t at = i;
    if (at < size && (line[at] == '\'' || line[at] == '"')) at++;
    while (at < size && line[at] == ' ') at++;
    if (at >= size || line[at] != ':') continue;
    do at++;
    while (at < size && (line[at] == ' ' || line[at] == '\t'));
    size_t end = value_end(line, at, size);
    if (at + 1 < size && line[at] == '$' && line[at + 1] == '{') continue;
    if (at + 2 < size && line[at + 1] == '$' && line[at + 2] == '{') continue;
    for (size_t k = at; k < end; k++) mask[k] = true;
    i = end;
  }
}

/* ---- the line ---- */
static const char *line_find(const struct conf_file *file, uint32_t number, size_t *size) {
  const char *line = file->text, *end = file->text + file->size;
  for (uint32_t n = 1; n < number; n++) {
    const char *next = memchr(line, '\n', (size_t)(end - line));
    if (next == NULL) return NULL;
    line = next + 1;
  }
  const char *stop = memchr(line, '\n', (size_t)(end - line));
  *size = (size_t)((stop == NULL ? end : stop) - line);
  if (*size > 0 && line[*size - 1] == '\r') --*size;
  return line;
}

/* Of a line of many thousand bytes the part around the caret is enough; *column counts from its beginning. */
static const char *line_cut(const char *line, size_t *size, uint32_t *column) {
  if (*size <= 2 * NEAR) return line;
  size_t caret = 0;
  for (uint32_t left = *column; caret < *size; caret++)
    if (((unsigned char)line[caret] & 0xc0) != 0x80 && --left == 0) break;
  size_t from = caret > NEAR ? caret - NEAR : 0, to = *size - caret > NEAR ? caret + NEAR : *size;
  while (from > 0 && ((unsigned char)line[from] & 0xc0) == 0x80) from--;
  for (size_t i = 0; i < from; i++) *column -= ((unsigned char)line[i] & 0xc0) != 0x80;
  *size = to - from;
  return line + from;
}

/* Cells of a line; what is masked becomes one "***", and its other characters nothing. */
static uint32_t cells_fill(struct cell *cells, const char *line, size_t size, const struct conf_problem *problem,
                           uint32_t column) {
  bool *mask = mem_zero(size + 1, sizeof *mask);
  mask_fill(line, size, mask);
  uint32_t count = 0, first = column - 1, beyond = first + problem->length;
  bool hidden = false;
  for (size_t i = 0, used; i < size; i += used) {
    cells[count] = cell_make(line + i, &used, size - i);
    bool underlined = count >= first && count < beyond;
    bool hide = (underlined && problem->secret) || (mask[i] && !underlined);
    if (hide) cells[count] = hidden ? (struct cell){"", 0, 0} : (struct cell){"***", 3, 3};
    hidden = hide;
    count++;
  }
  mem_free(mask);
  return count;
}

static uint32_t width_of(const struct cell *cells, uint32_t from, uint32_t to) {
  uint32_t width = 0;
  for (uint32_t i = from; i < to; i++) width += cells[i].width;
  return width;
}

/* The part of a long line to show: the caret at about a third of it. */
static void window_find(const struct cell *cells, uint32_t count, uint32_t caret, uint32_t *from, uint32_t *to) {
  *from = 0;
  *to = count;
  if (width_of(cells, 0, count) <= WINDOW) return;
  *from = caret < count ? caret : count;
  for (uint32_t room = WINDOW / 3; *from > 0 && cells[*from - 1].width <= room; --*from) room -= cells[*from - 1].width;
  *to = *from;
  for (uint32_t room = WINDOW; *to < count && cells[*to].width <= room; ++*to) room -= cells[*to].width;
}

void conf_show_line(FILE *out, const struct conf_problem *problem, bool colour) {
  size_t size = 0;
  const char *line = line_find(problem->file, problem->line, &size);
  if (line == NULL) return;
  uint32_t column = problem->column;
  line = line_cut(line, &size, &column);
  struct cell *cells = mem_zero(size + 1, sizeof *cells);
  uint32_t count = cells_fill(cells, line, size, problem, column), from, to;
  uint32_t first = column - 1 < count ? column - 1 : count;
  uint32_t beyond = problem->length < count - first ? first + problem->length : count;
  window_find(cells, count, first, &from, &to);
  if (beyond > to) beyond = to;
  fprintf(out, "%5u | %s", problem->line, from > 0 ? "…" : "");
  for (uint32_t i = from; i < to; i++) fwrite(cells[i].text, 1, cells[i].size, out);
  fprintf(out, "%s\n      | %*s%s^", to < count ? "…" : "", (int)((from > 0) + width_of(cells, from, first)), "",
          colour ? "\033[1;32m" : "");
  for (uint32_t w = width_of(cells, first, beyond); w > 1; w--) fputc('~', out);
  fprintf(out, "%s\n", colour ? "\033[0m" : "");
  mem_free(cells);
}
