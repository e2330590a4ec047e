/*
 * spated: the daemon. Its configuration is read and judged first; what is wrong with it ends the start, what is wrong
 * with a pipeline does not.
 */
#include <event2/thread.h>
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "commands.h"
#include "daemon.h"

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  setlocale(LC_CTYPE, "C.UTF-8");
  evthread_use_pthreads();
  if (argc == 2 && strcmp(argv[1], "--version") == 0) return command_version("spated");
  return cli_run("spated", &COMMAND_SPATED, argc, argv);
}
