-- What a scope, group or task owns and closes at its end.
local weft = require "weft"
local owner = require "weft.owner"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local virtual = testing.virtual

testing.options { virtual = true }

-- An object to be owned that logs its closing; `close` may do more.
local function owned(log, name, close)
  local object = {}
  function object:close()
    owner.remove(self)
    if close then close() end
    log[#log + 1] = name
  end
  owner.add(object)
  return object
end

local regions = {
  scope = function(fn) weft.scope(fn) end,
  timeout = function(fn) weft.timeout(1e6, fn) end,
  move_on_after = function(fn) weft.move_on_after(1e6, fn) end,
  shield = function(fn) weft.shield(fn) end,
  group = function(fn) weft.group(fn) end,
}

for name, region in pairs(regions) do
  describe("the end of a " .. name, function()
    it("closes what was made in it, last made first [14.7]", function()
      local log = {}
      region(function()
        owned(log, "first")
        owned(log, "second")
      end)
      assert.same({ "second", "first" }, log)
      assert.is_nil(next(owner.owned))
    end)

    it("closes it in the task that ends it, shielded [14.7, 12.1]", function()
      local log, task = {}, nil
      weft.move_on_after(1, function()
        region(function()
          owned(log, "closed", function()
            weft.sleep(5)
            task = weft.current_task()
          end)
          weft.sleep(2)
        end)
      end)
      assert.same({ "closed" }, log)
      assert.equal(weft.current_task(), task)
      assert.equal(name == "shield" and 7 or 6, weft.now())
    end)

    it("closes it also when an error leaves [14.7]", function()
      local log = {}
      pcall(region, function()
        owned(log, "closed")
        error "x"
      end)
      assert.same({ "closed" }, log)
    end)

    it("raises an error of the closing if none is in flight [14.7]", function()
      local mine, log = weft.OSError "x", {}
      local err = error_of(region, function()
        owned(log, "other")
        owned(log, "failing", function() error(mine) end)
      end)
      assert.equal(mine, err.errors and err.errors[1] or err)
      assert.same({ "other" }, log)
      assert.is_nil(next(owner.owned))
    end)

    it("reports an error of the closing if one is in flight [14.7]", function()
      local mine, first = weft.OSError "closing", weft.OSError "first"
      local err = error_of(region, function()
        owned({}, "failing", function() error(mine) end)
        error(first)
      end)
      assert.equal(first, err.errors and err.errors[1] or err)
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal(report.FAILURE, reports[1].kind)
      assert.equal(mine, reports[1].err)
    end)

    it("does not close what has been closed already [14.7]", function()
      local log = {}
      region(function() owned(log, "closed"):close() end)
      assert.same({ "closed" }, log)
    end)
  end)
end

describe("an owner", function()
  it("is the innermost scope: an outer one keeps its own [14.7]", function()
    local log = {}
    weft.scope(function()
      owned(log, "outer")
      weft.scope(function() owned(log, "inner") end)
      assert.same({ "inner" }, log)
    end)
    assert.same({ "inner", "outer" }, log)
  end)

  it("is the task where there is no other scope [14.7]", function()
    local log = {}
    weft.spawn(function() owned(log, "closed") end):await()
    assert.same({ "closed" }, log)
  end)

  it("is the task also where that fails [14.7]", function()
    local log = {}
    local task = weft.spawn(function()
      owned(log, "closed")
      error "x"
    end)
    error_of(task.await, task)
    assert.same({ "closed" }, log)
  end)

  it("is main, too: nothing is left for the next run [14.7, 22.1]",
    testing.plain(function()
      local log = {}
      virtual(function() owned(log, "closed") end)()
      assert.same({ "closed" }, log)
      assert.is_nil(next(owner.owned))
    end))
end)
