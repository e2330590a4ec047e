/* ops_test: a step made from a line of YAML, and rows pushed through it, as text in and text out. */
#ifndef TESTS_OPS_TEST_H
#define TESTS_OPS_TEST_H
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "data/batch.h"
#include "data/text.h"
#include "ops/op.h"

struct step_test {
  struct arena *arena;
  struct conf_errors errors;
  struct op_check check;
  const struct op_verb *verb;
  int result;
  /* running */
  struct spate_rejects *rejects;
  struct spate_error error;
  struct op_frame frame;
  uint64_t late, dropped, keys, bytes;
  void *state;
};

/* "a int, b string": columns; those after '|' are hidden. */
static struct schema *columns_of(struct arena *arena, const char *text) {
  struct schema *s = schema_new(arena, 16);
  char *copy = arena_text(arena, text), *save = NULL;
  uint32_t visible = 0;
  bool hidden = false;
  for (char *part = strtok_r(copy, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save)) {
    while (*part == ' ') part++;
    if (*part == '|') hidden = true, part++;
    while (*part == ' ') part++;
    char *type = strchr(part, ' ');
    *type++ = 0;
    struct spate_type t;
    struct spate_error err;
    ck_assert_int_eq(type_parse(type, &t, &err), 0);
    schema_add(s, part, t);
    if (!hidden) visible++;
  }
  s->visible = visible;
  return s;
}

/* The step is checked; t->result says how that went. */
static void step_check_in(struct step_test *t, const char *columns, const char *yaml, const struct op_table *tables,
                          uint32_t table_count) {
  t->arena = t->arena != NULL ? t->arena : arena_new();
  conf_errors_init(&t->errors);
  char *text = arena_text(t->arena, yaml);
  const struct conf_node *node = conf_parse(t->arena, "t.yaml", text, strlen(text), &t->errors);
  ck_assert_ptr_nonnull(node);
  uint32_t at = strcmp(node->key[0].text, "name") == 0 ? 1 : 0;
  t->verb = op_verb_find(node->key[at].text);
  ck_assert_ptr_nonnull(t->verb);
  t->check = (struct op_check){.arena = t->arena,
                               .errors = &t->errors,
                               .step = node,
                               .verb = &node->key[at],
                               .value = &node->item[at],
                               .name = at == 1 ? node->item[0].text : t->verb->name,
                               .tables = tables,
                               .table_count = table_count};
  t->check.input = (struct op_input){.name = "in", .schema = columns_of(t->arena, columns), .has_time = true};
  t->result = t->verb->check(&t->check);
}

static inline void step_check(struct step_test *t, const char *columns, const char *yaml) {
  step_check_in(t, columns, yaml, NULL, 0);
}

static const char *errors_text(struct step_test *t) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  conf_errors_print(&t->errors, out, false);
  fclose(out);
  const char *kept = arena_text(t->arena, text);
  free(text);
  return kept;
}

static void step_open(struct step_test *t) {
  if (t->result != 0) ck_abort_msg("%s", errors_text(t));
  t->rejects = mem_zero(1, sizeof *t->rejects);
  t->frame = (struct op_frame){.rejects = t->rejects,
                               .late = &t->late,
                               .dropped = &t->dropped,
                               .state_keys = &t->keys,
                               .state_bytes = &t->bytes,
                               .error = &t->error};
  if (t->verb->op->open(t->check.def, &t->frame, &t->state) != 0) ck_abort_msg("%s", t->error.message);
}

static void step_close(struct step_test *t) {
  if (t->state != NULL || t->rejects != NULL) t->verb->op->close(t->state);
  if (t->rejects != NULL) rejects_fini(t->rejects);
  mem_free(t->rejects);
  conf_errors_fini(&t->errors);
  arena_free(&t->arena);
}

/* Rows as "1,x;2,y"; an empty field, or null, is null; "-" in the first row prunes the column (it is NULL). */
static struct spate_batch *rows_of(const struct schema *schema, const char *text) {
  uint32_t n = schema->all.count;
  struct column_builder builder[16] = {0};
  bool pruned[16] = {false};
  for (uint32_t i = 0; i < n; i++) column_builder_init(&builder[i], schema->all.fields[i].type, 16);
  uint32_t column = 0;
  for (const char *at = text; *at != 0 || column > 0;) {
    size_t size = strcspn(at, ",;");
    struct column_builder *b = &builder[column];
    int64_t number;
    if (size == 1 && *at == '-') pruned[column] = true;
    if (size == 0 || pruned[column] || (size == 4 && strncmp(at, "null", 4) == 0))
      column_builder_null(b);
    else if (b->column->type.kind == SPATE_STRING)
      column_builder_bytes(b, at, size);
    else if (text_int(at, size, &number) == 0)
      column_builder_i64(b, number);
    else
      ck_abort_msg("not a number: %s", at);
    column = at[size] == ',' ? column + 1 : 0;
    if (at[size] == 0) break;
    at += size + 1;
  }
  struct spate_column *columns[16];
  uint32_t rows = builder[0].count;
  for (uint32_t i = 0; i < n; i++) {
    columns[i] = column_builder_take(&builder[i]);
    column_builder_fini(&builder[i]);
    if (!pruned[i]) continue;
    spate_column_unref(columns[i]);
    columns[i] = NULL;
  }
  return spate_batch_new(rows, n, columns, NULL);
}

