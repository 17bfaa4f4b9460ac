--- Contexts: resources made of a function that yields once.
--
-- The function runs in a coroutine of its own, and in the task of whoever
-- enters and leaves: up to its yield, and from there on. Scopes and groups that
-- it has open at the yield stay open meanwhile, so they govern the code that
-- the resource is entered for: a task has one stack of scopes, whichever
-- coroutine opened them. What follows the yield is shielded, inside those
-- scopes and out of them again: owner.lua, "Spans".
-- @module weft.context

local core = require "weft.core"
local coroutines = require "weft.coroutine"
local errors = require "weft.error"
local owner = require "weft.owner"
local resource = require "weft.resource"
local scope = require "weft.scope"

local context = {}

local NEW, ENTERING, ENTERED, LEAVING, OVER = 1, 2, 3, 4, 5

-- A context that was not entered yet has its arguments as a list, `count` of
-- them. It is the span of the code after its yield.
---@class weft.Context
local Context = {}
local metatable = { __name = "weft.Context", __index = Context }

-- -- In the function's coroutine ----------------------------------------------

local function check_yield(self)
  if coroutine.running() ~= self.coroutine then
    errors.fail_state("yield(...) was called outside its context's function: "
      .. "not in another task or coroutine, nor after its end")
  end
  core.check_park "yield(...)"
  if self.state == ENTERING then return end
  self.misuse = errors.classes.InvalidStateError(
    "the context's function called yield(...) a second time")
  error(errors.trace(self.misuse), 0)
end

-- Goes on after the yield: the context is being left.
local function go_on(self)
  core.coroutine_own()
  owner.cover(self)
  if self.err == nil then return end
  errors.goes_on(self.err)
  error(self.err, 0)
end

local function run(self)
  core.coroutine_own()
  local function yield(...)
    check_yield(self)
    return go_on(self, core.yield_values(self, ...))
  end
  return xpcall(self.fn, errors.trace, yield, unpack(self, 1, self.count))
end

-- -- Entering -----------------------------------------------------------------

local function raise_on(err)
  errors.goes_on(err)
  error(err, 0)
end

-- A C library may yield, too.
local function is_suspended(self)
  return coroutines.status(self.coroutine) == "suspended"
end

local function fail_yield()
  errors.fail_state "the context's function left it by a yield not its own"
end

-- The coroutine has come back: with the context itself and what it yielded, or
-- at its end with how that was.
local function entered(self, alive, first, ...)
  if alive and rawequal(first, self) then
    self.state, self.inside = ENTERED, core.scope_current()
    return ...
  end
  self.state = OVER
  if not alive then raise_on(first) end
  if is_suspended(self) then fail_yield() end
  if not first then raise_on((...)) end
  errors.fail_state(
    "the context's function returned without calling yield(value)")
end

--- Runs the function up to its yield; returns what that was given. Parks where
-- the function does. Raises the function's error, and InvalidStateError if it
-- does not yield or the context was entered before.
function Context:enter()
  if self.state ~= NEW then
    errors.fail_state("a context can be entered once; call the function that "
      .. "made it for another")
  end
  core.check_park "context:enter"
  self.state, self.base = ENTERING, core.scope_current()
  self.coroutine = coroutine.create(run)
  return entered(self, coroutines.resume(self.coroutine, self))
end

-- -- Leaving ------------------------------------------------------------------

-- Scopes that the function has open can only be left from right inside them.
-- Returns the span whose shield has to be taken away for that, if there is one:
-- of another context, which has yielded inside these scopes.
local function check_place(self)
  local here = core.scope_current()
  if self.inside == self.base then
    self.base = here
    return nil
  end
  local span = owner.span_at(self.inside)
  if here == (span and span.shield or self.inside) then return span end
  errors.fail_state("a context that has scopes open must be left where it was "
    .. "entered: by weft.with, or by the stack in the stack's function")
end

-- `span` is what check_place returned. Returns whether the error, if there was
-- one, is handled.
local function left(self, span, alive, ok, err)
  local in_flight = self.err
  if not alive then ok, err = false, ok end
  if is_suspended(self) then ok, err = pcall(fail_yield) end
  self.state = OVER
  ok, err = owner.uncover(self, ok, err)
  if span then owner.move_out(span, self.absorbed and in_flight or nil) end
  if ok and self.misuse then ok, err = false, self.misuse end
  if ok then return in_flight ~= nil end
  if rawequal(err, in_flight) then return false end
  raise_on(err)
end

--- Runs the rest of the function, whose yield raises `err` or, if that is nil,
-- returns. True if there was an error and the function has handled it. Parks
-- where the function does; a cancellation shows after it. Raises what the
-- function raises, unless it is `err`, and InvalidStateError for a second yield
-- and for a context that is not entered.
---@param err any
---@return boolean
function Context:exit(err)
  if self.state ~= ENTERED then
    errors.fail_state "context:exit: the context is not entered, or was left"
  end
  core.check_park "context:exit"
  local span, ok = check_place(self), not err
  if span then ok, err = owner.uncover(span, ok, err) end
  self.state, self.err = LEAVING, not ok and err or nil
  return left(self, span, coroutines.resume(self.coroutine))
end

resource.set_own_shield(Context.exit)

-- -- Making -------------------------------------------------------------------

--- Makes a function that makes resources: each call's arguments go to a new run
-- of `fn(yield, ...)`. What `fn` does before it calls `yield(value)` enters the
-- resource, what it does after leaves it, shielded. An error of the code in
-- between is raised at the yield: to return then is to handle it. Scopes,
-- timeouts and groups around the yield govern that code.
---@param fn fun(yield: fun(...), ...)
---@return fun(...): weft.Context
function context.context(fn)
  scope.check_function(fn, "context(fn): fn")
  return function(...)
    return setmetatable({
      fn = fn, state = NEW, count = select("#", ...), ...
    }, metatable)
  end
end

return context
