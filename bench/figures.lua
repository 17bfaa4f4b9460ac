--- The table of the figures, and what became of the targets. For bench/run,
-- which passes the programs.

local programs = ...
local output = programs.output

local figures = {}

-- -- Of several runs ---------------------------------------------------------

local function least(values)
  return values and math.min(unpack(values))
end

local function median(values)
  local sorted = { unpack(values) }
  table.sort(sorted)
  local half = math.floor(#sorted / 2)
  if #sorted % 2 == 1 then
    return sorted[half + 1]
  end
  return (sorted[half] + sorted[half + 1]) / 2
end

-- -- Targets ----------------------------------------------------------------

--- How many targets were met and missed so far.
figures.met, figures.missed = 0, 0

-- The least figure of some programs; nil if one of them has none.
local function least_of_all(names, least_of)
  local lowest = math.huge
  for _, name in ipairs(names) do
    if not least_of[name] then return nil end
    lowest = math.min(lowest, least_of[name])
  end
  return lowest
end

-- Returns the target as text, with what came of it where that is known: it is
-- met if the least of the figures is within each of its bounds.
local function judge(target, least_of, name)
  if not target then
    return ""
  end
  local bounds, figure = {}, least_of[name]
  local holds, known = true, true
  local function bound(text, limit)
    bounds[#bounds + 1] = text
    if figure and limit then
      holds = holds and figure <= limit
    else
      known = false
    end
  end
  if target.at_most then
    bound(("<= %g"):format(target.at_most), target.at_most)
  end
  if target.ratio then
    local of = target.of or "reference"
    bound(("<= %g x %s"):format(target.ratio, of),
      least_of[of] and least_of[of] * target.ratio)
  end
  if target.below then
    bound("< " .. target.below.text, least_of_all(target.below, least_of))
  end
  local text = table.concat(bounds, " and ")
  if holds and not known then
    return text
  end
  local result = holds and "met" or "missed"
  figures[result] = figures[result] + 1
  return text .. (holds and "   met" or "   MISSED")
end

-- -- The table --------------------------------------------------------------

local ROW = "%-30s %8s %8s  %8s %8s  %6s  %s"

-- Three digits at least, of which none is more than noise.
local function number(value)
  if not value then
    return "-"
  end
  return ((value < 10 and "%.3f" or value < 1000 and "%.1f" or "%.0f")
    :format(value))
end

local function row(...)
  print((ROW:format(...):gsub("%s+$", "")))
end

local function ratio(figure, other)
  return figure and other and ("%.2f"):format(figure / other) or "-"
end

-- The two columns of one program: its least and its median figure.
local function pair(result, key)
  local values = not result.problem and result[key]
  if not values then
    return "-", "-"
  end
  return number(least(values)), number(median(values))
end

-- One program's line below the measure's own.
local function peer_row(name, results, entry, least_of)
  local label, result = "  " .. programs.list[name].label, results[name]
  if result.problem then
    print(("%-30s %s"):format(label, result.problem))
  elseif programs.list[name].ours then
    local low, middle = pair(result, entry.key)
    row(label, low, middle, "", "", "",
      judge(entry.targets and entry.targets[name], least_of, name))
  else
    local low, middle = pair(result, entry.key)
    row(label, "", "", low, middle, ratio(least_of.weft, least_of[name]), "")
  end
end

--- Prints the lines of one measure.
function figures.print_measure(names, results, entry)
  local least_of = {}
  for _, name in ipairs(names) do
    if not results[name].problem then
      least_of[name] = assert(least(results[name][entry.key]),
        name .. " does not print " .. entry.key)
    end
  end
  local reference = results.reference or {}
  local low, middle = pair(results.weft, entry.key)
  local other_low, other_middle = pair(reference, entry.key)
  row(("%s [%s]"):format(entry.name, entry.unit), low, middle, other_low,
    other_middle, ratio(least_of.weft, least_of.reference),
    judge(entry.target, least_of, "weft"))
  for _, name in ipairs(names) do
    local said = name == "weft" or name == "reference"
    if not said or results[name].problem then
      peer_row(name, results, entry, least_of)
    end
  end
end

--- Prints the machine, the versions and the names of the columns.
function figures.print_header(repetitions)
  local cpu = output "grep '^model name' /proc/cpuinfo 2>/dev/null" or ""
  local load = output "cut -d ' ' -f 1 /proc/loadavg 2>/dev/null" or "?"
  local busy = (tonumber(load) or 0) > 1
  print(("%s, %s cores, %s; load %s%s"):format(
    cpu:match ": ([^\n]*)" or "unknown processor", output "nproc" or "?",
    output "uname -sm" or "?", load,
    busy and ": BUSY, figures will be too high" or ""))
  local versions = { jit.version }
  for _, name in ipairs { "go", "asyncio", "luv",
    "cqueues", "node", "uvloop" } do
    local program = programs.list[name]
    versions[#versions + 1] = program.label .. ": "
      .. (program.found or program.missing)
  end
  print(table.concat(versions, ", "))
  print(("repetitions: %d, in turn; ratio: weft's least by the other's\n")
    :format(repetitions))
  row("", "weft", "", "other", "", "", "")
  row("measure", "min", "median", "min", "median", "ratio", "target")
end

return figures
