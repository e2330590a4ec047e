/* hash: see hash.h. */
#include "hash.h"

#include <xxhash.h>

uint64_t hash_bytes(const void *bytes, size_t size) { return XXH3_64bits(bytes, size); }
