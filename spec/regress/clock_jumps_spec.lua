-- The virtual clock jumped in the middle of a long transfer: a poll that moved
-- bytes, but had no task to wake with them, counted as one that found nothing.
local weft = require "weft"
local testing = require "weft.testing"
local loopback = require "spec.loopback"

testing.options { virtual = true }

-- More than the kernel takes, several times.
local MUCH = ("x"):rep(2 * 1024 * 1024)

describe("the virtual clock stands still while bytes move [30.1]", function()
  for _, kind in ipairs(loopback.KINDS) do
    it("(" .. kind.name .. ")", function()
      loopback.use(kind)
      loopback.with_writing_pair(function(stream, peer)
        local task = weft.spawn(function()
          stream:write(MUCH)
          stream:flush()
        end)
        local bytes = weft.timeout(1, function()
          return peer:read_exactly(#MUCH)
        end)
        assert.equal(#MUCH, #bytes)
        task:await()
        assert.equal(0, weft.now())
      end)
      loopback.use()
    end)
  end
end)
