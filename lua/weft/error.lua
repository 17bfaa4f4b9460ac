--- Error objects: classes, fields, groups, and what the C side raises.
--
-- An error object is a table whose metatable is its class. weft raises nothing
-- else; what a user raises stays as it is inside one task, and becomes an error
-- object when it leaves the task or joins a group.
-- @module weft.error

local codes = require "weft.codes"
local core = require "weft.core"
local entries = require "weft.entries"
local site = require "weft.site"

local errors = {}

local stack_lines = core.stack_lines

-- Metatables are marked with this key, for the test of "is it an error object".
local CLASS = {}

-- An error object; see the class's functions below.
---@class weft.Error
---@field name string
---@field message string
---@field code string?
---@field reason any
---@field source string?
---@field scope table?
---@field traceback string?
---@field cause any
---@field task string?
---@field value any
---@field errors table?
local Error = {}

-- -- Classes -----------------------------------------------------------------

local function class_of(err)
  local class = type(err) == "table" and getmetatable(err)
  return class and class[CLASS] and class or nil
end

--- The class of an error object; nil for anything else.
errors.class_of = class_of

--- Whether `err` is an error object.
---@param err any
---@return boolean
function errors.is_error(err)
  return class_of(err) ~= nil
end

local function inherits(class, wanted)
  while class do
    if class == wanted or class.name == wanted then return true end
    class = class.parent
  end
  return false
end

--- How a wrong argument is shown in the message about it.
---@param value any
---@return string
function errors.shown(value)
  local kind = type(value)
  if kind == "string" then
    if #value > 40 then value = value:sub(1, 37) .. "..." end
    return ("string %q"):format(value)
  end
  if value ~= value then return "NaN" end
  if kind == "number" or kind == "boolean" then
    return kind .. " " .. tostring(value)
  end
  local metatable = getmetatable(value)
  local name = type(metatable) == "table" and metatable.__name
  return type(name) == "string" and "a " .. name or kind
end

local function is_class(x) return type(x) == "table" and x[CLASS] == true end

--- Whether `x` is what `err:is(x)` takes: a class, its name or a predicate.
---@return boolean
function errors.is_matcher(x)
  return type(x) == "function" or type(x) == "string" or is_class(x)
end

--- Whether the error is of class `x`: a class, its name, or a predicate.
---@param x string|table|function
---@return boolean
function Error:is(x)
  if type(x) == "function" then return x(self) and true or false end
  if not errors.is_matcher(x) then
    errors.fail_argument("err:is(x): a class, its name or a predicate "
      .. "expected, got " .. errors.shown(x), 2)
  end
  return inherits(getmetatable(self), x)
end

local function copy_into(object, fields)
  for key, value in entries(fields or {}) do object[key] = value end
  return object
end

-- Objects are made by calling the class: Class(message, fields).
local function new_object(class, message, fields)
  if fields ~= nil and type(fields) ~= "table" then
    errors.fail_argument(class.name .. "(message, fields): fields must be a "
      .. "table, got " .. errors.shown(fields), 2)
  end
  local object = copy_into({ name = class.name }, fields)
  object.message = message == nil and class.name or tostring(message)
  return setmetatable(object, class)
end

local class_metatable = { __call = new_object, __name = "weft.error_class" }
function class_metatable:__tostring() return "error class " .. self.name end

local function describe(err) return getmetatable(err).describe(err) end

local function new_class(name, parent)
  local class = {
    [CLASS] = true, name = name, parent = parent, __name = name,
    describe = parent and parent.describe,
    __tostring = describe,
  }
  -- Methods are looked up through the classes.
  class.methods = setmetatable({}, { __index = parent and parent.methods })
  class.__index = class.methods
  return setmetatable(class, class_metatable)
end

errors.classes = {}
local classes = errors.classes

-- The classes of users, the last one of each name.
local defined = setmetatable({}, { __mode = "v" })

local function define(name, parent)
  classes[name] = new_class(name, parent)
  return classes[name]
end

define "Error"
classes.Error.methods.is = Error.is
function classes.Error.describe(err)
  return err.name .. ": " .. tostring(err.message)
end

for _, name in ipairs {
  "CancelledError", "TaskCancelledError", "TimeoutError", "ErrorGroup",
  "InvalidStateError", "QueueFull", "QueueEmpty", "BrokenBarrierError",
  "ClosedError", "BusyError", "EndOfStream", "LimitOverrunError", "OSError",
  "ProcessError", "ArgumentError", "DeadlockError",
} do define(name, classes.Error) end
local CancelledError = classes.CancelledError
define("QueueShutDown", classes.ClosedError)
define("TLSError", classes.OSError)
define("IncompleteReadError", classes.EndOfStream)

