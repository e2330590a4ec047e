/* log: lines for people who tail. spate_log() of the plugin interface ends here. Any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "../api/spate.h"
enum log_format { LOG_TEXT, LOG_JOURNAL, LOG_JSON, LOG_SILENT };
void log_setup(enum log_format format, enum spate_level level); /* once, at the start */
/* Escapes control characters and cuts at `most` bytes: for text that comes from records. */
const char *log_clean(const char *text, size_t size, size_t most, char *out, size_t room);
#endif
