/*
 * stdin: lines from standard input, which is read to its end and cannot be read again.
 *
 * Standard input is shared with whoever started us, a terminal perhaps, so it is never made non-blocking. Instead
 * poll() is asked before each read: a read that follows its yes does not block. It also says yes for files, which
 * libevent's epoll refuses; so an event is made only when there is really something to wait for.
 */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spate.h"

#define READ_BYTES ((size_t)256 * 1024)

struct stdin_config {
  int64_t max_line;
};

struct stdin_source {
  struct spate_where where;
  struct spate_partition partition;
  int64_t max_line;
  bool quoted, want_header;
};

struct stdin_reader {
  struct stdin_source *source;
  struct spate_task *task;
  struct event *readable; /* made at the first wait */
  struct spate_stream *stream;
  char *header;
  uint32_t header_length;
  bool eof, finished, idle;
  int64_t line; /* of the last payload given, from 1 */
  uint64_t skipped_said;
};

static int stdin_open(const struct spate_source_args *args, void **source, struct spate_error *err) {
  struct stdin_source *s = calloc(1, sizeof *s);
  if (s == NULL) return spate_fail(err, "out of memory");
  s->where = args->where;
  s->max_line = ((const struct stdin_config *)args->config)->max_line;
  s->quoted = args->quoted_lines;
  s->want_header = args->want_header;
  snprintf(s->partition.name, sizeof s->partition.name, "stdin");
  *source = s;
  return 0;
}

static int stdin_partitions(void *source, const struct spate_partition **list, uint32_t *count,
                            struct spate_error *err) {
  (void)err;
  *list = &((struct stdin_source *)source)->partition;
  *count = 1;
  return 0;
}

static void stdin_reader_close(void *reader) {
  struct stdin_reader *r = reader;
  if (r->readable != NULL) event_free(r->readable);
  spate_stream_free(r->stream);
  free(r->header);
  free(r);
}

static int stdin_reader_open(void *source, struct spate_task *task, uint32_t index, void **reader,
                             struct spate_error *err) {
  (void)index;
  struct stdin_reader *r = calloc(1, sizeof *r);
  if (r == NULL) return spate_fail(err, "out of memory");
  r->source = source;
  r->task = task;
  r->stream =
      spate_stream_new(r->source->quoted ? SPATE_STREAM_QUOTED_LINES : SPATE_STREAM_LINES, (size_t)r->source->max_line);
  *reader = r;
  return 0;
}

static int stdin_assign(void *reader, uint32_t partition, struct spate_bytes position, struct spate_error *err) {
  (void)partition, (void)err;
  struct stdin_reader *r = reader;
  if (position.size > 0)
    spate_log(&r->source->where, SPATE_LOG_WARN, "standard input cannot be read again: going on with what comes now");
  return 0;
}

static void stdin_readable(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  spate_task_wake(((struct stdin_reader *)own)->task);
}

static enum spate_result reader_wait(struct stdin_reader *r, struct spate_error *err) {
  if (r->readable == NULL) r->readable = event_new(spate_task_base(r->task), STDIN_FILENO, EV_READ, stdin_readable, r);
  if (r->readable == NULL || event_add(r->readable, NULL) != 0) {
    spate_fail(err, "cannot wait for standard input");
    return SPATE_FAIL;
  }
  r->idle = true;
  spate_stream_rest(r->stream);
  return SPATE_IDLE;
}

/* One read. OK: bytes came, or the end; IDLE; FAIL. */
static enum spate_result reader_read(struct stdin_reader *r, struct spate_error *err) {
  struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
  if (poll(&ready, 1, 0) == 0) return reader_wait(r, err);
  size_t room;
  char *to = spate_stream_room(r->stream, READ_BYTES, &room);
  ssize_t n = to != NULL ? read(STDIN_FILENO, to, room) : -1;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return reader_wait(r, err);
  if (n < 0) {
    spate_fail(err, "cannot read standard input: %s", strerror(errno));
    return SPATE_FAIL;
  }
  r->idle = false;
  r->eof = n == 0;
  spate_stream_wrote(r->stream, (size_t)n);
  return SPATE_OK;
}

