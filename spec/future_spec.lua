-- Futures: results that somebody sets by hand.
local weft = require "weft"
local errors = require "weft.error"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of

testing.options { virtual = true }

local function fails(class, fn, ...)
  local err = error_of(fn, ...)
  assert.is_true(errors.is_error(err) and err:is(class), tostring(err))
  return err
end

local settle = helper.settle

describe("a future", function()
  it("gives the results that were set, nils included [5.1, 5.2]", function()
    local future = weft.future()
    future:set_result(1, nil, 3)
    assert.equal(3, select("#", future:await()))
    assert.equal(1, (future:await()))
    assert.equal(3, select("#", future:result()))
    assert.is_nil(future:error())
  end)

  it("parks its awaiters until it is done [5.2]", function()
    local future = weft.future()
    weft.call_later(3, function() future:set_result "x" end)
    assert.equal("x", future:await())
    assert.equal(3, weft.now())
  end)

  it("raises the error that was set, the same object for all [5.2, 10.2]",
    function()
      local future, mine = weft.future(), weft.OSError "x"
      future:set_error(mine)
      assert.equal(mine, error_of(future.await, future))
      assert.equal(mine, error_of(future.result, future))
      assert.equal(mine, future:error())
    end)

  it("makes an error object of any other value [5.3, 10.1]", function()
    local future = weft.future()
    future:set_error(false)
    local err = fails("Error", future.await, future)
    assert.equal(false, err.value)
    assert.equal("false", err.message)
  end)

  it("refuses nil as an error [5.3]", function()
    local future = weft.future()
    local err = fails("ArgumentError", future.set_error, future)
    assert.is_truthy(err.message:find("nil", 1, true))
    assert.is_false(future:done())
    future:cancel()
  end)

  local ends = {
    set_result = function(future) future:set_result(1) end,
    set_error = function(future) future:set_error "x" future:error() end,
    cancel = function(future) future:cancel() end,
  }
  for name, complete in pairs(ends) do
    it("is done once and for all after " .. name .. " [5.1]", function()
      local future = weft.future()
      assert.is_false(future:done())
      complete(future)
      assert.is_true(future:done())
      fails("InvalidStateError", future.set_result, future, 2)
      fails("InvalidStateError", future.set_error, future, "y")
      assert.is_false(future:cancel())
    end)
  end

  it("raises TaskCancelledError once it was cancelled [5.2]", function()
    local future = weft.future()
    assert.is_true(future:cancel "enough")
    assert.is_true(future:cancelled())
    local err = fails("TaskCancelledError", future.await, future)
    assert.equal("enough", err.reason)
    fails("TaskCancelledError", future.result, future)
    assert.is_true(future:error():is "TaskCancelledError")
  end)

  it("is not touched by the cancelling of an awaiter, nor are others [5.2]",
    function()
      local future, got = weft.future(), {}
      local function wait(i) got[i] = future:await() end
      weft.spawn(wait, 1)
      local second = weft.spawn(wait, 2)
      weft.spawn(wait, 3)
      weft.yield()
      second:cancel()
      settle()
      assert.is_false(future:done())
      future:set_result "x"
      settle()
      assert.same({ [1] = "x", [3] = "x" }, got)
    end)

  it("wakes awaiters and queues callbacks in one order [4.10, 5.2]", function()
    local future, log = weft.future(), {}
    local function callback(name)
      future:add_done_callback(function() log[#log + 1] = name end)
    end
    local function await(name)
      weft.spawn(function()
        future:await()
        log[#log + 1] = name
      end)
      weft.yield()
    end
    callback "a"
    await "b"
    callback "c"
    await "d"
    future:set_result()
    assert.same({}, log) -- 1.6: who completes goes on first
    settle()
    assert.same({ "a", "b", "c", "d" }, log)
  end)

  it("keeps that order though an awaiter was cancelled just before [4.10]",
    function()
      local future, log = weft.future(), {}
      local function await(name)
        local task = weft.spawn(function()
          future:await()
          log[#log + 1] = name
        end)
        weft.yield()
        return task
      end
      local gone = await "gone"
      future:add_done_callback(function() log[#log + 1] = "callback" end)
      await "awaiter"
      gone:cancel()
      future:set_result()
      settle()
      assert.same({ "callback", "awaiter" }, log)
    end)

  it("delivers to an awaiter that is cancelled after it was completed [3.4]",
    function()
      local future, got, next_point = weft.future(), nil, nil
      local task = weft.spawn(function()
        got = future:await()
        next_point = error_of(weft.checkpoint)
      end)
      weft.yield()
      future:set_result "x"
      task:cancel()
      settle()
      assert.equal("x", got)
      assert.is_true(next_point:is "CancelledError")
    end)

  it("calls a callback that is added when it is done, in a later turn [4.10]",
    function()
      local future, got = weft.future(), nil
      future:set_result(1)
      future:add_done_callback(function(f) got = f end)
      assert.is_nil(got)
      weft.yield()
      assert.equal(future, got)
    end)

  it("removes every equal callback and counts them [4.10]", function()
    local future, called = weft.future(), 0
    local function callback() called = called + 1 end
    future:add_done_callback(callback)
    future:add_done_callback(callback)
    assert.equal(2, future:remove_done_callback(callback))
    assert.equal(0, future:remove_done_callback(callback))
    future:set_result()
    settle()
    assert.equal(0, called)
  end)

  it("raises InvalidStateError from result and error while pending [4.9, 5.2]",
    function()
      local future = weft.future()
      fails("InvalidStateError", future.result, future)
      fails("InvalidStateError", future.error, future)
      future:cancel()
    end)

  it("is a cancellation point to await also when it is done [3.2]", function()
    local future = weft.future()
    future:set_result(1)
    weft.move_on_after(0, function()
      fails("CancelledError", future.await, future)
    end)
  end)

  it("leaves its awaiters parked when it is forgotten [5.4]", function()
    local woken = false
    local task = weft.spawn(function()
      weft.future():await()
      woken = true
    end)
    settle()
    collectgarbage()
    collectgarbage()
    weft.sleep(1)
    assert.is_false(woken)
    assert.is_false(task:done())
    task:cancel()
    settle()
  end)

  it("is observed by awaiting: nothing is reported [4.12, 5.2]", function()
    local future = weft.future()
    future:set_error "x"
    error_of(future.await, future)
    future = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    settle()
    assert.same({}, testing.reports())
  end)

  it("has a failure nobody saw reported when it is collected [4.12, 5.2]",
    function()
      weft.future():set_error(weft.Error "gone")
      collectgarbage()
      collectgarbage()
      settle()
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal(report.FAILURE, reports[1].kind)
      assert.equal("gone", reports[1].err.message)
    end)

  it("refuses a callback that is no function", function()
    local future = weft.future()
    local err = fails("ArgumentError", future.add_done_callback, future, 5)
    assert.is_truthy(err.message:find("function, got number 5", 1, true))
    future:cancel()
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.future)
  end))
end)

describe("a future's callback", function()
  it("runs with the context variables of when it was added [15.1]", function()
    local user = weft.context_var "user"
    local future, seen = weft.future(), {}
    user:set "ann"
    future:add_done_callback(function() seen[1] = user:get() end)
    user:set "eve"
    future:set_result(1)
    assert.equal("eve", user:get())
    future:add_done_callback(function() seen[2] = user:get() end)
    weft.yield()
    assert.same({ "ann", "eve" }, seen)
  end)
end)
