/* SPDX-License-Identifier: MIT
 * test_channel.c - channels: sending, receiving, and their races. How they end
 * is in test_channel_end.c. */
#include "ends.h"

/* -- The store ------------------------------------------------------------ */

TEST("as many items as it may hold are stored and come out in order [21.1]") {
  const int bounds[] = {1, 2, 3, 8, 9, 100};
  for (int i = 0; i < 6; i++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, (size_t)bounds[i]);
    for (int number = 1; number <= bounds[i]; number++)
      give(rt, ends.sender, number);
    CHECK_INT(WEFT_EFULL, weft_sender_try_send(rt, ends.sender, thing(500)));
    CHECK_INT(bounds[i], stored_in(rt, ends.receiver));
    CHECK_INT(1, take(rt, ends.receiver));
    give(rt, ends.sender, 501);
    CHECK_INT(WEFT_EFULL, weft_sender_try_send(rt, ends.sender, thing(502)));
    for (int number = 2; number <= bounds[i]; number++)
      CHECK_INT(number, take(rt, ends.receiver));
    CHECK_INT(501, take(rt, ends.receiver));
    CHECK_INT(WEFT_EEMPTY, take(rt, ends.receiver));
    CHECK_INT(0, drop_count);
    end(rt);
  }
}

TEST("with no room at all, only a receiver takes an item [21.1] [21.4]") {
  weft_runtime *rt = begin();
  struct ends ends = new_channel(rt, 0);
  CHECK_INT(WEFT_EFULL, weft_sender_try_send(rt, ends.sender, thing(1)));
  CHECK_INT(WEFT_EEMPTY, take(rt, ends.receiver));
  CHECK_INT(0, stored_in(rt, ends.receiver));
  end(rt);
}

static int send_nothing(weft_runtime *rt, void *arg) {
  return weft_sender_send(rt, *(weft_sender *)arg, NULL) == WEFT_EINVAL
             ? WEFT_OK
             : WEFT_EOTHER;
}

TEST("NULL is no item, and that is found out first of all [21.4] [3.1]") {
  weft_runtime *rt = begin();
  struct ends ends = new_channel(rt, 1);
  weft_task task;
  CHECK_INT(WEFT_EINVAL, weft_sender_try_send(rt, ends.sender, NULL));
  CHECK_INT(WEFT_OK,
            weft_spawn(rt, 0, send_nothing, &ends.sender, NULL, &task));
  cancel_task(rt, task);
  turn(rt);
  CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, task));
  CHECK_INT(0, stored_in(rt, ends.receiver));
  end(rt);
}

/* -- Sending: the five cases ---------------------------------------------- */

TEST("where there is room, send returns at once, in the same turn [21.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 1);
    struct job job = sending(ends.sender, 1);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(1, job.place);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, take(rt, ends.receiver));
    end(rt);
  }
}

TEST("who waits to send is let in in order, from any sender [1.5] [21.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 1);
    weft_sender other = clone_sender(rt, ends.sender);
    struct job jobs[3];
    give(rt, ends.sender, 1);
    for (int i = 0; i < 3; i++) {
      jobs[i] = sending(i == 1 ? other : ends.sender, i + 2);
      start(rt, &jobs[i], i == 1 ? !stepped : stepped);
    }
    turn(rt);
    CHECK_INT(1, stored_in(rt, ends.receiver));
    CHECK_INT(3, sending_on(rt, other));
    CHECK_INT(1, take(rt, ends.receiver));
    CHECK_INT(0, job_places);
    CHECK_INT(2, take(rt, ends.receiver));
    turn(rt);
    CHECK_INT(1, jobs[0].place);
    CHECK_INT(2, jobs[1].place);
    CHECK_INT(0, jobs[2].place);
    CHECK_INT(1, sending_on(rt, ends.sender));
    CHECK_INT(3, take(rt, ends.receiver));
    CHECK_INT(4, take(rt, ends.receiver));
    CHECK_INT(WEFT_EEMPTY, take(rt, ends.receiver));
    end(rt);
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_OK, jobs[i].status);
  }
}

