--- Comprehensions: what a generator or a list gives, as a list or a table.
--
--   weft examples/31_comprehensions.lua
--
-- It prints
--   list: 1 2 3 4 5 6
--   even squares: 4 16 36
--   table: one=1 three=3 two=2
--   at once: ONE TWO THREE

local weft = require "weft"

local count = weft.generator(function(yield, last)
  for n = 1, last do
    weft.sleep(0.002)
    yield(n)
  end
end)

print("list: " .. table.concat(weft.collect(count(6)), " "))

-- The function makes the item; without one, that is left out. So it filters,
-- too. It may wait.
local squares = weft.collect(count(6), function(n)
  weft.sleep(0.002)
  if n % 2 == 0 then return n * n end
end)
print("even squares: " .. table.concat(squares, " "))

-- A table: the function gives keys and values.
local WORDS = { "one", "two", "three" }
local numbers = weft.collect_map(count(3), function(n) return WORDS[n], n end)
local pairs_of = {}
for word, n in pairs(numbers) do table.insert(pairs_of, word .. "=" .. n) end
table.sort(pairs_of)
print("table: " .. table.concat(pairs_of, " "))

-- collect goes one by one; map does all at the same time, in the same order.
print("at once: " .. table.concat(weft.map(WORDS, function(word)
  weft.sleep(0.005)
  return word:upper()
end), " "))
