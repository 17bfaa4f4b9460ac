/* SPDX-License-Identifier: MIT
 * test_queue_end.c - queues: joining, shutting down, closing, and what is
 * refused. */
#include <pthread.h>

#include "items.h"

/* -- Joining: the five cases ---------------------------------------------- */

TEST("where nothing is unfinished, join returns at once [20.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(1, job.place);
    CHECK_INT(WEFT_OK, job.status);
    end(rt);
  }
}

TEST("join waits until every item that was put is done [20.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job third = putter(queue, 3);
    struct job joiners[2] = {joiner(queue), joiner(queue)};
    struct job taker = getter(queue);
    start(rt, &taker, stepped);
    turn(rt);
    put(rt, queue, 1); /* handed over */
    put(rt, queue, 2); /* stored */
    start(rt, &third, stepped);
    turn(rt);
    start(rt, &joiners[0], stepped);
    start(rt, &joiners[1], !stepped);
    turn(rt);
    CHECK_INT(2, get(rt, queue)); /* and so takes in the third */
    task_done(rt, queue);
    task_done(rt, queue);
    turn(rt);
    CHECK_INT(0, joiners[0].place);
    task_done(rt, queue);
    int before = job_places;
    turn(rt);
    CHECK_INT(before + 1, joiners[0].place);
    CHECK_INT(before + 2, joiners[1].place);
    CHECK_INT(WEFT_OK, joiners[0].status);
    CHECK_INT(WEFT_OK, joiners[1].status);
    CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
    end(rt);
  }
}

TEST("a join that was completed stays so though items come [20.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    put(rt, queue, 1);
    start(rt, &job, stepped);
    turn(rt);
    task_done(rt, queue);
    put(rt, queue, 2);
    turn(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, job.place);
    end(rt);
  }
}

TEST("a put that was cancelled or refused is not unfinished [20.4] [3.5]") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 1);
  struct job job = putter(queue, 2);
  put(rt, queue, 1);
  start(rt, &job, 1);
  turn(rt);
  cancel(rt, &job);
  CHECK_INT(WEFT_EFULL, weft_queue_try_put(rt, queue, thing(3)));
  task_done(rt, queue);
  CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
  end(rt);
}

TEST("a join is cancelled; done, then cancel delivers [3.4] [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job before = joiner(queue), after = joiner(queue);
    put(rt, queue, 1);
    start(rt, &before, stepped);
    start(rt, &after, stepped);
    turn(rt);
    cancel(rt, &before);
    task_done(rt, queue);
    cancel(rt, &after);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, before.status);
    CHECK_INT(WEFT_OK, after.status);
    CHECK_INT(WEFT_ECANCELLED, after.next);
  }
}

TEST("join is a cancellation point though nothing is unfinished [3.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = joiner(new_queue(rt, 0));
    start(rt, &job, stepped);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("a join is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    job.deadline_ns = 50;
    put(rt, queue, 1);
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  }
}

TEST("closing wakes in one order whatever they wait for [1.5] [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    for (int full = 0; full <= 1; full++) {
      weft_runtime *rt = begin();
      weft_queue queue = new_queue(rt, 1);
      put(rt, queue, 1); /* for there to be something to join */
      if (!full)
        CHECK_INT(1, get(rt, queue));
      struct job jobs[5];
      for (int i = 0; i < 5; i++) {
        jobs[i] = full ? putter(queue, i + 2) : getter(queue);
        if (i == 0 || i == 2)
          jobs[i] = joiner(queue);
        start(rt, &jobs[i], i == 3 ? !stepped : stepped);
      }
      turn(rt);
      CHECK_INT(0, job_places);
      close_queue(rt, queue);
      end(rt);
      for (int i = 0; i < 5; i++) {
        CHECK_INT(WEFT_ECLOSED, jobs[i].status);
        CHECK_INT(i + 1, jobs[i].place);
      }
    }
  }
}

/* -- Shutting down, and the end of items ---------------------------------- */

TEST("a plain shutdown leaves items to drain and joiners waiting [20.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    put(rt, queue, 1);
    start(rt, &job, stepped);
    turn(rt);
    shut_down(rt, queue, 0);
    CHECK_INT(0, drop_count);
    CHECK_INT(1, size_of(rt, queue));
    turn(rt);
    CHECK_INT(0, job.place);
    CHECK_INT(1, get(rt, queue));
    task_done(rt, queue);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("an immediate one drops what is stored and counts it done [20.5]") {
  for (int after_plain = 0; after_plain <= 1; after_plain++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 3);
    struct job waiting = joiner(queue), late = putter(queue, 4);
    for (int number = 1; number <= 3; number++)
      put(rt, queue, number);
    start(rt, &waiting, after_plain);
    start(rt, &late, after_plain);
    turn(rt);
    if (after_plain)
      shut_down(rt, queue, 0);
    shut_down(rt, queue, 1);
    CHECK_INT(3, drop_count);
    for (int i = 0; i < 3; i++)
      CHECK_INT(i + 1, dropped[i]);
    CHECK_INT(0, size_of(rt, queue));
    CHECK_INT(WEFT_ESHUTDOWN, get(rt, queue));
    CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
    end(rt);
    CHECK_INT(WEFT_OK, waiting.status);
    CHECK_INT(WEFT_ESHUTDOWN, late.status);
    CHECK_INT(3, drop_count);
  }
}

