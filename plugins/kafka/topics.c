/*
 * topics: which topics and partitions the source reads. Names are looked up, a ^pattern is matched against all topics
 * of the cluster (but internal ones, which begin with "__"). Found again every few seconds: what is new is appended, so
 * an index once given stays. A bounded run looks once.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "source.h"

#define FIND_FIRST_MS 5000 /* at open: time for a broker that is starting, or a topic that was just made */
#define FIND_AGAIN_MS 1000

static bool topics_pattern(const struct kafka_source_config *c) { return c->topics.item[0][0] == '^'; }

int kafka_topics_check(const struct kafka_source_config *config, struct spate_error *err) {
  for (size_t i = 0; i < config->topics.count; i++) {
    const char *name = config->topics.item[i];
    if (name[0] == 0) return spate_fail_option(err, "topics", "a topic's name is empty");
    if (name[0] != '^') continue;
    if (config->topics.count > 1) return spate_fail_option(err, "topics", "a ^pattern stands alone, not in a list");
    regex_t regex;
    int code = regcomp(&regex, name, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
      char why[128];
      regerror(code, &regex, why, sizeof why);
      return spate_fail_option(err, "topics", "the pattern cannot be read: %s", why);
    }
    regfree(&regex);
  }
  return config->topics.count > 0 ? 0 : spate_fail_option(err, "topics", "no topic is named");
}

/* Arrays that other threads may be reading are never freed before close. */
static void *array_grow(struct kafka_source *s, void *old, size_t used, size_t room, size_t size) {
  void *new = calloc(room, size);
  if (new == NULL) return NULL;
  if (old != NULL) {
    memcpy(new, old, used * size);
    s->retired[s->retired_count++] = old; /* doubling: 64 are never reached */
  }
  return new;
}

static struct kafka_topic *topic_find(const struct kafka_source *s, const char *name) {
  for (uint32_t i = 0; i < s->topics; i++)
    if (strcmp(s->topic[i]->name, name) == 0) return s->topic[i];
  return NULL;
}

static struct kafka_topic *topic_add(struct kafka_source *s, const char *name, struct spate_error *err) {
  struct kafka_topic *t = topic_find(s, name);
  if (t != NULL) return t;
  if (s->topics == s->topics_room) {
    uint32_t room = s->topics_room > 0 ? s->topics_room * 2 : 16;
    struct kafka_topic **new = array_grow(s, s->topic, s->topics, room, sizeof *new);
    if (new == NULL) goto no_memory;
    s->topic = new;
    s->topics_room = room;
  }
  t = calloc(1, sizeof *t);
  if (t == NULL || (t->name = strdup(name)) == NULL || (t->rkt = calloc(s->handles, sizeof *t->rkt)) == NULL)
    goto no_memory;
  t->index = s->topics;
  if (s->embedded) kafka_embedded_topic(kafka_embedded_name(&s->config->link), name);
  for (uint32_t h = 0; h < s->handles; h++) {
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(s->handle[h]);
    rd_kafka_topic_conf_set_opaque(conf, t); /* so that a message names its topic without a search */
    t->rkt[h] = rd_kafka_topic_new(s->handle[h], name, conf);
    if (t->rkt[h] == NULL) {
      spate_fail(err, "topic '%s': %s", name, rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_topic_conf_destroy(conf);
      goto fail;
    }
  }
  s->topic[s->topics++] = t;
  return t;
no_memory:
  spate_fail(err, "no memory for topic '%s'", name);
fail:
  for (uint32_t h = 0; t != NULL && t->rkt != NULL && h < s->handles; h++)
    if (t->rkt[h] != NULL) rd_kafka_topic_destroy(t->rkt[h]);
  if (t != NULL) {
    free(t->rkt);
    free(t->name);
  }
  free(t);
  return NULL;
}

static int part_add(struct kafka_source *s, struct kafka_topic *t, int32_t number, int32_t leader,
                    struct spate_error *err) {
  uint32_t n = atomic_load(&s->parts);
  if (n == s->parts_room) {
    uint32_t room = n > 0 ? n * 2 : 16;
    struct kafka_part **part = array_grow(s, atomic_load(&s->part), n, room, sizeof *part);
    struct spate_partition *list = array_grow(s, s->list, n, room, sizeof *list);
    if (part == NULL || list == NULL) return spate_fail(err, "no memory for %u partitions", room);
    atomic_store(&s->part, part);
    s->list = list;
    s->parts_room = room;
  }
  struct kafka_part *p = calloc(1, sizeof *p);
  if (p == NULL) return spate_fail(err, "no memory for a partition");
  p->index = n;
  p->topic = t;
  p->number = number;
  p->low = p->high = p->start = p->committed = KAFKA_UNKNOWN;
  p->bound = KAFKA_NO_BOUND;
  atomic_init(&p->leader, leader);
  atomic_init(&p->next, KAFKA_UNKNOWN);
  p->state = SPATE_PART_READING;
  snprintf(s->list[n].name, sizeof s->list[n].name, "%s/%d", t->name, number);
  s->list[n].own = p;
  atomic_load(&s->part)[n] = p;
  atomic_store(&s->parts, n + 1); /* after the slot is filled */
  return 0;
}

/* Takes in what metadata says of a topic. 1: it is not there (yet), or not with a leader. */
static int topic_take(struct kafka_source *s, const struct rd_kafka_metadata_topic *m, struct spate_error *err) {
  if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || m->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
      spate_fail(err, "topic '%s': %s", m->topic, rd_kafka_err2str(m->err));
      err->fatal = true;
      return -1;
    }
    return 1;
  }
  if (m->partition_cnt == 0) return 1;
  struct kafka_topic *t = topic_add(s, m->topic, err);
  if (t == NULL) return -1;
  for (int i = 0; i < m->partition_cnt; i++) { /* in no promised order */
    const struct rd_kafka_metadata_partition *mp = &m->partitions[i];
    if (mp->leader < 0 && mp->id >= t->partitions && !s->first_discovery_done) return 1;
  }
  int32_t most = t->partitions;
  for (int32_t number = 0; number < m->partition_cnt; number++) {
    int32_t leader = -1;
    for (int i = 0; i < m->partition_cnt; i++)
      if (m->partitions[i].id == number) leader = m->partitions[i].leader;
    if (number >= most) {
      if (leader < 0) break; /* taken in when it has one */
      if (part_add(s, t, number, leader, err) != 0) return -1;
      t->partitions = number + 1;
    }
  }
  struct kafka_part **part = atomic_load(&s->part);
  for (uint32_t k = 0; k < atomic_load(&s->parts); k++) {
    if (part[k]->topic != t) continue;
    for (int i = 0; i < m->partition_cnt; i++)
      if (m->partitions[i].id == part[k]->number) atomic_store(&part[k]->leader, m->partitions[i].leader);
  }
  return 0;
}

