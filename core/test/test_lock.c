/* SPDX-License-Identifier: MIT
 * test_lock.c - locks: taken, handed over, given back, broken. */
#include <pthread.h>

#include "actor.h"

/* -- Owners --------------------------------------------------------------- */

TEST("a lock is free, then its owner's, then free again [16.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.lock = new_lock(rt), .cue = new_cue(rt)};
    CHECK(owns(rt, a.lock, NULL));
    go(rt, &a, 'a', "aer", stepped);
    turn(rt);
    CHECK(owns(rt, a.lock, &a));
    CHECK_INT(0, lock_waiting(rt, a.lock));
    give_cue(rt, a.cue);
    turn(rt);
    CHECK_INT(WEFT_OK, a.status[2]);
    CHECK(owns(rt, a.lock, NULL));
    CHECK(breaker_of(rt, a.lock) == NULL);
    end(rt);
  }
}

TEST("its owner may not acquire it again; it stays the owner [16.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.lock = new_lock(rt)};
    go(rt, &a, 'a', "aatr", stepped);
    end(rt);
    CHECK_INT(WEFT_OK, a.status[0]);
    CHECK_INT(WEFT_ESTATE, a.status[1]);
    CHECK_INT(WEFT_ESTATE, a.status[2]);
    CHECK_INT(WEFT_OK, a.status[3]);
  }
}

TEST("only its owner may release it, and nobody a free one [16.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor owner = {.lock = lock, .cue = new_cue(rt)};
    struct actor other = {.lock = lock};
    go(rt, &owner, 'a', "raer", stepped);
    go(rt, &other, 'b', "r", stepped);
    turn(rt);
    CHECK_INT(WEFT_ESTATE, owner.status[0]);
    CHECK_INT(WEFT_ESTATE, other.status[0]);
    CHECK_INT(WEFT_ESTATE, weft_lock_release(rt, lock));
    CHECK(owns(rt, lock, &owner));
    give_cue(rt, owner.cue);
    end(rt);
    CHECK_INT(WEFT_OK, owner.status[3]);
  }
}

TEST("outside a task it is taken by nobody [1.11]") {
  weft_runtime *rt = begin();
  weft_lock lock = new_lock(rt);
  CHECK_INT(WEFT_ESTATE, weft_lock_acquire(rt, lock));
  CHECK_INT(WEFT_ESTATE, weft_lock_try_acquire(rt, lock));
  CHECK_INT(WEFT_ESTATE, weft_lock_release(rt, lock));
  CHECK(owns(rt, lock, NULL));
  end(rt);
}

/* A step that parks and then, which it should not, tries to take the lock. */
static int park_and_try(weft_runtime *rt, void *arg, int status,
                        uint64_t value) {
  struct actor *actor = arg;
  (void)status;
  (void)value;
  if (actor->outcome++ > 0)
    return WEFT_OK;
  status = weft_event_wait(rt, actor->cue);
  actor->status[0] = weft_lock_try_acquire(rt, actor->lock);
  return status;
}

TEST("a step that has parked takes no lock any more [1.11]") {
  weft_runtime *rt = begin();
  struct actor a = {.lock = new_lock(rt), .cue = new_cue(rt)};
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, park_and_try, &a, NULL, NULL));
  turn(rt);
  CHECK_INT(WEFT_ESTATE, a.status[0]);
  CHECK(owns(rt, a.lock, NULL));
  give_cue(rt, a.cue);
  end(rt);
}

TEST("try takes a free lock, and fails on a taken one [3.9]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .cue = new_cue(rt)}, b = {.lock = lock};
    go(rt, &a, 'a', "ter", stepped);
    go(rt, &b, 'b', "t", stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, a.status[0]);
    CHECK_INT(WEFT_EEMPTY, b.status[0]);
    give_cue(rt, a.cue);
    end(rt);
  }
}

TEST("try is no cancellation point [3.9]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.lock = new_lock(rt)};
    go(rt, &a, 'a', "tcr", stepped);
    stop(rt, &a);
    end(rt);
    CHECK_INT(WEFT_OK, a.status[0]);
    CHECK_INT(WEFT_ECANCELLED, a.status[1]);
    CHECK_INT(WEFT_OK, a.status[2]);
  }
}

/* -- Acquiring: the five cases -------------------------------------------- */

TEST("a free lock is taken at once, in the same turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.lock = new_lock(rt)};
    go(rt, &a, 'a', "arar", stepped);
    turn(rt);
    CHECK_TEXT("aaaa", said);
    end(rt);
  }
}

