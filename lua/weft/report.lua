--- Reports: what happened that nobody was there to be told.
-- They go to the function given to `weft.debug{report=fn}`, else to stderr.
-- @module weft.report

local codes = require "weft.codes"
local errors = require "weft.error"
local show = require "weft.show"
local site = require "weft.site"

local report = {}

local texts = {
  [codes.REPORT_FAILURE] = "failed, and nobody asked",
  [codes.REPORT_CALLBACK] = "a callback failed",
  [codes.REPORT_STUBBORN] = "got Cancelled 1,000 times in one scope and goes "
    .. "on: does a loop swallow it?",
  [codes.REPORT_GIVEN_UP] = "would not end and was given up",
  [codes.REPORT_SYSTEM] = "the system refused something; it is tried again",
  [codes.REPORT_UNCLOSED] = "something was left open, and is closed now",
  [codes.REPORT_ABANDONED] = "a job in a thread would not end",
  [codes.REPORT_LEFT] = "was left when the main task ended, and is cancelled",
}

-- Their error says what happened; there is no other.
local told_by_error = {
  [codes.REPORT_SLOW] = true, [codes.REPORT_BLOCKED] = true,
  [codes.REPORT_DEADLOCK] = true,
}

-- The kinds of reports, by name:
for _, kind in ipairs {
  "FAILURE", "CALLBACK", "STUBBORN", "GIVEN_UP", "SYSTEM", "UNCLOSED",
  "ABANDONED", "SLOW", "BLOCKED", "DEADLOCK", "LEFT",
} do report[kind] = codes["REPORT_" .. kind] end

local receiver

--- Sends reports to `fn(kind, task, err, traceback)`; nil: to stderr.
---@param fn function?
function report.set_receiver(fn) receiver = fn end

--- Who gets the reports; nil: nobody, they go to stderr.
---@return function?
function report.get_receiver() return receiver end

-- Whether the cause is the same failure, one task earlier on its path.
local function is_told(err, cause)
  return errors.is_error(cause) and cause.message == err.message
    and cause.traceback ~= nil
    and err.traceback:sub(1, #cause.traceback) == cause.traceback
end

-- The first line of what was raised.
local function heading(err) return (tostring(err):gsub("\n.*", "")) end

-- Adds the stack, without weft's own frames, and the task it ended in: what
-- spawned that is the next part of the path.
local function add_stack(lines, err)
  local stack = err.traceback and site.folded(err.traceback) or ""
  if stack ~= "" then lines[#lines + 1] = stack end
  local spawned = errors.spawned_words(err)
  if err.task and (spawned or err.task ~= "main") then
    lines[#lines + 1] = "    in task " .. err.task
      .. (spawned and ", " .. spawned or "")
  elseif spawned then
    lines[#lines + 1] = "    in a callback, asked for at "
      .. err.spawned_at
  end
end

-- A table that was raised tells nothing by its address.
local function add_value(lines, err)
  if type(err.value) ~= "table" or getmetatable(err.value) then return end
  lines[#lines + 1] = "    raised was " .. show.value(err.value)
end

local function cause_text(cause)
  return errors.is_error(cause) and tostring(cause) or show.value(cause)
end

local add_path

local function add_members(lines, err, seen)
  for _, member in ipairs(err.errors) do
    if not member.errors then
      lines[#lines + 1] = ""
      lines[#lines + 1] = heading(member)
    end
    add_path(lines, member, seen)
  end
  if #err.errors > 1 then
    lines[#lines + 1] = ("\n%d failures in one group"):format(#err.errors)
  end
end

-- Adds where the error comes from, the innermost first: of a group, that of its
-- members, then where it was; then what the error was caused by.
function add_path(lines, err, seen)
  if not errors.is_error(err) or seen[err] then return end
  seen[err] = true
  if err.errors then add_members(lines, err, seen) end
  add_value(lines, err)
  add_stack(lines, err)
  local cause = err.cause
  if cause == nil or seen[cause] or is_told(err, cause) then return end
  lines[#lines + 1] = "caused by " .. cause_text(cause)
  add_path(lines, cause, seen)
end

--- The text of an error for a person: its tree, then the path of each failure,
-- the innermost first: the lines where it was raised, the task that was in, and
-- where that was spawned, up to the outermost. weft's own lines are left out;
-- an error's `traceback` has them.
---@param err any
---@return string
function report.describe(err)
  local object = errors.object(err)
  local lines = { tostring(object) }
  add_path(lines, object, {})
  return table.concat(lines, "\n")
end

--- A report as text for a person.
---@param kind number
---@param task string? the task's name
---@param err any
---@param traceback string?
---@return string
function report.text(kind, task, err, traceback)
  local who = task and "task " .. task .. ": " or ""
  if kind == report.DEADLOCK then who = "deadlock: " end -- the error has them
  local in_error = told_by_error[kind]
  local lines = { who .. (in_error and err.message or texts[kind]
    or tostring(kind)) }
  if err and not in_error then lines[#lines + 1] = report.describe(err) end
  if traceback and (not err or in_error) then
    lines[#lines + 1] = site.folded(traceback)
  end
  return table.concat(lines, "\n")
end

local function print_report(...)
  io.stderr:write("weft: ", report.text(...), "\n")
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

--- For an error that nobody is there to be raised to, as in a loop that has to
-- go on: reports it, like the failure of a task that nobody awaits. `err` is
-- whatever was raised; `name` says where: a task's, say.
---@param err any
---@param name string?
function report.failure(err, name)
  report.report(report.FAILURE, name, errors.object(err))
end

return report
