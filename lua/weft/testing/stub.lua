--- Stubs of functions that park.
--
-- A stub answers as it was told, after it has parked once, as the real function
-- would: so what runs beside it does so in the test too. It is a spy of
-- luassert's, whose asserts count its calls and look at their arguments:
--
--     local fetch = testing.async_stub("first"):then_raises "gone"
--     ...
--     assert.spy(fetch).was.called(2)
--     assert.spy(fetch).was.called_with "http://example.org/"
-- @module weft.testing.stub

local callable = require "weft.callable"
local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local finalizers = require "weft.testing.finalizers"
local scope = require "weft.scope"
local time = require "weft.time"

local stub = {}

-- -- Answers -----------------------------------------------------------------
-- An answer is a function of the call's arguments and a delay in seconds.

local function values(...)
  local list, count = { ... }, select("#", ...)
  return function() return unpack(list, 1, count) end
end

local function raiser(err, call)
  if err == nil then
    errors.fail_argument(call .. ": err must not be nil", 3)
  end
  return function() return error(err, 0) end
end

local function no_more(answers)
  local count = #answers
  return function()
    errors.fail_state(("the stub was called again after its %s, and is to "
      .. "have no more"):format(count == 1 and "one answer"
        or count .. " answers"))
  end
end

-- The last answer goes on for ever.
local function next_answer(answers)
  local answer = answers[answers.next] or answers[#answers]
  answers.next = answers.next + 1
  return answer
end

local function answer_call(answers, ...)
  core.check_park "the stub"
  local answer = next_answer(answers)
  time.sleep(answer.delay)
  return answer.fn(...)
end

-- -- Methods -----------------------------------------------------------------

-- A stub; what luassert's spies have besides is in its documentation.
---@class weft.testing.Stub
local Stub = {}

local function set(self, fn)
  local answers = self.answers
  for i = #answers, 1, -1 do answers[i] = nil end
  answers[1], answers.next = { fn = fn, delay = 0 }, 1
  return self
end

local function add(self, fn)
  local answers = self.answers
  answers[#answers + 1] = { fn = fn, delay = 0 }
  return self
end

--- Answers every call with these values, from now on.
---@param ... any
---@return weft.testing.Stub self
function Stub:returns(...) return set(self, values(...)) end

--- Raises `err` at every call, from now on.
---@param err any
---@return weft.testing.Stub self
function Stub:raises(err) return set(self, raiser(err, "stub:raises(err)")) end

--- Answers every call with what `fn` returns for its arguments, or raises; it
-- may park.
---@param fn function
---@return weft.testing.Stub self
function Stub:invokes(fn)
  scope.check_function(fn, "stub:invokes(fn): fn")
  return set(self, fn)
end

--- Answers no call: it waits until it is cancelled.
---@return weft.testing.Stub self
function Stub:never() return set(self, time.sleep_forever) end

--- After the answers so far, answers with these values: the last one is
-- repeated for ever.
---@param ... any
---@return weft.testing.Stub self
function Stub:then_returns(...) return add(self, values(...)) end

--- After the answers so far, raises `err`.
---@param err any
---@return weft.testing.Stub self
function Stub:then_raises(err)
  return add(self, raiser(err, "stub:then_raises(err)"))
end

--- After the answers so far, calls `fn` with the arguments.
---@param fn function
---@return weft.testing.Stub self
function Stub:then_invokes(fn)
  scope.check_function(fn, "stub:then_invokes(fn): fn")
  return add(self, fn)
end

--- After the answers so far, waits until it is cancelled.
---@return weft.testing.Stub self
function Stub:then_never() return add(self, time.sleep_forever) end

--- After the answers so far, a call is an InvalidStateError.
---@return weft.testing.Stub self
function Stub:then_no_more()
  return add(self, no_more(self.answers))
end

--- Has the last answer take `seconds`.
---@param seconds number
---@return weft.testing.Stub self
function Stub:after(seconds)
  scope.check_time(seconds, "stub:after(seconds): seconds")
  if seconds < 0 then
    errors.fail_argument("stub:after(seconds): seconds must be 0 or more, got "
      .. errors.shown(seconds), 2)
  end
  self.answers[#self.answers].delay = seconds
  return self
end

-- -- Making ------------------------------------------------------------------

local function first_answer(...)
  local first = ...
  if select("#", ...) == 1 and type(first) == "function" then return first end
  return values(...)
end

-- A method that says so where it is called with a dot.
local function checked(name, method)
  return function(self, ...)
    if type(self) ~= "table" or type(rawget(self, "answers")) ~= "table" then
      errors.fail_argument(("stub:%s(...): called without its stub; it takes "
        .. "a colon, stub:%s(...), not stub.%s(...)"):format(name, name, name),
        2)
    end
    return method(self, ...)
  end
end

-- A spy with the methods above, and the function that it calls.
local function new_spy(...)
  require "luassert" -- registers what assert.spy(stub) can be asked
  local answers = { next = 1 }
  local made = require("luassert.spy").new(function(...)
    return answer_call(answers, ...)
  end)
  for name, method in entries(Stub) do made[name] = checked(name, method) end
  made.answers = answers
  return set(made, first_answer(...))
end

--- Makes a stub that parks once, as `weft.yield` does, and then returns these
-- results. Given one function, it calls that with the arguments. Its methods
-- set other answers, or add some: `returns`, `raises`, `invokes`, `never`; the
-- same with `then_` before them, and `then_no_more`; `after(seconds)`. Each
-- returns the stub. A call that is cancelled counts as called.
---@param ... any results, or one function
---@return weft.testing.Stub
function stub.new(...) return new_spy(...) end

local function check_place(object, key)
  if type(object) ~= "table" then
    errors.fail_argument("stub(object, name, ...): object must be a table, got "
      .. errors.shown(object), 3)
  end
  if callable.is(object[key]) then return end
  errors.fail_argument(("stub(object, name, ...): object[name] must be a "
    .. "function, to be replaced; for name %s it is %s"):format(
      errors.shown(key), errors.shown(object[key])), 3)
end

--- Puts a stub in the place of `object[name]` until the end of the test, and
-- returns it: as `async_stub(...)`, for a method or a function of a module.
-- `stub:revert()` puts back what was there earlier than that. Raises
-- ArgumentError if there is no function to be replaced.
---@param object table
---@param name any
---@param ... any results, or one function
---@return weft.testing.Stub
function stub.replace(object, name, ...)
  check_place(object, name)
  finalizers.check "testing.stub"
  local own = rawget(object, name) -- nil for a method of its class
  local made = new_spy(...)
  local is_there = true
  function made.revert()
    if is_there then rawset(object, name, own) end
    is_there, made.reverted = false, true
    return own
  end
  rawset(object, name, made)
  finalizers.defer(made.revert)
  return made
end

return stub
