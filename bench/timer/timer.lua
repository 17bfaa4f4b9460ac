--- Timeouts, and tasks that sleep.
--   weft bench/timer/timer.lua scope TASKS TIMES   entered and left
--   ... yield TASKS TIMES    with a weft.yield inside
--   ... fires TASKS TIMES    of 1 ms, waited for, in CPU time
--   ... sleepers TASKS       0 to 1000 ms: CPU seconds, peak MB

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

local function timeouts()
  local clock = work == "fires" and usage.cpu or weft.now
  turns(math.floor(times / 10) + 1)
  good = 0
  local began = clock()
  turns(times)
  local took = clock() - began
  assert(good == tasks * times, "wrong number of timeouts")
  print(("timeout %.3f"):format(took / good * 1e9))
end

local function sleeper(seconds)
  weft.sleep(seconds)
  good = good + 1
end

local function sleepers()
  weft.group(function(group)
    for task = 1, tasks do group:spawn(sleeper, task % 1001 / 1000) end
  end)
  assert(good == tasks, "a sleeper has not woken")
  print(("cpu %.4f"):format(usage.cpu()))
  print(("peak %.2f"):format(usage.peak_bytes() / 1e6))
end

if work == "sleepers" then sleepers() else timeouts() end
