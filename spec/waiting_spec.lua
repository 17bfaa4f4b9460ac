-- Every call that waits, in its five cases (ready, parked then woken,
-- cancelled, timed out, closed), and completed and cancelled in one turn, in
-- both orders: what was brought is delivered once, or is still there.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

testing.options { virtual = true }

local function settle()
  for _ = 1, 5 do weft.yield() end
end

-- What a for loop gets first.
local function first_of(next_item, state) return next_item(state) end

-- -- The calls ----------------------------------------------------------------
-- A row makes a table:
--   call()    waits; returns `value`
--   bring()   completes one such wait, or makes the next call ready
--   bring_then(fn)  completes the wait, then calls fn, in one turn; by default
--             one after the other; false: weft does that over several turns
--   is_left() whether what was brought is there for a later call
--   keeps     what was brought is there for all, also after it was delivered
--   takes     to ask is_left takes it
--   not_ready  a call before which something was brought waits all the same
--   is_slow   the call lets others run even if it is ready
--   close()   ends the wait, by an error of the class `closed` if given
--   done()    gives back what the test has left
-- Left out is what a call has no use for.

local rows = {}

rows["event:wait"] = function()
  local event = weft.event()
  return {
    call = function() return event:wait() end, value = true,
    bring = function() event:set() end,
    is_left = function() return event:is_set() end, keeps = true,
    close = function() event:close() end, closed = "ClosedError",
  }
end

rows["semaphore:acquire"] = function()
  local semaphore = weft.semaphore(0)
  return {
    call = function() return semaphore:acquire() end,
    bring = function() semaphore:release() end,
    is_left = function() return semaphore:value() == 1 end,
    close = function() semaphore:close() end, closed = "ClosedError",
  }
end

rows["semaphore:with"] = function()
  local semaphore = weft.semaphore(0)
  return {
    call = function() return semaphore:with(function() return "in" end) end,
    value = "in",
    bring = function() semaphore:release() end,
    is_left = function() return semaphore:value() == 1 end, keeps = true,
    close = function() semaphore:close() end, closed = "ClosedError",
  }
end

-- A row for a call with a lock that the test has, and releases.
local function lock_row(value, call)
  return function()
    local lock = weft.lock()
    lock:acquire()
    return {
      call = function() return call(lock) end, value = value,
      bring = function() lock:release() end,
      is_left = function() return not lock:locked() end, keeps = true,
      close = function() lock:close() end, closed = "ClosedError",
    }
  end
end

rows["lock:acquire"] = lock_row(nil, function(lock)
  lock:acquire()
  lock:release()
end)

rows["lock:with"] = lock_row("in", function(lock)
  return lock:with(function() return "in" end)
end)

rows["limiter:acquire"] = function()
  local limiter = weft.limiter(0)
  return {
    call = function()
      limiter:acquire()
      limiter:release()
    end,
    bring = function() limiter:set_total(1) end,
    is_left = function()
      local is = limiter:statistics()
      return is.available == 1 and is.waiting == 0
    end, keeps = true,
    close = function() limiter:close() end, closed = "ClosedError",
  }
end

-- The callback is set first, so it runs before the task that is woken with it.
rows["rate_limiter:acquire"] = function()
  local limiter, at_ten = weft.rate_limiter(1, 10), nil
  assert.is_true(limiter:try_acquire())
  weft.call_at(10, function() if at_ten then at_ten() end end)
  return {
    call = function() return limiter:acquire() end,
    bring = function() weft.sleep_until(10) end,
    bring_then = function(fn)
      at_ten = fn
      weft.sleep_until(10)
    end,
    is_left = function() return limiter:try_acquire() end, takes = true,
  }
end

-- A notification wakes those who wait, and is kept for nobody.
rows["condition:wait"] = function()
  local condition = weft.condition()
  return {
    call = function()
      return condition:with(function() return condition:wait() end)
    end,
    value = true,
    bring = function()
      condition:with(function() condition:notify() end)
    end,
    is_left = function() return not condition:locked() end,
    keeps = true, not_ready = true,
    close = function() condition:close() end, closed = "ClosedError",
  }
end

rows["condition:wait_for"] = function()
  local condition, is_true = weft.condition(), false
  return {
    call = function()
      return condition:with(function()
        return condition:wait_for(function() return is_true end)
      end)
    end,
    value = true,
    bring = function()
      is_true = true
      condition:with(function() condition:notify() end)
    end,
    is_left = function() return not condition:locked() end, keeps = true,
    close = function() condition:close() end, closed = "ClosedError",
  }
end

