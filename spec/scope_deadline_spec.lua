-- The times of scopes: deadlines, and the timeouts made of them.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local function nothing() end

-- -- Deadlines ---------------------------------------------------------------

describe("a deadline", function()
  it("cancels its scope when its time comes [7.1]", function()
    local at
    local scope = weft.move_on_after(5, function()
      local err = error_of(weft.sleep_forever)
      at = weft.now()
      assert.equal("deadline", err.source)
      error(err)
    end)
    assert.equal(5, at)
    assert.is_true(scope:cancelled_caught())
  end)

  it("is gone when the scope is left first [7.1]", function()
    local scope = weft.move_on_after(5, nothing)
    weft.sleep(10)
    assert.is_false(scope:cancel_called())
  end)

  for _, seconds in ipairs { 0, -1, -math.huge } do
    it("of " .. seconds .. " cancels at once; the body runs to its first "
      .. "cancellation point [7.2]", function()
      local log = {}
      local scope = weft.move_on_after(seconds, function(s)
        log[1] = s:cancel_called()
        weft.checkpoint()
        log[2] = "not reached"
      end)
      assert.same({ true }, log)
      assert.is_true(scope:cancelled_caught())
    end)
  end

  it("of zero lets a body without a cancellation point end [7.2]", function()
    assert.equal("result", weft.timeout(0, function() return "result" end))
  end)

  it("that is moved into the past cancels at once [7.2]", function()
    weft.sleep(5)
    weft.move_on_after(10, function(s)
      s:reschedule(3)
      assert.is_true(s:cancel_called())
      fails("CancelledError", weft.checkpoint)
    end)
  end)

  it("of math.huge or nil is none [7.2]", function()
    for _, seconds in ipairs { math.huge, false } do
      weft.timeout(seconds or nil, function(s)
        assert.is_nil(s:deadline())
        assert.is_nil(s:remaining())
        weft.sleep(1e9)
      end)
    end
  end)

  it("that has passed cancels nothing before a poll: what can finish at once "
    .. "does [7.3]", testing.task(function()
    local semaphore, event = weft.semaphore(1), weft.event()
    event:set()
    assert.equal("result", weft.timeout(0.0001, function(s)
      while weft.now() <= s:deadline() do end
      semaphore:acquire()
      event:wait()
      assert.is_false(s:cancel_called())
      return "result"
    end))
  end))
end)

