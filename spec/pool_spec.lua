-- Pools: resources that are lent and used again.
local weft = require "weft"
local testing = require "weft.testing"
local helper = require "spec.helper"
local lending = require "spec.lending"

local error_of = helper.error_of
local virtual = testing.virtual
local fails, refuses = helper.fails, helper.refuses
local new_pool = lending.new_pool
local statistics_of, borrow = lending.statistics_of, lending.borrow

testing.options { virtual = true }

describe("a pool", function()
  it("makes a resource when there is none, and lends it again", function()
    local pool, log = new_pool()
    local first = pool:acquire()
    pool:release(first)
    assert.equal(first, pool:acquire())
    local second = pool:acquire()
    assert.not_equal(first, second)
    assert.equal(2, log.made)
    pool:release(first)
    pool:release(second)
  end)

  it("lends the one used last", function()
    local pool = new_pool()
    local a, b, c = pool:acquire(), pool:acquire(), pool:acquire()
    pool:release(b)
    pool:release(a)
    pool:release(c)
    assert.equal(c, pool:acquire())
    assert.equal(a, pool:acquire())
    assert.equal(b, pool:acquire())
    for _, x in ipairs { a, b, c } do pool:release(x) end
  end)

  it("never has more than max, and serves those who wait in order [1.5]",
    function()
      local pool, log = new_pool { max = 2, making = 1 }
      local got = {}
      for _, seconds in ipairs { 10, 12, 10, 10, 10 } do
        borrow(pool, seconds, got)
      end
      weft.sleep(100)
      assert.same({ "1 at 1", "2 at 1", "1 at 11", "2 at 13", "1 at 21" }, got)
      assert.equal(2, log.most)
    end)

  it("has at most 10 unless told", function()
    local pool, log = new_pool()
    for _ = 1, 30 do borrow(pool, 1) end
    weft.sleep(0.5)
    assert.same({ 10, 0, 10, 20 }, statistics_of(pool))
    weft.sleep(10)
    assert.equal(10, log.made)
  end)

  it("may have any number", function()
    local pool, log = new_pool { max = math.huge }
    for _ = 1, 500 do borrow(pool, 1) end
    weft.sleep(2)
    assert.equal(500, log.made)
  end)

  it("tells what there is", function()
    local pool = new_pool { max = 2, making = 2 }
    for _ = 1, 3 do borrow(pool, 10) end
    weft.sleep(1)
    assert.same({ 2, 0, 0, 1 }, statistics_of(pool)) -- two in the making
    weft.sleep(2)
    assert.same({ 2, 0, 2, 1 }, statistics_of(pool))
    weft.sleep(10)
    assert.same({ 2, 1, 1, 0 }, statistics_of(pool))
    weft.sleep(10)
    local all = pool:statistics()
    assert.same({ 0, 2 }, { all.min, all.max })
  end)

  it("closes by the resource's own close unless told", function()
    local closed = 0
    local pool = weft.pool {
      create = function()
        return { close = function() closed = closed + 1 end }
      end,
    }
    pool:release(pool:acquire())
    pool:close()
    assert.equal(1, closed)
    local plain = weft.pool { create = function() return 5 end }
    assert.equal(5, plain:acquire())
    plain:release(5)
    plain:close()
  end)
end)

describe("pool:with", function()
  it("returns all results of fn, and gives the resource back", function()
    local pool, log = new_pool()
    assert.same({ 1, nil, 3, n = 3 }, (function(...)
      return { n = select("#", ...), ... }
    end)(pool:with(function(resource) return resource.number, nil, 3 end)))
    assert.same({ 1, 1, 0, 0 }, statistics_of(pool))
    assert.same({}, log.closed)
  end)

  it("closes a resource whose user fails, and raises the error on", function()
    local pool, log = new_pool()
    fails("OSError", pool.with, pool, function()
      error(weft.OSError "x")
    end)
    assert.same({ 1 }, log.closed)
    error_of(pool.with, pool, function() error(nil) end)
    assert.same({ 1, 2 }, log.closed)
  end)

  it("closes a resource whose user is cancelled [12.10]", function()
    local pool, log = new_pool { closing = 2 }
    weft.move_on_after(5, function() pool:with(weft.sleep_forever) end)
    assert.same({ 1 }, log.closed)
    assert.equal(7, weft.now())
    assert.same({ 0, 0, 0, 0 }, statistics_of(pool))
  end)

  it("does not call fn when it is cancelled while it waits [3.5]", function()
    local pool = new_pool { max = 1 }
    local resource, called = pool:acquire(), false
    weft.move_on_after(5, function()
      pool:with(function() called = true end)
    end)
    assert.is_false(called)
    pool:release(resource)
  end)
end)

