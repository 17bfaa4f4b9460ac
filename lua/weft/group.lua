--- Groups: scopes that own tasks. Nothing that is spawned in a group outlives
-- it, and no failure in it is lost.
-- @module weft.group

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local owner = require "weft.owner"
local scope = require "weft.scope"
local site = require "weft.site"
local task = require "weft.task"

local group = {}

-- Locals and fields by number, for a spawn is to be cheap: its compiled code
-- begins anew at each, and looks up all that it uses.
local type, setmetatable = type, setmetatable
local new_table = require "table.new"
local core_spawn = core.spawn
local TASK = task.metatable
local HANDLE, LIMIT = 1, 2 -- of a group; the limit is false where there is none

local ECANCELLED, ETIMEDOUT = codes.ECANCELLED, codes.ETIMEDOUT
local ESTATE, EHOST, EGROUP = codes.ESTATE, codes.EHOST, codes.EGROUP
local EBADF = codes.EBADF
local ETASKCANCELLED = codes.ETASKCANCELLED

-- A group, as group functions get it.
---@class weft.Group
---@field scope weft.Scope
local Group = {}
local metatable = { __name = "weft.Group" }

-- -- Spawning -----------------------------------------------------------------

local function fail_spawn(code)
  errors.fail(code, code == ESTATE
    and "group:spawn: the group is over: its function and children have ended"
    or nil)
end

-- Waits for a place where the group has a limit. The handle of a group that is
-- over is stale.
local function reserve(self)
  local code = self[LIMIT] and core.group_reserve(self[HANDLE])
  if code then fail_spawn(code == EBADF and ESTATE or code) end
end

-- Spawns what is no function: one with a name, or what can be called.
local function spawn_other(self, fn, ...)
  task.check_spawn("group:spawn", fn, ...)
  if self[LIMIT] then reserve(self) end
  return task.start(self[HANDLE], fn, ...)
end

--- Starts a task in the group. Parks, and is a cancellation point, only where
-- the group has a limit. Raises ArgumentError, and InvalidStateError once the
-- group is over. Cancelled, it started nothing.
---@param fn function|string the function, or a name and then the function
---@param ... any arguments
---@return weft.Task
function Group:spawn(fn, ...)
  if type(fn) ~= "function" then return spawn_other(self, fn, ...) end
  if self[LIMIT] then reserve(self) end
  return core_spawn(self[HANDLE], setmetatable(new_table(1, 0), TASK), fn,
    ...)
end

--- Waits for a place in the group, which the task's next `spawn_in_place`
-- takes. For callers that must not begin before there is one.
---@param self weft.Group
function group.reserve(self)
  if self[LIMIT] then reserve(self) end
end

--- Starts a task in the group, where `group.reserve` has been called.
---@param self weft.Group
---@param fn function
---@param ... any arguments
---@return number? code why it was not started
function group.spawn_in_place(self, fn, ...)
  return core.spawn_bare(self[HANDLE], false, 0, fn, ...)
end

-- What start raises for a child that ended before it was ready.
local function fail_start(code, child)
  if code == EHOST or code == ETASKCANCELLED then return task.outcome(child) end
  errors.fail(code, code == ESTATE
    and "group:start: the function returned without calling ready(...)" or nil)
end

--- Starts a task and waits until it calls `ready(...)`, its first argument;
-- returns what that was given. Until then the task's failure is raised here.
-- Parks.
---@param ... any name?, fn, arguments
function Group:start(...)
  task.check_spawn("group:start", ...)
  local code = core.cancel_point "group:start"
  if code then errors.fail(code) end
  reserve(self)
  local child, values
  local function ready(...)
    if values then
      errors.fail_state "ready(...) was called before: once is enough"
    end
    values = { n = select("#", ...), ... }
    core.task_ready(child[task.HANDLE])
  end
  if type((...)) == "string" then
    child = task.start(self[HANDLE], (...), (select(2, ...)), ready,
      select(3, ...))
  else
    child = task.start(self[HANDLE], (...), ready, select(2, ...))
  end
  code = core.task_start(child[task.HANDLE])
  if code then return fail_start(code, child) end
  return unpack(values, 1, values.n)
end

--- Stops the children and the body, without an error. May be repeated.
---@param reason any
---@return boolean
function Group:cancel(reason) return self.scope:cancel(reason) end

function metatable.__index(self, key)
  if key == "scope" then
    local object = scope.wrap(core.group_scope(self[HANDLE]) or 0)
    self.scope = object
    return object
  end
  return Group[key]
end

-- -- Running ------------------------------------------------------------------

-- What the body's end means for the core: nil, true for Cancelled, or the
-- error object. The error as it was, and the shield that waits for the group to
-- be left, follow.
local function body_outcome(self, ok, err)
  local span
  if next(owner.owned) then
    ok, err, span = owner.close(core.group_scope(self[HANDLE]), ok, err)
  end
  if ok then return nil, nil, span end
  return errors.is_cancelled(err) or errors.object(err), err, span
end

-- The error a group ends by.
local function failure_of(self, code, group_error, body_error)
  if code == EGROUP then
    if group_error.cause then group_error.cause = errors.cancelled() end
    return errors.trace(group_error)
  end
  if code == ETIMEDOUT then
    return errors.trace(errors.classes.TimeoutError(
      ("the group timed out after %g s"):format(self.timeout),
      { scope = self.scope }))
  end
  if code ~= ECANCELLED then return errors.trace(errors.from_code(code)) end
  return errors.is_cancelled(body_error) and body_error or errors.cancelled()
end

local function finish(self, ok, ...)
  local outcome, err, span = body_outcome(self, ok, ...)
  local placed = site.on and core.group_scope(self[HANDLE])
  local code, failure = core.group_join(self[HANDLE], outcome)
  if placed then core.site_forget(placed) end
  if code then failure = failure_of(self, code, failure, ...) end
  if span then owner.move_out(span, err) end
  if code then error(failure, 0) end
  if ok then return ... end
end

local OPTIONS = { "limit", "timeout", "strict" }

local function check_options(opts)
  if opts.timeout ~= nil then
    scope.check_time(opts.timeout, "group: timeout", 3)
  end
  return scope.check_limit(opts.limit, "group: limit", 3)
end

local spawn = Group.spawn -- in each group, for it is what is called most

--- Calls `fn(g)`, waits for every child of g, and returns what fn returned. The
-- first failure, of a child or of fn, cancels the others; all failures are
-- raised together in one ErrorGroup. opts: `limit`, at most so many children
-- at once (nil or math.huge: any number); `timeout` in seconds; `strict`: a
-- child that is cancelled on its own counts as a failure, and the caller's
-- cancellation goes on in any case. Parks.
---@param fn fun(g: weft.Group): ...
---@param opts table?
function group.group(fn, opts)
  scope.check_function(fn, "group(fn, opts): fn")
  opts = scope.check_options(opts, "group(fn, opts)", OPTIONS)
  local limit = check_options(opts)
  local handle, code = core.group_open(opts.timeout, limit, opts.strict)
  if not handle then errors.fail(code) end
  local self = setmetatable({
    handle, limit or false, spawn = spawn, timeout = opts.timeout,
  }, metatable)
  return finish(self, xpcall(fn, errors.trace, self))
end

return group
