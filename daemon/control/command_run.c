/*
 * run: pipelines in the foreground. It ends when all of them have; Ctrl-C (or SIGTERM, or the end of --for) closes an
 * epoch in each and ends well, a second one ends at once. One pipeline that fails ends the others too: whoever started
 * several together wants to see that.
 */
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../run/job.h"
#include "commands.h"
#include "files.h"
#include "report.h"

struct run_options {
  bool bounded, fresh;
  int64_t for_us, workers, batch_rows;
  const char *state_dir;
};
static const struct cli_option RUN_OPTIONS[] = {
    {.name = "bounded",
     .type = CLI_FLAG,
     .offset = offsetof(struct run_options, bounded),
     .help = "Every source ends at what is there at the start (Kafka: the high watermark, a file: its size)."},
    {.name = "for",
     .type = CLI_DURATION,
     .offset = offsetof(struct run_options, for_us),
     .argument = "TIME",
     .min = 1,
     .max = INT64_MAX / 2,
     .help = "Ends after this time (20s, 5m) as Ctrl-C does, by closing an epoch."},
    {.name = "state-dir",
     .type = CLI_TEXT,
     .offset = offsetof(struct run_options, state_dir),
     .argument = "DIR",
     .help = "Keeps state here, and goes on from it. Without: nothing is kept."},
    {.name = "fresh",
     .type = CLI_FLAG,
     .offset = offsetof(struct run_options, fresh),
     .help = "Drops the state that is there, and begins anew."},
    {.name = "workers",
     .type = CLI_NUMBER,
     .offset = offsetof(struct run_options, workers),
     .argument = "N",
     .min = 1,
     .max = 256,
     .help = "Worker threads. Default: one a core."},
    {.name = "batch-rows",
     .type = CLI_NUMBER,
     .offset = offsetof(struct run_options, batch_rows),
     .argument = "N",
     .min = 1,
     .max = SPATE_BATCH_ROWS,
     .hidden = true,
     .help = "Rows of a batch; for tests."},
    {.name = NULL},
};

struct runner;
struct runner_job {
  struct runner *runner;
  const struct plan *plan;
  struct job *job;
  struct report report;
  char dead_path[4096];
  enum job_state state;
};
struct runner {
  struct event_base *base;
  struct job_pool *pool;
  struct runner_job *job;
  uint32_t jobs, alive, failed;
  uint32_t signals;
  bool kept;                  /* there is a state directory */
  bool stopping, environment; /* environment: it is what made the first one fail */
};

static bool state_final(enum job_state state) {
  return state == JOB_FINISHED || state == JOB_STOPPED || state == JOB_FAILED;
}

static void runner_stop(struct runner *r) {
  if (r->stopping) return;
  r->stopping = true;
  for (uint32_t i = 0; i < r->jobs; i++)
    if (r->job[i].job != NULL && !state_final(r->job[i].state)) job_stop(r->job[i].job, false);
}

static void runner_said(struct runner_job *j) {
  static const char *const WORDS[] = {[JOB_FINISHED] = "finished", [JOB_STOPPED] = "stopped", [JOB_FAILED] = "failed"};
  char text[512];
  struct job_numbers n;
  struct stat st;
  if (j->state == JOB_FAILED) fprintf(stderr, "%s: error: %s\n", j->plan->name, job_error(j->job)->message);
  job_numbers(j->job, &n);
  int64_t ran = clock_monotonic() - j->report.started_us;
  fprintf(stderr, "%s: %s after %.1f s: pipeline=%s %s", j->plan->name, WORDS[j->state], (double)ran / 1e6,
          j->plan->name, report_text(&j->report, j->job, true, text, sizeof text));
  if (n.dead > 0 && j->plan->on_error == PLAN_DEAD_LETTER && j->plan->dead_letter_sink < 0 &&
      stat(j->dead_path, &st) == 0)
    fprintf(stderr, " letters=%s", j->dead_path);
  fprintf(stderr, "\n");
}

static void runner_changed(struct job *job, enum job_state state, void *own) {
  struct runner_job *j = own;
  struct runner *r = j->runner;
  char text[512];
  j->job = job;
  j->state = state;
  if (state == JOB_RUNNING)
    spate_log(&(struct spate_where){j->plan->name, NULL}, SPATE_LOG_INFO, "%s",
              report_began(job, r->kept, text, sizeof text));
  if (!state_final(state)) return;
  r->alive--;
  if (state == JOB_FAILED) {
    if (r->failed++ == 0) r->environment = job_error(job)->environment;
    runner_stop(r);
  }
  runner_said(j);
  if (r->alive == 0) event_base_loopexit(r->base, NULL);
}

static void runner_signal(evutil_socket_t sig, short what, void *own) {
  (void)sig, (void)what;
  struct runner *r = own;
  if (r->signals++ > 0) {
    fprintf(stderr, "spate: ended at once; the work since the last epoch will be done again\n");
    _exit(EXIT_INPUT);
  }
  if (isatty(STDERR_FILENO)) fprintf(stderr, "\nspate: closing an epoch (again: at once)\n");
  runner_stop(r);
}

static void runner_time(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  runner_stop(own);
}

static void runner_minute(evutil_socket_t fd, short what, void *own) {
  (void)fd, (void)what;
  struct runner *r = own;
  char text[512];
  for (uint32_t i = 0; i < r->jobs; i++)
    if (r->job[i].job != NULL && !state_final(r->job[i].state))
      spate_log(&(struct spate_where){r->job[i].plan->name, NULL}, SPATE_LOG_INFO, "%s",
                report_text(&r->job[i].report, r->job[i].job, false, text, sizeof text));
}

