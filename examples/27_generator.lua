--- A generator: a function that gives values one by one, and may wait between.
--
--   weft examples/27_generator.lua
--
-- It prints
--   1, 1, 2, 3, 5, 8
--   tick 1 of 2
--   tick 2 of 2
--   asked by hand: a, b, nil

local weft = require "weft"

-- Endless: only what is asked for is computed.
local fibonacci = weft.generator(function(yield)
  local a, b = 0, 1
  while true do
    a, b = b, a + b
    yield(a)
  end
end)

local numbers = {}
for n in fibonacci() do
  table.insert(numbers, n)
  if n == 8 then break end
end
print(table.concat(numbers, ", "))

-- It may wait as any code, have arguments, and yield several values at once.
local ticks = weft.generator(function(yield, count)
  for i = 1, count do
    weft.sleep(0.01)
    yield(i, count)
  end
end)

for i, count in ticks(2) do print(("tick %d of %d"):format(i, count)) end

-- next asks for one value; nil is the end.
local letters = weft.generator(function(yield)
  yield "a"
  yield "b"
end)()
local first, second, third = letters:next(), letters:next(), letters:next()
print(("asked by hand: %s, %s, %s"):format(first, second, tostring(third)))
