/*
 * spate.h: all that a plugin sees of Spate.
 *
 * Sources, sinks and codecs are written against this header alone, the built-in ones too. A plugin is a `const`
 * descriptor (spate_source_api, spate_sink_api, spate_codec_api): interface version, name, a table of options with
 * help and defaults, what it can promise, and a few functions. The daemon reads the options (spate check, --help and
 * the manual pages come from the same table) and hands over a filled struct: a plugin never parses configuration.
 *
 * The unit of work is a batch: up to SPATE_BATCH_ROWS rows, as columns in Arrow's layout (bool is one byte, Arrow's
 * bool8). Columns are immutable once given away and counted; a batch is a small header over them.
 *
 * Threads. `open`, `partitions`, `committed`, `commit` and `close` of the shared part run on the pipeline's scribe
 * thread and may block. Everything that belongs to a reader or a writer runs on the worker thread of its task and must
 * never block on network, sync or locks: it answers SPATE_IDLE or SPATE_BLOCKED and wakes its task later.
 *
 * Times are microseconds since 1970-01-01 UTC, durations are microseconds, sizes are bytes.
 */
#ifndef SPATE_H
#define SPATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPATE_API_VERSION 1u
#define SPATE_BATCH_ROWS 1024u /* most rows of a batch */
#define SPATE_PADDING 64u      /* readable bytes beyond the end of every payload buffer */
#define SPATE_TIME_MIN INT64_MIN
#define SPATE_TIME_MAX INT64_MAX /* as a watermark: the end of time */

#define SPATE_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SPATE_CHECKED __attribute__((warn_unused_result))

/* ---- results on the path of records: an instruction for the caller ---- */
/* A task's source and sinks share its wake-ups, timers and barriers: after IDLE or BLOCKED a function may be called
 * again before its own wake-up, and then answers the same again. */
enum spate_result {
  SPATE_OK,      /* done; out is filled */
  SPATE_MORE,    /* steps of the daemon only: call again at once with the same argument */
  SPATE_IDLE,    /* nothing there now; the task will be woken */
  SPATE_BLOCKED, /* cannot take it now; the task will be woken; call again with the same argument */
  SPATE_LATER,   /* prepare only: accepted, spate_task_prepared() will follow */
  SPATE_END,     /* nothing will ever come again */
  SPATE_FAIL     /* the error says why; the pipeline stops and is restarted from its last epoch */
};

/* ---- errors: a message for the person who reads it ---- */
struct spate_error {
  char message[480];
  char option[64];  /* the option at fault (checks of configuration), or "" */
  bool fatal;       /* a restart would not help */
  bool environment; /* the machine is at fault (a port, a disk, a broker), not what the user wrote */
};
/* Writes the message; returns -1, so that a function can `return spate_fail(err, …)`. */
int spate_fail(struct spate_error *err, const char *format, ...) SPATE_PRINTF(2, 3);
/* The same, where the environment is at fault: `spate run` ends with 3 then. */
int spate_fail_environment(struct spate_error *err, const char *format, ...) SPATE_PRINTF(2, 3);
/* As spate_fail, naming the option that is wrong: the user sees its line and column. */
int spate_fail_option(struct spate_error *err, const char *option, const char *format, ...) SPATE_PRINTF(3, 4);

/* ---- types ---- */
enum spate_kind {
  SPATE_NONE, /* the type of a bare null */
  SPATE_BOOL,
  SPATE_INT, /* 64 bit */
  SPATE_DOUBLE,
  SPATE_DECIMAL, /* unscaled 128 bit integer; value = unscaled / 10^scale; at most 38 digits */
  SPATE_STRING,  /* UTF-8 */
  SPATE_BYTES,
  SPATE_TIMESTAMP,
  SPATE_INTERVAL, /* only inside expressions: microseconds */
  SPATE_KINDS
};
enum spate_time_encoding { SPATE_TIME_ISO, SPATE_TIME_S, SPATE_TIME_MS, SPATE_TIME_US };
struct spate_type {
  uint8_t kind;             /* enum spate_kind */
  uint8_t precision, scale; /* decimal */
  uint8_t encoding;         /* timestamp: how payloads write it (enum spate_time_encoding) */
};
__extension__ typedef __int128 spate_i128;
__extension__ typedef unsigned __int128 spate_u128;

