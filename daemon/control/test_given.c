/*
 * given: a source of the rows that a test gives, each a batch of its own. Rows are JSON by then, so that types,
 * required columns and defaults are judged by the same code as ever. Where the clock is to be moved, every task first
 * gets its turn often enough to be done with what came before, and again afterwards: on one worker that needs no
 * waiting.
 */
#include "../base/clock.h"
#include "../base/mem.h"
#include "../data/text.h"
#include "../plan/build.h"
#include "test.h"

/* ---- reading ---- */
static void json_quoted(struct buf *out, const char *text) {
  buf_u8(out, '"');
  for (; *text != 0; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      buf_format(out, "\\%c", c);
    else if (c < 0x20)
      buf_format(out, "\\u%04x", c);
    else
      buf_u8(out, c);
  }
  buf_u8(out, '"');
}

static bool node_null(const struct conf_node *node) {
  return node->null || (node->kind == CONF_SCALAR && !node->quoted && strcmp(node->text, "null") == 0);
}

static void json_timestamp(struct buf *out, const char *text, uint8_t encoding) {
  static const int64_t units[] = {[SPATE_TIME_S] = US_S, [SPATE_TIME_MS] = US_MS, [SPATE_TIME_US] = 1};
  int64_t us, number;
  if (encoding == SPATE_TIME_ISO)
    json_quoted(out, text);
  else if (text_int(text, strlen(text), &number) == 0)
    buf_text(out, text);
  else if (text_timestamp(text, strlen(text), &us) == 0)
    buf_format(out, "%lld", (long long)(us / units[encoding]));
  else
    json_quoted(out, text);
}

