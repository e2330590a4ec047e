/*
 * conf_error: the list of what is wrong with the files of a user.
 *
 * Checks add problems in the order in which they find them and go on; whoever started the checks prints all of them,
 * sorted by place. A problem knows bytes of a file; line and column are worked out when it is added.
 * Laws: nothing of a secret is ever in a message, whatever a caller put there; a message is one line; the list is
 * bounded, the count is not; what was found wrong once (a broken node) is not found wrong again by later checks.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "conf_parts.h"
#include "../base/mem.h"

#define MOST_MESSAGE 600u
#define MOST_HINT 900u

void conf_errors_init(struct conf_errors *errors) {
  memset(errors, 0, sizeof *errors);
  errors->arena = arena_new();
}

void conf_errors_fini(struct conf_errors *errors) {
  mem_free(errors->problem);
  arena_free(&errors->arena);
  memset(errors, 0, sizeof *errors);
}

char *conf_format(struct arena *arena, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  char *text = arena_alloc(arena, size < 0 ? 1 : (size_t)size + 1);
  if (size > 0) vsnprintf(text, (size_t)size + 1, format, again);
  va_end(again);
  return text;
}

/* ---- secrets ---- */
static char *replace_all(struct arena *arena, char *text, const char *what, size_t size) {
  for (char *hit = memmem(text, strlen(text), what, size); hit != NULL;) {
    size_t before = (size_t)(hit - text);
    text = arena_format(arena, "%.*s***%s", (int)before, text, hit + size);
    hit = memmem(text + before + 3, strlen(text + before + 3), what, size);
  }
  return text;
}

/* In a message about a secret node whatever stands in quotes and is part of a secret goes, however short it is. */
static char *hide_quoted(struct arena *arena, char *text, const struct conf_secret *secrets) {
  for (char *open = strchr(text, '\''); open != NULL;) {
    char *close = strchr(open + 1, '\'');
    if (close == NULL) break;
    size_t size = (size_t)(close - open - 1), before = (size_t)(open + 1 - text);
    bool hide = false;
    for (const struct conf_secret *s = secrets; s != NULL && size > 0; s = s->next)
      hide = hide || memmem(s->value, s->size, open + 1, size) != NULL || memmem(open + 1, size, s->value, s->size);
    if (!hide) { /* the same quote may open the next: "can't read 'x'" */
      open = close;
      continue;
    }
    text = arena_format(arena, "%.*s***%s", (int)before, text, close);
    open = strchr(text + before + 4, '\'');
  }
  return text;
}

static const char *hide_secrets(struct arena *arena, const char *given, const struct conf_file *file, bool secret) {
  if (given == NULL || file == NULL || file->secrets == NULL) return given;
  char *text = arena_text(arena, given);
  for (const struct conf_secret *s = file->secrets; s != NULL; s = s->next)
    if (s->size >= 4) text = replace_all(arena, text, s->value, s->size);
  return secret ? hide_quoted(arena, text, file->secrets) : text;
}

/* ---- adding ---- */
static uint32_t characters(const char *from, const char *to) {
  uint32_t n = 0;
  for (; from < to; from++) n += ((unsigned char)*from & 0xc0u) != 0x80u;
  return n;
}

static void place_fill(struct conf_problem *problem, size_t from, size_t to) {
  const struct conf_file *file = problem->file;
  if (from > file->size) from = file->size;
  if (to > file->size) to = file->size;
  const char *at = file->text + from, *line = file->text;
  problem->line = 1;
  for (const char *end; (end = memchr(line, '\n', (size_t)(at - line))) != NULL; line = end + 1) problem->line++;
  const char *stop = memchr(at, '\n', file->size - from);
  if (stop == NULL) stop = file->text + file->size;
  if (stop > at && stop[-1] == '\r') stop--;
  if (file->text + to < stop) stop = file->text + to;
  problem->column = characters(line, at) + 1;
  problem->length = stop > at ? characters(at, stop) : 1;
}

