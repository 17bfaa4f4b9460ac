--- A pool: resources that are made when needed, lent, and used again.
--
-- Lua only, on the public API. A semaphore has a permit for each resource there
-- may be, so there are never more than `max`, and those who wait are served in
-- order. What becomes of the resources themselves is in weft.pool_members.
-- @module weft.pool

local weft = require "weft"
local options = require "weft.options"
local pool_members = require "weft.pool_members"

local pool = {}

local MAX = 10
local MOST_PERMITS = 2 ^ 53 - 1

-- A pool.
---@class weft.Pool
local Pool = {}
local metatable = { __name = "weft.Pool", __index = Pool }

local kinds = {
  create = options.func, close = options.func, check = options.func,
  min = options.count(0), max = options.count(1, true),
  idle = options.positive, lifetime = options.positive,
}

local function check_opts(opts)
  opts = options.check("pool", opts, kinds)
  options.expect("pool: create", options.func, opts.create, 3)
  local max = opts.max or MAX
  options.expect("pool: min", function(min)
    if min > max then return "at most max, " .. max end
  end, opts.min or 0, 3)
  return opts, max
end

--- Makes a pool of what `create()` makes. With `min` it makes so many at once:
-- then it parks, and raises what create raised, with nothing left open. opts:
--
-- - `create`: makes a resource; may park, and is cancelled with the acquire it
--   is called in;
-- - `close(x)`: closes one, shielded; default: `x:close()`, where it has that.
--   What it raises is reported;
-- - `check(x)`: called before one that lay idle is lent; may park; if it is not
--   true, or raises, that one is closed and another taken;
-- - `max`: how many there are at most, 10 by default;
-- - `min`: how many are kept although they lie idle, 0 by default;
-- - `idle`, `lifetime`: seconds after which one that is not lent is closed,
--   since its return, since its making; no limit by default.
--
-- The pool is a resource of `weft.with`, which closes it.
---@param opts table
---@return weft.Pool
function pool.new(opts)
  local max
  opts, max = check_opts(opts)
  local places = weft.semaphore(math.min(max, MOST_PERMITS))
  local members = pool_members.new(opts, places)
  local self = setmetatable({
    places = places, max = max, members = members,
  }, metatable)
  self.keeper = weft.spawn("pool", weft.finally,
    function() members:keep() end,
    function()
      members:shut()
      members:close_idle()
    end)
  weft.finally(function() members:fill() end, function(err)
    if err ~= nil then self:close() end
  end)
  return self
end

--- Lends a resource: the one used last, or a new one. Parks while `max` are
-- lent, first come, first served, and while one is checked or made. Raises
-- TimeoutError after `timeout` seconds, ClosedError when the pool is closed,
-- and what create raises. Cancelled, nothing was lent.
---@param timeout number?
---@return any
function Pool:acquire(timeout)
  if timeout ~= nil then
    options.expect("pool:acquire(timeout): timeout", options.seconds, timeout)
    return weft.timeout(timeout, function() return self:acquire() end)
  end
  self.places:acquire()
  return weft.finally(function() return self.members:take() end, function(err)
    if err ~= nil then self.places:release() end
  end)
end

--- Gives a resource back; `broken`: it is closed instead of used again, as it
-- is if its life or the pool's is over. No cancellation point; parks only while
-- one is closed. Raises InvalidStateError for what is not lent.
---@param resource any
---@param broken boolean?
function Pool:release(resource, broken)
  self.members:put(resource, broken)
  self.places:release()
end

--- Lends a resource to `fn(x)` and returns fn's results. If fn raises anything,
-- Cancelled included, nobody knows what state the resource is in: it is given
-- back as broken. Parks; raises what acquire and fn raise. Cancelled while it
-- waits, it did not call fn.
---@param fn fun(resource: any): ...
function Pool:with(fn)
  options.expect("pool:with(fn): fn", options.func, fn)
  local resource = self:acquire()
  local done = false
  local function note_done(...)
    done = true
    return ...
  end
  return weft.finally(function() return note_done(fn(resource)) end,
    function() self:release(resource, not done) end)
end

--- Closes the pool: from now on it lends nothing. Those who wait, and who come
-- later, get ClosedError; so does who has his turn, but no resource yet, for
-- all that was handed to him is a place. What lies idle is closed, what is lent
-- when it is given back. Returns when the idle are closed. No cancellation
-- point. Closing twice does nothing.
function Pool:close()
  self.members:shut()
  if weft.current_task() == self.keeper then return end
  weft.shield(function() weft.wait { self.keeper } end)
end

--- What there is now: `size` resources, of which `idle` and `lent`, the rest
-- being made or checked (but not those being closed); `waiting` tasks; `min`
-- and `max`.
---@return table
function Pool:statistics()
  local members = self.members
  return {
    size = members.size, idle = #members.idle, lent = members.lent,
    waiting = self.places:statistics().waiting,
    min = members.min, max = self.max,
  }
end

return pool
