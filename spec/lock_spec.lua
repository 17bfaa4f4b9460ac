-- Locks.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local function settle()
  for _ = 1, 5 do weft.yield() end
end

-- A task that runs fn(...) and is parked now.
local function parked(name, fn, ...)
  local task = weft.spawn(name, fn, ...)
  weft.yield()
  assert.is_false(task:done())
  return task
end

-- A task that has the lock until `event` is set.
local function holder(lock, event)
  return parked("holder", function()
    lock:with(function() event:wait() end)
  end)
end

-- Breaks the lock, which is free, by a task of that name.
local function break_lock(lock, name)
  weft.spawn(name, function() lock:acquire() end):await()
end

local function says(err, ...)
  for _, piece in ipairs { ... } do
    assert.is_truthy(err.message:find(piece, 1, true), err.message)
  end
end

describe("a lock", function()
  it("is free, then its owner's, then free again [16.1]", function()
    local lock = weft.lock()
    assert.is_false(lock:locked())
    assert.is_nil(lock:owner())
    lock:acquire()
    assert.is_true(lock:locked())
    assert.equal(weft.current_task(), lock:owner())
    lock:release()
    assert.is_false(lock:locked())
    assert.is_nil(lock:owner())
  end)

  it("lets one task in at a time, in the order in which they came [3.6, 1.5]",
    function()
      local lock, inside, log = weft.lock(), 0, {}
      weft.group(function(g)
        for i = 1, 5 do
          g:spawn(function()
            lock:with(function()
              inside = inside + 1
              assert.equal(1, inside)
              weft.sleep(1)
              inside = inside - 1
              log[#log + 1] = i
            end)
          end)
        end
      end)
      assert.same({ 1, 2, 3, 4, 5 }, log)
      assert.equal(5, weft.now())
    end)

  it("tells what it is about [16.1]", function()
    local lock, event = weft.lock(), weft.event()
    assert.same({ locked = false, waiting = 0 }, lock:statistics())
    local owner = holder(lock, event)
    parked("waiter", function() lock:with(function() end) end)
    assert.same({ locked = true, owner = owner, waiting = 1 },
      lock:statistics())
    event:set()
    settle()
    break_lock(lock, "careless")
    assert.same({ locked = false, waiting = 0, broken = "careless" },
      lock:statistics())
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.lock)
  end))

  it("of a run that has ended is refused, and says so", testing.plain(function()
    local lock
    weft.run(function() lock = weft.lock() end)
    says(fails("InvalidStateError", lock.release, lock), "lock:release")
    weft.run(function()
      says(fails("ClosedError", lock.acquire, lock), "lock:acquire",
        "run that has ended")
    end)
  end))
end)

