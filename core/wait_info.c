/* SPDX-License-Identifier: MIT
 * wait_info.c - what a parked task waits for, in words, and since when.
 *
 * The words are the one that the wait was parked with, and what there is to be
 * said of the object: by the kind of the handle it waits on or, where it has
 * none, by the function that withdraws the wait. The files of the kinds know.
 */
#include <stdio.h>
#include <string.h>

#include "io.h"
#include "lock.h"

#define TEXT_BYTES 512

/* -- What only the core has ----------------------------------------------- */

static void say_task(const char *word, const struct task *task, char *text,
                     size_t size_bytes) {
  struct task_title title;
  snprintf(text, size_bytes, " %s%s #%llu", word,
           weft__task_title(task, &title), (unsigned long long)task->id);
}

static void describe_task(const void *object, char *text, size_t size_bytes) {
  say_task("", object, text, size_bytes);
}

static void describe_lock(const void *object, char *text, size_t size_bytes) {
  const struct lock *lock = object;
  if (lock->holding.task != NULL)
    say_task("of ", lock->holding.task, text, size_bytes);
}

/* -- Which of all --------------------------------------------------------- */

static void describe_object(weft_runtime *rt, uint64_t handle, char *text,
                            size_t size_bytes) {
  static void (*const describers[KIND_COUNT])(const void *, char *, size_t) = {
      [KIND_TASK] = describe_task,
      [KIND_LOCK] = describe_lock,
      [KIND_STREAM] = weft__stream_describe,
      [KIND_LISTENER] = weft__listener_describe,
      [KIND_UDP] = weft__udp_describe,
      [KIND_FILE] = weft__file_describe,
      [KIND_FS_WATCH] = weft__fs_watch_describe,
      [KIND_PROCESS] = weft__process_describe,
  };
  enum kind kind = weft__handle_kind(handle);
  const void *object = weft__handle_get(rt, handle, kind);
  if (object != NULL && describers[kind] != NULL)
    describers[kind](object, text, size_bytes);
}

static void describe_nameless(const struct task *task, char *text,
                              size_t size_bytes) {
  static bool (*const describers[])(const struct task *, char *, size_t) = {
      weft__connect_describe, weft__listen_describe, weft__unix_describe,
      weft__lookup_describe,  weft__fs_describe,     weft__open_describe};
  for (size_t i = 0; i < sizeof describers / sizeof *describers; i++)
    if (describers[i](task, text, size_bytes))
      return;
}

void weft__task_describe_wait(weft_runtime *rt, const struct task *task,
                              char *text, size_t size_bytes) {
  snprintf(text, size_bytes, "%s", task->what == NULL ? "?" : task->what);
  size_t used = strlen(text);
  uint64_t object = weft__task_object(task);
  if (object != 0)
    describe_object(rt, object, text + used, size_bytes - used);
  else if (!task->custom)
    describe_nameless(task, text + used, size_bytes - used);
}

/* -- The public calls ----------------------------------------------------- */

int weft_task_describe_wait(weft_runtime *rt, weft_task handle,
                            weft_value **value) {
  struct task *task;
  char text[TEXT_BYTES];
  *value = NULL;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK || task->state != WEFT_TASK_PARKED)
    return status;
  weft__task_describe_wait(rt, task, text, sizeof text);
  return weft_value_new_bytes(text, strlen(text), value);
}

/* What lies between that time and now is counted in its 32 bits. The clock may
 * have been changed for another one, which began later. */
int weft_task_get_since(weft_runtime *rt, weft_task handle,
                        uint64_t *since_ns) {
  struct task *task;
  *since_ns = 0;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK || task->state != WEFT_TASK_PARKED)
    return status;
  uint64_t now = weft__now(rt) >> WEFT__SINCE_SHIFT;
  uint32_t waited = (uint32_t)now - task->since;
  *since_ns = waited > now ? 0 : (now - waited) << WEFT__SINCE_SHIFT;
  return WEFT_OK;
}
