--- Background tasks that belong to somebody: who has the manager can list them,
-- is told when one fails, and ends them in good order.
--
-- Lua only, on the public API: the tasks live in the root group, so that the
-- failure of one stops no other; done-callbacks keep the manager's books.
-- @module weft.background

local weft = require "weft"
local entries = require "weft.entries"
local options = require "weft.options"

local background = {}

-- A manager of background tasks.
---@class weft.Background
local Background = {}
local metatable = { __name = "weft.Background", __index = Background }

local kinds = {
  limit = options.count(1, true), on_error = options.func,
  grace = options.seconds,
}

-- The callback of each task's end; it comes before whoever awaits the task.
local function note_done(self, task)
  self.active[task] = nil
  self.count = self.count - 1
  if self.count == 0 then self.all_done:set() end
  if self.places then self.places:release() end
  if not self.on_error or task:cancelled() then return end
  local err = task:error()
  if err then self.on_error(err, task) end
end

--- Makes a manager. opts:
--
-- - `limit`: how many tasks run at once at most; spawn then parks for a place;
-- - `on_error(err, task)`: called, outside any task, for each task that failed;
--   without it a failure that nobody awaits is reported as any other;
-- - `grace`: how long leaving a `weft.with` without error waits for the tasks;
--   nil: as long as they take.
---@param opts table?
---@return weft.Background
function background.new(opts)
  opts = options.check("background", opts, kinds)
  local limit = opts.limit ~= math.huge and opts.limit
  local self = setmetatable({
    places = limit and weft.semaphore(limit), on_error = opts.on_error,
    grace = opts.grace,
    active = {}, count = 0, spawned = 0, -- active: numbers by task
    all_done = weft.event(), closed = false,
  }, metatable)
  self.all_done:set()
  function self.on_done(task) note_done(self, task) end
  return self
end

-- -- Spawning -----------------------------------------------------------------

-- Takes a place. Who waited for one until the manager was shut down gives it on
-- to the next, who fails likewise.
local function reserve(self)
  if self.places then self.places:acquire() end
  if not self.closed then return end
  if self.places then self.places:release() end
  error(weft.trace(weft.ClosedError
    "background:spawn: the manager is shut down"), 0)
end

--- Starts a task. With a limit it parks, and is a cancellation point, until
-- there is a place, first come, first served. Raises ArgumentError, and
-- ClosedError after a shutdown. Cancelled, it started nothing.
---@param fn function|string the function, or a name and then the function
---@param ... any arguments
---@return weft.Task
function Background:spawn(fn, ...)
  local job = fn
  if type(fn) == "string" then job = (...) end
  options.expect("background:spawn(name?, fn, ...): fn", options.func, job)
  reserve(self)
  local ok, task = xpcall(weft.spawn, weft.trace, fn, ...)
  if not ok then
    if self.places then self.places:release() end
    error(task, 0)
  end
  self.spawned = self.spawned + 1
  self.active[task] = self.spawned
  self.count = self.count + 1
  self.all_done:clear()
  task:add_done_callback(self.on_done)
  return task
end

-- -- Looking ------------------------------------------------------------------

--- How many tasks have not ended.
---@return number
function Background:active_count() return self.count end

--- The tasks that have not ended, in the order of their spawning.
---@return weft.Task[]
function Background:tasks()
  local tasks = {}
  for task in entries(self.active) do tasks[#tasks + 1] = task end
  table.sort(tasks, function(a, b) return self.active[a] < self.active[b] end)
  return tasks
end

-- -- Shutting down ------------------------------------------------------------

local function check_not_own(self)
  local task = weft.current_task()
  while task do
    if self.active[task] then
      error(weft.trace(weft.InvalidStateError("background:shutdown: task '"
        .. task:name() .. "' is one of those it would wait for")), 0)
    end
    task = task:parent()
  end
end

--- Takes no more tasks and waits for those there are, `timeout` seconds at most
-- (nil: as long as they take); then it cancels the rest and waits for their
-- end. Returns how many it had to cancel. Parks. Raises InvalidStateError in
-- one of the tasks. Cancelled, it cancels the tasks at once, waits for their
-- end, and only then raises that.
---@param timeout number?
---@return number
function Background:shutdown(timeout)
  if timeout ~= nil then
    options.expect("background:shutdown(timeout): timeout", options.seconds,
      timeout)
  end
  check_not_own(self)
  if not self.closed and self.places then self.places:release() end
  self.closed = true
  local cut_off = 0
  local function wait() self.all_done:wait() end
  weft.finally(function() weft.move_on_after(timeout, wait) end, function()
    for _, task in ipairs(self:tasks()) do
      if task:cancel "shutdown" then cut_off = cut_off + 1 end
    end
    wait()
  end)
  return cut_off
end

--- As shutdown(0), but no cancellation point.
function Background:close()
  weft.shield(function() self:shutdown(0) end)
end

--- For `weft.with`: the manager itself.
function Background:enter() return self end

--- For `weft.with`: waits for the tasks, `grace` seconds at most; after an
-- error it cancels them at once.
---@param err any
function Background:exit(err)
  if err ~= nil then self:shutdown(0)
  else self:shutdown(self.grace) end
end

return background
