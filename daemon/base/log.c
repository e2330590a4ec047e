/*
 * log: one line an event. A line that is the same as the one before it (same place, same text) within a minute is
 * counted instead of written; the count is written with the next different line.
 */
#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"

static struct { /* guarded by lock, but for format and level, which are set before any thread starts */
  pthread_mutex_t lock;
  enum log_format format;
  enum spate_level level;
  char last[1024];
  uint64_t repeated;
  int64_t last_at;
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = SPATE_LOG_INFO};

void log_setup(enum log_format format, enum spate_level level) {
  log_state.format = format;
  log_state.level = level;
}

const char *log_clean(const char *text, size_t size, size_t most, char *out, size_t room) {
  size_t n = 0, i = 0;
  if (most > room - 4) most = room - 4;
  for (; i < size && n < most; i++) {
    unsigned char c = (unsigned char)text[i];
    out[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
  }
  if (i < size) {
    memcpy(out + n, "...", 3);
    n += 3;
  }
  out[n] = 0;
  return out;
}

static const char *const LEVEL_NAME[] = {"error", "warn", "info", "debug"};
static const int LEVEL_PRIORITY[] = {3, 4, 6, 7};

static void log_json_text(struct buf *out, const char *text) {
  buf_u8(out, '"');
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    if (*p == '"' || *p == '\\') buf_u8(out, '\\');
    if (*p < 0x20)
      buf_format(out, "\\u%04x", *p);
    else
      buf_u8(out, *p);
  }
  buf_u8(out, '"');
}

static void log_line(struct buf *out, enum spate_level level, const struct spate_where *where, const char *text) {
  char stamp[40];
  struct timespec now;
  struct tm tm;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &tm);
  strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
  const char *pipeline = where != NULL ? where->pipeline : NULL, *component = where != NULL ? where->component : NULL;
  if (log_state.format == LOG_JSON) {
    buf_format(out, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\"", stamp, (int)(now.tv_nsec / 1000000), LEVEL_NAME[level]);
    if (pipeline != NULL) buf_text(out, ",\"pipeline\":"), log_json_text(out, pipeline);
    if (component != NULL) buf_text(out, ",\"component\":"), log_json_text(out, component);
    buf_text(out, ",\"message\":");
    log_json_text(out, text);
    buf_text(out, "}\n");
    return;
  }
  if (log_state.format == LOG_JOURNAL)
    buf_format(out, "<%d>", LEVEL_PRIORITY[level]);
  else
    buf_format(out, "%s.%03dZ ", stamp, (int)(now.tv_nsec / 1000000));
  buf_format(out, "%s: ", LEVEL_NAME[level]);
  if (pipeline != NULL) buf_format(out, "pipeline=%s ", pipeline);
  if (component != NULL) buf_format(out, "at=%s ", component);
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) buf_u8(out, *p < 0x20 || *p == 0x7f ? ' ' : *p);
  buf_u8(out, '\n');
}

static void log_write(struct buf *out) {
  ssize_t ignored = write(STDERR_FILENO, out->data, out->size);
  (void)ignored;
}

void spate_log(const struct spate_where *where, enum spate_level level, const char *format, ...) {
  if (level > log_state.level || log_state.format == LOG_SILENT) return;
  char text[900], key[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(key, sizeof key, "%s/%s/%s", where != NULL && where->pipeline != NULL ? where->pipeline : "",
           where != NULL && where->component != NULL ? where->component : "", text);
  struct buf out = {0};
  pthread_mutex_lock(&log_state.lock);
  int64_t now = clock_monotonic();
  if (strcmp(key, log_state.last) == 0 && now - log_state.last_at < 60 * US_S) {
    log_state.repeated++;
    pthread_mutex_unlock(&log_state.lock);
    return;
  }
  if (log_state.repeated > 0) {
    char more[80];
    snprintf(more, sizeof more, "the line before was repeated %llu more times", (unsigned long long)log_state.repeated);
    log_line(&out, SPATE_LOG_INFO, NULL, more);
  }
  log_state.repeated = 0;
  log_state.last_at = now;
  snprintf(log_state.last, sizeof log_state.last, "%s", key);
  log_line(&out, level, where, text);
  log_write(&out);
  pthread_mutex_unlock(&log_state.lock);
  buf_free(&out);
}
