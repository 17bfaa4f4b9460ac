--- Locks: mutual exclusion between tasks, handed over directly, first come,
-- first served. A lock has an owner, who alone may release it.
-- @module weft.lock

local codes = require "weft.codes"
local core = require "weft.core"
local direct = require "weft.direct"
local errors = require "weft.error"
local primitive = require "weft.primitive"
local scope = require "weft.scope"

local check_function = scope.check_function
local core_acquire, core_release = core.lock_acquire, core.lock_release
local budget, is_running = direct.budget, direct.is_running
local try_acquire = direct.call "weft_lock_try_acquire"
local release = direct.call "weft_lock_release"

local lock = {}

local OK, EEMPTY, ESTATE = 0, codes.EEMPTY, codes.ESTATE

-- A lock.
---@class weft.Lock
local Lock, metatable = primitive.class("lock", "weft.Lock")
primitive.make_resource(Lock)

--- Makes a free lock.
---@return weft.Lock
function lock.new()
  return primitive.new(metatable, core.lock_new())
end

--- Whether `x` is a lock.
---@return boolean
function lock.is_lock(x)
  return type(x) == "table" and getmetatable(x) == metatable
end

-- -- What is wrong ------------------------------------------------------------

-- Why `call` cannot be in the lock's present state; nil if it is not broken.
local function broken_text(self, call)
  local _, name = core.lock_broken(self.handle)
  return name and ("%s: the lock is broken: task '%s' ended without releasing "
    .. "it, so nobody knows the state of what it guarded"):format(call, name)
end

--- Who has the lock, in words.
---@return string
function lock.holder_text(self)
  local _, owned, owner = core.lock_owner(self.handle)
  if not owned then return "it is free" end
  return owner and ("task '%s' has it"):format(owner:name())
    or "a task of another language has it"
end

--- What ESTATE means in the method `call`, which is for the lock's owner.
---@param self weft.Lock
---@param call string "condition:wait"
---@return string
function lock.not_owner_text(self, call)
  return broken_text(self, call)
    or ("%s: only the task that has the lock may do that; %s")
      :format(call, lock.holder_text(self))
end

local function fail_acquire(self, call, code)
  return primitive.fail(self, call, code, broken_text(self, "lock:" .. call)
    or "lock:" .. call .. ": this task has the lock already")
end

-- -- Taking and giving back ---------------------------------------------------

--- Takes the lock. Parks while another task has it. Cancelled, it was not
-- taken. Raises InvalidStateError if this task has it already, or if the lock
-- is broken: a task that had it has ended.
function Lock:acquire()
  local left = budget[0][0]
  if left == 1 then left = direct.renew "lock:acquire" end
  if left > 1 and try_acquire(self.handle) == OK then
    budget[0][0] = left - 1
    return
  end
  local code = core_acquire(self.handle)
  if code then fail_acquire(self, "acquire", code) end
end

--- Takes the lock if it is free; whether it did. Raises as acquire does.
---@return boolean
function Lock:try_acquire()
  local code = core.lock_try_acquire(self.handle)
  if not code then return true end
  if code == EEMPTY then return false end
  return fail_acquire(self, "try_acquire", code)
end

--- Hands the lock to the first who waits, else frees it. Raises
-- InvalidStateError unless this task has it.
function Lock:release()
  local code = is_running() and release(self.handle)
    or core_release(self.handle)
  if code ~= OK then
    primitive.fail(self, "release", code, code == ESTATE
      and lock.not_owner_text(self, "lock:release"))
  end
end

-- A lock that was broken while fn waited on its condition is not this task's
-- any more, which is what fn has raised.
local function leave(self, ok, ...)
  if ok or not broken_text(self, "lock:with") then
    return primitive.leave(self, ok, ...)
  end
  error((...), 0)
end

--- Acquires, calls `fn()`, releases on every way out; returns fn's results, or
-- raises its error. Parks. Cancelled while it waits, it did not take the lock,
-- and fn was not called.
---@param fn function
function Lock:with(fn)
  check_function(fn, "lock:with(fn): fn")
  self:acquire()
  return leave(self, xpcall(fn, errors.trace))
end

-- -- Looking ------------------------------------------------------------------

local function owner_of(self, call)
  local code, owned, owner = core.lock_owner(self.handle)
  if code then primitive.fail(self, call, code) end
  return owned, owner
end

--- Whether a task has the lock, from the hand-off on.
---@return boolean
function Lock:locked() return (owner_of(self, "locked")) end

--- The task that has the lock, from the hand-off on; nil if it is free, or if
-- that is a task of another language.
---@return weft.Task?
function Lock:owner() return (select(2, owner_of(self, "owner"))) end

--- The name of the task that broke the lock, by ending while it had it; nil if
-- the lock is not broken. A broken lock is so for good.
---@return string?
function Lock:broken()
  local code, name = core.lock_broken(self.handle)
  if code then primitive.fail(self, "broken", code) end
  return name
end

--- All of this in one table: `locked`, `owner`, `broken`, and `waiting`, the
-- number of tasks that wait.
---@return table
function Lock:statistics()
  local locked, owner = owner_of(self, "statistics")
  local _, waiting = core.lock_waiting(self.handle)
  return {
    locked = locked, owner = owner, broken = self:broken(), waiting = waiting,
  }
end

return lock
