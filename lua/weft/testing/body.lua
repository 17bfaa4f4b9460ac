--- Functions of tests that know how they want to be run.
--
-- `it(name, testing.virtual(fn))` works with the helper, which looks the
-- function up and runs before_each and after_each in the same runtime, and
-- without: called by anybody else it runs in a runtime of its own.
-- @module weft.testing.body

local entries = require "weft.entries"
local case = require "weft.testing.case"
local core = require "weft.core"
local errors = require "weft.error"
local options = require "weft.testing.options"
local scope = require "weft.scope"

local body = {}

-- What was made here: function -> { fn, its options }.
local made = setmetatable({}, { __mode = "k" })

--- The function and the options of what was made here; else the function itself
-- and nothing.
---@param fn function
---@return function fn
---@return table? options
function body.open(fn)
  local entry = made[fn]
  if entry then return entry[1], entry[2] end
  return fn
end

-- Called by whoever does not know: in a task it is that one's to say how.
local function call_by_itself(fn, own)
  if own.plain then return fn() end
  if not core.is_running() then
    return case.run_alone(options.complete(own), fn)
  end
  if own.virtual and not case.clock() then
    errors.fail_state("a test on the virtual clock was called in a task of a "
      .. "runtime with the real clock")
  end
  return fn(case.clock())
end

local function make(fn, own)
  local inner, inner_options = body.open(fn)
  for name, value in entries(inner_options or {}) do
    if own[name] == nil then own[name] = value end
  end
  local function wrapper()
    local copy = {}
    for name, value in entries(own) do copy[name] = value end
    return call_by_itself(inner, copy)
  end
  setfenv(wrapper, getfenv(inner)) -- where busted looks for what to reject
  made[wrapper] = { inner, own }
  return wrapper
end

local NOT_OF_ONE = { shared = true }

--- A test with options of its own: `it(name, testing.with({timeout = 1}, fn))`.
-- They are those of `testing.options`, but for `shared`.
---@param own table
---@param fn function
---@return function
function body.with(own, fn)
  scope.check_function(fn, "with(options, fn): fn")
  return make(fn, options.check("with(options, fn)", own, NOT_OF_ONE))
end

--- A test on the virtual clock, which begins at 0 and jumps to the next time
-- when all tasks wait: it takes no real time. `fn` gets the clock.
---@param fn fun(clock: table)
---@param own table? as for `with`
---@return function
function body.virtual(fn, own)
  scope.check_function(fn, "virtual(fn, options): fn")
  local checked = options.check("virtual(fn, options)", own, NOT_OF_ONE)
  checked.virtual = true
  return make(fn, checked)
end

--- A test in a task, on the real clock.
---@param fn function
---@param own table? as for `with`
---@return function
function body.task(fn, own)
  scope.check_function(fn, "task(fn, options): fn")
  local checked = options.check("task(fn, options)", own, NOT_OF_ONE)
  checked.virtual, checked.plain = false, false
  return make(fn, checked)
end

--- A test outside any task, for one that calls `weft.run` itself.
---@param fn function
---@return function
function body.plain(fn)
  scope.check_function(fn, "plain(fn): fn")
  return make(fn, { plain = true })
end

return body
