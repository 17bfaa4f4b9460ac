/* SPDX-License-Identifier: MIT
 * test_queue_order.c - queues that are not FIFO: the newest first, or by a
 * function of the host's, which may fail and may call back. */

#include "items.h"

/* An item's rank is its number without the last digit, so 31 and 37 are equal:
 * the last digit shows in which order they came. */
static int fail_on; /* the number of the item whose comparing fails; 0: none */
static int fail_with;
static int compared;
static int dropped_args;
static void (*meddle)(void *a, void *b); /* what it does besides */

static int rank_less(void *arg, void *a, void *b) {
  CHECK(arg == &compared);
  compared++;
  int first = number_of((uintptr_t)a), second = number_of((uintptr_t)b);
  if (meddle != NULL)
    meddle(a, b);
  if (fail_on != 0 && (first == fail_on || second == fail_on))
    return fail_with;
  return first / 10 < second / 10;
}

static void drop_rank_arg(void *arg) {
  CHECK(arg == &compared);
  dropped_args++;
}

enum order { FIFO, LIFO, LESS, ORDERS };

static weft_queue new_order(weft_runtime *rt, size_t items_max,
                            enum order order) {
  weft_queue queue = new_queue(rt, items_max);
  fail_on = 0;
  fail_with = WEFT_EHOST;
  dropped_args = 0;
  meddle = NULL;
  if (order == LIFO)
    CHECK_INT(WEFT_OK, weft_queue_set_lifo(rt, queue, 1));
  if (order == LESS)
    CHECK_INT(WEFT_OK, weft_queue_set_less(rt, queue, rank_less, &compared,
                                           drop_rank_arg));
  return queue;
}

static void put_all(weft_runtime *rt, weft_queue queue, const int *numbers) {
  for (; *numbers != 0; numbers++)
    put(rt, queue, *numbers);
}

static void get_all(weft_runtime *rt, weft_queue queue, const int *numbers) {
  for (; *numbers != 0; numbers++)
    CHECK_INT(*numbers, get(rt, queue));
  CHECK_INT(0, size_of(rt, queue));
}

static void check_dropped(const int *numbers) {
  int count = 0;
  for (; numbers[count] != 0; count++)
    CHECK_INT(numbers[count], dropped[count]);
  CHECK_INT(count, drop_count);
}

/* What is put in, and how each order gives it out. */
static const int in[] = {31, 12, 33, 24, 15, 36, 27, 0};
static const int out[ORDERS][8] = {{31, 12, 33, 24, 15, 36, 27, 0},
                                   {27, 36, 15, 24, 33, 12, 31, 0},
                                   {12, 15, 24, 27, 31, 33, 36, 0}};

/* -- The order ------------------------------------------------------------ */

TEST("each order gives items out its way, ties as they came [20.3]") {
  for (enum order order = FIFO; order < ORDERS; order++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_order(rt, 0, order);
    for (int round = 0; round < 3; round++) {
      put_all(rt, queue, in);
      CHECK_INT(7, size_of(rt, queue));
      get_all(rt, queue, out[order]);
      CHECK_INT(WEFT_EEMPTY, get(rt, queue));
    }
    end(rt);
    CHECK_INT(0, drop_count);
    CHECK_INT(order == LESS, dropped_args);
  }
}

TEST("a thousand items, put and got in turns, keep each order [20.3]") {
  for (enum order order = LIFO; order < ORDERS; order++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_order(rt, 0, order);
    for (int i = 1; i <= THINGS; i++) {
      put(rt, queue, order == LIFO ? i : THINGS + 1 - i);
      if (i % 3 != 0)
        continue;
      int number = get(rt, queue);
      if (order == LIFO)
        CHECK_INT(i, number);
      else /* the smallest rank so far, of which several may be there */
        CHECK_INT((THINGS + 1 - i) / 10, number / 10);
    }
    end(rt);
    CHECK_INT(THINGS - THINGS / 3, drop_count);
  }
}

TEST("lifo can be taken back while nothing was put or got") {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 0, LIFO);
  CHECK_INT(WEFT_OK, weft_queue_set_lifo(rt, queue, 0));
  put_all(rt, queue, in);
  get_all(rt, queue, out[FIFO]);
  end(rt);
}

/* Sets both orders, which is to be refused, once with a drop. */
static void check_settled(weft_runtime *rt, weft_queue queue, int expected) {
  int before = dropped_args;
  CHECK_INT(expected, weft_queue_set_less(rt, queue, rank_less, &compared,
                                          drop_rank_arg));
  CHECK_INT(before + 1, dropped_args);
}

