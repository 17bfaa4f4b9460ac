--- What the specs of pools share: numbered resources, and those who borrow.
local assert = require "luassert"
local weft = require "weft"
local testing = require "weft.testing"

local lending = {}

--- A pool of tables { number = 1, 2, ... }, and a log: how many were begun to
-- be made, and of these given up; which were closed, in order; and the most
-- there ever were at a time. `opts.making` and `opts.closing` are the seconds
-- these take.
function lending.make_pool(opts)
  opts = opts or {}
  local log = { made = 0, given_up = 0, closed = {}, open = 0, most = 0 }
  local making, closing = opts.making or 0, opts.closing or 0
  opts.making, opts.closing = nil, nil
  function opts.create()
    log.made = log.made + 1
    local number = log.made
    log.open = log.open + 1
    log.most = math.max(log.most, log.open)
    local ok, err = pcall(weft.sleep, making)
    if ok then return { number = number } end
    log.open, log.given_up = log.open - 1, log.given_up + 1
    error(err, 0)
  end
  function opts.close(resource)
    weft.sleep(closing)
    log.open = log.open - 1
    table.insert(log.closed, resource.number)
  end
  return weft.pool(opts), log
end

--- Likewise, closed at the end of the test: with every resource given back, all
-- of them must be closed then.
function lending.new_pool(opts)
  local pool, log = lending.make_pool(opts)
  testing.defer(function()
    pool:close()
    assert.equal(0, log.open)
    assert.equal(0, pool:statistics().size)
  end)
  return pool, log
end

--- Size, idle, lent, waiting.
function lending.statistics_of(pool)
  local all = pool:statistics()
  return { all.size, all.idle, all.lent, all.waiting }
end

--- Starts a task that has a resource for `seconds`, and logs its number and
-- when it got it.
function lending.borrow(pool, seconds, log)
  return weft.spawn(function()
    pool:with(function(resource)
      if log then
        table.insert(log, ("%d at %g"):format(resource.number, weft.now()))
      end
      weft.sleep(seconds)
    end)
  end)
end

return lending
