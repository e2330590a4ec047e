/*
 * file source: the lines of files, a partition each.
 *
 * Files are read in turn, a batch from each, so that their event times advance together; of many files that are read
 * once only a few are open at a time. A followed file that is at its end costs a stat now and then, until it grows or
 * is rotated away (tail.h).
 */
#include <errno.h>
#include <event2/event.h>
#include <glob.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "tail.h"

#define MOST_OPEN 16   /* of files that are read once */
#define SEEN_FILES 16  /* inodes a partition remembers, so that a rotated name is not taken for a new file */
#define POLL_FEW_MS 50 /* followed files at their end are looked at this often */
#define POLL_MANY_MS 250
#define POLL_FEW 100

struct file_config {
  struct spate_strings path;
  bool follow;
  int64_t max_line;
  int64_t max_files;
};

struct file_part { /* own of its partition */
  char *path;
  uint64_t limit_ino, limit; /* bounded: the size at open */
  /* Inodes read under this name, in a ring: written by the reader, read by the scribe; each stands alone: relaxed. */
  _Atomic uint64_t seen[SEEN_FILES];
};
struct file_source {
  struct file_config config;
  struct tail_rules rules;
  bool bounded;
  uint32_t metas;
  struct spate_partition *list; /* room for max_files from the start: it never moves */
  uint32_t count;
};
struct file_queue {
  struct tail *first, *last;
  uint32_t count;
};
struct file_reader {
  struct file_source *source;
  struct spate_task *task;
  struct event *timer;
  bool polling;
  struct tail **tail; /* by partition; NULL: not ours */
  uint32_t room, assigned, finished, open;
  struct file_queue waiting, ready, idle; /* not open yet; to be read; followed, at their end */
};

/* ---- configuration ---- */

static int file_check(const void *config, struct spate_error *err) {
  const struct file_config *c = config;
  if (c->path.count == 0) return spate_fail_option(err, "path", "no path is given");
  for (size_t i = 0; i < c->path.count; i++) {
    if (c->path.item[i][0] == 0) return spate_fail_option(err, "path", "a path is empty");
    if (c->follow && pack_kind_of(c->path.item[i]) != PACK_NONE)
      return spate_fail_option(err, "follow", "'%.200s' is compressed: it cannot be followed", c->path.item[i]);
  }
  return 0;
}

static bool file_bounded(const void *config) { return !((const struct file_config *)config)->follow; }

/* ---- the files ---- */

static struct file_part *part_of(const struct file_source *s, uint32_t i) { return s->list[i].own; }

/* The path, or for a long one its end and a hash of it all: the same at every start. */
static void partition_name(struct spate_partition *p, const char *path) {
  size_t n = strlen(path);
  if (n < sizeof p->name)
    memcpy(p->name, path, n + 1);
  else
    snprintf(p->name, sizeof p->name, "...%s#%016llx", path + n - 230, (unsigned long long)XXH3_64bits(path, n));
}

static uint64_t inode_mark(const struct stat *st) { return (uint64_t)st->st_ino ^ (uint64_t)st->st_dev << 48; }

/* Whether the path is known, or is a file that is read under a name it had before. */
static bool source_knows(const struct file_source *s, const char *path, const struct stat *st) {
  uint64_t mark = inode_mark(st);
  for (uint32_t i = 0; i < s->count; i++) {
    struct file_part *p = part_of(s, i);
    if (strcmp(p->path, path) == 0) return true;
    for (int k = 0; s->rules.follow && k < SEEN_FILES; k++)
      if (atomic_load_explicit(&p->seen[k], memory_order_relaxed) == mark) return true;
  }
  return false;
}

static int source_add(struct file_source *s, const char *path, struct spate_error *err) {
  struct stat st;
  if (stat(path, &st) != 0) {
    if (errno == ENOENT && s->rules.follow && s->count > 0) return 0; /* gone again */
    return spate_fail(err, "cannot read %s: %s", path, strerror(errno));
  }
  if (S_ISDIR(st.st_mode)) return spate_fail(err, "%s is a directory: write %s/*", path, path);
  if (!S_ISREG(st.st_mode)) return spate_fail(err, "%s is not a regular file", path);
  if (source_knows(s, path, &st)) return 0;
  if (s->count >= s->config.max_files)
    return spate_fail(err, "more than max_files (%lld) files match", (long long)s->config.max_files);
  struct file_part *p = calloc(1, sizeof *p);
  if (p == NULL || (p->path = strdup(path)) == NULL) {
    free(p);
    return spate_fail(err, "out of memory");
  }
  if (s->bounded) {
    p->limit_ino = st.st_ino;
    p->limit = (uint64_t)st.st_size;
  }
  s->list[s->count].own = p;
  partition_name(&s->list[s->count], path);
  s->count++;
  return 0;
}

