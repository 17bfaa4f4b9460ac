--- A pool: resources that are made when needed, lent, and used again.
--
-- Lua only, on the public API. A semaphore has a permit for each resource there
-- may be: whoever makes, checks, uses or closes one has a permit, so there are
-- never more than `max`, and those who wait are served in order. A task, the
-- keeper, closes what lies idle too long, and the rest when the pool is closed
-- or the run ends.
-- @module weft.pool

local weft = require "weft"
local errors = require "weft.error"
local options = require "weft.options"
local report = require "weft.report"

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

-- -- The life of a resource ---------------------------------------------------
-- A member has its `resource` and the time its life `ends`; whether it is lent;
-- and, once it has lain idle, the time it is `due` to be closed for that.

local function close_resource(self, resource)
  if self.close_it then return self.close_it(resource) end
  if type(resource) == "table" and type(resource.close) == "function" then
    resource:close()
  end
end

-- Closes it, whoever is cancelled. Nobody waits for this error: it is reported.
local function discard(self, member)
  self.size = self.size - 1
  self.members[member.resource] = nil
  local ok, err = xpcall(weft.shield, errors.trace, function()
    close_resource(self, member.resource)
  end)
  if not ok then report.report(report.FAILURE, "pool", errors.object(err)) end
end

local function create(self)
  self.size = self.size + 1
  local ok, resource = xpcall(self.create, errors.trace)
  if ok and resource ~= nil and not self.members[resource] then
    local member = { resource = resource, ends = weft.now() + self.lifetime }
    self.members[resource] = member
    return member
  end
  self.size = self.size - 1
  if not ok then error(resource, 0) end
  errors.fail_state("pool: create returned " .. (resource == nil
    and "nil, which is no resource" or "a resource that the pool has already"))
end

-- Whether it may be lent. One whose check is cut off is in the middle of
-- something, so nobody gets it.
local function is_fit(self, member)
  local now = weft.now()
  if self.closed or math.min(member.ends, member.due or math.huge) <= now then
    return false
  end
  if not self.check or not member.due then return true end
  local ok, healthy = xpcall(self.check, errors.trace, member.resource)
  if not ok and errors.is_cancelled(healthy) then
    discard(self, member)
    error(healthy, 0)
  end
  return ok and healthy and not self.closed
end

local function lay_by(self, member)
  member.due = math.min(weft.now() + self.idle_time, member.ends)
  table.insert(self.idle, member)
  if member.due < self.next_sweep then self.changed:set() end
end

-- -- The keeper ---------------------------------------------------------------

-- The place among the idle of one to be closed. Those that `min` keeps stay
-- until their life ends.
local function find_due(self, now)
  for i, member in ipairs(self.idle) do
    if member.due <= now then
      if member.ends <= now or self.size > self.min then return i end
      member.due = member.ends
    end
  end
end

local function sweep(self)
  while self.places:try_acquire() do
    local i = find_due(self, weft.now())
    if i then discard(self, table.remove(self.idle, i)) end
    self.places:release()
    if not i then return end
  end
end

local function keep(self)
  while not self.closed do
    sweep(self)
    self.next_sweep = math.huge
    for _, member in ipairs(self.idle) do
      self.next_sweep = math.min(self.next_sweep, member.due)
    end
    weft.move_on_at(self.next_sweep, function() self.changed:wait() end)
    self.changed:clear()
  end
end

-- From now on nothing is lent. The permit goes from one who waits to the next:
-- each gets ClosedError and gives it on.
local function shut(self)
  if self.closed then return end
  self.closed = true
  self.changed:set()
  self.places:release()
end

local function close_idle(self)
  shut(self)
  while #self.idle > 0 do discard(self, table.remove(self.idle)) end
end

-- -- Making -------------------------------------------------------------------

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
  opts = options.check("pool", opts, kinds)
  options.expect("pool: create", options.func, opts.create)
  local max, min = opts.max or MAX, opts.min or 0
  if min > max then
    errors.fail_argument("pool: min must be at most max, " .. max .. ", got "
      .. min)
  end
  local self = setmetatable({
    create = opts.create, close_it = opts.close, check = opts.check,
    min = min, max = max,
    idle_time = opts.idle or math.huge, lifetime = opts.lifetime or math.huge,
    places = weft.semaphore(math.min(max, MOST_PERMITS)),
    members = {}, idle = {}, -- by their resource; a list, last used last
    size = 0, waiting = 0, -- members, those in the making too; tasks
    changed = weft.event(), next_sweep = math.huge, closed = false,
  }, metatable)
  self.keeper = weft.spawn("pool", weft.finally, function() keep(self) end,
    function() close_idle(self) end)
  local ok, err = xpcall(function()
    for _ = 1, min do lay_by(self, create(self)) end
  end, errors.trace)
  if ok then return self end
  self:close()
  error(err, 0)
end

-- -- Lending ------------------------------------------------------------------

local function obtain(self)
  while true do
    if self.closed then
      error(errors.trace(weft.ClosedError "the pool is closed"), 0)
    end
    local member = table.remove(self.idle) or create(self)
    if is_fit(self, member) then
      member.is_lent = true
      return member.resource
    end
    discard(self, member)
  end
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
  self.waiting = self.waiting + 1
  local ok, result = xpcall(self.places.acquire, errors.trace, self.places)
  self.waiting = self.waiting - 1
  if not ok then error(result, 0) end
  ok, result = xpcall(obtain, errors.trace, self)
  if ok then return result end
  self.places:release()
  error(result, 0)
end

--- Gives a resource back; `broken`: it is closed instead of used again, as it
-- is if its life or the pool's is over. No cancellation point; parks only while
-- one is closed. Raises InvalidStateError for what is not lent.
---@param resource any
---@param broken boolean?
function Pool:release(resource, broken)
  local member = resource ~= nil and self.members[resource]
  if not member or not member.is_lent then
    errors.fail_state("pool:release: this is not lent by the pool: it was "
      .. "given back already, or is not the pool's")
  end
  member.is_lent = false
  if broken or self.closed or member.ends <= weft.now() then
    discard(self, member)
  else
    lay_by(self, member)
  end
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

--- Closes the pool: those who wait, and who come later, get ClosedError; what
-- lies idle is closed, what is lent when it is given back. Returns when the
-- idle are closed. No cancellation point. Closing twice does nothing.
function Pool:close()
  shut(self)
  if weft.current_task() == self.keeper then return end
  weft.shield(function() weft.wait { self.keeper } end)
end

--- What there is now: `size` resources, of which `idle` and `lent`, the rest
-- being made or checked (but not those being closed); `waiting` tasks; `min`
-- and `max`.
---@return table
function Pool:statistics()
  local lent = 0
  for _, member in pairs(self.members) do
    if member.is_lent then lent = lent + 1 end
  end
  return {
    size = self.size, idle = #self.idle, lent = lent, waiting = self.waiting,
    min = self.min, max = self.max,
  }
end

return pool
