--- Tasks that yield in turn: weft bench/switch/switch.lua TASKS SWITCHES
-- Prints the nanoseconds of one weft.yield.

local weft = require "weft"

local tasks, switches = ...
tasks, switches = tonumber(tasks), tonumber(switches)

local done = 0

local function body(rounds)
  local yield = weft.yield
  for _ = 1, rounds do yield() end
  done = done + rounds
end

-- Returns how long `tasks` tasks took to yield `rounds` times each.
local function turns(rounds)
  local began = weft.now()
  weft.group(function(group)
    for _ = 1, tasks do group:spawn(body, rounds) end
  end)
  return weft.now() - began
end

local rounds = math.floor(switches / tasks)
turns(math.floor(rounds / 10))
done = 0
local took = turns(rounds)
assert(done == rounds * tasks, "wrong number of switches")
print(("switch %.3f"):format(took / done * 1e9))
