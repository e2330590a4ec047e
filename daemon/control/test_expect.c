/*
 * expect: expected records against captured rows. Columns that a record does not name are not compared, so several rows
 * may fit it: the largest matching is found, and what is left over on both sides is the difference. Values are compared
 * as values of the column's type: 1 is 1.0 in a double, and a time is a time in any spelling.
 */
#include "../base/mem.h"
#include "../data/text.h"
#include "test.h"

static bool node_null(const struct conf_node *node) {
  return node->null || (node->kind == CONF_SCALAR && !node->quoted && strcmp(node->text, "null") == 0);
}

static bool value_equal(const struct spate_column *c, uint32_t row, const struct conf_node *node) {
  if (node_null(node) || spate_column_null(c, row)) return node_null(node) && spate_column_null(c, row);
  if (node->kind != CONF_SCALAR) return false;
  const char *text = node->text, *bytes;
  size_t size = strlen(text);
  uint32_t length;
  int64_t i;
  double d;
  bool t;
  spate_i128 dec;
  switch (c->type.kind) {
    case SPATE_BOOL: return text_bool(text, size, &t) == 0 && t == (c->b8[row] != 0);
    case SPATE_INT: return text_int(text, size, &i) == 0 && i == c->i64[row];
    case SPATE_DOUBLE:
      if (text_double(text, size, &d) != 0) return false;
      return d == c->f64[row] || (d != d && c->f64[row] != c->f64[row]);
    case SPATE_DECIMAL:
      return text_decimal(text, size, c->type.precision, c->type.scale, &dec) == 0 && dec == c->dec[row];
    case SPATE_TIMESTAMP:
      if (text_timestamp(text, size, &i) != 0 && text_timestamp_encoded(text, size, c->type.encoding, &i) != 0)
        return false;
      return i == c->i64[row];
    default: bytes = spate_column_bytes(c, row, &length); return length == size && memcmp(bytes, text, size) == 0;
  }
}

static bool row_fits(const struct conf_node *record, const struct capture *actual, uint32_t row) {
  for (uint32_t i = 0; i < record->count; i++) {
    int32_t at = schema_find(actual->schema, record->key[i].text);
    if (at < 0 || !value_equal(actual->column[at].column, row, &record->item[i])) return false;
  }
  return true;
}

/* ---- matching: augmenting paths ---- */
struct matching {
  const struct conf_node *expected;
  const struct capture *actual;
  int32_t *of_row; /* the record that a row is matched with */
  uint8_t *tried;
};

static bool match_record(struct matching *m, uint32_t record) {
  for (uint32_t row = 0; row < m->actual->rows; row++) {
    if (m->tried[row] || !row_fits(&m->expected->item[record], m->actual, row)) continue;
    m->tried[row] = 1;
    if (m->of_row[row] >= 0 && !match_record(m, (uint32_t)m->of_row[row])) continue;
    m->of_row[row] = (int32_t)record;
    return true;
  }
  return false;
}

/* ---- printing ---- */
static bool named(const struct conf_node *expected, const char *column) {
  bool any = false;
  for (uint32_t i = 0; i < expected->count; i++) {
    any |= expected->item[i].kind == CONF_MAP && expected->item[i].count > 0;
    if (expected->item[i].kind == CONF_MAP && conf_get(&expected->item[i], column) != NULL) return true;
  }
  return !any;
}

void expect_show(const struct capture *actual, uint32_t row, const struct conf_node *expected, FILE *out) {
  const char *comma = "";
  struct spate_buffer *text = spate_buffer_new(64);
  fprintf(out, "{");
  for (uint32_t i = 0; i < actual->schema->visible; i++) {
    const struct spate_column *c = actual->column[i].column;
    if (expected != NULL && !named(expected, actual->schema->all.fields[i].name)) continue;
    text->size = 0;
    if (spate_column_null(c, row)) {
      fprintf(out, "%s%s: null", comma, actual->schema->all.fields[i].name);
    } else if (spate_column_text(c, row, text) == 0) {
      fprintf(out, "%s%s: %.*s", comma, actual->schema->all.fields[i].name, (int)text->size, text->data);
    }
    comma = ", ";
  }
  fprintf(out, "}");
  spate_buffer_unref(text);
}

