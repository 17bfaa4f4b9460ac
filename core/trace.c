/* SPDX-License-Identifier: MIT
 * trace.c - what tasks do, written to a file in Chrome's trace format, which
 * Perfetto and chrome://tracing show.
 *
 * A task is a row, and is always in one of three states: ready, in a step,
 * waiting. So its row is full: each event ends the slice before it and begins
 * the next. Arrows lead from who spawns or wakes to whom.
 *
 * The text is collected in a buffer of a fixed size, and with each piece of it
 * the end of the list is written too, over which the next piece goes: whatever
 * becomes of the program, the file is well-formed. */
#include "core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
  BUFFER_BYTES = 64 * 1024,
  EVENT_BYTES = 1024, /* what one event takes at most, its name included */
  NAME_BYTES = 256    /* of a name, in the file */
};

struct trace {
  int fd;
  int status; /* if it is a failure's, nothing is written any more */
  bool told;  /* of the failure */
  bool begun; /* there is an event before the next */
  uint64_t pid;
  uint64_t start_ns;   /* times in the file count from here */
  uint64_t flow_count; /* arrows so far: their ids */
  uint64_t offset;     /* in the file, of what comes next */
  size_t used;
  char buffer[BUFFER_BYTES];
};

/* -- The file ------------------------------------------------------------- */

static int write_at(int fd, const char *from, size_t size, uint64_t offset) {
  while (size > 0) {
    ssize_t written = pwrite(fd, from, size, (off_t)offset);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return weft__status_from_uv(written < 0 ? -errno : UV_ENOSPC);
    from += written;
    offset += (uint64_t)written;
    size -= (size_t)written;
  }
  return WEFT_OK;
}

static void report_failure(weft_runtime *rt, int status) {
  weft_error *error;
  if (weft_error_new(status, NULL, "the trace cannot be written", &error) !=
      WEFT_OK)
    error = weft_error_ref(rt->no_memory);
  weft__report(rt, WEFT_REPORT_SYSTEM, NULL, error);
  weft_error_unref(error);
}

/* Who gets the report may do anything, also end the trace: so it waits until
 * nothing is in the middle, as a task that is just being woken. */
void weft__trace_tell(weft_runtime *rt) {
  struct trace *trace = rt->observation.trace;
  if (trace == NULL || trace->status == WEFT_OK || trace->told)
    return;
  trace->told = true;
  report_failure(rt, trace->status);
}

/* The end of the list follows, and is written over by what comes next. */
static void flush(struct trace *trace) {
  static const char end[] = "\n]\n";
  size_t size = trace->used;
  trace->used = 0;
  if (trace->status != WEFT_OK || size == 0)
    return;
  memcpy(trace->buffer + size, end, sizeof end - 1);
  trace->status =
      write_at(trace->fd, trace->buffer, size + sizeof end - 1, trace->offset);
  trace->offset += size;
}

/* -- Events --------------------------------------------------------------- */

/* There is room: put_head has seen to it. printf would take most of the time.
 */
static void put_bytes(struct trace *trace, const char *from, size_t size) {
  assert(size < BUFFER_BYTES - trace->used);
  memcpy(trace->buffer + trace->used, from, size);
  trace->used += size;
}

static void put(struct trace *trace, const char *text) {
  put_bytes(trace, text, strlen(text));
}

/* With at least [digits] of them, 20 at most. */
static void put_number(struct trace *trace, uint64_t number, int digits) {
  char text[20];
  int begin = (int)sizeof text;
  while (number > 0 || digits > 0) {
    text[--begin] = (char)('0' + number % 10);
    number /= 10;
    digits--;
  }
  put_bytes(trace, text + begin, sizeof text - (size_t)begin);
}

/* What every event begins with: [phase], the task's row, the time in
 * microseconds. */
static void put_head(weft_runtime *rt, char phase, uint64_t task,
                     uint64_t time_ns) {
  struct trace *trace = rt->observation.trace;
  uint64_t since_ns = time_ns - trace->start_ns;
  if (trace->used > BUFFER_BYTES - EVENT_BYTES)
    flush(trace);
  put(trace, trace->begun ? ",\n{\"ph\":\"" : "{\"ph\":\"");
  put_bytes(trace, &phase, 1);
  put(trace, "\",\"pid\":");
  put_number(trace, trace->pid, 1);
  put(trace, ",\"tid\":");
  put_number(trace, task, 1);
  put(trace, ",\"ts\":");
  put_number(trace, since_ns / 1000, 1);
  put(trace, ".");
  put_number(trace, since_ns % 1000, 3);
  trace->begun = true;
}

