-- A task that has used up its turn and reads from what is closed went on though
-- it was parked, and could do nothing more.
local weft = require "weft"
local helper = require "spec.helper"
local loopback = require "spec.loopback"

describe("stream:read, when it is closed,", function()
  it("fails as often as it is called", helper.run(function()
    loopback.with_pair(function(stream)
      stream:close()
      for _ = 1, 5000 do
        local err = helper.fails("ClosedError", stream.read, stream)
        assert.equal("stream:read: the stream is closed", err.message)
      end
      weft.yield()
    end)
  end))
end)
