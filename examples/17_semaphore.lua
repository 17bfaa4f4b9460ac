--- Limits on how many at a time: a semaphore, and a limit of map.
--
--   weft examples/17_semaphore.lua
--
-- It prints
--   a semaphore: 10 tasks, at most 3 at a time
--   a map: 1 4 9 16 25, at most 2 at a time
--   try_acquire without a free place: false

local weft = require "weft"

-- Counts how many are at work at the same time.
local running, most = 0, 0
local function work()
  running = running + 1
  most = math.max(most, running)
  weft.sleep(0.005)
  running = running - 1
end

-- A semaphore has a number of places; `with` waits for one, and gives it back
-- on every way out. Who came first is served first.
local places = weft.semaphore(3)
weft.group(function(group)
  for _ = 1, 10 do
    group:spawn(function() places:with(work) end)
  end
end)
print(("a semaphore: 10 tasks, at most %d at a time"):format(most))

-- Often there is a list, and a limit of map is all it takes.
most = 0
local squares = weft.map({ 1, 2, 3, 4, 5 }, function(n)
  work()
  return n * n
end, { limit = 2 })
print(("a map: %s, at most %d at a time"):format(table.concat(squares, " "),
  most))

-- Whoever would rather do something else than wait, tries.
local desk = weft.semaphore(1)
desk:with(function()
  print("try_acquire without a free place: " .. tostring(desk:try_acquire()))
end)