/* What the second byte of a character of UTF-8 may be at least, and at most:
 * less than three or four bytes need, surrogates, and what is beyond the last
 * character, are none. */
static bool is_second(unsigned char first, unsigned char second) {
  unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  return second >= least && second <= most;
}

/* The length of the character of UTF-8 at [text], 0 if there is none. */
static size_t utf8_length(const char *text) {
  const unsigned char *c = (const unsigned char *)text;
  size_t length = *c < 0x80                 ? 1
                  : *c >= 0xc2 && *c < 0xe0 ? 2
                  : *c >= 0xe0 && *c < 0xf0 ? 3
                  : *c >= 0xf0 && *c < 0xf5 ? 4
                                            : 0;
  if (length > 1 && !is_second(c[0], c[1]))
    return 0;
  for (size_t i = 2; i < length; i++)
    if ((c[i] & 0xc0) != 0x80)
      return 0;
  return length;
}

static void put_code(struct trace *trace, unsigned code) {
  char text[8];
  snprintf(text, sizeof text, "\\u%04x", code & 0xff);
  put(trace, text);
}

/* Text as a string of JSON; what is not UTF-8 goes byte by byte. */
static void put_text(struct trace *trace, const char *text) {
  size_t end = trace->used + NAME_BYTES;
  put(trace, "\"");
  while (*text != '\0' && trace->used < end) {
    size_t length = utf8_length(text);
    if (length == 0 || (unsigned char)*text < 0x20) {
      put_code(trace, (unsigned char)*text);
    } else {
      put(trace, *text == '"' || *text == '\\' ? "\\" : "");
      put_bytes(trace, text, length);
    }
    text += length == 0 ? 1 : length;
  }
  put(trace, "\"");
}

static void put_begin(weft_runtime *rt, const struct task *task,
                      uint64_t time_ns, const char *category,
                      const char *name) {
  struct trace *trace = rt->observation.trace;
  put_head(rt, 'B', task->id, time_ns);
  put(trace, ",\"cat\":\"");
  put(trace, category);
  put(trace, "\",\"name\":");
  put_text(trace, name);
  put(trace, "}");
}

static void put_end(weft_runtime *rt, const struct task *task,
                    uint64_t time_ns) {
  put_head(rt, 'E', task->id, time_ns);
  put(rt->observation.trace, "}");
}

static void put_name(weft_runtime *rt, const struct task *task,
                     uint64_t time_ns) {
  struct trace *trace = rt->observation.trace;
  struct task_title title;
  put_head(rt, 'M', task->id, time_ns);
  put(trace, ",\"name\":\"thread_name\",\"args\":{\"name\":");
  put_text(trace, weft__task_title(task, &title));
  put(trace, "}}");
}

static void put_end_of_arrow(weft_runtime *rt, char phase, uint64_t task,
                             uint64_t time_ns, const char *name) {
  struct trace *trace = rt->observation.trace;
  put_head(rt, phase, task, time_ns);
  put(trace, phase == 'f' ? ",\"bp\":\"e\",\"cat\":\"" : ",\"cat\":\"");
  put(trace, name);
  put(trace, "\",\"name\":\"");
  put(trace, name);
  put(trace, "\",\"id\":");
  put_number(trace, trace->flow_count, 1);
  put(trace, "}");
}

/* An arrow from the step of the task [from] to [task], which is ready now. */
static void put_arrow(weft_runtime *rt, uint64_t from, const struct task *task,
                      uint64_t time_ns, const char *name) {
  if (from == 0)
    return;
  rt->observation.trace->flow_count++;
  put_end_of_arrow(rt, 's', from, time_ns, name);
  put_end_of_arrow(rt, 'f', task->id, time_ns, name);
}

static void put_spawn(weft_runtime *rt, const struct task *task,
                      uint64_t time_ns, uint64_t spawner) {
  struct trace *trace = rt->observation.trace;
  put_name(rt, task, time_ns);
  if (spawner != 0) {
    put_head(rt, 'i', spawner, time_ns);
    put(trace, ",\"s\":\"t\",\"cat\":\"spawn\",\"name\":\"spawn\",\"args\":"
               "{\"task\":");
    put_number(trace, task->id, 1);
    put(trace, "}}");
  }
  put_begin(rt, task, time_ns, "ready", "ready");
  put_arrow(rt, spawner, task, time_ns, "spawn");
}

