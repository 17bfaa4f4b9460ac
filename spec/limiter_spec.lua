-- Limiters.
local weft = require "weft"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local function settle()
  for _ = 1, 5 do weft.yield() end
end

local function says(err, ...)
  for _, piece in ipairs { ... } do
    assert.is_truthy(err.message:find(piece, 1, true), err.message)
  end
end

-- Runs fn(...) in a task that is parked now.
local function parked(fn, ...)
  local task = weft.spawn(fn, ...)
  weft.yield()
  assert.is_false(task:done())
  return task
end

-- A task that has a token for so many seconds.
local function borrower(limiter, seconds)
  return parked(function()
    limiter:with(function() weft.sleep(seconds) end)
  end)
end

local function counts(limiter, total, borrowed, available, waiting)
  assert.same({
    total = total, borrowed = borrowed, available = available,
    waiting = waiting,
  }, limiter:statistics())
end

describe("a limiter", function()
  it("lends so many tokens at a time, first come, first served [3.6, 1.5]",
    function()
      local limiter, log = weft.limiter(2), {}
      weft.group(function(g)
        for i = 1, 5 do
          g:spawn(function()
            limiter:with(function()
              log[#log + 1] = i .. " at " .. weft.now()
              weft.sleep(1)
            end)
          end)
        end
        weft.yield()
        counts(limiter, 2, 2, 0, 3)
      end)
      assert.same({ "1 at 0", "2 at 0", "3 at 1", "4 at 1", "5 at 2" }, log)
      counts(limiter, 2, 0, 2, 0)
    end)

  it("refuses a total that is no count", function()
    local limiter = weft.limiter(1)
    for _, total in ipairs { -1, 1.5, "1", math.huge, 2 ^ 53 } do
      refuses({ "limiter(total)", "whole number" }, weft.limiter, total)
      refuses({ "limiter:set_total(total)", "whole number" },
        limiter.set_total, limiter, total)
    end
    refuses({ "limiter(total)", "nil" }, weft.limiter)
    counts(limiter, 1, 0, 1, 0)
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.limiter, 1)
  end))
end)

