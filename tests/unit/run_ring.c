/* ring: what one task writes another reads, in order, over two threads; full is told and wakes the writer. */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "run/ring.h"
#include "run/task.h"

static struct spate_task from, to; /* no worker: a wake-up goes nowhere, both threads look again by themselves */

START_TEST(full_and_empty) {
  struct ring *r = ring_new(&from, &to);
  struct op_msg m = {.kind = OP_WATERMARK};
  ck_assert(!ring_pop(r, &m));
  for (uint32_t i = 0; i < RING_SLOTS; i++) {
    m = (struct op_msg){.kind = OP_WATERMARK, .value = i};
    ck_assert(ring_push(r, &m));
  }
  ck_assert(!ring_push(r, &m));
  ck_assert(ring_pop(r, &m));
  ck_assert_int_eq(m.value, 0);
  m.value = 99;
  ck_assert(ring_push(r, &m));
  for (uint32_t i = 1; i < RING_SLOTS; i++) {
    ck_assert(ring_pop(r, &m));
    ck_assert_int_eq(m.value, i);
  }
  ck_assert(ring_pop(r, &m));
  ck_assert_int_eq(m.value, 99);
  ck_assert(!ring_pop(r, &m));
  ring_free(&r);
  ck_assert_ptr_null(r);
}
END_TEST

#define MANY 200000
static void *write_many(void *own) {
  for (int64_t i = 0; i < MANY;) {
    struct op_msg m = {.kind = OP_WATERMARK, .value = i};
    if (ring_push(own, &m))
      i++;
    else
      sched_yield();
  }
  return NULL;
}

START_TEST(order_over_threads) {
  struct ring *r = ring_new(&from, &to);
  pthread_t writer;
  ck_assert_int_eq(pthread_create(&writer, NULL, write_many, r), 0);
  for (int64_t i = 0; i < MANY;) {
    struct op_msg m;
    if (!ring_pop(r, &m)) {
      sched_yield();
      continue;
    }
    ck_assert_int_eq(m.value, i);
    i++;
  }
  pthread_join(writer, NULL);
  ring_free(&r);
}
END_TEST

START_TEST(free_drops_batches) {
  struct ring *r = ring_new(&from, &to);
  struct spate_batch *batch = spate_batch_new(0, 0, NULL, NULL);
  struct op_msg m = {.kind = OP_BATCH, .batch = spate_batch_ref(batch)};
  ck_assert(ring_push(r, &m));
  ring_free(&r);
  ck_assert_uint_eq(batch->refs, 1);
  spate_batch_unref(batch);
}
END_TEST

int main(void) {
  Suite *s = suite_create("ring");
  TCase *t = tcase_create("ring");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, full_and_empty);
  tcase_add_test(t, order_over_threads);
  tcase_add_test(t, free_drops_batches);
  suite_add_tcase(s, t);
  SRunner *run = srunner_create(s);
  srunner_run_all(run, CK_NORMAL);
  int failed = srunner_ntests_failed(run);
  srunner_free(run);
  return failed != 0;
}
