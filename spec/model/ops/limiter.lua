--- Limiters: tokens lent to tasks, one to each; what a task that ends still has
-- comes back and is reported.
local limiter = { ops = {}, objects = {} }

local ops, objects = limiter.ops, limiter.objects

-- -- The model ---------------------------------------------------------------

local Limiter = {}
Limiter.__index = Limiter

-- Lends what there is to those who wait [17.4].
local function serve(self)
  while self.borrowed < self.total do
    local wait = self.world:take_first(self.waiters)
    if not wait then return end
    self.borrowed = self.borrowed + 1
    self.holders[wait.task] = true
    self.world:grant(wait)
  end
end

local function give_back(self, task)
  self.holders[task] = nil
  self.borrowed = self.borrowed - 1
  serve(self)
end

function Limiter:owner_ended(task) -- [17.3]
  if not self.holders[task] then return end
  give_back(self, task)
  table.insert(self.world.reports, "InvalidStateError")
end

function Limiter:settle() end

objects.limiter = {
  numbers = { "total" },
  make = function(g) return { total = g.draw(3) - 1 } end,
  text = function(spec) return ("weft.limiter(%d)"):format(spec.total) end,
  new = function(run, spec)
    local self = setmetatable({
      world = run.world, real = run.api.limiter(spec.total),
      total = spec.total, borrowed = 0, holders = {}, waiters = {},
    }, Limiter)
    table.insert(run.world.held, self)
    return self
  end,
}

function objects.limiter.check(run, object)
  local is = object.real:statistics()
  run.world:check(is.borrowed == object.borrowed and is.total == object.total
    and is.waiting == run.world:count_waiting(object.waiters),
    "a limiter has lent %d of %d tokens and %d wait, but by the rules %d of %d",
    is.borrowed, is.total, is.waiting, object.borrowed, object.total)
end

local check = objects.limiter.check

-- -- Operations --------------------------------------------------------------

ops["limiter.acquire"] = {
  weight = 6, on = "limiter", may_last = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":acquire()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local real = object.real
    if object.holders[task] then
      return run:call(task, op, "InvalidStateError", nil, real.acquire, real)
    end
    run:wait(task, op, function(wait)
      table.insert(object.waiters, wait)
      serve(object)
    end, real.acquire, real)
    check(run, object)
  end,
}

ops["limiter.try_acquire"] = {
  weight = 2, on = "limiter", is_calm = true, may_fail = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":try_acquire()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local is_holder = object.holders[task]
    local is_free = not is_holder and object.borrowed < object.total
    if is_free then
      object.holders[task], object.borrowed = true, object.borrowed + 1
    end
    run:call(task, op, is_holder and "InvalidStateError", is_free,
      object.real.try_acquire, object.real)
    check(run, object)
  end,
}

ops["limiter.release"] = {
  weight = 5, on = "limiter", is_calm = true, may_fail = true,
  make = function() return {} end,
  text = function(_, name) return name .. ":release()" end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    local is_holder = object.holders[task]
    if is_holder then give_back(object, task) end
    run:call(task, op, not is_holder and "InvalidStateError", nil,
      object.real.release, object.real)
    check(run, object)
  end,
}

ops["limiter.set_total"] = {
  weight = 2, on = "limiter", is_calm = true,
  numbers = { "total" },
  make = function(g) return { total = g.draw(4) - 1 } end,
  text = function(op, name)
    return ("%s:set_total(%d)"):format(name, op.total)
  end,
  run = function(run, task, op)
    local object = run.objects[op.on]
    object.total = op.total
    serve(object)
    run:call(task, op, nil, nil, object.real.set_total, object.real, op.total)
    check(run, object)
  end,
}

return limiter