/* Adds the files that match and are not known yet: in the order of the option, each pattern's sorted by name. */
static int source_scan(struct file_source *s, struct spate_error *err) {
  for (size_t i = 0; i < s->config.path.count; i++) {
    const char *pattern = s->config.path.item[i];
    glob_t found;
    if (strpbrk(pattern, "*?[") == NULL) {
      struct stat st;
      bool later = s->rules.follow && stat(pattern, &st) != 0 && errno == ENOENT;
      if (!later && source_add(s, pattern, err) != 0) return -1;
      continue;
    }
    int rc = glob(pattern, 0, NULL, &found);
    if (rc == GLOB_NOMATCH && !s->rules.follow) return spate_fail(err, "no file matches %s", pattern);
    if (rc == GLOB_NOMATCH) continue;
    if (rc != 0) return spate_fail(err, "cannot look for %s", pattern);
    int bad = 0;
    for (size_t k = 0; k < found.gl_pathc && bad == 0; k++) {
      struct stat st;
      bool skip = stat(found.gl_pathv[k], &st) == 0 && S_ISDIR(st.st_mode); /* a pattern means files */
      bad = skip ? 0 : source_add(s, found.gl_pathv[k], err);
    }
    globfree(&found);
    if (bad != 0) return -1;
  }
  return 0;
}

static void file_close(void *source) {
  struct file_source *s = source;
  for (uint32_t i = 0; i < s->count; i++) {
    free(part_of(s, i)->path);
    free(part_of(s, i));
  }
  free(s->list);
  free(s);
}

static int file_open(const struct spate_source_args *args, void **source, struct spate_error *err) {
  struct file_source *s = calloc(1, sizeof *s);
  if (s == NULL) return spate_fail(err, "out of memory");
  s->config = *(const struct file_config *)args->config;
  s->bounded = args->bounded;
  s->metas = args->metas;
  s->rules = (struct tail_rules){.where = args->where,
                                 .follow = s->config.follow,
                                 .bounded = args->bounded,
                                 .quoted = args->quoted_lines,
                                 .want_header = args->want_header,
                                 .max_line = (size_t)s->config.max_line};
  s->list = calloc((size_t)s->config.max_files, sizeof *s->list); /* pages come when they are touched */
  if (s->list == NULL || source_scan(s, err) != 0) {
    if (s->list == NULL) spate_fail(err, "out of memory");
    file_close(s);
    return -1;
  }
  if (s->count == 0)
    spate_log(&s->rules.where, SPATE_LOG_WARN, "no file matches %s yet: waiting for one", s->config.path.item[0]);
  *source = s;
  return 0;
}

static int file_partitions(void *source, const struct spate_partition **list, uint32_t *count,
                           struct spate_error *err) {
  struct file_source *s = source;
  if (s->rules.follow && !s->bounded && source_scan(s, err) != 0) return -1;
  *list = s->list;
  *count = s->count;
  return 0;
}

/* ---- the reader ---- */

static void queue_put(struct file_queue *q, struct tail *t) {
  t->next = NULL;
  if (q->last != NULL)
    q->last->next = t;
  else
    q->first = t;
  q->last = t;
  q->count++;
}

static struct tail *queue_take(struct file_queue *q) {
  struct tail *t = q->first;
  if (t == NULL) return NULL;
  q->first = t->next;
  if (q->first == NULL) q->last = NULL;
  q->count--;
  t->next = NULL;
  return t;
}

static void reader_arm(struct file_reader *r, uint32_t ms) {
  struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
  if (r->polling) return;
  event_add(r->timer, &wait);
  r->polling = true;
}

