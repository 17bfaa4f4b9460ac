-- Scopes: the tree, cancellation as a level, who absorbs it, shields.
local weft = require "weft"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local virtual = testing.virtual
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local settle = helper.settle

local function nothing() end

-- Calls `fn` in cancelled code.
local function in_cancelled(fn)
  return weft.move_on_after(0, function(scope)
    fn(scope)
  end)
end

-- -- The tree ----------------------------------------------------------------

describe("a scope", function()
  it("is under the one around it inside a task [6.1]", function()
    local inner_cancelled
    weft.scope(function(outer)
      weft.scope(function(inner)
        outer:cancel()
        inner_cancelled = fails("CancelledError", weft.checkpoint)
        assert.is_false(inner:cancel_called())
      end)
    end)
    assert.is_not_nil(inner_cancelled)
  end)

  it("of a task is under its group's [6.1]", function()
    local child
    weft.group(function(g)
      child = g:spawn(weft.sleep_forever)
      weft.yield()
      g:cancel()
    end)
    assert.is_true(child:cancelled())
  end)

  it("of a group is under the scope around the group [6.1]", function()
    local child
    weft.scope(function(scope)
      weft.group(function(g)
        child = g:spawn(weft.sleep_forever)
        weft.yield()
        scope:cancel()
      end)
    end)
    assert.is_true(child:cancelled())
  end)

  it("stays cancelled for good [6.2]", function()
    weft.scope(function(scope)
      scope:cancel()
      for _ = 1, 3 do fails("CancelledError", weft.checkpoint) end
      assert.is_true(scope:cancel_called())
    end)
  end)

  it("is closed when its function has ended: cancel is false [6.2, 6.10]",
    function()
      local scope = weft.scope(nothing)
      assert.is_false(scope:cancel())
      assert.is_false(scope:cancel_called())
    end)

  it("may be cancelled again: true, and the first reason stays [6.10]",
    function()
      weft.scope(function(scope)
        assert.is_true(scope:cancel "first")
        assert.is_true(scope:cancel "second")
        assert.equal("first", fails("CancelledError", weft.sleep, 1).reason)
      end)
    end)

  it("is cancelled with its parent unless it is shielded [6.3]", function()
    local log = {}
    in_cancelled(function()
      weft.scope(function()
        log[1] = select(2, pcall(weft.checkpoint)):is "CancelledError"
      end)
      weft.scope(function() log[2] = pcall(weft.checkpoint) end,
        { shield = true })
    end)
    assert.same({ true, true }, log)
  end)

  it("is cancelled by its own cancel though it is shielded [6.3]", function()
    local scope = weft.scope(function(s)
      s:cancel()
      weft.checkpoint()
    end, { shield = true })
    assert.is_true(scope:cancelled_caught())
  end)

  it("may be cancelled by any task [6.17]", function()
    local scope = weft.scope(function(s)
      weft.spawn(function() s:cancel "from elsewhere" end)
      weft.sleep_forever()
    end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("wakes its own task first, then children depth first in the order of "
    .. "spawning [6.4]", function()
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
  end)

  it("that is left out of order is an InvalidStateError [6.17]", function()
    local inner
    local co = coroutine.wrap(function()
      weft.scope(function()
        inner = fails("InvalidStateError", coroutine.yield)
      end)
    end)
    co()
    assert.is_not_nil(inner)
  end)
end)

-- -- Cancellation as a level -------------------------------------------------

describe("cancelled code", function()
  it("gets Cancelled at every cancellation point, each time [6.5]", function()
    local count = 0
    in_cancelled(function()
      for _ = 1, 5 do
        fails("CancelledError", weft.sleep, 1)
        count = count + 1
      end
    end)
    assert.equal(5, count)
    assert.equal(0, weft.now())
  end)

  it("goes on after a pcall that swallows Cancelled, up to the next point "
    .. "[6.6]", function()
    local log = {}
    local scope = weft.move_on_after(1, function()
      pcall(weft.sleep_forever)
      log[#log + 1] = "swallowed"
      weft.sleep(1)
      log[#log + 1] = "not reached"
    end)
    assert.same({ "swallowed" }, log)
    assert.is_true(scope:cancelled_caught())
  end)

  it("cannot retry its way out [6.6]", function()
    local tries = 0
    local scope = weft.move_on_after(1, function()
      while not weft.try(weft.sleep, 10) do tries = tries + 1 end
    end)
    assert.equal(0, tries)
    assert.is_true(scope:cancelled_caught())
  end)

  it("is not waiting: a raise takes no time [6.5]", function()
    in_cancelled(function() fails("CancelledError", weft.sleep, 100) end)
    assert.equal(0, weft.now())
  end)

  it("lets others run when it swallows Cancelled in a loop [6.7]", function()
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
  end)

  it("is reported once after 1,000 Cancelled in one scope, with its traceback "
    .. "[6.7]", function()
    in_cancelled(function()
      for _ = 1, 999 do pcall(weft.checkpoint) end
      assert.equal(0, #testing.reports())
      for _ = 1, 2000 do pcall(weft.checkpoint) end
    end)
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.STUBBORN, reports[1].kind)
    assert.equal("main", reports[1].task)
    assert.is_truthy(reports[1].traceback:find("scope_spec", 1, true))
  end)

  it("is interrupted nowhere but at a cancellation point [6.9]", function()
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
  end)

  it("gets Cancelled at the parking call, in the innermost coroutine [6.8]",
    function()
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
    end)

  it("does not get Cancelled by what gives back or ends something [3.7]",
    function()
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
    end)
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

  it("has source cancel and the reason of a call [6.11]", function()
    local err = cancelled_by(function(scope) scope:cancel "why" end)
    assert.equal("cancel", err.source)
    assert.equal("why", err.reason)
    assert.is_truthy(tostring(err):find("why", 1, true))
  end)

  it("has source deadline for a deadline [6.11]", function()
    local err = cancelled_by(function(scope) scope:reschedule(1) end)
    assert.equal("deadline", err.source)
    assert.is_nil(err.reason)
  end)

  it("has source group and the first failure as cause in a group [6.11]",
    function()
      local got
      local mine = weft.OSError "x"
      pcall(weft.group, function(g)
        g:spawn(function() got = error_of(weft.sleep_forever) end)
        g:spawn(function() error(mine) end)
      end)
      assert.equal("group", got.source)
      assert.equal(mine, got.cause)
    end)

  it("has source shutdown when main has ended [6.11]", testing.plain(function()
    local got
    pcall(virtual(function() -- the helper minds the task that is left
      weft.spawn(function() got = error_of(weft.sleep_forever) end)
      weft.yield()
    end))
    assert.equal("shutdown", got.source)
  end))

  it("is of this run, whatever a run before had [6.11, 22.1]",
    testing.plain(function()
      for _, reason in ipairs { "first run", "second run" } do
        virtual(function()
          local err = cancelled_by(function(scope) scope:cancel(reason) end)
          assert.equal(reason, err.reason)
        end)()
      end
    end))
end)

-- -- Who absorbs -------------------------------------------------------------

describe("Cancelled", function()
  it("is absorbed by the scope that was cancelled [6.12]", function()
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
  end)

  it("is absorbed by the outermost cancelled scope [6.12]", function()
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
  end)

  it("is absorbed within the nearest shield [6.12]", function()
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
  end)

  it("is absorbed by state, not by which error object it is [6.12]", function()
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
  end)

  it("that is raised after the scope has recovered goes on [6.12, 4.5]",
    function()
      local kept
      weft.scope(function(s)
        s:cancel()
        kept = error_of(weft.checkpoint)
      end)
      assert.equal(kept, error_of(weft.scope, function() error(kept) end))
    end)

  it("leaves a scope that is not cancelled as it is [6.12]", function()
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
  end)

  it("replaced by another error is raised again at the next point outside "
    .. "[6.14, 6.5]", function()
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
  end)
end)

describe("weft.scope", function()
  it("returns the scope and drops results [6.18]", function()
    local inside
    local scope = weft.scope(function(s)
      inside = s
      return 1, 2
    end)
    assert.equal(inside, scope)
    assert.equal(1, select("#", weft.scope(nothing)))
  end)

  it("left normally absorbs nothing, cancelled or not [6.13]", function()
    local scope = weft.scope(function(s) s:cancel() end)
    assert.is_true(scope:cancel_called())
    assert.is_false(scope:cancelled_caught())
  end)

  it("left by another error raises it on though it is cancelled [6.13]",
    function()
      local scope
      local mine = {}
      assert.equal(mine, error_of(weft.scope, function(s)
        scope = s
        s:cancel()
        error(mine)
      end))
      assert.is_true(scope:cancel_called())
      assert.is_false(scope:cancelled_caught())
    end)

  it("takes the earlier of timeout and deadline [6.18]", function()
    weft.sleep(10)
    weft.scope(function(s) assert.equal(12, s:deadline()) end,
      { timeout = 2, deadline = 100 })
    weft.scope(function(s) assert.equal(11, s:deadline()) end,
      { timeout = 50, deadline = 11 })
  end)

  it("refuses wrong arguments", function()
    refuses({ "scope", "fn", "function", "nil" }, weft.scope)
    refuses({ "opts", "table", "number 5" }, weft.scope, nothing, 5)
    refuses({ "timeout", "number", "string" }, weft.scope, nothing,
      { timeout = "1" })
    refuses({ "deadline", "NaN" }, weft.scope, nothing, { deadline = 0 / 0 })
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.scope, nothing)
  end))
end)

-- -- Shields -----------------------------------------------------------------

describe("weft.shield", function()
  it("hides an outer cancellation and returns fn's results [6.3, 12.2]",
    function()
      local got
      in_cancelled(function()
        got = { weft.shield(function()
          weft.sleep(3)
          return 1, 2
        end) }
      end)
      assert.same({ 1, 2 }, got)
      assert.equal(3, weft.now())
    end)

  it("shows the cancellation at the first point after it [6.5]", function()
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
  end)

  it("raises fn's error on, untouched [10.1]", function()
    local mine = {}
    assert.equal(mine, error_of(weft.shield, function() error(mine) end))
  end)

  it("with a grace cuts fn off and returns nothing [12.2]", function()
    assert.equal(0, select("#", weft.shield(function()
      weft.sleep(10)
      return 1
    end, 2)))
    assert.equal(2, weft.now())
  end)

  it("counts its grace from entry, in cancelled code too [12.2]", function()
    weft.sleep(1)
    in_cancelled(function() weft.shield(weft.sleep_forever, 3) end)
    assert.equal(4, weft.now())
  end)

  it("refuses wrong arguments", function()
    refuses({ "shield", "fn", "function", "number" }, weft.shield, 5)
    refuses({ "grace", "number", "string" }, weft.shield, nothing, "5")
    refuses({ "grace", "NaN" }, weft.shield, nothing, 0 / 0)
  end)
end)

describe("scope:set_shield", function()
  it("hides outer cancellation from then on [6.15]", function()
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
  end)

  it("taken off in cancelled surroundings wakes what is parked inside at once "
    .. "[6.15]", function()
    local outer = weft.scope(function(o)
      weft.call_later(1, function() o:cancel() end)
      weft.scope(function(inner)
        weft.call_later(3, function() inner:set_shield(false) end)
        weft.sleep_forever()
      end, { shield = true })
    end)
    assert.is_true(outer:cancelled_caught())
    assert.equal(3, weft.now())
  end)

  it("on a closed scope is an InvalidStateError", function()
    local scope = weft.scope(nothing)
    fails("InvalidStateError", scope.set_shield, scope, true)
  end)
end)

describe("a child", function()
  it("is not covered by a shield or timeout around spawn [6.16]", function()
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
  end)

  it("is covered by a shield around its group [6.16]", function()
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
  end)
end)

-- -- Kept and completed ------------------------------------------------------

describe("a wait that was completed", function()
  it("delivers though its task is cancelled before it runs; Cancelled comes "
    .. "at the next point [3.4]", function()
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
  end)
end)

describe("a kept wait", function()
  it("for a group's children is not withdrawn; they are cancelled [3.8]",
    function()
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
    end)
end)
