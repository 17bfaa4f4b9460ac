-- Supervisors: children that are started again.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local nursery = require "spec.nursery"

local fails, refuses = helper.fails, helper.refuses
local children_of, run = nursery.children_of, nursery.run
local fail, finish, ignore = nursery.fail, nursery.finish, nursery.ignore

testing.options { virtual = true }

describe("a supervisor", function()
  it("starts its children in order, and ends with them", function()
    local log = {}
    local supervisor = run(children_of("a 3 b 5 c 1", log, finish))
    assert.same({ "a starts at 0", "b starts at 0", "c starts at 0" }, log)
    assert.equal(5, weft.now())
    assert.same({ name = "a", running = false, restarts = 0 },
      supervisor:children()[1])
  end)

  it("starts a child that failed again, and reports the failure", function()
    local log, calls = {}, 0
    run(children_of("a 2", log, function(name)
      calls = calls + 1
      if calls < 3 then fail(name) end
    end))
    assert.same({ "a starts at 0", "a starts at 2", "a starts at 4" }, log)
    local reports = testing.reports()
    assert.equal(2, #reports)
    assert.equal("a", reports[1].task)
    assert.equal("a broke", reports[1].err.message)
  end)

  it("tells on_error of failures instead", function()
    local told, calls = {}, 0
    run(children_of("a 2", {}, function(name)
      calls = calls + 1
      if calls < 3 then fail(name) end
    end), { on_error = function(err, name)
      table.insert(told, name .. ": " .. err.message)
    end })
    assert.same({ "a: a broke", "a: a broke" }, told)
  end)

  it("takes a child that is cancelled from elsewhere for one that failed",
    function()
      local starts, told = 0, nil
      run({ { name = "a", fn = function()
        starts = starts + 1
        if starts == 1 then
          weft.current_task():cancel "enough"
          weft.sleep(1)
        end
      end } }, { on_error = function(err) told = err end })
      assert.equal(2, starts)
      assert.is_true(told:is "TaskCancelledError")
      assert.equal("enough", told.reason)
    end)

  it("may run again once it has ended", function()
    local log = {}
    local supervisor = weft.supervisor(children_of("a 2", log, finish))
    supervisor:run()
    supervisor:run()
    assert.same({ "a starts at 0", "a starts at 2" }, log)
  end)

  it("runs once at a time", function()
    local supervisor = weft.supervisor(children_of("a 2", {}, finish))
    local task = weft.spawn(supervisor.run, supervisor)
    weft.yield()
    local err = fails("InvalidStateError", supervisor.run, supervisor)
    assert.is_truthy(err.message:find("runs already", 1, true))
    task:await()
  end)

  it("tells of its children", function()
    local supervisor = weft.supervisor(
      children_of("a 2 b 9", {}, function(name)
        if name == "a" then fail(name) end
      end), { on_error = ignore, restarts = math.huge })
    local task = weft.spawn(supervisor.run, supervisor)
    weft.sleep(7)
    assert.same({
      { name = "a", running = true, restarts = 3 },
      { name = "b", running = true, restarts = 0 },
    }, supervisor:children())
    supervisor:stop()
    task:await()
    assert.is_false(supervisor:children()[1].running)
  end)
end)

describe("the strategy", function()
  -- The log of children of which b fails after 3 seconds, stopped at 5.
  local function log_of(strategy, restart)
    local log, failed = {}, false
    local list = children_of("a b 3 c", log, function(name)
      if not failed then
        failed = true
        fail(name)
      end
      weft.sleep_forever()
    end)
    list[3].restart = restart
    run(list, { strategy = strategy, on_error = ignore }, 5)
    return table.concat(log, ", ", 4, #log)
  end
  local stop = "c is stopped at 5, b is stopped at 5, a is stopped at 5"

  it("one_for_one starts only the one that ended", function()
    assert.equal("b starts at 3, " .. stop, log_of "one_for_one")
  end)

  it("one_for_one is the default", function()
    assert.equal("b starts at 3, " .. stop, log_of(nil))
  end)

  it("all_for_one stops all, the last first, and starts all", function()
    assert.equal("c is stopped at 3, a is stopped at 3, a starts at 3, "
      .. "b starts at 3, c starts at 3, " .. stop, log_of "all_for_one")
  end)

  it("rest_for_one stops and starts those after it", function()
    assert.equal("c is stopped at 3, b starts at 3, c starts at 3, " .. stop,
      log_of "rest_for_one")
  end)

  it("does not start again a child that never is", function()
    assert.equal("c is stopped at 3, b starts at 3, "
      .. "b is stopped at 5, a is stopped at 5",
      (log_of("rest_for_one", "never")))
  end)

  it("does not start again a child that had ended", function()
    local log, failed = {}, false
    run(children_of("a 1 b 3 c", log, function(name)
      if name == "b" and not failed then
        failed = true
        fail(name)
      end
    end), { strategy = "all_for_one", on_error = ignore }, 5)
    assert.same({ "a starts at 0", "b starts at 0", "c starts at 0",
      "c is stopped at 3", "b starts at 3", "c starts at 3",
      "c is stopped at 5", "b is stopped at 5" }, log)
  end)

  it("leaves one alone that ends for good in the same moment", function()
    local log = {}
    local failed = false
    run(children_of("b 3 a 3", log, function(name)
      if name == "b" and not failed then
        failed = true
        fail(name)
      end
    end), { strategy = "all_for_one", on_error = ignore }, 5)
    assert.same({ "b starts at 0", "a starts at 0", "b starts at 3",
      "b is stopped at 5" }, log)
  end)

  it("counts two that fail in one moment as they come", function()
    local starts = { a = 0, b = 0 }
    local list = {}
    for i, name in ipairs { "a", "b" } do
      list[i] = { name = name, fn = function()
        starts[name] = starts[name] + 1
        weft.sleep(1)
        if starts[name] == 1 then fail(name) end
        weft.sleep_forever()
      end }
    end
    local told = {}
    local supervisor = run(list, { strategy = "all_for_one",
      on_error = function(_, name) table.insert(told, name) end }, 9)
    assert.same({ a = 2, b = 2 }, starts)
    table.sort(told)
    assert.same({ "a", "b" }, told)
    assert.equal(1, supervisor:children()[1].restarts)
  end)
end)

describe("too many restarts", function()
  it("end the supervisor with the last failure as the cause", function()
    local log, told = {}, 0
    local err = fails("SupervisorError", run,
      children_of("a 1 b", log, fail),
      { on_error = function() told = told + 1 end })
    assert.equal("child 'a' has failed: more than 3 restarts in 5 s are not "
      .. "allowed", err.message)
    assert.equal("a broke", err.cause.message)
    assert.equal("b is stopped at 4", log[#log])
    assert.equal(3, told) -- the fourth is the cause
    assert.equal(4, weft.now())
    assert.equal(1, #weft.all_tasks())
  end)

  it("are counted in the last period only", function()
    local log = {}
    run(children_of("a 2", log, fail),
      { restarts = 2, period = 4, on_error = ignore }, 101)
    assert.equal(52, #log)
  end)

  it("may be none at all", function()
    local log = {}
    fails("SupervisorError", run, children_of("a 1", log, fail),
      { restarts = 0 })
    assert.equal(1, #log)
  end)

  it("say so where the child just ended", function()
    local err = fails("SupervisorError", run,
      children_of("a 1", {}, finish, "always"), { restarts = 1 })
    assert.is_truthy(err.message:find("child 'a' has ended", 1, true))
    assert.is_nil(err.cause)
  end)
end)

describe("a supervisor's backoff", function()
  it("is waited before each restart, by how many there were", function()
    local log = {}
    run(children_of("a 1", log, fail), {
      backoff = { first = 1, factor = 3, jitter = 0 },
      period = 100, restarts = 9, on_error = ignore,
    }, 20)
    assert.same({ "a starts at 0", "a starts at 2", "a starts at 6",
      "a starts at 16", }, log)
  end)

  it("does not hold up the other children", function()
    local log = {}
    run(children_of("a 1 b 2", log, fail),
      { backoff = 10, on_error = ignore }, 12.5)
    assert.same({ "a starts at 0", "b starts at 0", "a starts at 11",
      "b starts at 12", "b is stopped at 12.5" },
      { log[1], log[2], log[3], log[4], log[5] })
  end)

  it("is cut short by stop", function()
    local log = {}
    run(children_of("a 1", log, fail), { backoff = 60, on_error = ignore }, 5)
    assert.equal(5, weft.now())
    assert.same({ "a starts at 0" }, log)
  end)
end)

describe("a supervisor's stop", function()
  it("stops the children in reverse, each to its end", function()
    local log, list = {}, {}
    for i, name in ipairs { "a", "b", "c" } do
      list[i] = { name = name, fn = function()
        weft.finally(weft.sleep_forever, function()
          weft.sleep(i)
          table.insert(log, name .. " at " .. weft.now())
        end)
      end, restart = "always" }
    end
    run(list, nil, 10)
    assert.same({ "c at 13", "b at 15", "a at 16" }, log)
  end)

  it("may come from a child", function()
    local supervisor, log = nil, {}
    supervisor = weft.supervisor(children_of("a b 2", log, function()
      assert.is_true(supervisor:stop())
      weft.sleep_forever()
    end))
    supervisor:run()
    assert.equal("a is stopped at 2", log[3])
    assert.equal(2, weft.now())
  end)

  it("is false where it does not run", function()
    local supervisor = weft.supervisor(children_of("a 1", {}, finish))
    assert.is_false(supervisor:stop())
    supervisor:run()
    assert.is_false(supervisor:stop())
    assert.equal(1, weft.now())
  end)

  it("tells of what fails meanwhile, and goes on", function()
    local told = {}
    run({
      { name = "a", fn = weft.sleep_forever },
      { name = "b", fn = function()
        weft.finally(weft.sleep_forever, function() fail "b" end)
      end },
    }, { on_error = function(err, name)
      table.insert(told, name .. ": " .. err.message)
    end }, 5)
    assert.same({ "b: b broke" }, told)
  end)
end)

describe("a supervisor, cancelled,", function()
  it("waits for its children, restarts none, and goes out [3.2]", function()
    local log = {}
    local supervisor = weft.supervisor(
      children_of("a b", log, finish, "always"))
    local waited = weft.move_on_after(5, function() supervisor:run() end)
    assert.is_true(waited:cancelled_caught())
    assert.same({ "a starts at 0", "b starts at 0", "a is stopped at 5",
      "b is stopped at 5" }, log)
    assert.is_false(supervisor:children()[1].running)
    assert.is_false(supervisor:stop())
  end)

  it("tells of the failures of those it cancels", function()
    local told = {}
    weft.move_on_after(5, function()
      run({
        { name = "a", fn = function()
          weft.finally(weft.sleep_forever, function() fail "a" end)
        end },
        { name = "b", fn = weft.sleep_forever },
      }, { on_error = function(err) table.insert(told, err.message) end })
    end)
    assert.same({ "a broke" }, told)
  end)

  it("in the midst of a stop goes out too [3.2]", function()
    local supervisor = weft.supervisor {
      { name = "a", fn = function()
        weft.finally(weft.sleep_forever, function() weft.sleep(10) end)
      end },
    }
    weft.call_at(2, function() supervisor:stop() end)
    local waited = weft.move_on_after(5, function() supervisor:run() end)
    assert.is_true(waited:cancelled_caught())
    assert.equal(12, weft.now())
    assert.equal(1, #weft.all_tasks())
  end)

  it("in the pause before a restart goes out [3.2]", function()
    local log = {}
    local waited = weft.move_on_after(5, function()
      run(children_of("a 1", log, fail), { backoff = 60, on_error = ignore })
    end)
    assert.is_true(waited:cancelled_caught())
    assert.equal(5, weft.now())
    assert.equal(1, #log)
  end)
end)

describe("weft.supervisor refuses", function()
  local a = { name = "a", fn = print }

  it("wrong options", function()
    local function refused(pieces, opts)
      refuses(pieces, weft.supervisor, { a }, opts)
    end
    refused({ "supervisor: opts", "table" }, 5)
    refused({ "no option", "intensity" }, { intensity = 5 })
    refused({ "strategy must be one_for_one, all_for_one or rest_for_one" },
      { strategy = "none" })
    refused({ "restarts", "at least 0", "number -1" }, { restarts = -1 })
    refused({ "period", "above 0" }, { period = 0 })
    refused({ "supervisor: backoff must be a table" }, { backoff = "x" })
    refused({ "on_error", "function" }, { on_error = 5 })
  end)
end)
