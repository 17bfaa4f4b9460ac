--- What several runs come to: least, median, ratios, and what became of the
-- targets.

local programs = require "harness.programs"

local figures = {}

local function least(values) return math.min(unpack(values)) end

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

-- The least figure of some programs; nil if one of them has none.
local function least_of_all(names, least_of)
  local lowest = math.huge
  for _, name in ipairs(names) do
    if not least_of[name] then return nil end
    lowest = math.min(lowest, least_of[name])
  end
  return lowest
end

-- The least figure of all peers that have one.
local function least_of_peers(least_of)
  local lowest
  for name, figure in pairs(least_of) do
    if programs.is_peer(name) then
      lowest = math.min(lowest or figure, figure)
    end
  end
  return lowest
end

-- The bounds of a target: texts, each with its limit where that is known.
local function bounds_of(target, least_of)
  local bounds = {}
  local function bound(text, limit)
    bounds[#bounds + 1] = { text = text, limit = limit }
  end
  if target.at_most then
    bound(("<= %g"):format(target.at_most), target.at_most)
  end
  if target.ratio then
    local of = target.of or "reference"
    bound(("<= %g x %s"):format(target.ratio, of),
      least_of[of] and least_of[of] * target.ratio)
  end
  if target.below == "peers" then
    bound("< every peer", least_of_peers(least_of))
  elseif target.below then
    bound("< " .. target.below.text, least_of_all(target.below, least_of))
  end
  return bounds
end

-- Returns the target as text, and whether it was met: nil where what it is
-- compared with is missing. It is met within each of its bounds.
local function judge(target, least_of, figure)
  local texts, holds, known = {}, true, figure ~= nil
  for i, bound in ipairs(bounds_of(target, least_of)) do
    texts[i] = bound.text
    if figure and bound.limit then
      holds = holds and figure <= bound.limit
    else
      known = false
    end
  end
  if holds and not known then holds = nil end
  return table.concat(texts, " and "), holds
end

-- -- Records -----------------------------------------------------------------

-- One program's part of a measure, as it stands in results.json.
local function entry_of(name, result, measure, least_of)
  local entry = { program = name }
  if result.problem then
    entry[result.failed and "failed" or "missing"] = result.problem
    return entry
  end
  entry.values = result[measure.key]
  entry.min, entry.median = least(entry.values), median(entry.values)
  if least_of.weft and entry.min > 0 then
    entry.ratio = least_of.weft / entry.min
  end
  if measure.counted then entry.instructions = result.instructions end
  local target = name == "weft" and measure.target
    or measure.targets and measure.targets[name]
  if target then
    entry.target, entry.met = judge(target, least_of, entry.min)
  end
  return entry
end

--- The record of one measure of a case.
---@param names string[] of the programs, in order
---@param results table by name, of measure.case
---@param measure table of the case
function figures.record(names, results, measure)
  local least_of, record = {}, { key = measure.key, name = measure.name,
    unit = measure.unit, programs = {} }
  for _, name in ipairs(names) do
    if not results[name].problem then
      least_of[name] = least(assert(results[name][measure.key],
        name .. " does not print " .. measure.key))
    end
  end
  for i, name in ipairs(names) do
    record.programs[i] = entry_of(name, results[name], measure, least_of)
  end
  return record
end

--- Leaves open whether the targets of a record were met.
function figures.leave_open(record)
  for _, entry in ipairs(record.programs) do entry.met = nil end
end

--- How many targets of some records were met and missed.
function figures.targets(records)
  local met, missed = 0, 0
  for _, record in ipairs(records) do
    for _, entry in ipairs(record.programs) do
      if entry.met == true then met = met + 1 end
      if entry.met == false then missed = missed + 1 end
    end
  end
  return met, missed
end

--- A ratio as text: two digits of it at least.
---@param value number?
---@return string
function figures.ratio(value)
  if not value then return "-" end
  return (value < 0.1 and "%.3f" or value < 100 and "%.2f" or "%.0f")
    :format(value)
end

--- Three digits at least, of which none is more than noise.
---@param value number?
---@return string
function figures.number(value)
  if not value then return "-" end
  return ((value < 10 and "%.3f" or value < 1000 and "%.1f" or "%.0f")
    :format(value))
end

return figures
