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
local function command_of(program, workload, how, args)
  local command = program.command:gsub("%%s", workload)
  return fill(how or "%command %args",
    { command = command, args = args, build = programs.dir })
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

-- Instructions of one operation of a program, nil if it is not counted.
local function count(name, cases, case)
  local program = programs.list[name]
  if not program.found or not program.counted then return nil end
  return counts.count(function(args)
    return command_of(program, case.workload, cases.run, args)
  end, case.counted)
end

-- Instructions are of one measure of the case: the first, or the `key`.
local function mark_counted(case)
  for _, entry in ipairs(case.measures) do
    local key = case.counted.key or case.measures[1].key
    entry.counted = entry.key == key
  end
end

--- Runs every program of a case as often as the options say, in turn. Returns
-- their names in order, and by name the values by measure, `instructions`, or
-- under `problem` why there are none (`failed`, if it is there and should run).
---@param cases table of a cases.lua
---@param case table one of them
---@param options table
---@return string[] names, table results
function measure.case(cases, case, options)
  local names = chosen(case.programs or cases.programs, options)
  local results, lacking = {}, lack(cases.needs)
  for _, name in ipairs(names) do
    local program = programs.list[name]
    results[name] = { problem = program.missing or lacking }
  end
  for _ = 1, options.repetitions do
    for _, name in ipairs(names) do
      local program, result = programs.list[name], results[name]
      if not result.problem then
        local _, problem = run_once(command_of(program, case.workload,
          cases.run, sizes(program, case, options)), result)
        result.problem, result.failed = problem, problem ~= nil
      end
    end
  end
  if options.counts and case.counted and counts.tool then
    mark_counted(case)
    for _, name in ipairs(names) do
      if not results[name].problem then
        results[name].instructions = count(name, cases, case)
      end
    end
  end
  return names, results
end

--- Counts the instructions of the programs of a case. Returns them by name, and
-- which of its measures they are of.
---@param cases table of a cases.lua
---@param case table one of them, with `counted`
---@return table<string, number> instructions
---@return table entry of the case's `measures`
function measure.instructions(cases, case)
  local found = {}
  for _, name in ipairs(case.programs or cases.programs) do
    found[name] = count(name, cases, case)
  end
  mark_counted(case)
  for _, entry in ipairs(case.measures) do
    if entry.counted then return found, entry end
  end
end

return measure
