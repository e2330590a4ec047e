/*
 * conf_parse: libyaml's events to a tree.
 *
 * A small language of its own: maps with plain keys, lists and texts. Every scalar is text ('on', 'no' and 'null' mean
 * themselves); tags, merge keys and keys that are no scalars are refused. An alias is a copy of the node it names, and
 * is counted in what it expands to, so that a small file cannot become a large tree. libyaml counts characters and has
 * its own idea of lines; only its character index is used, and turned into bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>
#include <yaml.h>
#include "conf_parts.h"
#include "../base/mem.h"

#define STRIDE 64u     /* characters between two checkpoints */
#define MOST_HINTS 50u /* looking for a quoted form reads some kilobytes */

struct anchor {
  const char *name;
  struct conf_node node;
  uint32_t nodes, height; /* of what it names; nodes 0: not complete yet */
};
struct size {
  uint32_t nodes, height;
};
struct parse {
  yaml_parser_t yaml;
  struct arena *arena;
  struct conf_errors *errors;
  struct conf_file *file;
  uint32_t *checkpoint; /* byte offset of every STRIDE-th character */
  uint32_t checkpoints;
  uint32_t *line; /* byte offset of every line */
  uint32_t lines;
  struct anchor anchor[CONF_MAX_ANCHORS];
  uint32_t anchors;
  uint32_t nodes, hints;
  size_t flow[CONF_MAX_DEPTH + 2]; /* where the open maps and lists in brackets begin */
  uint32_t flows;
  size_t stopped; /* where YAML was seen to stop inside an expression last; SIZE_MAX: nowhere */
  bool stopped_flow;
  size_t budget;
};

/* ---- places ---- */
static void places_build(struct parse *p) {
  const char *text = p->file->text;
  size_t size = p->file->size;
  p->checkpoint = mem_zero(size / STRIDE + 2, sizeof *p->checkpoint);
  uint32_t lines = 1;
  for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
  p->line = mem_zero(lines, sizeof *p->line);
  p->lines = 1;
  uint32_t characters = 0;
  for (size_t i = 0; i < size; i++) {
    if (((unsigned char)text[i] & 0xc0) != 0x80 && characters++ % STRIDE == 0)
      p->checkpoint[p->checkpoints++] = (uint32_t)i;
    if (text[i] == '\n') p->line[p->lines++] = (uint32_t)i + 1;
  }
}

static size_t place(const struct parse *p, yaml_mark_t mark) {
  size_t slot = mark.index / STRIDE, left = mark.index % STRIDE;
  if (slot >= p->checkpoints) return p->file->size;
  size_t at = p->checkpoint[slot];
  for (; left > 0 && at < p->file->size; left--) do
      at++;
    while (at < p->file->size && ((unsigned char)p->file->text[at] & 0xc0) == 0x80);
  return at;
}

