/* SPDX-License-Identifier: MIT
 * main_kept.h - the large blocks that Lua has freed (main_kept.c). */
#ifndef WEFT_MAIN_KEPT_H
#define WEFT_MAIN_KEPT_H

#include <stdbool.h>
#include <stddef.h>

/* A block of at least [size_bytes] that was kept; NULL if there is none. */
void *kept_take(size_t size_bytes);
/* Keeps a block that was allocated as [size_bytes]; false if it is of no size
 * that is kept, and the caller is to free it. */
bool kept_put(void *block, size_t size_bytes);

#endif
