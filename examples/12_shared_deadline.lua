--- One deadline for several calls: what one of them takes, the next ones lack.
--
--   weft examples/12_shared_deadline.lua
--
-- It prints
--   read the request
--   ask the database: less than 0.1 s is left: true
--   write the answer: TimeoutError
--   log, with a time of its own
--   a task's deadline is the same: true

local weft = require "weft"

-- Three times 0.1 s would be 0.3 s in all. A deadline is a point in time, which
-- can be handed on, and used by as many calls as one likes.
local deadline = weft.now() + 0.1

local function step(what, seconds)
  return weft.timeout_at(deadline, function()
    weft.sleep(seconds)
    return what
  end)
end

print(step("read the request", 0.01))

-- Whoever asks for more gets what is left: the earliest deadline counts.
weft.timeout_at(deadline, function()
  weft.timeout(1, function()
    local left = weft.current_deadline() - weft.now()
    print("ask the database: less than 0.1 s is left: " .. tostring(left < 0.1))
    weft.sleep(0.01)
  end)
end)

local _, err = weft.try(step, "write the answer", 60)
print("write the answer: " .. err.name)

weft.timeout(1, function()
  weft.sleep(0.01)
  print "log, with a time of its own"
end)

-- A group inside a timeout: its tasks are under the same deadline.
weft.timeout(5, function(limit)
  weft.group(function(group)
    group:spawn(function()
      print("a task's deadline is the same: "
        .. tostring(weft.current_deadline() == limit:deadline()))
    end)
  end)
end)
