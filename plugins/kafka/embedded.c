/*
 * embedded: librdkafka's mock cluster as `brokers: embedded`, so that a demo and the tests need no broker. It lives in
 * this process, listens on loopback (other processes can talk to it too), has 4 partitions a topic, and forgets what a
 * partition holds beyond 5 MB.
 *
 * One cluster a name and process, made at first use by whichever source or sink comes first, and there until the
 * process ends: a pipeline that writes may end before the one that reads begins. That is why this is the one place of
 * the plugin with changeable data at file scope.
 */
#include <stdlib.h>
#include "client.h"
#include <librdkafka/rdkafka_mock.h> /* wants rdkafka.h before it */

#define EMBEDDED_MOST 16
#define EMBEDDED_PARTITIONS 4

static struct embedded_cluster {
  char *name;
  rd_kafka_t *rk; /* librdkafka wants a handle to keep the books of the cluster */
  rd_kafka_mock_cluster_t *cluster;
} clusters[EMBEDDED_MOST];
static uint32_t cluster_count;
static pthread_mutex_t clusters_lock = PTHREAD_MUTEX_INITIALIZER;

static struct embedded_cluster *cluster_find(const char *name) {
  for (uint32_t i = 0; i < cluster_count; i++)
    if (strcmp(clusters[i].name, name) == 0) return &clusters[i];
  return NULL;
}

static struct embedded_cluster *cluster_new(const char *name, struct spate_error *err) {
  char why[256];
  if (cluster_count == EMBEDDED_MOST) {
    spate_fail_option(err, "brokers", "more than %d embedded clusters in one process", EMBEDDED_MOST);
    return NULL;
  }
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  (void)rd_kafka_conf_set(conf, "log_level", "2", why, sizeof why);
  rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (rk == NULL) {
    rd_kafka_conf_destroy(conf);
    spate_fail_environment(err, "cannot start an embedded cluster: %s", why);
    return NULL;
  }
  rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(rk, 1);
  char *copy = strdup(name);
  if (cluster == NULL || copy == NULL) {
    if (cluster != NULL) rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(rk);
    free(copy);
    spate_fail_environment(err, "cannot start an embedded cluster: no port or no memory");
    return NULL;
  }
  clusters[cluster_count] = (struct embedded_cluster){copy, rk, cluster};
  return &clusters[cluster_count++];
}

const char *kafka_embedded_brokers(const char *name, struct spate_error *err) {
  pthread_mutex_lock(&clusters_lock);
  struct embedded_cluster *c = cluster_find(name);
  if (c == NULL) c = cluster_new(name, err);
  const char *address = c != NULL ? rd_kafka_mock_cluster_bootstraps(c->cluster) : NULL;
  pthread_mutex_unlock(&clusters_lock);
  return address;
}

void kafka_embedded_topic(const char *name, const char *topic) {
  pthread_mutex_lock(&clusters_lock);
  struct embedded_cluster *c = cluster_find(name);
  /* It answers with an error where the topic exists: just what is wanted. */
  if (c != NULL) (void)rd_kafka_mock_topic_create(c->cluster, topic, EMBEDDED_PARTITIONS, 1);
  pthread_mutex_unlock(&clusters_lock);
}
