--- Locks and conditions: one owner at a time, in the order of waiting.
--
-- The lock's queue has those who acquire, and tasks back from a condition:
-- notified, or cancelled before that, in which case they get the lock all the
-- same and raise with it [18.3, 18.4]. Several that one cancellation sends
-- there may come in any order; weft is then asked which of them has the lock.
local lock = { ops = {}, objects = {} }

local ops, objects = lock.ops, lock.objects

-- -- The model ---------------------------------------------------------------

local Lock = {}
Lock.__index = Lock

-- The lock is handed to the task that waits.
local function give(self, wait)
  self.owner = wait.task
  if wait.is_plain or wait.is_notified then self.world:grant(wait, wait.value)
  else self.world:refuse(wait, "CancelledError") end
end

local function line_up(self, wait, rank)
  wait.rank, wait.is_kept = rank or self.world:next_order(), not wait.is_plain
  table.insert(self.queue, wait)
end

-- The lock is free: it goes to the first in the queue, or to one of several
-- that came there together.
local function hand_on(self)
  self.owner = nil
  local first = self.world:take_first(self.queue)
  if not first then return end
  self.candidates = { first }
  while self.queue[1] and self.queue[1].rank == first.rank do
    table.insert(self.candidates, table.remove(self.queue, 1))
  end
  if self.candidates[2] then return end
  self.candidates = nil
  give(self, first)
end

local function real_owner(self)
  local owner = self.real:owner()
  return owner and owner:id()
end

-- Asks weft which of several has the lock.
local function resolve(self)
  local candidates = self.candidates
  if not candidates then return end
  local id = real_owner(self)
  self.candidates = nil
  for i = #candidates, 1, -1 do
    local wait = candidates[i]
    if wait.task.real_id == id then give(self, wait)
    else table.insert(self.queue, 1, wait) end
  end
  self.world:check(self.owner, "a lock that was free went to nobody who waits")
end

-- Sends those who wait on a condition and were cancelled to the queue, in the
-- order of that.
function Lock:settle()
  local cut = {}
  for _, waiters in ipairs(self.conditions) do
    for i = #waiters, 1, -1 do
      local wait = waiters[i]
      if not self.world:is_waiting(wait) then
        table.remove(waiters, i)
        wait.since = self.world:cancelled_since(wait.scope)
        table.insert(cut, wait)
      end
    end
  end
  table.sort(cut, function(a, b) return a.since < b.since end)
  for i, wait in ipairs(cut) do
    local before = cut[i - 1]
    line_up(self, wait, before and before.since == wait.since and before.rank)
  end
  if cut[1] and not self.owner and not self.candidates and not self.broken then
    hand_on(self)
  end
end

local function update(self)
  self:settle()
  resolve(self)
end

-- What the model makes of a task's end: who has the lock then breaks it [16.3].
function Lock:owner_ended(task)
  self:settle()
  if self.owner ~= task then return end
  self.owner, self.broken = nil, true
  local function refuse(wait) self.world:refuse(wait, "InvalidStateError") end
  self.world:each_waiting(self.queue, refuse)
  for _, waiters in ipairs(self.conditions) do
    self.world:each_waiting(waiters, refuse)
  end
end

-- -- The object --------------------------------------------------------------

objects.lock = {
  numbers = { "conditions" },
  make = function(g) return { conditions = g:one_of { 0, 1, 1, 1, 2 } } end,
  text = function(spec, name)
    local lines = { "weft.lock()" }
    for i = 1, spec.conditions do
      lines[i + 1] = ("local %s_%d = weft.condition(%s)"):format(name, i, name)
    end
    return table.concat(lines, "\n")
  end,
  new = function(run, spec)
    local self = setmetatable({
      world = run.world, real = run.api.lock(), queue = {}, conditions = {},
      real_conditions = {},
    }, Lock)
    for i = 1, spec.conditions do
      self.conditions[i] = {}
      self.real_conditions[i] = run.api.condition(self.real)
    end
    table.insert(run.world.held, self)
    return self
  end,
}

