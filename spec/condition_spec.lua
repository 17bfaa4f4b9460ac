-- Conditions.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local function settle()
  for _ = 1, 6 do weft.yield() end
end

local function says(err, ...)
  for _, piece in ipairs { ... } do
    assert.is_truthy(err.message:find(piece, 1, true), err.message)
  end
end

-- A task that waits on the condition; logs how that ended, and whether it had
-- the lock then and what the next cancellation point did.
local function waiter(condition, log, name, wait)
  local task = weft.spawn(name, function()
    condition:acquire()
    local ok, value = pcall(wait or condition.wait, condition)
    log[#log + 1] = name .. " " .. tostring(ok and value or value.name)
    log[name] = {
      locked = condition:owner() == weft.current_task(),
      next = pcall(weft.checkpoint) and "goes on" or "Cancelled",
    }
    if log[name].locked then condition:release() end
  end)
  weft.yield()
  assert.is_false(task:done())
  return task
end

local function notify(condition, n)
  condition:with(function() condition:notify(n) end)
end

local function notify_all(condition)
  condition:with(function() condition:notify_all() end)
end

describe("a condition", function()
  it("has a lock of its own, or one that is shared [18.2]", function()
    local lock = weft.lock()
    local own, first = weft.condition(), weft.condition(lock)
    local second = weft.condition(lock)
    first:acquire()
    assert.is_true(second:locked())
    assert.equal(weft.current_task(), second:owner())
    assert.is_false(own:locked())
    assert.is_true(own:try_acquire())
    own:release()
    second:release()
    assert.is_false(lock:locked())
  end)

  it("is notified apart from others on the same lock [18.2]", function()
    local lock, log = weft.lock(), {}
    local first, second = weft.condition(lock), weft.condition(lock)
    waiter(first, log, "first")
    waiter(second, log, "second")
    notify_all(second)
    settle()
    assert.same({ "second true" }, { log[1], log[2] })
    notify_all(first)
    settle()
    assert.equal("first true", log[2])
  end)

  for _, method in ipairs { "wait", "wait_for", "notify", "notify_all" } do
    it("has " .. method .. " raise InvalidStateError unless the caller has the "
      .. "lock [18.2]", function()
      local condition = weft.condition()
      local argument = method == "wait_for" and function() return true end
      local function call()
        return condition[method](condition, argument or nil)
      end
      says(fails("InvalidStateError", call), "condition:" .. method,
        "it is free")
      weft.spawn("owner", function()
        condition:with(function() weft.sleep(1) end)
      end)
      weft.yield()
      says(fails("InvalidStateError", call), "condition:" .. method,
        "task 'owner' has it")
      weft.sleep(2)
    end)
  end

  it("refuses what is no lock", function()
    refuses({ "condition(lock)", "weft.lock()", "number 1" }, weft.condition,
      1)
    refuses({ "condition(lock)", "table" }, weft.condition, {})
  end)

  it("refuses a lock that is closed", function()
    local lock = weft.lock()
    lock:close()
    says(fails("ClosedError", weft.condition, lock), "condition(lock)",
      "closed")
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.condition)
  end))

  it("tells how many wait, and of its lock", function()
    local condition, log = weft.condition(), {}
    waiter(condition, log, "a")
    waiter(condition, log, "b")
    assert.same({ waiting = 2, lock = { locked = false, waiting = 0 } },
      condition:statistics())
    notify_all(condition)
    settle()
    assert.equal(0, condition:statistics().waiting)
  end)

  it("gives fn's results and releases by with [12.10]", function()
    local condition = weft.condition()
    assert.equal("result", condition:with(function()
      assert.equal(weft.current_task(), condition:owner())
      return "result"
    end))
    assert.is_false(condition:locked())
    refuses({ "condition:with", "fn" }, condition.with, condition)
  end)
end)

