/*
 * source: what its files share. The source (source.c) owns handles, topics and partitions, and is called by the scribe;
 * a reader (reader.c) is one task's queue of messages and runs on that task's worker; the keeper (keeper.c) is a thread
 * that does for the readers what blocks.
 *
 * A handle is one of librdkafka's clients, with a thread for each broker: that thread is what limits a reader. Handle 0
 * alone knows the group, for offsets. No group is ever joined: partitions are assigned by the engine, and consumed with
 * the legacy interface, which lets many partitions share one queue.
 */
#ifndef KAFKA_SOURCE_H
#define KAFKA_SOURCE_H

#include "client.h"

#define KAFKA_NO_BOUND INT64_MAX
#define KAFKA_UNKNOWN (-1) /* an offset that is not known */

enum kafka_reset { KAFKA_RESET_REFUSE, KAFKA_RESET_EARLIEST, KAFKA_RESET_LATEST };
enum kafka_start { KAFKA_START_EARLIEST, KAFKA_START_LATEST, KAFKA_START_TIME };

struct kafka_source_config {
  struct kafka_link link;
  struct spate_strings topics;
  const char *group, *start;
  int on_offset_reset;
  int64_t readers;
};

struct kafka_topic {
  char *name;
  uint32_t index;
  int32_t partitions;     /* known to us */
  rd_kafka_topic_t **rkt; /* by handle */
};

/* What a reader wants of the keeper for a partition. */
enum kafka_ask {
  KAFKA_ASK_NONE,
  KAFKA_ASK_RANGE,    /* reader: stop it, and say where its log begins and ends */
  KAFKA_ASK_ANSWERED, /* keeper: low and high are new */
  KAFKA_ASK_STOP      /* reader: stop it for good */
};

struct kafka_part {
  uint32_t index; /* in the source */
  struct kafka_topic *topic;
  int32_t number;
  /* scribe, before the engine sees the partition */
  _Atomic int64_t low, high; /* of the log when it was found; the keeper sets them anew for KAFKA_ASK_RANGE */
  int64_t start;             /* where an assignment without a position begins */
  int64_t bound;             /* the first offset that does not belong to a bounded run */
  _Atomic int32_t leader;    /* scribe writes, keeper reads: only to choose whom to poke */
  /* scribe */
  int64_t committed;
  /* the reader's worker */
  _Atomic int64_t next;                /* the first offset not yet given to the engine; others read it for the lag */
  uint8_t state;                       /* enum spate_partition_state */
  struct kafka_reader *_Atomic reader; /* set once, by assign */
  atomic_bool started;                 /* it is being fetched; the keeper clears it when it stops it */
  /* between reader and keeper: release by the one who hands over, acquire by the other */
  _Atomic int ask;
};

struct kafka_source {
  struct spate_where where;
  const struct kafka_source_config *config;
  bool bounded, embedded, first_discovery_done;
  uint32_t metas;
  uint32_t known; /* scribe: partitions that the engine was told of */
  enum kafka_start start;
  int64_t start_ms;
  struct kafka_watch watch;

  rd_kafka_t **handle;
  uint32_t handles;
  int64_t queue_messages, queue_bytes; /* where librdkafka stops fetching */

  /* scribe writes; readers and keeper read through the atomics, and old arrays stay until close */
  struct kafka_topic **topic;
  uint32_t topics, topics_room;
  struct kafka_part **_Atomic part;
  struct spate_partition *list;
  uint32_t parts_room;
  _Atomic uint32_t parts;
  void *retired[64];
  uint32_t retired_count;

  struct kafka_reader **_Atomic reader; /* by index; each filled in by its worker */
  uint32_t readers;

  /* scribe: offsets of the epoch that is being committed */
  rd_kafka_topic_partition_list_t *commit;
  rd_kafka_queue_t *commit_queue;

  /* keeper */
  pthread_t keeper;
  bool keeper_runs;
  int keeper_fd;
  atomic_bool stop, poking;
};

