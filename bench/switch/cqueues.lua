--- Coroutines of a cqueues controller that yield in turn:
--   luajit bench/switch/cqueues.lua TASKS SWITCHES
-- Prints the nanoseconds of one cqueues.sleep(0).

local cqueues = require "cqueues"
local usage = dofile "bench/usage.lua"

local tasks, switches = ...
tasks, switches = tonumber(tasks), tonumber(switches)

local done = 0

local function body(rounds)
  for _ = 1, rounds do cqueues.sleep(0) end
  done = done + rounds
end

local function turns(rounds)
  local queue = cqueues.new()
  for _ = 1, tasks do queue:wrap(body, rounds) end
  assert(queue:loop())
end

local rounds = math.floor(switches / tasks)
turns(math.floor(rounds / 10))
done = 0
local began = usage.now()
turns(rounds)
local took = usage.now() - began
assert(done == rounds * tasks, "wrong number of switches")
print(("switch %.3f"):format(took / done * 1e9))