/* Looks at the followed files that are at their end. */
static void reader_poll(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  struct file_reader *r = own;
  struct file_queue idle = r->idle;
  bool news = r->waiting.count > 0;
  r->polling = false;
  r->idle = (struct file_queue){0};
  for (struct tail *t = queue_take(&idle); t != NULL; t = queue_take(&idle)) {
    bool more = tail_poll(t);
    queue_put(more ? &r->ready : &r->idle, t);
    news |= more;
  }
  if (news)
    spate_task_wake(r->task);
  else if (r->idle.count > 0)
    reader_arm(r, r->idle.count > POLL_FEW ? POLL_MANY_MS : POLL_FEW_MS);
}

static void file_reader_close(void *reader) {
  struct file_reader *r = reader;
  for (uint32_t i = 0; i < r->room; i++) tail_free(r->tail[i]);
  free(r->tail);
  if (r->timer != NULL) event_free(r->timer);
  free(r);
}

static int file_reader_open(void *source, struct spate_task *task, uint32_t index, void **reader,
                            struct spate_error *err) {
  (void)index;
  struct file_reader *r = calloc(1, sizeof *r);
  if (r == NULL) return spate_fail(err, "out of memory");
  r->source = source;
  r->task = task;
  r->timer = evtimer_new(spate_task_base(task), reader_poll, r);
  if (r->timer == NULL) {
    free(r);
    return spate_fail(err, "cannot make a timer");
  }
  *reader = r;
  return 0;
}

static int file_assign(void *reader, uint32_t partition, struct spate_bytes position, struct spate_error *err) {
  struct file_reader *r = reader;
  if (partition >= r->room) {
    uint32_t room = partition + 64;
    struct tail **tail = realloc(r->tail, room * sizeof *tail);
    if (tail == NULL) return spate_fail(err, "out of memory");
    memset(tail + r->room, 0, (room - r->room) * sizeof *tail);
    r->tail = tail;
    r->room = room;
  }
  const struct file_part *part = part_of(r->source, partition);
  struct tail *t = tail_new(&r->source->rules, part->path);
  if (t == NULL) return spate_fail(err, "out of memory");
  if (tail_start_parse(&t->start, position, err) != 0) {
    tail_free(t);
    return -1;
  }
  t->limit_ino = part->limit_ino;
  t->limit = part->limit;
  t->partition = partition;
  r->tail[partition] = t;
  r->assigned++;
  queue_put(&r->waiting, t);
  return 0;
}

/* Opens files that wait, as many as may be open. */
static int reader_open_some(struct file_reader *r, struct spate_error *err) {
  while (r->waiting.count > 0 && (r->source->rules.follow || r->open < MOST_OPEN)) {
    struct tail *t = r->waiting.first;
    int rc = tail_open(t, err);
    if (rc < 0) return -1;
    if (rc > 0) {
      reader_arm(r, 1000);
      return 0;
    }
    queue_put(&r->ready, queue_take(&r->waiting));
    r->open++;
  }
  return 0;
}

/* Remembers the inode that is being read under this name. */
static void reader_note(struct file_reader *r, const struct tail *t) {
  struct file_part *p = part_of(r->source, t->partition);
  struct stat id = {.st_ino = (ino_t)t->id.ino, .st_dev = (dev_t)t->id.dev};
  uint64_t mark = inode_mark(&id);
  if (atomic_load_explicit(&p->seen[0], memory_order_relaxed) == mark) return;
  for (int k = SEEN_FILES - 1; k > 0; k--)
    atomic_store_explicit(&p->seen[k], atomic_load_explicit(&p->seen[k - 1], memory_order_relaxed),
                          memory_order_relaxed);
  atomic_store_explicit(&p->seen[0], mark, memory_order_relaxed);
}

static int reader_label(struct file_reader *r, const struct tail *t, struct spate_payloads *out) {
  for (uint32_t i = 0; i < out->count; i++) out->partition[i] = t->partition;
  if (r->source->metas & 1u << SPATE_META_LINE) {
    struct spate_column *c = spate_column_new((struct spate_type){.kind = SPATE_INT}, out->count, 0);
    memcpy(c->i64, out->position, out->count * sizeof *c->i64);
    out->meta[SPATE_META_LINE] = c;
  }
  if (r->source->metas & 1u << SPATE_META_PATH) {
    size_t n = strlen(t->path);
    struct spate_column *c =
        spate_column_new((struct spate_type){.kind = SPATE_STRING}, out->count, (uint32_t)(n * out->count));
    out->meta[SPATE_META_PATH] = c;
    for (uint32_t i = 0; i < out->count; i++)
      if (spate_column_put(c, i, t->path, n) != 0) return -1;
    spate_column_finish(c);
  }
  return 0;
}

