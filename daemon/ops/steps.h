/*
 * steps: what the files of this room share: the list of verbs, and the few lines that most check functions need.
 * A verb is one file and one const table; nothing else of it is seen outside.
 */
#ifndef OPS_STEPS_H
#define OPS_STEPS_H
#include "op.h"

extern const struct op_verb OP_FILTER, OP_MAP, OP_SET, OP_SELECT, OP_DROP, OP_RENAME, OP_LOOKUP, OP_ROUTE, OP_KEY_BY,
    OP_AGGREGATE;

/* Port `i` gives the input's columns and keeps its time; port 0 without a name bears the step's. */
void op_port_same(struct op_check *check, uint32_t i, const char *name);
/* The same with other columns. */
void op_port_schema(struct op_check *check, uint32_t i, const char *name, const struct schema *schema);
/* Rows of the output are named by the same columns as those of the input. */
void op_group_same(struct op_check *check);
/* An error at the node, with the nearest of the schema's columns as hint. */
void op_unknown_column(struct op_check *check, const struct conf_node *node, const struct schema *schema,
                       const char *what);
/* The column that a scalar names, or -1 and an error. */
int32_t op_column(struct op_check *check, const struct conf_node *node);
/* Columns that pass through: needed after the step, needed before it. */
static inline void op_needs_same(uint32_t columns, const uint8_t *needed, uint8_t *used) {
  for (uint32_t i = 0; i < columns; i++) used[i] |= needed[i];
}
/* Passes on whatever is not a batch: watermarks, barriers, ticks, the end. */
static inline enum spate_result op_pass(const struct op_msg *in, struct op_msg *out) {
  *out = *in;
  return SPATE_OK;
}
/* Answers with `batch` (given away; NULL: nothing) on a port. */
static inline void op_give(struct op_msg *out, uint8_t port, struct spate_batch *batch) {
  *out = (struct op_msg){.kind = batch != NULL ? OP_BATCH : OP_NONE, .port = port, .batch = batch};
}
/* The rows of the batch that are in `rows`: the batch itself where that is all of them; NULL where it is none. */
struct spate_batch *op_narrow(struct spate_batch *batch, const uint16_t *rows, uint32_t count);

#endif
