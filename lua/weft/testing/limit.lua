--- The limit of a test: how long it may take, and what it was waiting for.
-- @module weft.testing.limit

local call = require "weft.call"
local core = require "weft.core"
local errors = require "weft.error"
local finalizers = require "weft.testing.finalizers"
local frames = require "weft.testing.frames"
local scope = require "weft.scope"
local task = require "weft.task"
local tree = require "weft.tree"

local limit = {}

local function seconds_text(seconds) return ("%g s"):format(seconds) end

-- What the running test is seen to wait for when the time is up.
local function look(handle)
  local co = core.task_coroutine(handle)
  local _, _, _, _, what = core.task_info(handle)
  local all = task.all()
  return {
    what = what,
    info = co and frames.first(co),
    traceback = co and debug.traceback(co),
    tree = #all > 1 and tree.tree() or nil,
  }
end

-- On the virtual clock, without a limit: by then nothing else was to come.
local NEVER = 1e9

local function how_to_raise(seconds)
  return ("(a higher limit: testing.with({timeout = %g}, fn) for one test, "
    .. "testing.options{timeout = %g} for a describe)"):format(seconds * 2,
    seconds * 2)
end

local function timeout_error(seconds, seen)
  local waited = seen.what and "; it waited for " .. seen.what or ""
  local lines
  if seconds == NEVER then
    lines = { "deadlocked: nothing can wake it any more" .. waited }
  else
    lines = { "no end after " .. seconds_text(seconds) .. waited,
      how_to_raise(seconds) }
  end
  if seen.tree then
    lines[#lines + 1] = "The tasks were:\n  " .. seen.tree:gsub("\n", "\n  ")
  end
  return errors.classes.TimeoutError(table.concat(lines, "\n"),
    { traceback = seen.traceback, frame = seen.info })
end

-- What fn has entered and not left may have scopes open. An error of its own is
-- what is told of fn; but Cancelled may have come from such a scope, and then
-- that tells why.
local function leave_scopes(outer, ok, err)
  local left, failure = pcall(finalizers.leave_scopes, outer, err)
  if left or not ok and not errors.is_cancelled(err) then return ok, err end
  return false, failure
end

--- Calls `fn(...)` in the running task. It is cancelled where it waits when it
-- has not ended after `seconds`; then raises a TimeoutError that says where
-- that was, even if fn swallowed it. What fn raises goes on; `at_raise(err)` is
-- called before, on the stack where it was raised.
---@param seconds number
---@param at_raise function
---@param fn function
function limit.call(seconds, at_raise, fn, ...)
  local handle = core.task_handle()
  local ok, err, seen
  local arguments, count = { ... }, select("#", ...)
  if seconds == math.huge and core.is_virtual() then seconds = NEVER end
  scope.scope(function(around)
    local timer = seconds < math.huge and call.later(seconds, function()
      seen = look(handle)
      around:cancel "the limit of the test"
    end)
    local outer = core.scope_current()
    ok, err = xpcall(fn, function(raised)
      at_raise(raised)
      return raised
    end, unpack(arguments, 1, count))
    if core.scope_current() ~= outer then
      ok, err = leave_scopes(outer, ok, err)
    end
    if timer then timer:cancel() end
  end)
  if seen then error(timeout_error(seconds, seen), 0) end
  if not ok then error(err, 0) end
end

return limit
