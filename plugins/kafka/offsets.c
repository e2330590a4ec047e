/*
 * offsets: where partitions begin and end, where the group stood, where a start by time is, and the commit of an
 * epoch's offsets to the group. All of it asks the brokers and waits: scribe and keeper only.
 *
 * A position is the next offset as decimal text. The group's offsets are for lag tools, and for a start that has no
 * state of its own; the truth is the engine's epoch.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "source.h"

#define ASK_MS 10000
#define COMMIT_MS 5000

/* ---- start ---- */

static int digits(const char **at, int count, int *value) {
  *value = 0;
  for (int i = 0; i < count; i++, (*at)++) {
    if (!isdigit((unsigned char)**at)) return -1;
    *value = *value * 10 + (**at - '0');
  }
  return 0;
}

/* "2026-01-02", "2026-01-02T03:04", "… 03:04:05.678", then Z, +01:00 or nothing (UTC). */
static int iso_ms(const char *at, int64_t *ms) {
  struct tm t = {0};
  int fraction = 0, hours = 0, minutes = 0;
  if (digits(&at, 4, &t.tm_year) != 0 || *at++ != '-' || digits(&at, 2, &t.tm_mon) != 0 || *at++ != '-' ||
      digits(&at, 2, &t.tm_mday) != 0)
    return -1;
  if (*at == 'T' || *at == ' ') {
    at++;
    if (digits(&at, 2, &t.tm_hour) != 0 || *at++ != ':' || digits(&at, 2, &t.tm_min) != 0) return -1;
    if (*at == ':' && (at++, digits(&at, 2, &t.tm_sec) != 0)) return -1;
    if (*at == '.')
      for (int i = 0, scale = 100; isdigit((unsigned char)*++at); i++, scale /= 10) {
        if (i == 9) return -1;
        fraction += scale * (*at - '0');
      }
  }
  int sign = *at == '-' ? -1 : 1;
  if (*at == 'Z') {
    at++;
  } else if (*at == '+' || *at == '-') {
    at++;
    if (digits(&at, 2, &hours) != 0 || *at++ != ':' || digits(&at, 2, &minutes) != 0) return -1;
  }
  if (*at != 0 || t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 ||
      t.tm_sec > 59)
    return -1;
  t.tm_year -= 1900;
  t.tm_mon -= 1;
  *ms = ((int64_t)timegm(&t) - sign * (hours * 60 + minutes) * 60) * 1000 + fraction;
  return 0;
}

int kafka_start_parse(const char *text, enum kafka_start *start, int64_t *ms, struct spate_error *err) {
  char *end;
  *ms = 0;
  *start = KAFKA_START_TIME;
  if (strcmp(text, "earliest") == 0) {
    *start = KAFKA_START_EARLIEST;
    return 0;
  }
  if (strcmp(text, "latest") == 0) {
    *start = KAFKA_START_LATEST;
    return 0;
  }
  if (iso_ms(text, ms) == 0 && *ms >= 0) return 0;
  *ms = strtoll(text, &end, 10);
  if (isdigit((unsigned char)text[0]) && *end == 0 && strlen(text) < 16) return 0;
  return spate_fail_option(err, "start",
                           "'%s' is neither earliest, latest, a time (2026-01-02T03:04:05Z) nor "
                           "milliseconds since 1970",
                           text);
}

/* ---- asking ---- */

static rd_kafka_topic_partition_list_t *list_of(const struct kafka_source *s, uint32_t from, uint32_t to,
                                                int64_t offset) {
  struct kafka_part **part = atomic_load(&s->part);
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)(to - from));
  for (uint32_t i = from; i < to; i++)
    rd_kafka_topic_partition_list_add(list, part[i]->topic->name, part[i]->number)->offset = offset;
  return list;
}

static int64_t list_offset(rd_kafka_topic_partition_list_t *list, const struct kafka_part *p,
                           rd_kafka_resp_err_t *error) {
  const rd_kafka_topic_partition_t *e = rd_kafka_topic_partition_list_find(list, p->topic->name, p->number);
  *error = e != NULL ? e->err : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
  return e != NULL ? e->offset : KAFKA_UNKNOWN;
}

