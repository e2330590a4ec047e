/* payloads: life of a block of payloads (its struct is in the plugin interface). */
#ifndef DATA_PAYLOADS_H
#define DATA_PAYLOADS_H
#include "../api/spate.h"
void payloads_clear(struct spate_payloads *p); /* gives up buffer and metas; count 0 */
#endif
