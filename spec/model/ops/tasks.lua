--- Tasks and groups: spawning, awaiting, cancelling.
local tasks = { ops = {} }

local ops = tasks.ops

-- -- Groups ------------------------------------------------------------------

local function group_text(op)
  local opts = {}
  if op.limit then opts[1] = "limit = " .. op.limit end
  if op.seconds then opts[#opts + 1] = "timeout = " .. op.seconds end
  return ("weft.group(function(group%d)"):format(op.id),
    opts[1] and ("end, { %s })"):format(table.concat(opts, ", ")) or "end)"
end

-- The cause of an ErrorGroup is the outer Cancelled it won over [9.9].
local function check_cause(run, task, op, group, err)
  if not group.failures[1] or run.world.problem then return end
  run.world:check((err.cause ~= nil) == group.is_outer,
    "%s: the cause of its ErrorGroup is %s", run:say(task, op),
    tostring(err.cause))
end

ops.group = {
  weight = 10, publishes = "group",
  numbers = { "limit", "seconds" }, least = { limit = 1 },
  optional = { "limit", "seconds" },
  make = function(g)
    local op = { limit = g:chance(3) and g.draw(2) or nil,
      seconds = g:chance(4) and g:seconds() or nil }
    g:in_group(op, function() op.body = g:block() end)
    return op
  end,
  text = group_text,
  run = function(run, task, op)
    local world = run.world
    local group = world:open_group(task,
      { limit = op.limit, timeout = op.seconds })
    local ok, value = pcall(run.api.group, function(g)
      run:publish(op, { scope = group.scope, real = g, group = group })
      local went_well, err = run:inside(task, group.scope, run.block, run, task,
        op.body)
      world:end_body(group, went_well, err)
      if not went_well then error(err, 0) end
      return op.id
    end, { limit = op.limit, timeout = op.seconds })
    world:check(group.over, "%s ends before its body or a child",
      run:say(task, op))
    world:check(group.at == world.now(), "%s ends late", run:say(task, op))
    run:settle(task, op, group.err, not group.body_cut_off and op.id, ok,
      value or false)
    if not ok then
      check_cause(run, task, op, group, value)
      error(value, 0)
    end
  end,
}

-- -- Spawning ----------------------------------------------------------------

ops.spawn = {
  weight = 8, publishes = "task",
  make = function(g) return { body = g:task_block() } end,
  text = function(op)
    return ("task%d = weft.spawn(function()"):format(op.id), "end)"
  end,
  run = function(run, _, op)
    local child = run.world:new_task(op.id, nil)
    local real = run.api.spawn(run:task_body(child, op.body))
    local handle = { scope = child.own, real = real, task = child }
    run:publish(op, handle)
    table.insert(run.background, handle)
  end,
}

-- What is spawned: its task of the model is made when weft has spawned it,
-- which is before its body runs.
local function group_body(run, op, child)
  return function()
    return run:task_body(child.task, op.body)()
  end
end

local function note_spawned(run, op, group, child, real)
  if group.limit then group.reserved = group.reserved - 1 end
  child.task = run.world:new_task(op.id, group)
  run:publish(op, { scope = child.task.own, real = real, task = child.task })
end

ops.group_spawn = {
  weight = 16, publishes = "task", wants = "group",
  make = function(g)
    local group = g:chance(5) and nil or g:inner_group()
    return { target = group and group.id, body = g:task_block() }
  end,
  text = function(op)
    return ("task%d = %s:spawn(function()"):format(op.id, op.label), "end)"
  end,
  run = function(run, task, op)
    local handle, child = run.live[op.target], {}
    if not handle then return end
    local group, real = handle.group, handle.real
    local spawned
    if group.over then -- [9.2]
      return run:call(task, op, "InvalidStateError", nil, real.spawn, real,
        group_body(run, op, child))
    elseif group.limit then -- [9.12]
      spawned = run:wait(task, op, function(wait)
        run.world:reserve_place(group, wait)
      end, real.spawn, real, group_body(run, op, child))
    else
      spawned = run:call(task, op, nil, nil, real.spawn, real,
        group_body(run, op, child))
    end
    note_spawned(run, op, group, child, spawned)
  end,
}

-- -- Awaiting and cancelling -------------------------------------------------

ops.await = {
  weight = 10, wants = "task", may_last = true,
  make = function() return {} end,
  text = function(op) return op.label .. ":await()" end,
  run = function(run, task, op)
    local handle = run.live[op.target]
    if not handle then return end
    if handle.task == task then -- [4.8]
      return run:call(task, op, "InvalidStateError", nil, handle.real.await,
        handle.real)
    end
    local function real()
      local first, second, third = handle.real:await()
      run.world:check(second == nil and third == first,
        "%s loses results", run:say(task, op)) -- [4.3]
      return first
    end
    run:wait(task, op, function(wait)
      run.world:await(handle.task, wait)
    end, real)
  end,
}

ops.cancel = {
  weight = 10, wants = "cancellable", is_calm = true,
  make = function() return {} end,
  text = function(op) return op.label .. ":cancel()" end,
  run = function(run, task, op)
    local handle = run.live[op.target]
    if not handle then return end
    local expected = run.world:cancel(handle.scope)
    run:call(task, op, nil, expected, handle.real.cancel, handle.real)
  end,
}

-- Whether a wait_for has cancelled a task that has the scope around it.
local function is_timed_out(scope)
  while scope do
    if scope.cause == "wait_for" then return true end
    scope = not scope.shield and scope.parent
  end
  return false
end

-- What wait_for raises for a task that ends cancelled now: was it this that
-- cancelled it, or others [11.14]? If both did, it may be either; and it does
-- not tell itself from another wait_for around.
local function cancelled_error(run)
  return function(wait)
    local around = wait.awaited.own.parent
    if not wait.has_cancelled then
      return "TaskCancelledError", is_timed_out(around) and "TimeoutError"
    end
    return "TimeoutError",
      run.world:cancelled_since(around) and "TaskCancelledError"
  end
end

-- When the time is up, weft cancels the task it was given: by calling its
-- method, here one that tells the model.
local function watch_cancel(run, handle)
  if rawget(handle.real, "cancel") then return end
  local cancel = handle.real.cancel
  handle.real.cancel = function(self, reason)
    local world, own = run.world, handle.task.own
    local wait = run.time_limits[run.api.current_task():id()]
    if wait and wait.awaited == handle.task then
      world:check(world.now() >= wait.limit,
        "wait_for cancels task%d before its time is up", handle.task.id)
      wait.has_cancelled = not world:cancelled_since(own)
      world:cancel(own, "wait_for")
    end
    return cancel(self, reason)
  end
end

ops.wait_for_task = {
  weight = 4, wants = "task",
  numbers = { "seconds" },
  make = function(g) return { seconds = g:seconds() } end,
  text = function(op)
    return ("weft.wait_for(%s, %d)"):format(op.label, op.seconds)
  end,
  run = function(run, task, op)
    local handle = run.live[op.target]
    if not handle or handle.task == task then return end
    local id = run.api.current_task():id()
    watch_cancel(run, handle)
    run:wait(task, op, function(wait)
      wait.awaited, wait.cancelled_error = handle.task, cancelled_error(run)
      wait.limit = run.world.now() + math.max(op.seconds, 0)
      run.time_limits[id] = wait
      run.world:await(handle.task, wait)
    end, function()
      local ok, value = pcall(run.api.wait_for, handle.real, op.seconds)
      run.time_limits[id] = nil
      if not ok then error(value, 0) end
      return value
    end)
  end,
}

return tasks
