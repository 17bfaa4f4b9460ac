--- Timeouts that are left, or fire:
--   weft bench/timeout/timeout.lua scope TASKS TIMES   entered and left
--   ... yield TASKS TIMES    with a weft.yield inside
--   ... fires TASKS TIMES    of 1 ms, waited for, in CPU time
-- Prints the nanoseconds of one timeout.

local weft = require "weft"
local usage = dofile "bench/usage.lua"

local work, tasks, times = ...
tasks, times = tonumber(tasks), tonumber(times)

local good = 0

local function nothing() end

local bodies = {}

function bodies.scope(rounds)
  for _ = 1, rounds do weft.timeout(60, nothing) end
  good = good + rounds
end

function bodies.yield(rounds)
  for _ = 1, rounds do weft.timeout(60, weft.yield) end
  good = good + rounds
end

function bodies.fires(rounds)
  for _ = 1, rounds do
    local ok, err = pcall(weft.timeout, 0.001, weft.sleep_forever)
    if not ok and err.name == "TimeoutError" then good = good + 1 end
  end
end

local function turns(rounds)
  weft.group(function(group)
    for _ = 1, tasks do group:spawn(bodies[work], rounds) end
  end)
end

local clock = work == "fires" and usage.cpu or weft.now
turns(math.floor(times / 10) + 1)
good = 0
local began = clock()
turns(times)
local took = clock() - began
assert(good == tasks * times, "wrong number of timeouts")
print(("timeout %.3f"):format(took / good * 1e9))
