-- Stubs that wait, and the order in which things happen.

local prices = require "prices"
local service = require "spec.service"
local testing = require "weft.testing"
local weft = require "weft"

testing.options { virtual = true }

describe("the client", function()
  it("asks once for all who ask at the same time", function()
    local connect, asked = service.in_memory { TEA = "OK 12" }
    local client = service.client(connect)
    assert.same({ 12, 12, 12, n = 3 }, client:get_all { "TEA", "TEA", "TEA" })
    assert.same({ "TEA" }, asked)
  end)

  it("tries to connect again", function()
    local near, far = testing.stream_pair()
    weft.spawn("service", function()
      assert.equal("GET TEA", far:read_line())
      far:write "OK 12\n"
      far:close()
    end)
    -- It answers as told, after it has waited, and counts its calls.
    local connect = testing.async_stub():raises(weft.OSError "refused")
      :then_raises(weft.OSError "refused"):then_returns(near)
    assert.equal(12, service.client(connect):get "TEA")
    assert.spy(connect).was.called(3)
  end)

  it("does not make up for what nobody waits for any more", function()
    local connect = testing.async_stub():never()
    local client = service.client(connect)
    assert.raises_error("TimeoutError", function()
      weft.timeout(1, function() client:get "TEA" end)
    end)
    assert.spy(connect).was.called(1) -- cancelled, it counts as called
  end)
end)

describe("a module's function", function()
  it("is replaced until the end of the test", function()
    local new = testing.stub(prices, "new", "a client")
    assert.equal("a client", prices.new "somewhere")
    assert.spy(new).was.called_with "somewhere"
  end)

  it("is itself again afterwards", function()
    assert.equal("prices.Client",
      getmetatable(service.client(function() end)).__name)
  end)
end)

describe("who asks first", function()
  it("is served first, whatever else happens", function()
    local seq = testing.sequencer("first", "second", "answer")
    local connect, asked = service.in_memory {
      TEA = function() seq "answer" return "OK 12" end, SALT = "OK 3",
    }
    local client = service.client(connect, { connections = 1 })
    weft.gather {
      function() seq "second" client:get "SALT" end,
      function() seq "first" client:get "TEA" end,
    }
    assert.same({ "TEA", "SALT" }, asked)
  end)
end)
