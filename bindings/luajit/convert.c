/* SPDX-License-Identifier: MIT
 * convert.c - times, values and errors between Lua and the core. */
#include "host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX

/* -- Times ---------------------------------------------------------------- */

/* Rounded up, so that nothing fires early; what lies before the clock's
 * beginning is its beginning. The caller has refused NaN. */
uint64_t time_ns(double seconds) {
  double exact = seconds * 1e9;
  if (exact <= 0)
    return 0;
  if (exact >= 18e18)
    return NEVER;
  uint64_t ns = (uint64_t)exact;
  return (double)ns < exact ? ns + 1 : ns;
}

uint64_t time_after(weft_runtime *rt, uint64_t wait) {
  uint64_t now;
  weft_now(rt, &now);
  return wait > NEVER - now ? NEVER : now + wait;
}

double time_seconds(uint64_t ns) {
  return ns == NEVER ? HUGE_VAL : (double)ns / 1e9;
}

/* -- Objects of Lua's inside values and errors ---------------------------- */

/* A reference in the registry that the core holds for us. It may be dropped
 * when the runtime has gone, but not after the Lua state. */
struct reference {
  lua_State *L;
  int ref;
};

static void drop_reference(void *object) {
  struct reference *reference = object;
  luaL_unref(reference->L, LUA_REGISTRYINDEX, reference->ref);
  free(reference);
}

/* Takes the value on top of the stack. */
static struct reference *new_reference(lua_State *L, struct host *host) {
  struct reference *reference = malloc(sizeof *reference);
  if (reference == NULL) {
    lua_pop(L, 1);
    return NULL;
  }
  reference->L = host->main;
  reference->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return reference;
}

static void push_reference(lua_State *L, const struct reference *reference) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference->ref);
}

/* -- Values --------------------------------------------------------------- */

static void push_items(lua_State *L, struct host *host, weft_value *value) {
  size_t count = 0;
  bool is_map = weft_value_get_type(value) == WEFT_MAP;
  weft_value_get_count(value, &count);
  lua_createtable(L, is_map ? 0 : (int)count, is_map ? (int)count : 0);
  luaL_checkstack(L, 4, "value nested too deep");
  for (size_t i = 0; i < count; i++) {
    weft_value *key, *item;
    weft_value_get_item(value, i, &item);
    if (is_map) {
      weft_value_get_key(value, i, &key);
      push_value(L, host, key);
    } else {
      lua_pushinteger(L, (lua_Integer)i + 1);
    }
    push_value(L, host, item);
    if (lua_isnil(L, -2))
      lua_pop(L, 2);
    else
      lua_rawset(L, -3);
  }
}

static void push_host_object(lua_State *L, weft_value *value) {
  void *object;
  if (weft_value_get_host(value, drop_reference, &object) == WEFT_OK)
    push_reference(L, object);
  else
    lua_pushliteral(L, "(an object of another language)");
}

void push_value(lua_State *L, struct host *host, weft_value *value) {
  int flag = 0;
  int64_t integer = 0;
  double number = 0;
  const char *data;
  size_t size;
  weft_error *error;
  switch ((enum weft_value_type)weft_value_get_type(value)) {
  case WEFT_NIL:
    lua_pushnil(L);
    break;
  case WEFT_BOOL:
    weft_value_get_bool(value, &flag);
    lua_pushboolean(L, flag);
    break;
  case WEFT_INT:
    weft_value_get_int(value, &integer);
    lua_pushnumber(L, (lua_Number)integer);
    break;
  case WEFT_FLOAT:
    weft_value_get_float(value, &number);
    lua_pushnumber(L, number);
    break;
  case WEFT_BYTES:
    weft_value_get_bytes(value, &data, &size);
    lua_pushlstring(L, data, size);
    break;
  case WEFT_LIST:
  case WEFT_MAP:
    push_items(L, host, value);
    break;
  case WEFT_ERROR:
    weft_value_get_error(value, &error);
    push_error(L, host, error);
    break;
  case WEFT_HOST_OBJECT:
    push_host_object(L, value);
    break;
  }
}

