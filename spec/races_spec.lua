-- Races, row by row of the table in section 8 of the semantics: what comes of
-- two things that happen in one turn, in the order given.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of

testing.options { virtual = true }

local function settle()
  for _ = 1, 5 do weft.yield() end
end

-- Spawns a task that waits, and then takes a cancellation point; logs how each
-- of these ended.
local function waiter(log, wait)
  local task = weft.spawn(function()
    local ok, value = pcall(wait)
    log.wait = ok and value or value.name
    log.next = pcall(weft.checkpoint) and "goes on" or "Cancelled"
  end)
  settle()
  return task
end

-- What a waiting task is completed by: wait, complete, and what is left of it
-- for others after a wait that was cancelled.
local kinds = {
  event = function()
    local event = weft.event()
    return function() return event:wait() and "woken" end,
      function() event:set() end,
      function() return event:is_set() end
  end,
  semaphore = function()
    local semaphore = weft.semaphore(0)
    return function() semaphore:acquire() return "woken" end,
      function() semaphore:release() end,
      function() return semaphore:value() == 1 end
  end,
  ["queue:get"] = function()
    local queue = weft.queue()
    return function() return queue:get() end,
      function() queue:put "woken" end,
      function() return queue:try_get() == "woken" end
  end,
  ["queue:put"] = function()
    local queue = weft.queue(1)
    queue:put "first"
    return function() queue:put "second" return "woken" end,
      function() queue:get() end,
      function() return queue:empty() end
  end,
  ["queue:join"] = function()
    local queue = weft.queue()
    queue:put(1)
    return function() queue:join() return "woken" end,
      function() queue:task_done() end,
      function() return true end
  end,
  future = function()
    local future = weft.future()
    return function() return future:await() end,
      function() future:set_result "woken" end,
      function() return future:result() == "woken" end
  end,
}

for name, make in pairs(kinds) do
  describe("a wait on " .. name, function()
    it("that is completed, then its scope cancelled, delivers; Cancelled at "
      .. "the next point [8, 3.4]", function()
      local wait, complete = make()
      local log = {}
      local task = waiter(log, wait)
      complete()
      task:cancel()
      settle()
      assert.same({ wait = "woken", next = "Cancelled" }, log)
    end)

    it("whose scope is cancelled, then the waker comes, is Cancelled; the "
      .. "object keeps what the waker brought [8, 3.5]", function()
      local wait, complete, is_left = make()
      local log = {}
      local task = waiter(log, wait)
      task:cancel()
      complete()
      settle()
      assert.equal("CancelledError", log.wait)
      assert.is_true(is_left())
    end)
  end)
end

for _, name in ipairs { "semaphore", "queue:get" } do
  it("a cancelled wait on " .. name .. ", then the waker: it serves the next "
    .. "waiter [8, 3.5]", function()
    local wait, complete = kinds[name]()
    local first, second = {}, {}
    local task = waiter(first, wait)
    waiter(second, wait)
    task:cancel()
    complete()
    settle()
    assert.equal("CancelledError", first.wait)
    assert.equal("woken", second.wait)
  end)
end

-- -- Scopes and timeouts -----------------------------------------------------

