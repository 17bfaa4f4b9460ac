--- Waits of cqueues that end by their timeout:
--   luajit bench/timeout/cqueues.lua fires TASKS TIMES   of 1 ms, in CPU time
-- A timeout is an argument of each wait there, so none is entered and left.
-- Prints the nanoseconds of one timeout.

local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local usage = dofile "bench/usage.lua"

local work, tasks, times = ...
assert(work == "fires", "cqueues has no timeout to enter and leave")
tasks, times = tonumber(tasks), tonumber(times)

local good

local function body(rounds)
  local never = condition.new()
  for _ = 1, rounds do
    if not never:wait(0.001) then good = good + 1 end
  end
end

local function turns(rounds)
  local queue = cqueues.new()
  good = 0
  for _ = 1, tasks do queue:wrap(body, rounds) end
  assert(queue:loop())
end

turns(math.floor(times / 10) + 1)
local began = usage.cpu()
turns(times)
local took = usage.cpu() - began
assert(good == tasks * times, "wrong number of timeouts")
print(("timeout %.3f"):format(took / good * 1e9))
