--- Every: a function called again and again, at even intervals.
--
-- The times are counted from the beginning, so that neither the function's own
-- time nor a late wake-up adds up.
-- @module weft.every

local weft = require "weft"
local options = require "weft.options"

local every = {}

local kinds = { immediate = options.flag, count = options.count(1, true) }

local function period(value)
  if options.positive(value) or value == math.huge then
    return "a finite number of seconds above 0"
  end
end

local SLACK = 1e-6 -- seconds; clocks round

-- The number of the next tick after tick `i`: the ones whose time has passed
-- are missed, but not one whose time is now.
local function next_tick(i, began, seconds)
  local gone = weft.now() - began - SLACK
  return math.max(i + 1, math.ceil(gone / seconds))
end

--- Calls `fn(n, missed)` every `seconds` in this task: n counts the calls,
-- `missed` says how many ticks were left out just before, because the call
-- before took longer than its period. The next tick is always a whole number of
-- periods after the beginning. opts: `immediate`: the first call comes now, not
-- after one period; `count`: so many calls, then it returns, with the number of
-- ticks missed in all; default: it goes on until it is cancelled, or fn raises.
--
-- Parks before each call. Raises ArgumentError, and what fn raises.
---@param seconds number
---@param fn fun(n: number, missed: number)
---@param opts table?
---@return number missed
function every.every(seconds, fn, opts)
  options.expect("every(seconds, fn, opts): seconds", period, seconds)
  options.expect("every(seconds, fn, opts): fn", options.func, fn)
  opts = options.check("every", opts, kinds)
  local began, missed, all_missed = weft.now(), 0, 0
  local tick = opts.immediate and 0 or 1
  for n = 1, opts.count or math.huge do
    weft.sleep_until(began + tick * seconds)
    all_missed = all_missed + missed
    fn(n, missed)
    local following = next_tick(tick, began, seconds)
    missed = following - tick - 1
    tick = following
  end
  return all_missed
end

return every
