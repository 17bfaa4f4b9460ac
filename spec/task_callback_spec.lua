-- Tasks: the callbacks that their end queues.
local weft = require "weft"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

local refuses = helper.refuses

testing.options { virtual = true }

local settle = helper.settle

local function nothing() end

describe("task:add_done_callback", function()
  it("calls with the task, outside any [4.10]", function()
    local got, where
    local task = weft.spawn(nothing)
    task:add_done_callback(function(t) got, where = t, weft.current_task() end)
    settle()
    assert.equal(task, got)
    assert.is_nil(where)
  end)

  it("queues callbacks and wakes awaiters in one order, that of their arrival "
    .. "[4.10]", function()
    local log = {}
    local task = weft.spawn(weft.sleep, 1)
    local function callback(name)
      task:add_done_callback(function() log[#log + 1] = name end)
    end
    local function await(name)
      weft.spawn(function()
        task:await()
        log[#log + 1] = name
      end)
      weft.yield()
    end
    callback "a"
    await "b"
    callback "c"
    await "d"
    weft.sleep(2)
    assert.same({ "a", "b", "c", "d" }, log)
  end)

  it("queues one added after the end, never calls it inside [4.10]", function()
    local called = false
    local task = weft.spawn(nothing)
    task:await()
    task:add_done_callback(function() called = true end)
    assert.is_false(called)
    weft.yield()
    assert.is_true(called)
  end)

  it("reports what a callback raises, and calls the others [1.9, 4.10]",
    function()
      local called = false
      local task = weft.spawn(nothing)
      task:add_done_callback(function() error(weft.Error "callback") end)
      task:add_done_callback(function() called = true end)
      settle()
      assert.is_true(called)
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal(report.CALLBACK, reports[1].kind)
    end)

  it("refuses what is no function", function()
    local task = weft.spawn(nothing)
    refuses({ "fn", "function", "nil" }, task.add_done_callback, task)
    refuses({ "fn", "function", "table" }, task.add_done_callback, task, {})
    task:await()
  end)
end)

describe("task:remove_done_callback", function()
  it("drops every equal one and returns their number [4.10]", function()
    local log = {}
    local function a() log[#log + 1] = "a" end
    local task = weft.spawn(nothing)
    task:add_done_callback(a)
    task:add_done_callback(function() log[#log + 1] = "b" end)
    task:add_done_callback(a)
    assert.equal(2, task:remove_done_callback(a))
    settle()
    assert.same({ "b" }, log)
  end)

  it("is 0 for one that was never added", function()
    local task = weft.spawn(nothing)
    assert.equal(0, task:remove_done_callback(nothing))
    task:await()
  end)

  it("does not drop one that is queued already [4.10]", function()
    local called = false
    local function callback() called = true end
    local task = weft.spawn(nothing)
    task:add_done_callback(callback)
    -- This task wakes behind the callback being queued, so look from a task
    -- that runs between the end and the callback.
    local removed
    weft.spawn(function() removed = task:remove_done_callback(callback) end)
    settle()
    assert.equal(0, removed)
    assert.is_true(called)
  end)
end)
