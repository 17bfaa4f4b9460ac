/* SPDX-License-Identifier: MIT
 * test_context.c - context variables: whose they are, snapshots, callbacks,
 * generators' layers, memory. */
#include "job.h"

static weft_context_var new_var(weft_runtime *rt, const char *name) {
  weft_context_var var;
  CHECK_INT(WEFT_OK, weft_context_var_new(rt, name, NULL, &var));
  return var;
}

static int set(weft_runtime *rt, weft_context_var var, int number) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_int(number, &value));
  int status = weft_context_var_set(rt, var, value);
  weft_value_unref(value);
  return status;
}

/* The number the variable has; 0: none. */
static int get(weft_runtime *rt, weft_context_var var) {
  weft_value *value = NULL;
  int64_t number = 0;
  CHECK_INT(WEFT_OK, weft_context_var_get(rt, var, &value));
  if (value != NULL)
    CHECK_INT(WEFT_OK, weft_value_get_int(value, &number));
  return (int)number;
}

static int dropped_values;

static void drop_value(void *object) {
  (void)object;
  dropped_values++;
}

/* Sets a value that is counted when it goes. */
static int set_counted(weft_runtime *rt, weft_context_var var) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_host(&dropped_values, drop_value, &value));
  int status = weft_context_var_set(rt, var, value);
  weft_value_unref(value);
  return status;
}

/* -- One task ------------------------------------------------------------- */

static int set_and_park(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  weft_context_var var = play->object;
  switch (play->line) {
  case 0:
    CHECK_INT(0, get(rt, var));
    CHECK_INT(WEFT_OK, set(rt, var, play->number));
    return weft_yield(rt);
  case 1:
    CHECK_INT(play->number, get(rt, var));
    CHECK_INT(WEFT_OK, set(rt, var, play->number + 1));
    return weft_sleep_until(rt, 50);
  default:
    CHECK_INT(play->number + 1, get(rt, var));
    CHECK_INT(WEFT_OK, weft_context_var_set(rt, var, NULL));
    CHECK_INT(0, get(rt, var));
    return play_end(play, WEFT_OK);
  }
}

TEST("what a task sets is its own and outlasts its parks [15.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_context_var var = new_var(rt, "request");
    struct play plays[3];
    for (int i = 0; i < 3; i++) {
      plays[i] = (struct play){
          .act = set_and_park, .object = var, .number = 10 * (i + 1)};
      play_in(rt, 0, &plays[i], i == 1 ? !stepped : stepped);
    }
    CHECK_INT(WEFT_OK, weft_run(rt));
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, plays[i].task));
    end(rt);
  }
}

static int set_many(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_context_var *vars = play->data;
  (void)value;
  for (int i = 0; i < 20; i++)
    CHECK_INT(WEFT_OK, set(rt, vars[i], i + 1));
  for (int i = 0; i < 20; i += 2)
    CHECK_INT(WEFT_OK, weft_context_var_set(rt, vars[i], NULL));
  for (int i = 0; i < 20; i++)
    CHECK_INT(i % 2 == 0 ? 0 : i + 1, get(rt, vars[i]));
  for (int i = 0; i < 20; i += 2)
    CHECK_INT(WEFT_OK, set(rt, vars[i], 100 + i));
  for (int i = 0; i < 20; i++)
    CHECK_INT(i % 2 == 0 ? 100 + i : i + 1, get(rt, vars[i]));
  return play_end(play, WEFT_OK);
}

TEST("many variables are kept apart, in whatever order they are set") {
  weft_runtime *rt = begin();
  weft_context_var vars[20];
  for (int i = 0; i < 20; i++)
    vars[i] = new_var(rt, "one of many");
  struct play play = {.act = set_many, .data = vars};
  play_in(rt, 0, &play, 1);
  end(rt);
}

