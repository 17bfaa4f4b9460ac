-- Tasks: spawning, ending, awaiting, cancelling, looking at them. What their
-- end calls is in task_callback_spec.
local weft = require "weft"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses
local virtual = testing.virtual

testing.options { virtual = true }

local settle = helper.settle

local function nothing() end

-- -- Spawning ----------------------------------------------------------------

describe("weft.spawn", function()
  it("runs nothing of the body before it returns [4.1]", function()
    local ran = false
    local task = weft.spawn(function() ran = true end)
    assert.is_false(ran)
    task:await()
    assert.is_true(ran)
  end)

  it("gives the body its arguments, nils included", function()
    local task = weft.spawn(function(...) return select("#", ...), ... end,
      1, nil, nil)
    assert.same({ 3, 1 }, { task:await() })
  end)

  it("takes a name first", function()
    local task = weft.spawn("worker", function(x) return x end, 7)
    assert.equal("worker", task:name())
    assert.equal(7, task:await())
  end)

  it("starts tasks in the order of their spawning [1.1]", function()
    local log = {}
    for i = 1, 5 do weft.spawn(function() log[#log + 1] = i end) end
    weft.yield()
    assert.same({ 1, 2, 3, 4, 5 }, log)
  end)

  it("starts a task that was cancelled before; it is cut off at its first "
    .. "cancellation point [4.2]", function()
    local log = {}
    local task = weft.spawn(function()
      log[1] = "started"
      weft.yield()
      log[2] = "went on"
    end)
    task:cancel()
    settle()
    assert.same({ "started" }, log)
    assert.is_true(task:cancelled())
  end)

  it("lets such a task release what it was handed [4.2]", function()
    local semaphore = weft.semaphore(1)
    semaphore:acquire()
    local task = weft.spawn(function()
      weft.finally(weft.sleep_forever, function() semaphore:release() end)
    end)
    task:cancel()
    settle()
    assert.equal(1, semaphore:value())
  end)

  it("refuses what is no function", function()
    refuses({ "spawn", "fn", "function", "nil" }, weft.spawn)
    refuses({ "fn", "number 5" }, weft.spawn, 5)
    refuses({ "fn", "nil" }, weft.spawn, "name")
    refuses({ "fn", "table" }, weft.spawn, "name", {})
  end)

  it("is an InvalidStateError without a runtime [1.11]",
    testing.plain(function()
      local err = fails("InvalidStateError", weft.spawn, nothing)
      assert.is_truthy(err.message:find("weft.run", 1, true))
    end))
end)

-- -- The three ways to end ---------------------------------------------------

describe("a task", function()
  it("finishes with all its results, nils included [4.3]", function()
    local task = weft.spawn(function() return 1, nil, 3, nil end)
    assert.equal(4, select("#", task:await()))
    local a, b, c = task:await()
    assert.same({ 1, 3 }, { a, c })
    assert.is_nil(b)
  end)

  it("fails with an error object [4.3]", function()
    local task = weft.spawn(function() error "x" end)
    fails("Error", task.await, task)
    assert.is_true(task:done())
    assert.is_false(task:cancelled())
  end)

  it("is cancelled when Cancelled leaves its body [4.3]", function()
    local task = weft.spawn(weft.sleep_forever)
    weft.yield()
    task:cancel()
    settle()
    assert.is_true(task:done())
    assert.is_true(task:cancelled())
  end)

  it("has finished if its body returns though it was cancelled [4.4]",
    function()
      local task = weft.spawn(function()
        pcall(weft.sleep_forever)
        return "all the same"
      end)
      weft.yield()
      task:cancel()
      assert.equal("all the same", task:await())
      assert.is_false(task:cancelled())
    end)

  it("has failed if its body raises something else [4.4]", function()
    local task = weft.spawn(function()
      pcall(weft.sleep_forever)
      error(weft.OSError "x")
    end)
    weft.yield()
    task:cancel()
    fails("OSError", task.await, task)
    assert.is_false(task:cancelled())
  end)

  it("ends as cancelled by a CancelledError of its own making [4.5]", function()
    local task = weft.spawn(function()
      error(weft.CancelledError "mine")
    end)
    settle()
    assert.is_true(task:cancelled())
  end)

  it("has its own CancelledError absorbed by no scope [4.5]", function()
    local passed = {}
    local task = weft.spawn(function()
      weft.move_on_after(5, function()
        weft.timeout(5, function() error(weft.CancelledError "mine") end)
        passed[1] = "timeout"
      end)
      passed[2] = "move_on"
    end)
    settle()
    assert.is_true(task:cancelled())
    assert.same({}, passed)
  end)

  it("stops the children of the groups its own CancelledError leaves [4.5]",
    function()
      local child
      local task = weft.spawn(function()
        weft.group(function(g)
          child = g:spawn(weft.sleep_forever)
          weft.yield()
          error(weft.CancelledError "mine")
        end)
      end)
      settle()
      assert.is_true(child:cancelled())
      assert.is_true(task:cancelled())
    end)

  it("runs on when its handle is dropped [4.11]", function()
    local ran = false
    weft.spawn(function()
      weft.sleep(1)
      ran = true
    end)
    collectgarbage()
    weft.sleep(2)
    assert.is_true(ran)
  end)

  it("runs when nobody but the runtime holds it in its wait [4.11]", function()
    local ran = 0
    for _ = 1, 100 do
      weft.spawn(function()
        weft.sleep(1)
        ran = ran + 1
      end)
    end
    weft.yield()
    collectgarbage()
    collectgarbage()
    weft.sleep(2)
    assert.equal(100, ran)
  end)
end)

-- -- Cancelling --------------------------------------------------------------

describe("task:cancel", function()
  it("is true, also when repeated [4.6]", function()
    local task = weft.spawn(weft.sleep_forever)
    assert.is_true(task:cancel())
    assert.is_true(task:cancel())
    settle()
  end)

  it("is false and changes nothing once the task is done [4.6]", function()
    local task = weft.spawn(function() return 1 end)
    task:await()
    assert.is_false(task:cancel())
    assert.equal(1, task:result())
  end)

  it("does not wait [4.6, 1.6]", function()
    local log = {}
    local task = weft.spawn(function()
      pcall(weft.sleep_forever)
      log[#log + 1] = "cancelled"
    end)
    weft.yield()
    task:cancel()
    log[#log + 1] = "goes on"
    settle()
    assert.same({ "goes on", "cancelled" }, log)
  end)

  it("cancels the task's own scope [4.6]", function()
    local task = weft.spawn(weft.sleep_forever)
    assert.is_false(task.scope:cancel_called())
    task:cancel()
    assert.is_true(task.scope:cancel_called())
    settle()
  end)

  it("gives its reason and source to the CancelledError [6.11]", function()
    local got
    local task = weft.spawn(function()
      local _, err = pcall(weft.sleep_forever)
      got = err
    end)
    weft.yield()
    task:cancel "enough"
    settle()
    assert.equal("enough", got.reason)
    assert.equal("cancel", got.source)
  end)

  for _, reason in ipairs { 5, true, "text", { "a table" }, nothing } do
    it("takes a " .. type(reason) .. " as the reason [6.11]", function()
      local got
      local task = weft.spawn(function()
        got = error_of(weft.sleep_forever)
      end)
      weft.yield()
      assert.is_true(task:cancel(reason))
      settle()
      assert.equal(reason, got.reason)
    end)
  end

  it("keeps the first reason [6.10]", function()
    local got
    local task = weft.spawn(function()
      pcall(weft.sleep_forever)
      got = error_of(weft.checkpoint)
    end)
    weft.yield()
    task:cancel "first"
    task:cancel "second"
    settle()
    assert.equal("first", got.reason)
  end)

  it("of the running task shows at its next cancellation point [6.9]",
    function()
      local log = {}
      local task = weft.spawn(function()
        weft.current_task():cancel()
        log[#log + 1] = "went on"
        weft.checkpoint()
        log[#log + 1] = "and on"
      end)
      settle()
      assert.same({ "went on" }, log)
      assert.is_true(task:cancelled())
    end)

  it("of a task with no cancellation point left lets it end [6.9, 4.4]",
    function()
      local task = weft.spawn(function()
        weft.current_task():cancel()
        return "done"
      end)
      assert.equal("done", task:await())
    end)
end)

-- -- Awaiting ----------------------------------------------------------------

describe("a task that returned nothing", function()
  it("has finished, and keeps its id and name [4.3, 4.13]", function()
    local task = weft.spawn(nothing)
    local id, name = task:id(), task:name()
    assert.is_false(task:done())
    weft.yield()
    assert.is_true(task:done())
    assert.is_false(task:cancelled())
    assert.is_nil(task:error())
    assert.equal(0, select("#", task:result()))
    assert.same({ id, name }, { task:id(), task:name() })
    assert.is_false(task:cancel())
  end)

  it("may be awaited after the end, which is a cancellation point [3.2, 4.7]",
    function()
      local task = weft.spawn(nothing)
      weft.yield()
      assert.equal(0, select("#", task:await()))
      local late = weft.spawn(nothing)
      weft.yield()
      local scope = weft.move_on_after(0, function() late:await() end)
      assert.is_true(scope:cancelled_caught())
    end)
end)

describe("task:await", function()
  it("parks until the task is done [4.7]", function()
    local task = weft.spawn(function()
      weft.sleep(3)
      return "result"
    end)
    assert.equal("result", task:await())
    assert.equal(3, weft.now())
  end)

  it("raises the task's error [4.7]", function()
    local mine = weft.OSError "x"
    local task = weft.spawn(function() error(mine) end)
    assert.equal(mine, error_of(task.await, task))
  end)

  it("raises TaskCancelledError, an ordinary error, for a cancelled one "
    .. "[4.7]", function()
    local task = weft.spawn("worker", weft.sleep_forever)
    task:cancel "enough"
    local err = fails("TaskCancelledError", task.await, task)
    assert.is_false(err:is "CancelledError")
    assert.equal("worker", err.task)
    assert.equal("enough", err.reason)
  end)

  it("may be called by any number of tasks, before and after the end, as "
    .. "often as they like [4.7]", function()
    local task = weft.spawn(function()
      weft.sleep(1)
      return "x"
    end)
    local got = {}
    for i = 1, 3 do
      weft.spawn(function() got[i] = task:await() .. task:await() end)
    end
    weft.sleep(2)
    assert.same({ "xx", "xx", "xx" }, got)
    assert.equal("x", task:await())
  end)

  it("may be cancelled without touching the task [4.8]", function()
    local task = weft.spawn(function()
      weft.sleep(5)
      return "result"
    end)
    weft.move_on_after(1, function() task:await() end)
    assert.equal(1, weft.now())
    assert.is_false(task.scope:cancel_called())
    assert.equal("result", task:await())
  end)

  it("withdraws only the waiter that is cancelled [4.8]", function()
    local task = weft.spawn(weft.sleep, 5)
    local log = {}
    local function wait(name)
      return weft.spawn(name, function()
        task:await()
        log[#log + 1] = name
      end)
    end
    wait "a"
    local b = wait "b"
    wait "c"
    weft.yield()
    b:cancel()
    task:await()
    settle()
    assert.same({ "a", "c" }, log)
  end)

  it("of oneself is an InvalidStateError [4.8]", function()
    local me = weft.current_task()
    local err = fails("InvalidStateError", me.await, me)
    assert.is_truthy(err.message:find("itself", 1, true))
  end)

  it("is a cancellation point on a task that is done [3.2]", function()
    local task = weft.spawn(nothing)
    task:await()
    weft.move_on_after(0, function()
      fails("CancelledError", task.await, task)
    end)
  end)

  it("raises Cancelled, not the task's error, in cancelled code [3.1]",
    function()
      local task = weft.spawn(function() error "x" end)
      pcall(task.await, task)
      weft.move_on_after(0, function()
        fails("CancelledError", task.await, task)
      end)
    end)

  it("outside any task is an InvalidStateError [1.9]", function()
    local task, err = weft.spawn(weft.sleep, 1), nil
    weft.call_soon(function() err = error_of(task.await, task) end)
    settle()
    assert.is_true(err:is "InvalidStateError")
    task:await()
  end)
end)

describe("task:result and task:error", function()
  it("raise InvalidStateError on an unfinished task [4.9]", function()
    local task = weft.spawn("worker", weft.sleep, 1)
    local err = fails("InvalidStateError", task.result, task)
    assert.is_truthy(err.message:find("worker", 1, true))
    fails("InvalidStateError", task.error, task)
    task:await()
  end)

  it("give any number of results, the last of them nil [4.9]", function()
    for count = 0, 20 do
      local task = weft.spawn(function()
        return unpack({ 1, 2, 3, 4, 5, 6 }, 1, count)
      end)
      assert.equal(count, select("#", task:await()))
      local results = { task:result() }
      for i = 1, count do assert.equal(i <= 6 and i or nil, results[i]) end
    end
  end)

  it("give all results, and no error, of one that finished [4.9]", function()
    local task = weft.spawn(function() return 1, nil, 3 end)
    task:await()
    assert.equal(3, select("#", task:result()))
    assert.is_nil(task:error())
  end)

  it("raise, and return, the error of one that failed [4.9]", function()
    local mine = weft.OSError "x"
    local task = weft.spawn(function() error(mine) end)
    settle()
    assert.equal(mine, error_of(task.result, task))
    assert.equal(mine, task:error())
  end)

  it("raise, and return, the TaskCancelledError of a cancelled one [4.9]",
    function()
      local task = weft.spawn(weft.sleep_forever)
      task:cancel()
      settle()
      fails("TaskCancelledError", task.result, task)
      assert.is_true(task:error():is "TaskCancelledError")
    end)
end)

-- -- Failures nobody saw -----------------------------------------------------

-- Spawns a task that fails and forgets it; the reports after a collection.
local function reports_of_failure(look)
  local task = weft.spawn("worker", function() error(weft.Error "gone") end)
  settle()
  if look then look(task) end
  task = nil -- luacheck: ignore
  collectgarbage()
  collectgarbage()
  settle()
  return testing.reports()
end

describe("a failure", function()
  it("that was never observed is reported once, when the last handle is "
    .. "collected [4.12]", function()
    local reports = reports_of_failure()
    assert.equal(1, #reports)
    assert.equal(report.FAILURE, reports[1].kind)
    assert.equal("worker", reports[1].task)
    assert.equal("gone", reports[1].err.message)
  end)

  it("that was never observed is reported at shutdown at the latest [4.12]",
    testing.plain(function()
      local held
      local ok, err = pcall(virtual(function()
        held = weft.spawn("worker", function() error(weft.Error "gone") end)
        settle()
      end))
      assert.is_false(ok)
      assert.is_truthy(tostring(err):find("gone", 1, true), err)
      assert.is_not_nil(held)
    end))

  local looks = {
    await = function(task) pcall(task.await, task) end,
    result = function(task) pcall(task.result, task) end,
    error = function(task) task:error() end,
  }
  for name, look in pairs(looks) do
    it("is observed by " .. name .. " [4.12]", function()
      assert.same({}, reports_of_failure(look))
    end)
  end

  local no_looks = {
    cancel = function(task) task:cancel() end,
    done = function(task) task:done() end,
    cancelled = function(task) task:cancelled() end,
  }
  for name, look in pairs(no_looks) do
    it("is not observed by " .. name .. " [4.12]", function()
      assert.equal(1, #reports_of_failure(look))
    end)
  end

  it("is observed by the group it goes to [4.12]", function()
    fails("ErrorGroup", weft.group, function(g)
      g:spawn(function() error "x" end)
    end)
    collectgarbage()
    settle()
    assert.same({}, testing.reports())
  end)

  it("is none for a task that was cancelled: nothing is reported [4.12]",
    function()
      weft.spawn(weft.sleep_forever):cancel()
      settle()
      collectgarbage()
      settle()
      assert.same({}, testing.reports())
    end)
end)

-- -- Looking at tasks --------------------------------------------------------

describe("task:name", function()
  it("is task-N, counting up, unless given [4.13]", function()
    local a, b = weft.spawn(nothing), weft.spawn(nothing)
    local n = tonumber(a:name():match "^task%-(%d+)$")
    assert.equal("task-" .. n + 1, b:name())
    settle()
  end)

  it("need not be unique; the id is [4.13]", function()
    local a, b = weft.spawn("x", nothing), weft.spawn("x", nothing)
    assert.equal(a:name(), b:name())
    assert.are_not.equal(a:id(), b:id())
    settle()
  end)

  it("is what set_name says, also after the end", function()
    local task = weft.spawn(nothing)
    task:set_name "a"
    assert.equal("a", task:name())
    task:await()
    task:set_name "b"
    assert.equal("b", task:name())
  end)

  it("is in the error of a task that was renamed", function()
    local task = weft.spawn(function() error "x" end)
    task:set_name "renamed"
    assert.equal("renamed", fails("Error", task.await, task).task)
  end)

  it("refuses what is no string", function()
    local task = weft.spawn(nothing)
    refuses({ "name", "string", "number 5" }, task.set_name, task, 5)
    refuses({ "name", "nil" }, task.set_name, task)
    settle()
  end)
end)

describe("task:id", function()
  it("is never used again [4.13]", function()
    local seen = {}
    for _ = 1, 200 do
      local task = weft.spawn(nothing)
      assert.is_nil(seen[task:id()])
      seen[task:id()] = true
      task:await()
    end
  end)
end)

describe("task:parent", function()
  it("is the task that opened the group [4.14]", function()
    weft.group(function(g)
      local parent
      local opener = weft.current_task()
      weft.spawn(function()
        parent = g:spawn(weft.yield):parent()
      end):await()
      assert.equal(opener, parent)
    end)
  end)

  it("is nil in the root group [4.14]", function()
    local task = weft.spawn(weft.yield)
    assert.is_nil(task:parent())
    assert.is_nil(weft.current_task():parent())
    task:await()
  end)
end)

describe("weft.current_task", function()
  it("is the task whose step runs [4.14]", function()
    local task
    task = weft.spawn(function() return weft.current_task() == task end)
    assert.is_true(task:await())
    assert.equal("main", weft.current_task():name())
  end)

  it("is nil outside a step [4.14]", function()
    local called, got = false, nil
    weft.call_soon(function() called, got = true, weft.current_task() end)
    weft.yield()
    assert.is_true(called)
    assert.is_nil(got)
  end)

  it("is nil without a runtime [4.14]", testing.plain(function()
    assert.is_nil(weft.current_task())
  end))
end)

describe("weft.all_tasks", function()
  it("lists the unfinished in the order of their spawning [4.14]", function()
    local a = weft.spawn("a", weft.sleep, 1)
    local b = weft.spawn("b", nothing)
    local c = weft.spawn("c", weft.sleep, 1)
    b:await()
    local names = {}
    for i, task in ipairs(weft.all_tasks()) do names[i] = task:name() end
    assert.same({ "main", "a", "c" }, names)
    a:await()
    c:await()
  end)

  it("is empty without a runtime", testing.plain(function()
    assert.same({}, weft.all_tasks())
  end))
end)

describe("task:traceback", function()
  it("says where a task is parked [4.14]", function()
    local function park_here() weft.sleep(1) end
    local task = weft.spawn(function() park_here() end)
    weft.yield()
    local text = task:traceback()
    assert.is_truthy(text:find("park_here", 1, true), text)
    task:await()
  end)

  it("is 'not started' before the first step [4.14]", function()
    local task = weft.spawn(nothing)
    assert.equal("not started", task:traceback())
    task:await()
  end)

  it("is nil when the task is done [4.14]", function()
    local task = weft.spawn(nothing)
    task:await()
    assert.is_nil(task:traceback())
  end)

  it("shows the coroutine in which the task is parked [4.14, 13.1]", function()
    local function inside() weft.sleep(1) end
    local task = weft.spawn(function()
      coroutine.wrap(function() inside() end)()
    end)
    weft.yield()
    assert.is_truthy(task:traceback():find("inside", 1, true))
    task:await()
  end)
end)

describe("tostring of a task", function()
  it("says its name and its state", function()
    local task = weft.spawn("worker", weft.sleep, 1)
    assert.equal("task 'worker' (ready)", tostring(task))
    weft.yield()
    assert.equal("task 'worker' (parked)", tostring(task))
    task:await()
    assert.equal("task 'worker' (finished)", tostring(task))
  end)
end)
