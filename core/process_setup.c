/* SPDX-License-Identifier: MIT
 * process_setup.c - describing a process before it is started: its arguments,
 * environment, folder, descriptors, user. */
#include <stdio.h>
#include <string.h>

#include "process.h"

extern char **environ;

/* -- Texts ---------------------------------------------------------------- */

int weft__texts_reserve(struct texts *texts, size_t more) {
  size_t capacity = texts->capacity == 0 ? 8 : texts->capacity;
  while (capacity < texts->count + more + 1)
    capacity *= 2;
  if (capacity == texts->capacity)
    return WEFT_OK;
  char **items =
      weft__resize(texts->items, texts->capacity * sizeof(*texts->items),
                   capacity * sizeof(*texts->items));
  if (items == NULL)
    return WEFT_ENOMEM;
  texts->items = items;
  texts->capacity = capacity;
  return WEFT_OK;
}

void weft__texts_push(struct texts *texts, char *text) {
  texts->items[texts->count++] = text;
  texts->items[texts->count] = NULL;
}

static int add_copy(struct texts *texts, const char *text) {
  int status = weft__texts_reserve(texts, 1);
  if (status != WEFT_OK)
    return status;
  char *copy = weft__copy_text(text);
  if (copy == NULL)
    return WEFT_ENOMEM;
  weft__texts_push(texts, copy);
  return WEFT_OK;
}

void weft__texts_free(struct texts *texts, bool items_too) {
  for (size_t i = 0; items_too && i < texts->count; i++)
    weft__free_text(texts->items[i]);
  weft__free(texts->items, texts->capacity * sizeof(*texts->items));
  *texts = (struct texts){0};
}

/* -- Life ----------------------------------------------------------------- */

void weft__process_forget_setup(struct process *p) {
  weft__texts_free(&p->arguments, true);
  weft__texts_free(&p->env, true);
  weft__free_text(p->cwd);
  p->cwd = NULL;
  p->failed = NULL;
}

int weft_process_new(weft_runtime *rt, const char *program,
                     weft_process *process) {
  struct process *p;
  *process = 0;
  if (program == NULL || *program == '\0')
    return WEFT_EINVAL;
  int status =
      weft__object_new(rt, KIND_PROCESS, sizeof(*p), (void *)&p, process);
  if (status != WEFT_OK)
    return status;
  p->rt = rt;
  p->handle = *process;
  p->uid = p->gid = -1;
  list_init(&p->waiters);
  list_init(&p->stoppers);
  list_init(&p->node);
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++)
    p->stdio[fd].how = WEFT_STDIO_INHERIT;
  status = add_copy(&p->arguments, program);
  if (status != WEFT_OK) {
    weft_process_close(rt, *process);
    *process = 0;
  }
  return status;
}

/* WEFT_ESTATE for a process that is not being described any more. */
static int find_new(weft_runtime *rt, weft_process process,
                    struct process **p) {
  int status = weft__object(rt, process, KIND_PROCESS, p);
  if (status == WEFT_OK && (*p)->state != PROCESS_NEW)
    status = WEFT_ESTATE;
  return status;
}

