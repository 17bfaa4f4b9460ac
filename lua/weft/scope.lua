--- Scopes: regions of a task with a deadline, a cancelled flag and a shield.
--
-- A timeout is a scope with a deadline. Cancellation is a level: while a scope
-- is cancelled, every call in it that parks raises CancelledError, each time,
-- until control has left the scope: docs/semantics.md, section 6.
-- @module weft.scope

local callable = require "weft.callable"
local core = require "weft.core"
local direct = require "weft.direct"
local entries = require "weft.entries"
local errors = require "weft.error"
local owner = require "weft.owner"

local scope = {}

local type, setmetatable, xpcall = type, setmetatable, xpcall
local core_after, core_leave = core.scope_after, core.scope_leave
local core_unwind = core.scope_unwind
local open_scope, leave_scope = direct.open_scope, direct.leave_scope
local LEFT, LEFT_LATE = direct.LEFT, direct.LEFT_LATE
local NEVER = math.huge
local owned, trace = owner.owned, errors.trace
local stack_lines = core.stack_lines
local TimeoutError = errors.classes.TimeoutError

-- A scope has one field, by number for its size: the core's handle, stale once
-- it is left. One that was cancelled gets instead, when it is left, what it has
-- caught, as a number below zero.
local HANDLE = 1
local CAUGHT_NOTHING, CAUGHT_DEADLINE = 0, 2

local function mark_left(object, caught) object[HANDLE] = -1 - caught end

-- A scope, as scope functions get it.
---@class weft.Scope
local Scope = {}
local metatable = { __name = "weft.Scope", __index = Scope }

-- -- Arguments ----------------------------------------------------------------

local function check_time(value, what, level)
  if type(value) ~= "number" or value ~= value then
    errors.fail_argument(what .. " must be a number of seconds, got "
      .. errors.shown(value), (level or 2) + 1)
  end
  return value
end
scope.check_time = check_time

local COUNT_MAX = 2 ^ 53 -- from here on not every whole number is a double

local function is_count(value, least)
  return type(value) == "number" and value >= least and value < COUNT_MAX
    and value % 1 == 0
end
scope.is_count = is_count

-- Returns the limit to be kept, nil for none.
local function check_limit(limit, what, level)
  if limit == nil or limit == math.huge then return nil end
  if is_count(limit, 1) then return limit end
  errors.fail_argument(what .. " must be a whole number of at least 1, got "
    .. errors.shown(limit), (level or 2) + 1)
end
scope.check_limit = check_limit

local function check_function(fn, what, level)
  if not callable.is(fn) then
    errors.fail_argument(what .. " must be a function, got "
      .. errors.shown(fn), (level or 2) + 1)
  end
end
scope.check_function = check_function

local NO_OPTIONS = {}

-- Returns the options; a name that is not among `names` is refused.
local function check_options(opts, call, names, level)
  if opts == nil then return NO_OPTIONS end
  level = (level or 2) + 1
  if type(opts) ~= "table" then
    errors.fail_argument(call .. ": opts must be a table, got "
      .. errors.shown(opts), level)
  end
  for key in entries(opts) do
    local is_known = false
    for _, name in ipairs(names) do is_known = is_known or key == name end
    if not is_known then
      errors.fail_argument(("%s: there is no option '%s'; there %s %s")
        :format(call, tostring(key), #names == 1 and "is" or "are",
          table.concat(names, ", ")), level)
    end
  end
  return opts
end
scope.check_options = check_options

-- -- Entering and leaving -----------------------------------------------------

--- An object for a scope that is open in the core.
function scope.wrap(handle)
  return setmetatable({ handle }, metatable)
end

local function opened(handle, code)
  if not handle then errors.fail(code) end
  return setmetatable({ handle }, metatable)
end

local function fail_order()
  errors.fail_state "scopes are left in the reverse order of entry"
end
scope.fail_order = fail_order

-- Leaves the scope after its body ended with `ok` and the error `err`. Returns
-- how it ended and what was caught.
local function leave(object, ok, err)
  local handle = object[HANDLE]
  local span
  if owned[handle] then ok, err, span = owner.close(handle, ok, err) end
  local cancelled = not ok and errors.is_cancelled(err)
  local leave_core = cancelled and core_unwind or core_leave
  local code, caught, called = leave_core(handle)
  if called then mark_left(object, caught) end
  caught = caught or CAUGHT_NOTHING
  if span then owner.move_out(span, caught ~= CAUGHT_NOTHING and err or nil) end
  if code and not cancelled then fail_order() end
  return ok, caught, err
