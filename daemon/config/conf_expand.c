/*
 * conf_expand: ${NAME}, ${NAME:-default}, ${NAME:?message}, ${file:/path}, ${credential:name}; $${ is ${.
 *
 * Only scalars are expanded, after the document was parsed: whatever a variable holds, it stays one text. Bytes that an
 * expansion gave stand, for errors, where its '$' stands. What files and credentials give is secret: the node is
 * marked, and the value is noted in the file, so that no message can show it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conf_parts.h"
#include "../base/buf.h"
#include "../data/text.h"

#define MOST_NESTING 8

struct expansion {
  struct arena *arena;
  struct conf_file *file;
  struct conf_node *node;
  struct conf_errors *errors;
  size_t *budget;
  struct buf text, where; /* where: uint32_t */
  uint32_t at;            /* where what is put now comes from */
};

static void put(struct expansion *e, const char *bytes, size_t size) {
  buf_put(&e->text, bytes, size);
  for (size_t i = 0; i < size; i++) buf_put(&e->where, &e->at, sizeof e->at);
}

/* A problem with the bytes from..to of the scalar's text. */
static bool fail(struct expansion *e, size_t from, size_t to, const char *hint, const char *format, ...)
    SPATE_PRINTF(5, 6);
static bool fail(struct expansion *e, size_t from, size_t to, const char *hint, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *message = conf_format(e->arena, format, args);
  va_end(args);
  conf_error_in(e->errors, e->node, (uint32_t)from, (uint32_t)(to - from), hint, "%s", message);
  return false;
}

static bool put_value(struct expansion *e, const char *value, size_t size, size_t from, size_t to) {
  if (size > *e->budget)
    return fail(e, from, to, NULL, "the ${…} of this file give more than %u bytes", CONF_MAX_EXPANDED);
  if (memchr(value, 0, size) != NULL || !text_utf8(value, size))
    return fail(e, from, to, NULL, "what this gives is no UTF-8 text");
  *e->budget -= size;
  put(e, value, size);
  return true;
}

/* ---- secrets ---- */
static void secret_note(struct expansion *e, const char *value, size_t size) {
  e->node->secret = true;
  if (size == 0) return;
  struct conf_secret *secret = ARENA_NEW(e->arena, struct conf_secret);
  *secret = (struct conf_secret){arena_copy(e->arena, value, size), size, e->file->secrets};
  e->file->secrets = secret;
}

/* The whole of a small regular file, without the line's end that editors put there. NULL: *why says what is wrong. */
static char *secret_read(struct arena *arena, const char *path, size_t *size, const char **why) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    *why = fd < 0 ? strerror(errno) : "it is no regular file";
    if (fd >= 0) close(fd);
    return NULL;
  }
  char *value = arena_alloc(arena, CONF_MAX_SECRET + 2);
  ssize_t got = 0;
  *size = 0;
  while (*size <= CONF_MAX_SECRET && (got = read(fd, value + *size, CONF_MAX_SECRET + 1 - *size)) > 0)
    *size += (size_t)got;
  int error = errno;
  close(fd);
  *why = got < 0 ? strerror(error) : "it holds more than 64 KiB";
  if (got < 0 || *size > CONF_MAX_SECRET) return NULL;
  if (*size > 0 && value[*size - 1] == '\n') --*size;
  if (*size > 0 && value[*size - 1] == '\r') --*size;
  value[*size] = 0;
  return value;
}

static bool put_secret(struct expansion *e, const char *path, const char *what, size_t from, size_t to) {
  const char *why = "";
  size_t size = 0;
  char *value = secret_read(e->arena, path, &size, &why);
  if (value == NULL) return fail(e, from, to, NULL, "%s cannot be read: %s", what, why);
  secret_note(e, value, size);
  return put_value(e, value, size, from, to);
}

static bool put_file(struct expansion *e, const char *path, size_t from, size_t to) {
  if (path[0] != '/') return fail(e, from, to, "write ${file:/path}", "the path of a secret is absolute");
  return put_secret(e, path, arena_format(e->arena, "the file '%s'", path), from, to);
}

static bool put_credential(struct expansion *e, const char *name, size_t from, size_t to) {
  const char *directory = getenv("CREDENTIALS_DIRECTORY");
  if (name[0] == 0 || name[0] == '.' || strchr(name, '/') != NULL)
    return fail(e, from, to, NULL, "a credential's name is not empty, holds no '/' and does not begin with '.'");
  if (directory == NULL || directory[0] != '/')
    return fail(e, from, to, "systemd sets it for a unit with LoadCredential=",
                "there are no credentials here: CREDENTIALS_DIRECTORY is not set");
  return put_secret(e, arena_format(e->arena, "%s/%s", directory, name),
                    arena_format(e->arena, "the credential '%s'", name), from, to);
}

