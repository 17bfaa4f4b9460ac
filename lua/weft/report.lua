--- Reports: what happened that nobody was there to be told.
-- They go to the function given to `weft.debug{report=fn}`, else to stderr.
-- @module weft.report

local errors = require "weft.error"

local report = {}

local texts = {
  "failed, and nobody asked",
  "a callback failed",
  "got Cancelled 1,000 times in one scope and goes on: does a loop swallow it?",
  "would not end and was given up",
  "the system refused something; it is tried again",
  "was collected open, and is closed now",
}
report.FAILURE, report.CALLBACK, report.STUBBORN = 1, 2, 3
report.GIVEN_UP, report.SYSTEM, report.UNCLOSED = 4, 5, 6

local receiver

--- Sends reports to `fn(kind, task, err, traceback)`; nil: to stderr.
---@param fn function?
function report.set_receiver(fn) receiver = fn end

--- The text of an error for a person: its tree, then its traceback.
---@param err any
---@return string
function report.describe(err)
  local object = errors.object(err)
  local lines = { tostring(object) }
  local seen = {}
  while object and not seen[object] do
    seen[object] = true
    if object.traceback then lines[#lines + 1] = object.traceback end
    object = errors.is_error(object.cause) and object.cause or nil
    if object then lines[#lines + 1] = "caused by " .. tostring(object) end
  end
  return table.concat(lines, "\n")
end

local function print_report(kind, task, err, traceback)
  local who = task and "task " .. task .. ": " or ""
  local lines = { "weft: " .. who .. (texts[kind] or tostring(kind)) }
  if err then lines[#lines + 1] = report.describe(err)
  elseif traceback then lines[#lines + 1] = traceback end
  io.stderr:write(table.concat(lines, "\n"), "\n")
end

--- Makes a report. If the receiver fails, stderr gets both.
---@param kind number
---@param task string? the task's name
---@param err any
---@param traceback string?
function report.report(kind, task, err, traceback)
  if not receiver then return print_report(kind, task, err, traceback) end
  local ok, failure = pcall(receiver, kind, task, err, traceback)
  if ok then return end
  print_report(kind, task, err, traceback)
  print_report(report.CALLBACK, nil, failure)
end

return report
