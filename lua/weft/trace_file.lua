--- A trace of what tasks do, in a file that Perfetto and chrome://tracing show:
-- a row a task, a slice for each time that it is ready, runs or waits, arrows
-- from who spawns and wakes to whom.
--
-- The core writes it, piece by piece, and the file is well-formed after each.
-- @module weft.trace_file

local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"

local trace_file = {}

-- A run that is still to come tells nobody but stderr: so this tries before.
local function check_path(path)
  if type(path) ~= "string" or path == "" then
    errors.fail_argument("trace_file.start(path): path must be the name of a "
      .. "file, got " .. errors.shown(path), 3)
  end
  local file, message = io.open(path, "a")
  if not file then error(errors.trace(errors.classes.OSError(message)), 0) end
  file:close()
end

--- Writes a trace to the file from now on, or, outside a run, from the
-- beginning of the next. It ends with `stop`, or with that run. Raises OSError,
-- InvalidStateError if one is being written.
---@param path string
function trace_file.start(path)
  check_path(path)
  local code = core.trace_start(path)
  if code == codes.EBUSY then
    errors.fail(codes.ESTATE, "trace_file.start: a trace is being written "
      .. "already; end it with trace_file.stop()")
  end
  if code then errors.fail(code) end
end

--- Ends the trace. Returns whether one was being written, or to be.
---@return boolean
function trace_file.stop()
  local code = core.trace_stop()
  if code and code ~= codes.ESTATE then errors.fail(code) end
  return code == nil
end

return trace_file