static uint32_t place_line(const struct parse *p, size_t at) {
  uint32_t low = 0, high = p->lines;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (p->line[middle] <= at)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* Columns count characters. Lines of many thousand bytes hold few nodes that anybody reads: there bytes will do. */
static void node_place(const struct parse *p, struct conf_node *node, size_t at, size_t end) {
  uint32_t line = place_line(p, at), column = 1;
  size_t start = p->line[line];
  if (at - start > 4096)
    column = (uint32_t)(at - start) + 1;
  else
    for (size_t i = start; i < at; i++) column += ((unsigned char)p->file->text[i] & 0xc0) != 0x80;
  node->file = p->file;
  node->line = line + 1;
  node->column = column;
  node->at = (uint32_t)at;
  node->end = (uint32_t)(end > at ? end : at);
}

/* The quoted form of the value around a place, as a hint to the problem added last. */
static void hint_quoted(struct parse *p, size_t at) {
  size_t flow = p->flows > 0 ? p->flow[p->flows - 1] : SIZE_MAX;
  if (p->errors->last == 0 || ++p->hints > MOST_HINTS) return;
  const char *form = conf_stop_quoted(p->arena, p->file, at, flow);
  if (form != NULL) conf_hint(p->errors, "write it in quotes: %s", form);
}

/* ---- YAML's own errors ---- */
#define BLOCK_HEAD "did not find expected comment or line break"
struct wording {
  const char *problem, *message, *hint;
};
static const struct wording wordings[] = {
    {"did not find expected ',' or '}'", "YAML expects ',' or '}' here", NULL},
    {"did not find expected ',' or ']'", "YAML expects ',' or ']' here", NULL},
    {"did not find expected key", "YAML expects a key here, at the column of the keys above", NULL},
    {"did not find expected '-' indicator", "YAML expects '- ' here, at the column of the items above", NULL},
    {"mapping values are not allowed in this context", "YAML does not expect ': ' here",
     "a key stands at the column of the keys above; a text that holds ': ' stands in quotes"},
    {BLOCK_HEAD, "to YAML '|' and '>' begin a block of text, in the lines below", NULL},
    {"found a tab character that violates indentation", "a tab cannot indent: use blanks", NULL},
    {"found a tab character where an indentation space is expected", "a tab cannot indent: use blanks", NULL},
    {"block sequence entries are not allowed in this context", "YAML does not expect '- ' here",
     "an item of a list begins on a line of its own"},
    {"could not find expected ':'", "YAML expects ':' after a key; this text has none", NULL},
    {"found unexpected ':'", "YAML does not expect ':' here", NULL},
    {"found unknown escape character", "double quotes know no such escape",
     "write \\\\ for a backslash, or use single quotes"},
    {"found undefined tag handle", "tags (!name) are not read", NULL},
    {"did not find expected node content", "YAML expects a value here", NULL},
    {"did not find expected <document start>", "YAML expects the end of the document here, or ---", NULL},
    {"did not find URI escaped octet", "tags (!name) are not read", NULL},
};

/* Whether a quote stands before the place, on its line. */
static bool behind_quote(const struct parse *p, size_t at) {
  while (at > 0 && p->file->text[at - 1] == ' ') at--;
  return at > 0 && (p->file->text[at - 1] == '\'' || p->file->text[at - 1] == '"');
}

static void syntax_wording(const struct parse *p, size_t at, struct wording *w, char *room, size_t size) {
  const yaml_parser_t *y = &p->yaml;
  const char *context = y->context != NULL ? y->context : "", *problem = y->problem != NULL ? y->problem : "?";
  char here = at < p->file->size ? p->file->text[at] : 0;
  if (strncmp(problem, "did not find expected", 21) == 0 && behind_quote(p, at)) {
    *w = (struct wording){problem, "to YAML the text ended with the quote before this", NULL};
    return;
  }
  for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
    if (strcmp(problem, wordings[i].problem) != 0) continue;
    *w = wordings[i];
    return;
  }
  *w = (struct wording){problem, room, NULL};
  if (strcmp(context, "while scanning a quoted scalar") == 0) {
    w->message = "this quote is never closed";
  } else if (strcmp(problem, "found character that cannot start any token") == 0 && here == '\t') {
    w->message = "a tab cannot indent: use blanks";
  } else if (strcmp(problem, "found character that cannot start any token") == 0) {
    snprintf(room, size, "to YAML no text begins with '%c'", here);
  } else if (strcmp(context, "while scanning an alias") == 0 || strcmp(context, "while scanning an anchor") == 0) {
    snprintf(room, size, "to YAML '%c' begins %s, and no name follows", here == '&' || here == '*' ? here : context[18],
             context + 15);
  } else if (strcmp(context, "while parsing a tag") == 0 || strcmp(context, "while scanning a tag") == 0) {
    w->message = "tags (!name) are not read";
  } else {
    snprintf(room, size, "YAML: %s%s%s", problem, context[0] != 0 ? ", " : "", context);
  }
}

