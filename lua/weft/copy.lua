--- What is copied from one thread to another, seen from Lua: error objects and
-- their classes, 64-bit numbers, refusals; and what a worker runs.
--
-- Loaded in both states. The walk through tables and functions is the C side's
-- (pack.c), which asks this module about what has a metatable.
-- @module weft.copy

require "ffi" -- without it string.buffer knows no numbers of 64 bits
local buffer = require "string.buffer"
local core = require "weft.core"
local entries = require "weft.entries"
local errors = require "weft.error"
local names = require "weft.names"
local plain = require "weft.plain"

local copy = {}

local HINT = "; send plain values: nil, booleans, numbers, strings, tables and "
  .. "functions"
local THREAD = "which belongs to its own thread" .. HINT

-- -- Refusing -----------------------------------------------------------------

-- Raises the error about a value that cannot be copied.
local function refuse(call, path, value, reason)
  local kind = type(value) == "thread" and "a coroutine"
    or errors.shown(value)
  reason = reason or ("is %s, %s"):format(kind, THREAD)
  errors.fail_argument(("%s%s %s"):format(call and call .. ": " or "", path,
    reason), 3)
end

-- -- What has a metatable -----------------------------------------------------

-- A field of an error that cannot be copied is shown as a text.
local function field_of(value)
  local kind = type(value)
  if kind == "nil" or kind == "boolean" or kind == "number"
      or kind == "string" or errors.is_error(value)
      or core.may_pack(value) then
    return value
  end
  local ok, text = pcall(tostring, value)
  return ok and text or kind
end

-- Members are errors, which always can be copied.
local function take_error_apart(err)
  local fields = {}
  for key, value in entries(err) do
    if key == "errors" or key == "cause" then fields[key] = value
    else fields[key] = field_of(value) end
  end
  if fields.cause ~= nil and not errors.is_error(fields.cause) then
    fields.cause = field_of(fields.cause)
  end
  return { errors.lineage(errors.class_of(err)), fields }
end

-- For a table with a metatable: kind and value; false and the reason why it is
-- not copied; nil, for a table like others.
local function take_apart(value)
  if errors.is_error(value) then return "error", take_error_apart(value) end
  if errors.is_class(value) then return "class", errors.lineage(value) end
  local metatable = debug.getmetatable(value)
  local name = metatable.__name
  if type(name) == "string" and name:find "^weft%." then
    return false, ("is a %s, %s"):format(name, THREAD)
  end
end

local function put_together(kind, value)
  if kind == "class" then return errors.class_of_lineage(value) end
  local class = errors.class_of_lineage(value[1])
  return setmetatable(value[2], class)
end

-- -- In a worker --------------------------------------------------------------

-- Puts the worker into the path of an error.
local function add_worker(err, number)
  err.traceback = (err.traceback or "") .. "\n\tin worker " .. number
  return err
end

-- The lines of what lies below fn.
local BELOW = "\n\t%[C%]: in function 'xpcall'\n\t[^\n]*copy%.lua:%d+: .*$"

local function object_of(err)
  local traceback = debug.traceback("", 2):gsub("^\n", ""):gsub(BELOW, "")
  local object = errors.object(err, traceback)
  if object.traceback then
    object.traceback = object.traceback:gsub(BELOW, "")
  end
  return object
end

local function finish(number, ok, ...)
  if ok then return true, ... end
  return false, add_worker((...), number)
end

-- Calls fn; returns true and its results, or false and an error object.
local function run(number, fn, ...)
  return finish(number, xpcall(fn, object_of, ...))
end

-- For what has failed outside fn: its arguments, or its results.
local function failed(number, err)
  return false, add_worker(object_of(err), number)
end

local function refuse_exit()
  errors.fail_state("os.exit: a worker thread cannot end the program; return "
    .. "a value, or raise an error, and let the task do it")
end

--- Makes the state of a worker thread what it is.
function copy.enter_worker() rawset(os, "exit", refuse_exit) end

core.pack_setup {
  refuse = refuse,
  take_apart = take_apart,
  put_together = put_together,
  run = run,
  failed = failed,
  encode = function(value)
    local ok, text = pcall(buffer.encode, value)
    return ok and text or nil
  end,
  decode = buffer.decode,
  names = names.map,
  write_plain = plain.write,
  forget_plain = plain.forget,
  read_plain = plain.read,
  are_apart = plain.are_apart,
}

return copy
