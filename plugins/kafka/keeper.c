/*
 * keeper: the source's own thread, for what blocks while readers run.
 *
 * - It pokes brokers. librdkafka 2.0 stops fetching for up to a second when a reader's queue reaches
 *   queued.min.messages, however soon the queue empties; any request to the broker wakes its thread. So while a queue
 * is near the limit, and for a second after, each leader is asked for one partition's end every 50 ms.
 * - It finds out where a log begins and ends when a reader met an offset out of range, and stops partitions that a
 *   bounded run has finished.
 * - It serves librdkafka's callbacks, and tells the tasks when a cluster refuses us for good.
 *
 * Otherwise it sleeps; once a second it listens.
 */
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "source.h"

#define POKE_EVERY_MS 50
#define POKE_LEAST_MS 5
#define POKE_WAIT_MS 1000
#define LISTEN_EVERY_MS 1000

void kafka_keeper_call(struct kafka_source *s) {
  uint64_t one = 1;
  if (s->keeper_fd >= 0 && write(s->keeper_fd, &one, sizeof one) < 0) return; /* full: it is awake anyway */
}

static bool handle_busy(struct kafka_source *s, uint32_t handle, int64_t now) {
  for (uint32_t i = 0; i < s->readers; i++) {
    struct kafka_reader *r = __atomic_load_n(&atomic_load(&s->reader)[i], __ATOMIC_ACQUIRE);
    if (r != NULL && r->handle == handle && atomic_load(&r->busy_until) > now) return true;
  }
  return false;
}

static bool any_busy(struct kafka_source *s, int64_t now) {
  for (uint32_t h = 0; h < s->handles; h++)
    if (handle_busy(s, h, now)) return true;
  return false;
}

/* One partition of each leader among those that the handle reads. */
static void handle_poke(struct kafka_source *s, uint32_t handle) {
  int32_t leaders[64];
  uint32_t count = 0;
  struct kafka_part **part = atomic_load(&s->part);
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
  for (uint32_t i = 0; i < atomic_load(&s->parts) && count < 64; i++) {
    struct kafka_reader *r = atomic_load(&part[i]->reader);
    if (r == NULL || r->handle != handle || !atomic_load(&part[i]->started)) continue;
    int32_t leader = atomic_load(&part[i]->leader);
    uint32_t k = 0;
    while (k < count && leaders[k] != leader) k++;
    if (k < count) continue;
    leaders[count++] = leader;
    rd_kafka_topic_partition_list_add(list, part[i]->topic->name, part[i]->number)->offset = RD_KAFKA_OFFSET_END;
  }
  if (list->cnt > 0) (void)rd_kafka_offsets_for_times(s->handle[handle], list, POKE_WAIT_MS);
  rd_kafka_topic_partition_list_destroy(list);
}

static void part_stop(struct kafka_source *s, struct kafka_part *p, struct kafka_reader *r) {
  (void)s;
  if (atomic_exchange(&p->started, false)) (void)rd_kafka_consume_stop(p->topic->rkt[r->handle], p->number);
}

static void keeper_answer(struct kafka_source *s) {
  struct kafka_part **part = atomic_load(&s->part);
  for (uint32_t i = 0; i < atomic_load(&s->parts); i++) {
    struct kafka_part *p = part[i];
    struct spate_error err;
    int ask = atomic_load_explicit(&p->ask, memory_order_acquire);
    if (ask != KAFKA_ASK_RANGE && ask != KAFKA_ASK_STOP) continue;
    struct kafka_reader *r = atomic_load(&p->reader);
    part_stop(s, p, r);
    if (ask == KAFKA_ASK_STOP) {
      atomic_store(&p->ask, KAFKA_ASK_NONE);
    } else if (kafka_offsets_range(s, 0, i, i + 1, POKE_WAIT_MS, &err) == 0) {
      atomic_store_explicit(&p->ask, KAFKA_ASK_ANSWERED, memory_order_release);
      atomic_store(&r->answered, true);
      kafka_reader_wake(r);
    } /* else: asked again at the next turn */
  }
}

static void keeper_listen(struct kafka_source *s, bool *told) {
  char why[256];
  for (uint32_t h = 0; h < s->handles; h++) rd_kafka_poll(s->handle[h], 0);
  if (!atomic_load(&s->watch.refused) || *told) return;
  *told = true;
  kafka_watch_final(&s->watch, why, sizeof why);
  for (uint32_t i = 0; i < s->readers; i++) {
    struct kafka_reader *r = __atomic_load_n(&atomic_load(&s->reader)[i], __ATOMIC_ACQUIRE);
    if (r != NULL) kafka_reader_fail(r, why);
  }
}

static void *keeper_run(void *own) {
  struct kafka_source *s = own;
  int64_t poked = 0;
  bool told = false;
  while (!atomic_load(&s->stop)) {
    struct pollfd p = {s->keeper_fd, POLLIN, 0};
    uint64_t calls;
    (void)poll(&p, 1, atomic_load(&s->poking) ? POKE_EVERY_MS : LISTEN_EVERY_MS);
    if (read(s->keeper_fd, &calls, sizeof calls) < 0) calls = 0;
    if (atomic_load(&s->stop)) break;
    keeper_answer(s);
    keeper_listen(s, &told);
    int64_t now = kafka_clock_ms();
    if (now - poked >= POKE_LEAST_MS) {
      for (uint32_t h = 0; h < s->handles; h++)
        if (handle_busy(s, h, now)) handle_poke(s, h);
      poked = kafka_clock_ms();
    }
    /* A reader sets busy_until, then looks at poking; we the other way round: so one of the two sees the other. */
    atomic_store(&s->poking, false);
    if (any_busy(s, kafka_clock_ms())) atomic_store(&s->poking, true);
  }
  return NULL;
}

int kafka_keeper_start(struct kafka_source *s, struct spate_error *err) {
  sigset_t all, old;
  s->keeper_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (s->keeper_fd < 0) return spate_fail(err, "no descriptor for the keeper of kafka's queues");
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int code = pthread_create(&s->keeper, NULL, keeper_run, s);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  s->keeper_runs = code == 0;
  return code == 0 ? 0 : spate_fail(err, "no thread for the keeper of kafka's queues");
}

void kafka_keeper_stop(struct kafka_source *s) {
  atomic_store(&s->stop, true);
  if (s->keeper_runs) {
    kafka_keeper_call(s);
    pthread_join(s->keeper, NULL);
  }
  if (s->keeper_fd >= 0) close(s->keeper_fd);
  s->keeper_runs = false;
  s->keeper_fd = -1;
  for (uint32_t i = 0; i < atomic_load(&s->parts); i++) {
    struct kafka_part *p = atomic_load(&s->part)[i];
    struct kafka_reader *r = atomic_load(&p->reader);
    if (r != NULL) part_stop(s, p, r);
  }
}