struct kafka_reader {
  struct kafka_source *source;
  struct spate_task *task;
  uint32_t index, handle;
  rd_kafka_queue_t *queue;
  int fd; /* librdkafka writes to it when the queue was empty */
  struct event *event;
  /* worker */
  struct kafka_part **mine; /* all that were assigned */
  uint32_t count, room, finished;
  struct kafka_part ***by_topic; /* [topic][partition], NULL where it is not ours */
  uint32_t *by_topic_room, topics_room;
  rd_kafka_message_t *message[SPATE_BATCH_ROWS];
  const rd_kafka_topic_t *last_topic; /* messages come in runs of one partition */
  struct kafka_part *last;
  uint32_t have, at; /* messages taken from the queue and not yet given away */
  uint16_t taken[SPATE_BATCH_ROWS];
  struct spate_buffer *spare[4]; /* buffers to use again once nobody else holds them */
  uint64_t seen, seen_bytes;
  bool was_dry;
  /* worker writes, keeper reads: until then (ms) the broker's thread may be asleep on a full queue */
  _Atomic int64_t busy_until;
  atomic_bool answered; /* keeper: look at the partitions that asked */
  /* the task belongs to the engine until reader_close: whoever calls it from another thread holds this */
  pthread_mutex_t lock;
  bool open;
};

/* offsets.c: questions to the cluster; scribe and keeper */
int kafka_start_parse(const char *text, enum kafka_start *start, int64_t *ms, struct spate_error *err);
/* low and high of partitions [from, to), by handle. With read_committed, high is the last stable offset. */
int kafka_offsets_range(struct kafka_source *s, uint32_t handle, uint32_t from, uint32_t to, int timeout_ms,
                        struct spate_error *err);
/* start of partitions [from, to): the group's offset, else by the rule (new partitions of a known topic: the beginning)
 */
int kafka_offsets_start(struct kafka_source *s, uint32_t from, uint32_t to, struct spate_error *err);
int kafka_offsets_add(struct kafka_source *s, uint32_t partition, struct spate_bytes position, struct spate_error *err);
int kafka_offsets_commit(struct kafka_source *s, struct spate_error *err);
int kafka_position_parse(struct spate_bytes position, int64_t *offset);
void kafka_offsets_free(struct kafka_source *s);

/* topics.c: which topics and partitions there are; scribe */
int kafka_topics_check(const struct kafka_source_config *config, struct spate_error *err);
int kafka_topics_find(struct kafka_source *s, struct spate_error *err);
void kafka_topics_free(struct kafka_source *s);

/* keeper.c */
int kafka_keeper_start(struct kafka_source *s, struct spate_error *err);
void kafka_keeper_stop(struct kafka_source *s);
void kafka_keeper_call(struct kafka_source *s); /* any thread, never blocks */

/* reader.c: the functions of the source's interface that run on a worker */
int kafka_reader_open(void *source, struct spate_task *task, uint32_t index, void **reader, struct spate_error *err);
int kafka_reader_assign(void *reader, uint32_t partition, struct spate_bytes position, struct spate_error *err);
enum spate_result kafka_reader_pull(void *reader, uint32_t max, struct spate_payloads *out, struct spate_error *err);
enum spate_partition_state kafka_reader_state(void *reader, uint32_t partition);
int kafka_reader_position(void *reader, uint32_t partition, struct spate_buffer *out, struct spate_error *err);
void kafka_reader_close(void *reader);
void kafka_reader_free(struct kafka_reader **reader); /* scribe, after the queue is silent */
void kafka_reader_wake(struct kafka_reader *reader);  /* any thread */
void kafka_reader_fail(struct kafka_reader *reader, const char *why);
/* meta.c: the columns of metadata that were asked for */
void kafka_meta_fill(struct kafka_reader *r, struct spate_payloads *out);

/* The offset that the policy gives for one that the log does not hold; -1: refused, err names both. */
int kafka_reset(const struct kafka_source *s, const struct kafka_part *p, int64_t wanted, int64_t *offset,
                struct spate_error *err);

#endif
