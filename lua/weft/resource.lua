--- Resources: what is entered, used, and left again on every way out.
--
-- A resource is an object with `enter()` and `exit(err)`, or only with
-- `close()`. What is to be left later is kept as a pair of numbers of a list,
-- the function to call and the object to call it with; `with`, stacks and
-- `finally` go through such lists in the same way, from the end.
-- @module weft.resource

local callable = require "weft.callable"
local cleanup = require "weft.cleanup"
local core = require "weft.core"
local errors = require "weft.error"
local owner = require "weft.owner"
local scope = require "weft.scope"

local resource = {}

local core_shield, core_leave = core.scope_shield, core.scope_leave
local check_park, trace = core.check_park, errors.trace
local owned = owner.owned

-- The exit of a context shields by itself what it runs: scopes that its
-- function has open must be left without a shield inside them.
local own_shield

--- Says which exit method needs no shield around it.
---@param exit function
function resource.set_own_shield(exit) own_shield = exit end

-- -- What is a resource -------------------------------------------------------

local function call_close(object) object:close() end

local function index(object, key) return object[key] end

-- The method, or nil; indexing a userdata may raise.
local function method(object, name)
  local ok, fn = pcall(index, object, name)
  return ok and callable.is(fn) and fn or nil
end

local function describe(object, enter, exit)
  local text = errors.shown(object)
  if enter then return text .. " with enter() alone" end
  if exit then return text .. " with exit(err) alone" end
  return text
end

-- Returns the functions that enter, or nil, and leave the object. `what` says
-- which it is, `position` which of several.
local function methods(object, what, position)
  local enter, exit
  if type(object) == "table" then
    enter, exit = object.enter, object.exit
  end
  if type(enter) == "function" and type(exit) == "function" then
    return enter, exit
  end
  enter, exit = method(object, "enter"), method(object, "exit")
  if enter and exit then return enter, exit end
  if not enter and not exit and method(object, "close") then
    return nil, call_close
  end
  errors.fail_argument(("%s must have enter() and exit(err), or only close(), "
    .. "got %s"):format(position and what .. " " .. position or what,
      describe(object, enter, exit)), 3)
end
resource.methods = methods

-- -- Leaving ------------------------------------------------------------------

local function leave_shield(shield, ok, err)
  local span
  if owned[shield] then ok, err, span = owner.close(shield, ok, err) end
  local code = core_leave(shield)
  if span then owner.move_out(span) end
  if code and ok then return pcall(scope.fail_order) end
  return ok, err
end

-- What is in flight after the hook of an object has been given `err`: whether
-- nothing is, and else what. `text` is the stack of an `err` that is no object.
local function outcome(object, exit, ok, result, err, text)
  if not ok and not rawequal(result, err) then
    if exit == own_shield and object.absorbed then return false, result end
    return false, errors.replacing(result, err, text)
  end
  if ok and result
      and not (errors.is_cancelled(err) and core.cancellation()) then
    return true
  end
  errors.goes_on(err, text)
  return false, err
end

-- Calls `exit(object, err)`, shielded. `ok` says that no error was in flight.
-- Returns whether none is now, and else which. (The hook cannot tell an error
-- that is nil or false from none, so it gets an object for that.)
local function leave(object, exit, ok, err)
  local text, shown = nil, err
  if not ok and not errors.is_error(err) then
    text = errors.stack_of(err)
    shown = err or errors.object(err)
  end
  local shield = exit ~= own_shield and core_shield(math.huge)
  local went_well, result = xpcall(exit, trace, object, shown)
  if shield then went_well, result = leave_shield(shield, went_well, result) end
  if not ok then return outcome(object, exit, went_well, result, err, text) end
  return went_well, result
end
resource.leave = leave

--- Leaves the object after a function has ended so; passes on what came of it,
-- unless leaving fails or handles the error.
---@param object any
---@param exit function
---@param ok boolean
function resource.leave_one(object, exit, ok, ...)
  if ok then
    local went_well, err = leave(object, exit, true)
    if went_well then return ... end
    error(err, 0)
  end
  local handled, err = leave(object, exit, false, (...))
  if not handled then error(err, 0) end
end

--- Leaves all objects of the list, the last first, after a function has ended
-- so; passes on what came of it, as leave_one does. What is put on the list
-- meanwhile is left too; then the list is `over`.
---@param list table
---@param ok boolean
function resource.leave_all(list, ok, ...)
  local fine, err = ok, nil
  if not ok then err = ... end
  while #list > 0 do
    local last = #list
    local object, exit = list[last], list[last - 1]
    list[last], list[last - 1] = nil, nil
    fine, err = leave(object, exit, fine, err)
  end
  list.over = true
  if not fine then error(err, 0) end
  if ok then return ... end
end

--- Puts an object that was entered on the list.
---@param list table
---@param object any
---@param exit function
function resource.push(list, object, exit)
  local count = #list
  list[count + 1], list[count + 2] = exit, object
end

-- -- with ---------------------------------------------------------------------

local CALL = "with(resource, ..., fn): "

local function check_body(fn)
  if not callable.is(fn) then
    errors.fail_argument(CALL .. "fn, the last argument, must be a function, "
      .. "got " .. errors.shown(fn), 3)
  end
end

local leave_one = resource.leave_one

local function with_one(object, fn)
  check_body(fn)
  local enter, exit = methods(object, CALL .. "resource", 1)
  check_park "weft.with"
  local value = object
  if enter then value = enter(object) end
  if cleanup.on then
    return leave_one(object, exit, cleanup.call("with", fn, value))
  end
  return leave_one(object, exit, xpcall(fn, trace, value))
end

-- The values take the places of the resources.
local function enter_all(list, count, resources, enters, exits)
  local fn = resources[count + 1]
  for i = 1, count do
    local object, enter = resources[i], enters[i]
    if enter then resources[i] = enter(object) end
    resource.push(list, object, exits[i])
  end
  return fn(unpack(resources, 1, count))
end

local function with_many(count, ...)
  local resources, enters, exits = { ... }, {}, {}
  check_body(resources[count + 1])
  for i = 1, count do
    enters[i], exits[i] = methods(resources[i], CALL .. "resource", i)
  end
  check_park "weft.with"
  local list = {}
  if cleanup.on then
    return resource.leave_all(list, cleanup.call("with", enter_all, list, count,
      resources, enters, exits))
  end
  return resource.leave_all(list,
    xpcall(enter_all, trace, list, count, resources, enters, exits))
end

--- Enters each resource in order, calls `fn(value, ...)` with what entering
-- gave (a resource that has only `close()` is its own value), and leaves them
-- in reverse on every way out. Leaving is shielded: it may wait, and a
-- cancellation shows after it. Each `exit` gets the error in flight or nil; its
-- own error replaces that, with that as `cause`, and a true result handles it:
-- then `with` returns nothing. Returns fn's results, or raises the error in
-- flight. Raises ArgumentError for what is no resource, before any is entered,
-- and InvalidStateError outside a task. Parks where the resources do. Cancelled
-- while one is entered, those before it are left.
---@param first any a resource
---@param second any another, or fn
---@param ... any more resources, then fn
function resource.with(first, second, ...)
  local more = select("#", ...)
  if more > 0 then return with_many(more + 1, first, second, ...) end
  return with_one(first, second)
end

return resource
