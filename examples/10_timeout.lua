--- Timeouts: any code can be given a time.
--
--   weft examples/10_timeout.lua
--
-- It prints
--   fast: done
--   tidying up
--   slow: TimeoutError: timed out after 0.02 s
--   wait_for: TimeoutError, and the task was cancelled: true

local weft = require "weft"

local function work(seconds)
  weft.sleep(seconds)
  return "done"
end

-- timeout returns what the function returns, or raises TimeoutError. No call
-- takes a timeout of its own: this one goes for all that the function does.
print("fast: " .. weft.timeout(10, function() return work(0.01) end))

-- What is cut off still tidies up, and only then is the error raised.
local _, err = weft.try(weft.timeout, 0.02, function()
  weft.finally(function() work(60) end, function() print "tidying up" end)
end)
print("slow: " .. tostring(err))

-- The same for a task that runs already.
local task = weft.spawn(work, 60)
_, err = weft.try(weft.wait_for, task, 0.01)
print(("wait_for: %s, and the task was cancelled: %s"):format(err.name,
  task:cancelled()))
