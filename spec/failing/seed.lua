-- A test whose outcome is the order of turns: told with its seed.
local weft = require "weft"

it("tells the order", function()
  local order = {}
  weft.group(function(g)
    for i = 1, 8 do g:spawn(function() order[#order + 1] = i end) end
  end)
  error("order " .. table.concat(order, " "), 0)
end)

it("passes", function() end)

it("is pending", function() pending "later" end)
