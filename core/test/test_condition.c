/* SPDX-License-Identifier: MIT
 * test_condition.c - conditions: waiting under a lock, and being notified. */
#include <pthread.h>

#include "actor.h"

static weft_condition new_condition(weft_runtime *rt, weft_lock lock) {
  weft_condition condition;
  CHECK_INT(WEFT_OK, weft_condition_new(rt, lock, &condition));
  return condition;
}

static weft_lock lock_of(weft_runtime *rt, weft_condition condition) {
  weft_lock lock;
  CHECK_INT(WEFT_OK, weft_condition_get_lock(rt, condition, &lock));
  return lock;
}

static void close_condition(weft_runtime *rt, weft_condition condition) {
  CHECK_INT(WEFT_OK, weft_condition_close(rt, condition));
}

static size_t waiting(weft_runtime *rt, weft_condition condition) {
  size_t tasks = UNSET;
  CHECK_INT(WEFT_OK, weft_condition_get_waiting(rt, condition, &tasks));
  return tasks;
}

/* A condition of its own lock, on which b, c and d wait. What else is to happen
 * to it, a does. */
struct scene {
  weft_runtime *rt;
  weft_lock lock;
  weft_condition condition;
  struct actor a, b, c, d;
};

static struct actor an_actor(struct scene *scene) {
  return (struct actor){.lock = scene->lock,
                        .condition = scene->condition,
                        .cue = new_cue(scene->rt)};
}

static void begin_scene(struct scene *scene, int stepped) {
  weft_runtime *rt = begin();
  *scene = (struct scene){.rt = rt, .condition = new_condition(rt, 0)};
  scene->lock = lock_of(rt, scene->condition);
  scene->a = an_actor(scene);
  scene->b = an_actor(scene);
  scene->c = an_actor(scene);
  scene->d = an_actor(scene);
  go(rt, &scene->b, 'b', "awcr", stepped);
  go(rt, &scene->c, 'c', "awcr", !stepped);
  go(rt, &scene->d, 'd', "awcr", stepped);
  turn(rt);
  CHECK_TEXT("bcd", said);
  said_count = 0;
  said[0] = '\0';
}

/* Lets a play [script] up to its end or its cue. */
static void play(struct scene *scene, const char *script, int stepped) {
  go(scene->rt, &scene->a, 'a', script, stepped);
  turn(scene->rt);
}

static void check_ended(const struct actor *actor, int waited, int next,
                        int released) {
  CHECK_INT(waited, actor->status[1]);
  CHECK_INT(next, actor->status[2]);
  CHECK_INT(released, actor->status[3]);
}

/* -- The lock ------------------------------------------------------------- */

TEST("wait and notify are for the owner of the lock [18.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.condition = new_condition(rt, 0), .cue = new_cue(rt)};
    a.lock = lock_of(rt, a.condition);
    struct actor b = a;
    go(rt, &a, 'a', "wnNaer", stepped);
    go(rt, &b, 'b', "wnN", stepped);
    turn(rt);
    for (int i = 0; i < 3; i++) {
      CHECK_INT(WEFT_ESTATE, a.status[i]);
      CHECK_INT(WEFT_ESTATE, b.status[i]);
    }
    CHECK(owns(rt, a.lock, &a));
    CHECK_INT(WEFT_ESTATE, weft_condition_wait(rt, a.condition));
    CHECK_INT(WEFT_ESTATE, weft_condition_notify(rt, a.condition, 1));
    CHECK_INT(0, waiting(rt, a.condition));
    give_cue(rt, a.cue);
    end(rt);
  }
}

TEST("conditions made on one lock share it, not their waits [18.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .condition = new_condition(rt, lock)};
    struct actor b = {.lock = lock, .condition = new_condition(rt, lock)};
    struct actor c = {.lock = lock, .condition = b.condition};
    CHECK(lock_of(rt, a.condition) == lock);
    CHECK(lock_of(rt, b.condition) == lock);
    go(rt, &a, 'a', "awr", stepped);
    go(rt, &b, 'b', "awr", stepped);
    turn(rt);
    go(rt, &c, 'c', "aNr", stepped);
    turns(rt, 3);
    CHECK_INT(UNSET, a.status[1]);
    CHECK_INT(WEFT_OK, b.status[2]);
    CHECK_INT(1, waiting(rt, a.condition));
    c.condition = a.condition;
    go(rt, &c, 'c', "anr", stepped);
    end(rt);
    CHECK_INT(WEFT_OK, a.status[2]);
  }
}

