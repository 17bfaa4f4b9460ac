-- Scopes: cancellation as a level, who absorbs it, deadlines and timeouts.
local weft = require "weft"
local errors = require "weft.error"
local report = require "weft.report"
local helper = require "spec.helper"

local virtual, error_of = helper.virtual, helper.error_of

local function fails(class, fn, ...)
  local err = error_of(fn, ...)
  assert.is_true(errors.is_error(err) and err:is(class), tostring(err))
  return err
end

local function refuses(pieces, fn, ...)
  local err = fails("ArgumentError", fn, ...)
  for _, piece in ipairs(pieces) do
    assert.is_truthy(err.message:find(piece, 1, true), err.message)
  end
end

local function settle()
  for _ = 1, 4 do weft.yield() end
end

local function nothing() end

-- Calls `fn` in cancelled code.
local function in_cancelled(fn)
  return weft.move_on_after(0, function(scope)
    fn(scope)
  end)
end

-- -- The tree ----------------------------------------------------------------

describe("a scope", function()
  it("is under the one around it inside a task [6.1]", virtual(function()
    local inner_cancelled
    weft.scope(function(outer)
      weft.scope(function(inner)
        outer:cancel()
        inner_cancelled = fails("CancelledError", weft.checkpoint)
        assert.is_false(inner:cancel_called())
      end)
    end)
    assert.is_not_nil(inner_cancelled)
  end))

  it("of a task is under its group's [6.1]", virtual(function()
    local child
    weft.group(function(g)
      child = g:spawn(weft.sleep_forever)
      weft.yield()
      g:cancel()
    end)
    assert.is_true(child:cancelled())
  end))

  it("of a group is under the scope around the group [6.1]",
    virtual(function()
      local child
      weft.scope(function(scope)
        weft.group(function(g)
          child = g:spawn(weft.sleep_forever)
          weft.yield()
          scope:cancel()
        end)
      end)
      assert.is_true(child:cancelled())
    end))

  it("stays cancelled for good [6.2]", virtual(function()
    weft.scope(function(scope)
      scope:cancel()
      for _ = 1, 3 do fails("CancelledError", weft.checkpoint) end
      assert.is_true(scope:cancel_called())
    end)
  end))

  it("is closed when its function has ended: cancel is false [6.2, 6.10]",
    virtual(function()
      local scope = weft.scope(nothing)
      assert.is_false(scope:cancel())
      assert.is_false(scope:cancel_called())
    end))

  it("may be cancelled again: true, and the first reason stays [6.10]",
    virtual(function()
      weft.scope(function(scope)
        assert.is_true(scope:cancel "first")
        assert.is_true(scope:cancel "second")
        assert.equal("first", fails("CancelledError", weft.sleep, 1).reason)
      end)
    end))

  it("is cancelled with its parent unless it is shielded [6.3]",
    virtual(function()
      local log = {}
      in_cancelled(function()
        weft.scope(function()
          log[1] = select(2, pcall(weft.checkpoint)):is "CancelledError"
        end)
        weft.scope(function() log[2] = pcall(weft.checkpoint) end,
          { shield = true })
      end)
      assert.same({ true, true }, log)
    end))

  it("is cancelled by its own cancel though it is shielded [6.3]",
    virtual(function()
      local scope = weft.scope(function(s)
        s:cancel()
        weft.checkpoint()
      end, { shield = true })
      assert.is_true(scope:cancelled_caught())
    end))

  it("may be cancelled by any task [6.17]", virtual(function()
    local scope = weft.scope(function(s)
      weft.spawn(function() s:cancel "from elsewhere" end)
      weft.sleep_forever()
    end)
    assert.is_true(scope:cancelled_caught())
  end))

  it("wakes its own task first, then children depth first in the order of "
    .. "spawning [6.4]", virtual(function()
    local log = {}
    local function waits(name)
      return function()
        pcall(weft.sleep_forever)
        log[#log + 1] = name
      end
    end
    weft.scope(function(scope)
      weft.call_later(1, function() scope:cancel() end)
      weft.group(function(g)
        g:spawn(waits "last to wait, first child")
        g:spawn(function()
          weft.group(function(h)
            h:spawn(waits "grandchild 1")
            h:spawn(waits "grandchild 2")
            waits "second child" ()
          end)
        end)
        g:spawn(waits "third child")
        weft.yield()
        waits "own task" ()
      end)
    end)
    assert.same({ "own task", "last to wait, first child", "second child",
      "grandchild 1", "grandchild 2", "third child" }, log)
  end))

  it("that is left out of order is an InvalidStateError [6.17]",
    virtual(function()
      local inner
      local co = coroutine.wrap(function()
        weft.scope(function()
          inner = fails("InvalidStateError", coroutine.yield)
        end)
      end)
      co()
      assert.is_not_nil(inner)
    end))
end)

-- -- Cancellation as a level -------------------------------------------------

describe("cancelled code", function()
  it("gets Cancelled at every cancellation point, each time [6.5]",
    virtual(function()
      local count = 0
      in_cancelled(function()
        for _ = 1, 5 do
          fails("CancelledError", weft.sleep, 1)
          count = count + 1
        end
      end)
      assert.equal(5, count)
      assert.equal(0, weft.now())
    end))

  it("goes on after a pcall that swallows Cancelled, up to the next point "
    .. "[6.6]", virtual(function()
    local log = {}
    local scope = weft.move_on_after(1, function()
      pcall(weft.sleep_forever)
      log[#log + 1] = "swallowed"
      weft.sleep(1)
      log[#log + 1] = "not reached"
    end)
    assert.same({ "swallowed" }, log)
    assert.is_true(scope:cancelled_caught())
  end))

  it("cannot retry its way out [6.6]", virtual(function()
    local tries = 0
    local scope = weft.move_on_after(1, function()
      while not weft.try(weft.sleep, 10) do tries = tries + 1 end
    end)
    assert.equal(0, tries)
    assert.is_true(scope:cancelled_caught())
  end))

  it("is not waiting: a raise takes no time [6.5]", virtual(function()
    in_cancelled(function() fails("CancelledError", weft.sleep, 100) end)
    assert.equal(0, weft.now())
  end))

  it("lets others run when it swallows Cancelled in a loop [6.7]",
    virtual(function()
      local others = 0
      local stop = false
      weft.spawn(function()
        for _ = 1, 10 do
          others = others + 1
          weft.yield()
        end
        stop = true
      end)
      in_cancelled(function()
        while not stop do pcall(weft.checkpoint) end
      end)
      assert.equal(10, others)
    end))

  it("is reported once after 1,000 Cancelled in one scope, with its traceback "
    .. "[6.7]", virtual(function()
    in_cancelled(function()
      for _ = 1, 999 do pcall(weft.checkpoint) end
      assert.equal(0, #helper.take_reports())
      for _ = 1, 2000 do pcall(weft.checkpoint) end
    end)
    local reports = helper.take_reports()
    assert.equal(1, #reports)
    assert.equal(report.STUBBORN, reports[1].kind)
    assert.equal("main", reports[1].task)
    assert.is_truthy(reports[1].traceback:find("scope_spec", 1, true))
  end))

  it("is interrupted nowhere but at a cancellation point [6.9]",
    virtual(function()
      local log = {}
      weft.scope(function(scope)
        scope:cancel()
        for i = 1, 3 do log[i] = i end
        weft.spawn(nothing)
        weft.call_soon(nothing)
        log[4] = "still running"
      end)
      assert.equal("still running", log[4])
      settle()
    end))

  it("gets Cancelled at the parking call, in the innermost coroutine [6.8]",
    virtual(function()
      local log = {}
      weft.move_on_after(1, function()
        local co = coroutine.create(function()
          local ok, err = pcall(weft.sleep_forever)
          log[#log + 1] = not ok and err.name
          error(err)
        end)
        local ok, err = coroutine.resume(co)
        log[#log + 1] = not ok and err.name
      end)
      assert.same({ "CancelledError", "CancelledError" }, log)
    end))

  it("does not get Cancelled by what gives back or ends something [3.7]",
    virtual(function()
      local semaphore, event = weft.semaphore(0), weft.event()
      local queue, future = weft.queue(), weft.future()
      queue:put(1)
      in_cancelled(function()
        semaphore:release()
        event:set()
        event:clear()
        queue:try_get()
        queue:task_done()
        queue:shutdown()
        future:set_result(1)
        weft.current_task().scope:cancel_called()
        weft.scope(nothing)
        weft.group(nothing)
        weft.timeout(1, nothing)
        weft.shield(nothing)
      end)
      assert.equal(1, semaphore:value())
    end))
end)

-- -- The CancelledError ------------------------------------------------------

describe("a CancelledError", function()
  local function cancelled_by(start)
    local got
    weft.scope(function(scope)
      start(scope)
      got = error_of(weft.sleep, 5)
    end)
    return got
  end

  it("has source cancel and the reason of a call [6.11]", virtual(function()
    local err = cancelled_by(function(scope) scope:cancel "why" end)
    assert.equal("cancel", err.source)
    assert.equal("why", err.reason)
    assert.is_truthy(tostring(err):find("why", 1, true))
  end))

  it("has source deadline for a deadline [6.11]", virtual(function()
    local err = cancelled_by(function(scope) scope:reschedule(1) end)
    assert.equal("deadline", err.source)
    assert.is_nil(err.reason)
  end))

  it("has source group and the first failure as cause in a group [6.11]",
    virtual(function()
      local got
      local mine = weft.OSError "x"
      pcall(weft.group, function(g)
        g:spawn(function() got = error_of(weft.sleep_forever) end)
        g:spawn(function() error(mine) end)
      end)
      assert.equal("group", got.source)
      assert.equal(mine, got.cause)
    end))

  it("has source shutdown when main has ended [6.11]", function()
    local got
    pcall(virtual(function() -- the helper minds the task that is left
      weft.spawn(function() got = error_of(weft.sleep_forever) end)
      weft.yield()
    end))
    assert.equal("shutdown", got.source)
  end)

  it("is of this run, whatever a run before had [6.11, 22.1]", function()
    for _, reason in ipairs { "first run", "second run" } do
      virtual(function()
        local err = cancelled_by(function(scope) scope:cancel(reason) end)
        assert.equal(reason, err.reason)
      end)()
    end
  end)
end)

-- -- Who absorbs -------------------------------------------------------------

describe("Cancelled", function()
  it("is absorbed by the scope that was cancelled [6.12]", virtual(function()
    local log = {}
    local outer = weft.scope(function()
      local inner = weft.scope(function(s)
        s:cancel()
        weft.checkpoint()
      end)
      log[1] = inner:cancelled_caught()
      weft.checkpoint()
      log[2] = "outer goes on"
    end)
    assert.same({ true, "outer goes on" }, log)
    assert.is_false(outer:cancelled_caught())
  end))

  it("is absorbed by the outermost cancelled scope [6.12]",
    virtual(function()
      local inner_scope, went_on
      local outer = weft.scope(function(o)
        weft.scope(function(i)
          inner_scope = i
          i:cancel()
          o:cancel()
          weft.checkpoint()
        end)
        went_on = true
      end)
      assert.is_false(inner_scope:cancelled_caught())
      assert.is_true(inner_scope:cancel_called())
      assert.is_true(outer:cancelled_caught())
      assert.is_nil(went_on)
    end))

  it("is absorbed within the nearest shield [6.12]", virtual(function()
    local after_shield, inner
    local outer = weft.scope(function(o)
      o:cancel()
      weft.shield(function()
        inner = weft.scope(function(i)
          i:cancel()
          weft.checkpoint()
        end)
        weft.checkpoint()
        after_shield = "in the shield"
      end)
      weft.checkpoint()
      after_shield = "outside"
    end)
    assert.is_true(inner:cancelled_caught())
    assert.equal("in the shield", after_shield)
    assert.is_true(outer:cancelled_caught())
  end))

  it("is absorbed by state, not by which error object it is [6.12]",
    virtual(function()
      local kept
      weft.scope(function(s)
        s:cancel()
        kept = error_of(weft.checkpoint)
      end)
      local scope = weft.scope(function(s)
        s:cancel()
        error(kept)
      end)
      assert.is_true(scope:cancelled_caught())
    end))

  it("that is raised after the scope has recovered goes on [6.12, 4.5]",
    virtual(function()
      local kept
      weft.scope(function(s)
        s:cancel()
        kept = error_of(weft.checkpoint)
      end)
      assert.equal(kept, error_of(weft.scope, function() error(kept) end))
    end))

  it("leaves a scope that is not cancelled as it is [6.12]",
    virtual(function()
      local inner
      weft.scope(function(o)
        o:cancel()
        weft.scope(function(i)
          inner = i
          weft.checkpoint()
        end)
      end)
      assert.is_false(inner:cancelled_caught())
      assert.is_false(inner:cancel_called())
    end))

  it("replaced by another error is raised again at the next point outside "
    .. "[6.14, 6.5]", virtual(function()
    local scope = weft.scope(function(s)
      s:cancel()
      local err = error_of(function()
        local ok = pcall(weft.checkpoint)
        if not ok then error(weft.OSError "other") end
      end)
      assert.is_true(err:is "OSError")
      weft.checkpoint()
      error "not reached"
    end)
    assert.is_true(scope:cancelled_caught())
  end))
end)

describe("weft.scope", function()
  it("returns the scope and drops results [6.18]", virtual(function()
    local inside
    local scope = weft.scope(function(s)
      inside = s
      return 1, 2
    end)
    assert.equal(inside, scope)
    assert.equal(1, select("#", weft.scope(nothing)))
  end))

  it("left normally absorbs nothing, cancelled or not [6.13]",
    virtual(function()
      local scope = weft.scope(function(s) s:cancel() end)
      assert.is_true(scope:cancel_called())
      assert.is_false(scope:cancelled_caught())
    end))

  it("left by another error raises it on though it is cancelled [6.13]",
    virtual(function()
      local scope
      local mine = {}
      assert.equal(mine, error_of(weft.scope, function(s)
        scope = s
        s:cancel()
        error(mine)
      end))
      assert.is_true(scope:cancel_called())
      assert.is_false(scope:cancelled_caught())
    end))

  it("takes the earlier of timeout and deadline [6.18]", virtual(function()
    weft.sleep(10)
    weft.scope(function(s) assert.equal(12, s:deadline()) end,
      { timeout = 2, deadline = 100 })
    weft.scope(function(s) assert.equal(11, s:deadline()) end,
      { timeout = 50, deadline = 11 })
  end))

  it("refuses wrong arguments", virtual(function()
    refuses({ "scope", "fn", "function", "nil" }, weft.scope)
    refuses({ "opts", "table", "number 5" }, weft.scope, nothing, 5)
    refuses({ "timeout", "number", "string" }, weft.scope, nothing,
      { timeout = "1" })
    refuses({ "deadline", "NaN" }, weft.scope, nothing, { deadline = 0 / 0 })
  end))

  it("needs a runtime [1.11]", function()
    fails("InvalidStateError", weft.scope, nothing)
  end)
end)

-- -- Shields -----------------------------------------------------------------

describe("weft.shield", function()
  it("hides an outer cancellation and returns fn's results [6.3, 12.2]",
    virtual(function()
      local got
      in_cancelled(function()
        got = { weft.shield(function()
          weft.sleep(3)
          return 1, 2
        end) }
      end)
      assert.same({ 1, 2 }, got)
      assert.equal(3, weft.now())
    end))

  it("shows the cancellation at the first point after it [6.5]",
    virtual(function()
      local after
      local scope = weft.move_on_after(1, function()
        weft.shield(function() weft.sleep(5) end)
        after = "the shield"
        weft.checkpoint()
        after = "the point"
      end)
      assert.equal("the shield", after)
      assert.is_true(scope:cancelled_caught())
      assert.equal(5, weft.now())
    end))

  it("raises fn's error on, untouched [10.1]", virtual(function()
    local mine = {}
    assert.equal(mine, error_of(weft.shield, function() error(mine) end))
  end))

  it("with a grace cuts fn off and returns nothing [12.2]",
    virtual(function()
      assert.equal(0, select("#", weft.shield(function()
        weft.sleep(10)
        return 1
      end, 2)))
      assert.equal(2, weft.now())
    end))

  it("counts its grace from entry, in cancelled code too [12.2]",
    virtual(function()
      weft.sleep(1)
      in_cancelled(function() weft.shield(weft.sleep_forever, 3) end)
      assert.equal(4, weft.now())
    end))

  it("refuses wrong arguments", virtual(function()
    refuses({ "shield", "fn", "function", "number" }, weft.shield, 5)
    refuses({ "grace", "number", "string" }, weft.shield, nothing, "5")
    refuses({ "grace", "NaN" }, weft.shield, nothing, 0 / 0)
  end))
end)

describe("scope:set_shield", function()
  it("hides outer cancellation from then on [6.15]", virtual(function()
    local log = {}
    weft.scope(function(outer)
      weft.scope(function(inner)
        outer:cancel()
        log[1] = pcall(weft.checkpoint)
        inner:set_shield(true)
        log[2] = pcall(weft.checkpoint)
      end)
    end)
    assert.same({ false, true }, log)
  end))

  it("taken off in cancelled surroundings wakes what is parked inside at once "
    .. "[6.15]", virtual(function()
    local outer = weft.scope(function(o)
      weft.call_later(1, function() o:cancel() end)
      weft.scope(function(inner)
        weft.call_later(3, function() inner:set_shield(false) end)
        weft.sleep_forever()
      end, { shield = true })
    end)
    assert.is_true(outer:cancelled_caught())
    assert.equal(3, weft.now())
  end))

  it("on a closed scope is an InvalidStateError", virtual(function()
    local scope = weft.scope(nothing)
    fails("InvalidStateError", scope.set_shield, scope, true)
  end))
end)

describe("a child", function()
  it("is not covered by a shield or timeout around spawn [6.16]",
    virtual(function()
      local shielded, timed
      weft.group(function(g)
        weft.shield(function() shielded = g:spawn(weft.sleep_forever) end)
        weft.timeout(1, function()
          timed = g:spawn(function() weft.sleep(5) return "ran on" end)
        end)
        weft.sleep(10)
        assert.equal("ran on", timed:result())
        g:cancel()
      end)
      assert.is_true(shielded:cancelled())
    end))

  it("is covered by a shield around its group [6.16]", virtual(function()
    local child
    in_cancelled(function()
      weft.shield(function()
        weft.group(function(g)
          child = g:spawn(function()
            weft.sleep(5)
            return "ran on"
          end)
        end)
      end)
    end)
    assert.equal("ran on", child:result())
  end))
end)

-- -- Deadlines ---------------------------------------------------------------

describe("a deadline", function()
  it("cancels its scope when its time comes [7.1]", virtual(function()
    local at
    local scope = weft.move_on_after(5, function()
      local err = error_of(weft.sleep_forever)
      at = weft.now()
      assert.equal("deadline", err.source)
      error(err)
    end)
    assert.equal(5, at)
    assert.is_true(scope:cancelled_caught())
  end))

  it("is gone when the scope is left first [7.1]", virtual(function()
    local scope = weft.move_on_after(5, nothing)
    weft.sleep(10)
    assert.is_false(scope:cancel_called())
  end))

  for _, seconds in ipairs { 0, -1, -math.huge } do
    it("of " .. seconds .. " cancels at once; the body runs to its first "
      .. "cancellation point [7.2]", virtual(function()
      local log = {}
      local scope = weft.move_on_after(seconds, function(s)
        log[1] = s:cancel_called()
        weft.checkpoint()
        log[2] = "not reached"
      end)
      assert.same({ true }, log)
      assert.is_true(scope:cancelled_caught())
    end))
  end

  it("of zero lets a body without a cancellation point end [7.2]",
    virtual(function()
      assert.equal("result", weft.timeout(0, function() return "result" end))
    end))

  it("that is moved into the past cancels at once [7.2]",
    virtual(function()
      weft.sleep(5)
      weft.move_on_after(10, function(s)
        s:reschedule(3)
        assert.is_true(s:cancel_called())
        fails("CancelledError", weft.checkpoint)
      end)
    end))

  it("of math.huge or nil is none [7.2]", virtual(function()
    for _, seconds in ipairs { math.huge, false } do
      weft.timeout(seconds or nil, function(s)
        assert.is_nil(s:deadline())
        assert.is_nil(s:remaining())
        weft.sleep(1e9)
      end)
    end
  end))

  it("that has passed cancels nothing before a poll: what can finish at once "
    .. "does [7.3]", helper.run(function()
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
  it("moves the deadline to an absolute time [7.10]", virtual(function()
    weft.sleep(3)
    local scope = weft.move_on_after(1, function(s)
      s:reschedule(10)
      weft.sleep_forever()
    end)
    assert.is_true(scope:cancelled_caught())
    assert.equal(10, weft.now())
  end))

  it("takes the deadline away with nil [7.10]", virtual(function()
    weft.timeout(1, function(s)
      s:reschedule(nil)
      weft.sleep(100)
    end)
    assert.equal(100, weft.now())
  end))

  it("counts as set now among equal times [2.2]", virtual(function()
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
  end))

  it("on a scope that is cancelled is an InvalidStateError [7.10]",
    virtual(function()
      weft.scope(function(s)
        s:cancel()
        local err = fails("InvalidStateError", s.reschedule, s, 5)
        assert.is_truthy(err.message:find("cancelled", 1, true))
      end)
    end))

  it("on a scope that is closed is an InvalidStateError [7.10]",
    virtual(function()
      local scope = weft.scope(nothing)
      local err = fails("InvalidStateError", scope.reschedule, scope, 5)
      assert.is_truthy(err.message:find("closed", 1, true))
    end))

  it("refuses what is no time [2.4]", virtual(function()
    weft.scope(function(s)
      refuses({ "time", "number", "string" }, s.reschedule, s, "5")
      refuses({ "time", "NaN" }, s.reschedule, s, 0 / 0)
    end)
  end))
end)

describe("scope:deadline and scope:remaining", function()
  it("are the scope's own, nil if none [7.11]", virtual(function()
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
  end))
end)

describe("weft.current_deadline", function()
  it("is the earliest up to the nearest shield [7.11]", virtual(function()
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
  end))

  it("is nil if there is none [7.11]", virtual(function()
    assert.is_nil(weft.current_deadline())
  end))

  it("is -math.huge in cancelled code [7.11]", virtual(function()
    in_cancelled(function()
      assert.equal(-math.huge, weft.current_deadline())
      weft.shield(function() assert.is_nil(weft.current_deadline()) end)
    end)
  end))

  it("is seen by a child through its group [7.11, 6.1]", virtual(function()
    weft.timeout(10, function()
      weft.group(function(g)
        g:spawn(function() assert.equal(10, weft.current_deadline()) end)
      end)
    end)
  end))
end)

-- -- Timeouts ----------------------------------------------------------------

describe("weft.timeout", function()
  it("returns fn's results, nils included [7.4]", virtual(function()
    assert.equal(3, select("#", weft.timeout(5, function()
      weft.sleep(1)
      return 1, nil, nil
    end)))
  end))

  it("raises TimeoutError with scope and cause when its deadline cut fn off "
    .. "[7.4]", virtual(function()
    local scope
    local err = fails("TimeoutError", weft.timeout, 5, function(s)
      scope = s
      weft.sleep_forever()
    end)
    assert.equal(scope, err.scope)
    assert.is_true(err.cause:is "CancelledError")
    assert.equal("deadline", err.cause.source)
    assert.equal(5, weft.now())
  end))

  it("returns nothing when it absorbs its own cancel [7.4]",
    virtual(function()
      assert.equal(0, select("#", weft.timeout(5, function(s)
        s:cancel()
        weft.checkpoint()
        return 1
      end)))
    end))

  it("goes by what came first, cancel or deadline [7.4]",
    virtual(function()
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
    end))

  it("does not convert what an outer scope caused [7.6]",
    virtual(function()
      local err
      local scope = weft.scope(function(s)
        weft.call_later(1, function() s:cancel() end)
        err = error_of(weft.timeout, 5, weft.sleep_forever)
        error(err)
      end)
      assert.is_true(err:is "CancelledError")
      assert.is_true(scope:cancelled_caught())
    end))

  it("does not convert another error, nor a TimeoutError from within [7.6]",
    virtual(function()
      local mine, inner = weft.TimeoutError "mine", weft.OSError "x"
      assert.equal(mine, error_of(weft.timeout, 5, function() error(mine) end))
      assert.equal(inner,
        error_of(weft.timeout, 0, function() error(inner) end))
    end))

  it("tells by err.scope whose TimeoutError it is [7.6]",
    virtual(function()
      local scopes = {}
      local err = fails("TimeoutError", weft.timeout, 10, function(o)
        scopes.outer = o
        weft.timeout(1, function(i)
          scopes.inner = i
          weft.sleep_forever()
        end)
      end)
      assert.equal(scopes.inner, err.scope)
    end))

  it("nested, inner first: the inner raises inside the outer, which runs on "
    .. "[7.7]", virtual(function()
    assert.equal("outer", weft.timeout(10, function()
      fails("TimeoutError", weft.timeout, 1, weft.sleep_forever)
      weft.sleep(5)
      return "outer"
    end))
  end))

  it("nested, both due in one poll: the outer converts [7.7]",
    virtual(function()
      local inner_err, outer_scope
      local err = fails("TimeoutError", weft.timeout, 5, function(o)
        outer_scope = o
        inner_err = error_of(weft.timeout, 5, weft.sleep_forever)
        error(inner_err)
      end)
      assert.is_true(inner_err:is "CancelledError")
      assert.equal(outer_scope, err.scope)
    end))

  it("has returned when fn swallowed Cancelled and returned [7.8]",
    virtual(function()
      local scope
      assert.equal("all the same", weft.timeout(1, function(s)
        scope = s
        pcall(weft.sleep_forever)
        return "all the same"
      end))
      assert.is_true(scope:cancel_called())
      assert.is_false(scope:cancelled_caught())
    end))

  it("returns when fn has unwound, shielded cleanup included [7.9]",
    virtual(function()
      fails("TimeoutError", weft.timeout, 1, function()
        weft.finally(weft.sleep_forever, function() weft.sleep(10) end)
      end)
      assert.equal(11, weft.now())
    end))

  it("opened in cleanup after an outer one has fired needs a shield [7.12]",
    virtual(function()
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
    end))

  it("works around a group: the children are cancelled [6.16, 7.4]",
    virtual(function()
      local child
      fails("TimeoutError", weft.timeout, 1, function()
        weft.group(function(g) child = g:spawn(weft.sleep_forever) end)
      end)
      assert.is_true(child:cancelled())
    end))

  it("refuses wrong arguments [2.4]", virtual(function()
    refuses({ "timeout", "seconds", "number", "string" }, weft.timeout, "1",
      nothing)
    refuses({ "seconds", "NaN" }, weft.timeout, 0 / 0, nothing)
    refuses({ "fn", "function", "nil" }, weft.timeout, 1)
    refuses({ "seconds" }, weft.timeout, nothing)
  end))
end)

describe("weft.timeout_at", function()
  it("takes a time of the clock [7.4]", virtual(function()
    weft.sleep(3)
    fails("TimeoutError", weft.timeout_at, 5, weft.sleep_forever)
    assert.equal(5, weft.now())
    assert.equal(1, weft.timeout_at(100, function() return 1 end))
  end))

  it("refuses wrong arguments [2.4]", virtual(function()
    refuses({ "time", "number", "table" }, weft.timeout_at, {}, nothing)
    refuses({ "fn", "nil" }, weft.timeout_at, 1)
  end))
end)

describe("weft.move_on_after and weft.move_on_at", function()
  it("absorb, drop results and return the scope [7.5]", virtual(function()
    local scope = weft.move_on_after(1, weft.sleep_forever)
    assert.is_true(scope:cancelled_caught())
    assert.equal(1, select("#", weft.move_on_after(1, function()
      return 1, 2, 3
    end)))
    local at = weft.move_on_at(5, weft.sleep_forever)
    assert.is_true(at:cancelled_caught())
    assert.equal(5, weft.now())
  end))

  it("tell by the scope that fn was not cut off [7.5, 6.13]",
    virtual(function()
      local scope = weft.move_on_after(5, function() weft.sleep(1) end)
      assert.is_false(scope:cancelled_caught())
      assert.is_false(scope:cancel_called())
    end))

  it("pass on an outer cancellation [6.12]", virtual(function()
    local went_on = false
    weft.move_on_after(1, function()
      weft.move_on_after(5, weft.sleep_forever)
      went_on = true
    end)
    assert.is_false(went_on)
  end))

  it("refuse wrong arguments [2.4]", virtual(function()
    refuses({ "move_on_after", "seconds", "string" }, weft.move_on_after, "1",
      nothing)
    refuses({ "fn", "nil" }, weft.move_on_after, 1)
    refuses({ "move_on_at", "time", "boolean" }, weft.move_on_at, true, nothing)
    refuses({ "fn", "nil" }, weft.move_on_at, 1)
  end))
end)

-- -- Kept and completed ------------------------------------------------------

describe("a wait that was completed", function()
  it("delivers though its task is cancelled before it runs; Cancelled comes "
    .. "at the next point [3.4]", virtual(function()
    local got, next_point
    local event = weft.event()
    local task = weft.spawn(function()
      got = event:wait()
      next_point = error_of(weft.checkpoint)
    end)
    weft.yield()
    event:set()
    task:cancel()
    settle()
    assert.is_true(got)
    assert.is_true(next_point:is "CancelledError")
  end))
end)

describe("a kept wait", function()
  it("for a group's children is not withdrawn; they are cancelled [3.8]",
    virtual(function()
      local order = {}
      local task = weft.spawn(function()
        pcall(weft.group, function(g)
          g:spawn(function()
            weft.finally(weft.sleep_forever, function()
              weft.sleep(5)
              order[#order + 1] = "child's cleanup"
            end)
          end)
        end)
        order[#order + 1] = "group left"
      end)
      weft.yield()
      weft.yield()
      task:cancel()
      weft.sleep(10)
      assert.same({ "child's cleanup", "group left" }, order)
      assert.is_true(task:done())
    end))
end)
