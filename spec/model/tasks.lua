--- The model of tasks and groups: how they end, and what comes of it.
-- Part of the world: the functions become its methods.
local tasks = {}

-- -- Tasks -------------------------------------------------------------------

--- A task in a group, or in the root group if that is nil.
function tasks:new_task(id, group)
  local task = {
    id = id, group = group, awaiters = {},
    own = self:open_scope(group and group.scope or self.root),
  }
  task.scope = task.own
  if group then group.count = group.count + 1 end
  table.insert(self.tasks, task)
  return task
end

-- Completes a wait for a task that has ended [4.7].
local function deliver(self, task, wait)
  if task.state == "finished" then return self:grant(wait, task.id) end
  if task.state == "failed" then
    wait.observes = task
    return self:refuse(wait, self.signature(task.err))
  end
  if wait.cancelled_error then self:refuse(wait, wait:cancelled_error())
  else self:refuse(wait, "TaskCancelledError") end
end

--- Waits for the task: begins the wait, or completes it.
function tasks:await(task, wait)
  if task.state then return deliver(self, task, wait) end
  table.insert(task.awaiters, wait)
end

-- What the end of a child means for its group [9.3, 9.5, 9.7].
local function tell_group(self, task)
  local group = task.group
  if task.state == "failed" then
    task.observed = true
    self:add_failure(group, self.signature(task.err))
  elseif task.state == "cancelled" then
    if self:cancelled_since(group.scope) then
      group.cut_off = true
    elseif group.strict then
      self:add_failure(group, "TaskCancelledError")
    end
  end
  group.count = group.count - 1
  self:serve_places(group)
  self:finish_group(group)
end

--- A task's body has ended, by an error if not `ok` [4.3]. What it held and
-- who awaits it come before its group, which may be cancelled for it.
function tasks:end_task(task, ok, err)
  if ok then task.state = "finished"
  elseif self.signature(err) == "CancelledError" then task.state = "cancelled"
  else task.state, task.err = "failed", err end
  self:check(ok or task.state == "failed"
    or self:cancelled_since(task.own),
    "task%d ends by a CancelledError, but nothing was cancelled", task.id)
  self:check(task.scope == task.own, "task%d ends in an inner scope", task.id)
  self:close_scope(task.own)
  for _, object in ipairs(self.held) do object:owner_ended(task) end
  self:each_waiting(task.awaiters, function(wait)
    deliver(self, task, wait)
  end)
  if task.group then tell_group(self, task) end
end

-- -- Groups ------------------------------------------------------------------

--- A group opened by `owner`. opts: `timeout`, `limit`, `strict`.
function tasks:open_group(owner, opts)
  return {
    scope = self:open_scope(owner.scope, { timeout = opts.timeout }),
    limit = opts.limit, strict = opts.strict,
    count = 0, reserved = 0, places = {}, failures = {},
  }
end

--- The first failure cancels the others [9.3]; all are kept in order [9.4].
function tasks:add_failure(group, signature)
  self:cancel(group.scope, "group")
  table.insert(group.failures, signature)
end

--- The body of the group has ended, by an error if not `ok`.
function tasks:end_body(group, ok, err)
  if not ok and self.signature(err) == "CancelledError" then
    self:check(self:cancelled_since(group.scope),
      "a group's body ends by a CancelledError, but nothing was cancelled")
    group.cut_off, group.body_cut_off = true, true
  elseif not ok then
    self:add_failure(group, self.signature(err))
  end
  group.body_over = true
  self:finish_group(group)
end

--- Gives free places to those who wait for one [9.12].
function tasks:serve_places(group)
  while group.limit and group.count + group.reserved < group.limit do
    local wait = self:take_first(group.places)
    if not wait then return end
    group.reserved = group.reserved + 1
    self:grant(wait)
  end
end

--- Begins the wait for a place in a group with a limit.
function tasks:reserve_place(group, wait)
  table.insert(group.places, wait)
  self:serve_places(group)
end

-- The outcome of a group, the first that applies [9.7].
local function decide(self, group)
  local absorbs = self:absorbs(group.scope)
  local cut_off = group.cut_off
    or group.strict and self:cancelled_since(group.scope)
  group.is_outer = cut_off and not absorbs or false
  if group.failures[1] then
    return "ErrorGroup(" .. table.concat(group.failures, ", ") .. ")"
  elseif group.is_outer then
    return "CancelledError"
  elseif group.cut_off and group.scope.cause == "deadline" then
    return "TimeoutError"
  end
end

--- Decides the outcome, in the instant in which body and children have ended.
function tasks:finish_group(group)
  if not group.body_over or group.count + group.reserved > 0 then return end
  group.over, group.at = true, self.now()
  group.err = decide(self, group)
  self:close_scope(group.scope)
end

return tasks
