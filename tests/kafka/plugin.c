/*
 * plugin: the Kafka plugin alone against a real broker, for what the embedded cluster cannot show: transactions,
 * offsets as other clients see them, a log that was cut, time as a start, new partitions, a broker that dies under
 * load.
 *
 *   plugin BROKERS DIR     DIR: the broker's, for tests/kafka/broker.sh
 *
 * Topics carry the process id: a broker may be used again.
 */
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include "kafka_drive.h"

static const char *brokers, *broker_dir;

static const char *topic_name(const char *what) { return text("%s-%d", what, (int)getpid()); }

/* ---- a client of our own, that shares nothing with the plugin ---- */

static rd_kafka_t *client_new(rd_kafka_type_t type, const char *property, const char *value) {
  char why[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  ck_assert_int_eq(rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why), RD_KAFKA_CONF_OK);
  if (property != NULL) ck_assert_int_eq(rd_kafka_conf_set(conf, property, value, why, sizeof why), RD_KAFKA_CONF_OK);
  rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
  ck_assert_msg(rk != NULL, "%s", why);
  return rk;
}

static rd_kafka_event_t *admin_wait(rd_kafka_queue_t *q) {
  rd_kafka_event_t *event = rd_kafka_queue_poll(q, 15000);
  ck_assert_msg(event != NULL && rd_kafka_event_error(event) == 0, "%s",
                event != NULL ? rd_kafka_event_error_string(event) : "no answer");
  return event;
}

static void topic_create(const char *topic, int partitions) {
  char why[256];
  rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, NULL, NULL);
  rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
  rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
  rd_kafka_CreateTopics(rk, &t, 1, NULL, q);
  rd_kafka_event_destroy(admin_wait(q));
  rd_kafka_NewTopic_destroy(t);
  rd_kafka_queue_destroy(q);
  rd_kafka_destroy(rk);
}

static void topic_widen(const char *topic, size_t partitions) {
  char why[256];
  rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, NULL, NULL);
  rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
  rd_kafka_NewPartitions_t *t = rd_kafka_NewPartitions_new(topic, partitions, why, sizeof why);
  rd_kafka_CreatePartitions(rk, &t, 1, NULL, q);
  rd_kafka_event_destroy(admin_wait(q));
  rd_kafka_NewPartitions_destroy(t);
  rd_kafka_queue_destroy(q);
  rd_kafka_destroy(rk);
}

static void topic_cut(const char *topic, int32_t partition, int64_t before) {
  rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, NULL, NULL);
  rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic, partition)->offset = before;
  rd_kafka_DeleteRecords_t *cut = rd_kafka_DeleteRecords_new(list);
  rd_kafka_DeleteRecords(rk, &cut, 1, NULL, q);
  rd_kafka_event_destroy(admin_wait(q));
  rd_kafka_DeleteRecords_destroy(cut);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_queue_destroy(q);
  rd_kafka_destroy(rk);
}

/* Records "r<id>" with key "n<id % 10>" into partition 0. */
static void send_ids(rd_kafka_t *rk, const char *topic, uint32_t from, uint32_t to) {
  for (uint32_t id = from; id < to; id++) {
    const char *value = text("r%u", id), *key = text("n%u", id % 10);
    ck_assert_int_eq(rd_kafka_producev(
                         rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                         RD_KAFKA_V_VALUE((void *)(uintptr_t)value, strlen(value)),
                         RD_KAFKA_V_KEY((void *)(uintptr_t)key, id % 10 == 9 ? 0 : strlen(key)), RD_KAFKA_V_END),
                     0);
  }
}
static void no_error(rd_kafka_error_t *error) { ck_assert_msg(error == NULL, "%s", rd_kafka_error_string(error)); }

/* ---- tests ---- */

/* Keys of nulls: our own client writes an empty key there, so ids with 9 are left out. */
START_TEST(aborted_records_and_markers_are_passed_over) {
  static struct consumer c;
  const char *topic = topic_name("txn");
  char at[1][32];
  topic_create(topic, 1);
  rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, "transactional.id", topic);
  no_error(rd_kafka_init_transactions(rk, 30000));
  for (uint32_t round = 0; round < 3; round++) {
    no_error(rd_kafka_begin_transaction(rk));
    send_ids(rk, topic, round * 100, round * 100 + 9);
    no_error(rd_kafka_flush(rk, 10000) == 0 ? NULL : rd_kafka_error_new(RD_KAFKA_RESP_ERR__TIMED_OUT, "flush"));
    no_error(round == 1 ? rd_kafka_abort_transaction(rk, 30000) : rd_kafka_commit_transaction(rk, 30000));
  }
  consumer_open(&c, text("{brokers: '%s', topics: %s}", brokers, topic), true);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  ck_assert(c.ended);
  ck_assert_uint_eq(c.records, 18);
  for (uint32_t i = 0; i < 9; i++) ck_assert(c.times[i] == 1 && c.times[100 + i] == 0 && c.times[200 + i] == 1);
  positions(&c, at);
  ck_assert_str_eq(at[0], "30"); /* 27 records and three markers: the last offset is a marker */
  consumer_close(&c);

  /* A transaction that is open is not there yet, and holds back what is behind it. */
  no_error(rd_kafka_begin_transaction(rk));
  send_ids(rk, topic, 300, 305);
  rd_kafka_flush(rk, 10000);
  consumer_open(&c, text("{brokers: '%s', topics: %s}", brokers, topic), true);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  ck_assert_uint_eq(c.records, 18);
  consumer_close(&c);
  no_error(rd_kafka_abort_transaction(rk, 30000));
  rd_kafka_destroy(rk);
}
END_TEST

