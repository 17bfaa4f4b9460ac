-- Tests that go on when they are cancelled. WEFT_TEST_TIMEOUT=0.1.
local testing = require "weft.testing"
local weft = require "weft"

local function swallow()
  while true do
    pcall(weft.sleep, 60)
  end
end

describe("stubborn", function()
  it("swallows everything", swallow)
  it("passes", function() end)

  it("waits in a shield", function()
    finally(function() print "cleaned up" end)
    weft.shield(function() weft.sleep(3600) end)
  end)

  it("leaves one that swallows", function()
    weft.spawn("greedy", swallow)
    weft.yield()
  end)

  describe("shared", function()
    testing.options { shared = true }
    it("swallows everything", swallow)
    it("needs the runtime", function() weft.yield() end)
  end)

  describe("setup", function()
    setup(swallow)
    it("is not run", function() print "NEVER" end)
  end)

  it("is the last", function() end)
end)
