/*
 * like: patterns of SQL (% any text, _ one character), and texts put together by ||.
 *
 * A constant pattern is taken apart once; most are a piece of text with a % before or after it, and become one memcmp
 * or memmem. The general case keeps the last % and comes back to it, which needs no recursion. Without `escape` there
 * is no escape character, as in Flink and the standard.
 */
#include "../base/mem.h"
#include "node.h"

enum like_shape { LIKE_EXACT, LIKE_PREFIX, LIKE_SUFFIX, LIKE_INSIDE, LIKE_GENERAL };
enum like_mark { LIKE_BYTE, LIKE_ONE, LIKE_ANY };
struct like_pattern {
  enum like_shape shape;
  const char *text; /* without the % of the simple shapes */
  const uint8_t *mark;
  uint32_t size;
};

/* Takes a pattern apart into text[] and mark[], each with room for `size`. */
static int like_parse(const char *p, uint32_t size, const char *escape, uint32_t escape_size, char *text, uint8_t *mark,
                      uint32_t *out, const char **message) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < size;) {
    if (escape_size > 0 && size - i >= escape_size && memcmp(p + i, escape, escape_size) == 0) {
      i += escape_size;
      bool itself = size - i >= escape_size && memcmp(p + i, escape, escape_size) == 0;
      if (i == size || (p[i] != '%' && p[i] != '_' && !itself)) {
        *message = "in a pattern of like, the escape character stands before %, _ or itself only";
        return -1;
      }
      for (uint32_t e = itself ? escape_size : 1; e > 0; e--, n++, i++) text[n] = p[i], mark[n] = LIKE_BYTE;
      continue;
    }
    uint8_t m = p[i] == '%' ? LIKE_ANY : p[i] == '_' ? LIKE_ONE : LIKE_BYTE;
    if (m != LIKE_ANY || n == 0 || mark[n - 1] != LIKE_ANY) text[n] = p[i], mark[n++] = m;
    i++;
  }
  *out = n;
  return 0;
}

static bool like_plain(const uint8_t *mark, uint32_t from, uint32_t to) {
  for (uint32_t i = from; i < to; i++)
    if (mark[i] != LIKE_BYTE) return false;
  return true;
}

static struct like_pattern like_shape_of(const char *text, const uint8_t *mark, uint32_t n) {
  bool front = n > 0 && mark[0] == LIKE_ANY, back = n > 0 && mark[n - 1] == LIKE_ANY;
  struct like_pattern p = {LIKE_GENERAL, text, mark, n};
  if (like_plain(mark, 0, n)) {
    p.shape = LIKE_EXACT;
  } else if (back && like_plain(mark, 0, n - 1)) {
    p = (struct like_pattern){LIKE_PREFIX, text, mark, n - 1};
  } else if (front && like_plain(mark, 1, n)) {
    p = (struct like_pattern){LIKE_SUFFIX, text + 1, mark, n - 1};
  } else if (front && back && n > 2 && like_plain(mark, 1, n - 1)) {
    p = (struct like_pattern){LIKE_INSIDE, text + 1, mark, n - 2};
  }
  return p;
}

const struct like_pattern *like_compile(struct arena *arena, const char *text, uint32_t size, const char *escape,
                                        uint32_t escape_size, const char **message) {
  char *bytes = arena_alloc(arena, size + 1);
  uint8_t *mark = arena_alloc(arena, size + 1);
  struct like_pattern *p = ARENA_NEW(arena, struct like_pattern);
  uint32_t n;
  if (like_parse(text, size, escape, escape_size, bytes, mark, &n, message) != 0) return NULL;
  *p = like_shape_of(bytes, mark, n);
  return p;
}

static uint32_t character_size(char c) {
  unsigned char u = (unsigned char)c;
  return u < 0xc0 ? 1 : u < 0xe0 ? 2 : u < 0xf0 ? 3 : 4;
}