struct spate_field {
  const char *name;
  struct spate_type type;
  const char *path;         /* where it lies in the payload ("a.b[0]"); NULL: its name, as one key */
  bool required;            /* absent or null makes a bad record */
  const char *default_text; /* in place of an absent or null value, as text to be cast; NULL: none */
};
struct spate_schema {
  const struct spate_field *fields;
  uint32_t count;
};

/* Counted things (columns, batches, buffers) may be referenced and given up on any thread; only a sole owner may change
 * them. args, config, schemas and names live as long as the source or sink; a task until reader_close or writer_close
 * has returned. */
/* ---- columns ----
 * values: i64 for int, timestamp and interval; f64; dec; b8 (0 or 1); strings and bytes: offsets[rows + 1] into data.
 * valid: Arrow's bitmap, bit set = not null; NULL: no nulls. A value under a null is defined but means nothing. */
struct spate_column {
  uint32_t refs; /* only through ref and unref */
  uint32_t rows;
  struct spate_type type;
  uint32_t data_room; /* bytes that data can hold */
  uint32_t written;   /* strings: offsets[0..written] are valid while the column is being written */
  uint8_t *valid;
  union {
    void *values;
    int64_t *i64;
    double *f64;
    spate_i128 *dec;
    uint8_t *b8;
    uint32_t *offsets;
  };
  char *data;
};
/* A new column of `rows` rows with one reference. Fixed widths: values are zero. Strings: offsets[0] is 0, the rest is
 * to be written by put, and data has room for data_room bytes (it grows). NULL only when memory is exhausted. */
struct spate_column *spate_column_new(struct spate_type type, uint32_t rows, uint32_t data_room);
struct spate_column *spate_column_ref(struct spate_column *column);
void spate_column_unref(struct spate_column *column); /* NULL is fine */
void spate_column_set_null(struct spate_column *column, uint32_t row);
/* Strings and bytes are written in ascending order of rows; rows left out become empty. Room for `length` bytes of
 * `row`: write there, then say spate_column_wrote(). NULL: the column would exceed 2 GiB. */
char *spate_column_room(struct spate_column *column, uint32_t row, size_t length) SPATE_CHECKED;
void spate_column_wrote(struct spate_column *column, uint32_t row, size_t length);
/* Completes the offsets after the last row written. Every string column needs it before it is given away. */
void spate_column_finish(struct spate_column *column);
/* -1: the column would exceed 2 GiB. */
static inline int spate_column_put(struct spate_column *c, uint32_t row, const void *bytes, size_t length) {
  char *to;
  if (c->written == row && length <= c->data_room - c->offsets[row]) {
    to = c->data + c->offsets[row];
  } else {
    to = spate_column_room(c, row, length);
    if (to == NULL) return -1;
  }
  memcpy(to, bytes, length);
  c->offsets[row + 1] = c->offsets[row] + (uint32_t)length;
  c->written = row + 1;
  return 0;
}

static inline bool spate_bit(const uint8_t *bits, uint32_t i) { return (bits[i >> 3] >> (i & 7)) & 1; }
static inline bool spate_column_null(const struct spate_column *c, uint32_t row) {
  return c->valid != NULL && !spate_bit(c->valid, row);
}
static inline const char *spate_column_bytes(const struct spate_column *c, uint32_t row, uint32_t *length) {
  *length = c->offsets[row + 1] - c->offsets[row];
  return c->data + c->offsets[row];
}

