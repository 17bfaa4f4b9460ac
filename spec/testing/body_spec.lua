-- Tests that say how they want to be run, called as by busted
-- without the helper.
local weft = require "weft"
local errors = require "weft.error"
local testing = require "weft.testing"

local plain = testing.plain

-- Calls a test as busted does; returns the error object of its failure.
local function failure_of(test)
  local ok, err = pcall(test)
  assert.is_false(ok)
  return errors.object(err)
end

local function refuses(piece, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal("ArgumentError", err.name)
  assert.is_truthy(err.message:find(piece, 1, true), err.message)
end

describe("weft.testing.body", function()
  it("runs a test on the virtual clock, without the helper", plain(function()
    local seen
    testing.virtual(function(clock)
      weft.sleep(3600)
      seen = { clock:now(), weft.now() }
    end)()
    assert.same({ 3600, 3600 }, seen)
  end))

  it("runs a test in a task on the real clock", plain(function()
    local name
    testing.task(function(clock)
      assert.is_nil(clock)
      weft.yield()
      name = weft.current_task():name()
    end)()
    assert.equal("main", name)
  end))

  it("calls a plain one outside any task", plain(function()
    local results
    testing.plain(function()
      results = weft.current_task() == nil and weft.run(function() return 7 end)
    end)()
    assert.equal(7, results)
  end))

  it("has the options of the innermost where they differ", plain(function()
    local test = testing.with({ timeout = 2 }, testing.virtual(function()
      weft.sleep(60)
    end, { timeout = 8 }))
    assert.is_truthy(failure_of(test).message:find("no end after 2 s", 1, true))
  end))

  it("ends a test at its limit [30.6]", plain(function()
    local err = failure_of(testing.virtual(function() weft.sleep(60) end,
      { timeout = 5 }))
    assert.equal("TimeoutError", err.name)
    assert.is_truthy(err.message:find(
      "no end after 5 s; it waited for sleep", 1, true))
  end))

  it("ends a virtual one that nothing can wake [30.5]", plain(function()
    local err = failure_of(testing.virtual(function() weft.queue():get() end))
    assert.is_truthy(err.message:find(
      "deadlock: nothing can wake a task any more", 1, true))
  end))

  it("fails one that leaves a task, and names it [30.6]", plain(function()
    local err = failure_of(testing.task(function()
      weft.spawn("reader", weft.sleep_forever)
    end))
    assert.is_truthy(err.message:find("task reader #2", 1, true))
  end))

  it("fails one whose reports nobody looked at [30.6]", plain(function()
    local function fail()
      weft.spawn(function() error "lost" end)
      testing.wait_all_parked()
    end
    local err = failure_of(testing.task(fail))
    assert.is_truthy(err.message:find("lost", 1, true))
    testing.task(function()
      fail()
      collectgarbage()
      collectgarbage()
      testing.wait_all_parked()
      assert.equal("lost", testing.reports()[1].err.value:match "lost")
    end)()
  end))

  it("is called as a function in a task", plain(function()
    local seen
    testing.virtual(function(outer)
      testing.virtual(function(clock) seen = clock end)()
      assert.equal(outer, seen)
      testing.task(function() weft.yield() end)()
    end)()
    testing.task(function()
      local ok, err = pcall(testing.virtual(function() end))
      assert.is_false(ok)
      assert.equal("InvalidStateError", err.name)
    end)()
  end))

  it("refuses what is no test or no option", plain(function()
    refuses("fn must be a function, got number 5", testing.virtual, 5)
    refuses("fn must be a function, got nil", testing.with, {})
    refuses("no option 'time'", testing.task, print, { time = 1 })
    refuses("no option 'shared' here", testing.with, { shared = true }, print)
    refuses("timeout must be a number of seconds above 0, or false for no "
      .. "limit, got number 0", testing.with, { timeout = 0 }, print)
    refuses("seed must be a whole number", testing.with, { seed = -1 }, print)
  end))
end)
