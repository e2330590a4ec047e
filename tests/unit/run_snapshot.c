/* snapshot: what is written comes back, for any number of tasks; what is torn, foreign or of other steps is refused,
 * and every flipped bit is noticed. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "run/snapshot.h"

static char dir[64];
static struct plan_node node[1] = {{.kind = PLAN_STEP, .name = "sum", .stateful = true, .signature = "aggregate k"}};
static struct plan plan = {.name = "p", .state_hash = 7, .node = node, .nodes = 1};

/* An op that keeps what it is given. */
struct kept {
  uint32_t entries;
  uint64_t hashes;
  int64_t watermark;
};
static int kept_load(void *state, uint64_t hash, struct cut *entry) {
  struct kept *k = state;
  k->entries++;
  k->hashes ^= hash;
  uint32_t size;
  const char *bytes = cut_block(entry, &size);
  return bytes != NULL && size == 3 && memcmp(bytes, "abc", 3) == 0 ? 0 : -1;
}
static void kept_watermark(void *state, int64_t watermark) { ((struct kept *)state)->watermark = watermark; }
static const struct op_class KEPT = {.load = kept_load, .set_watermark = kept_watermark};

static void put_state(struct buf *out, uint64_t hash) {
  struct buf entry = {0};
  buf_block(&entry, "abc", 3);
  buf_u64(out, hash);
  buf_block(out, entry.data, entry.size);
  buf_free(&entry);
}

static void write_one(void) {
  struct buf part = {0};
  struct spate_error err = {0};
  snapshot_put_position(&part, "in", "topic/3", 1234, (struct spate_bytes){"17", 2});
  size_t begun = snapshot_begin_step(&part, "sum", 99);
  for (uint64_t i = 0; i < 100; i++) put_state(&part, hash_bytes(&i, sizeof i));
  snapshot_end_step(&part, begun);
  const struct buf *parts[] = {&part};
  ck_assert_msg(snapshot_write(dir, &plan, 5, false, parts, 1, &err) == 0, "%s", err.message);
  buf_free(&part);
}

static char *file_name(void) {
  static char name[128];
  snprintf(name, sizeof name, "%s/snapshot", dir);
  return name;
}

static void setup(void) {
  strcpy(dir, "/tmp/spate-snapshot-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(dir));
}
static void teardown(void) {
  unlink(file_name());
  rmdir(dir);
}

START_TEST(none) {
  struct snapshot *s = NULL;
  struct spate_error err = {0};
  ck_assert_int_eq(snapshot_read(dir, &plan, &s, &err), 0);
  ck_assert_ptr_null(s);
}
END_TEST

START_TEST(there_and_back) {
  write_one();
  struct snapshot *s = NULL;
  struct spate_error err = {0};
  ck_assert_msg(snapshot_read(dir, &plan, &s, &err) == 0, "%s", err.message);
  ck_assert_uint_eq(s->epoch, 5);
  struct spate_bytes at;
  int64_t greatest;
  ck_assert(snapshot_position(s, "in", "topic/3", &at, &greatest));
  ck_assert_int_eq(greatest, 1234);
  ck_assert(at.size == 2 && memcmp(at.data, "17", 2) == 0);
  ck_assert(!snapshot_position(s, "in", "topic/4", &at, &greatest));
  for (uint32_t tasks = 1; tasks <= 5; tasks++) { /* every entry has one owner, whatever the number of tasks */
    uint32_t entries = 0;
    for (uint32_t i = 0; i < tasks; i++) {
      struct kept kept = {0};
      ck_assert_int_eq(snapshot_load_step(s, "sum", &KEPT, &kept, i, tasks, &err), 0);
      ck_assert_int_eq(kept.watermark, 99);
      entries += kept.entries;
    }
    ck_assert_uint_eq(entries, 100);
  }
  snapshot_free(&s);
}
END_TEST

START_TEST(other_steps_are_refused) {
  write_one();
  struct snapshot *s = NULL;
  struct spate_error err = {0};
  struct plan_node other = {.kind = PLAN_STEP, .name = "sum", .stateful = true, .signature = "aggregate other"};
  struct plan now = {.name = "p", .state_hash = 8, .node = &other, .nodes = 1};
  ck_assert_int_eq(snapshot_read(dir, &now, &s, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "step 'sum'"));
  ck_assert_ptr_nonnull(strstr(err.message, "--fresh"));
  other.name = "renamed";
  ck_assert_int_eq(snapshot_read(dir, &now, &s, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "'sum'"));
}
END_TEST

static char *read_bytes(size_t *size) {
  struct stat st;
  int fd = open(file_name(), O_RDONLY);
  ck_assert_int_eq(fstat(fd, &st), 0);
  char *bytes = malloc((size_t)st.st_size);
  *size = (size_t)st.st_size;
  ck_assert_int_eq(read(fd, bytes, *size), st.st_size);
  close(fd);
  return bytes;
}
static void write_bytes(const char *bytes, size_t size) {
  int fd = open(file_name(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
  close(fd);
}

START_TEST(every_flipped_bit_and_every_cut) {
  write_one();
  size_t size;
  char *bytes = read_bytes(&size);
  struct snapshot *s = NULL;
  for (size_t i = 0; i < size; i++) {
    struct spate_error err = {0};
    bytes[i] = (char)(bytes[i] ^ (1 << (i % 8)));
    write_bytes(bytes, size);
    ck_assert_msg(snapshot_read(dir, &plan, &s, &err) == -1, "a bit flipped in byte %zu went unseen", i);
    ck_assert_ptr_nonnull(strstr(err.message, "--fresh"));
    bytes[i] = (char)(bytes[i] ^ (1 << (i % 8)));
  }
  for (size_t n = 0; n < size; n += 7) {
    struct spate_error err = {0};
    write_bytes(bytes, n);
    ck_assert_msg(snapshot_read(dir, &plan, &s, &err) == -1, "a file cut to %zu bytes went unseen", n);
  }
  free(bytes);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("snapshot");
  TCase *t = tcase_create("snapshot");
  tcase_set_timeout(t, 60);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, none);
  tcase_add_test(t, there_and_back);
  tcase_add_test(t, other_steps_are_refused);
  tcase_add_test(t, every_flipped_bit_and_every_cut);
  suite_add_tcase(suite, t);
  SRunner *run = srunner_create(suite);
  srunner_run_all(run, CK_NORMAL);
  int failed = srunner_ntests_failed(run);
  srunner_free(run);
  return failed != 0;
}