/* ---- buffers: counted bytes, padded ---- */
struct spate_buffer {
  uint32_t refs;
  uint32_t pad;
  size_t size, room;
  char *data; /* room + SPATE_PADDING bytes are readable */
};
struct spate_buffer *spate_buffer_new(size_t room);
struct spate_buffer *spate_buffer_ref(struct spate_buffer *buffer);
void spate_buffer_unref(struct spate_buffer *buffer);
/* Only while there is one reference. -1: no memory. */
int spate_buffer_reserve(struct spate_buffer *buffer, size_t more) SPATE_CHECKED;
int spate_buffer_append(struct spate_buffer *buffer, const void *bytes, size_t length) SPATE_CHECKED;

/* ---- payloads: what a source gives to a codec, and a codec to a sink ----
 * Whole buffers of up to SPATE_BATCH_ROWS payloads. Rows of the decoded batch are the payloads, in order. */
enum spate_meta { /* metadata of a record; the names are "_key", "_topic", … */
                  SPATE_META_KEY,
                  SPATE_META_TOPIC,
                  SPATE_META_PARTITION,
                  SPATE_META_OFFSET,
                  SPATE_META_TIMESTAMP,
                  SPATE_META_HEADERS,
                  SPATE_META_PEER,
                  SPATE_META_PATH,
                  SPATE_META_LINE,
                  SPATE_METAS
};
struct spate_payloads {
  struct spate_buffer *buffer; /* the pull that fills it gives the caller one reference */
  uint32_t count;
  bool lines; /* the payloads lie in order with one '\n' (or "\r\n") after each, nothing else between */
  uint32_t start[SPATE_BATCH_ROWS];       /* of each payload in buffer->data */
  uint32_t length[SPATE_BATCH_ROWS];      /* without the line's end; UINT32_MAX: a null payload (a tombstone) */
  uint32_t partition[SPATE_BATCH_ROWS];   /* index of the reader's partition, as given to assign */
  int64_t position[SPATE_BATCH_ROWS];     /* offset, line (from 1) or sequence: for people */
  struct spate_column *meta[SPATE_METAS]; /* those that were asked for; one reference each */
  const char *header;                     /* codecs that want the partition's first line: that line, else NULL */
  uint32_t header_length;
};

/* ---- batches ----
 * rows: of the columns. count and selection: which of them are there (NULL: all, count == rows), ascending. */
struct spate_batch {
  uint32_t refs;
  uint32_t rows, count;
  uint32_t columns;
  uint16_t *selection;
  struct spate_column **column;
  struct spate_column *time;   /* event time of each row, a timestamp; NULL: none */
  struct spate_origin *origin; /* of each row, to the end of the source's stage; NULL: none */
};
static inline uint32_t spate_batch_row(const struct spate_batch *b, uint32_t k) {
  return b->selection != NULL ? b->selection[k] : k;
}

/* Bad rows found by a codec. One row may be named once; the first reason stays. */
struct spate_rejects;
void spate_reject(struct spate_rejects *rejects, uint32_t row, const char *format, ...) SPATE_PRINTF(3, 4);