describe("scope:reschedule", function()
  it("moves the deadline to an absolute time [7.10]", function()
    weft.sleep(3)
    local scope = weft.move_on_after(1, function(s)
      s:reschedule(10)
      weft.sleep_forever()
    end)
    assert.is_true(scope:cancelled_caught())
    assert.equal(10, weft.now())
  end)

  it("takes the deadline away with nil [7.10]", function()
    weft.timeout(1, function(s)
      s:reschedule(nil)
      weft.sleep(100)
    end)
    assert.equal(100, weft.now())
  end)

  it("counts as set now among equal times [2.2]", function()
    local log = {}
    weft.scope(function(s)
      s:reschedule(5)
      weft.call_at(5, function() log[#log + 1] = "call" end)
      weft.spawn(function()
        s:reschedule(5)
      end)
      pcall(weft.sleep_forever)
      log[#log + 1] = "deadline"
    end)
    weft.yield()
    assert.same({ "call", "deadline" }, log)
  end)

  it("on a scope that is cancelled is an InvalidStateError [7.10]", function()
    weft.scope(function(s)
      s:cancel()
      local err = fails("InvalidStateError", s.reschedule, s, 5)
      assert.is_truthy(err.message:find("cancelled", 1, true))
    end)
  end)

  it("on a scope that is closed is an InvalidStateError [7.10]", function()
    local scope = weft.scope(nothing)
    local err = fails("InvalidStateError", scope.reschedule, scope, 5)
    assert.is_truthy(err.message:find("closed", 1, true))
  end)

  it("refuses what is no time [2.4]", function()
    weft.scope(function(s)
      refuses({ "time", "number", "string" }, s.reschedule, s, "5")
      refuses({ "time", "NaN" }, s.reschedule, s, 0 / 0)
    end)
  end)
end)

describe("scope:deadline and scope:remaining", function()
  it("are the scope's own, nil if none [7.11]", function()
    weft.sleep(2)
    weft.timeout(10, function(outer)
      weft.scope(function(inner)
        weft.sleep(3)
        assert.equal(12, outer:deadline())
        assert.equal(7, outer:remaining())
        assert.is_nil(inner:deadline())
        assert.is_nil(inner:remaining())
      end)
    end)
  end)
end)

describe("weft.current_deadline", function()
  it("is the earliest up to the nearest shield [7.11]", function()
    weft.timeout(10, function()
      weft.timeout(20, function()
        assert.equal(10, weft.current_deadline())
        weft.timeout(5, function()
          assert.equal(5, weft.current_deadline())
        end)
        weft.shield(function()
          assert.is_nil(weft.current_deadline())
          weft.timeout(30, function()
            assert.equal(30, weft.current_deadline())
          end)
        end)
      end)
    end)
  end)

  it("is nil if there is none [7.11]", function()
    assert.is_nil(weft.current_deadline())
  end)

  it("is -math.huge in cancelled code [7.11]", function()
    weft.move_on_after(0, function()
      assert.equal(-math.huge, weft.current_deadline())
      weft.shield(function() assert.is_nil(weft.current_deadline()) end)
    end)
  end)

  it("is seen by a child through its group [7.11, 6.1]", function()
    weft.timeout(10, function()
      weft.group(function(g)
        g:spawn(function() assert.equal(10, weft.current_deadline()) end)
      end)
    end)
  end)
end)

-- -- Timeouts ----------------------------------------------------------------

describe("weft.timeout", function()
  it("returns fn's results, nils included [7.4]", function()
    assert.equal(3, select("#", weft.timeout(5, function()
      weft.sleep(1)
      return 1, nil, nil
    end)))
  end)

  it("raises TimeoutError with scope and cause when its deadline cut fn off "
    .. "[7.4]", function()
    local scope
    local err = fails("TimeoutError", weft.timeout, 5, function(s)
      scope = s
      weft.sleep_forever()
    end)
    assert.equal(scope, err.scope)
    assert.is_true(err.cause:is "CancelledError")
    assert.equal("deadline", err.cause.source)
    assert.equal(5, weft.now())
  end)

  it("returns nothing when it absorbs its own cancel [7.4]", function()
    assert.equal(0, select("#", weft.timeout(5, function(s)
      s:cancel()
      weft.checkpoint()
      return 1
    end)))
  end)

  it("goes by what came first, cancel or deadline [7.4]", function()
    assert.equal(0, select("#", weft.timeout(5, function(s)
      s:cancel()
      weft.shield(function() weft.sleep(10) end)
      weft.checkpoint()
    end)))
    fails("TimeoutError", weft.timeout, 5, function(s)
      weft.shield(function() weft.sleep(10) end)
      s:cancel()
      weft.checkpoint()
    end)
  end)

  it("does not convert what an outer scope caused [7.6]", function()
    local err
    local scope = weft.scope(function(s)
      weft.call_later(1, function() s:cancel() end)
      err = error_of(weft.timeout, 5, weft.sleep_forever)
      error(err)
    end)
    assert.is_true(err:is "CancelledError")
    assert.is_true(scope:cancelled_caught())
  end)

  it("does not convert another error, nor a TimeoutError from within [7.6]",
    function()
      local mine, inner = weft.TimeoutError "mine", weft.OSError "x"
      assert.equal(mine, error_of(weft.timeout, 5, function() error(mine) end))
      assert.equal(inner,
        error_of(weft.timeout, 0, function() error(inner) end))
    end)

  it("tells by err.scope whose TimeoutError it is [7.6]", function()
    local scopes = {}
    local err = fails("TimeoutError", weft.timeout, 10, function(o)
      scopes.outer = o
      weft.timeout(1, function(i)
        scopes.inner = i
        weft.sleep_forever()
      end)
    end)
    assert.equal(scopes.inner, err.scope)
  end)

  it("nested, inner first: the inner raises inside the outer, which runs on "
    .. "[7.7]", function()
    assert.equal("outer", weft.timeout(10, function()
      fails("TimeoutError", weft.timeout, 1, weft.sleep_forever)
      weft.sleep(5)
      return "outer"
    end))
  end)

  it("nested, both due in one poll: the outer converts [7.7]", function()
    local inner_err, outer_scope
    local err = fails("TimeoutError", weft.timeout, 5, function(o)
      outer_scope = o
      inner_err = error_of(weft.timeout, 5, weft.sleep_forever)
      error(inner_err)
    end)
    assert.is_true(inner_err:is "CancelledError")
    assert.equal(outer_scope, err.scope)
  end)

  it("has returned when fn swallowed Cancelled and returned [7.8]", function()
    local scope
    assert.equal("all the same", weft.timeout(1, function(s)
      scope = s
      pcall(weft.sleep_forever)
      return "all the same"
    end))
    assert.is_true(scope:cancel_called())
    assert.is_false(scope:cancelled_caught())
  end)

  it("returns when fn has unwound, shielded cleanup included [7.9]", function()
    fails("TimeoutError", weft.timeout, 1, function()
      weft.finally(weft.sleep_forever, function() weft.sleep(10) end)
    end)
    assert.equal(11, weft.now())
  end)

  it("opened in cleanup after an outer one has fired needs a shield [7.12]",
    function()
      local log = {}
      weft.move_on_after(1, function()
        pcall(weft.sleep_forever)
        log[1] = error_of(weft.timeout, 5, weft.sleep_forever).name
        weft.shield(function()
          log[2] = error_of(weft.timeout, 5, weft.sleep_forever).name
        end)
      end)
      assert.same({ "CancelledError", "TimeoutError" }, log)
      assert.equal(6, weft.now())
    end)

  it("works around a group: the children are cancelled [6.16, 7.4]", function()
    local child
    fails("TimeoutError", weft.timeout, 1, function()
      weft.group(function(g) child = g:spawn(weft.sleep_forever) end)
    end)
    assert.is_true(child:cancelled())
  end)

  it("refuses wrong arguments [2.4]", function()
    refuses({ "timeout", "seconds", "number", "string" }, weft.timeout, "1",
      nothing)
    refuses({ "seconds", "NaN" }, weft.timeout, 0 / 0, nothing)
    refuses({ "fn", "function", "nil" }, weft.timeout, 1)
    refuses({ "seconds" }, weft.timeout, nothing)
  end)
end)

describe("weft.timeout_at", function()
  it("takes a time of the clock [7.4]", function()
    weft.sleep(3)
    fails("TimeoutError", weft.timeout_at, 5, weft.sleep_forever)
    assert.equal(5, weft.now())
    assert.equal(1, weft.timeout_at(100, function() return 1 end))
  end)

  it("refuses wrong arguments [2.4]", function()
    refuses({ "time", "number", "table" }, weft.timeout_at, {}, nothing)
    refuses({ "fn", "nil" }, weft.timeout_at, 1)
  end)
end)

describe("weft.move_on_after and weft.move_on_at", function()
  it("absorb, drop results and return the scope [7.5]", function()
    local scope = weft.move_on_after(1, weft.sleep_forever)
    assert.is_true(scope:cancelled_caught())
    assert.equal(1, select("#", weft.move_on_after(1, function()
      return 1, 2, 3
    end)))
    local at = weft.move_on_at(5, weft.sleep_forever)
    assert.is_true(at:cancelled_caught())
    assert.equal(5, weft.now())
  end)

  it("tell by the scope that fn was not cut off [7.5, 6.13]", function()
    local scope = weft.move_on_after(5, function() weft.sleep(1) end)
    assert.is_false(scope:cancelled_caught())
    assert.is_false(scope:cancel_called())
  end)

  it("pass on an outer cancellation [6.12]", function()
    local went_on = false
    weft.move_on_after(1, function()
      weft.move_on_after(5, weft.sleep_forever)
      went_on = true
    end)
    assert.is_false(went_on)
  end)

  it("refuse wrong arguments [2.4]", function()
    refuses({ "move_on_after", "seconds", "string" }, weft.move_on_after, "1",
      nothing)
    refuses({ "fn", "nil" }, weft.move_on_after, 1)
    refuses({ "move_on_at", "time", "boolean" }, weft.move_on_at, true, nothing)
    refuses({ "fn", "nil" }, weft.move_on_at, 1)
  end)
end)