static int to_host_object(lua_State *L, struct host *host, int index,
                          weft_value **value) {
  lua_pushvalue(L, index);
  struct reference *reference = new_reference(L, host);
  if (reference == NULL)
    return WEFT_ENOMEM;
  return weft_value_new_host(reference, drop_reference, value);
}

static int to_number(lua_Number number, weft_value **value) {
  if (number == floor(number) && fabs(number) < 9007199254740992.0)
    return weft_value_new_int((int64_t)number, value);
  return weft_value_new_float(number, value);
}

int to_value(lua_State *L, struct host *host, int index, weft_value **value) {
  size_t size;
  const char *data;
  *value = NULL;
  switch (lua_type(L, index)) {
  case LUA_TNONE:
  case LUA_TNIL:
    return WEFT_OK;
  case LUA_TBOOLEAN:
    return weft_value_new_bool(lua_toboolean(L, index), value);
  case LUA_TNUMBER:
    return to_number(lua_tonumber(L, index), value);
  case LUA_TSTRING:
    data = lua_tolstring(L, index, &size);
    return weft_value_new_bytes(data, size, value);
  default:
    return to_host_object(L, host, index, value);
  }
}

/* -- Errors --------------------------------------------------------------- */

static const char *text_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  const char *text =
      lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  lua_pop(L, 1); /* the object keeps it */
  return text;
}

/* An error of the core's for the error object at [index]. */
int to_error(lua_State *L, struct host *host, int index, weft_error **error) {
  *error = NULL;
  if (!lua_istable(L, index))
    return WEFT_EINVAL;
  const char *traceback = text_field(L, index, "traceback");
  const char *task = text_field(L, index, "task");
  int status = weft_error_new(WEFT_EHOST, text_field(L, index, "name"),
                              text_field(L, index, "message"), error);
  if (status != WEFT_OK)
    return status;
  if (traceback != NULL)
    weft_error_set_traceback(*error, traceback);
  if (task != NULL)
    weft_error_set_task(*error, task);
  lua_pushvalue(L, index);
  struct reference *reference = new_reference(L, host);
  if (reference != NULL)
    weft_error_set_host(*error, reference, drop_reference);
  return WEFT_OK;
}

static void set_text(lua_State *L, const char *name, const char *text) {
  if (text == NULL)
    return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

/* Calls the Lua side's make_error(code, name, message, fields), the fields on
 * top of the stack. */
static void make_object(lua_State *L, struct host *host, weft_error *error) {
  host_push_function(L, host, "make_error");
  lua_insert(L, -2);
  lua_pushinteger(L, weft_error_get_code(error));
  lua_insert(L, -2);
  lua_pushstring(L, weft_error_get_name(error));
  lua_insert(L, -2);
  lua_pushstring(L, weft_error_get_message(error));
  lua_insert(L, -2);
  lua_call(L, 4, 1);
}

static void push_made(lua_State *L, struct host *host, weft_error *error) {
  luaL_checkstack(L, 8, "error nested too deep");
  struct reference *own = weft_error_get_host(error, drop_reference);
  if (own != NULL) {
    push_reference(L, own);
    return;
  }
  lua_newtable(L);
  set_text(L, "traceback", weft_error_get_traceback(error));
  set_text(L, "task", weft_error_get_task(error));
  if (weft_error_get_cause(error) != NULL) {
    push_made(L, host, weft_error_get_cause(error));
    lua_setfield(L, -2, "cause");
  }
  size_t count = weft_error_get_count(error);
  if (count > 0)
    lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    push_made(L, host, weft_error_get_member(error, i));
    lua_rawseti(L, -2, (int)i + 1);
  }
  if (count > 0)
    lua_setfield(L, -2, "errors");
  make_object(L, host, error);
}

/* Pushes the error object that [error] is, or one made of it. [L] may be a
 * coroutine that has yielded. No Lua may run there: when LuaJIT throws on such
 * a coroutine, be it to end the recording of a trace, it forgets that it has
 * yielded. So the object is made in the state whose call of weft.run it is. */
void push_error(lua_State *L, struct host *host, weft_error *error) {
  if (error == NULL) {
    lua_pushnil(L);
    return;
  }
  lua_State *maker = host->L != NULL ? host->L : host->main;
  push_made(maker, host, error);
  if (maker != L)
    lua_xmove(maker, L, 1);
}
