/* SPDX-License-Identifier: MIT
 * test_channel_end.c - channels: closing their ends, what is dropped, what is
 * refused, and their memory. */
#include "ends.h"

/* -- The last sender ------------------------------------------------------ */

TEST("after the last sender receivers drain, then the end comes [21.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 3);
    struct job first = receiving(ends.receiver), second = first;
    for (int number = 1; number <= 3; number++)
      give(rt, ends.sender, number);
    close_sender(rt, ends.sender);
    CHECK_INT(1, take(rt, ends.receiver));
    CHECK_INT(2, take(rt, ends.receiver));
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, first.status);
    CHECK_INT(3, number_of(first.value));
    CHECK_INT(WEFT_EEND, second.status);
    CHECK_INT(0, second.value);
    CHECK_INT(WEFT_OK, second.next);
    CHECK_INT(WEFT_EEND, take(rt, ends.receiver));
    end(rt);
    CHECK_INT(0, drop_count);
  }
}

TEST("as long as one sender is open, it is not the end [21.2] [21.3]") {
  weft_runtime *rt = begin();
  struct ends ends = new_channel(rt, 1);
  weft_sender clone = clone_sender(rt, ends.sender);
  weft_sender of_clone = clone_sender(rt, clone);
  close_sender(rt, clone);
  close_sender(rt, ends.sender);
  CHECK_INT(WEFT_EEMPTY, take(rt, ends.receiver));
  give(rt, of_clone, 1);
  CHECK_INT(1, take(rt, ends.receiver));
  close_sender(rt, of_clone);
  CHECK_INT(WEFT_EEND, take(rt, ends.receiver));
  end(rt);
}

TEST("one end of two closed leaves the other side waiting [21.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends one = new_channel(rt, 0), two = new_channel(rt, 0);
    struct job receiver = receiving(one.receiver);
    struct job sender = sending(two.sender, 2);
    start(rt, &receiver, stepped);
    start(rt, &sender, stepped);
    turn(rt);
    close_sender(rt, clone_sender(rt, one.sender));
    close_receiver(rt, clone_receiver(rt, two.receiver));
    turn(rt);
    CHECK_INT(0, job_places);
    give(rt, one.sender, 1);
    CHECK_INT(2, take(rt, two.receiver));
    end(rt);
    CHECK_INT(1, number_of(receiver.value));
    CHECK_INT(WEFT_OK, sender.status);
  }
}

TEST("those who wait to receive get the end, in order [21.3] [1.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
      jobs[i] =
          receiving(i == 1 ? clone_receiver(rt, ends.receiver) : ends.receiver);
      start(rt, &jobs[i], i == 1 ? !stepped : stepped);
    }
    turn(rt);
    close_sender(rt, ends.sender);
    CHECK_INT(0, job_places);
    end(rt);
    for (int i = 0; i < 3; i++) {
      CHECK_INT(WEFT_EEND, jobs[i].status);
      CHECK_INT(0, jobs[i].value);
      CHECK_INT(i + 1, jobs[i].place);
      CHECK_INT(WEFT_OK, jobs[i].next);
    }
  }
}

TEST("what waits to be sent on a sender that is closed is not sent [21.2]") {
  for (int items_max = 0; items_max <= 1; items_max++)
    for (int stepped = 0; stepped <= 1; stepped++) {
      weft_runtime *rt = begin();
      struct ends ends = new_channel(rt, (size_t)items_max);
      struct job job = sending(ends.sender, 2);
      if (items_max == 1)
        give(rt, ends.sender, 1);
      start(rt, &job, stepped);
      turn(rt);
      close_sender(rt, ends.sender);
      if (items_max == 1)
        CHECK_INT(1, take(rt, ends.receiver));
      CHECK_INT(WEFT_EEND, take(rt, ends.receiver));
      end(rt);
      CHECK_INT(WEFT_ECLOSED, job.status);
      CHECK_INT(0, drop_count); /* it is still the caller's */
    }
}

