--- bench/results.json: all that was measured in a run, in one file.
-- docs/performance.md has its schema.

local json = require "harness.json"
local machine = require "harness.machine"
local programs = require "harness.programs"

local results = {}

local SCHEMA = 1

--- Where a whole run is kept.
results.PATH = "bench/results.json"

-- -- A run -------------------------------------------------------------------

--- The commit of weft that is here; what a run itself writes is no change.
function results.revision()
  local commit = programs.output "git describe --always 2>/dev/null"
  local changed = programs.output("git status --porcelain -uno -- . "
    .. "':!bench/results.json' ':!docs' 2>/dev/null")
  return changed == "" and commit or commit .. "-dirty"
end

local function versions()
  local list = {}
  for name, program in pairs(programs.list) do
    list[name] = { label = program.label, missing = program.missing }
    if program.found then
      list[name] = { label = program.label }
      if type(program.found) == "string" then
        list[name].version = program.found
      end
    end
  end
  return list
end

--- The record of a run, without measures yet.
function results.new(options, counted_by)
  return {
    schema = SCHEMA,
    date = machine.now(),
    revision = results.revision(),
    machine = machine.describe(),
    programs = versions(),
    repetitions = options.repetitions,
    quick = options.quick or false,
    counted_by = counted_by,
    measures = {},
  }
end

local function has_instructions(record)
  for _, entry in ipairs(record.programs) do
    if entry.instructions then return true end
  end
  return false
end

-- A record, and its instructions, are of this run if they name no other.
local function stamp(record, run)
  if not record.date then
    record.date, record.revision = run.date, run.revision
  end
  if has_instructions(record) and not record.counted then
    record.counted = { by = run.counted_by, date = record.date,
      revision = record.revision }
  end
end

--- Adds the record of a measure, saying which case and run it is of.
function results.add(run, case, record)
  record.workload = case.workload
  record.args = run.quick and case.quick or case.args
  record.slow_args = not run.quick and case.slow_args or nil
  record.curve = case.curve
  stamp(record, run)
  table.insert(run.measures, record)
end

-- -- A file ------------------------------------------------------------------

--- Reads what an earlier run has written; nil where there is none.
function results.read(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  local run = require("cjson").decode(text)
  assert(run.schema == SCHEMA, path .. " has another schema")
  for _, record in ipairs(run.measures) do stamp(record, run) end
  return run
end

--- Writes a run to a file.
function results.write(run, path)
  local file = assert(io.open(path, "w"))
  assert(file:write(json.encode(run)))
  file:close()
end

-- -- Two runs ----------------------------------------------------------------

-- Figures of two machines are not to stand in one table.
local function check_same(old, new)
  for _, field in ipairs { "processor", "cores" } do
    if old.machine[field] ~= new.machine[field] then
      error(("%s is of another machine (%s)"):format(results.PATH,
        tostring(old.machine[field])), 0)
    end
  end
end

-- Lists of the records by workload.
local function by_workload(run)
  local lists = {}
  for _, record in ipairs(run.measures) do
    lists[record.workload] = lists[record.workload] or {}
    table.insert(lists[record.workload], record)
  end
  return lists
end

local function record_of(list, name)
  for _, record in ipairs(list or {}) do
    if record.name == name then return record end
  end
end

-- Puts instructions in the place of those that a record has.
local function set_instructions(record, instructions, counted)
  for _, entry in ipairs(record.programs) do
    entry.instructions = entry.min and instructions[entry.program] or nil
  end
  record.counted = has_instructions(record) and counted or nil
end

local function instructions_of(record)
  local instructions = {}
  for _, entry in ipairs(record.programs) do
    instructions[entry.program] = entry.instructions
  end
  return instructions
end

-- What was not counted anew keeps the instructions of a former run.
local function keep_instructions(list, former)
  for _, record in ipairs(list) do
    local old = record_of(former, record.name)
    if old and old.counted and not record.counted then
      set_instructions(record, instructions_of(old), old.counted)
    end
  end
end

--- The new run with the workloads of the old one that it has not measured.
---@param old table
---@param new table
---@param order string[] all workloads
---@return table new
function results.merge(old, new, order)
  check_same(old, new)
  local former, latter = by_workload(old), by_workload(new)
  new.measures = {}
  for _, workload in ipairs(order) do
    local list = latter[workload]
    if list then keep_instructions(list, former[workload]) end
    for _, record in ipairs(list or former[workload] or {}) do
      table.insert(new.measures, record)
    end
  end
  return new
end

--- Sets the instructions of a measure that were counted apart from its times.
---@param run table
---@param workload string
---@param name string the measure's
---@param instructions table<string, number> by program
---@param counted { by: string, date: string, revision: string? }
function results.recount(run, workload, name, instructions, counted)
  local record = record_of(by_workload(run)[workload], name)
  if record then set_instructions(record, instructions, counted) end
end

return results
