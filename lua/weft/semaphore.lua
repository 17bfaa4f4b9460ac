--- Semaphores: permits handed over directly, first come, first served.
-- @module weft.semaphore

local codes = require "weft.codes"
local core = require "weft.core"
local direct = require "weft.direct"
local errors = require "weft.error"
local primitive = require "weft.primitive"
local scope = require "weft.scope"

local check_function, is_count = scope.check_function, scope.is_count
local budget, is_running = direct.budget, direct.is_running
local try_acquire = direct.call "weft_semaphore_try_acquire"
local release = direct.call "weft_semaphore_release"

local semaphore = {}

local OK, EEMPTY, ESTATE = 0, codes.EEMPTY, codes.ESTATE

-- A semaphore.
---@class weft.Semaphore
local Semaphore, metatable = primitive.class("semaphore", "weft.Semaphore")
primitive.make_resource(Semaphore)

local function make(call, permits, bound)
  if not is_count(permits, 0) then
    errors.fail_argument(call .. "(n): n must be a whole number of 0 or more, "
      .. "below 2^53, got " .. errors.shown(permits), 3)
  end
  return primitive.new(metatable, core.semaphore_new(permits, bound))
end

--- Makes a semaphore with `permits` permits.
---@param permits number
---@return weft.Semaphore
function semaphore.new(permits)
  local object = make("semaphore", permits, 0)
  return object -- no tail call: errors count the frames
end

--- Makes one that never has more than the permits it began with: the release
-- that would add one is an InvalidStateError.
---@param permits number
---@return weft.Semaphore
function semaphore.bounded(permits)
  local object = make("bounded_semaphore", permits, permits)
  object.bound = permits
  object.is_void = permits == 0 -- to the core a bound of 0 is none
  return object
end

--- Takes a permit. Parks while there is none. Cancelled, it took none.
function Semaphore:acquire()
  local left = budget[0][0]
  if left == 1 then left = direct.renew "semaphore:acquire" end
  if left > 1 and try_acquire(self.handle) == OK then
    budget[0][0] = left - 1
    return
  end
  local code = core.semaphore_acquire(self.handle)
  if code then primitive.fail(self, "acquire", code) end
end

--- Takes a permit if one is free and nobody waits for it.
---@return boolean
function Semaphore:try_acquire()
  local code = core.semaphore_try_acquire(self.handle)
  if code and code ~= EEMPTY then primitive.fail(self, "try_acquire", code) end
  return not code
end

--- Gives a permit to the first who waits, or back.
function Semaphore:release()
  local code = self.is_void and ESTATE or is_running() and release(self.handle)
    or core.semaphore_release(self.handle)
  if code ~= OK then
    primitive.fail(self, "release", code,
      "semaphore:release: released more often than acquired")
  end
end

--- Whether no permit is free.
---@return boolean
function Semaphore:locked() return self:value() == 0 end

--- The number of free permits.
---@return number
function Semaphore:value()
  local code, permits = core.semaphore_value(self.handle)
  if code then primitive.fail(self, "value", code) end
  return permits
end

--- Acquires, calls `fn()`, releases on every way out; returns fn's results, or
-- raises its error. Parks. Cancelled while it waits, it took no permit and fn
-- was not called.
---@param fn function
function Semaphore:with(fn)
  check_function(fn, "semaphore:with(fn): fn")
  self:acquire()
  return primitive.leave(self, xpcall(fn, errors.trace))
end

--- All of it in one table: `value`, `bound` (of a bounded one), and `waiting`,
-- the number of tasks that wait.
---@return table
function Semaphore:statistics()
  local value = self:value()
  local _, waiting = core.semaphore_waiting(self.handle)
  return { value = value, bound = self.bound, waiting = waiting }
end

return semaphore
