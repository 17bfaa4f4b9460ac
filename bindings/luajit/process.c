/* SPDX-License-Identifier: MIT
 * process.c - processes, for lua/weft/process.lua, and the names of signals.
 *
 * The Lua side has checked what it gives. A process is a socket (socket.h): one
 * that is collected while it runs is ended and reported. */
#include "socket.h"

#include <stdio.h>

#include <lualib.h>

#define PROCESS "weft.ProcessHandle"

static struct socket *check_process(lua_State *L) {
  return luaL_checkudata(L, 1, PROCESS);
}

/* -- Describing ----------------------------------------------------------- */

/* The fields of the table at index 1. */

static int add_arguments(lua_State *L, weft_runtime *rt, weft_process process) {
  int status = WEFT_OK, count = (int)lua_objlen(L, 1);
  for (int i = 2; i <= count && status == WEFT_OK; i++) {
    lua_rawgeti(L, 1, i);
    status = weft_process_add_argument(rt, process, lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  return status;
}

/* env: names and texts by turns; false for one that is taken out. */
static int set_env(lua_State *L, weft_runtime *rt, weft_process process) {
  lua_getfield(L, 1, "clear_env");
  int status = WEFT_OK;
  if (lua_toboolean(L, -1))
    status = weft_process_clear_env(rt, process);
  lua_getfield(L, 1, "env");
  int env = lua_gettop(L), count = (int)lua_objlen(L, env);
  for (int i = 1; i < count && status == WEFT_OK; i += 2) {
    lua_rawgeti(L, env, i);
    lua_rawgeti(L, env, i + 1);
    const char *name = lua_tostring(L, -2), *text = lua_tostring(L, -1);
    status = text == NULL ? weft_process_unset_env(rt, process, name)
                          : weft_process_set_env(rt, process, name, text);
    lua_pop(L, 2);
  }
  lua_pop(L, 2);
  return status;
}

/* stdio: for each of the three, how and a source. */
static int set_stdio(lua_State *L, weft_runtime *rt, weft_process process) {
  int status = WEFT_OK;
  lua_getfield(L, 1, "stdio");
  for (int fd = 0; fd <= 2 && status == WEFT_OK; fd++) {
    lua_rawgeti(L, -1, 2 * fd + 1);
    lua_rawgeti(L, -2, 2 * fd + 2);
    status = weft_process_set_stdio(rt, process, fd, (int)lua_tointeger(L, -2),
                                    (int)lua_tointeger(L, -1));
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
  return status;
}

static int set_rest(lua_State *L, weft_runtime *rt, weft_process process) {
  int status = WEFT_OK;
  lua_getfield(L, 1, "cwd");
  if (!lua_isnil(L, -1))
    status = weft_process_set_cwd(rt, process, lua_tostring(L, -1));
  lua_getfield(L, 1, "group");
  if (status == WEFT_OK)
    status = weft_process_set_group(rt, process, lua_toboolean(L, -1));
  lua_pop(L, 2);
  return status;
}

static int describe_process(lua_State *L, weft_runtime *rt,
                            weft_process *process) {
  lua_rawgeti(L, 1, 1);
  int status = weft_process_new(rt, lua_tostring(L, -1), process);
  lua_pop(L, 1);
  if (status == WEFT_OK)
    status = add_arguments(L, rt, *process);
  if (status == WEFT_OK)
    status = set_env(L, rt, *process);
  if (status == WEFT_OK)
    status = set_stdio(L, rt, *process);
  if (status == WEFT_OK)
    status = set_rest(L, rt, *process);
  return status;
}

/* -- Starting ------------------------------------------------------------- */

/* The code, and what it was for, the program or the folder. */
static int deliver_failed(lua_State *L, weft_runtime *rt, struct socket *s,
                          int status) {
  const char *path;
  lua_pushinteger(L, status);
  weft_process_get_failed(rt, s->handle, &path);
  lua_pushstring(L, path); /* nil for NULL */
  weft_process_close(rt, s->handle);
  s->handle = 0;
  return 2;
}

/* The socket of a pipe; nil where there is none. */
static void push_stream(lua_State *L, struct host *host, weft_process process,
                        int fd) {
  weft_stream stream;
  struct socket *s = socket_push(L, host, STREAM);
  if (weft_process_take_stream(host->rt, process, fd, &stream) == WEFT_OK) {
    s->handle = stream;
    return;
  }
  lua_pop(L, 1);
  lua_pushnil(L);
}

/* process_start(description) -> code, what it is about; nil, socket of the
 * process, sockets of its three pipes or nils */
static int process_start(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "weft.process");
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_pushnil(L);
  struct socket *s = socket_push(L, host, PROCESS);
  int status = describe_process(L, rt, &s->handle);
  if (status == WEFT_OK)
    status = weft_process_start(rt, s->handle);
  if (status != WEFT_OK)
    return deliver_failed(L, rt, s, status);
  for (int fd = 0; fd <= 2; fd++)
    push_stream(L, host, s->handle, fd);
  return 5;
}

/* process_descriptor(file of the io library) -> its number, after a flush; nil
 * if it is closed */
static int process_descriptor(lua_State *L) {
  FILE **file = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  if (*file == NULL)
    return 0;
  fflush(*file);
  lua_pushinteger(L, fileno(*file));
  return 1;
}

/* -- Its end -------------------------------------------------------------- */

/* nil, then the status or nil and the name of a signal, or its number. */
static int deliver_exit(lua_State *L, int status, uint64_t value) {
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  int number = (int)(value >> 32);
  lua_pushnil(L);
  if (number == 0) {
    lua_pushinteger(L, (lua_Integer)(value & 0xFFFFFFFF));
    return 2;
  }
  lua_pushnil(L);
  if (weft_signal_name(number) != NULL)
    lua_pushstring(L, weft_signal_name(number));
  else
    lua_pushfstring(L, "%d", number);
  return 3;
}

/* process_wait(socket) -> code; nil, status; nil, nil, signal */
static int process_wait(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_process(L);
  uint64_t value = 0;
  park_check(L, host, "process:wait");
  int status = weft_process_wait(host->rt, socket_handle(s), &value);
  return socket_finish(L, host, socket_parking_status(host->rt, status), value,
                       deliver_exit);
}

/* process_stop(socket, grace in seconds) -> as process_wait */
static int process_stop(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_process(L);
  uint64_t grace = time_ns(luaL_checknumber(L, 2)), value = 0;
  park_check(L, host, "process:stop");
  int status = weft_process_stop(host->rt, socket_handle(s), grace, &value);
  return socket_finish(L, host, status, value, deliver_exit);
}

/* process_kill(socket, number of the signal) -> code */
static int process_kill(lua_State *L) {
  struct socket *s = check_process(L);
  int number = luaL_checkint(L, 2), status = WEFT_ECLOSED;
  if (socket_handle(s) != 0)
    status = weft_process_kill(s->host->rt, s->handle, number);
  return deliver_status(L, status, 0);
}

/* process_pid(socket) -> its number; nil once it is closed */
static int process_pid(lua_State *L) {
  struct socket *s = check_process(L);
  int pid;
  if (socket_handle(s) == 0 ||
      weft_process_get_pid(s->host->rt, s->handle, &pid) != WEFT_OK)
    return 0;
  lua_pushinteger(L, pid);
  return 1;
}

static int process_is_running(lua_State *L) {
  struct socket *s = check_process(L);
  int flag = 0;
  if (socket_handle(s) != 0)
    weft_process_is_running(s->host->rt, s->handle, &flag);
  lua_pushboolean(L, flag);
  return 1;
}

/* process_close(socket): ends what runs; once it is closed, does nothing. */
static int process_close(lua_State *L) {
  struct socket *s = check_process(L);
  if (socket_handle(s) != 0)
    weft_process_close(s->host->rt, s->handle);
  s->handle = 0;
  return 0;
}

/* -- Names of signals ----------------------------------------------------- */

/* signal_number(name) -> number or nil */
static int signal_number(lua_State *L) {
  int number = weft_signal_number(luaL_checkstring(L, 1));
  if (number == 0)
    return 0;
  lua_pushinteger(L, number);
  return 1;
}

/* signal_name(number) -> name or nil */
static int signal_name(lua_State *L) {
  lua_pushstring(L, weft_signal_name(luaL_checkint(L, 1)));
  return 1;
}

/* -- What was collected --------------------------------------------------- */

static void describe(weft_runtime *rt, weft_process process, char *text,
                     size_t size) {
  int pid = 0;
  weft_process_get_pid(rt, process, &pid);
  snprintf(text, size, "process %d", pid);
}

static bool is_running_process(weft_runtime *rt, weft_process process) {
  int flag = 0;
  weft_process_is_running(rt, process, &flag);
  return flag != 0;
}

/* There is nothing to tell of one that has exited. */
static int close_collected(weft_runtime *rt, weft_process process) {
  bool running = is_running_process(rt, process);
  int status = weft_process_close(rt, process);
  return running ? status : WEFT_ESTATE;
}

void open_process(lua_State *L, struct host *host) {
  static const struct socket_kind kind = {
      PROCESS, close_collected, describe,
      " was collected while it ran, and is ended; wait for it, stop it, or use "
      "it in weft.with",
      is_running_process};
  static const luaL_Reg functions[] = {
      {"process_start", process_start},
      {"process_descriptor", process_descriptor},
      {"process_wait", process_wait},
      {"process_stop", process_stop},
      {"process_kill", process_kill},
      {"process_pid", process_pid},
      {"process_is_running", process_is_running},
      {"process_close", process_close},
      {"signal_number", signal_number},
      {"signal_name", signal_name},
      {NULL, NULL}};
  socket_new_kind(L, &kind);
  host_register(L, host, functions);
}
