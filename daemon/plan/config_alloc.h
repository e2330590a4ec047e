/* config_alloc: asks a source without codec for its columns; they live in the arena. */
#ifndef PLAN_CONFIG_ALLOC_H
#define PLAN_CONFIG_ALLOC_H
#include "../api/spate.h"
#include "../base/arena.h"

int config_schema(const struct spate_source_api *api, const void *config, struct arena *arena,
                  struct spate_schema *schema, struct spate_error *err);

#endif
