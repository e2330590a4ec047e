/*
 * letters: the columns of a dead letter, as a sink that `dead_letter:` names gets them. In the source's stage a letter
 * holds the payload and where it lay; after an exchange, the row as JSON.
 */
#include "build.h"

const struct schema *plan_letter_schema(struct arena *arena) {
  static const struct {
    const char *name;
    enum spate_kind kind;
  } columns[] = {
      {"time", SPATE_TIMESTAMP},                             /* when it was found to be bad */
      {"pipeline", SPATE_STRING},  {"step", SPATE_STRING},   /* the source or step that refused it */
      {"reason", SPATE_STRING},    {"source", SPATE_STRING}, /* null after an exchange, and the next three with it */
      {"partition", SPATE_STRING},                           /* as the source names it: topic/3, a path */
      {"position", SPATE_INT},                               /* offset or line */
      {"payload", SPATE_STRING},   {"row", SPATE_STRING},    /* JSON; null in the source's stage */
  };
  struct schema *schema = schema_new(arena, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
    schema_add(schema, columns[i].name, type_of(columns[i].kind));
  return schema;
}
