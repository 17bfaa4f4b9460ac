--- What weft reports while a test runs. A test that does not look at it fails.
-- @module weft.testing.reports

local report = require "weft.report"

local reports = {}

local list = {}
local before

local function receive(kind, task, err, traceback)
  list[#list + 1] = { kind = kind, task = task, err = err,
    traceback = traceback }
end

--- Begins to collect them.
function reports.begin()
  list = {}
  before = report.get_receiver()
  report.set_receiver(receive)
end

--- Has them go where they went before; returns those nobody has looked at.
---@return table[]
function reports.finish()
  report.set_receiver(before)
  return reports.take()
end

--- The reports so far: list of `{ kind =, task =, err =, traceback = }`, as
-- `weft.debug{report=fn}` gets them. They count as looked at, so they do not
-- fail the test.
---@return table[]
function reports.take()
  local taken = list
  list = {}
  return taken
end

--- One of them as text.
---@param entry table
---@return string
function reports.describe(entry)
  return report.text(entry.kind, entry.task, entry.err, entry.traceback)
end

return reports