describe("pool:release", function()
  it("closes a resource that is broken, and makes place for a new one",
    function()
      local pool, log = new_pool { max = 1, closing = 3 }
      local got = {}
      local resource = pool:acquire()
      borrow(pool, 1, got)
      weft.yield()
      pool:release(resource, true)
      assert.same({ 1 }, log.closed)
      weft.sleep(1)
      assert.same({ "2 at 3" }, got)
      assert.equal(1, log.most)
      weft.sleep(1)
    end)

  it("works in cancelled code, and waits for the close [3.7]", function()
    local pool, log = new_pool { closing = 3 }
    weft.scope(function(scope)
      local a, b = pool:acquire(), pool:acquire()
      scope:cancel()
      pool:release(a)
      pool:release(b, true)
    end)
    assert.same({ 2 }, log.closed)
    assert.same({ 1, 1, 0, 0 }, statistics_of(pool))
  end)

  it("refuses what is not lent", function()
    local pool = new_pool()
    local resource = pool:acquire()
    pool:release(resource)
    for _, wrong in ipairs { resource, {}, 5 } do
      local err = fails("InvalidStateError", pool.release, pool, wrong)
      assert.is_truthy(err.message:find("not lent by the pool", 1, true))
    end
    fails("InvalidStateError", pool.release, pool, nil)
    assert.same({ 1, 1, 0, 0 }, statistics_of(pool))
  end)
end)

describe("pool:acquire", function()
  it("raises TimeoutError when its time is up, and loses nothing [7.4]",
    function()
      local pool = new_pool { max = 1 }
      local resource = pool:acquire()
      fails("TimeoutError", pool.acquire, pool, 5)
      assert.equal(5, weft.now())
      assert.same({ 1, 0, 1, 0 }, statistics_of(pool))
      pool:release(resource)
      assert.equal(resource, pool:acquire(5))
      pool:release(resource)
    end)

  it("counts the making into its time", function()
    local pool = new_pool { making = 9 }
    fails("TimeoutError", pool.acquire, pool, 5)
    assert.same({ 0, 0, 0, 0 }, statistics_of(pool))
  end)

  it("cancelled while it waits leaves its turn to the next [3.5]", function()
    local pool = new_pool { max = 1 }
    local got, resource = {}, pool:acquire()
    local gone = borrow(pool, 1)
    borrow(pool, 1, got)
    weft.sleep(1)
    gone:cancel()
    pool:release(resource)
    weft.sleep(10)
    assert.same({ "1 at 1" }, got)
  end)

  it("cancelled when it has been handed the turn has the resource [3.4]",
    function()
      local pool = new_pool { max = 1 }
      local resource, got = pool:acquire(), nil
      local waiter = weft.spawn(function()
        got = pool:acquire()
        pool:release(got)
      end)
      weft.sleep(1)
      pool:release(resource)
      waiter:cancel()
      waiter:await()
      assert.equal(resource, got)
      assert.same({ 1, 1, 0, 0 }, statistics_of(pool))
    end)

  it("cancelled while it makes one gives the place back [3.5]", function()
    local pool, log = new_pool { max = 1, making = 10 }
    weft.move_on_after(5, function() pool:acquire() end)
    assert.same({ 0, 0, 0, 0 }, statistics_of(pool))
    assert.equal(0, log.open)
    pool:release(pool:acquire())
  end)

  it("in cancelled code raises Cancelled, though one lies there [3.2]",
    function()
      local pool = new_pool()
      pool:release(pool:acquire())
      weft.scope(function(scope)
        scope:cancel()
        fails("CancelledError", pool.acquire, pool)
        fails("CancelledError", pool.acquire, pool, 5)
      end)
      assert.same({ 1, 1, 0, 0 }, statistics_of(pool))
    end)
end)

