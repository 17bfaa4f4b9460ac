--- Processes run to their end, some at once:
--   weft bench/process/process.lua null|pipes PROCESSES AT_ONCE
-- Prints the microseconds of one, and of CPU time, its own included.

local weft = require "weft"
local usage = dofile "bench/usage.lua"

local how, count, at_once = ...
count, at_once = tonumber(count), tonumber(at_once)
-- What run does unless told otherwise is to read the outputs.
local output = how == "null" and "null" or nil

local function round(times)
  local numbers = {}
  for i = 1, times do numbers[i] = i end
  local results = weft.map(numbers, function()
    return weft.process.run { "/bin/true", stdout = output, stderr = output }
  end, { limit = at_once })
  for i = 1, times do
    local result = results[i]
    assert(result.status == 0 and (output or result.stdout == ""),
      "wrong result")
  end
end

round(math.ceil(count / 10))
local began, cpu_began = weft.now(), usage.cpu_of_all()
round(count)
local scale = 1e6 / count
print(("process %.3f"):format((weft.now() - began) * scale))
print(("cpu %.3f"):format((usage.cpu_of_all() - cpu_began) * scale))
