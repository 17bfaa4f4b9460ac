--- The part of docs/performance.md that bench/run writes, and its pictures:
-- all that stands between two marks. The rest of the page is written by hand.

local bars = require "harness.bars"
local columns = require "harness.columns"
local curves = require "harness.curves"
local figures = require "harness.figures"
local growth = require "harness.growth"
local programs = require "harness.programs"

local page = {}

--- The page, of which the part between the marks is written.
page.PATH = "docs/performance.md"

local BEGIN = "<!-- figures: written by bench/run, not by hand -->"
local END = "<!-- end of figures -->"

local number = figures.number

-- -- Markdown -----------------------------------------------------------------

local function table_of(lines, heads, rows)
  if #rows == 0 then return end
  local function row(cells)
    lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  local rule = {}
  for i = 1, #heads do rule[i] = i == 1 and "---" or "---:" end
  row(heads)
  row(rule)
  for _, cells in ipairs(rows) do row(cells) end
  lines[#lines + 1] = ""
end

-- Adds a paragraph, its lines no wider than the others here.
local function paragraph(lines, text)
  local line = ""
  for word in text:gmatch "%S+" do
    if line ~= "" and #line + 1 + #word > 80 then
      lines[#lines + 1], line = line, word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  lines[#lines + 1] = ""
end

-- -- Its parts ----------------------------------------------------------------

-- "2026-11-29 at f5c9d43", of a record or of what was counted of it.
local function origin_of(made)
  return made.date:sub(1, 10) .. " at " .. (made.revision or "?")
end

-- When and of which revision records were made, which `tell` says of one; where
-- several runs have brought them, of which workloads, or what `tell` names.
local function origins(records, tell)
  local list, by_origin = {}, {}
  for _, record in ipairs(records) do
    local origin, part = tell(record)
    part = part or record.workload
    local workloads = by_origin[origin]
    if not workloads then
      workloads = { origin = origin }
      by_origin[origin] = workloads
      list[#list + 1] = workloads
    end
    if workloads[#workloads] ~= part then
      workloads[#workloads + 1] = part
    end
  end
  if #list == 1 then return list[1].origin end
  for i, workloads in ipairs(list) do
    list[i] = ("%s (%s)"):format(workloads.origin,
      table.concat(workloads, ", "))
  end
  return table.concat(list, "; ")
end

local function write_machine(lines, run)
  local about, there, missing = run.machine, {}, {}
  for _, name in ipairs(programs.order) do
    local known, variant = run.programs[name], programs.list[name].variant
    if known and known.missing then
      missing[#missing + 1] = ("%s: %s"):format(known.label, known.missing)
    elseif known and known.version and not variant then
      there[#there + 1] = ("%s %s"):format(known.label, known.version)
    end
  end
  paragraph(lines, ("From %s, on %s, %s cores, %s, %s; load %s at the"
    .. " beginning of the last run. Runs of each program, in turn: %d."):format(
    origins(run.measures, origin_of), about.processor, about.cores or "?",
    about.distribution or "", about.system or "", about.load or "?",
    run.repetitions))
  if #there > 0 then paragraph(lines, table.concat(there, "; ") .. ".") end
  if #missing > 0 then
    paragraph(lines, "Missing: " .. table.concat(missing, "; ") .. ".")
  end
end

local function verdict(entry)
  if not entry.target then return "" end
  if entry.met == nil then return entry.target end
  return entry.target .. (entry.met and ": met" or ": missed")
end

-- The columns in which there is anything.
local function columns_of(run)
  local used = {}
  for _, column in ipairs(columns.list) do
    for _, record in ipairs(run.measures) do
      if columns.best(record, column) then
        used[#used + 1] = column
        break
      end
    end
  end
  return used
end

local function write_ratios(lines, run)
  local used, heads, rows = columns_of(run), { "measure" }, {}
  for _, column in ipairs(used) do heads[#heads + 1] = column.label end
  heads[#heads + 1], heads[#heads + 2] = "weft", "target"
  for _, record in ipairs(run.measures) do
    local weft = columns.entry(record, "weft")
    if weft and not record.curve then
      local name = record.name:gsub("^%s+", record.workload .. ": ")
      local cells = { name }
      for _, column in ipairs(used) do
        local entry = columns.best(record, column)
        cells[#cells + 1] = entry
          and figures.ratio(weft.min / entry.min) or ""
      end
      cells[#cells + 1] = number(weft.min) .. " " .. record.unit
      cells[#cells + 1] = verdict(weft)
      rows[#rows + 1] = cells
    end
  end
  paragraph(lines, "Weft's least by the peer's least: below 1 weft is faster."
    .. " Of a peer with one thread and with all cores, or with two libraries,"
    .. " the faster counts; `bare` is the reference, or what is made in C. In"
    .. " the picture it is the other way round, what the peer needs by what"
    .. " weft needs: to the right of 1, in blue, weft is faster.")
  table_of(lines, heads, rows)
end

local function cell_of(entry)
  if entry.missing then return "missing" end
  if entry.failed then return "failed" end
  return ("%s · %s (%s)"):format(figures.ratio(entry.ratio),
    number(entry.min), number(entry.median))
end

-- One workload: programs down, measures across.
local function write_workload(lines, workload, records)
  local heads, names, cells = { workload }, {}, {}
  for i, record in ipairs(records) do
    heads[i + 1] = ("%s, %s"):format(record.name:gsub("^%s+", ""), record.unit)
    for _, entry in ipairs(record.programs) do
      local name = entry.program
      if not cells[name] then
        names[#names + 1] = name
        cells[name] = { programs.list[name].label }
      end
      cells[name][i + 1] = cell_of(entry)
    end
  end
  local rows = {}
  for i, name in ipairs(names) do
    for column = 2, #heads do
      cells[name][column] = cells[name][column] or ""
    end
    rows[i] = cells[name]
  end
  table_of(lines, heads, rows)
end

local function write_details(lines, run)
  lines[#lines + 1] = "### Each workload"
  lines[#lines + 1] = ""
  paragraph(lines, "Ratio · least (median).")
  local records = {}
  for i, record in ipairs(run.measures) do
    local following = run.measures[i + 1]
    if not record.curve then records[#records + 1] = record end
    if not following or following.workload ~= record.workload then
      if #records > 0 then write_workload(lines, record.workload, records) end
      records = {}
    end
  end
end

-- The records of which instructions were counted: the points of curves, or all
-- others.
local function counted_records(run, points)
  local list = {}
  for _, record in ipairs(run.measures) do
    if record.counted and (record.curve ~= nil) == points then
      list[#list + 1] = record
    end
  end
  return list
end

-- By what they were counted, when, and of which revision.
local function counters(records)
  return origins(records, function(record)
    return record.counted.by .. " on " .. origin_of(record.counted),
      record.curve and record.curve.series
  end)
end

local function write_counts(lines, run)
  local records, rows = counted_records(run, false), {}
  if #records == 0 then return end
  for _, record in ipairs(records) do
    for _, entry in ipairs(record.programs) do
      if entry.instructions then
        rows[#rows + 1] = { record.name, programs.list[entry.program].label,
          ("%.0f"):format(entry.instructions) }
      end
    end
  end
  lines[#lines + 1] = "### Instructions"
  lines[#lines + 1] = ""
  paragraph(lines, ("Of one operation, counted by %s."):format(
    counters(records)))
  table_of(lines, { "measure", "program", "instructions" }, rows)
end

local function growth_row(curve, tasks)
  local cells = { curve.series, programs.list[curve.program].label }
  for i, count in ipairs(tasks) do
    cells[i + 2] = ""
    for _, point in ipairs(curve.points) do
      if point.tasks == count then
        cells[i + 2] = number(point.min) .. (point.instructions
          and (" (%.0f)"):format(point.instructions) or "")
      end
    end
  end
  local function factor(value) return value and ("%.2f"):format(value) or "" end
  local holds = curve.holds
  cells[#cells + 1] = factor(curve.by_time)
  cells[#cells + 1] = factor(curve.by_count)
  cells[#cells + 1] = holds == nil and "" or holds and "met" or "missed"
  return cells
end

local function write_growth(lines, run, list)
  if #list == 0 then return end
  local counted = counted_records(run, true)
  local tasks, heads, rows = {}, { "work", "program" }, {}
  for _, point in ipairs(list[1].points) do
    tasks[#tasks + 1] = point.tasks
    heads[#heads + 1] = curves.grouped(point.tasks) .. " tasks"
  end
  for _, head in ipairs { "by time", "by count", "within 2" } do
    heads[#heads + 1] = head
  end
  for i, curve in ipairs(list) do rows[i] = growth_row(curve, tasks) end
  lines[#lines + 1] = "### Growth"
  lines[#lines + 1] = ""
  paragraph(lines, "Nanoseconds of one operation (instructions), and the worst"
    .. " of the row by its best. Where instructions were counted they decide,"
    .. " for what the caches add with a million tasks is no work."
    .. (#counted > 0 and (" Counted by %s."):format(counters(counted)) or ""))
  lines[#lines + 1] = "![What an operation costs as tasks grow in number; the"
    .. " table has the figures](growth.svg)"
  lines[#lines + 1] = ""
  table_of(lines, heads, rows)
end

-- -- Writing ------------------------------------------------------------------

local function save(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  file:close()
end

local function load(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function text_of(run, list)
  local lines = { BEGIN, "" }
  write_machine(lines, run)
  lines[#lines + 1] = "![Bars on a log scale, of the first measure of each"
    .. " workload: what each peer needs by what weft needs; the table has all"
    .. " figures](performance.svg)"
  lines[#lines + 1] = ""
  write_ratios(lines, run)
  write_growth(lines, run, list)
  write_counts(lines, run)
  write_details(lines, run)
  lines[#lines + 1] = END
  return table.concat(lines, "\n")
end

--- Writes the page and its pictures, from the record of a run, to a directory.
---@param run table
---@param dir string
function page.write(run, dir)
  local text = load(page.PATH)
  local from = assert(text:find(BEGIN, 1, true), "no mark in " .. page.PATH)
  local _, to = text:find(END, from, true)
  assert(to, "no second mark in " .. page.PATH)
  local list = growth.curves(run)
  save(dir .. "/performance.md", text:sub(1, from - 1) .. text_of(run, list)
    .. text:sub(to + 1))
  save(dir .. "/performance.svg", bars.draw(run.measures))
  if #list > 0 then save(dir .. "/growth.svg", curves.draw(list)) end
end

return page
