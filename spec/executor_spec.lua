-- weft.executor.threads.
local weft = require "weft"
local testing = require "weft.testing"
local gate = require "spec.gate"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses
local threads = weft.executor.threads

local pass = gate.pass

describe("executor.threads", function()
  it("refuses options it does not know, and bad values", function()
    refuses({ "executor.threads(opts)", "no option 'worker'",
      "queue and workers" }, threads, { worker = 1 })
    refuses({ "workers must be a whole number of at least 1" }, threads,
      { workers = 0 })
    refuses({ "workers must be" }, threads, { workers = 1.5 })
    refuses({ "queue must be a whole number of at least 0" }, threads,
      { queue = -1 })
    refuses({ "opts must be a table" }, threads, 4)
  end)

  it("needs a runtime", testing.plain(function()
    local err = fails("InvalidStateError", threads)
    assert.is_truthy(err.message:find("weft.executor.threads needs", 1, true))
  end))

  it("has one worker for each processor, if nothing is said", function()
    local executor = threads()
    assert.is_true(executor:statistics().workers >= 1)
    assert.equal(0, executor:statistics().threads)
    executor:shutdown()
  end)

  it("keeps its workers warm", function()
    local executor = threads { workers = 1 }
    local function count()
      spec_count = (spec_count or 0) + 1 -- luacheck: ignore
      return spec_count -- luacheck: ignore
    end
    for i = 1, 5 do assert.equal(i, (executor:run(count))) end
    assert.equal(1, executor:statistics().threads)
    executor:shutdown()
  end)
end)

