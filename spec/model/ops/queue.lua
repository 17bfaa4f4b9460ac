--- Queues: each item is got exactly once, in order, or is still there.
local queue = { ops = {}, objects = {} }

local ops, objects = queue.ops, queue.objects

-- -- Items -------------------------------------------------------------------

local item = {}

function item.__tostring(self)
  return ("item%d of rank %d"):format(self.id, self.rank)
end

local function new_item(op)
  return setmetatable({ id = op.id, rank = op.rank }, item)
end

local function goes_before(a, b) return a.rank < b.rank end

-- Where an item goes among those stored; the first is the next to be got.
local places = {
  fifo = function(items) return #items + 1 end,
  lifo = function() return 1 end,
  priority = function(items, new)
    local place = #items + 1
    while place > 1 and goes_before(new, items[place - 1]) do
      place = place - 1
    end
    return place
  end,
}

local orders = { "fifo", "lifo", "priority" }

local makers = {
  fifo = "queue", lifo = "lifo_queue", priority = "priority_queue",
}

-- -- The object --------------------------------------------------------------

local texts = {
  fifo = "weft.queue(%d)", lifo = "weft.lifo_queue(%d)",
  priority = "weft.priority_queue(%d, function(a, b) "
    .. "return a.rank < b.rank end)",
}

objects.queue = {
  numbers = { "max" },
  make = function(g)
    return { max = g.draw(4) - 1, order = g:one_of(orders) }
  end,
  text = function(spec) return texts[spec.order]:format(spec.max) end,
  new = function(run, spec)
    local make = run.api[makers[spec.order]]
    return {
      real = make(spec.max, spec.order == "priority" and goes_before or nil),
      place = places[spec.order],
      max = spec.max > 0 and spec.max or math.huge,
      items = {}, unfinished = 0, getters = {}, putters = {}, joiners = {},
    }
  end,
}

local function check_size(run, object)
  local size = object.real:size()
  run.world:check(size == #object.items,
    "a queue holds %d items, but by the rules %d", size, #object.items)
end

-- What is left is got in the order of the model.
function objects.queue.check(run, object)
  check_size(run, object)
  for _, expected in ipairs(object.items) do
    local ok, value = pcall(object.real.try_get, object.real)
    run.world:check(ok and value == expected,
      "%s is left in a queue, but by the rules %s", tostring(value),
      tostring(expected))
  end
end

-- -- The model ---------------------------------------------------------------

-- Gives the item to the first getter, or stores it [20.1].
local function deliver(run, object, new)
  object.unfinished = object.unfinished + 1
  local getter = run.world:take_first(object.getters)
  if getter then return run.world:grant(getter, new) end
  table.insert(object.items, object.place(object.items, new), new)
end

local function is_full(run, object)
  return #object.items >= object.max
    or run.world:count_waiting(object.putters) > 0
end

-- Takes the next item; the free place goes to the first putter's.
local function take(run, object)
  local first = table.remove(object.items, 1)
  local putter = run.world:take_first(object.putters)
  if putter then
    deliver(run, object, putter.item)
    run.world:grant(putter)
  end
  return first
end

local function finish(run, object, count)
  if count == 0 then return end
  object.unfinished = math.max(object.unfinished - count, 0)
  if object.unfinished > 0 then return end
  run.world:each_waiting(object.joiners, function(wait)
    run.world:grant(wait)
  end)
end

-- -- Operations --------------------------------------------------------------

-- What is calm does not wait, but may fail; the others may last.
local function queue_op(name, weight, is_calm, call)
  ops["queue." .. name] = {
    weight = weight, on = "queue", is_calm = is_calm, may_fail = is_calm,
    may_last = not is_calm,
    make = function() return {} end,
    text = function(_, label) return ("%s:%s()"):format(label, name) end,
    run = function(run, task, op)
      local object = run.objects[op.on]
      call(run, task, op, object, object.real)
      check_size(run, object)
    end,
  }
  return ops["queue." .. name]
end

local function put_op(name, weight, is_calm, call)
  local kind = queue_op(name, weight, is_calm, call)
  kind.numbers = { "rank" }
  kind.make = function(g) return { rank = g.draw(3) } end
  kind.text = function(op, label)
    return ("%s:%s { id = %d, rank = %d }"):format(label, name, op.id, op.rank)
  end
end

put_op("put", 10, false, function(run, task, op, object, real)
  local new = new_item(op)
  run:wait(task, op, function(wait)
    wait.item = new
    if object.is_shut then return run.world:refuse(wait, "QueueShutDown") end
    if is_full(run, object) then return table.insert(object.putters, wait) end
    deliver(run, object, new)
    run.world:grant(wait)
  end, real.put, real, new)
end)

put_op("try_put", 3, true, function(run, task, op, object, real)
  local new = new_item(op)
  local err = object.is_shut and "QueueShutDown"
    or is_full(run, object) and "QueueFull"
  if not err then deliver(run, object, new) end
  run:call(task, op, err, nil, real.try_put, real, new)
end)

queue_op("get", 10, false, function(run, task, op, object, real)
  run:wait(task, op, function(wait)
    if object.items[1] then
      return run.world:grant(wait, take(run, object))
    end
    if object.is_shut then return run.world:refuse(wait, "QueueShutDown") end
    table.insert(object.getters, wait)
  end, real.get, real)
end)

queue_op("try_get", 3, true, function(run, task, op, object, real)
  local err = not object.items[1]
    and (object.is_shut and "QueueShutDown" or "QueueEmpty")
  local expected = not err and take(run, object) or nil
  run:call(task, op, err, expected, real.try_get, real)
end)

queue_op("task_done", 3, true, function(run, task, op, object, real)
  local err = object.unfinished == 0 and "InvalidStateError"
  if not err then finish(run, object, 1) end
  run:call(task, op, err, nil, real.task_done, real)
end)

queue_op("join", 3, false, function(run, task, op, object, real)
  run:wait(task, op, function(wait)
    if object.unfinished == 0 then return run.world:grant(wait) end
    table.insert(object.joiners, wait)
  end, real.join, real)
end)

-- Ends the queue [20.5].
local function shut_down(run, object, immediate)
  object.is_shut = true
  local function refuse(wait) run.world:refuse(wait, "QueueShutDown") end
  run.world:each_waiting(object.putters, refuse)
  run.world:each_waiting(object.getters, refuse)
  if not immediate then return end
  local dropped = #object.items
  object.items = {}
  finish(run, object, dropped)
end

queue_op("shutdown", 1, true, function(run, task, op, object, real)
  shut_down(run, object, false)
  run:call(task, op, nil, nil, real.shutdown, real)
end)

queue_op("shutdown_now", 1, true, function(run, task, op, object, real)
  shut_down(run, object, true)
  run:call(task, op, nil, nil, real.shutdown, real, true)
end).text = function(_, label) return label .. ":shutdown(true)" end

return queue