-- What is brought is the other party, which waits if it comes first.
rows["barrier:wait"] = function()
  local barrier = weft.barrier(2)
  return {
    call = function() return barrier:wait() ~= nil end, value = true,
    bring = function()
      if barrier:n_waiting() == 1 then return barrier:wait() end
      weft.spawn(function() pcall(barrier.wait, barrier) end)
      settle()
    end,
    is_left = function() return barrier:n_waiting() == 1 end,
    close = function() barrier:abort() end, closed = "BrokenBarrierError",
    done = function() barrier:abort() end,
  }
end

-- The getting end of a queue made by weft[make].
local function getting(make)
  return function()
    local queue = weft[make]()
    return {
      call = function() return queue:get() end, value = "item",
      bring = function() queue:put "item" end,
      is_left = function() return queue:size() == 1 end,
      close = function() queue:shutdown() end, closed = "QueueShutDown",
    }
  end
end

-- The putting end: what is brought is a free place.
local function putting(make)
  return function()
    local queue = weft[make](1)
    queue:put "first"
    return {
      call = function() return queue:put "second" end,
      bring = function() queue:get() end,
      is_left = function() return queue:empty() end,
      close = function() queue:shutdown() end, closed = "QueueShutDown",
    }
  end
end

for _, make in ipairs { "queue", "lifo_queue", "priority_queue" } do
  rows[make .. ":get"] = getting(make)
  rows[make .. ":put"] = putting(make)
end

rows["queue:join"] = function()
  local queue = weft.queue()
  queue:put(1)
  return {
    call = function() return queue:join() end,
    bring = function() queue:task_done() end,
    is_left = function() return true end, keeps = true,
  }
end

-- A loop ends without an error when the queue is shut down.
rows["queue:items"] = function()
  local queue = weft.queue()
  return {
    call = function() return first_of(queue:items()) end,
    value = "item",
    bring = function() queue:put "item" end,
    is_left = function() return queue:size() == 1 end,
    close = function() queue:shutdown() end,
  }
end

-- A channel's row; both ends are closed when the test is over.
local function channel_row(capacity, row)
  return function()
    local sender, receiver = weft.channel(capacity)
    local made = row(sender, receiver)
    function made.done()
      sender:close()
      receiver:close()
    end
    return made
  end
end

rows["sender:send"] = channel_row(1, function(sender, receiver)
  sender:send "first"
  return {
    call = function() return sender:send "second" end,
    bring = function() receiver:receive() end,
    is_left = function() return sender:statistics().size == 0 end,
    close = function() receiver:close() end, closed = "ClosedError",
  }
end)

rows["sender:send to a rendezvous"] = channel_row(0, function(sender, receiver)
  return {
    call = function() return sender:send "item" end,
    bring = function()
      if sender:statistics().sending == 1 then return receiver:receive() end
      weft.spawn(function() pcall(receiver.receive, receiver) end)
      settle()
    end,
    is_left = function() return sender:statistics().receiving == 1 end,
    close = function() sender:close() end, closed = "ClosedError",
  }
end)

rows["receiver:receive"] = channel_row(1, function(sender, receiver)
  return {
    call = function() return receiver:receive() end, value = "item",
    bring = function() sender:send "item" end,
    is_left = function() return sender:statistics().size == 1 end,
    close = function() sender:close() end, closed = "EndOfStream",
  }
end)

rows["receiver:items"] = channel_row(1, function(sender, receiver)
  return {
    call = function() return first_of(receiver:items()) end,
    value = "item",
    bring = function() sender:send "item" end,
    is_left = function() return sender:statistics().size == 1 end,
    close = function() receiver:close() end, closed = "ClosedError",
  }
end)

rows["future:await"] = function()
  local future = weft.future()
  return {
    call = function() return future:await() end, value = "result",
    bring = function() future:set_result "result" end,
    is_left = function() return future:result() == "result" end, keeps = true,
    close = function() future:cancel() end, closed = "TaskCancelledError",
  }
end

-- A row for a call that waits for a task. opts: `over_turns`, it goes on some
-- turns after the task's end; `is_slow`; `closed`.
local function task_row(opts, call)
  return function()
    local event = weft.event()
    local task = weft.spawn(function()
      event:wait()
      return "result"
    end)
    local function bring()
      event:set()
      settle()
    end
    local function bring_then(fn)
      event:set()
      weft.call_soon(fn) -- runs right after the task
      settle()
    end
    return {
      call = function() return call(task) end, value = "result",
      bring = bring, bring_then = not opts.over_turns and bring_then,
      is_left = function() return task:result() == "result" end, keeps = true,
      is_slow = opts.is_slow,
      close = opts.closed and function() task:cancel() end,
      closed = opts.closed, done = bring,
    }
  end
