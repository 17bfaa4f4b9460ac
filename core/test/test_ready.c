/* SPDX-License-Identifier: MIT
 * test_ready.c - the ready ring: turns, order, the run budget, shuffling. */
#include "../core.h"
#include "job.h"

/* -- Turns ---------------------------------------------------------------- */

/* Says its letter and yields, [number] times. */
static int round_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  say(play->letter);
  if (play->line == play->number)
    return play_end(play, play->status);
  return weft_yield(rt);
}

static struct play rounds(int letter, int number) {
  return (struct play){.act = round_act, .letter = letter, .number = number};
}

TEST("a turn runs what was ready when it began, in order [1.1] [1.8]") {
  for (int kinds = 0; kinds < 8; kinds++) {
    weft_runtime *rt = begin();
    struct play plays[3] = {rounds('a', 2), rounds('b', 2), rounds('c', 2)};
    for (int i = 0; i < 3; i++)
      play_in(rt, 0, &plays[i], kinds >> i & 1);
    turn(rt);
    CHECK_TEXT("abc", said);
    turn(rt);
    CHECK_TEXT("abcabc", said);
    end(rt);
    CHECK_TEXT("abcabcabc", said);
  }
}

static int spawner_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  struct play *child = play->data;
  play_in(rt, 0, child, child->number);
  say(play->letter);
  return play_end(play, WEFT_OK);
}

TEST("what is queued in a turn runs in the next [1.1] [4.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play child = rounds('c', 0);
    struct play first = {.act = spawner_act, .letter = 'a', .data = &child};
    struct play last = rounds('b', 0);
    play_in(rt, 0, &first, stepped);
    play_in(rt, 0, &last, stepped);
    turn(rt);
    CHECK_TEXT("ab", said);
    turn(rt);
    CHECK_TEXT("abc", said);
    end(rt);
  }
}

static int wake_twice_act(weft_runtime *rt, struct play *play,
                          uint64_t *value) {
  (void)value;
  weft_task task = ((struct play *)play->data)->task;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_wake(rt, task, 5, 6));
    CHECK_INT(WEFT_ESTATE, weft_wake(rt, task, 7, 8));
    CHECK_INT(WEFT_ESTATE, weft_wake(rt, play->task, 7, 8));
    say('w');
    return weft_yield(rt);
  }
  CHECK_INT(WEFT_ESTATE, weft_wake(rt, task, 7, 8));
  return play_end(play, WEFT_OK);
}

static int park_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  if (play->line == 0)
    return weft_park(rt, "test", NULL, NULL, value);
  say(play->letter);
  CHECK_INT(5, play->status);
  CHECK_INT(6, play->value);
  return play_end(play, WEFT_OK);
}

TEST("a task is woken once, and the waker goes on first [1.4] [1.6]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play waiter = {.act = park_act, .letter = 'p'};
    struct play waker = {.act = wake_twice_act, .data = &waiter};
    play_in(rt, 0, &waiter, stepped);
    play_in(rt, 0, &waker, !stepped);
    end(rt);
    CHECK_TEXT("wp", said);
  }
}

TEST("the ring grows in the middle of a turn and keeps its order [1.1]") {
  weft_runtime *rt = begin();
  enum { COUNT = 1000 };
  static struct play plays[COUNT];
  struct play early = rounds('.', 3);
  play_in(rt, 0, &early, 1);
  turns(rt, 3); /* the ring's head is not at its beginning */
  static uint64_t seen[COUNT];
  for (int i = 0; i < COUNT; i++) {
    plays[i] = rounds('x', 1);
    play_in(rt, 0, &plays[i], 1);
  }
  uint32_t head = rt->ready.head;
  for (uint32_t i = 0; i < COUNT; i++) {
    struct entry *entry = rt->ready.entries[(head + i + 1) & rt->ready.mask];
    seen[i] = ((struct task *)entry)->id;
  }
  for (int i = 1; i < COUNT; i++)
    CHECK_INT(seen[0] + (uint64_t)i, seen[i]);
  end(rt);
}

TEST("room in the ring is given back when tasks and calls end") {
  weft_runtime *rt = begin();
  uint32_t before = rt->ready.reserved;
  for (int round = 0; round < 100; round++) {
    struct play plays[50];
    for (int i = 0; i < 50; i++) {
      plays[i] = rounds('x', i % 3);
      play_in(rt, 0, &plays[i], i % 2);
      CHECK_INT(WEFT_OK, weft_task_close(rt, plays[i].task));
    }
    CHECK_INT(before + 50, rt->ready.reserved);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(before, rt->ready.reserved);
  }
  CHECK(rt->ready.mask + 1 <= 128);
  end(rt);
}

/* -- The run budget ------------------------------------------------------- */

/* Makes [number] checkpoints, saying its letter after each 64. */
static int checkpoint_act(weft_runtime *rt, struct play *play,
                          uint64_t *value) {
  (void)value;
  if (play->line > 0 && play->line % 64 == 0)
    say(play->letter);
  if (play->line == play->number)
    return play_end(play, play->status);
  return weft_checkpoint(rt);
}

TEST("the 128th call of a step goes to the tail, in every step [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play busy = {.act = checkpoint_act, .letter = 'c', .number = 400};
    struct play other = rounds('.', 9);
    play_in(rt, 0, &busy, stepped);
    play_in(rt, 0, &other, stepped);
    turn(rt);
    CHECK_INT(127, busy.line);
    turn(rt);
    CHECK_INT(255, busy.line);
    turns(rt, 2);
    CHECK_TEXT("c.cc.cc.c.", said); /* 128 is said in the second step */
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, busy.task));
    end(rt);
    CHECK_INT(WEFT_OK, busy.status);
  }
}

