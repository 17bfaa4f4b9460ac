-- Priority queues: the smallest item first. What they share with the other
-- queues is in queue_kinds_spec.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local error_of = helper.error_of
local fails, refuses = helper.fails, helper.refuses

testing.options { virtual = true }

local settle = helper.settle

local function parked(fn, ...)
  local task = weft.spawn(fn, ...)
  weft.yield()
  assert.is_false(task:done())
  return task
end

local function by_rank(a, b) return a.rank < b.rank end

-- All items, in the order in which the queue gives them.
local function drain(queue)
  local got = {}
  while not queue:empty() do got[#got + 1] = queue:try_get() end
  return got
end

-- The numbers 1 to n in an order that only looks random.
local function mixed(n)
  local numbers, x = {}, 1
  for i = 1, n do numbers[i] = i end
  for i = n, 2, -1 do
    x = (x * 16807) % 2147483647
    local j = x % i + 1
    numbers[i], numbers[j] = numbers[j], numbers[i]
  end
  return numbers
end

-- -- The order ---------------------------------------------------------------

describe("a priority queue", function()
  it("gives the smallest item first [20.3]", function()
    local queue = weft.priority_queue()
    for _, item in ipairs { 3, 1, 4, 1, 5, 9, 2, 6 } do queue:put(item) end
    assert.same({ 1, 1, 2, 3, 4, 5, 6, 9 }, drain(queue))
  end)

  it("compares strings as well [20.3]", function()
    local queue = weft.priority_queue()
    for _, item in ipairs { "b", "c", "a" } do queue:put(item) end
    assert.same({ "a", "b", "c" }, drain(queue))
  end)

  it("compares by __lt what has that [20.3]", function()
    local queue, ranked = weft.priority_queue(), { __lt = by_rank }
    for _, rank in ipairs { 2, 3, 1 } do
      queue:put(setmetatable({ rank = rank }, ranked))
    end
    for rank = 1, 3 do assert.equal(rank, queue:get().rank) end
  end)

  it("takes any less: the greatest first [20.3]", function()
    local queue = weft.priority_queue(nil, function(a, b) return a > b end)
    for _, item in ipairs { 2, 3, 1, 3 } do queue:put(item) end
    assert.same({ 3, 3, 2, 1 }, drain(queue))
  end)

  it("takes any value with a less of one's own, false and NaN too [20.3]",
    function()
      local queue = weft.priority_queue(nil, function(a, b)
        return type(a) < type(b)
      end)
      queue:put "text"
      queue:put(0 / 0)
      queue:put(false)
      assert.equal(false, queue:get())
      assert.equal("number", type(queue:get()))
      assert.equal("text", queue:get())
    end)

  it("gives equal ones in the order put [20.3]", function()
    local queue = weft.priority_queue(nil, by_rank)
    for i = 1, 2000 do queue:put { rank = i % 7, number = i } end
    local last = { rank = 0, number = 0 }
    for _ = 1, 2000 do
      local item = queue:get()
      if item.rank == last.rank then
        assert.is_true(item.number > last.number)
      else
        assert.is_true(item.rank > last.rank)
      end
      last = item
    end
  end)

  for _, count in ipairs { 100, 127, 128, 129, 256, 5000 } do
    it("keeps the order of " .. count .. " items put in any order [20.3]",
      function()
        local queue, expected = weft.priority_queue(), {}
        for i = 1, count do expected[i] = i end
        for _, order in ipairs { mixed(count), expected } do
          for _, item in ipairs(order) do queue:put(item) end
          assert.equal(count, queue:size())
          assert.same(expected, drain(queue))
        end
        for i = count, 1, -1 do queue:put(i) end
        assert.same(expected, drain(queue))
      end)
  end

  it("keeps the order where puts and gets alternate [20.3]", function()
    local queue, there = weft.priority_queue(), {}
    for i, item in ipairs(mixed(3000)) do
      queue:put(item)
      table.insert(there, item)
      if i % 3 ~= 0 then
        table.sort(there)
        assert.equal(table.remove(there, 1), queue:get())
      end
    end
    table.sort(there)
    assert.same(there, drain(queue))
  end)

  it("compares numbers with what `<` compares them with [20.3]", function()
    local queue = weft.priority_queue()
    for _, item in ipairs { 3, 5LL, 1, 4LL, 2 } do queue:put(item) end
    for i = 1, 5 do assert.equal(i, tonumber(queue:get())) end
  end)

  it("goes from one kind of items to another once it is empty", function()
    local queue = weft.priority_queue()
    queue:put(2)
    assert.equal(2, queue:get())
    queue:put "b"
    queue:put "a"
    assert.same({ "a", "b" }, drain(queue))
    queue:put(2)
    queue:put(1)
    assert.same({ 1, 2 }, drain(queue))
  end)

  it("hands an item over to who waits, however great it is [20.1, 3.6]",
    function()
      local queue, got = weft.priority_queue(), {}
      for i = 1, 2 do parked(function() got[i] = queue:get() end) end
      queue:put(9)
      queue:put(1)
      settle()
      assert.same({ 9, 1 }, got)
    end)

  it("takes a waiting putter's item in where it belongs [20.1, 20.3]",
    function()
      local queue, got = weft.priority_queue(2), {}
      queue:put(5)
      queue:put(6)
      parked(queue.put, queue, 7)
      parked(queue.put, queue, 1)
      for i = 1, 4 do got[i] = queue:get() end
      -- 7 came first, so 1 was put when 6 had gone
      assert.same({ 5, 6, 1, 7 }, got)
      settle()
    end)

  it("refuses a less that is no function", function()
    refuses({ "priority_queue(max, less)", "less", "function", "number 5" },
      weft.priority_queue, nil, 5)
    refuses({ "priority_queue(max)", "number", "function" },
      weft.priority_queue, by_rank)
  end)
end)

-- -- What cannot be compared -------------------------------------------------

describe("a put that cannot be compared", function()
  it("is an ArgumentError which says with what, and the queue stays as it was "
    .. "[20.3]", function()
    local queue = weft.priority_queue()
    queue:put(1)
    refuses({ "priority_queue:put(v)", "table", "number", "less" },
      queue.put, queue, {})
    refuses({ "put(v)", "string", "number" }, queue.put, queue, "a")
    refuses({ "put(v)", "boolean" }, queue.try_put, queue, true)
    assert.same({ 1, 1 }, { queue:size(), queue:statistics().unfinished })
    queue:put(0)
    assert.same({ 0, 1 }, drain(queue))
  end)

  it("is one for tables that have no __lt [20.3]", function()
    local queue = weft.priority_queue()
    queue:put {}
    refuses({ "put(v)", "two table values" }, queue.put, queue, {})
    assert.equal(1, queue:size())
  end)

  it("is one for NaN, which has no place in an order [20.3]", function()
    local queue = weft.priority_queue()
    refuses({ "put(v)", "NaN" }, queue.put, queue, 0 / 0)
    queue:put(1)
    refuses({ "put(v)", "NaN" }, queue.put, queue, 0 / 0)
    assert.equal(1, queue:size())
  end)
end)

-- -- A less that fails -------------------------------------------------------

-- Fails where an item says so.
local function touchy(a, b)
  if a.bad or b.bad then error(a.bad or b.bad, 0) end
  return a.rank < b.rank
end

local function touchy_queue(max, ...)
  local queue = weft.priority_queue(max, touchy)
  for _, rank in ipairs { ... } do queue:put { rank = rank } end
  return queue
end

local function ranks(queue)
  local list = {}
  for i, item in ipairs(drain(queue)) do list[i] = item.rank end
  return list
end

describe("a less that fails", function()
  it("fails that put with its error, and leaves the queue as it was [20.3, "
    .. "10.1]", function()
    local queue, mine = touchy_queue(nil, 3, 1, 2), {}
    assert.equal(mine, error_of(queue.put, queue, { rank = 0, bad = mine }))
    assert.equal("why", error_of(queue.try_put, queue, { bad = "why" }))
    assert.same({ 3, 3 }, { queue:size(), queue:statistics().unfinished })
    queue:put { rank = 0 }
    assert.same({ 0, 1, 2, 3 }, ranks(queue))
  end)

  it("does so among many items, wherever it fails [20.3]", function()
    for at = 1, 12 do
      local calls, limit = 0, math.huge
      local queue = weft.priority_queue(nil, function(a, b)
        calls = calls + 1
        if calls == limit then error "enough" end
        return a < b
      end)
      local numbers = mixed(1000)
      for _, number in ipairs(numbers) do queue:put(number) end
      calls, limit = 0, at
      local ok = pcall(queue.put, queue, 0)
      limit = math.huge
      assert.equal(calls < at, ok)
      assert.equal(ok and 1001 or 1000, queue:size())
      local got = drain(queue)
      for i = 2, #got do assert.is_true(got[i - 1] <= got[i]) end
    end
  end)

  it("never fails a get: nothing is compared then [20.3]", function()
    local broken = false
    local queue = weft.priority_queue(nil, function(a, b)
      assert(not broken, "a get compares")
      return a < b
    end)
    for _, number in ipairs(mixed(1000)) do queue:put(number) end
    broken = true
    for i = 1, 1000 do assert.equal(i, queue:get()) end
  end)

  it("fails a put that waits, not the get that made room; the next putter's "
    .. "item is taken in [20.3, 20.1]", function()
    local queue, mine, errs = touchy_queue(2, 5, 6), {}, {}
    local function put(item)
      return parked(function()
        local ok, err = pcall(queue.put, queue, item)
        errs[#errs + 1] = ok and "put" or err
      end)
    end
    put { rank = 1, bad = mine }
    put { rank = 2, bad = "the second" }
    put { rank = 3 }
    put { rank = 4 }
    assert.equal(5, queue:get().rank)
    assert.equal(2, queue:size())
    settle()
    assert.same({ mine, "the second", "put" }, errs)
    assert.equal(mine, errs[1])
    assert.same({ 2, 1 }, { queue:size(), queue:statistics().putters })
    assert.equal(3, queue:statistics().unfinished) -- 5, which was got, 6 and 3
    assert.equal(3, queue:get().rank)
    settle()
    assert.same({ 4, 6 }, ranks(queue))
  end)

  it("leaves the place free if all who wait are refused [20.3]", function()
    local queue, count = touchy_queue(2, 5, 6), 0
    for _ = 1, 2 do
      parked(function()
        if not pcall(queue.put, queue, { bad = "bad" }) then
          count = count + 1
        end
      end)
    end
    queue:get()
    assert.is_false(queue:full())
    queue:put { rank = 7 }
    settle()
    assert.equal(2, count)
    assert.same({ 6, 7 }, ranks(queue))
  end)

  it("fails a put that waited though its task is cancelled since [3.4, 20.3]",
    function()
      local queue, first, second = touchy_queue(2, 5, 6), nil, nil
      local task = parked(function()
        first = error_of(queue.put, queue, { bad = "bad" })
        second = error_of(weft.checkpoint)
      end)
      queue:get()
      task:cancel()
      settle()
      assert.equal("bad", first)
      assert.is_true(second:is "CancelledError")
    end)

  it("is not asked about an item whose put was cancelled [3.5, 20.3]",
    function()
      local queue = touchy_queue(1, 5)
      local task = parked(queue.put, queue, { bad = "bad" })
      task:cancel()
      queue:get()
      assert.is_true(queue:empty())
      settle()
      assert.is_true(task:cancelled())
    end)

  it("keeps its traceback", function()
    local queue = weft.priority_queue(nil, function(a, b)
      return a.rank < b.rank
    end)
    queue:put { rank = 1 }
    local _, err = weft.try(queue.put, queue, {})
    assert.is_truthy(err.traceback:find("priority_queue_spec", 1, true))
    assert.is_truthy(err.message:find("compare nil with number", 1, true))
    assert.is_false(err:is "ArgumentError")
  end)
end)

-- -- A less that does what it must not ---------------------------------------

describe("a less that parks", function()
  for name, park in pairs {
    sleep = function() weft.sleep(1) end,
    yield = weft.yield,
    ["await of a task"] = function() weft.spawn(weft.yield):await() end,
    ["get from an empty queue"] = function() weft.queue():get() end,
    ["sleep in a pcall"] = function()
      local ok, err = pcall(weft.sleep, 1)
      if not ok then error(err, 0) end
    end,
  } do
    it("is an InvalidStateError that names it: " .. name .. " [20.3, 13.3]",
      function()
        local may_park = false
        local queue = weft.priority_queue(2, function(a, b)
          if may_park then park() end
          return a < b
        end)
        queue:put(2)
        may_park = true
        local err = fails("InvalidStateError", queue.put, queue, 1)
        assert.is_truthy(
          err.message:find("less of a priority_queue", 1, true), err.message)
        assert.equal(1, queue:size())
        may_park = false
        queue:put(1)
        assert.same({ 1, 2 }, drain(queue))
        settle()
      end)
  end

  it("fails the put that waits, where a get made room [20.3]", function()
    local may_park, err = false, nil
    local queue = weft.priority_queue(2, function(a, b)
      if may_park then weft.sleep(1) end
      return a < b
    end)
    queue:put(1)
    queue:put(2)
    parked(function() err = error_of(queue.put, queue, 3) end)
    may_park = true
    assert.equal(1, queue:get())
    settle()
    assert.is_true(err:is "InvalidStateError")
    assert.equal(0, weft.now())
    assert.same({ 2 }, drain(queue))
  end)

  it("is an InvalidStateError in a coroutine of its own too [20.3, 13.3]",
    function()
      local queue = weft.priority_queue(2, function(a, b)
        coroutine.wrap(weft.sleep)(1)
        return a < b
      end)
      queue:put(1)
      fails("InvalidStateError", queue.put, queue, 2)
      assert.equal(1, queue:size())
    end)

  it("is one by __lt too [20.3]", function()
    local ranked = { __lt = function(a, b)
      weft.sleep(1)
      return by_rank(a, b)
    end }
    local queue = weft.priority_queue()
    queue:put(setmetatable({ rank = 1 }, ranked))
    local err = fails("InvalidStateError", queue.put, queue,
      setmetatable({ rank = 2 }, ranked))
    assert.is_truthy(err.message:find("less of a priority_queue", 1, true))
    assert.equal(1, queue:size())
  end)
end)

describe("a less that uses its own queue", function()
  for name, use in pairs {
    put = function(queue) queue:put(0) end,
    get = function(queue) queue:get() end,
    try_get = function(queue) queue:try_get() end,
    shutdown = function(queue) queue:shutdown(true) end,
  } do
    it("is an InvalidStateError, and the queue stays as it was: " .. name
      .. " [20.3]", function()
      local queue, may_use
      queue = weft.priority_queue(nil, function(a, b)
        if may_use then use(queue) end
        return a < b
      end)
      for i = 1, 5 do queue:put(i) end
      may_use = true
      local err = fails("InvalidStateError", queue.put, queue, 3)
      assert.is_truthy(err.message:find("less must not use", 1, true))
      may_use = false
      queue:put(6)
      assert.same({ 1, 2, 3, 4, 5, 6 }, drain(queue))
    end)
  end
end)