describe("a scope", function()
  it("cancelled while its task is ready, whose body leaves without a "
    .. "cancellation point: the body's results, no TimeoutError [8]", function()
    local event, result = weft.event(), nil
    local scope
    weft.spawn(function()
      result = weft.timeout(5, function(s)
        scope = s
        event:wait()
        return "result"
      end)
    end)
    settle()
    event:set()
    scope:cancel()
    settle()
    assert.equal("result", result)
  end)

  it("whose time is that of the sleep in it: TimeoutError, for the scope's "
    .. "time was set first [8, 2.2]", function()
    local err = error_of(weft.timeout, 1, function() weft.sleep(1) end)
    assert.is_true(err:is "TimeoutError")
  end)

  it("whose time is set after the sleep's: the sleep delivers [8, 2.2, 3.4]",
    function()
      local scope, slept
      weft.spawn(function()
        weft.move_on_after(9, function(s)
          scope = s
          slept = weft.sleep(1, "slept")
        end)
      end)
      settle()
      scope:reschedule(1)
      weft.sleep(2)
      assert.equal("slept", slept)
      assert.is_true(scope:cancel_called())
      assert.is_false(scope:cancelled_caught())
    end)

  it("rescheduled in the turn before the poll that would fire: the new "
    .. "deadline holds [8]", function()
    local scope
    weft.spawn(function()
      weft.sleep(4)
      scope:reschedule(8)
    end)
    local result = weft.move_on_after(5, function(s)
      scope = s
      weft.sleep_forever()
    end)
    assert.is_true(result:cancelled_caught())
    assert.equal(8, weft.now())
  end)

  for _, order in ipairs { "its own deadline, then the outer cancellation",
    "the outer cancellation, then its own deadline" } do
    it("with " .. order .. ", body not yet unwound: Cancelled goes to the "
      .. "outer scope, no TimeoutError [8, 6.12]", function()
      local own_first = order:find "^its own" ~= nil
      local err
      local outer = weft.scope(function(o)
        weft.call_later(own_first and 2 or 1, function() o:cancel() end)
        err = error_of(weft.timeout, own_first and 1 or 2, function()
          weft.finally(weft.sleep_forever, function() weft.sleep(5) end)
        end)
        error(err)
      end)
      assert.is_true(err:is "CancelledError")
      assert.is_true(outer:cancelled_caught())
    end)
  end

  it("of timeout(0), entered with an outer cancellation pending: Cancelled to "
    .. "the outer scope [8, 6.12]", function()
    local err
    local outer = weft.scope(function(o)
      o:cancel()
      err = error_of(weft.timeout, 0, weft.checkpoint)
      error(err)
    end)
    assert.is_true(err:is "CancelledError")
    assert.is_true(outer:cancelled_caught())
  end)

  it("whose own Cancelled unwinds when the outer scope is cancelled: "
    .. "Cancelled goes to the outer scope [8, 6.12]", function()
    local inner
    local outer = weft.scope(function(o)
      weft.scope(function(i)
        inner = i
        i:cancel()
        weft.finally(weft.checkpoint, function() o:cancel() end)
      end)
      error "not reached"
    end)
    assert.is_false(inner:cancelled_caught())
    assert.is_true(outer:cancelled_caught())
  end)
end)

-- -- Tasks -------------------------------------------------------------------

describe("an awaited task", function()
  it("that ends, then the awaiter is cancelled: results; Cancelled at the next "
    .. "point [8, 3.4]", function()
    local log, future = {}, weft.future()
    local awaited = weft.spawn(function() return future:await() end)
    settle()
    local awaiter
    awaited:add_done_callback(function() awaiter:cancel() end)
    awaiter = waiter(log, function() return awaited:await() end)
    future:set_result "result"
    settle()
    assert.same({ wait = "result", next = "Cancelled" }, log)
  end)

  it("that fails, then the awaiter is cancelled: its error; Cancelled at the "
    .. "next point [8, 3.4]", function()
      local log = {}
      local awaiter
      local awaited = weft.spawn(function()
        weft.sleep(1)
        error(weft.OSError "x")
      end)
      awaiter = waiter(log, function() return awaited:await() end)
      weft.spawn(function()
        weft.sleep(1) -- runs after the awaited one, before the awaiter
        awaiter:cancel()
      end)
      weft.sleep(2)
      assert.same({ wait = "OSError", next = "Cancelled" }, log)
    end)
end)

describe("task:cancel", function()
  it("after the task has ended: false, the outcome stands [8, 4.6]", function()
    local task = weft.spawn(function() return "outcome" end)
    weft.yield()
    assert.is_false(task:cancel())
    assert.equal("outcome", task:await())
  end)

  it("of a body that returns without another cancellation point: finished "
    .. "[8, 4.4]", function()
    local event = weft.event()
    local task = weft.spawn(function()
      event:wait()
      return "finished"
    end)
    weft.yield()
    event:set()
    task:cancel()
    assert.equal("finished", task:await())
  end)

  it("right after spawn: it runs to its first cancellation point [8, 4.2]",
    function()
      local log = {}
      local task = weft.spawn(function()
        log[1] = "runs"
        weft.checkpoint()
        log[2] = "goes on"
      end)
      task:cancel()
      settle()
      assert.same({ "runs" }, log)
      assert.is_true(task:cancelled())
    end)
end)

-- -- Groups ------------------------------------------------------------------

