/* aggregate_window: reads `window:`. What is not built yet is named as such; what is no window at all gets the list. */
#include "aggregate.h"
#include "aggregate_check.h"

static const char *const KINDS[] = {"tumbling", "hopping",    "every", "offset",  "time",
                                    "session",  "cumulative", "count", "timezone"};
static const char *const KINDS_LATER[] = {"session", "cumulative", "count", "timezone"};
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define MOST_SLICES 1000000

static bool window_key_known(struct op_check *check, const struct conf_node *key) {
  for (size_t i = 0; i < COUNT(KINDS_LATER); i++) {
    if (strcmp(key->text, KINDS_LATER[i]) != 0) continue;
    conf_error(check->errors, key, "a window with '%s' is not built yet (tumbling, hopping and global are)", key->text);
    return false;
  }
  for (size_t i = 0; i < COUNT(KINDS); i++)
    if (strcmp(key->text, KINDS[i]) == 0) return true;
  conf_error(check->errors, key, "a window has no '%s'", key->text);
  const char *near = conf_nearest(key->text, KINDS, COUNT(KINDS));
  if (near != NULL) conf_hint(check->errors, "did you mean '%s'?", near);
  return false;
}

static int window_duration(struct op_check *check, const struct conf_node *node, int64_t *us) {
  if (conf_duration(node, us, check->errors) != 0) return -1;
  if (*us > 0) return 0;
  conf_error(check->errors, node, "a window's length must be more than 0");
  return -1;
}

static int window_time(struct op_check *check, const struct conf_node *node, struct aggregate_def *def) {
  if (node->kind == CONF_SCALAR && strcmp(node->text, "processing") == 0) {
    def->processing = true;
    return 0;
  }
  if (node->kind == CONF_SCALAR && strcmp(node->text, "event") == 0) return 0;
  conf_error(check->errors, node, "a window's time is 'event' (as it is without this key) or 'processing'");
  return -1;
}

static int window_map(struct op_check *check, const struct conf_node *node, struct aggregate_def *def) {
  const struct conf_node *tumbling = conf_get(node, "tumbling"), *hopping = conf_get(node, "hopping"),
                         *every = conf_get(node, "every"), *offset = conf_get(node, "offset"),
                         *time = conf_get(node, "time");
  int r = 0;
  for (uint32_t i = 0; i < node->count; i++)
    if (!window_key_known(check, &node->key[i])) r = -1;
  if (r != 0) return -1;
  if ((tumbling == NULL) == (hopping == NULL)) {
    conf_error(check->errors, node, "a window is {tumbling: 10s}, {hopping: 60s, every: 1s} or global");
    return -1;
  }
  r |= window_duration(check, tumbling != NULL ? tumbling : hopping, &def->window.size);
  if (time != NULL) r |= window_time(check, time, def);
  if (offset != NULL) r |= conf_duration(offset, &def->window.offset, check->errors);
  def->window.every = def->window.size;
  if (tumbling != NULL && every != NULL) {
    conf_error(check->errors, every,
               "a tumbling window has no 'every': write hopping for one that moves in smaller steps");
    return -1;
  }
  if (hopping == NULL) return r;
  if (every == NULL) {
    conf_error(check->errors, hopping,
               "a hopping window needs 'every', the step by which it moves: {hopping: 60s, every: 1s}");
    return -1;
  }
  r |= window_duration(check, every, &def->window.every);
  if (r != 0) return -1;
  if (def->window.every > def->window.size) {
    conf_error(check->errors, every,
               "'every' must be at most the window's size: records in between would fall into no window");
    return -1;
  }
  if (def->window.size / def->window.every <= MOST_SLICES) return 0;
  conf_error(check->errors, every, "a record would be in %lld windows at once; at most %d",
             (long long)(def->window.size / def->window.every), MOST_SLICES);
  return -1;
}

int aggregate_check_window(struct op_check *check, const struct conf_node *node, struct aggregate_def *def,
                           bool *global) {
  *global = false;
  def->windowed = false;
  def->window = (struct window){1, 1, 0};
  if (node == NULL) return 0;
  if (node->kind == CONF_SCALAR && strcmp(node->text, "global") == 0) {
    *global = true;
    return 0;
  }
  if (node->kind != CONF_MAP) {
    conf_error(check->errors, node, "a window is {tumbling: 10s}, {hopping: 60s, every: 1s} or global");
    return -1;
  }
  def->windowed = true;
  if (window_map(check, node, def) != 0) return -1;
  if (def->processing || check->input.has_time) return 0;
  conf_error(check->errors, node,
             "a window by event time needs event times, and '%s' has none: give its source a `time:`, "
             "or write `time: processing` in the window",
             check->input.name);
  return -1;
}
