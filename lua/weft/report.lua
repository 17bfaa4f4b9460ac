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

-- Adds the tracebacks of an error's members, depth first, then its own and
-- those of its causes.
local function add_tracebacks(lines, err, seen)
  if not errors.is_error(err) or seen[err] then return end
  seen[err] = true
  for _, member in ipairs(err.errors or {}) do
    lines[#lines + 1] = "in " .. (member.task and "task " .. member.task
      or "the group's function") .. ": " .. tostring(member.name)
    add_tracebacks(lines, member, seen)
  end
  if err.traceback then lines[#lines + 1] = err.traceback end
  if errors.is_error(err.cause) and not seen[err.cause] then
    lines[#lines + 1] = "caused by " .. tostring(err.cause)
    add_tracebacks(lines, err.cause, seen)
  end
end

--- The text of an error for a person: its tree, then where each was raised.
---@param err any
---@return string
function report.describe(err)
  local object = errors.object(err)
  local lines = { tostring(object) }
  add_tracebacks(lines, object, {})
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
