-- Run by options_spec with the helper: which options hold where.
local weft = require "weft"
local testing = require "weft.testing"

local function is_virtual()
  local before = weft.now()
  weft.sleep(1000)
  return weft.now() == before + 1000
end

describe("outer", function()
  testing.options { virtual = true, timeout = 5000 }

  it("has those of its describe", function(clock)
    assert.is_true(is_virtual())
    assert.equal(1000, clock:now())
  end)

  describe("inner", function()
    testing.options { timeout = 0.5, virtual = false }
    it("has those of the inner one", function(clock)
      assert.is_nil(clock)
      weft.sleep(0)
    end)
    it("has its own before", testing.virtual(function()
      assert.is_true(is_virtual())
    end, { timeout = 2000 }))
  end)

  it("has those of its own in whatever order",
    testing.with({ virtual = false }, testing.task(function(clock)
      assert.is_nil(clock)
    end)))
end)

it("has the defaults outside", function(clock) assert.is_nil(clock) end)

describe("plain", function()
  testing.options { plain = true }
  local parked = 0
  before_each(function()
    weft.sleep(0)
    parked = parked + 1
  end)
  it("has hooks in tasks", function()
    assert.is_nil(weft.current_task())
    assert.equal(1, parked)
    assert.equal(3, weft.run(function() return 3 end))
  end)
end)