/* -- Waiting: the five cases ---------------------------------------------- */

TEST("wait gives the lock up to the first who waits for it [18.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.condition = new_condition(rt, 0), .cue = new_cue(rt)};
    a.lock = lock_of(rt, a.condition);
    struct actor b = a, c = a;
    go(rt, &a, 'a', "aewr", stepped);
    go(rt, &b, 'b', "anr", stepped);
    go(rt, &c, 'c', "ar", stepped);
    turn(rt);
    give_cue(rt, a.cue);
    turn(rt);
    CHECK(owns(rt, a.lock, &b));
    CHECK_INT(1, waiting(rt, a.condition));
    end(rt);
    CHECK_TEXT("aabbbccaa", said);
    CHECK_INT(WEFT_OK, a.status[2]);
    CHECK_INT(WEFT_OK, a.status[3]);
  }
}

TEST("who is notified goes on with the lock, the first first [18.3, 1.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    play(&scene, "anner", stepped);
    CHECK_INT(1, waiting(scene.rt, scene.condition));
    CHECK_INT(2, lock_waiting(scene.rt, scene.lock));
    turn(scene.rt);
    CHECK_TEXT("aaa", said);
    give_cue(scene.rt, scene.a.cue);
    turns(scene.rt, 4);
    CHECK_TEXT("aaaaabbbccc", said);
    check_ended(&scene.b, WEFT_OK, WEFT_OK, WEFT_OK);
    check_ended(&scene.c, WEFT_OK, WEFT_OK, WEFT_OK);
    CHECK_INT(UNSET, scene.d.status[1]);
    play(&scene, "anr", stepped);
    end(scene.rt);
    check_ended(&scene.d, WEFT_OK, WEFT_OK, WEFT_OK);
  }
}

TEST("those who are notified queue behind those who wait already [18.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    struct actor early = an_actor(&scene), late = an_actor(&scene);
    play(&scene, "aeNyr", stepped);
    go(scene.rt, &early, 'e', "ar", stepped);
    turn(scene.rt);
    give_cue(scene.rt, scene.a.cue);
    turn(scene.rt); /* notifies, and waits a turn before it releases */
    go(scene.rt, &late, 'l', "ar", stepped);
    end(scene.rt);
    CHECK_TEXT("aaaaaeebbbcccdddll", said);
  }
}

TEST("to notify more than there are, or nobody, is fine [18.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    play(&scene, "annnnnNNr", stepped);
    end(scene.rt);
    for (int i = 0; i < 9; i++)
      CHECK_INT(WEFT_OK, scene.a.status[i]);
    check_ended(&scene.d, WEFT_OK, WEFT_OK, WEFT_OK);
  }
}

static int notify_none_and_two(weft_runtime *rt, void *arg) {
  struct scene *scene = arg;
  CHECK_INT(WEFT_OK, weft_lock_acquire(rt, scene->lock));
  CHECK_INT(WEFT_OK, weft_condition_notify(rt, scene->condition, 0));
  CHECK_INT(3, waiting(rt, scene->condition));
  CHECK_INT(WEFT_OK, weft_condition_notify(rt, scene->condition, 2));
  CHECK_INT(1, waiting(rt, scene->condition));
  CHECK_INT(2, lock_waiting(rt, scene->lock));
  return weft_lock_release(rt, scene->lock);
}

TEST("notify moves as many as it is told [18.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    CHECK_INT(WEFT_OK,
              weft_spawn(scene.rt, 0, notify_none_and_two, &scene, NULL, NULL));
    turns(scene.rt, 3);
    play(&scene, "aNr", stepped);
    end(scene.rt);
    CHECK_TEXT("bbbcccaaaddd", said);
  }
}

