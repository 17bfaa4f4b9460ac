/* SPDX-License-Identifier: MIT
 * value.h - bytes as a value that are still to be filled in by who makes it:
 * a file is read into what is then handed out, without a copy. */
#ifndef WEFT_VALUE_H
#define WEFT_VALUE_H

#include "core.h"

int weft__value_new_room(size_t size_bytes, weft_value **value);
char *weft__value_room(weft_value *value);
/* For its only owner. On failure the value stays as it was. */
int weft__value_resize(weft_value **value, size_t size_bytes);

#endif
