--- A group: a place for tasks, which is left only when all of them have ended.
--
--   weft examples/06_task_group.lua
--
-- It prints
--   without a group: 0 of 3
--   the function of the group is through
--   egg is done
--   toast is done
--   coffee is done
--   with a group: 3 of 3

local weft = require "weft"

local function prepare(ready, what, seconds)
  weft.sleep(seconds)
  table.insert(ready, what)
  return what .. " is done"
end

-- Broken: nobody waits for these tasks, so breakfast is served without them. If
-- one of them failed, breakfast would not know.
local function hurried_breakfast(ready)
  weft.spawn(prepare, ready, "coffee", 0.03)
  weft.spawn(prepare, ready, "egg", 0.01)
  weft.spawn(prepare, ready, "toast", 0.02)
end

-- Nothing that is spawned in a group can be forgotten: the call returns when
-- the last task has ended.
local function breakfast(ready)
  local function say(...) print(prepare(ready, ...)) end
  weft.group(function(group)
    group:spawn(say, "coffee", 0.03)
    group:spawn(say, "egg", 0.01)
    group:spawn(say, "toast", 0.02)
    print "the function of the group is through"
  end)
end

local ready = {}
hurried_breakfast(ready)
print(("without a group: %d of 3"):format(#ready))

ready = {}
breakfast(ready)
print(("with a group: %d of 3"):format(#ready))
