--- Failures: the first one in a group stops the others, and none is lost.
--
--   weft examples/04_failure.lua
--
-- It prints
--   slow was stopped
--   ErrorGroup: 2 failures
--     - PriceError: no price for tea (in tea)
--     - StockError: no milk (in milk)
--   prices: 1
--   the rest: StockError: no milk

local weft = require "weft"

local PriceError = weft.error_class "PriceError"
local StockError = weft.error_class "StockError"

local function shop()
  weft.group(function(group)
    group:spawn("slow", function()
      weft.finally(function() weft.sleep(60) end,
        function() print "slow was stopped" end)
    end)
    group:spawn("tea", function() error(PriceError "no price for tea") end)
    group:spawn("milk", function() error(StockError "no milk") end)
  end)
end

-- What a group raises has all failures, each with the name of its task.
local _, err = weft.try(shop)
print(err)

-- A handler takes the failures of one class; what nobody takes is raised on.
local _, rest = weft.try(weft.catch, shop, {
  { PriceError, function(group) print("prices: " .. #group.errors) end },
})
print("the rest: " .. tostring(rest:leaves()[1]))