TEST("in cancelled code wait raises at once and keeps the lock [3.2, 18.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.condition = new_condition(rt, 0)};
    a.lock = lock_of(rt, a.condition);
    struct actor b = a;
    go(rt, &a, 'a', "twr", stepped);
    stop(rt, &a);
    go(rt, &b, 'b', "ar", stepped);
    end(rt);
    CHECK_TEXT("aaabb", said);
    CHECK_INT(WEFT_ECANCELLED, a.status[1]);
    CHECK_INT(WEFT_OK, a.status[2]);
  }
}

TEST("a wait cut off by a deadline has the lock again [7.1, 18.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.condition = new_condition(rt, 0)};
    a.lock = lock_of(rt, a.condition);
    go(rt, &a, 'a', "a(w)r", stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, a.status[2]);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, a.play.caught);
    CHECK_INT(WEFT_OK, a.status[4]);
  }
}

TEST(
    "closing a condition wakes all who wait, one by one with the lock [18.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor a = {.lock = lock, .condition = new_condition(rt, lock)};
    struct actor b = a, c = a;
    go(rt, &a, 'a', "awcr", stepped);
    go(rt, &b, 'b', "awcr", !stepped);
    turn(rt);
    close_condition(rt, a.condition);
    CHECK(owns(rt, lock, &a));
    go(rt, &c, 'c', "arw", stepped);
    end(rt);
    CHECK_TEXT("abaaabbbccc", said);
    check_ended(&a, WEFT_ECLOSED, WEFT_OK, WEFT_OK);
    check_ended(&b, WEFT_ECLOSED, WEFT_OK, WEFT_OK);
    CHECK_INT(WEFT_OK, c.status[1]);
    CHECK_INT(WEFT_EBADF, c.status[2]);
  }
}

TEST("a condition closes the lock that it made, and no other [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    play(&scene, "aer", stepped);
    struct actor e = an_actor(&scene);
    go(scene.rt, &e, 'e', "ar", stepped);
    turn(scene.rt);
    close_condition(scene.rt, scene.condition);
    give_cue(scene.rt, scene.a.cue);
    end(scene.rt);
    CHECK_INT(WEFT_ECLOSED, e.status[0]);
    CHECK_INT(WEFT_EBADF, scene.a.status[2]);
    check_ended(&scene.b, WEFT_ECLOSED, WEFT_OK, WEFT_EBADF);
  }
}

TEST("closing the lock ends the waits on its conditions [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_lock lock = new_lock(rt);
    struct actor actors[3];
    for (int i = 0; i < 3; i++) {
      actors[i] =
          (struct actor){.lock = lock, .condition = new_condition(rt, lock)};
      go(rt, &actors[i], 'a' + i, "awwn", stepped);
    }
    turn(rt);
    close_condition(rt, actors[1].condition);
    close_lock(rt, lock);
    end(rt);
    check_ended(&actors[0], WEFT_ECLOSED, WEFT_ECLOSED, WEFT_ECLOSED);
    check_ended(&actors[1], WEFT_ECLOSED, WEFT_EBADF, WEFT_EBADF);
    check_ended(&actors[2], WEFT_ECLOSED, WEFT_ECLOSED, WEFT_ECLOSED);
  }
}

TEST("a condition may outlive its lock") {
  weft_runtime *rt = begin();
  weft_lock lock = new_lock(rt);
  weft_condition condition = new_condition(rt, lock);
  close_lock(rt, lock);
  CHECK(lock_of(rt, condition) == lock);
  CHECK_INT(0, waiting(rt, condition));
  close_condition(rt, condition);
  end(rt);
}

TEST("locks and conditions may be left open at the runtime's end") {
  weft_runtime *rt = begin();
  weft_condition first = new_condition(rt, 0); /* before its second lock */
  CHECK(first != 0);
  weft_lock lock = new_lock(rt);
  new_condition(rt, lock);
  new_condition(rt, 0);
  new_condition(rt, lock);
  end(rt);
}

