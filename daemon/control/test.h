/*
 * test: a pipeline against rows that are given, in virtual time. Sources are replaced by the given rows, sinks capture
 * what they get; everything between is the engine as it runs, on one worker.
 */
#ifndef CONTROL_TEST_H
#define CONTROL_TEST_H
#include "../data/batch.h"
#include "../plan/plan.h"

/* ---- given ---- */
enum given_kind { GIVEN_RECORD, GIVEN_ADVANCE, GIVEN_IDLE };
struct given_item {
  enum given_kind kind;
  const char *payload;            /* a record, as JSON */
  const struct conf_node *record; /* for its metadata */
  int64_t advance_us;
};
struct given { /* the config of a source that gives */
  struct given_item *item;
  uint32_t count, rounds; /* rounds: how often every task gets its turn before and after time moves */
  bool open;
  bool *bounded;                /* set at the end of what is given: only then does the input end, as under --bounded */
  void (*moved)(void *own);     /* worker: the clock was moved */
  void (*exhausted)(void *own); /* worker: open, and nothing is left */
  void *own;
};
extern const struct spate_source_api TEST_GIVEN;
/* Reads a list of records. -1: errors were added. */
int given_read(struct arena *arena, const struct conf_node *list, const struct schema *schema, struct given *given,
               struct conf_errors *errors);

/* ---- captured ---- */
struct capture {    /* the config of a sink that captures */
  const char *name; /* in the test file */
  const struct schema *schema;
  struct column_builder *column; /* by column of schema */
  uint32_t rows;
};
extern const struct spate_sink_api TEST_CAPTURE;
void capture_init(struct capture *capture, const char *name, const struct schema *schema);
void capture_fini(struct capture *capture);

/* ---- compared ---- */
/* Prints what differs; true: nothing does. Wrong column names are errors. */
bool expect_compare(const struct conf_node *expected, const struct capture *actual, bool ordered, FILE *out,
                    bool colour, struct conf_errors *errors);
void expect_show(const struct capture *actual, uint32_t row, const struct conf_node *expected, FILE *out);

#endif