static int fall_back(weft_runtime *rt, void *arg) {
  weft_context_var var = *(weft_context_var *)arg;
  CHECK_INT(5, get(rt, var));
  CHECK_INT(WEFT_OK, set(rt, var, 6));
  CHECK_INT(6, get(rt, var));
  CHECK_INT(WEFT_OK, weft_context_var_set(rt, var, NULL));
  CHECK_INT(5, get(rt, var));
  return WEFT_OK;
}

TEST("where it is not set, a variable gives its fallback [15.2]") {
  weft_runtime *rt = begin();
  weft_value *five;
  weft_context_var var;
  const char *name;
  char text[] = "request";
  CHECK_INT(WEFT_OK, weft_value_new_int(5, &five));
  CHECK_INT(WEFT_OK, weft_context_var_new(rt, text, five, &var));
  weft_value_unref(five);
  text[0] = 'X'; /* the name is a copy */
  CHECK_INT(WEFT_OK, weft_context_var_get_name(rt, var, &name));
  CHECK_TEXT("request", name);
  CHECK_INT(5, get(rt, var)); /* also outside any task */
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, fall_back, &var, NULL, NULL));
  end(rt);
}

/* -- Children ------------------------------------------------------------- */

struct family {
  weft_context_var var;
  int stepped;
  bool in_group;
  weft_group group;
  struct play parent, child;
  int first, later; /* what the child finds */
};

static int child_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct family *family = play->data;
  (void)value;
  if (play->line == 0) {
    family->first = get(rt, family->var);
    return weft_yield(rt);
  }
  family->later = get(rt, family->var);
  CHECK_INT(WEFT_OK, set(rt, family->var, 99));
  return play_end(play, WEFT_OK);
}

static int parent_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct family *family = play->data;
  switch (play->line) {
  case 0:
    CHECK_INT(WEFT_OK, set(rt, family->var, 1));
    if (family->in_group)
      CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &family->group));
    family->child = (struct play){.act = child_act, .data = family};
    play_in(rt, family->group, &family->child, family->stepped);
    CHECK_INT(WEFT_OK, set(rt, family->var, 2));
    return weft_yield(rt);
  case 1:
    CHECK_INT(WEFT_OK, set(rt, family->var, 3));
    if (family->in_group)
      return weft_group_join(rt, family->group, WEFT_OK, NULL, value);
    return weft_task_await(rt, family->child.task);
  default:
    CHECK_INT(3, get(rt, family->var));
    return play_end(play, play->status);
  }
}

TEST("a child begins with its spawner's, as they were then [15.1]") {
  for (int way = 0; way < 8; way++) {
    weft_runtime *rt = begin();
    struct family family = {.var = new_var(rt, "request"),
                            .stepped = way & 1,
                            .in_group = (way & 2) != 0};
    family.parent = (struct play){.act = parent_act, .data = &family};
    play_in(rt, 0, &family.parent, way >> 2);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, family.parent.task));
    CHECK_INT(1, family.first);
    CHECK_INT(1, family.later);
    end(rt);
  }
}

static int spawn_then_end(weft_runtime *rt, struct play *play,
                          uint64_t *value) {
  struct family *family = play->data;
  (void)value;
  CHECK_INT(WEFT_OK, set_counted(rt, family->var));
  family->child = sleeping_play();
  play_in(rt, 0, &family->child, family->stepped);
  return play_end(play, WEFT_OK);
}

TEST("a value goes with the last task that has it [15.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct family family = {.var = new_var(rt, "request"), .stepped = stepped};
    dropped_values = 0;
    family.parent = (struct play){.act = spawn_then_end, .data = &family};
    play_in(rt, 0, &family.parent, stepped);
    turns(rt, 2);
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, family.parent.task));
    CHECK_INT(0, dropped_values);
    cancel_task(rt, family.child.task);
    turn(rt);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, family.child.task));
    CHECK_INT(1, dropped_values); /* though both handles are still owned */
    end(rt);
    CHECK_INT(1, dropped_values);
  }
}

/* -- Callbacks ------------------------------------------------------------ */

struct caller {
  weft_context_var var;
  struct play play;
  weft_task awaited;
  int found[3]; /* by each callback: soon, at, on_done */
  int calls;
};