/* -- Cancelled ------------------------------------------------------------ */

TEST("cancelled where the lock is free: it has it at once [18.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    stop(scene.rt, &scene.c);
    CHECK(owns(scene.rt, scene.lock, &scene.c));
    CHECK_INT(2, waiting(scene.rt, scene.condition));
    play(&scene, "tar", stepped);
    CHECK_INT(WEFT_OK, scene.c.status[3]);
    play(&scene, "aNr", stepped);
    end(scene.rt);
    check_ended(&scene.b, WEFT_OK, WEFT_OK, WEFT_OK);
    check_ended(&scene.c, WEFT_ECANCELLED, WEFT_ECANCELLED, WEFT_OK);
  }
}

TEST("cancelled where it is taken: it queues for it, shielded [18.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    struct actor early = an_actor(&scene), late = an_actor(&scene);
    play(&scene, "aer", stepped);
    go(scene.rt, &early, 'e', "ar", stepped);
    turn(scene.rt);
    stop(scene.rt, &scene.c);
    stop(scene.rt, &scene.c); /* once more does nothing */
    CHECK(owns(scene.rt, scene.lock, &scene.a));
    CHECK_INT(2, waiting(scene.rt, scene.condition));
    CHECK_INT(2, lock_waiting(scene.rt, scene.lock));
    go(scene.rt, &late, 'l', "ar", stepped);
    turns(scene.rt, 3);
    CHECK_TEXT("a", said);
    give_cue(scene.rt, scene.a.cue);
    turns(scene.rt, 4);
    CHECK_TEXT("aaaeecccll", said);
    check_ended(&scene.c, WEFT_ECANCELLED, WEFT_ECANCELLED, WEFT_OK);
    play(&scene, "aNr", stepped);
    end(scene.rt);
  }
}

TEST("several cancelled in one go get the lock one after another [18.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    CHECK_INT(WEFT_OK, weft_shutdown(scene.rt));
    CHECK(owns(scene.rt, scene.lock, &scene.b));
    end(scene.rt);
    CHECK_TEXT("bbbcccddd", said);
    check_ended(&scene.b, WEFT_ECANCELLED, WEFT_ECANCELLED, WEFT_OK);
    check_ended(&scene.c, WEFT_ECANCELLED, WEFT_ECANCELLED, WEFT_OK);
    check_ended(&scene.d, WEFT_ECANCELLED, WEFT_ECANCELLED, WEFT_OK);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

TEST("notified, then cancelled before it has the lock: it delivers [8, 3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    play(&scene, "aner", stepped);
    stop(scene.rt, &scene.b);
    CHECK_INT(1, lock_waiting(scene.rt, scene.lock));
    give_cue(scene.rt, scene.a.cue);
    turns(scene.rt, 2);
    check_ended(&scene.b, WEFT_OK, WEFT_ECANCELLED, WEFT_OK);
    play(&scene, "aNr", stepped);
    end(scene.rt);
  }
}

TEST("notified and handed the lock, then cancelled: it delivers [8, 3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    play(&scene, "anr", stepped);
    CHECK(owns(scene.rt, scene.lock, &scene.b));
    stop(scene.rt, &scene.b);
    turn(scene.rt);
    check_ended(&scene.b, WEFT_OK, WEFT_ECANCELLED, WEFT_OK);
    play(&scene, "aNr", stepped);
    end(scene.rt);
  }
}

TEST("cancelled, then notify: the notification goes to another [8, 3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    play(&scene, "aenr", stepped);
    stop(scene.rt, &scene.b);
    give_cue(scene.rt, scene.a.cue);
    turns(scene.rt, 3);
    check_ended(&scene.b, WEFT_ECANCELLED, WEFT_ECANCELLED, WEFT_OK);
    check_ended(&scene.c, WEFT_OK, WEFT_OK, WEFT_OK);
    CHECK_INT(1, waiting(scene.rt, scene.condition));
    play(&scene, "aNr", stepped);
    end(scene.rt);
  }
}