TEST("those already taken still need task_done after it [20.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    put(rt, queue, 1);
    put(rt, queue, 2);
    CHECK_INT(1, get(rt, queue));
    start(rt, &job, stepped);
    turn(rt);
    shut_down(rt, queue, 1);
    turn(rt);
    CHECK_INT(1, drop_count);
    CHECK_INT(2, dropped[0]);
    CHECK_INT(0, job.place);
    task_done(rt, queue);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("items marked done before they are got do not count twice [20.5]") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  struct job job = joiner(queue);
  put(rt, queue, 1);
  put(rt, queue, 2);
  task_done(rt, queue);
  shut_down(rt, queue, 1);
  CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
  start(rt, &job, 1);
  end(rt);
  CHECK_INT(WEFT_OK, job.status);
}

TEST("closing drops what is stored, once each and in order") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  for (int number = 1; number <= 20; number++)
    put(rt, queue, number);
  CHECK_INT(1, get(rt, queue));
  close_queue(rt, queue);
  CHECK_INT(19, drop_count);
  for (int i = 0; i < 19; i++)
    CHECK_INT(i + 2, dropped[i]);
  CHECK_INT(WEFT_EBADF, weft_queue_close(rt, queue));
  end(rt);
  CHECK_INT(19, drop_count);
}

TEST("the end of the runtime drops what is stored in open queues") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  put(rt, queue, 1);
  put(rt, queue, 2);
  end(rt);
  CHECK_INT(2, drop_count);
  CHECK_INT(1, dropped[0]);
  CHECK_INT(2, dropped[1]);
}

TEST("without a drop function items are just forgotten") {
  weft_runtime *rt = begin();
  weft_queue queue;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, 0, NULL, &queue));
  put(rt, queue, 1);
  shut_down(rt, queue, 1);
  CHECK_INT(0, size_of(rt, queue));
  end(rt);
}

static struct {
  weft_runtime *rt;
  weft_queue queue;
} meddled;

/* A drop function that calls back. */
static void meddle(void *item) {
  note_dropped(item);
  CHECK_INT(drop_count == 1 ? WEFT_OK : WEFT_EBADF,
            weft_queue_close(meddled.rt, meddled.queue));
  CHECK_INT(WEFT_EBADF,
            weft_queue_try_put(meddled.rt, meddled.queue, thing(9)));
}

TEST("a drop function may close the queue that is shutting down") {
  weft_runtime *rt = begin();
  meddled.rt = rt;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, 0, meddle, &meddled.queue));
  put(rt, meddled.queue, 1);
  put(rt, meddled.queue, 2);
  shut_down(rt, meddled.queue, 1);
  CHECK_INT(2, drop_count);
  end(rt);
}

static void meddle_late(void *item) {
  uint64_t value;
  note_dropped(item);
  CHECK_INT(WEFT_EBADF, weft_queue_close(meddled.rt, meddled.queue));
  CHECK_INT(WEFT_EBADF, weft_queue_try_get(meddled.rt, meddled.queue, &value));
}

TEST("at the end of the runtime it finds the queue gone, and no crash") {
  weft_runtime *rt = begin();
  meddled.rt = rt;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, 0, meddle_late, &meddled.queue));
  put(rt, meddled.queue, 1);
  put(rt, meddled.queue, 2);
  end(rt);
  CHECK_INT(2, drop_count);
}

/* -- What is around it ---------------------------------------------------- */

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

TEST("the 128th get that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    uint64_t values[200];
    struct job job = getter(queue);
    struct witness witness = {&job, 0};
    job.more = 199;
    job.values = values;
    for (int number = 1; number <= 200; number++)
      put(rt, queue, number);
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, look, &witness, NULL, NULL));
    turn(rt);
    CHECK_INT(127, witness.seen);
    CHECK_INT(72, size_of(rt, queue)); /* the 128th has its item already */
    end(rt);
    for (int i = 0; i < 200; i++)
      CHECK_INT(i + 1, number_of(values[i]));
  }
}

TEST("the 128th put that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = {.call = put_next_call, .object = queue, .more = 199};
    struct witness witness = {&job, 0};
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, look, &witness, NULL, NULL));
    turn(rt);
    CHECK_INT(127, witness.seen);
    CHECK_INT(128, size_of(rt, queue));
    end(rt);
    CHECK_INT(200, drop_count);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("a get that waits for its turn has its item, come what may [1.7] [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    job.more = 127;
    for (int number = 1; number <= 200; number++)
      put(rt, queue, number);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(127, job.done);
    close_queue(rt, queue);
    CHECK_INT(72, drop_count);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(128, number_of(job.value));
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("a parked task says that it waits for the queue") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    start(rt, &job, stepped);
    turn(rt);
    const char *what;
    uint64_t object, until_ns;
    CHECK_INT(WEFT_OK,
              weft_task_get_wait(rt, job.task, &what, &object, &until_ns));
    CHECK_TEXT("queue", what);
    CHECK(object == queue);
    CHECK(until_ns == UINT64_MAX);
    cancel(rt, &job);
    end(rt);
  }
}

