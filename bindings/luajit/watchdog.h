/* SPDX-License-Identifier: MIT
 * watchdog.h - what the watchdog's files share: how it sees where a thread is.
 */
#ifndef WEFT_WATCHDOG_H
#define WEFT_WATCHDOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

uint64_t watchdog_now_ns(void);

/* Writes a traceback to [text]; cuts it where [size] ends. */
void stack_write(lua_State *L, char *text, size_t size);
/* Writes one from [level] on, as luaL_traceback does; false, and nothing of
 * use, for a long stack, one with a function that only LuaJIT can name, or too
 * little room. */
bool stack_write_from(lua_State *L, int level, char *text, size_t size);

/* Calls fn(arg) in a copy of the process and copies back the [size] bytes that
 * [result] has there then. False if there was no answer. */
bool frozen_call(void (*fn)(void *arg), void *arg, void *result, size_t size);

#endif
