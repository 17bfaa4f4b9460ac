--- Futures: completed once, for all who await.
local future = { ops = {}, objects = {} }

local ops, objects = future.ops, future.objects

objects.future = {
  make = function() return {} end,
  text = function() return "weft.future()" end,
  new = function(run)
    return { real = run.api.future(), waiters = {}, state = nil }
  end,
  check = function(run, object)
    run.world:check(object.real:done() == (object.state ~= nil),
      "a future is %sdone", object.state and "not " or "")
  end,
  -- A failure that nobody has seen is reported when the run ends.
  after = function(run, object)
    if object.state == "fail" and not object.observed then
      table.insert(run.world.reports, object.value)
    end
  end,
}

local function deliver(run, object, wait)
  if object.state == "result" then
    return run.world:grant(wait, object.value)
  end
  if object.state == "fail" then wait.observes = object end
  run.world:refuse(wait, object.value)
end

ops["future.await"] = {
  weight = 6, on = "future", may_last = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":await()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    run:wait(task, op, function(wait)
      if object.state then return deliver(run, object, wait) end
      table.insert(object.waiters, wait)
    end, object.real.await, object.real)
  end,
}

-- Completes the future, in the model; false if it was complete [5.1].
local function complete(run, object, state, value)
  if object.state then return false end
  object.state, object.value = state, value
  run.world:each_waiting(object.waiters, function(wait)
    deliver(run, object, wait)
  end)
  return true
end

local function completer(name, weight, text, call)
  ops["future." .. name] = {
    weight = weight, on = "future", is_calm = true, may_fail = true,
    make = function() return {} end,
    text = text, run = call,
  }
end

completer("set_result", 4, function(op, name)
  return ("%s:set_result(%d)"):format(name, op.id)
end, function(run, task, op)
  local object = run.objects[op.on]
  local is_allowed = complete(run, object, "result", op.id)
  run:call(task, op, not is_allowed and "InvalidStateError", nil,
    object.real.set_result, object.real, op.id)
end)

completer("set_error", 2, function(op, name)
  return ("%s:set_error \"fail %d\""):format(name, op.id)
end, function(run, task, op)
  local object = run.objects[op.on]
  local text = "fail " .. op.id
  local is_allowed = complete(run, object, "fail", text)
  run:call(task, op, not is_allowed and "InvalidStateError", nil,
    object.real.set_error, object.real, text)
end)

completer("cancel", 2, function(_, name) return name .. ":cancel()" end,
  function(run, task, op)
    local object = run.objects[op.on]
    local is_done = complete(run, object, "cancelled", "TaskCancelledError")
    run:call(task, op, nil, is_done, object.real.cancel, object.real)
  end)

return future
