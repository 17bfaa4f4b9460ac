-- weft.run: a runtime, from main's beginning to the last task's end.
local weft = require "weft"
local errors = require "weft.error"
local report = require "weft.report"
local runner = require "weft.run"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of

testing.options { virtual = true }

local function fails(class, fn, ...)
  local err = error_of(fn, ...)
  assert.is_true(errors.is_error(err) and err:is(class), tostring(err))
  return err
end

-- Runs `main` on the virtual clock; returns what came of it, and the reports.
local function run(main)
  local reports = {}
  report.set_receiver(function(kind, task, err, traceback)
    reports[#reports + 1] =
      { kind = kind, task = task, err = err, traceback = traceback }
  end)
  local ok, result = pcall(runner.run_with, { virtual = true }, main)
  report.set_receiver(nil)
  return ok, result, reports
end

describe("weft.run", function()
  it("runs main as task 'main' of the root group and returns its results "
    .. "[22.1]", testing.plain(function()
    local name, parent
    assert.equal(3, select("#", weft.run(function(...)
      name, parent = weft.current_task():name(), weft.current_task():parent()
      return ...
    end, 1, nil, nil)))
    assert.equal("main", name)
    assert.is_nil(parent)
  end))

  it("raises main's error object [22.1]", testing.plain(function()
    local mine = weft.OSError "x"
    assert.equal(mine, error_of(weft.run, function() error(mine) end))
    local err = fails("Error", weft.run, function() error("text", 0) end)
    assert.equal("text", err.message)
    assert.equal("main", err.task)
  end))

  it("raises TaskCancelledError if main ended cancelled [22.1]",
    testing.plain(function()
      local err = fails("TaskCancelledError", weft.run, function()
        weft.current_task():cancel "why"
        weft.checkpoint()
      end)
      assert.equal("why", err.reason)
    end))

  it("is an InvalidStateError where a runtime runs [22.1]",
    testing.plain(function()
      weft.run(function()
        fails("InvalidStateError", weft.run, function() end)
        weft.checkpoint()
      end)
    end))

  it("may be called again and again; the runs share nothing [22.1, 4.13]",
    testing.plain(function()
      local names = {}
      for i = 1, 3 do
        weft.run(function()
          names[i] = weft.spawn(function() end):name()
        end)
      end
      assert.same({ names[1], names[1], names[1] }, names)
    end))

  it("may be called after one that failed [22.1]", testing.plain(function()
    pcall(weft.run, function() error "x" end)
    assert.equal(1, weft.run(function() return 1 end))
  end))

  it("refuses what is no function", function()
    local err = fails("ArgumentError", weft.run, 5)
    assert.is_truthy(err.message:find("main must be a function, got number 5",
      1, true), err.message)
    fails("ArgumentError", weft.run)
  end)
end)

describe("the shutdown", function()
  it("cancels background tasks, source 'shutdown', and joins them [22.2]",
    testing.plain(function()
      local got, cleaned
      assert.is_true(run(function()
        weft.spawn(function()
          weft.finally(weft.sleep_forever, function(err)
            got = err
            weft.sleep(5)
            cleaned = weft.now()
          end)
        end)
        weft.yield()
      end))
      assert.equal("shutdown", got.source)
      assert.equal(5, cleaned)
    end))

  for name, main in pairs {
    failed = function() error "x" end,
    ["was cancelled"] = function()
      weft.current_task():cancel()
      weft.checkpoint()
    end,
  } do
    it("comes also when main " .. name .. " [22.2]", testing.plain(function()
      local cleaned = false
      assert.is_false((run(function()
        weft.spawn(function()
          weft.finally(weft.sleep_forever, function() cleaned = true end)
        end)
        weft.yield()
        main()
      end)))
      assert.is_true(cleaned)
    end))
  end

  it("reports failures that nobody has seen [22.2, 4.12]",
    testing.plain(function()
      local ok, _, reports = run(function()
        local task = weft.spawn("failing", function() error(weft.Error "x") end)
        weft.yield()
        return task
      end)
      assert.is_true(ok)
      assert.equal(1, #reports)
      assert.equal("failing", reports[1].task)
    end))

  it("reports its own errors, which do not change the outcome [22.3]",
    testing.plain(function()
      local ok, result, reports = run(function()
        weft.spawn("late", function()
          pcall(weft.sleep_forever)
          error(weft.Error "late")
        end)
        weft.yield()
        return "outcome"
      end)
      assert.is_true(ok)
      assert.equal("outcome", result)
      assert.equal(1, #reports)
      assert.equal("late", reports[1].task)
    end))

  it("starts and joins what is spawned during it [22.3, 4.2]",
    testing.plain(function()
      local log = {}
      run(function()
        weft.spawn(function()
          pcall(weft.sleep_forever)
          weft.spawn(function()
            log[#log + 1] = "started"
            weft.checkpoint()
            log[#log + 1] = "not reached"
          end)
        end)
        weft.yield()
      end)
      assert.same({ "started" }, log)
    end))

  it("lifts all shields if nothing can wake what is left [22.4]",
    testing.plain(function()
      local got
      local ok = run(function()
        weft.spawn(function()
          weft.shield(function() got = error_of(weft.sleep_forever) end)
        end)
        weft.yield()
      end)
      assert.is_true(ok)
      assert.is_true(got:is "CancelledError")
    end))

  it("waits for a shielded task that a time will wake [22.4]",
    testing.plain(function()
      local at
      run(function()
        weft.spawn(function()
          weft.shield(function() weft.sleep(100) end)
          at = weft.now()
        end)
        weft.yield()
      end)
      assert.equal(100, at)
    end))

  it("gives up a task that gets Cancelled 1,000 times, and raises an "
    .. "InvalidStateError that names it [22.5]", testing.plain(function()
    local ok, err = run(function()
      weft.spawn("stubborn", function()
        while true do pcall(weft.sleep_forever) end
      end)
      weft.yield()
    end)
    assert.is_false(ok)
    assert.is_true(err:is "InvalidStateError")
    assert.is_truthy(err.message:find("stubborn", 1, true), err.message)
    assert.is_truthy(err.message:find("run_spec.lua", 1, true), err.message)
  end))

  it("gives up with main's error as the cause [22.5]", testing.plain(function()
    local mine = weft.OSError "x"
    local _, err = run(function()
      weft.spawn("stubborn", function()
        while true do pcall(weft.sleep_forever) end
      end)
      weft.yield()
      error(mine)
    end)
    assert.is_true(err:is "InvalidStateError")
    assert.equal(mine, err.cause)
  end))

  it("gives up the 100th generation of tasks spawned in it [22.5]",
    testing.plain(function()
      local count = 0
      local function again()
        count = count + 1
        weft.spawn(again)
      end
      local ok, err = run(function() weft.spawn(again) end)
      assert.is_false(ok)
      assert.is_true(err:is "InvalidStateError")
      assert.is_true(count >= 90 and count <= 101)
    end))

  it("leaves a task that is given up without an outcome [4.3, 22.5]",
    testing.plain(function()
      local task, finished
      run(function()
        finished = weft.spawn(function() end)
        task = weft.spawn(function() while true do pcall(weft.sleep_forever) end
        end)
        weft.yield()
      end)
      assert.is_true(finished:done())
      assert.is_false(task:done())
    end))

  it("leaves a state in which all works again [22.1, 22.5]",
    testing.plain(function()
      run(function()
        weft.spawn(function() while true do pcall(weft.sleep_forever) end end)
        weft.yield()
      end)
      local ok, result = run(function()
        weft.sleep(1)
        return weft.gather { function() return 1 end }[1]
      end)
      assert.is_true(ok)
      assert.equal(1, result)
    end))
end)

describe("a seed", function()
  it("is a whole number that a double has exactly", testing.plain(function()
    for _, seed in ipairs { -1, 1.5, 2 ^ 53, 0 / 0, math.huge, "1" } do
      local err = fails("ArgumentError", runner.run_with, { seed = seed },
        function() end)
      assert.is_truthy(err.message:find("seed must be a whole number", 1, true))
    end
    assert.equal(1, runner.run_with({ seed = 2 ^ 53 - 1 },
      function() return 1 end))
  end))
end)

-- -- Where a call cannot be made ----------------------------------------------

local function nothing() end

-- name -> a call that needs a runtime.
local calls = {
  ["weft.queue"] = function() weft.queue() end,
  ["weft.future"] = function() weft.future() end,
  ["weft.timeout"] = function() weft.timeout(1, nothing) end,
  ["weft.timeout_at"] = function() weft.timeout_at(1, nothing) end,
  ["weft.move_on_after"] = function() weft.move_on_after(1, nothing) end,
  ["weft.move_on_at"] = function() weft.move_on_at(1, nothing) end,
  ["weft.scope"] = function() weft.scope(nothing, { timeout = 1 }) end,
  ["weft.shield"] = function() weft.shield(nothing) end,
  ["weft.call_soon"] = function() weft.call_soon(nothing) end,
  ["weft.call_later"] = function() weft.call_later(1, nothing) end,
  ["weft.call_at"] = function() weft.call_at(1, nothing) end,
  ["weft.gather"] = function() weft.gather {} end,
  ["weft.map"] = function() weft.map({}, nothing) end,
  ["weft.each"] = function() weft.each({}, nothing) end,
  ["weft.race"] = function() weft.race { nothing } end,
  ["weft.any"] = function() weft.any { nothing } end,
  ["weft.checkpoint"] = function() weft.checkpoint() end,
  ["weft.now"] = function() weft.now() end,
}

-- Calls that wait: name -> who makes one of a queue and a future.
local waits = {
  ["queue:get"] = function(queue) queue:get() end,
  ["queue:put"] = function(queue) queue:put(1) end,
  ["queue:join"] = function(queue) queue:join() end,
  ["future:await"] = function(_, future) future:await() end,
  ["weft.gather"] = function() weft.gather { nothing } end,
}

describe("the InvalidStateError of", function()
  for name, call in pairs(calls) do
    it(name .. " without a runtime names it [1.11]", testing.plain(function()
      local err = fails("InvalidStateError", call)
      assert.equal(name .. " needs a runtime: run the script with weft, or "
        .. "call it inside weft.run(function() ... end)", err.message)
    end))
  end

  for name, call in pairs(waits) do
    it(name .. " in table.sort names it [13.3]", function()
      local queue, future = weft.queue(1), weft.future()
      if name == "queue:put" or name == "queue:join" then queue:put(0) end
      local err = fails("InvalidStateError", table.sort, { 1, 2 }, function()
        call(queue, future)
      end)
      assert.equal(name .. " cannot wait inside table.sort", err.message)
    end)
  end
end)