/* What cannot be a value of that type is written as text: the codec says what is wrong with it. */
static void json_value(struct buf *out, const struct conf_node *node, struct spate_type type) {
  const char *text = node->kind == CONF_SCALAR ? node->text : "";
  double d;
  if (node_null(node)) {
    buf_text(out, "null");
    return;
  }
  switch (type.kind) {
    case SPATE_TIMESTAMP: json_timestamp(out, text, type.encoding); break;
    case SPATE_BOOL:
      if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        buf_text(out, text);
      else
        json_quoted(out, text);
      break;
    case SPATE_INT:
    case SPATE_DOUBLE:
    case SPATE_DECIMAL:
      if (!node->quoted && text_double(text, strlen(text), &d) == 0 &&
          (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')))
        buf_text(out, text);
      else
        json_quoted(out, text);
      break;
    default: json_quoted(out, text);
  }
}

static int record_read(struct arena *arena, const struct conf_node *node, const struct schema *schema,
                       struct given_item *item, struct conf_errors *errors) {
  struct buf out = {0};
  const char *comma = "";
  int result = 0;
  const char **names = ARENA_NEWS(arena, const char *, schema->all.count + 1);
  for (uint32_t i = 0; i < schema->all.count; i++) names[i] = schema->all.fields[i].name;
  buf_text(&out, "{");
  for (uint32_t i = 0; i < node->count; i++) {
    int32_t at = schema_find(schema, node->key[i].text);
    if (at < 0) {
      conf_error(errors, &node->key[i], "there is no column '%s'", node->key[i].text);
      conf_hint_nearest(errors, node->key[i].text, names, schema->all.count);
      result = -1;
    } else if (node->item[i].kind != CONF_SCALAR) {
      conf_error(errors, &node->item[i], "a value is needed here");
      result = -1;
    } else if ((uint32_t)at < schema->visible) {
      buf_text(&out, comma);
      json_quoted(&out, node->key[i].text);
      buf_text(&out, ":");
      json_value(&out, &node->item[i], schema->all.fields[at].type);
      comma = ",";
    }
  }
  buf_text(&out, "}");
  *item = (struct given_item){.kind = GIVEN_RECORD, .payload = arena_text(arena, buf_string(&out)), .record = node};
  buf_free(&out);
  return result;
}

static int item_read(struct arena *arena, const struct conf_node *node, const struct schema *schema,
                     struct given_item *item, struct conf_errors *errors) {
  if (node->kind != CONF_MAP) {
    conf_error(errors, node, "a record is a map: {column: value, …}");
    return -1;
  }
  const struct conf_node *advance = conf_get(node, "advance"), *idle = conf_get(node, "idle");
  if (node->count == 1 && advance != NULL && schema_find(schema, "advance") < 0) {
    item->kind = GIVEN_ADVANCE;
    if (conf_duration(advance, &item->advance_us, errors) != 0) return -1;
    if (item->advance_us >= 0) return 0;
    conf_error(errors, advance, "time does not go back");
    return -1;
  }
  if (node->count == 1 && idle != NULL && schema_find(schema, "idle") < 0) {
    item->kind = GIVEN_IDLE;
    return 0;
  }
  static const char *const later[] = {"restart", "crash"};
  for (int i = 0; i < 2; i++) {
    if (node->count != 1 || conf_get(node, later[i]) == NULL || schema_find(schema, later[i]) >= 0) continue;
    conf_error(errors, node, "'%s' in a test is not built yet", later[i]);
    return -1;
  }
  return record_read(arena, node, schema, item, errors);
}

int given_read(struct arena *arena, const struct conf_node *list, const struct schema *schema, struct given *given,
               struct conf_errors *errors) {
  int result = 0;
  if (list == NULL || list->null) return 0;
  if (list->kind != CONF_LIST) {
    conf_error(errors, list, "the given records are a list");
    return -1;
  }
  given->item = ARENA_NEWS(arena, struct given_item, list->count + 1);
  given->count = list->count;
  for (uint32_t i = 0; i < list->count; i++)
    if (item_read(arena, &list->item[i], schema, &given->item[i], errors) != 0) result = -1;
  return result;
}

/* ---- the source ---- */
struct given_source {
  const struct given *given;
  struct spate_partition partition;
  uint32_t metas;
};
struct given_reader {
  struct given_source *source;
  const struct given *given;
  struct spate_task *task; /* NULL: a table */
  uint32_t at, turns;
  bool moved, quiet, told;
};

static int given_open(const struct spate_source_args *args, void **source, struct spate_error *err) {
  (void)err;
  struct given_source *s = MEM_NEW(struct given_source);
  s->given = args->config;
  s->metas = args->metas;
  snprintf(s->partition.name, sizeof s->partition.name, "given");
  *source = s;
  return 0;
}

static int given_partitions(void *source, const struct spate_partition **list, uint32_t *count,
                            struct spate_error *err) {
  (void)err;
  *list = &((struct given_source *)source)->partition;
  *count = 1;
  return 0;
}

static void given_close(void *source) { mem_free(source); }

static int given_reader_open(void *source, struct spate_task *task, uint32_t index, void **reader,
                             struct spate_error *err) {
  (void)index, (void)err;
  struct given_reader *r = MEM_NEW(struct given_reader);
  r->source = source;
  r->given = r->source->given;
  r->task = task;
  *reader = r;
  return 0;
}

static int given_assign(void *reader, uint32_t partition, struct spate_bytes position, struct spate_error *err) {
  (void)partition, (void)err;
  if (position.size == sizeof(uint32_t)) memcpy(&((struct given_reader *)reader)->at, position.data, position.size);
  return 0;
}

static void given_meta(const struct given_reader *r, const struct conf_node *record, enum spate_meta meta,
                       struct spate_payloads *out) {
  struct spate_type type = plan_meta_type(meta);
  struct column_builder b;
  const struct conf_node *node = conf_get(record, plan_meta_name(meta));
  int64_t number = 0;
  (void)r;
  column_builder_init(&b, type, 1);
  if (node == NULL || node_null(node) || node->kind != CONF_SCALAR)
    column_builder_null(&b);
  else if (type.kind == SPATE_STRING || type.kind == SPATE_BYTES)
    column_builder_bytes(&b, node->text, strlen(node->text));
  else if (type.kind == SPATE_TIMESTAMP && text_timestamp(node->text, strlen(node->text), &number) == 0)
    column_builder_i64(&b, number);
  else if (type.kind == SPATE_INT && text_int(node->text, strlen(node->text), &number) == 0)
    column_builder_i64(&b, number);
  else
    column_builder_null(&b);
  out->meta[meta] = column_builder_take(&b);
  column_builder_fini(&b);
}

static enum spate_result given_record(struct given_reader *r, struct spate_payloads *out, struct spate_error *err) {
  const struct given_item *item = &r->given->item[r->at++];
  size_t size = strlen(item->payload);
  r->quiet = false;
  out->buffer = spate_buffer_new(size + 1);
  if (spate_buffer_append(out->buffer, item->payload, size) != 0 || spate_buffer_append(out->buffer, "\n", 1) != 0) {
    spate_fail(err, "out of memory");
    return SPATE_FAIL;
  }
  out->count = 1;
  out->lines = true;
  out->start[0] = 0;
  out->length[0] = (uint32_t)size;
  out->partition[0] = 0;
  out->position[0] = r->at;
  for (int m = 0; m < SPATE_METAS; m++)
    if (r->source->metas >> m & 1) given_meta(r, item->record, (enum spate_meta)m, out);
  return SPATE_OK;
}

/* Lets everybody have a turn. true: they all had theirs. */
static bool given_turns(struct given_reader *r) {
  if (r->task == NULL || r->turns++ >= r->given->rounds) {
    r->turns = 0;
    return true;
  }
  spate_task_wake(r->task);
  return false;
}

static bool given_advance(struct given_reader *r, int64_t by) {
  if (!given_turns(r)) return false;
  if (!r->moved) {
    r->moved = true;
    clock_advance(by);
    if (r->given->moved != NULL) r->given->moved(r->given->own);
    if (!given_turns(r)) return false;
  }
  r->moved = false;
  r->at++;
  return true;
}

static enum spate_result given_pull(void *reader, uint32_t max, struct spate_payloads *out, struct spate_error *err) {
  struct given_reader *r = reader;
  const struct given *g = r->given;
  (void)max;
  while (r->at < g->count) {
    const struct given_item *item = &g->item[r->at];
    if (item->kind == GIVEN_RECORD) return given_record(r, out, err);
    r->quiet = true;
    if (item->kind == GIVEN_IDLE)
      r->at++;
    else if (!given_advance(r, item->advance_us))
      return SPATE_IDLE;
  }
  if (!g->open) {
    if (g->bounded != NULL) __atomic_store_n(g->bounded, true, __ATOMIC_RELAXED);
    return SPATE_END;
  }
  if (!r->told && given_turns(r)) {
    r->told = true;
    g->exhausted(g->own);
  }
  return SPATE_IDLE;
}

static enum spate_partition_state given_state(void *reader, uint32_t partition) {
  const struct given_reader *r = reader;
  (void)partition;
  if (r->at >= r->given->count && !r->given->open && r->given->bounded != NULL)
    __atomic_store_n(r->given->bounded, true, __ATOMIC_RELAXED);
  if (r->at >= r->given->count) return r->given->open ? SPATE_PART_CAUGHT_UP : SPATE_PART_FINISHED;
  return r->quiet ? SPATE_PART_CAUGHT_UP : SPATE_PART_READING;
}

static int given_position(void *reader, uint32_t partition, struct spate_buffer *out, struct spate_error *err) {
  (void)partition, (void)err;
  return spate_buffer_append(out, &((struct given_reader *)reader)->at, sizeof(uint32_t));
}

static void given_reader_close(void *reader) { mem_free(reader); }

static const struct spate_option NONE[] = {{.name = NULL}};
const struct spate_source_api TEST_GIVEN = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_source_api),
    .name = "given",
    .help = "The rows of a test.",
    .flags = SPATE_REPLAYABLE | SPATE_SINGLE | SPATE_EXACTLY_ONCE,
    .metas = (1u << SPATE_METAS) - 1,
    .options = NONE,
    .open = given_open,
    .partitions = given_partitions,
    .close = given_close,
    .reader_open = given_reader_open,
    .assign = given_assign,
    .pull = given_pull,
    .state = given_state,
    .position = given_position,
    .reader_close = given_reader_close,
};
