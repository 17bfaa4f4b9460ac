--- A group: a place for tasks, which is left only when all of them have ended.
--
--   weft examples/03_group.lua
--
-- It prints
--   the function of the group is through
--   egg is done
--   toast is done
--   coffee is done
--   breakfast: coffee egg toast

local weft = require "weft"

local ready = {}

local function prepare(what, seconds)
  weft.sleep(seconds)
  print(what .. " is done")
  table.insert(ready, what)
end

-- Nothing that is spawned in the group can be forgotten: the call returns when
-- the last task has ended.
weft.group(function(group)
  group:spawn(prepare, "coffee", 0.06)
  group:spawn(prepare, "egg", 0.02)
  group:spawn(prepare, "toast", 0.04)
  print "the function of the group is through"
end)

table.sort(ready)
print("breakfast: " .. table.concat(ready, " "))
