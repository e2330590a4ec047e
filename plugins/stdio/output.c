/* output: see output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open(struct output *o, struct spate_error *err) {
  struct stat st;
  *o = (struct output){.fd = STDOUT_FILENO};
  if (fstat(STDOUT_FILENO, &st) != 0)
    return spate_fail_environment(err, "standard output is not open: %s", strerror(errno));
  o->terminal = isatty(STDOUT_FILENO) == 1;
  o->socket = S_ISSOCK(st.st_mode);
  if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
    int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    o->own = fd >= 0;
    o->asks = fd < 0;
    if (fd >= 0) o->fd = fd;
  }
  /* a reader that goes away is an error of ours, not the end of the process */
  struct sigaction old;
  if (sigaction(SIGPIPE, NULL, &old) == 0 && old.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
  o->pending = spate_buffer_new(OUTPUT_BOUND);
  return 0;
}

static ssize_t output_write(struct output *o, const char *bytes, size_t size) {
  if (o->socket) return send(o->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (o->asks) {
    struct pollfd ready = {.fd = o->fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) == 0) {
      errno = EAGAIN;
      return -1;
    }
    if (size > PIPE_BUF) size = PIPE_BUF;
  }
  return write(o->fd, bytes, size);
}

enum output_result output_flush(struct output *o) {
  while (output_left(o) > 0) {
    ssize_t n = output_write(o, o->pending->data + o->at, output_left(o));
    if (n > 0) o->at += (size_t)n;
    if (n >= 0 || errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (o->at > OUTPUT_BOUND) { /* what is written makes room */
        o->pending->size = output_left(o);
        memmove(o->pending->data, o->pending->data + o->at, o->pending->size);
        o->at = 0;
      }
      return OUTPUT_AGAIN;
    }
    return errno == EPIPE || errno == ECONNRESET ? OUTPUT_GONE : OUTPUT_ERROR;
  }
  o->at = o->pending->size = 0;
  return OUTPUT_DONE;
}

void output_close(struct output *o) {
  if (o->own) close(o->fd);
  spate_buffer_unref(o->pending);
  *o = (struct output){.fd = -1};
}
