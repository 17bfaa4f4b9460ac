--- Tasks: what spawn returns.
--
-- A task object is an array of two, from 0 on, for its size: the core's handle;
-- and the task's id, how it ended, and how many results there are or what has
-- cancelled it, in one number. The core module sets them at the spawn, so an
-- object is made empty. Results or an error, if there are any, come behind. A
-- body that returns nothing leaves the object as it was, without a state: such
-- a task is one whose handle has become stale.
-- @module weft.task

local callable = require "weft.callable"
local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"

local task = {}

local new_table = require "table.new"
local core_spawn, core_named = core.spawn, core.spawn_named

local HANDLE, STATE, FIRST = 0, 1, 2
-- A state is (id * 8 + number) * 8 + how it ended; the number is of results, of
-- the source of a cancellation, or MANY: `count` has it, or FIRST the error.
local ENDS, STATES, MANY = 8, 64, 7
task.HANDLE = HANDLE
local FINISHED, FAILED = codes.TASK_FINISHED, codes.TASK_FAILED
local CANCELLED, EBADF = codes.TASK_CANCELLED, codes.EBADF
local GUARD = "guard" -- holds the core's handle of a failed task

-- A task.
---@class weft.Task
---@field scope weft.Scope
local Task = {}
local metatable = { __name = "weft.Task" }
task.metatable = metatable

local states = {
  [codes.TASK_READY] = "ready", [codes.TASK_RUNNING] = "running",
  [codes.TASK_PARKED] = "parked", [FINISHED] = "finished",
  [FAILED] = "failed", [CANCELLED] = "cancelled",
}

-- -- Making -------------------------------------------------------------------

--- An object for a task that is about to be spawned.
function task.new() return setmetatable(new_table(1, 0), metatable) end

--- Whether `x` is a task.
function task.is_task(x)
  return type(x) == "table" and getmetatable(x) == metatable
end

--- Complains of what a spawn was given: an optional name, then a function.
function task.check_spawn(call, first, second)
  local fn = first
  if type(first) == "string" then fn = second end
  if not callable.is(fn) then
    errors.fail_argument(call .. "(name?, fn, ...): fn must be a function, got "
      .. errors.shown(fn), 3)
  end
end

--- Starts a task in the group with that handle, 0 for the root group, and
-- returns its object. Called as a tail call, so that compiled code goes on in
-- the caller: a trace does not return from a function with varargs.
---@param handle number
---@param fn function|string the function, or a name and then the function
---@param ... any arguments
---@return weft.Task
function task.start(handle, fn, ...)
  if type(fn) == "string" then
    return core_named(handle, task.new(), fn, ...)
  end
  return core_spawn(handle, task.new(), fn, ...)
end

--- Starts a task in the root group: a background task. Its failure is reported
-- and stops no other. It is cancelled and joined when the main task has ended.
-- No cancellation point. Raises ArgumentError, and InvalidStateError without a
-- runtime.
---@param fn function|string the function, or a name and then the function
---@param ... any arguments
---@return weft.Task
function task.spawn(fn, ...)
  if type(fn) ~= "function" then task.check_spawn("spawn", fn, ...) end
  return task.start(0, fn, ...)
end

-- -- The outcome --------------------------------------------------------------

-- The state in which the task has ended, nil before that.
local function state_of(self)
  local state = self[STATE] % ENDS
  if state ~= 0 then return state end
  if not core.task_is_over(self[HANDLE]) then return nil end
  self[STATE] = self[STATE] + FINISHED
  return FINISHED
end

local function id_of(self) return math.floor(self[STATE] / STATES) end

local function name_of(self)
  return self.given_name or "task-" .. id_of(self)
end

-- The number that stands with the state.
local function number_of(self)
  return math.floor(self[STATE] % STATES / ENDS)
end

-- What the task was cancelled by. Where that was dropped, not unwound, there is
-- no error until somebody asks.
local function cancellation_of(self)
  local source = errors.sources[number_of(self)]
  if source and not self[FIRST] then
    self[FIRST] = errors.cancelled_by(source)
  end
  return self[FIRST]
end

local function cancelled_error(self)
  local cause = cancellation_of(self)
  local text = ("task '%s' was %s"):format(self:name(),
    cause and cause.message or "cancelled")
  return errors.classes.TaskCancelledError(text, {
    reason = cause and cause.reason, task = self:name(), cause = cause,
  })
end

-- Results, or raises what the task ended by.
local function outcome(self)
  local state = state_of(self)
  if state == FINISHED then
    local count = number_of(self)
    if count == MANY then count = self.count end
    return unpack(self, FIRST, FIRST - 1 + count)
  end
  if state == CANCELLED then error(errors.trace(cancelled_error(self)), 0) end
  core.task_observe(self[HANDLE])
  error(self[FIRST], 0)
end
task.outcome = outcome

--- Waits until the task has ended, then returns its results, raises its error,
-- or raises TaskCancelledError. Parks. Cancelling the waiter does not touch the
-- task.
function Task:await()
  local code = EBADF
  if self[STATE] % STATES == 0 then code = core.task_await(self[HANDLE]) end
  if code == EBADF and state_of(self) then
    code = core.checkpoint "task:await"
  end
  if code then
    errors.fail(code, "task:await: a task cannot await itself")
  end
  return outcome(self)
end

--- Whether the task has ended.
---@return boolean
function Task:done() return state_of(self) ~= nil end

--- Whether the task ended cancelled.
---@return boolean
function Task:cancelled() return state_of(self) == CANCELLED end