static int topics_match(struct kafka_source *s, const struct rd_kafka_metadata *md, struct spate_error *err) {
  regex_t regex;
  if (regcomp(&regex, s->config->topics.item[0], REG_EXTENDED | REG_NOSUB) != 0)
    return spate_fail_option(err, "topics", "the pattern cannot be read");
  int result = 0;
  for (int i = 0; i < md->topic_cnt && result == 0; i++) {
    const struct rd_kafka_metadata_topic *m = &md->topics[i];
    if (strncmp(m->topic, "__", 2) == 0 || regexec(&regex, m->topic, 0, NULL, 0) != 0) continue;
    result = topic_take(s, m, err) < 0 ? -1 : 0;
  }
  regfree(&regex);
  return result;
}

/* One look at the topics by name. 1: *missing is not there yet. */
static int topics_take_named(struct kafka_source *s, const struct rd_kafka_metadata *md, const char **missing,
                             struct spate_error *err) {
  for (size_t k = 0; k < s->config->topics.count; k++) {
    int result = 1;
    for (int i = 0; i < md->topic_cnt; i++)
      if (strcmp(md->topics[i].topic, s->config->topics.item[k]) == 0) result = topic_take(s, &md->topics[i], err);
    if (result < 0) return -1;
    if (result > 0) {
      *missing = s->config->topics.item[k];
      return 1;
    }
  }
  return 0;
}

static int topics_missing(const struct kafka_source *s, const char *name, struct spate_error *err) {
  char brokers[128];
  return spate_fail(err, "topic '%s' does not exist at %s, or has no leader: create it, or correct topics:", name,
                    kafka_link_text(&s->config->link, brokers, sizeof brokers));
}

int kafka_topics_find(struct kafka_source *s, struct spate_error *err) {
  bool pattern = topics_pattern(s->config);
  if (s->first_discovery_done && s->bounded) return 0;
  /* Topics that handle 0 knows are those that its metadata request asks for. */
  for (size_t k = 0; !pattern && k < s->config->topics.count; k++)
    if (topic_add(s, s->config->topics.item[k], err) == NULL) return -1;
  int64_t deadline = kafka_clock_ms() + (s->first_discovery_done ? FIND_AGAIN_MS : FIND_FIRST_MS);
  for (;;) {
    const struct rd_kafka_metadata *md;
    if (kafka_metadata(s->handle[0], &s->watch, &s->config->link, pattern, NULL, deadline, &md, err) != 0) return -1;
    const char *missing = NULL;
    int result = pattern ? topics_match(s, md, err) : topics_take_named(s, md, &missing, err);
    rd_kafka_metadata_destroy(md);
    if (result <= 0) return result;
    if (kafka_clock_ms() >= deadline) return topics_missing(s, missing, err);
    usleep(50 * 1000); /* the scribe may wait: a topic that was just created is known a moment later */
  }
}

void kafka_topics_free(struct kafka_source *s) {
  struct kafka_part **part = atomic_load(&s->part);
  for (uint32_t i = 0; i < atomic_load(&s->parts); i++) free(part[i]);
  for (uint32_t i = 0; i < s->topics; i++) {
    struct kafka_topic *t = s->topic[i];
    for (uint32_t h = 0; h < s->handles; h++) rd_kafka_topic_destroy(t->rkt[h]);
    free(t->rkt);
    free(t->name);
    free(t);
  }
  for (uint32_t i = 0; i < s->retired_count; i++) free(s->retired[i]);
  free(part);
  free(s->topic);
  free(s->list);
}
