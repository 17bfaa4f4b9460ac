-- What once broke in generators and in what owns them, when an unkind reader
-- first went through them.
local weft = require "weft"
local owner = require "weft.owner"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"
local program = require "spec.program"

local error_of = helper.error_of

testing.options { virtual = true }

-- A finaliser for `fn` on something that nobody holds.
local function finalise_soon(fn) getmetatable(newproxy(true)).__gc = fn end

describe("a generator that is being closed", function()
  it("is closed to its end though its owner ends meanwhile [14.5, 14.8]",
    function()
      local log, gen = {}, nil
      local make = weft.generator(function(yield)
        pcall(yield, 1)
        weft.sleep(2)
        pcall(yield, 2)
        log[#log + 1] = "cleaned at " .. weft.now()
      end)
      weft.spawn(function()
        gen = make()
        weft.sleep(1)
      end)
      weft.yield()
      gen:next()
      gen:close()
      assert.same({ "cleaned at 2" }, log)
      assert.is_nil(gen:next())
    end)
end)

describe("a body that fails after a park", function()
  local pause, multiplier -- under a collector that never rests

  before_each(function()
    pause = collectgarbage("setpause", 0)
    multiplier = collectgarbage("setstepmul", 1000)
  end)
  after_each(function()
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", multiplier)
  end)

  it("survives finalisers that catch errors", function()
    local function litter()
      for _ = 1, 5 do finalise_soon(function() pcall(error, {}) end) end
    end
    local make = weft.generator(function(yield)
      yield(1)
      litter()
      weft.yield()
      error("broken", 0)
    end)
    for _ = 1, 300 do
      local gen = make()
      gen:next()
      litter()
      assert.equal("broken", error_of(gen.next, gen))
    end
  end)

  it("shows its own lines in the traceback [10.3]", function()
    local function fail_deep() error("deep", 0) end
    for _, wait in ipairs { weft.yield, function() end } do
      local gen = weft.generator(function()
        wait()
        fail_deep()
      end)()
      local _, err = weft.try(gen.next, gen)
      assert.equal("deep", err.value)
      assert.truthy(err.traceback:find("in function 'fail_deep'", 1, true))
      assert.is_nil(err.traceback:find("builtin", 1, true))
    end
  end)
end)

describe("a task that owns a generator", function()
  it("shows the line that failed all the same [10.3]", function()
    local function fail_deep() local x = nil; return x.y end
    local line = debug.getinfo(fail_deep, "S").linedefined
    local task = weft.spawn(function()
      weft.generator(function(yield) yield(1) end)():next()
      fail_deep()
    end)
    local err = error_of(task.await, task)
    assert.truthy(err.traceback:find("_spec.lua:" .. line .. ": in function "
      .. "'fail_deep'", 1, true), err.traceback)
  end)

  it("fails when its results do not fit, and closes that [4.3, 14.7]",
    function()
      local many, closed = {}, false
      for i = 1, 7999 do many[i] = i end
      local task = weft.spawn(function()
        weft.generator(function(yield)
          weft.finally(function() yield(1) end, function() closed = true end)
        end)():next()
        return 1, 2, 3, 4, 5, 6, 7, 8, unpack(many)
      end)
      pcall(task.await, task)
      assert.is_true(closed)
    end)

  it("leaves nothing behind when it is given up [22.5]",
    testing.plain(function()
      local reports = {}
      report.set_receiver(function(kind) reports[#reports + 1] = kind end)
      local err = error_of(weft.run, function()
        weft.spawn(function()
          weft.generator(function(yield) yield(1) end)():next()
          while true do pcall(weft.sleep, 1) end
        end)
        weft.yield()
      end)
      report.set_receiver(nil)
      assert.is_true(err:is "InvalidStateError")
      assert.same({ report.GIVEN_UP }, reports)
      assert.is_nil(next(owner.owned))
    end))
end)

describe("a cleanup that fails", function()
  it("is reported where the body that owns it has failed [14.7]", function()
    local bad = weft.generator(function(yield)
      weft.finally(function() yield(1) end, function() error("worse", 0) end)
    end)
    local outer = weft.generator(function()
      bad():next()
      error("first", 0)
    end)()
    assert.equal("first", error_of(outer.next, outer))
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal("worse", reports[1].err.value)
  end)

  it("is raised also when it raises nil [14.7, 10.1]", function()
    local bad = weft.generator(function(yield)
      pcall(yield, 1)
      error()
    end)
    local err = error_of(weft.scope, function() bad():next() end)
    assert.is_true(err:is "Error")
    assert.is_nil(err.value)
  end)
end)

describe("a generator that outlives a run", function()
  it("has a layer of its own in the next one, too [15.3, 15.2]",
    testing.plain(function()
      local var = weft.context_var("var", "default")
      local gen = weft.generator(function(yield)
        while true do
          yield(var:get())
          var:set "by the body"
        end
      end)()
      local seen = {}
      for _ = 1, 3 do
        weft.run(function()
          var:set "by main"
          seen[#seen + 1] = gen:next() .. ", " .. gen:next()
          assert.equal("by main", var:get())
        end)
      end
      assert.same({ "by main, by the body", "by the body, by the body",
        "by the body, by the body" }, seen)
    end))
end)

describe("a yield that is kept", function()
  it("does not leave its coroutine's address behind [13.5]", function()
    local kept = {}
    local gen = weft.generator(function(yield)
      kept[#kept + 1] = yield
      yield(1)
    end)
    for _ = 1, 2000 do weft.collect(gen()) end
    collectgarbage()
    collectgarbage()
    for _ = 1, 5000 do
      assert.is_true((coroutine.resume(coroutine.create(function() end))))
    end
  end)
end)

describe("a future", function()
  it("has its error leave each awaiting task on a path of its own [10.2, 5.2]",
    function()
      local future, mine = weft.future(), weft.Error "mine"
      local tasks = {}
      for _, name in ipairs { "a", "b" } do
        tasks[name] = weft.spawn(name, function() future:await() end)
      end
      weft.yield()
      future:set_error(mine)
      for name, task in pairs(tasks) do
        local err = error_of(task.await, task)
        assert.equal(name, err.task)
        assert.equal(mine, err.cause)
        assert.is_nil(err.traceback:find("in task", 1, true))
      end
      assert.is_nil(mine.task)
      assert.equal(mine, future:error())
    end)

  it("runs a callback with no variable, where none was set yet [15.1]",
    function()
      local result = program.run {
        "-e", [[
          local weft = require "weft"
          local var, future = weft.context_var("var", "none"), weft.future()
          future:add_done_callback(function() print(var:get()) end)
          var:set "late"
          future:set_result()
          weft.sleep(0)
        ]],
      }
      assert.equal("none\n", result.out)
    end)
end)
