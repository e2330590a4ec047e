/* The contract suite: what every connector owes, and the edges of each. ONLY=name runs one suite. */
#include <signal.h>

#include "../../daemon/base/log.h"
#include "host.h"

int main(void) {
  const char *only = getenv("ONLY");
  SRunner *runner = srunner_create(suite_sources());
  signal(SIGPIPE, SIG_IGN);
  log_setup(getenv("CONTRACT_LOG") != NULL ? LOG_TEXT : LOG_SILENT, SPATE_LOG_DEBUG);
  srunner_add_suite(runner, suite_sinks());
  srunner_add_suite(runner, suite_stream());
  srunner_add_suite(runner, suite_generator());
  srunner_add_suite(runner, suite_stdio());
  srunner_add_suite(runner, suite_file());
  srunner_add_suite(runner, suite_tcp());
  srunner_run(runner, only, NULL, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}