describe("pool:close", function()
  it("closes the idle, and the lent when they come back", function()
    local pool, log = new_pool { closing = 1 }
    local a, b = pool:acquire(), pool:acquire()
    pool:release(b)
    pool:close()
    assert.same({ 2 }, log.closed)
    assert.equal(1, weft.now())
    pool:release(a)
    assert.same({ 2, 1 }, log.closed)
  end)

  it("wakes those who wait with ClosedError, and those who come later "
    .. "[3.10]", function()
    local pool = new_pool { max = 1 }
    local log, resource = {}, pool:acquire()
    for i = 1, 3 do
      weft.spawn(function()
        fails("ClosedError", pool.acquire, pool)
        table.insert(log, i)
      end)
    end
    weft.sleep(1)
    pool:close()
    weft.yield()
    weft.yield()
    assert.same({ 1, 2, 3 }, log)
    local err = fails("ClosedError", pool.acquire, pool)
    assert.equal("the pool is closed", err.message)
    fails("ClosedError", pool.acquire, pool, 5)
    fails("ClosedError", pool.with, pool, print)
    pool:release(resource)
  end)

  it("gives ClosedError to who has his turn, but no resource yet [3.10]",
    function()
      local pool, log = new_pool { max = 1 }
      local resource = pool:acquire()
      local waiter = weft.spawn(function()
        fails("ClosedError", pool.acquire, pool)
      end)
      weft.sleep(1)
      pool:release(resource)
      assert.same({ 1, 1, 0, 0 }, statistics_of(pool)) -- nobody waits any more
      pool:close()
      waiter:await()
      assert.same({ 1 }, log.closed)
      assert.equal(1, log.made)
    end)

  it("has one that is being made closed at once", function()
    local pool, log = new_pool { making = 5 }
    local task = weft.spawn(function()
      fails("ClosedError", pool.acquire, pool)
    end)
    weft.sleep(1)
    pool:close()
    task:await()
    assert.same({ 1 }, log.closed)
  end)

  it("may come twice, and in cancelled code [3.7]", function()
    local pool, log = new_pool { closing = 2 }
    pool:with(function() end)
    weft.scope(function(scope)
      scope:cancel()
      pool:close()
      pool:close()
    end)
    assert.same({ 1 }, log.closed)
    assert.equal(2, weft.now())
  end)

  it("waits for a close that is under way", function()
    local pool, log = new_pool { closing = 5, idle = 1 }
    pool:with(function() end)
    weft.sleep(3)
    pool:close()
    assert.same({ 1 }, log.closed)
    assert.equal(6, weft.now())
  end)

  it("reports a close that fails, and goes on", function()
    local closed = 0
    local pool = weft.pool {
      create = function() return {} end,
      close = function()
        closed = closed + 1
        error(weft.OSError "not closed")
      end,
    }
    local a, b, c = pool:acquire(), pool:acquire(), pool:acquire()
    pool:release(a)
    pool:release(b)
    pool:release(c, true)
    pool:close()
    assert.equal(3, closed)
    local reports = testing.reports()
    assert.equal(3, #reports)
    assert.equal("pool", reports[1].task)
    assert.equal("not closed", reports[1].err.message)
  end)

  it("comes with the end of the run", testing.plain(function()
    local log, pool
    weft.run(function()
      pool, log = lending.make_pool()
      weft.spawn(function() pool:with(weft.sleep_forever) end)
      pool:with(function() end)
      weft.yield()
      pool:with(function() end)
    end)
    assert.equal(2, log.made)
    assert.equal(0, log.open)
  end))
end)

describe("a pool in a long random use", function()
  -- Tasks that borrow, are cancelled, break what they have, or time out.
  local function use(pool, random)
    local function once()
      local resource = pool:acquire(random(3) == 1 and random(5) or nil)
      local ok, err = pcall(weft.sleep, random(6) - 1)
      pool:release(resource, random(4) == 1)
      if not ok then error(err, 0) end
    end
    weft.group(function(g)
      for _ = 1, 60 do
        local task = g:spawn(weft.try, once)
        if random(3) == 1 then weft.sleep(random(3)) end
        if random(3) == 1 then task:cancel() end
      end
    end)
  end

  it("never has more than max, and loses nothing [1.10]",
    testing.plain(function()
      for seed = 1, 25 do
        virtual(function()
          math.randomseed(seed)
          local pool, log = new_pool {
            max = 3, min = seed % 3, idle = 4, lifetime = 15,
            making = seed % 2, closing = seed % 4 / 2,
            check = function()
              weft.sleep(0.5)
              return math.random(5) > 1
            end,
          }
          use(pool, math.random)
          assert.is_true(log.most <= 3, "there were " .. log.most)
          local all = pool:statistics()
          assert.is_true(all.size <= log.open) -- some are being closed
          assert.equal(0, all.lent)
          assert.equal(0, all.waiting)
          pool:close()
          assert.equal(0, log.open)
          assert.equal(log.made, #log.closed + log.given_up)
        end, { seed = seed })()
      end
    end))
end)

describe("weft.pool refuses", function()
  it("what is no pool's option", function()
    local function refused(pieces, opts)
      if type(opts) == "table" and opts.create == nil then
        opts.create = print
      end
      refuses(pieces, weft.pool, opts)
    end
    refuses({ "pool: create must be a function", "nil" }, weft.pool)
    refuses({ "pool: opts must be a table" }, weft.pool, print)
    refuses({ "create must be a function" }, weft.pool, { create = false })
    refused({ "no option", "size", "check, close, create, idle" }, { size = 3 })
    refused({ "max", "at least 1", "number 0" }, { max = 0 })
    refused({ "min", "whole number", "0.5" }, { min = 0.5 })
    refused({ "min must be at most max, 2, got number 3" },
      { min = 3, max = 2 })
    refused({ "idle", "above 0" }, { idle = 0 })
    refused({ "lifetime", "above 0", "string" }, { lifetime = "1" })
    refused({ "close", "function" }, { close = true })
    refused({ "check", "function" }, { check = 1 })
    assert.equal(1, #weft.all_tasks())
  end)

  it("wrong arguments of its methods", function()
    local pool = new_pool()
    refuses({ "pool:acquire(timeout): timeout", "string" }, pool.acquire, pool,
      "1")
    refuses({ "pool:acquire(timeout): timeout", "-1" }, pool.acquire, pool, -1)
    refuses({ "pool:with(fn): fn", "nil" }, pool.with, pool)
  end)
end)
