--- Executors: what runs functions beside the runtime.
-- @module weft.executor

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local many = require "weft.many"
local opened = require "weft.opened"
local options = require "weft.options"
local scope = require "weft.scope"
local semaphore = require "weft.semaphore"
local task = require "weft.task"
local thread = require "weft.thread"

local executor = {}

local ECLOSED = codes.ECLOSED
local AT_ONCE = 4 -- so many times the workers, map has calls under way

-- Worker threads, each with a Lua state of its own, kept warm.
---@class weft.Executor
local Executor = {}
local metatable = { __name = "weft.Executor", __index = Executor }

local KINDS = {
  workers = options.count(1),
  queue = options.count(0, true),
}
local SHUTDOWN = { wait = options.flag, cancel = options.flag }

local function describe_open(self)
  if self.closed or self.run_id ~= core.run_id() then return nil end
  return "an executor of worker threads"
end

--- Makes an executor of at most `workers` threads, by default one for each
-- processor, which are started as they are needed and stay until it is shut
-- down. `queue` is how many calls may wait for a thread; who brings another
-- waits for room. Raises ArgumentError, and InvalidStateError without a
-- runtime.
---@param opts table? `workers`, `queue`
---@return weft.Executor
function executor.threads(opts)
  opts = options.check("executor.threads(opts)", opts, KINDS)
  local workers = opts.workers or core.processors()
  local code, pool = core.workers_new(workers, nil, "weft.executor.threads")
  if code then errors.fail(code) end
  local bounded = opts.queue and opts.queue < math.huge
  local self = setmetatable({
    pool = pool,
    workers = workers,
    places = bounded and semaphore.new(workers + opts.queue) or nil,
    places_max = bounded and workers + opts.queue or math.huge,
    run_id = core.run_id(),
    completed = 0,
    closed = false,
  }, metatable)
  opened.note(self, describe_open)
  return self -- no tail call: errors count the frames
end

-- -- Calls --------------------------------------------------------------------

local function fail_closed(call)
  local code = core.cancel_point(call)
  errors.fail(code or ECLOSED, call .. ": the executor is shut down")
end

-- The end of a run shuts its executors down.
local function is_closed(self)
  return self.closed or self.run_id ~= core.run_id()
end

-- Waits for a place in the queue or in a thread.
local function enter(self, call)
  if is_closed(self) then fail_closed(call) end
  if not self.places then return end
  local ok, err = pcall(self.places.acquire, self.places)
  if ok then return end
  if is_closed(self) and not errors.is_cancelled(err) then fail_closed(call) end
  error(err, 0)
end

local function leave(self, ok, ...)
  self.completed = self.completed + 1
  if self.places and not is_closed(self) then self.places:release() end
  if ok then return ... end
  error((...), 0)
end

-- Runs a call that has its place.
local function run_packed(self, call, parcel, abandon)
  return leave(self, xpcall(thread.run_packed, errors.trace, call, self.pool,
    parcel, abandon))
end

local function run(self, call, abandon, fn, ...)
  local parcel = thread.pack(call, fn, ...)
  core.check_park(call)
  enter(self, call)
  return run_packed(self, call, parcel, abandon)
end

--- Calls `fn(...)` in a worker and returns its results or raises its error.
-- What is copied, and how it is cancelled, is as in weft.to_thread. Parks.
-- Raises ArgumentError, and ClosedError once the executor is shut down.
---@param fn function|table fn, or `{ abandon_on_cancel = true }` before it
---@param ... any
function Executor:run(fn, ...)
  return run(self, "executor:run", thread.part("executor:run", fn, ...))
end

local function await(self, call, parcel)
  return leave(self, xpcall(thread.await, errors.trace, call, parcel))
end

-- Queues a call that has its place: it comes before what is brought later.
local function start(self, call, parcel, abandon)
  thread.start(call, self.pool, parcel, abandon)
  return task.spawn(await, self, call, parcel)
end

