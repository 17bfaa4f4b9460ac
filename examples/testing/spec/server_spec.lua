-- The client against a real server on the loopback, on the real clock.

local prices = require "prices"
local service = require "spec.service"
local testing = require "weft.testing"
local weft = require "weft"

describe("the client of a server", function()
  local server, client

  -- Hooks run in the task of the test, so they may wait, too. What they make is
  -- taken down after the test: the client's connections, then the server.
  before_each(function()
    server = service.listen { TEA = "OK 12.50", SALT = "OK 3" }
    client = service.client(function()
      return weft.net.connect(server.address)
    end)
  end)

  it("asks for a price", function()
    assert.equal(12.5, client:get "TEA")
    assert.same({ "TEA" }, server.asked)
  end)

  it("asks for many, over two connections", function()
    assert.same({ 12.5, 3, n = 2 }, client:get_all { "TEA", "SALT" })
    assert.equal(2, server:count())
  end)

  it("uses a connection again, also after it was told no", function()
    assert.raises_error(prices.UnknownGood, function() client:get "GOLD" end)
    client:get "TEA"
    assert.equal(1, server:count())
  end)
end)

describe("what a test has used", function()
  local log

  before_each(function() log = {} end)
  after_each(function() assert.same({ "shelf", "shop" }, log) end)

  -- A fixture: what comes before the yield makes it, what comes after takes it
  -- down. Both may wait; the one that was made last goes first.
  local function part(name)
    return testing.fixture(function(yield)
      yield(name)
      weft.sleep(0)
      log[#log + 1] = name
    end)
  end
  local shop, shelf = part "shop", part "shelf"

  it("is taken down in reverse", function()
    assert.equal("shop", shop())
    assert.equal("shelf", shelf())
    assert.equal("shop", shop()) -- the same one
    finally(function() log = { "shelf", "shop" } end)
  end)
end)
