/* rejects: the bad rows of one batch, with their reasons; they become dead letters. One for each task, used again. */
#ifndef DATA_REJECTS_H
#define DATA_REJECTS_H
#include "../api/spate.h"
#include "../base/buf.h"

struct reject {
  uint32_t row;
  uint32_t reason; /* offset in text, terminated */
};
struct spate_rejects {
  uint32_t count;
  struct reject item[SPATE_BATCH_ROWS];
  uint8_t bad[SPATE_BATCH_ROWS]; /* by row: 1 = rejected */
  struct buf text;
};
void rejects_clear(struct spate_rejects *rejects);
void rejects_fini(struct spate_rejects *rejects);
const char *rejects_reason(const struct spate_rejects *rejects, uint32_t i);
/* Writes the rows of `batch` that are not rejected to rows[]; returns how many. */
uint32_t rejects_remaining(const struct spate_rejects *rejects, const struct spate_batch *batch, uint16_t *rows);
#endif
