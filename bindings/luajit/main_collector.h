/* SPDX-License-Identifier: MIT
 * main_collector.h - the weft program's garbage (main_collector.c). */
#ifndef WEFT_MAIN_COLLECTOR_H
#define WEFT_MAIN_COLLECTOR_H

#include <lua.h>

/* Has more garbage come together where that is of large blocks. */
void collector_pace(lua_State *L);

#endif
