/*
 * kafka_embedded: the Kafka plugin alone, source and sink, against librdkafka's in-process cluster: what was written is
 * read, positions and groups resume, ends are seen, a full queue blocks and wakes, an epoch is prepared when all of it
 * was acknowledged, and what may not be configured is refused.
 */
#include <librdkafka/rdkafka.h>
#include "kafka_drive.h"

const char *kafka_embedded_brokers(const char *name, struct spate_error *err); /* plugins/kafka/client.h */

static void fill_topic(const char *cluster, const char *topic, uint32_t from, uint32_t to) {
  fill(text("embedded:%s", cluster), topic, from, to);
}

/* ---- the tests, in the order of a record's way ---- */

START_TEST(writes_and_reads_all) {
  static struct consumer c;
  fill_topic("all", "t", 0, 5000);
  consumer_open(&c, "{brokers: 'embedded:all', topics: t}", true);
  ck_assert_uint_eq(c.count, 4);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  ck_assert(c.ended);
  check_range(&c, 0, 5000);
  for (uint32_t i = 0; i < 4; i++) ck_assert_int_eq(spate_source_kafka.state(c.reader, i), SPATE_PART_FINISHED);
  ck_assert_int_eq(spate_source_kafka.lag(c.source), 0);
  consumer_close(&c);
}
END_TEST

START_TEST(small_pulls_read_all) {
  static struct consumer c;
  fill_topic("small", "t", 0, 300);
  consumer_open(&c, "{brokers: 'embedded:small', topics: t}", true);
  consumer_assign(&c, NULL);
  consume(&c, 7, UINT32_MAX, false);
  check_range(&c, 0, 300);
  consumer_close(&c);
}
END_TEST

START_TEST(keys_choose_partitions_as_java) {
  static struct consumer c;
  uint32_t want[4] = {0}, keyless = 0;
  fill_topic("keys", "t", 0, 1000);
  for (uint32_t id = 0; id < 1000; id++) {
    const char *key = text("n%u", id % 10);
    if (id % 10 == 9)
      keyless++;
    else
      want[rd_kafka_msg_partitioner_murmur2(NULL, key, strlen(key), 4, NULL, NULL)]++;
  }
  consumer_open(&c, "{brokers: 'embedded:keys', topics: t}", true);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  uint32_t more = 0;
  for (uint32_t i = 0; i < 4; i++) {
    ck_assert_uint_ge(c.of_partition[i], want[i]);
    more += c.of_partition[i] - want[i];
  }
  ck_assert_uint_eq(more, keyless);
  consumer_close(&c);
}
END_TEST

