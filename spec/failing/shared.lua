-- Describes that share a runtime, and what goes wrong in them.
local weft = require "weft"
local testing = require "weft.testing"

describe("shared", function()
  testing.options { shared = true }
  local numbers, server

  setup(function()
    numbers = weft.queue()
    server = weft.spawn("server", function()
      for i = 1, 100 do
        numbers:put(i)
        weft.yield()
      end
    end)
  end)
  teardown(function() server:cancel() end)

  it("uses the server", function() assert.equal(1, numbers:get()) end)
  it("uses it again", function() assert.is_true(numbers:get() > 1) end)
  it("leaves a task", function() weft.spawn("left", weft.sleep_forever) end)
  it("fails", function() assert.equal(1, 2) end)
  it("times out", testing.with({ timeout = 0.05 }, function()
    weft.sleep(60)
  end))
  it("goes on", function() assert.is_true(numbers:get() > 1) end)
  it("is virtual", testing.virtual(function() end))
  it("is plain", testing.plain(function() end))

  describe("inside", function()
    before_each(function() weft.yield() end)
    it("uses it, too", function() assert.is_true(numbers:get() > 1) end)
  end)
end)

describe("shared and left", function()
  testing.options { shared = true }
  setup(function() weft.spawn("forgotten", weft.sleep_forever) end)
  it("passes", function() end)
end)

describe("shared on the virtual clock", function()
  testing.options { shared = true, virtual = true }
  local clock
  setup(function(given)
    clock = given
    weft.sleep(100)
  end)
  it("goes on where setup was", function(given)
    assert.equal(clock, given)
    assert.equal(100, clock:now())
    weft.sleep(1)
  end)
  it("and the test before", function() assert.equal(101, clock:now()) end)
end)

describe("shared and dirty", function()
  testing.options { shared = true }
  local plain, shielded, go
  it("leaves tasks", function()
    go = weft.event()
    plain = weft.spawn("plain", weft.sleep_forever)
    shielded = weft.spawn("shielded", function()
      weft.shield(function() go:wait() end)
    end)
  end)
  it("leaves a call", function() weft.call_later(100, print) end)
  it("goes on", function()
    assert.is_true(plain:cancelled())
    assert.is_false(shielded:done())
    go:set()
  end)
end)

describe("shared and deferred", function()
  testing.options { shared = true }
  local undone = {}
  setup(function()
    testing.defer(function()
      error("cannot be undone after " .. table.concat(undone, ", "))
    end)
  end)
  it("passes", function()
    testing.defer(function() undone[#undone + 1] = "the test" end)
  end)
  it("has its own", function() assert.same({ "the test" }, undone) end)
end)

describe("shared and unseen", function()
  testing.options { shared = true }
  teardown(function() weft.report("lost in teardown", "somebody") end)
  it("passes", function() end)
end)
