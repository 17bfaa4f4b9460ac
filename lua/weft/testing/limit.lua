--- The limit of a test's function: how long it may take. Where it waited when
-- that was over is what its error tells.
--
-- It is kept in real time by a thread, guard.c; on the virtual clock, a limit
-- that the test was given is a time of that clock besides. Past its limit the
-- test's task is cancelled; what then still runs of the test, as after_each,
-- is shielded.
-- @module weft.testing.limit

local core = require "weft.core"
local errors = require "weft.error"
local failure = require "weft.testing.failure"
local finalizers = require "weft.testing.finalizers"
local opened = require "weft.opened"
local scope = require "weft.scope"

local limit = {}

local STAT_READY, STAT_TIMERS = 5, 8 -- enum weft_stat

local running -- the innermost of the calls below

-- -- The end of the time ------------------------------------------------------

local function raise_text(seconds)
  return ("to have it longer: testing.with({timeout = %g}, fn) for a test, "
    .. "testing.options{timeout = %g} in a describe"):format(seconds * 2,
    seconds * 2)
end

-- The limit of all tests is in real time, also for those on the virtual clock.
local function raise_all_text(seconds)
  return ("to have it longer: WEFT_TEST_TIMEOUT=%g, or {timeout = %g} in the "
    .. "project's helper"):format(seconds * 2, seconds * 2)
end

local function cut(why, advice, with_tree)
  local this = running
  if not this or this.err then return end
  this.err = failure.cut(failure.look(this.task, with_tree), why, advice)
  this.cancel()
end

local function on_time(seconds, what)
  cut(("no end after %g s%s"):format(seconds, what), raise_text(seconds))
end

-- The limit was the only time that was set: on the virtual clock that means
-- that nothing else was to come, unless from a peer.
local function on_virtual_time(seconds)
  if core.stat(STAT_TIMERS) > 0 or core.stat(STAT_READY) > 0
      or opened.list()[1] then
    return on_time(seconds, "")
  end
  cut("deadlock: no task can go on before the limit of the test, which is all "
    .. "that was to come", nil, true)
end

core.guard_set(function()
  if not running then return end
  local seconds = running.real
  if not running.virtual then return on_time(seconds, "") end
  cut(("no end after %g s of real time"):format(seconds),
    raise_all_text(seconds))
end)

--- A report of the core's has come that nothing can wake a task any more, or
-- that tasks wait for each other: the test is cut off. Where its cleanup then
-- waits for what cannot come, the run is shut down, which lifts its shield.
-- False if no test runs.
---@param err table
---@return boolean
function limit.on_deadlock(err)
  if not running then return false end
  if running.err then core.shut_down() end
  cut("deadlock: " .. err.message, nil, true)
  return true
end

-- -- Calling ------------------------------------------------------------------

local function set_timer(this, seconds)
  if not this.virtual or seconds == math.huge then return nil end
  local code, handle = core.call_at(core.now() + seconds,
    function() on_virtual_time(seconds) end, "the limit")
  if code then errors.fail(code) end
  return handle
end

-- What fn has entered and not left may have scopes open. An error of its own is
-- what is told of fn; but Cancelled may have come from such a scope, and then
-- that tells why.
local function leave_scopes(outer, ok, err)
  local left, failed = pcall(finalizers.leave_scopes, outer, err)
  if left or not ok and not errors.is_cancelled(err) then return ok, err end
  return false, failed
end

local function call_in_scope(at_raise, fn, ...)
  local outer = core.scope_current()
  local ok, err = xpcall(fn, function(raised)
    at_raise(raised)
    return raised
  end, ...)
  if core.scope_current() ~= outer then return leave_scopes(outer, ok, err) end
  return ok, err
end

-- In a test that was cut off already.
local function call_shielded(this, ...)
  local arguments, count = { ... }, select("#", ...)
  local ok, err
  scope.scope(function(around)
    this.cancel = function() around:cancel() end
    ok, err = call_in_scope(unpack(arguments, 1, count))
  end, { shield = true })
  return ok, err
end

-- In seconds of real time.
local function real_limit(options)
  return core.is_virtual() and options.guard or options.timeout
end

local function begin(options, name)
  local handle = core.task_handle()
  local this = {
    task = handle, outer = running, virtual = core.is_virtual(),
    cancel = function() core.task_cancel(handle) end,
  }
  this.real = real_limit(options)
  running = this
  this.guarded = core.guard_begin(this.real, name, true)
  this.timer = set_timer(this, options.timeout)
  return this
end

local function finish(this)
  if this.timer then core.call_cancel(this.timer) end
  if this.guarded then core.guard_end() end
  running = this.outer
end

--- Calls `fn(...)` in the running task. It is cancelled where it waits when it
-- has not ended in time; then raises an error that says where that was, even if
-- fn swallowed it. What fn raises goes on; `at_raise(err)` is called before, on
-- the stack where it was raised.
---@param options table `timeout`, by the test's clock; `guard`, in real time
---@param name string of the test, for one that cannot be ended
---@param at_raise function
---@param fn function
function limit.call(options, name, at_raise, fn, ...)
  local this = begin(options, name)
  local ok, err
  if core.current_deadline() == -math.huge then
    ok, err = call_shielded(this, at_raise, fn, ...)
  else
    ok, err = call_in_scope(at_raise, fn, ...)
  end
  finish(this)
  if this.err then error(this.err, 0) end
  if not ok then error(err, 0) end
end

--- A test is over. What is still under way was in a task that was given up:
-- returns the error of its limit, if that was over.
---@return table? err
function limit.forget()
  local err
  while running do
    err = err or running.err
    if running.guarded and core.is_running() then core.guard_end() end
    running = running.outer
  end
  if err then
    err.message = err.message .. "\n(it goes on when it is cancelled, again "
      .. "and again, and was given up: a loop swallows CancelledError)"
  end
  return err
end

--- The test is over: what it has left has as long to end as a function of it
-- has, in real time. What does not is named on stderr, and then its shields are
-- lifted: the shutdown waits for it until then. Ends with the runtime.
---@param options table
---@param name string of the test
---@param left string[]? what was found to be left
function limit.guard_rest(options, name, left)
  local text = left and left[1] and ", which left " .. left[1] or ", at its end"
  core.guard_begin(real_limit(options), name .. text, true)
end

--- Calls `fn(...)` outside any task, where it cannot be cut off: it is named on
-- stderr when its time is over. Returns what it returns.
---@param options table
---@param name string
---@param fn function
function limit.call_plain(options, name, fn, ...)
  local guarded = core.guard_begin(options.timeout, name, false)
  local function finish_plain(ok, ...)
    if guarded then core.guard_end() end
    if ok then return ... end
    error((...), 0)
  end
  return finish_plain(pcall(fn, ...))
end

return limit