TEST("what was received of a sender stays so though it is closed [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    struct job sender = sending(ends.sender, 1);
    start(rt, &sender, stepped);
    turn(rt);
    CHECK_INT(1, take(rt, ends.receiver));
    close_sender(rt, ends.sender);
    end(rt);
    CHECK_INT(WEFT_OK, sender.status);
  }
}

/* -- The last receiver ---------------------------------------------------- */

TEST("the last receiver drops what is stored, in order [21.3]") {
  weft_runtime *rt = begin();
  struct ends ends = new_channel(rt, 20);
  weft_receiver clone = clone_receiver(rt, ends.receiver);
  for (int number = 1; number <= 20; number++)
    give(rt, ends.sender, number);
  for (int number = 1; number <= 5; number++)
    CHECK_INT(number, take(rt, clone));
  give(rt, ends.sender, 21);
  close_receiver(rt, ends.receiver);
  CHECK_INT(0, drop_count);
  CHECK_INT(6, take(rt, clone));
  close_receiver(rt, clone);
  CHECK_INT(15, drop_count);
  for (int i = 0; i < 15; i++)
    CHECK_INT(i + 7, dropped[i]);
  end(rt);
  CHECK_INT(15, drop_count);
}

TEST("after the last receiver every send fails, waiting ones too [21.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    weft_sender other = clone_sender(rt, ends.sender);
    struct job jobs[3], late = sending(other, 9);
    for (int i = 0; i < 3; i++) {
      jobs[i] = sending(i == 1 ? other : ends.sender, i + 1);
      start(rt, &jobs[i], i == 1 ? !stepped : stepped);
    }
    turn(rt);
    close_receiver(rt, ends.receiver);
    CHECK_INT(0, sending_on(rt, other));
    CHECK_INT(WEFT_ECLOSED, weft_sender_try_send(rt, other, thing(4)));
    turn(rt);
    start(rt, &late, stepped);
    turn(rt);
    CHECK_INT(WEFT_ECLOSED, late.status);
    CHECK_INT(WEFT_ECLOSED,
              weft_sender_try_send(rt, clone_sender(rt, other), thing(5)));
    end(rt);
    for (int i = 0; i < 3; i++) {
      CHECK_INT(WEFT_ECLOSED, jobs[i].status);
      CHECK_INT(i + 1, jobs[i].place);
      CHECK_INT(WEFT_OK, jobs[i].next);
    }
    CHECK_INT(0, drop_count); /* they are still the callers' */
  }
}

TEST("in cancelled code even a send to nobody is Cancelled [3.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 1);
    struct job job = sending(ends.sender, 1);
    close_receiver(rt, ends.receiver);
    start(rt, &job, stepped);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("what was handed over before the close stays delivered [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 0);
    struct job job = receiving(ends.receiver);
    start(rt, &job, stepped);
    turn(rt);
    give(rt, ends.sender, 1);
    close_receiver(rt, ends.receiver);
    close_sender(rt, ends.sender);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, number_of(job.value));
    CHECK_INT(0, drop_count);
  }
}

/* -- Dropping ------------------------------------------------------------- */

TEST("the end of the runtime drops what is stored, once [21.3]") {
  for (int closed = 0; closed <= 2; closed++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 3);
    weft_sender clone = clone_sender(rt, ends.sender);
    clone_receiver(rt, ends.receiver);
    for (int number = 1; number <= 3; number++)
      give(rt, clone, number);
    if (closed == 1)
      close_sender(rt, ends.sender);
    if (closed == 2)
      close_receiver(rt, ends.receiver);
    end(rt);
    CHECK_INT(3, drop_count);
    for (int i = 0; i < 3; i++)
      CHECK_INT(i + 1, dropped[i]);
  }
}