static bool known(const struct conf_errors *errors, const struct conf_problem *p) {
  for (uint32_t i = 0; i < errors->count; i++) {
    const struct conf_problem *q = &errors->problem[i];
    if (q->file == p->file && q->line == p->line && q->column == p->column && strcmp(q->message, p->message) == 0)
      return true;
  }
  return false;
}

/* Whether there is no room for one more: then it is only counted, and costs nothing else. */
static bool problem_beyond(struct conf_errors *errors, bool warning) {
  errors->last = 0;
  if (errors->count < CONF_MOST_PROBLEMS) return false;
  errors->errors += !warning;
  return true;
}

static bool problem_add(struct conf_errors *errors, struct conf_problem problem, bool about_secret) {
  const char *message = hide_secrets(errors->arena, problem.message, problem.file, about_secret);
  const char *hint = hide_secrets(errors->arena, problem.hint, problem.file, about_secret);
  problem.message = conf_clean(errors->arena, message, strlen(message), MOST_MESSAGE);
  if (hint != NULL) problem.hint = conf_clean(errors->arena, hint, strlen(hint), MOST_HINT);
  if (known(errors, &problem)) return false;
  errors->errors += !problem.warning;
  if (errors->count == errors->room) {
    errors->room = errors->room == 0 ? 8 : errors->room * 2;
    errors->problem = mem_resize(errors->problem, errors->room * sizeof *errors->problem);
  }
  errors->problem[errors->count++] = problem;
  errors->last = errors->count;
  return true;
}

/* The node's own bytes; a broken one has been spoken of already, and its owner need not hear more. */
static bool node_problem(struct conf_errors *errors, const struct conf_node *node, struct conf_problem problem,
                         bool hidden) {
  if (node == NULL) return problem_add(errors, problem, false);
  if (node->broken) {
    errors->last = 0;
    errors->errors += !problem.warning && errors->errors == 0;
    return false;
  }
  problem.file = node->file;
  problem.secret = hidden;
  problem.line = node->line;
  problem.column = node->column;
  problem.length = 1;
  if (node->file != NULL) place_fill(&problem, node->at, node->end);
  return problem_add(errors, problem, node->secret);
}

bool conf_problem_at(struct conf_errors *errors, const struct conf_file *file, size_t from, size_t to, const char *hint,
                     const char *format, ...) {
  if (problem_beyond(errors, false)) return false;
  va_list args;
  va_start(args, format);
  struct conf_problem problem = {.file = file, .hint = hint, .message = conf_format(errors->arena, format, args)};
  va_end(args);
  place_fill(&problem, from, to);
  return problem_add(errors, problem, false);
}

void conf_problem_file(struct conf_errors *errors, const struct conf_file *file, const char *format, ...) {
  if (problem_beyond(errors, false)) return;
  va_list args;
  va_start(args, format);
  struct conf_problem problem = {.file = file, .message = conf_format(errors->arena, format, args)};
  va_end(args);
  problem_add(errors, problem, false);
}

void conf_error(struct conf_errors *errors, const struct conf_node *node, const char *format, ...) {
  if (problem_beyond(errors, false)) return;
  va_list args;
  va_start(args, format);
  struct conf_problem problem = {.message = conf_format(errors->arena, format, args)};
  va_end(args);
  node_problem(errors, node, problem, false);
}

void conf_error_secret(struct conf_errors *errors, const struct conf_node *node, const char *format, ...) {
  if (problem_beyond(errors, false)) return;
  va_list args;
  va_start(args, format);
  struct conf_problem problem = {.message = conf_format(errors->arena, format, args)};
  va_end(args);
  node_problem(errors, node, problem, true);
}

