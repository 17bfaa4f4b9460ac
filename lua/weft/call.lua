--- Calls of plain functions by the loop, outside any task.
-- @module weft.call

local callable = require "weft.callable"
local core = require "weft.core"
local errors = require "weft.error"
local opened = require "weft.opened"
local report = require "weft.report"
local check_time = require("weft.scope").check_time

local call = {}

-- What call_soon, call_later and call_at return.
---@class weft.Call
local Call = {}
local metatable = { __name = "weft.Call", __index = Call }

--- Prevents the call. True if that was in time.
---@return boolean
function Call:cancel()
  local handle = self.handle
  self.handle = nil
  return handle ~= nil and core.call_cancel(handle)
end

--- When the call is due, by `now()`'s clock.
---@return number
function Call:when() return self.due end

local function describe_open(self)
  if not self.handle then return nil end
  return ("a call that is due in %.3g s"):format(self.due - core.now())
end

-- `name` says the arguments too; `when` nil is soon.
local function schedule(name, when, fn, ...)
  if not callable.is(fn) then
    errors.fail_argument(name .. ": fn must be a function, got "
      .. errors.shown(fn), 3)
  end
  local called = "weft." .. name:match "^[%w_]+"
  local object = setmetatable({ due = when or core.now(called) }, metatable)
  local count, arguments = select("#", ...), { ... }
  local code, handle = core.call_at(when, function()
    object.handle = nil
    core.call_close(object.running)
    return fn(unpack(arguments, 1, count))
  end, called)
  if code then errors.fail(code) end
  object.handle, object.running = handle, handle
  opened.note(object, describe_open)
  return object
end

--- Calls `fn(...)` in the next turn, outside any task. What it raises is
-- reported.
---@param fn function
---@return weft.Call
function call.soon(fn, ...) return schedule("call_soon(fn)", nil, fn, ...) end

--- Calls `fn(...)` once `seconds` have passed.
---@param seconds number
---@param fn function
---@return weft.Call
function call.later(seconds, fn, ...)
  check_time(seconds, "call_later(seconds, fn): seconds")
  local due = core.now "weft.call_later" + seconds
  return schedule("call_later(seconds, fn)", due, fn, ...)
end

--- Calls `fn(...)` once the time `when` has come.
---@param when number
---@param fn function
---@return weft.Call
function call.at(when, fn, ...)
  check_time(when, "call_at(time, fn): time")
  return schedule("call_at(time, fn)", when, fn, ...)
end

--- For the C side: calls `fn` and reports what it raises. `place` is where the
-- call was asked for, if that was kept.
---@param fn function
---@param place string?
function call.run_callback(fn, place)
  local ok, err = xpcall(fn, errors.trace)
  if ok then return end
  local object = errors.object(err)
  if not object.task then object.spawned_at = place end
  report.report(report.CALLBACK, nil, object)
end

return call