TEST("the order is settled once the queue was used, or has a function") {
  for (int use = 0; use < 6; use++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_order(rt, 1, use == 5 ? LESS : FIFO);
    struct job job = getter(queue);
    uint64_t value;
    if (use == 0 || use == 1)
      put(rt, queue, 1);
    if (use == 1)
      CHECK_INT(1, get(rt, queue));
    if (use == 2)
      CHECK_INT(WEFT_EEMPTY, weft_queue_try_get(rt, queue, &value));
    if (use == 3 || use == 4)
      start(rt, &job, use == 4);
    turn(rt);
    CHECK_INT(WEFT_ESTATE, weft_queue_set_lifo(rt, queue, 1));
    check_settled(rt, queue, WEFT_ESTATE);
    shut_down(rt, queue, 0);
    end(rt);
  }
}

TEST("a lifo queue takes no function, and none is no function") {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 0, LIFO);
  check_settled(rt, queue, WEFT_ESTATE);
  CHECK_INT(WEFT_OK, weft_queue_set_lifo(rt, queue, 0));
  CHECK_INT(WEFT_EINVAL,
            weft_queue_set_less(rt, queue, NULL, &compared, drop_rank_arg));
  CHECK_INT(2, dropped_args);
  close_queue(rt, queue);
  check_settled(rt, queue, WEFT_EBADF);
  CHECK_INT(WEFT_EBADF, weft_queue_set_lifo(rt, queue, 1));
  end(rt);
}

/* -- The five cases, in each order ---------------------------------------- */

/* Calls case_fn for each order, in both kinds of task. */
static void in_each(void (*case_fn)(enum order order, int stepped)) {
  for (enum order order = FIFO; order < ORDERS; order++)
    for (int stepped = 0; stepped <= 1; stepped++)
      case_fn(order, stepped);
}

static void ready_case(enum order order, int stepped) {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 0, order);
  struct job from = putter(queue, 5), into = getter(queue);
  put_all(rt, queue, in);
  start(rt, &from, stepped);
  start(rt, &into, stepped);
  turn(rt);
  CHECK_INT(WEFT_OK, from.status);
  CHECK_INT(WEFT_OK, into.status);
  CHECK_INT(order == FIFO ? 31 : 5, number_of(into.value));
  CHECK_INT(7, size_of(rt, queue));
  end(rt);
}

TEST("where put and get can finish at once, they do [20.1] [20.3]") {
  in_each(ready_case);
}

static void parked_case(enum order order, int stepped) {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 2, order);
  struct job getters[2] = {getter(queue), getter(queue)};
  struct job putters[2] = {putter(queue, 17), putter(queue, 18)};
  for (int i = 0; i < 2; i++)
    start(rt, &getters[i], stepped);
  turn(rt);
  put(rt, queue, 31); /* handed over, whatever its rank */
  put(rt, queue, 11);
  put(rt, queue, 22);
  put(rt, queue, 12);
  for (int i = 0; i < 2; i++)
    start(rt, &putters[i], !stepped);
  turn(rt);
  CHECK_INT(31, number_of(getters[0].value));
  CHECK_INT(11, number_of(getters[1].value));
  CHECK_INT(2, size_of(rt, queue));
  /* Each get lets in the first putter's item, which then has its rank. */
  static const int expected[ORDERS][5] = {
      {22, 12, 17, 18, 0}, {12, 17, 18, 22, 0}, {12, 17, 18, 22, 0}};
  get_all(rt, queue, expected[order]);
  end(rt);
  CHECK_INT(WEFT_OK, putters[0].status);
  CHECK_INT(WEFT_OK, putters[1].status);
  CHECK(putters[0].place < putters[1].place);
}

TEST("parked ones are served in the order they came [1.5] [20.1] [20.3]") {
  in_each(parked_case);
}

static void cancelled_case(enum order order, int stepped) {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 1, order);
  weft_queue empty = new_order(rt, 1, order);
  struct job from = putter(queue, 17), into = getter(empty);
  put(rt, queue, 22);
  start(rt, &from, stepped);
  start(rt, &into, stepped);
  turn(rt);
  cancel(rt, &from);
  cancel(rt, &into);
  put(rt, empty, 9);
  turn(rt);
  CHECK_INT(WEFT_ECANCELLED, from.status);
  CHECK_INT(WEFT_ECANCELLED, into.status);
  CHECK_INT(22, get(rt, queue));
  CHECK_INT(WEFT_EEMPTY, get(rt, queue));
  CHECK_INT(9, get(rt, empty));
  end(rt);
}

