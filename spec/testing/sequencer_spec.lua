-- Steps of several tasks, in a fixed order.
local weft = require "weft"
local sequencer = require "weft.testing.sequencer"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses
local virtual = testing.virtual

testing.options { virtual = true }

-- A task that takes the steps and says each.
local function taker(seq, said, ...)
  return weft.spawn(function(...)
    for _, step in ipairs { ... } do
      seq(step)
      said[#said + 1] = step
    end
  end, ...)
end

describe("a sequencer", function()
  it("has the steps of all tasks taken in their order", function()
    local seq, said = sequencer.new(), {}
    weft.gather { taker(seq, said, 3, 6), taker(seq, said, 2, 4),
      taker(seq, said, 1, 5) }
    assert.same({ 1, 2, 3, 4, 5, 6 }, said)
    assert.equal(0, weft.now())
  end)

  it("does so whatever the seed", testing.plain(function()
    for seed = 1, 20 do
      virtual(function()
        local seq, said = sequencer.new(), {}
        weft.gather { taker(seq, said, 5, 6), taker(seq, said, 1, 3),
          taker(seq, said, 2, 4) }
        assert.same({ 1, 2, 3, 4, 5, 6 }, said)
      end, { seed = seed })()
    end
  end))

  it("takes names for its steps", function()
    local seq, said = sequencer.new("connect", "send", "close"), {}
    weft.gather { taker(seq, said, "send"), taker(seq, said, "close"),
      taker(seq, said, "connect") }
    assert.same({ "connect", "send", "close" }, said)
  end)

  it("holds the turn while a function runs, and returns its results", function()
    local seq, said = sequencer.new(), {}
    local second = taker(seq, said, 2)
    local a, b = seq(1, function(x, y)
      weft.sleep(5)
      said[#said + 1] = "slept"
      return x, y
    end, "a", nil)
    assert.equal("a", a)
    assert.is_nil(b)
    second:await()
    assert.same({ "slept", 2 }, said)
  end)

  it("passes the turn on when the function fails", function()
    local seq, said = sequencer.new(), {}
    local second = taker(seq, said, 2)
    local err = fails("ClosedError", seq, 1, function()
      error(weft.ClosedError "no")
    end)
    assert.equal("no", err.message)
    second:await()
    assert.same({ 2 }, said)
  end)

  it("is broken by the cancellation of who waits: the others are told",
    function()
      local seq, said = sequencer.new(), {}
      local second, third = taker(seq, said, 2), taker(seq, said, 3)
      weft.yield()
      second:cancel()
      local err = fails("InvalidStateError", third.await, third)
      assert.truthy(err.message:find("step 2 was cancelled", 1, true))
      assert.is_true(second:cancelled())
      fails("InvalidStateError", seq, 1)
      assert.same({}, said)
    end)

  it("is a cancellation point, also in its turn [3.2]", function()
    local seq = sequencer.new "only"
    local scope = weft.scope(function(scope)
      scope:cancel()
      seq "only"
    end)
    assert.is_true(scope:cancelled_caught())
    local err = fails("InvalidStateError", seq, "only")
    assert.truthy(err.message:find('step "only" was taken before', 1, true))
  end)

  it("takes each step once", function()
    local seq = sequencer.new()
    seq(1)
    fails("InvalidStateError", seq, 1)
    seq(2) -- and goes on
    local waiting = weft.spawn(function() seq(4) end)
    testing.wait_all_parked()
    fails("InvalidStateError", seq, 4)
    seq(3)
    waiting:await()
  end)

  it("refuses what is no step, no name and no function", function()
    local seq, named = sequencer.new(), sequencer.new("a", "b")
    refuses({ "step", "whole number of 1 or more", "number 0" }, seq, 0)
    refuses({ "number 1.5" }, seq, 1.5)
    refuses({ 'string "a"' }, seq, "a")
    refuses({ "one of a, b", 'string "c"' }, named, "c")
    refuses({ "fn must be a function", "number 7" }, seq, 1, 7)
    refuses({ "argument 2", "number 3" }, sequencer.new, "a", 3)
    refuses({ '"a" is there twice' }, sequencer.new, "a", "a")
    seq(1) -- none of it counted
  end)

  it("needs a task", testing.plain(function()
    fails("InvalidStateError", sequencer.new(), 1)
  end))
end)
