-- Cancelled code that reads from what is closed, again and again, is parked now
-- and then lest it hold up the others; it went on all the same, as a parked
-- task, in which every call fails.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

describe("stream:read, of a closed stream in cancelled code,", function()
  it("raises Cancelled as often as it is called", function()
    loopback.with_pair(function(stream)
      stream:close()
      weft.scope(function(scope)
        scope:cancel()
        for _ = 1, 5000 do
          helper.fails("CancelledError", stream.read, stream)
        end
      end)
      assert.equal(1, #testing.reports()) -- that it spins
    end)
  end)
end)
