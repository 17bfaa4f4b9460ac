-- Turns and order, the clock, sleeping, letting others run.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses
local virtual = testing.virtual

testing.options { virtual = true }

-- Spawns a task for each name that logs it between `count` yields.
local function loggers(log, names, count)
  for _, name in ipairs(names) do
    weft.spawn(name, function()
      for i = 1, count do
        log[#log + 1] = name .. i
        weft.yield()
      end
    end)
  end
end

-- -- Turns -------------------------------------------------------------------

describe("a turn", function()
  it("runs what was ready when it began, in order [1.1]", function()
    local log = {}
    loggers(log, { "a", "b" }, 3)
    for _ = 1, 4 do weft.yield() end
    assert.same({ "a1", "b1", "a2", "b2", "a3", "b3" }, log)
  end)

  it("leaves what is queued meanwhile to the next [1.1]", function()
    local log = {}
    weft.spawn(function()
      log[#log + 1] = "a"
      weft.spawn(function() log[#log + 1] = "child" end)
    end)
    weft.spawn(function() log[#log + 1] = "b" end)
    weft.yield()
    assert.same({ "a", "b" }, log)
    weft.yield()
    assert.same({ "a", "b", "child" }, log)
  end)

  it("is followed by a poll: busy tasks do not starve timers [1.3]", function()
    local fired = false
    weft.call_later(0, function() fired = true end)
    local turns = 0
    while not fired and turns < 10 do
      weft.yield()
      turns = turns + 1
    end
    assert.is_true(fired)
  end)

  it("is permuted with a shuffle seed, the same way for the same seed [1.10]",
    testing.plain(function()
      local function order_with(seed)
        local log = {}
        virtual(function()
          loggers(log, { "a", "b", "c", "d", "e", "f" }, 2)
          weft.sleep(1)
        end, { seed = seed })()
        return table.concat(log)
      end
      assert.equal(order_with(7), order_with(7))
      local orders = {}
      for seed = 1, 5 do orders[order_with(seed)] = true end
      assert.is_not_nil(next(orders, next(orders)))
    end))

  it("keeps with a shuffle seed the order of those who wait for one object "
    .. "[1.10, 1.5]", testing.plain(function()
    for seed = 1, 20 do
      virtual(function()
        local semaphore, log = weft.semaphore(0), {}
        for i = 1, 5 do
          weft.spawn(function()
            semaphore:acquire()
            log[#log + 1] = i
          end)
          weft.yield()
          weft.yield()
        end
        for _ = 1, 5 do
          semaphore:release()
          weft.sleep(1)
        end
        assert.same({ 1, 2, 3, 4, 5 }, log)
      end, { seed = seed })()
    end
  end))
end)

describe("a wake", function()
  it("queues a task once, however often the object is set [1.4]", function()
    local event, woken = weft.event(), 0
    weft.spawn(function()
      event:wait()
      woken = woken + 1
      weft.sleep_forever()
    end)
    weft.yield()
    event:set()
    event:clear()
    event:set()
    weft.sleep(1)
    assert.equal(1, woken)
    weft.all_tasks()[2]:cancel()
    weft.sleep(1)
  end)

  it("comes to those who wait for one object in the order in which they began "
    .. "[1.5]", function()
    local event, log = weft.event(), {}
    for i = 1, 4 do
      weft.spawn(function()
        event:wait()
        log[#log + 1] = i
      end)
    end
    weft.yield()
    event:set()
    weft.yield()
    assert.same({ 1, 2, 3, 4 }, log)
  end)

  it("runs no waiter before who wakes has gone on [1.6]", function()
    local log = {}
    local event, semaphore = weft.event(), weft.semaphore(0)
    local queue, future = weft.queue(), weft.future()
    local waits = {
      function() event:wait() end, function() semaphore:acquire() end,
      function() queue:get() end, function() future:await() end,
    }
    for i, wait in ipairs(waits) do
      weft.spawn(function()
        wait()
        log[#log + 1] = i
      end)
    end
    weft.yield()
    event:set()
    semaphore:release()
    queue:put(1)
    future:set_result()
    assert.same({}, log)
    weft.yield()
    assert.same({ 1, 2, 3, 4 }, log)
  end)
end)

-- -- The run budget ----------------------------------------------------------

describe("the run budget", function()
  -- How many calls of `call` a task makes before another task runs.
  local function calls_in_a_turn(call)
    local count, others = 0, false
    weft.yield() -- a fresh step
    weft.spawn(function() others = true end)
    while not others do
      call()
      count = count + 1
    end
    return count
  end

  it("lets a call that can finish at once keep the turn, up to the 128th [1.7]",
    function()
      assert.equal(128, calls_in_a_turn(weft.checkpoint))
    end)

  local done_event, semaphore, queue, done_task

  local kinds = {
    ["event:wait"] = function() done_event:wait() end,
    ["semaphore:acquire"] = function() semaphore:acquire() end,
    ["queue:put"] = function() queue:put(1) end,
    ["task:await"] = function() done_task:await() end,
  }
  for name, call in pairs(kinds) do
    it("counts " .. name .. " [1.7]", function()
      done_event = weft.event()
      done_event:set()
      semaphore, queue = weft.semaphore(1000), weft.queue()
      done_task = weft.spawn(function() end)
      done_task:await()
      assert.equal(128, calls_in_a_turn(call))
    end)
  end

  it("counts queue:get, which has its item all the same [1.7, 3.4]", function()
    queue = weft.queue()
    for i = 1, 200 do queue:try_put(i) end
    local last
    assert.equal(128, calls_in_a_turn(function() last = queue:get() end))
    assert.equal(128, last)
    assert.equal(72, queue:size())
  end)

  it("counts calls of several kinds together [1.7]", function()
    semaphore = weft.semaphore(1000)
    assert.equal(64, calls_in_a_turn(function()
      weft.checkpoint()
      semaphore:acquire()
    end))
  end)

  it("is not used by what gives back or never parks [1.7, 3.7]", function()
    semaphore = weft.semaphore(1)
    assert.equal(128, calls_in_a_turn(function()
      semaphore:try_acquire()
      semaphore:release()
      weft.checkpoint()
    end))
  end)
end)

-- -- yield and checkpoint ----------------------------------------------------

describe("weft.yield", function()
  it("lets every ready task run once [1.8]", function()
    local ran = {}
    for i = 1, 3 do weft.spawn(function() ran[i] = true end) end
    weft.yield()
    assert.same({ true, true, true }, ran)
  end)

  it("is a cancellation point [3.2]", function()
    weft.move_on_after(0, function() fails("CancelledError", weft.yield) end)
  end)
end)

describe("weft.checkpoint", function()
  it("lets nobody run [1.8]", function()
    local ran = false
    local task = weft.spawn(function() ran = true end)
    weft.checkpoint()
    assert.is_false(ran)
    task:await()
  end)

  it("is a cancellation point [1.8]", function()
    weft.move_on_after(0, function()
      fails("CancelledError", weft.checkpoint)
    end)
  end)
end)

-- -- The clock ---------------------------------------------------------------

describe("weft.now", function()
  testing.options { virtual = false }

  it("is read at the call, within one step [2.1]", function()
    local before = weft.now()
    while weft.now() == before do end
    assert.is_true(weft.now() > before)
  end)

  it("is where relative times count from, not the turn's beginning [2.1]",
    function()
      local start = weft.now()
      while weft.now() == start do end
      local now = weft.now()
      local call = weft.call_later(100, function() end)
      assert.is_true(call:when() >= now + 100)
      weft.move_on_after(100, function(scope)
        assert.is_true(scope:deadline() >= now + 100)
      end)
      call:cancel()
    end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.now)
  end))
end)

-- -- Sleeping ----------------------------------------------------------------

describe("weft.sleep", function()
  it("returns its second argument [2.5]", function()
    assert.equal("v", weft.sleep(3, "v"))
    assert.equal(3, weft.now())
  end)

  it("never ends early [2.3]", function()
    for _, s in ipairs { 0.1, 0.3, 1 / 3, 1e-9, 1e-10, 0.7, 123.456789 } do
      local before = weft.now()
      weft.sleep(s)
      assert.is_true(weft.now() >= before + s * (1 - 1e-15))
    end
  end)

  it("never ends early on the real clock [2.3]", testing.task(function()
    local before = weft.now()
    weft.sleep(0.0013)
    assert.is_true(weft.now() - before >= 0.0013)
  end))

  for _, s in ipairs { 0, -1, -math.huge } do
    it("of " .. s .. " is yield [2.5]", function()
      local ran = false
      weft.spawn(function() ran = true end)
      assert.equal("v", weft.sleep(s, "v"))
      assert.is_true(ran)
      assert.equal(0, weft.now())
    end)
  end

  it("of equal times ends in the order it was begun [2.2]", function()
    local log = {}
    for i = 1, 5 do
      weft.spawn(function()
        weft.sleep(1)
        log[#log + 1] = i
      end)
    end
    weft.sleep(2)
    assert.same({ 1, 2, 3, 4, 5 }, log)
  end)

  it("shares one order with calls and deadlines [2.2]", function()
    local log = {}
    local function note(x) log[#log + 1] = x end
    weft.spawn(function() weft.sleep(1) note "sleep" end)
    weft.yield()
    weft.call_later(1, note, "call")
    weft.spawn(function()
      weft.move_on_after(1, weft.sleep_forever)
      note "deadline"
    end)
    weft.yield()
    weft.call_later(1, note, "last")
    weft.sleep(2)
    assert.same({ "sleep", "call", "deadline", "last" }, log)
  end)

  it("for ever never ends if the time is infinite [2.4]", function()
    local scope = weft.move_on_after(1e9, function() weft.sleep(math.huge) end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("is a cancellation point also for zero [3.2]", function()
    weft.move_on_after(0, function()
      fails("CancelledError", weft.sleep, 0)
      fails("CancelledError", weft.sleep_until, -5)
    end)
  end)

  it("refuses what is no number [2.4]", function()
    refuses({ "sleep", "seconds", "number", "nil" }, weft.sleep)
    refuses({ "seconds", 'string "1"' }, weft.sleep, "1")
    refuses({ "seconds", "NaN" }, weft.sleep, 0 / 0)
  end)

  it("checks its argument before Cancelled [3.1]", function()
    weft.move_on_after(0, function()
      fails("ArgumentError", weft.sleep, "x")
    end)
  end)

  it("needs a runtime and a task [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.sleep, 1)
    virtual(function()
      local err
      weft.call_soon(function() err = error_of(weft.sleep, 1) end)
      weft.yield()
      assert.is_true(err:is "InvalidStateError")
    end)()
  end))
end)

describe("weft.sleep_until", function()
  it("waits for a time of the clock [2.5]", function()
    weft.sleep(2)
    weft.sleep_until(5)
    assert.equal(5, weft.now())
  end)

  it("of a past time is yield [2.5]", function()
    weft.sleep(2)
    local ran = false
    weft.spawn(function() ran = true end)
    weft.sleep_until(1)
    assert.is_true(ran)
    assert.equal(2, weft.now())
  end)

  it("refuses what is no number [2.4]", function()
    refuses({ "time", "number", "nil" }, weft.sleep_until)
    refuses({ "time", "NaN" }, weft.sleep_until, 0 / 0)
  end)
end)

describe("weft.sleep_forever", function()
  it("ends only by Cancelled [2.5]", function()
    local err
    local scope = weft.move_on_after(1e6, function()
      err = error_of(weft.sleep_forever)
      error(err)
    end)
    assert.is_true(err:is "CancelledError")
    assert.is_true(scope:cancelled_caught())
  end)
end)
