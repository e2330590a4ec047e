/*
 * client: librdkafka's configuration, and what it says by itself.
 *
 * Some properties are pinned, since a promise of Spate rests on them: offsets are committed by epochs and never by
 * librdkafka, input is read committed, an offset out of range is our decision. Those cannot be overridden. Others are
 * pinned since measurements say so (queues bounded, 50 ms of fetch wait, CRCs checked, certificates and host names
 * verified): those a user may override, and the log says so at each start.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "client.h"

#define SAY_EVERY_MS 10000

const char kafka_brokers_help[] =
    "The cluster: host:port, one or more; `embedded` or `embedded:NAME` is an in-process cluster for demos.";
const char kafka_options_help[] = "Any librdkafka property, by its name there.";
const char kafka_tls_help[] = "TLS to the brokers; certificates and host names are verified.";
const char kafka_sasl_help[] = "Authentication by SASL.";

const struct spate_option kafka_tls_options[] = {
    {.name = "enabled",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct kafka_tls, enabled),
     .default_text = "false",
     .help = "Uses TLS with the system's authorities; any other key of tls implies it."},
    {.name = "ca",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct kafka_tls, ca),
     .help = "File of the authorities (PEM) in place of the system's."},
    {.name = "cert",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct kafka_tls, cert),
     .help = "File of the client's certificate (PEM)."},
    {.name = "key",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct kafka_tls, key),
     .help = "File of the client's private key (PEM)."},
    {.name = "insecure_skip_verify",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct kafka_tls, insecure),
     .default_text = "false",
     .help = "Accepts any certificate; said in the log at each start."},
    {.name = NULL}};

const struct spate_option kafka_sasl_options[] = {
    {.name = "mechanism",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct kafka_sasl, mechanism),
     .help = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, GSSAPI or OAUTHBEARER."},
    {.name = "username",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct kafka_sasl, username),
     .help = "User name for PLAIN and SCRAM."},
    {.name = "password",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct kafka_sasl, password),
     .flags = SPATE_SECRET,
     .help = "Password for PLAIN and SCRAM; never printed."},
    {.name = NULL}};

enum pin_rule {
  PIN_REFUSED, /* may not be set by the user */
  PIN_WARNED,  /* may be, and the log says so */
  PIN_QUIET,   /* may be, nobody minds */
  PIN_NEWER    /* as quiet; librdkafka before 2.2 does not know it */
};
static const struct kafka_pin {
  const char *name, *value; /* NULL value: the user may not set it, and neither do we */
  uint8_t roles;
  uint8_t rule;
  const char *why; /* refused: what to do instead */
} pins[] = {
    {"enable.auto.commit", "false", KAFKA_CONSUMER, PIN_REFUSED, "offsets are committed with each epoch"},
    {"auto.commit.enable", "false", KAFKA_CONSUMER, PIN_REFUSED, "offsets are committed with each epoch"},
    {"enable.auto.offset.store", "false", KAFKA_CONSUMER, PIN_REFUSED, "offsets are committed with each epoch"},
    {"isolation.level", "read_committed", KAFKA_CONSUMER, PIN_REFUSED, "records of aborted transactions are not data"},
    {"auto.offset.reset", "error", KAFKA_CONSUMER, PIN_REFUSED, "write start: or on_offset_reset: instead"},
    {"enable.partition.eof", "true", KAFKA_CONSUMER, PIN_REFUSED, "it tells when a partition was read to its end"},
    {"group.id", NULL, KAFKA_CONSUMER, PIN_REFUSED, "write group: instead"},
    {"bootstrap.servers", NULL, KAFKA_CONSUMER | KAFKA_PRODUCER, PIN_REFUSED, "write brokers: instead"},
    {"metadata.broker.list", NULL, KAFKA_CONSUMER | KAFKA_PRODUCER, PIN_REFUSED, "write brokers: instead"},
    {"plugin.library.paths", NULL, KAFKA_CONSUMER | KAFKA_PRODUCER, PIN_REFUSED, "it would load foreign code"},
    {"transactional.id", NULL, KAFKA_PRODUCER, PIN_REFUSED, "transactions are not built yet"},
    {"check.crcs", "true", KAFKA_CONSUMER, PIN_WARNED, NULL},
    {"fetch.message.max.bytes", "4194304", KAFKA_CONSUMER, PIN_WARNED, NULL},
    {"queued.min.messages", "40000", KAFKA_CONSUMER, PIN_WARNED, NULL},
    {"queued.max.messages.kbytes", "32768", KAFKA_CONSUMER, PIN_WARNED, NULL},
    {"fetch.wait.max.ms", "50", KAFKA_CONSUMER, PIN_WARNED, NULL},
    {"fetch.queue.backoff.ms", "10", KAFKA_CONSUMER, PIN_NEWER, NULL},
    {"fetch.error.backoff.ms", "100", KAFKA_CONSUMER, PIN_QUIET, NULL},
    {"allow.auto.create.topics", "false", KAFKA_CONSUMER, PIN_QUIET, NULL},
    {"queue.buffering.max.messages", "20000", KAFKA_PRODUCER, PIN_WARNED, NULL},
    {"queue.buffering.max.kbytes", "65536", KAFKA_PRODUCER, PIN_WARNED, NULL},
    {"partitioner", "murmur2_random", KAFKA_PRODUCER, PIN_WARNED, NULL},
    /* A broker that is away is waited for, as a source waits: giving records up after minutes would only fail. */
    {"message.timeout.ms", "0", KAFKA_PRODUCER, PIN_WARNED, NULL},
    {"batch.num.messages", "10000", KAFKA_PRODUCER, PIN_QUIET, NULL},
    {"batch.size", "1000000", KAFKA_PRODUCER, PIN_QUIET, NULL},
    {"ssl.endpoint.identification.algorithm", "https", KAFKA_CONSUMER | KAFKA_PRODUCER, PIN_WARNED, NULL},
    {"reconnect.backoff.max.ms", "1000", KAFKA_CONSUMER | KAFKA_PRODUCER, PIN_QUIET, NULL},
    {"socket.keepalive.enable", "true", KAFKA_CONSUMER | KAFKA_PRODUCER, PIN_QUIET, NULL},
    {"socket.nagle.disable", "true", KAFKA_CONSUMER | KAFKA_PRODUCER, PIN_QUIET, NULL},
    {"log.connection.close", "false", KAFKA_CONSUMER | KAFKA_PRODUCER, PIN_QUIET, NULL},
    {"client.id", "spate", KAFKA_CONSUMER | KAFKA_PRODUCER, PIN_QUIET, NULL},
};
#define PINS (sizeof pins / sizeof *pins)

