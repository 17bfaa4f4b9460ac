--- Runs the programs of a case, in turn, and collects what they print.

local counts = require "harness.counts"
local programs = require "harness.programs"

local measure = {}

-- Seconds after which a program is taken to hang, and ended.
local LIMIT = 300

-- -- Commands ----------------------------------------------------------------

-- `text` with the values of its %names.
local function fill(text, values)
  return (text:gsub("%%(%l+)", values))
end

-- What measures a program with some arguments.
local function command_of(program, cases, case, args)
  return fill(cases.run or "%command %args", {
    command = program.command:gsub("%%s", case.workload),
    args = fill(args, { dir = cases.dir }),
    build = programs.dir,
  })
end

local function sizes(program, case, options)
  if options.quick then return assert(case.quick, "no quick sizes") end
  return program.slow and case.slow_args or case.args
end

-- -- Running -----------------------------------------------------------------

-- Runs a command; adds each of the values to result[measure]. Returns nil and
-- the problem if it failed.
local function run_once(command, result)
  local text = programs.output(("timeout -k 5 %d %s"):format(LIMIT, command))
  if not text then
    return nil, "failed: " .. command
  end
  for name, value in ("\n" .. text):gmatch "\n(%l+) (%d[%d.]*)" do
    result[name] = result[name] or {}
    table.insert(result[name], tonumber(value))
  end
  return true
end

-- What is missing of that which all programs of a workload need.
local function lack(needs)
  if not needs then return end
  local look = "PATH=$PATH:/usr/sbin; command -v " .. needs[1]
  if not programs.output("(" .. look .. ")") then
    return programs.missing(needs.package)
  end
end

-- Which of the programs of a case take part.
local function chosen(names, options)
  local list = {}
  for _, name in ipairs(names) do
    local known = assert(programs.list[name], "no program " .. name)
    local ours = name == "weft" or name == "reference" or known.ours
    if ours or not options.peers or options.peers[name] then
      list[#list + 1] = name
    end
  end
  return list
end

-- -- Counting ----------------------------------------------------------------

-- Instructions of one operation of a program; nil and the problem.
local function count(program, cases, case)
  if program.missing then
    return nil, program.label .. " is missing: " .. program.missing
  end
  return counts.count(function(args)
    return command_of(program, cases, case, args)
  end, case.counted)
end

--- Which measure of a case its instructions are of: the `key`, or the first.
---@param case table one of a cases.lua, with `counted`
---@return table
function measure.counted(case)
  for _, entry in ipairs(case.measures) do
    if entry.key == case.counted.key then return entry end
  end
  return case.measures[1]
end

--- Counts the instructions of those programs of a case that are counted: of all
-- or none, so that those of a measure are of one revision.
---@param cases table of a cases.lua
---@param case table one of them, with `counted`
---@param names string[]? of programs; all of the case unless told
---@return table<string, number>? instructions of one operation, by name
---@return string? problem why there are none
function measure.instructions(cases, case, names)
  local found = {}
  for _, name in ipairs(names or case.programs or cases.programs) do
    local program = programs.list[name]
    if program.counted then
      local number, problem = count(program, cases, case)
      if not number then return nil, problem end
      found[name] = number
    end
  end
  return found
end

-- -- A case ------------------------------------------------------------------

-- Runs every program of a case in turn, as often as the options say.
local function run_all(names, results, cases, case, options)
  for _ = 1, options.repetitions do
    for _, name in ipairs(names) do
      local result = results[name]
      if not result.problem then
        local program = programs.list[name]
        local _, problem = run_once(command_of(program, cases, case,
          sizes(program, case, options)), result)
        result.problem, result.failed = problem, problem ~= nil
      end
    end
  end
end

-- Sets the instructions of the programs that have run; returns why it cannot.
local function count_all(names, results, cases, case)
  local ran = {}
  for _, name in ipairs(names) do
    if not results[name].problem then ran[#ran + 1] = name end
  end
  local found, problem = measure.instructions(cases, case, ran)
  if not found then return problem end
  for _, name in ipairs(ran) do results[name].instructions = found[name] end
end

--- Runs every program of a case. Returns their names in order, and by name the
-- values by measure, `instructions`, or under `problem` why there are none
-- (`failed`, if it is there and should run); and why nothing was counted that
-- should be.
---@param cases table of a cases.lua
---@param case table one of them
---@param options table
---@return string[] names, table results, string? problem
function measure.case(cases, case, options)
  local names = chosen(case.programs or cases.programs, options)
  local results, lacking = {}, lack(cases.needs)
  for _, name in ipairs(names) do
    results[name] = { problem = programs.list[name].missing or lacking }
  end
  run_all(names, results, cases, case, options)
  local problem
  if options.counts and case.counted and counts.tool then
    measure.counted(case).counted = true
    problem = count_all(names, results, cases, case)
  end
  return names, results, problem
end

return measure
