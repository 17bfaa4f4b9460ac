-- Places in the user's code: where things were made, and tracebacks that join.
local weft = require "weft"
local report = require "weft.report"
local run = require "weft.run"
local site = require "weft.site"
local testing = require "weft.testing"
local helper = require "spec.helper"

testing.options { virtual = true }

local error_of = helper.error_of

local HERE = "spec/site_spec.lua"

-- While tests run, places are kept.

local function line() return debug.getinfo(2, "l").currentline end

-- The text for a person, with each line's spaces as they are.
local function lines_of(err)
  local lines = {}
  for text in report.describe(err):gmatch "[^\n]+" do
    lines[#lines + 1] = text
  end
  return lines
end

describe("a place", function()
  it("is the caller's, not one of weft's modules [29.3]", function()
    local inner
    local at = line() + 1
    weft.try(function() inner = site.here() end)
    assert.equal(HERE .. ":" .. at, inner)
  end)

  it("is that of who resumed a coroutine of none of his own lines [29.3]",
    function()
      local at = line() + 1
      local task = coroutine.wrap(weft.spawn)("child", function() end)
      assert.equal(HERE .. ":" .. at, (task:spawned_at()))
      task:await()
    end)

  it("is kept of a task after its end, nil where it was not kept [29.3]",
    function()
      weft.debug { sites = false }
      local before = weft.spawn(function() end)
      weft.debug { sites = true }
      local at = line() + 1
      local task = weft.spawn(function() end)
      weft.debug { sites = false }
      task:await()
      before:await()
      assert.same({ HERE .. ":" .. at, "main" }, { task:spawned_at() })
      assert.is_nil(before:spawned_at())
    end)

  it("is told of a callback that fails [29.3]", function()
    local at = line() + 1
    weft.call_later(1, function() error "late" end)
    weft.sleep(2)
    local reports = testing.reports()
    assert.equal(report.CALLBACK, reports[1].kind)
    assert.equal(HERE .. ":" .. at, reports[1].err.spawned_at)
    local lines = lines_of(reports[1].err)
    assert.equal("    in a callback, asked for at " .. HERE .. ":" .. at,
      lines[#lines])
  end)

  it("is told of what is collected while it is open [29.3]", function()
    local at = line() + 1
    weft.net.listen { host = "127.0.0.1", port = 0 }
    collectgarbage()
    collectgarbage()
    weft.yield()
    weft.yield()
    local reports = testing.reports()
    assert.equal(report.UNCLOSED, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find(
      "made at " .. HERE .. ":" .. at, 1, true), reports[1].err.message)
  end)
end)

describe("the place of a channel's end", function()
  it("is told when it is collected while it is open [21.4, 29.3]", function()
    local at = line() + 1
    weft.channel(3)
    collectgarbage()
    collectgarbage()
    weft.yield()
    weft.yield()
    local reports = testing.reports()
    assert.equal(2, #reports)
    assert.is_truthy(reports[1].err.message:find(
      "a channel of capacity 3, made at " .. HERE .. ":" .. at, 1, true),
      reports[1].err.message)
  end)
end)

describe("a CancelledError", function()
  local function cancelled_error()
    local seen
    local task = weft.spawn(function()
      local _, err = pcall(weft.sleep_forever)
      seen = err
    end)
    weft.yield()
    task:cancel "why"
    pcall(task.await, task)
    return seen
  end

  it("has a traceback with places kept [10.3, 29.3]", function()
    local err = cancelled_error()
    assert.equal("why", err.reason)
    assert.is_truthy(err.traceback:find(HERE, 1, true), err.traceback)
  end)

  it("has none without [10.3]", function()
    weft.debug { sites = false }
    assert.is_nil(cancelled_error().traceback)
  end)

  it("has each time that of its own raise [29.3]", function()
    local first, second
    local at = line()
    weft.move_on_after(1, function()
      first = select(2, pcall(function() weft.sleep(9) return true end))
      second = select(2, pcall(function() weft.yield() return true end))
    end)
    assert.is_truthy(first.traceback:find(HERE .. ":" .. at + 2, 1, true))
    assert.is_truthy(second.traceback:find(HERE .. ":" .. at + 3, 1, true))
    assert.is_nil(second.traceback:find(HERE .. ":" .. at + 2, 1, true))
  end)

  it("leaves a task whose frames could not catch it, too [29.3]", function()
    local at = line() + 1
    local task = weft.spawn("bare", function() weft.sleep_forever() end)
    weft.yield()
    task:cancel()
    local err = error_of(task.await, task)
    assert.is_truthy(err.cause.traceback:find(HERE .. ":" .. at, 1, true))
  end)
end)

describe("the path of an error", function()
  local function fail_deep(depth)
    if depth == 0 then error("deep", 0) end
    weft.group(function(g) g:spawn("level " .. depth, fail_deep, depth - 1) end)
  end

  it("shows failing line, task and spawn site of every level [10.3, 29.3]",
    function()
      local at = debug.getinfo(fail_deep, "S").linedefined
      local lines = lines_of(error_of(fail_deep, 3))
      local text = table.concat(lines, "\n")
      local path = ("\t%s:%d: in function <%s:%d>\n"):format(HERE, at + 1, HERE,
        at)
      for level, spawner in ipairs { "level 2", "level 3", "main" } do
        local place = HERE .. ":" .. at + 2
        local piece = ("    in task level %d, spawned at %s by %s\n\t%s: in")
          :format(level, place, spawner, place)
        assert.is_truthy(text:find(piece, 1, true), piece .. "\n" .. text)
      end
      assert.is_truthy(text:find("\nError: deep\n" .. path
        .. "    in task level 1, ", 1, true), text)
      assert.is_nil(text:find("weft/", 1, true), text)
    end)

  it("has the tasks and who opened their groups without places [10.3]",
    function()
      weft.debug { sites = false }
      local text = table.concat(lines_of(error_of(fail_deep, 2)), "\n")
      assert.is_truthy(text:find("    in task level 1, spawned by level 2\n", 1,
        true), text)
      assert.is_truthy(text:find("    in task level 2, spawned by main\n", 1,
        true), text)
    end)

  it("is as deep as the tasks are [10.3]", function()
    local text = report.describe(error_of(fail_deep, 60))
    for level = 1, 60 do
      local piece = "    in task level " .. level .. ", spawned"
      assert.is_truthy(text:find(piece, 1, true), piece)
    end
  end)

  it("says of the tasks that awaited it where they were spawned [10.2, 10.3]",
    function()
      local at = line() + 1
      local a = weft.spawn("a", function() error(weft.Error "x") end)
      local b = weft.spawn("b", function() a:await() end)
      local err = error_of(b.await, b)
      assert.is_truthy(err.traceback:find(("in task a, spawned at %s:%d by "
        .. "main, awaited by task b at %s:%d"):format(HERE, at, HERE, at + 1),
        1, true), err.traceback)
      assert.equal(HERE .. ":" .. at + 1, err.spawned_at)
    end)

  it("shows each member of a group, and what they have in common [10.3]",
    function()
      weft.debug { sites = false }
      local err = error_of(weft.group, function(g)
        g:spawn("one", function() error(weft.OSError "1") end)
        g:spawn("two", function() error(weft.OSError "2") end)
        weft.sleep(1)
      end)
      local text = report.describe(err)
      assert.is_truthy(text:find("\n\nOSError: 1\n", 1, true), text)
      assert.is_truthy(text:find("    in task one, spawned by main\n\n"
        .. "OSError: 2\n", 1, true), text)
      assert.is_truthy(text:find("    in task two, spawned by main\n\n"
        .. "2 failures in one group\n", 1, true), text)
    end)

  it("is whole where only weft's own lines are in it", function()
    local own = "stack traceback:\n\t[C]: in function 'error'"
    assert.equal("\t[C]: in function 'error'", site.folded(own))
    assert.equal("\tjob.lua:1: in main chunk", site.folded(own
      .. "\n\tjob.lua:1: in main chunk"))
  end)
end)

describe("tasks left at the end", function()
  local function reports_of(options, fn)
    local reports = {}
    options.report = function(kind, task, err, text)
      reports[#reports + 1] = { kind = kind, task = task, err = err,
        text = text }
    end
    weft.debug(options)
    local ok, err = pcall(run.run_with, { virtual = true }, fn)
    weft.debug { leaks = false, sites = false, report = false }
    assert.is_true(ok, tostring(err))
    return reports
  end

  it("are reported by name, with their wait and where that is [29.1]",
    testing.plain(function()
      local at
      local reports = reports_of({ leaks = true, sites = true }, function()
        at = line() + 1
        weft.spawn("left", function() weft.sleep(5) end)
        weft.sleep(2)
      end)
      assert.equal(1, #reports)
      assert.same({ report.LEFT, "left" }, { reports[1].kind,
        reports[1].task })
      assert.is_nil(reports[1].err)
      assert.equal(("left #2: waits for sleep for 2 s, 3 s left, at %s:%d, "
        .. "spawned at %s:%d by main"):format(HERE, at, HERE, at),
        reports[1].text:match "^[^\n]+")
      assert.is_truthy(reports[1].text:find("in function 'sleep'", 1, true))
    end))

  it("are not, unless it is asked for, or if none is left [29.1]",
    testing.plain(function()
    assert.same({}, reports_of({}, function() weft.spawn(weft.sleep, 5) end))
    assert.same({}, reports_of({ leaks = true }, function()
      weft.spawn(weft.sleep, 5):await()
    end))
  end))
end)
