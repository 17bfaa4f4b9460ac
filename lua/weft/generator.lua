--- Generators: functions that give values one by one, and may wait between.
--
-- The body runs in a coroutine of its own and in the task of whoever asks for
-- the next value: bindings/luajit/generator.c. Who makes a generator owns it:
-- one that is left early is closed, its cleanup run, when the scope, group,
-- generator body or task it was made in ends.
-- @module weft.generator

local catch = require "weft.catch"
local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local opened = require "weft.opened"
local owner = require "weft.owner"
local scope = require "weft.scope"

local generator = {}

local select = select
local core_new, core_next = core.generator_new, core.generator_next
local core_yield = core.generator_yield
local check_function = scope.check_function

local CORE = 1 -- a field of a generator; the second holds its coroutine
local FAILED, AGAIN, CLOSE, MANY = 1, 2, 3, 4 -- outcomes, see generator.c
local EBUSY = codes.EBUSY
local SWALLOWED_MAX = 1000

-- A generator, as the functions made by `weft.generator` return it.
---@class weft.Generator
local Generator = {}
local metatable = { __name = "weft.Generator", __index = Generator }

-- -- The end ------------------------------------------------------------------

local function fail(code)
  errors.fail(code, code == EBUSY
    and "the generator is running: it is in use by its own body or another task"
    or nil)
end

-- The body has ended, by `err` if it failed. Closes what it owned.
local function finish(self, failed, err)
  owner.remove(self)
  local text = failed and errors.stack_of(err)
  local ok, raised = owner.close(core.generator_number(self[CORE]), not failed,
    err)
  if ok then return end
  if failed then errors.goes_on(err, text) end
  error(raised, 0)
end

local ask

-- The owner ended while this task ran the body: these are the last values.
local function close_after(self, ...)
  self:close()
  return ...
end

-- What it means that no value has come.
local function slow_outcome(self, outcome, err)
  if outcome == nil then return finish(self) end
  if outcome == AGAIN then return ask(self) end
  if outcome == FAILED then return finish(self, true, err) end
  if outcome == MANY then return core.generator_values(self[CORE]) end
  if outcome == CLOSE then
    return close_after(self, core.generator_values(self[CORE]))
  end
  fail(outcome)
end

local function check(self, first, ...)
  if first ~= nil then return first, ... end
  return slow_outcome(self, ...)
end

function ask(self) return check(self, core_next(self[CORE])) end

-- -- Methods ------------------------------------------------------------------

-- The C side trusts what it is given.
local function refuse_self(x, method)
  errors.fail_argument(("generator:%s: called on no generator, but on %s")
    :format(method, errors.shown(x)), 3)
end

--- What the body yields next; nothing once it has ended. Runs the body in this
-- task: what that waits for, this waits for. Parks. Cancelled at the call, the
-- generator is untouched; cancelled while the body waits, the body is unwound.
-- Raises the body's error, and BusyError while it runs.
function Generator:next()
  if getmetatable(self) ~= metatable then refuse_self(self, "next") end
  return ask(self)
end

-- As next, for loops, to which a nil more means nothing: without the dots it is
-- faster.
function metatable.__call(self)
  local a, b, c, d = core_next(self[CORE])
  if a ~= nil then return a, b, c, d end
  return slow_outcome(self, b, c)
end

local function is_close(err)
  return errors.is_cancelled(err) and err.source == "close"
end

-- The body has failed while it was closed. The Cancelled that it got ends here:
-- what its cleanup raised may have what is in flight outside for its cause.
local function finish_closed(self, err)
  if is_close(err) then return finish(self) end
  if errors.is_error(err) and is_close(err.cause) then err.cause = nil end
  finish(self, true, err)
end

-- Tells the body to end, as often as it yields nevertheless.
local function close_body(self)
  local closed = errors.classes.CancelledError("the generator is closed",
    { source = "close" })
  for _ = 1, SWALLOWED_MAX do
    local first, outcome, err = core.generator_close(self[CORE], closed)
    if first == nil and outcome == nil then return finish(self) end
    if first == nil and outcome == FAILED then
      return finish_closed(self, err)
    end
    if first == nil then core.generator_values(self[CORE]) end -- dropped
  end
  core.generator_end(self[CORE])
  finish(self, true, errors.classes.InvalidStateError(
    ("generator:close: the body went on yielding, %d times: it catches every "
      .. "error in a loop; let CancelledError pass"):format(SWALLOWED_MAX)))
