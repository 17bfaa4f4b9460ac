-- Barriers.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses
local virtual = testing.virtual

testing.options { virtual = true }

local settle = helper.settle

-- A task that waits at the barrier and has parked there.
local function waiter(barrier)
  local task = weft.spawn(barrier.wait, barrier)
  weft.yield()
  assert.is_false(task:done())
  return task
end

describe("a barrier", function()
  it("is made for n tasks", function()
    local barrier = weft.barrier(3)
    assert.equal(3, barrier:parties())
    assert.equal(0, barrier:n_waiting())
    assert.is_false(barrier:broken())
    assert.same({ parties = 3, waiting = 0, broken = false },
      barrier:statistics())
  end)

  it("refuses an n below 1 or that is no whole number [19.2]", function()
    refuses({ "barrier(n)", "whole number", "at least 1", "number 0" },
      weft.barrier, 0)
    refuses({ "n", "number -1" }, weft.barrier, -1)
    refuses({ "n", "number 1.5" }, weft.barrier, 1.5)
    refuses({ "n", "NaN" }, weft.barrier, 0 / 0)
    refuses({ "n", "inf" }, weft.barrier, math.huge)
    refuses({ "n", "below 2^53", "9.007" }, weft.barrier, 2 ^ 53)
    refuses({ "n", "string" }, weft.barrier, "3")
    refuses({ "n", "nil" }, weft.barrier)
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    local err = fails("InvalidStateError", weft.barrier, 2)
    assert.is_truthy(err.message:find("weft.barrier", 1, true))
  end))

  it("lets all through when the last comes, each with its index [19.1]",
    function()
      local barrier = weft.barrier(3)
      local first, second = waiter(barrier), waiter(barrier)
      assert.equal(2, barrier:n_waiting())
      assert.equal(2, barrier:wait())
      assert.is_false(first:done()) -- the last did not park
      assert.equal(0, barrier:n_waiting())
      assert.equal(0, first:await())
      assert.equal(1, second:await())
    end)

  it("is empty for the next round before anybody has run [19.1]", function()
    local barrier, log = weft.barrier(3), {}
    local function go(name)
      for round = 1, 3 do
        local index = barrier:wait()
        log[#log + 1] = round .. name .. index
      end
    end
    weft.group(function(g)
      for _, name in ipairs { "a", "b", "c" } do g:spawn(go, name) end
    end)
    assert.equal("1c2 1a0 1b1 2b2 2c0 2a1 3a2 3b0 3c1",
      table.concat(log, " "))
  end)

  it("for one lets everybody through [19.1]", function()
    local barrier = weft.barrier(1)
    for _ = 1, 3 do assert.equal(0, barrier:wait()) end
  end)
end)

