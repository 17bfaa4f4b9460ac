--- Barriers: each round lets all its tasks go at once, by arrival.
local barrier = { ops = {}, objects = {} }

local ops, objects = barrier.ops, barrier.objects

objects.barrier = {
  numbers = { "parties" }, least = { parties = 1 },
  make = function(g) return { parties = g.draw(3) } end,
  text = function(spec) return ("weft.barrier(%d)"):format(spec.parties) end,
  new = function(run, spec)
    return {
      real = run.api.barrier(spec.parties), parties = spec.parties,
      waiters = {}, is_broken = false,
    }
  end,
}

local function check(run, task, op, object)
  local waiting = run.world:count_waiting(object.waiters)
  run.world:check(object.real:n_waiting() == waiting,
    "%s: then %d tasks wait, but by the rules %d", run:say(task, op),
    object.real:n_waiting(), waiting)
  run.world:check(object.real:broken() == object.is_broken,
    "%s: broken() is wrong", run:say(task, op))
end

-- The last to come completes the round in that instant [19.1].
local function arrive(run, object, wait)
  if object.is_broken then
    return run.world:refuse(wait, "BrokenBarrierError")
  end
  table.insert(object.waiters, wait)
  if run.world:count_waiting(object.waiters) < object.parties then return end
  local index = 0
  run.world:each_waiting(object.waiters, function(other)
    run.world:grant(other, index)
    index = index + 1
  end)
end

ops["barrier.wait"] = {
  weight = 8, on = "barrier", may_last = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":wait()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    run:wait(task, op, function(wait) arrive(run, object, wait) end,
      object.real.wait, object.real)
    check(run, task, op, object)
  end,
}

local function breaker(name, is_broken)
  ops["barrier." .. name] = {
    weight = 1, on = "barrier", is_calm = true,
    make = function() return {} end,
    text = function(_, label) return ("%s:%s()"):format(label, name) end,
    run = function(run, task, op)
      local object = run.objects[op.on]
      object.is_broken = is_broken
      run.world:each_waiting(object.waiters, function(wait)
        run.world:refuse(wait, "BrokenBarrierError")
      end)
      run:call(task, op, nil, nil, object.real[name], object.real)
      check(run, task, op, object)
    end,
  }
end

breaker("reset", false)
breaker("abort", true)

return barrier
