/*
 * open: what the scribe does before the first record and after the last: the lock of the state directory, the snapshot,
 * tables, sinks, then sources. Sinks come before sources: when one of them is the arbiter it says where to begin.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "../data/payloads.h"
#include "internal.h"

/* ---- the state directory ---- */
static int make_dirs(const char *path) {
  char copy[4096];
  snprintf(copy, sizeof copy, "%s", path);
  for (char *p = copy + 1; *p; p++) {
    if (*p != '/') continue;
    *p = 0;
    if (mkdir(copy, 0755) != 0 && errno != EEXIST) return -1;
    *p = '/';
  }
  return mkdir(copy, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

static int open_state(struct job *job, struct spate_error *err) {
  if (job->state_path == NULL) return 0;
  if (make_dirs(job->state_path) != 0)
    return spate_fail_environment(err, "cannot make the state directory '%s': %s", job->state_path, strerror(errno));
  char path[4200];
  snprintf(path, sizeof path, "%s/lock", job->state_path);
  job->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (job->lock_fd < 0) return spate_fail_environment(err, "cannot open '%s': %s", path, strerror(errno));
  if (flock(job->lock_fd, LOCK_EX | LOCK_NB) != 0)
    return spate_fail_environment(err, "the state directory '%s' is in use by another process", job->state_path);
  if (job->args.fresh) {
    snprintf(path, sizeof path, "%s/snapshot", job->state_path);
    if (unlink(path) != 0 && errno != ENOENT)
      return spate_fail_environment(err, "cannot drop '%s': %s", path, strerror(errno));
  }
  if (snapshot_read(job->state_path, job->plan, &job->restored, err) != 0) {
    err->fatal = true;
    return -1;
  }
  if (job->restored != NULL && job->restored->finished) {
    snapshot_free(&job->restored);
    err->fatal = true;
    return spate_fail(err,
                      "this pipeline has finished: its bounded input was read to the end and its windows are closed "
                      "(state in '%s'); start again from nothing with --fresh",
                      job->state_path);
  }
  return 0;
}

static int open_dead(struct job *job, struct spate_error *err) {
  if (job->plan->on_error != PLAN_DEAD_LETTER || job->plan->dead_letter_sink >= 0 || job->args.dead_path == NULL)
    return 0;
  char *slash = strrchr(job->args.dead_path, '/');
  if (slash != NULL && job->state_path != NULL) {
    char dir[4096];
    snprintf(dir, sizeof dir, "%.*s", (int)(slash - job->args.dead_path), job->args.dead_path);
    make_dirs(dir);
  }
  /* The file is made when the first letter comes; what can be told now is whether it could be. */
  job->dead_fd = open(job->args.dead_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (job->dead_fd < 0)
    return spate_fail_environment(err, "cannot open the dead-letter file '%s': %s", job->args.dead_path,
                                  strerror(errno));
  flock(job->dead_fd, LOCK_SH | LOCK_NB); /* says to others that it is in use */
  return 0;
}

/* ---- tables ---- */
struct table_load { /* a file source read to its end, outside of any worker */
  const struct plan_table *plan;
  struct spate_task task; /* a stand-in: no worker, nobody to wake */
  void *source, *reader, *decoder;
  struct spate_payloads payloads;
  struct spate_rejects rejects;
  uint64_t rows;
};

static int table_block(struct table_load *t, struct lookup_table *table, struct spate_error *err) {
  struct spate_column *column[t->plan->schema->visible + 1];
  memset(column, 0, sizeof column);
  if (t->plan->codec.api->decode(t->decoder, &t->payloads, column, &t->rejects, err) != 0) return -1;
  struct spate_batch *batch = spate_batch_new(t->payloads.count, t->plan->schema->visible, column, NULL);
  int r = 0;
  if (t->rejects.count > 0)
    r = spate_fail(err, "line %lld: %s", (long long)t->payloads.position[t->rejects.item[0].row],
                   rejects_reason(&t->rejects, 0));
  if (r == 0) r = lookup_table_add(table, batch, err);
  spate_batch_unref(batch);
  payloads_clear(&t->payloads);
  return r;
}

static int table_read(struct job *job, struct table_load *t, struct lookup_table *table, struct spate_error *err) {
  const struct plan_table *p = t->plan;
  struct spate_source_args args = {
      .where = {job->plan->name, p->name}, .config = p->config, .bounded = true, .readers = 1};
  args.want_header = p->codec.api->want_header != NULL && p->codec.api->want_header(p->codec.config);
  args.quoted_lines =
      p->codec.api->framing != NULL && p->codec.api->framing(p->codec.config) == SPATE_FRAME_QUOTED_LINES;
  const struct spate_partition *list;
  uint32_t count;
  struct spate_schema some = {p->schema->all.fields, p->schema->visible};
  if (p->api->open(&args, &t->source, err) != 0 || p->api->partitions(t->source, &list, &count, err) != 0 ||
      p->codec.api->decoder_new(p->codec.config, &some, &some, &t->decoder, err) != 0 ||
      p->api->reader_open(t->source, &t->task, 0, &t->reader, err) != 0)
    return -1;
  for (uint32_t i = 0; i < count; i++)
    if (p->api->assign(t->reader, i, (struct spate_bytes){NULL, 0}, err) != 0) return -1;
  for (;;) {
    enum spate_result r = p->api->pull(t->reader, SPATE_BATCH_ROWS, &t->payloads, err);
    if (r == SPATE_FAIL) return -1;
    if (r == SPATE_END || r == SPATE_IDLE) return 0;
    if (t->payloads.count > 0 && table_block(t, table, err) != 0) return -1;
  }
}

static int table_open(struct job *job, struct plan_table *plan, struct spate_error *err) {
  struct table_load *t = MEM_NEW(struct table_load);
  struct spate_error why = {0};
  t->plan = plan;
  t->task.base = event_base_new();
  plan->table = lookup_table_new(plan->schema, plan->key, plan->keys);
  int r = table_read(job, t, plan->table, &why);
  if (r != 0) spate_fail(err, "table '%s': %s", plan->name, why.message);
  if (t->reader != NULL) plan->api->reader_close(t->reader);
  if (t->decoder != NULL) plan->codec.api->decoder_free(t->decoder);
  if (t->source != NULL) plan->api->close(t->source);
  payloads_clear(&t->payloads);
  rejects_fini(&t->rejects);
  if (t->task.base != NULL) event_base_free(t->task.base);
  mem_free(t);
  return r;
}

/* ---- ends ---- */
static uint32_t sink_writers(const struct job *job, uint32_t sink) {
  for (uint32_t s = 0; s < job->stages; s++) {
    if (job->stage[s].reads_dead && (int32_t)sink == job->plan->dead_letter_sink) return 1;
    for (uint32_t i = 0; i < job->stage[s].members; i++) {
      const struct plan_node *n = &job->plan->node[job->stage[s].member[i]];
      if (n->kind == PLAN_SINK && n->index == sink) return job->stage[s].tasks;
    }
  }
  return 1;
}

static int open_sink(struct job *job, uint32_t index, struct spate_error *err) {
  const struct plan_sink *p = &job->plan->sink[index];
  struct sink_slot *slot = &job->sink[index];
  struct spate_schema *schema = arena_alloc(job->arena, sizeof *schema);
  *schema = (struct spate_schema){p->schema->all.fields, p->schema->all.count};
  slot->args = (struct spate_sink_args){.where = {job->plan->name, p->name},
                                        .config = p->config,
                                        .schema = schema,
                                        .visible = p->schema->visible,
                                        .temporary = job->state_path == NULL,
                                        .resumed = job->restored != NULL,
                                        .updating = p->updating,
                                        .writers = sink_writers(job, index),
                                        .state_dir = job->state_path,
                                        .pipeline = job->plan->name};
  if (p->codec.api != NULL && p->codec.api->head != NULL) {
    void *encoder = NULL;
    struct spate_schema visible = {p->schema->all.fields, p->schema->visible};
    if (p->codec.api->encoder_new(p->codec.config, &visible, &encoder, err) != 0) return -1;
    uint32_t length = 0;
    const char *head = p->codec.api->head(encoder, &length);
    if (head != NULL && length > 0) {
      slot->args.head = arena_copy(job->arena, head, length);
      slot->args.head_length = length;
    }
    p->codec.api->encoder_free(encoder);
  }
  return p->api->open(&slot->args, &slot->sink, err);
}

static int open_source(struct job *job, uint32_t index, struct spate_error *err) {
  const struct plan_source *p = &job->plan->source[index];
  struct source_slot *slot = &job->source[index];
  uint32_t readers = 1;
  for (uint32_t s = 0; s < job->stages; s++)
    if (job->stage[s].source == (int32_t)index) readers = job->stage[s].tasks;
  slot->args = (struct spate_source_args){.where = {job->plan->name, p->name},
                                          .config = p->config,
                                          .bounded = job->args.bounded || job->plan->available_now,
                                          .temporary = job->state_path == NULL,
                                          .metas = p->metas,
                                          .readers = readers,
                                          .state_dir = job->state_path};
  if (p->codec.api != NULL) {
    slot->args.want_header = p->codec.api->want_header != NULL && p->codec.api->want_header(p->codec.config);
    slot->args.quoted_lines =
        p->codec.api->framing != NULL && p->codec.api->framing(p->codec.config) == SPATE_FRAME_QUOTED_LINES;
  }
  if (p->api->open(&slot->args, &slot->source, err) != 0) return -1;
  return p->api->partitions(slot->source, &slot->list, &slot->count, err);
}

static int named(int r, const char *kind, const char *name, struct spate_error *err) {
  if (r == 0) return 0;
  struct spate_error why = *err;
  spate_fail(err, "%s '%s': %.400s", kind, name, why.message);
  return -1;
}

int open_all(struct job *job, struct scribe_work *work) {
  struct spate_error *err = &work->error;
  if (open_state(job, err) != 0 || open_dead(job, err) != 0) return -1;
  for (uint32_t i = 0; i < job->plan->tables; i++)
    if (table_open(job, &job->plan->table[i], err) != 0) return -1;
  for (uint32_t i = 0; i < job->plan->sinks; i++)
    if (named(open_sink(job, i, err), "sink", job->plan->sink[i].name, err) != 0) return -1;
  for (uint32_t i = 0; i < job->plan->sources; i++)
    if (named(open_source(job, i, err), "source", job->plan->source[i].name, err) != 0) return -1;
  return 0;
}

void close_all(struct job *job) {
  for (uint32_t i = 0; i < job->plan->sources; i++)
    if (job->source[i].source != NULL) job->plan->source[i].api->close(job->source[i].source);
  for (uint32_t i = 0; i < job->plan->sinks; i++)
    if (job->sink[i].sink != NULL) job->plan->sink[i].api->close(job->sink[i].sink);
  for (uint32_t i = 0; i < job->plan->tables; i++) lookup_table_free(&job->plan->table[i].table);
  snapshot_free(&job->restored);
  if (job->dead_fd >= 0) {
    off_t size = lseek(job->dead_fd, 0, SEEK_END);
    fdatasync(job->dead_fd);
    /* no letters: leave no empty file behind, unless another process has it open too */
    if (size == 0 && flock(job->dead_fd, LOCK_EX | LOCK_NB) == 0) unlink(job->args.dead_path);
    close(job->dead_fd);
    job->dead_fd = -1;
  }
  if (job->lock_fd >= 0) close(job->lock_fd);
  job->lock_fd = -1;
}
