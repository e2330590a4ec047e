/*
 * sink: what its files share. The sink (sink.c) owns the one producer and the thread of delivery reports; a writer
 * (writer.c) is one task's end and runs on its worker; keys (key.c) are made from columns.
 *
 * An epoch is prepared when every record that was handed over before it has been acknowledged. Each record carries a
 * pointer to the slot it is counted in; slots alternate, so that records of the next epoch may flow already.
 */
#ifndef KAFKA_SINK_H
#define KAFKA_SINK_H

#include "client.h"

struct kafka_sink_config {
  struct kafka_link link;
  struct spate_template *topic;
  struct spate_column_refs key;
  struct spate_column_ref partition;
  struct spate_map headers;
  int64_t linger;
  int acks, compression;
};

struct kafka_slot {
  struct kafka_writer *writer;
  uint64_t epoch;
  uint64_t sent;          /* the worker writes; read by the delivery thread only while pending */
  _Atomic uint64_t acked; /* the delivery thread writes */
  atomic_bool pending;    /* prepare waits for acked == sent; whoever clears it says so */
};

struct kafka_keys {          /* of the rows of one write */
  struct spate_buffer *text; /* those that had to be written out */
  const void *at[SPATE_BATCH_ROWS];
  uint32_t length[SPATE_BATCH_ROWS];
};

struct kafka_writer {
  struct kafka_sink *sink;
  struct spate_task *task;
  struct kafka_slot slot[2];
  uint32_t current;
  atomic_bool waiting; /* the queue was full: wake the task when there is room */
  atomic_bool failed;  /* a record was lost: the task was told */
  /* the task belongs to the engine until writer_close: the delivery thread holds this when it calls it */
  pthread_mutex_t lock;
  bool open;
  /* the batch at hand: rows in the order of handing over, by partition */
  uint32_t rows;
  uint16_t order[SPATE_BATCH_ROWS];          /* place in the batch's selection */
  int32_t partition[SPATE_BATCH_ROWS];       /* by place */
  rd_kafka_topic_t *topic[SPATE_BATCH_ROWS]; /* by place; only where the topic is a template with columns */
  struct kafka_keys keys;
  rd_kafka_message_t message[SPATE_BATCH_ROWS];
  uint32_t *starts; /* for sorting by partition */
  int32_t starts_room;
  uint64_t random; /* where records without a key go */
  int32_t sticky;
  uint32_t sticky_rows;
  /* topics by name, where columns name them */
  struct writer_topic {
    char *name;
    rd_kafka_topic_t *rkt;
  } * named;
  uint32_t named_count, named_room;
  struct spate_buffer *name;
};

struct kafka_sink {
  struct spate_where where;
  const struct kafka_sink_config *config;
  struct kafka_watch watch;
  rd_kafka_t *rk;
  rd_kafka_queue_t *main_queue; /* to end the wait of the delivery thread */
  rd_kafka_topic_t *rkt;        /* the topic; NULL where columns name it */
  _Atomic int32_t partitions;   /* of rkt; 0: not known */
  int64_t queue_messages;
  struct kafka_writer **writer; /* by index; each filled in by its worker */
  uint32_t writers;
  pthread_t thread;
  bool thread_runs;
  atomic_bool stop, closing;
  _Atomic int hurry; /* writers that wait for the end of an epoch */
};

/* writer.c */
int kafka_writer_open(void *sink, struct spate_task *task, uint32_t index, void **writer, struct spate_error *err);
enum spate_result kafka_writer_write(void *writer, const struct spate_batch *batch,
                                     const struct spate_payloads *payloads, uint32_t *done, struct spate_error *err);
enum spate_result kafka_writer_prepare(void *writer, uint64_t epoch, struct spate_error *err);
void kafka_writer_close(void *writer);
void kafka_writer_free(struct kafka_writer **writer);
/* On the delivery thread. */
void kafka_writer_delivered(struct kafka_slot *slot, const rd_kafka_message_t *message);
void kafka_writer_wake(struct kafka_writer *writer);
void kafka_writer_fail(struct kafka_writer *writer, const char *why);

/* key.c: keys of the selected rows; at[k] is NULL for none. -1: no memory. */
int kafka_keys_make(struct kafka_keys *keys, const struct spate_column_refs *columns, const struct spate_batch *batch);

#endif
