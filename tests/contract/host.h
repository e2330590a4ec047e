/*
 * host: the least that a connector needs around it: one task on one loop, options read from YAML, and drivers that pull
 * a source to its end or write rows to a sink as the engine would.
 *
 * The drivers hold connectors to the law of the interface: after IDLE or BLOCKED nothing is called until the task was
 * woken, and a wake that does not come within twenty seconds is a failure.
 */
#ifndef CONTRACT_HOST_H
#define CONTRACT_HOST_H
#include <check.h>
#include <event2/event.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../daemon/api/spate.h"
#include "../../daemon/config/config.h"

extern const struct spate_source_api spate_source_file, spate_source_tcp, spate_source_stdin, spate_source_generator,
    spate_source_kafka;
extern const struct spate_sink_api spate_sink_file, spate_sink_tcp, spate_sink_stdout, spate_sink_discard,
    spate_sink_kafka;

struct spate_task {
  struct event_base *base;
  struct event *wake_event, *limit;
  int wake_fd;
  atomic_bool woken;
  _Atomic uint64_t prepared; /* the last epoch */
  atomic_bool failed;
  char failure[300];
  int64_t clock; /* added to the real one */
};
struct spate_task *task_new(void);
void task_free(struct spate_task *task);
void task_wait(struct spate_task *task); /* until it is woken; fails the test after twenty seconds */

/* The directory of this test: made at first use, named by TMPDIR. */
const char *test_path(const char *format, ...) SPATE_PRINTF(1, 2); /* up to 16 results live at a time */
void file_write(const char *path, const char *bytes, size_t size, const char *mode);
uint32_t descriptors_open(void);
char *file_read(const char *path, size_t *size); /* terminated; malloc */

/* Options from YAML text ("{path: a}"); fails the test where they are wrong, unless error wants the first message. */
const void *options_fill(const struct spate_option *table, size_t size, const struct spate_schema *columns,
                         const char *yaml, int (*check)(const void *, struct spate_error *), const char **error);

/* ---- sources ---- */
struct reading { /* a source that is open, with one reader that has all its partitions */
  const struct spate_source_api *api;
  struct spate_task *task;
  void *source, *reader;
  const struct spate_partition *list;
  uint32_t count, assigned;
};
struct reading_options {
  bool bounded, want_header, quoted;
  uint32_t metas;
};
struct place { /* positions, by the partition's name */
  char name[256];
  char bytes[4096];
  size_t size;
};
struct rows { /* text of rows, as they came */
  char **text;
  uint32_t *partition;
  int64_t *position;
  uint32_t count, room;
};
struct reading *reading_open(const struct spate_source_api *api, const char *yaml,
                             const struct reading_options *options, const struct place *places, uint32_t count);
void reading_assign_new(struct reading *r, const struct place *places, uint32_t count);
/* One pull of at most max rows, into rows; checks what a pull must keep. */
enum spate_result reading_pull(struct reading *r, uint32_t max, struct rows *rows);
/* Pulls until there are at least `least` rows more, or the end. Whether the end came. */
bool reading_until(struct reading *r, uint32_t max, struct rows *rows, uint32_t least);
uint32_t reading_places(struct reading *r, struct place **places);
void reading_close(struct reading **r);
void rows_free(struct rows *rows);
void rows_add(struct rows *rows, const char *text, size_t size, uint32_t partition, int64_t position);
/* The last payloads' metas and header, for tests that look at them. */
extern struct spate_payloads last_payloads;

/* ---- sinks ---- */
struct writing {
  const struct spate_sink_api *api;
  struct spate_task *task;
  void *sink, *writer;
  uint64_t epoch;
  uint32_t written;
};
struct writing_options {
  bool resumed, temporary;
  const char *head, *state_dir;
};
extern const struct spate_schema WRITTEN_SCHEMA; /* id int, text string, at timestamp */
struct writing *writing_open(const struct spate_sink_api *api, const char *yaml, const struct writing_options *options,
                             struct spate_error *err); /* NULL: err (which must be given then) */
/* Rows from..to: id is the number, text "row N" or `text`, payload the text and a line's end. */
void writing_rows(struct writing *w, uint32_t from, uint32_t to);
enum spate_result writing_batch(struct writing *w, struct spate_batch *batch, struct spate_payloads *payloads,
                                bool wait);
struct spate_batch *rows_batch(uint32_t from, uint32_t to, const char *const *text);
struct spate_payloads *rows_payloads(uint32_t from, uint32_t to, const char *const *text);
void payloads_free(struct spate_payloads **payloads);
void writing_epoch(struct writing *w); /* prepare, and commit */
void writing_close(struct writing **w);

/* ---- the suites ---- */
Suite *suite_sources(void);
Suite *suite_sinks(void);
Suite *suite_generator(void);
Suite *suite_file(void);
Suite *suite_tcp(void);
Suite *suite_stdio(void);
Suite *suite_stream(void);
#endif
