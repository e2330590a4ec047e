/*
 * kernel: what the groups of scalar functions share: the loop over the rows that count, access to arguments, writing of
 * text, and the checking of argument types from a short word.
 *
 * A kernel of a strict function sees only rows whose arguments are all there. What it cannot compute it marks with
 * frame->fail(), for that row alone; a null of its own making (no match) is spate_column_set_null() on the result.
 */
#ifndef EXPR_FUNCTIONS_KERNEL_H
#define EXPR_FUNCTIONS_KERNEL_H
#include "../function.h"

/* Runs the statement that follows for each selected row that is neither null nor in error. */
#define EACH_ROW(f, row)                                                                                           \
  for (uint32_t k_ = 0, row = 0; k_ < (f)->count && ((row = (f)->selection != NULL ? (f)->selection[k_] : k_), 1); \
       k_++)                                                                                                       \
    if ((f)->skip == NULL || !(f)->skip[row])

/* A value may have at most this many bytes as the result of a function: repeat() and lpad() could ask for any number.
 */
#define FUNCTION_TEXT_BYTES (16u << 20)

struct text_arg { /* a string or bytes value */
  const char *at;
  uint32_t size;
};
static inline struct text_arg arg_text(const struct expr_call_frame *f, uint32_t i, uint32_t row) {
  struct text_arg t;
  t.at = spate_column_bytes(f->arg[i].column, arg_row(&f->arg[i], row), &t.size);
  return t;
}
static inline int64_t arg_int(const struct expr_call_frame *f, uint32_t i, uint32_t row) {
  return f->arg[i].column->i64[arg_row(&f->arg[i], row)];
}
static inline double arg_double(const struct expr_call_frame *f, uint32_t i, uint32_t row) {
  return f->arg[i].column->f64[arg_row(&f->arg[i], row)];
}
static inline spate_i128 arg_decimal(const struct expr_call_frame *f, uint32_t i, uint32_t row) {
  return f->arg[i].column->dec[arg_row(&f->arg[i], row)];
}
static inline bool arg_null(const struct expr_call_frame *f, uint32_t i, uint32_t row) {
  return spate_column_null(f->arg[i].column, arg_row(&f->arg[i], row));
}

/* Writes the row's text, or fails the row when it is too long. */
void text_put(struct expr_call_frame *f, uint32_t row, const void *bytes, size_t size);
/* Room for `size` bytes, to be confirmed by spate_column_wrote(); NULL: the row has been failed. */
char *text_room(struct expr_call_frame *f, uint32_t row, size_t size);
/* The same for a size that is only the most there can be, and a small multiple of an argument's. */
char *text_room_most(struct expr_call_frame *f, uint32_t row, size_t size);

/* UTF-8. Text is valid, but nothing here reads beyond `end` if it is not. */
static inline const char *utf8_next(const char *at, const char *end) {
  unsigned char c = (unsigned char)*at;
  long step = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
  return end - at < step ? end : at + step;
}
uint32_t utf8_get(const char **at, const char *end); /* the code point at *at, which moves past it */
size_t utf8_put(char *out, uint32_t code);           /* at most 4 bytes */
uint32_t utf8_count(const char *at, const char *end);
/* `n` characters further, at most to the end. */
const char *utf8_skip(const char *at, const char *end, int64_t n);

/*
 * Checks and casts arguments by a word with a letter for each: s string, i int, d double, t timestamp, b bytes or
 * string, n int, double or decimal (kept as it is), * anything as a string. Further arguments take the last letter; an
 * argument after '?' is optional (the table's min_args says so too). Null fits each. `result` is a kind.
 */
int types_check(const struct spate_type *arg, uint32_t args, const char *word, enum spate_kind result,
                struct expr_resolved *out, struct spate_error *err);
#endif
