-- Tasks that wait in a line to give an item or to be given one.
local weft = require "weft"
local codes = require "weft.codes"
local testing = require "weft.testing"
local waiters = require "weft.waiters"

local virtual = testing.virtual

testing.options { virtual = true }

local settle = require("spec.helper").settle

-- A line, and what became of those who wait in it: by their numbers, in the
-- order in which they went on.
local function new_line()
  local line, log = waiters.new("queue (to get)", "a spec"), {}
  local function wait(number, item, seats)
    local task = weft.spawn(function()
      local code, left = waiters.park(line, "a spec", item, seats)
      table.insert(log, { number, code or left })
    end)
    weft.yield()
    return task
  end
  return line, log, wait
end

describe("a line of waiters", function()
  it("gives to the first, in order [1.5]", function()
    local line, log, wait = new_line()
    for i = 1, 2 do wait(i) end
    assert.equal(2, line.count)
    assert.is_true(waiters.give(line, "a"))
    assert.is_true(waiters.give(line, false))
    assert.is_false(waiters.give(line, "c"))
    assert.equal(0, line.count)
    assert.same({}, log) -- whoever wakes goes on first
    settle()
    assert.same({ { 1, "a" }, { 2, false } }, log)
    assert.same({}, line.items)
  end)

  it("takes from the first, in order [1.5]", function()
    local line, log, wait = new_line()
    wait(1, "a")
    wait(2, false)
    assert.equal("a", waiters.take(line))
    assert.equal(false, waiters.take(line))
    assert.is_nil(waiters.take(line))
    settle()
    assert.same({ { 1 }, { 2 } }, log)
  end)

  it("counts one that was cancelled until it has run, and gives it nothing "
    .. "[3.3]", function()
    local line, log, wait = new_line()
    local task = wait(1)
    wait(2)
    task:cancel()
    assert.same({ 2, 1 }, { line.count, waiters.waiting(line) })
    assert.is_true(waiters.give(line, "a"))
    assert.is_false(waiters.give(line, "b"))
    assert.equal(1, line.count)
    settle()
    assert.equal(0, line.count)
    assert.same({ { 1, codes.ECANCELLED }, { 2, "a" } }, log)
    assert.same({}, line.items)
  end)

  it("wakes all with one code [3.10]", function()
    local line, log, wait = new_line()
    for i = 1, 3 do wait(i, "item") end
    waiters.wake_all(line, codes.ESHUTDOWN)
    assert.equal(0, line.count)
    settle()
    assert.same({ { 1, codes.ESHUTDOWN }, { 2, codes.ESHUTDOWN },
      { 3, codes.ESHUTDOWN } }, log)
    assert.same({}, line.items)
  end)

  it("wakes those of some seats, in order, and leaves the others", function()
    local line, log, wait = new_line()
    local mine, others = {}, {}
    for i = 1, 9 do wait(i, nil, i % 3 == 0 and others or mine) end
    waiters.wake_seats(line, mine, codes.ECLOSED)
    assert.equal(3, line.count)
    settle()
    local order = {}
    for i, entry in ipairs(log) do order[i] = entry[1] end
    assert.same({ 1, 2, 4, 5, 7, 8 }, order)
    assert.same({}, mine)
    waiters.wake_all(line)
    settle()
    assert.same({}, others)
  end)

  it("does not wake one of the seats that was given something [3.4]", function()
    local line, log, wait = new_line()
    local seats = {}
    wait(1, nil, seats)
    waiters.give(line, "a")
    waiters.wake_seats(line, seats, codes.ECLOSED)
    assert.equal(0, line.count)
    settle()
    assert.same({ { 1, "a" } }, log)
  end)

  it("is empty when its run has ended", testing.plain(function()
    local line
    virtual(function()
      line = new_line()
      line.count = 1
    end)()
    assert.is_nil(waiters.wake(line))
    assert.equal(0, waiters.waiting(line))
    virtual(function() assert.is_false(waiters.give(line, "x")) end)()
  end))
end)
