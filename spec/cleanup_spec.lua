-- Cleanup that never runs, of coroutines that nobody resumes.
local weft = require "weft"
local report = require "weft.report"
local run = require "weft.run"
local testing = require "weft.testing"
local helper = require "spec.helper"

testing.options { virtual = true }

local function collect()
  collectgarbage()
  collectgarbage()
  weft.yield()
  weft.yield()
end

local resource = { enter = function() return 1 end, exit = function() end }

-- Functions that yield from inside what has a cleanup.
local ways = {
  with = function(yield) weft.with(resource, yield) end,
  ["with of several"] = function(yield)
    weft.with(resource, resource, yield)
  end,
  finally = function(yield) weft.finally(yield, function() end) end,
  stack = function(yield) weft.stack(function() yield() end) end,
}

-- In a function of its own, so that nothing holds the coroutine afterwards.
local function suspend(way)
  local co = coroutine.create(function()
    way(function() coroutine.yield "in it" end)
  end)
  local _, value = coroutine.resume(co)
  assert.equal("in it", value)
end

describe("a suspended coroutine", function()
  before_each(function() weft.debug { leaks = true } end)

  for name, way in pairs(ways) do
    it("is reported when it is collected inside a " .. name .. " [13.9]",
      function()
        suspend(way)
        collect()
        local reports = testing.reports()
        assert.equal(1, #reports)
        assert.equal(report.UNCLOSED, reports[1].kind)
        assert.is_truthy(reports[1].err.message:find(
          "^a coroutine suspended in a " .. name:match "%w+"
          .. " at spec/cleanup_spec.lua:%d+ was collected"),
          reports[1].err.message)
      end)

    it("is not, where it left the " .. name .. " [13.9]", function()
      local co = coroutine.wrap(function()
        way(coroutine.yield)
        pcall(way, function() error "out" end)
        coroutine.yield "after"
      end)
      co()
      assert.equal("after", co())
      co = nil -- luacheck: ignore
      collect()
    end)
  end

  it("is told of at the end of the run, if it is left then [13.9]",
    testing.plain(function()
      local reports, held = {}, nil
      weft.debug { leaks = true, report = function(kind, _, err)
        reports[#reports + 1] = { kind = kind, message = err.message }
      end }
      run.run_with({ virtual = true }, function()
        held = coroutine.create(function() ways.with(coroutine.yield) end)
        coroutine.resume(held)
      end)
      weft.debug { leaks = false, report = false }
      assert.equal("suspended", coroutine.status(held))
      assert.equal(1, #reports)
      assert.equal(report.UNCLOSED, reports[1].kind)
      assert.is_truthy(reports[1].message:find("was left at the end", 1, true))
    end))

  it("is not reported unless that is asked for, nor in a task [13.9]",
    function()
      weft.debug { leaks = false }
      suspend(ways.with)
      collect()
      weft.debug { leaks = true }
      weft.spawn(ways.finally, function() weft.sleep(1) end):await()
      local numbers = weft.generator(function(yield)
        weft.finally(function() yield(1) end, function() end)
      end)
      weft.closing(numbers(), function(gen) gen:next() end)
      collect()
    end)

  it("passes on what its function does, cancelled or not [13.9]", function()
    local co = coroutine.create(function()
      return weft.finally(function() return 1, nil, 3 end, function() end)
    end)
    assert.same({ true, 1, nil, 3 }, { coroutine.resume(co) })
    local err = helper.error_of(coroutine.wrap(function()
      weft.with(resource, function() error(weft.OSError "x") end)
    end))
    assert.equal("x", err.message)
    local scope = weft.move_on_after(1, function()
      coroutine.wrap(function()
        weft.with(resource, weft.sleep_forever)
      end)()
    end)
    assert.is_true(scope:cancelled_caught())
  end)
end)
