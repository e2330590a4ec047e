/* host: the task, its loop, files and options. The drivers are in drive.c. */
#include "host.h"

#include <dirent.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../daemon/base/mem.h"

/* ---- what plugins ask of their task ---- */

void spate_task_wake(struct spate_task *task) {
  uint64_t one = 1;
  atomic_store(&task->woken, true);
  ssize_t n = write(task->wake_fd, &one, sizeof one);
  (void)n;
}

struct event_base *spate_task_base(struct spate_task *task) {
  return task->base;
}

int64_t spate_task_now(struct spate_task *task) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + task->clock;
}

void spate_task_prepared(struct spate_task *task, uint64_t epoch) {
  atomic_store(&task->prepared, epoch);
  spate_task_wake(task);
}

void spate_task_fail(struct spate_task *task, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(task->failure, sizeof task->failure, format, args);
  va_end(args);
  atomic_store(&task->failed, true);
  spate_task_wake(task);
}

/* The engine's own, where it is not linked. */
__attribute__((weak)) void *spate_config_alloc(struct spate_schema *schema, size_t size) {
  (void)schema;
  static struct arena *arena;
  if (arena == NULL) arena = arena_new();
  return arena_alloc(arena, size);
}

/* ---- the task ---- */

static void task_woken(evutil_socket_t fd, short what, void *own) {
  (void)what, (void)own;
  uint64_t times;
  ssize_t n = read((int)fd, &times, sizeof times);
  (void)n;
}

struct spate_task *task_new(void) {
  struct spate_task *t = MEM_NEW(struct spate_task);
  t->base = event_base_new();
  t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  t->wake_event = event_new(t->base, t->wake_fd, EV_READ | EV_PERSIST, task_woken, t);
  event_add(t->wake_event, NULL);
  return t;
}

void task_free(struct spate_task *t) {
  event_free(t->wake_event);
  event_base_free(t->base);
  close(t->wake_fd);
  mem_free(t);
}

static int64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nothing(evutil_socket_t fd, short what, void *own) { (void)fd, (void)what, (void)own; }

void task_wait(struct spate_task *t) {
  int64_t limit = monotonic_ms() + 20000;
  struct timeval tick = {.tv_usec = 100000};
  struct event *timer = event_new(t->base, -1, EV_PERSIST, nothing, NULL);
  event_add(timer, &tick);
  while (!atomic_exchange(&t->woken, false)) {
    ck_assert_msg(monotonic_ms() < limit, "the task was never woken");
    event_base_loop(t->base, EVLOOP_ONCE);
  }
  event_free(timer);
}

/* ---- files ---- */

const char *test_path(const char *format, ...) {
  static char path[16][512], directory[256];
  static int next;
  if (directory[0] == 0) {
    const char *tmp = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/contract-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
  }
  char *out = path[next++ % 16], name[200];
  va_list args;
  va_start(args, format);
  vsnprintf(name, sizeof name, format, args);
  va_end(args);
  snprintf(out, sizeof path[0], "%s/%s", directory, name);
  return out;
}

void file_write(const char *path, const char *bytes, size_t size, const char *mode) {
  FILE *f = fopen(path, mode);
  ck_assert_msg(f != NULL, "cannot open %s", path);
  ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
  fclose(f);
}

char *file_read(const char *path, size_t *size) {
  struct stat st;
  FILE *f = fopen(path, "r");
  ck_assert_msg(f != NULL && fstat(fileno(f), &st) == 0, "cannot open %s", path);
  char *bytes = mem_alloc((size_t)st.st_size + 1);
  size_t n = fread(bytes, 1, (size_t)st.st_size, f);
  bytes[n] = 0;
  fclose(f);
  if (size != NULL) *size = n;
  return bytes;
}

uint32_t descriptors_open(void) {
  uint32_t count = 0;
  DIR *d = opendir("/proc/self/fd");
  while (readdir(d) != NULL) count++;
  closedir(d);
  return count;
}

/* ---- options ---- */

const void *options_fill(const struct spate_option *table, size_t size, const struct spate_schema *columns,
                         const char *yaml, int (*check)(const void *, struct spate_error *), const char **error) {
  static struct arena *arena; /* lives as long as the test */
  struct conf_errors errors;
  struct spate_error err = {0};
  if (arena == NULL) arena = arena_new();
  conf_errors_init(&errors);
  struct conf_node *node = conf_parse(arena, "options.yaml", arena_text(arena, yaml), strlen(yaml), &errors);
  void *config = arena_alloc(arena, size + 16);
  const char *problem = NULL;
  if (node == NULL || conf_fill(arena, table, node, NULL, columns, config, &errors) != 0)
    problem = errors.count > 0 ? arena_text(arena, errors.problem[0].message) : "no options";
  else if (check != NULL && check(config, &err) != 0)
    problem = arena_text(arena, err.message);
  conf_errors_fini(&errors);
  if (error != NULL) *error = problem;
  ck_assert_msg(problem == NULL || error != NULL, "%s: %s", yaml, problem);
  return problem == NULL ? config : NULL;
}
