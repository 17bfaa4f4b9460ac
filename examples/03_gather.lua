--- Many at once: all results, the first to end, the first to end well.
--
--   weft examples/03_gather.lua
--
-- It prints
--   gather: 3 1 2
--   as they end: 1 2 3
--   race: the hare
--   any: the tortoise

local weft = require "weft"

local function after(seconds, value)
  return function() return weft.sleep(seconds, value) end
end

local jobs = { after(0.03, 3), after(0.01, 1), after(0.02, 2) }

-- Results come in the order of the list, whichever is done first ...
print("gather: " .. table.concat(weft.gather(jobs), " "))

-- ... or each as soon as it is there.
local order = {}
for task in weft.as_completed(jobs) do table.insert(order, task:result()) end
print("as they end: " .. table.concat(order, " "))

-- The first to end. The others are cancelled.
print("race: " .. weft.race { after(60, "the snail"), after(0.01, "the hare") })

-- The first to end well. The others are cancelled.
print("any: " .. weft.any {
  function() error "the hare has fallen asleep" end,
  after(60, "the snail"),
  after(0.01, "the tortoise"),
})
