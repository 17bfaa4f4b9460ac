--- bench/results.json: all that was measured in a run, in one file.
-- docs/performance.md has its schema.

local json = require "harness.json"
local machine = require "harness.machine"
local programs = require "harness.programs"

local results = {}

local SCHEMA = 1

--- Where a whole run is kept.
results.PATH = "bench/results.json"

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
    revision = programs.output "git describe --always --dirty 2>/dev/null",
    machine = machine.describe(),
    programs = versions(),
    repetitions = options.repetitions,
    quick = options.quick or false,
    counted_by = counted_by,
    measures = {},
  }
end

--- Adds the record of a measure, saying which case it is of.
function results.add(run, case, record)
  record.workload = case.workload
  record.args = run.quick and case.quick or case.args
  record.slow_args = not run.quick and case.slow_args or nil
  record.date, record.revision = run.date, run.revision
  record.curve = case.curve
  table.insert(run.measures, record)
end

--- Reads what an earlier run has written; nil where there is none.
function results.read()
  local file = io.open(results.PATH)
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  local run = require("cjson").decode(text)
  assert(run.schema == SCHEMA, results.PATH .. " has another schema")
  return run
end

-- Figures of two machines are not to stand in one table.
local function check_same(old, new)
  for _, field in ipairs { "processor", "cores" } do
    if old.machine[field] ~= new.machine[field] then
      error(("%s is of another machine (%s)"):format(results.PATH,
        tostring(old.machine[field])), 0)
    end
  end
end

--- The former run with the workloads of this one in their places.
function results.merge(new, order)
  local old = results.read()
  if not old then return new end
  check_same(old, new)
  local by_workload = {}
  local function sort_in(run)
    local here = {}
    for _, record in ipairs(run.measures) do
      here[record.workload] = here[record.workload] or {}
      table.insert(here[record.workload], record)
    end
    for workload, list in pairs(here) do by_workload[workload] = list end
  end
  sort_in(old)
  sort_in(new)
  new.measures = {}
  for _, workload in ipairs(order) do
    for _, record in ipairs(by_workload[workload] or {}) do
      table.insert(new.measures, record)
    end
  end
  return new
end

--- Writes a run to a file.
function results.write(run, path)
  local file = assert(io.open(path, "w"))
  assert(file:write(json.encode(run)))
  file:close()
end

return results
