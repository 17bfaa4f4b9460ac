/* SPDX-License-Identifier: MIT
 * main_memory.h - the weft program's memory (main_memory.c). */
#ifndef WEFT_MAIN_MEMORY_H
#define WEFT_MAIN_MEMORY_H

#include <lauxlib.h>

/* To be called before there is another thread. NULL for want of memory. */
lua_State *memory_new_state(void);
/* What Lua has had so far in new blocks of a kilobyte and more. */
size_t memory_large_bytes(void);

#endif
