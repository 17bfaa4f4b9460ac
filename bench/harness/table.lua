--- The table that bench/run prints: ratios first.

local figures = require "harness.figures"
local growth = require "harness.growth"
local machine = require "harness.machine"
local programs = require "harness.programs"

local printed = {}

local ROW = "%-30s %7s  %9s %9s  %9s  %s"
local number = figures.number

local function row(...) print((ROW:format(...):gsub("%s+$", ""))) end

local function verdict(entry)
  local text = entry.target or ""
  if entry.met == nil then return text end
  return text .. (entry.met and "   met" or "   MISSED")
end

local function program_row(entry)
  local label = "  " .. programs.list[entry.program].label
  if entry.missing or entry.failed then
    return print(("%-30s %s"):format(label, entry.missing or entry.failed))
  end
  local instructions = entry.instructions
    and ("%.0f"):format(entry.instructions) or ""
  row(label, figures.ratio(entry.ratio), number(entry.min),
    number(entry.median), instructions, verdict(entry))
end

--- Prints one measure: what it is, and a line for each program.
function printed.measure(record)
  print(("%s [%s]"):format(record.name, record.unit))
  for _, entry in ipairs(record.programs) do program_row(entry) end
  io.stdout:flush()
end

--- Prints the instructions of a measure by program.
function printed.counts(name, instructions)
  local parts = {}
  for _, program in ipairs(programs.order) do
    if instructions[program] then
      parts[#parts + 1] = ("%s %.0f"):format(programs.list[program].label,
        instructions[program])
    end
  end
  print(("%-30s %s"):format(name, table.concat(parts, "; ")))
  io.stdout:flush()
end

--- Prints why instructions were not counted.
function printed.not_counted(problem) print("not counted: " .. problem) end

local function describe(results)
  local about = results.machine
  print(("%s, %s cores, %s; load %s%s"):format(about.processor,
    about.cores or "?", about.system or "?", about.load or "?",
    machine.busy(about) and ": BUSY, figures will be too high" or ""))
end

local function print_versions(results)
  local there, missing = {}, {}
  for _, name in ipairs(programs.order) do
    local version = results.programs[name]
    if version.missing then
      missing[#missing + 1] = ("  %s: %s"):format(version.label,
        version.missing)
    elseif version.version and not programs.list[name].variant then
      there[#there + 1] = version.label .. " " .. version.version
    end
  end
  print(table.concat(there, "; "))
  if #missing > 0 then
    print("missing:\n" .. table.concat(missing, "\n"))
  end
end

--- Prints the machine, the versions, what is missing, and the columns' names.
function printed.header(results)
  describe(results)
  print_versions(results)
  print(("repetitions: %d, in turn; ratio: weft's least by the program's, so"
    .. " that below 1 weft is faster\ninstructions: %s%s\n"):format(
    results.repetitions, results.counted_by or "not counted",
    results.quick and "\nQUICK: sizes too small for figures to mean much"
      or ""))
  row("measure", "ratio", "min", "median", "instr.", "target")
end

local function factor(value) return value and ("%.2f"):format(value) or "-" end

-- One line for each curve: its worst point by its best.
local function print_growth(curves)
  print(("\n%-30s %7s  %9s  %s"):format("growth: worst by best", "by time",
    "by count", ("target: <= %g"):format(growth.LIMIT)))
  for _, curve in ipairs(curves) do
    local holds = curve.holds
    print(("  %-28s %7s  %9s  %s"):format(
      curve.series .. ", " .. programs.list[curve.program].label,
      factor(curve.by_time), factor(curve.by_count),
      holds == nil and "" or holds and "met" or "MISSED"))
  end
end

--- Prints how costs grow, and what became of the targets.
function printed.footer(run)
  local curves = growth.curves(run)
  if #curves > 0 then print_growth(curves) end
  local met, missed = figures.targets(run.measures)
  if met + missed > 0 then
    print(("\ntargets: %d met, %d missed"):format(met, missed))
  end
end

return printed