local function check_owner(run, object)
  update(object)
  local owner = object.owner
  run.world:check(real_owner(object) == (owner and owner.real_id),
    "a lock has the owner %s, but by the rules %s",
    tostring(object.real:owner()), owner and "task" .. owner.id or "none")
  run.world:check(object.real:locked() == (owner ~= nil),
    "a lock says locked: %s", tostring(object.real:locked()))
end

objects.lock.check = check_owner

-- A task that has the lock and waits, for ever, for one that will not go on
-- without the lock: closing it ends that.
function objects.lock.unlock(_, object) object.real:close() end

-- -- Taking and giving back --------------------------------------------------

local function acquire(object, task)
  return function(wait)
    wait.is_plain, wait.update = true, function() update(object) end
    update(object)
    if object.owner then return line_up(object, wait) end
    if object.broken then
      return object.world:refuse(wait, "InvalidStateError")
    end
    object.owner = task
    object.world:grant(wait)
  end
end

-- Runs fn if the task has the lock, or has it not, as `wanted` says; else
-- real(...) is to be refused.
local function guarded(run, task, op, object, wanted, fn, real, ...)
  update(object)
  if (object.owner == task) == wanted then fn(...)
  else run:call(task, op, "InvalidStateError", nil, real, ...) end
  check_owner(run, object)
end

ops["lock.acquire"] = {
  weight = 2, on = "lock", may_last = true, takes = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":acquire()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local real = object.real
    guarded(run, task, op, object, false, function()
      run:wait(task, op, acquire(object, task), real.acquire, real)
    end, real.acquire, real)
  end,
}

ops["lock.try_acquire"] = {
  weight = 1, on = "lock", is_calm = true, may_fail = true, takes = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":try_acquire()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local real = object.real
    guarded(run, task, op, object, false, function()
      local is_free = not object.owner
      if is_free and not object.broken then object.owner = task end
      run:call(task, op, is_free and object.broken and "InvalidStateError",
        is_free, real.try_acquire, real)
    end, real.try_acquire, real)
  end,
}

ops["lock.release"] = {
  weight = 2, on = "lock", is_calm = true, may_fail = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":release()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local real = object.real
    guarded(run, task, op, object, true, function()
      hand_on(object)
      run:call(task, op, nil, nil, real.release, real)
    end, real.release, real)
  end,
}

-- Runs the block with the lock; returns how that ended, and the name of the
-- error that is to come of it. A lock that is not the task's any more cannot be
-- released; if it was broken meanwhile, an error of the block goes on.
local function run_held(run, task, op, object, entered)
  entered()
  local ok, err = pcall(run.block, run, task, op.body)
  update(object)
  local is_owner = object.owner == task
  if is_owner then hand_on(object) end
  local can_go_on = is_owner or not ok and object.broken
  return ok, err, not can_go_on and "InvalidStateError"
    or not ok and run.signature(err)
end

ops["lock.with"] = {
  weight = 16, on = "lock", takes = true,
  make = function(g, on) return { body = g:holding_block(on) } end,
  text = function(_, name) return name .. ":with(function()", "end)" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local real, outcome = object.real, nil
    guarded(run, task, op, object, false, function()
      local ok, value = run:wait_inside(task, op, acquire(object, task),
        function(entered)
          return real:with(function()
            local went_well, err
            went_well, err, outcome = run_held(run, task, op, object, entered)
            if not went_well then error(err, 0) end
            return op.id
          end)
        end)
      if outcome ~= nil then
        run:settle(task, op, outcome, op.id, ok, value)
      end
      if not ok then error(value, 0) end
    end, real.with, real, function() end)
  end,
}

-- -- Conditions --------------------------------------------------------------

-- Begins a wait on a condition, which gives the lock up.
local function wait_on(object, waiters)
  return function(wait)
    wait.update = function() update(object) end
    table.insert(waiters, wait)
    hand_on(object)
  end
