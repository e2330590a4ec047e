/*
 * client: what the Kafka source and sink have in common. How a cluster is reached (brokers, TLS, SASL, properties
 * passed on), librdkafka's configuration with the values that Spate's promises rest on, and what librdkafka says on its
 * own threads: log lines, and errors that no call returns.
 */
#ifndef KAFKA_CLIENT_H
#define KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include "spate.h"

struct kafka_tls {
  bool enabled, insecure;
  const char *ca, *cert, *key;
};
struct kafka_sasl {
  const char *mechanism, *username, *password;
};
struct kafka_link { /* options that source and sink share */
  struct spate_strings brokers;
  struct spate_map options;
  struct kafka_tls tls;
  struct kafka_sasl sasl;
};
extern const struct spate_option kafka_tls_options[];
extern const struct spate_option kafka_sasl_options[];
extern const char kafka_brokers_help[], kafka_options_help[], kafka_tls_help[], kafka_sasl_help[];

/* Rows of an option table, for a configuration struct that has a struct kafka_link named link. */
#define KAFKA_LINK_OPTIONS(config)                                                                               \
  {.name = "brokers",                                                                                            \
   .type = SPATE_OPT_STRINGS,                                                                                    \
   .offset = offsetof(config, link.brokers),                                                                     \
   .flags = SPATE_REQUIRED,                                                                                      \
   .help = kafka_brokers_help},                                                                                  \
      {.name = "options",                                                                                        \
       .type = SPATE_OPT_MAP,                                                                                    \
       .offset = offsetof(config, link.options),                                                                 \
       .help = kafka_options_help},                                                                              \
      {.name = "tls",                                                                                            \
       .type = SPATE_OPT_GROUP,                                                                                  \
       .offset = offsetof(config, link.tls),                                                                     \
       .group = kafka_tls_options,                                                                               \
       .help = kafka_tls_help},                                                                                  \
  {                                                                                                              \
    .name = "sasl", .type = SPATE_OPT_GROUP, .offset = offsetof(config, link.sasl), .group = kafka_sasl_options, \
    .help = kafka_sasl_help                                                                                      \
  }

enum kafka_role { KAFKA_CONSUMER = 1, KAFKA_PRODUCER = 2 };

struct kafka_setting { /* librdkafka properties that come from options of the component */
  const char *name, *value;
};

/* What librdkafka reports by callback. Its threads write, ours read. */
struct kafka_watch {
  struct spate_where where;
  pthread_mutex_t lock;
  char last[256];  /* the newest error, for messages of calls that only time out */
  char final[256]; /* an error that waiting will not mend: refused credentials, a fatal producer */
  int64_t said_ms; /* when an error was last logged, and how many were not since */
  uint64_t unsaid;
  atomic_bool refused; /* final is set; pairs with its text through the lock */
};
void kafka_watch_init(struct kafka_watch *watch, struct spate_where where);
void kafka_watch_fini(struct kafka_watch *watch);
/* Copies of the texts; "" where there is none. */
void kafka_watch_last(struct kafka_watch *watch, char *out, size_t room);
void kafka_watch_final(struct kafka_watch *watch, char *out, size_t room);

/* No I/O: whether options, tls and sasl hold together and librdkafka takes them. */
int kafka_link_check(const struct kafka_link *link, enum kafka_role role, struct spate_error *err);
bool kafka_link_embedded(const struct kafka_link *link);
/* A configuration for rd_kafka_new; settings end with a NULL name and come before the user's options. Starts the
 * embedded cluster where that is named. NULL: err says why. */
rd_kafka_conf_t *kafka_conf_new(const struct kafka_link *link, enum kafka_role role,
                                const struct kafka_setting *settings, struct kafka_watch *watch,
                                struct spate_error *err);
/* Says what a user should know at each start: pins that were overridden, TLS without verification. */
void kafka_link_warn(const struct kafka_link *link, enum kafka_role role, struct spate_where where);
/* The brokers as text for messages, cut to the room. */
const char *kafka_link_text(const struct kafka_link *link, char *out, size_t room);

/* Metadata of `topic` (NULL: of all topics when `all`, else of those this handle knows). Tries again until the deadline
 * (CLOCK_MONOTONIC, ms). -1: err says what librdkafka's last error was. */
int kafka_metadata(rd_kafka_t *rk, struct kafka_watch *watch, const struct kafka_link *link, bool all,
                   rd_kafka_topic_t *topic, int64_t deadline_ms, const struct rd_kafka_metadata **out,
                   struct spate_error *err);
int64_t kafka_clock_ms(void); /* CLOCK_MONOTONIC: for pacing calls to the broker, never for the meaning of data */

#ifdef __SANITIZE_THREAD__
int kafka_threads_are_posix(void); /* threads.c */
#endif

/* ---- embedded clusters (embedded.c) ---- */
/* The address of the process's cluster of this name ("" is the one of `embedded`), made at first use. */
const char *kafka_embedded_brokers(const char *name, struct spate_error *err);
/* Makes the topic, with 4 partitions, where it is not there yet. */
void kafka_embedded_topic(const char *name, const char *topic);
const char *kafka_embedded_name(const struct kafka_link *link); /* NULL: a real cluster */

#endif