/* ---- options ---- */
enum spate_option_type {
  SPATE_OPT_BOOL,     /* bool */
  SPATE_OPT_INT,      /* int64_t, min..max */
  SPATE_OPT_DOUBLE,   /* double */
  SPATE_OPT_STRING,   /* const char * (NULL when absent and no default) */
  SPATE_OPT_ENUM,     /* int: index into choices; -1 when absent and no default */
  SPATE_OPT_DURATION, /* int64_t microseconds; -1 when absent and no default */
  SPATE_OPT_SIZE,     /* int64_t bytes; -1 when absent and no default */
  SPATE_OPT_STRINGS,  /* struct spate_strings: one scalar or a list */
  SPATE_OPT_MAP,      /* struct spate_map: string to string */
  SPATE_OPT_ADDRESS,  /* const char *: host:port, checked */
  SPATE_OPT_COLUMN,   /* struct spate_column_ref: a column of the sink's input; index -1 when absent */
  SPATE_OPT_COLUMNS,  /* struct spate_column_refs: one or a list */
  SPATE_OPT_TEMPLATE, /* struct spate_template *: text with {column}; NULL when absent */
  SPATE_OPT_EXPRS,    /* struct spate_map: name to expression text, in order; the plugin compiles them */
  SPATE_OPT_GROUP     /* a nested table: `group`, at offset */
};
enum { SPATE_REQUIRED = 1, SPATE_SECRET = 2 };
struct spate_option {
  const char *name;
  enum spate_option_type type;
  size_t offset;            /* in the config struct */
  const char *default_text; /* as a user would write it; NULL: none */
  uint32_t flags;
  const char *const *choices; /* enum: NULL-terminated */
  int64_t min, max;           /* int, size, duration: when max > min */
  const struct spate_option *group;
  const char *help; /* one sentence */
};                  /* a table ends with a row whose name is NULL */
struct spate_strings {
  const char **item;
  size_t count;
};
struct spate_map {
  const char **key, **value;
  size_t count;
};
struct spate_column_ref {
  const char *name;
  int32_t index;
};
struct spate_column_refs {
  struct spate_column_ref *item;
  size_t count;
};
struct spate_template;
/* Renders row `row` of the batch into buffer (appended). -1: a column of it is null, or no memory. */
int spate_template_render(const struct spate_template *t, const struct spate_batch *batch, uint32_t row,
                          struct spate_buffer *out) SPATE_CHECKED;
/* The same for a template that names words besides columns ({pipeline}, {epoch}, {date}): their values by name. -1 also
 * for a word that is not among them; without words (or by spate_template_render) every word is missing. */
int spate_template_render_words(const struct spate_template *t, const struct spate_batch *batch, uint32_t row,
                                const struct spate_map *words, struct spate_buffer *out) SPATE_CHECKED;
/* The first word (not a column) that it names, or NULL: for a check that knows fewer words. */
const char *spate_template_word(const struct spate_template *t);
/* Whether it names any column or word at all; if not, its text. */
const char *spate_template_constant(const struct spate_template *t);
/* The value as text, appended (ISO 8601 for timestamps; strings and bytes as they are). Null appends nothing. */
int spate_column_text(const struct spate_column *column, uint32_t row, struct spate_buffer *out) SPATE_CHECKED;
/* The other way: text as a value of the column's type (timestamps by their encoding; strings must be UTF-8, bytes are
 * as they are) into `row`, rows of strings in ascending order. -1: the text is not one. */
int spate_parse_value(struct spate_column *column, uint32_t row, const char *text, size_t size) SPATE_CHECKED;

/* ---- expressions, for plugins that take them ---- */
struct spate_expr;
struct spate_expr *spate_expr_new(const char *text, const struct spate_schema *columns, struct spate_error *err);
struct spate_type spate_expr_type(const struct spate_expr *expr);
/* The value for every selected row of the batch; the caller owns the column. Rows that fail are rejected. */
struct spate_column *spate_expr_eval(struct spate_expr *expr, const struct spate_batch *batch,
                                     struct spate_rejects *rejects);
void spate_expr_free(struct spate_expr *expr);

/* ---- what a plugin may ask of its task and of the daemon ---- */
struct spate_task;
struct event_base;
void spate_task_wake(struct spate_task *task);               /* any thread */
struct event_base *spate_task_base(struct spate_task *task); /* its worker's loop; use on the worker only */
int64_t spate_task_now(struct spate_task *task);             /* the clock (virtual in tests) */
/* Any thread: exactly once for each SPATE_LATER; may come before prepare has returned, never after writer_close. */
void spate_task_prepared(struct spate_task *task, uint64_t epoch);
void spate_task_fail(struct spate_task *task, const char *format, ...) SPATE_PRINTF(2, 3); /* any thread */
enum spate_level { SPATE_LOG_ERROR, SPATE_LOG_WARN, SPATE_LOG_INFO, SPATE_LOG_DEBUG };
/* One line; `pipeline` and `name` of the component as given in the args. Text from records must go through %s only:
 * control characters are escaped and it is cut. Repeated lines are counted instead of repeated. */
