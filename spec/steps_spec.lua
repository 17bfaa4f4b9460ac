-- Slow steps, and the watchdog, which prints while a step still holds the loop.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local report = require "weft.report"
local steps = require "weft.steps"

testing.options { virtual = true }

-- Real seconds of computing, on whatever clock the runtime is.
local function compute(seconds)
  local ends = os.clock() + seconds
  while os.clock() < ends do end
end

describe("a slow step", function()
  after_each(function() weft.debug(false) end)

  -- The report of the task; on a busy machine another step is slow too.
  local function report_of(task)
    weft.debug(false)
    local found
    for _, got in ipairs(testing.reports()) do
      assert.equal(report.SLOW, got.kind)
      if got.task == task then
        assert.is_nil(found)
        found = got
      end
    end
    return found
  end

  it("is reported when it parks, with task, time and traceback [29.2]",
    function()
      weft.debug { slow = 0.01 }
      weft.spawn("cruncher", function()
        compute(0.012)
        weft.sleep(1)
      end):await()
      local got = report_of "cruncher"
      local ms = tonumber(got.err.message:match "^a step took (%d+) ms$")
      assert.is_true(ms >= 10, got.err.message) -- by another clock
      assert.is_truthy(got.traceback:find("in function 'sleep'", 1, true))
      assert.is_truthy(got.traceback:find("steps_spec.lua", 1, true))
    end)

  it("is reported when it is the last, which has no traceback [29.2]",
    function()
      weft.debug { slow = 0.01 }
      local task = weft.spawn(function() compute(0.012) end)
      task:await()
      local got = report_of(task:name())
      assert.matches("^its last step took %d+ ms$", got.err.message)
      assert.is_nil(got.traceback)
    end)

  it("of a task that fails is reported with where it failed [29.2]", function()
    weft.debug { slow = 0.01 }
    local function break_down()
      compute(0.012)
      error "broken"
    end
    local task = weft.spawn("breaker", function()
      break_down()
      return true
    end)
    helper.error_of(task.await, task)
    local got = report_of "breaker"
    assert.is_truthy(got.traceback:find("break_down", 1, true))
  end)

  it("may be a callback's, which has no task [29.2]", function()
    weft.debug { slow = 0.01 }
    weft.call_soon(compute, 0.012)
    weft.yield()
    weft.yield()
    local got = report_of(nil)
    assert.matches("^a callback took %d+ ms$", got.err.message)
  end)

  it("is none below the limit, or once it is off [29.2]", function()
    weft.debug { slow = 30 }
    compute(0.002)
    weft.yield()
    weft.debug { slow = 0.001 }
    weft.debug { slow = false }
    compute(0.002)
    weft.yield()
    assert.same({}, testing.reports())
  end)

  it("is told to a person in two lines and a traceback", function()
    local err = weft.Error "a step took 12 ms"
    assert.equal("task cruncher: a step took 12 ms\nstack traceback: ...",
      report.text(report.SLOW, "cruncher", err, "stack traceback: ..."))
    assert.equal("its last step took 12 ms", report.text(report.SLOW, nil,
      weft.Error "its last step took 12 ms"))
  end)
end)

-- -- The watchdog -------------------------------------------------------------

-- What the weft program prints, on both outputs, that runs `code`.
local function run(code)
  local path = os.tmpname()
  local file = io.open(path, "w")
  file:write("local weft = require 'weft'\nweft.debug { watchdog = 0.02 }\n",
    code)
  file:close()
  local pipe = io.popen(("timeout -s KILL 20 %s %s 2>&1"):format(
    os.getenv "WEFT" or "build/weft", path))
  local text = pipe:read "*a"
  pipe:close()
  os.remove(path)
  return text, path:match "[^/]+$"
end

-- Checks that a block of the task was noticed, and that the pieces stand there.
-- (One that lasts ten times the limit is told of again: on a busy machine.)
local function assert_noticed(text, task, ...)
  assert.is_truthy(text:find("weft: " .. task .. ": has held the loop for 0.0",
    1, true), text)
  for _, piece in ipairs { ... } do
    assert.is_truthy(text:find(piece, 1, true), text)
  end
end

local compute_code = [[
  local function crunch(seconds)
    local ends = os.clock() + seconds
    while os.clock() < ends do end
    return 1
  end
  local function work() return 1 + crunch(0.08) end
]]

