--- Stacks: what is to be left, closed or called at the end of a function, where
-- how much of it there is shows only while that runs.
-- @module weft.stack

local cleanup = require "weft.cleanup"
local core = require "weft.core"
local errors = require "weft.error"
local resource = require "weft.resource"
local scope = require "weft.scope"

local stack = {}

-- A stack, as stack functions get it. It is a list of what is to be left
-- (resource.lua); `scope` is the innermost scope in which a context that opens
-- scopes may be entered.
---@class weft.Stack
local Stack = {}
local metatable = { __name = "weft.Stack", __index = Stack }

-- -- Adding -------------------------------------------------------------------

local OVER = "the stack has ended and was unwound"

local function check_open(self, call)
  if self.over then errors.fail_state("stack:" .. call .. ": " .. OVER) end
end

-- Why an object that was just entered cannot stay, or nil.
local function refusal(self, before)
  if self.over then return OVER end
  local here = core.scope_current()
  if here == before then return nil end
  if before == self.scope then
    self.scope = here
    return nil
  end
  return "a context that opens scopes must be entered in the stack's function "
    .. "itself, not inside another scope, timeout, group or task"
end

-- Leaves what cannot stay, and raises why.
local function refuse(object, exit, why)
  local err = errors.classes.InvalidStateError("stack:enter: " .. why)
  local _, failure = resource.leave(object, exit, false, errors.trace(err))
  error(failure or err, 0)
end

--- Enters a resource, which is left at the stack's end, and returns its value.
-- Parks where the resource does. Cancelled, it was not entered. Raises
-- ArgumentError for what is none and InvalidStateError after the stack's end.
---@param object any
---@return any value
function Stack:enter(object)
  check_open(self, "enter")
  local enter, exit = resource.methods(object,
    "stack:enter(resource): resource")
  local value, before = object, core.scope_current()
  if enter then value = enter(object) end
  local why = refusal(self, before)
  if why then refuse(object, exit, why) end
  resource.push(self, object, exit)
  return value
end

local function call_deferred(call)
  call.fn(unpack(call, 1, call.count))
end

--- Has `fn(...)` called at the stack's end. What it returns means nothing.
-- Raises InvalidStateError after that.
---@param fn function
---@param ... any
function Stack:defer(fn, ...)
  scope.check_function(fn, "stack:defer(fn, ...): fn")
  check_open(self, "defer")
  resource.push(self, { fn = fn, count = select("#", ...), ... },
    call_deferred)
end

local function call_back(fn, err) return fn(err) end

--- Has `fn(err or nil)` called at the stack's end; a true result handles the
-- error. Raises InvalidStateError after that.
---@param fn fun(err: any): boolean?
function Stack:callback(fn)
  scope.check_function(fn, "stack:callback(fn): fn")
  check_open(self, "callback")
  resource.push(self, fn, call_back)
end

-- -- Running ------------------------------------------------------------------

--- Calls `fn(s)` and then, on every way out, leaves what s was given, the last
-- first: as `weft.with` leaves its resources. Returns fn's results, or nothing
-- if an error was handled; raises the error in flight. Raises InvalidStateError
-- outside a task. Parks where that does.
---@param fn fun(s: weft.Stack): ...
function stack.stack(fn)
  scope.check_function(fn, "stack(fn): fn")
  core.check_park "weft.stack"
  local self = setmetatable({ scope = core.scope_current() }, metatable)
  if cleanup.on then
    return resource.leave_all(self, cleanup.call("stack", fn, self))
  end
  return resource.leave_all(self, xpcall(fn, errors.trace, self))
end

return stack