end

-- The last text that was made, for a program has few lengths of timeouts.
local text_seconds, text

-- `seconds` is what the timeout was given, nil where that was a time. The stack
-- is that from the caller of end_timeout on.
local function timeout_error(object, seconds, cause)
  if seconds and seconds ~= text_seconds then
    text_seconds, text = seconds, ("timed out after %g s"):format(seconds)
  end
  local message = seconds and text or "the deadline has passed"
  return setmetatable({ name = "TimeoutError", message = message,
    scope = object, cause = cause, traceback = stack_lines(3) }, TimeoutError)
end

-- The function of the last timeout, if it did not wait. Never another callable:
-- that could have an __eq.
local quick = setmetatable({ false }, { __mode = "v" })

-- What comes out of a timeout whose body `fn` ended so.
local function end_timeout(object, seconds, fn, ok, ...)
  local handle = object[HANDLE]
  if ok and not owned[handle] then
    local code, caught, called = core_leave(handle)
    if called then mark_left(object, caught) end
    if not code then
      if code == false and type(fn) == "function" then quick[1] = fn end
      return ...
    end
    fail_order()
  end
  local went_well, caught, err = leave(object, ok, ...)
  if went_well then return ... end
  if caught == CAUGHT_NOTHING then error(err, 0) end
  if caught == CAUGHT_DEADLINE then
    error(timeout_error(object, seconds, err), 0)
  end
end

local function run_timeout(handle, code, seconds, fn)
  if not handle then errors.fail(code) end
  local object = setmetatable({ handle }, metatable)
  return end_timeout(object, seconds, fn, xpcall(fn, trace, object))
end

local function end_quickly(object, seconds, fn, ok, ...)
  local handle = object[HANDLE]
  if ok and not owned[handle] then
    local outcome = leave_scope(handle)
    if outcome == LEFT then return ... end
    quick[1] = false
    if outcome == LEFT_LATE then return ... end
  end
  return end_timeout(object, seconds, fn, ok, ...)
end

-- A function that comes again and does not wait is called in a loop that likely
-- is compiled, all of this included: then the scope is opened and left by FFI,
-- for a quarter of the price. Where code is interpreted, as it is after a wait,
-- a call by FFI is dear.
local function run_quickly(handle, seconds, fn)
  local object = setmetatable({ handle }, metatable)
  return end_quickly(object, seconds, fn, xpcall(fn, trace, object))
end

-- A scope that absorbs and drops results.
local function end_scope(object, ok, ...)
  local went_well, caught, err = leave(object, ok, ...)
  if not went_well and caught == CAUGHT_NOTHING then error(err, 0) end
  return object
end

local function run_scope(object, fn)
  return end_scope(object, xpcall(fn, errors.trace, object))
end

-- -- The functions ------------------------------------------------------------

--- Runs `fn(scope)` with a deadline `seconds` from now; nil is none. Returns
-- what fn returns, or raises TimeoutError once fn has unwound. Entering and
-- leaving are no cancellation points.
---@param seconds number?
---@param fn fun(scope: weft.Scope): ...
function scope.timeout(seconds, fn)
  if seconds ~= nil and (type(seconds) ~= "number" or seconds ~= seconds) then
    check_time(seconds, "timeout(seconds, fn): seconds")
  end
  if type(fn) ~= "function" then
    check_function(fn, "timeout(seconds, fn): fn")
  elseif fn == quick[1] then
    local handle = open_scope(seconds or NEVER)
    if handle ~= 0 then return run_quickly(handle, seconds, fn) end
  end
  local handle, code = core_after(seconds or NEVER, "weft.timeout")
  return run_timeout(handle, code, seconds, fn)
end

--- As timeout, with a time of `weft.now()`'s clock.
---@param time number
---@param fn fun(scope: weft.Scope): ...
function scope.timeout_at(time, fn)
  if time ~= nil then check_time(time, "timeout_at(time, fn): time") end
  check_function(fn, "timeout_at(time, fn): fn")
  local handle, code = core.scope_at(time, false, "weft.timeout_at")
  return run_timeout(handle, code, nil, fn)
end