static void syntax_error(struct parse *p) {
  const yaml_parser_t *y = &p->yaml;
  char room[200];
  if (y->error == YAML_MEMORY_ERROR) {
    conf_problem_file(p->errors, p->file, "no memory is left to read this file");
    return;
  }
  if (y->error == YAML_READER_ERROR) {
    bool control = y->problem != NULL && strstr(y->problem, "control") != NULL;
    conf_problem_at(p->errors, p->file, y->problem_offset, y->problem_offset + 1, NULL, "%s",
                    control ? "a control character is not allowed here" : "this is no UTF-8 text");
    return;
  }
  const char *context = y->context != NULL ? y->context : "";
  bool from_context = strcmp(context, "while scanning a quoted scalar") == 0 || strstr(context, "alias") != NULL ||
                      strstr(context, "anchor") != NULL || strstr(context, " tag") != NULL;
  from_context = from_context || (y->problem != NULL && strcmp(y->problem, BLOCK_HEAD) == 0);
  bool escape = y->problem != NULL && strstr(y->problem, "escape") != NULL;
  size_t at = place(p, from_context && !escape ? y->context_mark : y->problem_mark);
  while (at > 0 && at == p->file->size && p->file->text[at - 1] == '\n') at--; /* the end: behind the last text */
  if (p->stopped != SIZE_MAX && ((p->stopped_flow && p->flows > 0) || place_line(p, at) == place_line(p, p->stopped)))
    return;
  size_t flow = p->flows > 0 ? p->flow[p->flows - 1] : SIZE_MAX;
  const char *form = escape ? NULL : conf_stop_quoted(p->arena, p->file, at, flow);
  struct wording w;
  syntax_wording(p, at, &w, room, sizeof room);
  if (flow < at && form == NULL && w.hint == NULL)
    w.hint = arena_format(p->arena, "the '%c' that is open here stands in line %u", p->file->text[flow],
                          place_line(p, flow) + 1);
  conf_problem_at(p->errors, p->file, at, at + 1, w.hint, "%s", w.message);
  if (form != NULL) conf_hint(p->errors, "write it in quotes: %s", form);
}

/* ---- nodes ---- */
static bool next_event(struct parse *p, yaml_event_t *event) {
  if (yaml_parser_parse(&p->yaml, event)) return true;
  syntax_error(p);
  return false;
}

/* Past "&name " before a node. */
static size_t skip_anchor(const struct parse *p, size_t at, bool anchored) {
  const char *text = p->file->text;
  size_t size = p->file->size;
  if (!anchored || at >= size || text[at] != '&') return at;
  while (at < size && strchr(" \t\r\n", text[at]) == NULL) at++;
  while (at < size && (text[at] == '#' || strchr(" \t\r\n", text[at]) != NULL)) {
    const char *end = text[at] == '#' ? memchr(text + at, '\n', size - at) : text + at;
    if (end == NULL) return size;
    at = (size_t)(end - text) + 1;
  }
  return at;
}

static bool count_nodes(struct parse *p, size_t at, uint32_t nodes) {
  p->nodes = nodes > CONF_MAX_NODES - p->nodes ? CONF_MAX_NODES + 1 : p->nodes + nodes;
  if (p->nodes <= CONF_MAX_NODES) return true;
  conf_problem_at(p->errors, p->file, at, at + 1, "aliases count as what they expand to",
                  "this file holds more than %u values", CONF_MAX_NODES);
  return false;
}

/* True when there was one: its node is then broken. */
static bool refuse_tag(struct parse *p, const yaml_char_t *tag, yaml_mark_t start) {
  if (tag == NULL) return false;
  size_t at = place(p, start);
  conf_problem_at(p->errors, p->file, at, at + 1, NULL, "tags (!name) are not read: every value is text");
  hint_quoted(p, at);
  return true;
}

static struct anchor *anchor_find(struct parse *p, const char *name) {
  for (uint32_t i = p->anchors; i > 0; i--)
    if (strcmp(p->anchor[i - 1].name, name) == 0) return &p->anchor[i - 1];
  return NULL;
}

/* NULL without a name; *good turns false where there are too many. */
static struct anchor *anchor_add(struct parse *p, const yaml_char_t *name, yaml_mark_t start, bool *good) {
  if (name == NULL) return NULL;
  if (p->anchors == CONF_MAX_ANCHORS) {
    size_t at = place(p, start);
    *good = false;
    conf_problem_at(p->errors, p->file, at, at + 1, NULL, "this file holds more than %u anchors", CONF_MAX_ANCHORS);
    return NULL;
  }
  struct anchor *anchor = &p->anchor[p->anchors++];
  *anchor = (struct anchor){.name = arena_text(p->arena, (const char *)name)};
  return anchor;
}

/* An error of syntax that follows from this is not worth a line of its own. */
static void note_stop(struct parse *p, size_t at) {
  p->stopped = at;
  p->stopped_flow = p->flows > 0;
}