TEST("at 0 a send returns when a receiver has its item [21.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    struct job first = sending(ends.sender, 1), second;
    start(rt, &first, stepped);
    second = sending(ends.sender, 2);
    start(rt, &second, !stepped);
    turns(rt, 3);
    CHECK_INT(0, job_places);
    CHECK_INT(0, stored_in(rt, ends.receiver));
    CHECK_INT(1, take(rt, ends.receiver));
    turn(rt);
    CHECK_INT(1, first.place);
    CHECK_INT(WEFT_OK, first.status);
    CHECK_INT(0, second.place);
    struct job receiver = receiving(ends.receiver);
    start(rt, &receiver, stepped);
    turn(rt);
    CHECK_INT(2, receiver.place); /* at once: the sender was there */
    CHECK_INT(2, number_of(receiver.value));
    end(rt);
    CHECK_INT(3, second.place);
    CHECK_INT(WEFT_OK, second.status);
  }
}

TEST("a send that is cancelled has sent nothing [21.1] [3.5]") {
  for (int items_max = 0; items_max <= 1; items_max++)
    for (int stepped = 0; stepped <= 1; stepped++) {
      weft_runtime *rt = begin();
      struct ends ends = new_channel(rt, (size_t)items_max);
      struct job gone = sending(ends.sender, 2), stays;
      if (items_max == 1)
        give(rt, ends.sender, 1);
      start(rt, &gone, stepped);
      stays = sending(ends.sender, 3);
      start(rt, &stays, stepped);
      turn(rt);
      cancel(rt, &gone);
      turn(rt);
      CHECK_INT(WEFT_ECANCELLED, gone.status);
      CHECK_INT(0, stays.place);
      if (items_max == 1)
        CHECK_INT(1, take(rt, ends.receiver));
      CHECK_INT(3, take(rt, ends.receiver));
      CHECK_INT(WEFT_EEMPTY, take(rt, ends.receiver));
      end(rt);
      CHECK_INT(WEFT_OK, stays.status);
      CHECK_INT(0, drop_count);
    }
}

TEST("even where there is room, send is a cancellation point [3.2] [4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 1);
    struct job job = sending(ends.sender, 1);
    start(rt, &job, stepped);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(0, stored_in(rt, ends.receiver));
    end(rt);
    CHECK_INT(0, drop_count);
  }
}

TEST("a send is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    struct job job = sending(ends.sender, 1);
    job.deadline_ns = 50;
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
    CHECK_INT(0, sending_on(rt, ends.sender));
    end(rt);
    CHECK_INT(0, drop_count);
  }
}

TEST("closing a sender wakes those who wait on it, not on others [21.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    weft_sender other = clone_sender(rt, ends.sender);
    struct job jobs[4];
    for (int i = 0; i < 4; i++) {
      jobs[i] = sending(i % 2 == 0 ? other : ends.sender, i + 1);
      start(rt, &jobs[i], i < 2 ? !stepped : stepped);
    }
    turn(rt);
    close_sender(rt, other);
    CHECK_INT(2, sending_on(rt, ends.sender));
    turn(rt);
    CHECK_INT(WEFT_ECLOSED, jobs[0].status);
    CHECK_INT(WEFT_ECLOSED, jobs[2].status);
    CHECK_INT(1, jobs[0].place);
    CHECK_INT(2, jobs[2].place);
    CHECK_INT(WEFT_OK, jobs[2].next);
    CHECK_INT(2, take(rt, ends.receiver));
    CHECK_INT(4, take(rt, ends.receiver));
    CHECK_INT(WEFT_EEMPTY, take(rt, ends.receiver));
    end(rt);
    CHECK_INT(0, drop_count);
  }
}

/* -- Receiving: the five cases -------------------------------------------- */

TEST("where there is an item, receive returns at once [21.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 2);
    struct job job = receiving(ends.receiver);
    give(rt, ends.sender, 1);
    give(rt, ends.sender, 2);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(1, job.place);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, number_of(job.value));
    CHECK_INT(2, take(rt, ends.receiver));
    end(rt);
  }
}

TEST("who waits to receive is served in order, on any end [1.5] [21.1]") {
  for (int items_max = 0; items_max <= 1; items_max++)
    for (int stepped = 0; stepped <= 1; stepped++) {
      weft_runtime *rt = begin();
      struct ends ends = new_channel(rt, (size_t)items_max);
      weft_receiver other = clone_receiver(rt, ends.receiver);
      struct job jobs[3];
      for (int i = 0; i < 3; i++) {
        jobs[i] = receiving(i == 1 ? other : ends.receiver);
        start(rt, &jobs[i], i == 1 ? !stepped : stepped);
      }
      turn(rt);
      CHECK_INT(3, receiving_on(rt, other));
      give(rt, ends.sender, 1);
      give(rt, ends.sender, 2);
      CHECK_INT(0, job_places);
      CHECK_INT(0, stored_in(rt, other));
      turn(rt);
      CHECK_INT(1, jobs[0].place);
      CHECK_INT(2, jobs[1].place);
      CHECK_INT(0, jobs[2].place);
      CHECK_INT(1, receiving_on(rt, ends.receiver));
      give(rt, ends.sender, 3);
      end(rt);
      for (int i = 0; i < 3; i++) {
        CHECK_INT(WEFT_OK, jobs[i].status);
        CHECK_INT(i + 1, number_of(jobs[i].value));
      }
    }
}

