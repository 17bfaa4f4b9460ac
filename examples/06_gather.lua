--- Many at once: gather, map, race and any.
--
--   weft examples/06_gather.lua
--
-- It prints
--   gather: 3 1 2
--   map: 1 4 9 16 25, at most 2 at once
--   race: the hare
--   any: the tortoise
--   kept: 1, Error: 2 is bad, 3

local weft = require "weft"

local function after(seconds, value)
  return function() return weft.sleep(seconds, value) end
end

-- Results come in the order of the list, whichever is done first.
local results = weft.gather { after(0.03, 3), after(0.01, 1), after(0.02, 2) }
print("gather: " .. table.concat(results, " "))

-- One function for each item, with a limit.
local running, most = 0, 0
local squares = weft.map({ 1, 2, 3, 4, 5 }, function(n)
  running = running + 1
  most = math.max(most, running)
  weft.sleep(0.01)
  running = running - 1
  return n * n
end, { limit = 2 })
print(("map: %s, at most %d at once"):format(table.concat(squares, " "), most))

-- The first to end, and the first to end well. The others are cancelled.
print("race: " .. weft.race { after(60, "the snail"), after(0.01, "the hare") })
print("any: " .. weft.any {
  function() error "the hare has fallen asleep" end,
  after(0.02, "the tortoise"),
})

-- With return_errors, what failed stands in its place in the list.
local kept = weft.map({ 1, 2, 3 }, function(n)
  if n == 2 then error("2 is bad", 0) end
  return n
end, { return_errors = true })
print(("kept: %d, %s, %d"):format(kept[1], tostring(kept[2]), kept[3]))
