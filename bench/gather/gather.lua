--- Functions run at once and their results gathered:
--   weft bench/gather/gather.lua FUNCTIONS TIMES
-- Each yields once. Prints the nanoseconds of one function.

local weft = require "weft"

local count, times = ...
count, times = tonumber(count), tonumber(times)

local functions = {}
for i = 1, count do
  functions[i] = function()
    weft.yield()
    return i
  end
end

-- Returns how long it took to gather them all `rounds` times.
local function gather(rounds)
  local sum = 0
  local began = weft.now()
  for _ = 1, rounds do
    local results = weft.gather(functions)
    for i = 1, results.n do sum = sum + results[i] end
  end
  local took = weft.now() - began
  assert(sum == rounds * count * (count + 1) / 2, "wrong results")
  return took
end

gather(math.floor(times / 10))
print(("gather %.3f"):format(gather(times) / (times * count) * 1e9))
