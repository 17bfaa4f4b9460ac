--- Events: set completes all waits there are.
local event = { ops = {}, objects = {} }

local ops, objects = event.ops, event.objects

objects.event = {
  make = function() return {} end,
  text = function() return "weft.event()" end,
  new = function(run)
    return { real = run.api.event(), is_set = false, waiters = {} }
  end,
  check = function(run, object)
    run.world:check(object.real:is_set() == object.is_set,
      "an event is %sset", object.is_set and "not " or "")
  end,
}

ops["event.wait"] = {
  weight = 6, on = "event", may_last = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":wait()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    run:wait(task, op, function(wait)
      if object.is_set then return run.world:grant(wait, true) end
      table.insert(object.waiters, wait)
    end, object.real.wait, object.real)
  end,
}

local function setter(name, is_set)
  ops["event." .. name] = {
    weight = is_set and 5 or 2, on = "event", is_calm = true,
    make = function() return {} end,
    text = function(_, label) return ("%s:%s()"):format(label, name) end,
    run = function(run, task, op)
      local object = run.objects[op.on]
      object.is_set = is_set
      if is_set then
        run.world:each_waiting(object.waiters, function(wait)
          run.world:grant(wait, true)
        end)
      end
      run:call(task, op, nil, nil, object.real[name], object.real)
      objects.event.check(run, object)
    end,
  }
end

setter("set", true)
setter("clear", false)

return event