TEST("who waits is served in order, by one release each [1.5, 3.6]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor actors[4];
    for (int i = 0; i < 4; i++) {
      actors[i] = (struct actor){.lock = lock, .cue = new_cue(rt)};
      go(rt, &actors[i], 'a' + i, "aer", i == 1 ? !stepped : stepped);
    }
    turn(rt);
    CHECK_TEXT("a", said);
    for (int i = 0; i < 4; i++) {
      CHECK(owns(rt, lock, &actors[i]));
      CHECK_INT(3 - i, lock_waiting(rt, lock));
      give_cue(rt, actors[i].cue);
      turns(rt, 2);
    }
    CHECK_TEXT("aaabbbcccddd", said);
    CHECK(owns(rt, lock, NULL));
    end(rt);
  }
}

TEST("a wait that is cancelled takes nothing and leaves no place [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor owner = {.lock = lock, .cue = new_cue(rt)};
    struct actor gone = {.lock = lock}, stays = {.lock = lock};
    go(rt, &owner, 'a', "aer", stepped);
    go(rt, &gone, 'b', "a", stepped);
    go(rt, &stays, 'c', "ar", stepped);
    turn(rt);
    stop(rt, &gone);
    CHECK_INT(1, lock_waiting(rt, lock));
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, gone.status[0]);
    CHECK_INT(UNSET, stays.status[0]);
    give_cue(rt, owner.cue);
    end(rt);
    CHECK_INT(WEFT_OK, stays.status[1]);
  }
}

TEST("even on a free lock, acquire is a cancellation point [3.2, 4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.lock = new_lock(rt)};
    go(rt, &a, 'a', "a", stepped);
    stop(rt, &a);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, a.status[0]);
    CHECK(owns(rt, a.lock, NULL));
    end(rt);
  }
}

TEST("misuse is told before the cancellation [3.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.lock = new_lock(rt)};
    go(rt, &a, 'a', "tar", stepped);
    stop(rt, &a);
    end(rt);
    CHECK_INT(WEFT_ESTATE, a.status[1]);
  }
}

TEST("a wait is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor owner = {.lock = lock, .cue = new_cue(rt)};
    struct actor late = {.lock = lock};
    go(rt, &owner, 'a', "aer", stepped);
    go(rt, &late, 'b', "(a)", stepped);
    while (late.status[2] == UNSET)
      turn(rt);
    CHECK_INT(WEFT_ECANCELLED, late.status[1]);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, late.play.caught);
    CHECK_INT(0, lock_waiting(rt, lock));
    give_cue(rt, owner.cue);
    end(rt);
  }
}

TEST("closing a lock wakes all who wait, in order; its owner loses it [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor owner = {.lock = lock, .cue = new_cue(rt)};
    struct actor b = {.lock = lock}, c = {.lock = lock};
    go(rt, &owner, 'a', "aer", stepped);
    go(rt, &b, 'b', "ac", stepped);
    go(rt, &c, 'c', "ac", !stepped);
    turn(rt);
    close_lock(rt, lock);
    give_cue(rt, owner.cue);
    end(rt);
    CHECK_TEXT("abbccaa", said);
    CHECK_INT(WEFT_ECLOSED, b.status[0]);
    CHECK_INT(WEFT_ECLOSED, c.status[0]);
    CHECK_INT(WEFT_OK, c.status[1]);
    CHECK_INT(WEFT_EBADF, owner.status[2]);
  }
}

/* -- Hand-off ------------------------------------------------------------- */

TEST("the new owner is so from the hand-off on, before it runs [16.1, 1.6]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .cue = new_cue(rt)};
    struct actor b = {.lock = lock};
    go(rt, &a, 'a', "aer", stepped);
    go(rt, &b, 'b', "ar", stepped);
    turn(rt);
    give_cue(rt, a.cue);
    turn(rt); /* a releases */
    CHECK_INT(WEFT_OK, a.status[2]);
    CHECK_INT(UNSET, b.status[0]);
    CHECK(owns(rt, lock, &b));
    CHECK_INT(0, lock_waiting(rt, lock));
    end(rt);
    CHECK_INT(WEFT_OK, b.status[1]);
  }
}

