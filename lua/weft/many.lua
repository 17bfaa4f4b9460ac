--- Many at once, waiting for all: gather, map, each.
--
-- Functions are spawned in a group of the call's own, so nothing outlives the
-- call; tasks and futures that are passed in are only awaited.
-- @module weft.many

local core = require "weft.core"
local errors = require "weft.error"
local group = require "weft.group"
local report = require "weft.report"
local scope = require "weft.scope"
local task = require "weft.task"
local is_future = require("weft.future").is_future

local many = {}

local FIRST_RESULT = 4 -- of a task object

-- -- What the calls share -----------------------------------------------------

--- Whether `x` can be awaited: a task or a future.
function many.is_awaitable(x) return task.is_task(x) or is_future(x) end

--- Checks a list of functions, tasks and futures.
function many.check_items(call, list, allow_functions)
  if type(list) ~= "table" then
    errors.fail_argument(call .. "(list): a list expected, got "
      .. errors.shown(list), 3)
  end
  for i = 1, list.n or #list do
    local item = list[i]
    if not many.is_awaitable(item)
        and not (allow_functions and type(item) == "function") then
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
    errors.fail(-1)
  end
  report_failures(err.errors, 2)
  local first = err.errors[1]
  error(first.awaited or first, 0)
end

--- Runs `body(g)` in a group of the call's own. `opts` as weft.group's.
function many.run_group(body, opts)
  local ok, err = xpcall(group.group, errors.trace, body, opts)
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

-- Runs an item to its end; its failure is what it returns.
local function outcome_of(item)
  local ok, value
  if type(item) == "function" then ok, value = xpcall(item, errors.trace)
  else ok, value = xpcall(item.await, errors.trace, item) end
  if ok or errors.is_cancelled(value) then return ok, value end
  local object = errors.object(value)
  if object.task == nil then object.task = task.current():name() end
  return true, object
end

local function run_kept(item)
  local ok, value = outcome_of(item)
  if not ok then error(value, 0) end
  return value
end

-- A child's result; one that was cancelled on its own stands as its error.
local function result_or_error(child)
  if child:cancelled() then return child:error() end
  return child[FIRST_RESULT]
end

local function gather_all(list, count)
  local children, results = {}, { n = count }
  group.group(function(g)
    for i = 1, count do children[i] = g:spawn(run_kept, list[i]) end
  end)
  for i = 1, count do results[i] = result_or_error(children[i]) end
  return results
end

-- -- gather -------------------------------------------------------------------

local function spawn_item(g, item)
  if type(item) == "function" then return g:spawn(item) end
  return g:spawn(await_item, item)
end

--- Runs all at once and returns their first results, in order, with field `n`.
-- The first failure cancels and joins those it spawned, then is raised. Parks.
---@param list table functions, tasks, futures
---@param opts table? `return_errors`: error objects stand in the list
---@return table
function many.gather(list, opts)
  local count = many.check_items("gather", list, true)
  opts = scope.check_options(opts, "gather(list, opts)")
  if opts.return_errors then return gather_all(list, count) end
  local children, results = {}, { n = count }
  many.run_group(function(g)
    for i = 1, count do children[i] = spawn_item(g, list[i]) end
  end, { strict = true })
  for i = 1, count do results[i] = children[i][FIRST_RESULT] end
  return results
end

-- -- map and each -------------------------------------------------------------

-- A function that gives the next item; nil at the end.
local function drawer(call, items)
  local metatable = getmetatable(items)
  if type(items) == "function" or (metatable and metatable.__call) then
    return items
  end
  if type(items) ~= "table" then
    errors.fail_argument(call .. "(items, fn): items must be a list or an "
      .. "iterator, got " .. errors.shown(items), 3)
  end
  local i, count = 0, items.n or #items
  return function()
    i = i + 1
    if i <= count then return items[i] end
  end
end

local function check_limit(call, limit)
  if limit ~= nil and (type(limit) ~= "number" or limit ~= limit
      or limit < 1) then
    errors.fail_argument(call .. ": limit must be a number of at least 1, got "
      .. errors.shown(limit), 3)
  end
end

-- Spawns fn(item) for all items, each only once it has a place, so that an
-- iterator is drawn on no sooner. `keep(i, child)` gets each child.
local function spawn_all(call, items, fn, opts, run, keep)
  opts = scope.check_options(opts, call .. "(items, fn, opts)", 3)
  scope.check_function(fn, call .. "(items, fn): fn", 3)
  check_limit(call, opts.limit)
  local draw = drawer(call, items)
  many.run_group(function(g)
    local i = 0
    while true do
      local code = opts.limit and core.group_reserve(g[1])
      if code then errors.fail(code) end
      local item = draw()
      if item == nil then return end
      i = i + 1
      local child = task.new()
      code = core.spawn(g[1], child, run, fn, item)
      if code then errors.fail(code) end
      if keep then keep(i, child) end
    end
  end, { limit = opts.limit, strict = not opts.return_errors })
end

local function apply(fn, item) return fn(item) end

local function apply_kept(fn, item)
  return run_kept(function() return fn(item) end)
end

--- Calls `fn(item)` for each, at most `limit` at once, and returns their first
-- results in order, with field `n`. Parks.
---@param items table|function a list or an iterator
---@param fn function
---@param opts table? `limit`, `return_errors`
---@return table
function many.map(items, fn, opts)
  local children, count = {}, 0
  local kept = type(opts) == "table" and opts.return_errors
  spawn_all("map", items, fn, opts, kept and apply_kept or apply,
    function(i, child) children[i], count = child, i end)
  local results = { n = count }
  for i = 1, count do results[i] = result_or_error(children[i]) end
  return results
end

--- Calls `fn(item)` for each, at most `limit` at once; drops results. Parks.
---@param items table|function a list or an iterator
---@param fn function
---@param opts table? `limit`
function many.each(items, fn, opts)
  spawn_all("each", items, fn, opts, apply)
end

return many
