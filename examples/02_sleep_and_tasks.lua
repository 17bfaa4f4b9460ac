--- Tasks: started with arguments, awaited for their results.
--
--   weft examples/02_sleep_and_tasks.lua
--
-- Four sleeps of 0.1 s, one after the other and then all at once. It prints
--   one by one: 10
--   at once: 10
--   in less than half the time: true

local weft = require "weft"

-- Stands for work that waits: for a network, a disk, a clock.
local function work(n)
  weft.sleep(0.1)
  return n
end

-- Returns how long `fn()` took, after printing its result.
local function time(what, fn)
  local began = weft.now()
  print(what .. ": " .. fn())
  return weft.now() - began
end

local one_by_one = time("one by one", function()
  return work(1) + work(2) + work(3) + work(4)
end)

local at_once = time("at once", function()
  local tasks, sum = {}, 0
  for n = 1, 4 do tasks[n] = weft.spawn(work, n) end -- all of them begin
  for _, task in ipairs(tasks) do sum = sum + task:await() end
  return sum
end)

print("in less than half the time: " .. tostring(at_once < one_by_one / 2))