/* The offsets of a moment (or of BEGINNING, END) for partitions [from, to): one request to each leader, tried again
 * while leaders move. */
static rd_kafka_topic_partition_list_t *offsets_at(const struct kafka_source *s, uint32_t handle, uint32_t from,
                                                   uint32_t to, int64_t when, int timeout_ms, struct spate_error *err) {
  int64_t deadline = kafka_clock_ms() + timeout_ms;
  for (;;) {
    rd_kafka_topic_partition_list_t *list = list_of(s, from, to, when);
    int64_t left = deadline - kafka_clock_ms();
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(s->handle[handle], list, left > 50 ? (int)left : 50);
    for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) error = list->elems[i].err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return list;
    rd_kafka_topic_partition_list_destroy(list);
    if (kafka_clock_ms() >= deadline || atomic_load(&s->stop)) {
      spate_fail(err, "kafka does not say where partitions begin and end: %s", rd_kafka_err2str(error));
      return NULL;
    }
    usleep(50 * 1000);
  }
}

int kafka_offsets_range(struct kafka_source *s, uint32_t handle, uint32_t from, uint32_t to, int timeout_ms,
                        struct spate_error *err) {
  rd_kafka_resp_err_t error;
  rd_kafka_topic_partition_list_t *low = offsets_at(s, handle, from, to, RD_KAFKA_OFFSET_BEGINNING, timeout_ms, err);
  if (low == NULL) return -1;
  rd_kafka_topic_partition_list_t *high = offsets_at(s, handle, from, to, RD_KAFKA_OFFSET_END, timeout_ms, err);
  struct kafka_part **part = atomic_load(&s->part);
  for (uint32_t i = from; high != NULL && i < to; i++) {
    part[i]->low = list_offset(low, part[i], &error);
    part[i]->high = list_offset(high, part[i], &error);
  }
  rd_kafka_topic_partition_list_destroy(low);
  if (high == NULL) return -1;
  rd_kafka_topic_partition_list_destroy(high);
  return 0;
}

/* Errors that a group's coordinator gives while it moves or loads: ask again. */
static bool error_passes(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_NOT_COORDINATOR || error == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
         error == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE || error == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT ||
         error == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT || error == RD_KAFKA_RESP_ERR__WAIT_COORD ||
         error == RD_KAFKA_RESP_ERR__TRANSPORT;
}

static int start_by_group(struct kafka_source *s, uint32_t from, uint32_t to, struct spate_error *err) {
  int64_t deadline = kafka_clock_ms() + ASK_MS;
  struct kafka_part **part = atomic_load(&s->part);
  rd_kafka_resp_err_t error;
  for (;;) {
    rd_kafka_topic_partition_list_t *list = list_of(s, from, to, RD_KAFKA_OFFSET_INVALID);
    error = rd_kafka_committed(s->handle[0], list, ASK_MS);
    for (uint32_t i = from; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < to; i++) {
      int64_t offset = list_offset(list, part[i], &error);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR && offset >= 0) part[i]->start = part[i]->committed = offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
    if (!error_passes(error) || kafka_clock_ms() >= deadline) break;
    usleep(50 * 1000);
  }
  spate_fail(err, "group '%s': its offsets cannot be read: %s", s->config->group, rd_kafka_err2str(error));
  err->fatal = error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
  return -1;
}

int kafka_offsets_start(struct kafka_source *s, uint32_t from, uint32_t to, struct spate_error *err) {
  struct kafka_part **part = atomic_load(&s->part);
  enum kafka_start rule = s->start;
  if (s->config->group != NULL && start_by_group(s, from, to, err) != 0) return -1;
  /* What came while we ran is new as a whole: none of it may be skipped. */
  if (s->first_discovery_done) rule = KAFKA_START_EARLIEST;
  rd_kafka_topic_partition_list_t *list = NULL;
  if (rule == KAFKA_START_TIME) {
    list = offsets_at(s, 0, from, to, s->start_ms, ASK_MS, err);
    if (list == NULL) return -1;
  }
  for (uint32_t i = from; i < to; i++) {
    if (part[i]->start >= 0) continue;
    rd_kafka_resp_err_t error;
    int64_t at = list != NULL ? list_offset(list, part[i], &error) : KAFKA_UNKNOWN;
    if (rule == KAFKA_START_EARLIEST) at = part[i]->low;
    part[i]->start = at >= 0 ? at : part[i]->high; /* no record that late: what comes from now on */
  }
  if (list != NULL) rd_kafka_topic_partition_list_destroy(list);
  return 0;
}

