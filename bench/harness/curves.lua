--- The picture of the growth: a panel for each series, what one operation costs
-- by the number of tasks, both on log scales.

local figures = require "harness.figures"
local programs = require "harness.programs"
local svg = require "harness.svg"

local curves = {}

local ACROSS, WIDTH, HEIGHT = 2, 480, 280
local LEFT, RIGHT, TOP, BOTTOM = 56, 36, 40, 36

local LEGEND = 116 -- the width of a name

local SPAN_X, SPAN_Y = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

-- Where a value is between the powers of ten around all values: 0 to 1.
local function scale_of(values)
  local low = math.floor(math.log10(math.min(unpack(values))))
  local high = math.ceil(math.log10(math.max(unpack(values))))
  if high == low then high = low + 1 end
  return { low = low, high = high, at = function(value)
    return (math.log10(value) - low) / (high - low)
  end }
end

-- 1,000,000 for 1e6.
local function grouped(number)
  local text = ("%.0f"):format(number)
  return (text:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

local function panels_of(list)
  local panels, by_series = {}, {}
  for _, curve in ipairs(list) do
    local panel = by_series[curve.series]
    if not panel then
      panel = { series = curve.series, unit = curve.unit, tasks = {},
        values = {} }
      by_series[curve.series] = panel
      panels[#panels + 1] = panel
    end
    table.insert(panel, curve)
    for _, point in ipairs(curve.points) do
      table.insert(panel.tasks, point.tasks)
      table.insert(panel.values, point.min)
    end
  end
  return panels
end

local function draw_grid(picture, x, y, across, up)
  for power = across.low, across.high do
    local at = x + LEFT + SPAN_X * across.at(10 ^ power)
    svg.line(picture, at, y + TOP, at, y + TOP + SPAN_Y, "grid")
    if power % 2 == 1 or power == across.high then
      svg.text(picture, at, y + TOP + SPAN_Y + 14, grouped(10 ^ power), "soft",
        "middle")
    end
  end
  for power = up.low, up.high do
    local at = y + TOP + SPAN_Y * (1 - up.at(10 ^ power))
    svg.line(picture, x + LEFT, at, x + LEFT + SPAN_X, at, "grid")
    svg.text(picture, x + LEFT - 6, at + 4, grouped(10 ^ power), "soft", "end")
  end
end

local function draw_panel(picture, panel, x, y)
  local across, up = scale_of(panel.tasks), scale_of(panel.values)
  svg.text(picture, x + LEFT, y + 16, ("%s, %s by the number of tasks"):format(
    panel.series, panel.unit), "title")
  draw_grid(picture, x, y, across, up)
  for i, curve in ipairs(panel) do
    local style, points = (i - 1) % 4 + 1, {}
    local label = programs.list[curve.program].label
    for j, point in ipairs(curve.points) do
      points[j] = {
        x = x + LEFT + SPAN_X * across.at(point.tasks),
        y = y + TOP + SPAN_Y * (1 - up.at(point.min)),
        tells = ("%s, %s tasks: %s %s"):format(label, grouped(point.tasks),
          figures.number(point.min), curve.unit),
      }
    end
    svg.curve(picture, points, style)
    local at = x + LEFT + 4 + (i - 1) * LEGEND
    svg.add(picture, '<circle cx="%.1f" cy="%.1f" r="4" class="f%d"/>', at,
      y + 28, style)
    svg.text(picture, at + 8, y + 32, label)
  end
end

-- The same in words.
local function describe(list)
  local parts = {}
  for i, curve in ipairs(list) do
    local points = {}
    for j, point in ipairs(curve.points) do
      points[j] = ("%s at %s"):format(figures.number(point.min),
        grouped(point.tasks))
    end
    parts[i] = ("%s, %s, %s: %s"):format(curve.series,
      programs.list[curve.program].label, curve.unit,
      table.concat(points, ", "))
  end
  return "What one operation costs by the number of tasks, both on log scales. "
    .. table.concat(parts, ". ") .. "."
end

--- The text of the picture.
---@param list table[] the curves, of `growth.curves`
function curves.draw(list)
  local panels = panels_of(list)
  local rows = math.ceil(#panels / ACROSS)
  local picture = svg.open(ACROSS * WIDTH, math.max(1, rows) * HEIGHT,
    "What an operation costs as tasks grow in number", describe(list))
  for i, panel in ipairs(panels) do
    draw_panel(picture, panel, (i - 1) % ACROSS * WIDTH,
      math.floor((i - 1) / ACROSS) * HEIGHT)
  end
  return svg.close(picture)
end

curves.grouped = grouped

return curves
