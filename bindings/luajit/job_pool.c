/* SPDX-License-Identifier: MIT
 * job_pool.c - jobs that are taken and given back, with their coroutines.
 *
 * A job whose body returned is used again with its coroutine; LuaJIT cannot run
 * another function in one that ended by an error, so such a job gets a new
 * coroutine. Each job has a number, under which two tables hold its coroutine
 * and its task object: no reference is made for a task. */
#include "job.h"

#include <assert.h>
#include <stdlib.h>

/* Where the object of a bare job is to be stands the table for its result. A
 * finaliser that runs meanwhile may ask for the object, and have it made. */
static void make_object(lua_State *L, struct job *job, int objects) {
  uint64_t id;
  weft_task_get_id(job->host->rt, job->task, &id);
  host_push_function(L, job->host, "make_task");
  lua_pushnumber(L, (lua_Number)job->task);
  lua_pushnumber(L, (lua_Number)(id * TASK_STATES));
  lua_rawgeti(L, objects, job->anchor);
  lua_call(L, 3, 1);
  if (job->bare)
    lua_rawseti(L, objects, job->anchor);
  else
    lua_pop(L, 1);
  job->bare = 0;
}

void job_push_its_object(lua_State *L, struct job *job) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, job->host->objects);
  if (job->bare)
    make_object(L, job, lua_gettop(L));
  lua_rawgeti(L, -1, job->anchor);
  lua_remove(L, -2);
}

void job_set_coroutine(lua_State *L, struct job *job, lua_State *co,
                       int anchors) {
  struct host *host = job->host;
  lua_rawseti(L, anchors, job->anchor);
  if (!own_set_add(&host->own, co))
    host_fail(L, host, WEFT_ENOMEM, NULL);
  if (job->co != NULL)
    own_set_remove(&host->own, job->co);
  job->co = co;
}

/* Jobs come by the page, each on a cache line of its own. */
enum { JOBS_A_PAGE = 63, PAGE_BYTES = 4096 };

struct job_page {
  struct job_page *next;
  char padding[sizeof(struct job) - sizeof(struct job_page *)];
  struct job jobs[JOBS_A_PAGE];
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct job) == 64,
               "a job fills a cache line");
_Static_assert(sizeof(struct job_page) <= PAGE_BYTES, "a page holds them");

static void add_jobs(lua_State *L, struct host *host) {
  struct job_page *page = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
  if (page == NULL)
    host_fail(L, host, WEFT_ENOMEM, NULL);
  assert(page != NULL); /* host_fail has raised */
  page->next = host->job_pages;
  host->job_pages = page;
  host->anchor_count += JOBS_A_PAGE;
  for (int i = JOBS_A_PAGE - 1; i >= 0; i--) {
    struct job *job = &page->jobs[i];
    *job = (struct job){.host = host, .next = host->free_jobs};
    job->anchor = host->anchor_count - JOBS_A_PAGE + 1 + i;
    host->free_jobs = job;
  }
}

void job_prepare(lua_State *L, struct host *host) {
  int top = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->anchors);
  lua_State *co = lua_newthread(L);
  if (host->free_jobs == NULL)
    add_jobs(L, host);
  if (host->free_jobs->co == NULL)
    job_set_coroutine(L, host->free_jobs, co, top + 1);
  lua_settop(L, top);
}

/* LuaJIT cannot use a coroutine again that ended by an error, or never will. */
static void drop_coroutine(struct job *job) {
  struct host *host = job->host;
  lua_pushboolean(host->L, 0);
  lua_rawseti(host->L, RUN_ANCHORS, job->anchor);
  own_set_remove(&host->own, job->co);
  job->co = NULL;
}

/* An object that was made for a bare job does not keep the table for its
 * result. */
static HOST_APART void forget_results(const struct job *job) {
  lua_State *L = job->host->L;
  job_push_own_object(job);
  lua_pushnil(L);
  lua_setfield(L, -2, "into");
  lua_pop(L, 1);
}

static void forget_object(const struct job *job) {
  if (job->place != 0 && !job->bare)
    forget_results(job);
  lua_pushnil(job->host->L);
  lua_rawseti(job->host->L, RUN_OBJECTS, job->anchor);
}

/* What ended without an outcome, as one that is given up does, is not to be
 * taken for finished: see TASK_STATE. */
static void lose_outcome(const struct job *job) {
  lua_State *L = job->host->L;
  if (job->bare)
    return;
  job_push_own_object(job);
  lua_rawgeti(L, -1, TASK_STATE);
  if ((uint64_t)lua_tonumber(L, -1) % TASK_STATES == 0) {
    lua_pushinteger(L, 0);
    lua_rawseti(L, -3, TASK_HANDLE);
  }
  lua_pop(L, 2);
}

/* The body has not returned, or has never been called. */
static void clear_job(struct job *job) {
  while (job->link != NULL)
    link_pop(job->host, job);
  if (job->task != 0)
    lose_outcome(job);
  if (lua_status(job->co) == 0)
    lua_settop(job->co, 0);
  else
    drop_coroutine(job);
}

/* A body that has returned leaves nothing in its coroutine. */
void job_give(void *arg) {
  struct job *job = arg;
  struct host *host = job->host;
  if (job->dropped)
    drop_coroutine(job);
  else if (lua_gettop(job->co) > 0 || lua_status(job->co) != 0)
    clear_job(job);
  if (job->task != 0)
    forget_object(job);
  job->task = 0;
  job->next = host->free_jobs;
  host->free_jobs = job;
}

void job_clear_all(struct host *host) {
  while (host->job_pages != NULL) {
    struct job_page *page = host->job_pages;
    host->job_pages = page->next;
    free(page);
  }
  host->free_jobs = NULL;
  own_set_clear(&host->own);
}
