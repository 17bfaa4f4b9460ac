-- The clock of a test: read, moved by hand, and waited for.
local weft = require "weft"
local clocks = require "weft.testing.clock"
local testing = require "weft.testing"
local helper = require "spec.helper"

testing.options { virtual = true }

local clock = clocks.new()
local fails = helper.fails
local wait_all_parked = clocks.wait_all_parked

-- A task that says `name` and the time, `count` times, every `seconds`.
local function ticker(said, name, seconds, count)
  return weft.spawn(function()
    for _ = 1, count do
      weft.sleep(seconds)
      said[#said + 1] = name .. clock:now()
    end
  end)
end

-- For a thread: some milliseconds of real time.
local function busy_for_a_while()
  local sum = 0
  for i = 1, 1e7 do sum = sum + i end
  return sum
end

-- Fails if the clock has jumped past the call.
local function within_a_second(fn, ...)
  local arguments = { ... }
  return weft.timeout(1, function() return fn(unpack(arguments)) end)
end

describe("a virtual clock", function()
  it("jumps to the next time when all tasks are parked [30.1]", function()
    assert.equal(0, clock:now())
    weft.sleep(3600)
    assert.equal(3600, clock:now())
    assert.equal(weft.now(), clock:now())
  end)

  it("stands still while a thread runs [30.2]", function()
    within_a_second(weft.to_thread, busy_for_a_while)
    assert.equal(0, clock:now())
  end)

  it("stands still while a file operation, a look-up or a process runs [30.2]",
    function()
      within_a_second(weft.fs.stat, "/")
      within_a_second(weft.dns.lookup, "127.0.0.1")
      within_a_second(weft.process.run, { "true" })
      assert.equal(0, clock:now())
    end)

  it("is not held by a socket that waits [30.2]", function()
    local listener = weft.net.listen { host = "127.0.0.1", port = 0 }
    fails("TimeoutError", weft.timeout, 60, function()
      listener:accept()
    end)
    assert.equal(60, clock:now())
    listener:close()
  end)
end)

describe("clock:advance", function()
  it("fires everything due up to then, each at its own time, with the turns "
    .. "it causes, and returns at the end of the span [30.3]",
    testing.with({ seed = false }, function()
  local said = {}
  ticker(said, "a", 2, 3)
  local far = ticker(said, "b", 5, 1)
  weft.call_later(4, function()
    weft.spawn(function()
      weft.yield()
      said[#said + 1] = "c" .. clock:now()
    end)
  end)
  clock:advance(4.5)
  assert.same({ "a2", "a4", "c4" }, said)
  assert.equal(4.5, clock:now())
  clock:advance(0.5)
  assert.same({ "a2", "a4", "c4", "b5" }, said)
  assert.is_true(far:done())
  weft.sleep(1) -- and it jumps as ever
  assert.same({ "a2", "a4", "c4", "b5", "a6" }, said)
end))

  it("has what is due at the very end done before it returns [30.3]", function()
    local said = {}
    local task = ticker(said, "t", 10, 1)
    clock:advance(10)
    assert.same({ "t10" }, said)
    assert.is_true(task:done())
  end)

  it("by 0 lets everybody run who can, at this time [30.3]", function()
    local said = {}
    weft.spawn(function()
      for i = 1, 50 do weft.yield() said[i] = i end
    end)
    ticker(said, "late", 1, 1)
    clock:advance(0)
    assert.equal(50, #said)
    assert.equal(0, clock:now())
    clock:advance(1)
  end)

  it("is exact over many small steps", function()
    for _ = 1, 1000 do clock:advance(0.001) end
    assert.equal(1, clock:now())
  end)

  it("may be called by several tasks at a time [30.3]", function()
    local said = {}
    local function advance(seconds)
      return weft.spawn(function()
        clock:advance(seconds)
        said[#said + 1] = seconds .. "@" .. clock:now()
      end)
    end
    local tasks = { advance(3), advance(1), advance(1) }
    weft.gather(tasks)
    assert.same({ "1@1", "1@1", "3@3" }, said)
  end)

  it("cancelled in the middle leaves the clock there", function()
    local task = weft.spawn(clock.advance, clock, 100)
    weft.sleep(30)
    task:cancel()
    fails("TaskCancelledError", task.await, task)
    assert.equal(30, clock:now())
    fails("TimeoutError", weft.timeout, 5, function() clock:advance(100) end)
    assert.equal(35, clock:now())
  end)

  it("waits for a thread, standing still [30.2]", function()
    local at_end
    weft.spawn(function()
      weft.to_thread(busy_for_a_while)
      at_end = clock:now()
    end)
    clock:advance(10)
    assert.equal(0, at_end)
    assert.equal(10, clock:now())
  end)

  it("says why the real clock cannot be moved", testing.task(function()
    local err = fails("InvalidStateError", clock.advance, clock, 1)
    assert.truthy(err.message:find("the clock is the real one", 1, true))
    assert.truthy(err.message:find("virtual clock", 1, true))
  end))

  it("refuses what is no span of time", function()
    for shown, value in pairs {
      ["number -1"] = -1, NaN = 0 / 0, ["number inf"] = math.huge,
      ['string "1"'] = "1", boolean = true,
    } do
      helper.refuses({ "clock:advance(seconds)", shown }, clock.advance, clock,
        value)
    end
    helper.refuses({ "got nil" }, clock.advance, clock)
    fails("ArgumentError", clock.advance, clock, 1e30)
    assert.equal(0, clock:now())
  end)

  it("needs a task", testing.plain(function()
    fails("InvalidStateError", clock.advance, clock, 1)
    fails("InvalidStateError", clock.now, clock)
    fails("InvalidStateError", wait_all_parked)
  end))
end)

describe("wait_all_parked", function()
  it("returns when every other task is parked, before the clock jumps [30.4]",
    function()
      local said, queue = {}, weft.queue()
      ticker(said, "late", 1, 1)
      local task = weft.spawn(function()
        for _ = 1, 20 do weft.yield() end
        said[#said + 1] = queue:get()
      end)
      wait_all_parked()
      assert.same({}, said)
      queue:put "item"
      wait_all_parked()
      assert.same({ "item" }, said)
      assert.is_true(task:done())
      assert.equal(0, clock:now())
      weft.sleep(1)
    end)

  it("counts those that wait here as parked [30.4]", function()
    local said = {}
    local function waiter(name)
      return weft.spawn(function()
        wait_all_parked()
        said[#said + 1] = name
      end)
    end
    weft.gather { waiter "a", waiter "b", waiter "c" }
    table.sort(said) -- a seed may have shuffled them
    assert.same({ "a", "b", "c" }, said)
  end)

  it("goes through what streams can do at once", function()
    local listener = weft.net.listen { host = "127.0.0.1", port = 0 }
    local size = 4 * 1024 * 1024
    local got
    weft.spawn(function()
      local peer = listener:accept()
      got = #peer:read_exactly(size)
      peer:close()
    end)
    local stream = weft.net.connect { host = "127.0.0.1",
      port = listener:port() }
    stream:write(("x"):rep(size))
    wait_all_parked()
    assert.equal(size, got)
    stream:close()
    listener:close()
  end)

  it("works on the real clock, and waits for no time to come [30.4]",
    testing.task(function()
      local task = weft.spawn(weft.sleep, 3600)
      local ran
      weft.spawn(function()
        for _ = 1, 5 do weft.yield() end
        ran = true
      end)
      wait_all_parked()
      assert.is_true(ran)
      assert.is_false(task:done())
      task:cancel()
      wait_all_parked()
      assert.is_true(task:cancelled())
    end))

  it("is a cancellation point [30.4]", function()
    local reached = false
    local scope = weft.scope(function(scope)
      scope:cancel()
      wait_all_parked()
      reached = true
    end)
    assert.is_true(scope:cancelled_caught())
    assert.is_false(reached)
  end)
end)