START_TEST(other_clients_see_the_groups_offsets) {
  static struct consumer c;
  const char *topic = topic_name("offsets"), *group = topic_name("group");
  char at[4][32];
  topic_create(topic, 4);
  fill(brokers, topic, 0, 4000);
  consumer_open(&c, text("{brokers: '%s', topics: %s, group: %s}", brokers, topic, group), true);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  check_range(&c, 0, 4000);
  positions(&c, at);
  for (uint32_t i = 0; i < 4; i++) {
    struct spate_bytes position = {at[i], strlen(at[i])};
    ck_assert_int_eq(spate_source_kafka.committed(c.source, i, position, &err), 0);
  }
  ck_assert_int_eq(spate_source_kafka.committed_end(c.source, &err), 0);
  consumer_close(&c);
  rd_kafka_t *rk = client_new(RD_KAFKA_CONSUMER, "group.id", group);
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
  for (int32_t i = 0; i < 4; i++) rd_kafka_topic_partition_list_add(list, topic, i);
  ck_assert_int_eq(rd_kafka_committed(rk, list, 10000), 0);
  int64_t sum = 0;
  for (int i = 0; i < 4; i++) {
    ck_assert_str_eq(text("%lld", (long long)list->elems[i].offset), at[list->elems[i].partition]);
    sum += list->elems[i].offset;
  }
  ck_assert_int_eq(sum, 4000);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_destroy(rk);
}
END_TEST

/* What the cut left of a topic with 100 records in partition 0, by the policy; -1: it was refused. */
static int read_after_cut(const char *what, const char *policy, bool known) {
  static struct consumer c;
  const char *topic = topic_name(what);
  topic_create(topic, 1);
  rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, NULL, NULL);
  send_ids(rk, topic, 0, 9);
  send_ids(rk, topic, 10, 19);
  rd_kafka_flush(rk, 10000);
  rd_kafka_destroy(rk);
  if (known) topic_cut(topic, 0, 9);
  consumer_open(&c, text("{brokers: '%s', topics: %s, on_offset_reset: %s}", brokers, topic, policy), false);
  if (!known) topic_cut(topic, 0, 9); /* behind the source's back: the broker tells the reader */
  int result = spate_source_kafka.assign(c.reader, 0, (struct spate_bytes){"2", 1}, &err);
  while (result == 0) {
    enum spate_result r = spate_source_kafka.pull(c.reader, SPATE_BATCH_ROWS, c.payloads, &err);
    if (r == SPATE_FAIL) result = -1;
    if (r == SPATE_IDLE) ck_assert_msg(host_task_wait(&c.task), "nothing came after the cut");
    if (r != SPATE_OK) continue;
    consumer_note(&c);
    host_payloads_clear(c.payloads);
    if (spate_source_kafka.state(c.reader, 0) == SPATE_PART_CAUGHT_UP) break;
  }
  int records = (int)c.records;
  if (result == 0 && records > 0) check_range(&c, 10, 19);
  consumer_close(&c);
  return result == 0 ? records : -1;
}

START_TEST(a_log_that_was_cut_is_refused_or_not) {
  for (int known = 0; known < 2; known++) {
    ck_assert_int_eq(read_after_cut(text("cut-refuse-%d", known), "refuse", known), -1);
    ck_assert_msg(strstr(err.message, "offset 2 is out of range, the log runs from 9 to 18") != NULL, "%s",
                  err.message);
    ck_assert_int_eq(read_after_cut(text("cut-earliest-%d", known), "earliest", known), 9);
    ck_assert_int_eq(read_after_cut(text("cut-latest-%d", known), "latest", known), 0);
  }
}
END_TEST

