-- Rate limiters: a bucket of tokens.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local refuses = helper.refuses

testing.options { virtual = true }

-- The times at which `count` tokens are had.
local function times_of(limiter, count)
  local times = {}
  for i = 1, count do
    limiter:acquire()
    times[i] = weft.now()
  end
  return times
end

describe("a rate limiter", function()
  it("starts full and gains rate/per tokens a second [17.5]", function()
    assert.same({ 0, 0, 2, 4, 6 }, times_of(weft.rate_limiter(2, 4), 5))
  end)

  it("holds up to burst tokens [17.5]", function()
    local limiter = weft.rate_limiter(1, 1, { burst = 3 })
    assert.same({ 0, 0, 0, 1, 2 }, times_of(limiter, 5))
    weft.sleep(100)
    assert.same({ 102, 102, 102, 103 }, times_of(limiter, 4))
  end)

  it("holds rate tokens unless told, and at least 1 [17.5]", function()
    assert.same({ 0, 0, 0, 1 }, times_of(weft.rate_limiter(3, 3), 4))
    weft.sleep(1)
    assert.same({ 2, 4, 6 }, times_of(weft.rate_limiter(0.5, 1), 3))
  end)

  it("gives several tokens at once when all are there [17.5]", function()
    local limiter = weft.rate_limiter(4, 4)
    limiter:acquire(3)
    assert.equal(0, weft.now())
    limiter:acquire(4)
    assert.equal(3, weft.now())
  end)

  it("serves those who wait in order, one for many tokens too [17.5]",
    function()
      local limiter, log = weft.rate_limiter(4, 4), {}
      limiter:acquire(4)
      for _, n in ipairs { 3, 1, 2 } do
        weft.spawn(function()
          limiter:acquire(n)
          log[#log + 1] = n .. " at " .. weft.now()
        end)
      end
      weft.sleep(10)
      assert.same({ "3 at 3", "1 at 4", "2 at 6" }, log)
    end)

  it("takes no token for an acquire that is cancelled [3.5]", function()
    local limiter = weft.rate_limiter(1, 10)
    limiter:acquire()
    weft.move_on_after(5, function() limiter:acquire() end)
    limiter:acquire()
    assert.equal(10, weft.now())
  end)

  it("lets the next in when one who waited is cancelled [3.5, 17.5]", function()
    local limiter, at = weft.rate_limiter(1, 10), nil
    limiter:acquire()
    local gone = weft.spawn(function() limiter:acquire() end)
    weft.spawn(function()
      limiter:acquire()
      at = weft.now()
    end)
    weft.sleep(1)
    gone:cancel()
    weft.sleep(20)
    assert.equal(10, at)
  end)

  it("does not wait for what is there to be tried [3.9]", function()
    local limiter = weft.rate_limiter(2, 2)
    assert.is_true(limiter:try_acquire(2))
    assert.is_false(limiter:try_acquire())
    weft.sleep(1)
    assert.is_true(limiter:try_acquire())
  end)

  it("fails to be tried while others wait [3.9]", function()
    local limiter = weft.rate_limiter(2, 2)
    limiter:acquire(2)
    weft.spawn(function() limiter:acquire(2) end)
    weft.sleep(1.5)
    assert.is_false(limiter:try_acquire())
    weft.sleep(10)
  end)

  it("calls fn in with, once it has its token, and returns its results",
    function()
      local limiter = weft.rate_limiter(1, 5)
      limiter:acquire()
      assert.equal(3, select("#", limiter:with(function()
        return 1, 2, nil
      end)))
      assert.equal(5, weft.now())
    end)

  it("refuses n over burst, since it would wait for ever [17.5]", function()
    local limiter = weft.rate_limiter(2, 1)
    refuses({ "acquire", "n is 3", "2 at most" }, limiter.acquire, limiter, 3)
    refuses({ "try_acquire", "n is 3" }, limiter.try_acquire, limiter, 3)
  end)

  it("refuses what is no number above 0 [2.4]", function()
    refuses({ "rate", "above 0", "nil" }, weft.rate_limiter)
    refuses({ "rate", "number 0" }, weft.rate_limiter, 0, 1)
    refuses({ "per", "number -1" }, weft.rate_limiter, 1, -1)
    refuses({ "per", "NaN" }, weft.rate_limiter, 1, 0 / 0)
    refuses({ "burst", "string" }, weft.rate_limiter, 1, 1, { burst = "2" })
    refuses({ "opts", "table", "number 5" }, weft.rate_limiter, 1, 1, 5)
    local limiter = weft.rate_limiter(1, 1)
    refuses({ "acquire(n)", "number 0" }, limiter.acquire, limiter, 0)
    refuses({ "acquire(n)", "string" }, limiter.acquire, limiter, "1")
    refuses({ "with", "fn", "nil" }, limiter.with, limiter)
  end)
end)

describe("a sliding window", function()
  it("lets limit tokens pass in any window of its length", function()
    local limiter, times = weft.sliding_window(2, 10), {}
    for i, pause in ipairs { 0, 7, 0, 0, 0 } do
      weft.sleep(pause)
      limiter:acquire()
      times[i] = weft.now()
    end
    assert.same({ 0, 7, 10, 17, 20 }, times)
  end)

  it("does not let twice its limit pass after a pause, as a bucket does",
    function()
      local window, bucket = weft.sliding_window(3, 3), weft.rate_limiter(3, 3)
      weft.sleep(100)
      assert.same({ 100, 100, 100, 103, 103, 103 }, times_of(window, 6))
      weft.sleep(100)
      assert.same({ 203, 203, 203, 204, 205, 206 }, times_of(bucket, 6))
    end)

  it("gives several tokens at once, in order of asking", function()
    local limiter, log = weft.sliding_window(4, 10), {}
    limiter:acquire(3)
    weft.sleep(1)
    for _, n in ipairs { 4, 1, 2, 2 } do
      weft.spawn(function()
        limiter:acquire(n)
        log[#log + 1] = n .. " at " .. weft.now()
      end)
    end
    weft.sleep(100)
    assert.same({ "4 at 10", "1 at 20", "2 at 20", "2 at 30" }, log)
  end)

  it("never exceeds its limit, whatever is asked for", function()
    local limit, per = 5, 10
    local limiter, taken = weft.sliding_window(limit, per), {}
    math.randomseed(3)
    for _ = 1, 200 do
      local n = math.random(limit)
      if math.random(3) == 1 then weft.sleep(math.random(8)) end
      if math.random(4) > 1 then limiter:acquire(n)
      elseif not limiter:try_acquire(n) then n = 0 end
      for _ = 1, n do taken[#taken + 1] = weft.now() end
    end
    assert.is_true(#taken > 300)
    for i = limit + 1, #taken do
      assert.is_true(taken[i] - taken[i - limit] >= per)
    end
  end)

  it("takes nothing for an acquire that is cancelled, and lets the next in "
    .. "[3.5]", function()
      local limiter, at = weft.sliding_window(1, 10), nil
      limiter:acquire()
      local gone = weft.spawn(function() limiter:acquire() end)
      weft.spawn(function()
        limiter:acquire()
        at = weft.now()
      end)
      weft.sleep(1)
      gone:cancel()
      weft.sleep(20)
      assert.equal(10, at)
    end)

  it("does not wait for what is there to be tried [3.9]", function()
    local limiter = weft.sliding_window(2, 10)
    assert.is_true(limiter:try_acquire())
    weft.sleep(4)
    assert.is_true(limiter:try_acquire())
    assert.is_false(limiter:try_acquire())
    weft.sleep(6)
    assert.is_false(limiter:try_acquire(2))
    assert.is_true(limiter:try_acquire(1))
    local waiter = weft.spawn(function() limiter:acquire() end)
    weft.sleep(1)
    assert.is_false(limiter:try_acquire())
    waiter:await()
  end)

  it("calls fn in with, once it has its token", function()
    local limiter = weft.sliding_window(1, 5)
    limiter:acquire()
    assert.equal(5, limiter:with(weft.now))
  end)

  it("refuses what cannot be", function()
    refuses({ "limit", "whole number", "nil" }, weft.sliding_window)
    refuses({ "limit", "whole number", "1.5" }, weft.sliding_window, 1.5, 1)
    refuses({ "per", "above 0", "number 0" }, weft.sliding_window, 1, 0)
    local limiter = weft.sliding_window(2, 1)
    refuses({ "sliding_window:acquire(n): n is 3", "room for 2 at most" },
      limiter.acquire, limiter, 3)
    refuses({ "sliding_window:try_acquire(n)", "whole number", "0.5" },
      limiter.try_acquire, limiter, 0.5)
    refuses({ "sliding_window:with", "fn", "nil" }, limiter.with, limiter)
  end)
end)

describe("a rate limiter's options", function()
  it("are known by name", function()
    refuses({ "rate_limiter: there is no option", "brust", "there is burst" },
      weft.rate_limiter, 1, 1, { brust = 2 })
  end)
end)

describe("tokens that are due at a time of many digits", function()
  local kinds = {
    rate_limiter = function() return weft.rate_limiter(1, 0.1) end,
    sliding_window = function() return weft.sliding_window(1, 0.1) end,
  }
  for name, make in pairs(kinds) do
    it("are there at that time: " .. name .. " [17.5]", function()
      local limiter, refused = make(), 0
      for i = 1, 100 do
        weft.sleep_until(i * 0.1)
        if not limiter:try_acquire() then refused = refused + 1 end
      end
      assert.equal(0, refused)
    end)
  end
end)
