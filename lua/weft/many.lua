--- Many at once, waiting for all: gather, map, each.
--
-- Functions are spawned in a group of the call's own, so nothing outlives the
-- call; tasks and futures that are passed in are only awaited.
-- @module weft.many

local callable = require "weft.callable"
local codes = require "weft.codes"
local core = require "weft.core"
local errors = require "weft.error"
local group = require "weft.group"
local iterator = require "weft.iterator"
local report = require "weft.report"
local scope = require "weft.scope"
local task = require "weft.task"
local is_future = require("weft.future").is_future

local new_table = require "table.new"

local many = {}

local core_spawn = core.spawn_bare
local GATHER_OPTIONS = { "return_errors" }
local MAP_OPTIONS, EACH_OPTIONS = { "limit", "return_errors" }, { "limit" }

-- -- What the calls share -----------------------------------------------------

--- Whether `x` can be awaited: a task or a future.
function many.is_awaitable(x) return task.is_task(x) or is_future(x) end

--- Checks a list of functions, tasks and futures.
function many.check_items(call, list, allow_functions)
  if type(list) ~= "table" or many.is_awaitable(list)
      or #list == 0 and not list.n and next(list) ~= nil then
    errors.fail_argument(call .. "(list): a list { a, b, ... } expected, got "
      .. errors.shown(list), 3)
  end
  for i = 1, list.n or #list do
    local item = list[i]
    if not (allow_functions and callable.is(item))
        and not many.is_awaitable(item) then
      errors.fail_argument(("%s(list): item %d must be a %stask or a future, "
        .. "got %s"):format(call, i, allow_functions and "function, a " or "",
          errors.shown(item)), 3)
    end
  end
  return list.n or #list
end

local function report_failures(list, from)
  for i = from, #list do
    report.report(report.FAILURE, list[i].task, list[i])
  end
end

-- Raises the first failure of the call's own group, bare; a cancelled caller
-- gets Cancelled. What is not raised is reported.
local function raise_first(err)
  if errors.is_cancelled(err.cause) then
    report_failures(err.errors, 1)
    errors.fail(codes.ECANCELLED)
  end
  report_failures(err.errors, 2)
  local first = err.errors[1]
  error(first.awaited or first, 0)
end

--- Runs `body(g)` in a group of the call's own, with at most `limit` children
-- at once. A caller who is cancelled before all have ended gets Cancelled, even
-- if they finish; a child that is cancelled on its own has failed. `call` is
-- the name of the call.
function many.run_group(call, body, limit)
  local code = core.cancel_point(call)
  if code then errors.fail(code) end
  local ok, err = xpcall(group.group, errors.trace, body,
    { limit = limit, strict = true })
  if ok then return end
  if errors.is_error(err) and err.errors then raise_first(err) end
  error(err, 0)
end

-- Awaits what was passed in, inside a child of the call's group. The failure
-- raised in the end is the awaited one's own object.
local function await_item(item)
  local ok, err = xpcall(item.await, errors.trace, item)
  if ok then return err end
  if not errors.is_cancelled(err) then
    err = errors.leave_task(err, task.current():name())
    err.awaited = err.cause
  end
  error(err, 0)
end

-- -- return_errors ------------------------------------------------------------

--- The error object for what an item of the running child raised. One that was
-- cancelled on its own has failed; Cancelled that comes from outside goes on.
function many.failure(err)
  local name = task.current():name()
  if errors.is_cancelled(err) then
    local origin = core.cancellation()
    if origin and origin ~= core.task_scope(core.task_handle()) then
      error(err, 0)
    end
    return errors.classes.TaskCancelledError("the task was cancelled",
      { reason = err.reason, task = name, cause = err })
  end
  local object = errors.object(err)
  if object.task == nil then object.task = name end
  return object
end

