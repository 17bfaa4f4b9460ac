--- A condition: to wait until what a lock guards is as one needs it.
--
--   weft examples/20_condition.lua
--
-- Two cooks need a number of eggs each; a hen lays one at a time. It prints
--   1 egg
--   2 eggs
--   the pancake took 2
--   1 egg
--   2 eggs
--   3 eggs
--   the cake took 3

local weft = require "weft"

local eggs = 0
local basket = weft.condition() -- has a lock of its own

-- wait_for looks, and waits as long as the answer is no. While it waits, the
-- lock is free for others; when it returns, this task has it again.
local function cook(what, needed)
  basket:with(function()
    basket:wait_for(function() return eggs >= needed end)
    eggs = eggs - needed
    print(("the %s took %d"):format(what, needed))
  end)
end

local function lay(count)
  for _ = 1, count do
    weft.sleep(0.005)
    basket:with(function()
      eggs = eggs + 1
      print(eggs .. (eggs == 1 and " egg" or " eggs"))
      basket:notify_all() -- whoever waits looks again
    end)
  end
end

weft.group(function(group)
  group:spawn(cook, "cake", 3)
  group:spawn(cook, "pancake", 2)
  group:spawn(lay, 5)
end)