/* ---- the text ---- */
/* The brace that closes the one before text[at]; SIZE_MAX: there is none. */
static size_t brace_close(const char *text, size_t at) {
  for (size_t depth = 1; text[at] != 0; at++) {
    if (text[at] == '{') depth++;
    if (text[at] == '}' && --depth == 0) return at;
  }
  return SIZE_MAX;
}

static size_t name_size(const char *text) {
  size_t n = 0;
  while ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z') || text[n] == '_' ||
         (n > 0 && text[n] >= '0' && text[n] <= '9'))
    n++;
  return n;
}

static bool expand_range(struct expansion *e, const char *text, size_t from, size_t to, int depth);

/* text[from..close] is "${" … "}". */
static bool expand_one(struct expansion *e, const char *text, size_t from, size_t close, int depth) {
  static const char form[] =
      "write ${NAME}, ${NAME:-default}, ${NAME:?message}, ${file:/path} or ${credential:name}; $${ is ${ itself";
  size_t inside = from + 2, n = name_size(text + inside), after = inside + n;
  const char *name = arena_copy(e->arena, text + inside, n);
  const char *rest = arena_copy(e->arena, text + after, close - after);
  if (strncmp(rest, ":-", 2) != 0 && strncmp(rest, ":?", 2) != 0 && rest[0] == ':') {
    if (strcmp(name, "file") == 0) return put_file(e, rest + 1, from, close + 1);
    if (strcmp(name, "credential") == 0) return put_credential(e, rest + 1, from, close + 1);
  }
  if (n == 0 || (rest[0] != 0 && strncmp(rest, ":-", 2) != 0 && strncmp(rest, ":?", 2) != 0))
    return fail(e, from, close + 1, form, "this is no expansion");
  const char *value = getenv(name);
  if (value != NULL && (value[0] != 0 || rest[0] == 0)) return put_value(e, value, strlen(value), from, close + 1);
  if (strncmp(rest, ":-", 2) == 0) {
    if (depth >= MOST_NESTING)
      return fail(e, from, close + 1, NULL, "defaults are nested more than %d deep", MOST_NESTING);
    return expand_range(e, text, after + 2, close, depth + 1);
  }
  const char *state = value == NULL ? "not set" : "empty";
  if (rest[0] == ':' && rest[2] != 0)
    return fail(e, from, close + 1, NULL, "the variable %s is %s: %s", name, state, rest + 2);
  return fail(e, from, close + 1, arena_format(e->arena, "set it, or give a default: ${%s:-…}", name),
              "the variable %s is %s", name, state);
}

static bool expand_range(struct expansion *e, const char *text, size_t from, size_t to, int depth) {
  bool good = true;
  for (size_t i = from; i < to;) {
    if (depth == 0) e->at = e->node->where[i];
    if (text[i] != '$' || i + 1 >= to || (text[i + 1] != '{' && text[i + 1] != '$')) {
      put(e, text + i++, 1);
    } else if (text[i + 1] == '$') {
      bool escape = i + 2 < to && text[i + 2] == '{';
      put(e, escape ? "${" : "$", escape ? 2 : 1);
      i += escape ? 3 : 1;
    } else {
      size_t close = brace_close(text, i + 2);
      if (close == SIZE_MAX || close >= to)
        return fail(e, i, i + 2, "$${ is ${ itself", "this ${ is never closed by a }");
      good = expand_one(e, text, i, close, depth) && good;
      i = close + 1;
    }
  }
  return good;
}

void conf_expand(struct arena *arena, struct conf_file *file, struct conf_node *scalar, size_t *budget,
                 struct conf_errors *errors) {
  const char *text = scalar->text;
  if (strstr(text, "${") == NULL) return;
  struct expansion e = {.arena = arena, .file = file, .node = scalar, .errors = errors, .budget = budget};
  size_t size = strlen(text);
  bool good = expand_range(&e, text, 0, size, 0);
  e.at = scalar->where[size];
  buf_put(&e.where, &e.at, sizeof e.at);
  scalar->text = arena_copy(arena, e.text.data == NULL ? "" : e.text.data, e.text.size);
  scalar->where = (const uint32_t *)(const void *)memcpy(arena_alloc(arena, e.where.size), e.where.data, e.where.size);
  scalar->broken = !good;
  scalar->null = false; /* an empty variable is an empty text, as if it were quoted */
  buf_free(&e.text);
  buf_free(&e.where);
}
