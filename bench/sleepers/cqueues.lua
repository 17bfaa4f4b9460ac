--- Coroutines of cqueues that sleep 0 to 1000 ms:
--   luajit bench/sleepers/cqueues.lua TASKS
-- Prints the CPU seconds and the peak megabytes of the process.

local cqueues = require "cqueues"
local usage = dofile "bench/usage.lua"

local tasks = tonumber((...))
local woken = 0

local queue = cqueues.new()
for task = 1, tasks do
  queue:wrap(function()
    cqueues.sleep(task % 1001 / 1000)
    woken = woken + 1
  end)
end
assert(queue:loop())
assert(woken == tasks, "a sleeper has not woken")
print(("cpu %.4f"):format(usage.cpu()))
print(("peak %.2f"):format(usage.peak_bytes() / 1e6))
