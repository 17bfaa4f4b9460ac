-- Groups: scopes that own tasks.
local weft = require "weft"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local settle = helper.settle

local function nothing() end

local function raiser(err)
  return function() error(err, 0) end
end

-- A job that takes `seconds` also when it is cancelled.
local function slow(seconds)
  return function()
    weft.finally(weft.sleep_forever, function() weft.sleep(seconds) end)
  end
end

-- -- Running -----------------------------------------------------------------

describe("weft.group", function()
  it("calls fn(g) in the calling task [9.1]", function()
    local inside
    weft.group(function(g)
      inside = weft.current_task()
      assert.is_not_nil(g.scope)
    end)
    assert.equal(weft.current_task(), inside)
  end)

  it("returns when fn has ended and every child is done [9.1]", function()
    local a, b
    weft.group(function(g)
      a = g:spawn(weft.sleep, 3)
      b = g:spawn(weft.sleep, 5)
    end)
    assert.is_true(a:done() and b:done())
    assert.equal(5, weft.now())
  end)

  it("waits for its children when fn fails too [9.1]", function()
    local child
    pcall(weft.group, function(g)
      child = g:spawn(slow(5))
      weft.yield()
      error "x"
    end)
    assert.is_true(child:done())
    assert.equal(5, weft.now())
  end)

  it("returns fn's results, nils included [9.7]", function()
    assert.equal(3, select("#", weft.group(function(g)
      g:spawn(weft.sleep, 1)
      return 1, nil, nil
    end)))
  end)

  it("refuses wrong arguments", function()
    refuses({ "group", "fn", "function", "nil" }, weft.group)
    refuses({ "opts", "table", "number 5" }, weft.group, nothing, 5)
    refuses({ "limit", "1", "number 0" }, weft.group, nothing, { limit = 0 })
    refuses({ "limit", "string" }, weft.group, nothing, { limit = "3" })
    refuses({ "limit", "NaN" }, weft.group, nothing, { limit = 0 / 0 })
    refuses({ "limit", "whole", "1.5" }, weft.group, nothing, { limit = 1.5 })
    refuses({ "limit", "9.007" }, weft.group, nothing, { limit = 2 ^ 53 })
    refuses({ "timeout", "number", "string" }, weft.group, nothing,
      { timeout = "1" })
    refuses({ "timeout", "NaN" }, weft.group, nothing, { timeout = 0 / 0 })
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.group, nothing)
  end))
end)