--- Makes a class of errors. `Class(message, fields)` makes an object of it.
---@param name string
---@param parent table? a class; default weft.Error
---@return table
function errors.error_class(name, parent)
  if type(name) ~= "string" or name == "" then
    errors.fail_argument(
      "error_class(name, parent): name must be a string that is not empty, got "
        .. errors.shown(name), 2)
  end
  if parent ~= nil and not is_class(parent) then
    errors.fail_argument(
      "error_class(name, parent): parent must be an error class, got "
        .. errors.shown(parent), 2)
  end
  local class = new_class(name, parent or classes.Error)
  defined[name] = class
  return class
end

--- Whether `x` is a class of errors.
errors.is_class = is_class

--- The names of a class and of those it inherits from, the root last.
---@param class table
---@return string[]
function errors.lineage(class)
  local names = {}
  while class do
    names[#names + 1] = class.name
    class = class.parent
  end
  return names
end

local function has_lineage(class, names, from)
  for i = from, #names do
    if not class or class.name ~= names[i] then return false end
    class = class.parent
  end
  return class == nil
end

--- The class of errors with these names, made if there is none.
---@param names string[] as from `errors.lineage`
---@param from number? where in them to begin
---@return table
function errors.class_of_lineage(names, from)
  from = from or 1
  local name = names[from]
  for _, class in entries { classes[name] or false, defined[name] or false } do
    if class and has_lineage(class, names, from) then return class end
  end
  return errors.error_class(name, errors.class_of_lineage(names, from + 1))
end

-- -- Groups ------------------------------------------------------------------

local Group = classes.ErrorGroup.methods

local function indent(text) return (text:gsub("\n", "\n  ")) end

local function describe_group(err)
  local lines = { err.name .. ": " .. tostring(err.message) }
  for _, member in ipairs(err.errors) do
    local first, rest = tostring(member):match "^([^\n]*)(.*)$"
    local from = member.task and " (in " .. member.task .. ")" or ""
    lines[#lines + 1] = "  - " .. indent(first .. from .. rest)
  end
  return table.concat(lines, "\n")
end

classes.ErrorGroup.describe = describe_group

local function count_text(count)
  return count == 1 and "1 failure" or count .. " failures"
end

--- Makes an ErrorGroup of `list`, which has at least one error object.
---@param list table
---@param fields table?
---@return table
function errors.group(list, fields)
  local object = copy_into({ errors = list }, fields)
  return classes.ErrorGroup(count_text(#list), object)
end

-- A group like `group`, of other members.
local function regroup(group, members)
  if #members == 0 then return nil end
  local copy = copy_into({}, group)
  copy.errors = members
  copy.message = count_text(#members)
  return setmetatable(copy, getmetatable(group))
end

--- Parts the group by `x`, leaf by leaf; what matches goes whole.
---@param x string|table|function
---@return table? matching
---@return table? rest
function Group:split(x)
  if self:is(x) then return self, nil end
  local matching, rest = {}, {}
  for _, member in ipairs(self.errors) do
    local yes, no = nil, member
    if member.errors then yes, no = member:split(x)
    elseif member:is(x) then yes, no = member, nil end
    matching[#matching + 1] = yes
    rest[#rest + 1] = no
  end
  return regroup(self, matching), regroup(self, rest)
end

--- The part of the group that matches `x`, or nil.
---@param x string|table|function
---@return table?
function Group:subgroup(x)
  return (self:split(x))
end

--- All errors of the group that are no groups, depth first.
---@return table
function Group:leaves()
  local leaves = {}
  local function collect(group)
    for _, member in ipairs(group.errors) do
      if member.errors then collect(member)
      else leaves[#leaves + 1] = member end
    end
  end
  collect(self)
  return leaves
end

-- -- Raising -----------------------------------------------------------------

--- The text of any value, also of one whose __tostring fails.
---@param value any
---@return string
local function message_of(value)
  local ok, text = pcall(tostring, value)
  if ok and type(text) == "string" then return text end
  return "a " .. type(value) .. " whose tostring fails"
end
errors.text_of = message_of

--- Gives the error its traceback, unless it has one: the stack at the first
-- raise that weft sees.
local function with_traceback(err, level)
  if err.traceback == nil then
    err.traceback = stack_lines(level + 1)
  end
  return err
end

--- What cancels, in the order of the core's numbers.
errors.sources = {
  "cancel", "deadline", "group", "shutdown", "signal", "close",
}

local cancelled_texts = {}
for _, source in ipairs(errors.sources) do
  cancelled_texts[source] = "cancelled by " .. source
end

--- A CancelledError that has no reason and no cause.
---@param source string
function errors.cancelled_by(source)
  return setmetatable({ name = "CancelledError",
    message = cancelled_texts[source], source = source }, CancelledError)
end

-- One cancellation raises many times; the object is made once for each scope
-- in a row, unless each is to have its own traceback. Another run may have a
-- scope of the same handle.
local last_cancelled, last_scope, last_run

--- The CancelledError of the running code.
function errors.cancelled()
  local scope, source, reason, cause = core.cancellation()
  if not scope then
    return classes.CancelledError("cancelled", { source = "cancel" })
  end
  local run = core.run_id()
  if scope ~= last_scope or run ~= last_run or site.on then
    local object = errors.cancelled_by(source)
    if reason ~= nil then
      object.message = object.message .. ": " .. message_of(reason)
      object.reason = reason
    end
    if cause ~= nil then object.cause = cause end
    last_cancelled, last_scope, last_run = object, scope, run
  end
  return last_cancelled
end

--- An error object for a status code of the core.
---@param code number
---@param message string?
---@param fields table?
function errors.from_code(code, message, fields)
  local name, text, short = core.error_text(code)
  local class = classes[name] or classes.Error
  local object = class(message or text, fields)
  if inherits(class, classes.OSError) then
    object.code = object.code or short
  end
  return object
end

local ECANCELLED = codes.ECANCELLED

--- Raises the error of a status code. Not to be called with success.
---@param code number
---@param message string?
---@param fields table?
function errors.fail(code, message, fields)
  if code == ECANCELLED and site.on then
    error(with_traceback(errors.cancelled(), 3), 0)
  end
  if code == ECANCELLED then return error(errors.cancelled(), 0) end
  error(with_traceback(errors.from_code(code, message, fields), 3), 0)
end

--- Raises an ArgumentError.
---@param message string
---@param level number? 1 is the caller; its caller by default
function errors.fail_argument(message, level)
  level = (level or 2) + 1
  error(with_traceback(classes.ArgumentError(message), level), 0)
end

--- Raises an InvalidStateError.
---@param message string
function errors.fail_state(message)
  error(with_traceback(classes.InvalidStateError(message), 3), 0)
end

-- -- From any value to an error object ----------------------------------------

-- The stack of a value that is no error object, at its first raise that weft
-- saw, and the task in which that was. It is kept while weft's modules catch
-- the value and raise it again; nobody tells when it ends its flight, so an
-- equal value's stack shows whether it is the one in flight: that of its first
-- raise, or of the one where it went on elsewhere (`traced_here`).
local traced_value, traced_text, traced_task
local traced_here, goes_elsewhere

local function set_traced(err, text)
  traced_value, traced_text, traced_task = err, text, core.task_handle()
  traced_here, goes_elsewhere = text, false
end

local function trace_lines(text)
  local lines = {}
  for line in text:gmatch "\n\t([^\n]+)" do lines[#lines + 1] = line end
  return lines
end

local function is_own_line(line)
  return line and line:find "weft/[%w_]+%.lua:%d+: " ~= nil
end

-- Whether the stack `text` is of the traced value raised again: one of weft's
-- modules calls error, and what called that is what the first raise was under.
-- (A long stack has "..." in its middle.)
local function is_raised_again(text)
  local new, old = trace_lines(text), trace_lines(traced_here)
  if not (new[1] and new[1]:find "^%[C%]" and is_own_line(new[2])) then
    return false
  end
  local first = 3
  while is_own_line(new[first]) do first = first + 1 end
  for back = 0, #new - first do
    local line, before = new[#new - back], old[#old - back]
    if line == "..." or before == "..." then return true end
    if line ~= before then return false end
  end
  return true
end

-- Whether `err` is the value in flight. `text` is its present stack; nil if the
-- handler has just seen it.
local function is_traced(err, text)
  return traced_text ~= nil and rawequal(err, traced_value)
    and traced_task == core.task_handle()
    and (text == nil or goes_elsewhere or is_raised_again(text))
end

--- To be the handler of xpcall in whatever catches for weft: remembers the
-- stack of the first raise and passes the value on as it is.
function errors.trace(err)
  local class = class_of(err)
  if class == CancelledError and not site.on then return err end
  if class then
    return with_traceback(err, 2)
  end
  local text = stack_lines(2)
  if not is_traced(err, text) then
    set_traced(err, text)
  elseif goes_elsewhere then
    traced_here, goes_elsewhere = text, false
  end
  return err
end

--- The stack of an `err` in flight that is no error object, to be given to
-- `errors.goes_on` after code that may raise errors of its own.
---@param err any
---@return string?
function errors.stack_of(err)
  if not class_of(err) and is_traced(err) then return traced_text end
end

--- To be called before a caught error that is no error object is raised again
-- where its stack does not tell that it is the same: in another coroutine, or
-- after other errors.
---@param err any
---@param text string? its stack, if that is not the last one seen
function errors.goes_on(err, text)
  if text then set_traced(err, text) end
  goes_elsewhere = goes_elsewhere or is_traced(err)
end

--- The error object for whatever was raised.
---@param err any
---@param traceback string? where it was raised; not needed right after a catch
-- with `errors.trace`
function errors.object(err, traceback)
  if class_of(err) then
    if err.traceback == nil and not err:is "CancelledError" then
      err.traceback = traceback
    end
    return err
  end
  local text = is_traced(err, traceback) and traced_text or traceback
  set_traced(nil, nil)
  return classes.Error(message_of(err), { value = err, traceback = text })
end

-- Errors that were set on a future: as good as having left a task.
local set_on_future = setmetatable({}, { __mode = "k" })

--- Has the error stay as it is, for whoever awaits the future it was set on.
---@param err table
function errors.leave_by_future(err) set_on_future[err] = true end

-- Where the task of the error was spawned: "spawned at job.lua:3 by main", as
-- far as that is known; nil if nothing is.
local function spawned_words(err)
  local at = err.spawned_at and " at " .. err.spawned_at or ""
  local by = err.spawned_by and " by " .. err.spawned_by or ""
  return at .. by ~= "" and "spawned" .. at .. by or nil
end
errors.spawned_words = spawned_words

--- What a failed task's error is: the object itself the first time, and for one
-- that left another task before, a new object that knows the path.
---@param err table
---@param task string the name of the task it leaves now
---@param spawned_at string? where that task was spawned
---@param spawned_by string? the name of the task that did, or opened its group
---@param stack string? of that task, where the error left it
function errors.leave_task(err, task, spawned_at, spawned_by, stack)
  if err.task == nil and not set_on_future[err] then
    err.task, err.spawned_at, err.spawned_by = task, spawned_at, spawned_by
    return err
  end
  local copy = setmetatable(copy_into({}, err), getmetatable(err))
  copy.task, copy.spawned_at, copy.spawned_by = task, spawned_at, spawned_by
  copy.cause = err
  local from = err.task and "in task " .. err.task or "set on a future"
  local spawned = err.spawned_at and ", " .. spawned_words(err) or ""
  local place = site.place_in(stack)
  copy.traceback = (err.traceback or "") .. "\n\t" .. from .. spawned
    .. ", awaited by task " .. task .. (place and " at " .. place or "")
  return copy
end

--- Whether `err` is a CancelledError.
function errors.is_cancelled(err)
  return type(err) == "table" and getmetatable(err) == CancelledError
end

-- Whether `wanted` is `err` or among its causes and members.
local function holds(err, wanted, seen)
  while class_of(err) and not seen[err] do
    if rawequal(err, wanted) then return true end
    seen[err] = true
    for _, member in ipairs(err.errors or {}) do
      if holds(member, wanted, seen) then return true end
    end
    err = err.cause
  end
  return false
end

--- Adds what was in flight as the cause, unless the error has one or is part of
-- that. One cancellation raises one object many times, so a CancelledError is
-- copied.
function errors.with_cause(err, cause)
  if not class_of(err) or err.cause ~= nil or holds(cause, err, {}) then
    return err
  end
  if errors.is_cancelled(err) then
    if errors.is_cancelled(cause) then return err end
    err = setmetatable(copy_into({}, err), getmetatable(err))
  end
  err.cause = cause
  return err
end

--- The error in flight after `err` was raised while `cause` was: an error
-- object that has `cause`, as one, for its cause.
---@param err any
---@param cause any
---@param text string? the stack of the cause, where that is no error object
function errors.replacing(err, cause, text)
  local object = errors.object(err)
  return errors.with_cause(object, errors.object(cause, text))
end

-- For convert.c: an error object for one of another language.
function errors.make(code, name, message, fields)
  if fields.errors then return errors.group(fields.errors, fields) end
  local class = classes[name]
  local object = errors.from_code(code, message, fields)
  if class then setmetatable(object, class) end
  object.name = name
  return object
end

return errors
