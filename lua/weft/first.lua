--- Many at once, not waiting for all: wait, as_completed, race, any, wait_for.
-- @module weft.first

local callable = require "weft.callable"
local core = require "weft.core"
local errors = require "weft.error"
local many = require "weft.many"
local owner = require "weft.owner"
local report = require "weft.report"
local scope = require "weft.scope"
local task = require "weft.task"

local first = {}

local function check_some(call, list, allow_functions)
  local count = many.check_items(call, list, allow_functions)
  if count == 0 then
    errors.fail_argument(call .. "(list): the list is empty; there is nothing "
      .. "to wait for", 3)
  end
  return count
end

-- A wait list of one task: who calls the iterator or the wait. It lives as long
-- as its guard.
local function new_list(call)
  local code, list = core.waitlist_new("task", call)
  if code then errors.fail(code) end
  return { handle = list, guard = core.handle_guard("waitlist", list) }
end

-- -- wait ---------------------------------------------------------------------

-- Whether an item has failed; asking so does not observe it.
local function has_failed(item)
  if task.is_task(item) then return item:has_failed() end
  return item.failure ~= nil
end

-- Whether an item that is done ends the wait.
local policies = {
  all_completed = function() return false end,
  first_completed = function() return true end,
  first_error = has_failed,
}