static void record_show(const struct conf_node *record, FILE *out) {
  fprintf(out, "{");
  for (uint32_t i = 0; i < record->count; i++)
    fprintf(out, "%s%s: %s", i > 0 ? ", " : "", record->key[i].text,
            record->item[i].null                  ? "null"
            : record->item[i].kind == CONF_SCALAR ? record->item[i].text
                                                  : "…");
  fprintf(out, "}");
}

struct painter {
  FILE *out;
  bool colour;
};
static void paint(const struct painter *p, const char *code) {
  if (p->colour) fprintf(p->out, "\033[%sm", code);
}

static void show_missing(const struct painter *p, const struct conf_node *record) {
  paint(p, "31");
  fprintf(p->out, "    - ");
  record_show(record, p->out);
  paint(p, "0");
  fprintf(p->out, "\n");
}

static void show_extra(const struct painter *p, const struct capture *actual, uint32_t row,
                       const struct conf_node *expected) {
  paint(p, "32");
  fprintf(p->out, "    + ");
  expect_show(actual, row, expected, p->out);
  paint(p, "0");
  fprintf(p->out, "\n");
}

/* ---- comparing ---- */
static bool expected_good(const struct conf_node *expected, const struct capture *actual, struct conf_errors *errors) {
  bool good = true;
  if (expected->kind != CONF_LIST) {
    conf_error(errors, expected, "the expected records are a list");
    return false;
  }
  const char **names = MEM_NEWS(const char *, actual->schema->all.count + 1);
  for (uint32_t i = 0; i < actual->schema->all.count; i++) names[i] = actual->schema->all.fields[i].name;
  for (uint32_t i = 0; i < expected->count; i++) {
    const struct conf_node *record = &expected->item[i];
    if (record->kind != CONF_MAP) {
      conf_error(errors, record, "a record is a map: {column: value, …}");
      good = false;
    }
    for (uint32_t k = 0; k < record->count && record->kind == CONF_MAP; k++) {
      if (schema_find(actual->schema, record->key[k].text) >= 0) continue;
      conf_error(errors, &record->key[k], "'%s' has no column '%s'", actual->name, record->key[k].text);
      conf_hint_nearest(errors, record->key[k].text, names, actual->schema->all.count);
      good = false;
    }
  }
  mem_free(names);
  return good;
}

static bool compare_ordered(const struct conf_node *expected, const struct capture *actual, const struct painter *p) {
  uint32_t n = expected->count > actual->rows ? expected->count : actual->rows;
  bool same = true;
  for (uint32_t i = 0; i < n; i++) {
    if (i < expected->count && i < actual->rows && row_fits(&expected->item[i], actual, i)) continue;
    if (i < expected->count) show_missing(p, &expected->item[i]);
    if (i < actual->rows) show_extra(p, actual, i, expected);
    same = false;
  }
  return same;
}

static bool compare_any(const struct conf_node *expected, const struct capture *actual, const struct painter *p) {
  struct matching m = {.expected = expected, .actual = actual};
  bool same = true;
  m.of_row = MEM_NEWS(int32_t, actual->rows + 1);
  m.tried = MEM_NEWS(uint8_t, actual->rows + 1);
  for (uint32_t i = 0; i < actual->rows; i++) m.of_row[i] = -1;
  for (uint32_t i = 0; i < expected->count; i++) {
    memset(m.tried, 0, actual->rows);
    if (match_record(&m, i)) continue;
    show_missing(p, &expected->item[i]);
    same = false;
  }
  for (uint32_t i = 0; i < actual->rows; i++) {
    if (m.of_row[i] >= 0) continue;
    show_extra(p, actual, i, expected);
    same = false;
  }
  mem_free(m.of_row);
  mem_free(m.tried);
  return same;
}

bool expect_compare(const struct conf_node *expected, const struct capture *actual, bool ordered, FILE *out,
                    bool colour, struct conf_errors *errors) {
  struct painter p = {out, colour};
  if (!expected_good(expected, actual, errors)) return false;
  return ordered ? compare_ordered(expected, actual, &p) : compare_any(expected, actual, &p);
}
