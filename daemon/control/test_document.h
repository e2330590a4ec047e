/* test_document: a pipeline's document with a sink more for everything that a test looks at. */
#ifndef CONTROL_TEST_DOCUMENT_H
#define CONTROL_TEST_DOCUMENT_H
#include "../config/config.h"

/* Where a test's `expect` names what is no sink (a step, an output, `late`, `dead`), a sink that reads it is added.
 * names[i]: the sink that captures expect->key[i]. */
const struct conf_node *test_document(struct arena *arena, const struct conf_node *document,
                                      const struct conf_node *expect, const char **names);

#endif
