/*
 * conf_stop: where YAML stops inside an expression.
 *
 * `{total: coalesce(price, 0)}` is, to YAML, the keys `total` and `0)`; `filter: tag = 'a #1'` ends at a comment;
 * `filter: 'a' = b` is a quoted scalar followed by text. Whoever wrote that thinks in SQL, so the error must show the
 * place and the form to write. The idea: read the same bytes as SQL would (quotes, brackets), and where that reading
 * goes further than YAML's, the bytes between its ends are what was meant. A map or list is also mended with what was
 * meant, so that the checks that follow find the other errors of the file.
 */
#include <string.h>
#include "conf_parts.h"
#include "../base/buf.h"

#define MOST_VALUE 4096u /* bytes of an expression that are followed */
#define MOST_NESTING 8
#define MOST_SHOWN 300u

static bool word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (unsigned char)c >= 0x80;
}
static bool space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Reads text[at..end) as an expression. In a flow map or list it ends at a comma or closing bracket that it did not
 * open, else at the line's end or a comment. *open: it ended inside a quote or a bracket. */
static size_t expression_end(const char *text, size_t at, size_t end, bool flow, bool *open) {
  size_t depth = 0, i = at;
  char quote = 0;
  if (end > at + MOST_VALUE) end = at + MOST_VALUE;
  for (; i < end; i++) {
    char c = text[i];
    bool after_word = i > at && word_byte(text[i - 1]);
    if (!flow && c == '\n') break;
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if ((c == '\'' || c == '"') && !after_word) {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      depth++;
    } else if (depth > 0 && (c == ')' || c == ']' || c == '}')) {
      depth--;
    } else if (flow && depth == 0 && (c == ',' || c == ']' || c == '}')) {
      break;
    } else if (depth == 0 && c == '#' && i > at && space(text[i - 1])) {
      break;
    }
  }
  *open = quote != 0 || depth > 0;
  while (i > at && space(text[i - 1])) i--;
  return i;
}

