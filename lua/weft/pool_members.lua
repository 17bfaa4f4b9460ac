--- The resources of a pool: made when needed, closed when their time is over.
--
-- For weft.pool, which lends them. Of `places` there are as many as there may
-- be resources: whoever makes, checks, uses or closes one has a place. A task,
-- the keeper, closes what lies idle too long, and the rest at the end.
--
-- Each resource is a member: it has its `resource`, and the time its life
-- `ends`; whether it `is_lent`; and, once it has lain idle, the time it is
-- `due` to be closed for that.
-- @module weft.pool_members

local weft = require "weft"

local pool_members = {}

-- The members of one pool.
---@class weft.PoolMembers
local Members = {}
local metatable = { __name = "weft.PoolMembers", __index = Members }

local function close_by_method(resource)
  if type(resource) == "table" and type(resource.close) == "function" then
    resource:close()
  end
end

--- Makes the members, none yet. `opts` are those of weft.pool; `places` is a
-- semaphore.
---@param opts table
---@param places weft.Semaphore
---@return weft.PoolMembers
function pool_members.new(opts, places)
  return setmetatable({
    create = opts.create, close = opts.close or close_by_method,
    check = opts.check, min = opts.min or 0,
    idle_time = opts.idle or math.huge, lifetime = opts.lifetime or math.huge,
    places = places, closed = false,
    by_resource = {}, idle = {}, -- idle: a list, last used last
    size = 0, lent = 0, -- size: those in the making counted too
    changed = weft.event(), next_due = math.huge, -- what the keeper waits for
  }, metatable)
end

-- -- The life of one ----------------------------------------------------------

local function make(self)
  local resource = self.create()
  if resource == nil or self.by_resource[resource] then
    error(weft.trace(weft.InvalidStateError("pool: create returned "
      .. (resource == nil and "nil, which is no resource"
        or "a resource that the pool has already"))), 0)
  end
  local member = { resource = resource, ends = weft.now() + self.lifetime }
  self.by_resource[resource] = member
  return member
end

local function create(self)
  self.size = self.size + 1
  return weft.finally(function() return make(self) end, function(err)
    if err ~= nil then self.size = self.size - 1 end
  end)
end

-- Closes it, whoever is cancelled. Nobody waits for this error: it is reported.
local function discard(self, member)
  self.size = self.size - 1
  self.by_resource[member.resource] = nil
  local ok, err = xpcall(weft.shield, weft.trace, function()
    self.close(member.resource)
  end)
  if not ok then weft.report(err, "pool") end
end

-- Whether it may be lent.
local function is_fit(self, member)
  local now = weft.now()
  if member.ends <= now or member.due and member.due <= now then
    return false
  end
  if not (member.due and self.check) then return true end
  local healthy, err = weft.try(self.check, member.resource)
  if err ~= nil then weft.report(err, "pool") end
  return healthy
end

local function lay_by(self, member)
  member.due = math.min(weft.now() + self.idle_time, member.ends)
  table.insert(self.idle, member)
  if member.due < self.next_due then self.changed:set() end
end

-- -- Coming and going ---------------------------------------------------------

--- Makes as many as are always kept.
function Members:fill()
  for _ = 1, self.min do lay_by(self, create(self)) end
end

--- The resource used last, or a new one. Parks while one is made or checked.
-- Raises ClosedError once all is shut. One whose check is cut off is in the
-- middle of something, so nobody gets it.
---@return any
function Members:take()
  while not self.closed do
    local member = table.remove(self.idle) or create(self)
    local fit = false
    weft.finally(function() fit = is_fit(self, member) and not self.closed end,
      function() if not fit then discard(self, member) end end)
    if fit then
      member.is_lent, self.lent = true, self.lent + 1
      return member.resource
    end
  end
  error(weft.trace(weft.ClosedError "the pool is closed"), 0)
end

--- Takes a resource back. Raises InvalidStateError for what is not lent.
---@param resource any
---@param broken boolean?
function Members:put(resource, broken)
  local member = resource ~= nil and self.by_resource[resource]
  if not member or not member.is_lent then
    error(weft.trace(weft.InvalidStateError("pool:release: this is not lent by "
      .. "the pool: it was given back already, or is not the pool's")), 0)
  end
  member.is_lent, self.lent = false, self.lent - 1
  if broken or self.closed or member.ends <= weft.now() then
    discard(self, member)
  else
    lay_by(self, member)
  end
end

-- -- The keeper ---------------------------------------------------------------

-- The place among the idle of one to be closed. Those that `min` keeps stay
-- until their life ends.
local function find_due(self)
  local now = weft.now()
  for i, member in ipairs(self.idle) do
    if member.due <= now then
      if member.ends <= now or self.size > self.min then return i end
      member.due = member.ends
    end
  end
end

local function close_due(self)
  while self.places:try_acquire() do
    local i = find_due(self)
    if i then discard(self, table.remove(self.idle, i)) end
    self.places:release()
    if not i then return end
  end
end

--- Closes each one that lies idle too long, when it does. Parks; returns when
-- all is shut.
function Members:keep()
  while not self.closed do
    close_due(self)
    self.next_due = math.huge
    for _, member in ipairs(self.idle) do
      self.next_due = math.min(self.next_due, member.due)
    end
    weft.move_on_at(self.next_due, function() self.changed:wait() end)
    self.changed:clear()
  end
end

--- From now on take raises ClosedError: also for those who wait for a place,
-- which goes from each to the next.
function Members:shut()
  if self.closed then return end
  self.closed = true
  self.changed:set()
  self.places:release()
end

--- Closes what lies idle.
function Members:close_idle()
  while #self.idle > 0 do discard(self, table.remove(self.idle)) end
end

return pool_members
