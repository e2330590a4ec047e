/* table: see table.h. A batch is laid out in two passes: the text of all cells, then their widths and the lines. */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2u
#define NARROWEST 6u /* no column is cut below this */
#define WIDEST 200u

struct cell {
  uint32_t start, size, width;
  bool null;
};
struct table {
  struct spate_schema schema;
  bool terminal, colour, begun;
  uint32_t *seen;          /* widest cell of each column so far, its name included */
  uint32_t *width, *shown; /* as laid out now, and as the last header showed it */
  uint32_t lines;          /* since the last header */
  uint32_t screen_columns, screen_lines;
  int32_t window, time; /* columns: the window's end, the first timestamp; -1: none */
  int64_t window_value, day;
  uint32_t window_rows;
  struct spate_buffer *text; /* of the cells of a batch */
  struct cell *cell;
};

/* ---- text ---- */

/* The length of the UTF-8 character at p, 0: none is there. */
static size_t utf8_length(const unsigned char *p, size_t left) {
  size_t n = p[0] < 0x80                   ? 1
             : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
             : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
             : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                           : 0;
  if (n > left) return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  return n;
}

static uint32_t utf8_point(const unsigned char *p, size_t n) {
  if (n == 1) return p[0];
  uint32_t c = p[0] & (0xffu >> (n + 1));
  for (size_t i = 1; i < n; i++) c = c << 6 | (p[i] & 0x3f);
  return c;
}

/* Columns that a character takes: marks none, East Asian and pictures two. Near enough for a table. */
static uint32_t point_width(uint32_t c) {
  if ((c >= 0x300 && c < 0x370) || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f)) return 0;
  bool wide = (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7a4) ||
              (c >= 0xf900 && c < 0xfb00) || (c >= 0xfe30 && c < 0xfe70) || (c >= 0xff00 && c < 0xff61) ||
              (c >= 0x1f300 && c < 0x1f650) || (c >= 0x1f900 && c < 0x1fa00) || (c >= 0x20000 && c < 0x40000);
  return wide ? 2 : 1;
}