TEST("nobody gets in between a release and the one it woke [3.6, 3.9]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .cue = new_cue(rt)};
    struct actor waiter = {.lock = lock, .cue = new_cue(rt)};
    struct actor newcomer = {.lock = lock};
    go(rt, &a, 'a', "aert", stepped);
    go(rt, &waiter, 'b', "aer", stepped);
    turn(rt);
    give_cue(rt, a.cue);
    go(rt, &newcomer, 'c', "tar", stepped); /* runs before the waiter does */
    turn(rt);
    CHECK_INT(WEFT_EEMPTY, a.status[3]);
    CHECK_INT(WEFT_EEMPTY, newcomer.status[0]);
    CHECK_INT(UNSET, newcomer.status[1]);
    CHECK(owns(rt, lock, &waiter));
    give_cue(rt, waiter.cue);
    end(rt);
    CHECK_TEXT("aaaacbbbcc", said);
  }
}

TEST("who releases and acquires again queues behind those who wait [16.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .cue = new_cue(rt)};
    struct actor b = {.lock = lock}, c = {.lock = lock};
    go(rt, &a, 'a', "aerar", stepped);
    go(rt, &b, 'b', "ar", stepped);
    go(rt, &c, 'c', "ar", stepped);
    turn(rt);
    give_cue(rt, a.cue);
    end(rt);
    CHECK_TEXT("aaabbccaa", said);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

/* A owns the lock, b and c wait for it; a release is made by the cue. */
struct trio {
  weft_runtime *rt;
  weft_lock lock;
  struct actor a, b, c;
};

static void begin_trio(struct trio *trio, int stepped) {
  weft_runtime *rt = begin();
  *trio = (struct trio){.rt = rt, .lock = new_lock(rt)};
  trio->a = (struct actor){.lock = trio->lock, .cue = new_cue(rt)};
  trio->b = (struct actor){.lock = trio->lock};
  trio->c = (struct actor){.lock = trio->lock};
  go(rt, &trio->a, 'a', "aer", stepped);
  go(rt, &trio->b, 'b', "acr", stepped);
  go(rt, &trio->c, 'c', "acr", stepped);
  turn(rt);
}

static void release(struct trio *trio) {
  give_cue(trio->rt, trio->a.cue);
  turn(trio->rt);
  CHECK_INT(WEFT_OK, trio->a.status[2]);
}

TEST("handed over, then cancelled: it has the lock, Cancelled next [8, 3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    release(&trio);
    stop(trio.rt, &trio.b);
    CHECK(owns(trio.rt, trio.lock, &trio.b));
    end(trio.rt);
    CHECK_INT(WEFT_OK, trio.b.status[0]);
    CHECK_INT(WEFT_ECANCELLED, trio.b.status[1]);
    CHECK_INT(WEFT_OK, trio.b.status[2]);
    CHECK_INT(WEFT_OK, trio.c.status[2]);
  }
}

TEST("cancelled, then released: the lock goes to the next [8, 3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    give_cue(trio.rt, trio.a.cue);
    stop(trio.rt, &trio.b);
    turn(trio.rt);
    CHECK(owns(trio.rt, trio.lock, &trio.c));
    end(trio.rt);
    CHECK_INT(WEFT_ECANCELLED, trio.b.status[0]);
    CHECK_INT(WEFT_ESTATE, trio.b.status[2]);
    CHECK_INT(WEFT_OK, trio.c.status[2]);
  }
}

TEST("all cancelled, then released: the lock is free [8, 3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    give_cue(trio.rt, trio.a.cue);
    stop(trio.rt, &trio.c);
    stop(trio.rt, &trio.b);
    turn(trio.rt);
    CHECK(owns(trio.rt, trio.lock, NULL));
    end(trio.rt);
  }
}

TEST("closed, then cancelled: WEFT_ECLOSED, Cancelled next [8, 3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    close_lock(trio.rt, trio.lock);
    stop(trio.rt, &trio.b);
    give_cue(trio.rt, trio.a.cue);
    end(trio.rt);
    CHECK_INT(WEFT_ECLOSED, trio.b.status[0]);
    CHECK_INT(WEFT_ECANCELLED, trio.b.status[1]);
  }
}

TEST("cancelled, then closed: Cancelled [8, 3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    stop(trio.rt, &trio.b);
    close_lock(trio.rt, trio.lock);
    give_cue(trio.rt, trio.a.cue);
    end(trio.rt);
    CHECK_INT(WEFT_ECANCELLED, trio.b.status[0]);
    CHECK_INT(WEFT_ECLOSED, trio.c.status[0]);
  }
}

