/* SPDX-License-Identifier: MIT
 * generator.c - coroutines that give values to whoever asks for the next one.
 *
 * A generator is a link that lives as long as it does. next() resumes its
 * coroutine right here, on top of the consumer's: that is a third of the cost
 * of the way by the task's step (job.c). Only when the body parks, or resumes a
 * coroutine of the user's, does the consumer yield too; the chain of links then
 * tells the step where to go on, and to whom the next value goes.
 *
 * What next() returns has the first value first, which is never nil. A nil
 * there means that something else has come: see enum outcome. */
#include "host.h"

/* Natively nested generators, each on the C stack of the one that asks it. One
 * more than that goes by the task's step, which uses none. */
enum { NESTED_MAX = 100 };

/* What follows the nil, where it is positive; else a code. */
enum outcome {
  OUTCOME_FAILED = 1, /* the error follows */
  OUTCOME_AGAIN = 2,  /* the run budget was used up: ask once more */
  OUTCOME_CLOSE = 3,  /* take the values, then close */
  OUTCOME_MANY = 4    /* more than FEW values: take them */
};

/* So many come by themselves, others by generator_values. */
enum { FEW = 4 };

/* The field of the Lua object that holds the coroutine. */
enum { GENERATOR_COROUTINE = 2 };

enum generator_state { GEN_NEW, GEN_SUSPENDED, GEN_RUNNING, GEN_OVER };

struct generator {
  struct link link; /* link.co is the body's coroutine */
  struct host *host;
  weft_context context; /* the body's own layer; 0: none yet */
  double number;        /* what it owns others by; negative */
  unsigned arg_count;   /* on its stack before the first step */
  uint8_t state;        /* enum generator_state */
  bool close_later;     /* its owner has ended while it was running */
};

#if defined(__GNUC__)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define UNLIKELY(x) (x)
#endif

static struct generator *generator_at(lua_State *L, int index) {
  return lua_touserdata(L, index);
}

/* -- Life ----------------------------------------------------------------- */

static int generator_collect(lua_State *L) {
  struct generator *gen = generator_at(L, 1);
  if (gen->link.co != NULL)
    link_remove(gen->host, &gen->link);
  if (gen->context != 0 && gen->host->rt != NULL)
    weft_context_close(gen->host->rt, gen->context);
  return 0;
}

/* The body's variables begin as those of who makes it. One made where no
 * runtime runs takes them when it begins. */
static void take_snapshot(struct generator *gen) {
  if (gen->context == 0 && gen->host->rt != NULL)
    weft_context_copy(gen->host->rt, &gen->context);
}

/* generator_new(object, xpcall, fn, handler, yield, ...) -> generator. The
 * handler sees the stack of an error where it is raised. The object comes to
 * hold the coroutine, and is the generator's environment: what a finaliser is
 * still to run for keeps that alive, so that the coroutine, which is known by
 * its address, is not freed before its link is. */
