/*
 * csv_decode: lines of fields into columns. Which field fills which column is settled once a header (or once, by the
 * order of the schema), as a map from a field's place to a column; a line is then one pass over its fields.
 *
 * Strict where leniency would hide a shift of columns: too many or too few fields, a quote inside a field that does not
 * begin with one, and text behind a closing quote make a bad record. Blanks around a value that is no string do not
 * count. With a header, columns that it does not name are null, and those that nobody asked for are skipped.
 */
#include <stdlib.h>

#include "csv.h"

#define CSV_NO UINT32_MAX

struct csv_column {
  struct spate_field field;
  uint32_t same;                 /* the next column filled from the same field, CSV_NO: none */
  struct spate_column *fallback; /* the default as a value, NULL: none */
};
struct csv_decoder {
  char delimiter;
  bool header;
  struct csv_column *column;
  uint32_t columns;
  uint32_t *map; /* by field: the first column, CSV_NO: skipped */
  uint32_t fields;
  char *header_text; /* the line that map was made from */
  uint32_t header_size;
  char *scratch; /* a quoted field without its quotes */
  size_t scratch_room;
};

/* One field of a line. */
struct csv_field {
  const char *text;
  size_t size;
  bool quoted;
};

/* ---- fields ---- */

static int scratch_reserve(struct csv_decoder *d, size_t size) {
  if (size <= d->scratch_room) return 0;
  char *more = realloc(d->scratch, size * 2);
  if (more == NULL) return -1;
  d->scratch = more;
  d->scratch_room = size * 2;
  return 0;
}

/* p is behind the opening quote. Returns what is behind the closing one, NULL: why says. */
static const char *field_quoted(struct csv_decoder *d, const char *p, const char *end, struct csv_field *f,
                                const char **why) {
  const char *quote = memchr(p, '"', (size_t)(end - p));
  if (quote != NULL && (quote + 1 == end || quote[1] != '"')) { /* the common case: as it stands */
    *f = (struct csv_field){p, (size_t)(quote - p), true};
    return quote + 1;
  }
  if (scratch_reserve(d, (size_t)(end - p) + 1) != 0) return *why = "too big for memory", NULL;
  char *o = d->scratch;
  while (quote != NULL && quote + 1 < end && quote[1] == '"') {
    memcpy(o, p, (size_t)(quote + 1 - p));
    o += quote + 1 - p;
    p = quote + 2;
    quote = memchr(p, '"', (size_t)(end - p));
  }
  if (quote == NULL) return *why = "a quote is not closed", NULL;
  memcpy(o, p, (size_t)(quote - p));
  o += quote - p;
  *f = (struct csv_field){d->scratch, (size_t)(o - d->scratch), true};
  return quote + 1;
}

/* The field at p; returns its end (the delimiter or `end`), NULL: why says. */
static const char *field_read(struct csv_decoder *d, const char *p, const char *end, struct csv_field *f,
                              const char **why) {
  if (p < end && *p == '"') {
    p = field_quoted(d, p + 1, end, f, why);
    if (p != NULL && p < end && *p != d->delimiter) return *why = "text behind a closing quote", NULL;
    return p;
  }
  const char *next = p < end ? memchr(p, d->delimiter, (size_t)(end - p)) : NULL;
  if (next == NULL) next = end;
  *f = (struct csv_field){p, (size_t)(next - p), false};
  if (f->size > 0 && memchr(p, '"', f->size) != NULL) return *why = "a quote inside a field without quotes", NULL;
  return next;
}

/* ---- columns ---- */

static int column_absent(const struct csv_column *k, struct spate_column *c, uint32_t row) {
  const struct spate_column *f = k->fallback;
  if (f == NULL) {
    if (k->field.required) return -1;
    spate_column_set_null(c, row);
    return 0;
  }
  switch (c->type.kind) {
    case SPATE_STRING:
    case SPATE_BYTES: return spate_column_put(c, row, f->data, f->offsets[1]);
    case SPATE_BOOL: c->b8[row] = f->b8[0]; return 0;
    case SPATE_DECIMAL: c->dec[row] = f->dec[0]; return 0;
    default: c->i64[row] = f->i64[0]; return 0;
  }
}

static bool ascii(const char *p, size_t size) {
  uint64_t seen = 0, v;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    memcpy(&v, p + i, 8);
    seen |= v;
  }
  for (; i < size; i++) seen |= (unsigned char)p[i];
  return (seen & 0x8080808080808080u) == 0;
}

static const char *kind_text(uint8_t kind) {
  static const char *const NAMES[SPATE_KINDS] = {"null",   "bool",  "int",       "double",  "decimal",
                                                 "string", "bytes", "timestamp", "interval"};
  return kind < SPATE_KINDS ? NAMES[kind] : "?";
}

