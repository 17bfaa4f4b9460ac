--- Events: a flag many tasks can wait on.
-- @module weft.event

local core = require "weft.core"
local errors = require "weft.error"

local event = {}

-- An event.
---@class weft.Event
local Event = {}
local metatable = { __name = "weft.Event", __index = Event }

--- Makes an unset event.
---@return weft.Event
function event.new()
  local code, handle = core.event_new()
  if code then errors.fail(code) end
  return setmetatable({
    handle = handle, guard = core.handle_guard("event", handle),
  }, metatable)
end

local function check(code)
  if code then errors.fail(code) end
end

--- Sets the flag and wakes all who wait.
function Event:set() check(core.event_set(self.handle)) end

--- Clears the flag. Changes nothing for those whom a set has woken already.
function Event:clear() check(core.event_clear(self.handle)) end

--- Whether the flag is set.
---@return boolean
function Event:is_set() return core.event_is_set(self.handle) end

--- Waits until the flag is set; true. Parks. A cancelled wait changes nothing.
---@return boolean
function Event:wait()
  check(core.event_wait(self.handle))
  return true
end

return event
