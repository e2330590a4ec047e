/*
 * json_plan: which values of a JSON record go into which column. The wanted fields' paths ("a.b[0]") become a tree of
 * keys and elements; both ways of reading a record walk it, so that they agree on what a path means. A key that is
 * wanted counts when it comes first; a path that leads nowhere (no such key, an element beyond the end, a scalar where
 * an object should be) is absent. The tree is built once, then read only; columns keep guesses from one value to the
 * next.
 */
#ifndef CODEC_JSON_PLAN_H
#define CODEC_JSON_PLAN_H
#include "spate.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JSON_NO UINT32_MAX
#define JSON_DEPTH 64 /* deepest nesting of a record, itself included */

struct json_node {
  const char *key; /* as it is after unescaping; NULL: an element */
  uint32_t key_size, index;
  uint32_t next;                     /* sibling, JSON_NO at the end */
  uint32_t first_key, first_element; /* children; elements ascend */
  uint32_t last_key, last_element;
  uint32_t keys;   /* how many keys are wanted in an object here */
  uint32_t column; /* the first column filled from here, JSON_NO: none */
  uint64_t filter; /* a bit for each child's key: see json_key_bit */
};
struct json_column {
  const struct spate_field *field; /* a copy of the decoder's own */
  uint32_t node;
  uint32_t same;                 /* the next column of the same place, JSON_NO at the end */
  struct spate_column *fallback; /* one row: the default's value; NULL: none */
  uint32_t row_bytes;            /* strings: what a row took lately, for the first guess */
  char day_text[16];             /* times: the date read last, and its midnight */
  int64_t day_us;
};
struct json_plan {
  struct json_node *node; /* [0] is the record */
  uint32_t nodes;
  struct json_column *column;
  uint32_t columns;
  struct spate_field *fields;
};

int json_plan_new(const struct spate_schema *wanted, struct json_plan **out, struct spate_error *err);
void json_plan_free(struct json_plan *plan);

static inline uint64_t json_key_bit(const char *key, uint32_t size) {
  uint32_t h = size * 7 + (size > 0 ? (uint32_t)(unsigned char)key[0] * 5 + (uint32_t)(unsigned char)key[size - 1] : 0);
  return (uint64_t)1 << (h & 63);
}
/* The child of `node` with this key, JSON_NO: none. hint: the child to try first, moved on to the one after. */
static inline uint32_t json_plan_find(const struct json_plan *plan, uint32_t node, const char *key, uint32_t size,
                                      uint32_t *hint) {
  const struct json_node *all = plan->node;
  if ((all[node].filter & json_key_bit(key, size)) == 0) return JSON_NO;
  uint32_t i = *hint != JSON_NO ? *hint : all[node].first_key;
  for (uint32_t left = all[node].keys; left > 0; left--) {
    if (all[i].key_size == size && memcmp(all[i].key, key, size) == 0) {
      *hint = all[i].next;
      return i;
    }
    i = all[i].next != JSON_NO ? all[i].next : all[node].first_key;
  }
  return JSON_NO;
}
static inline uint32_t json_plan_element(const struct json_plan *plan, uint32_t node, uint32_t index) {
  for (uint32_t i = plan->node[node].first_element; i != JSON_NO; i = plan->node[i].next)
    if (plan->node[i].index >= index) return plan->node[i].index == index ? i : JSON_NO;
  return JSON_NO;
}

#ifdef __cplusplus
}
#endif
#endif
