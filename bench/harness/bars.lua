--- The picture of the ratios: a panel for each workload, a bar for each peer,
-- from weft's own figure (1) to the right where the peer needs more, to the
-- left where it needs less, on a log scale that is the same in all panels.

local columns = require "harness.columns"
local figures = require "harness.figures"
local svg = require "harness.svg"

local bars = {}

local ACROSS, WIDTH = 3, 320 -- panels in a row, and the width of each
local LEFT, RIGHT = 70, 44 -- in a panel: for the labels, for the ratios
local TOP, ROW, BOTTOM = 34, 15, 26
local LOW, HIGH = 0.1, 100 -- the ends of the scale; what is beyond is cut

local SPAN = WIDTH - LEFT - RIGHT

local function position(ratio)
  local cut = math.max(LOW, math.min(HIGH, ratio))
  return LEFT + SPAN * math.log(cut / LOW) / math.log(HIGH / LOW)
end

-- "0.25x", "17x".
local function times(ratio)
  return (ratio < 10 and "%.2fx" or "%.0fx"):format(ratio)
end

-- A workload's first measure stands for it.
local function panels_of(measures)
  local panels, seen = {}, {}
  for _, record in ipairs(measures) do
    local weft = columns.entry(record, "weft")
    if weft and not seen[record.workload] and not record.curve then
      seen[record.workload] = true
      local panel = { record = record, weft = weft }
      for _, column in ipairs(columns.list) do
        local entry = columns.best(record, column)
        if entry then
          table.insert(panel, { label = column.label, entry = entry,
            ratio = entry.min / weft.min })
        end
      end
      panels[#panels + 1] = panel
    end
  end
  return panels
end

local function draw_bar(picture, x, y, row, unit)
  local from, to = x + position(1), x + position(row.ratio)
  local left, width = math.min(from, to), math.max(1, math.abs(to - from))
  svg.text(picture, x + LEFT - 6, y + 10, row.label, "", "end")
  svg.bar(picture, left, y + 2, width, ROW - 5,
    row.ratio >= 1 and "slower" or "faster",
    ("%s: %s %s, %s of weft's"):format(row.label,
      figures.number(row.entry.min), unit, times(row.ratio)))
  svg.text(picture, x + WIDTH - RIGHT + 4, y + 10, times(row.ratio), "soft")
end

local function draw_scale(picture, x, y, height)
  for _, tick in ipairs { 0.1, 1, 10, 100 } do
    local at = x + position(tick)
    svg.line(picture, at, y, at, y + height, tick == 1 and "base" or "grid")
    svg.text(picture, at, y + height + 11, ("%gx"):format(tick), "soft",
      "middle")
  end
end

local function draw_panel(picture, panel, x, y)
  local record = panel.record
  svg.text(picture, x + 4, y + 14, record.workload, "title")
  svg.text(picture, x + 4, y + 27, ("%s: weft %s %s"):format(
    record.name:gsub("^%s+", ""), figures.number(panel.weft.min), record.unit),
    "soft")
  draw_scale(picture, x, y + TOP, #panel * ROW)
  for i, row in ipairs(panel) do
    draw_bar(picture, x, y + TOP + (i - 1) * ROW, row, record.unit)
  end
end

-- Panels in rows; each row is as high as its highest.
local function lay_out(panels)
  local y = 0
  for first = 1, #panels, ACROSS do
    local most = 0
    for i = first, math.min(first + ACROSS - 1, #panels) do
      panels[i].x, panels[i].y = (i - first) * WIDTH, y
      most = math.max(most, #panels[i])
    end
    y = y + TOP + most * ROW + BOTTOM
  end
  return y
end

-- The same in words.
local function describe(panels)
  local parts = {}
  for i, panel in ipairs(panels) do
    local rows = {}
    for j, row in ipairs(panel) do
      rows[j] = row.label .. " " .. times(row.ratio)
    end
    parts[i] = ("%s: %s"):format(panel.record.workload,
      table.concat(rows, ", "))
  end
  return "What each peer needs by what weft needs, least of all runs, on a log"
    .. " scale; above 1 weft is faster. " .. table.concat(parts, ". ") .. "."
end

--- The text of the picture.
---@param measures table[] of a run
function bars.draw(measures)
  local panels = panels_of(measures)
  local height = lay_out(panels)
  local picture = svg.open(ACROSS * WIDTH, height,
    "weft and its peers, a panel for each workload", describe(panels))
  for _, panel in ipairs(panels) do
    draw_panel(picture, panel, panel.x, panel.y)
  end
  return svg.close(picture)
end

return bars
