-- Pipelines: items through stages with workers.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local fails, refuses = helper.fails, helper.refuses
local virtual = testing.virtual

testing.options { virtual = true }

local function double(n) return n * 2 end
local function plus_one(n) return n + 1 end

local function numbers(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return list
end

-- A stage that takes `seconds` for an item, and notes in `log` the most items
-- it had at a time.
local function slow(seconds, log)
  local running = 0
  return function(item)
    running = running + 1
    if log then log.most = math.max(log.most or 0, running) end
    weft.sleep(seconds)
    running = running - 1
    return item
  end
end

describe("weft.pipeline", function()
  it("takes each item through all stages", function()
    assert.same({ 3, 5, 7 }, weft.pipeline({ 1, 2, 3 }, { double, plus_one }))
    assert.same({}, weft.pipeline({}, { double }))
  end)

  it("drops an item whose stage returns nil", function()
    local function odd(n) if n % 2 == 1 then return n end end
    assert.same({ 2, 6, 10 }, weft.pipeline(numbers(6), { odd, double }))
    assert.same({ false, false }, weft.pipeline({ 1, 2 },
      { function() return false end }))
  end)

  it("may end in a stage that only stores", function()
    local stored = {}
    assert.same({}, weft.pipeline({ 1, 2 }, { double,
      function(n) table.insert(stored, n) end }))
    assert.same({ 2, 4 }, stored)
  end)

  it("runs its stages side by side", function()
    assert.equal(4, #weft.pipeline(numbers(4), { slow(1), slow(1), slow(1) }))
    assert.equal(6, weft.now())
  end)

  it("has as many workers in a stage as told, one unless told", function()
    local one, three = {}, {}
    weft.pipeline(numbers(9), {
      { slow(1, three), workers = 3 }, { slow(0.1, one) },
    })
    assert.equal(3, three.most)
    assert.equal(1, one.most)
    assert.is_true(math.abs(weft.now() - 3.3) < 1e-6)
  end)

  it("names the tasks of a stage", function()
    local names = weft.pipeline({ 1, 2 }, {
      function() return weft.current_task():name() end,
      { function(name) return name .. ", " .. weft.current_task():name() end,
        name = "namer" },
    })
    assert.same({ "stage 1, namer", "stage 1, namer" }, names)
  end)

  it("keeps no more items before a stage than its buffer", function()
    local drawn, most = 0, 0
    local log = { done = 0 }
    local function source()
      drawn = drawn + 1
      most = math.max(most, drawn - log.done)
      return drawn <= 50 and drawn or nil
    end
    weft.pipeline(source, {
      function(n) return n end,
      function(n)
        weft.sleep(1)
        log.done = log.done + 1
        return n
      end,
    }, { buffer = 2 })
    -- One in each stage, two before each, one the source has drawn; and the
    -- count is taken as the next one is drawn.
    assert.equal(50, log.done)
    assert.is_true(most <= 8, tostring(most))
  end)
end)

describe("the order of a pipeline's results", function()
  local durations = { 5.1, 1.2, 3.3, 2.4, 4.5, 1.6, 9.7, 1.8 }
  local function wait(i)
    weft.sleep(durations[i])
    return i
  end

  it("is that of their ends", function()
    assert.same({ 2, 3, 4, 1, 6, 8, 5, 7 },
      weft.pipeline(numbers(8), { { wait, workers = 3 } }))
  end)

  it("is the source's if it is to be ordered", function()
    assert.same(numbers(8), weft.pipeline(numbers(8), {
      { wait, workers = 3 }, double, function(i) return i / 2 end,
      { wait, workers = 2 },
    }, { ordered = true, buffer = 1 }))
  end)

  it("is kept where items are dropped", function()
    local results = weft.pipeline(numbers(8), {
      { function(i) if wait(i) % 3 ~= 0 then return i end end, workers = 4 },
    }, { ordered = true })
    assert.same({ 1, 2, 4, 5, 7, 8 }, results)
  end)

  it("is kept however turns are shuffled [1.10]", testing.plain(function()
    for seed = 1, 20 do
      virtual(function()
        math.randomseed(seed)
        local results = weft.pipeline(numbers(60), {
          { slow(0.5), workers = 4 },
          { function(i)
            weft.sleep(math.random(3) - 1)
            return i
          end, workers = 5 },
          { function(i) return i end, workers = 3 },
        }, { ordered = true, buffer = 3 })
        assert.same(numbers(60), results)
      end, { seed = seed })()
    end
  end))

  it("holds no more finished items than there are workers", function()
    local begun = 0
    weft.spawn(function()
      weft.sleep(50)
      assert.equal(4, begun) -- the first still runs; three wait for it
      weft.sleep(1000)
    end)
    weft.pipeline(numbers(20), {
      { function(i)
        begun = begun + 1
        weft.sleep(i == 1 and 100 or 1)
        return i
      end, workers = 4 },
    }, { ordered = true })
    weft.sleep(2000)
  end)
end)

describe("a pipeline's source", function()
  it("may be an iterator that parks", function()
    local i = 0
    local results = weft.pipeline(function()
      weft.sleep(1)
      i = i + 1
      return i <= 3 and i or nil
    end, { double })
    assert.same({ 2, 4, 6 }, results)
    assert.equal(4, weft.now())
  end)

  it("may be a queue, until that is shut down", function()
    local queue = weft.queue()
    weft.spawn(function()
      for i = 1, 3 do
        queue:put(i)
        weft.sleep(1)
      end
      queue:shutdown()
    end)
    assert.same({ 2, 4, 6 }, weft.pipeline(queue, { double }))
  end)

  it("may be called as a function", function()
    local left = 3
    local source = setmetatable({}, { __call = function()
      left = left - 1
      return left >= 0 and left or nil
    end })
    assert.same({ 4, 2, 0 }, weft.pipeline(source, { double }))
  end)

  it("that fails stops the pipeline", function()
    local err = fails("ErrorGroup", weft.pipeline, function()
      weft.sleep(1)
      error(weft.OSError "no more")
    end, { double })
    assert.equal(1, #err.errors)
    assert.equal("no more", err.errors[1].message)
    assert.equal("source", err.errors[1].task)
  end)
end)

describe("a pipeline's consumer", function()
  it("gets the results as they come, in the caller's task", function()
    local log, me = {}, weft.current_task()
    local first, second = weft.pipeline(numbers(3), { slow(1) }, {
      into = function(results)
        assert.equal(me, weft.current_task())
        for result in results do
          log[#log + 1] = result .. " at " .. weft.now()
        end
        return "done", nil
      end,
    })
    assert.same({ "1 at 1", "2 at 2", "3 at 3" }, log)
    assert.equal("done", first)
    assert.is_nil(second)
  end)

  it("that returns early has the rest cancelled", function()
    local unwound = 0
    local found = weft.pipeline(numbers(100), {
      { function(i)
        weft.finally(function() weft.sleep(i) end,
          function(err) if err then unwound = unwound + 1 end end)
        return i
      end, workers = 4 },
    }, { into = function(results)
      for result in results do
        if result == 3 then return result end
      end
    end })
    assert.equal(3, found)
    assert.equal(3, weft.now())
    assert.equal(4, unwound)
  end)

  it("that is slow holds up the source", function()
    local drawn = 0
    weft.pipeline(function()
      drawn = drawn + 1
      return drawn <= 40 and drawn or nil
    end, { double }, { buffer = 1, into = function(results)
      assert.equal(2, results())
      weft.sleep(10)
      assert.is_true(drawn <= 6, tostring(drawn))
    end })
  end)

  it("that fails stops the pipeline", function()
    local err = fails("ErrorGroup", weft.pipeline, numbers(5), { slow(1) }, {
      into = function(results)
        results()
        error(weft.OSError "full")
      end,
    })
    assert.equal("full", err.errors[1].message)
    assert.equal(1, weft.now())
  end)

  it("gets nil for ever at the end", function()
    weft.pipeline({ 1 }, { double }, { into = function(results)
      assert.equal(2, results())
      assert.is_nil(results())
      assert.is_nil(results())
    end })
  end)
end)

describe("a failure in a pipeline", function()
  it("cancels everything and comes in an ErrorGroup [9.4]", function()
    local unwound = 0
    local function held(i)
      weft.finally(function() weft.sleep(100) end,
        function() unwound = unwound + 1 end)
      return i
    end
    local err = fails("ErrorGroup", weft.pipeline, numbers(9), {
      function(i)
        weft.sleep(1)
        if i == 3 then error(weft.OSError "three") end
        return i
      end,
      { held, workers = 2 },
    })
    assert.equal(1, #err.errors)
    assert.equal("three", err.errors[1].message)
    assert.equal("stage 1", err.errors[1].task)
    assert.equal(2, unwound)
    assert.equal(3, weft.now())
  end)

  it("stops an ordered one, whose workers wait for each other", function()
    local err = fails("ErrorGroup", weft.pipeline, numbers(9), {
      { function(i)
        weft.sleep(i == 1 and 5 or 1)
        if i == 1 then error(weft.OSError "first") end
        return i
      end, workers = 3 },
    }, { ordered = true })
    assert.equal("first", err.errors[1].message)
    assert.equal(5, weft.now())
  end)
end)

describe("a pipeline, cancelled,", function()
  -- Cancels it at 5: it goes out at once, and leaves nothing.
  local function cut_off(source, stages, opts)
    local waited = weft.move_on_after(5, function()
      weft.pipeline(source, stages, opts)
    end)
    assert.is_true(waited:cancelled_caught())
    assert.equal(5, weft.now())
    assert.equal(1, #weft.all_tasks())
  end

  it("in its source goes out [3.2]", function()
    cut_off(weft.sleep_forever, { double })
  end)

  it("in a stage, and in a put to a full one, goes out [3.2]", function()
    cut_off(numbers(99), { double, weft.sleep_forever }, { buffer = 1 })
  end)

  it("while workers wait for their order goes out [3.2]", function()
    cut_off(numbers(99), {
      { function(i) return i > 1 and i or weft.sleep_forever() end,
        workers = 4 },
    }, { ordered = true })
  end)

  it("in its consumer goes out [3.2]", function()
    cut_off(numbers(99), { double }, { into = weft.sleep_forever })
  end)
end)

describe("weft.pipeline refuses", function()
  it("a source that is none", function()
    local text = "source must be a list, an iterator, or have :items()"
    refuses({ text, "nil" }, weft.pipeline)
    refuses({ text, "string" }, weft.pipeline, "abc", { double })
  end)

  it("stages that are none", function()
    local function refused(pieces, stages)
      refuses(pieces, weft.pipeline, {}, stages)
    end
    refused({ "stages must be a list of at least one", "nil" }, nil)
    refused({ "stages must be a list of at least one", "an empty table" }, {})
    refused({ "pipeline: stage 1[1] must be a function", "nil" }, { {} })
    refused({ "stage 2: opts must be a table", "number 5" }, { double, 5 })
    refused({ "stage 1: workers", "at least 1", "number 0" },
      { { double, workers = 0 } })
    refused({ "stage 1: there is no option", "worker" },
      { { double, worker = 2 } })
    refused({ "stage 1: name", "string" }, { { double, name = 5 } })
  end)

  it("wrong options", function()
    local function refused(pieces, opts)
      refuses(pieces, weft.pipeline, {}, { double }, opts)
    end
    refused({ "pipeline: opts", "table" }, 5)
    refused({ "no option", "limit", "buffer, into and ordered" }, { limit = 5 })
    refused({ "buffer", "at least 1", "number 0" }, { buffer = 0 })
    refused({ "ordered", "true or false" }, { ordered = 1 })
    refused({ "into", "function" }, { into = {} })
  end)
end)
