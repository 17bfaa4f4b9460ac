-- Semaphores.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local settle = helper.settle

local function parked(fn, ...)
  local task = weft.spawn(fn, ...)
  weft.yield()
  assert.is_false(task:done())
  return task
end

describe("a semaphore", function()
  it("counts from n [17.1]", function()
    local semaphore = weft.semaphore(2)
    semaphore:acquire()
    assert.equal(1, semaphore:value())
    assert.is_false(semaphore:locked())
    semaphore:acquire()
    assert.equal(0, semaphore:value())
    assert.is_true(semaphore:locked())
  end)

  it("may begin at 0 [17.1]", function()
    assert.is_true(weft.semaphore(0):locked())
  end)

  for _, make in ipairs { "semaphore", "bounded_semaphore" } do
    it("refuses an n below 0 or that is no whole number: " .. make .. " [17.1]",
      function()
        refuses({ make, "n", "whole number", "number -1" }, weft[make], -1)
        refuses({ "n", "number 1.5" }, weft[make], 1.5)
        refuses({ "n", "NaN" }, weft[make], 0 / 0)
        refuses({ "n", "inf" }, weft[make], math.huge)
        refuses({ "n", "below 2^53", "9.007" }, weft[make], 2 ^ 53)
        refuses({ "n", "string" }, weft[make], "1")
        refuses({ "n", "nil" }, weft[make])
      end)
  end

  it("may be released by anyone [17.1]", function()
    local semaphore = weft.semaphore(1)
    semaphore:acquire()
    weft.spawn(function() semaphore:release() end):await()
    assert.equal(1, semaphore:value())
  end)

  it("adds a permit on release where nobody waits [17.1]", function()
    local semaphore = weft.semaphore(0)
    semaphore:release()
    semaphore:release()
    assert.equal(2, semaphore:value())
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.semaphore, 1)
  end))
end)