struct spate_where {
  const char *pipeline, *component;
};
void spate_log(const struct spate_where *where, enum spate_level level, const char *format, ...) SPATE_PRINTF(3, 4);

/* ---- sources ---- */
struct spate_bytes {
  const void *data;
  size_t size;
};
struct spate_source_args {
  struct spate_where where;
  const void *config; /* the filled options */
  bool bounded;       /* --bounded or available_now: end at what is there at open */
  bool temporary;     /* spate run without --state-dir */
  bool want_header;   /* the codec wants the first line of each partition */
  bool quoted_lines;  /* a line's end inside double quotes does not end the record (csv) */
  uint32_t metas;     /* bit set of enum spate_meta: those to fill in */
  uint32_t readers;   /* how many readers will be opened */
  const char *state_dir;
};
/* A partition as the source names it: stable across restarts. */
struct spate_partition {
  char name[256]; /* "topic/3", a path, "listener": in positions, logs and status */
  void *own;      /* whatever the source likes; freed by it in close */
};
enum spate_partition_state {
  SPATE_PART_READING,   /* there is, or may be, a backlog */
  SPATE_PART_CAUGHT_UP, /* read to its end; more may come */
  SPATE_PART_FINISHED   /* bounded and at its bound: never again */
};
enum {                            /* flags: what an end can promise */
       SPATE_REPLAYABLE = 1,      /* source: can begin again at a position */
       SPATE_BOUNDED = 2,         /* source: always ends by itself (with these options: see `bounded`) */
       SPATE_SINGLE = 4,          /* one reader or writer only */
       SPATE_NO_CODEC = 8,        /* source gives batches, sink takes batches: neither decode nor encode */
       SPATE_EXACTLY_ONCE = 16,   /* could take part in exactly once (not built yet) */
       SPATE_OPTIONAL_CODEC = 32, /* sink: encode may be left out; then it gets batches alone */
       SPATE_IN_RUN_ONLY = 64     /* in the foreground only: a daemon has no terminal and no standard input */
};
struct spate_source_api {
  uint32_t version, size; /* SPATE_API_VERSION, sizeof(struct spate_source_api) */
  const char *name, *help;
  uint32_t flags;
  uint32_t metas; /* those it can give */
  const struct spate_option *options;
  size_t config_size;
  /* Beyond what the table says; no I/O. May be NULL. */
  int (*check)(const void *config, struct spate_error *err);
  /* Whether a source with these options ends by itself. NULL: as the flag says. */
  bool (*bounded)(const void *config);
  /* SPATE_NO_CODEC: its columns, allocated with spate_config_alloc. NULL otherwise. */
  int (*schema)(const void *config, struct spate_schema *schema, struct spate_error *err);

  /* Shared by all readers; scribe thread. */
  int (*open)(const struct spate_source_args *args, void **source, struct spate_error *err);
  /* All partitions known now; called again every few seconds while running: new ones are appended. The array stays the
   * source's own; its entries never move or change, since readers may be assigned at the same time. */
  int (*partitions)(void *source, const struct spate_partition **list, uint32_t *count, struct spate_error *err);
  /* Positions of an epoch that is committed, for partitions by index; scribe. May be NULL. */
  int (*committed)(void *source, uint32_t partition, struct spate_bytes position, struct spate_error *err);
  /* After the last committed of an epoch; scribe. May be NULL. */
  int (*committed_end)(void *source, struct spate_error *err);
  void (*close)(void *source);

