/* SPDX-License-Identifier: MIT
 * test_workers_end.c - what becomes of threads when their runtime ends; rules
 * 22.2 and 22.6. */
#include "gate.h"

/* -- The end of the runtime ----------------------------------------------- */

TEST("a runtime ends its threads [22.2]") {
  int threads = count_threads();
  weft_runtime *rt = begin();
  atomic_int count = 0;
  struct job job = {.call = call_count, .item = &count};
  start(rt, &job, 0);
  end(rt);
  CHECK(threads_become(threads));
}

static void *open_gate_soon(void *arg) {
  struct gate *gate = arg;
  sem_post(&gate->open);
  return NULL;
}

TEST("it waits for an abandoned job that ends in time [22.6]") {
  weft_runtime *rt = begin();
  struct gate gate;
  pthread_t opener;
  gate_init(&gate);
  keep_reports(rt);
  struct job job = {.call = call_abandon, .item = &gate};
  start(rt, &job, 0);
  turn(rt);
  sem_take(&gate.begun);
  cancel(rt, &job);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(0, gate.drops);
  CHECK_INT(0, pthread_create(&opener, NULL, open_gate_soon, &gate));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, pthread_join(opener, NULL));
  CHECK_INT(1, gate.drops);
  CHECK_INT(0, reports.count);
  CHECK_INT(0, failing_live());
}

static char report_text[300];

static void keep_text(weft_runtime *rt, void *arg, int kind, uint64_t task,
                      weft_error *error) {
  keep_report(rt, arg, kind, task, error);
  snprintf(report_text, sizeof report_text, "%s",
           weft_error_get_message(error));
}

TEST("one that does not is named in a report, and left to itself [22.6]") {
  weft_runtime *rt = begin();
  static struct gate gate, queued;
  struct locals *locals = calloc(1, sizeof *locals);
  struct told told = {.gate = &gate}, never = {.gate = &queued};
  weft_work work;
  gate_init(&gate);
  gate_init(&queued);
  weft_workers workers = new_workers(rt, 1, 0);
  CHECK_INT(WEFT_OK, weft_set_report(rt, keep_text, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_workers_set_grace(rt, workers, 1));
  CHECK_INT(WEFT_OK, weft_workers_set_local(rt, workers, open_local,
                                            close_local, locals, drop_locals));
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, pass_told, on_done, &told,
                                     drop_told, &work));
  sem_take(&gate.begun);
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, pass_told, on_done, &never,
                                     drop_told, NULL));
  CHECK_INT(WEFT_EBUSY, weft_work_abandon(rt, work, "job.lua:12"));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(1, reports.count);
  CHECK_INT(WEFT_REPORT_ABANDONED, reports.kinds[0]);
  CHECK(strstr(report_text, "job.lua:12 still runs") != NULL);
  CHECK_INT(WEFT_ECLOSED, never.status);
  CHECK_INT(1, never.drops);
  CHECK_INT(0, told.calls);
  CHECK_INT(0, told.drops);
  sem_post(&gate.open);
  while (failing_live() > 0) /* the thread frees what is its own */
    sched_yield();
  CHECK_INT(1, atomic_load(&locals->closed));
  CHECK_INT(0, locals->drops);
  free(locals);
}

#define POOLS 4
#define POOL_GRACE_NS UINT64_C(200000000)

TEST("the graces of several pools run side by side [22.6]") {
  weft_runtime *rt = begin();
  static struct gate gates[POOLS];
  struct told told[POOLS];
  keep_reports(rt);
  for (int i = 0; i < POOLS; i++) {
    weft_work work;
    gate_init(&gates[i]);
    told[i] = (struct told){.gate = &gates[i]};
    weft_workers workers = new_workers(rt, 1, 0);
    CHECK_INT(WEFT_OK, weft_workers_set_grace(rt, workers, POOL_GRACE_NS));
    CHECK_INT(WEFT_OK, weft_work_start(rt, workers, pass_told, on_done,
                                       &told[i], drop_told, &work));
    sem_take(&gates[i].begun);
    CHECK_INT(WEFT_EBUSY, weft_work_abandon(rt, work, "a job"));
  }
  uint64_t begun_ns = uv_hrtime();
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK(uv_hrtime() - begun_ns < (POOLS - 1) * POOL_GRACE_NS);
  CHECK_INT(POOLS, reports.count);
  for (int i = 0; i < POOLS; i++)
    sem_post(&gates[i].open);
  while (failing_live() > 0)
    sched_yield();
}

TEST("a job that waits for a thread at the end is refused") {
  weft_runtime *rt = begin();
  struct gate gate;
  struct told first = {.gate = &gate}, second = {0};
  gate_init(&gate);
  weft_workers workers = new_workers(rt, 1, 0);
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, pass_told, on_done, &first,
                                     drop_told, NULL));
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, count_told, on_done, &second,
                                     drop_told, NULL));
  sem_take(&gate.begun);
  sem_post(&gate.open);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(1, first.calls);
  CHECK_INT(1, second.calls);
  CHECK_INT(1, second.drops);
  CHECK_INT(0, failing_live());
}