describe("barrier:wait", function()
  it("that is cancelled leaves a free place, nothing broken [19.2, 3.5]",
    function()
      local barrier = weft.barrier(2)
      local gone = waiter(barrier)
      gone:cancel()
      assert.equal(0, barrier:n_waiting())
      settle()
      assert.is_true(gone:cancelled())
      assert.is_false(barrier:broken())
      local stays = waiter(barrier)
      assert.equal(1, barrier:wait())
      assert.equal(0, stays:await())
    end)

  it("that times out leaves a free place [19.2, 7.1]", function()
    local barrier = weft.barrier(2)
    fails("TimeoutError", weft.timeout, 5, function() barrier:wait() end)
    assert.equal(5, weft.now())
    assert.equal(0, barrier:n_waiting())
  end)

  it("is a cancellation point though it need not park [3.2]", function()
    local barrier = weft.barrier(1)
    local scope = weft.move_on_after(0, function()
      barrier:wait()
      error "not reached"
    end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("has its index though it is cancelled then [3.4, 8]", function()
    local barrier, index = weft.barrier(2), nil
    local task = weft.spawn(function()
      index = barrier:wait()
      weft.checkpoint()
    end)
    weft.yield()
    barrier:wait()
    task:cancel()
    settle()
    assert.equal(0, index)
    assert.is_true(task:cancelled())
  end)

  it("gives others their places when one is cancelled first [3.5, 8]",
    function()
      local barrier = weft.barrier(3)
      local gone, stays = waiter(barrier), waiter(barrier)
      gone:cancel()
      local last = waiter(barrier)
      assert.is_false(stays:done())
      assert.equal(2, barrier:wait())
      assert.equal(0, stays:await())
      assert.equal(1, last:await())
    end)

  it("parks the task from inside a coroutine of its own [13.1]", function()
    local barrier = weft.barrier(2)
    local task = waiter(barrier)
    local index = coroutine.wrap(function() return barrier:wait() end)()
    assert.equal(1, index)
    assert.equal(0, task:await())
  end)

  it("shows in the tree [29.4]", function()
    local barrier = weft.barrier(2)
    local task = waiter(barrier)
    assert.is_truthy(weft.tree():find("waits for barrier", 1, true))
    task:cancel()
    settle()
  end)
end)

describe("barrier:reset", function()
  it("raises BrokenBarrierError in those who wait, is usable then [19.3]",
    function()
      local barrier = weft.barrier(2)
      local task = waiter(barrier)
      barrier:reset()
      local err = fails("BrokenBarrierError", task.await, task)
      assert.is_truthy(err.message:find("barrier:wait", 1, true))
      assert.is_truthy(err.message:find("reset while", 1, true))
      assert.is_false(barrier:broken())
      task = waiter(barrier)
      assert.equal(1, barrier:wait())
      assert.equal(0, task:await())
    end)

  it("does not affect who was let go [19.3]", function()
    local barrier = weft.barrier(2)
    local task = waiter(barrier)
    barrier:wait()
    barrier:reset()
    assert.equal(0, task:await())
  end)
end)

describe("barrier:abort", function()
  it("raises BrokenBarrierError in every wait until reset [19.3]", function()
    local barrier = weft.barrier(2)
    local task = waiter(barrier)
    barrier:abort()
    assert.is_true(barrier:broken())
    fails("BrokenBarrierError", task.await, task)
    fails("BrokenBarrierError", barrier.wait, barrier)
    fails("BrokenBarrierError", barrier.wait, barrier)
    assert.equal(0, barrier:n_waiting())
    assert.is_true(barrier:statistics().broken)
    barrier:reset()
    assert.is_false(barrier:broken())
    task = waiter(barrier)
    assert.equal(1, barrier:wait())
    assert.equal(0, task:await())
  end)

  it("does not affect who was let go [19.3]", function()
    local barrier = weft.barrier(2)
    local task = waiter(barrier)
    barrier:wait()
    barrier:abort()
    assert.equal(0, task:await())
  end)

  it("may be called outside any task [3.7]", function()
    local barrier = weft.barrier(2)
    weft.call_later(3, function() barrier:abort() end)
    fails("BrokenBarrierError", barrier.wait, barrier)
    assert.equal(3, weft.now())
  end)
end)

describe("barrier:close", function()
  it("raises ClosedError in those who wait, in order [3.10]", function()
    local barrier, log = weft.barrier(3), {}
    for i = 1, 2 do
      weft.spawn(function()
        fails("ClosedError", barrier.wait, barrier)
        log[#log + 1] = i
      end)
    end
    weft.yield()
    barrier:close()
    barrier:close()
    settle()
    assert.same({ 1, 2 }, log)
  end)

  it("leaves nothing to be done with it but close [3.10]", function()
    local barrier = weft.barrier(2)
    barrier:close()
    for _, call in ipairs { "wait", "reset", "abort", "parties", "n_waiting",
      "broken", "statistics" } do
      local err = fails("ClosedError", barrier[call], barrier)
      assert.equal(
        "barrier:" .. call .. ": the barrier is closed", err.message)
    end
    barrier:close()
  end)

  it("does not affect who was let go [3.10]", function()
    local barrier = weft.barrier(2)
    local task = waiter(barrier)
    barrier:wait()
    barrier:close()
    assert.equal(0, task:await())
  end)
end)

it("a barrier of a run that has ended is refused, and says so",
  testing.plain(function()
    local barrier
    virtual(function() barrier = weft.barrier(2) end)()
    virtual(function()
      local err = fails("ClosedError", barrier.wait, barrier)
      assert.is_truthy(err.message:find("run that has ended", 1, true))
    end)()
  end))