describe("executor:run", function()
  it("gives results and raises errors as to_thread does [24.5]", function()
    local executor = threads { workers = 2 }
    assert.same({ 1, nil, 3 }, { executor:run(function(...) return ... end, 1,
      nil, 3) })
    local err = helper.error_of(executor.run, executor,
      function() error "oops" end)
    assert.is_truthy(err.message:find "oops")
    refuses({ "executor:run", "fn must be a function" }, executor.run, executor,
      "fn")
    refuses({ "executor:run: argument 1 is a weft.Executor" }, executor.run,
      executor, print, executor)
    executor:shutdown()
  end)

  it("waits for room when the queue is full, in order", function()
    local place = gate.new()
    local executor = threads { workers = 1, queue = 1 }
    local order, tasks = {}, {}
    for i = 1, 4 do
      tasks[i] = weft.spawn(function()
        executor:run(pass, place)
        order[#order + 1] = i
      end)
    end
    gate.await(place)
    local numbers = executor:statistics()
    assert.equal(1, numbers.running)
    assert.equal(1, numbers.queued)
    assert.equal(2, numbers.waiting)
    gate.open(place, 4)
    for _, task in ipairs(tasks) do task:await() end
    assert.same({ 1, 2, 3, 4 }, order)
    assert.equal(4, executor:statistics().completed)
    executor:shutdown()
  end)

  it("cancelled while it waits for room, takes none [3.5]", function()
    local place = gate.new()
    local executor = threads { workers = 1, queue = 0 }
    local first = executor:submit(pass, place)
    gate.await(place)
    local second = weft.spawn(executor.run, executor, pass, place)
    weft.yield()
    assert.equal(1, executor:statistics().waiting)
    second:cancel()
    fails("TaskCancelledError", second.await, second)
    gate.open(place)
    first:await()
    assert.equal(5, (executor:run(math.abs, -5)))
    executor:shutdown()
  end)
end)

describe("executor:submit", function()
  it("returns a task at once", function()
    local executor = threads { workers = 1 }
    local task = executor:submit(function(a) return a * 2, "more" end, 21)
    assert.is_false(task:done())
    assert.same({ 42, "more" }, { task:await() })
    executor:shutdown()
  end)

  it("takes arguments as they are when it is called", function()
    local executor = threads { workers = 1 }
    local argument = { 1 }
    local task = executor:submit(function(t) return t[1] end, argument)
    argument[1] = 2
    assert.equal(1, (task:await()))
    executor:shutdown()
  end)

  it("refuses at once what cannot be copied [24.1]", function()
    local executor = threads { workers = 1 }
    refuses({ "executor:submit: argument 1 is a weft.Queue" }, executor.submit,
      executor, print, weft.queue())
    executor:shutdown()
  end)

  it("waits while the queue is full; try_submit raises QueueFull", function()
    local place = gate.new()
    local executor = threads { workers = 1, queue = 1 }
    local first = executor:submit(pass, place)
    local second = executor:submit(pass, place)
    gate.await(place)
    local err = fails("QueueFull", executor.try_submit, executor, print)
    assert.is_truthy(err.message:find("submit waits for room", 1, true))
    local third
    local submitter = weft.spawn(function()
      third = executor:submit(pass, place)
    end)
    for _ = 1, 5 do weft.yield() end
    assert.is_false(submitter:done())
    gate.open(place)
    submitter:await()
    gate.open(place, 2)
    first:await()
    second:await()
    third:await()
    assert.equal(3, (executor:try_submit(math.abs, -3):await()))
    executor:shutdown()
  end)

  it("has a task that takes back a call not begun [24.2]", function()
    local place = gate.new()
    local executor = threads { workers = 1 }
    local first = executor:submit(pass, place)
    gate.await(place)
    local second = executor:submit(pass, place)
    weft.yield()
    assert.is_true(second:cancel())
    fails("TaskCancelledError", second.await, second)
    gate.open(place)
    first:await()
    assert.equal(1, gate.passed(place))
    executor:shutdown()
  end)

  it("is a cancellation point, which then brought nothing [3.2]", function()
    local executor = threads { workers = 1 }
    weft.move_on_after(0, function() executor:submit(print, "never") end)
    assert.equal(0, executor:statistics().completed)
    executor:shutdown()
  end)

  it("reports a failure that nobody asks for [4.12]", function()
    local executor = threads { workers = 1 }
    executor:submit(function() error "unseen" end)
    executor:shutdown()
    local reports = helper.await_reports()
    assert.is_truthy(reports[1].err.message:find "unseen")
  end)
end)

describe("executor:map", function()
  it("gives the results in order", function()
    local executor = threads { workers = 2 }
    local items = {}
    for i = 1, 50 do items[i] = i end
    local results = executor:map(items, function(i) return i * i end)
    assert.equal(50, results.n)
    for i = 1, 50 do assert.equal(i * i, results[i]) end
    assert.same({ n = 0 }, executor:map({}, print))
    executor:shutdown()
  end)

  it("draws on an iterator only as places come free", function()
    local executor = threads { workers = 1 }
    local drawn = 0
    local function draw()
      if drawn == 20 then return nil end
      drawn = drawn + 1
      return drawn
    end
    local most = 0
    local results = executor:map(draw, function(i) return i end, { limit = 2 })
    most = math.max(most, drawn)
    assert.equal(20, results.n)
    assert.equal(20, most)
    executor:shutdown()
  end)

  it("raises the first failure; error objects may stand in the list", function()
    local executor = threads { workers = 2 }
    local function odd_fails(i)
      if i % 2 == 1 then error("odd " .. i, 0) end
      return i
    end
    local err = helper.error_of(executor.map, executor, { 1, 2 }, odd_fails)
    assert.equal("odd 1", err.message)
    local results = executor:map({ 1, 2 }, odd_fails,
      { return_errors = true })
    assert.is_true(results[1]:is "Error")
    assert.equal(2, results[2])
    refuses({ "executor:map(items, fn): fn" }, executor.map, executor, {}, 1)
    executor:shutdown()
  end)
end)

describe("executor:shutdown", function()
  it("waits for calls and threads, then refuses [3.10]", function()
    local place = gate.new()
    local before = gate.threads()
    local executor = threads { workers = 1 }
    local first = executor:submit(pass, place)
    local second = executor:submit(pass, place)
    gate.await(place)
    local ender = weft.spawn(executor.shutdown, executor)
    weft.yield()
    local err = fails("ClosedError", executor.run, executor, print)
    assert.is_truthy(err.message:find("executor:run: the executor is shut "
      .. "down", 1, true))
    fails("ClosedError", executor.submit, executor, print)
    fails("ClosedError", executor.try_submit, executor, print)
    assert.is_false(ender:done())
    gate.open(place, 2)
    ender:await()
    assert.is_true(first:done() and second:done())
    assert.equal(before, gate.threads())
    executor:shutdown()
  end)

  it("with cancel refuses what has not begun", function()
    local place = gate.new()
    local executor = threads { workers = 1 }
    local first = executor:submit(pass, place)
    gate.await(place)
    local second = executor:submit(pass, place)
    weft.yield()
    local ender = weft.spawn(executor.shutdown, executor, { cancel = true })
    fails("ClosedError", second.await, second)
    assert.is_false(ender:done())
    gate.open(place)
    ender:await()
    first:await()
    assert.equal(1, gate.passed(place))
  end)

  it("need not wait", function()
    local place = gate.new()
    local executor = threads { workers = 1 }
    local first = executor:submit(pass, place)
    gate.await(place)
    executor:shutdown { wait = false }
    assert.is_false(first:done())
    gate.open(place)
    first:await()
  end)

  it("wakes who waits for room with ClosedError [3.10]", function()
    local place = gate.new()
    local executor = threads { workers = 1, queue = 0 }
    local first = executor:submit(pass, place)
    gate.await(place)
    local second = weft.spawn(executor.run, executor, pass, place)
    weft.yield()
    executor:shutdown { wait = false }
    local err = fails("ClosedError", second.await, second)
    assert.is_truthy(err.message:find("the executor is shut down", 1, true))
    gate.open(place)
    first:await()
  end)

  it("cancelled, leaves the executor shut down", function()
    local place = gate.new()
    local executor = threads { workers = 1 }
    local first = executor:submit(pass, place)
    gate.await(place)
    weft.move_on_after(0, function() executor:shutdown() end)
    fails("ClosedError", executor.run, executor, print)
    gate.open(place)
    executor:shutdown()
    assert.is_true(first:done())
  end)

  it("is what leaving a with does", function()
    local before = gate.threads()
    local task
    weft.with(threads { workers = 2 }, function(executor)
      task = executor:submit(math.abs, -4)
    end)
    assert.equal(4, (task:result()))
    assert.equal(before, gate.threads())
  end)

  it("is what the end of a run does [22.2]", testing.plain(function()
    local before = gate.threads()
    weft.run(function() threads({ workers = 2 }):run(math.abs, -4) end)
    assert.equal(before, gate.threads())
  end))

  it("of another run's executor is over", testing.plain(function()
    local old
    for _, queue in ipairs { math.huge, 1 } do
      weft.run(function() old = threads { workers = 1, queue = queue } end)
      weft.run(function()
        local err = fails("ClosedError", old.run, old, print)
        assert.equal("executor:run: the executor is shut down", err.message)
        fails("ClosedError", old.try_submit, old, print)
        assert.equal(0, old:statistics().waiting)
        old:shutdown()
      end)
    end
  end))

  it("refuses unknown options", function()
    local executor = threads { workers = 1 }
    refuses({ "executor:shutdown(opts)", "cancel and wait" }, executor.shutdown,
      executor, { now = true })
    executor:shutdown()
  end)
end)

describe("two workers", function()
  it("compute at the same time", function()
    -- Each waits for the other while it computes: one after the other would
    -- never end.
    local ffi = require "ffi"
    local flags = ffi.new "volatile int[2]"
    local address = tonumber(ffi.cast("intptr_t", flags))
    local function meet(at, own)
      require "jit".off() -- it would look only once
      local shared = require "ffi".cast("volatile int *", at)
      shared[own] = 1
      while shared[1 - own] == 0 do end
      return own
    end
    local executor = threads { workers = 2 }
    assert.same({ 0, 1, n = 2 }, weft.gather {
      function() return (executor:run(meet, address, 0)) end,
      function() return (executor:run(meet, address, 1)) end,
    })
    executor:shutdown()
  end)
end)
