-- What a test is told that leaves something behind or does not come to its end.
-- Such tests fail; to look at how, they are called here as by hand.

local prices = require "prices"
local service = require "spec.service"
local testing = require "weft.testing"
local weft = require "weft"

-- The message of a test that is to fail.
local function complaint_of(test)
  local ok, err = pcall(test)
  assert.is_false(ok)
  return tostring(err)
end

describe("a test is told", function()
  testing.options { plain = true } -- each call below has a run of its own

  it("of the client it has not closed", function()
    local complaint = complaint_of(testing.task(function()
      local server = service.listen { TEA = "OK 12" }
      local client = prices.new(function()
        return weft.net.connect(server.address)
      end)
      client:get "TEA"
    end))
    assert.matches("left at the end of the test:", complaint)
    assert.matches("the stream from 127.0.0.1:%d+ to 127.0.0.1:%d+, opened at "
      .. "./src/prices.lua:%d+", complaint)
  end)

  it("of the watch it has not stopped", function()
    local complaint = complaint_of(testing.virtual(function()
      local client = service.client(service.in_memory { TEA = "OK 12" })
      client:watch("TEA", 60, function() end)
      weft.sleep(1)
    end))
    assert.matches("task watch TEA #%d+: waits for sleep", complaint)
  end)

  it("where it waited when its time was up", function()
    local complaint = complaint_of(testing.virtual(function()
      local client = service.client(service.in_memory { TEA = "BUSY" },
        { attempts = 1000 })
      client:get "TEA"
    end, { timeout = 3600 }))
    assert.matches("no end after 3600 s", complaint)
    assert.matches("cache load #%d+: waits for sleep", complaint)
  end)

  it("that nothing can wake it any more", function()
    local complaint = complaint_of(testing.virtual(function()
      local near, far = testing.stream_pair()
      testing.defer(near.close, near)
      testing.defer(far.close, far)
      near:read_line() -- the far end says nothing
    end))
    assert.matches("deadlock: nothing can wake", complaint)
  end)
end)
