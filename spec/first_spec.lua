-- Many at once, not waiting for all: wait, as_completed, race, any, wait_for.
local weft = require "weft"
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

local function job(seconds, value)
  return function() return weft.sleep(seconds, value) end
end

-- A job that fails after `seconds`.
local function failing(seconds, message)
  return function()
    weft.sleep(seconds)
    error(weft.Error(message or "fails"))
  end
end

local function end_all(...)
  for _, task in ipairs { ... } do task:cancel() end
  settle()
end

-- -- wait --------------------------------------------------------------------

describe("weft.wait", function()
  it("waits for all and gives those done in argument order [11.8]", function()
    local a, b = weft.spawn(job(3)), weft.spawn(job(1))
    local done, pending = weft.wait { a, b }
    assert.same({ a, b }, done)
    assert.same({}, pending)
    assert.equal(3, weft.now())
  end)

  it("ends at the first completed if told [11.8]", function()
    local a, b = weft.spawn(job(3)), weft.spawn(job(1))
    local done, pending = weft.wait({ a, b },
      { return_when = "first_completed" })
    assert.equal(1, weft.now())
    assert.same({ b }, done)
    assert.same({ a }, pending)
    a:await()
  end)

  it("ends at the first failure if told; a cancelled one is none [11.8]",
    function()
      local a, b = weft.spawn(job(9)), weft.spawn(failing(3))
      local c, d = weft.spawn(job(1)), weft.spawn(weft.sleep_forever)
      d:cancel()
      local done, pending = weft.wait({ a, b, c, d },
        { return_when = "first_error" })
      assert.equal(3, weft.now())
      assert.same({ b, c, d }, done)
      assert.same({ a }, pending)
      pcall(b.await, b)
      end_all(a)
    end)

  it("raises no member's error and observes none [11.8, 4.12]", function()
    local task = weft.spawn("failing", failing(1))
    weft.wait { task }
    task = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    settle()
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("failing", reports[1].task)
  end)

  it("cancels none [11.8]", function()
    local a, b = weft.spawn(job(1)), weft.spawn(job(5, "x"))
    weft.wait({ a, b }, { return_when = "first_completed" })
    assert.is_false(b.scope:cancel_called())
    assert.equal("x", b:await())
  end)

  it("returns at its timeout, which is no error [11.8]", function()
    local a, b = weft.spawn(job(1)), weft.spawn(job(5))
    local done, pending = weft.wait({ a, b }, { timeout = 2 })
    assert.equal(2, weft.now())
    assert.same({ a }, done)
    assert.same({ b }, pending)
    b:await()
  end)

  it("counts duplicates once [11.8]", function()
    local a = weft.spawn(job(1))
    assert.same({ a }, (weft.wait { a, a, a }))
  end)

  it("takes futures [11.8]", function()
    local future, task = weft.future(), weft.spawn(job(9))
    weft.call_later(1, function() future:set_error(weft.Error "x") end)
    local done = weft.wait({ task, future }, { return_when = "first_error" })
    assert.same({ future }, done)
    future:error()
    end_all(task)
  end)

  it("returns at once what is done, without a turn [11.8, 1.7]", function()
    local a = weft.spawn(nothing)
    a:await()
    local other = false
    local task = weft.spawn(function() other = true end)
    assert.same({ a }, (weft.wait { a }))
    assert.is_false(other)
    task:await()
  end)

  it("leaves no callback behind when it is cancelled", function()
    local a = weft.spawn(job(5))
    weft.move_on_after(1, function() weft.wait { a } end)
    assert.same({}, a.callbacks)
    a:await()
  end)

  it("refuses wrong arguments [11.7, 11.8]", function()
    local a = weft.spawn(nothing)
    refuses({ "wait", "empty" }, weft.wait, {})
    refuses({ "wait", "list", "nil" }, weft.wait)
    refuses({ "item 1", "task", "future", "function" }, weft.wait, { nothing })
    refuses({ "return_when", "first_completed", 'string "soon"' }, weft.wait,
      { a }, { return_when = "soon" })
    refuses({ "timeout", "string" }, weft.wait, { a }, { timeout = "1" })
    refuses({ "timeout", "NaN" }, weft.wait, { a }, { timeout = 0 / 0 })
    refuses({ "opts", "table" }, weft.wait, { a }, 5)
    a:await()
  end)
end)

-- What a loop does that is left by break after its first item.
local function leave_early(iterator)
  assert.is_not_nil(iterator())
end

-- -- as_completed ------------------------------------------------------------