-- Runs fn(...) to its end; what it failed by is its result, and `failures` has
-- it as well.
local function run_kept(failures, fn, ...)
  local ok, value = xpcall(fn, errors.trace, ...)
  if ok then return value end
  value = many.failure(value)
  failures[#failures + 1] = value
  return value
end

-- As run_group, for children whose failures are results. They are reported if
-- the caller does not get these.
local function run_group_kept(failures, call, body, limit)
  local ok, err = xpcall(many.run_group, errors.trace, call, body, limit)
  if ok then return end
  for _, failure in ipairs(failures) do
    report.report(report.FAILURE, failure.task, failure)
  end
  error(err, 0)
end

local function spawn_kept(g, results, i, item, failures)
  if many.is_awaitable(item) then
    return core_spawn(g[1], results, i, run_kept, {}, item.await, item)
  end
  return core_spawn(g[1], results, i, run_kept, failures, item)
end

-- A list of results with room for so many: an array, whoever ends first.
local function new_results(count)
  local results = new_table(count, 1)
  results.n = count
  return results
end

local function gather_all(list, count)
  local results, failures = new_results(count), {}
  run_group_kept(failures, "weft.gather", function(g)
    for i = 1, count do
      local code = spawn_kept(g, results, i, list[i], failures)
      if code then errors.fail(code) end
    end
  end)
  return results
end

-- -- gather -------------------------------------------------------------------

-- Spawns all of the list; each puts its result into its place.
local function spawn_all(handle, results, list, count)
  for i = 1, count do
    local item, code = list[i]
    if type(item) ~= "function" and many.is_awaitable(item) then
      code = core_spawn(handle, results, i, await_item, item)
    else
      code = core_spawn(handle, results, i, item)
    end
    if code then errors.fail(code) end
  end
end

--- Runs all at once and returns their first results, in order, with field `n`.
-- The first failure cancels and joins those it spawned, then is raised. Parks.
-- Cancelled, it raises that when those it spawned have ended. A list with holes
-- is an ArgumentError; with a field `n` they are told by their places.
---@param list table functions, tasks, futures
---@param opts table? `return_errors`: error objects stand in the list
---@return table
function many.gather(list, opts)
  local count = many.check_items("gather", list, true)
  opts = scope.check_options(opts, "gather(list, opts)", GATHER_OPTIONS)
  if opts.return_errors then return gather_all(list, count) end
  local results = new_results(count)
  many.run_group("weft.gather", function(g)
    spawn_all(g[1], results, list, count)
  end)
  return results
end

-- -- map and each -------------------------------------------------------------

local function check_map(call, items, fn, opts, names)
  opts = scope.check_options(opts, call .. "(items, fn, opts)", names, 3)
  scope.check_function(fn, call .. "(items, fn): fn", 3)
  local limit = scope.check_limit(opts.limit, call .. ": limit", 3)
  local draw = iterator.over(items, call .. "(items, fn): items", 3)
  return draw, limit, opts
end

-- Taken in order, so that the list is an array, whoever ends first.
local function take_place(results)
  local place = results.n + 1
  results.n, results[place] = place, false
  return place
end

-- The body of a group that spawns run(..., item) for all items, each only once
-- it has a place, so that an iterator is drawn on no sooner. Their results go
-- into the list, if there is one.
local function spawner(draw, limit, results, run, ...)
  local first, second = ...
  return function(g)
    while true do
      local code = limit and core.group_reserve(g[1])
      if code then errors.fail(code) end
      local item = draw()
      if item == nil then return end
      local place = results and take_place(results) or 0
      if second then
        code = core_spawn(g[1], results, place, run, first, second, item)
      else
        code = core_spawn(g[1], results, place, run, first, item)
      end
      if code then errors.fail(code) end
    end
  end
end

local function apply(fn, item) return fn(item) end

--- Calls `fn(item)` for each, at most `limit` at once, and returns their first
-- results in order, with field `n`. Parks.
---@param items table|function a list or an iterator
---@param fn function
---@param opts table? `limit`, `return_errors`
---@return table
function many.map(items, fn, opts)
  local draw, limit, options = check_map("map", items, fn, opts, MAP_OPTIONS)
  local results, failures = { n = 0 }, {}
  if options.return_errors then
    run_group_kept(failures, "weft.map",
      spawner(draw, limit, results, run_kept, failures, fn), limit)
  else
    many.run_group("weft.map", spawner(draw, limit, results, apply, fn), limit)
  end
  return results
end

--- Calls `fn(item)` for each, at most `limit` at once; drops results. Parks.
---@param items table|function a list or an iterator
---@param fn function
---@param opts table? `limit`
function many.each(items, fn, opts)
  local draw, limit = check_map("each", items, fn, opts, EACH_OPTIONS)
  many.run_group("weft.each", spawner(draw, limit, false, apply, fn), limit)
end

return many
