--- Steps that hold the loop: those that took long, and one that still does.
--
-- A slow step is reported when it has ended. The watchdog prints at once, by
-- itself, since nobody knows whether that step ends; who receives the reports
-- is told too, but only then.
-- @module weft.steps

local core = require "weft.core"
local errors = require "weft.error"
local report = require "weft.report"
local switch = require "weft.debug"

local steps = {}

--- A watchdog has printed that `task`'s step holds the loop; the receiver of
-- the reports has not been told yet.
---@param task string?
---@param message string
---@param traceback string
function steps.blocked(task, message, traceback)
  if not report.get_receiver() then return end
  report.report(report.BLOCKED, task, errors.classes.Error(message), traceback)
end

switch.on_change(function(options)
  core.set_slow(options.slow or 0)
  core.set_watchdog(options.watchdog or 0)
end)

return steps
