-- What is open, and where it was opened: noted while a test runs.
local weft = require "weft"
local opened = require "weft.opened"
local report = require "weft.report"
local testing = require "weft.testing"

-- The texts of what is open.
local function texts()
  local list = {}
  for i, entry in ipairs(opened.list()) do list[i] = entry.text end
  return list
end

local function listen()
  return weft.net.listen { host = "127.0.0.1", port = 0 }
end

describe("weft.opened", function()
  it("notes nothing unless it is asked for", testing.plain(function()
    opened.note({}, function() return "something" end)
    assert.same({}, opened.list())
    opened.watch(true)
    opened.note({}, function() return "something" end)
    opened.watch(false)
    assert.same({}, opened.list())
  end))

  it("lists what is open, by place, until it is closed", testing.task(function()
    local second = listen()
    local first = listen()
    local list = opened.list()
    assert.equal(2, #list)
    assert.equal("the listener on " .. second:address(), list[1].text)
    assert.equal("spec/opened_spec.lua:29", list[1].place)
    assert.equal("spec/opened_spec.lua:30", list[2].place)
    assert.is_true(list[1].key ~= list[2].key)
    second:close()
    assert.equal("the listener on " .. first:address(), texts()[1])
    first:close()
    assert.same({}, texts())
  end))

  it("tells generators that are in the middle only", testing.task(function()
    local gen = weft.generator(function(yield) yield(1) yield(2) end)
    local new, left, done = gen(), gen(), gen()
    left:next()
    repeat until done:next() == nil
    assert.same({ "a generator that was left early" }, texts())
    left:close()
    new:close()
    assert.same({}, texts())
  end))

  it("tells calls that are still to come", testing.virtual(function()
    local later = weft.call_later(7, print)
    weft.call_later(1, function() end)
    weft.sleep(2)
    assert.same({ "a call that is due in 5 s" }, texts())
    later:cancel()
    assert.same({}, texts())
  end))

  it("leaves out the standard streams", testing.task(function()
    assert.is_truthy(weft.stdio.stderr)
    assert.same({}, texts())
  end))

  it("no longer tells of what was collected open", testing.task(function()
    listen()
    collectgarbage()
    weft.yield()
    weft.yield()
    assert.same({}, texts())
    local reports = testing.reports()
    assert.equal(report.UNCLOSED, reports[1].kind)
    assert.equal(1, #reports)
  end))

  it("keeps nothing alive", testing.task(function()
    local weak = setmetatable({}, { __mode = "v" })
    do
      local object = { "noted" }
      opened.note(object, function() return "noted" end)
      weak[1] = object
    end
    assert.same({ "noted" }, texts())
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
    assert.same({}, texts())
  end))

  it("tells processes that run, not those that have ended", testing.task(
    function()
      local process = weft.process.spawn { "true", stdin = "null" }
      assert.equal("process " .. process:pid(), texts()[1])
      process:wait()
      assert.same({}, texts())
      process:close()
    end))
end)
