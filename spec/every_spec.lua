-- Every: calling a function at even intervals.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

describe("weft.every", function()
  it("calls fn after each period", function()
    local times = {}
    weft.every(2, function(n) times[n] = weft.now() end, { count = 4 })
    assert.same({ 2, 4, 6, 8 }, times)
    assert.equal(8, weft.now())
  end)

  it("begins at once with immediate", function()
    weft.sleep(5)
    local times = {}
    weft.every(2, function(n) times[n] = weft.now() end,
      { count = 3, immediate = true })
    assert.same({ 5, 7, 9 }, times)
  end)

  it("does not drift, however long fn takes within its period", function()
    local times = {}
    weft.every(0.1, function(n)
      times[n] = weft.now()
      weft.sleep(0.07)
    end, { count = 1000 })
    assert.equal(0.1, times[1])
    assert.is_true(math.abs(times[1000] - 100) < 1e-9)
  end)

  it("leaves out ticks that are past, and counts them", function()
    local log = {}
    local durations = { 0, 2.5, 0, 1, 3.25, 0 }
    local missed = weft.every(1, function(n, left_out)
      log[n] = ("%g missed %d"):format(weft.now(), left_out)
      weft.sleep(durations[n])
    end, { count = 6 })
    assert.same({
      "1 missed 0", "2 missed 0", "5 missed 2", "6 missed 0", "7 missed 0",
      "11 missed 3",
    }, log)
    assert.equal(5, missed)
  end)

  it("does not miss a tick by a rounding error", function()
    local missed = weft.every(0.1, function() weft.sleep(0.1) end,
      { count = 500 })
    assert.equal(0, missed)
  end)

  it("goes on until it is cancelled in its wait [3.2]", function()
    local calls = 0
    local waited = weft.move_on_after(10.5, function()
      weft.every(1, function() calls = calls + 1 end, { count = math.huge })
    end)
    assert.is_true(waited:cancelled_caught())
    assert.equal(10, calls)
    assert.equal(10.5, weft.now())
  end)

  it("is cancelled in fn [3.2]", function()
    local calls = 0
    weft.move_on_after(3, function()
      weft.every(1, function()
        calls = calls + 1
        weft.sleep(5)
      end)
    end)
    assert.equal(1, calls)
  end)

  it("does not call fn in cancelled code [6.5]", function()
    local calls = 0
    weft.scope(function(scope)
      scope:cancel()
      weft.every(1, function() calls = calls + 1 end, { immediate = true })
    end)
    assert.equal(0, calls)
  end)

  it("raises what fn raises, and calls it no more", function()
    local calls = 0
    fails("OSError", weft.every, 1, function(n)
      calls = n
      if n == 3 then error(weft.OSError "x") end
    end)
    assert.equal(3, calls)
  end)

  it("refuses wrong arguments", function()
    local text = "every(seconds, fn, opts)"
    refuses({ text, "seconds", "above 0", "number 0" }, weft.every, 0, print)
    refuses({ text, "seconds", "finite" }, weft.every, math.huge, print)
    refuses({ text, "seconds", "NaN" }, weft.every, 0 / 0, print)
    refuses({ text, "fn", "nil" }, weft.every, 1)
    refuses({ "every", "opts", "table" }, weft.every, 1, print, 5)
    refuses({ "no option", "times", "count and immediate" }, weft.every, 1,
      print, { times = 3 })
    refuses({ "count", "number 0" }, weft.every, 1, print, { count = 0 })
    refuses({ "immediate", "true or false" }, weft.every, 1, print,
      { immediate = 1 })
  end)
end)