static bool build_alias(struct parse *p, const yaml_event_t *event, uint32_t depth, struct conf_node *out,
                        struct size *size) {
  const char *name = (const char *)event->data.alias.anchor;
  size_t at = place(p, event->start_mark), end = place(p, event->end_mark);
  const struct anchor *anchor = anchor_find(p, name);
  if (anchor == NULL || anchor->nodes == 0) {
    conf_problem_at(p->errors, p->file, at, end, NULL,
                    anchor == NULL ? "there is no anchor '&%s' before this alias" : "'&%s' holds itself", name);
    if (anchor == NULL) hint_quoted(p, at);
    note_stop(p, at);
    *out = (struct conf_node){.kind = CONF_SCALAR, .text = "", .broken = true};
    node_place(p, out, at, end);
    out->where = memcpy(arena_alloc(p->arena, sizeof(uint32_t)), &out->at, sizeof(uint32_t));
    *size = (struct size){1, 1};
    return count_nodes(p, at, 1);
  }
  if (depth + anchor->height - 1 > CONF_MAX_DEPTH) {
    conf_problem_at(p->errors, p->file, at, end, NULL, "maps and lists are nested more than %u deep", CONF_MAX_DEPTH);
    return false;
  }
  *out = anchor->node;
  *size = (struct size){anchor->nodes, anchor->height};
  return count_nodes(p, at, anchor->nodes);
}

static bool build_scalar(struct parse *p, const yaml_event_t *event, bool is_key, struct conf_node *out) {
  const char *value = (const char *)event->data.scalar.value;
  size_t size = event->data.scalar.length,
         at = skip_anchor(p, place(p, event->start_mark), event->data.scalar.anchor != NULL),
         end = place(p, event->end_mark);
  yaml_scalar_style_t style = event->data.scalar.style;
  enum conf_style own = style == YAML_SINGLE_QUOTED_SCALAR_STYLE   ? CONF_SINGLE
                        : style == YAML_DOUBLE_QUOTED_SCALAR_STYLE ? CONF_DOUBLE
                        : style == YAML_LITERAL_SCALAR_STYLE       ? CONF_LITERAL
                        : style == YAML_FOLDED_SCALAR_STYLE        ? CONF_FOLDED
                                                                   : CONF_PLAIN;
  bool block = own == CONF_LITERAL || own == CONF_FOLDED;
  uint32_t *where = ARENA_NEWS(p->arena, uint32_t, size + 1);
  *out = (struct conf_node){.kind = CONF_SCALAR, .quoted = own != CONF_PLAIN, .where = where};
  out->broken = refuse_tag(p, event->data.scalar.tag, event->start_mark);
  if (memchr(value, 0, size) != NULL) {
    conf_problem_at(p->errors, p->file, at, end, NULL, "a text cannot hold a zero byte");
    out->broken = true;
  }
  conf_scalar_where(p->file->text, at, block ? p->file->size : end, own, value, size, where);
  out->text = arena_copy(p->arena, value, size);
  out->null = own == CONF_PLAIN && (size == 0 || strcmp(value, "~") == 0);
  node_place(p, out, at, block ? where[size] : end);
  if (own == CONF_PLAIN && conf_stop_comment(out, p->flows > 0, p->errors)) note_stop(p, end);
  if (!is_key && !out->broken) conf_expand(p->arena, p->file, out, &p->budget, p->errors);
  return count_nodes(p, at, 1);
}

static bool build(struct parse *p, yaml_event_t *event, uint32_t depth, bool is_key, struct conf_node *out,
                  struct size *size);

/* ---- maps ---- */
static int pair_order(const void *a, const void *b) {
  const struct conf_node *x = *(struct conf_node *const *)a, *y = *(struct conf_node *const *)b;
  int order = strcmp(x->text, y->text);
  return order != 0 ? order : x < y ? -1 : x > y;
}

static void refuse_doubles(struct parse *p, const struct conf_node *map) {
  const struct conf_node **order = mem_alloc((map->count + 1) * sizeof *order);
  for (uint32_t i = 0; i < map->count; i++) order[i] = &map->key[i];
  qsort(order, map->count, sizeof *order, pair_order);
  for (uint32_t i = 1, first = 0; i < map->count; i++) {
    if (strcmp(order[first]->text, order[i]->text) != 0) {
      first = i;
      continue;
    }
    conf_error(p->errors, order[i], "the key '%s' is there twice", order[i]->text);
    conf_hint(p->errors, "it stands first in line %u", order[first]->line);
  }
  mem_free(order);
}

