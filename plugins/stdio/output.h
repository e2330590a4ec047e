/*
 * output: standard output that never blocks its thread and never changes what others share.
 *
 * Standard output may be a terminal, a pipe, a socket or a file. Making it non-blocking would do so for everyone who
 * has it (the shell, standard error). So a pipe or terminal is opened anew by /proc/self/fd/1, which gives a
 * description of our own; a socket is written with MSG_DONTWAIT; a file does not block.
 */
#ifndef STDIO_OUTPUT_H
#define STDIO_OUTPUT_H
#include "spate.h"

enum output_result {
  OUTPUT_DONE,  /* nothing is left */
  OUTPUT_AGAIN, /* not now: wait until it can be written */
  OUTPUT_GONE,  /* the reader went away */
  OUTPUT_ERROR  /* errno says why */
};
struct output {
  int fd;
  bool own, socket, asks; /* asks: poll() before each write, in pieces that a pipe takes whole */
  bool terminal;
  struct spate_buffer *pending; /* append here */
  size_t at;                    /* bytes of it that are written */
};
#define OUTPUT_BOUND ((size_t)256 * 1024) /* with more than this pending, take no further rows */

int output_open(struct output *o, struct spate_error *err);
enum output_result output_flush(struct output *o);
static inline size_t output_left(const struct output *o) { return o->pending->size - o->at; }
void output_close(struct output *o);
#endif