TEST("closed, then cancelled: WEFT_ECLOSED, Cancelled next [8, 3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    close_condition(scene.rt, scene.condition);
    stop(scene.rt, &scene.b);
    end(scene.rt);
    check_ended(&scene.b, WEFT_ECLOSED, WEFT_ECANCELLED, WEFT_EBADF);
  }
}

TEST("cancelled, then closed: it has what it was given [8, 3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    stop(scene.rt, &scene.b); /* has the lock */
    stop(scene.rt, &scene.c); /* waits for it */
    close_condition(scene.rt, scene.condition);
    end(scene.rt);
    check_ended(&scene.b, WEFT_ECANCELLED, WEFT_ECANCELLED, WEFT_EBADF);
    check_ended(&scene.c, WEFT_ECLOSED, WEFT_ECANCELLED, WEFT_EBADF);
  }
}

/* -- Broken --------------------------------------------------------------- */

TEST("a lock that is broken ends every wait on its conditions [16.3, 18.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    play(&scene, "ane", stepped);
    stop(scene.rt, &scene.c); /* b was notified, c cancelled, d just waits */
    CHECK_INT(2, lock_waiting(scene.rt, scene.lock));
    give_cue(scene.rt, scene.a.cue);
    end(scene.rt);
    CHECK_TEXT("aaabbbcccddd", said);
    check_ended(&scene.b, WEFT_ESTATE, WEFT_OK, WEFT_ESTATE);
    check_ended(&scene.c, WEFT_ESTATE, WEFT_ECANCELLED, WEFT_ESTATE);
    check_ended(&scene.d, WEFT_ESTATE, WEFT_OK, WEFT_ESTATE);
  }
}

TEST("on a broken lock there is nothing to wait for [16.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.condition = new_condition(rt, 0)};
    a.lock = lock_of(rt, a.condition);
    struct actor b = a;
    go(rt, &a, 'a', "a", stepped);
    go(rt, &b, 'b', "awn", stepped);
    end(rt);
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_ESTATE, b.status[i]);
  }
}

/* -- Given up ------------------------------------------------------------- */

/* Takes the lock and parks where nothing wakes or cancels it. */
static int keep(weft_runtime *rt, void *arg) {
  CHECK_INT(WEFT_OK, weft_lock_acquire(rt, ((struct actor *)arg)->lock));
  return weft_park(rt, "nothing", NULL, NULL, NULL);
}

TEST("a shutdown gives up who keeps the lock, not who waits for it [22.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    keep_reports(scene.rt);
    CHECK_INT(WEFT_OK, weft_spawn(scene.rt, 0, keep, &scene.b, NULL, NULL));
    turn(scene.rt);
    CHECK_INT(WEFT_OK, weft_shutdown(scene.rt));
    CHECK_INT(WEFT_EGIVENUP, weft_run(scene.rt));
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_REPORT_GIVEN_UP, reports.kinds[0]);
    check_ended(&scene.b, WEFT_ESTATE, WEFT_ECANCELLED, WEFT_ESTATE);
    CHECK_INT(WEFT_OK, weft_runtime_free(scene.rt));
    CHECK_INT(0, failing_live());
  }
}

static int keep_first(weft_runtime *rt, void *arg) {
  keep(rt, arg);
  return WEFT_OK;
}

TEST("one who waits for the lock is given up without breaking it [22.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct actor a = {.condition = new_condition(rt, 0)};
    a.lock = lock_of(rt, a.condition);
    weft_task keeper;
    go(rt, &a, 'a', "aw", stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, keep_first, &a, NULL, &keeper));
    CHECK_INT(WEFT_OK, weft_task_set_name(rt, keeper, "keeper"));
    turn(rt);
    stop(rt, &a);
    CHECK_INT(1, lock_waiting(rt, a.lock));
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_TEXT("keeper", breaker_of(rt, a.lock));
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_INT(0, failing_live());
  }
}

/* -- What is around it ---------------------------------------------------- */