static bool like_general(const struct like_pattern *p, const char *s, uint32_t size) {
  uint32_t i = 0, j = 0, back_i = 0, back_j = UINT32_MAX; /* of the text, of the pattern; where the last % began */
  while (i < size) {
    if (j < p->size && p->mark[j] == LIKE_ANY) {
      back_j = ++j;
      back_i = i;
    } else if (j < p->size && p->mark[j] == LIKE_ONE) {
      i += character_size(s[i]);
      j++;
    } else if (j < p->size && p->text[j] == s[i]) {
      i++;
      j++;
    } else if (back_j != UINT32_MAX) {
      j = back_j;
      back_i += character_size(s[back_i]);
      i = back_i;
    } else {
      return false;
    }
  }
  while (j < p->size && p->mark[j] == LIKE_ANY) j++;
  return j == p->size && i == size;
}

static bool like_match(const struct like_pattern *p, const char *s, uint32_t size) {
  switch (p->shape) {
    case LIKE_EXACT: return size == p->size && memcmp(s, p->text, size) == 0;
    case LIKE_PREFIX: return size >= p->size && memcmp(s, p->text, p->size) == 0;
    case LIKE_SUFFIX: return size >= p->size && memcmp(s + size - p->size, p->text, p->size) == 0;
    case LIKE_INSIDE: return memmem(s, size, p->text, p->size) != NULL;
    case LIKE_GENERAL: break;
  }
  return like_general(p, s, size);
}

/* A pattern out of a column: taken apart for each row. */
static void like_varying(struct kernel *k) {
  uint32_t size, n, escape_size = 0;
  const struct spate_column *escape_column = k->node->data;
  const char *escape = escape_column != NULL ? spate_column_bytes(escape_column, 0, &escape_size) : NULL;
  char *text = NULL;
  uint32_t room = 0;
  KERNEL_ROWS(k, row, {
    if (spate_column_null(k->out, row)) continue;
    const char *pattern = spate_column_bytes(k->arg[1].column, value_row(&k->arg[1], row), &size);
    if (size + 1 > room) text = mem_resize(text, (size_t)(room = size + 1) * 2);
    uint8_t *mark = (uint8_t *)text + room;
    const char *message = NULL;
    if (like_parse(pattern, size, escape, escape_size, text, mark, &n, &message) != 0) {
      KERNEL_FAIL(k, row, "%s", message);
      continue;
    }
    struct like_pattern p = like_shape_of(text, mark, n);
    const char *s = spate_column_bytes(k->arg[0].column, value_row(&k->arg[0], row), &size);
    k->out->b8[row] = like_match(&p, s, size) ^ k->node->negated;
  });
  mem_free(text);
}

void kernel_like(struct kernel *k) {
  if (k->node->args == 2) {
    like_varying(k);
    return;
  }
  const struct like_pattern *p = k->node->data;
  uint32_t size;
  KERNEL_ROWS(k, row, {
    const char *s = spate_column_bytes(k->arg[0].column, value_row(&k->arg[0], row), &size);
    k->out->b8[row] = like_match(p, s, size) ^ k->node->negated;
  });
}

void kernel_concat(struct kernel *k) {
  KERNEL_ROWS(k, row, {
    if (spate_column_null(k->out, row) || k->frame->failed[row]) continue;
    size_t total = 0;
    uint32_t size;
    for (uint32_t i = 0; i < k->node->args; i++) {
      spate_column_bytes(k->arg[i].column, value_row(&k->arg[i], row), &size);
      total += size;
    }
    char *to = spate_column_room(k->out, row, total);
    if (to == NULL) {
      KERNEL_FAIL(k, row, "the texts of a batch are too long");
      continue;
    }
    for (uint32_t i = 0; i < k->node->args; i++) {
      const char *from = spate_column_bytes(k->arg[i].column, value_row(&k->arg[i], row), &size);
      memcpy(to, from, size);
      to += size;
    }
    spate_column_wrote(k->out, row, total);
  });
}