void conf_warn(struct conf_errors *errors, const struct conf_node *node, const char *format, ...) {
  if (problem_beyond(errors, true)) return;
  va_list args;
  va_start(args, format);
  struct conf_problem problem = {.warning = true, .message = conf_format(errors->arena, format, args)};
  va_end(args);
  node_problem(errors, node, problem, false);
}

void conf_error_in(struct conf_errors *errors, const struct conf_node *node, uint32_t offset, uint32_t length,
                   const char *hint, const char *format, ...) {
  if (problem_beyond(errors, false)) return;
  va_list args;
  va_start(args, format);
  struct conf_problem problem = {.hint = hint, .message = conf_format(errors->arena, format, args)};
  va_end(args);
  if (node == NULL || node->broken || node->kind != CONF_SCALAR || node->where == NULL) {
    node_problem(errors, node, problem, false);
    return;
  }
  size_t size = strlen(node->text);
  size_t first = offset < size ? offset : size, beyond = first + (length == 0 ? 1 : length);
  if (beyond > size) beyond = size;
  size_t from = node->where[first], to = node->where[beyond];
  /* Bytes that one ${…} gave share its place; a scalar's lines may fold. Underline what is there, at least one. */
  for (size_t i = beyond; to <= from && i <= size; i++) to = node->where[i];
  problem.file = node->file;
  place_fill(&problem, from, to);
  problem_add(errors, problem, node->secret);
}

void conf_hint(struct conf_errors *errors, const char *format, ...) {
  if (errors->last == 0) return;
  struct conf_problem *problem = &errors->problem[errors->last - 1];
  va_list args;
  va_start(args, format);
  const char *hint = conf_format(errors->arena, format, args);
  va_end(args);
  hint = hide_secrets(errors->arena, hint, problem->file, false);
  problem->hint = conf_clean(errors->arena, hint, strlen(hint), MOST_HINT);
}

/* ---- printing ---- */
struct entry {
  const struct conf_problem *problem;
  uint32_t index;
};

static int entry_order(const void *a, const void *b) {
  const struct entry *x = a, *y = b;
  const struct conf_problem *p = x->problem, *q = y->problem;
  if ((p->file == NULL) != (q->file == NULL)) return p->file == NULL ? 1 : -1;
  int by_path = p->file != NULL && p->file != q->file ? strcmp(p->file->path, q->file->path) : 0;
  if (by_path != 0) return by_path;
  if (p->line != q->line) return p->line < q->line ? -1 : 1;
  if (p->column != q->column) return p->column < q->column ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

static void problem_print(const struct conf_problem *p, FILE *out, bool colour) {
  const char *bold = colour ? "\033[1m" : "", *off = colour ? "\033[0m" : "";
  const char *tint = !colour ? "" : p->warning ? "\033[1;35m" : "\033[1;31m";
  const char *word = p->warning ? "warning" : "error";
  fputs(bold, out);
  if (p->file != NULL) fprintf(out, "%s:", p->file->path);
  if (p->file != NULL && p->line > 0) fprintf(out, "%u:%u:", p->line, p->column > 0 ? p->column : 1);
  fprintf(out, "%s%s%s%s:%s %s%s%s\n", p->file != NULL ? " " : "", off, tint, word, off, bold, p->message, off);
  if (p->file != NULL && p->line > 0) conf_show_line(out, p, colour);
  if (p->hint != NULL && p->hint[0] != 0) fprintf(out, "      = %s\n", p->hint);
}

void conf_errors_print(const struct conf_errors *errors, FILE *out, bool colour) {
  struct entry *order = mem_zero(errors->count + 1u, sizeof *order);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < errors->count; i++) {
    order[i] = (struct entry){&errors->problem[i], i};
    kept += !errors->problem[i].warning;
  }
  qsort(order, errors->count, sizeof *order, entry_order);
  for (uint32_t i = 0; i < errors->count; i++) problem_print(order[i].problem, out, colour);
  if (errors->errors > kept) fprintf(out, "and %u more errors\n", errors->errors - kept);
  mem_free(order);
}