static void note_found(weft_runtime *rt, void *arg) {
  struct caller *caller = arg;
  caller->found[caller->calls++] = get(rt, caller->var);
  /* What it sets is its own. */
  CHECK_INT(WEFT_OK, set(rt, caller->var, 70 + caller->calls));
  CHECK_INT(70 + caller->calls, get(rt, caller->var));
}

static int add_calls(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct caller *caller = play->data;
  (void)value;
  if (play->line == 1) {
    CHECK_INT(4, get(rt, caller->var));
    return play_end(play, WEFT_OK);
  }
  CHECK_INT(WEFT_OK, set(rt, caller->var, 1));
  CHECK_INT(WEFT_OK, weft_call_soon(rt, note_found, caller, NULL, NULL));
  CHECK_INT(WEFT_OK, set(rt, caller->var, 2));
  CHECK_INT(WEFT_OK, weft_call_at(rt, 10, note_found, caller, NULL, NULL));
  CHECK_INT(WEFT_OK, set(rt, caller->var, 3));
  CHECK_INT(WEFT_OK, weft_task_on_done(rt, caller->awaited, note_found, caller,
                                       NULL, NULL));
  CHECK_INT(WEFT_OK, set(rt, caller->var, 4));
  return weft_sleep_until(rt, 30);
}

static int sleep_20(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line == 0 ? weft_sleep_until(rt, 20) : play_end(play, WEFT_OK);
}

TEST("a callback runs with the snapshot of when it was added [15.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct caller caller = {.var = new_var(rt, "request")};
    struct play sleeper = {.act = sleep_20};
    caller.play = (struct play){.act = add_calls, .data = &caller};
    play_in(rt, 0, &sleeper, stepped);
    caller.awaited = sleeper.task;
    play_in(rt, 0, &caller.play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(3, caller.calls);
    for (int i = 0; i < 3; i++)
      CHECK_INT(i + 1, caller.found[i]);
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, caller.play.task));
    end(rt);
  }
}

struct chain {
  weft_context_var var;
  int found[3];
  struct play play;
};

static int note_chain(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct chain *chain = play->data;
  (void)value;
  chain->found[2] = get(rt, chain->var);
  return play_end(play, WEFT_OK);
}

static void second_call(weft_runtime *rt, void *arg) {
  struct chain *chain = arg;
  chain->found[1] = get(rt, chain->var);
  chain->play = (struct play){.act = note_chain, .data = chain};
  play_in(rt, 0, &chain->play, 1);
}

static void first_call(weft_runtime *rt, void *arg) {
  struct chain *chain = arg;
  chain->found[0] = get(rt, chain->var);
  CHECK_INT(WEFT_OK, set(rt, chain->var, 8));
  CHECK_INT(WEFT_OK, weft_call_soon(rt, second_call, chain, NULL, NULL));
  CHECK_INT(WEFT_OK, set(rt, chain->var, 9));
}

TEST("what a callback adds or spawns has its snapshot [15.1]") {
  weft_runtime *rt = begin();
  struct chain chain = {.var = new_var(rt, "request")};
  CHECK_INT(WEFT_OK, weft_call_soon(rt, first_call, &chain, NULL, NULL));
  end(rt);
  CHECK_INT(0, chain.found[0]);
  CHECK_INT(8, chain.found[1]);
  CHECK_INT(8, chain.found[2]);
}

static void never(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  CHECK(false); /* it was called */
}

struct timers {
  weft_context_var var;
  weft_timer timer;
  bool cancel;
};

static int leave_timer(weft_runtime *rt, void *arg) {
  struct timers *timers = arg;
  CHECK_INT(WEFT_OK, set_counted(rt, timers->var));
  CHECK_INT(WEFT_OK, weft_call_at(rt, 1000, never, NULL, NULL, &timers->timer));
  return WEFT_OK;
}

