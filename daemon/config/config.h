/*
 * config: YAML text to a tree with a position on every node, and tables of keys that turn nodes into filled structs.
 *
 * Law: every error of a file is found in one go, each with file, line, column, what is wrong and what was perhaps
 * meant. Expansion of ${…} happens in scalars after parsing, so a value can never change the structure of the document.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "../api/spate.h"
#include "../base/arena.h"

/* ---- errors ---- */
struct conf_secret { /* what ${file:…} and ${credential:…} gave: taken out of every message */
  const char *value;
  size_t size;
  const struct conf_secret *next;
};
struct conf_file { /* the text of a file (without a byte order mark), kept for the lines under errors */
  const char *path;
  const char *text;
  size_t size;
  const struct conf_secret *secrets;
};
struct conf_problem {
  const struct conf_file *file; /* NULL: about no file in particular */
  uint32_t line, column;        /* from 1; 0: none. Columns count characters */
  uint32_t length;              /* for the caret: at least 1 */
  bool warning;
  bool secret;                /* what the caret underlines is not to be shown */
  const char *message, *hint; /* hint: "did you mean 'filter'?" or NULL */
};
struct conf_errors {
  struct arena *arena; /* all text of this */
  struct conf_problem *problem;
  uint32_t count, room, errors; /* errors: without the warnings, and with those beyond CONF_MOST_PROBLEMS */
  uint32_t last;                /* 1 + index of the problem that conf_hint speaks of; 0: it was not kept */
};
#define CONF_MOST_PROBLEMS 1000u /* kept; the rest is counted */
void conf_errors_init(struct conf_errors *errors);
void conf_errors_fini(struct conf_errors *errors);
/* Sorted by place: "file:line:column: error: message", the line, a caret under it, the hint. */
void conf_errors_print(const struct conf_errors *errors, FILE *out, bool colour);

/* ---- the tree ---- */
enum conf_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };
struct conf_node {
  enum conf_kind kind;
  const struct conf_file *file;
  uint32_t line, column;  /* where it begins (of a quoted scalar: the quote) */
  const char *text;       /* scalar: after expansion, terminated */
  bool quoted;            /* 'x' or "x" or a block scalar */
  bool secret;            /* holds ${file:…} or ${credential:…}: never to be printed */
  bool null;              /* plain and empty, or ~ */
  bool broken;            /* an error about it was added already: further ones are not kept */
  uint32_t at, end;       /* where it lies in file->text, quotes included (block maps and lists: their first entry) */
  const uint32_t *where;  /* scalar: for each byte of text, and one beyond, its offset in file->text */
  uint32_t count;         /* list: items; map: pairs */
  struct conf_node *item; /* list: items; map: values */
  struct conf_node *key;  /* map: keys, scalars */
  struct conf_node *next; /* documents of a file */
};
/* Parses all documents of a text; NULL when there is none or errors were added (some tree may still be given: then
 * checks go on, and more errors are found). Limits: 1 MiB, depth 32, aliases counted in what they expand to;
 * duplicate keys are errors. Nodes and texts live in arena. */
struct conf_node *conf_parse(struct arena *arena, const char *path, const char *text, size_t size,
                             struct conf_errors *errors);
struct conf_node *conf_load(struct arena *arena, const char *path, struct conf_errors *errors);

const struct conf_node *conf_get(const struct conf_node *map, const char *key); /* NULL: absent */
const struct conf_node *conf_key(const struct conf_node *map, const char *key); /* its key node, for errors */

/* At a node; `offset`, `length`: bytes inside its text (an expression), mapped back to the right place of the file. */
void conf_error(struct conf_errors *errors, const struct conf_node *node, const char *format, ...) SPATE_PRINTF(3, 4);
void conf_error_in(struct conf_errors *errors, const struct conf_node *node, uint32_t offset, uint32_t length,
                   const char *hint, const char *format, ...) SPATE_PRINTF(6, 7);
void conf_warn(struct conf_errors *errors, const struct conf_node *node, const char *format, ...) SPATE_PRINTF(3, 4);
/* Adds a hint to the error that was added last. */
void conf_hint(struct conf_errors *errors, const char *format, ...) SPATE_PRINTF(2, 3);
/* The same: "did you mean '…'?" where a candidate is near, else "known are: …" where they are few. */
void conf_hint_nearest(struct conf_errors *errors, const char *word, const char *const *candidates, size_t count);
/* What check functions of plugins say, at the option that err names ("tls.ca": inside a group), or at the map. */
void conf_fail(struct conf_errors *errors, const struct conf_node *map, const struct spate_error *err);
/* The value at a path of keys joined by dots (a key may hold dots itself), or NULL. */
const struct conf_node *conf_find(const struct conf_node *map, const char *path);
/* A scalar's text for a message: "***" for a secret, and cut where it is long. "a map", "a list" for the others. */
const char *conf_shown(const struct conf_node *node, char *room, size_t size);
#define CONF_SHOWN 80 /* enough room for conf_shown */

/* ---- did you mean ---- */
/* The candidate nearest to word (Damerau-Levenshtein at most a third of its length, case counts half), or NULL. */
const char *conf_nearest(const char *word, const char *const *candidates, size_t count);

/* ---- tables of keys ---- */
/* Fills `out` from a map by the table: defaults, types, ranges, required and unknown keys (with 'did you mean'). A NULL
 * node fills the defaults. `skip`: keys that others read (NULL-terminated), or NULL. Strings live in arena.
 * Columns and templates are checked against `columns` when that is given, and get their index. -1: errors were added.
 */
int conf_fill(struct arena *arena, const struct spate_option *table, const struct conf_node *map,
              const char *const *skip, const struct spate_schema *columns, void *out, struct conf_errors *errors);
/* Single values, for code that walks the tree itself. -1: an error was added. */
int conf_duration(const struct conf_node *node, int64_t *us,
                  struct conf_errors *errors);                      /* 250ms 10s 5m 1h 1d, signed */
const char *conf_duration_text(int64_t us, char *out, size_t room); /* the other way: as it is written */
int conf_size(const struct conf_node *node, int64_t *bytes, struct conf_errors *errors);
int conf_int(const struct conf_node *node, int64_t *value, struct conf_errors *errors);
int conf_bool(const struct conf_node *node, bool *value, struct conf_errors *errors);
int conf_address(const struct conf_node *node, const char **address,
                 struct conf_errors *errors); /* host:port, [::1]:1 */
/* One of the words (NULL-terminated): its index. */
int conf_word(const struct conf_node *node, const char *const *words, int *index, struct conf_errors *errors);
/* Templates: "{name}" are columns, "{{" a brace. Names that are no column are words for spate_template_render_words:
 * any name when columns is NULL; else pipeline, epoch and date. NULL: an error was added. */
struct spate_template *conf_template(struct arena *arena, const struct conf_node *node,
                                     const struct spate_schema *columns, struct conf_errors *errors);
/* The manual: a troff table of an option table; and plain text for --help. */
void conf_manual(FILE *out, const struct spate_option *table, bool troff);

#endif
