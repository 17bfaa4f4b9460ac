--- Futures: results that somebody will set by hand.
-- @module weft.future

local callable = require "weft.callable"
local codes = require "weft.codes"
local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local report = require "weft.report"

local future = {}

local PENDING, FINISHED, FAILED, CANCELLED = false, 1, 2, 3
local PARKED = codes.TASK_PARKED

-- A future.
---@class weft.Future
local Future = {}
local metatable = { __name = "weft.Future", __index = Future }

--- Makes a pending future.
---@return weft.Future
function future.new()
  local code, list = core.waitlist_new("future", "weft.future")
  if code then errors.fail(code) end
  return setmetatable({
    state = PENDING,
    list = list,
    guard = core.handle_guard("waitlist", list),
    waiting = {}, -- in order: tables, with `task` in the list, or callback `fn`
  }, metatable)
end

--- Whether `x` is a future.
function future.is_future(x)
  return type(x) == "table" and getmetatable(x) == metatable
end

-- -- Completing ---------------------------------------------------------------

local function call_soon(self, fn)
  local code = core.call_soon(function() return fn(self) end,
    "future:add_done_callback")
  if code then errors.fail(code) end
end

-- Queues a callback with the context variables of when it was added.
local function queue_callback(self, waiter)
  core.context_swap(waiter.context)
  call_soon(self, waiter.fn)
  core.context_swap(waiter.context)
  core.context_close(waiter.context)
end

-- Whether the task still waits: one that was cancelled, but has not run since,
-- is in `waiting`, though no longer in the core's list.
local function is_parked(waiter)
  return select(3, core.task_info(waiter.task)) == PARKED
end

-- Wakes awaiters and queues callbacks in the order in which they came.
local function wake(self)
  local waiting = self.waiting
  self.waiting = {}
  for _, waiter in ipairs(waiting) do
    if waiter.fn then
      queue_callback(self, waiter)
    elseif is_parked(waiter) then
      core.waitlist_wake(self.list)
    end
  end
end

-- Takes all that equal `waiter` out; returns how many.
local function withdraw(self, waiter)
  local kept = {}
  for _, other in ipairs(self.waiting) do
    if other ~= waiter and other.fn ~= waiter then
      kept[#kept + 1] = other
    elseif other.fn then
      core.context_close(other.context)
    end
  end
  local count = #self.waiting - #kept
  self.waiting = kept
  return count
end

local function complete(self, call, state)
  if self.state ~= PENDING then
    errors.fail_state("future:" .. call .. ": the future is done already")
  end
  self.state = state
end

--- Completes the future with results.
function Future:set_result(...)
  complete(self, "set_result", FINISHED)
  self.values = { n = select("#", ...), ... }
  wake(self)
end

-- Failures that nobody has seen, by their futures, which this keeps not alive.
local unseen = setmetatable({}, { __mode = "k" })

local function report_failure(failure)
  report.report(report.FAILURE, "future", failure)
end

-- Sees to it that the failure is reported when the future is collected before
-- anybody has asked. A finaliser only queues the report.
local function watch_failure(self)
  local proxy, failure = newproxy(true), self.failure
  local watch = { failure = failure }
  self.unseen, unseen[self] = proxy, watch
  self.watch = watch
  getmetatable(proxy).__gc = function()
    if watch.seen then return end
    watch.seen = true
    if not core.is_running() then return report_failure(failure) end
    core.call_soon(function() report_failure(failure) end, "weft.future")
  end
end

local function observe(self)
  self.watch.seen = true
  unseen[self] = nil
end

--- At a run's end: reports the failures of futures that nobody has seen.
function future.report_unseen()
  for self, watch in entries(unseen) do
    watch.seen = true
    report_failure(watch.failure)
    unseen[self] = nil
  end
end

--- Completes the future with an error: any value but nil.
---@param err any
function Future:set_error(err)
  if err == nil then
    errors.fail_argument "future:set_error(err): err must not be nil"
  end
  complete(self, "set_error", FAILED)
  self.failure = errors.is_error(err) and err
    or errors.object(err, (debug.traceback("", 2):gsub("^\n", "")))
  errors.leave_by_future(self.failure)
  watch_failure(self)
  wake(self)
end

--- Cancels the future; false if it was done. Its awaiters get a
-- TaskCancelledError with `reason`.
---@param reason any
---@return boolean
function Future:cancel(reason)
  if self.state ~= PENDING then return false end
  self.state = CANCELLED
  self.reason = reason
  wake(self)
  return true
end

-- -- Awaiting and reading -----------------------------------------------------

local function cancelled_error(self)
  return errors.classes.TaskCancelledError("the awaited future was cancelled",
    { reason = self.reason })
end

local function outcome(self)
  if self.state == FINISHED then
    return unpack(self.values, 1, self.values.n)
  end
  if self.state == CANCELLED then
    error(errors.trace(cancelled_error(self)), 0)
  end
  observe(self)
  error(errors.trace(self.failure), 0)
end

--- Waits until the future is done, then returns its results, raises its error
-- or TaskCancelledError. Parks. Cancelling the waiter leaves the future alone.
function Future:await()
  local code
  if self.state ~= PENDING then
    code = core.checkpoint "future:await"
  else
    core.check_park "future:await"
    local waiter = { task = core.task_handle() }
    table.insert(self.waiting, waiter)
    code = core.waitlist_park(self.list, "future:await")
    if code then withdraw(self, waiter) end
  end
  if code then errors.fail(code) end
  return outcome(self)
end

--- Whether the future is done.
---@return boolean
function Future:done() return self.state ~= PENDING end

--- Whether the future was cancelled.
---@return boolean
function Future:cancelled() return self.state == CANCELLED end

local function check_done(self, call)
  if self.state == PENDING then
    errors.fail_state("future:" .. call .. ": the future is not done")
  end
end

--- The results of a future that is done; raises its error.
function Future:result()
  check_done(self, "result")
  return outcome(self)
end

--- The error of a future that is done, nil if it has results.
function Future:error()
  check_done(self, "error")
  if self.state == FINISHED then return nil end
  if self.state == CANCELLED then return cancelled_error(self) end
  observe(self)
  return self.failure
end

--- Has `fn(future)` called, outside any task, once the future is done.
---@param fn fun(future: weft.Future)
function Future:add_done_callback(fn)
  if not callable.is(fn) then
    errors.fail_argument(
      "future:add_done_callback(fn): fn must be a function, got "
        .. errors.shown(fn))
  end
  if self.state ~= PENDING then return call_soon(self, fn) end
  table.insert(self.waiting, { fn = fn, context = core.context_copy() })
end

--- Removes the callbacks equal to `fn` that are not queued yet.
---@param fn function
---@return number count
function Future:remove_done_callback(fn)
  return withdraw(self, fn)
end

return future
