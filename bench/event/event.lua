--- Events that tasks wait on:
--   weft bench/event/event.lua pong WAKES        two tasks wake each other
--   ... crowd WAITERS TIMES      one event wakes them all, a new one each time
-- Prints the nanoseconds of one task woken.

local weft = require "weft"

local work, waiters, times = ...
waiters, times = tonumber(waiters), tonumber(times)

local woken

-- -- Two tasks ----------------------------------------------------------------

local function answer(mine, other, rounds)
  for _ = 1, rounds do
    mine:wait()
    mine:clear()
    woken = woken + 1
    other:set()
  end
end

local function pong(rounds)
  local ping, back = weft.event(), weft.event()
  weft.group(function(group)
    group:spawn(answer, ping, back, rounds)
    group:spawn(answer, back, ping, rounds)
    ping:set()
  end)
  return 2 * rounds
end

-- -- A crowd ------------------------------------------------------------------

local gate, waiting

local function wait(rounds)
  for _ = 1, rounds do
    waiting = waiting + 1
    gate:wait()
    woken = woken + 1
  end
end

local function crowd(rounds)
  gate, waiting = weft.event(), 0
  weft.group(function(group)
    for _ = 1, waiters do group:spawn(wait, rounds) end
    for _ = 1, rounds do
      while waiting < waiters do weft.yield() end
      local full = gate
      gate, waiting = weft.event(), 0
      full:set()
    end
  end)
  return waiters * rounds
end

-- -- Measuring ----------------------------------------------------------------

-- Returns the nanoseconds of one wake.
local function measure(run, rounds)
  woken = 0
  local began = weft.now()
  local wakes = run(rounds)
  local took = weft.now() - began
  assert(woken == wakes, "wrong number of wakes")
  return took / wakes * 1e9
end

local run, rounds = crowd, times
if work == "pong" then run, rounds = pong, math.floor(waiters / 2) end
measure(run, math.floor(rounds / 10))
print(("wake %.3f"):format(measure(run, rounds)))
