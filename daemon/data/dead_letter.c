/* dead_letter: see dead_letter.h. In the source's stage the payload is what came in, with its origin; later it is the
 * row as JSON, and source, partition and position are null. */
#include "dead_letter.h"

struct schema *dead_letter_schema(struct arena *arena) {
  struct schema *s = schema_new(arena, DEAD_COLUMNS);
  schema_add(s, "time", type_of(SPATE_TIMESTAMP));
  schema_add(s, "pipeline", type_of(SPATE_STRING));
  schema_add(s, "step", type_of(SPATE_STRING));
  schema_add(s, "reason", type_of(SPATE_STRING));
  schema_add(s, "source", type_of(SPATE_STRING));
  schema_add(s, "partition", type_of(SPATE_STRING));
  schema_add(s, "position", type_of(SPATE_INT));
  schema_add(s, "payload", type_of(SPATE_STRING));
  return s;
}
