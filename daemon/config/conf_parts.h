/*
 * conf_parts: what the files of this room share and nobody else sees.
 *
 * Offsets are bytes in conf_file.text; columns are counted in characters. Everything about places is worked out from
 * offsets, never from what libyaml calls a line, so that a caret always points at what an editor shows there.
 */
#ifndef CONFIG_CONF_PARTS_H
#define CONFIG_CONF_PARTS_H
#include "config.h"

#define CONF_MAX_FILE (1u << 20)
#define CONF_MAX_DEPTH 32u
#define CONF_MAX_NODES 100000u /* of a file, aliases counted in what they expand to */
#define CONF_MAX_ANCHORS 256u
#define CONF_MAX_EXPANDED (4u << 20) /* bytes that all ${…} of a file may give */
#define CONF_MAX_SECRET (64u << 10)  /* bytes of a secret's file */

/* ---- conf_error.c ---- */
/* A problem about the bytes from..to of a file. Returns false when it was only counted. */
bool conf_problem_at(struct conf_errors *errors, const struct conf_file *file, size_t from, size_t to, const char *hint,
                     const char *format, ...) SPATE_PRINTF(6, 7);
/* About a file as a whole. */
void conf_problem_file(struct conf_errors *errors, const struct conf_file *file, const char *format, ...)
    SPATE_PRINTF(3, 4);
/* As conf_error, for a value that the option table calls secret: the line is shown without it. */
void conf_error_secret(struct conf_errors *errors, const struct conf_node *node, const char *format, ...)
    SPATE_PRINTF(3, 4);
char *conf_format(struct arena *arena, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* ---- conf_show.c ---- */
void conf_show_line(FILE *out, const struct conf_problem *problem, bool colour);
/* Text for one line of output: control characters escaped, broken UTF-8 replaced, cut at `most` bytes. */
char *conf_clean(struct arena *arena, const char *text, size_t size, size_t most);

/* ---- conf_scalar.c ---- */
enum conf_style { CONF_PLAIN, CONF_SINGLE, CONF_DOUBLE, CONF_LITERAL, CONF_FOLDED };
/* where[0..size] for a scalar that libyaml read as value[0..size) from text[from..to); of a block scalar `to` is the
 * end of the file. False: the text could not be followed (then every place is near the beginning). */
bool conf_scalar_where(const char *text, size_t from, size_t to, enum conf_style style, const char *value, size_t size,
                       uint32_t *where);

/* ---- conf_expand.c ---- */
/* Replaces ${…} in a scalar. `budget`: bytes that may still be given; it is used up. */
void conf_expand(struct arena *arena, struct conf_file *file, struct conf_node *scalar, size_t *budget,
                 struct conf_errors *errors);

/* ---- conf_stop.c ---- */
/* A map or list in brackets whose entries YAML cut inside an expression: says so, and mends the entries. */
void conf_stop_flow(struct arena *arena, struct conf_node *flow, struct conf_errors *errors);
/* A plain scalar whose quote or bracket is closed only in what YAML takes for a comment. `flow`: inside of brackets. */
bool conf_stop_comment(struct conf_node *scalar, bool flow, struct conf_errors *errors);
/* The quoted form of the value around `at`, where YAML could not go on ("a: \"f(x, 1)\""), or NULL. `flow`: offset of
 * the innermost open bracket, or SIZE_MAX. */
const char *conf_stop_quoted(struct arena *arena, const struct conf_file *file, size_t at, size_t flow);

/* ---- conf_value.c ---- */
/* A text as a value; on failure a message without the value, and a hint or "". */
struct conf_verdict {
  char message[160], hint[120];
};
bool conf_read_duration(const char *text, int64_t *us, struct conf_verdict *verdict);
bool conf_read_size(const char *text, int64_t *bytes, struct conf_verdict *verdict);
bool conf_read_int(const char *text, int64_t *value, struct conf_verdict *verdict);
bool conf_read_double(const char *text, double *value, struct conf_verdict *verdict);
bool conf_read_bool(const char *text, bool *value, struct conf_verdict *verdict);
bool conf_read_address(const char *text, struct conf_verdict *verdict);

#endif
