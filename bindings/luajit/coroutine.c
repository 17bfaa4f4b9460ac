/* SPDX-License-Identifier: MIT
 * coroutine.c - the user's own coroutines inside a task.
 *
 * resume and yield of a task do not run the other coroutine themselves: they
 * yield to the task's step, which goes on there (job.c). Which coroutines are
 * under way in which task is kept in a hash table of links, for their status
 * and so that nobody resumes one twice. Outside a task, and across a C
 * boundary, where one must not yield to the step, LuaJIT's own functions do
 * the work; a park in there is refused. */
#include "host.h"

#include <stdlib.h>

/* -- Links ---------------------------------------------------------------- */

static struct link **bucket_of(const struct host *host, const lua_State *co) {
  uint64_t key = (uint64_t)(uintptr_t)co >> 4;
  uint64_t hash = key * UINT64_C(0x9E3779B97F4A7C15) >> 40;
  return &host->buckets[hash & host->bucket_mask];
}

static struct link *link_find(struct host *host, lua_State *co) {
  if (host->link_count == 0)
    return NULL;
  struct link *link = *bucket_of(host, co);
  while (link != NULL && link->co != co)
    link = link->next;
  return link;
}

static void insert(struct host *host, struct link *link) {
  struct link **bucket = bucket_of(host, link->co);
  link->next = *bucket;
  *bucket = link;
}

/* Doubles the table once it holds as many links as buckets. */
static bool grow(struct host *host) {
  uint32_t old = host->buckets == NULL ? 0 : host->bucket_mask + 1;
  uint32_t size = old == 0 ? 16 : old * 2;
  struct link **before = host->buckets;
  struct link **buckets = calloc(size, sizeof *buckets);
  if (buckets == NULL)
    return false;
  host->buckets = buckets;
  host->bucket_mask = size - 1;
  for (uint32_t i = 0; i < old; i++)
    for (struct link *link = before[i], *next; link != NULL; link = next) {
      next = link->next;
      insert(host, link);
    }
  free(before);
  return true;
}

static struct link *take_link(struct host *host) {
  struct link *link = host->free_links;
  if (link == NULL)
    return malloc(sizeof *link);
  host->free_links = link->next;
  return link;
}

static void give_link(struct host *host, struct link *link) {
  link->next = host->free_links;
  host->free_links = link;
}

bool link_insert(struct host *host, struct link *link, lua_State *co) {
  if ((host->buckets == NULL || host->link_count > host->bucket_mask) &&
      !grow(host))
    return false;
  link->co = co;
  insert(host, link);
  host->link_count++;
  return true;
}

void link_remove(struct host *host, struct link *link) {
  struct link **place = bucket_of(host, link->co);
  while (*place != link)
    place = &(*place)->next;
  *place = link->next;
  host->link_count--;
}

/* Makes [co] the innermost coroutine of the job; NULL for want of memory. */
struct link *link_push(struct host *host, struct job *job, lua_State *co) {
  struct link *link = take_link(host);
  if (link == NULL)
    return NULL;
  *link = (struct link){.resumer = job->link, .depth = job->depth};
  if (!link_insert(host, link, co)) {
    give_link(host, link);
    return NULL;
  }
  job->link = link;
  return link;
}

void link_pop(struct host *host, struct job *job) {
  struct link *link = job->link;
  job->link = link->resumer;
  job->active = job->link == NULL ? job->co : job->link->co;
  if (link->generator != NULL)
    return;
  link_remove(host, link);
  give_link(host, link);
}

void link_clear_all(struct host *host) {
  while (host->free_links != NULL) {
    struct link *link = host->free_links;
    host->free_links = link->next;
    free(link);
  }
  free(host->buckets);
  host->buckets = NULL;
}

/* -- The functions -------------------------------------------------------- */

static lua_State *check_coroutine(lua_State *L, int index) {
  lua_State *co = lua_tothread(L, index);
  luaL_argcheck(L, co != NULL, index, "coroutine expected");
  return co;
}

void mark_dropped(struct host *host, lua_State *co) {
  lua_pushlightuserdata(co, host);
}

static bool is_dropped(const struct host *host, lua_State *co) {
  return lua_status(co) == LUA_YIELD && lua_gettop(co) > 0 &&
         lua_touserdata(co, -1) == host;
}

static const char *status_of(lua_State *L, struct host *host, int index) {
  lua_State *co = check_coroutine(L, index);
  lua_Debug ar;
  if (co == L)
    return "running";
  /* A task's own coroutine looks suspended while it is parked, and is not. */
  if (link_find(host, co) != NULL || own_set_has(&host->own, co))
    return "normal";
  if (is_dropped(host, co))
    return "dead";
  if (lua_status(co) == LUA_YIELD)
    return "suspended";
  if (lua_status(co) != 0)
    return "dead";
  if (lua_getstack(co, 0, &ar) > 0)
    return "normal";
  return lua_gettop(co) == 0 ? "dead" : "suspended";
}