end

-- Moves the first `count` who wait to the lock's queue.
local function notify(object, waiters, count)
  object:settle()
  for _ = 1, count do
    local wait = object.world:take_first(waiters)
    if not wait then return end
    wait.is_notified = true
    line_up(object, wait)
  end
end

-- An operation on one of the lock's conditions. call(run, task, op, object,
-- waiters, condition) does it where the task has the lock; method(op) is the
-- method and its argument.
local function condition_op(name, kind, text, call, method)
  kind.on, kind.needs_held, kind.numbers = "lock", true, { "which" }
  kind.least = { which = 1 }
  kind.make = function(g)
    return { which = g:one_of { 1, 1, 1, 2 }, n = g.draw(2) }
  end
  kind.text = function(op, label)
    return ("%s_%d:%s"):format(label, op.which, text(op))
  end
  kind.run = function(run, task, op)
    local object = run.objects[op.on]
    local waiters = object.conditions[op.which]
    local condition = object.real_conditions[op.which]
    if not condition then return end
    local real, argument = method(op)
    guarded(run, task, op, object, true, function()
      call(run, task, op, object, waiters, condition)
    end, condition[real], condition, argument)
  end
  ops["condition." .. name] = kind
end

condition_op("wait", { weight = 6, may_last = true },
  function() return "wait()" end,
  function(run, task, op, object, waiters, condition)
    run:wait(task, op, wait_on(object, waiters), condition.wait, condition)
  end,
  function() return "wait" end)

condition_op("notify", { weight = 4, is_calm = true, may_fail = true },
  function(op) return ("notify(%d)"):format(op.n) end,
  function(run, task, op, object, waiters, condition)
    notify(object, waiters, op.n)
    run:call(task, op, nil, nil, condition.notify, condition, op.n)
  end,
  function(op) return "notify", op.n end)

condition_op("notify_all", { weight = 2, is_calm = true, may_fail = true },
  function() return "notify_all()" end,
  function(run, task, op, object, waiters, condition)
    notify(object, waiters, math.huge)
    run:call(task, op, nil, nil, condition.notify_all, condition)
  end,
  function() return "notify_all" end)

-- What wait_for's predicate looks at: how often `change` was run on the lock.
ops["condition.change"] = {
  weight = 3, on = "lock", needs_held = true, is_calm = true,
  make = function() return {} end,
  text = function(_, name) return ("%s_changes = %s_changes + 1"):format(name,
    name) end,
  run = function(run, _, op)
    local object = run.objects[op.on]
    object.changes = (object.changes or 0) + 1
  end,
}

-- wait_for is a checkpoint, then a wait after each time the predicate was false
-- [18.6]: each is a wait of the model, which ends when the predicate is called.
local function wait_for(run, task, op, object, waiters, condition)
  local world = run.world
  local wait, has_waited = world:new_wait(task), false
  if not wait.was_cancelled then world:grant(wait) end
  local function predicate()
    world:end_wait(wait, run:say(task, op), true)
    if (object.changes or 0) >= op.n then return op.n end
    has_waited = has_waited or wait.is_notified
    wait = world:new_wait(task)
    if not wait.was_cancelled then wait_on(object, waiters)(wait) end
    return false
  end
  local ok, value = pcall(condition.wait_for, condition, predicate)
  if ok then
    run:settle(task, op, nil, op.n, ok, value)
    return value
  end
  world:note(task, op, "raises " .. run.signature(value))
  world:end_wait(wait, run:say(task, op), ok, value)
  if has_waited and object.owner == task then notify(object, waiters, 1) end
  error(value, 0) -- [18.5]: the notification it took went on
end

condition_op("wait_for", { weight = 4, may_last = true },
  function(op)
    return ("wait_for(function() return changes >= %d end)"):format(op.n)
  end, wait_for,
  function() return "wait_for", function() end end)

return lock