TEST("what is cancelled has put or taken nothing [3.5] [20.3]") {
  in_each(cancelled_case);
}

static void timed_out_case(enum order order, int stepped) {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 1, order);
  struct job from = putter(queue, 17);
  struct job into = getter(new_order(rt, 1, order));
  from.deadline_ns = into.deadline_ns = 50;
  put(rt, queue, 22);
  start(rt, &from, stepped);
  start(rt, &into, stepped);
  end(rt);
  CHECK_INT(WEFT_ECANCELLED, from.status);
  CHECK_INT(WEFT_CAUGHT_DEADLINE, from.caught);
  CHECK_INT(WEFT_ECANCELLED, into.status);
  CHECK_INT(WEFT_CAUGHT_DEADLINE, into.caught);
  CHECK_INT(1, drop_count);
}

TEST("a deadline cuts both off [7.1] [20.3]") {
  in_each(timed_out_case);
}

static void closed_case(enum order order, int stepped) {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 7, order);
  weft_queue empty = new_order(rt, 1, order);
  struct job from = putter(queue, 17), into = getter(empty);
  put_all(rt, queue, in);
  start(rt, &from, stepped);
  start(rt, &into, stepped);
  turn(rt);
  close_queue(rt, queue);
  close_queue(rt, empty);
  check_dropped(out[order]);
  CHECK_INT(order == LESS ? 2 : 0, dropped_args);
  end(rt);
  CHECK_INT(WEFT_ECLOSED, from.status);
  CHECK_INT(WEFT_ECLOSED, into.status);
}

TEST("closing wakes both and drops items as they would come [3.10] [20.3]") {
  in_each(closed_case);
}

static void shutdown_case(enum order order, int stepped) {
  for (int immediate = 0; immediate <= 1; immediate++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_order(rt, 7, order);
    struct job late = putter(queue, 17), join = joiner(queue);
    put_all(rt, queue, in);
    start(rt, &late, stepped);
    start(rt, &join, stepped);
    turn(rt);
    shut_down(rt, queue, immediate);
    turn(rt);
    CHECK_INT(WEFT_ESHUTDOWN, late.status);
    CHECK_INT(immediate, join.place != 0);
    if (immediate)
      check_dropped(out[order]);
    else
      get_all(rt, queue, out[order]);
    CHECK_INT(WEFT_ESHUTDOWN, get(rt, queue));
    for (int i = 0; i < 7; i++)
      CHECK_INT(immediate ? WEFT_ESTATE : WEFT_OK,
                weft_queue_task_done(rt, queue));
    end(rt);
    CHECK_INT(WEFT_OK, join.status);
    CHECK_INT(immediate ? 7 : 0, drop_count);
    CHECK_INT(order == LESS, dropped_args);
  }
}

TEST("shut down, each order drains, or drops in order [20.5] [20.3]") {
  in_each(shutdown_case);
}

static void left_case(enum order order, int stepped) {
  (void)stepped;
  weft_runtime *rt = begin();
  put_all(rt, new_order(rt, 0, order), in);
  end(rt);
  check_dropped(out[order]);
  CHECK_INT(order == LESS, dropped_args);
}

TEST("the end of the runtime drops what each order has left") {
  in_each(left_case);
}

/* -- A function that fails ------------------------------------------------ */

TEST("a failing function fails the put, and the queue is as before [20.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_order(rt, 0, LESS);
    struct job job = putter(queue, 19);
    put_all(rt, queue, in);
    fail_on = 19;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_EHOST, job.status);
    CHECK_INT(WEFT_OK, job.next);
    fail_with = WEFT_EIO;
    CHECK_INT(WEFT_EIO, weft_queue_try_put(rt, queue, thing(19)));
    fail_on = 0;
    get_all(rt, queue, out[LESS]);
    for (int i = 0; i < 7; i++)
      task_done(rt, queue);
    CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
    end(rt);
    CHECK_INT(0, drop_count);
  }
}

TEST("getting compares nothing, so a failing function cannot spoil it") {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 0, LESS);
  put_all(rt, queue, in);
  compared = 0;
  get_all(rt, queue, out[LESS]);
  CHECK_INT(0, compared);
  end(rt);
}