TEST("127 calls keep the turn, and parking begins a new budget [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = checkpoint_act, .letter = 'c', .number = 127};
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, play.task));
    end(rt);
  }
}

/* A yield after 100 checkpoints, then 100 more: never 128 in one step. */
static int two_steps_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 201)
    return play_end(play, WEFT_OK);
  return play->line == 100 ? weft_yield(rt) : weft_checkpoint(rt);
}

TEST("the budget counts the calls of one step only [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = two_steps_act};
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(100, play.line);
    turn(rt);
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, play.task));
    end(rt);
  }
}

/* -- Shuffling ------------------------------------------------------------ */

static void run_shuffled(uint64_t shuffle, int stepped, char *order) {
  weft_runtime *rt = begin();
  struct play plays[20];
  CHECK_INT(WEFT_OK, weft_set_shuffle(rt, shuffle));
  for (int i = 0; i < 20; i++) {
    plays[i] = rounds('a' + i, 1);
    play_in(rt, 0, &plays[i], stepped);
  }
  turn(rt);
  CHECK_INT(20, said_count);
  end(rt);
  CHECK_INT(40, said_count);
  strcpy(order, said);
}

TEST("the same seed gives the same order, another another [1.10] [30.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    char first[64], again[64], other[64];
    run_shuffled(42, stepped, first);
    run_shuffled(42, stepped, again);
    run_shuffled(43, stepped, other);
    CHECK_TEXT(first, again);
    CHECK(strcmp(first, other) != 0);
    CHECK(strncmp(first, "abcdefghijklmnopqrst", 20) != 0);
  }
}

TEST("a shuffled turn runs each entry once, a permutation [1.10]") {
  for (uint64_t shuffle = 1; shuffle <= 200; shuffle++) {
    char order[64];
    int count[20] = {0};
    run_shuffled(shuffle, 1, order);
    for (int i = 0; i < 20; i++)
      count[order[i] - 'a']++;
    for (int i = 0; i < 20; i++)
      CHECK_INT(1, count[i]);
  }
}

TEST("without a seed the order is that of the queue [1.1] [1.10]") {
  char order[64];
  run_shuffled(0, 1, order);
  CHECK_TEXT("abcdefghijklmnopqrstabcdefghijklmnopqrst", order);
}

static int event_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_event_wait(rt, play->object);
  return play_end(play, WEFT_OK);
}

TEST("who waits for an object is woken in order all the same [1.5] [1.10]") {
  weft_runtime *rt = begin();
  weft_event event;
  struct play plays[10];
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  for (int i = 0; i < 10; i++) {
    plays[i] = (struct play){.act = event_act, .object = event};
    play_in(rt, 0, &plays[i], 1);
    turn(rt);
  }
  CHECK_INT(WEFT_OK, weft_set_shuffle(rt, 7));
  CHECK_INT(WEFT_OK, weft_event_set(rt, event));
  for (uint32_t i = 0; i < 10; i++) {
    struct entry *entry =
        rt->ready.entries[(rt->ready.head + i) & rt->ready.mask];
    CHECK_INT(i + 1, ((struct task *)entry)->id);
  }
  end(rt);
}

/* -- No memory ------------------------------------------------------------ */

TEST("switching allocates nothing once it is warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play plays[10];
    for (int i = 0; i < 10; i++) {
      plays[i] = rounds('x', 1000);
      play_in(rt, 0, &plays[i], stepped);
    }
    turn(rt);
    long before = failing_allocations();
    turns(rt, 900);
    CHECK_INT(before, failing_allocations());
    end(rt);
  }
}

struct attempt {
  int stepped;
  int drops;
};

static void count_drop(void *arg) {
  ((struct attempt *)arg)->drops++;
}

static int finish_step(weft_runtime *rt, void *arg, int status,
                       uint64_t value) {
  (void)rt;
  (void)arg;
  (void)value;
  return status;
}

static int finish_body(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  return WEFT_OK;
}

static int spawn_many(void *arg) {
  struct attempt *attempt = arg;
  weft_runtime *rt;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  int spawned = 0;
  attempt->drops = 0;
  for (int i = 0; i < 100 && status == WEFT_OK; i++, spawned++) {
    weft_task task = 7;
    weft_task *handle = i % 2 ? &task : NULL;
    status =
        attempt->stepped
            ? weft_spawn_step(rt, 0, finish_step, attempt, count_drop, handle)
            : weft_spawn(rt, 0, finish_body, attempt, count_drop, handle);
    if (i % 2 && status != WEFT_OK)
      CHECK_INT(0, task);
  }
  if (status != WEFT_OK)
    CHECK_INT(1, attempt->drops);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(spawned, attempt->drops);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without room in the ring nothing is spawned [3.11] [4.15]") {
  failing_install();
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct attempt attempt = {stepped, 0};
    CHECK(failing_each(spawn_many, &attempt) >= 6);
  }
}

static void *shuffle_apart(void *arg) {
  CHECK_INT(WEFT_ETHREAD, weft_set_shuffle(arg, 1));
  CHECK_INT(WEFT_ETHREAD, weft_yield(arg));
  CHECK_INT(WEFT_ETHREAD, weft_checkpoint(arg));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  in_pthread_apart(shuffle_apart, rt);
  CHECK_INT(0, rt->shuffle);
  end(rt);
}
