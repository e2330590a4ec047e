/*
 * function: the tables of functions, one a group, and how a name is found in them. Also the list that the manual and
 * 'did you mean' are made from: the tables, the aggregates, and what is syntax rather than function.
 */
#include "function.h"

#include <pthread.h>

#include "aggregate.h"

static const struct expr_function *const TABLES[] = {FUNCTIONS_CONDITIONAL, FUNCTIONS_NUMBER, FUNCTIONS_STRING,
                                                     FUNCTIONS_REGEXP,      FUNCTIONS_TIME,   NULL};

const struct expr_function *const *function_tables(void) { return TABLES; }

const struct expr_function *function_find(const char *name) {
  for (const struct expr_function *const *t = TABLES; *t != NULL; t++)
    for (const struct expr_function *f = *t; f->name != NULL; f++)
      if (strcmp(f->name, name) == 0) return f;
  return NULL;
}

static const struct expr_function_info SYNTAX[] = {
    {"case", "conditional", "case [x] when a then b [when …] [else c] end",
     "the value after the first condition that holds"},
    {"cast", "conversion", "cast(x as type)", "x as another type; what cannot be makes the record bad"},
    {"extract", "time", "extract(unit from timestamp)",
     "a part of a time: year quarter month week day dow doy hour minute second epoch"},
    {"try_cast", "conversion", "try_cast(x as type)", "x as another type; what cannot be is null"},
};

enum { FUNCTIONS_MOST = 300 };
static struct expr_function_info function_info[FUNCTIONS_MOST]; /* written once, under function_once */
static uint32_t function_infos;
static pthread_once_t function_once = PTHREAD_ONCE_INIT;

static void function_list(void) {
  uint32_t n = 0, aggregates;
  for (size_t i = 0; i < sizeof SYNTAX / sizeof SYNTAX[0]; i++) function_info[n++] = SYNTAX[i];
  for (const struct expr_function *const *t = TABLES; *t != NULL; t++)
    for (const struct expr_function *f = *t; f->name != NULL && n < FUNCTIONS_MOST; f++)
      function_info[n++] = (struct expr_function_info){f->name, f->group, f->signature, f->help};
  const struct agg_class *const *agg = agg_all(&aggregates);
  for (uint32_t i = 0; i < aggregates && n < FUNCTIONS_MOST; i++)
    function_info[n++] = (struct expr_function_info){agg[i]->name, "aggregate", agg[i]->signature, agg[i]->help};
  function_infos = n;
}

const struct expr_function_info *expr_functions(uint32_t *count) {
  pthread_once(&function_once, function_list);
  *count = function_infos;
  return function_info;
}
