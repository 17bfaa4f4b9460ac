-- Reports: who is told of what nobody asked about, and how.
local weft = require "weft"
local report = require "weft.report"
local testing = require "weft.testing"
local helper = require "spec.helper"

testing.options { virtual = true }

-- Has the reports go to `fn` while `body` runs.
local function with_receiver(fn, body)
  local before = report.get_receiver()
  report.set_receiver(fn)
  body()
  report.set_receiver(before)
end

-- What is written to stderr while `body` runs.
local function stderr_of(body)
  local lines, real = {}, io.stderr
  io.stderr = { write = function(_, ...) -- luacheck: ignore
    lines[#lines + 1] = table.concat { ... }
  end }
  local ok, err = pcall(body)
  io.stderr = real -- luacheck: ignore
  if not ok then error(err, 0) end
  return table.concat(lines)
end

local function fail_unseen(name, message)
  weft.spawn(name, function() error(weft.Error(message)) end)
  weft.yield()
  weft.yield()
  collectgarbage()
  collectgarbage()
  weft.yield()
  weft.yield()
end

describe("a report", function()
  it("gets kind, task and error [29.1]", function()
    fail_unseen("worker", "gone")
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.equal(report.FAILURE, reports[1].kind)
    assert.equal("worker", reports[1].task)
    assert.equal("gone", reports[1].err.message)
    assert.is_truthy(reports[1].err.traceback:find("report_spec", 1, true))
  end)

  it("goes to stderr, with the error's tree, where nobody receives it [29.1]",
    function()
      local text = stderr_of(function()
        with_receiver(nil, function() fail_unseen("worker", "gone") end)
      end)
      assert.is_truthy(text:find("worker", 1, true), text)
      assert.is_truthy(text:find("Error: gone", 1, true), text)
      assert.is_truthy(text:find("report_spec.lua", 1, true), text)
    end)

  it("may be made of whatever was raised, with where that was [29.1]",
    function()
      local function break_down() error("no paper", 0) end
      local _, err = xpcall(function()
        break_down()
        return true -- no tail call, so break_down has its name
      end, weft.trace)
      weft.report(err, "printer")
      weft.report(weft.OSError "no ink")
      local reports = testing.reports()
      assert.equal(2, #reports)
      assert.equal(report.FAILURE, reports[1].kind)
      assert.equal("printer", reports[1].task)
      assert.equal("no paper", reports[1].err.message)
      assert.is_truthy(reports[1].err.traceback:find("break_down", 1, true))
      assert.is_nil(reports[2].task)
      assert.equal("no ink", reports[2].err.message)
    end)

  it("goes to stderr, with the receiver's error, if that fails [29.1]",
    function()
      local text = stderr_of(function()
        with_receiver(function() error "the receiver fails" end,
          function() fail_unseen("worker", "gone") end)
      end)
      assert.is_truthy(text:find("Error: gone", 1, true), text)
      assert.is_truthy(text:find("the receiver fails", 1, true), text)
    end)

  it("changes nothing of what runs [29.1]", function()
    local log = {}
    stderr_of(function()
      with_receiver(function() error "the receiver fails" end, function()
        weft.call_soon(function() error "callback" end)
        weft.call_soon(function() log[#log + 1] = "next" end)
        weft.yield()
        weft.yield()
      end)
    end)
    assert.same({ "next" }, log)
  end)

  it("is made of what a callback raises, and the loop goes on [1.9, 29.1]",
    function()
      weft.call_soon(function() error(weft.Error "callback") end)
      weft.yield()
      weft.sleep(1)
      local reports = testing.reports()
      assert.equal(1, #reports)
      assert.equal(report.CALLBACK, reports[1].kind)
      assert.equal("callback", reports[1].err.message)
    end)

  it("describes an error with the tracebacks of its members and causes",
    function()
      weft.debug { sites = false }
      local err = helper.error_of(weft.group, function(g)
        g:spawn("child", function()
          error(weft.Error("a", { cause = weft.OSError "b" }))
        end)
      end)
      local text = report.describe(err)
      assert.is_truthy(text:find("ErrorGroup: 1 failure", 1, true), text)
      assert.is_truthy(text:find("in task child, spawned by main", 1, true),
        text)
      assert.is_truthy(text:find("caused by OSError: b", 1, true), text)
      assert.is_nil(text:find("weft/group.lua", 1, true), text)
    end)

  it("shows a table that was raised, and a cause that is no error", function()
    local raised = helper.error_of(weft.group, function(g)
      g:spawn("child", function() error { why = "gone" } end)
    end)
    local text = report.describe(raised)
    assert.is_truthy(text:find('raised was { why = "gone" }', 1, true), text)

    text = report.describe(weft.Error("a", { cause = "no disk" }))
    assert.is_truthy(text:find('caused by "no disk"', 1, true), text)
  end)
end)
