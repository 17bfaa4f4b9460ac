-- What all kinds of queues share, shown for each: they wait and hand over in
-- one way, and differ only in the order in which they give their items.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of, fails = helper.error_of, helper.fails
local virtual = testing.virtual

testing.options { virtual = true }

local settle = helper.settle

-- Spawns fn(...), which parks.
local function parked(fn, ...)
  local task = weft.spawn(fn, ...)
  weft.yield()
  assert.is_false(task:done())
  return task
end

for _, kind in ipairs { "queue", "lifo_queue", "priority_queue" } do
  local function full_queue() -- of one item, 0
    local queue = weft[kind](1)
    queue:try_put(0)
    return queue
  end

  describe("a " .. kind, function()
    it("has what was put got: ready, and parked then woken [20.1]", function()
      local queue = weft[kind](2)
      queue:put(1)
      assert.equal(1, queue:get())
      weft.call_later(3, function() queue:try_put(2) end)
      assert.equal(2, queue:get())
      assert.equal(3, weft.now())
      queue:put(3)
      queue:put(4)
      weft.call_later(3, function() queue:try_get() end)
      queue:put(5)
      assert.equal(6, weft.now())
      assert.equal(2, queue:size())
    end)

    it("serves getters and putters in the order they came [1.5, 20.1]",
      function()
        local queue, log = weft[kind](1), {}
        for i = 1, 3 do
          parked(function()
            local item = queue:get()
            log[#log + 1] = i * 10 + item
          end)
        end
        for i = 1, 3 do queue:put(i) end
        settle()
        queue:put(0)
        for i = 4, 6 do
          parked(function()
            queue:put(i)
            log[#log + 1] = i
          end)
        end
        for _ = 1, 3 do
          queue:get()
          settle()
        end
        assert.same({ 11, 22, 33, 4, 5, 6 }, log)
      end)

    it("takes and gives nothing in a call that is cancelled or timed out "
      .. "[3.5]", function()
      local queue = weft[kind](1)
      fails("TimeoutError", weft.timeout, 1, function() queue:get() end)
      parked(queue.get, queue):cancel()
      queue:put(1)
      fails("TimeoutError", weft.timeout, 1, function() queue:put(2) end)
      parked(queue.put, queue, 3):cancel()
      assert.equal(1, queue:get())
      settle()
      assert.same({ 0, 0, 0 }, { queue:size(), queue:statistics().getters,
        queue:statistics().putters })
    end)

    it("withdraws a join that is cancelled or timed out [3.5]", function()
      local queue, joined = full_queue(), 0
      fails("TimeoutError", weft.timeout, 1, function() queue:join() end)
      parked(queue.join, queue):cancel()
      parked(function()
        queue:join()
        joined = joined + 1
      end)
      assert.equal(1, queue:statistics().joiners)
      queue:get()
      queue:task_done()
      settle()
      assert.equal(1, joined)
    end)

    it("makes each call a cancellation point, also when it could finish "
      .. "[3.2]", function()
      local queue, other = weft[kind](), full_queue()
      weft.move_on_after(0, function()
        fails("CancelledError", queue.put, queue, 1)
        fails("CancelledError", other.get, other)
        fails("CancelledError", queue.join, queue)
        fails("CancelledError", other:items(), other)
      end)
      assert.same({ 0, 1 }, { queue:size(), other:size() })
    end)

    it("hands over, then is cancelled: the item is delivered, Cancelled is "
      .. "next [3.4, 8]", function()
      local queue, got, after = weft[kind](1), nil, nil
      local getter = parked(function()
        got = queue:get()
        after = error_of(weft.checkpoint)
      end)
      queue:put(7)
      getter:cancel()
      settle()
      assert.equal(7, got)
      assert.is_true(after:is "CancelledError")

      queue:put(0)
      local putter = parked(function()
        queue:put(8)
        after = "put"
      end)
      queue:get()
      putter:cancel()
      settle()
      assert.equal("put", after)
      assert.equal(8, queue:get())
    end)

    it("is cancelled, then comes the item: the next one gets it, or it is "
      .. "stored [3.5, 8]", function()
      local queue, got = weft[kind](1), nil
      local first = parked(queue.get, queue)
      parked(function() got = queue:get() end)
      first:cancel()
      queue:put(1)
      settle()
      assert.equal(1, got)
      parked(queue.get, queue):cancel()
      queue:put(2)
      assert.equal(1, queue:size())
      assert.equal(2, queue:get())
      settle()
    end)

    it("is cancelled, then comes the room: the next putter has it, or "
      .. "whoever comes [3.5, 8]", function()
      local queue = full_queue()
      local first = parked(queue.put, queue, 1)
      parked(queue.put, queue, 2)
      first:cancel()
      assert.equal(0, queue:get())
      assert.equal(2, queue:get())
      queue:put(3)
      parked(queue.put, queue, 4):cancel()
      assert.equal(3, queue:get())
      queue:put(5)
      assert.equal(5, queue:get())
      settle()
      assert.is_true(queue:empty())
    end)

    it("goes on as fast after a cancelled wait: nobody is counted for ever",
      function()
        local queue = full_queue()
        for _ = 1, 3 do
          local putter = parked(queue.put, queue, 1)
          putter:cancel()
          queue:get()
          parked(queue.get, queue):cancel()
          settle()
          queue:put(2)
        end
        assert.same({ 0, 0 }, { queue.getters.count, queue.putters.count })
        assert.same({ {}, {} }, { queue.getters.items, queue.putters.items })
      end)

    it("is shut down: waiting calls and later ones raise QueueShutDown, join "
      .. "goes on [20.5]", function()
      local queue, log = full_queue(), {}
      for i = 1, 2 do
        parked(function()
          log[i] = error_of(queue.put, queue, i):is "QueueShutDown"
        end)
      end
      local joiner = parked(queue.join, queue)
      queue:shutdown()
      settle()
      assert.same({ true, true }, log)
      assert.is_false(joiner:done())
      assert.equal(0, queue:get())
      queue:task_done()
      fails("QueueShutDown", queue.get, queue)
      joiner:await()
    end)

    it("is shut down, then the waiting call is cancelled: QueueShutDown, "
      .. "Cancelled is next [3.4, 3.10]", function()
      local queue, first, second = weft[kind](1), nil, nil
      local getter = parked(function()
        first = error_of(queue.get, queue)
        second = error_of(weft.checkpoint)
      end)
      queue:shutdown()
      getter:cancel()
      settle()
      assert.is_true(first:is "QueueShutDown")
      assert.is_true(second:is "CancelledError")
    end)

    it("is cancelled, then shut down: Cancelled [3.3]", function()
      local queue, err = weft[kind](1), nil
      local getter = parked(function() err = error_of(queue.get, queue) end)
      getter:cancel()
      queue:shutdown()
      settle()
      assert.is_true(err:is "CancelledError")
    end)

    it("drops what is stored at shutdown(true), which completes join [20.5]",
      function()
        local queue = weft[kind]()
        for i = 1, 300 do queue:put(i) end
        local joiner = parked(queue.join, queue)
        queue:shutdown(true)
        joiner:await()
        assert.equal(0, queue:size())
        fails("QueueShutDown", queue.get, queue)
      end)

    it("gives all its items to a for loop, and then ends [20.6]", function()
      local queue, sum = weft[kind](4), 0
      local task = weft.spawn(function()
        for item in queue:items() do sum = sum + item end
      end)
      for i = 1, 1000 do queue:put(i) end
      queue:shutdown()
      task:await()
      assert.equal(500500, sum)
    end)

    it("lets the others run though it always has an item: the 128th call of "
      .. "a step goes to the tail [1.7]", function()
      local queue, others = weft[kind](), 0
      for i = 1, 1000 do queue:put(i) end
      weft.yield()
      local other = weft.spawn(function()
        while true do
          others = others + 1
          weft.yield()
        end
      end)
      local at = {}
      for i = 1, 300 do
        queue:get()
        at[i] = others
      end
      assert.same({ 0, 1, 1, 2 }, { at[127], at[128], at[255], at[256] })
      for i = 1, 300 do
        queue:put(i)
        at[i] = others
      end
      assert.is_true(at[300] - at[1] >= 2)
      other:cancel()
      weft.yield()
    end)

    it("is not larger for the million items that went through it", function()
      -- Kilobytes by which a queue has grown when it is empty again.
      local function growth()
        local queue = weft[kind]()
        queue:put(1)
        queue:get()
        collectgarbage()
        local before = collectgarbage "count"
        for round = 1, 10 do -- each goes up to 10,000 items and back
          for i = 1, 10000 do queue:put((i * 7919) % 10000 + round) end
          for _ = 1, 10000 do queue:get() end
        end
        for i = 1, 900000 do
          queue:put(i)
          queue:get()
        end
        assert.equal(0, queue:size())
        collectgarbage()
        return collectgarbage "count" - before
      end
      -- What LuaJIT's compiler takes for itself now and then is not the
      -- queue's: a queue that grows does so each time.
      local kilobytes = math.min(growth(), growth(), growth())
      assert.is_true(kilobytes < 16, kilobytes .. " KB")
    end)

    for seed = 1, 4 do
      it("loses nothing and doubles nothing, whoever is cut off when, seed "
        .. seed .. " [3.4, 3.5, 20.1]", virtual(function()
        local random = seed * 7919
        local function next_random(n)
          random = (random * 1103515245 + 12345) % 2 ^ 31
          return math.floor(random / 2 ^ 31 * n)
        end
        local queue, put, got = weft[kind](3), {}, {}
        local function meddle(fn)
          for i = 1, 200 do
            weft.move_on_after(next_random(3), function() fn(i) end)
            if next_random(4) == 0 then weft.sleep(next_random(3)) end
          end
        end
        weft.group(function(group)
          for worker = 1, 4 do
            group:spawn(meddle, function(i)
              local item = worker * 1000 + i
              queue:put(item)
              put[item] = (put[item] or 0) + 1
            end)
            group:spawn(meddle, function()
              local item = queue:get()
              got[item] = (got[item] or 0) + 1
            end)
          end
        end)
        while not queue:empty() do
          local item = queue:get()
          got[item] = (got[item] or 0) + 1
        end
        assert.is_true(next(put) ~= nil)
        assert.same(put, got)
        assert.same({ 0, 0 }, { queue.getters.count, queue.putters.count })
      end, { seed = seed }))
    end
  end)
end