TEST("handed over, then closed: what was handed over is delivered [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    release(&trio);
    close_lock(trio.rt, trio.lock);
    end(trio.rt);
    CHECK_INT(WEFT_OK, trio.b.status[0]);
    CHECK_INT(WEFT_EBADF, trio.b.status[2]);
    CHECK_INT(WEFT_ECLOSED, trio.c.status[0]);
  }
}

/* -- What is around it ---------------------------------------------------- */

/* Releases what it took last time, so that only the acquire counts. */
static int take_again(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  if (job->done > 0)
    CHECK_INT(WEFT_OK, weft_lock_release(rt, job->object));
  return weft_lock_acquire(rt, job->object);
}

struct witness {
  struct job *job;
  int seen;
};

static int look(weft_runtime *rt, void *arg) {
  struct witness *witness = arg;
  (void)rt;
  witness->seen = witness->job->done;
  return WEFT_OK;
}

TEST("the 128th acquire that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = {.call = take_again, .object = new_lock(rt), .more = 199};
    struct witness witness = {&job, 0};
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, look, &witness, NULL, NULL));
    turn(rt);
    CHECK_INT(127, witness.seen);
    /* Only a stepped task, which cannot do otherwise, has the lock already. */
    weft_task owner;
    CHECK_INT(WEFT_OK, weft_lock_get_owner(rt, job.object, &owner));
    CHECK(owner == (stepped ? job.task : 0));
    turn(rt);
    CHECK_INT(201, job.done);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

static int take_and_release(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  *value = 0;
  int status = weft_lock_acquire(rt, job->object);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_lock_release(rt, job->object));
  return status;
}

TEST("where a lock is free between turns, nobody ever waits for it [1.7]") {
  weft_runtime *rt = begin();
  weft_lock lock = new_lock(rt);
  struct job jobs[3];
  size_t waiting;
  for (int i = 0; i < 3; i++) {
    jobs[i] =
        (struct job){.call = take_and_release, .object = lock, .more = 999};
    start(rt, &jobs[i], 0);
  }
  for (int i = 1; i <= 8; i++) {
    turn(rt);
    CHECK_INT(WEFT_OK, weft_lock_get_waiting(rt, lock, &waiting));
    CHECK_INT(0, waiting);
    CHECK_INT(i < 8 ? 127 * i : 1001, jobs[2].done);
  }
  end(rt);
}

/* What comes while a task waits for its turn, with the lock still free. */
static void wait_for_turn(weft_runtime *rt, struct job *job,
                          void (*meanwhile)(weft_runtime *rt,
                                            struct job *job)) {
  *job = (struct job){
      .call = take_and_release, .object = new_lock(rt), .more = 127};
  start(rt, job, 0);
  turn(rt);
  CHECK_INT(127, job->done);
  meanwhile(rt, job);
  end(rt);
}

static void close_meanwhile(weft_runtime *rt, struct job *job) {
  CHECK_INT(WEFT_OK, weft_lock_close(rt, job->object));
}

TEST("cancelled while it waits for its turn, it takes no lock [3.5] [1.7]") {
  weft_runtime *rt = begin();
  struct job job;
  wait_for_turn(rt, &job, cancel);
  CHECK_INT(WEFT_ECANCELLED, job.status);
  CHECK_INT(WEFT_ECANCELLED, job.next);
}

TEST("closed while it waits for its turn: WEFT_ECLOSED [3.10] [1.7]") {
  weft_runtime *rt = begin();
  struct job job;
  wait_for_turn(rt, &job, close_meanwhile);
  CHECK_INT(WEFT_ECLOSED, job.status);
  CHECK_INT(WEFT_OK, job.next);
}

TEST("a parked task says that it waits for the lock [29.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    check_wait(trio.rt, &trio.b, "lock", trio.lock);
    CHECK_INT(2, lock_waiting(trio.rt, trio.lock));
    release(&trio);
    end(trio.rt);
  }
}