TEST("a call that is prevented or never made lets its snapshot go") {
  for (int cancelled = 0; cancelled <= 1; cancelled++) {
    weft_runtime *rt = begin();
    struct timers timers = {.var = new_var(rt, "request")};
    dropped_values = 0;
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, leave_timer, &timers, NULL, NULL));
    turn(rt);
    CHECK_INT(0, dropped_values);
    if (cancelled) {
      CHECK_INT(WEFT_OK, weft_timer_cancel(rt, timers.timer, NULL));
      CHECK_INT(1, dropped_values);
    }
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_INT(1, dropped_values);
    CHECK_INT(0, failing_live());
  }
}

static struct {
  weft_runtime *rt;
  weft_context_var var;
  int found;
} late;

/* The value's own drop function, called wherever the last reference goes. */
static void set_late(void *object) {
  weft_value *value = NULL;
  (void)object;
  late.found = weft_context_var_get(late.rt, late.var, &value);
  CHECK_INT(WEFT_ESTATE, set(late.rt, late.var, 1));
}

static int set_late_value(weft_runtime *rt, void *arg) {
  weft_value *value;
  (void)arg;
  CHECK_INT(WEFT_OK, weft_value_new_host(&late, set_late, &value));
  CHECK_INT(WEFT_OK, weft_context_var_set(rt, late.var, value));
  weft_value_unref(value);
  return WEFT_OK;
}

TEST("a value that goes with its task may look around") {
  weft_runtime *rt = begin();
  late.rt = rt;
  late.var = new_var(rt, "late");
  late.found = 7;
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, set_late_value, NULL, NULL, NULL));
  turn(rt);
  CHECK_INT(WEFT_OK, late.found);
  end(rt);
}

/* -- Layers --------------------------------------------------------------- */

static int use_layer(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_context_var var = play->object;
  weft_context layer = (uint64_t)play->number;
  (void)value;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, set(rt, var, 1));
    CHECK_INT(WEFT_OK, weft_context_copy(rt, &layer));
    play->number = (int)layer;
    play->data = NULL;
    CHECK_INT(WEFT_OK, set(rt, var, 2));
    CHECK_INT(WEFT_OK, weft_context_swap(rt, layer));
    CHECK_INT(1, get(rt, var));
    CHECK_INT(WEFT_OK, set(rt, var, 3));
    CHECK_INT(WEFT_OK, weft_context_swap(rt, layer));
    CHECK_INT(2, get(rt, var));
    CHECK_INT(WEFT_OK, weft_context_swap(rt, layer));
    CHECK_INT(3, get(rt, var));
    CHECK_INT(WEFT_OK, weft_context_swap(rt, layer));
    CHECK_INT(WEFT_OK, weft_context_close(rt, layer));
    CHECK_INT(WEFT_EBADF, weft_context_swap(rt, layer));
    return weft_yield(rt);
  }
  CHECK_INT(2, get(rt, var));
  return play_end(play, WEFT_OK);
}

TEST("a snapshot and the task's can be exchanged, each its own [15.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = use_layer, .object = new_var(rt, "request")};
    play_in(rt, 0, &play, stepped);
    end(rt);
  }
}

static weft_context shared;

static int lend_layer(weft_runtime *rt, void *arg) {
  weft_context_var var = *(weft_context_var *)arg;
  CHECK_INT(WEFT_OK, set(rt, var, 1));
  CHECK_INT(WEFT_OK, weft_context_copy(rt, &shared));
  return WEFT_OK;
}

static int borrow_layer(weft_runtime *rt, void *arg) {
  weft_context_var var = *(weft_context_var *)arg;
  CHECK_INT(0, get(rt, var));
  CHECK_INT(WEFT_OK, weft_context_swap(rt, shared));
  CHECK_INT(1, get(rt, var));
  CHECK_INT(WEFT_OK, weft_context_swap(rt, shared));
  CHECK_INT(0, get(rt, var));
  return WEFT_OK;
}

TEST("a snapshot outlives its task, and another task may run with it") {
  weft_runtime *rt = begin();
  weft_context_var var = new_var(rt, "request");
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, lend_layer, &var, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, borrow_layer, &var, NULL, NULL));
  end(rt); /* which also closes the snapshot */
}

