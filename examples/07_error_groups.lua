--- Failures in a group: the first one stops the others, and none is lost.
--
--   weft examples/07_error_groups.lua
--
-- It prints
--   the slow one was stopped
--   ErrorGroup: 2 failures
--     - PriceError: no price for tea (in tea)
--     - StockError: no milk (in milk)
--   caught: no price for tea
--   left: no milk
--   prices 1, others 1
--   leaf: no price for tea
--   leaf: no milk

local weft = require "weft"

local PriceError = weft.error_class "PriceError"
local StockError = weft.error_class "StockError"

local function shop()
  weft.group(function(group)
    group:spawn("slow", function()
      weft.finally(function() weft.sleep(60) end,
        function() print "the slow one was stopped" end)
    end)
    group:spawn("tea", function() error(PriceError "no price for tea") end)
    group:spawn("milk", function() error(StockError "no milk") end)
  end)
end

-- What a group raises has all failures, each with the name of its task.
local _, both = weft.try(shop)
print(both)

local function raise_both() error(both, 0) end

-- catch gives the failures of one class to its handler; what no handler takes
-- is raised on.
local _, rest = weft.try(weft.catch, raise_both, {
  { PriceError, function(taken)
    print("caught: " .. taken.errors[1].message)
  end },
})
print("left: " .. rest.errors[1].message)

-- split does the same without raising; leaves are the failures one by one, of
-- groups within groups too.
local prices, others = both:split(PriceError)
print(("prices %d, others %d"):format(#prices.errors, #others.errors))
for _, leaf in ipairs(both:leaves()) do print("leaf: " .. leaf.message) end
