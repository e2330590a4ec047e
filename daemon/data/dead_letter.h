/* dead_letter: the columns of a dead letter, for the sink that `dead_letter:` names and for the default file. */
#ifndef DATA_DEAD_LETTER_H
#define DATA_DEAD_LETTER_H
#include "schema.h"
enum {
  DEAD_TIME,
  DEAD_PIPELINE,
  DEAD_STEP,
  DEAD_REASON,
  DEAD_SOURCE,
  DEAD_PARTITION,
  DEAD_POSITION,
  DEAD_PAYLOAD,
  DEAD_COLUMNS
};
struct schema *dead_letter_schema(struct arena *arena);
#endif
