/* SPDX-License-Identifier: MIT
 * terminal.c - the terminal: how large it is, its settings, and waiting until
 * something was typed, for lua/weft/cli and lua/weft/prompt.
 *
 * To wait, the terminal is opened once more: what the kernel tells of goes with
 * an open file, and the one that the shell has must go on blocking. Nothing is
 * read here; whoever has waited reads what is there. */
#include "host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct waiting {
  weft_watch watch;
  weft_task task;
  int fd;
};

/* terminal_size(descriptor) -> rows, columns; nil if it is no terminal */
static int terminal_size(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  struct winsize size = {0};
  if (!isatty(fd))
    return 0;
  ioctl(fd, TIOCGWINSZ, &size);
  lua_pushinteger(L, size.ws_row > 0 ? size.ws_row : 24);
  lua_pushinteger(L, size.ws_col > 0 ? size.ws_col : 80);
  return 2;
}

static void free_waiting(void *arg) {
  struct waiting *waiting = arg;
  close(waiting->fd);
  free(waiting);
}

static void on_typed(weft_runtime *rt, void *arg, int status, int events) {
  struct waiting *waiting = arg;
  (void)events;
  weft_watch_close(rt, waiting->watch);
  weft_wake(rt, waiting->task, status, 0);
}

static int withdraw(weft_runtime *rt, void *arg) {
  struct waiting *waiting = arg;
  weft_watch_close(rt, waiting->watch);
  return WEFT_OK;
}

/* Begins to watch; the task is woken when something was typed. */
static int watch(weft_runtime *rt, struct waiting **made) {
  struct waiting *waiting = calloc(1, sizeof *waiting);
  if (waiting == NULL)
    return WEFT_ENOMEM;
  waiting->fd = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (waiting->fd < 0) {
    free(waiting);
    return WEFT_ENXIO;
  }
  weft_task_current(rt, &waiting->task);
  int status = weft_watch_new(rt, waiting->fd, on_typed, waiting, free_waiting,
                              &waiting->watch);
  if (status != WEFT_OK)
    return status;
  weft_watch_set(rt, waiting->watch, WEFT_READABLE);
  *made = waiting;
  return WEFT_OK;
}

/* terminal_wait() -> code. Parks until there is something to be read. */
static int terminal_wait(lua_State *L) {
  struct host *host = host_of(L);
  struct waiting *waiting;
  park_check(L, host, "the prompt");
  int status = weft_cancel_point(host->rt);
  if (status == WEFT_OK)
    status = watch(host->rt, &waiting);
  if (status != WEFT_OK)
    return park_finish(L, host, status, 0, NULL);
  status = weft_park(host->rt, "terminal", withdraw, waiting, NULL);
  if (status != WEFT_PARKED)
    withdraw(host->rt, waiting);
  return park_finish(L, host, status, 0, NULL);
}

/* terminal_save(descriptor) -> its settings, opaque; nil if it is no terminal
 */
static int terminal_save(lua_State *L) {
  struct termios settings;
  if (tcgetattr((int)luaL_checkinteger(L, 1), &settings) != 0)
    return 0;
  lua_pushlstring(L, (const char *)&settings, sizeof settings);
  return 1;
}

/* terminal_restore(descriptor, settings) */
static int terminal_restore(lua_State *L) {
  size_t size_bytes;
  const char *settings = luaL_checklstring(L, 2, &size_bytes);
  struct termios copy;
  luaL_argcheck(L, size_bytes == sizeof copy, 2, "no settings of a terminal");
  memcpy(&copy, settings, sizeof copy);
  tcsetattr((int)luaL_checkinteger(L, 1), TCSADRAIN, &copy);
  return 0;
}

void open_terminal(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"terminal_size", terminal_size},
                                       {"terminal_wait", terminal_wait},
                                       {"terminal_save", terminal_save},
                                       {"terminal_restore", terminal_restore},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
