--- How the `weft` program ends: what it complains of, and its exit statuses.
-- @module weft.cli.outcome

local outcome = { OK = 0, FAILED = 1, USAGE = 2 }

local SIGNAL_STATUS = { SIGINT = 130, SIGTERM = 143 }

--- Writes a complaint to stderr: "weft: " and the text.
---@param text string a format
---@param ... any its arguments
function outcome.complain(text, ...)
  io.stderr:write("weft: ", text:format(...), "\n")
end

local complain = outcome.complain

--- The exit status for what weft.run raised, after telling the user.
---@param err any
---@return number
function outcome.explain(err)
  local errors = require "weft.error"
  local report = require "weft.report"
  local object = errors.object(err)
  local cause = object.cause
  if object:is "TaskCancelledError" and cause and cause.source == "signal" then
    complain("cancelled by %s", tostring(cause.reason))
    return SIGNAL_STATUS[cause.reason] or outcome.FAILED
  end
  complain("%s", report.describe(object))
  return outcome.FAILED
end

--- The status for the first result of a script: a whole number from 0 to 255
-- that it returned.
function outcome.of_result(result)
  local is_status = type(result) == "number" and result % 1 == 0
    and result >= 0 and result <= 255
  return is_status and result or outcome.OK
end

--- Writes out what was printed. That is lost if it cannot be written, so then
-- `status` is a failure at least.
---@param status number
---@return number
function outcome.flush(status)
  local is_open = io.type(io.stdout) == "file" -- the script's to decide
  if not is_open then return status end
  local ok, err = io.stdout:flush()
  if ok then return status end
  complain("cannot write to standard output: %s", err)
  return status == outcome.OK and outcome.FAILED or status
end

return outcome
