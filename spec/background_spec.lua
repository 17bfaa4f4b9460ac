-- Managers of background tasks.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local function names_of(tasks)
  local names = {}
  for i, task in ipairs(tasks) do names[i] = task:name() end
  return table.concat(names, " ")
end

describe("a manager's spawn", function()
  it("starts a task with its arguments, and returns it [4.7]", function()
    local manager = weft.background()
    local task = manager:spawn("adder", function(a, b, ...)
      return a + b, select("#", ...)
    end, 1, 2, nil, nil)
    assert.equal("adder", task:name())
    assert.same({ 3, 2 }, { task:await() })
    assert.equal(5, manager:spawn(function(x) return x end, 5):await())
  end)

  it("is counted and listed until the task has ended", function()
    local manager = weft.background()
    for i, name in ipairs { "a", "b", "c" } do
      manager:spawn(name, weft.sleep, 4 - i)
    end
    assert.equal(3, manager:active_count())
    assert.equal("a b c", names_of(manager:tasks()))
    weft.sleep(1.5)
    assert.equal("a b", names_of(manager:tasks()))
    weft.sleep(1)
    assert.equal("a", names_of(manager:tasks()))
    weft.sleep(1)
    assert.equal(0, manager:active_count())
    assert.same({}, manager:tasks())
  end)

  it("is not counted any more by who awaits the task [4.10]", function()
    local manager = weft.background()
    manager:spawn(weft.sleep, 1):await()
    assert.equal(0, manager:active_count())
  end)

  it("outlives the caller's scope", function()
    local manager, done = weft.background(), false
    weft.move_on_after(1, function()
      manager:spawn(function()
        weft.sleep(5)
        done = true
      end)
      weft.sleep_forever()
    end)
    assert.equal(0, manager:shutdown())
    assert.is_true(done)
    assert.equal(5, weft.now())
  end)
end)

