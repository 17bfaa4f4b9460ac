--- A cache that loads what it has not: many may ask for a key, one loads it.
--
-- Lua only, on the public API: a load runs in a task of the root group, so that
-- it belongs to none of those who wait for it; who is the last of them to be
-- cancelled takes it along.
-- @module weft.cache

local weft = require "weft"
local entries = require "weft.entries"
local options = require "weft.options"

local cache = {}

-- A cache.
---@class weft.Cache
local Cache = {}
local metatable = { __name = "weft.Cache", __index = Cache }

local kinds = {
  ttl = options.positive, error_ttl = options.positive,
  max = options.count(1, true),
}

-- -- The entries --------------------------------------------------------------
-- They are in a ring, in the order of their use. `self.ring` stands where it
-- closes: its `older` is the one used last, its `newer` the one longest ago.

local function unlink(entry)
  entry.newer.older, entry.older.newer = entry.older, entry.newer
end

local function link(self, entry)
  local ring = self.ring
  entry.newer, entry.older = ring, ring.older
  entry.older.newer, ring.older = entry, entry
end

local function drop(self, entry)
  unlink(entry)
  self.entries[entry.key] = nil
  self.count = self.count - 1
end

local function store(self, entry, seconds)
  entry.due = weft.now() + seconds
  self.entries[entry.key] = entry
  self.count = self.count + 1
  link(self, entry)
  if self.count > self.max then drop(self, self.ring.newer) end
end

-- The entry of a key, which is now the one used last; nil if there is none, or
-- its time is over.
local function find(self, key)
  local entry = self.entries[key]
  if not entry then return nil end
  if entry.due <= weft.now() then return drop(self, entry) end
  unlink(entry)
  link(self, entry)
  return entry
end

-- -- Loading ------------------------------------------------------------------

local function pack(...) return { n = select("#", ...), ... } end

-- The callback of a load's end; it comes before those who wait for it. A load
-- that was invalidated or abandoned meanwhile is not kept.
local function settle(self, key, flight)
  if self.flights[key] ~= flight then return end
  self.flights[key] = nil
  local task = flight.task
  if not (task:has_failed() or task:cancelled()) then
    store(self, { key = key, values = pack(task:result()) }, self.ttl)
  elseif task:has_failed() and self.error_ttl then
    store(self, { key = key, failure = task:error() }, self.error_ttl)
  end
end

local function start(self, key, ...)
  local flight = { waiting = 0 }
  flight.task = weft.spawn("cache load", self.load, key, ...)
  flight.task:add_done_callback(function() settle(self, key, flight) end)
  self.flights[key] = flight
  return flight
end

-- Who is the last to go cancels the load, if it has not ended.
local function leave(self, key, flight)
  flight.waiting = flight.waiting - 1
  if flight.waiting > 0 or flight.task:done() then return end
  if self.flights[key] == flight then self.flights[key] = nil end
  flight.task:cancel "nobody waits for it"
  weft.wait { flight.task }
end

local function await(self, key, flight)
  flight.waiting = flight.waiting + 1
  return weft.finally(function() return flight.task:await() end,
    function() leave(self, key, flight) end)
end

-- -- The public part ----------------------------------------------------------

--- Makes a cache of what `load(key, ...)` returns: any results, also none.
-- opts:
--
-- - `ttl`: seconds an entry is used, counted from the end of its load; default:
--   for ever;
-- - `max`: how many entries it keeps; then the one used longest ago goes;
-- - `error_ttl`: seconds a failure is kept and raised again; default: the next
--   get loads anew.
--
-- Raises ArgumentError.
---@param load fun(key: any, ...): ...
---@param opts table?
---@return weft.Cache
function cache.new(load, opts)
  options.expect("cache(load, opts): load", options.func, load)
  opts = options.check("cache", opts, kinds)
  local ring = {}
  ring.newer, ring.older = ring, ring
  return setmetatable({
    load = load, ttl = opts.ttl or math.huge, max = opts.max or math.huge,
    error_ttl = opts.error_ttl,
    entries = {}, count = 0, ring = ring,
    flights = {}, -- loads under way, by key
  }, metatable)
end

local function is_key(value)
  if value == nil or value ~= value then return "neither nil nor NaN" end
end

--- What was loaded for the key; loads it if need be, by `load(key, ...)`, or
-- waits for the load that is under way. Parks. Raises what load raises, and
-- TaskCancelledError if load was cancelled. Cancelled, it leaves the load to
-- the others who wait for it; the last one cancels it and waits for its end.
---@param key any not nil
---@param ... any for load, if this call starts it
function Cache:get(key, ...)
  options.expect("cache:get(key): key", is_key, key)
  weft.checkpoint()
  local entry = find(self, key)
  if not entry then
    return await(self, key, self.flights[key] or start(self, key, ...))
  end
  if entry.failure then error(entry.failure, 0) end
  return unpack(entry.values, 1, entry.values.n)
end

--- Forgets the key. Who waits for it gets what is being loaded, but that is not
-- kept. True if there was something.
---@param key any
---@return boolean
function Cache:invalidate(key)
  options.expect("cache:invalidate(key): key", is_key, key)
  local entry, flight = self.entries[key], self.flights[key]
  if entry then drop(self, entry) end
  self.flights[key] = nil
  return entry ~= nil or flight ~= nil
end

--- Forgets all keys.
function Cache:clear()
  for _, entry in entries(self.entries) do drop(self, entry) end
  self.flights = {}
end

--- How many entries there are, those counted whose time is over.
---@return number
function Cache:size() return self.count end

return cache