static inline const char *batch_text(struct step_test *t, const struct spate_batch *batch) {
  struct spate_buffer *out = spate_buffer_new(256);
  for (uint32_t k = 0; k < batch->count; k++) {
    for (uint32_t i = 0; i < batch->columns; i++) {
      if (i > 0) ck_assert_int_eq(spate_buffer_append(out, ",", 1), 0);
      if (batch->column[i] == NULL)
        ck_assert_int_eq(spate_buffer_append(out, "-", 1), 0);
      else
        ck_assert_int_eq(spate_column_text(batch->column[i], spate_batch_row(batch, k), out), 0);
    }
    if (k + 1 < batch->count) ck_assert_int_eq(spate_buffer_append(out, ";", 1), 0);
  }
  const char *text = arena_copy(t->arena, out->data, out->size);
  spate_buffer_unref(out);
  return text;
}

/* Pushes rows; what comes out as "port:rows port:rows"; rejected rows as " !row". */
static inline const char *step_push(struct step_test *t, const char *rows) {
  struct spate_batch *batch = rows_of(t->check.input.schema, rows);
  struct op_msg in = {.kind = OP_BATCH, .batch = batch};
  struct buf text = {0};
  enum spate_result r = SPATE_MORE;
  for (int guard = 0; r == SPATE_MORE && guard < 100; guard++) {
    struct op_msg out = {0};
    rejects_clear(t->rejects);
    r = t->verb->op->step(t->state, &in, &out);
    if (out.kind == OP_BATCH) {
      buf_format(&text, "%s%u:%s", text.size > 0 ? " " : "", out.port, batch_text(t, out.batch));
      spate_batch_unref(out.batch);
    }
    for (uint32_t i = 0; i < t->rejects->count; i++)
      buf_format(&text, "%s!%u", text.size > 0 ? " " : "", t->rejects->item[i].row);
  }
  ck_assert_int_eq(r, SPATE_OK);
  spate_batch_unref(batch);
  const char *kept = arena_text(t->arena, buf_string(&text));
  buf_free(&text);
  return kept;
}

static inline const char *port_text(struct step_test *t, uint32_t port) {
  const struct schema *s = t->check.port[port].schema;
  struct buf text = {0};
  char type[64];
  for (uint32_t i = 0; i < s->all.count; i++)
    buf_format(&text, "%s%s%s %s", i > 0 ? ", " : "", i == s->visible ? "| " : "", s->all.fields[i].name,
               type_text(s->all.fields[i].type, type, sizeof type));
  const char *kept = arena_text(t->arena, buf_string(&text));
  buf_free(&text);
  return kept;
}

static inline const char *needs_text(struct step_test *t, const char *needed0) {
  uint8_t *needed[OP_MAX_PORTS], used[32] = {0};
  struct buf text = {0};
  for (uint32_t p = 0; p < t->check.ports; p++) {
    const struct schema *s = t->check.port[p].schema;
    needed[p] = mem_zero(s->all.count + 1, 1);
    for (uint32_t i = 0; i < s->all.count && p == 0; i++) {
      const char *found = strstr(needed0, s->all.fields[i].name);
      needed[p][i] = found != NULL;
    }
  }
  t->verb->needs(t->check.def, needed, used);
  for (uint32_t p = 0; p < t->check.ports; p++) mem_free(needed[p]);
  for (uint32_t i = 0; i < t->check.input.schema->all.count; i++)
    if (used[i]) buf_format(&text, "%s%s", text.size > 0 ? " " : "", t->check.input.schema->all.fields[i].name);
  const char *kept = arena_text(t->arena, buf_string(&text));
  buf_free(&text);
  return kept;
}

static inline void run_check(struct step_test *t, const char *columns, const char *yaml) {
  step_check(t, columns, yaml);
  step_open(t);
}

#endif
