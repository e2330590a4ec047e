/*
 * beneath: see beneath.h. A template does not show its text, so the root is found by rendering it twice, with all
 * values different: what both have in common was written by the user.
 */
#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* One row whose values have no beginning in common with those of the other probe. */
static struct spate_batch *probe_batch(const struct spate_schema *schema, int probe) {
  struct spate_column **column = calloc(schema->count > 0 ? schema->count : 1, sizeof *column);
  if (column == NULL) return NULL;
  for (uint32_t i = 0; i < schema->count; i++) {
    struct spate_column *c = column[i] = spate_column_new(schema->fields[i].type, 1, 8);
    switch (c->type.kind) {
      case SPATE_STRING:
      case SPATE_BYTES:
        if (spate_column_put(c, 0, probe == 0 ? "\1" : "\2", 1) != 0) break;
        spate_column_finish(c);
        break;
      case SPATE_BOOL: c->b8[0] = probe == 1; break;
      case SPATE_DOUBLE: c->f64[0] = 1 + probe; break;
      case SPATE_DECIMAL: c->dec[0] = 1 + probe; break;
      case SPATE_TIMESTAMP: c->i64[0] = probe == 0 ? 0 : 1500000000000000; break;
      default: c->i64[0] = 1 + probe;
    }
  }
  struct spate_batch *batch = spate_batch_new(1, schema->count, column, NULL);
  free(column);
  return batch;
}

static int probe_render(const struct spate_template *path, const struct spate_schema *schema, int probe,
                        struct spate_buffer *out) {
  const char *key[] = {"pipeline", "date"}, *value[] = {probe == 0 ? "\1" : "\2", probe == 0 ? "\1" : "\2"};
  struct spate_map words = {.key = key, .value = value, .count = 2};
  struct spate_batch *batch = probe_batch(schema, probe);
  int rc = batch != NULL ? spate_template_render_words(path, batch, 0, &words, out) : -1;
  spate_batch_unref(batch);
  return rc;
}

int beneath_root(const struct spate_template *path, const struct spate_schema *schema, char **root,
                 struct spate_error *err) {
  struct spate_buffer *a = spate_buffer_new(256), *b = spate_buffer_new(256);
  int rc = 0;
  *root = NULL;
  if (spate_template_constant(path) != NULL)
    rc = spate_buffer_append(a, spate_template_constant(path), strlen(spate_template_constant(path))) |
         spate_buffer_append(b, spate_template_constant(path), strlen(spate_template_constant(path)));
  else if (probe_render(path, schema, 0, a) != 0 || probe_render(path, schema, 1, b) != 0)
    rc = spate_fail(err, "the path can hold {pipeline}, {date} and columns; {epoch} is not built yet");
  size_t same = 0, cut = 0;
  while (same < a->size && same < b->size && a->data[same] == b->data[same])
    if (a->data[same++] == '/') cut = same;
  if (rc == 0 && (*root = strndup(a->data, cut)) == NULL) rc = spate_fail(err, "out of memory");
  spate_buffer_unref(a);
  spate_buffer_unref(b);
  return rc;
}

int beneath_make(const char *directory, struct spate_error *err) {
  char path[PATH_MAX];
  size_t n = strlen(directory);
  if (n >= sizeof path) return spate_fail(err, "the directory's name is too long");
  memcpy(path, directory, n + 1);
  for (size_t i = 1; i <= n; i++) {
    if (path[i] != '/' && path[i] != 0) continue;
    char kept = path[i];
    path[i] = 0;
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
      return spate_fail_environment(err, "cannot make the directory %s: %s", path, strerror(errno));
    path[i] = kept;
  }
  return 0;
}

bool beneath_allowed(const char *name, size_t size) {
  if (size == 0 || size >= PATH_MAX || memchr(name, 0, size) != NULL) return false;
  for (size_t from = 0; from <= size;) {
    const char *slash = memchr(name + from, '/', size - from);
    size_t n = slash != NULL ? (size_t)(slash - name) - from : size - from;
    bool dots = (n == 1 && name[from] == '.') || (n == 2 && memcmp(name + from, "..", 2) == 0);
    if (n == 0 || n > NAME_MAX - 16 || dots) return false;
    from += n + 1;
  }
  return true;
}

int beneath_open(const char *root, const char *name, int flags) {
  char part[NAME_MAX + 1];
  int at = open(root[0] != 0 ? root : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (at >= 0) {
    size_t n = strcspn(name, "/");
    memcpy(part, name, n);
    part[n] = 0;
    bool last = name[n] == 0;
    if (!last && mkdirat(at, part, 0755) != 0 && errno != EEXIST) break;
    int fd = openat(
        at, part, last ? flags | O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0644);
    int saved = errno;
    close(at);
    errno = saved;
    if (last) return fd;
    at = fd;
    name += n + 1;
  }
  int saved = errno;
  if (at >= 0) close(at);
  errno = saved;
  return -1;
}
