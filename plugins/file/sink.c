/*
 * file sink: encoded rows to files, whose names may be made from the rows.
 *
 * Rows are gathered in a buffer for each file and written by the worker (a write to the page cache is allowed there);
 * at the end of an epoch what was written is synced by a thread of the sink's own, and the epoch is prepared when that
 * is done. A full disk holds the rows back until there is space again.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "beneath.h"
#include "outfile.h"

#define MOST_KNOWN (1u << 20) /* names made by one run */
#define UNNAMED "rows-without-a-name"

struct rotate_config {
  int64_t size, every;
};
struct file_sink_config {
  struct spate_template *path;
  int if_exists;
  int64_t max_open;
  struct rotate_config rotate;
};
enum { EXISTS_ERROR, EXISTS_APPEND, EXISTS_REPLACE };

struct file_sink {
  struct file_sink_config config;
  struct spate_where where;
  struct outfile_rules rules;
  char *root, *head, *pipeline;
  char *
      marker; /* there from the first open to the first commit: what is written meanwhile is ours, though no state is */
  bool temporary;
  struct syncer *syncer; /* NULL: nothing is synced */
  struct outfile *first; /* a constant path: opened with the sink, taken by the writer */
};

struct known_names { /* hashes of the names that were opened; a set, open addressing, never full */
  uint64_t *slot;
  uint32_t count, room;
};

struct file_writer {
  struct file_sink *sink;
  struct spate_task *task;
  struct sync_owner *owner;
  struct event *retry;
  struct outfile *files; /* the last used first */
  uint32_t open;
  struct known_names known;
  struct synced_file **closed; /* written in this epoch, and closed since */
  size_t closed_count, closed_room;
  struct spate_buffer *name;
  bool full_said, unnamed_said;
  uint64_t unnamed;
};

/* ---- the sink ---- */

static int file_sink_check(const void *config, struct spate_error *err) {
  const struct file_sink_config *c = config;
  const char *constant = c->path != NULL ? spate_template_constant(c->path) : NULL;
  const char *word = c->path != NULL ? spate_template_word(c->path) : NULL;
  if (word != NULL && strcmp(word, "epoch") == 0)
    return spate_fail_option(err, "path", "{epoch} in a path is not built yet: it comes with exactly_once");
  size_t n = constant != NULL ? strlen(constant) : 1;
  if (n == 0 || (constant != NULL && constant[n - 1] == '/'))
    return spate_fail_option(err, "path", "the path names no file");
  return 0;
}

static void file_sink_close(void *sink) {
  struct file_sink *s = sink;
  syncer_stop(s->syncer);
  outfile_free(s->first);
  free(s->root);
  free(s->head);
  free(s->pipeline);
  free(s->marker);
  free(s);
}

/* A run that ended before its first epoch was committed left no state, but perhaps rows: whether this one follows it.
 */
