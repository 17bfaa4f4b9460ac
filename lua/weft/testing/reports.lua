--- What weft reports while a test runs. A test that does not look at it fails.
-- @module weft.testing.reports

local report = require "weft.report"

local reports = {}

local list = {}

local function add(kind, task, err, traceback)
  list[#list + 1] = { kind = kind, task = task, err = err,
    traceback = traceback }
end

--- Collects them while `fn()` runs, but for those that `filter(kind, task, err,
-- traceback)` takes. Returns them, and what fn returns.
---@param filter fun(kind: number, ...): boolean
---@param fn function
function reports.collect(filter, fn)
  local before, outer = report.get_receiver(), list
  list = {}
  report.set_receiver(function(...)
    if not filter(...) then add(...) end
  end)
  local function finish(ok, ...)
    report.set_receiver(before)
    local left = list
    list = outer
    if not ok then error((...), 0) end
    return left, ...
  end
  return finish(pcall(fn))
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

return reports
