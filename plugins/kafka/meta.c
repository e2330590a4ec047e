/* meta: a record's metadata as columns, for the rows of one pull; only those that the plan uses. */
#include "source.h"

static struct spate_type meta_type(enum spate_kind kind) {
  struct spate_type t = {(uint8_t)kind, 0, 0, 0};
  return t;
}

static struct spate_column *meta_numbers(const struct kafka_reader *r, const struct spate_payloads *out,
                                         enum spate_meta meta) {
  bool time = meta == SPATE_META_TIMESTAMP;
  struct spate_column *c = spate_column_new(meta_type(time ? SPATE_TIMESTAMP : SPATE_INT), out->count, 0);
  for (uint32_t row = 0; row < out->count; row++) {
    const rd_kafka_message_t *m = r->message[r->taken[row]];
    if (!time) {
      c->i64[row] = meta == SPATE_META_PARTITION ? m->partition : m->offset;
      continue;
    }
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(m, &type);
    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0)
      spate_column_set_null(c, row);
    else
      c->i64[row] = ms * 1000;
  }
  return c;
}

static struct spate_column *meta_texts(const struct kafka_reader *r, const struct spate_payloads *out, bool key) {
  struct spate_column *c = spate_column_new(meta_type(key ? SPATE_BYTES : SPATE_STRING), out->count, out->count * 16);
  for (uint32_t row = 0; row < out->count; row++) {
    const rd_kafka_message_t *m = r->message[r->taken[row]];
    const char *topic = key ? NULL : rd_kafka_topic_name(m->rkt);
    const void *bytes = key ? m->key : topic;
    size_t size = key ? m->key_len : strlen(topic);
    if (spate_column_put(c, row, bytes != NULL ? bytes : "", bytes != NULL ? size : 0) != 0 || bytes == NULL)
      spate_column_set_null(c, row);
  }
  spate_column_finish(c);
  return c;
}

void kafka_meta_fill(struct kafka_reader *r, struct spate_payloads *out) {
  uint32_t metas = r->source->metas;
  if (metas == 0 || out->count == 0) return;
  if (metas & 1u << SPATE_META_KEY) out->meta[SPATE_META_KEY] = meta_texts(r, out, true);
  if (metas & 1u << SPATE_META_TOPIC) out->meta[SPATE_META_TOPIC] = meta_texts(r, out, false);
  static const enum spate_meta numbers[] = {SPATE_META_PARTITION, SPATE_META_OFFSET, SPATE_META_TIMESTAMP};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (metas & 1u << numbers[i]) out->meta[numbers[i]] = meta_numbers(r, out, numbers[i]);
}
