--- The model's world: scopes, waits and what was found to be wrong.
--
-- While a program runs on weft, this keeps what docs/semantics.md says of it:
-- which scopes are cancelled, who waits where and what completes the wait. On
-- the virtual clock no time passes within a step, so all of that is exact: a
-- deadline has passed once `now` has reached it, and a task that waits in a
-- cancelled scope is in no queue any more. Nothing in here asks weft anything
-- but the time.
local world = {}

local World = {}
World.__index = World
for name, method in pairs(require "spec.model.tasks") do
  World[name] = method
end

--- The clock where no runtime runs.
function world.no_clock() return 0 end

--- A world; its `now` is to be set. `signature(err)` names an error.
function world.new(signature)
  local self = setmetatable({
    now = world.no_clock, signature = signature,
    order = 0, -- of setting times: the tie-break among equal ones
    log = {}, -- what happened, for the reader of a failure
    problem = nil, -- the first thing that was wrong
    tasks = {}, reports = {},
    held = {}, -- objects that tasks may have when they end
    open = {}, -- waits that have not ended
    stuck = false, -- the program has deadlocked, and was freed by force
  }, World)
  self.root = self:open_scope(nil)
  return self
end

-- -- What is wrong -----------------------------------------------------------

--- Notes that something is wrong. Only the first counts.
function World:complain(text, ...)
  if self.problem or self.stuck then return end
  self.problem = text:format(...)
  table.insert(self.log, { now = self.now(), wrong = self.problem })
end

--- Notes it unless `condition` holds.
function World:check(condition, text, ...)
  if not condition then self:complain(text, ...) end
end

--- Notes what a task did and how it went.
function World:note(task, op, outcome)
  table.insert(self.log,
    { now = self.now(), task = task, op = op, outcome = outcome })
end

-- -- Scopes ------------------------------------------------------------------

function World:next_order()
  self.order = self.order + 1
  return self.order
end

-- Sets the deadline `seconds` from now; nil for none.
local function set_deadline(self, scope, seconds)
  local now = self.now()
  scope.deadline = seconds and now + seconds
  scope.set_at, scope.order = now, self:next_order()
end

--- Opens a scope in `parent`. opts: `timeout` in seconds, `shield`.
function World:open_scope(parent, opts)
  opts = opts or {}
  local scope = { parent = parent, shield = opts.shield or false }
  set_deadline(self, scope, opts.timeout)
  return scope
end

-- When the scope itself was cancelled; nil if it was not. A deadline counts
-- from when it was due, or was set if it was past then already.
local function cancelled_at(self, scope)
  if not scope.at and scope.deadline and not scope.closed
      and scope.deadline <= self.now() then
    scope.at = math.max(scope.deadline, scope.set_at)
    scope.cause = "deadline"
  end
  return scope.at
end
World.cancelled_at = cancelled_at

--- Since when code whose innermost scope this is has been cancelled [6.3]; nil
-- if it is not.
function World:cancelled_since(scope)
  local since
  while scope do
    local at = cancelled_at(self, scope)
    if at and (not since or at < since) then since = at end
    scope = not scope.shield and scope.parent
  end
  return since
end

--- What cancel returns [6.10].
function World:cancel(scope, cause)
  if scope.closed then return false end
  if cancelled_at(self, scope) then return true end
  scope.at, scope.cause = self.now(), cause or "cancel"
  for _, object in ipairs(self.held) do object:settle() end
  return true
end

--- Moves the deadline to `seconds` from now; false where that is refused
-- [7.10].
function World:reschedule(scope, seconds)
  if scope.closed or cancelled_at(self, scope) then return false end
  set_deadline(self, scope, seconds)
  return true
end

--- Whether the scope absorbs a Cancelled that leaves it now [6.12].
function World:absorbs(scope)
  return cancelled_at(self, scope) ~= nil
    and (scope.shield or not scope.parent
      or not self:cancelled_since(scope.parent))
end

--- Closes a scope; its deadline does not come any more.
function World:close_scope(scope)
  cancelled_at(self, scope)
  scope.closed = true
end

