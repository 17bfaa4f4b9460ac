-- Queues: items from those who put to those who get, in order. What the other
-- kinds of queues share with this one is in queue_kinds_spec.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local virtual = testing.virtual
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local settle = helper.settle

-- A queue that holds these items, of that size.
local function queue_of(max, ...)
  local queue = weft.queue(max)
  for _, item in ipairs { ... } do queue:try_put(item) end
  return queue
end

-- Spawns fn(...), which parks.
local function parked(fn, ...)
  local task = weft.spawn(fn, ...)
  weft.yield()
  assert.is_false(task:done())
  return task
end

-- -- Putting and getting -----------------------------------------------------

describe("a queue", function()
  it("gives items in the order in which they were put [20.1]", function()
    local queue = weft.queue()
    for i = 1, 5 do queue:put(i) end
    local got = {}
    for i = 1, 5 do got[i] = queue:get() end
    assert.same({ 1, 2, 3, 4, 5 }, got)
  end)

  it("takes any value but nil, false too [20.1]", function()
    local queue, item = weft.queue(), {}
    queue:put(false)
    queue:put(item)
    assert.equal(false, queue:get())
    assert.equal(item, queue:get())
  end)

  for _, max in ipairs { 0, -1, -math.huge, math.huge } do
    it("is unbounded with a max of " .. max .. " [20.1]", function()
      local queue = weft.queue(max)
      for i = 1, 300 do queue:try_put(i) end
      assert.is_false(queue:full())
      assert.equal(0, queue:maxsize())
      assert.equal(300, queue:size())
    end)
  end

  it("is unbounded without a max [20.1]", function()
    local queue = weft.queue()
    for i = 1, 300 do queue:put(i) end
    assert.equal(300, queue:size())
  end)

  it("knows its size, and whether it is empty or full", function()
    local queue = weft.queue(2)
    assert.same({ 0, true, false, 2 },
      { queue:size(), queue:empty(), queue:full(), queue:maxsize() })
    queue:put(1)
    assert.same({ 1, false, false },
      { queue:size(), queue:empty(), queue:full() })
    queue:put(2)
    assert.same({ 2, false, true },
      { queue:size(), queue:empty(), queue:full() })
  end)

  it("refuses a max that is no number", function()
    refuses({ "queue", "max", "number", "string" }, weft.queue, "5")
    refuses({ "max", "NaN" }, weft.queue, 0 / 0)
  end)

  it("refuses nil as an item", function()
    local queue = weft.queue()
    refuses({ "put", "nil" }, queue.put, queue)
    refuses({ "put", "nil" }, queue.try_put, queue)
    assert.equal(0, queue:size())
  end)

  it("needs a runtime [1.11]", testing.plain(function()
    fails("InvalidStateError", weft.queue)
  end))
end)