static void check_key(struct parse *p, struct conf_node *key) {
  if (key->kind != CONF_SCALAR) {
    conf_error(p->errors, key, "a key is text, not a %s", key->kind == CONF_MAP ? "map" : "list");
    hint_quoted(p, key->at);
  } else if (!key->quoted && strcmp(key->text, "<<") == 0) {
    conf_error(p->errors, key, "merge keys (<<) are not read");
    conf_hint(p->errors, "an alias can stand for a whole value: key: *name");
  } else if (strstr(key->text, "${") != NULL) {
    conf_error(p->errors, key, "${…} stands in values only, not in keys");
  } else if (!key->quoted && key->text[0] == 0) {
    conf_error(p->errors, key, "there is no key before this ':'");
  } else {
    return;
  }
  if (key->kind != CONF_SCALAR) {
    struct conf_node text = {.kind = CONF_SCALAR,
                             .file = key->file,
                             .line = key->line,
                             .column = key->column,
                             .text = "",
                             .at = key->at,
                             .end = key->at};
    *key = text;
    key->where = memcpy(arena_alloc(p->arena, sizeof(uint32_t)), &key->at, sizeof(uint32_t));
  }
  key->broken = true;
}

/* ---- collections ---- */
struct children {
  struct conf_node *node;
  uint32_t count, room;
};

static struct conf_node *children_add(struct children *c) {
  if (c->count == c->room) {
    c->room = c->room == 0 ? 8 : c->room * 2;
    c->node = mem_resize(c->node, c->room * sizeof *c->node);
  }
  return &c->node[c->count++];
}

static void children_keep(struct parse *p, struct conf_node *out, const struct children *c) {
  bool map = out->kind == CONF_MAP;
  out->count = map ? c->count / 2 : c->count;
  out->item = ARENA_NEWS(p->arena, struct conf_node, out->count + 1);
  if (map) out->key = ARENA_NEWS(p->arena, struct conf_node, out->count + 1);
  for (uint32_t i = 0; i < out->count; i++) {
    out->item[i] = map ? c->node[2 * i + 1] : c->node[i];
    if (map) out->key[i] = c->node[2 * i];
  }
}

static void collection_check(struct parse *p, struct conf_node *out, bool flow) {
  if (flow) conf_stop_flow(p->arena, out, p->errors);
  if (out->kind == CONF_MAP) {
    for (uint32_t i = 0; i < out->count; i++) {
      check_key(p, &out->key[i]);
      if (out->key[i].broken) out->item[i].broken = true;
    }
    refuse_doubles(p, out);
  }
  if (!flow && out->count > 0) out->end = out->kind == CONF_MAP ? out->key[0].end : out->item[0].end;
}

static bool build_collection(struct parse *p, const yaml_event_t *start, uint32_t depth, struct conf_node *out,
                             struct size *size) {
  bool map = start->type == YAML_MAPPING_START_EVENT;
  bool flow = map ? start->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                  : start->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
  bool anchored = (map ? start->data.mapping_start.anchor : start->data.sequence_start.anchor) != NULL;
  size_t at = skip_anchor(p, place(p, start->start_mark), anchored);
  *out = (struct conf_node){.kind = map ? CONF_MAP : CONF_LIST};
  out->broken = refuse_tag(p, map ? start->data.mapping_start.tag : start->data.sequence_start.tag, start->start_mark);
  node_place(p, out, at, at + 1);
  if (depth > CONF_MAX_DEPTH) {
    conf_problem_at(p->errors, p->file, at, at + 1, NULL, "maps and lists are nested more than %u deep",
                    CONF_MAX_DEPTH);
    return false;
  }
  if (flow) p->flow[p->flows++] = at;
  struct children children = {0};
  uint32_t before = p->nodes;
  bool good = count_nodes(p, at, 1), more = good;
  while (more) {
    yaml_event_t event;
    struct size inner = {0};
    if (!(good = next_event(p, &event))) break;
    more = event.type != YAML_MAPPING_END_EVENT && event.type != YAML_SEQUENCE_END_EVENT;
    if (more) {
      bool is_key = map && children.count % 2 == 0;
      good = more = build(p, &event, depth + 1, is_key, children_add(&children), &inner);
      if (inner.height >= size->height) size->height = inner.height + 1;
    } else if (flow) {
      out->end = (uint32_t)place(p, event.end_mark);
    }
    yaml_event_delete(&event);
  }
  if (flow) p->flows--;
  if (good) {
    children_keep(p, out, &children);
    collection_check(p, out, flow);
  }
  size->nodes = p->nodes - before;
  mem_free(children.node);
  return good;
}

