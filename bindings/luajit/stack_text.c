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
  FRAMES_BOTTOM = 10,
  LUAJIT_FRAMES_TOP = 12 /* LuaJIT leaves frames out of a longer one */
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

/* Adds ":" and the number: without snprintf, for a timeout that fires makes a
 * traceback. */
static void add_line_number(struct writer *w, int line) {
  char digits[16];
  char *first = digits + sizeof digits;
  *--first = '\0';
  for (; line > 0; line /= 10)
    *--first = (char)('0' + line % 10);
  *--first = ':';
  add(w, first);
}

static bool is_nameless_c(const lua_Debug *frame) {
  return frame->name == NULL && *frame->what == 'C';
}

static void add_frame(struct writer *w, const lua_Debug *frame) {
  add(w, "\n\t");
  add(w, frame->short_src);
  if (frame->currentline > 0)
    add_line_number(w, frame->currentline);
  if (frame->name != NULL) {
    add(w, ": in function '");
    add(w, frame->name);
    add(w, "'");
  } else if (*frame->what == 'm') {
    add(w, ": in main chunk");
  } else if (*frame->what == 'C') {
    add(w, ": in a C function");
  } else {
    add(w, ": in function <");
    add(w, frame->short_src);
    add_line_number(w, frame->linedefined);
    add(w, ">");
  }
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
    if (lua_getstack(L, level, &frame) != 0 &&
        lua_getinfo(L, "Snl", &frame) != 0)
      add_frame(&w, &frame);
  }
}

bool stack_write_from(lua_State *L, int level, char *text, size_t size) {
  struct writer w = {text, size, 0};
  lua_Debug frame;
  if (lua_getstack(L, LUAJIT_FRAMES_TOP, &frame) != 0)
    return false;
  add(&w, "stack traceback:");
  for (; lua_getstack(L, level, &frame) != 0; level++) {
    lua_getinfo(L, "Snl", &frame);
    if (is_nameless_c(&frame))
      return false;
    add_frame(&w, &frame);
  }
  return w.used < size - 1;
}