TEST("a waiting put fails when it is its turn; the next is let in [20.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_order(rt, 2, LESS);
    struct job jobs[4] = {putter(queue, 11), putter(queue, 12),
                          putter(queue, 13), putter(queue, 14)};
    put(rt, queue, 21);
    put(rt, queue, 22);
    for (int i = 0; i < 4; i++)
      start(rt, &jobs[i], stepped);
    turn(rt);
    fail_on = 11;
    CHECK_INT(21, get(rt, queue));
    CHECK_INT(2, size_of(rt, queue));
    turn(rt);
    CHECK_INT(WEFT_EHOST, jobs[0].status);
    CHECK_INT(WEFT_OK, jobs[0].next);
    CHECK_INT(WEFT_OK, jobs[1].status);
    CHECK_INT(0, jobs[2].place);
    fail_on = 22; /* whoever is compared with it */
    CHECK_INT(12, get(rt, queue));
    CHECK_INT(1, size_of(rt, queue));
    CHECK_INT(22, get(rt, queue));
    CHECK_INT(WEFT_EEMPTY, get(rt, queue));
    end(rt);
    CHECK_INT(WEFT_EHOST, jobs[2].status);
    CHECK_INT(WEFT_EHOST, jobs[3].status);
    CHECK_INT(0, drop_count);
  }
}

TEST("what failed to be put is not unfinished [20.4]") {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 2, LESS);
  struct job job = putter(queue, 11);
  put(rt, queue, 21);
  put(rt, queue, 22);
  start(rt, &job, 1);
  turn(rt);
  fail_on = 11;
  CHECK_INT(21, get(rt, queue));
  task_done(rt, queue);
  task_done(rt, queue);
  CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
  end(rt);
  CHECK_INT(WEFT_EHOST, job.status);
}

/* -- A function that calls back ------------------------------------------- */

static struct {
  weft_runtime *rt;
  weft_queue queue;
  struct job *victim;
  int status; /* of what it tried */
} meddled;

static void change_queue(void *a, void *b) {
  weft_runtime *rt = meddled.rt;
  weft_queue queue = meddled.queue;
  uint64_t value = 7;
  (void)a;
  (void)b;
  CHECK_INT(WEFT_EBUSY, weft_queue_try_put(rt, queue, thing(99)));
  CHECK_INT(WEFT_EBUSY, weft_queue_put(rt, queue, thing(99)));
  CHECK_INT(WEFT_EBUSY, weft_queue_try_get(rt, queue, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EBUSY, weft_queue_get(rt, queue, &value));
  CHECK_INT(WEFT_EBUSY, weft_queue_shutdown(rt, queue, 1));
  CHECK_INT(WEFT_EBUSY, weft_queue_close(rt, queue));
  CHECK_INT(WEFT_ESTATE, weft_queue_set_lifo(rt, queue, 1));
  CHECK_INT(WEFT_ESTATE, weft_queue_join(rt, queue));
}

TEST("it cannot change the queue that asks it") {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 0, LESS);
  meddled.rt = rt;
  meddled.queue = queue;
  meddle = change_queue;
  put_all(rt, queue, in);
  get_all(rt, queue, out[LESS]);
  end(rt);
}

static void cancel_victim(void *a, void *b) {
  (void)b;
  if (a == meddled.victim->item)
    meddled.status = weft_task_cancel(meddled.rt, meddled.victim->task, NULL);
}

TEST("it may cancel the putter whose item it compares: nothing is put") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_order(rt, 2, LESS);
    struct job first = putter(queue, 11), second = putter(queue, 12);
    put(rt, queue, 21);
    put(rt, queue, 22);
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    meddled.rt = rt;
    meddled.victim = &first;
    meddle = cancel_victim;
    CHECK_INT(21, get(rt, queue));
    CHECK_INT(WEFT_OK, meddled.status);
    CHECK_INT(12, get(rt, queue));
    CHECK_INT(22, get(rt, queue));
    CHECK_INT(WEFT_EEMPTY, get(rt, queue));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.status);
    CHECK_INT(WEFT_OK, second.status);
    CHECK_INT(0, drop_count);
  }
}