static int generator_new(lua_State *L) {
  struct host *host = host_of(L);
  int count = lua_gettop(L) - 1;
  lua_State *co = lua_newthread(L);
  lua_rawseti(L, 1, GENERATOR_COROUTINE);
  struct generator *gen = lua_newuserdata(L, sizeof *gen);
  *gen = (struct generator){.host = host, .link = {.generator = gen}};
  lua_pushvalue(L, 1);
  lua_setfenv(L, -2);
  if (luaL_newmetatable(L, "weft.GeneratorCore") != 0) {
    lua_pushcfunction(L, generator_collect);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  if (!lua_checkstack(co, count) || !link_insert(host, &gen->link, co))
    return host_fail(L, host, WEFT_ENOMEM, NULL);
  lua_replace(L, 1);
  lua_xmove(L, co, count);
  gen->arg_count = (unsigned)count - 1;
  gen->number = --host->generator_number;
  take_snapshot(gen);
  return 1;
}

/* -- Coming out ----------------------------------------------------------- */

/* The variables of the body change places with those of the task. Nothing was
 * set as long as the host has none: one that the body is the first to set is
 * exchanged for that when it comes out. */
static void swap_context(struct generator *gen) {
  weft_context_swap(gen->host->rt, gen->context);
}

/* A layer of an earlier run has ended with that: here begins another. */
static void swap_in_context(struct generator *gen) {
  weft_runtime *rt = gen->host->rt;
  if (weft_context_swap(rt, gen->context) != WEFT_EBADF)
    return;
  weft_context_copy(rt, &gen->context);
  swap_context(gen);
}

static int push_code(lua_State *to, int code) {
  lua_pushnil(to);
  lua_pushinteger(to, code);
  return 2;
}

/* The body's coroutine has come back with [result]; pushes what that means to
 * the consumer, who has been made the active one again. That may be suspended:
 * nothing here allocates, as a finaliser on its stack would break it. */
static int push_outcome(struct generator *gen, lua_State *to, int result) {
  lua_State *co = gen->link.co;
  int count = lua_gettop(co);
  if (result == LUA_YIELD) {
    gen->state = GEN_SUSPENDED;
    if (UNLIKELY(gen->close_later || count > FEW))
      return push_code(to, gen->close_later ? OUTCOME_CLOSE : OUTCOME_MANY);
    lua_xmove(co, to, count);
    return count;
  }
  gen->state = GEN_OVER;
  bool failed = result != 0 || !lua_toboolean(co, 1);
  if (failed) {
    push_code(to, OUTCOME_FAILED);
    lua_xmove(co, to, 1);
  }
  lua_settop(co, 0);
  return failed ? 3 : 0;
}

int generator_return(struct job *job, int result) {
  struct generator *gen = job->link->generator;
  if (gen->host->has_contexts)
    swap_context(gen);
  link_pop(gen->host, job);
  lua_checkstack(job->active, FEW);
  return push_outcome(gen, job->active, result);
}

/* -- Going in ------------------------------------------------------------- */

/* Goes on in the body by way of the task's step. */
static int resume_by_step(lua_State *L, struct generator *gen, int count) {
  struct host *host = gen->host;
  host->yielded = YIELD_RESUME;
  host->resumed = gen->link.co;
  host->resumed_count = count;
  return lua_yield(L, 0);
}

/* Goes on in the body, for its consumer [L], with [count] arguments that are on
 * its stack. */
static inline int enter(lua_State *L, struct generator *gen, int count) {
  struct host *host = gen->host;
  struct job *job = host->job;
  struct link *resumer = job->link;
  gen->state = GEN_RUNNING;
  gen->link.resumer = resumer;
  gen->link.depth = job->depth;
  job->link = &gen->link;
  if (UNLIKELY(host->has_contexts))
    swap_in_context(gen);
  if (UNLIKELY(host->nested == NESTED_MAX))
    return resume_by_step(L, gen, count);
  job->active = host->active = gen->link.co;
  host->yielded = YIELD_FOREIGN;
  host->nested++;
  int result = lua_resume(gen->link.co, count);
  host->nested--;
  /* The body wants the step: so do we, and its values will come from there. */
  if (host->yielded == YIELD_PARK || host->yielded == YIELD_RESUME)
    return lua_yield(L, 0);
  if (UNLIKELY(host->has_contexts))
    swap_context(gen);
  job->link = resumer;
  job->active = host->active = L;
  return push_outcome(gen, L, result);
}

/* -- What the Lua side calls ---------------------------------------------- */

static int deliver_again(lua_State *L, int status, uint64_t value) {
  (void)value;
  return push_code(L, status == WEFT_OK ? OUTCOME_AGAIN : status);
}

/* What is seldom: not to be resumed now, or not the fast way. */
static int next_slowly(lua_State *L, struct generator *gen) {
  struct host *host = gen->host;
  if (gen->state == GEN_RUNNING)
    return push_code(L, WEFT_EBUSY);
  park_check(L, host, "generator:next");
  if (*host->budget <= 1)
    return park_finish(L, host, weft_checkpoint(host->rt), 0, deliver_again);
  --*host->budget;
  if (gen->state == GEN_OVER)
    return 0;
  take_snapshot(gen);
  return enter(L, gen, (int)gen->arg_count);
}

/* generator_next(generator) -> the values yielded, or nothing at the end, or
 * nil and an outcome */
static int generator_next(lua_State *L) {
  struct generator *gen = generator_at(L, 1);
  struct host *host = gen->host;
  if (UNLIKELY(gen->state != GEN_SUSPENDED || *host->budget <= 1 ||
               !park_is_possible(L, host)))
    return next_slowly(L, gen);
  --*host->budget;
  return enter(L, gen, 0);
}

/* generator_values(generator) -> what was yielded, after OUTCOME_CLOSE or
 * OUTCOME_MANY */
static int generator_values(lua_State *L) {
  lua_State *co = generator_at(L, 1)->link.co;
  int count = lua_gettop(co);
  luaL_checkstack(L, count, "a generator yielded more values than fit");
  lua_xmove(co, L, count);
  return count;
}

/* generator_close(generator, error): goes on in a suspended body, whose yield
 * raises the error; results as of next */
static int generator_close(lua_State *L) {
  struct generator *gen = generator_at(L, 1);
  park_check(L, gen->host, "generator:close");
  lua_settop(L, 2);
  lua_xmove(L, gen->link.co, 1);
  return enter(L, gen, 1);
}

/* What speaks against a yield in [L]. */
static int refuse_yield(lua_State *L, struct generator *gen) {
  struct host *host = gen->host;
  if (host->active != L || host->job->link != &gen->link)
    return host_fail(L, host, WEFT_ESTATE,
                     "yield(...) was called outside its generator's body: not "
                     "in another coroutine or task, nor after its end");
  park_check(L, host, "yield(...)");
  return host_fail(L, host, WEFT_ESTATE,
                   "yield(...) inside an open scope, timeout, shield or "
                   "group: it would govern the consumer; leave it first, or "
                   "run the producer in a group and send through a channel");
}

/* generator_yield(generator, ...) -> the error to raise, if the body is to end
 */
static int generator_yield(lua_State *L) {
  struct generator *gen = generator_at(L, 1);
  struct host *host = gen->host;
  if (UNLIKELY(!park_is_possible(L, host) || host->job->link != &gen->link ||
               host->job->depth != gen->link.depth))
    return refuse_yield(L, gen);
  host->yielded = YIELD_VALUES;
  return lua_yield(L, lua_gettop(L) - 1);
}

/* generator_state(generator) -> "new", "suspended", "running" or "over" */
static int generator_state(lua_State *L) {
  static const char *const names[] = {"new", "suspended", "running", "over"};
  lua_pushstring(L, names[generator_at(L, 1)->state]);
  return 1;
}

/* generator_number(generator) -> what owner.lua knows it by as an owner */
static int generator_number(lua_State *L) {
  lua_pushnumber(L, generator_at(L, 1)->number);
  return 1;
}

/* generator_end(generator): one that has not begun never will */
static int generator_end(lua_State *L) {
  struct generator *gen = generator_at(L, 1);
  gen->state = GEN_OVER;
  lua_settop(gen->link.co, 0);
  return 0;
}

/* generator_close_later(generator): a running one, at its next yield */
static int generator_close_later(lua_State *L) {
  generator_at(L, 1)->close_later = true;
  return 0;
}

/* owner_current() -> what owns what is made now: the number of the generator
 * whose body runs, or the handle of the innermost scope; nil outside a task */
static int owner_current(lua_State *L) {
  struct host *host = host_of(L);
  weft_scope scope;
  if (host->active == NULL || weft_scope_current(host->rt, &scope) != WEFT_OK)
    return 0;
  const struct job *job = host->job;
  for (const struct link *link = job->link;
       link != NULL && link->depth == job->depth; link = link->resumer)
    if (link->generator != NULL) {
      lua_pushnumber(L, link->generator->number);
      return 1;
    }
  lua_pushnumber(L, (lua_Number)scope);
  return 1;
}

void open_generator(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {
      {"generator_new", generator_new},
      {"generator_next", generator_next},
      {"generator_values", generator_values},
      {"generator_close", generator_close},
      {"generator_yield", generator_yield},
      {"generator_state", generator_state},
      {"generator_number", generator_number},
      {"generator_end", generator_end},
      {"generator_close_later", generator_close_later},
      {"owner_current", owner_current},
      {NULL, NULL}};
  host_register(L, host, functions);
}
