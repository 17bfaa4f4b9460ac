-- pcall cannot defeat a cancellation, a timeout or a group: tried for every
-- call that parks, each waiting, and each where it could finish at once.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"


testing.options { virtual = true }

local function forever() weft.sleep_forever() end

-- A task that is parked for ever; ended by who spawns it in a group.
local function parked(g) return g:spawn(forever) end

-- The ends of a channel, which are closed when the group is over.
local function open_channel(g)
  local sender, receiver = weft.channel()
  g:spawn(function()
    weft.finally(forever, function()
      sender:close()
      receiver:close()
    end)
  end)
  return sender, receiver
end

-- A lock that another task has until the group is over.
local function held_lock(g)
  local lock = weft.lock()
  g:spawn(function() lock:with(forever) end)
  weft.yield()
  return lock
end

-- name -> what makes the call that waits, of a group for what it needs.
local waits = {
  sleep = function() return function() weft.sleep(1e6) end end,
  sleep_until = function() return function() weft.sleep_until(1e6) end end,
  sleep_forever = function() return weft.sleep_forever end,
  yield = function() return weft.yield end,
  checkpoint = function() return weft.checkpoint end,
  ["task:await"] = function(g)
    local task = parked(g)
    return function() task:await() end
  end,
  ["future:await"] = function()
    local future = weft.future()
    return function() future:await() end
  end,
  ["event:wait"] = function()
    local event = weft.event()
    return function() event:wait() end
  end,
  ["semaphore:acquire"] = function()
    local semaphore = weft.semaphore(0)
    return function() semaphore:acquire() end
  end,
  ["semaphore:with"] = function()
    local semaphore = weft.semaphore(0)
    return function() semaphore:with(forever) end
  end,
  ["queue:get"] = function()
    local queue = weft.queue()
    return function() queue:get() end
  end,
  ["queue:put"] = function()
    local queue = weft.queue(1)
    queue:try_put(1)
    return function() queue:put(2) end
  end,
  ["queue:join"] = function()
    local queue = weft.queue()
    queue:try_put(1)
    return function() queue:join() end
  end,
  ["lifo_queue:get"] = function()
    local queue = weft.lifo_queue()
    return function() queue:get() end
  end,
  ["priority_queue:get"] = function()
    local queue = weft.priority_queue()
    return function() queue:get() end
  end,
  ["priority_queue:put"] = function()
    local queue = weft.priority_queue(1)
    queue:try_put(1)
    return function() queue:put(2) end
  end,
  ["sender:send"] = function(g)
    local sender, receiver = open_channel(g)
    return function()
      sender:send(1)
      return receiver
    end
  end,
  ["receiver:receive"] = function(g)
    local sender, receiver = open_channel(g)
    return function()
      receiver:receive()
      return sender
    end
  end,
  ["receiver:items"] = function(g)
    local sender, receiver = open_channel(g)
    return function()
      for _ in receiver:items() do error "an item" end
      return sender
    end
  end,
  ["lock:acquire"] = function(g)
    local lock = held_lock(g)
    return function() lock:acquire() end
  end,
  ["lock:with"] = function(g)
    local lock = held_lock(g)
    return function() lock:with(error) end
  end,
  ["limiter:acquire"] = function()
    local limiter = weft.limiter(0)
    return function() limiter:acquire() end
  end,
  ["limiter:with"] = function()
    local limiter = weft.limiter(0)
    return function() limiter:with(error) end
  end,
  ["condition:wait"] = function()
    local condition = weft.condition()
    return function()
      condition:with(function() condition:wait() end)
    end
  end,
  ["condition:wait_for"] = function()
    local condition = weft.condition()
    return function()
      condition:with(function()
        condition:wait_for(function() return false end)
      end)
    end
  end,
  ["barrier:wait"] = function()
    local barrier = weft.barrier(2)
    return function() barrier:wait() end
  end,
  ["queue:items"] = function()
    local queue = weft.queue()
    return function() for _ in queue:items() do error "an item" end end
  end,
  ["rate_limiter:acquire"] = function()
    local limiter = weft.rate_limiter(1, 1e6)
    assert.is_true(limiter:try_acquire())
    return function() limiter:acquire() end
  end,
  ["group with a child"] = function()
    return function() weft.group(function(g) g:spawn(forever) end) end
  end,
  ["group:spawn with a limit"] = function()
    return function()
      weft.group(function(g)
        for _ = 1, 2 do g:spawn(forever) end
      end, { limit = 1 })
    end
  end,
  ["group:start"] = function(g)
    return function() g:start(forever) end
  end,
  timeout = function() return function() weft.timeout(1e6, forever) end end,
  move_on_after = function()
    return function()
      weft.move_on_after(1e6, forever)
      weft.checkpoint()
    end
  end,
  gather = function()
    return function() weft.gather { forever, forever } end
  end,
  ["gather with return_errors"] = function()
    return function() weft.gather({ forever }, { return_errors = true }) end
  end,
  map = function() return function() weft.map({ 1, 2 }, forever) end end,
  each = function()
    return function() weft.each({ 1, 2, 3 }, forever, { limit = 1 }) end
  end,
  wait = function(g)
    local task = parked(g)
    return function() weft.wait { task } end
  end,
  race = function() return function() weft.race { forever, forever } end end,
  any = function() return function() weft.any { forever, forever } end end,
  as_completed = function(g)
    local task = parked(g)
    return function()
      for _ in weft.as_completed { task } do error "it has ended" end
    end
  end,
  ["wait_for a function"] = function()
    return function() weft.wait_for(forever, 1e6) end
  end,
  ["wait_for a task"] = function(g)
    local task = parked(g)
    return function() weft.wait_for(task, 1e6) end
  end,
  ["try"] = function() return function() weft.try(forever) end end,
  ["catch"] = function()
    return function() weft.catch(forever, { { weft.Error, error } }) end
  end,
  ["finally"] = function()
    return function() weft.finally(forever, function() end) end
  end,
  ["generator:next"] = function()
    local make = weft.generator(forever)
    return function() make():next() end
  end,
  ["a for loop over a generator"] = function()
    local make = weft.generator(forever)
    return function() for _ in make() do error "a value" end end
  end,
  ["closing"] = function()
    local make = weft.generator(forever)
    return function() weft.closing(make(), function(gen) gen:next() end) end
  end,
  ["collect"] = function()
    local make = weft.generator(forever)
    return function() weft.collect(make()) end
  end,
  ["the enter of a with"] = function()
    local resource = { enter = forever, exit = error }
    return function() weft.with(resource, error) end
  end,
  ["the body of a with"] = function()
    local resource = { close = function() weft.sleep(0) end }
    return function() weft.with(resource, forever) end
  end,
  ["a context"] = function()
    local make = weft.context(function(yield)
      weft.timeout(1e6, yield)
    end)
    return function() weft.with(make(), forever) end
  end,
  ["a stack"] = function()
    return function()
      weft.stack(function(stack)
        stack:defer(weft.sleep, 0)
        forever()
      end)
    end
  end,
  ["a coroutine that waits"] = function()
    return function() coroutine.wrap(forever)() end
  end,
}

