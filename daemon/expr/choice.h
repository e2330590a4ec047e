/* choice: functions that are nodes of their own, because they do not compute all of their arguments. */
#ifndef EXPR_CHOICE_H
#define EXPR_CHOICE_H
#include <stdlib.h>

#include "../data/batch.h"
#include "node.h"

/* true: the call is one of these, and *out is its node (NULL: err is set). The number of arguments has been checked. */
bool choice_check(struct checker *c, const struct syntax *s, struct node **arg, struct node **out);
/* The column in the arena; gives up the reference. */
const struct spate_column *node_column_keep(struct checker *c, struct spate_column *column);
#endif
