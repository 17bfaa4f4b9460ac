--- What is to be undone at the end of a test, the last first.
--
-- The runner of the tests calls `run` when a test has ended, in its task and
-- before it looks for what the test has left. Outside busted, in a `weft.run`
-- of one's own, call it at the end of main.
-- @module weft.testing.finalizers

local core = require "weft.core"
local errors = require "weft.error"
local resource = require "weft.resource"
local scope = require "weft.scope"

local finalizers = {}

-- Of the present test, a list of resource.lua's: exit, object, exit, object.
-- False where there is no test, in the body of a describe.
local list = {}

local function call_deferred(call)
  call.fn(unpack(call, 1, call.count))
end

--- Raises InvalidStateError in the body of a describe, which is read before
-- there is a test whose end would undo it.
---@param what string
function finalizers.check(what)
  if list then return end
  errors.fail_state(what .. " lasts until the end of a test: call it in the "
    .. "test or in a hook, as before_each, not in the body of a describe or at "
    .. "the top of a file")
end

--- Has `fn(...)` called at the end of the test. It may park; what it returns
-- means nothing, and what it raises fails the test.
---@param fn function
---@param ... any
function finalizers.defer(fn, ...)
  scope.check_function(fn, "defer(fn, ...): fn")
  finalizers.check "testing.defer"
  resource.push(list, { fn = fn, count = select("#", ...), ... },
    call_deferred)
end

local function keep(object, exit, ...)
  resource.push(list, object, exit)
  return ...
end

--- Enters a resource (as `weft.with` takes them: of `weft.context`, or with
-- `enter` and `exit`, or only with `close`), which is left at the end of the
-- test, and returns its value. Parks where the resource does. Cancelled, it
-- was not entered. Raises ArgumentError for what is none.
---@param object any
---@return any ... what entering gave
function finalizers.use(object)
  local enter, exit = resource.methods(object, "use(resource): resource")
  core.check_park "testing.use"
  if not enter then return keep(object, exit, object) end
  return keep(object, exit, enter(object))
end

--- Has another list be the present one: of a test in a describe that has things
-- of its own to undo. Returns the one it was.
---@param other table|false false: there is no test
---@return table|false
function finalizers.swap(other)
  local before = list
  list = other
  return before
end

--- How many there are to be undone.
---@return number
function finalizers.count() return #list / 2 end

local function pop()
  local last = #list
  local object, exit = list[last], list[last - 1]
  list[last], list[last - 1] = nil, nil
  return object, exit
end

-- Leaves one of them; returns the error that this raises on its own.
local function leave_last(err)
  local object, exit = pop()
  local ok, failure = resource.leave(object, exit, err == nil, err)
  if ok or rawequal(failure, err) then return nil end
  return errors.object(failure)
end

local function raise_all(failures)
  if #failures == 1 then error(failures[1], 0) end
  if #failures > 1 then error(errors.group(failures), 0) end
end

--- Leaves, at the end of a function of the test's, the contexts it has entered
-- that have scopes open, for these govern the function itself: the last first,
-- until `outer` is the innermost scope again. Else as `run`.
---@param outer number a handle, as of core.scope_current
---@param err any
function finalizers.leave_scopes(outer, err)
  local failures = {}
  while #list > 0 and core.scope_current() ~= outer do
    failures[#failures + 1] = leave_last(err)
  end
  raise_all(failures)
end

--- Undoes all of it, the last first, each one shielded: a cancellation shows
-- after it. What is added meanwhile is undone too. A resource's `exit` gets
-- `err`, the test's own error if it had one, but cannot handle it. Parks where
-- the finalizers do. All are run, also if one fails; then raises what failed,
-- several as an ErrorGroup.
---@param err any
function finalizers.run(err)
  core.check_park "finalizers.run"
  local failures = {}
  while #list > 0 do failures[#failures + 1] = leave_last(err) end
  raise_all(failures)
end

return finalizers
