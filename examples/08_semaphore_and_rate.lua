--- Limits: how many at a time, and how many in a second.
--
--   weft examples/08_semaphore_and_rate.lua
--
-- It prints
--   10 tasks, at most 3 at a time
--   10 calls at 50 in a second took at least 0.18 s: true

local weft = require "weft"

-- A semaphore has a number of places; `with` takes one and gives it back on
-- every way out.
local places = weft.semaphore(3)
local running, most = 0, 0

weft.group(function(group)
  for _ = 1, 10 do
    group:spawn(function()
      places:with(function()
        running = running + 1
        most = math.max(most, running)
        weft.sleep(0.005)
        running = running - 1
      end)
    end)
  end
end)
print(("10 tasks, at most %d at a time"):format(most))

-- A rate limiter lets 50 calls pass in each second. burst is how many may come
-- at once after a pause.
local limiter = weft.rate_limiter(50, 1, { burst = 1 })
local began = weft.now()
weft.group(function(group)
  for _ = 1, 10 do group:spawn(function() limiter:acquire() end) end
end)
print("10 calls at 50 in a second took at least 0.18 s: "
  .. tostring(weft.now() - began >= 0.18))
