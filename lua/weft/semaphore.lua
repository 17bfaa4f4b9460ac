--- Semaphores: permits handed over directly, first come, first served.
-- @module weft.semaphore

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local scope = require "weft.scope"

local check_function, is_count = scope.check_function, scope.is_count

local semaphore = {}

local ESTATE = codes.ESTATE

-- A semaphore.
---@class weft.Semaphore
local Semaphore = {}
local metatable = { __name = "weft.Semaphore", __index = Semaphore }

local function make(call, permits, bound)
  if not is_count(permits, 0) then
    errors.fail_argument(call .. "(n): n must be a whole number of 0 or more, "
      .. "below 2^53, got " .. errors.shown(permits), 3)
  end
  local code, handle = core.semaphore_new(permits, bound)
  if code then errors.fail(code) end
  return setmetatable({
    handle = handle, guard = core.handle_guard("semaphore", handle),
  }, metatable)
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
  object.is_void = permits == 0 -- to the core a bound of 0 is none
  return object
end

--- Takes a permit. Parks while there is none. Cancelled, it took none.
function Semaphore:acquire()
  local code = core.semaphore_acquire(self.handle)
  if code then errors.fail(code) end
end

--- Takes a permit if one is free and nobody waits for it.
---@return boolean
function Semaphore:try_acquire()
  return core.semaphore_try_acquire(self.handle) == nil
end

--- Gives a permit to the first who waits, or back.
function Semaphore:release()
  local code = self.is_void and ESTATE or core.semaphore_release(self.handle)
  if code then
    errors.fail(code, "semaphore:release: released more often than acquired")
  end
end

--- Whether no permit is free.
---@return boolean
function Semaphore:locked() return self:value() == 0 end

--- The number of free permits.
---@return number
function Semaphore:value() return core.semaphore_value(self.handle) end

local function release(self, ok, ...)
  self:release()
  if not ok then error((...), 0) end
  return ...
end

--- Acquires, calls `fn()`, releases on every way out; returns fn's results, or
-- raises its error. Parks. Cancelled while it waits, it took no permit and fn
-- was not called.
---@param fn function
function Semaphore:with(fn)
  check_function(fn, "semaphore:with(fn): fn")
  self:acquire()
  return release(self, xpcall(fn, errors.trace))
end

return semaphore
