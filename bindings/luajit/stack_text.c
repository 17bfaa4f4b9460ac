/* SPDX-License-Identifier: MIT
 * stack_text.c - a stack as text, as LuaJIT's traceback writes it.
 *
 * Nothing here allocates, or changes the stack: so it may be any stack, at any
 * place where it is in order, and in a copy of the process. */
#include "watchdog.h"

#include <stdio.h>
#include <string.h>

enum {
  FRAMES_TOP = 22, /* of a long stack, the newest and the oldest frames */
  FRAMES_BOTTOM = 10
};

struct writer {
  char *text;
  size_t size, used;
};

static void add(struct writer *w, const char *text) {
  size_t length = strlen(text);
  if (length >= w->size - w->used)
    length = w->size - w->used - 1;
  memcpy(w->text + w->used, text, length);
  w->used += length;
  w->text[w->used] = '\0';
}

static void add_frame(struct writer *w, lua_State *L, lua_Debug *frame) {
  char line[256];
  if (lua_getinfo(L, "Snl", frame) == 0)
    return;
  snprintf(line, sizeof line, "\n\t%s:", frame->short_src);
  add(w, line);
  if (frame->currentline > 0) {
    snprintf(line, sizeof line, "%d:", frame->currentline);
    add(w, line);
  }
  if (frame->name != NULL)
    snprintf(line, sizeof line, " in function '%s'", frame->name);
  else if (*frame->what == 'm')
    snprintf(line, sizeof line, " in main chunk");
  else if (*frame->what == 'C')
    snprintf(line, sizeof line, " in a C function");
  else
    snprintf(line, sizeof line, " in function <%s:%d>", frame->short_src,
             frame->linedefined);
  add(w, line);
}

static int depth_of(lua_State *L) {
  lua_Debug frame;
  int depth = 0;
  while (depth < 100000 && lua_getstack(L, depth, &frame) != 0)
    depth++;
  return depth;
}

void stack_write(lua_State *L, char *text, size_t size) {
  struct writer w = {text, size, 0};
  lua_Debug frame;
  int depth = depth_of(L);
  add(&w, "stack traceback:");
  for (int level = 0; level < depth; level++) {
    if (level == FRAMES_TOP && depth > FRAMES_TOP + FRAMES_BOTTOM) {
      add(&w, "\n\t...");
      level = depth - FRAMES_BOTTOM;
    }
    if (lua_getstack(L, level, &frame) != 0)
      add_frame(&w, L, &frame);
  }
}
