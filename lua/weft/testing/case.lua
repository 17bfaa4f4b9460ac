--- One test in a runtime: with its clock, its seed, its limits, and a look at
-- what it has left at its end. It knows nothing of busted.
-- @module weft.testing.case

local clocks = require "weft.testing.clock"
local debugging = require "weft.debug"
local errors = require "weft.error"
local failure = require "weft.testing.failure"
local finalizers = require "weft.testing.finalizers"
local leaks = require "weft.testing.leaks"
local limit = require "weft.testing.limit"
local opened = require "weft.opened"
local report = require "weft.report"
local reports = require "weft.testing.reports"
local run = require "weft.run"
local scope = require "weft.scope"
local seeds = require "weft.testing.seed"

local case = {}

local clock -- of the runtime that runs, if it is virtual

--- The clock of the test that runs, nil where that is the real one.
---@return table?
function case.clock() return clock end

-- -- A runtime ----------------------------------------------------------------

-- A deadlock ends what runs, and what is left is told of otherwise. Steps that
-- take long are told of at once, if it was asked for that before the test.
local function report_filter()
  local before = debugging.debug()
  return function(kind, task, err, traceback)
    if kind == report.DEADLOCK then return limit.on_deadlock(err) end
    local is_told = kind == report.SLOW and before.slow
      or kind == report.BLOCKED and before.watchdog
    if is_told then
      io.stderr:write("weft: ", report.text(kind, task, err, traceback), "\n")
    end
    return is_told or kind == report.LEFT
  end
end

-- What a test is told of what it has left, and of a deadlock, costs something.
-- Main itself was spawned at no place of the user's, so `sites` is for main.
-- What the test itself asks of weft.debug ends with it; reports are another's.
local function with_watch(fn)
  local before = debugging.debug()
  before.report = nil
  debugging.debug { deadlock = true }
  opened.watch(true)
  leaks.begin()
  local ok, err = pcall(fn)
  opened.watch(false)
  debugging.debug(before)
  if not ok then error(err, 0) end
end

local is_warm = false

-- What is opened once and for all is no leak of the first test.
local function warm_up()
  if is_warm then return end
  is_warm = true
  run.run(function() end)
end

--- Runs `main()` in a runtime of its own. Returns the reports that nobody has
-- looked at, and the descriptors it has left open, as texts.
---@param options table complete; `virtual` and `seed`, a number or nil
---@param name string of the test
---@param main fun(): string[]? returns what it has found to be left
---@return table[] reports
---@return string[] descriptors
function case.in_runtime(options, name, main)
  warm_up()
  local noted = leaks.note_descriptors()
  local outer = clock
  local ok, left = pcall(reports.collect, report_filter(), function()
    with_watch(function()
      run.run_with({ virtual = options.virtual, seed = options.seed or nil },
        function()
          debugging.debug { sites = true }
          clock = options.virtual and clocks.new() or nil
          limit.guard_rest(options, name, main())
        end)
    end)
  end)
  clock = outer
  local cut = limit.forget()
  if not ok then error(cut or left, 0) end
  return left, leaks.find_descriptors(noted)
end

local function ignore() end

--- Calls a function of the test's within its limit, in the running task.
---@param options table complete
---@param name string of the test
---@param at_raise function? called with an error where it was raised
---@param fn function
function case.call(options, name, at_raise, fn)
  limit.call(options, name, at_raise or ignore, fn, clock)
end

--- Undoes, at the end of a test, what it wanted to be undone.
---@param options table complete
---@param name string of the test
---@param err any the test's own error
function case.finalize(options, name, err)
  if finalizers.count() == 0 then return end
  limit.call(options, name, ignore, finalizers.run, err)
end

-- -- A test without busted's help ---------------------------------------------

local NAME = "a test"

local function call_and_finalize(options, fn)
  local ok, err = pcall(case.call, options, NAME, nil, fn)
  if not ok and err == nil then err = errors.object(err) end
  local undone, undo_err = pcall(case.finalize, options, NAME, err)
  if ok and not undone then return undo_err end
  return err
end

local function raise(err, problems, seed)
  if err == nil and #problems == 0 then return end
  if err == nil then err = table.concat(problems, "\n") end
  if type(err) == "string" then err = err .. seeds.text(seed) end
  error(err, 0)
end

--- Runs a test in a runtime of its own; raises what is wrong with it.
---@param options table complete
---@param fn function
function case.run_alone(options, fn)
  local err, left
  local problems = {}
  options.seed = seeds.draw(options.seed)
  local reported, descriptors = case.in_runtime(options, NAME, function()
    err = call_and_finalize(options, fn)
    scope.shield(function() left = leaks.find() end)
    return left
  end)
  for _, text in ipairs(descriptors) do left[#left + 1] = text end
  if options.leaks and #left > 0 then
    problems[1] = failure.leaks(left, "the test")
  end
  if #reported > 0 then problems[#problems + 1] = failure.reports(reported) end
  raise(err, problems, options.seed)
end

return case