local function part_done(items)
  local done, pending = {}, {}
  for _, item in ipairs(items) do
    local list = item:done() and done or pending
    list[#list + 1] = item
  end
  return done, pending
end

local function without_doubles(list, count)
  local seen, items = {}, {}
  for i = 1, count do
    if not seen[list[i]] then
      seen[list[i]] = true
      items[#items + 1] = list[i]
    end
  end
  return items
end

-- Parks until `is_over()` or the timeout; callbacks wake it.
local function wait_until(items, list, is_over, timeout)
  local function wake() core.waitlist_wake(list.handle) end
  for _, item in ipairs(items) do
    if not item:done() then item:add_done_callback(wake) end
  end
  local function park()
    while not is_over() do
      local code = core.waitlist_park(list.handle, "weft.wait")
      if code then errors.fail(code) end
    end
  end
  local ok, err = xpcall(function() scope.move_on_after(timeout, park) end,
    errors.trace)
  for _, item in ipairs(items) do item:remove_done_callback(wake) end
  if not ok then error(err, 0) end
end

--- Waits until all, the first, or the first failure of `tasks` is done; then
-- returns those that are and those that are not, in argument order. Cancels
-- nothing, raises none of their errors. Parks.
---@param tasks table tasks and futures
---@param opts table? `timeout`; `return_when`: "all_completed",
-- "first_completed" or "first_error"
---@return table done
---@return table pending
function first.wait(tasks, opts)
  opts = scope.check_options(opts, "wait(tasks, opts)",
    { "timeout", "return_when" })
  local count = check_some("wait", tasks, false)
  local policy = policies[opts.return_when or "all_completed"]
  if not policy then
    errors.fail_argument("wait: return_when must be all_completed, "
      .. "first_completed or first_error, got "
      .. errors.shown(opts.return_when))
  end
  if opts.timeout ~= nil then
    scope.check_time(opts.timeout, "wait: timeout")
  end
  local items = without_doubles(tasks, count)
  local list = new_list "weft.wait"
  local function is_over()
    local done, pending = part_done(items)
    if #pending == 0 then return true end
    for _, item in ipairs(done) do
      if policy(item) then return true end
    end
    return false
  end
  local code = core.checkpoint "weft.wait"
  if code then errors.fail(code) end
  if not is_over() then wait_until(items, list, is_over, opts.timeout) end
  return part_done(items)
end

-- -- as_completed -------------------------------------------------------------

-- The iterator as_completed returns.
---@class weft.Completions
local Completions = {}
local completions = { __name = "weft.Completions", __index = Completions }

local function spawn_own(self, item)
  if many.is_awaitable(item) then return item end
  local child = task.spawn(item)
  self.own[#self.own + 1] = child
  return child
end

local function watch(self, item)
  if item:done() then
    table.insert(self.ended, item)
    return
  end
  item:add_done_callback(function()
    table.insert(self.ended, item)
    core.waitlist_wake(self.list.handle)
  end)
end

--- Starts all and gives tasks as they end: `for t in weft.as_completed(list)`.
-- Failures cancel nobody; each is read from its task. Left early, it is closed
-- with the scope, group or task it was made in, or by `:close()`.
---@param list table functions, tasks, futures
---@param opts table? `timeout` in seconds
function first.as_completed(list, opts)
  local count = many.check_items("as_completed", list, true)
  local timeout = scope.check_options(opts, "as_completed(list, opts)",
    { "timeout" }).timeout
  if timeout ~= nil then
    scope.check_time(timeout, "as_completed: timeout")
  end
  local self = setmetatable({
    own = {}, ended = {}, given = 0, count = count,
    list = new_list "weft.as_completed",
    due = timeout and core.now() + timeout,
  }, completions)
  local items = {}
  for i = 1, count do items[i] = spawn_own(self, list[i]) end
  for i = 1, count do watch(self, items[i]) end
  owner.add(self)
  return self
end

local function park_for_next(self)
  while not self.closed and #self.ended <= self.given do
    local code = core.waitlist_park(self.list.handle, "as_completed")
    if code then errors.fail(code) end
  end
end

--- The next task to have ended; nil when all have been given. Parks.
function Completions:next()
  local code = core.checkpoint "as_completed"
  if code then errors.fail(code) end
  if self.closed then return nil end
  if self.given >= self.count then
    self:close()
    return nil
  end
  local waited = scope.move_on_at(self.due, function() park_for_next(self) end)
  if waited:cancelled_caught() and #self.ended <= self.given then
    self:close()
    error(errors.trace(errors.classes.TimeoutError(
      "as_completed: the time is up", { scope = waited })), 0)
  end
  self.given = self.given + 1
  return self.ended[self.given]
end

completions.__call = Completions.next

--- Cancels and joins the tasks it started that have not ended.
function Completions:close()
  if self.closed then return end
  self.closed = true
  owner.remove(self)
  for _, child in ipairs(self.own) do child:cancel() end
  for _, child in ipairs(self.own) do
    if not child:done() then core.task_join(child[task.HANDLE]) end
  end
end

-- -- race and any -------------------------------------------------------------

-- Runs an item in a child of the call's group and tells how it ended. One that
-- was cancelled on its own has failed.
local function run_item(item, on_end)
  local function finish(ok, ...)
    if ok then return on_end(true, ...) end
    on_end(false, many.failure((...)))
  end
  if many.is_awaitable(item) then
    return finish(xpcall(item.await, errors.trace, item))
  end
  return finish(xpcall(item, errors.trace))
end

-- Reports what an own child failed by; what was passed in is its owner's.
local function report_failure(item, err)
  if many.is_awaitable(item) or not err then return end
  report.report(report.FAILURE, err.task, err)
end

-- Runs all in a group g and calls on_end(g, i, ok, ...) for each that ends.
local function run_all(call, list, on_end)
  many.run_group(call, function(g)
    for i = 1, list.n or #list do
      -- No list for the results: on_end gets them.
      local code = core.spawn_bare(g[1], false, 0, run_item, list[i],
        function(ok, ...) on_end(g, i, ok, ...) end)
      if code then errors.fail(code) end
    end
  end)
end

--- Results of the first to end, by whatever way; the other tasks it started are
-- cancelled and joined. Parks.
---@param list table functions, tasks, futures
function first.race(list)
  check_some("race", list, true)
  local winner, results, failure
  local function on_end(g, i, done, ...)
    if winner then
      if not done then report_failure(list[i], (...)) end
      return
    end
    winner = i
    if done then results = { n = select("#", ...), ... }
    else failure = (...) end
    g:cancel "race is over"
  end
  local ok, err = xpcall(run_all, errors.trace, "weft.race", list, on_end)
  if not ok then
    report_failure(list[winner], failure)
    error(err, 0)
  end
  if failure then error(failure, 0) end
  return unpack(results, 1, results.n)
end

--- Results of the first to succeed; the others are cancelled and joined. If all
-- fail: an ErrorGroup in argument order. Parks.
---@param list table functions, tasks, futures
function first.any(list)
  local count = check_some("any", list, true)
  local results
  local failures = {}
  local function on_end(g, i, done, ...)
    if done and not results then
      results = { n = select("#", ...), ... }
      g:cancel "any has a result"
    elseif not done and results then
      report_failure(list[i], (...))
    elseif not done then
      failures[i] = (...)
    end
  end
  local ok, err = xpcall(run_all, errors.trace, "weft.any", list, on_end)
  if not ok then
    for i = 1, count do report_failure(list[i], failures[i]) end
    error(err, 0)
  end
  if results then return unpack(results, 1, results.n) end
  error(errors.trace(errors.group(failures)), 0)
end

-- -- wait_for -----------------------------------------------------------------

local TIME_UP = "wait_for: the time is up"

-- Waits for the end without raising what it ended by.
local function wait_done(item)
  while not item:done() do
    if task.is_task(item) then
      local code = core.task_await(item[task.HANDLE])
      if code then errors.fail(code) end
    else
      first.wait { item }
    end
  end
end

--- A function runs in this task under a timeout of `seconds`; a task or future
-- is cancelled and awaited to its end when the time is up. Parks.
---@param item function|weft.Task|weft.Future
---@param seconds number
function first.wait_for(item, seconds)
  if callable.is(item) then return scope.timeout(seconds, item) end
  if not many.is_awaitable(item) then
    errors.fail_argument("wait_for(item, seconds): item must be a function, a "
      .. "task or a future, got " .. errors.shown(item))
  end
  if seconds ~= nil then
    scope.check_time(seconds, "wait_for(item, seconds): seconds")
  end
  local code = core.checkpoint "weft.wait_for"
  if code then errors.fail(code) end
  if item:done() then return item:result() end
  local waited = scope.move_on_after(seconds, function() wait_done(item) end)
  if item:done() then return item:result() end
  local was_cancelled = task.is_task(item) and item.scope:cancel_called()
  item:cancel(TIME_UP)
  wait_done(item)
  -- Another reason is that of a scope around the task, which came with it.
  if item:cancelled() and not was_cancelled
      and item:error().reason == TIME_UP then
    error(errors.trace(errors.classes.TimeoutError(TIME_UP,
      { scope = waited })), 0)
  end
  return item:result()
end

return first