int64_t kafka_clock_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what librdkafka reports ---- */

void kafka_watch_init(struct kafka_watch *watch, struct spate_where where) {
#ifdef __SANITIZE_THREAD__
  (void)kafka_threads_are_posix();
#endif
  memset(watch, 0, sizeof *watch);
  watch->where = where;
  pthread_mutex_init(&watch->lock, NULL);
}

void kafka_watch_fini(struct kafka_watch *watch) { pthread_mutex_destroy(&watch->lock); }

static void watch_copy(struct kafka_watch *watch, const char *text, char *out, size_t room) {
  pthread_mutex_lock(&watch->lock);
  snprintf(out, room, "%s", text);
  pthread_mutex_unlock(&watch->lock);
}

void kafka_watch_last(struct kafka_watch *watch, char *out, size_t room) { watch_copy(watch, watch->last, out, room); }
void kafka_watch_final(struct kafka_watch *watch, char *out, size_t room) {
  watch_copy(watch, watch->final, out, room);
}

static bool error_is_final(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
         code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM ||
         code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

/* Connections that fail do so again and again, each time with another number in the text. */
static void error_log(struct kafka_watch *watch, rd_kafka_resp_err_t error, const char *reason) {
  int64_t now = kafka_clock_ms();
  pthread_mutex_lock(&watch->lock);
  bool say = watch->said_ms == 0 || now - watch->said_ms >= SAY_EVERY_MS;
  uint64_t unsaid = watch->unsaid;
  watch->unsaid = say ? 0 : unsaid + 1;
  if (say) watch->said_ms = now;
  pthread_mutex_unlock(&watch->lock);
  const char *waiting = error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ? "; waiting for a broker" : "";
  if (say && unsaid > 0)
    spate_log(&watch->where, SPATE_LOG_WARN, "kafka: %s%s (and %" PRIu64 " such errors before it)", reason, waiting,
              unsaid);
  else if (say)
    spate_log(&watch->where, SPATE_LOG_WARN, "kafka: %s%s", reason, waiting);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
  struct kafka_watch *watch = opaque;
  rd_kafka_resp_err_t error = (rd_kafka_resp_err_t)code;
  char fatal[256];
  if (error == RD_KAFKA_RESP_ERR__FATAL && rd_kafka_fatal_error(rk, fatal, sizeof fatal) != 0) reason = fatal;
  bool final = error_is_final(error), all = error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
  pthread_mutex_lock(&watch->lock);
  bool named = watch->last[0] != 0; /* 'all brokers are down' says less than the error before it */
  if (!all || !named) snprintf(watch->last, sizeof watch->last, "%s", reason);
  if (final) snprintf(watch->final, sizeof watch->final, "%s", reason);
  pthread_mutex_unlock(&watch->lock);
  if (final)
    atomic_store(&watch->refused, true); /* whoever owns the handle fails with it */
  else if (!all || !named)
    error_log(watch, error, reason);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *line) {
  struct kafka_watch *watch = rd_kafka_opaque(rk);
  /* Errors of connections come through on_error as well, with a code; CONFWARN speaks of our own pins. */
  if (watch == NULL || strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0 ||
      strcmp(facility, "CONFWARN") == 0)
    return;
  spate_log(&watch->where,
            level <= 4   ? SPATE_LOG_WARN
            : level <= 6 ? SPATE_LOG_INFO
                         : SPATE_LOG_DEBUG,
            "kafka: %s", line);
}

/* ---- configuration ---- */

const char *kafka_embedded_name(const struct kafka_link *link) {
  if (link->brokers.count != 1) return NULL;
  const char *text = link->brokers.item[0];
  if (strcmp(text, "embedded") == 0) return "";
  return strncmp(text, "embedded:", 9) == 0 ? text + 9 : NULL;
}

bool kafka_link_embedded(const struct kafka_link *link) { return kafka_embedded_name(link) != NULL; }

const char *kafka_link_text(const struct kafka_link *link, char *out, size_t room) {
  size_t used = 0;
  out[0] = 0;
  for (size_t i = 0; i < link->brokers.count && used + 1 < room; i++) {
    int n = snprintf(out + used, room - used, "%s%s", i > 0 ? "," : "", link->brokers.item[i]);
    if (n > 0) used += (size_t)n;
  }
  return out;
}

static const struct kafka_pin *pin_find(const char *name, enum kafka_role role) {
  for (size_t i = 0; i < PINS; i++)
    if ((pins[i].roles & role) != 0 && strcmp(pins[i].name, name) == 0) return &pins[i];
  return NULL;
}

/* librdkafka quotes the value in some messages: not where it may be a secret. */
static bool name_is_secret(const char *name) {
  return strstr(name, "password") != NULL || strstr(name, "secret") != NULL || strstr(name, ".pem") != NULL ||
         strstr(name, "oauthbearer") != NULL || strstr(name, "jaas") != NULL;
}

static int conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, const char *option,
                    struct spate_error *err) {
  char why[256];
  rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, why, sizeof why);
  if (result == RD_KAFKA_CONF_OK) return 0;
  if (result == RD_KAFKA_CONF_UNKNOWN) return spate_fail_option(err, option, "librdkafka has no property '%s'", name);
  return spate_fail_option(err, option, "librdkafka refuses %s: %s", name,
                           name_is_secret(name) ? "not a value it takes" : why);
}

