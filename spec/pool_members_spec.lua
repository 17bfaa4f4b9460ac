-- The resources of a pool: how they are made, checked and closed.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local lending = require "spec.lending"

local fails = helper.fails
local new_pool = lending.new_pool
local statistics_of, borrow = lending.statistics_of, lending.borrow

testing.options { virtual = true }

describe("a pool's create", function()
  it("that fails gives the place back, to the next who waits", function()
    local calls = 0
    local pool = weft.pool {
      max = 1,
      create = function()
        calls = calls + 1
        weft.sleep(1)
        if calls == 1 then error(weft.OSError "refused") end
        return { number = calls }
      end,
    }
    local got = {}
    weft.spawn(function() fails("OSError", pool.acquire, pool) end)
    borrow(pool, 1, got)
    weft.sleep(10)
    assert.same({ "2 at 2" }, got)
    pool:close()
  end)

  it("must give a resource, and a new one", function()
    local given
    local pool = weft.pool { create = function() return given end }
    local err = fails("InvalidStateError", pool.acquire, pool)
    assert.is_truthy(err.message:find("create returned nil", 1, true))
    given = {}
    pool:acquire()
    err = fails("InvalidStateError", pool.acquire, pool)
    assert.is_truthy(err.message:find("has already", 1, true))
    assert.same({ 1, 0, 1, 0 }, statistics_of(pool))
    pool:release(given)
    pool:close()
  end)
end)

describe("a pool's check", function()
  it("is called before one that lay idle is lent", function()
    local checked = {}
    local pool, log = new_pool {
      check = function(resource)
        table.insert(checked, resource.number)
        weft.sleep(1)
        return resource.number > 2
      end,
    }
    local a, b, c = pool:acquire(), pool:acquire(), pool:acquire()
    assert.same({}, checked)
    for _, x in ipairs { c, b, a } do pool:release(x) end
    assert.equal(c, pool:acquire())
    assert.same({ 1, 2, 3 }, checked)
    assert.same({ 1, 2 }, log.closed)
    pool:release(c)
    pool:close()
  end)

  it("that raises counts as failed, and is reported", function()
    local pool, log = new_pool { check = function() error "gone" end }
    pool:release(pool:acquire())
    local second = pool:acquire()
    assert.equal(2, second.number)
    assert.same({ 1 }, log.closed)
    pool:release(second)
    pool:close()
    local reports = testing.reports()
    assert.equal(1, #reports)
    assert.truthy(tostring(reports[1].err):find("gone", 1, true))
  end)

  it("that is cancelled has the resource closed [3.5]", function()
    local pool, log = new_pool { max = 1, check = weft.sleep_forever }
    pool:release(pool:acquire())
    weft.move_on_after(5, function() pool:acquire() end)
    assert.same({ 1 }, log.closed)
    assert.equal(1, log.made)
    assert.same({ 0, 0, 0, 0 }, statistics_of(pool))
    pool:release(pool:acquire())
    pool:close()
  end)
end)

describe("a pool's limits", function()
  it("close what lies idle too long, the moment it does", function()
    local pool, log = new_pool { idle = 10 }
    local a, b = pool:acquire(), pool:acquire()
    pool:release(a)
    weft.sleep(4)
    pool:release(b)
    weft.sleep(5.5)
    assert.same({}, log.closed)
    weft.sleep(1)
    assert.same({ 1 }, log.closed)
    weft.sleep(4)
    assert.same({ 1, 2 }, log.closed)
  end)

  it("count the idle time from the last return", function()
    local pool, log = new_pool { idle = 10 }
    for _ = 1, 5 do
      pool:with(function() end)
      weft.sleep(9)
    end
    assert.same({}, log.closed)
    assert.equal(1, log.made)
  end)

  it("close what has lived too long: idle, or when it comes back", function()
    local pool, log = new_pool { lifetime = 10 }
    local a = pool:acquire()
    pool:with(function() end)
    weft.sleep(8)
    assert.same({}, log.closed)
    weft.sleep(3)
    assert.same({ 2 }, log.closed)
    pool:release(a)
    assert.same({ 2, 1 }, log.closed)
  end)

  it("are seen by an acquire of the same moment", function()
    local pool, log = new_pool { idle = 10 }
    weft.spawn(function()
      weft.sleep(10) -- set before the keeper's time, so it comes first
      pool:with(function() end)
    end)
    weft.yield()
    pool:with(function() end)
    weft.sleep(15)
    assert.equal(2, log.made)
    assert.same({ 1 }, log.closed)
  end)

  it("never let more exist than max while one is being closed", function()
    local pool, log = new_pool { idle = 10, max = 1, closing = 5 }
    pool:with(function() end)
    weft.sleep(11)
    local got = {}
    borrow(pool, 1, got)
    weft.sleep(10)
    assert.same({ "2 at 15" }, got)
    assert.equal(1, log.most)
  end)

  it("keep min of the idle", function()
    local pool, log = new_pool { min = 2, idle = 10 }
    assert.equal(2, log.made)
    for _ = 1, 4 do borrow(pool, 1) end
    weft.sleep(100)
    assert.same({ 2, 2, 0, 0 }, statistics_of(pool))
    assert.equal(4, log.made)
    assert.equal(2, #log.closed)
  end)

  it("end lives that min would keep", function()
    local pool, log = new_pool { min = 1, lifetime = 10 }
    weft.sleep(11)
    assert.same({ 1 }, log.closed)
    pool:with(function(resource) assert.equal(2, resource.number) end)
  end)
end)

describe("a pool with min", function()
  it("makes so many at once", function()
    local pool = new_pool { min = 3, making = 1 }
    assert.equal(3, weft.now())
    assert.same({ 3, 3, 0, 0 }, statistics_of(pool))
  end)

  it("that cannot be made leaves nothing open", function()
    local made, closed = 0, 0
    fails("OSError", weft.pool, {
      min = 3,
      create = function()
        made = made + 1
        if made == 3 then error(weft.OSError "refused") end
        return {}
      end,
      close = function() closed = closed + 1 end,
    })
    assert.equal(2, closed)
    assert.equal(1, #weft.all_tasks())
  end)

  it("cancelled in its making leaves nothing open [3.5]", function()
    local log
    weft.move_on_after(2.5, function()
      local closed = {}
      log = closed
      weft.pool {
        min = 9, close = function(x) table.insert(closed, x[1]) end,
        create = function()
          weft.sleep(1)
          return { weft.now() }
        end,
      }
    end)
    table.sort(log)
    assert.same({ 1, 2 }, log)
  end)
end)