static bool marker_take(struct file_sink *s, const struct spate_sink_args *args) {
  if (args->temporary || args->state_dir == NULL || args->resumed) return false;
  if (asprintf(&s->marker, "%s/%s.begun", args->state_dir, args->where.component) < 0) {
    s->marker = NULL;
    return false;
  }
  bool there = access(s->marker, F_OK) == 0;
  int fd = open(s->marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* where it cannot be made, nothing else suffers */
  if (fd >= 0) close(fd);
  return there;
}

static int file_sink_commit(void *sink, uint64_t epoch, struct spate_error *err) {
  (void)epoch, (void)err;
  struct file_sink *s = sink;
  if (s->marker != NULL) unlink(s->marker);
  free(s->marker);
  s->marker = NULL;
  return 0;
}

static int sink_prepare(struct file_sink *s, const struct spate_sink_args *args, struct spate_error *err) {
  s->pipeline = strdup(args->pipeline != NULL ? args->pipeline : "pipeline");
  s->head = args->head_length > 0 ? malloc(args->head_length) : NULL;
  if (s->pipeline == NULL || (args->head_length > 0 && s->head == NULL)) return spate_fail(err, "out of memory");
  if (s->head != NULL) memcpy(s->head, args->head, args->head_length);
  if (beneath_root(s->config.path, args->schema, &s->root, err) != 0) return -1;
  if (s->root[0] != 0 && beneath_make(s->root, err) != 0) return -1;
  bool begun = marker_take(s, args);
  s->rules = (struct outfile_rules){.root = s->root,
                                    .head = s->head,
                                    .head_length = args->head_length,
                                    .go_on = begun || args->resumed || s->config.if_exists == EXISTS_APPEND,
                                    .replace = s->config.if_exists == EXISTS_REPLACE,
                                    .rotates = s->config.rotate.size > 0 || s->config.rotate.every > 0};
  const char *constant = spate_template_constant(s->config.path);
  if (constant != NULL) {
    s->first = outfile_open(&s->rules, constant + strlen(s->root), false, (int64_t)time(NULL) * 1000000, err);
    if (s->first == NULL) {
      if (s->marker != NULL && !begun)
        unlink(s->marker); /* nothing of ours was written: it must not vouch for that file */
      return -1;
    }
  }
  if (!s->temporary && (s->syncer = syncer_start(err)) == NULL) return -1;
  return 0;
}

static int file_sink_open(const struct spate_sink_args *args, void **sink, struct spate_error *err) {
  struct file_sink *s = calloc(1, sizeof *s);
  if (s == NULL) return spate_fail(err, "out of memory");
  s->config = *(const struct file_sink_config *)args->config;
  s->where = args->where;
  s->temporary = args->temporary;
  if (sink_prepare(s, args, err) != 0) {
    file_sink_close(s);
    return -1;
  }
  *sink = s;
  return 0;
}

/* ---- names that were opened ---- */

/* Whether the name was there; it is afterwards. */
static bool known_add(struct known_names *k, uint64_t hash) {
  if (hash == 0) hash = 1;
  if (k->count * 2 >= k->room && k->room < MOST_KNOWN * 2) {
    struct known_names bigger = {.room = k->room > 0 ? k->room * 2 : 64};
    bigger.slot = calloc(bigger.room, sizeof *bigger.slot);
    if (bigger.slot == NULL) return true;
    for (uint32_t i = 0; i < k->room; i++)
      if (k->slot[i] != 0) known_add(&bigger, k->slot[i]);
    free(k->slot);
    *k = bigger;
  }
  uint32_t i = (uint32_t)hash & (k->room - 1);
  while (k->slot[i] != 0 && k->slot[i] != hash) i = (i + 1) & (k->room - 1);
  if (k->slot[i] == hash) return true;
  if (k->count >= MOST_KNOWN) return true; /* beyond the bound names are taken for known: gone on with, never dropped */
  k->slot[i] = hash;
  k->count++;
  return false;
}

/* ---- the writer ---- */

static void writer_retry(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  spate_task_wake(((struct file_writer *)own)->task);
}

static void file_writer_close(void *writer) {
  struct file_writer *w = writer;
  sync_owner_leave(w->owner);
  while (w->files != NULL) {
    struct outfile *f = w->files;
    w->files = f->next;
    outfile_free(f);
  }
  for (size_t i = 0; i < w->closed_count; i++) synced_file_unref(w->closed[i]);
  free(w->closed);
  free(w->known.slot);
  spate_buffer_unref(w->name);
  if (w->retry != NULL) event_free(w->retry);
  free(w);
}

static int file_writer_open(void *sink, struct spate_task *task, uint32_t index, void **writer,
                            struct spate_error *err) {
  (void)index;
  struct file_writer *w = calloc(1, sizeof *w);
  if (w == NULL) return spate_fail(err, "out of memory");
  w->sink = sink;
  w->task = task;
  w->name = spate_buffer_new(256);
  w->owner = sync_owner_new(task);
  w->retry = evtimer_new(spate_task_base(task), writer_retry, w);
  if (w->owner == NULL || w->retry == NULL) {
    file_writer_close(w);
    return spate_fail(err, "out of memory");
  }
  w->files = w->sink->first;
  w->sink->first = NULL;
  w->open = w->files != NULL;
  if (w->files != NULL) known_add(&w->known, w->files->hash);
  *writer = w;
  return 0;
}

/* The disk is full: said once, tried each second, nothing is lost. */
static enum spate_result writer_blocked(struct file_writer *w, const struct outfile *f) {
  struct timeval second = {.tv_sec = 1};
  if (!w->full_said)
    spate_log(&w->sink->where, SPATE_LOG_ERROR, "no space left to write %s: waiting, and trying each second",
              f->file->path);
  w->full_said = true;
  event_add(w->retry, &second);
  return SPATE_BLOCKED;
}

static enum spate_result writer_flush(struct file_writer *w, struct outfile *f, struct spate_error *err) {
  enum spate_result result = outfile_flush(f, err);
  if (result == SPATE_BLOCKED) return writer_blocked(w, f);
  if (result == SPATE_OK && w->full_said) {
    spate_log(&w->sink->where, SPATE_LOG_INFO, "there is space again: %s is written", f->file->path);
    w->full_said = false;
  }
  return result;
}

/* Keeps a file that is about to be closed until the epoch's end, when it is synced. */
static int writer_keep(struct file_writer *w, struct outfile *f) {
  if (!f->dirty || w->sink->syncer == NULL) return 0;
  if (w->closed_count == w->closed_room) {
    size_t room = w->closed_room * 2 + 16;
    struct synced_file **closed = realloc(w->closed, room * sizeof *closed);
    if (closed == NULL) return -1;
    w->closed = closed;
    w->closed_room = room;
  }
  w->closed[w->closed_count++] = synced_file_ref(f->file);
  f->dirty = false;
  return 0;
}

/* The rest of a file goes out before it is closed. */
static enum spate_result writer_finish(struct file_writer *w, struct outfile *f, struct spate_error *err) {
  if (outfile_end(f) != 0) return spate_fail(err, "out of memory"), SPATE_FAIL;
  enum spate_result result = writer_flush(w, f, err);
  if (result != SPATE_OK) return result;
  return writer_keep(w, f) == 0 ? SPATE_OK : (spate_fail(err, "out of memory"), SPATE_FAIL);
}

static struct outfile **writer_find(struct file_writer *w, const char *name, uint64_t hash) {
  struct outfile **at = &w->files;
  while (*at != NULL && ((*at)->hash != hash || strcmp((*at)->name, name) != 0)) at = &(*at)->next;
  return at;
}

/* Closes the file that was not used for longest, if there are too many. */
static enum spate_result writer_make_room(struct file_writer *w, struct spate_error *err) {
  if (w->open < w->sink->config.max_open) return SPATE_OK;
  struct outfile **last = &w->files;
  while ((*last)->next != NULL) last = &(*last)->next;
  enum spate_result result = writer_finish(w, *last, err);
  if (result != SPATE_OK) return result;
  outfile_free(*last);
  *last = NULL;
  w->open--;
  return SPATE_OK;
}

static bool rotation_due(const struct file_writer *w, const struct outfile *f, int64_t now) {
  const struct rotate_config *c = &w->sink->config.rotate;
  if (f->size <= w->sink->rules.head_length) return false;
  if (c->size > 0 && f->size >= (uint64_t)c->size) return true;
  return c->every > 0 && now / c->every != f->born_us / c->every;
}

/* The file of that name, ready to be put to, as *out. */
static enum spate_result writer_take(struct file_writer *w, const char *name, struct outfile **out,
                                     struct spate_error *err) {
  uint64_t hash = XXH3_64bits(name, strlen(name));
  struct outfile **at = writer_find(w, name, hash), *f = *at;
  int64_t now = spate_task_now(w->task);
  enum spate_result result = SPATE_OK;
  if (f == NULL) {
    result = writer_make_room(w, err);
    if (result != SPATE_OK) return result;
    f = outfile_open(&w->sink->rules, name, known_add(&w->known, hash), now, err);
    if (f == NULL) return SPATE_FAIL;
    w->open++;
  } else {
    *at = f->next;
  }
  f->next = w->files;
  w->files = *out = f;
  if (rotation_due(w, f, now)) {
    result = writer_finish(w, f, err);
    if (result == SPATE_OK && outfile_rotate(f, &w->sink->rules, now, err) != 0) return SPATE_FAIL;
  }
  if (result == SPATE_OK && f->pending->size - f->at > OUTFILE_BOUND) result = writer_flush(w, f, err);
  return result;
}

/* ---- rows ---- */

/* The name below the root that row `row` goes to. What cannot be a name there has one of its own. */
static const char *row_name(struct file_writer *w, const struct spate_batch *batch, uint32_t row, const char *date) {
  const char *key[] = {"pipeline", "date"}, *value[] = {w->sink->pipeline, date};
  struct spate_map words = {.key = key, .value = value, .count = 2};
  size_t root = strlen(w->sink->root);
  w->name->size = 0;
  bool good = spate_template_render_words(w->sink->config.path, batch, row, &words, w->name) == 0 &&
              w->name->size > root && memcmp(w->name->data, w->sink->root, root) == 0 &&
              beneath_allowed(w->name->data + root, w->name->size - root) && spate_buffer_append(w->name, "", 1) == 0;
  if (good) return w->name->data + root;
  if (w->unnamed++ == 0)
    spate_log(&w->sink->where, SPATE_LOG_WARN,
              "a row gives no file name below '%s' (null, too long, or a way out of it): such rows go to %s%s",
              w->sink->root, w->sink->root, UNNAMED);
  return UNNAMED;
}

static void date_text(int64_t us, char *out, size_t room) {
  time_t seconds = (time_t)(us / 1000000);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  strftime(out, room, "%Y-%m-%d", &tm);
}

/* Payloads [from, to) lie side by side, each with its line's end: one piece. Returns where that stops. */
static uint32_t payload_run(const struct spate_payloads *p, uint32_t from, uint32_t to) {
  uint32_t k = from + 1;
  while (k < to && p->length[k] < UINT32_MAX - 1 && p->start[k] == p->start[k - 1] + p->length[k - 1] + 1) k++;
  return k;
}

static int put_rows(struct outfile *f, const struct spate_payloads *p, uint32_t from, uint32_t to) {
  while (from < to) {
    if (p->length[from] >= UINT32_MAX - 1) { /* null, or not encoded: nothing to write */
      from++;
      continue;
    }
    uint32_t end = payload_run(p, from, to);
    size_t size = p->start[end - 1] + p->length[end - 1] + 1 - p->start[from];
    if (outfile_put(f, p->buffer->data + p->start[from], size) != 0) return -1;
    from = end;
  }
  return 0;
}

/* Rows from *done on that go to one file. */
static enum spate_result write_run(struct file_writer *w, const struct spate_batch *batch,
                                   const struct spate_payloads *p, const char *date, uint32_t *done,
                                   struct spate_error *err) {
  const char *constant = spate_template_constant(w->sink->config.path);
  struct outfile *f;
  uint32_t end = p->count;
  const char *name =
      constant != NULL ? constant + strlen(w->sink->root) : row_name(w, batch, spate_batch_row(batch, *done), date);
  enum spate_result result = writer_take(w, name, &f, err);
  if (result != SPATE_OK) return result;
  if (constant == NULL)
    for (end = *done + 1; end < p->count; end++)
      if (strcmp(f->name, row_name(w, batch, spate_batch_row(batch, end), date)) != 0) break;
  if (put_rows(f, p, *done, end) != 0) return spate_fail(err, "out of memory"), SPATE_FAIL;
  *done = end;
  if (f->pending->size - f->at < OUTFILE_BOUND / 4) return SPATE_OK;
  return writer_flush(w, f, err) == SPATE_FAIL ? SPATE_FAIL : SPATE_OK; /* a full disk: at the next call */
}

static enum spate_result file_sink_write(void *writer, const struct spate_batch *batch,
                                         const struct spate_payloads *payloads, uint32_t *done,
                                         struct spate_error *err) {
  struct file_writer *w = writer;
  char date[32] = "";
  if (payloads == NULL) return spate_fail(err, "the file sink needs encoded rows"), SPATE_FAIL;
  if (spate_template_constant(w->sink->config.path) == NULL) date_text(spate_task_now(w->task), date, sizeof date);
  while (*done < payloads->count) {
    enum spate_result result = write_run(w, batch, payloads, date, done, err);
    if (result != SPATE_OK) return result;
  }
  *done = batch->count;
  return SPATE_OK;
}

/* ---- epochs ---- */

static enum spate_result file_sink_prepare(void *writer, uint64_t epoch, struct spate_error *err) {
  struct file_writer *w = writer;
  size_t count = w->closed_count;
  for (struct outfile *f = w->files; f != NULL; f = f->next) {
    if (outfile_end(f) != 0) return spate_fail(err, "out of memory"), SPATE_FAIL;
    enum spate_result result = writer_flush(w, f, err);
    if (result != SPATE_OK) return result;
    count += f->dirty;
  }
  if (w->sink->syncer == NULL || count == 0) return SPATE_OK;
  struct sync_job *job = malloc(sizeof *job + count * sizeof job->file[0]);
  if (job == NULL) return spate_fail(err, "out of memory"), SPATE_FAIL;
  *job = (struct sync_job){.owner = w->owner, .epoch = epoch};
  for (size_t i = 0; i < w->closed_count; i++) job->file[job->count++] = w->closed[i]; /* given away */
  w->closed_count = 0;
  for (struct outfile *f = w->files; f != NULL; f = f->next) {
    if (f->dirty) job->file[job->count++] = synced_file_ref(f->file);
    f->dirty = false;
  }
  syncer_push(w->sink->syncer, job);
  return SPATE_LATER;
}

static const char *const IF_EXISTS[] = {"error", "append", "replace", NULL};
#define AT(field) offsetof(struct file_sink_config, field)
static const struct spate_option ROTATE_OPTIONS[] = {{.name = "size",
                                                      .type = SPATE_OPT_SIZE,
                                                      .offset = offsetof(struct rotate_config, size),
                                                      .min = 1,
                                                      .max = INT64_MAX / 2,
                                                      .help = "Go on in a new file when this size is reached."},
                                                     {.name = "every",
                                                      .type = SPATE_OPT_DURATION,
                                                      .offset = offsetof(struct rotate_config, every),
                                                      .min = 1,
                                                      .max = INT64_MAX / 2,
                                                      .help = "Go on in a new file at multiples of this time."},
                                                     {.name = NULL}};
static const struct spate_option FILE_SINK_OPTIONS[] = {
    {.name = "path",
     .type = SPATE_OPT_TEMPLATE,
     .offset = AT(path),
     .flags = SPATE_REQUIRED,
     .help = "Where to write; {pipeline}, {date} and {column} are filled in; .gz and .zst compress."},
    {.name = "if_exists",
     .type = SPATE_OPT_ENUM,
     .offset = AT(if_exists),
     .default_text = "error",
     .choices = IF_EXISTS,
     .help = "What to do about a file that is there at a first start; a pipeline that goes on appends to its own."},
    {.name = "rotate",
     .type = SPATE_OPT_GROUP,
     .offset = AT(rotate),
     .group = ROTATE_OPTIONS,
     .help = "When to go on in a new file: NAME, then NAME with .1, .2 and so on before its ending."},
    {.name = "max_open",
     .type = SPATE_OPT_INT,
     .offset = AT(max_open),
     .default_text = "64",
     .min = 1,
     .max = 10000,
     .help = "How many files may be open; beyond it the one not used for longest is closed."},
    {.name = NULL}};

const struct spate_sink_api spate_sink_file = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_sink_api),
    .name = "file",
    .help = "Encoded rows to files.",
    .flags = SPATE_SINGLE,
    .options = FILE_SINK_OPTIONS,
    .config_size = sizeof(struct file_sink_config),
    .check = file_sink_check,
    .open = file_sink_open,
    .commit = file_sink_commit,
    .close = file_sink_close,
    .writer_open = file_writer_open,
    .write = file_sink_write,
    .prepare = file_sink_prepare,
    .writer_close = file_writer_close,
};
