--- Coroutines that sleep 0 to 1000 ms by timers of luv:
--   luajit bench/sleepers/luv.lua TASKS
-- Prints the CPU seconds and the peak megabytes of the process.

local coroutines = dofile "bench/peers/coroutines.lua"
local usage = dofile "bench/usage.lua"
local uv = require "luv"

local tasks = tonumber((...))
local woken = 0

local function sleep(milliseconds)
  local timer = uv.new_timer()
  coroutines.wait(function(done) timer:start(milliseconds, 0, done) end)
  timer:close()
end

coroutines.run(tasks, function(task)
  sleep(task % 1001)
  woken = woken + 1
end)
assert(woken == tasks, "a sleeper has not woken")
print(("cpu %.4f"):format(usage.cpu()))
print(("peak %.2f"):format(usage.peak_bytes() / 1e6))
