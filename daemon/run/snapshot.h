/*
 * snapshot: the file of an epoch: all state, watermarks and source positions. One file, written under a temporary name,
 * checksummed, synced, renamed. Whole snapshots for now.
 *
 * Format, little-endian: "SPATESN1", u32 version, u64 epoch, u64 hash of the steps with state, u8 finished, then
 * sections, then XXH3-64 of all that precedes. A section: u8 kind, block name, … 'P' source name, block partition name,
 * i64 greatest event time, block position 'S' step name, i64 watermark, block entries (each: u64 hash of the key,
 * block) 'H' step name, block signature: what the state belongs to, for a message when it does not fit
 */
#ifndef RUN_SNAPSHOT_H
#define RUN_SNAPSHOT_H
#include "../base/buf.h"
#include "../plan/plan.h"

struct snapshot { /* a file in memory */
  struct buf bytes;
  uint64_t epoch, state_hash;
  bool finished;
  const char *sections, *end;
};
void snapshot_put_position(struct buf *out, const char *source, const char *partition, int64_t greatest,
                           struct spate_bytes position);
/* Begins a section of a step: entries are appended by the caller, then snapshot_end_step is told where it began. */
size_t snapshot_begin_step(struct buf *out, const char *step, int64_t watermark);
void snapshot_end_step(struct buf *out, size_t begun);

/* Writes DIR/snapshot (scribe). sections: those of all tasks. -1: err. */
int snapshot_write(const char *dir, const struct plan *plan, uint64_t epoch, bool finished,
                   const struct buf *const *sections, uint32_t count, struct spate_error *err);
/* *out NULL: there is none. -1: there is one, but it is damaged or does not fit the plan; err names the remedy. */
int snapshot_read(const char *dir, const struct plan *plan, struct snapshot **out, struct spate_error *err);
/* The positions alone, of a snapshot whose state has been loaded: for partitions that come later. NULL of NULL. */
struct snapshot *snapshot_positions(const struct snapshot *snapshot);
/* Appends the positions of `kept` that none of the sections has: a file that is away keeps its place. */
void snapshot_put_absent(const struct snapshot *kept, const struct buf *const *sections, uint32_t count,
                         struct buf *out);
void snapshot_free(struct snapshot **snapshot);

/* A position: false when the snapshot has none for that partition. */
bool snapshot_position(const struct snapshot *snapshot, const char *source, const char *partition,
                       struct spate_bytes *position, int64_t *greatest);
/* Gives the step's entries that task `index` of `tasks` owns to the op. */
int snapshot_load_step(const struct snapshot *snapshot, const char *step, const struct op_class *op, void *state,
                       uint32_t index, uint32_t tasks, struct spate_error *err);
#endif