/* The beginning of a text that may hold anything, for a reason that people read. */
static const char *sample(const char *text, size_t size, char out[64]) {
  size_t n = size < 60 ? size : 60;
  for (size_t i = 0; i < n; i++) out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
  out[n] = 0;
  return out;
}

/* -1: rejected. */
static int column_store(const struct csv_column *k, struct spate_column *c, uint32_t row, struct csv_field f,
                        struct spate_rejects *rejects) {
  if (f.size == 0 && !f.quoted) {
    if (column_absent(k, c, row) == 0) return 0;
    spate_reject(rejects, row, "`%s` is required, and empty", k->field.name);
    return -1;
  }
  char room[64];
  bool text = c->type.kind == SPATE_STRING || c->type.kind == SPATE_BYTES;
  if (text && ascii(f.text, f.size)) {
    if (spate_column_put(c, row, f.text, f.size) == 0) return 0;
  } else {
    for (; !text && f.size > 0 && (f.text[0] == ' ' || f.text[0] == '\t'); f.size--) f.text++;
    while (!text && f.size > 0 && (f.text[f.size - 1] == ' ' || f.text[f.size - 1] == '\t')) f.size--;
    if (spate_parse_value(c, row, f.text, f.size) == 0) return 0;
  }
  if (text)
    spate_reject(rejects, row, "`%s` is not valid UTF-8", k->field.name);
  else
    spate_reject(rejects, row, "`%s` (%s): \"%s\" is not one, or out of range", k->field.name,
                 kind_text(k->field.type.kind), sample(f.text, f.size, room));
  return -1;
}

/* ---- the map ---- */

static void map_clear(struct csv_decoder *d) {
  for (uint32_t i = 0; i < d->columns; i++) d->column[i].same = CSV_NO;
}

/* Field `field` is called `name`: every column of that name that has no field yet. */
static void map_name(struct csv_decoder *d, uint32_t field, const char *name, size_t size, bool *taken) {
  d->map[field] = CSV_NO;
  for (uint32_t i = d->columns; i-- > 0;) {
    const struct spate_field *f = &d->column[i].field;
    const char *want = d->header && f->path != NULL ? f->path : f->name;
    if (taken[i] || strlen(want) != size || memcmp(want, name, size) != 0) continue;
    taken[i] = true;
    d->column[i].same = d->map[field];
    d->map[field] = i;
  }
}

static int map_header(struct csv_decoder *d, const char *line, uint32_t size, struct spate_error *err) {
  const char *p = line, *end = line + size, *why = NULL;
  uint32_t most = 1;
  bool *taken = calloc(d->columns + 1, sizeof *taken);
  for (uint32_t i = 0; i < size; i++) most += line[i] == d->delimiter;
  free(d->map);
  d->map = calloc(most, sizeof *d->map);
  char *copy = malloc((size_t)size + 1);
  if (taken == NULL || d->map == NULL || copy == NULL) {
    free(taken);
    free(copy);
    return spate_fail(err, "out of memory");
  }
  memcpy(copy, line, size);
  free(d->header_text);
  d->header_text = copy;
  d->header_size = size;
  d->fields = 0;
  map_clear(d);
  if (size >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) p += 3;
  for (;; p++) {
    struct csv_field f;
    p = field_read(d, p, end, &f, &why);
    if (p == NULL) break;
    map_name(d, d->fields++, f.text, f.size, taken);
    if (p == end) break;
  }
  free(taken);
  if (p != NULL) return 0;
  d->header_size = CSV_NO; /* not to be taken for known */
  return spate_fail(err, "csv: the header line is broken: %s", why);
}

static int map_schema(struct csv_decoder *d, const struct spate_schema *known, struct spate_error *err) {
  bool *taken = calloc(d->columns + 1, sizeof *taken);
  d->map = calloc((size_t)known->count + 1, sizeof *d->map);
  if (taken == NULL || d->map == NULL) {
    free(taken);
    return spate_fail(err, "out of memory");
  }
  map_clear(d);
  for (uint32_t i = 0; i < known->count; i++)
    map_name(d, i, known->fields[i].name, strlen(known->fields[i].name), taken);
  d->fields = known->count;
  free(taken);
  return 0;
}

/* ---- lines ---- */

static void row_clear(struct csv_decoder *d, struct spate_column **column, uint32_t row) {
  for (uint32_t i = 0; i < d->columns; i++) {
    struct spate_column *c = column[i];
    if ((c->type.kind == SPATE_STRING || c->type.kind == SPATE_BYTES) && c->written > row) c->written = row;
  }
}