TEST("outside tasks and callbacks a snapshot is empty, nothing can be set") {
  weft_runtime *rt = begin();
  weft_context_var var = new_var(rt, "request");
  weft_context context;
  CHECK_INT(WEFT_OK, weft_context_copy(rt, &context));
  CHECK_INT(WEFT_ESTATE, weft_context_swap(rt, context));
  CHECK_INT(WEFT_ESTATE, set(rt, var, 1));
  CHECK_INT(WEFT_ESTATE, weft_context_var_set(rt, var, NULL));
  CHECK_INT(0, get(rt, var));
  end(rt);
}

/* -- What is around it ---------------------------------------------------- */

TEST("a closed handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_context_var var = new_var(rt, "request");
  weft_context context;
  weft_value *value = (weft_value *)&value;
  const char *name = "x";
  CHECK_INT(WEFT_OK, weft_context_copy(rt, &context));
  CHECK_INT(WEFT_EBADF, weft_context_close(rt, var));
  CHECK_INT(WEFT_EBADF, weft_context_var_close(rt, context));
  CHECK_INT(WEFT_OK, weft_context_var_close(rt, var));
  CHECK_INT(WEFT_OK, weft_context_close(rt, context));
  CHECK_INT(WEFT_EBADF, weft_context_var_close(rt, var));
  CHECK_INT(WEFT_EBADF, weft_context_var_get(rt, var, &value));
  CHECK(value == NULL);
  CHECK_INT(WEFT_EBADF, weft_context_var_get_name(rt, var, &name));
  CHECK(name == NULL);
  CHECK_INT(WEFT_EBADF, weft_context_var_set(rt, var, NULL));
  CHECK_INT(WEFT_EBADF, weft_context_close(rt, context));
  var = 7;
  CHECK_INT(WEFT_EINVAL, weft_context_var_new(rt, NULL, NULL, &var));
  CHECK_INT(0, var);
  end(rt);
}

static int set_and_close(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, set_counted(rt, play->object));
    CHECK_INT(WEFT_OK, weft_context_var_close(rt, play->object));
    CHECK_INT(0, dropped_values);
    return weft_yield(rt);
  }
  return play_end(play, WEFT_OK);
}

TEST("a value set outlasts its variable, until its task ends") {
  weft_runtime *rt = begin();
  struct play play = {.act = set_and_close, .object = new_var(rt, "request")};
  dropped_values = 0;
  play_in(rt, 0, &play, 0);
  turn(rt);
  CHECK_INT(0, dropped_values);
  turn(rt);
  CHECK_INT(1, dropped_values);
  end(rt);
}

struct visitor {
  weft_runtime *rt;
  weft_context_var var;
  weft_context context;
};

static void *visit(void *arg) {
  struct visitor *here = arg;
  weft_runtime *rt = here->rt;
  uint64_t handle = 7;
  weft_value *value = (weft_value *)&value;
  const char *name = "x";
  CHECK_INT(WEFT_ETHREAD, weft_context_var_new(rt, "x", NULL, &handle));
  CHECK_INT(0, handle);
  CHECK_INT(WEFT_ETHREAD, weft_context_var_get(rt, here->var, &value));
  CHECK(value == NULL);
  CHECK_INT(WEFT_ETHREAD, weft_context_var_get_name(rt, here->var, &name));
  CHECK_INT(WEFT_ETHREAD, weft_context_var_set(rt, here->var, NULL));
  CHECK_INT(WEFT_ETHREAD, weft_context_var_close(rt, here->var));
  handle = 7;
  CHECK_INT(WEFT_ETHREAD, weft_context_copy(rt, &handle));
  CHECK_INT(0, handle);
  CHECK_INT(WEFT_ETHREAD, weft_context_swap(rt, here->context));
  CHECK_INT(WEFT_ETHREAD, weft_context_close(rt, here->context));
  return NULL;
}

