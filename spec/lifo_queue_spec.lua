-- LIFO queues: the newest item first. What they share with the other queues is
-- in queue_kinds_spec.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"

local refuses = helper.refuses

testing.options { virtual = true }

local settle = helper.settle

local function parked(fn, ...)
  local task = weft.spawn(fn, ...)
  weft.yield()
  assert.is_false(task:done())
  return task
end

describe("a LIFO queue", function()
  it("gives the newest item first [20.3]", function()
    local queue, got = weft.lifo_queue(), {}
    for i = 1, 5 do queue:put(i) end
    for i = 1, 5 do got[i] = queue:get() end
    assert.same({ 5, 4, 3, 2, 1 }, got)
  end)

  it("gives what was put since before what was there [20.3]", function()
    local queue = weft.lifo_queue()
    queue:put "a"
    queue:put "b"
    assert.equal("b", queue:get())
    queue:put "c"
    assert.equal("c", queue:try_get())
    assert.equal("a", queue:get())
  end)

  it("keeps that order through thousands of items [20.3]", function()
    local queue = weft.lifo_queue()
    for i = 1, 5000 do queue:put(i) end
    for i = 5000, 1001, -1 do assert.equal(i, queue:get()) end
    for i = 1001, 3000 do queue:put(i) end
    for i = 3000, 1, -1 do assert.equal(i, queue:get()) end
    assert.is_true(queue:empty())
  end)

  it("takes false as an item", function()
    local queue = weft.lifo_queue()
    queue:put(1)
    queue:put(false)
    assert.equal(false, queue:get())
    assert.equal(1, queue:get())
  end)

  it("takes a waiting putter's item in as the newest, the first who waits "
    .. "first [20.1, 20.3]", function()
    local queue, got = weft.lifo_queue(2), {}
    queue:put "a"
    queue:put "b"
    parked(queue.put, queue, "c")
    parked(queue.put, queue, "d")
    for i = 1, 4 do got[i] = queue:get() end
    assert.same({ "b", "c", "d", "a" }, got)
    settle()
  end)

  it("is drained newest first in a for loop [20.6, 20.3]", function()
    local queue, got = weft.lifo_queue(), {}
    for i = 1, 3 do queue:put(i) end
    queue:shutdown()
    for item in queue:items() do got[#got + 1] = item end
    assert.same({ 3, 2, 1 }, got)
  end)

  it("refuses a max that is no number", function()
    refuses({ "lifo_queue(max)", "number", "NaN" }, weft.lifo_queue, 0 / 0)
  end)
end)
