--- Functions run at once in a cqueues controller, and a table of their results:
--   luajit bench/gather/cqueues.lua FUNCTIONS TIMES
-- Each yields once. Prints the nanoseconds of one function.

local cqueues = require "cqueues"
local usage = dofile "bench/usage.lua"

local count, times = ...
count, times = tonumber(count), tonumber(times)

local functions = {}
for i = 1, count do
  functions[i] = function()
    cqueues.sleep(0)
    return i
  end
end

local queue = cqueues.new()

-- Runs every function in a coroutine; returns their results in order.
local function gather(list)
  local results = {}
  for i = 1, #list do
    queue:wrap(function() results[i] = list[i]() end)
  end
  assert(queue:loop())
  return results
end

-- Returns how long it took to gather them all `rounds` times.
local function round(rounds)
  local sum = 0
  local began = usage.now()
  for _ = 1, rounds do
    local results = gather(functions)
    for i = 1, #results do sum = sum + results[i] end
  end
  local took = usage.now() - began
  assert(sum == rounds * count * (count + 1) / 2, "wrong results")
  return took
end

round(math.floor(times / 10))
print(("gather %.3f"):format(round(times) / (times * count) * 1e9))