/* ---- committing ---- */

int kafka_position_parse(struct spate_bytes position, int64_t *offset) {
  const char *text = position.data;
  if (position.size == 0 || position.size > 18) return -1;
  *offset = 0;
  for (size_t i = 0; i < position.size; i++) {
    if (text[i] < '0' || text[i] > '9') return -1;
    *offset = *offset * 10 + (text[i] - '0');
  }
  return 0;
}

int kafka_offsets_add(struct kafka_source *s, uint32_t partition, struct spate_bytes position,
                      struct spate_error *err) {
  int64_t offset;
  if (partition >= atomic_load(&s->parts)) return spate_fail(err, "no partition %u", partition);
  struct kafka_part *p = atomic_load(&s->part)[partition];
  if (kafka_position_parse(position, &offset) != 0)
    return spate_fail(err, "%s: not a position of kafka", s->list[partition].name);
  if (s->config->group == NULL || offset == p->committed) return 0;
  if (s->commit == NULL) s->commit = rd_kafka_topic_partition_list_new(8);
  rd_kafka_topic_partition_t *e = rd_kafka_topic_partition_list_find(s->commit, p->topic->name, p->number);
  if (e == NULL) e = rd_kafka_topic_partition_list_add(s->commit, p->topic->name, p->number);
  e->offset = offset;
  e->opaque = p;
  return 0;
}

static void commit_said(const struct kafka_source *s, rd_kafka_resp_err_t error) {
  const char *hint = "";
  if (error == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || error == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION)
    hint = ": other consumers are members of this group; give the pipeline a group of its own";
  spate_log(&s->where, SPATE_LOG_WARN, "group '%s': offsets could not be committed (%s)%s; the epoch stands",
            s->config->group, rd_kafka_err2str(error), hint);
}

static rd_kafka_resp_err_t commit_once(struct kafka_source *s) {
  if (s->commit_queue == NULL) s->commit_queue = rd_kafka_queue_new(s->handle[0]);
  rd_kafka_resp_err_t error = rd_kafka_commit_queue(s->handle[0], s->commit, s->commit_queue, NULL, NULL);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  rd_kafka_event_t *event = rd_kafka_queue_poll(s->commit_queue, COMMIT_MS);
  if (event == NULL) {
    rd_kafka_queue_destroy(s->commit_queue); /* a late answer is for nobody */
    s->commit_queue = NULL;
    return RD_KAFKA_RESP_ERR__TIMED_OUT;
  }
  error = rd_kafka_event_error(event);
  const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
  for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && list != NULL && i < list->cnt; i++) error = list->elems[i].err;
  rd_kafka_event_destroy(event);
  return error;
}

/* The epoch is safe without this, and the next one commits newer offsets: so it is a warning where it fails. */
int kafka_offsets_commit(struct kafka_source *s, struct spate_error *err) {
  (void)err;
  if (s->commit == NULL) return 0;
  int64_t deadline = kafka_clock_ms() + COMMIT_MS;
  rd_kafka_resp_err_t error = commit_once(s);
  while (error_passes(error) && kafka_clock_ms() < deadline) {
    usleep(50 * 1000);
    error = commit_once(s);
  }
  for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < s->commit->cnt; i++)
    ((struct kafka_part *)s->commit->elems[i].opaque)->committed = s->commit->elems[i].offset;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) commit_said(s, error);
  rd_kafka_topic_partition_list_destroy(s->commit);
  s->commit = NULL;
  return 0;
}

void kafka_offsets_free(struct kafka_source *s) {
  if (s->commit != NULL) rd_kafka_topic_partition_list_destroy(s->commit);
  if (s->commit_queue != NULL) rd_kafka_queue_destroy(s->commit_queue);
  s->commit = NULL;
  s->commit_queue = NULL;
}