end

--- Ends the generator: the yield where it stands raises CancelledError (source
-- "close"), and so does every further one, so that its cleanup runs; what that
-- waits for is shielded. Returns when the body has ended, and raises what its
-- cleanup raised. Nothing is done if it has not begun or has ended. Parks, but
-- is no cancellation point. Raises BusyError while it runs.
function Generator:close()
  if getmetatable(self) ~= metatable then refuse_self(self, "close") end
  local state = core.generator_state(self[CORE])
  if state == "over" then return end
  if state == "running" then fail(EBUSY) end
  if state == "new" then
    core.generator_end(self[CORE])
    return finish(self)
  end
  core.check_park "generator:close"
  scope.shield(function() close_body(self) end)
end

-- The owner has ended. A body that another task runs is closed at its yield.
function Generator:close_owned()
  if core.generator_state(self[CORE]) == "running" then
    core.generator_close_later(self[CORE])
  else
    self:close()
  end
end

-- -- Making -------------------------------------------------------------------

local function fail_nil()
  errors.fail_argument(
    "yield(...): the first value must not be nil, which stands for the end", 3)
end

-- One value, apart from several: LuaJIT compiles the way back from here into
-- the body, but from a function with dots it goes by the interpreter. What is
-- resumed with an error raises it.
local function yield_one(gen, value)
  local err = core_yield(gen, value)
  if err then error(err, 0) end
end

local function yield_many(gen, ...)
  local err = core_yield(gen, ...)
  if err then error(err, 0) end
end

-- The functions that make generators. A `for` over one of them would never end:
-- it gives a generator each time, and gets that back as the control variable.
local makers = setmetatable({}, { __mode = "k" })

local function describe_open(self)
  local state = core.generator_state(self[CORE])
  if state == "new" or state == "over" then return nil end
  return "a generator that was left early"
end

-- The object has all its fields from the start: so its table never grows.
local function make(maker, fn, ...)
  local self = setmetatable({
    false, false, maker = maker, owner_key = false, owner_place = false,
  }, metatable)
  local gen
  local function yield(first, ...)
    if first == nil then fail_nil() end
    if select("#", ...) == 0 then return yield_one(gen, first) end
    return yield_many(gen, first, ...)
  end
  gen = core_new(self, xpcall, fn, errors.trace, yield, ...)
  self[CORE] = gen
  opened.note(self, describe_open)
  owner.add(self)
  return self
end

--- Makes a function that makes generators: each call gives a new one, whose
-- body is `fn(yield, ...)` with the call's arguments. `yield(v, ...)` hands the
-- values, of which the first is not nil, to whoever asks: `for v in gen(...)
-- do`, or `:next()`. The body may wait, as any code of a task.
---@param fn fun(yield: fun(...), ...)
---@return fun(...): weft.Generator
function generator.generator(fn)
  check_function(fn, "generator(fn): fn")
  local function maker(...)
    local first, second = ...
    if first == nil and generator.is_generator(second)
        and second.maker == maker then
      generator.fail_uncalled()
    end
    return make(maker, fn, ...)
  end
  makers[maker] = true
  return maker
end

--- Whether `x` is a function that makes generators.
---@return boolean
function generator.is_maker(x) return makers[x] == true end

--- Complains of one that stands where a generator should.
---@param level number?
function generator.fail_uncalled(level)
  errors.fail_argument("this function makes generators; call it: "
    .. "for ... in gen() do", (level or 2) + 1)
end

local function is_closable(x)
  return (type(x) == "table" or type(x) == "userdata")
    and type(x.close) == "function"
end

--- Calls `fn(gen)`, closes `gen`, a generator or anything with `:close()`, on
-- every way out, shielded, and returns fn's results. Parks as fn and the
-- cleanup do. An error of the cleanup has fn's as its cause.
---@generic T
---@param gen T
---@param fn fun(gen: T): ...
function generator.closing(gen, fn)
  if not is_closable(gen) then
    errors.fail_argument("closing(gen, fn): gen must be a generator or have a "
      .. "close method, got " .. errors.shown(gen))
  end
  check_function(fn, "closing(gen, fn): fn")
  return catch.finally(function() return fn(gen) end,
    function() gen:close() end)
end

--- Whether `x` is a generator.
---@return boolean
function generator.is_generator(x)
  return type(x) == "table" and getmetatable(x) == metatable
end

return generator