describe("condition:wait", function()
  it("releases, parks, and is true with the lock held again [18.3]", function()
    local condition, log = weft.condition(), {}
    waiter(condition, log, "a")
    assert.is_false(condition:locked())
    notify(condition)
    settle()
    assert.same({ "a true", a = { locked = true, next = "goes on" } }, log)
  end)

  it("hands the lock to the first who waits for it [18.3]", function()
    local condition, log = weft.condition(), {}
    condition:acquire()
    for i = 1, 2 do
      weft.spawn(function()
        condition:with(function()
          log[#log + 1] = i
          condition:notify()
        end)
      end)
    end
    weft.yield()
    assert.is_true(condition:wait())
    log[#log + 1] = "notified"
    condition:release()
    assert.same({ 1, 2, "notified" }, log)
  end)

  it("goes on in the order of waiting, each with the lock to itself "
    .. "[18.3, 1.5]", function()
    local condition, log = weft.condition(), {}
    for i = 1, 3 do
      weft.spawn(function()
        condition:with(function()
          condition:wait()
          log[#log + 1] = i .. " in"
          weft.sleep(1)
          log[#log + 1] = i .. " out"
        end)
      end)
    end
    weft.yield()
    notify_all(condition)
    weft.sleep(5)
    assert.same({ "1 in", "1 out", "2 in", "2 out", "3 in", "3 out" }, log)
  end)

  it("queues for the lock behind those who wait for it already [18.3]",
    function()
      local condition, log = weft.condition(), {}
      waiter(condition, log, "notified")
      condition:acquire()
      weft.spawn(function()
        condition:acquire()
        log[#log + 1] = "earlier"
        condition:release()
      end)
      weft.yield()
      condition:notify()
      condition:release()
      settle()
      assert.equal("earlier", log[1])
      assert.equal("notified true", log[2])
    end)

  it("timed out raises TimeoutError with the lock held [18.3, 18.4, 7.4]",
    function()
      local condition = weft.condition()
      condition:with(function()
        fails("TimeoutError", weft.timeout, 1, function() condition:wait() end)
        assert.equal(weft.current_task(), condition:owner())
      end)
      assert.is_false(condition:locked())
    end)

  it("raises at once in cancelled code, and keeps the lock [3.2, 18.3]",
    function()
      local condition = weft.condition()
      condition:acquire()
      weft.spawn(function() condition:with(function() end) end)
      weft.yield()
      weft.move_on_after(0, function()
        fails("CancelledError", condition.wait, condition)
        assert.equal(weft.current_task(), condition:owner())
      end)
      condition:release()
      settle()
    end)

  it("cancelled where the lock is free has it at once [18.4]", function()
    local condition, log = weft.condition(), {}
    local task = waiter(condition, log, "a")
    task:cancel()
    assert.equal(task, condition:owner())
    settle()
    assert.same(
      { "a CancelledError", a = { locked = true, next = "Cancelled" } }, log)
    assert.is_false(condition:locked())
  end)

  it("cancelled where it is taken joins the lock's queue, shielded [18.4]",
    function()
      local condition, log = weft.condition(), {}
      local task = waiter(condition, log, "a")
      condition:acquire()
      task:cancel()
      task:cancel()
      assert.equal(0, condition:statistics().waiting)
      assert.equal(1, condition:statistics().lock.waiting)
      weft.sleep(10)
      assert.is_nil(log[1])
      condition:release()
      settle()
      assert.same(
        { "a CancelledError", a = { locked = true, next = "Cancelled" } }, log)
    end)

  it("notified first, then cancelled before it has the lock: returns with the "
    .. "lock; Cancelled at the next point [8, 18.4, 3.4]", function()
    local condition, log = weft.condition(), {}
    local task = waiter(condition, log, "a")
    condition:acquire()
    condition:notify()
    task:cancel()
    condition:release()
    settle()
    assert.same({ "a true", a = { locked = true, next = "Cancelled" } }, log)
  end)

  it("cancelled, then notify: Cancelled with the lock held; the notification "
    .. "goes to another waiter [8, 18.4, 3.5]", function()
    local condition, log = weft.condition(), {}
    local first = waiter(condition, log, "first")
    waiter(condition, log, "second")
    waiter(condition, log, "third")
    condition:acquire()
    first:cancel()
    condition:notify()
    condition:release()
    settle()
    assert.same({ "first CancelledError", "second true" },
      { log[1], log[2], log[3] })
    assert.same({ locked = true, next = "Cancelled" }, log.first)
    notify_all(condition)
    settle()
    assert.equal("third true", log[3])
  end)

  it("raises InvalidStateError, without the lock, when that is broken "
    .. "[16.3, 18.5]", function()
    local condition, log, errs = weft.condition(), {}, {}
    local function wait(self)
      local ok, err = pcall(self.wait, self)
      if ok then return true end
      errs[#errs + 1] = err
      error(err, 0)
    end
    waiter(condition, log, "notified", wait)
    waiter(condition, log, "waits", wait)
    weft.spawn("careless", function()
      condition:acquire()
      condition:notify()
    end):await()
    settle()
    assert.same({ "notified InvalidStateError", "waits InvalidStateError" },
      { log[1], log[2] })
    assert.is_false(log.notified.locked or log.waits.locked)
    for _, err in ipairs(errs) do
      says(err, "condition:wait", "broken", "task 'careless'")
    end
  end)

  it("in a with: what is raised is that the lock is broken [16.3]", function()
    local condition, err = weft.condition(), nil
    weft.spawn(function()
      err = error_of(condition.with, condition, function()
        condition:wait()
      end)
    end)
    weft.yield()
    weft.spawn("careless", function() condition:acquire() end):await()
    settle()
    says(err, "condition:wait", "broken")
  end)
end)

describe("condition:notify", function()
  it("moves the first n, one by default; more than there are is fine [18.3]",
    function()
      local condition, log = weft.condition(), {}
      for _, name in ipairs { "a", "b", "c", "d" } do
        waiter(condition, log, name)
      end
      notify(condition, 0)
      settle()
      assert.equal(0, #log)
      notify(condition)
      settle()
      assert.same({ "a true" }, { unpack(log) })
      notify(condition, 2)
      settle()
      assert.same({ "a true", "b true", "c true" }, { unpack(log) })
      notify(condition, 100)
      notify(condition, 100)
      settle()
      assert.equal(4, #log)
    end)

  it("is not remembered where nobody waits", function()
    local condition, log = weft.condition(), {}
    notify(condition, 5)
    local task = waiter(condition, log, "late")
    settle()
    assert.is_false(task:done())
    notify_all(condition)
    settle()
  end)

  it("is no cancellation point [3.7]", function()
    local condition, log = weft.condition(), {}
    waiter(condition, log, "a")
    condition:acquire()
    weft.move_on_after(0, function()
      condition:notify()
      condition:notify_all()
    end)
    condition:release()
    settle()
    assert.equal("a true", log[1])
  end)

  it("refuses an n that is no count", function()
    local condition = weft.condition()
    condition:with(function()
      for _, n in ipairs { -1, 1.5, "1", math.huge } do
        refuses({ "condition:notify(n)", "whole number" }, condition.notify,
          condition, n)
      end
    end)
  end)
end)

describe("condition:wait_for", function()
  it("tests first, and then does not wait [18.6]", function()
    local condition, tests = weft.condition(), 0
    condition:with(function()
      assert.equal("value", condition:wait_for(function()
        tests = tests + 1
        assert.equal(weft.current_task(), condition:owner())
        return "value"
      end))
    end)
    assert.equal(1, tests)
  end)

  it("tests after every notification, and returns pred's value [18.6]",
    function()
      local condition, count, tests, got = weft.condition(), 0, 0, nil
      weft.spawn(function()
        condition:with(function()
          got = condition:wait_for(function()
            tests = tests + 1
            return count >= 3 and count
          end)
        end)
      end)
      weft.yield()
      for i = 1, 3 do
        assert.is_nil(got)
        condition:with(function()
          count = i
          condition:notify()
        end)
        settle()
      end
      assert.equal(3, got)
      assert.equal(4, tests)
    end)

  it("is a cancellation point, even where pred is true [3.2]", function()
    local condition = weft.condition()
    condition:with(function()
      weft.move_on_after(0, function()
        fails("CancelledError", condition.wait_for, condition, function()
          return true
        end)
        assert.equal(weft.current_task(), condition:owner())
      end)
    end)
  end)

  it("timed out raises with the lock held [18.3, 18.4]", function()
    local condition = weft.condition()
    condition:with(function()
      fails("TimeoutError", weft.timeout, 1, function()
        condition:wait_for(function() return false end)
      end)
      assert.equal(weft.current_task(), condition:owner())
    end)
  end)

  local function never(condition)
    return condition:wait_for(function() return false end)
  end

  it("cancelled after a notification with pred still false passes it to the "
    .. "next waiter [18.5]", function()
    local condition, log = weft.condition(), {}
    local picky = waiter(condition, log, "picky", never)
    waiter(condition, log, "second")
    waiter(condition, log, "third")
    condition:acquire()
    condition:notify()
    condition:release()
    settle() -- it has taken the notification, and waits again
    assert.equal(0, #log)
    assert.equal(3, condition:statistics().waiting)
    picky:cancel()
    settle()
    assert.same({ "picky CancelledError", "second true" },
      { log[1], log[2], log[3] })
    notify_all(condition)
    settle()
    assert.equal("third true", log[3])
  end)

  it("cancelled without having taken a notification passes none on [18.5]",
    function()
      local condition, log = weft.condition(), {}
      local picky = waiter(condition, log, "picky", never)
      waiter(condition, log, "second")
      picky:cancel()
      settle()
      assert.equal(1, #log)
      notify_all(condition)
      settle()
    end)

  it("whose pred fails after a notification passes it on, and raises that "
    .. "error untouched [18.5, 10.1]", function()
    local condition, log, mine, tests = weft.condition(), {}, {}, 0
    local err
    weft.spawn(function()
      condition:with(function()
        err = error_of(condition.wait_for, condition, function()
          tests = tests + 1
          if tests > 1 then error(mine) end
        end)
      end)
    end)
    weft.yield()
    waiter(condition, log, "second")
    notify(condition)
    settle()
    assert.equal(mine, err)
    assert.equal("second true", log[1])
  end)

  it("whose pred fails at the first test passes nothing on [18.5]", function()
    local condition, log = weft.condition(), {}
    waiter(condition, log, "waits")
    condition:with(function()
      assert.equal("x", error_of(condition.wait_for, condition, function()
        error("x", 0)
      end))
    end)
    settle()
    assert.equal(0, #log)
    notify_all(condition)
    settle()
  end)

  it("ends by InvalidStateError when the lock is broken [16.3, 18.5]",
    function()
      local condition, log = weft.condition(), {}
      waiter(condition, log, "picky", never)
      weft.spawn("careless", function()
        condition:acquire()
        condition:notify()
      end):await()
      settle()
      assert.equal("picky InvalidStateError", log[1])
      assert.is_false(log.picky.locked)
    end)

  it("refuses what is no function", function()
    local condition = weft.condition()
    refuses({ "condition:wait_for(pred)", "function", "nil" },
      condition.wait_for, condition)
  end)
end)

describe("condition:close", function()
  it("wakes those who wait with ClosedError, each with the lock [3.10, 18.3]",
    function()
      local lock, log = weft.lock(), {}
      local condition = weft.condition(lock)
      waiter(condition, log, "a")
      waiter(condition, log, "b")
      condition:close()
      condition:close()
      settle()
      assert.same({ "a ClosedError", "b ClosedError" }, { log[1], log[2] })
      assert.same({ locked = true, next = "goes on" }, log.a)
      lock:acquire()
      lock:release()
    end)

  it("lets a with end by the ClosedError, nothing else [12.10]", function()
    local lock = weft.lock()
    local condition = weft.condition(lock)
    local task = weft.spawn(function()
      lock:with(function() condition:wait() end)
    end)
    settle()
    condition:close()
    local err = fails("ClosedError", task.await, task)
    assert.is_nil(err.cause)
    assert.is_false(lock:locked())
  end)

  it("closes the lock too if it is the condition's own [3.10]", function()
    local condition = weft.condition()
    condition:close()
    says(fails("ClosedError", condition.acquire, condition), "closed")
  end)

  it("then cancelled: ClosedError; Cancelled next [8, 3.10]", function()
    local condition, log = weft.condition(weft.lock()), {}
    local task = waiter(condition, log, "a")
    condition:close()
    task:cancel()
    settle()
    assert.same(
      { "a ClosedError", a = { locked = true, next = "Cancelled" } }, log)
  end)

  it("has every later call raise ClosedError [3.10]", function()
    local condition = weft.condition(weft.lock())
    condition:acquire()
    condition:close()
    for _, method in ipairs { "wait", "notify", "notify_all", "statistics" } do
      says(fails("ClosedError", condition[method], condition),
        "condition:" .. method, "the condition is closed")
    end
    says(fails("ClosedError", condition.wait_for, condition, error),
      "condition:wait_for", "the condition is closed")
    condition:release()
  end)

  it("of its lock ends the waits, and says which it was [3.10]", function()
    local lock, err = weft.lock(), nil
    local condition = weft.condition(lock)
    weft.spawn(function()
      err = error_of(condition.with, condition, function()
        condition:wait()
      end)
    end)
    weft.yield()
    lock:close()
    settle()
    says(err, "condition:wait", "the condition's lock is closed")
    says(fails("ClosedError", condition.notify, condition),
      "condition:notify", "the condition's lock is closed")
    says(fails("ClosedError", condition.acquire, condition), "lock:acquire")
  end)
end)
