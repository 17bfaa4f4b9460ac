--- What the specs share: running a test as the main task of a runtime.
local weft = require "weft"
local errors = require "weft.error"
local report = require "weft.report"
local run = require "weft.run"

local helper = {}

-- Runs `fn` as main of a runtime of its own. It fails if a task is left at the
-- end, or if something was reported that the test did not look at in
-- `helper.reports`.
local function run_test(opts, fn, ...)
  helper.reports = {}
  report.set_receiver(function(kind, task, err, traceback)
    table.insert(helper.reports,
      { kind = kind, task = task, err = err, traceback = traceback })
  end)
  local left
  local ok, err = xpcall(run.run_with, debug.traceback, opts, function(...)
    fn(...)
    left = #weft.all_tasks() - 1
  end, ...)
  report.set_receiver(nil)
  if not ok then error(err, 0) end
  if left and left > 0 then error(left .. " tasks are left at the end", 0) end
  if helper.reports[1] then
    local first = helper.reports[1]
    error("not expected to be reported: kind " .. first.kind .. ", "
      .. tostring(first.task) .. ": " .. tostring(first.err), 0)
  end
end

--- A test on the virtual clock, which begins at 0 and jumps when all tasks are
-- parked: it takes no real time.
function helper.virtual(fn, opts)
  opts = opts or {}
  return function()
    run_test({ virtual = true, seed = opts.seed }, fn)
  end
end

--- A test on the real clock, for real sockets.
function helper.run(fn)
  return function() run_test({}, fn) end
end

--- The reports so far; they count as looked at.
function helper.take_reports()
  local reports = helper.reports
  helper.reports = {}
  return reports
end

--- Calls `fn` and returns the error object it raises; fails if it raises none.
function helper.error_of(fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("expected an error, but none was raised", 2) end
  return err
end

--- Checks that fn(...) raises an error of the class; returns that.
function helper.fails(class, fn, ...)
  local err = helper.error_of(fn, ...)
  if not (errors.is_error(err) and err:is(class)) then
    error("expected a " .. class .. ", got " .. tostring(err), 2)
  end
  return err
end

--- Checks that fn(...) raises an ArgumentError that says all the pieces.
function helper.refuses(pieces, fn, ...)
  local err = helper.fails("ArgumentError", fn, ...)
  for _, piece in ipairs(pieces) do
    if not err.message:find(piece, 1, true) then
      error("no '" .. piece .. "' in: " .. err.message, 2)
    end
  end
  return err
end

return helper