static bool build(struct parse *p, yaml_event_t *event, uint32_t depth, bool is_key, struct conf_node *out,
                  struct size *size) {
  bool good = true;
  *size = (struct size){1, 1};
  if (event->type == YAML_ALIAS_EVENT) return build_alias(p, event, depth, out, size);
  bool scalar = event->type == YAML_SCALAR_EVENT;
  const yaml_char_t *name = scalar                                    ? event->data.scalar.anchor
                            : event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor
                                                                      : event->data.sequence_start.anchor;
  struct anchor *anchor = anchor_add(p, name, event->start_mark, &good);
  if (!good) return false;
  good = scalar ? build_scalar(p, event, is_key, out) : build_collection(p, event, depth, out, size);
  if (good && anchor != NULL) {
    anchor->node = *out;
    anchor->nodes = size->nodes;
    anchor->height = size->height;
  }
  return good;
}

/* ---- documents ---- */
static bool parse_documents(struct parse *p, struct conf_node **first) {
  struct conf_node **tail = first;
  bool more = true, good = true;
  while (more && good) {
    yaml_event_t event;
    struct size size = {0};
    if (!next_event(p, &event)) return false;
    more = event.type != YAML_STREAM_END_EVENT;
    if (event.type == YAML_DOCUMENT_START_EVENT) {
      p->anchors = 0;
      if (event.data.document_start.tag_directives.start != event.data.document_start.tag_directives.end) {
        size_t at = place(p, event.start_mark);
        conf_problem_at(p->errors, p->file, at, at + 1, NULL, "tags are not read, and neither is %%TAG");
      }
    } else if (event.type == YAML_SCALAR_EVENT || event.type == YAML_MAPPING_START_EVENT ||
               event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_ALIAS_EVENT) {
      struct conf_node *root = ARENA_NEW(p->arena, struct conf_node);
      good = build(p, &event, 1, false, root, &size);
      if (good && !root->null) {
        *tail = root;
        tail = &root->next;
      }
    }
    yaml_event_delete(&event);
  }
  return good;
}

struct conf_node *conf_parse(struct arena *arena, const char *path, const char *text, size_t size,
                             struct conf_errors *errors) {
  struct conf_file *file = ARENA_NEW(arena, struct conf_file);
  if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
    text += 3;
    size -= 3;
  }
  file->path = conf_clean(arena, path, strlen(path), 4096);
  file->size = size <= CONF_MAX_FILE ? size : 0;
  file->text = arena_copy(arena, size == 0 ? "" : text, file->size);
  if (size > CONF_MAX_FILE) {
    conf_problem_file(errors, file, "this file is larger than 1 MiB");
    return NULL;
  }
  struct parse *p = MEM_NEW(struct parse);
  p->arena = arena;
  p->errors = errors;
  p->file = file;
  p->budget = CONF_MAX_EXPANDED;
  p->stopped = SIZE_MAX;
  struct conf_node *first = NULL;
  bool good = yaml_parser_initialize(&p->yaml) == 1;
  if (good) {
    places_build(p);
    yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p->yaml, (const unsigned char *)file->text, file->size);
    good = parse_documents(p, &first);
    yaml_parser_delete(&p->yaml);
  } else {
    conf_problem_file(errors, file, "no memory is left to read this file");
  }
  mem_free(p->checkpoint);
  mem_free(p->line);
  mem_free(p);
  return good ? first : NULL;
}

/* ---- files ---- */
static char *file_read(int fd, size_t *size) {
  size_t room = CONF_MAX_FILE + 8; /* a byte order mark, and one byte to tell that there is more */
  char *text = mem_alloc(room);
  ssize_t got = 0;
  *size = 0;
  while (*size < room && ((got = read(fd, text + *size, room - *size)) > 0 || (got < 0 && errno == EINTR)))
    if (got > 0) *size += (size_t)got;
  if (got >= 0) return text;
  mem_free(text);
  return NULL;
}

struct conf_node *conf_load(struct arena *arena, const char *path, struct conf_errors *errors) {
  struct conf_file *file = ARENA_NEW(arena, struct conf_file);
  *file = (struct conf_file){.path = conf_clean(arena, path, strlen(path), 4096), .text = ""};
  size_t size = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  char *text = fd < 0 ? NULL : file_read(fd, &size);
  if (text == NULL) conf_problem_file(errors, file, "this file cannot be read: %s", strerror(errno));
  if (fd >= 0) close(fd);
  if (text == NULL) return NULL;
  struct conf_node *first = conf_parse(arena, path, text, size, errors);
  mem_free(text);
  return first;
}