static void reader_say_skipped(struct stdin_reader *r) {
  uint64_t skipped = spate_stream_skipped(r->stream);
  if (skipped == r->skipped_said) return;
  spate_log(&r->source->where, SPATE_LOG_WARN, "%llu lines longer than max_line (%lld bytes) were left out so far",
            (unsigned long long)skipped, (long long)r->source->max_line);
  r->skipped_said = skipped;
}

/* Takes the first line as the header. Whether one was there. */
static bool reader_take_header(struct stdin_reader *r, struct spate_payloads *out) {
  r->header_length = out->length[0];
  r->header = malloc(r->header_length + 1);
  if (r->header != NULL) memcpy(r->header, out->buffer->data + out->start[0], r->header_length);
  spate_buffer_unref(out->buffer);
  out->buffer = NULL;
  out->count = 0;
  r->line++;
  return r->header != NULL;
}

static void reader_label(struct stdin_reader *r, struct spate_payloads *out) {
  for (uint32_t i = 0; i < out->count; i++) {
    out->partition[i] = 0;
    out->position[i] = ++r->line;
  }
  out->header = r->header;
  out->header_length = r->header_length;
}

static enum spate_result stdin_pull(void *reader, uint32_t max, struct spate_payloads *out, struct spate_error *err) {
  struct stdin_reader *r = reader;
  if (max == 0) return SPATE_OK;
  for (;;) {
    bool header = r->source->want_header && r->header == NULL;
    uint32_t count = spate_stream_cut(r->stream, header ? 1 : max, out);
    if (count == 0 && r->eof) count = spate_stream_last(r->stream, out);
    reader_say_skipped(r);
    if (count > 0 && header) {
      if (!reader_take_header(r, out)) return spate_fail(err, "out of memory"), SPATE_FAIL;
      continue;
    }
    if (count > 0) {
      reader_label(r, out);
      return SPATE_OK;
    }
    if (r->eof) {
      r->finished = true;
      return SPATE_END;
    }
    enum spate_result result = reader_read(r, err);
    if (result != SPATE_OK) return result;
  }
}

static enum spate_partition_state stdin_state(void *reader, uint32_t partition) {
  const struct stdin_reader *r = reader;
  (void)partition;
  if (r->finished) return SPATE_PART_FINISHED;
  return r->idle ? SPATE_PART_CAUGHT_UP : SPATE_PART_READING;
}

static int stdin_position(void *reader, uint32_t partition, struct spate_buffer *out, struct spate_error *err) {
  const struct stdin_reader *r = reader;
  (void)partition;
  if (spate_buffer_append(out, &r->line, sizeof r->line) != 0) return spate_fail(err, "out of memory");
  return 0;
}

static const struct spate_option STDIN_OPTIONS[] = {{.name = "max_line",
                                                     .type = SPATE_OPT_SIZE,
                                                     .offset = offsetof(struct stdin_config, max_line),
                                                     .default_text = "1MiB",
                                                     .min = 1,
                                                     .max = 1 << 30,
                                                     .help = "A longer line is left out, counted and logged."},
                                                    {.name = NULL}};

const struct spate_source_api spate_source_stdin = {
    .version = SPATE_API_VERSION,
    .size = sizeof(struct spate_source_api),
    .name = "stdin",
    .help = "Lines from standard input, to its end.",
    .flags = SPATE_BOUNDED | SPATE_SINGLE | SPATE_IN_RUN_ONLY,
    .options = STDIN_OPTIONS,
    .config_size = sizeof(struct stdin_config),
    .open = stdin_open,
    .partitions = stdin_partitions,
    .close = free,
    .reader_open = stdin_reader_open,
    .assign = stdin_assign,
    .pull = stdin_pull,
    .state = stdin_state,
    .position = stdin_position,
    .reader_close = stdin_reader_close,
};
