-- pcall cannot defeat a cancellation, a timeout or a group: tried for every
-- call that parks, each waiting, and each where it could finish at once.
local weft = require "weft"
local helper = require "spec.helper"

local virtual = helper.virtual

local function forever() weft.sleep_forever() end

-- A task that is parked for ever; ended by who spawns it in a group.
local function parked(g) return g:spawn(forever) end

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
  ["a coroutine that waits"] = function()
    return function() coroutine.wrap(forever)() end
  end,
}

-- Calls fn(call), which must end by itself, with `call` inside a runtime. What
-- it is given for the call is ended afterwards.
local function with_call(name, fn)
  return virtual(function()
    weft.group(function(g)
      fn(waits[name](g))
      g:cancel()
    end)
  end)
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
      .. " [3.2, 3.5]", virtual(function()
      local call, is_untouched = make()
      weft.move_on_after(0, function()
        local err = helper.error_of(call)
        assert.is_true(err:is "CancelledError", tostring(err))
      end)
      assert.is_true(is_untouched())
    end))
  end
end)
