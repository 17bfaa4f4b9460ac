--- Coroutines that yield in turn on the loop of luv:
--   luajit bench/switch/luv.lua TASKS SWITCHES
-- Prints the nanoseconds of one yield, by bench/peers/coroutines.lua.

local coroutines = dofile "bench/peers/coroutines.lua"
local usage = dofile "bench/usage.lua"

local tasks, switches = ...
tasks, switches = tonumber(tasks), tonumber(switches)

local done = 0

local function turns(rounds)
  coroutines.run(tasks, function()
    for _ = 1, rounds do coroutines.yield() end
    done = done + rounds
  end)
end

local rounds = math.floor(switches / tasks)
turns(math.floor(rounds / 10))
done = 0
local began = usage.now()
turns(rounds)
local took = usage.now() - began
assert(done == rounds * tasks, "wrong number of switches")
print(("switch %.3f"):format(took / done * 1e9))