static int runner_start(struct runner *r, const struct run_options *o, struct runner_job *j) {
  struct spate_error err = {0};
  if (o->state_dir != NULL) {
    char directory[4000];
    snprintf(directory, sizeof directory, "%s/%s", o->state_dir, j->plan->name);
    if (files_make(directory, &err) != 0) goto fail;
    snprintf(j->dead_path, sizeof j->dead_path, "%s/dead.jsonl", directory);
  } else {
    snprintf(j->dead_path, sizeof j->dead_path, "%s.dead.jsonl", j->plan->name);
  }
  struct job_args args = {.plan = j->plan,
                          .pool = r->pool,
                          .base = r->base,
                          .state_dir = o->state_dir,
                          .dead_path = j->dead_path,
                          .fresh = o->fresh,
                          .bounded = o->bounded,
                          .batch_rows = (uint32_t)o->batch_rows,
                          .changed = runner_changed,
                          .own = j};
  report_begin(&j->report);
  spate_log(&(struct spate_where){j->plan->name, NULL}, SPATE_LOG_INFO, "starting; guarantee: %s",
            j->plan->guarantee_text);
  r->alive++;
  struct job *job = job_start(&args, &err);
  if (job != NULL) {
    j->job = job;
    return 0;
  }
  r->alive--;
fail:
  fprintf(stderr, "%s: error: %s\n", j->plan->name, err.message);
  j->state = JOB_FAILED;
  return -1;
}

static uint32_t run_workers(int64_t asked) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (asked > 0) return (uint32_t)asked;
  return cores > 0 ? (uint32_t)cores : 1;
}

/* Starts all, loops until all have ended. The exit code. */
static int runner_loop(struct runner *r, const struct run_options *o) {
  struct event *event[4] = {evsignal_new(r->base, SIGINT, runner_signal, r),
                            evsignal_new(r->base, SIGTERM, runner_signal, r),
                            event_new(r->base, -1, EV_PERSIST, runner_minute, r), evtimer_new(r->base, runner_time, r)};
  struct timeval minute = {60, 0}, end = {(time_t)(o->for_us / US_S), (suseconds_t)(o->for_us % US_S)};
  int result = EXIT_FINE;
  event_add(event[0], NULL);
  event_add(event[1], NULL);
  event_add(event[2], &minute);
  if (o->for_us > 0) event_add(event[3], &end);
  for (uint32_t i = 0; i < r->jobs && result == EXIT_FINE; i++)
    if (runner_start(r, o, &r->job[i]) != 0) result = EXIT_ENVIRONMENT;
  if (result != EXIT_FINE) runner_stop(r);
  if (r->alive > 0) event_base_dispatch(r->base);
  for (int i = 0; i < 4; i++) event_free(event[i]);
  for (uint32_t i = 0; i < r->jobs; i++) job_free(&r->job[i].job);
  if (result != EXIT_FINE || r->failed == 0) return result;
  return r->environment ? EXIT_ENVIRONMENT : EXIT_INPUT;
}

static int run_plans(const struct plan_set *set, const struct run_options *o) {
  struct runner r = {0};
  struct spate_error err = {0};
  int result = EXIT_ENVIRONMENT;
  r.base = event_base_new();
  r.pool = job_pool_new(run_workers(o->workers), &err);
  if (r.base == NULL || r.pool == NULL) goto fail;
  r.kept = o->state_dir != NULL;
  r.jobs = set->count;
  r.job = MEM_NEWS(struct runner_job, r.jobs + 1);
  for (uint32_t i = 0; i < r.jobs; i++) r.job[i] = (struct runner_job){.runner = &r, .plan = set->plan[i]};
  result = runner_loop(&r, o);
  goto out;
fail:
  fprintf(stderr, "spate: error: %s\n", err.message[0] != 0 ? err.message : "cannot make an event loop");
out:
  mem_free(r.job);
  if (r.pool != NULL) job_pool_free(&r.pool);
  if (r.base != NULL) event_base_free(r.base);
  return result;
}

static int run_run(const struct cli_command *command, const void *own, char **files, uint32_t count) {
  (void)command;
  const struct run_options *o = own;
  struct plan_options options = {.bounded = o->bounded, .run = true};
  struct plan_set set;
  if (o->fresh && o->state_dir == NULL) {
    fprintf(stderr, "spate run: --fresh drops the state of --state-dir; without one nothing is kept anyway\n");
    return EXIT_USAGE;
  }
  log_setup(LOG_TEXT, SPATE_LOG_INFO);
  int result = command_load(&set, files, count, &options) ? run_plans(&set, o) : EXIT_INPUT;
  plan_set_free(&set);
  return result;
}

const struct cli_command COMMAND_RUN = {
    .name = "run",
    .takes = "FILE...",
    .help = "Runs pipelines in the foreground, without a daemon.",
    .about =
        "Ends by itself when every source is bounded and exhausted. Ctrl-C closes an epoch and ends; a second one "
        "ends at once. A line a minute and one at the end say what happened. Without --state-dir files are read "
        "from the start, Kafka from the group's offsets, and dead letters go to PIPELINE.dead.jsonl in the working "
        "directory.",
    .options = RUN_OPTIONS,
    .size = sizeof(struct run_options),
    .least = 1,
    .most = 10000,
    .run = run_run,
};
