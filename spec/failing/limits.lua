-- Tests that take too long. WEFT_TEST_TIMEOUT=0.1 in the environment.
local weft = require "weft"
local testing = require "weft.testing"

local function wait_long() weft.sleep(60) end

describe("limits", function()
  it("waits", function()
    wait_long()
  end)

  it("waits in a child", function()
    weft.group(function(g)
      g:spawn("slow child", function() wait_long() end)
    end)
  end)

  it("swallows it", function()
    pcall(wait_long)
    pcall(wait_long)
  end)

  it("asserts on it", function()
    assert.has_error(wait_long)
    assert.equal("this is told", "instead")
  end)

  it("yields on the virtual clock", testing.virtual(function()
    while true do weft.yield() end
  end))

  it("waits on the virtual clock", testing.virtual(function()
    wait_long()
  end, { timeout = 7 }))

  it("has cleanup", function()
    finally(function()
      weft.sleep(0.001)
      print "cleaned"
    end)
    weft.finally(wait_long, function()
      weft.sleep(0.001)
      print "unwound"
    end)
  end)

  it("waits in finally", function()
    finally(function() wait_long() end)
  end)

  it("is longer by itself", testing.with({ timeout = 5 }, function()
    weft.sleep(0.15)
  end))

  describe("in before_each", function()
    before_each(function() wait_long() end)
    after_each(function() print "after_each ran" end)
    it("is not run", function() print "NEVER" end)
  end)

  describe("in after_each", function()
    after_each(function() wait_long() end)
    it("passes", function() end)
  end)

  describe("in setup", function()
    setup(function() wait_long() end)
    it("is not run", function() print "NEVER" end)
  end)

  describe("of a describe", function()
    testing.options { timeout = 0.02 }
    it("waits", function() wait_long() end)
    describe("inside", function()
      it("waits", function() wait_long() end)
    end)
  end)
end)