TEST("without a drop function items are just forgotten") {
  weft_runtime *rt = begin();
  struct ends ends;
  CHECK_INT(WEFT_OK,
            weft_channel_new(rt, 2, NULL, &ends.sender, &ends.receiver));
  give(rt, ends.sender, 1);
  close_receiver(rt, ends.receiver);
  end(rt);
}

/* An item whose drop function tries all that could do harm. */
struct trap {
  weft_runtime *rt;
  struct ends ends;
  int drops;
  int sent;     /* what sending gave */
  int received; /* and receiving */
  int closed;   /* and closing the sender */
};

static void spring(void *arg) {
  struct trap *trap = arg;
  uint64_t value;
  trap->drops++;
  trap->sent = weft_sender_try_send(trap->rt, trap->ends.sender, trap);
  trap->received =
      weft_receiver_try_receive(trap->rt, trap->ends.receiver, &value);
  weft_receiver_close(trap->rt, trap->ends.receiver);
  trap->closed = weft_sender_close(trap->rt, trap->ends.sender);
}

static struct trap set_trap(weft_runtime *rt) {
  struct trap trap = {.rt = rt};
  CHECK_INT(WEFT_OK, weft_channel_new(rt, 2, spring, &trap.ends.sender,
                                      &trap.ends.receiver));
  return trap;
}

TEST("a drop function may close the last sender, and the channel goes") {
  weft_runtime *rt = begin();
  struct trap trap = set_trap(rt);
  CHECK_INT(WEFT_OK, weft_sender_try_send(rt, trap.ends.sender, &trap));
  CHECK_INT(WEFT_OK, weft_sender_try_send(rt, trap.ends.sender, &trap));
  close_receiver(rt, trap.ends.receiver);
  CHECK_INT(2, trap.drops);
  CHECK_INT(WEFT_EBADF, trap.received);
  CHECK_INT(WEFT_EBADF, trap.sent); /* the second time */
  CHECK_INT(WEFT_EBADF, trap.closed);
  end(rt);
}

TEST("at the end of the runtime it finds its receiver gone, no crash") {
  for (int other_first = 0; other_first <= 1; other_first++) {
    weft_runtime *rt = begin();
    struct trap trap = set_trap(rt);
    CHECK_INT(WEFT_OK, weft_sender_try_send(rt, trap.ends.sender, &trap));
    if (other_first) { /* a sender that comes behind the receiver */
      weft_sender clone = clone_sender(rt, trap.ends.sender);
      close_sender(rt, trap.ends.sender);
      trap.ends.sender = clone;
    }
    end(rt);
    CHECK_INT(1, trap.drops);
    CHECK_INT(WEFT_EBADF, trap.received);
    CHECK_INT(other_first ? WEFT_ECLOSED : WEFT_EBADF, trap.sent);
    CHECK_INT(other_first ? WEFT_OK : WEFT_EBADF, trap.closed);
  }
}

/* -- The run budget ------------------------------------------------------- */

TEST("the 128th send that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 300);
    struct job job = sending(ends.sender, 0);
    job.call = send_next_call;
    job.more = 199;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(127, job.done);
    CHECK_INT(128, stored_in(rt, ends.receiver));
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(200, drop_count);
  }
}

TEST("a receive that waits for its turn has its item [1.7] [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 300);
    struct job job = receiving(ends.receiver);
    for (int number = 1; number <= 200; number++)
      give(rt, ends.sender, number);
    job.more = 127;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(127, job.done);
    cancel(rt, &job);
    close_receiver(rt, ends.receiver);
    close_sender(rt, ends.sender);
    CHECK_INT(72, drop_count);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(128, number_of(job.value));
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

/* -- What is around it ---------------------------------------------------- */

static void check_wait(weft_runtime *rt, weft_task task, const char *word,
                       uint64_t end) {
  const char *what;
  uint64_t object, until_ns;
  CHECK_INT(WEFT_OK, weft_task_get_wait(rt, task, &what, &object, &until_ns));
  CHECK_TEXT(word, what);
  CHECK(object == end);
  CHECK(until_ns == UINT64_MAX);
}

TEST("a parked task says on which end it waits, and what for") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends one = new_channel(rt, 0), two = new_channel(rt, 0);
    weft_receiver clone = clone_receiver(rt, two.receiver);
    struct job sender = sending(one.sender, 1), receiver = receiving(clone);
    start(rt, &sender, stepped);
    start(rt, &receiver, stepped);
    turn(rt);
    check_wait(rt, sender.task, "channel (to send)", one.sender);
    check_wait(rt, receiver.task, "channel (to receive)", clone);
    cancel(rt, &sender);
    cancel(rt, &receiver);
    end(rt);
  }
}