describe("a manager's limit", function()
  it("has spawn wait for a place, in order [1.5]", function()
    local manager, log = weft.background { limit = 2 }, {}
    for i = 1, 5 do
      manager:spawn(function()
        log[#log + 1] = i .. " at " .. weft.now()
        weft.sleep(10)
      end)
    end
    manager:shutdown()
    assert.same({ "1 at 0", "2 at 0", "3 at 10", "4 at 10", "5 at 20" }, log)
  end)

  it("gives a failed or cancelled task's place on", function()
    local manager = weft.background { limit = 1, on_error = function() end }
    manager:spawn(error, "x")
    local task = manager:spawn(weft.sleep_forever)
    task:cancel()
    assert.equal(7, manager:spawn(function() return 7 end):await())
  end)

  it("takes no place for a spawn that is cancelled [3.5]", function()
    local manager, started = weft.background { limit = 1 }, false
    manager:spawn(weft.sleep, 10)
    weft.move_on_after(5, function()
      manager:spawn(function() started = true end)
    end)
    assert.equal(5, weft.now())
    assert.equal(1, manager:active_count())
    manager:spawn(weft.sleep, 1):await()
    assert.equal(11, weft.now())
    assert.is_false(started)
  end)

  it("gives the place back of a task that could not be started [4.15]",
    function()
      local manager, spawn = weft.background { limit = 1 }, weft.spawn
      weft.spawn = function() error(weft.OSError "no memory", 0) end
      local ok, err = pcall(manager.spawn, manager, print)
      weft.spawn = spawn
      assert.is_false(ok)
      assert.equal("no memory", err.message)
      assert.equal(0, manager:active_count())
      assert.equal(7, manager:spawn(function() return 7 end):await())
    end)

  it("may be infinite", function()
    local manager = weft.background { limit = math.huge }
    for _ = 1, 100 do manager:spawn(weft.sleep, 1) end
    assert.equal(0, manager:shutdown())
    assert.equal(1, weft.now())
  end)
end)

describe("a failure of a background task", function()
  it("stops no other, and is told to on_error", function()
    local told = {}
    local manager = weft.background {
      on_error = function(err, task)
        told[#told + 1] = task:name() .. ": " .. err.message
      end,
    }
    manager:spawn("bad", function() error(weft.OSError "x") end)
    manager:spawn("gone", weft.sleep_forever):cancel()
    local good = manager:spawn("good", weft.sleep, 5, "fine")
    assert.equal("fine", good:await())
    assert.same({ "bad: x" }, told)
  end)

  it("is raised to who awaits the task too", function()
    local told = 0
    local manager = weft.background {
      on_error = function() told = told + 1 end,
    }
    local task = manager:spawn(function() error(weft.OSError "x") end)
    fails("OSError", task.await, task)
    assert.equal(1, told)
  end)

  it("is reported where there is no on_error and nobody awaits [4.12]",
    function()
      weft.background():spawn("lost", function() error(weft.OSError "x") end)
      weft.yield()
      weft.yield()
      collectgarbage()
      collectgarbage()
      weft.yield()
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal("lost", reports[1].task)
    end)

  it("of on_error itself is reported", function()
    local manager = weft.background {
      on_error = function() error(weft.OSError "in on_error") end,
    }
    manager:spawn(error, "x")
    assert.equal(0, manager:shutdown())
    weft.yield()
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("in on_error", reports[1].err.message)
  end)
end)

describe("a manager's shutdown", function()
  it("waits for the tasks, as long as they take", function()
    local manager = weft.background()
    manager:spawn(weft.sleep, 3)
    manager:spawn(weft.sleep, 1000)
    assert.equal(0, manager:shutdown())
    assert.equal(1000, weft.now())
  end)

  it("cuts off what is not done in time, and says how many", function()
    local manager, cleaned = weft.background(), 0
    for _, seconds in ipairs { 1, 20, 30 } do
      manager:spawn(function()
        weft.finally(function() weft.sleep(seconds) end, function(err)
          weft.sleep(2)
          if err then cleaned = cleaned + 1 end
        end)
      end)
    end
    assert.equal(2, manager:shutdown(10))
    assert.equal(2, cleaned)
    assert.equal(12, weft.now())
    assert.equal(0, manager:active_count())
  end)

  it("cuts off at once with zero", function()
    local manager = weft.background()
    manager:spawn(weft.sleep, 5)
    manager:spawn(function() end)
    assert.equal(2, manager:shutdown(0))
    assert.equal(0, weft.now())
  end)

  it("lets nothing be spawned any more, by those who wait either [3.10]",
    function()
      local manager, log = weft.background { limit = 1 }, {}
      manager:spawn(weft.sleep, 5)
      for i = 1, 2 do
        weft.spawn(function()
          fails("ClosedError", manager.spawn, manager, print)
          log[i] = weft.now()
        end)
      end
      weft.sleep(1)
      assert.equal(0, manager:shutdown())
      assert.same({ 1, 1 }, log)
      local err = fails("ClosedError", manager.spawn, manager, print)
      assert.is_truthy(err.message:find("shut down", 1, true))
      local unlimited = weft.background()
      unlimited:shutdown()
      fails("ClosedError", unlimited.spawn, unlimited, print)
    end)

  it("cancelled, cancels the tasks and waits for them [3.2]", function()
    local manager, cleaned = weft.background(), false
    manager:spawn(function()
      weft.finally(weft.sleep_forever, function()
        weft.sleep(3)
        cleaned = true
      end)
    end)
    local waited = weft.move_on_after(5, function()
      manager:shutdown(100)
    end)
    assert.is_true(waited:cancelled_caught())
    assert.is_true(cleaned)
    assert.equal(8, weft.now())
    assert.equal(0, manager:active_count())
  end)

  it("may come twice, also at a time", function()
    local manager = weft.background()
    manager:spawn(weft.sleep, 10)
    local other = weft.spawn(function() return manager:shutdown(5) end)
    weft.yield()
    assert.equal(0, manager:shutdown())
    assert.equal(5, weft.now())
    assert.equal(1, other:await())
    assert.equal(0, manager:shutdown())
  end)

  it("in one of its tasks is refused, for it would wait for itself", function()
    local manager = weft.background()
    local own = manager:spawn("own", function()
      local err = fails("InvalidStateError", manager.shutdown, manager)
      assert.is_truthy(err.message:find("task 'own'", 1, true))
      weft.group(function(g)
        g:spawn(function()
          fails("InvalidStateError", manager.shutdown, manager)
        end)
      end)
      fails("InvalidStateError", manager.close, manager)
    end)
    own:await()
    manager:spawn(function() end):await()
  end)
end)

describe("a manager as a resource", function()
  it("waits for its tasks at the end", function()
    local manager = weft.background()
    assert.equal(manager, manager:enter())
    manager:spawn(weft.sleep, 10)
    assert.is_nil(manager:exit(nil))
    assert.equal(10, weft.now())
  end)

  it("waits for its grace at most", function()
    local manager = weft.background { grace = 4 }
    local task = manager:spawn(weft.sleep, 10)
    manager:exit(nil)
    assert.equal(4, weft.now())
    assert.is_true(task:cancelled())
  end)

  it("cancels its tasks after an error", function()
    local manager = weft.background()
    local task = manager:spawn(weft.sleep, 10)
    assert.is_nil(manager:exit(weft.OSError "x"))
    assert.equal(0, weft.now())
    assert.is_true(task:cancelled())
  end)

  it("closes at once, in cancelled code too [3.7]", function()
    local manager = weft.background { grace = 4 }
    local task = manager:spawn(function()
      weft.finally(weft.sleep_forever, function() weft.sleep(2) end)
    end)
    weft.yield()
    weft.scope(function(scope)
      scope:cancel()
      manager:close()
    end)
    assert.is_true(task:cancelled())
    assert.equal(2, weft.now())
    manager:close()
  end)

  it("leaves its tasks to the run's end, if nobody shuts it down [22.2]",
    testing.plain(function()
      local cleaned = false
      weft.run(function()
        weft.background():spawn(function()
          weft.finally(weft.sleep_forever, function() cleaned = true end)
        end)
        weft.yield()
      end)
      assert.is_true(cleaned)
    end))
end)

describe("weft.background refuses", function()
  it("wrong options", function()
    refuses({ "background: opts", "table" }, weft.background, 5)
    refuses({ "no option", "max", "grace, limit and on_error" },
      weft.background, { max = 5 })
    refuses({ "limit", "at least 1", "number 0" }, weft.background,
      { limit = 0 })
    refuses({ "on_error", "function" }, weft.background, { on_error = 1 })
    refuses({ "grace", "0 or more" }, weft.background, { grace = -1 })
  end)

  it("wrong arguments of its methods", function()
    local manager = weft.background { limit = 1 }
    local text = "background:spawn(name?, fn, ...): fn"
    refuses({ text, "nil" }, manager.spawn, manager)
    refuses({ text, "number 5" }, manager.spawn, manager, "name", 5)
    refuses({ "background:shutdown(timeout): timeout", "NaN" },
      manager.shutdown, manager, 0 / 0)
    assert.equal(1, manager:spawn(function() return 1 end):await())
  end)
end)
