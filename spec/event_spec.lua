-- Events: a flag many tasks can wait on.
local weft = require "weft"
local errors = require "weft.error"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of

testing.options { virtual = true }

local settle = helper.settle

describe("an event", function()
  it("begins unset", function()
    assert.is_false(weft.event():is_set())
  end)

  it("is set until it is cleared", function()
    local event = weft.event()
    event:set()
    event:set()
    assert.is_true(event:is_set())
    event:clear()
    event:clear()
    assert.is_false(event:is_set())
  end)

  it("returns true from wait at once while it is set [18.1]", function()
    local event = weft.event()
    event:set()
    assert.is_true(event:wait())
    assert.equal(0, weft.now())
  end)

  it("parks those who wait until it is set; wait is true [18.1]", function()
    local event = weft.event()
    weft.call_later(3, function() event:set() end)
    assert.is_true(event:wait())
    assert.equal(3, weft.now())
  end)

  it("completes all present waits by set, in order [18.1, 1.5]", function()
    local event, log = weft.event(), {}
    for i = 1, 3 do
      weft.spawn(function()
        event:wait()
        log[#log + 1] = i
      end)
    end
    weft.yield()
    event:set()
    settle()
    assert.same({ 1, 2, 3 }, log)
  end)

  it("has completed them though it is cleared right after [18.1]", function()
    local event, log = weft.event(), {}
    weft.spawn(function()
      event:wait()
      log[#log + 1] = "present"
    end)
    weft.yield()
    event:set()
    event:clear()
    local late = weft.spawn(function()
      event:wait()
      log[#log + 1] = "late"
    end)
    settle()
    assert.same({ "present" }, log)
    late:cancel()
    settle()
  end)

  it("is unchanged by a wait that is cancelled or timed out [3.5]", function()
    local event, others = weft.event(), 0
    local task = weft.spawn(function() event:wait() end)
    weft.spawn(function()
      event:wait()
      others = others + 1
    end)
    weft.yield()
    task:cancel()
    weft.move_on_after(1, function() event:wait() end)
    event:set()
    settle()
    assert.is_true(task:cancelled())
    assert.equal(1, others)
  end)

  it("may be set outside a task", function()
    local event = weft.event()
    weft.call_soon(function() event:set() end)
    assert.is_true(event:wait())
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    local err = error_of(weft.event)
    assert.is_true(errors.is_error(err) and err:is "InvalidStateError")
  end))
end)

describe("event:close", function()
  it("wakes all who wait with ClosedError, in order [3.10]", function()
    local event, log = weft.event(), {}
    for i = 1, 2 do
      weft.spawn(function()
        local err = helper.fails("ClosedError", event.wait, event)
        log[#log + 1] = i .. " " .. err.message
      end)
    end
    weft.yield()
    event:close()
    event:close()
    settle()
    assert.same({
      "1 event:wait: the event is closed",
      "2 event:wait: the event is closed",
    }, log)
  end)

  for _, method in ipairs { "set", "clear", "is_set", "wait", "statistics" } do
    it("has " .. method .. " raise ClosedError from then on [3.10]", function()
      local event = weft.event()
      event:set()
      event:close()
      local err = helper.fails("ClosedError", event[method], event)
      assert.equal("event:" .. method .. ": the event is closed",
        err.message)
    end)
  end
end)

describe("event:statistics", function()
  it("tells whether it is set, and how many wait", function()
    local event = weft.event()
    for _ = 1, 3 do weft.spawn(function() event:wait() end) end
    weft.yield()
    assert.same({ set = false, waiting = 3 }, event:statistics())
    event:set()
    assert.same({ set = true, waiting = 0 }, event:statistics())
    settle()
  end)
end)
