-- A first spec, of nothing but weft's own retry: what waits for hours is tested
-- in no time.

local testing = require "weft.testing"
local weft = require "weft"

testing.options { virtual = true }

describe("the nightly report", function()
  it("is sent again every hour until it arrives", function(clock)
    local send = testing.async_stub():raises "no line"
      :then_raises "no line":then_returns "arrived"
    assert.equal("arrived", weft.retry(function() return send "sales" end,
      { backoff = 3600 }))
    assert.equal(2 * 3600, clock:now())
    assert.spy(send).was.called(3)
    assert.spy(send).was.called_with "sales"
  end)
end)
