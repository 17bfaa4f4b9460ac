--- A shield, and a graceful stop: what is under way ends, nothing new begins.
--
--   weft examples/16_graceful_stop.lua
--
-- It prints
--   take from one account
--   give to the other
--   cancelled after that: true
--   served: soup
--   the kitchen closes; orders not begun: 1
--   served: fish
--   the kitchen closes; orders not begun: 0
--   given up: a whole ox
--
-- Here the time ends the kitchen; Ctrl-C ends the main task in the same way.

local weft = require "weft"

-- A shield keeps cancellations away from what is inside, until it has ended.
local transfer = weft.spawn("transfer", function()
  weft.shield(function()
    print "take from one account"
    weft.sleep(0.01)
    print "give to the other"
  end)
  weft.sleep(60) -- here, outside, it is cancelled
end)
weft.yield() -- it begins
transfer:cancel()
weft.wait { transfer }
print("cancelled after that: " .. tostring(transfer:cancelled()))

local function cook(orders)
  for order in orders:items() do
    weft.finally(function() weft.sleep(order.seconds) end, function(err)
      print((err and "given up: " or "served: ") .. order.dish)
    end)
  end
end

-- The cook is a task of its own, which no cancellation of the kitchen reaches.
-- Cleanup is shielded, so it may wait: up to 0.1 s; then the cook is cancelled.
local function kitchen(orders)
  local cooking = weft.spawn("cook", cook, orders)
  weft.finally(function() cooking:await() end, function()
    print("the kitchen closes; orders not begun: " .. orders:size())
    orders:shutdown(true) -- nothing new
    weft.try(weft.wait_for, cooking, 0.1)
  end)
end

local function evening(dishes)
  local orders = weft.queue()
  for _, dish in ipairs(dishes) do orders:put(dish) end
  weft.move_on_after(0.03, function() kitchen(orders) end)
end

evening { { dish = "soup", seconds = 0.01 }, { dish = "fish", seconds = 0.05 },
  { dish = "tea", seconds = 0.01 } }
evening { { dish = "a whole ox", seconds = 60 } }