  /* A reader for each task; worker thread. */
  int (*reader_open)(void *source, struct spate_task *task, uint32_t index, void **reader, struct spate_error *err);
  /* Take this partition, from position (size 0: by the source's start rule). */
  int (*assign)(void *reader, uint32_t partition, struct spate_bytes position, struct spate_error *err);
  /* Up to max rows into out, which is empty on entry: buffer (its size covers all payloads), and start, length,
   * partition and position of every row; header must live until the next pull. OK: out is filled (count may be 0);
   * IDLE; END: every assigned partition is finished; FAIL. */
  enum spate_result (*pull)(void *reader, uint32_t max, struct spate_payloads *out, struct spate_error *err);
  /* SPATE_NO_CODEC: in place of pull. partition: the one all rows come from. */
  enum spate_result (*pull_batch)(void *reader, uint32_t max, struct spate_batch **out, uint32_t *partition,
                                  struct spate_error *err);
  enum spate_partition_state (*state)(void *reader, uint32_t partition);
  /* Where the next pull would begin: written to out (at most 4096 bytes). */
  int (*position)(void *reader, uint32_t partition, struct spate_buffer *out, struct spate_error *err);
  /* How many records are still to come, if known; -1: unknown. Any thread. May be NULL. */
  int64_t (*lag)(void *source);
  void (*reader_close)(void *reader);
};
/* Memory that lives as long as the configuration (for `schema`). */
void *spate_config_alloc(struct spate_schema *schema, size_t size);
/* A batch over columns (the references are taken); time may be NULL. */
struct spate_batch *spate_batch_new(uint32_t rows, uint32_t columns, struct spate_column **column,
                                    struct spate_column *time);
struct spate_batch *spate_batch_ref(struct spate_batch *batch);
void spate_batch_unref(struct spate_batch *batch);

/* Cuts lines out of bytes[0..size): fills start and length of out from row out->count on, up to max rows in all, and
 * returns the bytes consumed (whole lines only). quoted: '\n' between double quotes does not end a line; `base` is
 * added to every start. "\r\n" counts as one end. */
size_t spate_cut_lines(struct spate_payloads *out, const char *bytes, size_t size, uint32_t base, uint32_t max,
                       bool quoted);

/* Streams: bytes that arrive piece by piece, cut into payloads where they lie. One buffer serves many pulls: only the
 * beginning of an unfinished payload is ever copied. Lines longer than max_payload are skipped and counted; a frame
 * longer than that breaks the stream. Not for several threads. */
enum spate_framing_kind {
  SPATE_STREAM_LINES,
  SPATE_STREAM_QUOTED_LINES,
  SPATE_STREAM_LENGTH32 /* big-endian length */
};
struct spate_stream;
struct spate_stream *spate_stream_new(enum spate_framing_kind framing, size_t max_payload);
void spate_stream_free(struct spate_stream *stream); /* payloads that were cut stay */
/* A place for at least `want` bytes more, *room says how many: write there, then say spate_stream_wrote(). Call it only
 * when cut gave nothing: it may move what is left. NULL: no memory. */
char *spate_stream_room(struct spate_stream *stream, size_t want, size_t *room) SPATE_CHECKED;
void spate_stream_wrote(struct spate_stream *stream, size_t size);
/* Up to max whole payloads: fills buffer (one reference, if any), count, start, length and lines of out, which must be
 * empty. Returns the count. */
uint32_t spate_stream_cut(struct spate_stream *stream, uint32_t max, struct spate_payloads *out);
/* At the end of the stream, after cut gave nothing: the rest as one last line, if there is any. Returns the count. */
uint32_t spate_stream_last(struct spate_stream *stream, struct spate_payloads *out);
size_t spate_stream_left(const struct spate_stream *stream);      /* bytes not cut yet */
uint64_t spate_stream_taken(const struct spate_stream *stream);   /* bytes cut or skipped since the beginning */
uint64_t spate_stream_skipped(const struct spate_stream *stream); /* lines that were too long */
bool spate_stream_broken(const struct spate_stream *stream);      /* a frame was too long: nothing more can be cut */
void spate_stream_rest(struct spate_stream *stream);              /* gives an empty buffer back, between bursts */

