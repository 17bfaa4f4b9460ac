-- Calls of plain functions by the loop: call_soon, call_later, call_at.
local weft = require "weft"
local errors = require "weft.error"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local function nothing() end

describe("weft.call_soon", function()
  it("queues the call with its arguments, nils included [1.9]", function()
    local got
    weft.call_soon(function(...) got = { select("#", ...), ... } end, 1, nil)
    assert.is_nil(got)
    weft.yield()
    assert.same({ 2, 1 }, got)
  end)

  it("uses the queue of the tasks [1.9]", function()
    local log = {}
    weft.spawn(function() log[#log + 1] = "a" end)
    weft.call_soon(function() log[#log + 1] = "b" end)
    weft.spawn(function() log[#log + 1] = "c" end)
    weft.yield()
    assert.same({ "a", "b", "c" }, log)
  end)

  it("calls once [1.9]", function()
    local count = 0
    weft.call_soon(function() count = count + 1 end)
    weft.sleep(1)
    assert.equal(1, count)
  end)

  it("never calls after cancel, which is true if it prevented the call "
    .. "[1.9, 2.6]", function()
    local called = false
    local call = weft.call_soon(function() called = true end)
    assert.is_true(call:cancel())
    assert.is_false(call:cancel())
    weft.yield()
    assert.is_false(called)
  end)

  it("cannot be cancelled once it was called [2.6]", function()
    local call = weft.call_soon(nothing)
    weft.yield()
    assert.is_false(call:cancel())
  end)

  it("cannot be cancelled by itself [2.6]", function()
    local call, prevented
    call = weft.call_soon(function() prevented = call:cancel() end)
    weft.yield()
    assert.is_false(prevented)
  end)

  it("may be cancelled by one that is called before it [1.9]", function()
    local called, second = false, nil
    weft.call_soon(function() assert(second:cancel()) end)
    second = weft.call_soon(function() called = true end)
    weft.yield()
    assert.is_false(called)
  end)

  local parks = {
    sleep = function() weft.sleep(1) end, yield = weft.yield,
    checkpoint = weft.checkpoint,
    ["event:wait"] = function() weft.event():wait() end,
    ["semaphore:acquire"] = function() weft.semaphore(1):acquire() end,
    ["queue:get"] = function() weft.queue():get() end,
    ["queue:put"] = function() weft.queue():put(1) end,
    group = function() weft.group(nothing) end,
    timeout = function() weft.timeout(1, nothing) end,
  }
  for name, park in pairs(parks) do
    it("runs outside any task: " .. name .. " is an InvalidStateError [1.9]",
      function()
        local err
        weft.call_soon(function() err = error_of(park) end)
        weft.yield()
        assert.is_true(errors.is_error(err) and err:is "InvalidStateError",
          tostring(err))
      end)
  end

  it("may spawn, set and cancel [1.9]", function()
    local event, ran = weft.event(), false
    weft.call_soon(function()
      weft.spawn(function() ran = true end)
      event:set()
    end)
    event:wait()
    weft.yield()
    assert.is_true(ran)
  end)

  it("has what it raises reported, and the loop goes on [1.9]", function()
    weft.call_soon(function() error "callback" end)
    weft.sleep(1)
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.CALLBACK, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find("callback", 1, true))
  end)

  it("knows when it is due", function()
    weft.sleep(3)
    assert.equal(3, weft.call_soon(nothing):when())
    weft.yield()
  end)

  it("refuses what is no function", function()
    refuses({ "call_soon", "fn", "function", "nil" }, weft.call_soon)
    refuses({ "fn", "number 5" }, weft.call_soon, 5)
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.call_soon, nothing)
  end))
end)

describe("weft.call_later and weft.call_at", function()
  it("call once their time has come [2.6]", function()
    local log = {}
    local function note(x) log[#log + 1] = x .. " at " .. weft.now() end
    weft.sleep(1)
    weft.call_later(3, note, "later")
    weft.call_at(2, note, "at")
    weft.sleep(10)
    assert.same({ "at at 2", "later at 4" }, log)
  end)

  it("call in the order of their times, equal ones as they were set [2.2]",
    function()
      local log = {}
      local function note(x) log[#log + 1] = x end
      weft.call_later(2, note, "c")
      weft.call_later(1, note, "a")
      weft.call_at(2, note, "d")
      weft.call_at(1, note, "b")
      weft.sleep(3)
      assert.same({ "a", "b", "c", "d" }, log)
    end)

  it("are prevented by cancel [2.6]", function()
    local called = false
    local call = weft.call_later(1, function() called = true end)
    assert.is_true(call:cancel())
    weft.sleep(2)
    assert.is_false(called)
    assert.is_false(call:cancel())
  end)

  it("may be cancelled when due, but not called yet [2.6]", function()
    local called, second = false, nil
    weft.call_later(1, function() assert(second:cancel()) end)
    second = weft.call_later(1, function() called = true end)
    weft.sleep(2)
    assert.is_false(called)
  end)

  it("free at once what a cancelled one held [2.6]", function()
    local held = setmetatable({ {} }, { __mode = "v" })
    local call = weft.call_later(1e6, nothing, held[1])
    call:cancel()
    collectgarbage()
    collectgarbage()
    assert.is_nil(held[1])
  end)

  it("of a past or negative time are due at the next poll [2.4]", function()
    local log = {}
    local function note(x) log[#log + 1] = x end
    weft.call_later(-1, note, "a")
    weft.call_at(-5, note, "b")
    weft.call_later(0, note, "c")
    assert.same({}, log)
    weft.yield()
    weft.yield()
    table.sort(log)
    assert.same({ "a", "b", "c" }, log)
    assert.equal(0, weft.now())
  end)

  it("of an infinite time are never called [2.4]", function()
    local called = false
    local call = weft.call_later(math.huge, function() called = true end)
    weft.sleep(1e9)
    assert.is_false(called)
    assert.equal(math.huge, call:when())
    assert.is_true(call:cancel())
  end)

  it("are dropped if not due when the runtime ends [2.7]",
    testing.plain(function()
      local called = false
      weft.run(function()
        weft.call_later(1, function() called = true end)
      end)
      assert.is_false(called)
    end))

  it("know when they are due", function()
    weft.sleep(1)
    local later = weft.call_later(3, nothing)
    assert.equal(4, later:when())
    local at = weft.call_at(7, nothing)
    assert.equal(7, at:when())
    later:cancel()
    at:cancel()
  end)

  it("refuse what is no time or no function [2.4]", function()
    refuses({ "call_later", "seconds", "number", "nil" }, weft.call_later)
    refuses({ "call_later", "NaN" }, weft.call_later, 0 / 0, nothing)
    refuses({ "call_later", "fn", "function", "nil" }, weft.call_later, 1)
    refuses({ "call_at", "time", 'string "x"' }, weft.call_at, "x", nothing)
    refuses({ "call_at", "fn", "table" }, weft.call_at, 1, {})
  end)
end)
