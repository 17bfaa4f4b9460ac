--- The switch of all that watches a running program, `weft.debug`.
--
-- It knows the options, not what they do: a module that does something has
-- itself called by `on_change`, and looks at `options` where that is cheaper.
-- WEFT_DEBUG=1 in the environment turns everything on from the beginning.
-- @module weft.debug

local entries = require "weft.entries"
local errors = require "weft.error"
local report = require "weft.report"

local switch = {}

local ON = { slow = 0.1, watchdog = 1, sites = true, deadlock = true,
  leaks = true }
local OFF = { slow = false, watchdog = false, sites = false, deadlock = false,
  leaks = false }

--- The options in force, but for the receiver of the reports; always the same
-- table. Only `weft.debug` writes it.
switch.options = {}

local listeners = {}

--- Has `fn(options)` called now, and whenever the options were changed.
---@param fn function
function switch.on_change(fn)
  listeners[#listeners + 1] = fn
  fn(switch.options)
end

-- -- Checking -----------------------------------------------------------------

-- Each kind returns the value to be kept, or nil and what it must be.
local function flag(_, value)
  if type(value) == "boolean" then return value end
  return nil, "true or false"
end

local function seconds(name, value)
  if value == true then return ON[name] end
  if value == false then return false end
  local is_span = type(value) == "number" and value > 0 and value < math.huge
  if is_span then return value end
  return nil, ("a number of seconds above 0, true (for %g) or false")
    :format(ON[name])
end

local function receiver(_, value)
  if value == false or type(value) == "function" then return value end
  return nil, "a function or false"
end

local kinds = { report = receiver, slow = seconds, watchdog = seconds,
  sites = flag, deadlock = flag, leaks = flag }

local function fail_unknown(name)
  errors.fail_argument(("debug(options): there is no option '%s'; there are "
    .. "deadlock, leaks, report, sites, slow and watchdog"):format(
    tostring(name)), 4)
end

local function checked(options)
  if options == true then return ON end
  if options == false then return OFF end
  if type(options) ~= "table" then
    errors.fail_argument("debug(options): options must be a table, true (all "
      .. "of them) or false (none), got " .. errors.shown(options), 3)
  end
  local result = {}
  for name, value in entries(options) do
    local kind = kinds[name] or fail_unknown(name)
    local kept, wanted = kind(name, value)
    if kept == nil then
      errors.fail_argument(("debug(options): %s must be %s, got %s"):format(
        name, wanted, errors.shown(value)), 3)
    end
    result[name] = kept
  end
  return result
end

-- -- The switch ---------------------------------------------------------------

local function set(options)
  for name in entries(ON) do
    if options[name] ~= nil then switch.options[name] = options[name] end
  end
  if options.report ~= nil then
    report.set_receiver(options.report or nil)
  end
  for _, fn in ipairs(listeners) do fn(switch.options) end
end

local function in_force()
  local result = { report = report.get_receiver() or false }
  for name, value in entries(switch.options) do result[name] = value end
  return result
end

--- Turns what watches a running program on and off, each part by itself; what
-- is not named stays as it is. May be called before a run and during one.
-- Returns the options in force. `weft.debug(true)` turns on all but `report`,
-- with the defaults, as `weft --debug` and WEFT_DEBUG=1 do; `weft.debug(false)`
-- turns it off. The fields of `options`:
--
-- `report`: who is told: `fn(kind, task, err, traceback)`, called for each
-- report, outside any task; false, the default: a text on stderr. `kind` is a
-- number, as weft.report names them: FAILURE, CALLBACK, ...; `task` the task's
-- name, if there is one.
--
-- `slow`: seconds, 0.1 by default: a step of a task that takes as long is
-- reported once it ends.
--
-- `watchdog`: seconds, 1 by default: a step that has taken as long is told of
-- on stderr while it still blocks the others, with where it is.
--
-- `sites`: keeps where tasks, scopes and groups were made, and where Cancelled
-- was raised.
--
-- `deadlock`: reports tasks that wait for each other, and that nothing can wake
-- a task any more.
--
-- `leaks`: reports objects that were collected without having been closed, and
-- tasks that were left at the end.
--
-- Raises ArgumentError for a field or a value that is none of these; then
-- nothing was changed.
---@param options table|boolean?
---@return table
function switch.debug(options)
  if options ~= nil then set(checked(options)) end
  return in_force()
end

set(os.getenv "WEFT_DEBUG" == "1" and ON or OFF)

return switch