describe("queue:get", function()
  it("parks while the queue is empty [20.1]", function()
    local queue = weft.queue()
    weft.call_later(3, function() queue:try_put "x" end)
    assert.equal("x", queue:get())
    assert.equal(3, weft.now())
  end)

  it("gets an item straight from a put, the first who waits first "
    .. "[20.1, 3.6]", function()
    local queue, log = weft.queue(), {}
    for i = 1, 3 do
      parked(function()
        local item = queue:get()
        log[#log + 1] = i .. item
      end)
    end
    for _, item in ipairs { "a", "b", "c" } do
      queue:put(item)
      assert.equal(0, queue:size())
    end
    settle()
    assert.same({ "1a", "2b", "3c" }, log)
  end)

  it("does not let a newcomer pass: the item is the waiter's at the wake [3.6]",
    function()
      local queue, got = weft.queue(), nil
      parked(function() got = queue:get() end)
      queue:put "x"
      fails("QueueEmpty", queue.try_get, queue)
      settle()
      assert.equal("x", got)
    end)

  it("cancelled took nothing: the item is for the next [3.5]", function()
    local queue, got = weft.queue(), nil
    local first = parked(function() queue:get() end)
    parked(function() got = queue:get() end)
    first:cancel()
    queue:put "x"
    settle()
    assert.equal("x", got)
    assert.equal(0, queue:size())
  end)

  it("timed out leaves no place in the queue behind [3.5]", function()
    local queue = weft.queue()
    for _ = 1, 3 do
      assert.is_true(weft.move_on_after(1, function()
        queue:get()
      end):cancelled_caught())
    end
    queue:put "x"
    assert.equal("x", queue:get())
  end)

  it("that has its item delivers though its task is cancelled [3.4]", function()
    local queue, got = weft.queue(), nil
    local task = parked(function() got = queue:get() end)
    queue:put "x"
    task:cancel()
    settle()
    assert.equal("x", got)
  end)
end)

describe("queue:put", function()
  it("parks while the queue is full [20.1]", function()
    local queue = queue_of(1, "a")
    weft.call_later(3, function() queue:try_get() end)
    queue:put "b"
    assert.equal(3, weft.now())
    assert.equal("b", queue:get())
  end)

  it("has its item stored when a place comes free, the first who waits first "
    .. "[20.1, 3.6]", function()
    local queue = queue_of(1, "a")
    for _, item in ipairs { "b", "c" } do
      parked(function() queue:put(item) end)
    end
    local got = {}
    for i = 1, 3 do
      got[i] = queue:get()
      assert.equal(i < 3, queue:full())
    end
    assert.same({ "a", "b", "c" }, got)
    settle()
  end)

  it("does not let a newcomer pass those who wait [3.6]", function()
    local queue = queue_of(1, "a")
    parked(function() queue:put "b" end)
    queue:try_get()
    fails("QueueFull", queue.try_put, queue, "c")
    assert.equal("b", queue:get())
    settle()
  end)

  it("cancelled put nothing [3.5]", function()
    local queue = queue_of(1, "a")
    local task = parked(function() queue:put "b" end)
    task:cancel()
    settle()
    assert.equal("a", queue:get())
    assert.is_true(queue:empty())
  end)

  it("finds room where only a cancelled one stood before it [3.5, 3.3]",
    function()
      local queue = queue_of(1, "a")
      local gone = parked(function() queue:put "gone" end)
      gone:cancel() -- it has not run yet
      assert.equal("a", queue:get())
      local putter = weft.spawn(function() queue:put "b" end)
      assert.equal("b", queue:get())
      settle()
      assert.is_true(putter:done())
    end)

  it("does so at once in the turn of the cancellation [3.5, 3.9]", function()
    local queue = queue_of(1, "a")
    local gone = parked(function() queue:put "gone" end)
    gone:cancel()
    queue:get()
    queue:try_put "b"
    assert.equal("b", queue:try_get())
    queue:put "c"
    assert.equal("c", queue:try_get())
    settle()
  end)

  it("that was served delivers though its task is cancelled [3.4]", function()
    local queue, next_point = queue_of(1, "a"), nil
    local task = parked(function()
      queue:put "b"
      next_point = error_of(weft.checkpoint)
    end)
    queue:get()
    task:cancel()
    settle()
    assert.equal("b", queue:get())
    assert.is_true(next_point:is "CancelledError")
  end)
end)

describe("queue:try_put and queue:try_get", function()
  it("raise QueueFull and QueueEmpty [20.2]", function()
    local queue = weft.queue(1)
    fails("QueueEmpty", queue.try_get, queue)
    queue:try_put(1)
    local err = fails("QueueFull", queue.try_put, queue, 2)
    assert.is_truthy(err.message:find("1", 1, true))
    assert.equal(1, queue:try_get())
  end)

  it("are no cancellation points [3.9]", function()
    local queue = weft.queue(1)
    weft.move_on_after(0, function()
      queue:try_put(1)
      assert.equal(1, queue:try_get())
    end)
  end)

  it("work outside a task [3.9]", function()
    local queue = weft.queue()
    weft.call_soon(function() queue:try_put "x" end)
    assert.equal("x", queue:get())
  end)
end)

-- -- join --------------------------------------------------------------------

describe("queue:join", function()
  it("waits until every item put is done [20.4]", function()
    local queue = queue_of(nil, 1, 2)
    weft.spawn(function()
      for _ = 1, 2 do
        queue:get()
        weft.sleep(1)
        queue:task_done()
      end
    end)
    queue:join()
    assert.equal(2, weft.now())
  end)

  it("returns at once where nothing is unfinished [20.4]", function()
    weft.queue():join()
    assert.equal(0, weft.now())
  end)

  it("once completed stays so though items come before it runs [20.4]",
    function()
      local queue, joined = queue_of(nil, 1), false
      parked(function()
        queue:join()
        joined = true
      end)
      queue:get()
      queue:task_done()
      queue:put(2)
      settle()
      assert.is_true(joined)
    end)

  it("completes for all who wait [20.4]", function()
    local queue, joined = queue_of(nil, 1), 0
    for _ = 1, 3 do
      parked(function()
        queue:join()
        joined = joined + 1
      end)
    end
    queue:get()
    queue:task_done()
    settle()
    assert.equal(3, joined)
  end)

  it("counts an item handed to a getter that waited [20.4]", function()
    local queue = weft.queue()
    parked(function() queue:get() end)
    queue:put(1)
    local joined = parked(function() queue:join() end)
    queue:task_done()
    settle()
    assert.is_true(joined:done())
  end)
end)

describe("queue:task_done", function()
  it("counts for an item that is dropped later [20.4, 20.5]", function()
    local queue = weft.queue()
    queue:put "a"
    queue:put "b"
    queue:task_done()
    queue:shutdown(true)
    queue:join()
    fails("InvalidStateError", queue.task_done, queue)
  end)

  it("called more often than items were put is an InvalidStateError [20.4]",
    function()
      local queue = queue_of(nil, 1)
      queue:task_done()
      fails("InvalidStateError", queue.task_done, queue)
    end)
end)

-- -- shutdown ----------------------------------------------------------------

describe("queue:shutdown", function()
  it("makes put raise QueueShutDown, its item not taken [20.5, 20.2]",
    function()
      local queue = weft.queue()
      queue:shutdown()
      fails("QueueShutDown", queue.put, queue, 1)
      fails("QueueShutDown", queue.try_put, queue, 1)
      assert.equal(0, queue:size())
    end)

  it("makes those who wait to put raise QueueShutDown [20.5, 3.10]", function()
    local queue, err = queue_of(1, "a"), nil
    parked(function() err = error_of(queue.put, queue, "b") end)
    queue:shutdown()
    settle()
    assert.is_true(err:is "QueueShutDown" and err:is "ClosedError")
    assert.equal("a", queue:get())
    fails("QueueShutDown", queue.get, queue)
  end)

  it("lets get drain the queue, then raise [20.5, 20.2]", function()
    local queue = queue_of(nil, 1, 2, 3)
    queue:shutdown()
    assert.equal(1, queue:get())
    assert.equal(2, queue:try_get())
    assert.equal(3, queue:get())
    fails("QueueShutDown", queue.get, queue)
    fails("QueueShutDown", queue.try_get, queue)
  end)

  it("makes those who wait to get raise QueueShutDown, in order "
    .. "[20.5, 3.10]", function()
    local queue, log = weft.queue(), {}
    for i = 1, 3 do
      parked(function()
        local err = error_of(queue.get, queue)
        log[#log + 1] = i .. err.name
      end)
    end
    queue:shutdown()
    settle()
    assert.same({ "1QueueShutDown", "2QueueShutDown", "3QueueShutDown" }, log)
  end)

  it("leaves an item that was handed over delivered [3.10]", function()
    local queue, got = weft.queue(), nil
    parked(function() got = queue:get() end)
    queue:put "x"
    queue:shutdown(true)
    settle()
    assert.equal("x", got)
  end)

  it("immediate drops what is stored, which counts as done [20.5]", function()
    local queue = queue_of(nil, 1, 2)
    local joined = parked(function() queue:join() end)
    queue:shutdown(true)
    settle()
    assert.is_true(joined:done())
    assert.equal(0, queue:size())
    fails("QueueShutDown", queue.get, queue)
  end)

  it("immediate still needs task_done for what was taken [20.5]", function()
    local queue = queue_of(nil, 1, 2)
    queue:get()
    local joined = parked(function() queue:join() end)
    queue:shutdown(true)
    settle()
    assert.is_false(joined:done())
    queue:task_done()
    settle()
    assert.is_true(joined:done())
  end)

  it("immediate may come after one that was not [20.5]", function()
    local queue = queue_of(nil, 1, 2)
    queue:shutdown()
    queue:shutdown(true)
    fails("QueueShutDown", queue.get, queue)
  end)

  it("may be called twice: nothing happens [3.10]", function()
    local queue = queue_of(nil, 1)
    queue:shutdown()
    queue:shutdown()
    assert.equal(1, queue:get())
  end)

  it("raises Cancelled, not QueueShutDown, in cancelled code [3.1]", function()
    local queue = weft.queue()
    queue:shutdown()
    weft.move_on_after(0, function()
      fails("CancelledError", queue.get, queue)
      fails("CancelledError", queue.put, queue, 1)
    end)
  end)
end)

describe("queue:items", function()
  it("gets until shut down and drained, then ends without error [20.6]",
    function()
      local queue, got = queue_of(nil, 1, 2), {}
      local task = weft.spawn(function()
        for item in queue:items() do got[#got + 1] = item end
        return "ended"
      end)
      settle()
      queue:put(3)
      queue:shutdown()
      assert.equal("ended", task:await())
      assert.same({ 1, 2, 3 }, got)
    end)

  it("gives false as an item and goes on [20.6]", function()
    local queue, got = queue_of(nil, false, 1), {}
    queue:shutdown()
    for item in queue:items() do got[#got + 1] = item end
    assert.same({ false, 1 }, got)
  end)

  it("does not call task_done [20.6]", function()
    local queue = queue_of(nil, 1)
    queue:shutdown()
    for _ in queue:items() do weft.checkpoint() end
    queue:task_done()
    queue:join()
  end)

  it("passes Cancelled on [20.6, 3.2]", function()
    local queue = weft.queue()
    local scope = weft.move_on_after(1, function()
      for _ in queue:items() do error "an item" end
      error "not reached"
    end)
    assert.is_true(scope:cancelled_caught())
  end)

  it("is a cancellation point also at its end [3.2]", function()
    local queue = weft.queue()
    queue:shutdown()
    weft.move_on_after(0, function()
      fails("CancelledError", queue:items(), queue)
    end)
  end)
end)

-- -- Looking -----------------------------------------------------------------

describe("queue:statistics", function()
  it("tells what is there and who waits", function()
    local queue = queue_of(2, "a", "b")
    local putters = { parked(queue.put, queue, "c"),
      parked(queue.put, queue, "d"), parked(queue.put, queue, "e") }
    parked(queue.join, queue)
    assert.same({
      size = 2, maxsize = 2, unfinished = 2,
      getters = 0, putters = 3, joiners = 1,
    }, queue:statistics())
    putters[2]:cancel() -- gone at once, before it runs
    assert.equal(2, queue:statistics().putters)
    queue:shutdown(true)
    settle()
    assert.same({
      size = 0, maxsize = 2, unfinished = 0,
      getters = 0, putters = 0, joiners = 0,
    }, queue:statistics())
    for i = 1, 3 do error_of(putters[i].result, putters[i]) end
  end)

  it("counts getters, and says 0 where there is no max", function()
    local queue = weft.queue()
    local task = parked(queue.get, queue)
    assert.equal(1, queue:statistics().getters)
    assert.equal(0, queue:statistics().maxsize)
    task:cancel()
    weft.yield()
  end)
end)

describe("what a queue raises", function()
  it("says which call it was, and what would be right", function()
    local queue = queue_of(3, 1, 2, 3)
    assert.equal("queue:try_put: the queue holds 3 items already, its max; put "
      .. "waits for room", fails("QueueFull", queue.try_put, queue, 4).message)
    refuses({ "queue:put(v)", "nil" }, queue.put, queue)
    queue:shutdown(true)
    assert.equal("queue:get: the queue is shut down and empty",
      fails("QueueShutDown", queue.get, queue).message)
    assert.equal("queue:try_put: the queue is shut down",
      fails("QueueShutDown", queue.try_put, queue, 4).message)
    assert.is_truthy(fails("QueueEmpty", weft.queue().try_get, weft.queue())
      .message:find("queue:try_get: the queue is empty", 1, true))
    assert.is_truthy(fails("InvalidStateError", queue.task_done, queue).message
      :find("queue:task_done", 1, true))
  end)

  for _, kind in ipairs { "lifo_queue", "priority_queue" } do
    it("has the word for a " .. kind, function()
      local queue = weft[kind](1)
      refuses({ kind .. "(max)", "number", "string" }, weft[kind], "5")
      refuses({ kind .. ":put(v)", "nil" }, queue.put, queue)
      assert.is_truthy(fails("QueueEmpty", queue.try_get, queue).message
        :find(kind .. ":try_get", 1, true))
      queue:shutdown()
      assert.is_truthy(fails("QueueShutDown", queue.get, queue).message
        :find(kind .. ":get", 1, true))
    end)
  end

  it("names the call that cannot park, and changes nothing [13.3]", function()
    local queue = queue_of(1, "a")
    local err
    table.sort({ 1, 2 }, function()
      err = error_of(queue.put, queue, "b")
      return false
    end)
    assert.is_true(err:is "InvalidStateError")
    assert.is_truthy(err.message:find("queue:put", 1, true))
    table.sort({ 1, 2 }, function()
      err = error_of(queue.join, queue)
      return false
    end)
    assert.is_truthy(err.message:find("queue:join", 1, true))
    assert.same({ 0, 0 }, { queue.putters.count, queue.joiners.count })
    assert.equal("a", queue:get())
    queue:put "c" -- the one that could not park counts for nothing
    assert.equal("c", queue:try_get())
  end)

  it("says that the queue is of a run that has ended", testing.plain(function()
    local queue
    virtual(function() queue = weft.queue(1) end)()
    virtual(function()
      assert.is_truthy(fails("ClosedError", queue.get, queue).message
        :find("queue:get: the queue is of a run that has ended", 1, true))
      queue:put "a"
      assert.is_truthy(fails("ClosedError", queue.put, queue, "b").message
        :find("queue:put: the queue is of a run that has ended", 1, true))
      assert.equal("a", queue:get())
    end)()
  end))
end)