/* Values from the test of org.apache.kafka.common.utils.Utils.murmur2. */
START_TEST(murmur2_is_that_of_java) {
  static const struct {
    const char *key;
    int32_t hash;
  } java[] = {{"21", -973932308},
              {"foobar", -790332482},
              {"a-little-bit-long-string", -985981536},
              {"a-little-bit-longer-string", -1486304829},
              {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
              {"abc", 479470107}};
  for (size_t i = 0; i < sizeof java / sizeof *java; i++)
    ck_assert_int_eq(rd_kafka_msg_partitioner_murmur2(NULL, java[i].key, strlen(java[i].key), 1000003, NULL, NULL),
                     (java[i].hash & 0x7fffffff) % 1000003);
}
END_TEST

START_TEST(a_column_chooses_partition_and_topic) {
  static struct consumer c;
  struct producer p;
  producer_open(&p, "{brokers: 'embedded:column', topic: 'by-{part}', key: name, partition: part}");
  produce(&p, 0, 400, false, false);
  prepare(&p);
  producer_close(&p);
  consumer_open(&c, "{brokers: 'embedded:column', topics: '^by-[0-9]$'}", true);
  ck_assert_uint_eq(c.count, 16);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  check_range(&c, 0, 400);
  for (uint32_t i = 0; i < c.count; i++) { /* by-2 holds part 2 alone, in partition 2 */
    const char *name = c.list[i].name;
    ck_assert_uint_eq(c.of_partition[i], name[3] == name[5] ? 100 : 0);
  }
  consumer_close(&c);
}
END_TEST

START_TEST(nulls_pass_and_rejected_rows_do_not) {
  static struct consumer c;
  struct producer p;
  producer_open(&p, "{brokers: 'embedded:nulls', topic: t, key: name}");
  produce(&p, 0, 1000, false, true);
  prepare(&p);
  producer_close(&p);
  consumer_open(&c, "{brokers: 'embedded:nulls', topics: t}", true);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  ck_assert_uint_eq(c.nulls, 10);
  ck_assert_uint_eq(c.records, 1000 - 10); /* 50, 150, … were rejected */
  ck_assert_uint_eq(c.times[50], 0);
  ck_assert_uint_eq(c.times[51], 1);
  consumer_close(&c);
}
END_TEST

START_TEST(times_are_kept) {
  static struct consumer c;
  fill_topic("times", "t", 0, 10);
  consumer_open(&c, "{brokers: 'embedded:times', topics: t}", true);
  consumer_assign(&c, NULL);
  uint32_t seen = 0;
  for (;;) {
    enum spate_result r = spate_source_kafka.pull(c.reader, 10, c.payloads, &err);
    if (r == SPATE_END) break;
    if (r == SPATE_IDLE) {
      ck_assert(host_task_wait(&c.task));
      continue;
    }
    for (uint32_t i = 0; i < c.payloads->count; i++, seen++) {
      int64_t id = atoi(c.payloads->buffer->data + c.payloads->start[i] + 1);
      ck_assert_int_eq(c.payloads->meta[SPATE_META_TIMESTAMP]->i64[i], 1700000000000000 + id * 1000);
    }
    host_payloads_clear(c.payloads);
  }
  ck_assert_uint_eq(seen, 10);
  consumer_close(&c);
}
END_TEST

START_TEST(positions_resume) {
  static struct consumer a, b;
  char at[4][32];
  fill_topic("resume", "t", 0, 4000);
  consumer_open(&a, "{brokers: 'embedded:resume', topics: t}", false);
  consumer_assign(&a, NULL);
  consume(&a, 100, 1500, false);
  positions(&a, at);
  consumer_close(&a);
  consumer_open(&b, "{brokers: 'embedded:resume', topics: t}", true);
  consumer_assign(&b, at);
  consume(&b, SPATE_BATCH_ROWS, UINT32_MAX, false);
  consumer_close(&b);
  for (uint32_t id = 0; id < 4000; id++) ck_assert_uint_eq(a.times[id] + b.times[id], 1);
}
END_TEST

START_TEST(the_group_keeps_offsets) {
  static struct consumer a, b, other;
  char at[4][32];
  fill_topic("group", "t", 0, 2000);
  consumer_open(&a, "{brokers: 'embedded:group', topics: t, group: g}", true);
  consumer_assign(&a, NULL);
  consume(&a, SPATE_BATCH_ROWS, UINT32_MAX, false);
  positions(&a, at);
  for (uint32_t i = 0; i < 4; i++) {
    struct spate_bytes position = {at[i], strlen(at[i])};
    ck_assert_int_eq(spate_source_kafka.committed(a.source, i, position, &err), 0);
  }
  ck_assert_int_eq(spate_source_kafka.committed_end(a.source, &err), 0);
  consumer_close(&a);
  fill_topic("group", "t", 2000, 2500);
  consumer_open(&b, "{brokers: 'embedded:group', topics: t, group: g}", true);
  consumer_assign(&b, NULL);
  consume(&b, SPATE_BATCH_ROWS, UINT32_MAX, false);
  check_range(&b, 2000, 2500);
  consumer_close(&b);
  consumer_open(&other, "{brokers: 'embedded:group', topics: t, group: another}", true);
  consumer_assign(&other, NULL);
  consume(&other, SPATE_BATCH_ROWS, UINT32_MAX, false);
  check_range(&other, 0, 2500);
  consumer_close(&other);
}
END_TEST

START_TEST(latest_begins_at_the_end) {
  static struct consumer c;
  fill_topic("latest", "t", 0, 100);
  consumer_open(&c, "{brokers: 'embedded:latest', topics: t, start: latest}", false);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, true);
  ck_assert_uint_eq(c.records, 0);
  fill_topic("latest", "t", 100, 150);
  consume(&c, SPATE_BATCH_ROWS, 50, false);
  check_range(&c, 100, 150);
  consumer_close(&c);
}
END_TEST

START_TEST(a_bounded_run_ends_where_it_began) {
  static struct consumer c;
  fill_topic("bounded", "t", 0, 100);
  consumer_open(&c, "{brokers: 'embedded:bounded', topics: t}", true);
  fill_topic("bounded", "t", 100, 200); /* after the bound was taken */
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  check_range(&c, 0, 100);
  consumer_close(&c);
}
END_TEST

START_TEST(an_idle_reader_is_woken) {
  static struct consumer c;
  fill_topic("woken", "t", 0, 10);
  consumer_open(&c, "{brokers: 'embedded:woken', topics: t}", false);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, true);
  ck_assert_uint_eq(c.records, 10);
  for (uint32_t i = 0; i < 4; i++) ck_assert_int_eq(spate_source_kafka.state(c.reader, i), SPATE_PART_CAUGHT_UP);
  uint32_t before = c.records;
  fill_topic("woken", "t", 10, 20);
  consume(&c, SPATE_BATCH_ROWS, before + 10, false);
  check_range(&c, 0, 20);
  consumer_close(&c);
}
END_TEST