/* Whether the bytes, taken as one plain scalar, end inside a quote or bracket. */
static bool text_open(const char *text, size_t size) {
  bool open;
  if (size > MOST_VALUE) return false;
  char quote = 0;
  int depth = 0;
  for (size_t i = 0; i < size; i++) {
    char c = text[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if ((c == '\'' || c == '"') && (i == 0 || !word_byte(text[i - 1]))) {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      depth++;
    } else if ((c == ')' || c == ']' || c == '}') && depth > 0) {
      depth--;
    }
  }
  open = quote != 0 || depth > 0;
  return open;
}

/* The bytes as one line: breaks and the indentation around them are one blank. */
static char *one_line(struct arena *arena, const char *text, size_t size) {
  struct buf line = {0};
  for (size_t i = 0; i < size; i++) {
    size_t run = i;
    while (run < size && space(text[run])) run++;
    bool fold = memchr(text + i, '\n', run - i) != NULL;
    buf_put(&line, fold ? " " : text + i, 1);
    if (fold) i = run - 1;
  }
  char *copy = arena_copy(arena, line.data == NULL ? "" : line.data, line.size);
  buf_free(&line);
  return copy;
}

/* key: "value", in the quotes that need no escapes if there are such. */
static const char *quoted_form(struct arena *arena, const char *key, size_t key_size, const char *text, size_t size) {
  const char *value = one_line(arena, text, size);
  if (size == 0 || size > MOST_SHOWN) return NULL;
  const char *colon = key_size > 0 ? ": " : "";
  if (strpbrk(value, "\"\\") == NULL) return arena_format(arena, "%.*s%s\"%s\"", (int)key_size, key, colon, value);
  struct buf out = {0};
  for (const char *c = value; *c != 0; c++) buf_format(&out, *c == '\'' ? "''" : "%c", *c);
  const char *form = arena_format(arena, "%.*s%s'%s'", (int)key_size, key, colon, buf_string(&out));
  buf_free(&out);
  return form;
}

/* ---- comments ---- */
bool conf_stop_comment(struct conf_node *scalar, bool flow, struct conf_errors *errors) {
  const struct conf_file *file = scalar->file;
  size_t at = scalar->end;
  while (at < file->size && (file->text[at] == ' ' || file->text[at] == '\t')) at++;
  if (at == scalar->end || at >= file->size || file->text[at] != '#') return false;
  if (!text_open(file->text + scalar->at, scalar->end - scalar->at)) return false;
  bool open;
  size_t end = expression_end(file->text, scalar->at, file->size, flow, &open);
  if (open || end <= at) return false;
  const char *form = quoted_form(errors->arena, NULL, 0, file->text + scalar->at, end - scalar->at);
  if (conf_problem_at(errors, file, at, at + 1, NULL,
                      "YAML takes what follows ' #' for a comment, inside an open quote or bracket") &&
      form != NULL)
    conf_hint(errors, "write it in quotes: %s", form);
  scalar->broken = true;
  return true;
}

/* ---- maps and lists in brackets ---- */
static bool key_plain(const char *key) {
  for (; *key != 0; key++)
    if (!word_byte(*key) && *key != '-' && *key != '.') return false;
  return true;
}

static void tell(const struct conf_node *flow, struct conf_errors *errors, const struct conf_node *key, size_t stop,
                 size_t from, size_t to) {
  const struct conf_file *file = flow->file;
  while (stop < to && space(file->text[stop])) stop++;
  const char *form = quoted_form(errors->arena, key == NULL ? NULL : file->text + key->at,
                                 key == NULL ? 0 : key->end - key->at, file->text + from, to - from);
  char c = file->text[stop];
  if (conf_problem_at(errors, file, stop, stop + 1, NULL,
                      "YAML ends the text at this '%c', inside an open quote or bracket", c) &&
      form != NULL)
    conf_hint(errors, "write it in quotes: %s", form);
}

/* The scalar that was meant: the bytes from..to of the file. */
static void mend(struct arena *arena, struct conf_node *node, size_t from, size_t to) {
  char *text = arena_copy(arena, node->file->text + from, to - from);
  uint32_t *where = ARENA_NEWS(arena, uint32_t, to - from + 1);
  for (size_t i = from; i <= to; i++) where[i - from] = (uint32_t)i;
  for (char *c = text; *c != 0; c++)
    if (space(*c)) *c = ' ';
  node->text = text;
  node->where = where;
  node->at = (uint32_t)from;
  node->end = (uint32_t)to;
  node->null = false;
}

static bool stopped(const struct conf_node *node, size_t *end) {
  const char *text = node->file->text;
  bool open;
  if (node->kind != CONF_SCALAR || node->quoted || !text_open(text + node->at, node->end - node->at)) return false;
  *end = expression_end(text, node->at, node->file->size, true, &open);
  return !open && *end > node->end;
}

/* A key such as `x + 1` without any value: the rest, perhaps, of what stands before it. */
static void tell_no_value(struct conf_node *flow, uint32_t i, struct conf_errors *errors) {
  struct conf_node *key = &flow->key[i];
  const struct conf_node *before = i > 0 ? &flow->item[i - 1] : NULL;
  const char *form = NULL;
  if (before != NULL && before->kind == CONF_SCALAR && before->at < key->at && !before->null) {
    const struct conf_node *name = &flow->key[i - 1];
    form = quoted_form(errors->arena, flow->file->text + name->at, name->end - name->at, flow->file->text + before->at,
                       key->end - before->at);
  }
  conf_error(errors, key, "to YAML this is a key, and it has no value");
  if (form != NULL) conf_hint(errors, "if it belongs to what stands before it, write it in quotes: %s", form);
  flow->item[i].broken = true;
}

void conf_stop_flow(struct arena *arena, struct conf_node *flow, struct conf_errors *errors) {
  uint32_t kept = 0;
  size_t taken = 0, end = 0; /* entries that begin before `taken` belong to one that was mended */
  for (uint32_t i = 0; i < flow->count; i++) {
    struct conf_node *key = flow->kind == CONF_MAP ? &flow->key[i] : NULL, *value = &flow->item[i];
    size_t at = key != NULL ? key->at : value->at;
    if (at < taken) continue;
    if (at < flow->at) { /* an alias: its text lies elsewhere, and was looked at there */
    } else if (key != NULL && stopped(key, &end)) {
      tell(flow, errors, NULL, key->end, key->at, end);
      key->broken = value->broken = true;
      taken = end;
    } else if (value->at >= flow->at && value->end <= flow->end && stopped(value, &end)) {
      tell(flow, errors, key, value->end, value->at, end);
      mend(arena, value, value->at, end);
      taken = end;
    } else if (key != NULL && key->kind == CONF_SCALAR && value->kind == CONF_SCALAR && value->null &&
               value->at == value->end && !key->quoted && !key_plain(key->text)) {
      tell_no_value(flow, i, errors);
    }
    if (key != NULL) flow->key[kept] = *key;
    flow->item[kept++] = *value;
  }
  flow->count = kept;
}

/* ---- after an error of YAML's syntax ---- */
/* Whether text[at..end) as a plain scalar would not be one scalar to YAML. */
static bool needs_quotes(const char *text, size_t at, size_t end, bool flow) {
  char c = at < end ? text[at] : 0;
  if (c == 0) return false;
  if (c == '\'' || c == '"') {
    size_t i = at + 1;
    for (; i < end; i++) {
      if (c == '"' && text[i] == '\\')
        i++;
      else if (text[i] == c && c == '\'' && i + 1 < end && text[i + 1] == c)
        i++;
      else if (text[i] == c)
        break;
    }
    return i + 1 < end || i >= end;
  }
  if (strchr("*&!%@`", c) != NULL) return true;
  if (c == '|' || c == '>') return at + 1 < end && strchr("0123456789+-", text[at + 1]) == NULL;
  bool nested = c == '{' || c == '[';
  size_t depth = 0;
  for (size_t i = at; i < end; i++) {
    if (nested) {
      depth += text[i] == '{' || text[i] == '[';
      if ((text[i] == '}' || text[i] == ']') && --depth == 0) return i + 1 < end;
      continue;
    }
    if (flow && strchr(",[]{}", text[i]) != NULL) return true;
    if (text[i] == ':' && (i + 1 == end || space(text[i + 1]))) return true;
    if (text[i] == '#' && i > at && space(text[i - 1])) return true;
  }
  return false;
}

/* The key at `at`, if one is there: returns where the value begins (`at`, without a key). */
static size_t key_skip(const char *text, size_t at, size_t end, size_t *key_size) {
  size_t i = at;
  *key_size = 0;
  if (i < end && (text[i] == '"' || text[i] == '\'')) {
    const char *close = memchr(text + i + 1, text[i], end - i - 1);
    if (close == NULL) return at;
    i = (size_t)(close + 1 - text);
  } else {
    while (i < end && (word_byte(text[i]) || text[i] == '-' || text[i] == '.')) i++;
  }
  if (i == at || i >= end || text[i] != ':' || (i + 1 < end && !space(text[i + 1]))) return at;
  *key_size = i - at;
  for (i++; i < end && space(text[i]); i++) {
  }
  return i;
}

struct search {
  struct arena *arena;
  const struct conf_file *file;
  size_t at; /* where YAML could not go on */
};

/* An entry key..stop is the one at fault when the place lies in it, or -- YAML often notices late -- on a later line.
 */
static bool at_fault(const struct search *s, size_t key, size_t stop) {
  const char *text = s->file->text;
  if (s->at <= stop) return s->at >= key;
  return memchr(text + stop, '\n', s->at - stop) != NULL;
}

static const char *flow_quoted(const struct search *s, size_t flow, int depth) {
  const char *text = s->file->text;
  size_t end = s->file->size, at = flow + 1;
  if (end > flow + 16 * MOST_VALUE) end = flow + 16 * MOST_VALUE;
  while (depth < MOST_NESTING) {
    while (at < end && (space(text[at]) || text[at] == ',')) at++;
    if (at >= end || text[at] == '}' || text[at] == ']') break;
    size_t key_size, key = at, from = key_skip(text, at, end, &key_size);
    bool open;
    size_t stop = expression_end(text, from, end, true, &open);
    if (from < end && (text[from] == '{' || text[from] == '[')) {
      const char *inner = flow_quoted(s, from, depth + 1);
      if (inner != NULL) return inner;
    }
    if (open || stop <= from) break;
    if (needs_quotes(text, from, stop, true) && at_fault(s, key, stop)) {
      /* Over several lines, with a key in it: a bracket was not closed. */
      if (memchr(text + from, '\n', stop - from) != NULL && memmem(text + from, stop - from, ": ", 2) != NULL) break;
      return quoted_form(s->arena, text + key, key_size, text + from, stop - from);
    }
    at = stop;
  }
  return NULL;
}

const char *conf_stop_quoted(struct arena *arena, const struct conf_file *file, size_t at, size_t flow) {
  const char *text = file->text;
  if (at > file->size) at = file->size;
  const struct search search = {arena, file, at};
  if (flow < file->size) return flow_quoted(&search, flow, 0);
  size_t line = at, key_size = 0;
  while (line > 0 && text[line - 1] != '\n') line--;
  const char *stop = memchr(text + line, '\n', file->size - line);
  size_t end = stop == NULL ? file->size : (size_t)(stop - text);
  while (line < end && (space(text[line]) || (text[line] == '-' && line + 1 < end && text[line + 1] == ' '))) line++;
  size_t key = line, from = key_skip(text, line, end, &key_size);
  bool open;
  if (from < end && (text[from] == '{' || text[from] == '[')) {
    const char *inner = flow_quoted(&search, from, 0);
    if (inner != NULL) return inner;
  }
  end = expression_end(text, from, end, false, &open);
  if (open || end <= from || !needs_quotes(text, from, end, false)) return NULL;
  return quoted_form(arena, text + key, key_size, text + from, end - from);
}
