--- Conditions: tasks that wait, under a lock, for something to change.
--
--     local ready = weft.condition()
--     ready:with(function()               -- who waits
--       ready:wait_for(function() return #items > 0 end)
--       take(items)
--     end)
--     ready:with(function()               -- who changes it
--       put(items)
--       ready:notify()
--     end)
-- @module weft.condition

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local lock = require "weft.lock"
local primitive = require "weft.primitive"
local scope = require "weft.scope"

local check_function = scope.check_function

local condition = {}

local EBADF, ECLOSED, ESTATE = codes.EBADF, codes.ECLOSED, codes.ESTATE

-- A condition.
---@class weft.Condition
---@field lock weft.Lock
local Condition, metatable = primitive.class("condition", "weft.Condition")
primitive.make_resource(Condition)

--- Makes a condition of `of`, which several may share, or of a lock of its own.
---@param of weft.Lock?
---@return weft.Condition
function condition.new(of)
  if of ~= nil and not lock.is_lock(of) then
    errors.fail_argument("condition(lock): lock must be a weft.lock(), got "
      .. errors.shown(of))
  end
  local owns_lock = of == nil
  of = of or lock.new()
  local code, handle = core.condition_new(of.handle)
  if code == EBADF then
    errors.fail(ECLOSED, "condition(lock): the lock is closed")
  end
  local object = primitive.new(metatable, code, handle)
  object.lock, object.owns_lock = of, owns_lock
  return object
end

local close = Condition.close

--- Wakes those who wait, with ClosedError, and closes the lock too if it is the
-- condition's own.
function Condition:close()
  close(self)
  if self.owns_lock then self.lock:close() end
end

local function fail(self, call, code)
  if code == ECLOSED and self.lock.closed and not self.closed then
    errors.fail(ECLOSED,
      "condition:" .. call .. ": the condition's lock is closed")
  end
  primitive.fail(self, call, code, code == ESTATE
    and lock.not_owner_text(self.lock, "condition:" .. call))
end

-- -- Waiting and notifying ----------------------------------------------------

local function wait(self, call)
  local code = core.condition_wait(self.handle, "condition:" .. call)
  if code then fail(self, call, code) end
  return true
end

local function notify(self, count, call)
  local code = core.condition_notify(self.handle, count, "condition:" .. call)
  if code then fail(self, call, code) end
end

--- Releases the lock, waits to be notified, and takes the lock again; true.
-- Parks. Cancelled, it took no notification, and raises with the lock held.
-- Raises InvalidStateError unless this task has the lock.
---@return boolean
function Condition:wait() return wait(self, "wait") end

-- Waits until pred() is true. If that ends by an error after a notification was
-- taken, the next who waits gets that: nobody else knows of it.
local function wait_until(self, pred)
  local notified, value = false, nil
  local ok, err = xpcall(function()
    repeat
      wait(self, "wait_for")
      notified = true
      value = pred()
    until value
  end, errors.trace)
  if ok then return value end
  if notified then
    core.condition_notify(self.handle, 1, "condition:wait_for")
  end
  error(err, 0)
end

--- Waits until `pred()`, which is called under the lock, at first and after
-- each notification, is true; returns its value. Parks. Raises as wait does.
---@param pred fun(): any
---@return any
function Condition:wait_for(pred)
  check_function(pred, "condition:wait_for(pred): pred")
  notify(self, 0, "wait_for") -- complains if this task has not the lock
  local code = core.checkpoint "condition:wait_for"
  if code then errors.fail(code) end
  return pred() or wait_until(self, pred)
end

--- Lets the first `n` (default 1) who wait go on, in their order, as the lock
-- becomes free; more than there are is fine. Raises InvalidStateError unless
-- this task has the lock.
---@param n number?
function Condition:notify(n)
  if n == nil then n = 1 end
  if not scope.is_count(n, 0) then
    errors.fail_argument("condition:notify(n): n must be a whole number of 0 "
      .. "or more, below 2^53, got " .. errors.shown(n))
  end
  notify(self, n, "notify")
end

--- Lets all who wait go on, as notify does.
function Condition:notify_all() notify(self, nil, "notify_all") end

-- -- The lock -----------------------------------------------------------------

--- Takes the lock, as `lock:acquire` does. Parks.
function Condition:acquire() self.lock:acquire() end

--- Takes the lock if it is free; whether it did.
---@return boolean
function Condition:try_acquire() return self.lock:try_acquire() end

--- Releases the lock.
function Condition:release() self.lock:release() end

--- Whether a task has the lock.
---@return boolean
function Condition:locked() return self.lock:locked() end

--- The task that has the lock, if any.
---@return weft.Task?
function Condition:owner() return self.lock:owner() end

--- Calls `fn()` with the lock held, as `lock:with` does. Parks.
---@param fn function
function Condition:with(fn)
  check_function(fn, "condition:with(fn): fn")
  return self.lock:with(fn)
end

--- The number of tasks that wait to be notified, as `waiting`, and what
-- `lock:statistics` says of the lock, as `lock`.
---@return table
function Condition:statistics()
  local code, waiting = core.condition_waiting(self.handle)
  if code then primitive.fail(self, "statistics", code) end
  return { waiting = waiting, lock = self.lock:statistics() }
end

return condition