static bool tls_wanted(const struct kafka_tls *tls) {
  return tls->enabled || tls->insecure || tls->ca != NULL || tls->cert != NULL || tls->key != NULL;
}

static int conf_tls(rd_kafka_conf_t *conf, const struct kafka_tls *tls, struct spate_error *err) {
  if (tls->ca != NULL && conf_set(conf, "ssl.ca.location", tls->ca, "tls.ca", err) != 0) return -1;
  if (tls->cert != NULL && conf_set(conf, "ssl.certificate.location", tls->cert, "tls.cert", err) != 0) return -1;
  if (tls->key != NULL && conf_set(conf, "ssl.key.location", tls->key, "tls.key", err) != 0) return -1;
  if ((tls->cert == NULL) != (tls->key == NULL))
    return spate_fail_option(err, "tls", "tls needs both cert and key, or neither");
  return tls->insecure ? conf_set(conf, "enable.ssl.certificate.verification", "false", "tls", err) : 0;
}

static int conf_sasl(rd_kafka_conf_t *conf, const struct kafka_sasl *sasl, struct spate_error *err) {
  if (sasl->mechanism == NULL) {
    if (sasl->username != NULL || sasl->password != NULL)
      return spate_fail_option(err, "sasl", "sasl needs mechanism (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 …)");
    return 0;
  }
  if (conf_set(conf, "sasl.mechanisms", sasl->mechanism, "sasl.mechanism", err) != 0) return -1;
  if (sasl->username != NULL && conf_set(conf, "sasl.username", sasl->username, "sasl.username", err) != 0) return -1;
  return sasl->password != NULL ? conf_set(conf, "sasl.password", sasl->password, "sasl.password", err) : 0;
}