--- Runs `fn(scope)` for at most `seconds` and goes on without an error. Returns
-- the scope: `scope:cancelled_caught()` tells whether fn was cut off.
---@param seconds number?
---@param fn fun(scope: weft.Scope)
---@return weft.Scope
function scope.move_on_after(seconds, fn)
  if seconds ~= nil then
    check_time(seconds, "move_on_after(seconds, fn): seconds")
  end
  check_function(fn, "move_on_after(seconds, fn): fn")
  return run_scope(opened(core_after(seconds or NEVER,
    "weft.move_on_after")), fn)
end

--- As move_on_after, with a time of `weft.now()`'s clock.
---@param time number?
---@param fn fun(scope: weft.Scope)
---@return weft.Scope
function scope.move_on_at(time, fn)
  if time ~= nil then check_time(time, "move_on_at(time, fn): time") end
  check_function(fn, "move_on_at(time, fn): fn")
  return run_scope(opened(core.scope_at(time, false, "weft.move_on_at")), fn)
end

local function earlier_deadline(opts)
  local after, at = opts.timeout, opts.deadline
  if after ~= nil then check_time(after, "scope: timeout", 3) end
  if at ~= nil then check_time(at, "scope: deadline", 3) end
  if after == nil then return at end
  local due = core.now "weft.scope" + after
  return at ~= nil and math.min(due, at) or due
end

--- Runs `fn(scope)` in a scope of its own, which absorbs its own cancellation.
-- opts: `timeout` in seconds, `deadline` as a time, `shield`.
---@param fn fun(scope: weft.Scope)
---@param opts table?
---@return weft.Scope
function scope.scope(fn, opts)
  check_function(fn, "scope(fn, opts): fn")
  opts = check_options(opts, "scope(fn, opts)",
    { "timeout", "deadline", "shield" })
  return run_scope(opened(core.scope_at(earlier_deadline(opts), opts.shield,
    "weft.scope")), fn)
end

--- Runs `fn(scope)` shielded from outer cancellations, for at most `grace`
-- seconds if given, counted from here and not from a cancellation. Returns what
-- fn returns, nothing if the grace ran out.
---@param fn fun(scope: weft.Scope): ...
---@param grace number?
function scope.shield(fn, grace)
  check_function(fn, "shield(fn, grace): fn")
  if grace ~= nil then check_time(grace, "shield(fn, grace): grace") end
  local object = opened(core.scope_shield(grace or NEVER, "weft.shield"))
  local function finish(ok, ...)
    local went_well, caught, err = leave(object, ok, ...)
    if went_well then return ... end
    if caught == CAUGHT_NOTHING then error(err, 0) end
  end
  return finish(xpcall(fn, errors.trace, object))
end

--- The earliest deadline up to the nearest shield: nil if none, -math.huge in
-- cancelled code.
---@return number?
function scope.current_deadline() return core.current_deadline() end

-- -- Methods ----------------------------------------------------------------

--- Cancels the scope. True, also when repeated; false once it is closed.
---@param reason any
---@return boolean
function Scope:cancel(reason)
  return core.scope_cancel(self[HANDLE], reason) == nil
end

--- The scope's own deadline, nil if none.
---@return number?
function Scope:deadline() return core.scope_deadline(self[HANDLE]) end

--- Seconds until the scope's own deadline, nil if none.
---@return number?
function Scope:remaining()
  local deadline = core.scope_deadline(self[HANDLE])
  return deadline and deadline - core.now()
end

--- Moves the deadline to the time `time`; nil is none.
---@param time number?
function Scope:reschedule(time)
  if time ~= nil then check_time(time, "scope:reschedule(time): time") end
  local code = core.scope_reschedule(self[HANDLE], time)
  if not code then return end
  errors.fail_state(core.scope_is_cancelled(self[HANDLE])
    and "scope:reschedule: the scope is cancelled already"
    or "scope:reschedule: the scope is closed")
end

--- Whether the scope itself was cancelled, by a call or its deadline.
---@return boolean
function Scope:cancel_called()
  return self[HANDLE] < 0 or core.scope_is_cancelled(self[HANDLE]) or false
end

--- Whether the scope was left by its own cancellation and absorbed it.
---@return boolean
function Scope:cancelled_caught()
  return self[HANDLE] < -1 - CAUGHT_NOTHING
end

--- Hides outer cancellations from now on, or lets them in.
---@param on boolean
function Scope:set_shield(on)
  if core.scope_set_shield(self[HANDLE], on) then
    errors.fail_state "scope:set_shield: the scope is closed"
  end
end

return scope
