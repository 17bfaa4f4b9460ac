-- Random programs against the model of spec/model: the rules of the semantics
-- hold for what tasks do to each other, in whichever order they run.
-- `make fuzz` does the same without an end.
local weft = require "weft"
local testing = require "weft.testing"
local search = require "spec.model.search"

-- Programs that are random take every path, each a little: so many traces would
-- be compiled that LuaJIT throws them all away again and again, which takes ten
-- times as long as running the programs. Only what is really hot is compiled.
require("jit.opt").start("hotloop=500", "hotexit=100", "maxtrace=4000",
  "maxmcode=8192")

-- Each program has a run of its own.
testing.options { plain = true, timeout = false }

-- Searches with a weft in which some functions are replaced: by faulty ones, to
-- see that the model finds what is wrong.
local function find_fault(replaced)
  local _, failure = search.find(1, 20000,
    setmetatable(replaced, { __index = weft }))
  assert.is_table(failure, "the fault was not found")
  return failure
end

describe("a handful of random programs", function()
  it("keeps the rules, and is counted", function()
    local count, failure = search.find(1, 4 * search.SCHEDULES)
    assert.is_nil(failure)
    assert.equal(4 * search.SCHEDULES, count)
  end)
end)

describe("the rules hold for random programs #model", function()
  local SCHEDULES, PARTS = 10000, 10
  local size = SCHEDULES / PARTS

  for part = 1, PARTS do
    local last = part * size
    it(("in the schedules %d to %d [1.5, 1.10, 2.2, 2.3, 3.2, 3.3, 3.4, 3.5, "
      .. "3.6, 4.2, 4.3, 4.7, 4.12, 6.3, 6.4, 6.5, 6.12, 6.13, 7.4, 8, 9.3, "
      .. "9.4, 9.7, 9.12, 11.2, 11.4]"):format(last - size + 1, last),
      function()
        local first_seed = (last - size) / search.SCHEDULES + 1
        local count, failure = search.find(first_seed, size)
        if failure then error(search.describe(failure), 0) end
        assert.equal(size, count)
      end)
  end
end)

describe("the model finds and shrinks #model", function()
  -- What a fault is: its name, the functions of weft it replaces, the most
  -- operations of the program that shows it, and words of the complaint.
  local function fault(name, size, words, replaced)
    it(name, function()
      local failure = find_fault(replaced)
      assert.is_true(failure.size <= size, search.describe(failure))
      assert.is_truthy(failure.problem:find(words, 1, true),
        search.describe(failure))
    end)
  end

  -- Replaces a method of what a function of weft makes.
  local function with_method(make, name, method)
    return { [make] = function(...)
      local object = weft[make](...)
      local original = object[name]
      object[name] = function(self, ...) return method(original, self, ...) end
      return object
    end }
  end

  fault("a sleep that returns early", 1, "returns at", {
    sleep = function(seconds, value)
      return weft.sleep(seconds > 2 and seconds - 1 or seconds, value)
    end,
  })

  fault("a sleep that swallows Cancelled", 4, "weft.sleep", {
    sleep = function(seconds, value)
      pcall(weft.sleep, seconds)
      return value
    end,
  })

  fault("a queue that drops an item", 2, "a queue holds",
    with_method("queue", "put", function(put, self, item)
      if self:size() ~= 1 then return put(self, item) end
      weft.checkpoint()
    end))

  fault("a queue whose get loses the item it was handed, if it is cancelled",
    8, ":get()", with_method("queue", "get", function(get, self)
      local item = get(self)
      weft.checkpoint()
      return item
    end))

  fault("a semaphore whose permits a newcomer may take from a waiter", 8,
    "semaphore", with_method("semaphore", "release",
      function(release, self)
        if self:value() == 0 then weft.call_soon(release, self)
        else release(self) end
      end))

  fault("an event whose set wakes nobody who waits", 5, "event1:wait()", {
    event = function()
      local event, is_set = weft.event(), false
      return {
        set = function() is_set = true end,
        clear = function() is_set = false end,
        is_set = function() return is_set end,
        wait = function() return is_set or event:wait() end,
      }
    end,
  })

  fault("a timeout that takes an outer cancellation for its own", 6,
    "raises TimeoutError, but by the rules it raises CancelledError", {
      timeout = function(seconds, fn)
        local results = { pcall(weft.timeout, seconds, fn) }
        if results[1] then return unpack(results, 2) end
        if not results[2].name then error(results[2], 0) end
        error(results[2].name == "CancelledError"
          and weft.TimeoutError "timed out" or results[2], 0)
      end,
    })

  fault("a group that loses a failure", 4, "weft.group", {
    group = function(fn, opts)
      local ok, value = pcall(weft.group, fn, opts)
      if ok then return value end
      if value.name == "ErrorGroup" then return nil end
      error(value, 0)
    end,
  })

  fault("a cancel that does nothing", 6, "ancelled", {
    spawn = function(fn)
      local task = weft.spawn(fn)
      task.cancel = function() return true end
      return task
    end,
  })

  fault("a lock that lets two in", 6, "lock1", with_method("lock", "acquire",
    function(acquire, self)
      if self:locked() then weft.checkpoint() else acquire(self) end
    end))

  fault("a condition that forgets a notification", 10, "lock1_", {
    condition = function(lock)
      local condition = weft.condition(lock)
      condition.notify = function(self, n)
        self.notify = nil
        self:notify(n - 1)
      end
      return condition
    end,
  })

  fault("a race that returns the loser's result", 4, "weft.race", {
    race = function(list)
      local last
      weft.race(list)
      for _, fn in ipairs(list) do last = fn end
      return last
    end,
  })
end)