describe("lock:acquire", function()
  it("by the owner is an InvalidStateError, and it stays the owner [16.1]",
    function()
      local lock = weft.lock()
      lock:acquire()
      says(fails("InvalidStateError", lock.acquire, lock), "lock:acquire",
        "has the lock already")
      says(fails("InvalidStateError", lock.try_acquire, lock),
        "lock:try_acquire", "has the lock already")
      assert.equal(weft.current_task(), lock:owner())
      lock:release()
    end)

  it("makes the new holder the owner from the hand-off on [16.1]", function()
    local lock, ran = weft.lock(), false
    lock:acquire()
    local waiter = parked("waiter", function()
      lock:acquire()
      ran = true
      lock:release()
    end)
    lock:release()
    assert.is_false(ran)
    assert.is_true(lock:locked())
    assert.equal(waiter, lock:owner())
    settle()
    assert.is_true(ran)
  end)

  it("after a release queues behind those who wait [16.2]", function()
    local lock, log = weft.lock(), {}
    lock:acquire()
    for i = 1, 2 do
      parked("waiter", function()
        lock:acquire()
        log[#log + 1] = i
        lock:release()
      end)
    end
    lock:release()
    lock:acquire()
    log[#log + 1] = "again"
    lock:release()
    assert.same({ 1, 2, "again" }, log)
  end)

  it("lets no newcomer pass those who wait [3.6, 3.9]", function()
    local lock, log = weft.lock(), {}
    lock:acquire()
    parked("waiter", function()
      lock:acquire()
      log[#log + 1] = "waiter"
      weft.sleep(1)
      lock:release()
    end)
    lock:release()
    assert.is_false(lock:try_acquire())
    weft.spawn(function()
      assert.is_false(lock:try_acquire())
      lock:acquire()
      log[#log + 1] = "newcomer"
      lock:release()
    end)
    weft.sleep(2)
    assert.same({ "waiter", "newcomer" }, log)
  end)

  it("cancelled took nothing: the next gets the lock [3.5]", function()
    local lock = weft.lock()
    lock:acquire()
    local first = parked("first", function() lock:acquire() end)
    local second = parked("second", function()
      lock:acquire()
      lock:release()
    end)
    first:cancel()
    assert.equal(1, lock:statistics().waiting)
    lock:release()
    settle()
    assert.is_true(first:cancelled())
    assert.is_true(second:done() and not second:cancelled())
    assert.is_nil(lock:broken())
  end)

  it("timed out took nothing [3.5, 7.4]", function()
    local lock, event = weft.lock(), weft.event()
    local owner = holder(lock, event)
    fails("TimeoutError", weft.timeout, 1, function() lock:acquire() end)
    assert.equal(owner, lock:owner())
    assert.equal(0, lock:statistics().waiting)
    event:set()
    settle()
    assert.is_false(lock:locked())
  end)

  it("is a cancellation point, even on a free lock [3.2]", function()
    local lock = weft.lock()
    weft.move_on_after(0, function()
      fails("CancelledError", lock.acquire, lock)
    end)
    assert.is_false(lock:locked())
  end)

  it("tells misuse before the cancellation [3.1]", function()
    local lock = weft.lock()
    lock:acquire()
    weft.move_on_after(0, function()
      fails("InvalidStateError", lock.acquire, lock)
    end)
    lock:release()
  end)

  it("keeps the turn while it need not wait, but for the 128th time [1.7]",
    function()
      local lock, count, seen = weft.lock(), 0, nil
      weft.yield() -- the budget is a step's
      weft.spawn(function() seen = count end)
      for _ = 1, 200 do
        lock:acquire()
        count = count + 1
        lock:release()
      end
      assert.equal(127, seen)
    end)

  it("goes on counting with other calls that need not wait [1.7]", function()
    local lock, count, seen = weft.lock(), 0, nil
    local semaphore, limiter = weft.semaphore(1000), weft.limiter(1)
    weft.yield()
    weft.spawn(function() seen = count end)
    for _ = 1, 50 do
      lock:with(function() count = count + 1 end)
      semaphore:acquire()
      count = count + 1
      limiter:with(function() count = count + 1 end)
      weft.checkpoint()
      count = count + 1
    end
    assert.equal(127, seen)
  end)

  it("across a C boundary is refused where it would wait [13.3]", function()
    local lock, event = weft.lock(), weft.event()
    holder(lock, event)
    local err = fails("InvalidStateError", table.sort, { 2, 1 }, function()
      lock:acquire()
    end)
    says(err, "lock:acquire", "table.sort")
    event:set()
    settle()
  end)

  it("needs a task [1.11]", function()
    local lock, err = weft.lock(), nil
    weft.call_soon(function() err = error_of(lock.acquire, lock) end)
    weft.yield()
    says(err, "lock:acquire", "needs a task")
    assert.is_false(lock:locked())
  end)
end)

describe("lock:try_acquire", function()
  it("takes a free lock, and is false on a taken one [3.9]", function()
    local lock, event = weft.lock(), weft.event()
    assert.is_true(lock:try_acquire())
    lock:release()
    holder(lock, event)
    assert.is_false(lock:try_acquire())
    event:set()
    settle()
  end)

  it("is no cancellation point [3.9]", function()
    local lock = weft.lock()
    weft.move_on_after(0, function()
      assert.is_true(lock:try_acquire())
    end)
    lock:release()
  end)
end)

describe("lock:release", function()
  it("of a free lock is an InvalidStateError [16.1]", function()
    local lock = weft.lock()
    says(fails("InvalidStateError", lock.release, lock), "lock:release",
      "it is free")
  end)

  it("by another task is an InvalidStateError that names the owner [16.1]",
    function()
      local lock, event = weft.lock(), weft.event()
      local owner = holder(lock, event)
      says(fails("InvalidStateError", lock.release, lock), "lock:release",
        "task 'holder' has it")
      assert.equal(owner, lock:owner())
      event:set()
      settle()
    end)

  it("outside a task is an InvalidStateError [16.1, 1.11]", function()
    local lock, err = weft.lock(), nil
    lock:acquire()
    weft.call_soon(function() err = error_of(lock.release, lock) end)
    weft.yield()
    assert.equal("InvalidStateError", err.name)
    lock:release()
  end)

  it("is no cancellation point and does not wait [3.7]", function()
    local lock = weft.lock()
    lock:acquire()
    weft.move_on_after(0, function() lock:release() end)
    assert.is_false(lock:locked())
  end)
end)

describe("a broken lock", function()
  it("is one whose owner has ended: waiters raise InvalidStateError that names "
    .. "the task, in order [16.3]", function()
    local lock, log = weft.lock(), {}
    local owner = parked("careless", function()
      lock:acquire()
      weft.sleep(1)
    end)
    for i = 1, 2 do
      parked("waiter", function()
        local err = fails("InvalidStateError", lock.acquire, lock)
        says(err, "lock:acquire", "broken", "task 'careless'")
        log[#log + 1] = i
      end)
    end
    owner:await()
    settle()
    assert.same({ 1, 2 }, log)
    assert.equal("careless", lock:broken())
    assert.is_nil(lock:owner())
  end)

  for _, method in ipairs { "acquire", "try_acquire", "release" } do
    it("refuses every later " .. method .. ", naming the task [16.3]",
      function()
        local lock = weft.lock()
        break_lock(lock, "careless")
        says(fails("InvalidStateError", lock[method], lock),
          "lock:" .. method, "broken", "task 'careless'")
      end)
  end

  it("names a task without a name by its number [16.3, 4.13]", function()
    local lock = weft.lock()
    local task = weft.spawn(function() lock:acquire() end)
    task:await()
    assert.equal(task:name(), lock:broken())
  end)

  it("is also one whose owner has failed, or was cancelled [16.3]", function()
    local first, second = weft.lock(), weft.lock()
    pcall(weft.group, function(g)
      g:spawn("cancelled", function()
        second:acquire()
        weft.sleep_forever()
      end)
      g:spawn("failed", function()
        first:acquire()
        error "x"
      end)
    end)
    assert.equal("failed", first:broken())
    assert.equal("cancelled", second:broken())
  end)

  it("is not one that was released on every way out [12.10]", function()
    local lock = weft.lock()
    pcall(weft.group, function(g)
      g:spawn(function() lock:with(weft.sleep_forever) end)
      g:spawn(function() lock:with(function() end) end)
      g:spawn(function() error "x" end)
    end)
    assert.is_nil(lock:broken())
    assert.is_false(lock:locked())
  end)
end)

-- -- Races, in one turn -------------------------------------------------------

describe("a lock in a race", function()
  -- The lock, the event that has it released, and the log of a waiter.
  local function race()
    local lock, event, log = weft.lock(), weft.event(), {}
    holder(lock, event)
    local task = parked("waiter", function()
      local ok, err = pcall(lock.acquire, lock)
      log.wait = ok and "has it" or err.name
      log.owner = ok and lock:owner() == weft.current_task()
      log.next = pcall(weft.checkpoint) and "goes on" or "Cancelled"
      if ok then log.released = pcall(lock.release, lock) end
    end)
    return lock, event, task, log
  end

  it("handed over, then the new holder cancelled: it holds it, returns from "
    .. "acquire, and releases on its way out [8, 3.4]", function()
    local lock, event, task, log = race()
    event:set()
    weft.yield() -- the holder releases
    task:cancel()
    settle()
    assert.same({
      wait = "has it", owner = true, next = "Cancelled", released = true,
    }, log)
    assert.is_false(lock:locked())
  end)

  it("cancelled, then released: Cancelled; the lock stays free [8, 3.5]",
    function()
      local lock, event, task, log = race()
      task:cancel()
      event:set()
      settle()
      assert.same({
        wait = "CancelledError", owner = false, next = "Cancelled",
      }, log)
      assert.is_false(lock:locked())
    end)

  it("closed, then cancelled: ClosedError, Cancelled next [8, 3.10]", function()
    local lock, event, task, log = race()
    lock:close()
    task:cancel()
    event:set()
    settle()
    assert.same({
      wait = "ClosedError", owner = false, next = "Cancelled",
    }, log)
  end)

  it("cancelled, then closed: Cancelled [8, 3.3]", function()
    local lock, event, task, log = race()
    task:cancel()
    lock:close()
    event:set()
    settle()
    assert.equal("CancelledError", log.wait)
  end)
end)

describe("lock:with", function()
  it("returns fn's results, nils included, and releases [12.10]", function()
    local lock = weft.lock()
    assert.equal(3, select("#", lock:with(function()
      assert.equal(weft.current_task(), lock:owner())
      return 1, nil, nil
    end)))
    assert.is_false(lock:locked())
  end)

  it("releases when fn fails, and raises its error untouched [12.10, 10.1]",
    function()
      local lock, mine = weft.lock(), {}
      assert.equal(mine,
        error_of(lock.with, lock, function() error(mine) end))
      assert.is_false(lock:locked())
    end)

  it("releases when fn is cancelled, without waiting [12.10, 3.7]", function()
    local lock = weft.lock()
    weft.move_on_after(1, function() lock:with(weft.sleep_forever) end)
    assert.is_false(lock:locked())
  end)

  it("does not call fn when the acquire was cancelled [12.10, 3.5]", function()
    local lock, event = weft.lock(), weft.event()
    local owner = holder(lock, event)
    weft.move_on_after(1, function() lock:with(error) end)
    assert.equal(owner, lock:owner())
    event:set()
    settle()
  end)

  it("raises what releasing raises, with fn's error as the cause [10.10]",
    function()
      local lock, mine = weft.lock(), weft.Error "mine"
      local err = fails("InvalidStateError", lock.with, lock, function()
        lock:release()
        error(mine)
      end)
      assert.equal(mine, err.cause)
      says(fails("InvalidStateError", lock.with, lock, function()
        lock:release()
      end), "lock:release", "it is free")
    end)

  it("gives nothing back where fn has closed the lock", function()
    local lock = weft.lock()
    assert.equal("result", lock:with(function()
      lock:close()
      return "result"
    end))
    lock = weft.lock()
    assert.equal("mine", error_of(lock.with, lock, function()
      lock:close()
      error("mine", 0)
    end))
  end)

  it("refuses what is no function, and takes nothing", function()
    local lock = weft.lock()
    refuses({ "lock:with", "fn", "function", "nil" }, lock.with, lock)
    assert.is_false(lock:locked())
  end)
end)

describe("lock:close", function()
  it("wakes all who wait with ClosedError, in order [3.10]", function()
    local lock, event, log = weft.lock(), weft.event(), {}
    holder(lock, event)
    for i = 1, 2 do
      parked("waiter", function()
        says(fails("ClosedError", lock.acquire, lock), "lock:acquire",
          "closed")
        log[#log + 1] = i
      end)
    end
    lock:close()
    lock:close()
    settle()
    assert.same({ 1, 2 }, log)
    event:set()
    settle()
  end)

  for _, method in ipairs {
    "acquire", "try_acquire", "release", "locked", "owner", "broken",
    "statistics",
  } do
    it("has " .. method .. " raise ClosedError from then on [3.10]", function()
      local lock = weft.lock()
      lock:close()
      says(fails("ClosedError", lock[method], lock), "lock:" .. method,
        "the lock is closed")
    end)
  end
end)

describe("a lock and the run budget", function()
  it("lets others run before it is taken, not while it is held [1.7]",
    function()
      local lock, seen = weft.lock(), {}
      local busy = weft.spawn(function()
        for _ = 1, 300 do
          lock:acquire()
          lock:release()
        end
      end)
      while not busy:done() do
        weft.yield()
        seen[#seen + 1] = lock:locked()
      end
      assert.same({ false, false, false }, seen)
    end)

  it("raises Cancelled instead of taking it, if it came meanwhile [3.5]",
    function()
      local lock, err = weft.lock(), nil
      local busy = weft.spawn(function()
        while true do
          local ok
          ok, err = pcall(lock.acquire, lock)
          if not ok then return end
          lock:release()
        end
      end)
      weft.yield()
      busy:cancel()
      weft.yield()
      assert.is_true(busy:done())
      assert.is_true(err:is "CancelledError")
      assert.is_false(lock:locked())
    end)
end)
