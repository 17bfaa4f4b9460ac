-- The numbers of weft.h in Lua: as the list that `make abi` writes has them.
local codes = require "weft.codes"

local function released()
  local numbers = {}
  for line in io.lines "core/weft.constants" do
    local name, number = line:match "^weft[%w_]*%.h WEFT_(%S+) (%S+)$"
    if name then numbers[name] = tonumber(number) end
  end
  return numbers
end

describe("weft.codes", function()
  it("has the numbers of weft.h", function()
    local numbers = released()
    for name, number in pairs(codes) do
      assert.equal(numbers[name], number, name)
    end
  end)

  it("has every state of a task", function()
    for name, number in pairs(released()) do
      if name:find "^TASK_" then assert.equal(number, codes[name], name) end
    end
  end)
end)
