/* hash: XXH3-64, and 256 key groups of it: part of the format of state. */
#ifndef BASE_HASH_H
#define BASE_HASH_H
#include <stddef.h>
#include <stdint.h>
#define KEY_GROUPS 256u
uint64_t hash_bytes(const void *bytes, size_t size);
static inline uint32_t hash_group(uint64_t hash) { return (uint32_t)(hash >> 56); }
/* Which of `tasks` tasks owns a key. */
static inline uint32_t hash_owner(uint64_t hash, uint32_t tasks) { return hash_group(hash) * tasks / KEY_GROUPS; }
#endif