local function submit(self, abandon, fn, ...)
  local call = "executor:submit"
  local parcel = thread.pack(call, fn, ...)
  local code = core.cancel_point(call)
  if code then errors.fail(code) end
  enter(self, call)
  if not self.places then core.spend(call) end
  return start(self, call, parcel, abandon)
end

--- Has `fn(...)` called in a worker and returns a task at once, whose results
-- or error are those of the call. Waits only while the queue is full. A
-- background task, as by weft.spawn: a failure that nobody asks for is
-- reported. Cancelling it takes back a call that waits for a thread. Parks.
---@param fn function|table fn, or `{ abandon_on_cancel = true }` before it
---@param ... any
---@return weft.Task
function Executor:submit(fn, ...)
  return submit(self, thread.part("executor:submit", fn, ...))
end

local function try_submit(self, abandon, fn, ...)
  local call = "executor:try_submit"
  local parcel = thread.pack(call, fn, ...)
  if is_closed(self) then
    errors.fail(ECLOSED, call .. ": the executor is shut down")
  end
  if self.places and not self.places:try_acquire() then
    error(errors.trace(errors.classes.QueueFull(call
      .. ": every worker is busy and the queue is full; submit waits for room"
      )), 0)
  end
  return start(self, call, parcel, abandon)
end

--- As submit, but raises QueueFull where that would wait.
---@param fn function|table
---@param ... any
---@return weft.Task
function Executor:try_submit(fn, ...)
  return try_submit(self, thread.part("executor:try_submit", fn, ...))
end

--- Calls `fn(item)` for each in a worker and returns the first results in
-- order, with field `n`, as weft.map does. The first failure takes back what
-- has not begun, waits for the rest, and is raised. Parks.
---@param items table|function a list or an iterator
---@param fn function
---@param opts table? `limit`, how many calls are under way at once, by default
-- four for each worker; `return_errors`
---@return table
function Executor:map(items, fn, opts)
  scope.check_function(fn, "executor:map(items, fn): fn")
  opts = scope.check_options(opts, "executor:map(items, fn, opts)",
    { "limit", "return_errors" })
  local limit = opts.limit or math.min(AT_ONCE * self.workers, self.places_max)
  return many.map(items, function(item)
    return run(self, "executor:map", false, fn, item)
  end, { limit = limit, return_errors = opts.return_errors })
end

-- -- The end ------------------------------------------------------------------

--- Ends the executor: it takes no more calls, who waits to bring one gets
-- ClosedError. Waits until all others have ended, and the threads too, unless
-- `wait` is false. With `cancel` those that have not begun get ClosedError.
-- More than once is fine. Parks, unless `wait` is false; cancelled, the
-- executor stays shut down.
---@param opts table? `wait`, `cancel`
function Executor:shutdown(opts)
  opts = options.check("executor:shutdown(opts)", opts, SHUTDOWN)
  if opts.wait ~= false then core.check_park "executor:shutdown" end
  local was_closed = is_closed(self)
  self.closed = true
  if self.places and not was_closed then self.places:close() end
  core.workers_shutdown(self.pool, opts.cancel or false)
  if opts.wait == false then return end
  local code = core.workers_join(self.pool)
  if code then errors.fail(code) end
end

--- For weft.with: shuts down and waits; after an error, what has not begun is
-- taken back.
function Executor:enter() return self end

function Executor:exit(err)
  self:shutdown { wait = true, cancel = err ~= nil }
end

--- What the executor does: `workers` (the most), `threads` (there are),
-- `running`, `queued` (waiting for a thread), `waiting` (tasks that wait for
-- room), `completed` (calls that have ended, in whichever way).
---@return table
function Executor:statistics()
  local threads, running, queued = core.workers_counts(self.pool)
  local places = self.places and not is_closed(self)
    and self.places:statistics()
  return {
    workers = self.workers,
    threads = threads or 0,
    running = running or 0,
    queued = queued or 0,
    waiting = places and places.waiting or 0,
    completed = self.completed,
  }
end

return executor
