--- try, catch and finally.
-- @module weft.catch

local cleanups = require "weft.cleanup"
local core = require "weft.core"
local errors = require "weft.error"
local resource = require "weft.resource"
local scope = require "weft.scope"

local catch = {}

local function try_results(ok, ...)
  if ok then return ... end
  local err = ...
  if errors.is_cancelled(err) then error(err, 0) end
  return nil, errors.object(err)
end

--- Lua's convention for what raises: the results of `fn(...)`, or nil and an
-- error object. Cancelled passes.
---@param fn function
function catch.try(fn, ...)
  scope.check_function(fn, "try(fn, ...): fn")
  return try_results(xpcall(fn, errors.trace, ...))
end

-- -- catch --------------------------------------------------------------------

local function check_handlers(handlers)
  if type(handlers) ~= "table"
      or #handlers == 0 and next(handlers) ~= nil then
    errors.fail_argument("catch(fn, handlers): handlers must be a list of "
      .. "{class, handler}, got " .. errors.shown(handlers), 3)
  end
  for i, pair in ipairs(handlers) do
    if type(pair) ~= "table" or type(pair[2]) ~= "function" then
      errors.fail_argument(("catch(fn, handlers): handler %d must be "
        .. "{class, function}, got %s"):format(i, errors.shown(pair)), 3)
    end
    if not errors.is_matcher(pair[1]) then
      errors.fail_argument(("catch(fn, handlers): handler %d must begin with a "
        .. "class, its name or a predicate, got %s"):format(i,
          errors.shown(pair[1])), 3)
    end
  end
end

-- Runs the handlers on `group`. Returns what nobody took and what they raised.
local function run_handlers(group, handlers)
  local raised = {}
  for _, pair in ipairs(handlers) do
    local matching, rest
    if group then matching, rest = group:split(pair[1]) end
    if matching then
      group = rest
      local ok, err = xpcall(pair[2], errors.trace, matching)
      if not ok and errors.is_cancelled(err) then error(err, 0) end
      if not ok then
        raised[#raised + 1] = errors.with_cause(errors.object(err), matching)
      end
    end
  end
  return group, raised
end

local function handle(handlers, err)
  local object = errors.object(err)
  local bare = object.errors == nil
  local group = bare and errors.group { object } or object
  local rest, raised = run_handlers(group, handlers)
  if #raised == 0 then
    if not rest then return end
    error(rest == group and err or rest, 0)
  end
  if rest then
    for i = #rest.errors, 1, -1 do table.insert(raised, 1, rest.errors[i]) end
  end
  error(errors.trace(errors.group(raised)), 0)
end

local function finish(handlers, ok, ...)
  if ok then return ... end
  local err = ...
  if errors.is_cancelled(err) then error(err, 0) end
  handle(handlers, err)
end

--- except*: runs `fn`; each handler gets, as an ErrorGroup, all members that
-- match its class and no earlier one. What nobody took is raised on. Returns
-- fn's results, or nothing after a handler ran. Cancelled passes.
---@param fn function
---@param handlers table list of {class, name or predicate; function}
function catch.catch(fn, handlers)
  scope.check_function(fn, "catch(fn, handlers): fn")
  check_handlers(handlers)
  return finish(handlers, xpcall(fn, errors.trace))
end

-- -- finally ------------------------------------------------------------------

-- What a cleanup returns means nothing.
local function run_cleanup(cleanup, err) cleanup(err) end

--- Runs `fn`, then `cleanup(err or nil)`, shielded, on every way out; what came
-- of fn goes on unless cleanup raises: then its error does, which has fn's as
-- `cause`. Raises InvalidStateError outside a task, where nothing is run.
---@param fn function
---@param cleanup fun(err: any)
function catch.finally(fn, cleanup)
  scope.check_function(fn, "finally(fn, cleanup): fn")
  scope.check_function(cleanup, "finally(fn, cleanup): cleanup")
  core.check_park "weft.finally"
  if cleanups.on then
    return resource.leave_one(cleanup, run_cleanup,
      cleanups.call("finally", fn))
  end
  return resource.leave_one(cleanup, run_cleanup, xpcall(fn, errors.trace))
end

return catch