struct visit {
  weft_runtime *rt;
  struct ends ends;
  int code; /* what each call must return */
};

/* Every call of an end, each refused. */
static void *visit(void *arg) {
  struct visit *here = arg;
  weft_runtime *rt = here->rt;
  weft_sender sender = here->ends.sender;
  weft_receiver receiver = here->ends.receiver;
  uint64_t clone = 7, values[2] = {7, 7};
  size_t counts[3] = {7, 7, 7};
  CHECK_INT(here->code, weft_sender_send(rt, sender, thing(2)));
  CHECK_INT(here->code, weft_sender_try_send(rt, sender, thing(2)));
  CHECK_INT(here->code, weft_sender_clone(rt, sender, &clone));
  CHECK_INT(0, clone);
  CHECK_INT(here->code, weft_sender_get_waiting(rt, sender, &counts[0]));
  CHECK_INT(here->code, weft_sender_close(rt, sender));
  CHECK_INT(here->code, weft_receiver_receive(rt, receiver, &values[0]));
  CHECK_INT(here->code, weft_receiver_try_receive(rt, receiver, &values[1]));
  CHECK_INT(0, values[0] + values[1]);
  clone = 7;
  CHECK_INT(here->code, weft_receiver_clone(rt, receiver, &clone));
  CHECK_INT(0, clone);
  CHECK_INT(here->code, weft_receiver_get_size(rt, receiver, &counts[1]));
  CHECK_INT(here->code, weft_receiver_get_waiting(rt, receiver, &counts[2]));
  CHECK_INT(0, counts[0] + counts[1] + counts[2]);
  CHECK_INT(here->code, weft_receiver_close(rt, receiver));
  return NULL;
}

TEST("a closed end's handle, and one of another kind, are refused [21.2]") {
  weft_runtime *rt = begin();
  struct ends open = new_channel(rt, 2);
  struct visit stale = {rt, new_channel(rt, 2), WEFT_EBADF};
  struct visit crossed = {rt, {open.receiver, open.sender}, WEFT_EBADF};
  close_sender(rt, stale.ends.sender);
  close_receiver(rt, stale.ends.receiver);
  visit(&stale);
  visit(&crossed);
  give(rt, open.sender, 1);
  CHECK_INT(1, stored_in(rt, open.receiver));
  end(rt);
}

TEST("outside a task what may wait is refused and does nothing [1.11]") {
  weft_runtime *rt = begin();
  struct ends ends = new_channel(rt, 2);
  uint64_t value = 7;
  give(rt, ends.sender, 1);
  CHECK_INT(WEFT_ESTATE, weft_sender_send(rt, ends.sender, thing(2)));
  CHECK_INT(WEFT_ESTATE, weft_receiver_receive(rt, ends.receiver, &value));
  CHECK_INT(0, value);
  CHECK_INT(1, stored_in(rt, ends.receiver));
  end(rt);
}

static void *make_there(void *arg) {
  weft_sender sender = 7;
  weft_receiver receiver = 7;
  CHECK_INT(WEFT_ETHREAD, weft_channel_new(arg, 2, NULL, &sender, &receiver));
  CHECK_INT(0, sender + receiver);
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct visit here = {rt, new_channel(rt, 2), WEFT_ETHREAD};
  give(rt, here.ends.sender, 1);
  in_pthread_apart(make_there, rt);
  in_pthread_apart(visit, &here);
  CHECK_INT(1, take(rt, here.ends.receiver));
  CHECK_INT(WEFT_EEMPTY, take(rt, here.ends.receiver));
  end(rt);
}