START_TEST(a_full_queue_blocks_and_wakes) {
  static struct consumer c;
  struct producer p;
  producer_open(&p, "{brokers: 'embedded:full', topic: t, key: name, options: {queue.buffering.max.messages: 50}}");
  ck_assert_uint_gt(produce(&p, 0, 3000, false, false), 0);
  prepare(&p);
  producer_close(&p);
  producer_open(&p, "{brokers: 'embedded:full', topic: t, key: name, options: {queue.buffering.max.messages: 50}}");
  ck_assert_uint_gt(produce(&p, 3000, 4000, true, false), 0); /* one record a call */
  prepare(&p);
  producer_close(&p);
  consumer_open(&c, "{brokers: 'embedded:full', topics: t}", true);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  check_range(&c, 0, 4000);
  consumer_close(&c);
}
END_TEST

START_TEST(an_epoch_waits_for_acknowledgements) {
  struct producer p;
  producer_open(&p, "{brokers: 'embedded:epoch', topic: t, key: name, linger: 200ms}");
  produce(&p, 0, 100, false, false);
  ck_assert_int_eq(spate_sink_kafka.prepare(p.writer, 1, &err), SPATE_LATER);
  produce(&p, 100, 200, false, false); /* the next epoch's flow meanwhile */
  while (atomic_load(&p.task.prepared) < 1) ck_assert(host_task_wait(&p.task));
  p.epoch = 1;
  prepare(&p);
  prepare(&p); /* nothing in it */
  producer_close(&p);
}
END_TEST

START_TEST(a_record_too_large_fails_by_name) {
  struct producer p;
  producer_open(&p, "{brokers: 'embedded:large', topic: t, options: {message.max.bytes: 1000}}");
  struct spate_batch *b = rows_make(0, 1, false);
  struct spate_payloads *payloads = payloads_make(b, false);
  char big[3000] = {0};
  payloads->start[0] = (uint32_t)payloads->buffer->size;
  payloads->length[0] = sizeof big;
  ck_assert_int_eq(spate_buffer_append(payloads->buffer, big, sizeof big), 0);
  uint32_t done = 0;
  ck_assert_int_eq(spate_sink_kafka.write(p.writer, b, payloads, &done, &err), SPATE_FAIL);
  ck_assert_ptr_nonnull(strstr(err.message, "3000 bytes"));
  host_payloads_clear(payloads);
  free(payloads);
  spate_batch_unref(b);
  producer_close(&p);
}
END_TEST

START_TEST(an_offset_out_of_range_is_refused) {
  static struct consumer c;
  fill_topic("range", "t", 0, 100);
  const char *address = kafka_embedded_brokers("range", &err); /* as if it were a real one */
  consumer_open(&c, text("{brokers: '%s', topics: t}", address), true);
  struct spate_bytes beyond = {"5000", 4};
  ck_assert_int_eq(spate_source_kafka.assign(c.reader, 0, beyond, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "offset 5000"));
  ck_assert_ptr_nonnull(strstr(err.message, "runs from 0 to"));
  ck_assert(err.fatal);
  consumer_close(&c);
  consumer_open(&c, text("{brokers: '%s', topics: t, on_offset_reset: earliest}", address), true);
  for (uint32_t i = 0; i < 4; i++) ck_assert_int_eq(spate_source_kafka.assign(c.reader, i, beyond, &err), 0);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  check_range(&c, 0, 100);
  consumer_close(&c);
}
END_TEST

START_TEST(a_log_that_forgot_goes_on_where_it_begins) {
  static struct consumer c;
  struct producer p;
  fill_topic("forgot", "t", 0, 100);
  consumer_open(&c, "{brokers: 'embedded:forgot', topics: t}", false);
  /* More than the 5 MB that the embedded cluster keeps, before anything is assigned. */
  producer_open(&p, "{brokers: 'embedded:forgot', topic: t, partition: part}");
  for (uint32_t k = 0; k < 60; k++) {
    struct spate_batch *b = rows_make(0, 500, false);
    struct spate_payloads *payloads = payloads_make(b, false);
    static char big[800];
    memset(big, 'x', sizeof big);
    for (uint32_t i = 0; i < b->count; i++) {
      payloads->start[i] = (uint32_t)payloads->buffer->size;
      payloads->length[i] = sizeof big;
      ck_assert_int_eq(spate_buffer_append(payloads->buffer, big, sizeof big), 0);
    }
    uint32_t done = 0;
    enum spate_result r;
    while ((r = spate_sink_kafka.write(p.writer, b, payloads, &done, &err)) == SPATE_BLOCKED)
      ck_assert(host_task_wait(&p.task));
    ck_assert_int_eq(r, SPATE_OK);
    host_payloads_clear(payloads);
    free(payloads);
    spate_batch_unref(b);
  }
  prepare(&p);
  producer_close(&p);
  consumer_assign(&c, NULL);
  uint32_t seen = 0;
  int64_t first = -1;
  while (seen < 5000) {
    enum spate_result r = spate_source_kafka.pull(c.reader, SPATE_BATCH_ROWS, c.payloads, &err);
    ck_assert_msg(r != SPATE_FAIL, "%s", err.message);
    if (r == SPATE_IDLE) ck_assert_msg(host_task_wait(&c.task), "nothing came after the gap");
    if (r != SPATE_OK) continue;
    seen += c.payloads->count;
    if (first < 0 && c.payloads->count > 0) first = c.payloads->position[0];
    host_payloads_clear(c.payloads);
  }
  ck_assert_int_gt(first, 100);
  consumer_close(&c);
}
END_TEST