describe("limiter:acquire", function()
  it("by a task that has a token is an InvalidStateError [17.3]", function()
    local limiter = weft.limiter(2)
    limiter:acquire()
    says(fails("InvalidStateError", limiter.acquire, limiter),
      "limiter:acquire", "has a token already")
    says(fails("InvalidStateError", limiter.try_acquire, limiter),
      "limiter:try_acquire", "has a token already")
    counts(limiter, 2, 1, 1, 0)
    limiter:release()
  end)

  it("is for tasks: one borrows while another has a token [17.3]", function()
    local limiter = weft.limiter(2)
    limiter:acquire()
    weft.spawn(function()
      limiter:acquire()
      counts(limiter, 2, 2, 0, 0)
      limiter:release()
    end):await()
    limiter:release()
  end)

  it("parks while none is to be had", function()
    local limiter = weft.limiter(1)
    borrower(limiter, 3)
    limiter:acquire()
    assert.equal(3, weft.now())
    limiter:release()
  end)

  it("lets no newcomer pass those who wait [3.6, 3.9]", function()
    local limiter, log = weft.limiter(1), {}
    limiter:acquire()
    parked(function()
      limiter:with(function() log[#log + 1] = "waiter" end)
    end)
    limiter:release()
    assert.is_false(limiter:try_acquire())
    limiter:with(function() log[#log + 1] = "newcomer" end)
    assert.same({ "waiter", "newcomer" }, log)
  end)

  it("cancelled borrowed none: the token goes to the next [3.5]", function()
    local limiter = weft.limiter(1)
    limiter:acquire()
    local first = parked(function() limiter:acquire() end)
    local second = parked(function() limiter:with(function() end) end)
    first:cancel()
    counts(limiter, 1, 1, 0, 1)
    limiter:release()
    settle()
    assert.is_true(first:cancelled())
    assert.is_true(second:done() and not second:cancelled())
    counts(limiter, 1, 0, 1, 0)
  end)

  it("timed out borrowed none [3.5, 7.4]", function()
    local limiter = weft.limiter(0)
    fails("TimeoutError", weft.timeout, 1, function() limiter:acquire() end)
    counts(limiter, 0, 0, 0, 0)
  end)

  it("that was lent the token has it though it is cancelled [8, 3.4]",
    function()
      local limiter, log = weft.limiter(1), {}
      limiter:acquire()
      local task = parked(function()
        log.acquired = pcall(limiter.acquire, limiter)
        log.next = pcall(weft.checkpoint)
        limiter:release()
      end)
      limiter:release()
      task:cancel()
      settle()
      assert.same({ acquired = true, next = false }, log)
      counts(limiter, 1, 0, 1, 0)
    end)

  it("is a cancellation point, even with a token to be had [3.2]", function()
    local limiter = weft.limiter(1)
    weft.move_on_after(0, function()
      fails("CancelledError", limiter.acquire, limiter)
    end)
    counts(limiter, 1, 0, 1, 0)
  end)

  it("keeps the turn while it need not wait, but for the 128th time [1.7]",
    function()
      local limiter, count, seen = weft.limiter(1), 0, nil
      weft.yield()
      weft.spawn(function() seen = count end)
      for _ = 1, 200 do
        limiter:acquire()
        count = count + 1
        limiter:release()
      end
      assert.equal(127, seen)
    end)

  it("needs a task [1.11]", function()
    local limiter, err = weft.limiter(1), nil
    weft.call_soon(function() err = error_of(limiter.acquire, limiter) end)
    weft.yield()
    says(err, "limiter:acquire", "needs a task")
  end)
end)

describe("limiter:try_acquire", function()
  it("borrows what there is, or is false [3.9]", function()
    local limiter = weft.limiter(1)
    assert.is_true(limiter:try_acquire())
    weft.spawn(function()
      assert.is_false(limiter:try_acquire())
    end):await()
    limiter:release()
  end)

  it("is no cancellation point [3.9]", function()
    local limiter = weft.limiter(1)
    weft.move_on_after(0, function()
      assert.is_true(limiter:try_acquire())
    end)
    limiter:release()
  end)
end)

describe("limiter:release", function()
  it("by a task that has no token is an InvalidStateError [17.3]", function()
    local limiter = weft.limiter(1)
    says(fails("InvalidStateError", limiter.release, limiter),
      "limiter:release", "no token")
    borrower(limiter, 1)
    fails("InvalidStateError", limiter.release, limiter)
    counts(limiter, 1, 1, 0, 0)
    weft.sleep(2)
  end)

  it("is no cancellation point [3.7]", function()
    local limiter = weft.limiter(1)
    limiter:acquire()
    weft.move_on_after(0, function() limiter:release() end)
    counts(limiter, 1, 0, 1, 0)
  end)
end)

describe("the token of a task that ends", function()
  it("comes back, goes to the next who waits, and is reported [17.3]",
    function()
      local limiter, got = weft.limiter(1), false
      weft.spawn("careless", function()
        limiter:acquire()
        weft.sleep(1)
      end)
      weft.yield()
      parked(function()
        limiter:with(function() got = true end)
      end)
      weft.sleep(2)
      assert.is_true(got)
      counts(limiter, 1, 0, 1, 0)
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal(report.UNCLOSED, reports[1].kind)
      assert.equal("careless", reports[1].task)
      assert.is_true(reports[1].err:is "InvalidStateError")
      says(reports[1].err, "task 'careless'", "limiter")
    end)

  it("does so also where the task failed or was cancelled [17.3]", function()
    local limiter = weft.limiter(2)
    pcall(weft.group, function(g)
      g:spawn(function()
        limiter:acquire()
        weft.sleep_forever()
      end)
      g:spawn(function()
        limiter:acquire()
        error "x"
      end)
    end)
    counts(limiter, 2, 0, 2, 0)
    assert.equal(2, #testing.reports())
  end)

  it("is not reported where it was given back on every way out [12.10]",
    function()
      local limiter = weft.limiter(2)
      pcall(weft.group, function(g)
        g:spawn(function() limiter:with(weft.sleep_forever) end)
        g:spawn(function() limiter:with(function() error "x" end) end)
      end)
      counts(limiter, 2, 0, 2, 0)
    end)
end)

describe("limiter:set_total", function()
  it("up serves those who wait at once [17.4]", function()
    local limiter, log = weft.limiter(1), {}
    limiter:acquire()
    for i = 1, 3 do
      parked(function()
        limiter:with(function()
          log[#log + 1] = i
          weft.sleep(1)
        end)
      end)
    end
    limiter:set_total(3)
    counts(limiter, 3, 3, 0, 1)
    assert.same({}, log)
    weft.yield()
    assert.same({ 1, 2 }, log)
    limiter:release()
    weft.sleep(3)
    assert.same({ 1, 2, 3 }, log)
  end)

  it("down takes nothing back, and lends no more until enough are returned "
    .. "[17.4]", function()
    local limiter = weft.limiter(3)
    for seconds = 1, 3 do borrower(limiter, seconds) end
    limiter:set_total(1)
    counts(limiter, 1, 3, 0, 0)
    limiter:acquire()
    assert.equal(3, weft.now())
    counts(limiter, 1, 1, 0, 0)
    limiter:release()
  end)
end)

describe("limiter:with", function()
  it("returns fn's results, nils included, and gives back [12.10]", function()
    local limiter = weft.limiter(1)
    assert.equal(3, select("#", limiter:with(function()
      counts(limiter, 1, 1, 0, 0)
      return 1, nil, nil
    end)))
    counts(limiter, 1, 0, 1, 0)
  end)

  it("gives back when fn fails, and raises its error untouched "
    .. "[12.10, 10.1]", function()
    local limiter, mine = weft.limiter(1), {}
    assert.equal(mine,
      error_of(limiter.with, limiter, function() error(mine) end))
    counts(limiter, 1, 0, 1, 0)
  end)

  it("gives back when fn is cancelled [12.10, 3.7]", function()
    local limiter = weft.limiter(1)
    weft.move_on_after(1, function() limiter:with(weft.sleep_forever) end)
    counts(limiter, 1, 0, 1, 0)
  end)

  it("refuses what is no function, and borrows nothing", function()
    local limiter = weft.limiter(1)
    refuses({ "limiter:with", "fn", "nil" }, limiter.with, limiter)
    counts(limiter, 1, 0, 1, 0)
  end)
end)

describe("limiter:close", function()
  it("wakes all who wait with ClosedError, in order; what is lent need not "
    .. "come back [3.10]", function()
    local limiter, log = weft.limiter(1), {}
    limiter:acquire()
    for i = 1, 2 do
      parked(function()
        says(fails("ClosedError", limiter.acquire, limiter),
          "limiter:acquire", "closed")
        log[#log + 1] = i
      end)
    end
    limiter:close()
    limiter:close()
    settle()
    assert.same({ 1, 2 }, log)
  end)

  it("then the waiter cancelled: ClosedError; Cancelled next [8, 3.10]",
    function()
      local limiter, log = weft.limiter(0), {}
      local task = parked(function()
        local _, err = pcall(limiter.acquire, limiter)
        log.wait = err.name
        log.next = pcall(weft.checkpoint)
      end)
      limiter:close()
      task:cancel()
      settle()
      assert.same({ wait = "ClosedError", next = false }, log)
    end)

  for _, method in ipairs {
    "acquire", "try_acquire", "release", "statistics", "set_total",
  } do
    it("has " .. method .. " raise ClosedError from then on [3.10]", function()
      local limiter = weft.limiter(1)
      limiter:close()
      says(fails("ClosedError", limiter[method], limiter, 1),
        "limiter:" .. method, "the limiter is closed")
    end)
  end
end)
