--- Parked tasks, cancelled and joined: weft bench/cancel/cancel.lua TASKS
-- Prints the nanoseconds of one cancel and its part of the join (cancel), and
-- the same with the spawning (all).

local weft = require "weft"

local count = tonumber((...))

-- Returns the seconds of it all and of the cancelling, and how many tasks
-- ended cancelled.
local function turns()
  local tasks = {}
  local parked
  local began = weft.now()
  weft.group(function(group)
    for i = 1, count do tasks[i] = group:spawn(weft.sleep_forever) end
    weft.yield()
    parked = weft.now()
    for i = 1, count do tasks[i]:cancel() end
  end)
  local ended = weft.now()
  local cancelled = 0
  for i = 1, count do
    if tasks[i]:cancelled() then cancelled = cancelled + 1 end
  end
  return ended - began, ended - parked, cancelled
end

turns()
collectgarbage()
local all, cancel, cancelled = turns()
assert(cancelled == count, "wrong number of cancellations")
print(("cancel %.3f"):format(cancel / count * 1e9))
print(("all %.3f"):format(all / count * 1e9))