TEST("a receive that is cancelled has taken nothing [21.1] [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    struct job gone = receiving(ends.receiver), stays = gone;
    start(rt, &gone, stepped);
    start(rt, &stays, stepped);
    turn(rt);
    cancel(rt, &gone);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, gone.status);
    CHECK_INT(0, gone.value);
    CHECK_INT(0, stays.place);
    give(rt, ends.sender, 1);
    end(rt);
    CHECK_INT(1, number_of(stays.value));
  }
}

TEST("even where there is an item, receive is a point [3.2] [4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 1);
    struct job job = receiving(ends.receiver);
    give(rt, ends.sender, 1);
    start(rt, &job, stepped);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(1, take(rt, ends.receiver));
    end(rt);
  }
}

TEST("a receive is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = receiving(new_channel(rt, 1).receiver);
    job.deadline_ns = 50;
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  }
}

TEST("closing a receiver wakes those who wait on it, not on others [21.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 1);
    weft_receiver other = clone_receiver(rt, ends.receiver);
    struct job jobs[4];
    for (int i = 0; i < 4; i++) {
      jobs[i] = receiving(i % 2 == 0 ? other : ends.receiver);
      start(rt, &jobs[i], i < 2 ? !stepped : stepped);
    }
    turn(rt);
    close_receiver(rt, other);
    CHECK_INT(2, receiving_on(rt, ends.receiver));
    give(rt, ends.sender, 1);
    turn(rt);
    CHECK_INT(WEFT_ECLOSED, jobs[0].status);
    CHECK_INT(WEFT_ECLOSED, jobs[2].status);
    CHECK_INT(1, jobs[0].place);
    CHECK_INT(2, jobs[2].place);
    CHECK_INT(0, jobs[2].value);
    CHECK_INT(WEFT_OK, jobs[2].next);
    CHECK_INT(1, number_of(jobs[1].value));
    give(rt, ends.sender, 2);
    end(rt);
    CHECK_INT(2, number_of(jobs[3].value));
  }
}

/* -- Hand-off ------------------------------------------------------------- */

TEST("an item goes straight to the first receiver [3.6] [3.9]") {
  for (int items_max = 0; items_max <= 1; items_max++)
    for (int stepped = 0; stepped <= 1; stepped++) {
      weft_runtime *rt = begin();
      struct ends ends = new_channel(rt, (size_t)items_max);
      struct job waiter = receiving(ends.receiver), newcomer = waiter;
      start(rt, &waiter, stepped);
      turn(rt);
      start(rt, &newcomer, stepped); /* runs first in the next turn */
      give(rt, ends.sender, 1);
      CHECK_INT(WEFT_EEMPTY, take(rt, ends.receiver));
      turn(rt);
      CHECK_INT(1, number_of(waiter.value));
      CHECK_INT(0, newcomer.place);
      give(rt, ends.sender, 2);
      end(rt);
      CHECK_INT(2, number_of(newcomer.value));
    }
}

TEST("a free place goes to the first sender's item [3.6] [3.9]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 1);
    struct job waiter = sending(ends.sender, 2);
    struct job newcomer = sending(ends.sender, 3);
    give(rt, ends.sender, 1);
    start(rt, &waiter, stepped);
    turn(rt);
    start(rt, &newcomer, stepped);
    CHECK_INT(1, take(rt, ends.receiver));
    CHECK_INT(1, stored_in(rt, ends.receiver));
    CHECK_INT(WEFT_EFULL, weft_sender_try_send(rt, ends.sender, thing(4)));
    turn(rt);
    CHECK_INT(1, waiter.place);
    CHECK_INT(0, newcomer.place);
    CHECK_INT(2, take(rt, ends.receiver));
    CHECK_INT(3, take(rt, ends.receiver));
    end(rt);
    CHECK_INT(WEFT_OK, newcomer.status);
  }
}