/* ---- sinks ---- */
struct spate_sink_args {
  struct spate_where where;
  const void *config;
  const struct spate_schema *schema; /* of the batches */
  bool temporary;
  bool resumed;  /* an earlier run left state: go on, do not start over */
  bool updating; /* the input updates rows: key them by the group's key */
  uint32_t writers;
  const char *state_dir;
  const char *pipeline;
  uint32_t visible; /* columns of the schema before this are the record's, those behind it metadata; 0: not told */
  const char *head; /* bytes that stand once at the head of every output (the codec's), or NULL */
  uint32_t head_length;
};
struct spate_sink_api {
  uint32_t version, size;
  const char *name, *help;
  uint32_t flags;
  const struct spate_option *options;
  size_t config_size;
  int (*check)(const void *config, struct spate_error *err);

  /* Scribe thread. */
  int (*open)(const struct spate_sink_args *args, void **sink, struct spate_error *err);
  int (*commit)(void *sink, uint64_t epoch, struct spate_error *err); /* after the epoch's file; an epoch in
     which nothing changed is prepared but never committed; may be NULL */
  void (*close)(void *sink);

  /* Worker thread. */
  int (*writer_open)(void *sink, struct spate_task *task, uint32_t index, void **writer, struct spate_error *err);
  /* The selected rows of batch (a reference to it, or to payloads->buffer, may be kept); payloads holds their encoded
   * form in the same order (NULL without a codec). A null payload has length UINT32_MAX: a tombstone where the sink
   * knows them, else nothing. *done counts selected rows and is 0 at first. OK: all taken. BLOCKED: the first *done
   * were taken; called again with the same batch and *done. */
  enum spate_result (*write)(void *writer, const struct spate_batch *batch, const struct spate_payloads *payloads,
                             uint32_t *done, struct spate_error *err);
  /* All that was written belongs to this epoch. OK: it is out and acknowledged; BLOCKED: call again when woken;
   * LATER: spate_task_prepared() will say. Records of the next epoch may be written before it has. */
  enum spate_result (*prepare)(void *writer, uint64_t epoch, struct spate_error *err);
  void (*writer_close)(void *writer);
};

/* ---- codecs ---- */
enum spate_framing { SPATE_FRAME_LINES, SPATE_FRAME_QUOTED_LINES };
struct spate_codec_api {
  uint32_t version, size;
  const char *name, *help;
  const struct spate_option *options;
  size_t config_size;
  int (*check)(const void *config, struct spate_error *err);
  enum spate_framing (*framing)(const void *config); /* NULL: lines */
  bool (*want_header)(const void *config);           /* NULL: no */
  /* Fixed columns of a codec without schema ("text": value); NULL: the user's schema is needed. */
  const struct spate_schema *fixed;
  /* wanted: the columns to fill, in this order; known: all that the user declared. Worker thread. */
  int (*decoder_new)(const void *config, const struct spate_schema *wanted, const struct spate_schema *known,
                     void **decoder, struct spate_error *err);
  /* Fills column[0..wanted) with one row for each payload; bad ones are rejected, and hold anything. Null payloads
   * (length UINT32_MAX) give rows of nulls. */
  int (*decode)(void *decoder, const struct spate_payloads *in, struct spate_column **column,
                struct spate_rejects *rejects, struct spate_error *err);
  void (*decoder_free)(void *decoder);
  int (*encoder_new)(const void *config, const struct spate_schema *schema, void **encoder, struct spate_error *err);
  /* Appends one payload for each selected row: start, length and count of out, bytes to out->buffer, each followed by
   * '\n' (outside its length). Rows that cannot be encoded are rejected and have length UINT32_MAX - 1. */
  int (*encode)(void *encoder, const struct spate_batch *batch, struct spate_payloads *out,
                struct spate_rejects *rejects, struct spate_error *err);
  /* What stands once at the head of every output (csv: the header line, with its '\n'). May be NULL. */
  const char *(*head)(void *encoder, uint32_t *length);
  void (*encoder_free)(void *encoder);
};

#ifdef __cplusplus
}
#endif
#endif
