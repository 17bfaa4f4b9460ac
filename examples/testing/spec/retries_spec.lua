-- Hours of retries, timeouts and limits, on the virtual clock: when all tasks
-- wait, it jumps to the next time that one of them waits for.

local prices = require "prices"
local service = require "spec.service"
local testing = require "weft.testing"
local weft = require "weft"

testing.options { virtual = true }

local STEADY = { first = 60, factor = 2, max = 1800, jitter = 0 }

describe("the client", function()
  it("asks again for an hour, later each time", function(clock)
    local at = {}
    local connect = service.in_memory { TEA = function()
      at[#at + 1] = clock:now() / 60
      return clock:now() < 3600 and "BUSY" or "OK 12"
    end }
    local client = service.client(connect, { attempts = 99, backoff = STEADY })
    assert.equal(12, client:get "TEA")
    assert.same({ 0, 1, 3, 7, 15, 31, 61 }, at)
  end)

  it("gives up after the last attempt, with what was wrong", function(clock)
    local connect, asked = service.in_memory { TEA = "BUSY" }
    local client = service.client(connect, { attempts = 3, backoff = STEADY })
    local err = assert.raises_error(prices.Unavailable,
      function() client:get "TEA" end, "the service says BUSY")
    assert.equal(3, err.attempts)
    assert.equal(3, #asked)
    assert.equal(60 + 120, clock:now())
  end)

  it("gives each attempt two seconds", function(clock)
    local connect = service.in_memory {
      TEA = function(n)
        if n == 1 then weft.sleep(1000) end
        return "OK 12"
      end,
    }
    local client = service.client(connect, { backoff = STEADY })
    assert.equal(12, client:get "TEA")
    assert.equal(2 + 60, clock:now())
    assert.spy(connect).was.called(2) -- the slow one is not used again
  end)

  it("asks ten times a second", function(clock)
    local answers = setmetatable({}, { __index = function() return "OK 3" end })
    local connect, asked = service.in_memory(answers)
    local client = service.client(connect)
    for i = 1, 110 do client:get("SALT" .. i) end
    assert.equal(110, #asked)
    assert.is_near(10, clock:now(), 1e-6) -- the first ten cost nothing
  end)

  it("asks anew when an answer is a minute old", function(clock)
    local connect, asked = service.in_memory { TEA = "OK 12" }
    local client = service.client(connect)
    client:get "TEA"
    clock:advance(59) -- up to there, and no further
    client:get "TEA"
    assert.equal(1, #asked)
    clock:advance(1)
    client:get "TEA"
    assert.equal(2, #asked)
  end)

  it("watches a price for a day", function(clock)
    local connect = service.in_memory { TEA = function()
      return "OK " .. math.floor(clock:now() / 21600) -- a new one every 6 h
    end }
    local client = service.client(connect)
    local seen = testing.async_stub()
    local watch = client:watch("TEA", 600, seen)
    clock:advance(86400 - 1)
    assert.spy(seen).was.called(4)
    assert.spy(seen).was.called_with(3)
    watch:cancel()
  end)
end)
