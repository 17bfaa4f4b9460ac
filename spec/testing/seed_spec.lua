-- The seed of tests: spec/failing/seed.lua tells the order of eight tasks.
local busted_child = require "busted_child"
local seed = require "weft.testing.seed"

local function told(value)
  local entry = busted_child.failing("seed", { WEFT_SEED = value })
    .told["tells the order"]
  return entry.message:match "order ([%d ]+)",
    entry.message:match "WEFT_SEED=(%d+)", entry.message
end

describe("weft.testing.seed", function()
  it("shuffles nothing unless it is asked for", function()
    local order, number = told ""
    assert.equal("1 2 3 4 5 6 7 8", order)
    assert.is_nil(number)
  end)

  it("gives the same run again, and is told with a failure [30.7]", function()
    local first, number, message = told(7)
    assert.equal("7", number)
    assert.is_not.equal("1 2 3 4 5 6 7 8", first)
    assert.is_truthy(message:find(
      "(WEFT_SEED=7 runs the turns in this order again)", 1, true))
    assert.equal(first, (told(7)))
  end)

  it("is not told with a pending test", function()
    local entry = busted_child.failing("seed", { WEFT_SEED = 7 })
      .told["is pending"]
    assert.equal("pending", entry.kind)
    assert.equal("spec/failing/seed.lua:14: later", entry.message)
  end)

  it("is one of its own for each test, with WEFT_SEED=random [30.7]", function()
    local order, number = told "random"
    assert.equal(order, (told(number)))
  end)

  it("is drawn without touching the random numbers of Lua", function()
    math.randomseed(1)
    local expected = math.random()
    math.randomseed(1)
    local drawn = seed.draw "random"
    assert.equal(expected, math.random())
    assert.is_true(drawn >= 1 and drawn < 2 ^ 31 and drawn % 1 == 0)
  end)

  it("is what was given", function()
    assert.equal(5, seed.draw(5))
    assert.is_nil(seed.draw(false))
    assert.is_nil(seed.draw(nil))
    assert.equal("", seed.text(nil))
  end)
end)
