--- How the cost of an operation grows with the number of tasks.
-- Measures that have a `curve` are points of one: its `series`, and `tasks`.

local growth = {}

--- At most so many times the best may a point cost.
growth.LIMIT = 2

-- The largest by the least of some numbers; nil where there is but one point,
-- or a point has none.
local function spread(points, field)
  local low, high = math.huge, 0
  for _, point in ipairs(points) do
    if not point[field] then return nil end
    low, high = math.min(low, point[field]), math.max(high, point[field])
  end
  return #points > 1 and low > 0 and high / low or nil
end

local function add_point(curves, by_key, record, entry)
  local key = record.curve.series .. "\0" .. entry.program
  local curve = by_key[key]
  if not curve then
    curve = { series = record.curve.series, program = entry.program,
      unit = record.unit, points = {} }
    by_key[key] = curve
    table.insert(curves, curve)
  end
  table.insert(curve.points, { tasks = record.curve.tasks, min = entry.min,
    instructions = entry.instructions })
end

-- Whether a curve stays within the limit: by instructions, which know nothing
-- of caches, or by time where not all were counted. nil for a single point.
local function holds(curve)
  local by = curve.by_count or curve.by_time
  if not by then return nil end
  return by <= growth.LIMIT
end

--- The curves in the measures of a run: a list of `series`, `program`, `unit`,
-- `points`, by how much the worst point is above the best, `by_time` and
-- `by_count` (of instructions; nil where not all were counted), and whether it
-- `holds` to the limit (nil for a single point, and in a quick run).
---@param run table
---@return table[]
function growth.curves(run)
  local curves, by_key = {}, {}
  for _, record in ipairs(run.measures) do
    for _, entry in ipairs(record.curve and record.programs or {}) do
      if entry.min then add_point(curves, by_key, record, entry) end
    end
  end
  for _, curve in ipairs(curves) do
    curve.by_time = spread(curve.points, "min")
    curve.by_count = spread(curve.points, "instructions")
    if not run.quick then curve.holds = holds(curve) end
  end
  return curves
end

return growth