describe("the watchdog", function()
  for _, mode in ipairs { "on", "off" } do
    it("shows where Lua code computes, with the compiler " .. mode, function()
      assert_noticed(run(("jit.%s()\n"):format(mode) .. compute_code
        .. [[
          weft.spawn("cruncher", function() return 0 + work() end):await()
          print "went on"
        ]]), "task cruncher", "in function 'crunch'", "in function 'work'",
        "went on")
    end)
  end

  it("reaches a loop that is compiled and calls nothing", function()
    local text = run [[
      local function spin(n) for _ = 1, n do end return n end
      local function work()
        local ends = os.clock() + 0.1
        while os.clock() < ends do spin(1e7) end
        return 1
      end
      weft.spawn("spinner", function() return 1 + work() end):await()
    ]]
    assert_noticed(text, "task spinner", "in function 'work'")
  end)

  it("shows where a C function waits in the kernel, and cuts nothing short",
    function()
      local text = run [[
        local ffi = require "ffi"
        ffi.cdef "unsigned sleep(unsigned); int usleep(unsigned);"
        local function wait() return ffi.C.sleep(1) end
        local left = weft.spawn("sleeper", function()
          return 0 + wait()
        end):await()
        print("left", left)
      ]]
      assert.is_truthy(text:find("task sleeper: has held", 1, true), text)
      assert.is_truthy(text:find("in function 'wait'", 1, true), text)
      assert.is_truthy(text:find("left\t0", 1, true), text)
    end)

  it("shows what waits for a command, and for its output", function()
    local text = run [[
      weft.spawn("shell", function()
        local status = os.execute "sleep 0.1"
        print("status", status)
      end):await()
    ]]
    assert_noticed(text, "task shell", "in function 'execute'", "status\t0")
    text = run [[
      local pipe = io.popen "sleep 0.1; echo heard"
      weft.spawn("listener", function() print(pipe:read()) end):await()
    ]]
    assert_noticed(text, "task listener", "in function 'read'", "heard")
  end)

  it("shows a C function that computes", function()
    local text = run [[
      local subject, pattern = ("a"):rep(28), ("a*"):rep(8) .. "b"
      weft.spawn("matcher", function() return (subject:find(pattern)) end)
        :await()
    ]]
    assert.is_truthy(text:find("task matcher: has held", 1, true), text)
    assert.is_truthy(text:find("in function 'find'", 1, true), text)
  end)

  it("shows a callback, and what Lua calls from C", function()
    assert_noticed(run(compute_code .. [[
      weft.call_soon(work)
      weft.yield()
      weft.yield()
    ]]), "a callback", "in function 'crunch'")
    assert_noticed(run(compute_code .. [[
      weft.spawn("sorter", function()
        local done
        table.sort({ 1, 2 }, function(a, b)
          if not done then done = work() end
          return a < b
        end)
      end):await()
    ]]), "task sorter", "in function 'sort'", "in function 'crunch'")
  end)

  it("survives blocks in the middle of collections", function()
    local text = run [[
      local function litter(seconds)
        local ends, list = os.clock() + seconds, {}
        while os.clock() < ends do
          list[#list % 5000 + 1] = { tostring(#list) .. "x" }
        end
        return 1
      end
      for i = 1, 5 do
        weft.spawn("litterer " .. i, function() return 1 + litter(0.05) end)
          :await()
      end
      print "went on"
    ]]
    assert.is_truthy(text:find("task litterer 1: has held", 1, true), text)
    assert.is_truthy(text:find("task litterer 5: has held", 1, true), text)
    assert.matches("went on\n$", text)
  end)

  it("says so where somebody else has the profiler, and does without it",
    function()
      local text = run(compute_code .. [[
        weft.debug { watchdog = false }
        require("jit.profile").start("i10", function() end)
        weft.debug { watchdog = 0.02 }
        weft.spawn("cruncher", work):await()
        require("jit.profile").stop()
      ]])
      assert.is_truthy(text:find("weft: the watchdog: LuaJIT's profiler is in "
        .. "use", 1, true), text)
      assert.is_truthy(text:find("has held the loop for", 1, true), text)
    end)

  it("sees into a run in a worker, and leaves the profiler to others",
    function()
      local text = run [[
        local weft = require "weft"
        weft.debug { watchdog = false }
        weft.to_thread(function()
          local weft = require "weft"
          weft.debug { watchdog = 0.02 }
          weft.run(function()
            local ends = os.clock() + 0.1
            repeat until os.clock() > ends
          end)
        end)
        weft.debug { watchdog = 1 }
        print "went on"
      ]]
      assert.is_truthy(text:find("task main: has held the loop", 1, true), text)
      assert.is_truthy(text:find("[C]: in function 'clock'", 1, true), text)
      assert.is_nil(text:find("profiler", 1, true), text)
    end)

  it("leaves the profiler to who starts it meanwhile", function()
    local text = run(compute_code .. [[
      local samples = 0
      require("jit.profile").start("i1", function(_, count)
        samples = samples + count
      end)
      weft.spawn("cruncher", work):await()
      require("jit.profile").stop()
      weft.spawn("cruncher", work):await()
      print("samples", samples > 2)
    ]])
    assert.is_truthy(text:find("samples\ttrue", 1, true), text)
  end)

  it("may be turned on and off in a run, and ends with it", function()
    local text = run(compute_code .. [[
      weft.debug { watchdog = false }
      work()
      weft.debug { watchdog = 0.04 }
      weft.debug { watchdog = 0.02 }
      weft.yield()
      weft.spawn("cruncher", work):await()
    ]])
    assert_noticed(text, "task cruncher")
  end)

  it("is silent while tasks wait, and while they switch", function()
    assert.equal("", run [[
      weft.debug { watchdog = 0.4 } -- a busy machine may stop any step
      weft.sleep(0.5)
      local ends = os.clock() + 0.5
      while os.clock() < ends do weft.yield() end
    ]])
  end)

  it("tells who gets the reports, too, once the step is over [29.1]", function()
    local text = run(compute_code .. [[
      local report = require "weft.report"
      weft.debug { report = function(kind, task, err, traceback)
        print(kind == report.BLOCKED, task, err.message:match "^%D+",
          traceback:match "'(%w+)'")
      end }
      weft.spawn("cruncher", work):await()
      weft.yield()
    ]])
    assert_noticed(text, "task cruncher", "true\tcruncher\thas held the loop "
      .. "for \tcrunch")
  end)

  it("tells nobody twice what it has printed", function()
    local receiver = report.get_receiver()
    report.set_receiver(nil)
    local real = io.stderr
    io.stderr = { write = function() error "printed" end } -- luacheck: ignore
    steps.blocked("cruncher", "has held the loop for 1 s", "stack traceback:")
    io.stderr = real -- luacheck: ignore
    report.set_receiver(receiver)
  end)
end)