TEST("task to task, no item is lost or overtaken [21.1]") {
  for (int i = 0; i < 12; i++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, (size_t)(i / 4));
    uint64_t values[THINGS];
    struct job from = sending(ends.sender, 0), into = receiving(ends.receiver);
    from.call = send_next_call;
    from.more = into.more = THINGS - 1;
    into.values = values;
    start(rt, &from, i & 1);
    start(rt, &into, i >> 1 & 1);
    end(rt);
    CHECK_INT(WEFT_OK, from.status);
    CHECK_INT(WEFT_OK, into.status);
    for (int item = 0; item < THINGS; item++)
      CHECK_INT(item + 1, number_of(values[item]));
    CHECK_INT(0, drop_count);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

TEST("send, then cancel the receiver: it has the item [3.4] [8]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    struct job first = receiving(ends.receiver), second = first;
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    give(rt, ends.sender, 1);
    cancel(rt, &first);
    turn(rt);
    CHECK_INT(WEFT_OK, first.status);
    CHECK_INT(1, number_of(first.value));
    CHECK_INT(0, second.place);
    cancel(rt, &second);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.next);
  }
}

TEST("cancel the receiver, then send: the next one has it [3.5] [8]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    struct job first = receiving(ends.receiver), second = first;
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    cancel(rt, &first);
    give(rt, ends.sender, 1);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.status);
    CHECK_INT(WEFT_OK, second.status);
    CHECK_INT(1, number_of(second.value));
  }
}

TEST("cancel the only receiver, then send: stored, or refused [3.5] [8]") {
  for (int items_max = 0; items_max <= 1; items_max++)
    for (int stepped = 0; stepped <= 1; stepped++) {
      weft_runtime *rt = begin();
      struct ends ends = new_channel(rt, (size_t)items_max);
      struct job job = receiving(ends.receiver);
      start(rt, &job, stepped);
      turn(rt);
      cancel(rt, &job);
      CHECK_INT(items_max == 1 ? WEFT_OK : WEFT_EFULL,
                weft_sender_try_send(rt, ends.sender, thing(1)));
      turn(rt);
      CHECK_INT(WEFT_ECANCELLED, job.status);
      CHECK_INT(items_max, stored_in(rt, ends.receiver));
      end(rt);
    }
}

TEST("receive, then cancel the sender: sent it is [3.4] [8]") {
  for (int items_max = 0; items_max <= 1; items_max++)
    for (int stepped = 0; stepped <= 1; stepped++) {
      weft_runtime *rt = begin();
      struct ends ends = new_channel(rt, (size_t)items_max);
      struct job job = sending(ends.sender, 2);
      if (items_max == 1)
        give(rt, ends.sender, 1);
      start(rt, &job, stepped);
      turn(rt);
      CHECK_INT(2 - items_max, take(rt, ends.receiver));
      cancel(rt, &job);
      turn(rt);
      CHECK_INT(WEFT_OK, job.status);
      CHECK_INT(items_max == 1 ? 2 : WEFT_EEMPTY, take(rt, ends.receiver));
      end(rt);
      CHECK_INT(WEFT_ECANCELLED, job.next);
    }
}

TEST("cancel the sender, then receive: the next one's comes [3.5] [8]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    struct job first = sending(ends.sender, 1);
    struct job second = sending(ends.sender, 2);
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    cancel(rt, &first);
    CHECK_INT(2, take(rt, ends.receiver));
    CHECK_INT(WEFT_EEMPTY, take(rt, ends.receiver));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.status);
    CHECK_INT(WEFT_OK, second.status);
  }
}

TEST("close, then cancel: ClosedError, Cancelled comes next [3.4] [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    weft_sender other = clone_sender(rt, ends.sender);
    struct job job = sending(other, 1);
    start(rt, &job, stepped);
    turn(rt);
    close_sender(rt, other);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECLOSED, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel, then close: Cancelled, on either end [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends one = new_channel(rt, 0), two = new_channel(rt, 0);
    struct job sender = sending(one.sender, 1);
    struct job receiver = receiving(two.receiver);
    start(rt, &sender, stepped);
    start(rt, &receiver, stepped);
    turn(rt);
    cancel(rt, &sender);
    cancel(rt, &receiver);
    close_sender(rt, one.sender);
    close_receiver(rt, two.receiver);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, sender.status);
    CHECK_INT(WEFT_ECANCELLED, receiver.status);
  }
}
