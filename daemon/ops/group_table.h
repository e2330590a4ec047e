/*
 * group_table: the groups of an aggregate and their slices. A group is a key; a slice is a group's state for one slice
 * of time; a pane is all slices of one slice of time, so that a window is closed without looking at any other. Groups
 * live while they have slices.
 */
#ifndef OPS_GROUP_TABLE_H
#define OPS_GROUP_TABLE_H
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

struct group;
struct pane;
struct slice {
  struct slice *next; /* of the group, newest first */
  struct group *group;
  int64_t start;
  uint64_t touched; /* mark of the last batch that changed it */
  uint64_t rows;    /* that went into it: counted in a partial only */
  _Alignas(16) char state[];
};
struct group {
  struct slice *first;
  uint64_t hash;
  uint64_t seen; /* mark: already taken for the window at hand */
  uint32_t key_size;
  char key[];
};
struct pane {
  int64_t start;
  uint32_t count, room;
  struct slice **slice;
};
struct group_table {
  uint32_t state_size;
  struct group **slot;
  uint64_t slots, groups;
  struct pane *pane; /* sorted by start */
  uint32_t panes, panes_room, last_pane;
  uint64_t bytes;
  struct slice *free_slices;
  void **chunk; /* memory of slices */
  uint32_t chunks, chunk_left;
  char *chunk_at;
};
void group_table_init(struct group_table *t, uint32_t state_size);
/* release is called for each slice that is left. */
void group_table_fini(struct group_table *t, void (*release)(void *own, struct slice *s), void *own);
struct group *group_find(struct group_table *t, uint64_t hash, const char *key, uint32_t size); /* made when absent */
struct slice *group_slice(struct group_table *t, struct group *g, int64_t start); /* made when absent, zero */
/* The first pane with start >= from; panes count when there is none. */
uint32_t group_table_pane(const struct group_table *t, int64_t from);
/* Drops the first pane; release is called for its slices. */
void group_table_drop_first(struct group_table *t, void (*release)(void *own, struct slice *s), void *own);
#endif
