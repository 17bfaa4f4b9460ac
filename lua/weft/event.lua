--- Events: a flag many tasks can wait on.
-- @module weft.event

local core = require "weft.core"
local primitive = require "weft.primitive"

local event = {}

-- An event.
---@class weft.Event
local Event, metatable = primitive.class("event", "weft.Event")

--- Makes an unset event.
---@return weft.Event
function event.new()
  return primitive.new(metatable, core.event_new())
end

local function check(self, call, code, ...)
  if code then primitive.fail(self, call, code) end
  return ...
end

--- Sets the flag and wakes all who wait.
function Event:set() check(self, "set", core.event_set(self.handle)) end

--- Clears the flag. Changes nothing for those whom a set has woken already.
function Event:clear() check(self, "clear", core.event_clear(self.handle)) end

--- Whether the flag is set.
---@return boolean
function Event:is_set()
  return check(self, "is_set", core.event_is_set(self.handle))
end

--- Waits until the flag is set; true. Parks. A cancelled wait changes nothing.
---@return boolean
function Event:wait()
  check(self, "wait", core.event_wait(self.handle))
  return true
end

--- All of it in one table: `set`, and `waiting`, the number of tasks that wait.
---@return table
function Event:statistics()
  local waiting = check(self, "statistics", core.event_waiting(self.handle))
  return { set = self:is_set(), waiting = waiting }
end

return event
