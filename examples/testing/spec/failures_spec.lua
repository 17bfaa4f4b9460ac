-- Bad lines, and failures that come together.

local prices = require "prices"
local service = require "spec.service"
local testing = require "weft.testing"
local weft = require "weft"

testing.options { virtual = true }

describe("a bad line", function()
  -- A client of a service whose answers suffer so.
  local function client_over(faults, opts)
    local connect = service.in_memory({ TEA = "OK 12.50" }, faults)
    return service.client(connect, opts)
  end

  it("may bring an answer byte by byte, and late", function(clock)
    assert.equal(12.5, client_over({ split = 1, delay = 0.5 }):get "TEA")
    assert.equal(0.5, clock:now())
  end)

  it("may break within the answer", function()
    local client = client_over({ reset_after = 4 }, { attempts = 2 })
    assert.raises_error("OSError", function() client:get "TEA" end,
      { code = "ECONNRESET", attempts = 2 })
  end)
end)

describe("many services", function()
  local function client_of(answer)
    local connect = service.in_memory { TEA = answer }
    return service.client(connect, { attempts = 1 })
  end

  it("are asked at the same time, and the first one counts", function(clock)
    local function slow() weft.sleep(1) return "OK 11" end
    local clients = { client_of(slow), client_of "OK 12" }
    assert.equal(12, prices.of_any(clients, "TEA"))
    assert.equal(0, clock:now()) -- nobody has waited for the slow one
  end)

  it("fail together, each for a reason of its own", function()
    local clients = { client_of "BUSY", client_of "NONE", client_of "hang up" }
    assert.error_group({
      { is = prices.UnknownGood },
      { is = prices.Unavailable, message = "BUSY" },
      { is = prices.Unavailable, message = "hung up" },
    }, function() prices.of_any(clients, "TEA") end)
  end)
end)