/* Calls the function of LuaJIT's that is the second upvalue. */
static int call_original(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static int refuse_resume(lua_State *L, const char *message) {
  lua_pushboolean(L, 0);
  lua_pushstring(L, message);
  return 2;
}

static int co_resume(lua_State *L) {
  struct host *host = host_of(L);
  lua_State *co = check_coroutine(L, 1);
  const char *status = status_of(L, host, 1);
  if (*status == 'd')
    return refuse_resume(L, "cannot resume dead coroutine");
  if (*status != 's')
    return refuse_resume(L, "cannot resume non-suspended coroutine");
  if (!park_is_possible(L, host))
    return call_original(L);
  int count = lua_gettop(L) - 1;
  if (!lua_checkstack(co, count))
    return refuse_resume(L, "too many arguments to resume");
  if (link_push(host, host->job, co) == NULL)
    return refuse_resume(L, "not enough memory");
  lua_xmove(L, co, count);
  host->yielded = YIELD_RESUME;
  host->resumed = co;
  host->resumed_count = count;
  return lua_yield(L, 1); /* the coroutine stays on the stack: it is held */
}

/* Gives the values on the stack to the resumer, whatever scopes are open: the
 * one of a context, whose scopes govern the body it is entered for. */
static int yield_values(lua_State *L) {
  struct host *host = host_of(L);
  if (park_is_possible(L, host))
    host->yielded = YIELD_VALUES;
  return lua_yield(L, lua_gettop(L));
}

/* coroutine_own(): the coroutine, until it comes back, is one of weft's, which
 * has a yield of its own. */
static int coroutine_own(lua_State *L) {
  struct host *host = host_of(L);
  if (park_is_possible(L, host) && host->job->link != NULL)
    host->job->link->own = true;
  return 0;
}

/* is_in_coroutine() -> whether the caller runs in a coroutine inside a task,
 * but a generator's, which has an owner that closes it */
static int is_in_coroutine(lua_State *L) {
  struct host *host = host_of(L);
  const struct link *link = host->active == L ? host->job->link : NULL;
  lua_pushboolean(L, link != NULL && link->generator == NULL);
  return 1;
}

static int co_yield (lua_State *L) {
  struct host *host = host_of(L);
  if (!park_is_possible(L, host))
    return lua_yield(L, lua_gettop(L));
  struct link *link = host->job->link;
  if (link == NULL)
    return host_fail(L, host, WEFT_ESTATE,
                     "coroutine.yield outside a coroutine of your own: a task "
                     "lets others run with weft.yield()");
  if (link->generator != NULL)
    return host_fail(L, host, WEFT_ESTATE,
                     "coroutine.yield in a generator's body: values go to its "
                     "consumer by the yield that the body was given");
  if (link->own)
    return host_fail(L, host, WEFT_ESTATE,
                     "coroutine.yield in a context's function: it has a yield "
                     "of its own, its first argument");
  if (host->job->depth != link->depth)
    return host_fail(L, host, WEFT_ESTATE,
                     "coroutine.yield inside an open scope, timeout, shield or "
                     "group: it would govern the consumer; leave it first");
  return yield_values(L);
}

static int co_status(lua_State *L) {
  lua_pushstring(L, status_of(L, host_of(L), 1));
  return 1;
}

static int co_isyieldable(lua_State *L) {
  struct host *host = host_of(L);
  bool has_resumer = host->active != L || host->job->link != NULL;
  lua_pushboolean(L, lua_isyieldable(L) && has_resumer);
  return 1;
}

/* Adds a function that knows the one of LuaJIT's it stands for. */
static void wrap_original(lua_State *L, struct host *host, const char *name,
                          lua_CFunction function) {
  lua_pushlightuserdata(L, host);
  lua_getglobal(L, "coroutine");
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  lua_pushcclosure(L, function, 2);
  lua_setfield(L, -2, name);
}

void open_coroutine(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"yield_values", yield_values},
                                       {"coroutine_own", coroutine_own},
                                       {"is_in_coroutine", is_in_coroutine},
                                       {NULL, NULL}};
  host_register(L, host, functions);
  lua_newtable(L);
  wrap_original(L, host, "resume", co_resume);
  wrap_original(L, host, "yield", co_yield );
  wrap_original(L, host, "status", co_status);
  wrap_original(L, host, "isyieldable", co_isyieldable);
  lua_setfield(L, -2, "coroutine");
}
