-- What is told of a failure: spec/testing/suite_spec.lua has more, as busted
-- tells it.
local weft = require "weft"
local failure = require "weft.testing.failure"
local testing = require "weft.testing"

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function in_task(fn)
  return function() weft.group(function(g) g:spawn("worker", fn) end) end
end

describe("weft.testing.failure", function()
  it("tells the only failure of groups by itself", testing.task(function()
    local err = raised(in_task(in_task(function() error "deep" end)))
    local text = failure.describe(err)
    assert.equal(1, (text:find "spec/testing/failure_spec.lua:19: deep\n"))
    local _, times = text:gsub("in task worker, spawned at", "")
    assert.equal(2, times)
    assert.is_nil(text:find("ErrorGroup", 1, true))
  end))

  it("puts the line before what has none", testing.task(function()
    local err = raised(in_task(function() error(weft.ClosedError "gone") end))
    assert.equal(1, (failure.describe(err):find(
      "spec/testing/failure_spec.lua:28: ClosedError: gone\n", 1, true)))
  end))

  it("has a failed assertion stay what it is", testing.task(function()
    local object = raised(assert.equal, 1, 2)
    local err = raised(in_task(function() assert.equal(1, 2) end))
    local shown = failure.as_busted(err)
    assert.equal(debug.getmetatable(object), debug.getmetatable(shown))
    assert.is_truthy(shown.message:find("in task worker", 1, true))
  end))

  it("has an error be an error, also beside an assertion", testing.task(
    function()
      local err = raised(weft.group, function(g)
        g:spawn(function() assert.equal(1, 2) end)
        g:spawn(function() error "broken" end)
      end)
      assert.equal(err, failure.as_busted(err))
      assert.equal("text", failure.as_busted "text")
      assert.is_nil(failure.as_busted(nil))
    end))

  it("says what to do where weft.run is called in a test", testing.task(
    function()
      local err = raised(weft.run, function() end)
      assert.is_truthy(failure.describe(err):find("testing.plain(fn)", 1, true))
    end))

  it("says where a call that needs a runtime has one", testing.plain(function()
    local err = raised(weft.sleep, 1)
    assert.is_truthy(failure.describe(err):find("the body of a describe and a "
      .. "plain test do not: call it in it, before_each or setup", 1, true))
  end))

  it("lists the first twenty of what is left", testing.plain(function()
    local left = {}
    for i = 1, 20 do left[i] = "task " .. i end
    assert.equal("  task 20", failure.leaks(left, "x"):match "[^\n]*$")
    for i = 21, 100 do left[i] = "task " .. i end
    assert.is_truthy(failure.leaks(left, "x"):find "  task 20\n  and 80 more$")
  end))

  it("lists what is left, and reports", testing.plain(function()
    assert.equal("left at the end of the test:\n  a\n  b",
      failure.leaks({ "a", "b" }, "the test"))
    assert.is_truthy(failure.reports({ { kind = 1, task = "x" } })
      :find("\n  task x: ", 1, true))
  end))
end)
