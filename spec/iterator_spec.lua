--- What stands for a row of items.
local helper = require "helper"
local iterator = require "weft.iterator"

local function drain(items, count)
  local draw, list = iterator.over(items, "items"), {}
  for i = 1, count do list[i] = draw() end
  return list
end

describe("weft.iterator", function()
  it("goes through a list, to its n where it has one", function()
    assert.same({ "a", "b" }, drain({ "a", "b" }, 4))
    assert.same({ "a", nil, "c" }, drain({ "a", nil, "c", n = 3 }, 3))
  end)

  it("takes what can be called as it is", function()
    local function fn() return 1 end
    local callable = setmetatable({}, { __call = fn })
    assert.equal(fn, iterator.over(fn, "items"))
    assert.equal(callable, iterator.over(callable, "items"))
  end)

  it("refuses anything else, by the name it was given", function()
    helper.refuses({ "map: items", "list or an iterator", "got" },
      iterator.over, 7, "map: items")
    helper.refuses({ "got nil" }, iterator.over, nil, "items")
  end)
end)
