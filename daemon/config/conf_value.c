/*
 * conf_value: texts of a configuration as values: durations, sizes, numbers, addresses.
 *
 * What is written is strict and has a unit; what is refused comes with the form to write instead. The readers know
 * nothing of nodes; the functions at the end put their verdicts at the node's place (and never show a secret).
 */
#include <errno.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "conf_parts.h"

static bool refuse(struct conf_verdict *verdict, const char *hint, const char *format, ...) SPATE_PRINTF(3, 4);
static bool refuse(struct conf_verdict *verdict, const char *hint, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(verdict->message, sizeof verdict->message, format, args);
  va_end(args);
  snprintf(verdict->hint, sizeof verdict->hint, "%s", hint);
  return false;
}

/* ---- numbers with units ---- */
struct unit {
  const char *name;
  int64_t factor; /* 0: a unit that is not known here, with the one to write */
  const char *instead;
};
/* -?digits, then a unit. Returns 0 fine, 1 no number, 2 too large; *rest is the unit. */
static int number_read(const char *text, int64_t *value, const char **rest) {
  bool negative = text[0] == '-';
  const char *at = text + (negative || text[0] == '+');
  int64_t v = 0;
  if (*at < '0' || *at > '9') return 1;
  for (; *at >= '0' && *at <= '9'; at++)
    if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, *at - '0', &v)) return 2;
  *rest = at;
  if (negative) {
    *value = v;
    return 0;
  }
  return __builtin_sub_overflow((int64_t)0, v, value) ? 2 : 0;
}

static const struct unit *unit_find(const struct unit *units, const char *name) {
  for (; units->name != NULL; units++)
    if (strcmp(units->name, name) == 0) return units;
  return NULL;
}

bool conf_read_duration(const char *text, int64_t *us, struct conf_verdict *verdict) {
  static const struct unit units[] = {{"us", 1, NULL},
                                      {"ms", 1000, NULL},
                                      {"s", 1000000, NULL},
                                      {"m", 60000000, NULL},
                                      {"h", 3600000000, NULL},
                                      {"d", 86400000000, NULL},
                                      {"w", 0, "7d for a week"},
                                      {"sec", 0, "10s"},
                                      {"min", 0, "5m"},
                                      {"S", 0, "10s"},
                                      {"M", 0, "5m for minutes"},
                                      {"H", 0, "1h"},
                                      {"D", 0, "1d"},
                                      {"MS", 0, "250ms"},
                                      {NULL, 0, NULL}};
  static const char form[] = "times are written 250ms, 10s, 5m, 1h, 1d";
  int64_t value;
  const char *rest;
  switch (number_read(text, &value, &rest)) {
    case 1: return refuse(verdict, form, "a time is needed here");
    case 2: return refuse(verdict, "", "this time is too large");
    default: break;
  }
  if (rest[0] == 0 && value == 0) return *us = 0, true;
  if (rest[0] == 0) return refuse(verdict, form, "a time needs a unit");
  if (rest[0] == '.')
    return refuse(verdict, "write a smaller unit: 1500ms for 1.5s", "a time is a whole number and a unit");
  if (rest[0] == ' ') return refuse(verdict, form, "between a number and its unit stands no blank");
  const struct unit *unit = unit_find(units, rest);
  if (unit != NULL && unit->factor == 0) {
    refuse(verdict, "", "there is no such unit of time");
    snprintf(verdict->hint, sizeof verdict->hint, "write %s", unit->instead);
    return false;
  }
  if (unit == NULL) return refuse(verdict, form, "there is no such unit of time");
  if (__builtin_mul_overflow(value, unit->factor, us)) return refuse(verdict, "", "this time is too large");
  return true;
}

