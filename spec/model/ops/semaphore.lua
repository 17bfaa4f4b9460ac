--- Semaphores: permits that are conserved, and go to the first who waits.
local semaphore = { ops = {}, objects = {} }

local ops, objects = semaphore.ops, semaphore.objects

objects.semaphore = {
  numbers = { "permits" },
  make = function(g)
    return { permits = g.draw(3) - 1, is_bounded = g:chance(3) }
  end,
  text = function(spec)
    return ("weft.%ssemaphore(%d)"):format(spec.is_bounded and "bounded_" or "",
      spec.permits)
  end,
  new = function(run, spec)
    local make = spec.is_bounded and run.api.bounded_semaphore
      or run.api.semaphore
    return {
      real = make(spec.permits), permits = spec.permits,
      bound = spec.is_bounded and spec.permits or math.huge, waiters = {},
    }
  end,
  check = function(run, object)
    local value = object.real:value()
    run.world:check(value == object.permits,
      "a semaphore has %s permits, but by the rules %d", tostring(value),
      object.permits)
  end,
}

local check = objects.semaphore.check

local function acquire(run, object)
  return function(wait)
    if object.permits == 0 then return table.insert(object.waiters, wait) end
    object.permits = object.permits - 1
    run.world:grant(wait)
  end
end

-- Whether a release is allowed; then the model makes it.
local function release(run, object)
  if object.permits >= object.bound then return false end -- [17.2]
  local wait = run.world:take_first(object.waiters)
  if wait then run.world:grant(wait)
  else object.permits = object.permits + 1 end
  return true
end

ops["semaphore.acquire"] = {
  weight = 6, on = "semaphore", may_last = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":acquire()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    run:wait(task, op, acquire(run, object), object.real.acquire, object.real)
    check(run, object)
  end,
}

ops["semaphore.try_acquire"] = {
  weight = 2, on = "semaphore", is_calm = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":try_acquire()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local is_free = object.permits > 0
    if is_free then object.permits = object.permits - 1 end
    run:call(task, op, nil, is_free, object.real.try_acquire, object.real)
    check(run, object)
  end,
}

ops["semaphore.release"] = {
  weight = 6, on = "semaphore", is_calm = true, may_fail = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":release()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local is_allowed = release(run, object)
    run:call(task, op, not is_allowed and "InvalidStateError", nil,
      object.real.release, object.real)
    check(run, object)
  end,
}

-- with(fn) is acquire, fn, release on every way out [12.10]. The wait is seen
-- to end when fn is called, or when with(fn) raises without that.
ops["semaphore.with"] = {
  weight = 6, on = "semaphore",
  make = function(g) return { body = g:block() } end,
  text = function(_, name) return name .. ":with(function()", "end)" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local raised, is_held, is_allowed
    local ok, value = run:wait_inside(task, op, acquire(run, object),
      function(entered)
        return object.real:with(function()
          entered()
          is_held = true
          local went_well, err = pcall(run.block, run, task, op.body)
          raised = not went_well and run.signature(err)
          is_allowed = release(run, object)
          if not went_well then error(err, 0) end
          return op.id
        end)
      end)
    if is_held then
      run:settle(task, op, not is_allowed and "InvalidStateError" or raised,
        op.id, ok, value)
      check(run, object)
    end
    if not ok then error(value, 0) end
  end,
}

return semaphore
