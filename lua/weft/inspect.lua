--- Looking at a running program from outside: the inspection socket, by which
-- `weft --tree` and `weft --top` ask, and the signal USR1, which has the tree
-- written to stderr.
--
-- The socket is opened only when it is asked for: by `weft --inspect`, by
-- WEFT_INSPECT=1 in the environment, or by `weft.inspect()`. The signal is
-- taken over in the `weft` program and wherever the socket is open or anything
-- of `weft.debug` is on, in the process's main thread, if it has its default
-- disposition. What both do is in core/inspect.c and core/dump_signal.c.
-- @module weft.inspect

local codes = require "weft.codes"
local core = require "weft.core"
local debug_switch = require "weft.debug"
local entries = require "weft.entries"
local errors = require "weft.error"
local stats = require "weft.stats"
local tree = require "weft.tree"

local inspect = {}

local SIGUSR1 = core.signal_number "USR1"

local wants_socket = os.getenv "WEFT_INSPECT" == "1"
local wants_signal = false

-- -- What is answered ---------------------------------------------------------

-- A line for each number: its name, "tasks.ready", and its value.
local function add_lines(lines, prefix, values)
  for name, value in entries(values) do
    if type(value) == "table" then
      add_lines(lines, prefix .. name .. ".", value)
    elseif type(value) == "number" then
      lines[#lines + 1] = ("%s%s %.17g"):format(prefix, name, value)
    end
  end
end

local function stats_text()
  local lines, numbers = {}, stats.stats()
  numbers.queues = nil
  add_lines(lines, "", numbers)
  table.sort(lines)
  return table.concat(lines, "\n")
end

-- What a client may ask for, by name. Each gives a text.
local questions = {
  tree = tree.tree,
  stats = stats_text,
}

-- The answer to a client's line, and whether it is one; else it says what is
-- wrong.
local function answer(request)
  local question = questions[request]
  if question then return question(), true end
  local names = {}
  for name in entries(questions) do names[#names + 1] = name end
  table.sort(names)
  return ("there is no '%s'; there are %s"):format(request,
    table.concat(names, ", ")), false
end

local function dump()
  io.stderr:write(("weft: the tasks of process %d:\n%s\n"):format(
    core.process_id(), tree.tree()))
end

-- -- Opening ------------------------------------------------------------------

local reasons = {
  [codes.EPERM] = "the folder for such sockets, $XDG_RUNTIME_DIR/weft or "
    .. "/tmp/weft-UID, is another user's, or open to others",
  [codes.EADDRINUSE] = "somebody listens there already",
  [codes.ENAMETOOLONG] = "the path is too long for a socket",
  [codes.EINVAL] = "a path in the file system is needed",
}

local function reason_of(code)
  local _, text = core.error_text(code)
  return reasons[code] or text
end

local taken_in -- the run that has the signal

-- What has a handler already, or is another runtime's, stays so.
local function take_signal()
  local run = core.run_id()
  if taken_in == run or not core.is_main_thread() then return end
  if not core.dump_signal(SIGUSR1) then taken_in = run end
end

--- Opens the inspection socket of the runtime that runs, at `path` or, without
-- one, where `weft --tree` looks for the process; returns its path. It is open
-- until the run ends. Open already, it stays where it is. Raises ArgumentError,
-- InvalidStateError without a runtime, and OSError.
---@param path string?
---@return string
function inspect.inspect(path)
  if path ~= nil and (type(path) ~= "string" or path == "") then
    errors.fail_argument("inspect(path?): path must be a string that is not "
      .. "empty, got " .. errors.shown(path))
  end
  local open = core.inspect_path()
  if open then return open end
  local code, opened = core.inspect_open(path)
  if code then
    errors.fail(code, ("inspect%s: %s"):format(path and " " .. path or "",
      reason_of(code)))
  end
  take_signal()
  return opened
end

--- Has each run of this program begin with the socket open; `weft --inspect`.
function inspect.always() wants_socket = true end

--- Has each run take over the signal USR1; the `weft` program.
function inspect.on_signal() wants_signal = true end

local function is_debugged()
  for _, value in entries(debug_switch.options) do
    if value then return true end
  end
  return false
end

-- That a program cannot be looked at is no reason not to run it.
local function try_open()
  local code = core.inspect_open()
  if code then
    io.stderr:write("weft: the program cannot be inspected: ", reason_of(code),
      "\n")
  end
end

--- For weft.run, before the main task.
function inspect.begin_run()
  if wants_socket and core.is_main_thread() then try_open() end
  if wants_signal or wants_socket or is_debugged() then take_signal() end
end

debug_switch.on_change(function()
  if core.is_running() and is_debugged() then take_signal() end
end)

inspect.answer, inspect.dump = answer, dump

return inspect
