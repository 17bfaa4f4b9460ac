-- Backoff: the waits between attempts.
local backoff = require "weft.backoff"
local helper = require "spec.helper"

local refuses = helper.refuses

-- The first `count` waits.
local function waits(spec, count)
  local wait, list = backoff.new("backoff", spec), {}
  for attempt = 1, count do list[attempt] = wait(attempt) end
  return list
end

describe("a backoff", function()
  it("grows by its factor up to its bound", function()
    assert.same({ 1, 3, 9, 20, 20 },
      waits({ first = 1, factor = 3, max = 20, jitter = 0 }, 5))
    assert.same({ 0.1, 0.2, 0.4 }, waits({ jitter = 0 }, 3))
  end)

  it("stays at its bound however many attempts there are", function()
    local wait = backoff.new("backoff", { jitter = 0 })
    assert.equal(30, wait(5000))
    assert.equal(0, backoff.new("backoff", { first = 0 })(5000))
  end)

  it("takes a random part off, of all the span of jitter", function()
    local wait = backoff.new("backoff", { first = 8, factor = 1, jitter = 0.5 })
    local least, most = math.huge, 0
    for _ = 1, 2000 do
      local seconds = wait(1)
      least, most = math.min(least, seconds), math.max(most, seconds)
    end
    assert.is_true(least >= 4 and least < 4.1, tostring(least))
    assert.is_true(most <= 8 and most > 7.9, tostring(most))
  end)

  it("repeats itself with the same seed, whatever math.random does", function()
    local first = waits({ seed = 7, jitter = 1 }, 10)
    math.randomseed(1)
    math.random()
    assert.same(first, waits({ seed = 7, jitter = 1 }, 10))
    assert.not_same(first, waits({ seed = 8, jitter = 1 }, 10))
  end)

  it("differs from all others without a seed", function()
    assert.not_same(waits({ jitter = 1 }, 5), waits({ jitter = 1 }, 5))
    assert.not_same(waits(nil, 5), waits(nil, 5))
  end)

  it("may be a number of seconds, or a function of the attempt", function()
    assert.same({ 2, 2 }, waits(2, 2))
    assert.same({ 10, 20 }, waits(function(i) return i * 10 end, 2))
  end)

  it("refuses what is no backoff", function()
    local function refused(pieces, spec)
      refuses(pieces, backoff.new, "retry: backoff", spec)
    end
    refused({ "retry: backoff must be a table, a number", '"1"' }, "1")
    refused({ "retry: backoff", "0 or more", "number -1" }, -1)
    refused({ "there is no option", "frist" }, { frist = 1 })
    refused({ "factor", "at least 1", "0.5" }, { factor = 0.5 })
    refused({ "jitter", "from 0 to 1", "number 2" }, { jitter = 2 })
    refused({ "first", "NaN" }, { first = 0 / 0 })
    refused({ "seed", "whole number" }, { seed = 1.5 })
  end)

  it("refuses a function's result that is no number of seconds", function()
    local wait = backoff.new("retry: backoff", function() end)
    refuses({ "retry: backoff(attempt)'s result", "nil" }, wait, 1)
  end)
end)
