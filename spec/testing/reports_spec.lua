-- Reports that are collected while a test runs.
local report = require "weft.report"
local reports = require "weft.testing.reports"
local testing = require "weft.testing"

local function none() return false end

describe("weft.testing.reports", function()
  it("collects, and has them go where they went", testing.plain(function()
    local before = {}
    report.set_receiver(function(kind) before[#before + 1] = kind end)
    local left, a, b = reports.collect(none, function()
      report.report(report.FAILURE, "one", "err", "traceback")
      return 1, 2
    end)
    report.report(report.CALLBACK)
    report.set_receiver(nil)
    assert.same({ { kind = report.FAILURE, task = "one", err = "err",
      traceback = "traceback" } }, left)
    assert.same({ 1, 2 }, { a, b })
    assert.same({ report.CALLBACK }, before)
  end))

  it("gives those that were taken no more", testing.plain(function()
    local left = reports.collect(none, function()
      report.failure("first", "one")
      assert.equal("one", reports.take()[1].task)
      assert.same({}, reports.take())
      report.failure("second", "two")
    end)
    assert.equal(1, #left)
    assert.equal("two", left[1].task)
  end))

  it("leaves out what is filtered, and may be nested", testing.plain(function()
    local function deadlocks(kind) return kind == report.DEADLOCK end
    local outer = reports.collect(none, function()
      local inner = reports.collect(deadlocks, function()
        report.report(report.DEADLOCK, nil, "err")
        report.failure("inner")
      end)
      assert.equal(1, #inner)
      report.failure("outer")
    end)
    assert.equal(1, #outer)
    assert.equal("outer", outer[1].err.message)
  end))

  it("raises on what is raised, and is over then", testing.plain(function()
    local ok, err = pcall(reports.collect, none, function() error "broken" end)
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find "broken")
    assert.is_nil(report.get_receiver())
  end))
end)