bool conf_read_size(const char *text, int64_t *bytes, struct conf_verdict *verdict) {
  static const struct unit units[] = {
      {"", 1, NULL},          {"B", 1, NULL},           {"KiB", 1 << 10, NULL},      {"MiB", 1 << 20, NULL},
      {"GiB", 1 << 30, NULL}, {"TiB", 1LL << 40, NULL}, {"kB", 1000, NULL},          {"KB", 1000, NULL},
      {"MB", 1000000, NULL},  {"GB", 1000000000, NULL}, {"TB", 1000000000000, NULL}, {NULL, 0, NULL}};
  static const char form[] = "sizes are written 4096, 64KiB, 16MiB, 1GiB";
  int64_t value;
  const char *rest;
  switch (number_read(text, &value, &rest)) {
    case 1: return refuse(verdict, form, "a size is needed here");
    case 2: return refuse(verdict, "", "this size is too large");
    default: break;
  }
  if (value < 0) return refuse(verdict, form, "a size is not negative");
  if (rest[0] == ' ') return refuse(verdict, form, "between a number and its unit stands no blank");
  const struct unit *unit = unit_find(units, rest);
  if (unit == NULL) return refuse(verdict, form, "there is no such unit of size");
  if (__builtin_mul_overflow(value, unit->factor, bytes)) return refuse(verdict, "", "this size is too large");
  return true;
}

bool conf_read_int(const char *text, int64_t *value, struct conf_verdict *verdict) {
  const char *rest;
  int state = number_read(text, value, &rest);
  if (state == 2) return refuse(verdict, "", "this number is too large");
  if (state == 1 || rest[0] != 0) return refuse(verdict, "", "a whole number is needed here");
  return true;
}

bool conf_read_double(const char *text, double *value, struct conf_verdict *verdict) {
  if (text[0] != 0 && strspn(text, "0123456789+-.eE") == strlen(text)) {
    char *rest;
    errno = 0;
    *value = strtod(text, &rest);
    if (*rest == 0 && (errno == 0 || *value == 0)) return true;
  }
  return refuse(verdict, "", "a number is needed here");
}

bool conf_read_bool(const char *text, bool *value, struct conf_verdict *verdict) {
  *value = strcmp(text, "true") == 0;
  if (*value || strcmp(text, "false") == 0) return true;
  static const char *const yes[] = {"yes", "on", "y", "t", "1", "true"}, *const no[] = {"no", "off", "n",
                                                                                        "f",  "0",   "false"};
  const char *hint = "";
  for (size_t i = 0; i < 6; i++) {
    if (strcasecmp(text, yes[i]) == 0) hint = "did you mean 'true'?";
    if (strcasecmp(text, no[i]) == 0) hint = "did you mean 'false'?";
  }
  return refuse(verdict, hint, "true or false is needed here");
}

/* ---- addresses ---- */
static bool host_good(const char *host, size_t size, bool brackets) {
  if (size == 0 || size > 255) return false;
  for (size_t i = 0; i < size; i++) {
    char c = host[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && (brackets ? strchr(":.%", c) : strchr("-._", c)) == NULL) return false;
  }
  return true;
}

bool conf_read_address(const char *text, struct conf_verdict *verdict) {
  static const char form[] = "addresses are written host:port or [::1]:port";
  bool brackets = text[0] == '[';
  const char *close = brackets ? strchr(text, ']') : NULL;
  const char *colon = brackets ? (close == NULL ? NULL : close + 1) : strrchr(text, ':');
  if (colon == NULL || *colon != ':') return refuse(verdict, form, "an address needs a port");
  if (colon == text)
    return refuse(verdict, "0.0.0.0:port is every interface of this machine", "an address needs a host");
  const char *host = text + brackets;
  size_t size = (size_t)((brackets ? close : colon) - host);
  if (!brackets && memchr(host, ':', size) != NULL)
    return refuse(verdict, "an IPv6 address stands in brackets: [::1]:port", "this is no host:port");
  if (!host_good(host, size, brackets)) return refuse(verdict, form, "this is no host name");
  int64_t port = 0;
  if (colon[1] == 0 || strspn(colon + 1, "0123456789") != strlen(colon + 1))
    return refuse(verdict, form, "the port is no number");
  for (const char *digit = colon + 1; *digit != 0 && port <= 65535; digit++) port = port * 10 + (*digit - '0');
  if (port < 1 || port > 65535) return refuse(verdict, "", "a port is a number from 1 to 65535");
  return true;
}

