--- Limits on how many in a second, by a rate limiter.
--
--   weft examples/33_rate_limiting.lua
--
-- It prints
--   call 1 after 0 ms
--   call 2 after 0 ms
--   call 3 after 50 ms
--   call 4 after 100 ms
--   call 5 after 150 ms
--   try_acquire: false

local weft = require "weft"

-- 20 calls a second: one every 50 ms. After a pause, two may come at once.
local limiter = weft.rate_limiter(20, 1, { burst = 2 })

-- The time since the beginning, in whole steps of 50 ms.
local began = weft.now()
local function milliseconds()
  return math.floor((weft.now() - began) / 0.05 + 0.01) * 50
end

weft.group(function(group)
  for call = 1, 5 do
    group:spawn(function()
      limiter:acquire() -- waits for its turn, first come, first served
      print(("call %d after %d ms"):format(call, milliseconds()))
    end)
  end
end)

-- Whoever would rather do without than wait, tries. (A weft.sliding_window is
-- used alike, and is stricter: no second ever sees more than 20 calls.)
print("try_acquire: " .. tostring(limiter:try_acquire()))
