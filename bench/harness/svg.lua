--- Pictures as SVG text, readable on light and dark, with texts for those who
-- do not see them.

local svg = {}

-- Colours that are told apart by people who see few, on white and on black.
local STYLE = [[
<style>
text { font: 11px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 12px; }
.soft { fill: #59636e; }
.grid { stroke: #d1d9e0; }
.base { stroke: #59636e; }
.slower { fill: #0969da; }
.faster { fill: #bf5700; }
.line { fill: none; stroke-width: 2; }
.s1 { stroke: #0969da; } .s2 { stroke: #bf5700; }
.s3 { stroke: #1a7f37; } .s4 { stroke: #8250df; }
.f1 { fill: #0969da; } .f2 { fill: #bf5700; }
.f3 { fill: #1a7f37; } .f4 { fill: #8250df; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .soft { fill: #9198a1; }
  .grid { stroke: #3d444d; }
  .base { stroke: #9198a1; }
  .slower { fill: #4493f8; }
  .faster { fill: #f0883e; }
  .s1 { stroke: #4493f8; } .s2 { stroke: #f0883e; }
  .s3 { stroke: #3fb950; } .s4 { stroke: #ab7df8; }
  .f1 { fill: #4493f8; } .f2 { fill: #f0883e; }
  .f3 { fill: #3fb950; } .f4 { fill: #ab7df8; }
}
</style>]]

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
  ['"'] = "&quot;" }

--- Text as it may stand in SVG.
function svg.escape(text) return (text:gsub('[&<>"]', escapes)) end

--- A picture under way: its elements are added to the list that it is.
---@param width number
---@param height number
---@param title string
---@param description string what somebody should know who does not see it
function svg.open(width, height, title, description)
  return {
    ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d"'
      .. ' height="%d" role="img" aria-labelledby="title description">')
      :format(width, height, width, height),
    ('<title id="title">%s</title>'):format(svg.escape(title)),
    ('<desc id="description">%s</desc>'):format(svg.escape(description)),
    STYLE,
  }
end

local function add(picture, ...)
  picture[#picture + 1] = (...):format(select(2, ...))
end

svg.add = add

--- A text; `anchor` is start, middle or end.
function svg.text(picture, x, y, text, class, anchor)
  add(picture, '<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>',
    x, y, class or "", anchor or "start", svg.escape(text))
end

--- A straight line.
function svg.line(picture, x1, y1, x2, y2, class)
  add(picture, '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>',
    x1, y1, x2, y2, class)
end

--- A rectangle that tells what it is when it is pointed at.
function svg.bar(picture, x, y, width, height, class, tells)
  add(picture, '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"'
    .. ' class="%s"><title>%s</title></rect>', x, y, width, height, class,
    svg.escape(tells))
end

--- A line through points, and a dot at each that tells what it is.
---@param points { x: number, y: number, tells: string }[]
---@param style integer 1 to 4
function svg.curve(picture, points, style)
  local path = {}
  for i, point in ipairs(points) do
    path[i] = ("%.1f,%.1f"):format(point.x, point.y)
  end
  add(picture, '<polyline class="line s%d" points="%s"/>', style,
    table.concat(path, " "))
  for _, point in ipairs(points) do
    add(picture, '<circle cx="%.1f" cy="%.1f" r="3.5" class="f%d">'
      .. '<title>%s</title></circle>', point.x, point.y, style,
      svg.escape(point.tells))
  end
end

--- The text of a picture.
function svg.close(picture)
  return table.concat(picture, "\n") .. "\n</svg>\n"
end

return svg
