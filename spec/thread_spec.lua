-- weft.to_thread: cancelling, abandoning, the pool, the end of a run.
local weft = require "weft"
local testing = require "weft.testing"
local files = require "spec.files"
local gate = require "spec.gate"
local helper = require "spec.helper"
local program = require "spec.program"
local report = require "weft.report"

local run = testing.task
local fails, refuses = helper.fails, helper.refuses
local to_thread = weft.to_thread

local pass, ABANDON = gate.pass, { abandon_on_cancel = true }

-- A task whose function stands at the gate.
local function spawn_at(place, ...)
  local first = ...
  if first then return weft.spawn(to_thread, first, pass, place) end
  return weft.spawn(to_thread, pass, place)
end

describe("weft.to_thread", function()
  it("runs fn beside the runtime and gives its results [24.1]", function()
    local here = weft.current_task()
    assert.same({ 3, "x" }, { to_thread(function(a, b) return a + b, "x" end,
      1, 2) })
    assert.equal(here, weft.current_task())
  end)

  it("lets other tasks run meanwhile", function()
    local place = gate.new()
    local task = spawn_at(place)
    gate.await(place)
    local turns = 0
    for _ = 1, 10 do
      weft.yield()
      turns = turns + 1
    end
    assert.equal(10, turns)
    assert.is_false(task:done())
    gate.open(place)
    task:await()
  end)

  it("refuses what is no function, and unknown options", function()
    refuses({ "weft.to_thread(fn, ...)", "fn must be a function",
      "number 5" }, to_thread, 5)
    refuses({ "fn must be a function, got nil" }, to_thread)
    refuses({ "there is no option 'abandon'", "abandon_on_cancel" }, to_thread,
      { abandon = true }, print)
    refuses({ "abandon_on_cancel must be true or false" }, to_thread,
      { abandon_on_cancel = 1 }, print)
    refuses({ "fn must be a function" }, to_thread, ABANDON)
  end)

  it("needs a runtime, and a place to wait", testing.plain(function()
    local err = fails("InvalidStateError", to_thread, print)
    assert.is_truthy(err.message:find("weft.to_thread needs", 1, true))
    run(function()
      local caught
      table.sort({ 2, 1 }, function(a, b)
        caught = caught or fails("InvalidStateError", to_thread, print)
        return a < b
      end)
      assert.is_truthy(caught.message:find("cannot wait inside table.sort", 1,
        true))
    end)()
  end))

  it("compiles what computes", function()
    local traces = to_thread(function()
      local sum = 0
      for i = 1, 1e5 do sum = sum + i % 7 end
      local count = 0
      for i = 1, 100 do
        if require "jit.util".traceinfo(i) then count = count + 1 end
      end
      return count
    end)
    assert.is_true(traces > 0)
  end)

  it("keeps what was compiled for the next call of the function", function()
    local function job()
      local sum = 0
      for i = 1, 1e4 do sum = sum + i % 7 end
      local count = 0
      while require "jit.util".traceinfo(count + 1) do count = count + 1 end
      return count
    end
    local executor = weft.executor.threads { workers = 1 }
    for _ = 1, 200 do executor:run(job) end
    local before = executor:run(job)
    for _ = 1, 200 do executor:run(job) end
    assert.equal(before, (executor:run(job)))
    executor:shutdown()
  end)

  it("has weft.run in a worker, a runtime of its own [22.1]", function()
    assert.equal(7, (to_thread(function()
      local inner = require "weft"
      return inner.run(function()
        local task = inner.spawn(function()
          inner.sleep(0.001)
          return 7
        end)
        return task:await()
      end)
    end)))
    local err = fails("InvalidStateError", to_thread, function()
      require "weft".sleep(1)
    end)
    assert.is_truthy(err.message:find("needs a runtime", 1, true))
  end)

  it("nests: a worker's runtime has workers of its own", function()
    assert.equal(3, (to_thread(function()
      local inner = require "weft"
      return inner.run(function()
        return (inner.to_thread(function() return 3 end))
      end)
    end)))
  end)

  it("gives no context variable to a worker [15.4]", function()
    local var = weft.context_var("spec", "default")
    var:set "set"
    refuses({ "upvalue 'var'" }, to_thread, function() return var:get() end)
    assert.equal("set", var:get())
  end)

  it("does not let a worker end the program", function()
    local exit = os.exit
    local err = fails("InvalidStateError", to_thread, function() os.exit(3) end)
    assert.is_truthy(err.message:find("cannot end the program", 1, true))
    fails("InvalidStateError", to_thread, function() exit(3) end)
  end)

  it("holds the virtual clock [30.2]", testing.virtual(function()
    local place = gate.new()
    local task = spawn_at(place)
    local sleeper = weft.spawn(weft.sleep, 100)
    gate.await(place)
    for _ = 1, 100 do weft.yield() end
    assert.equal(0, weft.now())
    gate.open(place)
    task:await()
    assert.equal(0, weft.now())
    sleeper:await()
    assert.equal(100, weft.now())
  end))
end)

