--- The clock, sleeping, and letting others run.
-- @module weft.time

local core = require "weft.core"
local errors = require "weft.error"
local check_time = require("weft.scope").check_time

local time = {}

local core_yield, core_sleep = core.yield, core.sleep
local fail = errors.fail

--- The runtime's monotonic clock in seconds, read at the call.
---@return number
function time.now() return core.now() end

--- Waits `seconds`, then returns `result`; zero or less is `yield`. Parks.
---@param seconds number
---@param result any
---@return any result
function time.sleep(seconds, result)
  if type(seconds) ~= "number" or seconds ~= seconds then
    check_time(seconds, "sleep(seconds): seconds")
  end
  local code = core_sleep(seconds)
  if code then fail(code) end
  return result
end

--- Waits until `when`, a time of `now()`'s clock. Parks.
---@param when number
function time.sleep_until(when)
  check_time(when, "sleep_until(time): time")
  local code = core.sleep_until(when)
  if code then fail(code) end
end

--- Waits until the task is cancelled. Parks.
function time.sleep_forever()
  local code = core.sleep_until(math.huge)
  if code then fail(code) end
end

--- Lets every ready task run once. Parks.
function time.yield()
  local code = core_yield()
  if code then fail(code) end
end

--- A cancellation point that does nothing else. Parks only when the run budget
-- is used up.
function time.checkpoint()
  local code = core.checkpoint "weft.checkpoint"
  if code then fail(code) end
end

return time