TEST("a closed lock's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_lock lock = new_lock(rt), bad[2] = {lock, new_cue(rt)};
  close_lock(rt, lock);
  for (int i = 0; i < 2; i++) {
    weft_task owner = UNSET;
    size_t tasks = UNSET;
    const char *name = "name";
    CHECK_INT(WEFT_EBADF, weft_lock_close(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_lock_acquire(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_lock_try_acquire(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_lock_release(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_lock_get_owner(rt, bad[i], &owner));
    CHECK_INT(WEFT_EBADF, weft_lock_get_waiting(rt, bad[i], &tasks));
    CHECK_INT(WEFT_EBADF, weft_lock_get_broken(rt, bad[i], &name));
    CHECK_INT(0, owner);
    CHECK_INT(0, tasks);
    CHECK(name == NULL);
  }
  end(rt);
}

struct visit {
  weft_runtime *rt;
  weft_lock lock;
};

static void *visit(void *arg) {
  struct visit *here = arg;
  weft_lock lock = UNSET;
  weft_task owner = UNSET;
  size_t tasks = UNSET;
  const char *name = "name";
  CHECK_INT(WEFT_ETHREAD, weft_lock_new(here->rt, &lock));
  CHECK_INT(0, lock);
  CHECK_INT(WEFT_ETHREAD, weft_lock_acquire(here->rt, here->lock));
  CHECK_INT(WEFT_ETHREAD, weft_lock_try_acquire(here->rt, here->lock));
  CHECK_INT(WEFT_ETHREAD, weft_lock_release(here->rt, here->lock));
  CHECK_INT(WEFT_ETHREAD, weft_lock_get_owner(here->rt, here->lock, &owner));
  CHECK_INT(WEFT_ETHREAD, weft_lock_get_waiting(here->rt, here->lock, &tasks));
  CHECK_INT(WEFT_ETHREAD, weft_lock_get_broken(here->rt, here->lock, &name));
  CHECK(owner == 0 && tasks == 0 && name == NULL);
  CHECK_INT(WEFT_ETHREAD, weft_lock_close(here->rt, here->lock));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct visit here = {rt, new_lock(rt)};
  in_pthread_apart(visit, &here);
  CHECK(owns(rt, here.lock, NULL));
  end(rt);
}

/* -- Memory --------------------------------------------------------------- */

/* Takes the lock, lets others run into it, and releases it, again and again. */
static int take_yield_give(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  if (job->done % 3 == 0)
    return weft_lock_acquire(rt, job->object);
  return job->done % 3 == 1 ? weft_yield(rt)
                            : weft_lock_release(rt, job->object);
}

TEST("taking, waiting and handing over allocate nothing once warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
      jobs[i] = (struct job){
          .call = take_yield_give, .object = lock, .more = 3 * 200 - 1};
      start(rt, &jobs[i], stepped);
    }
    turns(rt, 10);
    CHECK(jobs[2].done > 0);
    long before = failing_allocations();
    turns(rt, 500);
    CHECK(jobs[2].done > 200);
    CHECK_INT(before, failing_allocations());
    end(rt);
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_OK, jobs[i].status);
  }
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_lock lock = UNSET;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_lock_new(rt, &lock);
  CHECK(status == WEFT_OK || lock == 0);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no lock is made, nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 2);
}

static int spawn_taker(weft_runtime *rt, struct actor *actor, int stepped) {
  actor->script = "ar";
  actor->play = (struct play){.act = actor_act, .data = actor};
  return play_try(rt, 0, &actor->play, stepped);
}

static int take_one_anew(void *arg) {
  int stepped = *(int *)arg;
  weft_runtime *rt;
  struct actor a = {.status = {WEFT_OK}};
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_lock_new(rt, &a.lock);
  if (status == WEFT_OK)
    status = spawn_taker(rt, &a, stepped);
  int ran = weft_run(rt);
  CHECK_INT(WEFT_OK, ran);
  if (status == WEFT_OK)
    status = a.status[0];
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("an acquire that has no memory takes nothing and says so [3.11]") {
  failing_install();
  for (int stepped = 0; stepped <= 1; stepped++)
    CHECK(failing_each(take_one_anew, &stepped) >= 4);
}

enum { CROWD = 300 };

/* Tasks that have held nothing so far are lined up until one of them cannot get
 * what it would need as the owner. */
TEST("a wait that would lack memory as the owner is not begun [3.11]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    static struct actor crowd[CROWD];
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .cue = new_cue(rt)};
    go(rt, &a, 'a', "aer", stepped);
    turn(rt);
    bool failed = false;
    for (int i = 0; i < CROWD && !failed; i++) {
      crowd[i] = (struct actor){.lock = lock};
      go(rt, &crowd[i], 'b', "ar", stepped);
      failing_after(1);
      turn(rt);
      failed = failing_has_failed();
      failing_after(0);
      CHECK_INT(failed ? WEFT_ENOMEM : UNSET, crowd[i].status[0]);
      CHECK_INT(failed ? i : i + 1, lock_waiting(rt, lock));
    }
    CHECK(failed);
    give_cue(rt, a.cue);
    end(rt);
    CHECK_INT(WEFT_OK, crowd[0].status[1]);
  }
}
