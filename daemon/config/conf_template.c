/*
 * conf_template: text with columns in it: `orders-{region}`.
 *
 * A template is cut into pieces once, when the configuration is read; columns are known by index then, and rendering a
 * row appends piece after piece. A name that is no column may be a word: what it stands for ({epoch}, {date}) only
 * the sink knows, at the time.
 */
#include <string.h>
#include "conf_parts.h"
#include "../base/buf.h"

struct piece {
  const char *text; /* as it is, or the name of the column or word */
  uint32_t size;
  bool name;
  int32_t column; /* -1: a word */
};
struct spate_template {
  struct piece *piece;
  uint32_t count;
  const char *constant, *word; /* constant: all text, where there is nothing but text */
};

static const char *const words[] = {"pipeline", "epoch", "date"};

/* ---- reading ---- */
struct reading {
  struct arena *arena;
  const struct conf_node *node;
  const struct spate_schema *columns;
  struct conf_errors *errors;
  struct spate_template *template;
  bool failed;
};

static void piece_add(struct reading *r, struct piece piece) {
  if (piece.size > 0 || piece.name) r->template->piece[r->template->count++] = piece;
}

static int32_t column_find(const struct spate_schema *columns, const char *name) {
  for (uint32_t i = 0; columns != NULL && i < columns->count; i++)
    if (strcmp(columns->fields[i].name, name) == 0) return (int32_t)i;
  return -1;
}

static void name_unknown(struct reading *r, const char *name, uint32_t at) {
  uint32_t count = 0;
  const char **known = ARENA_NEWS(r->arena, const char *, r->columns->count + 3);
  for (; count < r->columns->count; count++) known[count] = r->columns->fields[count].name;
  for (size_t i = 0; i < 3; i++) known[count++] = words[i];
  r->failed = true;
  conf_error_in(r->errors, r->node, at, (uint32_t)strlen(name), NULL, "there is no column '%s' here", name);
  conf_hint_nearest(r->errors, r->node->secret ? "" : name, known, count);
}

/* The name that begins at text[at], behind its brace. */
static void name_read(struct reading *r, uint32_t at, uint32_t size) {
  const char *name = arena_copy(r->arena, r->node->text + at, size);
  int32_t column = column_find(r->columns, name);
  bool word = r->columns == NULL;
  for (size_t i = 0; i < 3; i++) word = word || strcmp(words[i], name) == 0;
  if (size == 0) {
    r->failed = true;
    conf_error_in(r->errors, r->node, at - 1, 2, "{{ is a brace", "between these braces a column is missing");
  } else if (column < 0 && !word) {
    name_unknown(r, name, at);
  }
  if (column < 0 && r->template->word == NULL) r->template->word = name;
  piece_add(r, (struct piece){name, size, true, column});
}

struct spate_template *conf_template(struct arena *arena, const struct conf_node *node,
                                     const struct spate_schema *columns, struct conf_errors *errors) {
  if (node->kind != CONF_SCALAR) {
    conf_error(errors, node, "a text is needed here, not a %s", node->kind == CONF_MAP ? "map" : "list");
    conf_hint(errors, "a text that begins with a brace stands in quotes");
    return NULL;
  }
  const char *text = node->text;
  uint32_t braces = 0, from = 0, i = 0;
  for (const char *c = text; *c != 0; c++) braces += *c == '{';
  struct reading r = {arena, node, columns, errors, ARENA_NEW(arena, struct spate_template), false};
  r.template->piece = ARENA_NEWS(arena, struct piece, 2 * braces + 1);
  while (text[i] != 0) {
    if (text[i] != '{') {
      i++;
      continue;
    }
    bool brace = text[i + 1] == '{';
    piece_add(&r, (struct piece){text + from, i - from + brace, false, -1});
    if (brace) {
      from = i += 2;
      continue;
    }
    const char *close = strchr(text + i, '}');
    if (close == NULL) {
      conf_error_in(errors, node, i, 1, "{{ is a brace", "this brace is never closed");
      return NULL;
    }
    name_read(&r, i + 1, (uint32_t)(close - text) - i - 1);
    from = i = (uint32_t)(close - text) + 1;
  }
  piece_add(&r, (struct piece){text + from, i - from, false, -1});
  bool constant = true;
  struct buf all = {0};
  for (uint32_t k = 0; k < r.template->count; k++) {
    constant = constant && !r.template->piece[k].name;
    buf_put(&all, r.template->piece[k].text, r.template->piece[k].size);
  }
  if (constant) r.template->constant = arena_copy(arena, all.data == NULL ? "" : all.data, all.size);
  buf_free(&all);
  return r.failed ? NULL : r.template;
}

/* ---- rendering ---- */
static int word_render(const char *name, const struct spate_map *given, struct spate_buffer *out) {
  for (size_t i = 0; given != NULL && i < given->count; i++)
    if (strcmp(given->key[i], name) == 0) return spate_buffer_append(out, given->value[i], strlen(given->value[i]));
  return -1;
}

int spate_template_render_words(const struct spate_template *t, const struct spate_batch *batch, uint32_t row,
                                const struct spate_map *given, struct spate_buffer *out) {
  for (uint32_t i = 0; i < t->count; i++) {
    const struct piece *piece = &t->piece[i];
    int result;
    if (!piece->name) {
      result = spate_buffer_append(out, piece->text, piece->size);
    } else if (piece->column < 0) {
      result = word_render(piece->text, given, out);
    } else if (batch == NULL || spate_column_null(batch->column[piece->column], row)) {
      result = -1;
    } else {
      result = spate_column_text(batch->column[piece->column], row, out);
    }
    if (result != 0) return -1;
  }
  return 0;
}

int spate_template_render(const struct spate_template *t, const struct spate_batch *batch, uint32_t row,
                          struct spate_buffer *out) {
  return spate_template_render_words(t, batch, row, NULL, out);
}

const char *spate_template_word(const struct spate_template *t) { return t->word; }

const char *spate_template_constant(const struct spate_template *t) { return t->constant; }