TEST("another thread is refused [1.11]") {
  weft_runtime *rt = begin();
  struct visitor here = {.rt = rt, .var = new_var(rt, "request")};
  CHECK_INT(WEFT_OK, weft_context_copy(rt, &here.context));
  in_pthread_apart(visit, &here);
  end(rt);
}

/* -- Memory --------------------------------------------------------------- */

static int set_often(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_value *own = play->data;
  (void)value;
  CHECK_INT(WEFT_OK, weft_context_var_set(rt, play->object, own));
  if (play->line % 2 == 0)
    CHECK_INT(WEFT_OK, weft_context_var_set(rt, play->object, NULL));
  return play->line < 200 ? weft_yield(rt) : play_end(play, WEFT_OK);
}

TEST("setting and getting allocate nothing once they are warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = set_often, .object = new_var(rt, "request")};
    weft_value *value;
    CHECK_INT(WEFT_OK, weft_value_new_int(1, &value));
    play.data = value;
    play_in(rt, 0, &play, stepped);
    turns(rt, 3);
    long before = failing_allocations();
    turns(rt, 100);
    CHECK_INT(before, failing_allocations());
    CHECK(play.line > 100);
    CHECK_INT(WEFT_OK, weft_run(rt));
    weft_value_unref(value);
    end(rt);
  }
}

static int inherit(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  CHECK_INT(1, get(rt, play->object));
  return play_end(play, WEFT_OK);
}

static int spawn_often(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct play *child = play->data;
  (void)value;
  if (play->line == 0)
    CHECK_INT(WEFT_OK, set(rt, play->object, 1));
  if (play->line > 0)
    CHECK_INT(WEFT_OK, weft_task_close(rt, child->task));
  if (play->line == 200)
    return play_end(play, WEFT_OK);
  *child = (struct play){.act = inherit, .object = play->object};
  play_in(rt, 0, child, play->line % 2);
  return weft_task_await(rt, child->task);
}

TEST("handing variables on to children allocates nothing once warm") {
  weft_runtime *rt = begin();
  struct play child;
  struct play play = {
      .act = spawn_often, .object = new_var(rt, "request"), .data = &child};
  play_in(rt, 0, &play, 1);
  turns(rt, 20);
  long before = failing_allocations();
  turns(rt, 100);
  CHECK_INT(before, failing_allocations());
  CHECK(play.line > 50);
  end(rt);
}

static void nothing(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
}

static int idle_step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  (void)rt;
  (void)arg;
  (void)status;
  (void)value;
  return WEFT_OK;
}

struct attempt {
  weft_context_var vars[6];
  int status;
};

#define TRY(call)                                                              \
  if (attempt->status == WEFT_OK)                                              \
  attempt->status = (call)

/* All that allocates, each step only if the one before has worked. The task
 * itself finishes: a failure would need memory of its own. */
static int try_all(weft_runtime *rt, void *arg) {
  struct attempt *attempt = arg;
  weft_context context = 0;
  weft_value *value = NULL;
  TRY(weft_value_new_int(1, &value));
  for (int i = 0; i < 6; i++)
    TRY(weft_context_var_set(rt, attempt->vars[i], value));
  TRY(weft_context_copy(rt, &context));
  TRY(weft_context_var_set(rt, attempt->vars[0], NULL));
  TRY(weft_context_swap(rt, context));
  TRY(weft_spawn_step(rt, 0, idle_step, NULL, NULL, NULL));
  TRY(weft_call_soon(rt, nothing, NULL, NULL, NULL));
  weft_value_unref(value);
  return WEFT_OK;
}

static int make_and_use(void *arg) {
  struct attempt *attempt = &(struct attempt){.status = WEFT_OK};
  weft_runtime *rt;
  (void)arg;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  for (int i = 0; i < 6; i++)
    TRY(weft_context_var_new(rt, "request", NULL, &attempt->vars[i]));
  TRY(weft_spawn(rt, 0, try_all, attempt, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return attempt->status;
}

TEST("without memory nothing is set or handed on, nothing lost [3.11]") {
  failing_install();
  CHECK(failing_each(make_and_use, NULL) >= 15);
}
