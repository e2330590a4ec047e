/* error: the three ways to write a spate_error. */
#include <stdarg.h>
#include <stdio.h>

#include "../api/spate.h"

int spate_fail(struct spate_error *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  err->option[0] = 0;
  vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
  return -1;
}

int spate_fail_environment(struct spate_error *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  err->option[0] = 0;
  err->environment = true;
  vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
  return -1;
}

int spate_fail_option(struct spate_error *err, const char *option, const char *format, ...) {
  va_list args;
  va_start(args, format);
  snprintf(err->option, sizeof err->option, "%s", option);
  vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
  return -1;
}
