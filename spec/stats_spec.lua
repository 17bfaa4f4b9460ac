-- Numbers of the running program.
local weft = require "weft"
local testing = require "weft.testing"
local run = require "weft.run"

testing.options { virtual = true }

describe("weft.stats", function()
  after_each(function() weft.debug(false) end)

  it("counts turns, switches, polls and callbacks of this run",
    function()
      local before = weft.stats()
      for _ = 1, 10 do weft.yield() end
      weft.call_soon(function() end)
      weft.yield()
      local now = weft.stats()
      assert.equal(11, now.switches - before.switches)
      assert.equal(11, now.turns - before.turns)
      weft.sleep(1)
      assert.is_true(weft.stats().polls > now.polls)
      assert.equal(1, now.callbacks - before.callbacks)
      assert.is_nil(now.longest_step)
    end)

  it("counts tasks by what they do, and by what they wait for",
    function()
      local queue, lock = weft.queue(), weft.lock()
      weft.group(function(g)
        for _ = 1, 3 do g:spawn(queue.get, queue) end
        g:spawn(weft.sleep, 60)
        lock:acquire()
        g:spawn(lock.acquire, lock)
        weft.yield()
        g:spawn(function() end)
        local now = weft.stats()
        assert.same({ total = 7, ready = 1, running = 1, parked = 5 },
          now.tasks)
        assert.same({ ["queue (to get)"] = 3, sleep = 1, lock = 1 },
          now.waiting)
        assert.equal(1, now.timers)
        g:cancel()
      end)
      lock:release()
      assert.same({ total = 1, ready = 0, running = 1, parked = 0 },
        weft.stats().tasks)
    end)

  it("counts open objects by kind, a queue or channel as one",
    function()
      local kept = { weft.queue(), weft.priority_queue(), weft.event(),
        weft.event(), weft.channel(), weft.semaphore(1) }
      local objects = weft.stats().objects
      assert.equal(2, objects.queue)
      assert.equal(1, objects.channel)
      assert.equal(2, objects.event)
      assert.equal(1, objects.semaphore)
      assert.is_nil(objects.group)
      weft.group(function() assert.equal(1, weft.stats().objects.group) end)
      kept[3]:close()
      assert.equal(1, weft.stats().objects.event)
    end)

  it("has the longest step where steps are timed [29.2]", function()
    weft.debug { slow = 30 }
    weft.yield()
    local ends = os.clock() + 0.005
    while os.clock() < ends do end
    weft.yield()
    local longest = weft.stats().longest_step
    assert.is_true(longest >= 0.004 and longest < 30, tostring(longest))
  end)

  it("lists queues and channels with where they were made, if that is kept",
    function()
      weft.debug { sites = false }
      assert.is_nil(weft.stats().queues)
      weft.debug { sites = true }
      local queue = weft.queue(5)
      local sender, receiver = weft.channel(3)
      queue:put "a"
      queue:put "b"
      sender:send "c"
      local queues = weft.stats().queues
      assert.equal(2, #queues)
      assert.equal("queue", queues[1].kind)
      assert.matches("^.*stats_spec%.lua:%d+$", queues[1].made)
      assert.equal(2, queues[1].size)
      assert.equal(5, queues[1].maxsize)
      assert.equal(0, queues[1].getters)
      assert.equal("channel", queues[2].kind)
      assert.equal(1, queues[2].size)
      assert.equal(3, queues[2].capacity)
      assert.equal("c", receiver:receive())
    end)

  it("keeps no queue alive, and shows none of another run",
    testing.plain(function()
      local kept
      weft.debug { sites = true }
      run.run_with({ virtual = true }, function()
        kept = weft.queue()
        do local _ = weft.queue() end
        collectgarbage()
        collectgarbage()
        assert.equal(1, #weft.stats().queues)
      end)
      run.run_with({ virtual = true }, function()
        assert.same({}, weft.stats().queues)
        assert.equal(0, kept:size())
      end)
    end))

  it("is all zero outside a run", testing.plain(function()
    weft.debug { sites = false }
    assert.same({ turns = 0, switches = 0, polls = 0, callbacks = 0,
      tasks = { total = 0, ready = 0, running = 0, parked = 0 }, timers = 0,
      waiting = {}, objects = {} }, weft.stats())
  end))

  it("gives a table of the caller's own", function()
    weft.stats().tasks.total = 99
    assert.equal(1, weft.stats().tasks.total)
  end)
end)