static void put_wait(weft_runtime *rt, const struct task *task,
                     uint64_t time_ns) {
  char text[NAME_BYTES];
  weft__task_describe_wait(rt, task, text, sizeof text);
  put_begin(rt, task, time_ns, "wait", text);
}

/* The slice that the task is in now begins, whatever was before. */
static void put_state(weft_runtime *rt, const struct task *task,
                      uint64_t time_ns) {
  if (task->state == WEFT_TASK_PARKED)
    put_wait(rt, task, time_ns);
  else if (task->state == WEFT_TASK_RUNNING)
    put_begin(rt, task, time_ns, "step", "step");
  else
    put_begin(rt, task, time_ns, "ready", "ready");
}

void weft__trace_event(weft_runtime *rt, int event, uint64_t time_ns,
                       const struct task *task, uint64_t detail,
                       const char *text) {
  (void)text;
  if (rt->observation.trace->status != WEFT_OK)
    return;
  if (event == WEFT_OBSERVED_SPAWN) {
    put_spawn(rt, task, time_ns, detail);
    return;
  }
  if (event == WEFT_OBSERVED_NAME) {
    put_name(rt, task, time_ns);
    return;
  }
  put_end(rt, task, time_ns);
  if (event == WEFT_OBSERVED_END)
    return;
  if (event == WEFT_OBSERVED_BEGIN)
    put_begin(rt, task, time_ns, "step", "step");
  else
    put_state(rt, task, time_ns);
  if (event == WEFT_OBSERVED_WAKE)
    put_arrow(rt, detail, task, time_ns, "wake");
}

void weft__trace_idle(weft_runtime *rt) {
  flush(rt->observation.trace);
  weft__trace_tell(rt);
}

/* -- Starting and stopping ------------------------------------------------ */

/* The tasks that are there already; with [begin], or else at the end. */
static void put_all(weft_runtime *rt, bool begin) {
  uint64_t time_ns = weft__now_real();
  for (struct list *node = rt->tasks.next; node != &rt->tasks;
       node = node->next) {
    const struct task *task = LIST_OWNER(node, struct task, all);
    if (begin) {
      put_name(rt, task, time_ns);
      put_state(rt, task, time_ns);
    } else {
      put_end(rt, task, time_ns);
    }
  }
}

static int open_trace(const char *path, struct trace **out) {
  *out = NULL;
  /* A pipe is no file to be written to at places; nobody waits for its reader.
   */
  int fd =
      open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
  if (fd < 0)
    return weft__status_from_uv(-errno);
  struct trace *trace = weft__alloc(sizeof *trace);
  if (trace == NULL) {
    close(fd);
    return WEFT_ENOMEM;
  }
  trace->fd = fd;
  trace->pid = (uint64_t)getpid();
  trace->start_ns = weft__now_real();
  *out = trace;
  return WEFT_OK;
}

int weft_trace_start(weft_runtime *rt, const char *path) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (path == NULL)
    return WEFT_EINVAL;
  if (rt->observation.trace != NULL)
    return WEFT_EBUSY;
  struct trace *trace;
  int status = open_trace(path, &trace);
  if (trace == NULL)
    return status;
  rt->observation.trace = trace;
  put(trace, "[\n");
  put_all(rt, true);
  flush(trace);
  weft__observe_refresh(rt);
  weft__trace_tell(rt);
  return WEFT_OK;
}

/* What was reported, or is now, is the result. */
static int end_trace(weft_runtime *rt) {
  struct trace *trace = rt->observation.trace;
  if (trace->status == WEFT_OK)
    put_all(rt, false);
  flush(trace);
  int status = trace->status;
  bool told = trace->told;
  close(trace->fd);
  weft__free(trace, sizeof *trace);
  rt->observation.trace = NULL;
  weft__observe_refresh(rt);
  if (status != WEFT_OK && !told)
    report_failure(rt, status);
  return status == WEFT_OK ? WEFT_OK : WEFT_EIO;
}

void weft__trace_end(weft_runtime *rt) {
  if (rt->observation.trace != NULL)
    end_trace(rt);
}

int weft_trace_stop(weft_runtime *rt) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  return rt->observation.trace == NULL ? WEFT_ESTATE : end_trace(rt);
}