describe("a group", function()
  it("cancelled after a child has ended: the child's outcome stands [8]",
    function()
      local child
      weft.group(function(g)
        child = g:spawn(function() return "outcome" end)
        weft.yield()
        g:cancel()
      end)
      assert.equal("outcome", child:result())
    end)

  it("cancelled after a child has failed raises its failure [8, 9.10]",
    function()
      local err = error_of(weft.group, function(g)
        g:spawn(function() error(weft.OSError "x") end)
        weft.yield()
        g:cancel()
      end)
      assert.is_true(err:is "ErrorGroup")
    end)

  it("in which two children fail: both in the ErrorGroup, in that order [8]",
    function()
      local err = error_of(weft.group, function(g)
        for _, message in ipairs { "a", "b" } do
          g:spawn(function() error(weft.Error(message)) end)
        end
      end)
      assert.equal("a", err.errors[1].message)
      assert.equal("b", err.errors[2].message)
      assert.equal(2, #err.errors)
    end)

  for _, failure_first in ipairs { true, false } do
    it(failure_first
      and "whose child fails, then the enclosing scope is cancelled: "
        .. "ErrorGroup; Cancelled at the next point outside [8, 9.9]"
      or "whose enclosing scope is cancelled, then a child fails: ErrorGroup; "
        .. "Cancelled at the next point outside [8, 9.9]", function()
      local err, next_point
      local scope = weft.scope(function(s)
        err = error_of(weft.group, function(g)
          g:spawn(function()
            if not failure_first then
              s:cancel()
              pcall(weft.checkpoint)
            end
            error(weft.OSError "x")
          end)
          if failure_first then
            g:spawn(function() s:cancel() end)
          end
        end)
        next_point = error_of(weft.checkpoint)
        error(next_point)
      end)
      assert.is_true(err:is "ErrorGroup")
      assert.equal("x", err.errors[1].message)
      assert.is_true(next_point:is "CancelledError")
      assert.is_true(scope:cancelled_caught())
    end)
  end
end)

describe("group:start", function()
  it("whose child calls ready(...), then its caller is cancelled: start "
    .. "returns; Cancelled at the next point; the child stays [8, 9.13]",
    function()
      local log, child_went_on = {}, false
      weft.group(function(g)
        local caller
        caller = weft.spawn(function()
          log.wait = g:start(function(ready)
            weft.yield()
            ready "ready"
            caller:cancel()
            weft.sleep(1)
            child_went_on = true
          end)
          log.next = pcall(weft.checkpoint) and "goes on" or "Cancelled"
        end)
        weft.sleep(2)
      end)
      assert.same({ wait = "ready", next = "Cancelled" }, log)
      assert.is_true(child_went_on)
    end)
end)

-- -- Primitives --------------------------------------------------------------

describe("a permit", function()
  it("handed over, then the new holder is cancelled: it holds it, returns from "
    .. "acquire, and releases on its way out [8, 3.4]", function()
    local semaphore, held = weft.semaphore(0), false
    local task = weft.spawn(function()
      semaphore:with(function()
        held = true
        weft.checkpoint()
        held = "went on"
      end)
    end)
    settle()
    semaphore:release()
    task:cancel()
    settle()
    assert.equal(true, held)
    assert.equal(1, semaphore:value())
    assert.is_true(task:cancelled())
  end)
end)

describe("an item", function()
  it("handed to a getter, which is cancelled then: the getter has it [8, 3.4]",
    function()
      local queue, got = weft.queue(), nil
      local task = weft.spawn(function() got = queue:get() end)
      settle()
      queue:put "item"
      task:cancel()
      settle()
      assert.equal("item", got)
      assert.is_true(queue:empty())
    end)
end)

describe("an object that is closed", function()
  it("before its waiter is cancelled: ClosedError [8, 3.10]", function()
    local queue, log = weft.queue(), {}
    local task = waiter(log, function() return queue:get() end)
    queue:shutdown()
    task:cancel()
    settle()
    assert.same({ wait = "QueueShutDown", next = "Cancelled" }, log)
  end)

  it("after its waiter was cancelled: Cancelled [8, 3.5]", function()
    local queue, log = weft.queue(), {}
    local task = waiter(log, function() return queue:get() end)
    task:cancel()
    queue:shutdown()
    settle()
    assert.equal("CancelledError", log.wait)
  end)
end)