TEST("what a task waits for: the condition, then the lock [29.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct scene scene;
    begin_scene(&scene, stepped);
    play(&scene, "aner", stepped);
    check_wait(scene.rt, &scene.b, "lock", scene.lock);
    check_wait(scene.rt, &scene.c, "condition", scene.condition);
    stop(scene.rt, &scene.c);
    check_wait(scene.rt, &scene.c, "lock", scene.lock);
    give_cue(scene.rt, scene.a.cue);
    turns(scene.rt, 3);
    play(&scene, "aNr", stepped);
    end(scene.rt);
  }
}

TEST("a closed condition's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_condition condition = new_condition(rt, 0);
  weft_condition bad[2] = {condition, new_cue(rt)};
  close_condition(rt, condition);
  for (int i = 0; i < 2; i++) {
    weft_lock lock = UNSET;
    size_t tasks = UNSET;
    weft_condition made = UNSET;
    CHECK_INT(WEFT_EBADF, weft_condition_close(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_condition_wait(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_condition_notify(rt, bad[i], 1));
    CHECK_INT(WEFT_EBADF, weft_condition_get_lock(rt, bad[i], &lock));
    CHECK_INT(WEFT_EBADF, weft_condition_get_waiting(rt, bad[i], &tasks));
    CHECK_INT(WEFT_EBADF, weft_condition_new(rt, bad[i], &made));
    CHECK(lock == 0 && tasks == 0 && made == 0);
  }
  end(rt);
}

static void *visit(void *arg) {
  struct scene *here = arg;
  weft_condition condition = UNSET;
  weft_lock lock = UNSET;
  size_t tasks = UNSET;
  CHECK_INT(WEFT_ETHREAD, weft_condition_new(here->rt, 0, &condition));
  CHECK_INT(WEFT_ETHREAD, weft_condition_wait(here->rt, here->condition));
  CHECK_INT(WEFT_ETHREAD, weft_condition_notify(here->rt, here->condition, 1));
  CHECK_INT(WEFT_ETHREAD,
            weft_condition_get_lock(here->rt, here->condition, &lock));
  CHECK_INT(WEFT_ETHREAD,
            weft_condition_get_waiting(here->rt, here->condition, &tasks));
  CHECK_INT(WEFT_ETHREAD, weft_condition_close(here->rt, here->condition));
  CHECK(condition == 0 && lock == 0 && tasks == 0);
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct scene here = {.rt = rt, .condition = new_condition(rt, 0)};
  in_pthread_apart(visit, &here);
  CHECK_INT(0, waiting(rt, here.condition));
  end(rt);
}

/* -- Memory --------------------------------------------------------------- */

static weft_condition shared;

static int notify_and_wait(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  if (job->done == 0)
    return weft_lock_acquire(rt, job->object);
  CHECK_INT(WEFT_OK, weft_condition_notify(rt, shared, 1));
  return job->done < job->more ? weft_condition_wait(rt, shared)
                               : weft_lock_release(rt, job->object);
}

TEST("waiting and notifying allocate nothing once warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    shared = new_condition(rt, 0);
    struct job jobs[2];
    for (int i = 0; i < 2; i++) {
      jobs[i] = (struct job){
          .call = notify_and_wait, .object = lock_of(rt, shared), .more = 300};
      start(rt, &jobs[i], stepped);
    }
    turns(rt, 10);
    CHECK(jobs[1].done > 1);
    long before = failing_allocations();
    turns(rt, 200);
    CHECK(jobs[1].done > 50);
    CHECK_INT(before, failing_allocations());
    end(rt);
    CHECK_INT(WEFT_OK, jobs[0].status);
    CHECK_INT(WEFT_OK, jobs[1].status);
  }
}

static int make_two(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_condition own = UNSET, other = UNSET;
  weft_lock lock;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_lock_new(rt, &lock);
  if (status == WEFT_OK)
    status = weft_condition_new(rt, lock, &other);
  CHECK(status == WEFT_OK || other == 0 || other == UNSET);
  if (status == WEFT_OK)
    status = weft_condition_new(rt, 0, &own);
  CHECK(status == WEFT_OK || own == 0 || own == UNSET);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory none is made, nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_two, NULL) >= 5);
}
