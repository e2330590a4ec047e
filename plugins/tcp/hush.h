/* hush: what strangers can cause is logged at a limited rate: ten lines in ten seconds, then a count. */
#ifndef TCP_HUSH_H
#define TCP_HUSH_H
#include "spate.h"

struct hush {
  int64_t since_us;
  uint32_t said;
  uint64_t unsaid;
};
/* Whether a line may be written now. Says how many were not, when the next may. */
static inline bool hush_allows(struct hush *h, int64_t now_us, const struct spate_where *where) {
  if (now_us - h->since_us > 10000000 || now_us < h->since_us) {
    if (h->unsaid > 0)
      spate_log(where, SPATE_LOG_WARN, "%llu more lines about connections were left out",
                (unsigned long long)h->unsaid);
    *h = (struct hush){.since_us = now_us};
  }
  if (h->said++ < 10) return true;
  h->unsaid++;
  return false;
}
#endif