describe("weft.as_completed", function()
  it("starts all at the call and gives tasks as they end [11.9]", function()
    local started = 0
    local function begin(seconds, value)
      return function()
        started = started + 1
        return weft.sleep(seconds, value)
      end
    end
    local iterator = weft.as_completed { begin(3, "c"), begin(1, "a"),
      begin(2, "b") }
    settle()
    assert.equal(3, started)
    local got = {}
    for task in iterator do
      got[#got + 1] = task:result() .. " at " .. weft.now()
    end
    assert.same({ "a at 1", "b at 2", "c at 3" }, got)
  end)

  it("gives those that had ended before first [11.9]", function()
    local late, early = weft.spawn(job(1)), weft.spawn(nothing)
    early:await()
    local got = {}
    for task in weft.as_completed { late, early } do got[#got + 1] = task end
    assert.same({ early, late }, got)
  end)

  it("cancels nobody when one fails; each failure is read from its task "
    .. "[11.9]", function()
    local got = {}
    for task in weft.as_completed { failing(1), job(2, "x") } do
      got[#got + 1] = task:error() and "failed" or task:result()
    end
    assert.same({ "failed", "x" }, got)
  end)

  it("reports a failure that is not read [11.9, 4.12]", function()
    do
      local iterator = weft.as_completed { failing(1, "unread") }
      while iterator() do settle() end
    end
    collectgarbage()
    collectgarbage()
    settle()
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("unread", reports[1].err.message)
  end)

  it("of nothing gives nothing [11.7]", function()
    for _ in weft.as_completed {} do error "an item" end
  end)

  it("left early cancels and joins its own when the scope it was made in ends "
    .. "[11.10, 14.7]", function()
    local ended_at
    weft.scope(function()
      leave_early(weft.as_completed { job(1), function()
        weft.finally(weft.sleep_forever, function()
          weft.sleep(5)
          ended_at = weft.now()
        end)
      end })
      assert.is_nil(ended_at)
    end)
    assert.equal(6, ended_at)
    assert.equal(1, #weft.all_tasks())
  end)

  it("left early is closed when the group it was made in ends [11.10, 14.7]",
    function()
      weft.group(function()
        leave_early(weft.as_completed { job(1), weft.sleep_forever })
      end)
      assert.equal(1, #weft.all_tasks())
    end)

  it("left early is closed when the task it was made in ends [11.10, 14.7]",
    function()
      weft.spawn(function()
        leave_early(weft.as_completed { job(1), weft.sleep_forever })
      end):await()
      settle()
      assert.equal(1, #weft.all_tasks())
    end)

  it("is closed when an error leaves the loop and the scope [11.10]", function()
    fails("OSError", weft.timeout, 9, function()
      for _ in weft.as_completed { job(1), weft.sleep_forever } do
        error(weft.OSError "x")
      end
    end)
    assert.equal(1, #weft.all_tasks())
  end)

  it("leaves alone what was passed in when it is closed [11.1, 11.10]",
    function()
      local task = weft.spawn(job(5, "x"))
      weft.scope(function()
        leave_early(weft.as_completed { job(1), task })
      end)
      assert.is_false(task.scope:cancel_called())
      assert.equal("x", task:await())
    end)

  it("may be closed by hand, and gives nothing then [11.10]", function()
    local iterator = weft.as_completed { weft.sleep_forever }
    iterator:close()
    iterator:close()
    assert.is_nil(iterator())
    assert.equal(1, #weft.all_tasks())
  end)

  it("raises TimeoutError at its timeout and is closed [11.10]", function()
    local got = {}
    fails("TimeoutError", function()
      for task in weft.as_completed({ job(1, "a"), weft.sleep_forever },
        { timeout = 3 }) do
        got[#got + 1] = task:result()
      end
    end)
    assert.same({ "a" }, got)
    assert.equal(3, weft.now())
    assert.equal(1, #weft.all_tasks())
  end)

  it("cancels and joins its own when its caller is cancelled [11.2]", function()
    local child
    local scope = weft.move_on_after(1, function()
      for _ in weft.as_completed { function()
        child = weft.current_task()
        weft.sleep_forever()
      end } do error "an item" end
    end)
    assert.is_true(scope:cancelled_caught())
    assert.is_true(child:cancelled())
  end)

  it("is a cancellation point at every step [3.2]", function()
    local done = weft.spawn(nothing)
    done:await()
    weft.move_on_after(0, function()
      fails("CancelledError", weft.as_completed { done })
    end)
  end)

  it("refuses wrong arguments", function()
    refuses({ "as_completed", "list", "nil" }, weft.as_completed)
    refuses({ "item 1", "number 5" }, weft.as_completed, { 5 })
    refuses({ "timeout", "NaN" }, weft.as_completed, {}, { timeout = 0 / 0 })
    refuses({ "opts", "table" }, weft.as_completed, {}, 5)
  end)
end)

-- -- race --------------------------------------------------------------------

describe("weft.race", function()
  it("gives all results of the first to end, and cancels and joins its own "
    .. "losers [11.11]", function()
    local ended_at
    local a, b, c = weft.race {
      function()
        weft.finally(weft.sleep_forever, function()
          weft.sleep(5)
          ended_at = weft.now()
        end)
      end,
      function()
        weft.sleep(1)
        return 1, nil, 3
      end,
    }
    assert.same({ 1, 3 }, { a, c })
    assert.is_nil(b)
    assert.equal(6, ended_at)
    assert.equal(6, weft.now())
  end)

  it("raises the error of the first to end [11.11]", function()
    local mine = weft.OSError "x"
    assert.equal(mine, error_of(weft.race, { job(5), raiser(mine) }))
  end)

  it("raises TaskCancelledError if the first to end was cancelled [11.11]",
    function()
      local task = weft.spawn(weft.sleep_forever)
      task:cancel()
      fails("TaskCancelledError", weft.race, { job(5), task })
      fails("TaskCancelledError", weft.race, { job(5), function()
        weft.current_task():cancel()
        weft.checkpoint()
      end })
    end)

  it("reports failures of its losers [11.11]", function()
    assert.equal("x", weft.race { job(1, "x"), function()
      pcall(weft.sleep_forever)
      error(weft.Error "loser")
    end })
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("loser", reports[1].err.message)
  end)

  it("leaves alone what was passed in [11.1]", function()
    local task = weft.spawn(job(5, "x"))
    weft.race { job(1), task }
    assert.is_false(task.scope:cancel_called())
    assert.equal("x", task:await())
  end)

  it("goes to the first in argument order if several have ended [11.11]",
    function()
      assert.equal("a", weft.race {
        function() return "a" end, function() return "b" end,
      })
    end)

  it("raises Cancelled for a caller who is cancelled [11.2]", function()
    local children = 0
    local scope = weft.move_on_after(1, function()
      weft.race { function()
        pcall(weft.sleep_forever)
        children = children + 1
      end, weft.sleep_forever }
      error "not reached"
    end)
    assert.is_true(scope:cancelled_caught())
    assert.equal(1, children)
  end)

  it("refuses an empty list and what is none [11.7]", function()
    refuses({ "race", "empty" }, weft.race, {})
    refuses({ "race", "list", "nil" }, weft.race)
    refuses({ "item 1", "string" }, weft.race, { "x" })
  end)
end)

-- -- any ---------------------------------------------------------------------

describe("weft.any", function()
  it("gives all results of the first to succeed; failures before it count as "
    .. "observed [11.12]", function()
    local a, b = weft.any { raiser "x", function()
      weft.sleep(2)
      return 1, 2
    end, job(5) }
    assert.same({ 1, 2 }, { a, b })
    assert.equal(2, weft.now())
    collectgarbage()
    settle()
    assert.same({}, testing.reports())
  end)

  it("reports later failures [11.12]", function()
    assert.equal("x", weft.any { job(1, "x"), function()
      pcall(weft.sleep_forever)
      error(weft.Error "later")
    end })
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("later", reports[1].err.message)
  end)

  it("raises an ErrorGroup in argument order if all fail [11.12]", function()
    local err = fails("ErrorGroup", weft.any,
      { failing(2, "a"), failing(1, "b"), failing(3, "c") })
    local messages = {}
    for i, member in ipairs(err.errors) do messages[i] = member.message end
    assert.same({ "a", "b", "c" }, messages)
  end)

  it("counts a cancelled item as a failure [11.12]", function()
    local task = weft.spawn(weft.sleep_forever)
    task:cancel()
    assert.equal("x", weft.any { task, function()
      weft.current_task():cancel()
      weft.checkpoint()
    end, job(1, "x") })
  end)

  it("leaves alone what was passed in [11.1]", function()
    local task = weft.spawn(job(5, "x"))
    weft.any { job(1, "y"), task }
    assert.is_false(task.scope:cancel_called())
    task:await()
  end)

  it("raises Cancelled for a caller who is cancelled, and reports failures "
    .. "[11.2]", function()
    local scope = weft.move_on_after(1, function()
      weft.any { function()
        pcall(weft.sleep_forever)
        error(weft.Error "meanwhile")
      end }
      error "not reached"
    end)
    assert.is_true(scope:cancelled_caught())
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("meanwhile", reports[1].err.message)
  end)

  it("refuses an empty list and what is none [11.7]", function()
    refuses({ "any", "empty" }, weft.any, {})
    refuses({ "any", "list", "number" }, weft.any, 5)
    refuses({ "item 1", "boolean" }, weft.any, { true })
  end)
end)

-- -- wait_for ----------------------------------------------------------------

describe("weft.wait_for a function", function()
  it("runs it in the same task, without an extra turn [11.13]", function()
    local task, other = nil, false
    local spawned = weft.spawn(function() other = true end)
    assert.equal(3, select("#", weft.wait_for(function()
      task = weft.current_task()
      return 1, 2, nil
    end, 5)))
    assert.equal(weft.current_task(), task)
    assert.is_false(other)
    spawned:await()
  end)

  it("raises TimeoutError when the time is up [11.13]", function()
    fails("TimeoutError", weft.wait_for, weft.sleep_forever, 3)
    assert.equal(3, weft.now())
  end)
end)

describe("weft.wait_for a task", function()
  it("gives its results, or raises its error [11.14]", function()
    assert.equal("x", weft.wait_for(weft.spawn(job(1, "x")), 5))
    fails("OSError", weft.wait_for, weft.spawn(raiser(weft.OSError "x")), 5)
  end)

  it("cancels it when the time is up, awaits its end, raises TimeoutError "
    .. "[11.14]", function()
    local task = weft.spawn(function()
      weft.finally(weft.sleep_forever, function() weft.sleep(5) end)
    end)
    fails("TimeoutError", weft.wait_for, task, 1)
    assert.is_true(task:cancelled())
    assert.equal(6, weft.now())
  end)

  it("gives its results if it finishes all the same [11.14]", function()
    assert.equal("x", weft.wait_for(weft.spawn(function()
      pcall(weft.sleep_forever)
      return "x"
    end), 1))
  end)

  it("raises its error if it fails all the same [11.14]", function()
    fails("OSError", weft.wait_for, weft.spawn(function()
      pcall(weft.sleep_forever)
      error(weft.OSError "x")
    end), 1)
  end)

  it("raises TaskCancelledError if others cancelled it [11.14]", function()
    local task = weft.spawn(weft.sleep_forever)
    weft.call_later(1, function() task:cancel() end)
    fails("TaskCancelledError", weft.wait_for, task, 5)
  end)

  for _, seconds in ipairs { 0, -1 } do
    it("with " .. seconds .. " takes one that is done for done [11.14]",
      function()
        local task = weft.spawn(function() return "x" end)
        task:await()
        assert.equal("x", weft.wait_for(task, seconds))
        local slow = weft.spawn(weft.sleep_forever)
        fails("TimeoutError", weft.wait_for, slow, seconds)
      end)
  end

  it("leaves it alone when the caller is cancelled [11.14, 4.8]", function()
    local task = weft.spawn(job(5, "x"))
    local scope = weft.move_on_after(1, function()
      weft.wait_for(task, 3)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.is_false(task.scope:cancel_called())
    assert.equal("x", task:await())
  end)

  it("raises Cancelled during its last wait too [11.14]", function()
    local task = weft.spawn(function()
      weft.finally(weft.sleep_forever, function() weft.sleep(10) end)
    end)
    local scope = weft.move_on_after(3, function()
      weft.wait_for(task, 1)
    end)
    assert.is_true(scope:cancelled_caught())
    assert.equal(3, weft.now())
    weft.wait { task }
  end)

  it("waits without an end for nil seconds", function()
    assert.equal("x", weft.wait_for(weft.spawn(job(1e6, "x"))))
  end)

  it("takes a future, which it cancels when the time is up [11.14]", function()
    local future = weft.future()
    fails("TimeoutError", weft.wait_for, future, 1)
    assert.is_true(future:cancelled())
  end)

  it("refuses wrong arguments [2.4]", function()
    refuses({ "wait_for", "item", "function", "task", "nil" }, weft.wait_for)
    local task = weft.spawn(nothing)
    refuses({ "seconds", "string" }, weft.wait_for, task, "1")
    refuses({ "seconds", "NaN" }, weft.wait_for, task, 0 / 0)
    refuses({ "seconds", "string" }, weft.wait_for, nothing, "1")
    task:await()
  end)
end)