end

rows["task:await"] = task_row({ closed = "TaskCancelledError" },
  function(task) return task:await() end)

rows["wait_for a task"] = task_row({ closed = "TaskCancelledError" },
  function(task) return weft.wait_for(task, 1e6) end)

rows.wait = task_row({ over_turns = true },
  function(task) return weft.wait({ task })[1]:result() end)

rows.as_completed = task_row({ over_turns = true }, function(task)
  return first_of(weft.as_completed { task }):result()
end)

local many = { over_turns = true, is_slow = true,
  closed = "TaskCancelledError" }

rows.gather = task_row(many, function(task)
  return weft.gather({ task })[1]
end)

rows.race = task_row(many, function(task) return weft.race { task } end)

rows.any = task_row({ over_turns = true, is_slow = true,
  closed = "ErrorGroup" }, function(task) return weft.any { task } end)

-- -- The cases ----------------------------------------------------------------

-- Spawns a task that waits and then takes a cancellation point; the log tells
-- how each of these ended, and when the first did.
local function waiter(row)
  local log = {}
  local task = weft.spawn(function()
    local ok, value = pcall(row.call)
    log.wait = ok and { value } or value.name
    log.at = weft.now()
    log.next = pcall(weft.checkpoint) and "goes on" or "Cancelled"
  end)
  settle()
  return task, log
end

local function check_delivered(row, log)
  assert.same({ row.value }, log.wait)
  assert.equal(row.keeps or false, row.is_left())
end

-- What was brought is there, for one more call and no second one.
local function check_left(row)
  assert.is_true(row.is_left())
  if row.not_ready or row.takes then return end
  local _, log = waiter(row)
  assert.same({ row.value }, log.wait)
end

-- A row for a test; nothing of it may be left at the end.
local function new_row(name)
  local row = rows[name]()
  testing.defer(function()
    if row.done then row.done() end
    settle()
  end)
  return row
end

for name, make in pairs(rows) do
  local sample
  weft.run(function()
    sample = make()
    if sample.done then sample.done() end
    settle()
    for _, task in ipairs(weft.all_tasks()) do
      if task ~= weft.current_task() then task:cancel() end
    end
    settle()
  end)

  describe(name, function()
    if not sample.not_ready then
      it("that is ready returns at once [1.7]", function()
        local row = new_row(name)
        row.bring()
        local others = 0
        local other = weft.spawn(function() others = others + 1 end)
        local start = weft.now()
        assert.equal(row.value, (row.call()))
        assert.equal(start, weft.now())
        assert.equal(sample.is_slow and 1 or 0, others)
        other:await()
      end)
    end

    it("parks, is woken, and is not woken twice [1.4, 3.3]", function()
      local row = new_row(name)
      local _, log = waiter(row)
      assert.is_nil(log.wait)
      row.bring()
      settle()
      check_delivered(row, log)
      assert.equal("goes on", log.next)
    end)

    it("that is cancelled did not happen [3.5]", function()
      local row = new_row(name)
      local task, log = waiter(row)
      task:cancel()
      settle()
      assert.equal("CancelledError", log.wait)
      assert.equal("Cancelled", log.next)
      row.bring()
      check_left(row)
    end)

    it("that is timed out did not happen [3.5, 7.4]", function()
      local row = new_row(name)
      local start, at, err = weft.now(), nil, nil
      local task = weft.spawn(function()
        err = helper.error_of(weft.timeout, 1, row.call)
        at = weft.now()
      end)
      task:await()
      assert.is_true(err:is "TimeoutError", tostring(err))
      assert.equal(start + 1, at)
      row.bring()
      check_left(row)
    end)

    if sample.close then
      it("that is closed ends [3.10]", function()
        local row = new_row(name)
        local _, log = waiter(row)
        row.close()
        settle()
        assert.same(row.closed or {}, log.wait)
        assert.equal("goes on", log.next)
      end)
    end

    if sample.bring_then ~= false then
      it("that is completed, then cancelled, delivers; Cancelled at the next "
        .. "point [8, 3.4]", function()
        local row = new_row(name)
        local task, log = waiter(row)
        local function cancel() task:cancel() end
        if row.bring_then then row.bring_then(cancel)
        else cancel(row.bring()) end
        settle()
        check_delivered(row, log)
        assert.equal("Cancelled", log.next)
      end)
    end

    it("that is cancelled, then completed, is Cancelled; nothing is lost "
      .. "[8, 3.5]", function()
      local row = new_row(name)
      local task, log = waiter(row)
      task:cancel()
      row.bring()
      settle()
      assert.equal("CancelledError", log.wait)
      check_left(row)
    end)
  end)
end