--- Whether the task has failed. Does not count as observing it.
---@return boolean
function Task:has_failed() return state_of(self) == FAILED end

local function check_done(self, call)
  if not state_of(self) then
    errors.fail_state("task:" .. call .. ": task '" .. self:name()
      .. "' has not ended; await it first")
  end
end

--- The results of a task that has ended; raises its error.
function Task:result()
  check_done(self, "result")
  return outcome(self)
end

--- The error of a task that has ended, nil if it finished.
function Task:error()
  check_done(self, "error")
  if state_of(self) == FINISHED then return nil end
  if state_of(self) == CANCELLED then return cancelled_error(self) end
  core.task_observe(self[HANDLE])
  return self[FIRST]
end

--- Cancels the task's own scope; does not wait. False if it has ended.
---@param reason any
---@return boolean
function Task:cancel(reason)
  return self[STATE] % STATES == 0
    and core.task_cancel(self[HANDLE], reason) == nil
end

-- -- Looking at it ----------------------------------------------------------

--- The task's name: as given, else "task-N".
---@return string
function Task:name() return name_of(self) end

--- Names the task; names need not be unique. Raises ArgumentError for what is
-- no string. A task that has ended keeps the name in Lua only.
---@param name string
function Task:set_name(name)
  if type(name) ~= "string" then
    errors.fail_argument("task:set_name(name): name must be a string, got "
      .. errors.shown(name))
  end
  self.given_name = name
  if not state_of(self) then core.task_set_name(self[HANDLE], name) end
end

--- The task's number, never used again in this runtime.
---@return number
function Task:id() return id_of(self) end

--- The task that opened the group this one lives in; nil in the root group.
---@return weft.Task?
function Task:parent()
  if state_of(self) then return nil end
  return (select(4, core.task_info(self[HANDLE])))
end

--- Where the task is parked; "not started", or nil when it has ended.
---@return string?
function Task:traceback()
  if state_of(self) then return nil end
  local text = core.task_traceback(self[HANDLE])
  return text and text:find("\n", 1, true) and text or "not started"
end

--- Where the task was spawned, "job.lua:12", and the name of the task that did
-- it; nil unless `weft.debug{sites=true}` had that kept.
---@return string? place
---@return string? spawner
function Task:spawned_at() return self.place, self.spawner end

--- Has `fn(task)` called, outside any task, once the task has ended.
---@param fn fun(task: weft.Task)
function Task:add_done_callback(fn)
  if not callable.is(fn) then
    errors.fail_argument("task:add_done_callback(fn): fn must be a function, "
      .. "got "
      .. errors.shown(fn))
  end
  local code, handle
  local function call()
    core.call_close(handle)
    return fn(self)
  end
  if state_of(self) then
    code = core.call_soon(call, "task:add_done_callback")
  else
    code, handle = core.task_on_done(self[HANDLE], call)
    self.callbacks = self.callbacks or {}
    table.insert(self.callbacks, { fn, handle })
  end
  if code then errors.fail(code) end
end

--- Removes the callbacks equal to `fn` that are not queued yet.
---@param fn function
---@return number count
function Task:remove_done_callback(fn)
  local count, kept = 0, {}
  for _, callback in ipairs(self.callbacks or {}) do
    if callback[1] == fn and not state_of(self) then
      core.call_cancel(callback[2])
      count = count + 1
    else
      kept[#kept + 1] = callback
    end
  end
  self.callbacks = kept
  return count
end

function metatable.__index(self, key)
  if key == "scope" then
    local scope = require("weft.scope").wrap(
      state_of(self) and 0 or core.task_scope(self[HANDLE]))
    self.scope = scope
    return scope
  end
  return Task[key]
end

function metatable:__tostring()
  local state = states[state_of(self)]
    or states[select(3, core.task_info(self[HANDLE]))] or "over"
  return ("task '%s' (%s)"):format(self:name(), state)
end

--- The running task, nil outside one.
---@return weft.Task?
function task.current() return core.task_current() end

--- The unfinished tasks, in the order of their spawning.
---@return weft.Task[]
function task.all() return core.task_all() end

-- -- What the C side calls --------------------------------------------------

--- The traceback of a coroutine that has failed by itself: LuaJIT does not know
-- the line of its innermost frame, but the message does.
function task.with_line(err, traceback)
  if type(err) ~= "string" then return traceback end
  local source, line = err:match "^(.-):(%d+): "
  if not source then return traceback end
  local head = "\n\t" .. source .. ": in "
  local from, to = traceback:find(head, 1, true)
  if not from or traceback:find("\n\t", 1, true) ~= from then
    return traceback
  end
  return traceback:sub(1, from + 1) .. source .. ":" .. line .. ": in "
    .. traceback:sub(to + 1)
end

--- The object of a task that was spawned without one. `into` is where the core
-- module puts its first result.
function task.make(handle, state, into)
  local object = task.new()
  object[HANDLE], object[STATE], object.into = handle, state, into
  return object
end

--- A task's body has raised: makes the error object it failed with.
function task.on_failure(self, err, traceback)
  local object = errors.object(err, task.with_line(err, traceback))
  local parent = select(4, core.task_info(self[HANDLE]))
  object = errors.leave_task(object, name_of(self), self.place,
    self.spawner or parent and name_of(parent), traceback)
  self[FIRST] = object
  self[GUARD] = core.task_guard(self[HANDLE])
  return object
end

return task