/* Whether a terminal would act on it: C0, DEL, C1, and the marks that turn the direction of text. */
static bool point_acts(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

int table_clean(struct spate_buffer *out, const char *text, size_t size) {
  const unsigned char *p = (const unsigned char *)text;
  for (size_t i = 0; i < size;) {
    size_t n = utf8_length(p + i, size - i);
    bool bad = n == 0 || (point_acts(utf8_point(p + i, n)) && p[i] != '\t');
    if (spate_buffer_append(out, bad ? "?" : text + i, bad ? 1 : n) != 0) return -1;
    i += n > 0 ? n : 1;
  }
  return 0;
}

static uint32_t text_width(const char *text, size_t size) {
  const unsigned char *p = (const unsigned char *)text;
  uint32_t width = 0;
  for (size_t i = 0; i < size;) {
    size_t n = utf8_length(p + i, size - i);
    width += n > 0 ? point_width(utf8_point(p + i, n)) : 1;
    i += n > 0 ? n : 1;
  }
  return width;
}

/* Bytes of text that fit into `width` columns. */
static size_t text_fit(const char *text, size_t size, uint32_t width) {
  const unsigned char *p = (const unsigned char *)text;
  uint32_t used = 0;
  for (size_t i = 0; i < size;) {
    size_t n = utf8_length(p + i, size - i);
    used += n > 0 ? point_width(utf8_point(p + i, n)) : 1;
    if (used > width) return i;
    i += n > 0 ? n : 1;
  }
  return size;
}

static int put(struct spate_buffer *out, const char *text) { return spate_buffer_append(out, text, strlen(text)); }

static int put_times(struct spate_buffer *out, const char *text, uint32_t times) {
  int bad = 0;
  while (times-- > 0) bad |= put(out, text);
  return bad;
}

/* ---- cells ---- */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int put_short_time(struct spate_buffer *out, int64_t us) {
  int64_t day = floor_div(us, 86400000000), rest = us - day * 86400000000;
  unsigned s = (unsigned)(rest / 1000000), fraction = (unsigned)(rest % 1000000);
  char text[32];
  int n = snprintf(text, sizeof text, "%02u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
  if (fraction % 1000 != 0)
    n += snprintf(text + n, sizeof text - (size_t)n, ".%06u", fraction);
  else if (fraction != 0)
    n += snprintf(text + n, sizeof text - (size_t)n, ".%03u", fraction / 1000);
  return spate_buffer_append(out, text, (size_t)n);
}

static int cell_text(struct table *t, const struct spate_column *column, uint32_t row, struct cell *cell) {
  struct spate_buffer *raw = t->text;
  cell->start = (uint32_t)raw->size;
  cell->null = column == NULL || spate_column_null(column, row);
  int bad;
  if (cell->null) {
    bad = put(raw, "null");
  } else if (column->type.kind == SPATE_TIMESTAMP && t->terminal) {
    bad = put_short_time(raw, column->i64[row]);
  } else if (column->type.kind == SPATE_STRING || column->type.kind == SPATE_BYTES) {
    uint32_t size;
    const char *text = spate_column_bytes(column, row, &size);
    bad = table_clean(raw, text, size);
  } else {
    bad = spate_column_text(column, row, raw);
  }
  cell->size = (uint32_t)raw->size - cell->start;
  cell->width = text_width(raw->data + cell->start, cell->size);
  return bad;
}

static int table_cells(struct table *t, const struct spate_batch *batch) {
  int bad = 0;
  t->text->size = 0;
  for (uint32_t k = 0; k < batch->count; k++)
    for (uint32_t c = 0; c < t->schema.count; c++) {
      struct cell *cell = &t->cell[k * t->schema.count + c];
      bad |= cell_text(t, c < batch->columns ? batch->column[c] : NULL, spate_batch_row(batch, k), cell);
      uint32_t width = cell->width < WIDEST ? cell->width : WIDEST;
      if (t->terminal && t->seen[c] < width) t->seen[c] = width;
    }
  return bad;
}

/* ---- layout ---- */

static void table_measure(struct table *t) {
  struct winsize size;
  bool known = t->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  t->screen_columns = known ? size.ws_col : 100;
  t->screen_lines = known && size.ws_row > 12 ? size.ws_row : 24;
}

static bool right_aligned(uint8_t kind) { return kind == SPATE_INT || kind == SPATE_DOUBLE || kind == SPATE_DECIMAL; }

/* Whether the header has to be shown again: best where a window begins (`fresh`). */
static bool table_layout(struct table *t, bool fresh) {
  uint32_t n = t->schema.count, total = n > 0 ? (n - 1) * GAP : 0;
  for (uint32_t c = 0; c < n; c++) total += t->width[c] = t->seen[c];
  while (t->terminal && total > t->screen_columns) {
    uint32_t widest = 0;
    for (uint32_t c = 1; c < n; c++)
      if (t->width[c] > t->width[widest]) widest = c;
    if (t->width[widest] <= NARROWEST) break;
    t->width[widest]--;
    total--;
  }
  if (!t->terminal || !t->begun) return !t->begun;
  /* the width of a last column that is not padded is not to be seen */
  uint32_t seen = n > 0 && !right_aligned(t->schema.fields[n - 1].type.kind) ? n - 1 : n;
  if (memcmp(t->width, t->shown, seen * sizeof *t->width) != 0) return true;
  return t->lines + 3 >= (fresh || t->window < 0 ? 1 : 2) * t->screen_lines;
}

static int put_cell(struct table *t, struct spate_buffer *out, uint32_t c, const char *text, size_t size,
                    uint32_t width, const char *colour) {
  bool last = c + 1 == t->schema.count, right = right_aligned(t->schema.fields[c].type.kind);
  uint32_t room = t->width[c], cut = t->terminal && width > room;
  int bad = 0;
  if (cut) {
    size = text_fit(text, size, room - 1);
    width = text_width(text, size) + 1;
  }
  uint32_t pad = width < room ? room - width : 0;
  if (right) bad |= put_times(out, " ", pad);
  if (t->colour && colour != NULL) bad |= put(out, colour);
  bad |= spate_buffer_append(out, text, size);
  if (cut) bad |= put(out, "…");
  if (t->colour && colour != NULL) bad |= put(out, "\033[0m");
  if (!right && !last) bad |= put_times(out, " ", pad);
  if (!last) bad |= put_times(out, " ", GAP);
  return bad;
}

static uint32_t table_width(const struct table *t) {
  uint32_t total = t->schema.count > 0 ? (t->schema.count - 1) * GAP : 0;
  for (uint32_t c = 0; c < t->schema.count; c++) total += t->width[c];
  return t->terminal && total > t->screen_columns ? t->screen_columns : total;
}

static int put_rule(struct table *t, struct spate_buffer *out, const char *label) {
  uint32_t width = table_width(t), used = (uint32_t)strlen(label);
  int bad = t->colour ? put(out, "\033[2m") : 0;
  bad |= put(out, label);
  if (width > used) bad |= put_times(out, t->terminal ? "─" : "-", width - used);
  if (t->colour) bad |= put(out, "\033[0m");
  t->lines++;
  return bad | put(out, "\n");
}

static int put_header(struct table *t, struct spate_buffer *out) {
  int bad = t->begun ? put(out, "\n") : 0;
  for (uint32_t c = 0; c < t->schema.count; c++) {
    const char *name = t->schema.fields[c].name;
    bad |= put_cell(t, out, c, name, strlen(name), text_width(name, strlen(name)), "\033[1m");
  }
  bad |= put(out, "\n");
  memcpy(t->shown, t->width, t->schema.count * sizeof *t->width);
  t->begun = true;
  t->lines = 1;
  t->window_rows = 0;
  return bad | put_rule(t, out, "");
}

static bool window_begins(const struct table *t, const struct spate_batch *batch, uint32_t row) {
  const struct spate_column *window = t->window >= 0 ? batch->column[t->window] : NULL;
  return window != NULL && !spate_column_null(window, row) && window->i64[row] != t->window_value;
}

/* A line where the day changes, and where a window of several rows ends. */
static int put_breaks(struct table *t, struct spate_buffer *out, const struct spate_batch *batch, uint32_t row) {
  int bad = 0;
  const struct spate_column *time = t->time >= 0 ? batch->column[t->time] : NULL;
  const struct spate_column *window = t->window >= 0 ? batch->column[t->window] : NULL;
  if (window != NULL && !spate_column_null(window, row)) {
    if (window->i64[row] != t->window_value && t->window_rows > 1) bad |= put_rule(t, out, "");
    t->window_rows = window->i64[row] != t->window_value ? 1 : t->window_rows + 1;
    t->window_value = window->i64[row];
  }
  if (time == NULL || spate_column_null(time, row) || floor_div(time->i64[row], 86400000000) == t->day) return bad;
  struct spate_buffer *label = spate_buffer_new(64);
  t->day = floor_div(time->i64[row], 86400000000);
  bad |= spate_column_text(time, row, label);
  if (label->size > 10) label->size = 10; /* the date */
  bad |= spate_buffer_append(label, " ", 2);
  bad |= put_rule(t, out, label->data);
  spate_buffer_unref(label);
  return bad;
}

static const char *cell_colour(const struct table *t, uint32_t c, const struct cell *cell) {
  if (cell->null) return "\033[2m";
  return t->schema.fields[c].type.kind == SPATE_TIMESTAMP ? "\033[36m" : NULL;
}

int table_rows(struct table *t, const struct spate_batch *batch, struct spate_buffer *out) {
  if (batch->count == 0) return 0;
  table_measure(t);
  int bad = table_cells(t, batch);
  for (uint32_t k = 0; k < batch->count && bad == 0; k++) {
    uint32_t row = spate_batch_row(batch, k);
    if (table_layout(t, window_begins(t, batch, row))) bad |= put_header(t, out);
    if (t->terminal) bad |= put_breaks(t, out, batch, row);
    for (uint32_t c = 0; c < t->schema.count; c++) {
      const struct cell *cell = &t->cell[k * t->schema.count + c];
      bad |= put_cell(t, out, c, t->text->data + cell->start, cell->size, cell->width, cell_colour(t, c, cell));
    }
    bad |= put(out, "\n");
    t->lines++;
  }
  return bad;
}

/* ---- life ---- */

/* In a pipe widths do not follow the values, so that the same rows give the same text however they came in batches. */
static uint32_t plain_width(uint8_t kind) {
  switch (kind) {
    case SPATE_BOOL: return 5;
    case SPATE_INT: return 10;
    case SPATE_TIMESTAMP: return 24;
    case SPATE_STRING: return 16;
    default: return 12;
  }
}

static bool colour_wanted(void) {
  const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
  return (no == NULL || no[0] == 0) && (term == NULL || strcmp(term, "dumb") != 0);
}

struct table *table_new(const struct spate_schema *schema, bool terminal) {
  struct table *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  t->schema = *schema;
  t->terminal = terminal;
  t->colour = terminal && colour_wanted();
  t->window = t->time = -1;
  t->day = INT64_MIN;
  size_t n = schema->count > 0 ? schema->count : 1;
  t->seen = calloc(n * 3, sizeof *t->seen);
  t->cell = calloc(n * SPATE_BATCH_ROWS, sizeof *t->cell);
  t->text = spate_buffer_new(4096);
  if (t->seen == NULL || t->cell == NULL) {
    table_free(t);
    return NULL;
  }
  t->width = t->seen + n;
  t->shown = t->width + n;
  for (uint32_t c = 0; c < schema->count; c++) {
    const struct spate_field *f = &schema->fields[c];
    uint32_t name = text_width(f->name, strlen(f->name)), plain = plain_width(f->type.kind);
    t->seen[c] = terminal || name > plain ? name : plain;
    if (f->type.kind != SPATE_TIMESTAMP) continue;
    if (t->time < 0) t->time = (int32_t)c;
    if (strcmp(f->name, "window_end") == 0) t->window = (int32_t)c;
  }
  return t;
}

void table_free(struct table *t) {
  if (t == NULL) return;
  free(t->seen);
  free(t->cell);
  spate_buffer_unref(t->text);
  free(t);
}