START_TEST(a_time_is_a_start) {
  static struct consumer c;
  const char *topic = topic_name("time");
  topic_create(topic, 4);
  fill(brokers, topic, 0, 1000); /* 1700000000 s and id ms: 2023-11-14T22:13:20Z */
  consumer_open(&c, text("{brokers: '%s', topics: %s, start: '2023-11-14T22:13:20.600Z'}", brokers, topic), true);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  check_range(&c, 600, 1000);
  consumer_close(&c);
  consumer_open(&c, text("{brokers: '%s', topics: %s, start: 1700000000990}", brokers, topic), true);
  consumer_assign(&c, NULL);
  consume(&c, SPATE_BATCH_ROWS, UINT32_MAX, false);
  check_range(&c, 990, 1000);
  consumer_close(&c);
}
END_TEST

START_TEST(new_partitions_appear) {
  static struct consumer c;
  const char *topic = topic_name("wide");
  topic_create(topic, 2);
  fill(brokers, topic, 0, 100);
  consumer_open(&c, text("{brokers: '%s', topics: %s, start: latest}", brokers, topic), false);
  ck_assert_uint_eq(c.count, 2);
  consumer_assign(&c, NULL);
  topic_widen(topic, 3);
  uint32_t count = 2;
  for (int i = 0; i < 100 && count == 2; i++)
    ck_assert_int_eq(spate_source_kafka.partitions(c.source, &c.list, &count, &err), 0);
  ck_assert_uint_eq(count, 3);
  c.count = 3;
  rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, NULL, NULL);
  const char *value = "r5", *key = "n5";
  rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(2), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                    RD_KAFKA_V_VALUE((void *)(uintptr_t)value, 2), RD_KAFKA_V_KEY((void *)(uintptr_t)key, 2),
                    RD_KAFKA_V_END);
  ck_assert_int_eq(rd_kafka_flush(rk, 10000), 0);
  rd_kafka_destroy(rk);
  /* Written before it is assigned, start: latest or not: nothing of a new partition is skipped. */
  ck_assert_int_eq(spate_source_kafka.assign(c.reader, 2, (struct spate_bytes){NULL, 0}, &err), 0);
  consume(&c, SPATE_BATCH_ROWS, 1, false);
  check_range(&c, 5, 6);
  consumer_close(&c);
}
END_TEST

START_TEST(a_missing_topic_is_named) {
  static struct consumer c;
  ck_assert_int_eq(consumer_try(&c, text("{brokers: '%s', topics: %s}", brokers, topic_name("nope")), true), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "does not exist"));
  consumer_close(&c);
}
END_TEST

static void *broker_restart(void *own) {
  (void)own;
  char command[512];
  const char *port = strrchr(brokers, ':') + 1;
  snprintf(command, sizeof command, "tests/kafka/broker.sh kill %s && tests/kafka/broker.sh start %s %s", broker_dir,
           broker_dir, port);
  return (void *)(intptr_t)system(command);
}

/* The broker is killed and started again while a producer writes and a consumer reads: nothing is lost. A batch that
 * was written but not acknowledged may be written again (it was seen): at least once. */
START_TEST(a_broker_dies_under_load) {
  static struct consumer c;
  struct producer p;
  pthread_t thread;
  void *result;
  const char *topic = topic_name("dies");
  topic_create(topic, 4);
  producer_open(&p, text("{brokers: '%s', topic: %s, key: name}", brokers, topic));
  consumer_open(&c, text("{brokers: '%s', topics: %s}", brokers, topic), false);
  consumer_assign(&c, NULL);
  produce(&p, 0, 5000, true, false);
  consume(&c, SPATE_BATCH_ROWS, 1000, false);
  pthread_create(&thread, NULL, broker_restart, NULL);
  produce(&p, 5000, 60000, true, false); /* more than the queue holds: it waits for the broker */
  prepare(&p);
  pthread_join(thread, &result);
  ck_assert_ptr_null(result);
  for (uint32_t id = 0; id < 60000; id++) {
    while (c.times[id] == 0 && c.records < 120000) consume(&c, SPATE_BATCH_ROWS, c.records + 1, false);
    ck_assert_uint_ge(c.times[id], 1);
  }
  ck_assert(!atomic_load(&p.task.failed) && !atomic_load(&c.task.failed));
  consumer_close(&c);
  producer_close(&p);
}
END_TEST

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  brokers = argv[1];
  broker_dir = argv[2];
  Suite *suite = suite_create("kafka_plugin");
  TCase *t = tcase_create("all");
  tcase_add_checked_fixture(t, set_up, tear_down);
  tcase_set_timeout(t, 120);
  tcase_add_test(t, aborted_records_and_markers_are_passed_over);
  tcase_add_test(t, other_clients_see_the_groups_offsets);
  tcase_add_test(t, a_log_that_was_cut_is_refused_or_not);
  tcase_add_test(t, a_time_is_a_start);
  tcase_add_test(t, new_partitions_appear);
  tcase_add_test(t, a_missing_topic_is_named);
  tcase_add_test(t, a_broker_dies_under_load);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