TEST("it may cancel the task that puts: put it is, Cancelled next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_order(rt, 2, LESS);
    struct job job = putter(queue, 11);
    put(rt, queue, 21);
    meddled.rt = rt;
    meddled.victim = &job;
    meddle = cancel_victim;
    start(rt, &job, stepped);
    turns(rt, 2); /* cancelled code has no run budget left */
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(11, get(rt, queue));
    CHECK_INT(21, get(rt, queue));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

/* -- What is around it ---------------------------------------------------- */

static void check_waiting(weft_runtime *rt, weft_queue queue, size_t getters,
                          size_t putters, size_t joiners) {
  size_t counts[3] = {7, 7, 7};
  CHECK_INT(WEFT_OK, weft_queue_get_waiting(rt, queue, &counts[0], &counts[1],
                                            &counts[2]));
  CHECK_INT(getters, counts[0]);
  CHECK_INT(putters, counts[1]);
  CHECK_INT(joiners, counts[2]);
}

TEST("those who wait are counted, those who were cancelled not") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 1);
  struct job getters[3], putters[2], join = joiner(queue);
  check_waiting(rt, queue, 0, 0, 0);
  for (int i = 0; i < 3; i++) {
    getters[i] = getter(queue);
    start(rt, &getters[i], i % 2);
  }
  turn(rt);
  check_waiting(rt, queue, 3, 0, 0);
  cancel(rt, &getters[1]);
  check_waiting(rt, queue, 2, 0, 0);
  put(rt, queue, 1);
  check_waiting(rt, queue, 1, 0, 0);
  put(rt, queue, 2);
  put(rt, queue, 3);
  for (int i = 0; i < 2; i++) {
    putters[i] = putter(queue, 4 + i);
    start(rt, &putters[i], i % 2);
  }
  start(rt, &join, 1);
  turn(rt);
  check_waiting(rt, queue, 0, 2, 1);
  size_t joiners = 7;
  CHECK_INT(WEFT_OK, weft_queue_get_waiting(rt, queue, NULL, NULL, &joiners));
  CHECK_INT(1, joiners);
  shut_down(rt, queue, 1);
  check_waiting(rt, queue, 0, 0, 1); /* for the items that were taken */
  close_queue(rt, queue);
  size_t count = 7;
  CHECK_INT(WEFT_EBADF,
            weft_queue_get_waiting(rt, queue, &count, NULL, &joiners));
  CHECK_INT(0, count);
  CHECK_INT(0, joiners);
  end(rt);
}

static void *visit(void *arg) {
  weft_runtime *rt = arg;
  size_t count = 7;
  int before = dropped_args;
  CHECK_INT(WEFT_ETHREAD, weft_queue_set_lifo(rt, meddled.queue, 1));
  CHECK_INT(WEFT_ETHREAD, weft_queue_set_less(rt, meddled.queue, rank_less,
                                              &compared, drop_rank_arg));
  CHECK_INT(before + 1, dropped_args);
  CHECK_INT(WEFT_ETHREAD,
            weft_queue_get_waiting(rt, meddled.queue, &count, &count, NULL));
  CHECK_INT(0, count);
  return NULL;
}

TEST("another thread is refused [1.11]") {
  weft_runtime *rt = begin();
  meddled.queue = new_order(rt, 0, FIFO);
  in_pthread_apart(visit, rt);
  put_all(rt, meddled.queue, in);
  get_all(rt, meddled.queue, out[FIFO]);
  end(rt);
}

static void warm_case(enum order order, int stepped) {
  weft_runtime *rt = begin();
  weft_queue queue = new_order(rt, 3, order);
  struct job from = {.call = put_next_call, .object = queue, .more = 900};
  struct job into = getter(queue);
  into.more = 900;
  start(rt, &from, stepped);
  turn(rt); /* so that items are stored, and not only handed over */
  start(rt, &into, stepped);
  for (int i = 0; i < 10; i++)
    turn(rt);
  long before = failing_allocations();
  int done = into.done;
  while (into.done < 900)
    turn(rt);
  CHECK(before > 0 && done < 100);
  CHECK_INT(before, failing_allocations());
  end(rt);
}

TEST("no order allocates once it is warm") {
  in_each(warm_case);
}

static enum order attempted;

static int put_some(void *arg) {
  weft_queue queue;
  weft_runtime *rt;
  (void)arg;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_queue_new(rt, 0, note_dropped, &queue);
  if (status == WEFT_OK && attempted == LIFO)
    CHECK_INT(WEFT_OK, weft_queue_set_lifo(rt, queue, 1));
  if (status == WEFT_OK && attempted == LESS)
    CHECK_INT(WEFT_OK,
              weft_queue_set_less(rt, queue, rank_less, &compared, NULL));
  int stored = 0;
  drop_count = 0;
  while (status == WEFT_OK && stored < 100) {
    status = weft_queue_try_put(rt, queue, thing(stored + 1));
    stored += status == WEFT_OK;
  }
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(stored, drop_count);
  return status;
}

TEST("without memory a put fails, and the others stay put [3.11]") {
  failing_install();
  fail_on = 0;
  for (attempted = FIFO; attempted < ORDERS; attempted++)
    CHECK(failing_each(put_some, NULL) >= 5);
}
