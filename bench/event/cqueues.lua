--- cqueues conditions that coroutines wait on:
--   luajit bench/event/cqueues.lua pong WAKES     two wake each other
--   ... crowd WAITERS TIMES      one condition wakes them all
-- A condition has no flag, so an event is one with a flag beside it. Prints the
-- nanoseconds of one coroutine woken.

local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local usage = dofile "bench/usage.lua"

local work, waiters, times = ...
waiters, times = tonumber(waiters), tonumber(times)

local woken

local function new_event(set)
  return { condition = condition.new(), is_set = set }
end

local function answer(mine, other, rounds)
  for _ = 1, rounds do
    while not mine.is_set do mine.condition:wait() end
    mine.is_set = false
    woken = woken + 1
    other.is_set = true
    other.condition:signal()
  end
end

local function pong(rounds)
  local queue = cqueues.new()
  local ping, back = new_event(true), new_event(false)
  queue:wrap(answer, ping, back, rounds)
  queue:wrap(answer, back, ping, rounds)
  assert(queue:loop())
  return 2 * rounds
end

local function crowd(rounds)
  local queue = cqueues.new()
  local gate, waiting = condition.new(), 0
  for _ = 1, waiters do
    queue:wrap(function()
      for _ = 1, rounds do
        waiting = waiting + 1
        gate:wait()
        woken = woken + 1
      end
    end)
  end
  queue:wrap(function()
    for _ = 1, rounds do
      while waiting < waiters do cqueues.sleep(0) end
      waiting = 0
      gate:signal()
    end
  end)
  assert(queue:loop())
  return waiters * rounds
end

-- Returns the nanoseconds of one wake.
local function measure(run, rounds)
  woken = 0
  local began = usage.now()
  local wakes = run(rounds)
  local took = usage.now() - began
  assert(woken == wakes, "wrong number of wakes")
  return took / wakes * 1e9
end

local run, rounds = crowd, times
if work == "pong" then run, rounds = pong, math.floor(waiters / 2) end
measure(run, math.floor(rounds / 10))
print(("wake %.3f"):format(measure(run, rounds)))