describe("a cancelled call", function()
  it("that waits for a worker did not happen [24.2]", function()
    local place = gate.new()
    local executor = weft.executor.threads { workers = 1 }
    local first = weft.spawn(executor.run, executor, pass, place)
    gate.await(place)
    local second = weft.spawn(executor.run, executor, pass, place)
    weft.yield()
    assert.equal(1, executor:statistics().queued)
    second:cancel()
    fails("TaskCancelledError", second.await, second)
    assert.equal(0, executor:statistics().queued)
    gate.open(place)
    first:await()
    assert.equal(1, gate.passed(place))
    executor:shutdown()
  end)

  it("that runs is kept: it delivers, Cancelled at next [24.2, 3.8]", function()
    local place = gate.new()
    local result, after
    local task = weft.spawn(function()
      result = to_thread(function(at)
        pass(at)
        return "done"
      end, place)
      after = select(2, pcall(weft.checkpoint))
    end)
    gate.await(place)
    task:cancel()
    for _ = 1, 10 do weft.yield() end
    assert.is_false(task:done())
    gate.open(place)
    task:await()
    assert.equal("done", result)
    assert.is_true(after:is "CancelledError")
  end)

  it("that runs and fails raises its error [24.2]", function()
    local place = gate.new()
    local task = weft.spawn(to_thread, function(at)
      pass(at)
      error "late"
    end, place)
    gate.await(place)
    task:cancel()
    gate.open(place)
    local err = helper.error_of(task.await, task)
    assert.is_truthy(err.message:find "late")
  end)

  it("in cancelled code does not begin [3.2]", function()
    local place = gate.new()
    local task = spawn_at(place)
    task:cancel()
    fails("TaskCancelledError", task.await, task)
    assert.is_false(gate.has_more(place))
  end)

  it("may be abandoned: Cancelled at once, the thread runs on [24.3]",
    function()
      local place = gate.new()
      local task = spawn_at(place, ABANDON)
      gate.await(place)
      task:cancel()
      fails("TaskCancelledError", task.await, task)
      assert.equal(0, gate.passed(place))
      gate.open(place)
      while gate.passed(place) == 0 do weft.yield() end
    end)

  it("that was abandoned keeps its place until it ends [24.3]", function()
    local place = gate.new()
    local executor = weft.executor.threads { workers = 1 }
    local first = weft.spawn(executor.run, executor, ABANDON, pass, place)
    gate.await(place)
    first:cancel()
    fails("TaskCancelledError", first.await, first)
    local second = weft.spawn(executor.run, executor, pass, place)
    for _ = 1, 10 do weft.yield() end
    assert.is_false(gate.has_more(place))
    assert.equal(1, executor:statistics().running)
    gate.open(place)
    gate.await(place)
    gate.open(place)
    second:await()
    executor:shutdown()
  end)

  it("that was abandoned has its error reported [24.3]", function()
    local place = gate.new()
    local task = weft.spawn(to_thread, ABANDON, function(at)
      pass(at)
      error "nobody there"
    end, place)
    gate.await(place)
    task:cancel()
    fails("TaskCancelledError", task.await, task)
    gate.open(place)
    local reports = helper.await_reports()
    assert.equal(1, #reports)
    assert.equal(report.FAILURE, reports[1].kind)
    assert.is_truthy(reports[1].err.message:find "nobody there")
    assert.is_truthy(reports[1].err.traceback:find "in worker")
  end)

  it("times out as any other: kept, or abandoned [24.3, 7.9]", function()
    local place = gate.new()
    local scope
    local returned = weft.spawn(weft.timeout, 60, function(own)
      scope = own
      to_thread(pass, place)
      return "late"
    end)
    gate.await(place)
    scope:reschedule(weft.now())
    for _ = 1, 10 do weft.yield() end
    assert.is_false(returned:done())
    gate.open(place)
    assert.equal("late", (returned:await()))
    local abandoned = weft.spawn(weft.timeout, 60, function(own)
      scope = own
      to_thread(ABANDON, pass, place)
    end)
    gate.await(place)
    scope:reschedule(weft.now())
    fails("TimeoutError", abandoned.await, abandoned)
    gate.open(place)
    while gate.passed(place) < 2 do weft.yield() end
  end)
end)

describe("the pool", function()
  it("has 40 workers, first come, first served [24.4]", function()
    local place = gate.new()
    local tasks = {}
    for i = 1, 42 do tasks[i] = spawn_at(place) end
    gate.await(place, 40)
    for _ = 1, 100 do weft.yield() end
    assert.is_false(gate.has_more(place))
    gate.open(place)
    gate.await(place)
    gate.open(place, 41)
    for _, task in ipairs(tasks) do task:await() end
    assert.equal(42, gate.passed(place))
  end)

  it("being full keeps no look-up of a name waiting [24.4]", function()
    local place = gate.new()
    local tasks = {}
    for i = 1, 41 do tasks[i] = spawn_at(place) end
    gate.await(place, 40)
    local listener = weft.net.listen { host = "127.0.0.1", port = 0 }
    local stream = weft.net.connect {
      host = "localhost", port = listener:port(),
    }
    stream:close()
    listener:close()
    gate.open(place, 41)
    for _, task in ipairs(tasks) do task:await() end
  end)

  it("without its modules says so, and what was looked for", function()
    local path = package.path
    package.path = "/nowhere/?.lua"
    local executor = weft.executor.threads { workers = 1 }
    package.path = path
    for _ = 1, 2 do
      local err = fails("Error", executor.run, executor, print)
      assert.is_truthy(err.message:find("executor:run: no Lua state", 1, true))
      assert.is_truthy(err.message:find("/nowhere/weft/copy.lua", 1, true))
    end
    executor:shutdown()
  end)

  it("is gone when the run has ended [22.2]", testing.plain(function()
    local before = gate.threads()
    run(function()
      for i = 1, 5 do assert.equal(i, (to_thread(math.abs, -i))) end
      weft.map({ 1, 2, 3, 4 }, function(i) return (to_thread(math.abs, i)) end)
      assert.is_true(gate.threads() > before)
    end)()
    assert.equal(before, gate.threads())
    run(function() assert.equal(1, (to_thread(math.abs, -1))) end)()
    assert.equal(before, gate.threads())
  end))

  it("does not grow with the number of calls", function()
    if files.get("/proc/self/maps"):find "libasan" then
      return -- it keeps what is freed
    end
    local function job(t) return t.x end
    local argument = { x = 1, text = ("y"):rep(100) }
    local function calls(count)
      weft.each({ 1, 2, 3, 4 }, function()
        for _ = 1, count / 4 do to_thread(job, argument) end
      end)
      collectgarbage()
      return tonumber(files.get("/proc/self/status"):match "VmRSS:%s*(%d+)")
    end
    calls(4000)
    local before = calls(4000)
    local after = calls(40000)
    assert.is_true(after - before < 4096, after - before .. " KiB more")
  end)
end)

describe("a run that ends", function()
  local place

  before_each(function() place = gate.make() end)
  after_each(function() gate.free(place) end)

  it("waits for threads whose tasks wait [22.2]", testing.plain(function()
    weft.run(function()
      spawn_at(place)
      gate.await(place)
      gate.open(place)
    end)
    assert.equal(1, gate.passed(place))
  end))

  it("waits for abandoned ones [22.6]", testing.plain(function()
    local before = gate.threads()
    weft.run(function()
      local task = spawn_at(place, ABANDON)
      gate.await(place)
      task:cancel()
      fails("TaskCancelledError", task.await, task)
      gate.open(place)
    end)
    assert.equal(1, gate.passed(place))
    assert.equal(before, gate.threads())
  end))

  it("names the one that does not end in 5 s [22.6] #slow", function()
    local path = program.file [[
      local weft = require "weft"
      local task = weft.spawn("stuck", weft.to_thread,
        { abandon_on_cancel = true }, function()
          require("ffi").cdef "int pause(void);"
          while true do require("ffi").C.pause() end
        end)
      weft.sleep(0.3) -- it has begun, on a busy machine too
      task:cancel()
    ]]
    local result = program.run { path }
    os.remove(path)
    assert.equal(0, result.status)
    assert.is_truthy(result.err:find("a job in a thread would not end", 1,
      true))
    assert.is_truthy(result.err:find("the function at " .. path .. ":3 still "
      .. "runs, 5 s after all else has ended", 1, true))
  end)
end)