/* ---- refusals of check ---- */

static void refused(bool sink, const char *yaml, const char *option, const char *part) {
  memset(&err, 0, sizeof err);
  void *config = sink ? host_sink_config(arena, &schema, yaml) : host_source_config(arena, yaml);
  ck_assert_ptr_nonnull(config);
  ck_assert_int_eq(sink ? spate_sink_kafka.check(config, &err) : spate_source_kafka.check(config, &err), -1);
  ck_assert_msg(strstr(err.message, part) != NULL, "'%s' does not hold '%s'", err.message, part);
  ck_assert_str_eq(err.option, option);
}

START_TEST(check_refuses) {
  refused(false, "{brokers: b, topics: t, options: {enable.auto.commit: true}}", "options", "cannot be set");
  refused(false, "{brokers: b, topics: t, options: {isolation.level: read_uncommitted}}", "options", "cannot be set");
  refused(false, "{brokers: b, topics: t, options: {auto.offset.reset: latest}}", "options", "on_offset_reset");
  refused(false, "{brokers: b, topics: t, options: {group.id: x}}", "options", "write group:");
  refused(false, "{brokers: b, topics: t, options: {no.such.thing: 1}}", "options", "no property 'no.such.thing'");
  refused(false, "{brokers: b, topics: t, options: {fetch.wait.max.ms: never}}", "options", "fetch.wait.max.ms");
  refused(false, "{brokers: b, topics: t, start: yesterday}", "start", "'yesterday'");
  refused(false, "{brokers: b, topics: ['^a', b]}", "topics", "alone");
  refused(false, "{brokers: b, topics: '^a('}", "topics", "pattern");
  refused(false, "{brokers: [embedded, b], topics: t}", "brokers", "alone");
  refused(false, "{brokers: embedded, topics: t, tls: {enabled: true}}", "brokers", "tls");
  refused(false, "{brokers: b, topics: t, sasl: {username: me, password: p}}", "sasl", "mechanism");
  refused(true, "{brokers: b, topic: t, headers: {a: b}}", "headers", "not built yet");
  refused(true, "{brokers: b, topic: 'a b'}", "topic", "name of a topic");
  refused(true, "{brokers: b, topic: t, options: {transactional.id: x}}", "options", "transactions");
}
END_TEST

START_TEST(a_password_is_not_repeated) {
  memset(&err, 0, sizeof err);
  void *config =
      host_source_config(arena, "{brokers: b, topics: t, options: {ssl.key.password: hunter2, zzz: hunter2}}");
  ck_assert_int_eq(spate_source_kafka.check(config, &err), -1);
  ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("kafka_embedded");
  TCase *t = tcase_create("all");
  tcase_add_checked_fixture(t, set_up, tear_down);
  tcase_set_timeout(t, 60);
  tcase_add_test(t, writes_and_reads_all);
  tcase_add_test(t, small_pulls_read_all);
  tcase_add_test(t, keys_choose_partitions_as_java);
  tcase_add_test(t, murmur2_is_that_of_java);
  tcase_add_test(t, a_column_chooses_partition_and_topic);
  tcase_add_test(t, nulls_pass_and_rejected_rows_do_not);
  tcase_add_test(t, times_are_kept);
  tcase_add_test(t, positions_resume);
  tcase_add_test(t, the_group_keeps_offsets);
  tcase_add_test(t, latest_begins_at_the_end);
  tcase_add_test(t, a_bounded_run_ends_where_it_began);
  tcase_add_test(t, an_idle_reader_is_woken);
  tcase_add_test(t, a_full_queue_blocks_and_wakes);
  tcase_add_test(t, an_epoch_waits_for_acknowledgements);
  tcase_add_test(t, a_record_too_large_fails_by_name);
  tcase_add_test(t, an_offset_out_of_range_is_refused);
  tcase_add_test(t, a_log_that_forgot_goes_on_where_it_begins);
  tcase_add_test(t, check_refuses);
  tcase_add_test(t, a_password_is_not_repeated);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