/* ---- at nodes ---- */
const char *conf_shown(const struct conf_node *node, char *room, size_t size) {
  if (node == NULL) return "nothing";
  if (node->kind != CONF_SCALAR) return node->kind == CONF_MAP ? "a map" : "a list";
  if (node->secret) return "***";
  size_t length = strlen(node->text);
  if (length + 1 <= size) return memcpy(room, node->text, length + 1);
  size_t keep = size > 4 ? size - 4 : 0;
  while (keep > 0 && ((unsigned char)node->text[keep] & 0xc0) == 0x80) keep--;
  memcpy(room, node->text, keep);
  memcpy(room + keep, "…", 4);
  return room;
}

static int node_scalar(const struct conf_node *node, const char *needed, struct conf_errors *errors) {
  if (node != NULL && node->kind == CONF_SCALAR && !node->null) return 0;
  if (node == NULL || node->kind == CONF_SCALAR) {
    conf_error(errors, node, "%s is needed here, and there is nothing", needed);
  } else {
    conf_error(errors, node, "%s is needed here, not a %s", needed, node->kind == CONF_MAP ? "map" : "list");
  }
  return -1;
}

static int node_refuse(const struct conf_node *node, const struct conf_verdict *verdict, struct conf_errors *errors) {
  char room[CONF_SHOWN];
  conf_error(errors, node, "%s: '%s'", verdict->message, conf_shown(node, room, sizeof room));
  if (verdict->hint[0] != 0) conf_hint(errors, "%s", verdict->hint);
  return -1;
}

int conf_duration(const struct conf_node *node, int64_t *us, struct conf_errors *errors) {
  struct conf_verdict verdict;
  if (node_scalar(node, "a time", errors) != 0) return -1;
  return conf_read_duration(node->text, us, &verdict) ? 0 : node_refuse(node, &verdict, errors);
}

const char *conf_duration_text(int64_t us, char *out, size_t room) {
  static const struct {
    int64_t us;
    const char *unit;
  } units[] = {{86400000000, "d"}, {3600000000, "h"}, {60000000, "m"}, {1000000, "s"}, {1000, "ms"}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (us == 0 || us % units[i].us != 0) continue;
    snprintf(out, room, "%" PRId64 "%s", us / units[i].us, units[i].unit);
    return out;
  }
  snprintf(out, room, us == 0 ? "0s" : "%" PRId64 "us", us);
  return out;
}

int conf_size(const struct conf_node *node, int64_t *bytes, struct conf_errors *errors) {
  struct conf_verdict verdict;
  if (node_scalar(node, "a size", errors) != 0) return -1;
  return conf_read_size(node->text, bytes, &verdict) ? 0 : node_refuse(node, &verdict, errors);
}

int conf_int(const struct conf_node *node, int64_t *value, struct conf_errors *errors) {
  struct conf_verdict verdict;
  if (node_scalar(node, "a whole number", errors) != 0) return -1;
  return conf_read_int(node->text, value, &verdict) ? 0 : node_refuse(node, &verdict, errors);
}

int conf_bool(const struct conf_node *node, bool *value, struct conf_errors *errors) {
  struct conf_verdict verdict;
  if (node_scalar(node, "true or false", errors) != 0) return -1;
  return conf_read_bool(node->text, value, &verdict) ? 0 : node_refuse(node, &verdict, errors);
}

int conf_address(const struct conf_node *node, const char **address, struct conf_errors *errors) {
  struct conf_verdict verdict;
  if (node_scalar(node, "an address (host:port)", errors) != 0) return -1;
  *address = node->text;
  return conf_read_address(node->text, &verdict) ? 0 : node_refuse(node, &verdict, errors);
}

int conf_word(const struct conf_node *node, const char *const *words, int *index, struct conf_errors *errors) {
  size_t count = 0;
  if (node_scalar(node, "a word", errors) != 0) return -1;
  for (; words[count] != NULL; count++) {
    if (strcmp(words[count], node->text) != 0) continue;
    *index = (int)count;
    return 0;
  }
  char room[CONF_SHOWN];
  conf_error(errors, node, "'%s' is not known here", conf_shown(node, room, sizeof room));
  conf_hint_nearest(errors, node->secret ? "" : node->text, words, count);
  return -1;
}