static enum spate_result file_pull(void *reader, uint32_t max, struct spate_payloads *out, struct spate_error *err) {
  struct file_reader *r = reader;
  if (max == 0) return SPATE_OK;
  if (reader_open_some(r, err) != 0) return SPATE_FAIL;
  for (struct tail *t = queue_take(&r->ready); t != NULL; t = queue_take(&r->ready)) {
    enum spate_result result = tail_pull(t, max, out, err);
    if (result == SPATE_FAIL) return result;
    reader_note(r, t);
    if (result == SPATE_OK) {
      queue_put(&r->ready, t);
      if (reader_label(r, t, out) == 0) return SPATE_OK;
      spate_fail(err, "%s: out of memory", t->path);
      return SPATE_FAIL;
    }
    if (result == SPATE_IDLE) queue_put(&r->idle, t);
    if (result != SPATE_END) continue;
    r->finished++;
    r->open--;
    if (reader_open_some(r, err) != 0) return SPATE_FAIL;
  }
  bool ends = !r->source->rules.follow || r->source->bounded;
  if (ends && r->finished == r->assigned) return SPATE_END;
  if (r->idle.count > 0) reader_arm(r, r->idle.count > POLL_FEW ? POLL_MANY_MS : POLL_FEW_MS);
  return SPATE_IDLE;
}

static enum spate_partition_state file_state(void *reader, uint32_t partition) {
  const struct file_reader *r = reader;
  const struct tail *t = partition < r->room ? r->tail[partition] : NULL;
  if (t == NULL || t->state == TAIL_FINISHED) return SPATE_PART_FINISHED;
  return t->state == TAIL_CAUGHT_UP ? SPATE_PART_CAUGHT_UP : SPATE_PART_READING;
}

static int file_position(void *reader, uint32_t partition, struct spate_buffer *out, struct spate_error *err) {
  const struct file_reader *r = reader;
  struct tail *t = partition < r->room ? r->tail[partition] : NULL;
  if (t == NULL) return spate_fail(err, "partition %u is not read here", partition);
  return tail_position(t, out, err);
}

#define AT(field) offsetof(struct file_config, field)
static const struct spate_option FILE_OPTIONS[] = {
    {.name = "path",
     .type = SPATE_OPT_STRINGS,
     .offset = AT(path),
     .flags = SPATE_REQUIRED,
     .help = "A path or pattern (* ? [abc]), or a list of them; .gz and .zst are unpacked."},
    {.name = "follow",
     .type = SPATE_OPT_BOOL,
     .offset = AT(follow),
     .default_text = "false",
     .help = "Wait for more at the end, and for new files; a file that is rotated away is read to its end first."},
    {.name = "max_line",
     .type = SPATE_OPT_SIZE,
     .offset = AT(max_line),
     .default_text = "1MiB",
     .min = 1,
     .max = 1 << 30,
     .help = "A longer line is left out, counted and logged."},
    {.name = "max_files",
     .type = SPATE_OPT_INT,
     .offset = AT(max_files),
     .default_text = "10000",
     .min = 1,
     .max = 1000000,
     .help = "More files than this are an error."},
    {.name = NULL}};

const struct spate_source_api spate_source_file = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_source_api),
    .name = "file",
    .help = "The lines of files, a partition each.",
    .flags = SPATE_REPLAYABLE,
    .metas = 1u << SPATE_META_PATH | 1u << SPATE_META_LINE,
    .options = FILE_OPTIONS,
    .config_size = sizeof(struct file_config),
    .check = file_check,
    .bounded = file_bounded,
    .open = file_open,
    .partitions = file_partitions,
    .close = file_close,
    .reader_open = file_reader_open,
    .assign = file_assign,
    .pull = file_pull,
    .state = file_state,
    .position = file_position,
    .reader_close = file_reader_close,
};