int weft_process_add_argument(weft_runtime *rt, weft_process process,
                              const char *argument) {
  struct process *p;
  int status = find_new(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  return argument == NULL ? WEFT_EINVAL : add_copy(&p->arguments, argument);
}

/* -- The environment ------------------------------------------------------ */

static size_t name_length(const char *entry) {
  return strcspn(entry, "=");
}

/* The place of the entry for the same name, or the count. */
static size_t find_entry(const struct texts *env, const char *entry) {
  size_t length = name_length(entry), i = 0;
  while (i < env->count && (name_length(env->items[i]) != length ||
                            memcmp(env->items[i], entry, length) != 0))
    i++;
  return i;
}

static bool is_name(const char *name) {
  return name != NULL && *name != '\0' && strchr(name, '=') == NULL;
}

/* Replaces what there is for the name; takes [entry], also on failure. */
static int set_entry(struct texts *env, char *entry) {
  if (entry == NULL)
    return WEFT_ENOMEM;
  size_t place = find_entry(env, entry);
  if (place < env->count) {
    weft__free_text(env->items[place]);
    env->items[place] = entry;
    return WEFT_OK;
  }
  int status = weft__texts_reserve(env, 1);
  if (status == WEFT_OK)
    weft__texts_push(env, entry);
  else
    weft__free_text(entry);
  return status;
}

/* "name=text". It is as long as weft__free_text takes it to be. */
static char *join(const char *name, const char *text) {
  size_t size_bytes = strlen(name) + strlen(text) + 2;
  char *entry = weft__alloc(size_bytes);
  if (entry != NULL)
    snprintf(entry, size_bytes, "%s=%s", name, text);
  return entry;
}

int weft_process_set_env(weft_runtime *rt, weft_process process,
                         const char *name, const char *text) {
  struct process *p;
  int status = find_new(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  if (!is_name(name) || text == NULL)
    return WEFT_EINVAL;
  return set_entry(&p->env, join(name, text));
}

int weft_process_unset_env(weft_runtime *rt, weft_process process,
                           const char *name) {
  struct process *p;
  int status = find_new(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  if (!is_name(name))
    return WEFT_EINVAL;
  return set_entry(&p->env, weft__copy_text(name));
}

int weft_process_clear_env(weft_runtime *rt, weft_process process) {
  struct process *p;
  int status = find_new(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  weft__texts_free(&p->env, true);
  p->own_env = true;
  return WEFT_OK;
}

static int count_parents(void) {
  int count = 0;
  while (environ != NULL && environ[count] != NULL)
    count++;
  return count;
}

int weft__process_env(const struct process *p, struct texts *env) {
  *env = (struct texts){0};
  if (!p->own_env && p->env.count == 0)
    return WEFT_OK;
  int parents = p->own_env ? 0 : count_parents();
  int status = weft__texts_reserve(env, p->env.count + (size_t)parents);
  if (status != WEFT_OK)
    return status;
  for (int i = 0; i < parents; i++)
    if (find_entry(&p->env, environ[i]) == p->env.count)
      weft__texts_push(env, environ[i]);
  for (size_t i = 0; i < p->env.count; i++)
    if (strchr(p->env.items[i], '=') != NULL)
      weft__texts_push(env, p->env.items[i]);
  env->items[env->count] = NULL;
  return WEFT_OK;
}

/* -- The rest ------------------------------------------------------------- */

int weft_process_set_cwd(weft_runtime *rt, weft_process process,
                         const char *path) {
  struct process *p;
  int status = find_new(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  if (path == NULL || *path == '\0')
    return WEFT_EINVAL;
  char *copy = weft__copy_text(path);
  if (copy == NULL)
    return WEFT_ENOMEM;
  weft__free_text(p->cwd);
  p->cwd = copy;
  return WEFT_OK;
}

static bool is_stdio(int fd) {
  return fd >= 0 && fd < WEFT__STDIO_COUNT;
}

int weft_process_set_stdio(weft_runtime *rt, weft_process process, int fd,
                           int how, int source) {
  struct process *p;
  int status = find_new(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  if (!is_stdio(fd) || how < WEFT_STDIO_INHERIT || how > WEFT_STDIO_SAME)
    return WEFT_EINVAL;
  if (how == WEFT_STDIO_FD && source < 0)
    return WEFT_EINVAL;
  if (how == WEFT_STDIO_SAME && (!is_stdio(source) || source == fd))
    return WEFT_EINVAL;
  p->stdio[fd].how = how;
  p->stdio[fd].source = source;
  return WEFT_OK;
}

int weft_process_set_group(weft_runtime *rt, weft_process process, int on) {
  struct process *p;
  int status = find_new(rt, process, &p);
  if (status == WEFT_OK)
    p->own_group = on != 0;
  return status;
}

int weft_process_set_user(weft_runtime *rt, weft_process process, int uid,
                          int gid) {
  struct process *p;
  int status = find_new(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  if (uid < -1 || gid < -1)
    return WEFT_EINVAL;
  p->uid = uid;
  p->gid = gid;
  return WEFT_OK;
}
