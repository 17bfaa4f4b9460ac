/* SPDX-License-Identifier: MIT
 * test_lock_broken.c - locks whose owner has ended without releasing them. */
#include "actor.h"

TEST("an owner that ends breaks the lock for all, by its name [16.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .cue = new_cue(rt)};
    struct actor b = {.lock = lock}, c = {.lock = lock}, late = {.lock = lock};
    go(rt, &a, 'a', "ae", stepped);
    CHECK_INT(WEFT_OK, weft_task_set_name(rt, a.play.task, "careless"));
    go(rt, &b, 'b', "acr", stepped);
    go(rt, &c, 'c', "acr", !stepped);
    turn(rt);
    CHECK(breaker_of(rt, lock) == NULL);
    give_cue(rt, a.cue);
    turn(rt);
    CHECK_TEXT("careless", breaker_of(rt, lock));
    CHECK(owns(rt, lock, NULL));
    CHECK_INT(0, lock_waiting(rt, lock));
    go(rt, &late, 'd', "atr", stepped);
    turn(rt);
    CHECK_TEXT("aabbbcccddd", said);
    CHECK_INT(WEFT_ESTATE, b.status[0]);
    CHECK_INT(WEFT_OK, b.status[1]);
    CHECK_INT(WEFT_ESTATE, b.status[2]);
    CHECK_INT(WEFT_ESTATE, c.status[0]);
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_ESTATE, late.status[i]);
    CHECK_TEXT("careless", breaker_of(rt, lock));
    close_lock(rt, lock);
    end(rt);
  }
}

TEST("an owner without a name breaks it as \"task-N\" [16.3, 4.13]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor first = {.script = NULL}, second = {.lock = new_lock(rt)};
    go(rt, &first, 'a', "y", stepped);
    go(rt, &second, 'b', "a", stepped);
    turn(rt);
    CHECK_TEXT("task-2", breaker_of(rt, second.lock));
    end(rt);
  }
}

TEST("so does one that fails, is cancelled, or never ran with it [16.3]") {
  static const int outcomes[] = {WEFT_EINVAL, WEFT_ECANCELLED, WEFT_OK};
  for (int i = 0; i < 6; i++) {
    int stepped = i % 2;
    weft_runtime *rt = begin();
    keep_reports(rt);
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .cue = new_cue(rt)};
    struct actor b = {.lock = lock, .outcome = outcomes[i / 2]};
    struct actor c = {.lock = lock};
    go(rt, &a, 'a', "aer", stepped);
    go(rt, &b, 'b', "a", stepped);
    CHECK_INT(WEFT_OK, weft_task_set_name(rt, b.play.task, "second"));
    go(rt, &c, 'c', "a", stepped);
    turn(rt);
    give_cue(rt, a.cue);
    end(rt);
    CHECK_INT(WEFT_OK, b.status[0]);
    CHECK_INT(WEFT_ESTATE, c.status[0]);
  }
}

TEST("cancelled code gets Cancelled, from a broken lock too [3.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock}, b = {.lock = lock};
    go(rt, &a, 'a', "a", stepped);
    go(rt, &b, 'b', "a", stepped);
    stop(rt, &b);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, b.status[0]);
  }
}

TEST("broken, then cancelled: WEFT_ESTATE, Cancelled next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .cue = new_cue(rt)}, b = {.lock = lock};
    go(rt, &a, 'a', "ae", stepped);
    go(rt, &b, 'b', "ac", stepped);
    turn(rt);
    give_cue(rt, a.cue);
    turn(rt);
    stop(rt, &b);
    end(rt);
    CHECK_INT(WEFT_ESTATE, b.status[0]);
    CHECK_INT(WEFT_ECANCELLED, b.status[1]);
  }
}

TEST("cancelled, then broken: Cancelled [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .cue = new_cue(rt)}, b = {.lock = lock};
    go(rt, &a, 'a', "ae", stepped);
    go(rt, &b, 'b', "ac", stepped);
    turn(rt);
    give_cue(rt, a.cue);
    stop(rt, &b);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, b.status[0]);
  }
}

struct locks {
  weft_lock locks[3];
};

static int take_all(weft_runtime *rt, void *arg) {
  struct locks *all = arg;
  for (int i = 0; i < 3; i++)
    CHECK_INT(WEFT_OK, weft_lock_acquire(rt, all->locks[i]));
  CHECK_INT(WEFT_OK, weft_lock_release(rt, all->locks[1]));
  return WEFT_OK;
}

TEST("every lock that a task still holds is broken, no other [16.3]") {
  weft_runtime *rt = begin();
  struct locks all;
  for (int i = 0; i < 3; i++)
    all.locks[i] = new_lock(rt);
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, take_all, &all, NULL, NULL));
  turn(rt);
  CHECK_TEXT("task-1", breaker_of(rt, all.locks[0]));
  CHECK(breaker_of(rt, all.locks[1]) == NULL);
  CHECK_TEXT("task-1", breaker_of(rt, all.locks[2]));
  end(rt);
}

static void close_arg(void *arg) {
  struct actor *actor = arg;
  weft_lock_close((weft_runtime *)(uintptr_t)actor->cue, actor->lock);
}

static int take_one(weft_runtime *rt, void *arg) {
  return weft_lock_acquire(rt, ((struct actor *)arg)->lock);
}

TEST("a task whose drop function closes its lock breaks nothing") {
  weft_runtime *rt = begin();
  struct actor a = {.lock = new_lock(rt), .cue = (uintptr_t)rt};
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, take_one, &a, close_arg, NULL));
  end(rt);
}

/* Takes the lock and then swallows every Cancelled, without end. */
static int swallow(weft_runtime *rt, void *arg) {
  CHECK_INT(WEFT_OK, weft_lock_acquire(rt, ((struct actor *)arg)->lock));
  while (weft_yield(rt) != WEFT_EBADF)
    ;
  return WEFT_OK;
}

static int acquire_shielded(weft_runtime *rt, void *arg) {
  struct actor *actor = arg;
  weft_scope scope;
  CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 1, &scope));
  actor->status[0] = weft_lock_acquire(rt, actor->lock);
  return weft_scope_leave(rt, scope, WEFT_OK, &actor->play.caught);
}

TEST("an owner that is given up breaks the lock [16.3, 22.5]") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  struct actor a = {.lock = new_lock(rt)}, b = {.lock = a.lock};
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, swallow, &a, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, acquire_shielded, &b, NULL, NULL));
  turn(rt);
  CHECK_INT(WEFT_OK, weft_shutdown(rt));
  CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
  CHECK_INT(WEFT_ESTATE, b.status[0]);
  CHECK_TEXT("task-1", breaker_of(rt, a.lock));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}

TEST("a lock is broken even without memory for the name [16.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.lock = new_lock(rt), .cue = new_cue(rt)};
    struct actor b = {.lock = a.lock};
    go(rt, &a, 'a', "ae", stepped);
    go(rt, &b, 'b', "a", stepped);
    turn(rt);
    give_cue(rt, a.cue);
    failing_after(1);
    turn(rt);
    CHECK(failing_has_failed());
    failing_after(0);
    CHECK_TEXT("a task", breaker_of(rt, a.lock));
    end(rt);
    CHECK_INT(WEFT_ESTATE, b.status[0]);
  }
}
