/*
 * build: what the files that turn a document into a plan share. A build lives for one call of plan_build; what it makes
 * lives in the plan's arena.
 */
#ifndef PLAN_BUILD_H
#define PLAN_BUILD_H
#include "plan.h"

/* Whom a `from:` names. */
enum from_kind { FROM_SOURCE, FROM_STEP };
struct build_from {
  const struct conf_node *node; /* the name in the file; NULL: nothing was written */
  enum from_kind kind;
  uint32_t index;   /* of the source or step */
  const char *port; /* the output's full name; NULL: the step's own */
};
struct build_reader { /* a step or a sink, as a reader of others */
  const char *name;
  const struct conf_node *node;
  struct build_from *from;
  uint32_t froms;
  bool bad; /* its input is not known: an error says why */
};
enum build_mark { MARK_NEW, MARK_OPEN, MARK_DONE };
struct build_step {
  struct build_reader reader;
  const struct conf_node *verb_node, *value;
  const struct op_verb *verb;
  enum build_mark mark;
  int32_t plan_node; /* -1: none */
};
struct build_late { /* outputs with names of their own: late: NAME */
  const char *name;
  uint32_t step;
};
/* What is known of a node's output besides its ports. */
struct build_output {
  bool bounded;
  const char *const *group_key;
  uint32_t group_keys;
};
struct build {
  struct plan *plan;
  struct arena *arena;
  struct conf_errors *errors;
  const struct plan_options *options;
  const struct conf_node *document;
  struct build_step *step;
  uint32_t steps;
  struct build_reader *sink; /* by plan->sink; the one of dead letters has no from */
  struct build_late *late;
  uint32_t lates;
  struct op_table *table;
  struct build_output *output; /* by plan->node */
  uint32_t node_room;
  bool sources_bad;
  bool failed; /* an error was found, though perhaps not added: the parser had one at that node already */
};

/* components.c: sources, tables and sinks. Errors are added; what could be read is there. */
void build_sources(struct build *b);
void build_tables(struct build *b);
void build_sinks_names(struct build *b); /* names and who they are */
void build_sink(struct build *b, uint32_t index, const struct schema *input, bool updating,
                const struct build_output *from); /* options and codec, once its input is known */
bool build_name_good(struct build *b, const struct conf_node *key, const char *what);

/* fields.c: a `schema:`. NULL: errors were added and nothing can be said; a wrong entry has the type of a bare null. */
struct schema *build_schema(struct build *b, const struct conf_node *node, uint32_t hidden_room);
struct spate_type plan_meta_type(enum spate_meta meta);

/* graph.c: who reads whom. */
void build_steps_read(struct build *b);
void build_graph(struct build *b);

/* nodes.c: the nodes in topological order, each checked against its input; what is read by whom. */
void build_nodes(struct build *b);
bool build_codecs(struct build *b); /* false: an error was added */
void build_needs(struct build *b);

/* guarantee.c */
void build_guarantee(struct build *b, const struct conf_node *node, int written);
const char *plan_source_why(const struct plan_source *source);

/* meaning.c */
void build_hashes(struct build *b);

#endif