/* -- Memory --------------------------------------------------------------- */

TEST("sending and receiving allocate nothing once they are warm") {
  for (int i = 0; i < 6; i++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, (size_t)(i / 2));
    struct job from = sending(ends.sender, 0), into = receiving(ends.receiver);
    from.call = send_next_call;
    from.more = into.more = 900;
    start(rt, &into, i % 2);
    start(rt, &from, i % 2);
    turns(rt, 10);
    long before = failing_allocations();
    int done = into.done;
    while (into.done < 900)
      turn(rt);
    CHECK(before > 0 && done < 100);
    CHECK_INT(before, failing_allocations());
    end(rt);
  }
}

TEST("a channel goes with its last end, whichever that is") {
  for (int sender_last = 0; sender_last <= 1; sender_last++) {
    weft_runtime *rt = begin();
    long before = failing_live();
    struct ends ends = new_channel(rt, 2);
    weft_sender clone = clone_sender(rt, ends.sender);
    give(rt, clone, 1);
    close_sender(rt, ends.sender);
    if (sender_last) {
      close_receiver(rt, ends.receiver);
      CHECK(failing_live() > before);
      close_sender(rt, clone);
    } else {
      close_sender(rt, clone);
      CHECK(failing_live() > before);
      close_receiver(rt, ends.receiver);
    }
    CHECK_INT(1, drop_count);
    CHECK(failing_live() <= before + 1); /* the table of handles */
    end(rt);
  }
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_sender sender = 7;
  weft_receiver receiver = 7;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_channel_new(rt, 0, NULL, &sender, &receiver);
  CHECK(status == WEFT_OK || sender + receiver == 0);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no channel is made, nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 4);
}

/* With as many ends as the table of handles has room for at first. */
static int clone_both(void *arg) {
  (void)arg;
  weft_runtime *rt;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  struct ends ends;
  status = weft_channel_new(rt, 0, NULL, &ends.sender, &ends.receiver);
  for (int i = 0; i < 40 && status == WEFT_OK; i++) {
    weft_sender sender = 7;
    weft_receiver receiver = 0;
    status = weft_sender_clone(rt, ends.sender, &sender);
    CHECK((status == WEFT_OK) == (sender != 0));
    if (status == WEFT_OK)
      status = weft_receiver_clone(rt, ends.receiver, &receiver);
    CHECK((status == WEFT_OK) == (receiver != 0));
  }
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no end is cloned, and the others stay [3.11]") {
  failing_install();
  CHECK(failing_each(clone_both, NULL) >= 80);
}

/* Sends until the store would have to grow and cannot. */
static int fill(weft_runtime *rt, struct ends ends, int stored) {
  failing_after(1);
  while (weft_sender_try_send(rt, ends.sender, thing(stored + 1)) == WEFT_OK)
    stored++;
  CHECK(failing_has_failed());
  CHECK_INT(stored, stored_in(rt, ends.receiver));
  failing_after(0);
  return stored;
}

TEST("without memory an item is not sent, and the others stay [3.11]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct ends ends = new_channel(rt, 900);
    struct job job = sending(ends.sender, 999);
    start(rt, &job, stepped);
    CHECK_INT(0, fill(rt, ends, 0));
    give(rt, ends.sender, 1);
    int stored = fill(rt, ends, 1);
    failing_after(1);
    turn(rt);
    CHECK_INT(WEFT_ENOMEM, job.status);
    failing_after(0);
    for (int number = 1; number <= stored; number++)
      CHECK_INT(number, take(rt, ends.receiver));
    CHECK_INT(WEFT_EEMPTY, take(rt, ends.receiver));
    end(rt);
    CHECK_INT(0, drop_count);
  }
}
