--- Items that a generator yields and a for loop consumes:
--   weft bench/generator/generator.lua plain ITEMS
--   ... yield ITEMS      with a weft.yield before each
-- Prints the nanoseconds of one item.

local weft = require "weft"

local work, items = ...
items = tonumber(items)

local generators = {}

generators.plain = weft.generator(function(yield, count)
  for i = 1, count do yield(i) end
end)

generators.yield = weft.generator(function(yield, count)
  for i = 1, count do
    weft.yield()
    yield(i)
  end
end)

-- Returns how long it took to consume `count` items.
local function consume(count)
  local sum = 0
  local began = weft.now()
  for item in generators[work](count) do sum = sum + item end
  local took = weft.now() - began
  assert(sum == count * (count + 1) / 2, "wrong items")
  return took
end

consume(math.floor(items / 10))
print(("item %.3f"):format(consume(items) / items * 1e9))
