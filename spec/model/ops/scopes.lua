--- Scopes: timeouts, shields, cleanup, and deadlines that are moved.
local scopes = { ops = {} }

local ops = scopes.ops

-- Runs op.body in a scope of the model's, within the one that enter(fn) opens
-- on weft. `outcome(ended)` says what is to come of it, an error's name or nil:
-- ended.absorbs, whether the scope absorbs a Cancelled that left the body;
-- ended.err, the name of the error that goes on if it does not; ended.scope.
local function run_in_scope(run, task, op, opts, enter, outcome)
  local world = run.world
  local ended = {}
  local function body(real)
    local scope = world:open_scope(task.scope, opts)
    ended.scope, ended.real = scope, real
    run:publish(op, { scope = scope, real = real })
    local ok, err = run:inside(task, scope, run.block, run, task, op.body)
    ended.err = not ok and run.signature(err) or nil
    ended.absorbs = ended.err == "CancelledError" and world:absorbs(scope)
    world:close_scope(scope)
    if not ok then error(err, 0) end
    return op.id
  end
  local ok, value = pcall(enter, body)
  if not ended.scope then
    world:complain("%s does not call its function", run:say(task, op))
  else
    local err, expected = outcome(ended)
    run:settle(task, op, err, expected, ok, value)
  end
  if not ok then error(value, 0) end
  return ended
end

-- A scope that is done tells what became of it [6.13].
local function check_flags(run, task, op, ended)
  local was_cancelled = run.world:cancelled_at(ended.scope) ~= nil
  run.world:check(ended.real:cancel_called() == was_cancelled
    and ended.real:cancelled_caught() == ended.absorbs,
    "%s: its scope says cancel_called %s, cancelled_caught %s; by the rules "
      .. "%s, %s", run:say(task, op), tostring(ended.real:cancel_called()),
    tostring(ended.real:cancelled_caught()), tostring(was_cancelled),
    tostring(ended.absorbs))
end

-- What comes of a timeout [7.4].
local function timeout_outcome(op)
  return function(ended)
    if not ended.err then return nil, op.id end
    if not ended.absorbs then return ended.err end
    return ended.scope.cause == "deadline" and "TimeoutError" or nil
  end
end

local function timeout_kind(name, weight, call)
  ops[name] = {
    weight = weight, publishes = "scope",
    numbers = { "seconds" },
    make = function(g) return { seconds = g:seconds(), body = g:block() } end,
    text = function(op, _, label)
      return call(op.seconds, label)
    end,
    run = function(run, task, op)
      local ended = run_in_scope(run, task, op, { timeout = op.seconds },
        function(fn)
          if name == "timeout" then return run.api.timeout(op.seconds, fn) end
          return run.api.wait_for(fn, op.seconds)
        end, timeout_outcome(op))
      check_flags(run, task, op, ended)
    end,
  }
end

timeout_kind("timeout", 8, function(seconds, label)
  return ("weft.timeout(%d, function(%s)"):format(seconds, label), "end)"
end)

timeout_kind("wait_for", 2, function(seconds, label)
  return ("weft.wait_for(function(%s)"):format(label),
    ("end, %d)"):format(seconds)
end)

-- Scopes that absorb, and return themselves [6.18, 7.5].
local function absorbing_outcome(ended)
  if ended.err and not ended.absorbs then return ended.err end
  return nil, ended.real
end

ops.move_on_after = {
  weight = 6, publishes = "scope",
  numbers = { "seconds" },
  make = function(g) return { seconds = g:seconds(), body = g:block() } end,
  text = function(op, _, label)
    return ("weft.move_on_after(%d, function(%s)"):format(op.seconds, label),
      "end)"
  end,
  run = function(run, task, op)
    check_flags(run, task, op, run_in_scope(run, task, op,
      { timeout = op.seconds },
      function(fn) return run.api.move_on_after(op.seconds, fn) end,
      absorbing_outcome))
  end,
}

ops.scope = {
  weight = 4, publishes = "scope",
  make = function(g) return { body = g:block() } end,
  text = function(_, _, label)
    return ("weft.scope(function(%s)"):format(label), "end)"
  end,
  run = function(run, task, op)
    check_flags(run, task, op, run_in_scope(run, task, op, {}, run.api.scope,
      absorbing_outcome))
  end,
}

-- With a grace, always: what waits in a shield without one may wait for ever.
ops.shield = {
  weight = 4, publishes = "scope",
  numbers = { "seconds" },
  make = function(g) return { seconds = g:seconds(), body = g:block() } end,
  text = function(op, _, label)
    return ("weft.shield(function(%s)"):format(label),
      ("end, %d)"):format(op.seconds)
  end,
  run = function(run, task, op)
    check_flags(run, task, op, run_in_scope(run, task, op,
      { timeout = op.seconds, shield = true },
      function(fn) return run.api.shield(fn, op.seconds) end,
      function(ended)
        if not ended.err then return nil, op.id end
        return not ended.absorbs and ended.err or nil
      end))
  end,
}

-- -- Cleanup -----------------------------------------------------------------

-- The second block is the cleanup: it runs shielded, on every way out, and only
-- its own error replaces what the first ended by [12.1, 12.9].
ops.finally = {
  weight = 3,
  make = function(g) return { bodies = { g:block(), g:calm_block() } } end,
  text = function() return "weft.finally(", ")" end,
  run = function(run, task, op)
    local world = run.world
    local raised, told, failed
    local ok, value = pcall(run.api.finally, function()
      local went_well, err = pcall(run.block, run, task, op.bodies[1])
      raised = not went_well and run.signature(err)
      if not went_well then error(err, 0) end
      return op.id
    end, function(err)
      told = err ~= nil and run.signature(err)
      local scope = world:open_scope(task.scope, { shield = true })
      local went_well, failure = run:inside(task, scope, run.block, run, task,
        op.bodies[2])
      world:close_scope(scope)
      failed = not went_well and run.signature(failure)
      if not went_well then error(failure, 0) end
    end)
    world:check(told == raised, "%s: the cleanup is told %s, but it was %s",
      run:say(task, op), tostring(told), tostring(raised))
    run:settle(task, op, failed or raised, op.id, ok, value)
    if not ok then error(value, 0) end
  end,
}

-- -- Deadlines ---------------------------------------------------------------

ops.reschedule = {
  weight = 4, wants = "scope", is_calm = true, may_fail = true,
  numbers = { "seconds" },
  make = function(g) return { seconds = g:seconds() } end,
  text = function(op)
    return ("scope%d:reschedule(weft.now() + %d)"):format(op.target, op.seconds)
  end,
  run = function(run, task, op)
    local handle = run.live[op.target]
    if not handle then return end
    local is_allowed = run.world:reschedule(handle.scope, op.seconds)
    run:call(task, op, not is_allowed and "InvalidStateError", nil,
      handle.real.reschedule, handle.real, run.world.now() + op.seconds)
  end,
}

return scopes
