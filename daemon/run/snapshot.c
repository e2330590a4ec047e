/* snapshot: see snapshot.h. A file that is torn, foreign or of other steps is told apart from a good one and refused
 * with the remedy; it is never half read and never replaced in silence. */
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/hash.h"
#include "../base/mem.h"

#define SNAPSHOT_MAGIC "SPATESN1"
#define SNAPSHOT_VERSION 1u
#define SNAPSHOT_HEAD (8 + 4 + 8 + 8 + 1)

static void put_text(struct buf *out, const char *text) { buf_block(out, text, strlen(text)); }

void snapshot_put_position(struct buf *out, const char *source, const char *partition, int64_t greatest,
                           struct spate_bytes position) {
  buf_u8(out, 'P');
  put_text(out, source);
  put_text(out, partition);
  buf_u64(out, (uint64_t)greatest);
  buf_block(out, position.data, position.size);
}

size_t snapshot_begin_step(struct buf *out, const char *step, int64_t watermark) {
  buf_u8(out, 'S');
  put_text(out, step);
  buf_u64(out, (uint64_t)watermark);
  buf_u64(out, 0); /* size of the entries, known at the end */
  return out->size;
}

void snapshot_end_step(struct buf *out, size_t begun) {
  uint64_t size = out->size - begun;
  memcpy(out->data + begun - 8, &size, 8);
}

/* ---- writing ---- */
static int write_all(int fd, const void *bytes, size_t size) {
  const char *p = bytes;
  while (size > 0) {
    ssize_t n = write(fd, p, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    p += n;
    size -= (size_t)n;
  }
  return 0;
}

static int sync_dir(const char *dir) {
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  int r = fsync(fd);
  close(fd);
  return r;
}

static void put_signatures(struct buf *out, const struct plan *plan) {
  for (uint32_t i = 0; i < plan->nodes; i++) {
    if (!plan->node[i].stateful) continue;
    buf_u8(out, 'H');
    put_text(out, plan->node[i].name);
    put_text(out, plan->node[i].signature != NULL ? plan->node[i].signature : "");
  }
}

int snapshot_write(const char *dir, const struct plan *plan, uint64_t epoch, bool finished,
                   const struct buf *const *sections, uint32_t count, struct spate_error *err) {
  struct buf all = {0};
  buf_put(&all, SNAPSHOT_MAGIC, 8);
  buf_u32(&all, SNAPSHOT_VERSION);
  buf_u64(&all, epoch);
  buf_u64(&all, plan->state_hash);
  buf_u8(&all, finished);
  put_signatures(&all, plan);
  for (uint32_t i = 0; i < count; i++) buf_put(&all, sections[i]->data, sections[i]->size);
  buf_u64(&all, hash_bytes(all.data, all.size));
  char name[4096], temporary[4096];
  snprintf(name, sizeof name, "%s/snapshot", dir);
  snprintf(temporary, sizeof temporary, "%s/snapshot.new", dir);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), r = -1;
  const char *what = "create";
  if (fd < 0) goto done;
  what = "write";
  if (write_all(fd, all.data, all.size) != 0) goto done;
  what = "sync";
  if (fdatasync(fd) != 0) goto done;
  what = "rename";
  if (rename(temporary, name) != 0 || sync_dir(dir) != 0) goto done;
  r = 0;
done:
  if (r != 0) spate_fail_environment(err, "cannot %s '%s': %s", what, temporary, strerror(errno));
  if (fd >= 0) close(fd);
  buf_free(&all);
  return r;
}

/* ---- reading ---- */
static int read_file(const char *name, struct buf *out) {
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 1 : -1;
  struct stat st;
  int r = fstat(fd, &st);
  if (r == 0) buf_reserve(out, (size_t)st.st_size + 1);
  for (ssize_t n; r == 0; out->size += (size_t)n) {
    buf_reserve(out, 65536);
    n = read(fd, out->data + out->size, 65536);
    if (n < 0) r = -1;
    if (n <= 0) break;
  }
  close(fd);
  return r;
}

