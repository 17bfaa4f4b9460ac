--- Tasks that sleep 0 to 1000 ms: weft bench/sleepers/sleepers.lua TASKS
-- Prints the CPU seconds and the peak megabytes of the process.

local weft = require "weft"
local usage = dofile "bench/usage.lua"

local tasks = tonumber((...))

local woken = 0

local function sleeper(seconds)
  weft.sleep(seconds)
  woken = woken + 1
end

weft.group(function(group)
  for task = 1, tasks do group:spawn(sleeper, task % 1001 / 1000) end
end)
assert(woken == tasks, "a sleeper has not woken")
print(("cpu %.4f"):format(usage.cpu()))
print(("peak %.2f"):format(usage.peak_bytes() / 1e6))
