--- Running a main function with a runtime of its own.
-- @module weft.run

local cleanup = require "weft.cleanup"
local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local inspect = require "weft.inspect"
local owner = require "weft.owner"
local report = require "weft.report"
local site = require "weft.site"
local switch = require "weft.debug"
local steps = require "weft.steps"
local task = require "weft.task"
local tree = require "weft.tree"
local is_count = require("weft.scope").is_count

local run = {}

local EGIVENUP = codes.EGIVENUP

local given_up = {}

-- What stands for the traceback in the report of the core's: the tree, where
-- tasks wait for what cannot come; of one that is left, its line of the tree.
local function seen_at(kind, traceback, handle)
  if kind == report.DEADLOCK then return tree.tree() end
  if kind ~= report.LEFT then return traceback end
  local line = tree.describe(handle)
  return traceback and line .. "\n" .. traceback or line
end

-- One report for each of them is too much to be read; a receiver gets them all.
local LEFT_MAX = 20
local left_count = 0

local function is_too_much(kind)
  if kind ~= report.LEFT or report.get_receiver() then return false end
  left_count = left_count + 1
  return left_count > LEFT_MAX
end

local function tell_of_the_rest()
  local more = left_count - LEFT_MAX
  left_count = 0
  if more <= 0 then return end
  io.stderr:write(("weft: and %d more task%s, left when the main task ended\n")
    :format(more, more == 1 and "" or "s"))
end

-- Reports of the core; those of tasks that were given up are kept for the
-- error of the run.
local function on_report(kind, name, err, traceback, handle)
  if kind == report.GIVEN_UP then
    given_up[#given_up + 1] = ("%s\n%s"):format(name or "a task",
      traceback or "")
  end
  if is_too_much(kind) then return end
  report.report(kind, name, err, seen_at(kind, traceback, handle))
end

local function given_up_error(main)
  local tasks = given_up
  given_up = {}
  return errors.classes.InvalidStateError(
    "tasks would not end and were given up: " .. table.concat(tasks, "\n"),
    { cause = main:done() and main:error() or nil, given_up = tasks })
end

local function start(main, virtual, seed, ...)
  if type(main) ~= "function" then
    errors.fail_argument("run(main, ...): main must be a function, got "
      .. errors.shown(main), 3)
  end
  local object = task.new()
  local code = core.run(object, virtual, seed, main, ...)
  tell_of_the_rest()
  owner.forget_scopes()
  cleanup.report_left()
  require("weft.future").report_unseen()
  if code == EGIVENUP then error(given_up_error(object), 0) end
  if code then errors.fail(code) end
  return task.outcome(object)
end

--- Runs `main(...)` as the main task of a new runtime. When it has ended, all
-- other tasks are cancelled and joined. Returns its results, raises its error,
-- or TaskCancelledError.
---@param main function
function run.run(main, ...) return start(main, false, nil, ...) end

--- As run, with options: `virtual` starts a virtual clock at 0 that jumps to
-- the next time when all tasks are parked; `seed` shuffles every turn.
---@param opts table
---@param main function
function run.run_with(opts, main, ...)
  if opts.seed ~= nil and not is_count(opts.seed, 0) then
    errors.fail_argument("run_with(opts, main): seed must be a whole number of "
      .. "0 or more, below 2^53, got " .. errors.shown(opts.seed))
  end
  return start(main, opts.virtual, opts.seed, ...)
end

-- A job in a thread has ended whose task went away; loaded by then.
local function abandoned(...) require("weft.thread").report_abandoned(...) end

core.set_functions {
  fail = errors.fail,
  cancelled = errors.cancelled,
  end_owner = owner.end_task,
  make_error = errors.make,
  make_task = task.make,
  on_failure = task.on_failure,
  run_callback = require("weft.call").run_callback,
  report = on_report,
  blocked = steps.blocked,
  begin_run = inspect.begin_run,
  answer = inspect.answer,
  dump = inspect.dump,
  abandoned = abandoned,
  cancelled_metatable = errors.classes.CancelledError,
}

switch.on_change(function(options)
  site.set(options.sites)
  core.set_hints(options.deadlock, options.leaks)
  cleanup.on = options.leaks
end)

return run