-- Whether a deadline around `scope` came before a sleep until `due` that was
-- begun as the order-th [2.2].
local function is_cut(self, scope, due, order)
  while scope do
    local at = cancelled_at(self, scope)
    if at and (at < due or (at == due and scope.cause == "deadline"
        and scope.order < order)) then
      return true
    end
    scope = not scope.shield and scope.parent
  end
  return false
end

-- -- Waits -------------------------------------------------------------------
-- A wait is completed by a grant, in its own step or another task's, or it is
-- cut off by Cancelled, whichever is first [3.3].

--- A wait that `task` begins now.
function World:new_wait(task)
  local wait = {
    task = task, scope = task.scope, began = self.now(),
    was_cancelled = self:cancelled_since(task.scope) ~= nil,
  }
  self.open[wait] = true
  return wait
end

--- Whether the wait can still be completed; one that is kept (`is_kept`) is not
-- cut off [3.8].
function World:is_waiting(wait)
  return not wait.granted and not wait.over
    and (wait.is_kept or not self:cancelled_since(wait.scope))
end

--- Completes a wait: it is to return `value`.
function World:grant(wait, value)
  wait.granted, wait.value, wait.at = true, value, self.now()
end

--- Completes a wait: it is to raise an error of that signature, or of the other
-- one, if given.
function World:refuse(wait, err, other)
  wait.granted, wait.err, wait.at = true, err, self.now()
  wait.other_err = other
end

--- The first in the list who still waits, taken out; nil if there is none.
function World:take_first(list)
  while list[1] do
    local wait = table.remove(list, 1)
    if self:is_waiting(wait) then return wait end
  end
end

--- How many in the list still wait.
function World:count_waiting(list)
  local count = 0
  for _, wait in ipairs(list) do
    if self:is_waiting(wait) then count = count + 1 end
  end
  return count
end

--- Takes all who still wait out of the list and calls fn(wait) for each.
function World:each_waiting(list, fn)
  local wait = self:take_first(list)
  while wait do
    fn(wait)
    wait = self:take_first(list)
  end
end

--- A sleep ends by itself, or not.
function World:settle_sleep(wait)
  if wait.due and not is_cut(self, wait.scope, wait.due, wait.order) then
    wait.granted, wait.at = true, wait.due
  end
end

-- What the model expects: a word for it, and at which time.
local function expectation(self, wait)
  if wait.granted and wait.err then return "raises " .. wait.err, wait.at end
  if wait.granted then return "returns", wait.at end
  local since = not wait.is_kept and self:cancelled_since(wait.scope)
  if since then return "raises CancelledError", math.max(since, wait.began) end
  return "waits on", nil
end

-- A wait for a task with a time limit is withdrawn when that is over; if the
-- task ends and the caller is cancelled in the turn after, either may show.
function World:may_be_cut(wait)
  return wait.limit == self.now() and self:cancelled_since(wait.scope) ~= nil
end

--- Compares how a wait ended with what was to be. `what` says in words which
-- call it was.
function World:end_wait(wait, what, ok, value)
  if wait.due then self:settle_sleep(wait) end
  if wait.update then wait.update() end
  local expected, at = expectation(self, wait)
  wait.over, self.open[wait] = true, nil
  local actual = ok and "returns" or "raises " .. self.signature(value)
  if self:may_be_cut(wait) and actual == "raises CancelledError" then
    return
  end
  if wait.other_err and actual == "raises " .. wait.other_err then
    expected = actual
  end
  if wait.observes then wait.observes.observed = true end -- [4.12]
  if actual ~= expected then
    self:complain("%s %s, but by the rules it %s", what, actual, expected)
  elseif self.now() ~= at then
    self:complain("%s %s at %g, but by the rules at %g", what, actual,
      self.now(), at)
  elseif ok and wait.value ~= nil and value ~= wait.value then
    self:complain("%s returns %s, but by the rules %s", what, tostring(value),
      tostring(wait.value))
  end
end

--- Nothing happens any more: no wait may be open that was completed or cut off.
-- From then on nothing is checked.
function World:freeze()
  for wait in pairs(self.open) do
    if wait.update then wait.update() end
    self:check(self:is_waiting(wait), "task%d waits for ever, but by the rules "
      .. "it %s", wait.task.id, (expectation(self, wait)))
  end
  self.stuck = true
end

return world
