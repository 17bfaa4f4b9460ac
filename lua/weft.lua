--- weft: tasks, groups, timeouts and what they are used with.
-- @module weft

local call = require "weft.call"
local errors = require "weft.error"
local group = require "weft.group"
local run = require "weft.run"
local scope = require "weft.scope"
local task = require "weft.task"
local time = require "weft.time"
require "weft.coroutine"

local weft = {
  VERSION = require("weft.core").version(),

  error_class = errors.error_class,
  run = run.run,

  spawn = task.spawn,
  current_task = task.current,
  all_tasks = task.all,

  sleep = time.sleep,
  sleep_until = time.sleep_until,
  sleep_forever = time.sleep_forever,
  yield = time.yield,
  checkpoint = time.checkpoint,
  now = time.now,

  call_soon = call.soon,
  call_later = call.later,
  call_at = call.at,

  group = group.group,
  scope = scope.scope,
  timeout = scope.timeout,
  timeout_at = scope.timeout_at,
  move_on_after = scope.move_on_after,
  move_on_at = scope.move_on_at,
  shield = scope.shield,
  current_deadline = scope.current_deadline,
}

for name, class in pairs(errors.classes) do weft[name] = class end

return weft
