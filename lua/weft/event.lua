--- Events: a flag many tasks can wait on.
-- @module weft.event

local core = require "weft.core"
local direct = require "weft.direct"
local primitive = require "weft.primitive"

local core_wait, is_running = core.event_wait, direct.is_running
local set = direct.call "weft_event_set"
local clear = direct.call "weft_event_clear"

local event = {}

local OK = 0

-- An event.
---@class weft.Event
local Event, metatable = primitive.class("event", "weft.Event")

--- Makes an unset event.
---@return weft.Event
function event.new()
  return primitive.new(metatable, core.event_new())
end

--- Sets the flag and wakes all who wait.
function Event:set()
  local code = is_running() and set(self.handle) or core.event_set(self.handle)
  if code ~= OK then primitive.fail(self, "set", code) end
end

--- Clears the flag. Changes nothing for those whom a set has woken already.
function Event:clear()
  local code = is_running() and clear(self.handle)
    or core.event_clear(self.handle)
  if code ~= OK then primitive.fail(self, "clear", code) end
end

--- Whether the flag is set.
---@return boolean
function Event:is_set()
  local code, flag = core.event_is_set(self.handle)
  if code then primitive.fail(self, "is_set", code) end
  return flag
end

--- Waits until the flag is set; true. Parks. A cancelled wait changes nothing.
---@return boolean
function Event:wait()
  local code = core_wait(self.handle)
  if code then primitive.fail(self, "wait", code) end
  return true
end

--- All of it in one table: `set`, and `waiting`, the number of tasks that wait.
---@return table
function Event:statistics()
  local code, waiting = core.event_waiting(self.handle)
  if code then primitive.fail(self, "statistics", code) end
  return { set = self:is_set(), waiting = waiting }
end

return event
