--- Cron: a function called at times of the calendar.
--
-- Which times these are is in weft.cron_expression; here they are waited for.
-- @module weft.cron

local weft = require "weft"
local cron_expression = require "weft.cron_expression"
local options = require "weft.options"

local cron = {}

local NAP = 60 -- the wall clock may be set; so often it is looked at

--- Makes a schedule of an expression: cron_expression.parse.
cron.parse = cron_expression.parse

--- Calls `fn(time)` at each time that the expression, or a schedule made by
-- `cron.parse`, says, in this task, until it is cancelled or fn raises. `time`
-- is when it was due. Times that come while fn runs are left out. `clock` gives
-- the time of day in seconds, as os.time does, which is the default.
--
-- Parks before each call. Raises ArgumentError, and what fn raises.
---@param expression string|weft.CronSchedule
---@param fn fun(time: number)
---@param clock (fun(): number)?
function cron.cron(expression, fn, clock)
  local schedule = expression
  if not cron_expression.is_schedule(schedule) then
    schedule = cron.parse(expression)
  end
  options.expect("cron(expression, fn, clock): fn", options.func, fn)
  clock = clock or function() return os.time() end
  options.expect("cron(expression, fn, clock): clock", options.func, clock)
  while true do
    local due = schedule:next(clock())
    repeat
      weft.sleep(math.min(due - clock(), NAP))
    until clock() >= due
    fn(due)
  end
end

return cron