TEST("a closed queue's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  weft_event event;
  uint64_t value = 7;
  size_t items = 7;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  CHECK_INT(WEFT_EBADF, weft_queue_try_put(rt, event, thing(1)));
  close_queue(rt, queue);
  CHECK_INT(WEFT_EBADF, weft_queue_put(rt, queue, thing(1)));
  CHECK_INT(WEFT_EBADF, weft_queue_try_put(rt, queue, thing(1)));
  CHECK_INT(WEFT_EBADF, weft_queue_get(rt, queue, &value));
  CHECK_INT(0, value);
  value = 7;
  CHECK_INT(WEFT_EBADF, weft_queue_try_get(rt, queue, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EBADF, weft_queue_task_done(rt, queue));
  CHECK_INT(WEFT_EBADF, weft_queue_join(rt, queue));
  CHECK_INT(WEFT_EBADF, weft_queue_shutdown(rt, queue, 0));
  CHECK_INT(WEFT_EBADF, weft_queue_get_size(rt, queue, &items));
  CHECK_INT(0, items);
  end(rt);
}

TEST("outside a task what may wait is refused and does nothing [1.11]") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  uint64_t value = 7;
  put(rt, queue, 1);
  CHECK_INT(WEFT_ESTATE, weft_queue_put(rt, queue, thing(2)));
  CHECK_INT(WEFT_ESTATE, weft_queue_get(rt, queue, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_ESTATE, weft_queue_join(rt, queue));
  CHECK_INT(1, size_of(rt, queue));
  end(rt);
}

struct visit {
  weft_runtime *rt;
  weft_queue queue;
};

static void *visit(void *arg) {
  struct visit *here = arg;
  weft_runtime *rt = here->rt;
  weft_queue queue = 7;
  uint64_t value = 7;
  size_t items = 7;
  CHECK_INT(WEFT_ETHREAD, weft_queue_new(rt, 1, NULL, &queue));
  CHECK_INT(0, queue);
  CHECK_INT(WEFT_ETHREAD, weft_queue_put(rt, here->queue, thing(2)));
  CHECK_INT(WEFT_ETHREAD, weft_queue_try_put(rt, here->queue, thing(2)));
  CHECK_INT(WEFT_ETHREAD, weft_queue_get(rt, here->queue, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_ETHREAD, weft_queue_try_get(rt, here->queue, &value));
  CHECK_INT(WEFT_ETHREAD, weft_queue_task_done(rt, here->queue));
  CHECK_INT(WEFT_ETHREAD, weft_queue_join(rt, here->queue));
  CHECK_INT(WEFT_ETHREAD, weft_queue_shutdown(rt, here->queue, 1));
  CHECK_INT(WEFT_ETHREAD, weft_queue_get_size(rt, here->queue, &items));
  CHECK_INT(0, items);
  CHECK_INT(WEFT_ETHREAD, weft_queue_close(rt, here->queue));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct visit here = {rt, new_queue(rt, 0)};
  pthread_t thread;
  put(rt, here.queue, 1);
  CHECK_INT(0, pthread_create(&thread, NULL, visit, &here));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(1, get(rt, here.queue));
  CHECK_INT(WEFT_EEMPTY, get(rt, here.queue));
  end(rt);
}

TEST("putting and getting allocate nothing once they are warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 2);
    struct job from = {.call = put_next_call, .object = queue, .more = 900};
    struct job into = getter(queue);
    into.more = 900;
    start(rt, &into, stepped);
    start(rt, &from, stepped);
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
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_queue queue = 7;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_queue_new(rt, 0, NULL, &queue);
  CHECK(status == WEFT_OK || queue == 0);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no queue is made and nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 2);
}

/* Puts until the store would have to grow and cannot. */
static int fill(weft_runtime *rt, weft_queue queue, int stored) {
  failing_after(1);
  while (weft_queue_try_put(rt, queue, thing(stored + 1)) == WEFT_OK)
    stored++;
  CHECK(failing_has_failed());
  CHECK_INT(stored, size_of(rt, queue));
  failing_after(0);
  return stored;
}

TEST("without memory an item is not put, and the others stay [3.11]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = putter(queue, 999);
    start(rt, &job, stepped);
    CHECK_INT(0, fill(rt, queue, 0));
    put(rt, queue, 1);
    int stored = fill(rt, queue, 1);
    failing_after(1);
    turn(rt);
    CHECK_INT(WEFT_ENOMEM, job.status);
    failing_after(0);
    for (int number = 1; number <= stored; number++) {
      CHECK_INT(number, get(rt, queue));
      task_done(rt, queue);
    }
    CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
    end(rt);
  }
}