describe("semaphore:acquire", function()
  it("parks while there is no permit", function()
    local semaphore = weft.semaphore(0)
    weft.call_later(3, function() semaphore:release() end)
    semaphore:acquire()
    assert.equal(3, weft.now())
  end)

  it("is handed the permit by release, the first who waits first [17.1, 3.6]",
    function()
      local semaphore, log = weft.semaphore(0), {}
      for i = 1, 3 do
        parked(function()
          semaphore:acquire()
          log[#log + 1] = i
        end)
      end
      for _ = 1, 3 do
        semaphore:release()
        assert.equal(0, semaphore:value())
      end
      settle()
      assert.same({ 1, 2, 3 }, log)
    end)

  it("does not let a newcomer pass those who wait [3.6]", function()
    local semaphore, log = weft.semaphore(0), {}
    parked(function()
      semaphore:acquire()
      log[#log + 1] = "waiter"
      semaphore:release()
    end)
    semaphore:release()
    assert.is_false(semaphore:try_acquire())
    semaphore:acquire()
    log[#log + 1] = "newcomer"
    assert.same({ "waiter", "newcomer" }, log)
  end)

  it("cancelled took no permit: it goes to the next [3.5]", function()
    local semaphore = weft.semaphore(0)
    local first = parked(function() semaphore:acquire() end)
    local second = parked(function() semaphore:acquire() end)
    first:cancel()
    semaphore:release()
    settle()
    assert.is_true(first:cancelled())
    assert.is_true(second:done() and not second:cancelled())
    assert.equal(0, semaphore:value())
  end)

  it("timed out took no permit [3.5]", function()
    local semaphore = weft.semaphore(0)
    weft.move_on_after(1, function() semaphore:acquire() end)
    semaphore:release()
    assert.equal(1, semaphore:value())
  end)

  it("that was handed the permit has it though it is cancelled [3.4]",
    function()
      local semaphore, has_it = weft.semaphore(0), false
      local task = parked(function()
        semaphore:acquire()
        has_it = true
      end)
      semaphore:release()
      task:cancel()
      settle()
      assert.is_true(has_it)
      assert.equal(0, semaphore:value())
    end)
end)

describe("semaphore:try_acquire", function()
  it("takes a free permit, or is false [3.9]", function()
    local semaphore = weft.semaphore(1)
    assert.is_true(semaphore:try_acquire())
    assert.is_false(semaphore:try_acquire())
  end)

  it("is no cancellation point [3.9]", function()
    local semaphore = weft.semaphore(1)
    weft.move_on_after(0, function()
      assert.is_true(semaphore:try_acquire())
    end)
  end)
end)

describe("a bounded semaphore", function()
  it("raises InvalidStateError on the very release that exceeds n [17.2]",
    function()
      local semaphore = weft.bounded_semaphore(2)
      semaphore:acquire()
      semaphore:release()
      fails("InvalidStateError", semaphore.release, semaphore)
      assert.equal(2, semaphore:value())
    end)

  it("raises it for n of 0 too [17.2]", function()
    local semaphore = weft.bounded_semaphore(0)
    fails("InvalidStateError", semaphore.release, semaphore)
    assert.equal(0, semaphore:value())
  end)

  it("counts a permit that was handed over, but not yet run with, as out "
    .. "[17.2]", function()
    local semaphore = weft.bounded_semaphore(1)
    semaphore:acquire()
    parked(function()
      semaphore:acquire()
      weft.sleep(1)
      semaphore:release()
    end)
    semaphore:release()
    semaphore:release() -- the permit handed over, by someone else: no blame
    fails("InvalidStateError", semaphore.release, semaphore)
    semaphore:acquire()
    weft.sleep(2)
  end)
end)

describe("semaphore:with", function()
  it("returns fn's results and releases [12.10]", function()
    local semaphore = weft.semaphore(1)
    assert.equal(3, select("#", semaphore:with(function()
      assert.is_true(semaphore:locked())
      return 1, nil, nil
    end)))
    assert.equal(1, semaphore:value())
  end)

  it("releases when fn fails, and raises its error untouched "
    .. "[12.10, 10.1]", function()
    local semaphore, mine = weft.semaphore(1), {}
    assert.equal(mine,
      error_of(semaphore.with, semaphore, function() error(mine) end))
    assert.equal(1, semaphore:value())
  end)

  it("releases when fn is cancelled [12.10, 3.7]", function()
    local semaphore = weft.semaphore(1)
    weft.move_on_after(1, function() semaphore:with(weft.sleep_forever) end)
    assert.equal(1, semaphore:value())
  end)

  it("releases nothing when the acquire was cancelled [12.10, 3.5]", function()
    local semaphore = weft.semaphore(0)
    weft.move_on_after(1, function() semaphore:with(error) end)
    assert.equal(0, semaphore:value())
  end)

  it("refuses what is no function, and takes no permit", function()
    local semaphore = weft.semaphore(1)
    refuses({ "with", "fn", "function", "nil" }, semaphore.with, semaphore)
    assert.equal(1, semaphore:value())
  end)
end)

describe("semaphore:close", function()
  it("wakes all who wait with ClosedError, in order [3.10]", function()
    local semaphore, log = weft.semaphore(0), {}
    for i = 1, 2 do
      parked(function()
        local err = fails("ClosedError", semaphore.acquire, semaphore)
        log[#log + 1] = i .. " " .. err.message
      end)
    end
    semaphore:close()
    semaphore:close()
    settle()
    assert.same({
      "1 semaphore:acquire: the semaphore is closed",
      "2 semaphore:acquire: the semaphore is closed",
    }, log)
  end)

  for method, called in pairs {
    acquire = "acquire", try_acquire = "try_acquire", release = "release",
    value = "value", locked = "value", statistics = "value",
  } do
    it("has " .. method .. " raise ClosedError from then on [3.10]", function()
      local semaphore = weft.semaphore(1)
      semaphore:close()
      local err = fails("ClosedError", semaphore[method], semaphore)
      assert.equal("semaphore:" .. called .. ": the semaphore is closed",
        err.message)
    end)
  end

  it("in a with leaves nothing to give back, and its outcome as it is",
    function()
      local semaphore = weft.semaphore(1)
      assert.equal("result", semaphore:with(function()
        semaphore:close()
        return "result"
      end))
    end)
end)

describe("semaphore:statistics", function()
  it("tells the permits, the bound, and how many wait", function()
    local semaphore = weft.bounded_semaphore(2)
    assert.same({ value = 2, bound = 2, waiting = 0 }, semaphore:statistics())
    semaphore = weft.semaphore(0)
    local task = parked(function() semaphore:acquire() end)
    assert.same({ value = 0, waiting = 1 }, semaphore:statistics())
    task:cancel()
    settle()
  end)
end)

describe("semaphore:acquire that need not wait", function()
  it("keeps the turn, but for the 128th time [1.7]", function()
    local semaphore, count, seen = weft.semaphore(300), 0, nil
    weft.yield()
    weft.spawn(function() seen = count end)
    for _ = 1, 200 do
      semaphore:acquire()
      count = count + 1
    end
    assert.equal(127, seen)
  end)

  it("is a cancellation point all the same [3.2]", function()
    local semaphore = weft.semaphore(1)
    weft.move_on_after(0, function()
      fails("CancelledError", semaphore.acquire, semaphore)
    end)
    assert.equal(1, semaphore:value())
  end)
end)