static int conf_security(rd_kafka_conf_t *conf, const struct kafka_link *link, struct spate_error *err) {
  bool tls = tls_wanted(&link->tls), sasl = link->sasl.mechanism != NULL;
  const char *protocol = sasl ? (tls ? "sasl_ssl" : "sasl_plaintext") : tls ? "ssl" : "plaintext";
  if (conf_set(conf, "security.protocol", protocol, "tls", err) != 0) return -1;
  if (tls && conf_tls(conf, &link->tls, err) != 0) return -1;
  return conf_sasl(conf, &link->sasl, err);
}

static int conf_pins(rd_kafka_conf_t *conf, enum kafka_role role, struct spate_error *err) {
  char why[256];
  for (size_t i = 0; i < PINS; i++) {
    if ((pins[i].roles & role) == 0 || pins[i].value == NULL) continue;
    if (pins[i].rule == PIN_NEWER)
      (void)rd_kafka_conf_set(conf, pins[i].name, pins[i].value, why, sizeof why);
    else if (conf_set(conf, pins[i].name, pins[i].value, "options", err) != 0)
      return -1;
  }
  return 0;
}

static int conf_user(rd_kafka_conf_t *conf, const struct kafka_link *link, enum kafka_role role,
                     struct spate_error *err) {
  for (size_t i = 0; i < link->options.count; i++) {
    const char *name = link->options.key[i];
    const struct kafka_pin *pin = pin_find(name, role);
    if (pin != NULL && pin->rule == PIN_REFUSED)
      return spate_fail_option(err, "options", "%s cannot be set here: %s", name, pin->why);
    if (conf_set(conf, name, link->options.value[i], "options", err) != 0) return -1;
  }
  return 0;
}

static int conf_fill(rd_kafka_conf_t *conf, const struct kafka_link *link, enum kafka_role role,
                     const struct kafka_setting *settings, struct spate_error *err) {
  if (conf_pins(conf, role, err) != 0 || conf_security(conf, link, err) != 0) return -1;
  for (; settings != NULL && settings->name != NULL; settings++)
    if (conf_set(conf, settings->name, settings->value, "options", err) != 0) return -1;
  return conf_user(conf, link, role, err);
}

int kafka_link_check(const struct kafka_link *link, enum kafka_role role, struct spate_error *err) {
  for (size_t i = 0; i < link->brokers.count; i++) {
    const char *broker = link->brokers.item[i];
    if (broker[0] == 0) return spate_fail_option(err, "brokers", "an address is empty; it is host:port");
    if (link->brokers.count > 1 && strncmp(broker, "embedded", 8) == 0)
      return spate_fail_option(err, "brokers", "'%s' stands alone, not in a list", broker);
  }
  if (kafka_link_embedded(link) && (tls_wanted(&link->tls) || link->sasl.mechanism != NULL))
    return spate_fail_option(err, "brokers", "an embedded cluster has neither tls nor sasl");
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  int result = conf_fill(conf, link, role, NULL, err);
  rd_kafka_conf_destroy(conf);
  return result;
}

