--- One test in a runtime: with its clock, its limit, and a look at what it has
-- left at its end. It knows nothing of busted.
-- @module weft.testing.case

local errors = require "weft.error"
local finalizers = require "weft.testing.finalizers"
local leaks = require "weft.testing.leaks"
local limit = require "weft.testing.limit"
local reports = require "weft.testing.reports"
local run = require "weft.run"
local scope = require "weft.scope"
local time = require "weft.time"

local case = {}

local clock -- of the runtime that runs, if it is virtual

--- The clock of the test that runs, nil where that is the real one.
---@return table?
function case.clock() return clock end

local RANDOM_SEEDS = 2 ^ 31

-- The seed for one run; 0 shuffles nothing.
local function draw(seed)
  if seed == "random" then return math.random(RANDOM_SEEDS) end
  return seed or nil
end

local function new_clock()
  local found, module = pcall(require, "weft.testing.clock")
  return found and module.new() or { now = time.now }
end

--- Runs `main()` in a runtime of its own by the options `virtual` and `seed`.
-- Returns the seed that was used, if any, and the reports nobody has looked at.
---@param options table complete
---@param main function
---@return number? seed
---@return table[] reports
function case.in_runtime(options, main)
  local seed = draw(options.seed)
  reports.begin()
  local ok, err = xpcall(run.run_with, errors.trace,
    { virtual = options.virtual, seed = seed }, function()
      clock = options.virtual and new_clock() or nil
      main()
    end)
  clock = nil
  local left = reports.finish()
  if not ok then error(err, 0) end
  return seed, left
end

local function ignore() end

--- Calls a function of the test's with its limit, in the running task.
---@param options table complete
---@param at_raise function? called with an error where it was raised
---@param fn function
function case.call(options, at_raise, fn)
  return limit.call(options.timeout, at_raise or ignore, fn, clock)
end

--- Undoes, at the end of a test, what it wanted to be undone.
---@param options table complete
---@param err any
function case.finalize(options, err)
  if finalizers.count() == 0 then return end
  limit.call(options.timeout, ignore, finalizers.run, err)
end

--- The text about what is left behind.
---@param left string[]
---@return string
function case.leak_text(left)
  return "left at the end of the test:\n  " .. table.concat(left, "\n  ")
end

--- The text about reports nobody has looked at.
---@param left table[]
---@return string
function case.report_text(left)
  local lines = {}
  for i, entry in ipairs(left) do
    lines[i] = reports.describe(entry):gsub("\n", "\n  ")
  end
  return "reported during the test:\n  " .. table.concat(lines, "\n  ")
end

local function add(problems, text) problems[#problems + 1] = text end

local function outcome(err, problems, seed)
  if err == nil and #problems == 0 then return end
  if seed then add(problems, ("(the seed was %d)"):format(seed)) end
  if err == nil then error(table.concat(problems, "\n"), 0) end
  error(err, 0)
end

--- Runs a test without busted's help, in a runtime of its own; raises what is
-- wrong with it.
---@param options table complete
---@param fn function
function case.run_alone(options, fn)
  local failure
  local problems = {}
  local seed, reported = case.in_runtime(options, function()
    local noted = leaks.note()
    local ok, err = pcall(case.call, options, nil, fn)
    failure = not ok and (err == nil and errors.object(err) or err) or nil
    local undone, undo_err = pcall(case.finalize, options, failure)
    if not undone and failure == nil then failure = undo_err end
    if failure ~= nil or not options.leaks then return end
    scope.shield(function()
      local left = leaks.find(noted)
      if #left > 0 then add(problems, case.leak_text(left)) end
    end)
  end)
  if #reported > 0 then add(problems, case.report_text(reported)) end
  outcome(failure, problems, seed)
end

return case
