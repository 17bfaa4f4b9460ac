--- How the cost of an operation grows with the number of tasks.
-- Measures that have a `curve` are points of one: its `series`, and `tasks`.

local growth = {}

--- At most so many times the best may a point cost.
growth.LIMIT = 2

-- The largest by the least of some numbers; nil where there is but one point.
local function spread(points, field)
  local low, high, count = math.huge, 0, 0
  for _, point in ipairs(points) do
    if point[field] then
      count = count + 1
      low, high = math.min(low, point[field]), math.max(high, point[field])
    end
  end
  return count > 1 and low > 0 and high / low or nil
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

--- The curves in the measures of a run: a list of `series`, `program`, `unit`,
-- `points`, and by how much the worst point is above the best, by time and by
-- instructions (nil where they were not counted).
---@param measures table[]
---@return table[]
function growth.curves(measures)
  local curves, by_key = {}, {}
  for _, record in ipairs(measures) do
    for _, entry in ipairs(record.curve and record.programs or {}) do
      if entry.min then add_point(curves, by_key, record, entry) end
    end
  end
  for _, curve in ipairs(curves) do
    curve.by_time = spread(curve.points, "min")
    curve.by_count = spread(curve.points, "instructions")
  end
  return curves
end

--- Whether a curve stays within the limit: by instructions, which know nothing
-- of caches, or by time where they were not counted. nil for a single point.
function growth.holds(curve)
  local by = curve.by_count or curve.by_time
  if not by then return nil end
  return by <= growth.LIMIT
end

return growth
