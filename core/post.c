/* SPDX-License-Identifier: MIT
 * post.c - calls sent to the runtime by other threads, run at its next poll in
 * the order in which they were sent.
 *
 * The only state in a runtime that another thread touches: a list under a
 * mutex, a flag that says "look", and the loop's async handle. One send of that
 * handle may stand for many posts, so the whole list is taken each time. */
#include "core.h"

#include <stdatomic.h>

static void on_async(uv_async_t *async) {
  (void)async; /* it is there to end the wait; the poll looks at the list */
}

int weft__posts_init(weft_runtime *rt) {
  int status = uv_mutex_init(&rt->posts.mutex);
  if (status == 0) {
    status = uv_async_init(&rt->loop, &rt->loop_async, on_async);
    if (status != 0)
      uv_mutex_destroy(&rt->posts.mutex);
  }
  if (status != 0)
    return weft__status_from_uv(status);
  uv_unref((uv_handle_t *)&rt->loop_async);
  return WEFT_OK;
}

void weft__posts_free(weft_runtime *rt) {
  uv_mutex_destroy(&rt->posts.mutex);
}

static struct post *take_all(weft_runtime *rt) {
  if (!atomic_load_explicit(&rt->posts.pending, memory_order_acquire))
    return NULL;
  uv_mutex_lock(&rt->posts.mutex);
  struct post *first = rt->posts.first;
  rt->posts.first = NULL;
  rt->posts.last = NULL;
  atomic_store_explicit(&rt->posts.pending, 0, memory_order_release);
  uv_mutex_unlock(&rt->posts.mutex);
  return first;
}

static void give_back(struct post *post) {
  weft__drop(post->drop, post->arg);
  weft__free(post, sizeof *post);
}

/* One of the core's own may be gone, or posted anew, once its function runs. */
void weft__posts_run(weft_runtime *rt) {
  struct post *post = take_all(rt);
  while (post != NULL) {
    struct post *next = post->next;
    bool own = post->own;
    post->fn(rt, post->arg);
    if (!own)
      give_back(post);
    post = next;
  }
  weft__signals_deliver(rt);
}

bool weft__posts_drop(weft_runtime *rt) {
  struct post *post = take_all(rt);
  bool dropped = post != NULL;
  while (post != NULL) {
    struct post *next = post->next;
    if (!post->own)
      give_back(post);
    post = next;
  }
  return dropped;
}

static void append(weft_runtime *rt, struct post *post) {
  uv_mutex_lock(&rt->posts.mutex);
  if (rt->posts.last == NULL)
    rt->posts.first = post;
  else
    rt->posts.last->next = post;
  rt->posts.last = post;
  atomic_store_explicit(&rt->posts.pending, 1, memory_order_release);
  /* Inside the lock, so that the runtime cannot be freed in between. */
  uv_async_send(&rt->loop_async);
  uv_mutex_unlock(&rt->posts.mutex);
}

int weft_post(weft_runtime *rt, weft_call_fn fn, void *arg, weft_drop_fn drop) {
  if (fn == NULL)
    return weft__refuse(drop, arg, WEFT_EINVAL);
  struct post *post = weft__alloc(sizeof *post);
  if (post == NULL)
    return weft__refuse(drop, arg, WEFT_ENOMEM);
  *post = (struct post){NULL, fn, arg, drop, false};
  append(rt, post);
  return WEFT_OK;
}

void weft__post_own(weft_runtime *rt, struct post *post) {
  post->next = NULL;
  append(rt, post);
}

/* Takes a post of the core's own out, if it is there. */
void weft__post_forget(weft_runtime *rt, struct post *post) {
  struct post *before = NULL;
  uv_mutex_lock(&rt->posts.mutex);
  struct post **place = &rt->posts.first;
  while (*place != NULL && *place != post) {
    before = *place;
    place = &before->next;
  }
  if (*place != NULL)
    *place = post->next;
  if (rt->posts.last == post)
    rt->posts.last = before;
  uv_mutex_unlock(&rt->posts.mutex);
}
