--- Timeouts: any code can be given a time, and deadlines can be moved.
--
--   weft examples/05_timeout.lua
--
-- It prints
--   fast: done
--   slow: TimeoutError: timed out after 0.05 s
--   best so far: 2
--   with more time: done

local weft = require "weft"

local function work(seconds)
  weft.sleep(seconds)
  return "done"
end

-- timeout returns what the function returns, or raises TimeoutError.
print("fast: " .. weft.timeout(10, function() return work(0.01) end))
local _, err = weft.try(weft.timeout, 0.05, function() return work(60) end)
print("slow: " .. tostring(err))

-- move_on_after just goes on: what there is by then is good enough.
local best = 0
local scope = weft.move_on_after(0.2, function()
  for i = 1, 9 do
    weft.sleep(i <= 2 and 0.01 or 60)
    best = i
  end
end)
assert(scope:cancelled_caught(), "it was cut off")
print("best so far: " .. best)

-- A deadline can be moved from within: here after the first step.
print("with more time: " .. weft.timeout(0.2, function(limit)
  weft.sleep(0.01)
  limit:reschedule(weft.now() + 10)
  return work(0.25)
end))