/* -1: rejected. */
static int line_decode(struct csv_decoder *d, const char *p, size_t size, uint32_t row, struct spate_column **column,
                       struct spate_rejects *rejects) {
  const char *end = p + size, *why = NULL;
  if (size == 0 && d->fields > 1) return spate_reject(rejects, row, "an empty line"), -1;
  uint32_t field = 0;
  for (;; p++, field++) {
    struct csv_field f;
    p = field_read(d, p, end, &f, &why);
    if (p == NULL) return spate_reject(rejects, row, "field %u: %s", field + 1, why), -1;
    for (uint32_t c = field < d->fields ? d->map[field] : CSV_NO; c != CSV_NO; c = d->column[c].same)
      if (column_store(&d->column[c], column[c], row, f, rejects) != 0) return -1;
    if (p == end) break;
  }
  if (field + 1 == d->fields) return 0;
  spate_reject(rejects, row, "%u field%s where there should be %u", field + 1, field == 0 ? "" : "s", d->fields);
  return -1;
}

/* Columns that the header does not name; -1: rejected. */
static int line_missing(struct csv_decoder *d, const uint8_t *present, uint32_t row, struct spate_column **column,
                        struct spate_rejects *rejects) {
  for (uint32_t i = 0; i < d->columns; i++) {
    if (present[i] || column_absent(&d->column[i], column[i], row) == 0) continue;
    spate_reject(rejects, row, "`%s` is required, and the header does not name it", d->column[i].field.name);
    return -1;
  }
  return 0;
}

int csv_decode(void *decoder, const struct spate_payloads *in, struct spate_column **column,
               struct spate_rejects *rejects, struct spate_error *err) {
  struct csv_decoder *d = decoder;
  if (d->header) {
    if (in->header == NULL) return spate_fail(err, "csv: this source gives no header line; `header: true` cannot work");
    bool known = d->map != NULL && d->header_size == in->header_length &&
                 memcmp(d->header_text, in->header, in->header_length) == 0;
    if (!known && map_header(d, in->header, in->header_length, err) != 0) return -1;
  }
  uint8_t *present = calloc(d->columns + 1, 1);
  if (present == NULL) return spate_fail(err, "out of memory");
  for (uint32_t i = 0; i < d->fields; i++)
    for (uint32_t c = d->map[i]; c != CSV_NO; c = d->column[c].same) present[c] = 1;
  for (uint32_t i = 0; i < d->columns; i++)
    column[i] = spate_column_new(d->column[i].field.type, in->count, 32 * in->count);
  for (uint32_t row = 0; row < in->count; row++) {
    if (in->length[row] == UINT32_MAX) {
      for (uint32_t i = 0; i < d->columns; i++) spate_column_set_null(column[i], row);
    } else if (line_decode(d, in->buffer->data + in->start[row], in->length[row], row, column, rejects) != 0 ||
               line_missing(d, present, row, column, rejects) != 0) {
      row_clear(d, column, row);
    }
  }
  for (uint32_t i = 0; i < d->columns; i++) spate_column_finish(column[i]);
  free(present);
  return 0;
}

/* ---- life ---- */

static int column_default(struct csv_column *k, struct spate_error *err) {
  const char *text = k->field.default_text;
  if (text == NULL) return 0;
  k->fallback = spate_column_new(k->field.type, 1, (uint32_t)strlen(text));
  if (k->fallback == NULL) return spate_fail(err, "out of memory");
  if (spate_parse_value(k->fallback, 0, text, strlen(text)) != 0)
    return spate_fail(err, "`%s`: the default \"%s\" is not a value of its type", k->field.name, text);
  spate_column_finish(k->fallback);
  return 0;
}

int csv_decoder_new(const void *config, const struct spate_schema *wanted, const struct spate_schema *known, void **out,
                    struct spate_error *err) {
  const struct csv_config *c = config;
  struct csv_decoder *d = calloc(1, sizeof *d);
  if (d == NULL) return spate_fail(err, "out of memory");
  d->delimiter = c->delimiter != NULL ? c->delimiter[0] : ',';
  d->header = c->header;
  d->columns = wanted->count;
  d->column = calloc((size_t)wanted->count + 1, sizeof *d->column);
  if (d->column == NULL) {
    spate_fail(err, "out of memory");
    goto fail;
  }
  for (uint32_t i = 0; i < wanted->count; i++) {
    d->column[i].field = wanted->fields[i];
    if (column_default(&d->column[i], err) != 0) goto fail;
  }
  if (!d->header && map_schema(d, known, err) != 0) goto fail;
  *out = d;
  return 0;
fail:
  csv_decoder_free(d);
  return -1;
}

void csv_decoder_free(void *decoder) {
  struct csv_decoder *d = decoder;
  if (d == NULL) return;
  for (uint32_t i = 0; d->column != NULL && i < d->columns; i++) spate_column_unref(d->column[i].fallback);
  free(d->column);
  free(d->map);
  free(d->header_text);
  free(d->scratch);
  free(d);
}