/* Which step does not fit: the message for people. */
static int signature_differs(const struct snapshot *s, const struct plan *plan, const char *dir,
                             struct spate_error *err) {
  struct cut cut = {s->sections, s->end, false};
  while (cut.at < cut.end && *cut.at == 'H') {
    cut_u8(&cut);
    uint32_t nsize, ssize;
    const char *name = cut_block(&cut, &nsize), *signature = cut_block(&cut, &ssize);
    if (cut.bad) break;
    const struct plan_node *found = NULL;
    for (uint32_t i = 0; i < plan->nodes; i++)
      if (plan->node[i].stateful && strlen(plan->node[i].name) == nsize && memcmp(plan->node[i].name, name, nsize) == 0)
        found = &plan->node[i];
    if (found == NULL)
      return spate_fail(err,
                        "the state in '%s' has a step '%.*s' (%.*s) that the pipeline no longer has; put it back, or "
                        "drop the state with --fresh",
                        dir, (int)nsize, name, (int)(ssize < 160 ? ssize : 160), signature);
    if (strlen(found->signature) != ssize || memcmp(found->signature, signature, ssize) != 0)
      return spate_fail(err,
                        "the state in '%s' does not fit step '%.*s': it was made by %.*s, and the step now is %.160s; "
                        "go back, or drop the state with --fresh",
                        dir, (int)nsize, name, (int)(ssize < 160 ? ssize : 160), signature, found->signature);
  }
  return spate_fail(err,
                    "the state in '%s' was made without a step with state that the pipeline now has; go back, or drop "
                    "the state with --fresh",
                    dir);
}

int snapshot_read(const char *dir, const struct plan *plan, struct snapshot **out, struct spate_error *err) {
  char name[4096];
  snprintf(name, sizeof name, "%s/snapshot", dir);
  *out = NULL;
  struct snapshot *s = MEM_NEW(struct snapshot);
  int r = read_file(name, &s->bytes);
  if (r == 1) {
    snapshot_free(&s);
    return 0;
  }
  uint64_t sum = 0;
  size_t size = s->bytes.size;
  if (r != 0) {
    spate_fail_environment(err, "cannot read '%s': %s", name, strerror(errno));
  } else if (size < SNAPSHOT_HEAD + 8 || memcmp(s->bytes.data, SNAPSHOT_MAGIC, 8) != 0) {
    r = spate_fail(err, "'%s' is no snapshot of Spate; move it away, or drop the state with --fresh", name);
  } else if (memcpy(&sum, s->bytes.data + size - 8, 8), sum != hash_bytes(s->bytes.data, size - 8)) {
    r = spate_fail(
        err, "'%s' is damaged (its checksum does not fit); restore it from a copy, or drop the state with --fresh",
        name);
  } else {
    struct cut cut = {s->bytes.data + 8, s->bytes.data + size - 8, false};
    uint32_t version = cut_u32(&cut);
    s->epoch = cut_u64(&cut);
    s->state_hash = cut_u64(&cut);
    s->finished = cut_u8(&cut) != 0;
    s->sections = cut.at;
    s->end = cut.end;
    if (version != SNAPSHOT_VERSION)
      r = spate_fail(err, "'%s' has format version %u, and this is version %u", name, version, SNAPSHOT_VERSION);
    else if (s->state_hash != plan->state_hash)
      r = signature_differs(s, plan, dir, err);
  }
  if (r != 0) {
    snapshot_free(&s);
    return -1;
  }
  *out = s;
  return 0;
}

void snapshot_free(struct snapshot **s) {
  if (*s == NULL) return;
  buf_free(&(*s)->bytes);
  mem_free(*s);
  *s = NULL;
}

/* ---- sections ---- */
struct section {
  uint8_t kind;
  const char *name, *partition, *bytes;
  uint32_t name_size, partition_size;
  uint64_t number, size;
};

