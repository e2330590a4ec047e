/*
 * config_alloc: memory for what a source without codec says of its columns. The plan that asks lends its arena for the
 * length of the call; the plugin interface has no place for it, so the thread remembers it. Asked for by anybody else
 * (a test of a plugin), the memory is never given back.
 */
#include "config_alloc.h"

#include "../base/mem.h"

static _Thread_local struct arena *lent;

int config_schema(const struct spate_source_api *api, const void *config, struct arena *arena,
                  struct spate_schema *schema, struct spate_error *err) {
  lent = arena;
  int result = api->schema(config, schema, err);
  lent = NULL;
  return result;
}

void *spate_config_alloc(struct spate_schema *schema, size_t size) {
  (void)schema;
  return lent != NULL ? arena_alloc(lent, size) : mem_zero(1, size > 0 ? size : 1);
}