static int conf_brokers(rd_kafka_conf_t *conf, const struct kafka_link *link, struct spate_error *err) {
  const char *name = kafka_embedded_name(link);
  if (name != NULL) {
    const char *address = kafka_embedded_brokers(name, err);
    return address != NULL ? conf_set(conf, "bootstrap.servers", address, "brokers", err) : -1;
  }
  size_t room = 1;
  for (size_t i = 0; i < link->brokers.count; i++) room += strlen(link->brokers.item[i]) + 1;
  char *text = malloc(room);
  if (text == NULL) return spate_fail(err, "no memory");
  kafka_link_text(link, text, room);
  int result = conf_set(conf, "bootstrap.servers", text, "brokers", err);
  free(text);
  return result;
}

rd_kafka_conf_t *kafka_conf_new(const struct kafka_link *link, enum kafka_role role,
                                const struct kafka_setting *settings, struct kafka_watch *watch,
                                struct spate_error *err) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  if (conf_fill(conf, link, role, settings, err) != 0 || conf_brokers(conf, link, err) != 0) {
    rd_kafka_conf_destroy(conf);
    return NULL;
  }
  rd_kafka_conf_set_opaque(conf, watch);
  rd_kafka_conf_set_error_cb(conf, on_error);
  rd_kafka_conf_set_log_cb(conf, on_log);
  return conf;
}

void kafka_link_warn(const struct kafka_link *link, enum kafka_role role, struct spate_where where) {
  for (size_t i = 0; i < link->options.count; i++) {
    const struct kafka_pin *pin = pin_find(link->options.key[i], role);
    if (pin != NULL && pin->rule == PIN_WARNED && strcmp(link->options.value[i], pin->value) != 0)
      spate_log(&where, SPATE_LOG_WARN, "options: %s is %s in place of Spate's %s", pin->name, link->options.value[i],
                pin->value);
  }
  if (link->tls.insecure)
    spate_log(&where, SPATE_LOG_WARN, "tls: insecure_skip_verify is set: any certificate of a broker is accepted");
  if (link->sasl.mechanism != NULL && strcmp(link->sasl.mechanism, "PLAIN") == 0 && !tls_wanted(&link->tls))
    spate_log(&where, SPATE_LOG_WARN, "sasl: PLAIN without tls: the password crosses the network in clear");
}

/* ---- asking the cluster ---- */

static int metadata_fail(struct kafka_watch *watch, const struct kafka_link *link, rd_kafka_resp_err_t error,
                         struct spate_error *err) {
  char brokers[128], text[256];
  kafka_link_text(link, brokers, sizeof brokers);
  if (atomic_load(&watch->refused)) {
    kafka_watch_final(watch, text, sizeof text);
    spate_fail(err, "kafka at %s refuses us: %s", brokers, text);
    err->fatal = true;
    return -1;
  }
  kafka_watch_last(watch, text, sizeof text);
  return spate_fail_environment(err, "kafka at %s does not answer: %s", brokers,
                                text[0] != 0 ? text : rd_kafka_err2str(error));
}

int kafka_metadata(rd_kafka_t *rk, struct kafka_watch *watch, const struct kafka_link *link, bool all,
                   rd_kafka_topic_t *topic, int64_t deadline_ms, const struct rd_kafka_metadata **out,
                   struct spate_error *err) {
  rd_kafka_resp_err_t error;
  for (;;) {
    int64_t left = deadline_ms - kafka_clock_ms();
    int timeout = left > 500 ? 500 : left > 10 ? (int)left : 10;
    error = rd_kafka_metadata(rk, all, topic, out, timeout);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
    rd_kafka_poll(rk, 0); /* errors of connections arrive by callback */
    if (atomic_load(&watch->refused) || kafka_clock_ms() >= deadline_ms) return metadata_fail(watch, link, error, err);
  }
}