static bool section_next(struct cut *cut, struct section *s) {
  if (cut->at >= cut->end || cut->bad) return false;
  uint32_t size = 0;
  *s = (struct section){.kind = cut_u8(cut)};
  s->name = cut_block(cut, &s->name_size);
  if (s->kind == 'P') {
    s->partition = cut_block(cut, &s->partition_size);
    s->number = cut_u64(cut);
    s->bytes = cut_block(cut, &size);
    s->size = size;
  } else if (s->kind == 'S') {
    s->number = cut_u64(cut);
    s->size = cut_u64(cut);
    s->bytes = cut_bytes(cut, s->size);
  } else {
    s->bytes = cut_block(cut, &size);
    s->size = size;
  }
  return !cut->bad;
}

static bool text_same(const char *text, const char *bytes, uint32_t size) {
  return strlen(text) == size && memcmp(text, bytes, size) == 0;
}

bool snapshot_position(const struct snapshot *snapshot, const char *source, const char *partition,
                       struct spate_bytes *position, int64_t *greatest) {
  if (snapshot == NULL) return false;
  struct cut cut = {snapshot->sections, snapshot->end, false};
  struct section s;
  while (section_next(&cut, &s)) {
    if (s.kind != 'P' || !text_same(source, s.name, s.name_size) ||
        !text_same(partition, s.partition, s.partition_size))
      continue;
    *position = (struct spate_bytes){s.bytes, s.size};
    *greatest = (int64_t)s.number;
    return true;
  }
  return false;
}

struct snapshot *snapshot_positions(const struct snapshot *snapshot) {
  if (snapshot == NULL) return NULL;
  struct snapshot *kept = MEM_NEW(struct snapshot);
  struct cut cut = {snapshot->sections, snapshot->end, false};
  struct section s;
  for (const char *begun = cut.at; section_next(&cut, &s); begun = cut.at)
    if (s.kind == 'P') buf_put(&kept->bytes, begun, (size_t)(cut.at - begun));
  kept->sections = kept->bytes.data;
  kept->end = kept->bytes.data + kept->bytes.size;
  return kept;
}

void snapshot_put_absent(const struct snapshot *kept, const struct buf *const *sections, uint32_t count,
                         struct buf *out) {
  if (kept == NULL) return;
  struct cut cut = {kept->sections, kept->end, false};
  struct section s;
  for (const char *begun = cut.at; section_next(&cut, &s); begun = cut.at) {
    bool found = false;
    for (uint32_t i = 0; i < count && !found; i++) {
      struct cut now = {sections[i]->data, sections[i]->data + sections[i]->size, false};
      for (struct section t; !found && section_next(&now, &t);)
        found = t.kind == 'P' && t.name_size == s.name_size && memcmp(t.name, s.name, s.name_size) == 0 &&
                t.partition_size == s.partition_size && memcmp(t.partition, s.partition, s.partition_size) == 0;
    }
    if (!found) buf_put(out, begun, (size_t)(cut.at - begun));
  }
}

int snapshot_load_step(const struct snapshot *snapshot, const char *step, const struct op_class *op, void *state,
                       uint32_t index, uint32_t tasks, struct spate_error *err) {
  struct cut cut = {snapshot->sections, snapshot->end, false};
  struct section s;
  int64_t watermark = SPATE_TIME_MIN;
  while (section_next(&cut, &s)) {
    if (s.kind != 'S' || !text_same(step, s.name, s.name_size)) continue;
    if ((int64_t)s.number > watermark) watermark = (int64_t)s.number;
    struct cut entries = {s.bytes, s.bytes + s.size, false};
    while (entries.at < entries.end) {
      uint64_t hash = cut_u64(&entries);
      uint32_t size;
      const char *bytes = cut_block(&entries, &size);
      if (entries.bad) return spate_fail(err, "the state of step '%s' is malformed; drop it with --fresh", step);
      if (hash_owner(hash, tasks) != index) continue;
      struct cut entry = {bytes, bytes + size, false};
      if (op->load(state, hash, &entry) != 0)
        return spate_fail(err, "the state of step '%s' is malformed; drop it with --fresh", step);
    }
  }
  if (op->set_watermark != NULL) op->set_watermark(state, watermark);
  return 0;
}