describe("group:spawn", function()
  it("runs nothing of the child before it returns [4.1]", function()
    weft.group(function(g)
      local ran = false
      g:spawn(function() ran = true end)
      assert.is_false(ran)
    end)
  end)

  it("takes a name, and gives the child its arguments", function()
    weft.group(function(g)
      local child = g:spawn("worker", function(...) return ... end, 1, 2)
      assert.equal("worker", child:name())
      assert.same({ 1, 2 }, { child:await() })
    end)
  end)

  it("may be called by any task that has g, until all is done [9.2]", function()
    local log = {}
    weft.group(function(g)
      g:spawn(function()
        weft.sleep(1)
        g:spawn(function()
          weft.sleep(1)
          log[#log + 1] = "grandchild"
        end)
      end)
      weft.spawn(function()
        g:spawn(function() log[#log + 1] = "from outside" end)
      end)
    end)
    assert.same({ "from outside", "grandchild" }, log)
  end)

  it("is an InvalidStateError when the group is over [9.2, 4.15]", function()
    local group
    weft.group(function(g) group = g end)
    local called = false
    local err = fails("InvalidStateError", group.spawn, group,
      function() called = true end)
    assert.is_truthy(err.message:find("over", 1, true))
    settle()
    assert.is_false(called)
  end)

  it("is allowed in a cancelled group; the child starts [9.2, 4.2]", function()
    local log = {}
    weft.group(function(g)
      g:cancel()
      g:spawn(function()
        log[1] = "started"
        weft.checkpoint()
        log[2] = "went on"
      end)
    end)
    assert.same({ "started" }, log)
  end)

  it("leaves nothing half made when it is refused [4.15]", function()
    local group
    weft.group(function(g) group = g end)
    for _ = 1, 10 do pcall(group.spawn, group, nothing) end
    assert.equal(1, #weft.all_tasks())
  end)

  it("refuses what is no function", function()
    weft.group(function(g)
      refuses({ "group:spawn", "fn", "function", "nil" }, g.spawn, g)
      refuses({ "fn", "number 5" }, g.spawn, g, 5)
      refuses({ "fn", "table" }, g.spawn, g, "name", {})
    end)
  end)
end)

-- -- Failures ----------------------------------------------------------------

describe("the first failure in a group", function()
  it("of a child cancels the other children and the body [9.3]", function()
    local other, body
    fails("ErrorGroup", weft.group, function(g)
      other = g:spawn(weft.sleep_forever)
      g:spawn(raiser "x")
      body = error_of(weft.sleep_forever)
      error(body)
    end)
    assert.is_true(other:cancelled())
    assert.is_true(body:is "CancelledError")
  end)

  it("of the body is a failure like any other [9.3]", function()
    local child
    local mine = weft.OSError "x"
    local err = fails("ErrorGroup", weft.group, function(g)
      child = g:spawn(weft.sleep_forever)
      error(mine)
    end)
    assert.same({ mine }, err.errors)
    assert.is_true(child:cancelled())
  end)

  it("comes in an ErrorGroup also when it is the only one [9.4]", function()
    local mine = weft.OSError "x"
    local err = fails("ErrorGroup", weft.group,
      function(g) g:spawn(raiser(mine)) end)
    assert.equal(1, #err.errors)
    assert.equal(mine, err.errors[1])
  end)
end)

describe("the ErrorGroup", function()
  it("has all failures in the order they happened, those of unwinding children "
    .. "included [9.4]", function()
    local err = fails("ErrorGroup", weft.group, function(g)
      g:spawn(function()
        pcall(weft.sleep_forever)
        error "unwinding"
      end)
      g:spawn(raiser "first")
      g:spawn(raiser "second")
    end)
    local values = {}
    for i, member in ipairs(err.errors) do values[i] = member.value end
    assert.equal("first", values[1])
    assert.equal("second", values[2])
    assert.is_truthy(values[3]:find("unwinding", 1, true))
  end)

  it("of a group in a group nests one level [9.4]", function()
    local err = fails("ErrorGroup", weft.group, function(g)
      g:spawn(function()
        weft.group(function(h) h:spawn(raiser "x") end)
      end)
    end)
    assert.is_true(err.errors[1]:is "ErrorGroup")
    assert.equal("x", err.errors[1].errors[1].value)
  end)

  it("never has a Cancelled member: a cancelled child is no failure [9.5]",
    function()
      local err = fails("ErrorGroup", weft.group, function(g)
        g:spawn(weft.sleep_forever)
        g:spawn(raiser "x")
      end)
      assert.equal(1, #err.errors)
      weft.group(function(g) g:spawn(weft.sleep_forever):cancel() end)
    end)

  it("has TaskCancelledError and TimeoutError that leave a child [9.5]",
    function()
      local cancelled = weft.spawn(weft.sleep_forever)
      cancelled:cancel()
      local err = fails("ErrorGroup", weft.group, function(g)
        g:spawn(function() cancelled:await() end)
      end)
      assert.is_true(err.errors[1]:is "TaskCancelledError")
      err = fails("ErrorGroup", weft.group, function(g)
        g:spawn(weft.timeout, 0, weft.sleep_forever)
      end)
      assert.is_true(err.errors[1]:is "TimeoutError")
    end)

  it("is raised all the same if the body swallows Cancelled; the body runs on "
    .. "to its next cancellation point [9.11]", function()
    local log = {}
    fails("ErrorGroup", weft.group, function(g)
      g:spawn(raiser "x")
      pcall(weft.sleep_forever)
      log[#log + 1] = "swallowed"
      weft.checkpoint()
      log[#log + 1] = "not reached"
    end)
    assert.same({ "swallowed" }, log)
    fails("ErrorGroup", weft.group, function(g)
      g:spawn(raiser "x")
      pcall(weft.sleep_forever)
      return "results are lost"
    end)
  end)

  it("takes out of memory and stack overflow for failures [9.17]", function()
    local function deeper() return 1 + deeper() end
    local other
    local err = fails("ErrorGroup", weft.group, function(g)
      other = g:spawn(weft.sleep_forever)
      g:spawn(function() deeper() end)
    end)
    assert.is_truthy(err.errors[1].message:find("stack overflow", 1, true))
    assert.is_true(other:cancelled())
  end)
end)

-- -- Outcome -----------------------------------------------------------------

describe("leaving a group", function()
  it("is no cancellation point [9.6, 3.7]", function()
    local after
    weft.scope(function(scope)
      local result = weft.group(function()
        scope:cancel()
        return "result"
      end)
      after = result
      weft.checkpoint()
    end)
    assert.equal("result", after)
  end)

  it("keeps waiting when an enclosing scope is cancelled, which cancels the "
    .. "children [9.6]", function()
    local child
    local scope = weft.move_on_after(1, function()
      weft.group(function(g) child = g:spawn(slow(5)) end)
    end)
    assert.is_true(child:cancelled())
    assert.is_true(scope:cancelled_caught())
    assert.equal(6, weft.now())
  end)

  it("passes on Cancelled of an enclosing scope that cut off the body [9.7]",
    function()
      local err
      weft.move_on_after(1, function()
        err = error_of(weft.group, function() weft.sleep_forever() end)
        error(err)
      end)
      assert.is_true(err:is "CancelledError")
    end)

  it("passes on Cancelled of an enclosing scope that cut off a child [9.7]",
    function()
      local err
      weft.move_on_after(1, function()
        err = error_of(weft.group,
          function(g) g:spawn(weft.sleep_forever) end)
        error(err)
      end)
      assert.is_true(err:is "CancelledError")
    end)

  it("raises TimeoutError if the group's timeout cut off the body [9.7]",
    function()
      local err = fails("TimeoutError", weft.group,
        function() weft.sleep_forever() end, { timeout = 3 })
      assert.is_not_nil(err.scope)
      assert.equal(3, weft.now())
    end)

  it("raises TimeoutError if the group's timeout cut off a child [9.7]",
    function()
      local group
      local err = fails("TimeoutError", weft.group, function(g)
        group = g
        g:spawn(weft.sleep_forever)
      end, { timeout = 3 })
      assert.equal(group.scope, err.scope)
    end)

  it("returns fn's results if the timeout cut off nothing [9.7]", function()
    assert.equal("result", weft.group(function()
      pcall(weft.sleep_forever)
      return "result"
    end, { timeout = 3 }))
  end)

  it("returns nothing if g:cancel() cut off the body [9.7, 9.10]", function()
    assert.equal(0, select("#", weft.group(function(g)
      g:cancel()
      weft.checkpoint()
      return 1
    end)))
  end)

  it("returns fn's results if g:cancel() cut off children only [9.7]",
    function()
      assert.equal("result", weft.group(function(g)
        g:spawn(weft.sleep_forever)
        g:cancel()
        return "result"
      end))
    end)

  it("returns normally if an enclosing scope is cancelled but all finish; "
    .. "Cancelled at the next point [9.8]", function()
    local result
    local scope = weft.move_on_after(1, function()
      result = weft.group(function(g)
        g:spawn(function() pcall(weft.sleep_forever) end)
        return "result"
      end)
      weft.checkpoint()
      result = "not reached"
    end)
    assert.equal("result", result)
    assert.is_true(scope:cancelled_caught())
  end)

  it("returns normally if a child was cancelled by its own cancel before the "
    .. "enclosing scope was [9.8]", function()
    local result
    weft.scope(function(scope)
      result = weft.group(function(g)
        local child = g:spawn(weft.sleep_forever)
        weft.yield()
        child:cancel()
        settle()
        scope:cancel()
        return "result"
      end)
    end)
    assert.equal("result", result)
  end)

  it("raises failures rather than an outer Cancelled, which becomes the cause "
    .. "[9.9]", function()
    local err, next_point
    local scope = weft.move_on_after(1, function()
      err = error_of(weft.group, function(g)
        g:spawn(function()
          pcall(weft.sleep_forever)
          error "x"
        end)
        weft.sleep_forever()
      end)
      next_point = error_of(weft.checkpoint)
      error(next_point)
    end)
    assert.is_true(err:is "ErrorGroup")
    assert.is_true(err.cause:is "CancelledError")
    assert.equal("deadline", err.cause.source)
    assert.is_true(next_point:is "CancelledError")
    assert.is_true(scope:cancelled_caught())
  end)

  it("has no cause where no outer scope was cancelled [9.9]", function()
    local err = fails("ErrorGroup", weft.group,
      function(g) g:spawn(raiser "x") end)
    assert.is_nil(err.cause)
  end)

  it("raises failures rather than TimeoutError [9.7]", function()
    local err = fails("ErrorGroup", weft.group, function(g)
      g:spawn(function()
        pcall(weft.sleep_forever)
        error "x"
      end)
    end, { timeout = 1 })
    assert.equal(1, #err.errors)
  end)
end)

describe("group:cancel", function()
  it("stops children and body and does not raise [9.10]", function()
    local child, went_on
    weft.group(function(g)
      child = g:spawn(weft.sleep_forever)
      weft.yield()
      assert.is_true(g:cancel())
      assert.is_true(g:cancel())
      weft.sleep(1)
      went_on = true
    end)
    assert.is_true(child:cancelled())
    assert.is_nil(went_on)
  end)

  it("may be called by a child or by any other task [9.10]", function()
    weft.group(function(g)
      g:spawn(function() g:cancel() end)
      weft.sleep_forever()
    end)
    weft.group(function(g)
      weft.call_later(1, function() g:cancel() end)
      weft.sleep_forever()
    end)
    assert.equal(1, weft.now())
  end)

  it("gives its reason to the CancelledError [6.11, 9.10]", function()
    local got
    weft.group(function(g)
      g:spawn(function() got = error_of(weft.sleep_forever) end)
      weft.yield()
      g:cancel "enough"
    end)
    assert.equal("enough", got.reason)
    assert.equal("cancel", got.source)
  end)

  it("lets failures surface [9.10]", function()
    local err = fails("ErrorGroup", weft.group, function(g)
      g:spawn(function()
        pcall(weft.sleep_forever)
        error "x"
      end)
      weft.yield()
      g:cancel()
    end)
    assert.equal(1, #err.errors)
  end)

  it("is false when the group is over [6.10]", function()
    local group
    weft.group(function(g) group = g end)
    assert.is_false(group:cancel())
  end)

  it("leaves an enclosing scope alone: a cancellation of that still shows "
    .. "[9.7, 6.12]", function()
    local scope = weft.scope(function(s)
      weft.group(function(g)
        g:cancel()
        s:cancel()
        weft.checkpoint()
      end)
      error "not reached"
    end)
    assert.is_true(scope:cancelled_caught())
  end)
end)

-- -- limit -------------------------------------------------------------------

describe("a group's limit", function()
  it("is the most children that are unfinished; spawn parks for a place [9.12]",
    function()
      local running, most = 0, 0
      weft.group(function(g)
        for _ = 1, 6 do
          g:spawn(function()
            running = running + 1
            most = math.max(most, running)
            weft.sleep(1)
            running = running - 1
          end)
        end
      end, { limit = 2 })
      assert.equal(2, most)
      assert.equal(3, weft.now())
    end)

  it("serves those who wait for a place in order [9.12]", function()
    local log = {}
    weft.group(function(g)
      g:spawn(weft.sleep, 1)
      for i = 1, 3 do
        weft.spawn(function()
          g:spawn(function()
            log[#log + 1] = i
            weft.sleep(1)
          end)
        end)
        weft.yield()
      end
      weft.sleep(10)
    end, { limit = 1 })
    assert.same({ 1, 2, 3 }, log)
  end)

  it("makes spawn a cancellation point [9.12]", function()
    weft.group(function(g)
      weft.move_on_after(0, function()
        fails("CancelledError", g.spawn, g, nothing)
      end)
    end, { limit = 5 })
  end)

  it("lets a cancelled spawn take no place [9.12, 3.5]", function()
    weft.group(function(g)
      local first = g:spawn(weft.sleep, 5)
      local ran = false
      weft.move_on_after(1, function()
        g:spawn(function() ran = true end)
      end)
      assert.equal(1, weft.now())
      first:await()
      g:spawn(nothing):await()
      assert.is_false(ran)
    end, { limit = 1 })
  end)

  it("makes spawn no cancellation point where there is none [9.12]", function()
    weft.group(function(g)
      weft.move_on_after(0, function() g:spawn(nothing) end)
    end)
  end)

  it("keeps the group going for a spawn that waits for a place [9.2]",
    function()
      local log = {}
      weft.group(function(g)
        g:spawn(weft.sleep, 1)
        weft.spawn(function()
          g:spawn(function() log[#log + 1] = "spawned from outside" end)
        end)
        weft.yield()
      end, { limit = 1 })
      assert.same({ "spawned from outside" }, log)
    end)
end)

-- -- start -------------------------------------------------------------------

describe("group:start", function()
  it("parks until ready(...), whose arguments it returns; the child runs on "
    .. "[9.13]", function()
    weft.group(function(g)
      local child_done = false
      local a, b, c = g:start(function(ready, x)
        weft.sleep(2)
        ready(x, nil, 3)
        weft.sleep(2)
        child_done = true
      end, "x")
      assert.same({ "x", 3 }, { a, c })
      assert.is_nil(b)
      assert.equal(2, weft.now())
      assert.is_false(child_done)
    end)
    assert.equal(4, weft.now())
  end)

  it("takes a name first [9.13]", function()
    weft.group(function(g)
      assert.equal("server", g:start("server", function(ready)
        ready(weft.current_task():name())
      end))
    end)
  end)

  it("makes a child like any other once it is ready [9.13]", function()
    local err = fails("ErrorGroup", weft.group, function(g)
      g:start(function(ready)
        ready()
        error "after ready"
      end)
    end)
    assert.equal(1, #err.errors)
  end)

  it("raises a failure before ready, unwrapped, which is no failure of g "
    .. "[9.14]", function()
    local mine = weft.OSError "x"
    assert.equal("result", weft.group(function(g)
      assert.equal(mine, error_of(g.start, g, raiser(mine)))
      weft.checkpoint()
      return "result"
    end))
  end)

  it("raises InvalidStateError if the child returns without ready [9.14]",
    function()
      weft.group(function(g)
        local err = fails("InvalidStateError", g.start, g, nothing)
        assert.is_truthy(err.message:find("ready", 1, true))
      end)
    end)

  it("raises TaskCancelledError if the child is cancelled before ready [9.14]",
    function()
      weft.group(function(g)
        local err = fails("TaskCancelledError", g.start, g, function()
          weft.current_task():cancel "why"
          weft.checkpoint()
        end)
        assert.equal("why", err.reason)
      end)
    end)

  it("cancelled before ready cancels and joins the child, then raises "
    .. "Cancelled [9.15]", function()
    local child, err
    weft.group(function(g)
      weft.move_on_after(1, function()
        err = error_of(g.start, g, function()
          child = weft.current_task()
          slow(5)()
        end)
        error(err)
      end)
      assert.equal(6, weft.now())
      assert.is_true(child:cancelled())
    end)
    assert.is_true(err:is "CancelledError")
  end)

  it("cancelled has the child's failure meanwhile reported [9.15]", function()
    weft.group(function(g)
      weft.move_on_after(1, function()
        g:start("child", function()
          pcall(weft.sleep_forever)
          error(weft.OSError "x")
        end)
      end)
    end)
    collectgarbage()
    collectgarbage()
    settle()
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.FAILURE, reports[1].kind)
    assert.equal("child", reports[1].task)
  end)

  it("cancelled ignores a late ready [9.15]", function()
    local reached
    weft.group(function(g)
      local scope = weft.move_on_after(1, function()
        g:start(function(ready)
          pcall(weft.sleep_forever)
          ready(1)
          reached = true
        end)
      end)
      assert.is_true(scope:cancelled_caught())
    end)
    assert.is_true(reached)
  end)

  it("ignores a ready that comes after the child's failure [9.14]", function()
    weft.group(function(g)
      local late
      local mine = weft.OSError "x"
      assert.equal(mine, error_of(g.start, g, function(ready)
        late = ready
        error(mine)
      end))
      late(1)
    end)
  end)

  it("lets ready be called once: a second is an InvalidStateError [9.15]",
    function()
      weft.group(function(g)
        local second
        g:start(function(ready)
          ready(1)
          second = error_of(ready, 2)
        end)
        settle()
        assert.is_true(second:is "InvalidStateError")
      end)
    end)

  it("is a cancellation point: in cancelled code nothing is spawned [3.2]",
    function()
      local ran = false
      weft.group(function(g)
        weft.move_on_after(0, function()
          fails("CancelledError", g.start, g, function() ran = true end)
        end)
      end)
      assert.is_false(ran)
    end)

  it("waits for a place in a group with a limit [9.12, 9.13]", function()
    weft.group(function(g)
      g:spawn(weft.sleep, 3)
      g:start(function(ready) ready() end)
      assert.equal(3, weft.now())
    end, { limit = 1 })
  end)

  it("is an InvalidStateError when the group is over [9.2]", function()
    local group
    weft.group(function(g) group = g end)
    fails("InvalidStateError", group.start, group, nothing)
  end)

  it("refuses what is no function", function()
    weft.group(function(g)
      refuses({ "group:start", "fn", "function", "nil" }, g.start, g)
      refuses({ "fn", "nil" }, g.start, g, "name")
    end)
  end)
end)

-- -- The root group ----------------------------------------------------------

describe("the root group", function()
  it("has failures cancel nobody and reported [9.16]", function()
    local other = weft.spawn(function()
      weft.sleep(5)
      return "ran on"
    end)
    weft.spawn("failing", raiser(weft.OSError "x"))
    settle()
    collectgarbage()
    collectgarbage()
    assert.equal("ran on", other:await())
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("failing", reports[1].task)
  end)
end)