-- Calls fn(call), which must end by itself, with `call` inside a runtime. What
-- it is given for the call is ended afterwards.
local function with_call(name, fn)
  return function()
    weft.group(function(g)
      fn(waits[name](g))
      g:cancel()
    end)
  end
end

-- Swallows whatever `call` raises, again and again; ends only by a cancellation
-- point outside the pcall.
local function swallow(call)
  for _ = 1, 3 do pcall(call) end
  weft.sleep_forever()
end

for name in pairs(waits) do
  describe("pcall around " .. name, function()
    it("does not defeat task:cancel [6.5, 6.6]", with_call(name, function(call)
      local task = weft.spawn(swallow, call)
      for _ = 1, 3 do weft.yield() end
      task:cancel()
      weft.wait({ task }, { timeout = 10 })
      assert.is_true(task:cancelled())
    end))

    it("does not defeat a timeout [6.5, 6.6, 7.4]",
      with_call(name, function(call)
        local start = weft.now()
        local _, err = weft.try(weft.timeout, 5, function() swallow(call) end)
        assert.is_true(err:is "TimeoutError")
        assert.equal(start + 5, weft.now())
      end))

    it("does not defeat a group [6.5, 6.6, 9.3]",
      with_call(name, function(call)
        local other
        local _, err = weft.try(weft.group, function(g)
          other = g:spawn(swallow, call)
          g:spawn(function()
            weft.sleep(1)
            error "fails"
          end)
        end)
        assert.is_true(err:is "ErrorGroup")
        assert.equal(1, #err.errors)
        assert.is_true(other:cancelled())
      end))

    it("does not make it wait in cancelled code [3.1, 3.2]",
      with_call(name, function(call)
        local start, ok = weft.now(), nil
        weft.move_on_after(0, function() ok = pcall(call) end)
        assert.is_false(ok)
        assert.equal(start, weft.now())
      end))
  end)
end

-- -- Loops that never end ----------------------------------------------------

-- Every second Cancelled in a row comes after a turn of the others.
local SWALLOWED = 100

-- Repeats `call`, whatever it raises, until it has raised so often.
local function swallow_in_a_loop(call)
  local swallowed = 0
  while swallowed < SWALLOWED do
    if not pcall(call) then swallowed = swallowed + 1 end
  end
  return swallowed
end

-- Runs fn(); returns how often another task had its turn meanwhile.
local function count_turns(fn)
  local turns = 0
  local other = weft.spawn(function()
    while true do
      turns = turns + 1
      weft.yield()
    end
  end)
  weft.sleep(0)
  turns = 0
  fn()
  other:cancel()
  weft.wait { other }
  return turns
end

for name in pairs(waits) do
  describe("a loop without an end around " .. name, function()
    it("gets Cancelled from each call, and lets others run [6.5, 6.7]",
      with_call(name, function(call)
        local swallowed
        local task = weft.spawn(function()
          swallowed = swallow_in_a_loop(call)
        end)
        for _ = 1, 3 do weft.yield() end
        local start = weft.now()
        local turns = count_turns(function()
          task:cancel()
          task:await()
        end)
        assert.equal(SWALLOWED, swallowed)
        assert.is_true(turns >= SWALLOWED / 2 - 1, turns)
        assert.equal(start, weft.now())
      end))

    it("gets it from a timeout, which it ends by returning [6.5, 7.8]",
      with_call(name, function(call)
        local start, scope = weft.now(), nil
        local turns = count_turns(function()
          scope = weft.move_on_after(0, function() swallow_in_a_loop(call) end)
        end)
        assert.is_true(turns >= SWALLOWED / 2 - 1, turns)
        assert.is_true(scope:cancel_called())
        assert.is_false(scope:cancelled_caught())
        assert.equal(start, weft.now())
      end))

    it("gets it from a group's failure, which is raised all the same "
      .. "[6.5, 9.3, 9.11]", with_call(name, function(call)
      local start, swallowed = weft.now(), nil
      local _, err = weft.try(weft.group, function(g)
        g:spawn(function() swallowed = swallow_in_a_loop(call) end)
        g:spawn(error, weft.OSError "x")
      end)
      assert.equal("x", err.errors[1].message)
      assert.equal(1, #err.errors)
      assert.equal(SWALLOWED, swallowed)
      assert.equal(start, weft.now())
    end))
  end)
end

-- -- Calls that could finish at once -----------------------------------------

-- name -> a call for which all is there.
local ready = {
  ["event:wait"] = function()
    local event = weft.event()
    event:set()
    return function() event:wait() end, function() return event:is_set() end
  end,
  ["semaphore:acquire"] = function()
    local semaphore = weft.semaphore(1)
    return function() semaphore:acquire() end,
      function() return semaphore:value() == 1 end
  end,
  ["queue:get"] = function()
    local queue = weft.queue()
    queue:try_put(1)
    return function() queue:get() end, function() return queue:size() == 1 end
  end,
  ["queue:put"] = function()
    local queue = weft.queue()
    return function() queue:put(1) end, function() return queue:empty() end
  end,
  ["queue:join"] = function()
    local queue = weft.queue()
    return function() queue:join() end, function() return queue:empty() end
  end,
  ["lock:acquire"] = function()
    local lock = weft.lock()
    return function() lock:acquire() end,
      function() return not lock:locked() end
  end,
  ["limiter:acquire"] = function()
    local limiter = weft.limiter(1)
    return function() limiter:acquire() end,
      function() return limiter:statistics().borrowed == 0 end
  end,
  ["barrier:wait"] = function()
    local barrier = weft.barrier(1)
    return function() barrier:wait() end,
      function() return barrier:n_waiting() == 0 end
  end,
  ["condition:wait_for"] = function()
    local condition, asked = weft.condition(), false
    return function()
      condition:with(function()
        condition:wait_for(function()
          asked = true
          return true
        end)
      end)
    end, function() return not asked and not condition:locked() end
  end,
  ["sender:send"] = function()
    local sender, receiver = weft.channel(1)
    return function() sender:send(1) end, function()
      local size = sender:statistics().size
      sender:close()
      receiver:close()
      return size == 0
    end
  end,
  ["receiver:receive"] = function()
    local sender, receiver = weft.channel(1)
    sender:send(1)
    return function() receiver:receive() end, function()
      local size = sender:statistics().size
      sender:close()
      receiver:close()
      return size == 1
    end
  end,
  ["generator:next"] = function()
    local gen = weft.generator(function(yield) yield(1) end)()
    testing.defer(gen.close, gen)
    return function() gen:next() end, function() return gen:next() == 1 end
  end,
  ["a for loop over a generator"] = function()
    local gen = weft.generator(function(yield) yield(1) end)()
    testing.defer(gen.close, gen)
    return function() for _ in gen do error "a value" end end,
      function() return gen:next() == 1 end
  end,
  ["rate_limiter:acquire"] = function()
    local limiter = weft.rate_limiter(1, 10)
    return function() limiter:acquire() end,
      function() return limiter:try_acquire() end
  end,
  ["future:await"] = function()
    local future = weft.future()
    future:set_result(1)
    return function() future:await() end,
      function() return future:result() == 1 end
  end,
  ["task:await"] = function()
    local task = weft.spawn(function() return 1 end)
    task:await()
    return function() task:await() end, function() return task:result() == 1 end
  end,
  sleep = function()
    return function() weft.sleep(0) end, function() return true end
  end,
  ["a gather of nothing"] = function()
    return function() weft.gather {} end, function() return true end
  end,
  ["a wait for what is done"] = function()
    local task = weft.spawn(function() end)
    task:await()
    return function() weft.wait { task } end, function() return true end
  end,
  ["wait_for of what is done"] = function()
    local task = weft.spawn(function() end)
    task:await()
    return function() weft.wait_for(task, 5) end, function() return true end
  end,
}

describe("a call that could finish at once", function()
  for name, make in pairs(ready) do
    it("raises Cancelled in cancelled code and did not happen: " .. name
      .. " [3.2, 3.5]", function()
      local call, is_untouched = make()
      weft.move_on_after(0, function()
        local err = helper.error_of(call)
        assert.is_true(err:is "CancelledError", tostring(err))
      end)
      assert.is_true(is_untouched())
    end)
  end
end)
