/* SPDX-License-Identifier: MIT
 * run.c - a runtime for a Lua state: weft.run. */
#include "host.h"

#include <signal.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

bool host_is_main_thread(void) {
#if defined(__linux__)
  return syscall(SYS_gettid) == getpid();
#else
  return true;
#endif
}

/* Calls the Lua side's report(kind, task name, error object, traceback, the
 * task's handle or 0). */
static void on_report(weft_runtime *rt, void *arg, int kind, weft_task task,
                      weft_error *error) {
  struct host *host = arg;
  lua_State *L = host->L;
  const char *name = NULL;
  uint64_t id = 0;
  weft_task_get_name(rt, task, &name);
  weft_task_get_id(rt, task, &id);
  host_push_function(L, host, "report");
  lua_pushinteger(L, kind);
  if (name != NULL)
    lua_pushstring(L, name);
  else if (id != 0)
    lua_pushfstring(L, "task-%d", (int)id);
  else
    lua_pushnil(L);
  lua_State *co = task == 0 ? NULL : job_active(host, task);
  push_error(L, host, error);
  lua_Debug frame;
  if (co != NULL && lua_getstack(co, 0, &frame) != 0)
    luaL_traceback(L, co, NULL, 0);
  else
    lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)task);
  if (lua_pcall(L, 5, 0, 0) != 0)
    lua_pop(L, 1); /* the report function's own fallback has failed too */
}

static void set_up(weft_runtime *rt, lua_State *L, struct host *host) {
  weft_set_report(rt, on_report, host, NULL);
  dns_set_up(rt);
  tree_set_up(host);
  if (host_is_main_thread())
    weft_set_signals(rt, 1);
  if (lua_toboolean(L, 2))
    weft_set_virtual_clock(rt, 1, 0);
  if (lua_isnumber(L, 3))
    weft_set_shuffle(rt, (uint64_t)lua_tonumber(L, 3));
}

/* Lets the Lua side begin what goes with a run. */
static void begin_run(lua_State *L, struct host *host) {
  host_push_function(L, host, "begin_run");
  if (lua_pcall(L, 0, 0, 0) != 0)
    lua_pop(L, 1); /* it tells of its failures by itself */
}

/* Runs the main task; the arguments of run, on a stack of its own. */
static int run_main(lua_State *L) {
  struct host *host = host_running;
  weft_runtime *rt = host->rt;
  host->L = L;
  set_up(rt, L, host);
  begin_run(L, host);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->objects);
  lua_replace(L, RUN_OBJECTS);
  lua_pushcfunction(L, job_deliver);
  lua_replace(L, RUN_DELIVER);
  int status = job_spawn(L, host, 0, 1, 4, RUN_OBJECTS);
  if (status != WEFT_OK) {
    inspect_end(L, host); /* begin_run may have begun it */
    weft_runtime_free(rt);
    return deliver_status(L, status, 0);
  }
  lua_pushliteral(L, "main");
  lua_setfield(L, 1, "given_name");
  lua_rawgeti(L, 1, TASK_HANDLE);
  weft_task main_task = (weft_task)lua_tonumber(L, -1);
  weft_task_set_name(rt, main_task, "main");
  weft_set_main(rt, main_task);
  lua_settop(L, RUN_DELIVER);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->anchors);
  inspect_begin(L, host);
  status = weft_run(rt);
  guard_leave(host, rt);
  inspect_end(L, host);
  weft_error *error; /* raised by the Lua side: so it has been seen */
  weft_task_get_error(rt, main_task, &error);
  weft_runtime_free(rt);
  return deliver_status(L, status, 0);
}

/* run(object, virtual, seed, main, ...): runs main(...) as the task of
 * [object] until it and everything else has ended. An error that comes out of
 * run_main is Lua's own want of memory in the middle of the loop; the runtime
 * cannot be freed then and is left behind. */
static int run(lua_State *L) {
  struct host *host = host_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 4, LUA_TFUNCTION);
  if (host->rt != NULL)
    return host_fail(L, host, WEFT_ESTATE,
                     "weft.run inside weft.run: a runtime runs already; spawn "
                     "a task in it instead");
  int status = weft_runtime_new(&host->rt);
  if (status != WEFT_OK)
    return host_fail(L, host, status, "no runtime could be made");
  struct host *outer = host_running; /* of another state in this thread */
  weft_budget_word(host->rt, &host->budget);
  host_running = host;
  host->run_id++;
  lua_pushcfunction(L, run_main);
  lua_insert(L, 1);
  int failed = lua_pcall(L, lua_gettop(L) - 1, 1, 0);
  guard_leave(host, host->rt);
  inspect_end(L, host); /* has not come to these, where run_main has failed */
  host_running = outer;
  host->budget = &host->no_budget;
  host->rt = NULL;
  host->L = NULL;
  host->active = NULL;
  if (host->sites)
    site_forget_all(L, host);
  return failed != 0 ? lua_error(L) : 1;
}

static int is_running(lua_State *L) {
  lua_pushboolean(L, host_of(L)->rt != NULL);
  return 1;
}

/* shut_down(): begins the end of the run: all is cancelled, and where nothing
 * can go on even so, shields are lifted. */
static int shut_down(lua_State *L) {
  struct host *host = host_of(L);
  if (host->rt != NULL)
    weft_shutdown(host->rt);
  return 0;
}

/* is_virtual() -> whether the runtime has the virtual clock */
static int is_virtual(lua_State *L) {
  struct host *host = host_of(L);
  int on = 0;
  if (host->rt != NULL)
    weft_get_virtual_clock(host->rt, &on);
  lua_pushboolean(L, on);
  return 1;
}

/* take_interrupt(): Ctrl-C does again what it does by default, so that the next
 * run takes it over: the luajit program has it raise an error some time later.
 */
static int take_interrupt(lua_State *L) {
  (void)L;
  if (host_is_main_thread())
    signal(SIGINT, SIG_DFL);
  return 0;
}

/* run_id() -> a number that no other run of this state has. */
static int run_id(lua_State *L) {
  lua_pushnumber(L, (lua_Number)host_of(L)->run_id);
  return 1;
}

void open_run(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"run", run},
                                       {"is_running", is_running},
                                       {"is_virtual", is_virtual},
                                       {"shut_down", shut_down},
                                       {"take_interrupt", take_interrupt},
                                       {"run_id", run_id},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
